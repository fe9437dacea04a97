package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	port       = "5432" // a part of the socket's name and nothing else: there is no TCP
	socketName = ".s.PGSQL." + port
)

// maxSocketPath is what sockaddr_un.sun_path holds, less the final NUL.
func maxSocketPath() int {
	if runtime.GOOS == "darwin" {
		return 103
	}
	return 107
}

func fitsSocket(dir string) bool {
	// The server and its clients both take a list of directories, in which a comma parts and quotes quote.
	return len(filepath.Join(dir, socketName)) <= maxSocketPath() && !strings.ContainsAny(dir, `,"'`)
}

// socketDirectory sees to the directory for the server's socket: beside the cluster if the path is short enough, and
// else in the temp directory, where anybody may have been before us.
func (s system) socketDirectory(ctx context.Context, place location, owner account) (string, error) {
	dir := place.sockets()
	if !fitsSocket(dir) {
		var err error
		if dir, err = s.shortSocketDirectory(ctx, place, owner); err != nil {
			return "", err
		}
	}
	if err := owner.privateDirectory(dir); err != nil {
		return "", fmt.Errorf("prepare the directory for the server's socket: %w", err)
	}
	// No server of ours runs, so these are left over from one that was killed. PostgreSQL would refuse to start if the
	// process id in the lock file has a new owner by now.
	for _, name := range []string{socketName, socketName + ".lock"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("remove a socket of an earlier server: %w", err)
		}
	}
	return dir, nil
}

func (s system) shortSocketDirectory(ctx context.Context, place location, owner account) (string, error) {
	name := fmt.Sprintf("orderbridge-%d-%s", owner.uid, shortHash(place.cluster()))
	for _, temp := range []string{s.tempDir, "/tmp"} {
		dir := filepath.Join(temp, name)
		if !fitsSocket(dir) {
			continue
		}
		if ok, err := owner.canEnter(ctx, temp); err != nil {
			return "", err
		} else if ok {
			return dir, nil
		}
	}
	return "", fmt.Errorf("find a directory for the server's socket: the path of %s is longer than the %d bytes that a socket may have, "+
		"and neither %s nor /tmp can be used instead", place.sockets(), maxSocketPath(), s.tempDir)
}
