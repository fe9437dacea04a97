package localpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	clusterName  = "postgres"
	pointerName  = "postgres.location"
	originName   = "origin"
	rootDataDir  = "/var/lib/orderbridge"
	rootClusters = rootDataDir + "/clusters"
)

// DefaultDataDir is the data directory of a user who names none: /var/lib/orderbridge for root, and otherwise what the
// XDG base directory specification says.
func DefaultDataDir(getenv func(string) string, uid int, home string) string {
	if uid == 0 {
		return rootDataDir
	}
	if data := getenv("XDG_DATA_HOME"); filepath.IsAbs(data) { // the specification: a relative one is to be ignored
		return filepath.Join(data, "orderbridge")
	}
	return filepath.Join(home, ".local", "share", "orderbridge")
}

// location is where a data directory's cluster and all that belongs to it lies.
type location struct {
	dataDir string // Orderbridge's
	home    string // the same, or the directory elsewhere that stands in for it
}

func (l location) elsewhere() bool     { return l.home != l.dataDir }
func (l location) log() string         { return filepath.Join(l.home, "postgres.log") }
func (l location) startLock() string   { return filepath.Join(l.home, "start.lock") }
func (l location) usersLock() string   { return filepath.Join(l.home, "users.lock") }
func (l location) sockets() string     { return filepath.Join(l.home, "run") }
func (l location) pointerFile() string { return filepath.Join(l.dataDir, pointerName) }
func (l location) originFile() string  { return filepath.Join(l.home, originName) }

// cluster is the cluster's directory itself. An operator may have put it on another disk, behind a link; whatever is
// made or renamed beside it must be on that disk too.
func (l location) cluster() string {
	path := filepath.Join(l.home, clusterName)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// hasCluster says whether the cluster is there. What is neither a cluster nor an empty place for one is an error:
// data that we do not understand is still data.
func (l location) hasCluster() (bool, error) {
	path := filepath.Join(l.home, clusterName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("look for the cluster: %w", err)
	}
	if _, err := os.Stat(filepath.Join(path, "PG_VERSION")); err == nil {
		return true, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look into the cluster (does it belong to another user?): %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil { // also a link that leads nowhere: a disk that is not mounted must not become an empty database
		return false, fmt.Errorf("look into the cluster: %w", err)
	}
	if len(entries) > 0 {
		return false, fmt.Errorf("%s is neither empty nor a PostgreSQL cluster (it has no file PG_VERSION): "+
			"restore it, or move it away to start with an empty database", path)
	}
	return false, nil
}

// locate finds the cluster of a data directory, or decides where a new one goes.
func (s system) locate(ctx context.Context, dataDir string) (location, error) {
	here := location{dataDir: dataDir, home: dataDir}
	pointed, err := here.readPointer()
	if err != nil {
		return location{}, err
	}
	if pointed != "" {
		place := location{dataDir: dataDir, home: pointed}
		if exists, err := place.hasCluster(); err != nil {
			return location{}, fmt.Errorf("follow %s: %w", here.pointerFile(), err)
		} else if !exists {
			return location{}, fmt.Errorf("%s says that the database is in %s, but there is no cluster there: "+
				"bring it back, or, to start with an empty database, remove that file", here.pointerFile(), pointed)
		}
		return place, nil
	}

	if exists, err := here.hasCluster(); err != nil {
		return location{}, err
	} else if exists {
		return here, s.checkEntrance(ctx, here)
	}
	if s.uid != 0 {
		return here, nil
	}

	// Made elsewhere, and killed before saying so in postgres.location, or that file was lost.
	there := location{dataDir: dataDir, home: filepath.Join(s.clustersDir, shortHash(dataDir))}
	if exists, err := there.hasCluster(); err != nil {
		return location{}, err
	} else if exists {
		return there, there.checkOrigin()
	}

	owner, err := s.defaultAccount()
	if err != nil {
		return location{}, err
	}
	if ok, err := owner.canEnter(ctx, dataDir); err != nil {
		return location{}, err
	} else if ok {
		return here, nil
	}
	if err := makePath(there.home, passThrough); err != nil {
		return location{}, fmt.Errorf("make a place for the cluster: %w", err)
	}
	if ok, err := owner.canEnter(ctx, there.home); err != nil {
		return location{}, err
	} else if !ok {
		return location{}, fmt.Errorf("user %s, who runs PostgreSQL, can enter neither %s nor %s: "+
			"choose a data directory that this user can enter", owner.name, dataDir, there.home)
	}
	if err := writeWhole(there.originFile(), dataDir+"\n"); err != nil {
		return location{}, fmt.Errorf("note whose cluster it is: %w", err)
	}
	return there, nil
}

// checkEntrance refuses a cluster that is there, but that its user can no longer reach.
func (s system) checkEntrance(ctx context.Context, place location) error {
	if s.uid != 0 {
		return nil
	}
	owner, err := s.accountFor(place.cluster())
	if err != nil {
		return err
	}
	if ok, err := owner.canEnter(ctx, place.cluster()); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("user %s, who runs PostgreSQL, cannot enter the cluster in %s: "+
			"let that user pass through the directories above it (chmod o+x)", owner.name, place.cluster())
	}
	return nil
}

func (l location) readPointer() (string, error) {
	raw, err := os.ReadFile(l.pointerFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read where the cluster is: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !filepath.IsAbs(line) {
			return "", fmt.Errorf("read where the cluster is: %s does not hold an absolute path: %q", l.pointerFile(), line)
		}
		return filepath.Clean(line), nil
	}
	return "", fmt.Errorf("read where the cluster is: %s holds no path", l.pointerFile())
}

// writePointer comes after the cluster is complete: a pointer to nothing is an error for ever after.
func (l location) writePointer() error {
	if _, err := os.Lstat(l.pointerFile()); err == nil {
		return nil
	}
	text := "# The database of this data directory is in the directory below, because the user who runs the PostgreSQL\n" +
		"# server cannot enter this one. Keep this file, and include that directory in your backups.\n" + l.home + "\n"
	if err := writeWhole(l.pointerFile(), text); err != nil {
		return fmt.Errorf("note where the cluster is: %w", err)
	}
	return nil
}

// passThrough is for directories of root's that the server's user crosses on the way to its own.
const passThrough fs.FileMode = 0o711

// makePath is os.MkdirAll with a mode that a strict umask does not change.
func makePath(path string, mode fs.FileMode) error {
	var missing []string
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, dir)
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	for _, dir := range missing {
		if err := os.Chmod(dir, mode); err != nil {
			return err
		}
	}
	return nil
}

func (l location) checkOrigin() error {
	raw, err := os.ReadFile(l.originFile())
	if err != nil {
		return fmt.Errorf("read whose cluster is in %s: %w", l.home, err)
	}
	if origin := strings.TrimSpace(string(raw)); origin != l.dataDir {
		return fmt.Errorf("the cluster in %s belongs to the data directory %s, not to %s", l.home, origin, l.dataDir)
	}
	return nil
}

// writeWhole writes a small file that is there completely or not at all, also after a power cut.
func writeWhole(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// checkPath refuses what pg_ctl would hand to a shell unquoted.
func checkPath(path string) error {
	if strings.ContainsAny(path, "\"$`\\\n\r") {
		return fmt.Errorf("the path %q has a character that PostgreSQL's pg_ctl cannot take (one of \" $ ` \\ or a line break): "+
			"choose another data directory", path)
	}
	return nil
}
