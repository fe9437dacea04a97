package localpg

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestDefaultDataDir(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, xdg string
		uid       int
		want      string
	}{
		{"root has the system's place", "/data", 0, "/var/lib/orderbridge"},
		{"a user may say where data goes", "/data", 1000, "/data/orderbridge"},
		{"a relative place is no place", "data", 1000, "/home/an/.local/share/orderbridge"},
		{"a user who says nothing", "", 1000, "/home/an/.local/share/orderbridge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			getenv := func(name string) string { return map[string]string{"XDG_DATA_HOME": test.xdg}[name] }
			if got := DefaultDataDir(getenv, test.uid, "/home/an"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()

	// closed is a data directory under one that only its owner can enter, like /root.
	closed := func(t *testing.T) string {
		t.Helper()
		parent := filepath.Join(filepath.Dir(newDataDir(t)), "closed")
		ok(t, os.Mkdir(parent, 0o700))
		return filepath.Join(parent, "data")
	}
	system := func(dir string) system {
		sys := thisSystem()
		sys.clustersDir = filepath.Join(filepath.Dir(filepath.Dir(dir)), "clusters")
		return sys
	}

	t.Run("IsElsewhereWhereTheServersUserCannotEnter", func(t *testing.T) {
		t.Parallel()
		dir := closed(t)
		cfg, sys := testConfig(t, dir), system(dir)
		first := mustOpenWith(t, cfg, sys)
		execute(t, first, "CREATE TABLE kept AS SELECT 42 AS answer")
		pointer := filepath.Join(dir, pointerName)

		if os.Geteuid() != 0 { // we are the server's user, and can enter
			if first.place.elsewhere() || exists(pointer) || exists(sys.clustersDir) {
				t.Errorf("the cluster is in %s", first.dir)
			}
			return
		}
		if !strings.HasPrefix(first.dir, sys.clustersDir+"/") || exists(filepath.Join(dir, clusterName)) {
			t.Errorf("the cluster is in %s", first.dir)
		}
		second := mustOpenWith(t, cfg, sys)
		if second.DSN() != first.DSN() {
			t.Errorf("%s is not %s", second.DSN(), first.DSN())
		}
		ok(t, first.Close(t.Context()))
		ok(t, second.Close(t.Context()))
		expectStopped(t, first)

		// As if killed before the pointer was written: the cluster is found again.
		ok(t, os.Remove(pointer))
		third := mustOpenWith(t, cfg, sys)
		if got := query[int](t, third, "SELECT answer FROM kept"); got != 42 {
			t.Errorf("kept %d", got)
		}
		ok(t, third.Close(t.Context()))

		// The pointer counts, even once the data directory can be entered.
		ok(t, os.Chmod(filepath.Dir(dir), 0o711))
		fourth := mustOpenWith(t, cfg, sys)
		if fourth.dir != first.dir {
			t.Errorf("the cluster moved to %s", fourth.dir)
		}
		ok(t, fourth.Close(t.Context()))

		// What it points to has gone: an error, and nothing new.
		ok(t, os.Rename(sys.clustersDir, sys.clustersDir+".away"))
		refused(t, cfg, sys, pointer, "there is no cluster there")
		if exists(sys.clustersDir) || exists(filepath.Join(dir, clusterName)) {
			t.Error("something was made in its place")
		}
	})

	t.Run("FollowsAPointerWhoeverWroteIt", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		moved := filepath.Join(filepath.Dir(dir), "moved")
		first := mustOpen(t, dir)
		execute(t, first, "CREATE TABLE kept AS SELECT 42 AS answer")
		ok(t, first.Close(t.Context()))

		ok(t, os.Mkdir(moved, 0o711))
		ok(t, os.Rename(filepath.Join(dir, clusterName), filepath.Join(moved, clusterName)))
		ok(t, os.WriteFile(filepath.Join(dir, pointerName), []byte("# moved\n"+moved+"\n"), 0o600))
		second := mustOpen(t, dir)
		if got := query[int](t, second, "SELECT answer FROM kept"); got != 42 {
			t.Errorf("kept %d", got)
		}
		if !exists(filepath.Join(moved, "postgres.log")) {
			t.Error("the log is not beside the cluster")
		}
	})

	t.Run("RefusesAPointerThatIsNone", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"", "# nothing\n", "somewhere\n"} {
			dir := newDataDir(t)
			ok(t, os.MkdirAll(dir, 0o711))
			ok(t, os.WriteFile(filepath.Join(dir, pointerName), []byte(text), 0o600))
			refused(t, testConfig(t, dir), testSystem(dir), "read where the cluster is", pointerName)
		}
	})

	t.Run("RefusesAClusterThatItsUserCanNoLongerReach", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		first := mustOpen(t, dir)
		ok(t, first.Close(t.Context()))
		if os.Geteuid() == 0 {
			ok(t, os.Chmod(dir, 0o700))
			refused(t, testConfig(t, dir), testSystem(dir), "cannot enter the cluster", "chmod o+x")
			ok(t, os.Lchown(first.dir, 0, 0))
			refused(t, testConfig(t, dir), testSystem(dir), "belongs to root", "chown")
			return
		}
		ok(t, os.Chmod(first.dir, 0))
		refused(t, testConfig(t, dir), testSystem(dir), "look into the cluster", "permission denied")
		ok(t, os.Chmod(first.dir, 0o700))
	})

	t.Run("RefusesAPathThatPgCtlCannotTake", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(newDataDir(t), "$(id)")
		refused(t, testConfig(t, dir), testSystem(dir), "choose another data directory")
	})
}

func TestSocketDirectory(t *testing.T) {
	t.Parallel()

	inTemp := func(t *testing.T, name string) {
		t.Helper()
		dir := filepath.Join(newDataDir(t), name)
		ok(t, os.MkdirAll(dir, 0o711))
		c := mustOpen(t, dir)
		query[int](t, c, "SELECT 1")
		if filepath.Dir(c.Host()) != filepath.Clean(os.TempDir()) {
			t.Errorf("the socket is in %s", c.Host())
		}
		// Joined from a process with another idea of the temp directory.
		sys := testSystem(dir)
		sys.tempDir = "/nonexistent"
		if second := mustOpenWith(t, testConfig(t, dir), sys); second.Host() != c.Host() {
			t.Errorf("the socket is in %s and in %s", second.Host(), c.Host())
		} else {
			ok(t, second.Close(t.Context()))
		}
		ok(t, c.Close(t.Context()))
		if exists(c.Host()) {
			t.Errorf("%s is left", c.Host())
		}
	}

	t.Run("IsShortWhereThePathIsTooLong", func(t *testing.T) {
		t.Parallel()
		inTemp(t, strings.Repeat("long/", 20)+"data")
	})

	t.Run("IsPlainWhereThePathIsNot", func(t *testing.T) {
		t.Parallel()
		inTemp(t, "it's, well, data")
	})

	t.Run("StaysBesideTheClusterInAPathOfManyWords", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(newDataDir(t), "Dữ liệu * [1]")
		ok(t, os.MkdirAll(dir, 0o711))
		c := mustOpen(t, dir)
		query[int](t, c, "SELECT 1")
		if c.Host() != filepath.Join(dir, "run") {
			t.Errorf("the socket is in %s", c.Host())
		}
	})

	t.Run("FitsUpToTheLastByte", func(t *testing.T) {
		t.Parallel()
		limit := map[string]int{"darwin": 103}[runtime.GOOS]
		if limit == 0 {
			limit = 107
		}
		longest := "/" + strings.Repeat("x", limit-len("//.s.PGSQL.5432"))
		if !fitsSocket(longest) || fitsSocket(longest+"x") {
			t.Errorf("the longest directory should have %d bytes", len(longest))
		}
	})

	t.Run("RefusesAForeignOrOpenDirectory", func(t *testing.T) {
		t.Parallel()
		base := newDataDir(t)
		ok(t, os.MkdirAll(base, 0o711))
		us, err := thisSystem().defaultAccount()
		ok(t, err)

		open := filepath.Join(base, "open")
		ok(t, os.Mkdir(open, 0o700))
		ok(t, os.Chmod(open, 0o770))
		link := filepath.Join(base, "link")
		ok(t, os.Symlink(base, link))
		file := filepath.Join(base, "file")
		ok(t, os.WriteFile(file, nil, 0o700))
		for _, path := range []string{open, link, file} {
			if err := us.privateDirectory(path); err == nil || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("%s: %v", path, err)
			}
		}
		somebody := us
		somebody.uid++ // whose directory it would have to be
		foreign := filepath.Join(base, "foreign")
		ok(t, us.privateDirectory(foreign))
		if err := somebody.privateDirectory(foreign); err == nil {
			t.Error("a foreign directory was taken")
		}
		ok(t, us.privateDirectory(foreign)) // a second time is fine
	})
}
