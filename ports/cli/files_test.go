package cli_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"orderbridge/ports/cli"
)

// soon is how long a test waits for what needs no time.
const soon = 20 * time.Second

// within runs a command that must not wait for anything.
func (b *testBundle) within(ctx context.Context, args ...string) result {
	b.t.Helper()
	done := make(chan result, 1)
	go func() { done <- b.runIn(ctx, args...) }()
	select {
	case got := <-done:
		return got
	case <-time.After(soon):
		b.t.Fatalf("%q waits", args)
		return result{}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, secret := filepath.Join(dir, "pipe"), filepath.Join(dir, "secret.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("Mai\n"), 0o200); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // behind the tests that run in parallel
	files := map[string]string{
		pipe: "this is a pipe; send what comes out of it to standard input, and give -", dir: "this is a folder; give a file that is in it",
		os.DevNull: "this is no file but a device", socket: "this is no file but a device",
		filepath.Join(dir, "nowhere.csv"): "no such file",
	}
	if os.Geteuid() != 0 { // who may read everything
		files[secret] = "permission denied"
	}
	for _, command := range [][]string{{"user", "import"}, {"customer", "import"}, {"interpret"}} {
		for file, says := range files {
			if command[0] == "interpret" && strings.HasSuffix(file, "nowhere.csv") {
				continue // it might be an id
			}
			t.Run(strings.Join(command, " ")+" "+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				got := setup(t).within(t.Context(), append(command, file)...).exits(cli.ExitRefused)
				if !strings.HasPrefix(got.stderr, "orderbridge: ") || !strings.Contains(got.stderr, says) || strings.Count(got.stderr, "\n") != 1 {
					t.Errorf("told %s, want %s", got.stderr, says)
				}
			})
		}
	}
}

// TestPipesThatTheShellOpened reads what <(…) in a shell stands for.
func TestPipesThatTheShellOpened(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	reads, writes, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	go func() {
		_, _ = writes.WriteString("Mai\nHuy\n")
		writes.Close()
	}()
	bundle.within(t.Context(), "user", "import", fmt.Sprintf("/dev/fd/%d", reads.Fd()), "--dry-run").exits(cli.ExitDone).
		prints("2 users would be added, 0 were there already.\nNAME  PHONE  EMAIL\nMai   -      -\nHuy   -      -\n", "")
}

// TestInterruptsAreObeyedWhileAPipeIsRead lets nobody ever write to a pipe.
func TestInterruptsAreObeyedWhileAPipeIsRead(t *testing.T) {
	t.Parallel()
	reads, writes, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	defer writes.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	setup(t).within(ctx, "customer", "import", fmt.Sprintf("/dev/fd/%d", reads.Fd())).exits(cli.ExitInterrupted).prints("", "orderbridge: interrupted\n")
}
