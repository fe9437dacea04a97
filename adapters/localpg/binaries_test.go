package localpg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// fakePrograms makes a directory like that of an installed server, which knows its version and nothing else.
func fakePrograms(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"initdb", "pg_ctl", "postgres", "psql"} {
		script := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	return dir
}

func only(dirs ...string) func(context.Context) []string {
	return func(context.Context) []string { return dirs }
}

func TestBinaries(t *testing.T) {
	t.Parallel()

	t.Run("MissingOnesAreNamedByTheirPackages", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		sys := testSystem(dir)
		sys.directories = only(t.TempDir(), "/nonexistent")
		err := refusal(t, testConfig(t, dir), sys,
			"apt-get install postgresql", "dnf install postgresql-server", "brew install postgresql@17", "DATABASE_URL")
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("OldOnesAreNotEnough", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		sys := testSystem(dir)
		old := fakePrograms(t, "14.9")
		sys.directories = only(old)
		err := refusal(t, testConfig(t, dir), sys, "found only 14 ("+old+")", "15 or newer")
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("AreChosenInOrderAndByTheClustersVersion", func(t *testing.T) {
		t.Parallel()
		old, first, other := fakePrograms(t, "9.6.1"), fakePrograms(t, "16.2 (Debian 16.2-1)"), fakePrograms(t, "18devel")
		clientOnly := t.TempDir()
		ok(t, os.WriteFile(filepath.Join(clientOnly, "psql"), nil, 0o755))
		found, err := findInstallations(t.Context(), []string{clientOnly, old, first, first + "/.", other})
		ok(t, err)
		if want := []installation{{old, 9}, {first, 16}, {other, 18}}; !reflect.DeepEqual(found, want) {
			t.Fatalf("found %v", found)
		}
		if chosen, err := forNewCluster(found); err != nil || chosen.dir != first {
			t.Errorf("for a new cluster: %v, %v", chosen, err)
		}
		for _, test := range []struct {
			version int
			dir     string
		}{{18, other}, {16, first}, {17, ""}, {9, ""}} {
			cluster := t.TempDir()
			ok(t, os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte(strconv.Itoa(test.version)+"\n"), 0o600))
			chosen, err := forCluster(found, cluster)
			_, mismatch := errors.AsType[*VersionError](err)
			if chosen.dir != test.dir || mismatch != (test.dir == "") {
				t.Errorf("for version %d: %v, %v", test.version, chosen, err)
			}
		}
	})

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		got := newestFirst([]string{"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/17/bin"})
		want := []string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v", got)
		}
	})

	t.Run("OfAnotherVersionDoNotTouchTheCluster", func(t *testing.T) {
		t.Parallel()
		dir := newDataDir(t)
		c := mustOpen(t, dir)
		ok(t, c.Close(t.Context()))
		for version, words := range map[string][]string{
			"99": {"PostgreSQL 99", "installed", "install PostgreSQL 99", "pg_upgrade", "dump and restore"},
			"14": {"PostgreSQL 14", "needs 15 or newer", "pg_upgrade", "dump and restore"},
		} {
			ok(t, os.WriteFile(filepath.Join(c.dir, "PG_VERSION"), []byte(version+"\n"), 0o600))
			err := refusal(t, testConfig(t, dir), testSystem(dir), append(words, c.dir, c.programs.String())...)
			if _, ok := errors.AsType[*VersionError](err); !ok {
				t.Errorf("the error is %v", err)
			}
		}
	})
}
