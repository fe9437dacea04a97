package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest PostgreSQL that Orderbridge works with.
const minMajor = 15

// ErrNotInstalled: this machine has no PostgreSQL server that Orderbridge could run.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed that Orderbridge can run")

const installHint = "install PostgreSQL 15 or newer (Debian and Ubuntu: apt-get install postgresql; " +
	"Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), or set DATABASE_URL to use a server elsewhere"

// VersionError: the cluster was made by a PostgreSQL that is not at hand, and no other can read it.
type VersionError struct {
	Cluster   string   // where it is
	Major     int      // what made it
	Installed []string // what is installed instead, as "15 (/usr/lib/postgresql/15/bin)"
}

func (e *VersionError) Error() string {
	if e.Major < minMajor {
		return fmt.Sprintf("the cluster in %s is of PostgreSQL %d, and Orderbridge needs %d or newer (installed: %s): "+
			"bring it to a newer version with pg_upgrade, or with a dump and restore into a new data directory",
			e.Cluster, e.Major, minMajor, strings.Join(e.Installed, ", "))
	}
	return fmt.Sprintf("the cluster in %s is of PostgreSQL %d, and the installed versions cannot read it: %s: "+
		"install PostgreSQL %[2]d beside them, or bring the cluster to an installed version with pg_upgrade, "+
		"or with a dump and restore into a new data directory",
		e.Cluster, e.Major, strings.Join(e.Installed, ", "))
}

// installation is one installed PostgreSQL server.
type installation struct {
	dir   string
	major int
}

func (i installation) program(name string) string { return filepath.Join(i.dir, name) }

func (i installation) String() string { return fmt.Sprintf("%d (%s)", i.major, i.dir) }

// findInstallations returns the complete ones, in the order of preference.
func findInstallations(ctx context.Context, dirs []string) ([]installation, error) {
	var found []installation
	seen := map[string]bool{}
	for _, dir := range dirs {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[real] || !hasPrograms(dir) {
			continue
		}
		seen[real] = true
		major, err := majorOf(ctx, filepath.Join(dir, "postgres"))
		if ctx.Err() != nil {
			return nil, fmt.Errorf("look for PostgreSQL: %w", context.Cause(ctx))
		}
		if err == nil { // one that does not even say its version cannot be the one to use
			found = append(found, installation{dir: dir, major: major})
		}
	}
	return found, nil
}

// hasPrograms leaves out what has PostgreSQL's client programs only. (psql comes with every package of the server.)
func hasPrograms(dir string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres", "psql"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func majorOf(ctx context.Context, postgres string) (int, error) {
	output, err := exec.CommandContext(ctx, postgres, "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s for its version: %w", postgres, err)
	}
	match := versionPattern.FindSubmatch(output)
	if match == nil {
		return 0, fmt.Errorf("read the version of %s from %q", postgres, output)
	}
	return strconv.Atoi(string(match[1]))
}

// forNewCluster picks the most preferred installation that is new enough.
func forNewCluster(found []installation) (installation, error) {
	for _, i := range found {
		if i.major >= minMajor {
			return i, nil
		}
	}
	if len(found) > 0 {
		return installation{}, fmt.Errorf("%w: found only %s: %s", ErrNotInstalled, strings.Join(describe(found), ", "), installHint)
	}
	return installation{}, fmt.Errorf("%w: %s", ErrNotInstalled, installHint)
}

// forCluster picks the installation that can run an existing cluster.
func forCluster(found []installation, cluster string) (installation, error) {
	raw, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if err != nil {
		return installation{}, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return installation{}, fmt.Errorf("read the cluster's version in %s: %w", cluster, err)
	}
	if major >= minMajor {
		for _, i := range found {
			if i.major == major {
				return i, nil
			}
		}
	}
	if len(found) == 0 {
		return installation{}, fmt.Errorf("%w: the cluster in %s needs PostgreSQL %d: %s", ErrNotInstalled, cluster, major, installHint)
	}
	return installation{}, &VersionError{Cluster: cluster, Major: major, Installed: describe(found)}
}

func describe(found []installation) []string {
	texts := make([]string, 0, len(found))
	for _, i := range found {
		texts = append(texts, i.String())
	}
	return texts
}

// searchDirectories lists where a server's programs may be: first what the operator chose, then what packages use.
func searchDirectories(ctx context.Context) []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	if output, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(output)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // PostgreSQL's own packages for Fedora, RHEL
		"/opt/homebrew/opt/postgresql@*/bin",
		"/opt/homebrew/opt/postgresql/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql/bin",
	} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are ours, and right
		}
		dirs = append(dirs, newestFirst(matches)...)
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
}

var directoryVersion = regexp.MustCompile(`(\d+)/bin$`)

// newestFirst sorts by number: by text, 9 would be newer than 17.
func newestFirst(dirs []string) []string {
	version := func(dir string) int {
		match := directoryVersion.FindStringSubmatch(dir)
		if match == nil {
			return 0
		}
		number, err := strconv.Atoi(match[1])
		if err != nil {
			return 0
		}
		return number
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return dirs
}
