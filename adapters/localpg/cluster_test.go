package localpg

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("StartsAServerAndStopsIt", func(t *testing.T) {
		t.Parallel()
		c := mustOpen(t, newDataDir(t))

		for _, check := range []struct{ setting, want string }{
			{"server_encoding", "UTF8"},
			{"data_checksums", "on"},
			{"listen_addresses", ""},
			{"unix_socket_permissions", "0700"},
			{"wal_level", "replica"},
			{"synchronous_commit", "on"},
			{"jit", "off"},
			{"TimeZone", "UTC"},
			{"lc_messages", "C"},
			{"max_connections", "20"}, // by Settings
		} {
			if got := query[string](t, c, "SELECT current_setting('"+check.setting+"')"); got != check.want {
				t.Errorf("%s is %q, not %q", check.setting, got, check.want)
			}
		}
		if got := query[string](t, c, "SELECT current_user || '@' || current_database()"); got != c.User()+"@"+c.Database() {
			t.Errorf("connected as %s", got)
		}
		if c.programs.major >= 17 || exists("/usr/lib/locale/C.utf8") { // elsewhere the last resort knows ASCII only
			if got := query[string](t, c, "SELECT lower('ĐƯỜNG')"); got != "đường" {
				t.Errorf("the lower case of ĐƯỜNG is %s", got)
			}
		}

		ok(t, c.Close(t.Context()))
		expectStopped(t, c)
		ok(t, c.Close(t.Context())) // and once more does nothing
	})

	t.Run("IsDurableUnlessToldOtherwise", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t, newDataDir(t))
		cfg.Settings = nil
		c := mustOpenWith(t, cfg, testSystem(cfg.DataDir))
		if got := query[string](t, c, "SELECT concat_ws(' ', current_setting('fsync'), current_setting('shared_buffers'), "+
			"current_setting('max_connections'))"); got != "on 256MB 100" {
			t.Errorf("fsync, shared_buffers, max_connections are %s", got)
		}
	})

	t.Run("KeepsDataOverARestart", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		first := mustOpen(t, dir)
		execute(t, first, "CREATE TABLE kept AS SELECT 42 AS answer")
		ok(t, first.Close(t.Context()))

		if got := query[int](t, mustOpen(t, dir), "SELECT answer FROM kept"); got != 42 {
			t.Errorf("kept %d", got)
		}
	})

	t.Run("LetsOthersJoinAndTheLastOneOutStopsTheServer", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		first := mustOpen(t, dir)
		pid := serverPID(t, first)
		second := mustOpen(t, dir)
		other := startHelper(t, dir)
		other.awaitReady(t)

		ok(t, first.Close(t.Context()))
		ok(t, second.Close(t.Context()))
		if now := serverPID(t, second); now != pid { // the other process still uses it
			t.Errorf("server %d became %d", pid, now)
		}
		ok(t, other.stdin.Close())
		ok(t, other.cmd.Wait())
		expectStopped(t, first)
	})

	t.Run("TwoAtOnceOnAnEmptyDirectoryShareOneServer", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		const n = 4
		var opened [n]*Cluster
		var group sync.WaitGroup
		begin := make(chan struct{})
		for i := range n {
			group.Go(func() {
				<-begin
				c, err := open(t.Context(), testConfig(t, dir), testSystem(dir))
				if err != nil {
					t.Error(err)
					return
				}
				opened[i] = c
			})
		}
		close(begin)
		group.Wait()
		if t.Failed() {
			return
		}
		for _, c := range opened {
			if c.DSN() != opened[0].DSN() {
				t.Errorf("%s is not %s", c.DSN(), opened[0].DSN())
			}
			group.Go(func() {
				if err := c.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		expectStopped(t, opened[0])
	})

	t.Run("RefusesSettingsThatItsPromisesRestOn", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		for _, settings := range []map[string]string{
			{"listen_addresses": "*"}, {"unix_socket_directories": "/tmp"}, {"work_mem -c port": "1"}, {"work_mem": "1MB\nport=1"},
		} {
			cfg := testConfig(t, dir)
			cfg.Settings = settings
			refused(t, cfg, testSystem(dir), "server setting")
		}
	})

	t.Run("TakesSettingsAsTheyAre", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t, newDataDir(t))
		cfg.Settings["orderbridge.note"] = `it's $HOME; "quoted" \ `
		c := mustOpenWith(t, cfg, testSystem(cfg.DataDir))
		if got := query[string](t, c, "SHOW orderbridge.note"); got != cfg.Settings["orderbridge.note"] {
			t.Errorf("the setting became %q", got)
		}
	})

	t.Run("CreatesTheDatabaseAgainWhenItWasDropped", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		c := mustOpen(t, dir)
		_, err := c.owner.run(t.Context(), nil, c.programs.program("psql"), "-X", "-h", c.Host(), "-U", c.User(), "-d", "postgres",
			"-c", "DROP DATABASE "+c.Database())
		ok(t, err)
		query[int](t, mustOpen(t, dir), "SELECT 1")
	})

	t.Run("ReportsTheLogOfAStartThatWentWrong", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		cfg := testConfig(t, dir)
		cfg.Settings["shared_preload_libraries"] = "no_such_library"
		refused(t, cfg, testSystem(dir), "start PostgreSQL", "postgres.log", `could not access file "no_such_library"`)

		cfg.Settings = lightSettings()
		mustOpenWith(t, cfg, testSystem(dir)) // and that did no harm
	})

	t.Run("TellsTheServerNothingOfOurSecrets", func(t *testing.T) {
		t.Parallel()
		env := strings.Join(account{home: "/"}.environment(), "\n")
		for _, name := range []string{"PGHOST", "NOTIFY_SOCKET", helperDataDir} {
			if strings.Contains(env, name+"=") {
				t.Errorf("%s is passed on", name)
			}
		}
	})
}

func TestCrash(t *testing.T) {
	t.Parallel()

	t.Run("OfTheServerIsSurvived", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		first := mustOpen(t, dir)
		execute(t, first, "CREATE TABLE kept AS SELECT 42 AS answer")
		killed := serverPID(t, first)
		ok(t, syscall.Kill(killed, syscall.SIGKILL))
		eventually(t, "the server is gone", func() bool {
			running, err := readPostmaster(first.dir)
			return err == nil && !running.runs(t.Context(), first.dir)
		})

		second := mustOpen(t, dir)
		if now := serverPID(t, second); now == killed {
			t.Errorf("server %d lives on", now)
		}
		if got := query[int](t, second, "SELECT answer FROM kept"); got != 42 {
			t.Errorf("kept %d", got)
		}
		ok(t, second.Close(t.Context()))
		serverPID(t, first) // who never left
		ok(t, first.Close(t.Context()))
		expectStopped(t, first)
	})

	t.Run("OfTheServerWaitsForItsBusyChildren", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		first := mustOpen(t, dir)
		busy, err := pgx.Connect(t.Context(), first.DSN())
		ok(t, err)
		defer busy.Close(context.Background())
		_, err = busy.Exec(t.Context(), "SET statement_timeout = '2s'")
		ok(t, err)
		ended := make(chan error, 1)
		go func() {
			// Computing, it does not notice that the server is gone.
			_, err := busy.Exec(context.Background(), "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) AS endless")
			ended <- err
		}()
		eventually(t, "the query runs", func() bool {
			return query[bool](t, first, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%AS endless')")
		})
		ok(t, syscall.Kill(serverPID(t, first), syscall.SIGKILL))
		query[int](t, mustOpen(t, dir), "SELECT 1")
		if err := <-ended; err == nil {
			t.Error("the query lives on")
		}
	})

	t.Run("OfTheServerDoesNotStopClose", func(t *testing.T) {
		t.Parallel()
		c := mustOpen(t, newDataDir(t))
		ok(t, syscall.Kill(serverPID(t, c), syscall.SIGKILL))
		eventually(t, "the server is gone", func() bool {
			running, err := readPostmaster(c.dir)
			return err == nil && !running.runs(t.Context(), c.dir)
		})
		ok(t, c.Close(t.Context()))
	})

	t.Run("LeavesAProcessIDThatSomebodyElseHasNow", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		c := mustOpen(t, dir)
		path := filepath.Join(c.dir, "postmaster.pid")
		before, err := os.ReadFile(path)
		ok(t, err)
		ok(t, c.Close(t.Context()))

		// A process of the same user, alive to the end of the test: to PostgreSQL that is a running server.
		bystander := startBystander(t, c.owner)
		_, rest, _ := strings.Cut(string(before), "\n")
		ok(t, os.WriteFile(path, []byte(strconv.Itoa(bystander)+"\n"+rest), 0o600))
		ok(t, os.Lchown(path, c.owner.uid, c.owner.gid))

		second := mustOpen(t, dir)
		query[int](t, second, "SELECT 1")
		ok(t, second.Close(t.Context()))
		ok(t, syscall.Kill(bystander, 0))
	})

	t.Run("WhileTheServerMadeItsLockIsSurvived", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		c := mustOpen(t, dir)
		ok(t, c.Close(t.Context()))
		path := filepath.Join(c.dir, "postmaster.pid")
		ok(t, os.WriteFile(path, nil, 0o600))
		ok(t, os.Lchown(path, c.owner.uid, c.owner.gid))
		query[int](t, mustOpen(t, dir), "SELECT 1")
	})

	t.Run("OfTheOwnerLeavesAServerToRejoin", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		owner := startHelper(t, dir)
		owner.awaitReady(t)
		place := location{dataDir: dir, home: dir}
		running, err := readPostmaster(place.cluster())
		ok(t, err)

		// The server is in another process group and session, so what a terminal sends to ours does not reach it.
		group, err := syscall.Getpgid(running.pid)
		ok(t, err)
		if group == owner.cmd.Process.Pid || group == syscall.Getpgrp() {
			t.Error("the server is in its owner's process group")
		}
		owner.kill()

		c := mustOpen(t, dir)
		if now := serverPID(t, c); now != running.pid {
			t.Errorf("server %d became %d", running.pid, now)
		}
		query[int](t, c, "SELECT 1")
		ok(t, c.Close(t.Context()))
		expectStopped(t, c)
	})
}

func TestInitialise(t *testing.T) {
	t.Parallel()

	unfinished := func(t *testing.T, dir string) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, unfinishedPrefix+"*"))
		ok(t, err)
		return found
	}

	t.Run("KilledHalfWayIsBegunAgain", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		owner := startHelper(t, dir)
		eventually(t, "initdb is at work", func() bool { return len(unfinished(t, dir)) > 0 })
		owner.kill()
		query[int](t, mustOpen(t, dir), "SELECT 1")
	})

	t.Run("LeftoversAreRemoved", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		leftover := filepath.Join(dir, unfinishedPrefix+"123")
		ok(t, os.MkdirAll(filepath.Join(leftover, "base"), 0o700))
		ok(t, os.Chmod(dir, 0o711))
		ok(t, os.WriteFile(filepath.Join(leftover, "PG_VERSION"), []byte("15\n"), 0o600))
		mustOpen(t, dir)
		if exists(leftover) {
			t.Error("the leftover is still there")
		}
	})

	t.Run("CancelledLeavesNothing", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := open(ctx, testConfig(t, dir), testSystem(dir))
			done <- err
		}()
		eventually(t, "initdb is at work", func() bool { return len(unfinished(t, dir)) > 0 })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		if left := unfinished(t, dir); len(left) > 0 || exists(filepath.Join(dir, clusterName)) {
			t.Errorf("left %v", left)
		}
	})

	t.Run("WithoutTheLocaleTakesAnother", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		sys := testSystem(dir)
		sys.locales = func(int) [][]string { return [][]string{{"--locale=xx_XX.UTF-8"}, {"--locale=C"}} }
		c := mustOpenWith(t, testConfig(t, dir), sys)
		if got := query[string](t, c, "SELECT current_setting('lc_ctype') || ' ' || current_setting('server_encoding')"); got != "C UTF8" {
			t.Errorf("lc_ctype and encoding are %s", got)
		}
	})

	t.Run("NeverTouchesWhatItDoesNotKnow", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		precious := filepath.Join(dir, clusterName, "precious")
		ok(t, os.MkdirAll(filepath.Dir(precious), 0o700))
		ok(t, os.WriteFile(precious, []byte("data"), 0o600))
		refused(t, testConfig(t, dir), testSystem(dir), "neither empty nor a PostgreSQL cluster")
		if !exists(precious) {
			t.Error("it is gone")
		}
	})

	t.Run("TakesAnEmptyDirectoryForTheCluster", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		ok(t, os.MkdirAll(filepath.Join(dir, clusterName), 0o755))
		ok(t, os.Chmod(dir, 0o711))
		mustOpen(t, dir)
	})

	t.Run("TakesNoLinkThatLeadsNowhere", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		ok(t, os.MkdirAll(dir, 0o711))
		ok(t, os.Symlink(filepath.Join(dir, "unmounted"), filepath.Join(dir, clusterName)))
		err := refusal(t, testConfig(t, dir), testSystem(dir), "look into the cluster")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestCancelledStartLeavesNoServer(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t)
	made := mustOpen(t, dir)
	ok(t, made.Close(t.Context()))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type result struct {
		cluster *Cluster
		err     error
	}
	done := make(chan result, 1)
	go func() {
		c, err := open(ctx, testConfig(t, dir), testSystem(dir))
		done <- result{c, err}
	}()
	eventually(t, "the server is on its way", func() bool { return exists(filepath.Join(made.dir, "postmaster.pid")) })
	cancel()
	opened := <-done
	if opened.err == nil { // it was faster
		ok(t, opened.cluster.Close(t.Context()))
	} else if !errors.Is(opened.err, context.Canceled) {
		t.Errorf("the error is %v", opened.err)
	}
	eventually(t, "the server is gone", func() bool {
		running, err := readPostmaster(made.dir)
		return err == nil && !running.runs(t.Context(), made.dir)
	})
	mustOpen(t, dir)
}

func TestCancelledWhileOthersAreBusy(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t)
	c := mustOpen(t, dir)

	// Somebody is busy starting or stopping, and stays so.
	busy, err := acquireLock(t.Context(), c.place.startLock(), syscall.LOCK_EX, c.owner)
	ok(t, err)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := open(ctx, testConfig(t, dir), testSystem(dir)); !errors.Is(err, reason) && !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if err := c.Close(ctx); !errors.Is(err, reason) {
		t.Errorf("Close: %v", err)
	}
	busy.release()

	serverPID(t, c) // nobody stopped it
	mustOpen(t, dir)
}

func TestRootWithoutServerUser(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t)
	sys := testSystem(dir)
	sys.lookupUser = func(name string) (*user.User, error) { return nil, user.UnknownUserError(name) }
	if os.Geteuid() == 0 {
		refused(t, testConfig(t, dir), sys, "runs as root", `no user "postgres"`, "useradd", "ordinary user")
		return
	}
	c := mustOpenWith(t, testConfig(t, dir), sys) // who needs nobody else
	if c.owner.foreign() {
		t.Errorf("the server runs as %s", c.owner.name)
	}
}

func TestServerRunsAsItsOwnUser(t *testing.T) {
	t.Parallel()
	c := mustOpen(t, newDataDir(t))
	for _, path := range []string{c.dir, c.Host(), c.place.log(), c.place.startLock(), c.place.usersLock()} {
		info, err := os.Stat(path)
		ok(t, err)
		uid, _ := ownerOf(info)
		if uid != c.owner.uid || uid == 0 || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s and owner %s", path, info.Mode(), nameOf(uid))
		}
	}
}

// startBystander starts a process of the account that has nothing to do with PostgreSQL.
func startBystander(t *testing.T, owner account) int {
	t.Helper()
	cmd := exec.Command("/bin/cat")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner.credential}
	stdin, err := cmd.StdinPipe()
	ok(t, err)
	ok(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}
