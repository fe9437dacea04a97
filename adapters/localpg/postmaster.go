package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what the server says about itself in postmaster.pid.
type postmaster struct {
	pid    int
	port   string
	socket string // directory
	status string // "starting", "ready", "stopping", "standby"; empty very early
}

// Where postmaster.pid says what, as in PostgreSQL's src/include/utils/pidfile.h.
const (
	pidLine    = 0
	portLine   = 3
	socketLine = 4
	statusLine = 7
)

// readPostmaster returns nil when no server runs and none was killed.
func readPostmaster(cluster string) (*postmaster, error) {
	raw, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no file, no server
	}
	if err != nil {
		return nil, fmt.Errorf("read postmaster.pid: %w", err)
	}
	lines := strings.Split(string(raw), "\n")
	line := func(n int) string {
		if n >= len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[n])
	}
	pid, _ := strconv.Atoi(line(pidLine)) // the file is created first and filled then: 0 is "not yet known"
	if pid < 0 {
		pid = -pid // a server in single-user mode
	}
	return &postmaster{pid: pid, port: line(portLine), socket: line(socketLine), status: line(statusLine)}, nil
}

// runs says whether the process is there and is a server of this cluster. After a crash, and more so after a restart
// of a container, the process id may belong to anybody.
func (p *postmaster) runs(ctx context.Context, cluster string) bool {
	if p == nil || p.pid == 0 {
		return false
	}
	if err := syscall.Kill(p.pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return servesCluster(ctx, p.pid, cluster)
}

// servesCluster errs on the side of yes: two servers on one cluster would destroy it.
func servesCluster(ctx context.Context, pid int, cluster string) bool {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		return servesClusterByPS(ctx, pid, cluster)
	}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) // just ended, or hidden from us
	}
	args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00") // of a zombie: nothing
	if name := filepath.Base(args[0]); name != "postgres" && name != "postmaster" {
		return false // also the servers' children, which call themselves "postgres: checkpointer" and the like
	}
	for i, arg := range args[1:] {
		dir, ok := strings.CutPrefix(arg, "-D")
		if !ok {
			continue
		}
		if dir == "" && i+2 < len(args) {
			dir = args[i+2]
		}
		if !filepath.IsAbs(dir) {
			return true
		}
		theirs, err := os.Stat(dir)
		if err != nil {
			return false // our cluster can be seen, so it is another one
		}
		ours, err := os.Stat(cluster)
		return err != nil || os.SameFile(theirs, ours)
	}
	return true
}

// servesClusterByPS is for systems without /proc.
func servesClusterByPS(ctx context.Context, pid int, cluster string) bool {
	output, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	command := string(output)
	if !strings.Contains(command, "postgres") && !strings.Contains(command, "postmaster") {
		return false
	}
	return !strings.Contains(command, " -D ") || strings.Contains(command, cluster)
}

// answers says whether somebody listens on the socket that postmaster.pid names. Only a living server does: its
// children close that socket.
func (p *postmaster) answers(ctx context.Context) bool {
	if p == nil || p.socket == "" {
		return false
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(p.socket, ".s.PGSQL."+p.port))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// accepts says whether the server is past its start (and a possible recovery) and not yet on its way out.
func (p *postmaster) accepts() bool {
	return p.socket != "" && (p.status == "ready" || p.status == "standby")
}
