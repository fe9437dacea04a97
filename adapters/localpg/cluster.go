package localpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	userName     = "orderbridge"
	databaseName = "orderbridge"

	// retreatPatience is how long an Open that went wrong may take to leave things in order.
	retreatPatience = 30 * time.Second
)

// Config says which cluster, and how to run it.
type Config struct {
	DataDir  string            // Orderbridge's data directory, made if missing; the cluster lies in DataDir/postgres if it can
	Logger   *slog.Logger      // nil for silence
	Settings map[string]string // extra server settings, if this Open starts the server; a running one is joined as it is
}

// Cluster is a use of a running PostgreSQL server. It is safe for concurrent use.
type Cluster struct {
	system    system
	place     location
	dir       string // the cluster's
	owner     account
	programs  installation
	installed []installation
	settings  map[string]string
	logger    *slog.Logger
	host      string // the socket's directory
	port      string

	created bool // by this Open

	closing sync.Mutex
	users   *lock // nil when closed
}

// system is what Open needs to know of the machine, which tests change.
type system struct {
	uid         int
	directories func(context.Context) []string // where to look for PostgreSQL
	lookupUser  func(string) (*user.User, error)
	locales     func(major int) [][]string
	clustersDir string // for the clusters of data directories that the server's user cannot enter
	tempDir     string
}

func thisSystem() system {
	return system{
		uid:         os.Geteuid(),
		directories: searchDirectories,
		lookupUser:  user.Lookup,
		locales:     locales,
		clustersDir: rootClusters,
		tempDir:     os.TempDir(),
	}
}

// Open makes the cluster if there is none, and starts its server or joins the one that runs. Cancelling ctx ends the
// wait for any of this, but does not affect the server afterwards.
func Open(ctx context.Context, cfg Config) (*Cluster, error) { return open(ctx, cfg, thisSystem()) }

func open(ctx context.Context, cfg Config, sys system) (*Cluster, error) {
	c, err := prepare(ctx, cfg, sys)
	if err != nil {
		return nil, fmt.Errorf("open the local database: %w", err)
	}
	if err := c.enter(ctx); err != nil {
		return nil, fmt.Errorf("open the local database: %w", err)
	}
	return c, nil
}

// prepare finds out what there is, and makes nothing but directories.
func prepare(ctx context.Context, cfg Config, sys system) (*Cluster, error) {
	c := &Cluster{system: sys, settings: cfg.Settings, logger: cfg.Logger}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if err := checkSettings(cfg.Settings); err != nil {
		return nil, err
	}
	dataDir, err := sys.makeDataDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if c.installed, err = findInstallations(ctx, sys.directories(ctx)); err != nil {
		return nil, err
	}
	if len(c.installed) == 0 { // before anything that PostgreSQL's package would have brought, such as its user
		return nil, fmt.Errorf("%w: %s", ErrNotInstalled, installHint)
	}
	if c.place, err = sys.locate(ctx, dataDir); err != nil {
		return nil, err
	}
	c.dir = c.place.cluster()
	if err := checkPath(c.dir); err != nil {
		return nil, err
	}
	exists, err := c.place.hasCluster()
	if err != nil {
		return nil, err
	}
	return c, c.choose(exists)
}

// choose decides who runs the server, and with which programs.
func (c *Cluster) choose(exists bool) (err error) {
	if exists {
		if c.owner, err = c.system.accountFor(c.dir); err != nil {
			return err
		}
		c.programs, err = forCluster(c.installed, c.dir)
		return err
	}
	if c.owner, err = c.system.defaultAccount(); err != nil {
		return err
	}
	c.programs, err = forNewCluster(c.installed)
	return err
}

// enter sees to a running server and holds it.
func (c *Cluster) enter(ctx context.Context) error {
	starting, err := acquireLock(ctx, c.place.startLock(), syscall.LOCK_EX, c.owner)
	if err != nil {
		return err
	}
	defer starting.release()

	exists, err := c.place.hasCluster() // again: somebody else may have made it while we waited
	if err != nil {
		return err
	}
	if err := c.choose(exists); err != nil {
		return err
	}
	if !exists {
		if err := c.initialise(ctx); err != nil {
			return err
		}
		c.created = true
	}
	if c.place.elsewhere() {
		if err := c.place.writePointer(); err != nil {
			return err
		}
	}
	users, err := acquireLock(ctx, c.place.usersLock(), syscall.LOCK_SH, c.owner)
	if err != nil {
		return err
	}
	err = c.ensureRunning(ctx)
	if err == nil {
		err = c.ensureDatabase(ctx)
	}
	if err != nil {
		defer users.release()
		// Nobody is going to call Close; and ctx may be what went wrong.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retreatPatience)
		defer cancel()
		return errors.Join(err, c.leave(ctx, users))
	}
	c.users = users
	return nil
}

// EnsureRunning starts the server again if it is gone, as after a crash, and waits until it answers.
func (c *Cluster) EnsureRunning(ctx context.Context) error {
	starting, err := acquireLock(ctx, c.place.startLock(), syscall.LOCK_EX, c.owner)
	if err != nil {
		return fmt.Errorf("look after the local database: %w", err)
	}
	defer starting.release()
	if err := c.ensureRunning(ctx); err != nil {
		return fmt.Errorf("look after the local database: %w", err)
	}
	return nil
}

// leave stops the server if nobody else uses it. The caller holds start.lock.
func (c *Cluster) leave(ctx context.Context, users *lock) error {
	last, err := users.onlyHolder()
	if err != nil {
		return err
	}
	if !last {
		c.logger.InfoContext(ctx, "database server left to its other users", "cluster", c.dir)
		return nil
	}
	return c.stop(ctx)
}

// Close gives the server up, and stops it if nobody else uses it; its connections end then. After the first call it
// does nothing. When ctx ends early the server may go on running, and the next Open joins it.
func (c *Cluster) Close(ctx context.Context) error {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.users == nil {
		return nil
	}
	users := c.users
	c.users = nil
	defer users.release()

	stopping, err := acquireLock(ctx, c.place.startLock(), syscall.LOCK_EX, c.owner)
	if err != nil {
		return fmt.Errorf("close the local database: %w", err)
	}
	defer stopping.release()
	if err := c.leave(ctx, users); err != nil {
		return fmt.Errorf("close the local database: %w", err)
	}
	return nil
}

// DSN is a connection string for pgx and for libpq.
func (c *Cluster) DSN() string {
	host := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(c.host)
	return fmt.Sprintf("host='%s' port=%s user=%s dbname=%s sslmode=disable", host, c.port, userName, databaseName)
}

// Host is the directory of the server's socket, which is what clients of PostgreSQL take for a host.
func (c *Cluster) Host() string { return c.host }

// Port is the number in the socket's name.
func (c *Cluster) Port() string { return c.port }

// User is the database user, a superuser of this cluster.
func (c *Cluster) User() string { return userName }

// Created tells whether there was no cluster before this Open.
func (c *Cluster) Created() bool { return c.created }

// Database is the database's name.
func (c *Cluster) Database() string { return databaseName }

func (s system) makeDataDir(path string) (string, error) {
	if path == "" {
		return "", errors.New("no data directory is given")
	}
	mode := os.FileMode(0o700)
	if s.uid == 0 {
		mode = passThrough
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		err = makePath(absolute, mode)
	}
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute) // one name for each, as it is hashed and compared
	}
	if err != nil {
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	return absolute, nil
}
