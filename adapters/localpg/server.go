package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	statePoll = 50 * time.Millisecond

	// pgctlPatience, in seconds, is pg_ctl's own time limit. Recovery takes as long as it takes; ctx says when to give up.
	pgctlPatience = "86400"

	// orphanPatience is how long the children of a killed server may take to notice and end.
	orphanPatience = 30 * time.Second

	maxLogSize = 16 << 20
	logTail    = 4 << 10
)

// ownSettings are those that this package's promises rest on.
var ownSettings = []string{
	"config_file", "data_directory", "external_pid_file", "hba_file", "ident_file", "listen_addresses", "logging_collector", "log_destination",
	"log_error_verbosity", "port", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions",
}

var settingPattern = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

func checkSettings(settings map[string]string) error {
	for name, value := range settings {
		if !settingPattern.MatchString(name) || strings.ContainsAny(value, "\x00\n\r") {
			return fmt.Errorf("the server setting %q=%q is not well formed", name, value)
		}
		if slices.Contains(ownSettings, name) {
			return fmt.Errorf("the server setting %s is not to be chosen: Orderbridge sees to it", name)
		}
	}
	return nil
}

// ensureRunning starts the server or joins the one that runs. The caller holds start.lock.
func (c *Cluster) ensureRunning(ctx context.Context) error {
	ticker := time.NewTicker(statePoll)
	defer ticker.Stop()
	for {
		running, err := readPostmaster(c.dir)
		if err != nil {
			return err
		}
		if !running.runs(ctx, c.dir) {
			return c.start(ctx, running)
		}
		if running.accepts() {
			c.host, c.port = running.socket, running.port
			c.logger.InfoContext(ctx, "database server joined", "cluster", c.dir, "pid", running.pid)
			return nil
		}
		select { // starting, in recovery, or stopping: it will be one of the above
		case <-ctx.Done():
			return fmt.Errorf("wait for the PostgreSQL server of %s, which is %q: %w", c.dir, running.status, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// start starts the server; stale is what a killed one left, or nil.
func (c *Cluster) start(ctx context.Context, stale *postmaster) error {
	if stale.answers(ctx) {
		return fmt.Errorf("a PostgreSQL server answers for %s, but its process %d cannot be seen from here: "+
			"does another container use this data directory?", c.dir, stale.pid)
	}
	if stale != nil {
		c.logger.WarnContext(ctx, "database server did not stop in order and recovers", "cluster", c.dir, "pid", stale.pid)
		if err := c.disown(ctx); err != nil {
			return err
		}
	}
	socket, err := c.system.socketDirectory(ctx, c.place, c.owner)
	if err != nil {
		return err
	}
	c.host, c.port = socket, port

	ticker := time.NewTicker(4 * statePoll)
	defer ticker.Stop()
	patience := time.After(orphanPatience)
	for {
		logged, err := c.startOnce(ctx)
		if err == nil {
			c.logger.InfoContext(ctx, "database server started", "cluster", c.dir, "postgres", c.programs.major)
			return nil
		}
		if ctx.Err() != nil || !strings.Contains(logged, "shared memory block") {
			return err
		}
		select { // children of a killed server still have its memory: they are about to notice, and PostgreSQL waits for it
		case <-ctx.Done():
			return err
		case <-patience:
			return err
		case <-ticker.C:
		}
	}
}

// startOnce returns what the server logged meanwhile.
func (c *Cluster) startOnce(ctx context.Context) (string, error) {
	before, err := c.prepareLog()
	if err != nil {
		return "", fmt.Errorf("prepare the server's log: %w", err)
	}
	_, err = c.owner.run(ctx, nil, c.programs.program("pg_ctl"), "start", "--silent", "--wait", "--timeout="+pgctlPatience,
		"--pgdata="+c.dir, "--log="+c.place.log(), "--options="+c.serverOptions())
	if err == nil {
		return "", nil
	}
	logged := c.logSince(before)
	return logged, fmt.Errorf("start PostgreSQL %d in %s: %w\nthe end of %s:\n%s", c.programs.major, c.dir, err, c.place.log(), logged)
}

func (c *Cluster) serverOptions() string {
	settings := map[string]string{}
	maps.Copy(settings, c.settings)
	settings["listen_addresses"] = ""
	settings["port"] = c.port
	settings["unix_socket_directories"] = c.host
	settings["unix_socket_permissions"] = "0700"
	settings["logging_collector"] = "off" // or the log, and the reason for a failed start, would be elsewhere
	settings["log_destination"] = "stderr"
	settings["log_error_verbosity"] = "terse" // the detail of a unique violation would name phones and emails

	options := make([]string, 0, len(settings))
	for name, value := range settings {
		// pg_ctl hands this to a shell.
		options = append(options, "-c '"+name+"="+strings.ReplaceAll(value, "'", `'\''`)+"'")
	}
	slices.Sort(options)
	return strings.Join(options, " ")
}

// disown makes a stale postmaster.pid name a process that cannot exist. PostgreSQL decides itself whether the file is
// stale, and does so safely: it also looks whether children of the killed server still use its memory, whose key is in
// the file, which is why the file must not be removed. Only where the process id has a new owner it cannot know better.
// (An empty file, of a server that was killed while it made it, holds nothing; PostgreSQL asks to remove it by hand.)
func (c *Cluster) disown(ctx context.Context) error {
	const script = `cd "$1" && if test -s postmaster.pid
		then sed '1s/.*/2147483647/' postmaster.pid >postmaster.pid.new && mv -f postmaster.pid.new postmaster.pid
		else rm -f postmaster.pid
		fi`
	if _, err := c.owner.run(ctx, nil, "/bin/sh", "-c", script, "sh", c.dir); err != nil {
		return fmt.Errorf("take the server's lock over from one that was killed: %w", err)
	}
	return nil
}

// stop stops the server, if it runs. The caller holds start.lock and knows that nobody uses the server.
func (c *Cluster) stop(ctx context.Context) error {
	running, err := readPostmaster(c.dir)
	if err != nil {
		return err
	}
	if !running.runs(ctx, c.dir) { // and pg_ctl would signal whoever has its process id now
		return nil
	}
	_, err = c.owner.run(ctx, nil, c.programs.program("pg_ctl"), "stop", "--silent", "--wait", "--timeout="+pgctlPatience,
		"--mode=fast", "--pgdata="+c.dir)
	if err != nil {
		return fmt.Errorf("stop the PostgreSQL server of %s: %w", c.dir, err)
	}
	if filepath.Dir(c.host) != c.place.home {
		_ = os.Remove(c.host) // in the temp directory we leave nothing
	}
	c.logger.InfoContext(ctx, "database server stopped", "cluster", c.dir)
	return nil
}

// ensureDatabase creates the database in a new cluster, or in one where it was dropped.
func (c *Cluster) ensureDatabase(ctx context.Context) error {
	query := func(sql string) (string, error) {
		return c.owner.run(ctx, nil, c.programs.program("psql"), "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align",
			"--host="+c.host, "--port="+c.port, "--username="+userName, "--dbname=postgres", "--command="+sql)
	}
	found, err := query("SELECT count(*) FROM pg_database WHERE datname = '" + databaseName + "'")
	if err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if found == "1" {
		return nil
	}
	if _, err := query("CREATE DATABASE " + databaseName); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// prepareLog makes a log that the server's user can write, and returns its size.
func (c *Cluster) prepareLog() (int64, error) {
	path := c.place.log()
	if info, err := os.Lstat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return 0, err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	file, err := c.owner.openFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// logSince returns what was logged after the first offset bytes, or the end of it if that is much.
func (c *Cluster) logSince(offset int64) string {
	file, err := c.owner.openFile(c.place.log(), os.O_RDONLY)
	if err != nil {
		return "(not readable: " + err.Error() + ")"
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil {
		offset = max(offset, info.Size()-logTail)
	}
	raw, err := io.ReadAll(io.NewSectionReader(file, offset, logTail))
	if err != nil {
		return "(not readable: " + err.Error() + ")"
	}
	return strings.TrimSpace(string(raw))
}
