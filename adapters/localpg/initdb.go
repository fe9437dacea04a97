package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const unfinishedPrefix = clusterName + ".initdb-"

// startingConfig is for a small server. It is written once, so that an operator may change it; wal_level, fsync and
// synchronous_commit stay as PostgreSQL has them, which is durable and fit for backups.
const startingConfig = `

# Added by Orderbridge when it made this cluster. Yours to change; a restart of Orderbridge applies it.
shared_buffers = 256MB
max_connections = 100
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
`

// locales lists initdb's options in the order of preference: text sorted by bytes, which no upgrade of the operating
// system changes under an index and for which the server need not ask it; but upper and lower case known for all of Unicode. The
// last one works everywhere, and knows the case of ASCII only.
func locales(major int) [][]string {
	list := [][]string{
		{"--locale=C", "--lc-ctype=C.UTF-8"},
		{"--locale=C", "--lc-ctype=en_US.UTF-8"},
		{"--locale=C"},
	}
	if major >= 17 { // brings its own, whatever the operating system has
		list = append([][]string{{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}}, list...)
	}
	return list
}

// initialise makes the cluster beside its place and renames it into place when complete.
func (c *Cluster) initialise(ctx context.Context) error {
	target := c.place.cluster()
	c.removeUnfinished(ctx, filepath.Dir(target))

	unfinished, err := os.MkdirTemp(filepath.Dir(target), unfinishedPrefix)
	if err != nil {
		return fmt.Errorf("make a directory for a new cluster: %w", err)
	}
	if c.owner.foreign() {
		if err := os.Lchown(unfinished, c.owner.uid, c.owner.gid); err != nil {
			return fmt.Errorf("give the new cluster's directory to user %s: %w", c.owner.name, err)
		}
	}
	if err := c.fill(ctx, unfinished); err != nil {
		_ = os.RemoveAll(unfinished) // never was a cluster; and if it stays, the next Open removes it
		return fmt.Errorf("initialise a cluster in %s: %w", target, err)
	}
	// Over an empty directory, if somebody made one: the kernel refuses any other, os.Rename would refuse this one too.
	if err := syscall.Rename(unfinished, target); err != nil {
		return fmt.Errorf("move the new cluster into place: %w", err)
	}
	if err := syncDirectory(filepath.Dir(target)); err != nil {
		return fmt.Errorf("move the new cluster into place: %w", err)
	}
	c.logger.InfoContext(ctx, "database cluster made", "cluster", target, "postgres", c.programs.major)
	return nil
}

func (c *Cluster) fill(ctx context.Context, dir string) error {
	options := []string{
		"--pgdata=" + dir, "--username=" + userName, "--encoding=UTF8", "--data-checksums", "--no-instructions",
		"--lc-messages=C",    // we look into the log, see orphanPatience
		"--auth-local=trust", // the socket's directory is the lock on this door
		"--auth-host=reject", // and there is no other, whatever listen_addresses is set to one day
	}
	if c.settings["fsync"] == "off" {
		options = append(options, "--no-sync")
	}
	candidates := c.system.locales(c.programs.major)
	for i, locale := range candidates {
		_, err := c.owner.run(ctx, nil, c.programs.program("initdb"), append(locale, options...)...)
		if err == nil {
			break
		}
		// It says so before writing anything if the operating system has no such locale.
		if last := i == len(candidates)-1; last || ctx.Err() != nil || !strings.Contains(err.Error(), "locale") {
			return err
		}
		c.logger.DebugContext(ctx, "locale not available", "locale", locale, "error", err)
	}
	// As the owner and not as root, who would follow whatever link the owner put there.
	config := filepath.Join(dir, "postgresql.conf")
	if _, err := c.owner.run(ctx, strings.NewReader(startingConfig), "/bin/sh", "-c", `cat >>"$1"`, "sh", config); err != nil {
		return fmt.Errorf("write its configuration: %w", err)
	}
	return nil
}

// removeUnfinished clears what an interrupted initdb left. Under start.lock there is no other one at work.
func (c *Cluster) removeUnfinished(ctx context.Context, parent string) {
	leftovers, err := filepath.Glob(filepath.Join(globQuote(parent), unfinishedPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range leftovers {
		if err := os.RemoveAll(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.logger.WarnContext(ctx, "unfinished database cluster not removed", "path", path, "error", err)
			continue
		}
		c.logger.InfoContext(ctx, "unfinished database cluster removed", "path", path)
	}
}

func globQuote(path string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
