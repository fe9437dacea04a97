package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	helperDataDir = "LOCALPG_TEST_HELPER_DATADIR"
	helperReady   = "helper is ready"

	patience = 2 * time.Minute // for a machine with much else to do
)

// TestMain is also the program that the tests start, to kill it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDataDir); dir != "" {
		os.Exit(help(dir))
	}
	os.Exit(m.Run())
}

// help holds a cluster open until its standard input ends.
func help(dir string) int {
	cluster, err := Open(context.Background(), Config{DataDir: dir, Settings: lightSettings()})
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	fmt.Fprintln(os.Stdout, helperReady)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := cluster.Close(context.Background()); err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	return 0
}

// helper is another process that uses a data directory, in a process group of its own.
type helper struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

func startHelper(t *testing.T, dir string) *helper {
	t.Helper()
	executable, err := os.Executable()
	ok(t, err)
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), helperDataDir+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	ok(t, err)
	stdout, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	h := &helper{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	t.Cleanup(h.kill)
	return h
}

func (h *helper) awaitReady(t *testing.T) {
	t.Helper()
	line, err := h.stdout.ReadString('\n')
	if strings.TrimSpace(line) != helperReady {
		t.Fatalf("the helper says %q (%v)", line, err)
	}
}

// kill sends SIGKILL to the whole process group, as a terminal sends SIGINT.
func (h *helper) kill() {
	_ = syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
	_ = h.cmd.Wait()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-ticker.C:
		}
	}
}

func lightSettings() map[string]string {
	return map[string]string{"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
}

// newDataDir is a directory that the server's user can enter (t.TempDir is not, for root). It is removed at the end,
// by when no server may run there any more.
func newDataDir(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "localpg-") //nolint:usetesting // t.TempDir's is 0700, and long
	ok(t, err)
	ok(t, os.Chmod(base, 0o711))
	base, err = filepath.EvalSymlinks(base)
	ok(t, err)
	dir := filepath.Join(base, "data")
	t.Cleanup(func() {
		_ = filepath.WalkDir(base, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() && entry.Name() == clusterName {
				expectNoServer(t, path)
			}
			return nil
		})
		removeAll(t, base)
	})
	return dir
}

func removeAll(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for { // an initdb whose parent was killed may still be writing
		err := os.RemoveAll(dir)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Error(err)
			return
		}
	}
}

// expectNoServer fails the test if it left a server behind, and stops that.
func expectNoServer(t *testing.T, cluster string) {
	t.Helper()
	left, err := readPostmaster(cluster)
	if err != nil {
		t.Error(err)
	}
	if left.runs(context.Background(), cluster) {
		t.Errorf("a server still runs for %s", cluster)
		_ = syscall.Kill(left.pid, syscall.SIGQUIT)
	}
}

// testSystem keeps what lies elsewhere inside the test's own directory.
func testSystem(dir string) system {
	sys := thisSystem()
	sys.clustersDir = filepath.Join(filepath.Dir(dir), "clusters")
	return sys
}

func testConfig(t *testing.T, dir string) Config {
	t.Helper()
	return Config{DataDir: dir, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Settings: lightSettings()}
}

// mustOpen opens a data directory and closes it at the end of the test, at the latest.
func mustOpen(t *testing.T, dir string) *Cluster {
	t.Helper()
	return mustOpenWith(t, testConfig(t, dir), testSystem(dir))
}

func mustOpenWith(t *testing.T, cfg Config, sys system) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := open(ctx, cfg, sys)
	ok(t, err)
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// refused opens a data directory in vain and expects the reason to name all of this.
func refused(t *testing.T, cfg Config, sys system, words ...string) {
	t.Helper()
	_ = refusal(t, cfg, sys, words...)
}

// refusal is refused for those who want the error.
func refusal(t *testing.T, cfg Config, sys system, words ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := open(ctx, cfg, sys)
	if err == nil {
		ok(t, c.Close(ctx))
		t.Fatal("it was opened")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	return err
}

func query[T any](t *testing.T, c *Cluster, sql string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN())
	ok(t, err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	ok(t, err)
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	ok(t, err)
	return value
}

func execute(t *testing.T, c *Cluster, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN())
	ok(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	ok(t, err)
}

func serverPID(t *testing.T, c *Cluster) int {
	t.Helper()
	running, err := readPostmaster(c.dir)
	ok(t, err)
	if !running.runs(t.Context(), c.dir) {
		t.Fatal("no server runs")
	}
	return running.pid
}

func expectStopped(t *testing.T, c *Cluster) {
	t.Helper()
	running, err := readPostmaster(c.dir)
	ok(t, err)
	if running != nil {
		t.Errorf("the server %d was not stopped in order", running.pid)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
