package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/user"
	"runtime/debug"
	"strings"
	"time"
	_ "time/tzdata" // a workspace's zone must be known on every system

	"github.com/alecthomas/kong"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/postgres"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
	"orderbridge/ports/cli"
)

// grammar is the whole command line.
type grammar struct {
	cli.Globals
	serviceCommands
	cli.Commands
}

// serviceCommands are the commands of whoever runs the service; those of operators are in ports/cli.
type serviceCommands struct {
	Version kong.VersionFlag `help:"Show the version and do nothing else." name:"version"`

	Serve   serveCommand   `cmd:"" help:"Receive orders and answer the API, until a signal ends it."`
	Migrate migrateCommand `cmd:"" help:"Bring the database up to date, and do nothing else."`
}

// Main runs the orderbridge program and returns its exit code.
func Main(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &grammar{}
	runtime := &cli.Runtime{
		Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: getenv,
		Open: func(ctx context.Context) (cli.Session, error) {
			return root.open(ctx, getenv, stderr, openFilled, (*Service).catchUp)
		},
		OpenAsIs: func(ctx context.Context) (cli.Session, error) {
			return root.open(ctx, getenv, stderr, openAsIs, func(*Service, context.Context) error { return nil })
		},
	}
	return cli.Execute(ctx, root, args, runtime, kong.Vars{"version": version()})
}

// open opens the database for an operator's command.
func (g *grammar) open(
	ctx context.Context, getenv func(string) string, stderr io.Writer,
	open func(context.Context, Settings, *slog.Logger, io.Writer) (*Service, error), prepare func(*Service, context.Context) error,
) (cli.Session, error) {
	// Operators see the command's answer; of what happens inside they see only what is wrong.
	opened, err := open(ctx, g.settings(getenv), g.logger(stderr, slog.LevelWarn), stderr)
	if err != nil {
		return cli.Session{}, err
	}
	if opened.cluster != nil && opened.cluster.Created() {
		fmt.Fprintf(stderr, "note: %s held no database, so a new one was made there\n", g.settings(getenv).DataDir)
	}
	session, err := opened.session(ctx, g.InWorkspace, operator(getenv))
	if err == nil {
		err = prepare(opened, ctx)
	}
	if err != nil {
		return cli.Session{}, errors.Join(err, opened.Close())
	}
	return session, nil
}

// openAsIs is Open for commands that look after the read tables.
func openAsIs(ctx context.Context, settings Settings, logger *slog.Logger, _ io.Writer) (*Service, error) {
	return Open(ctx, settings, logger)
}

// session is the application as commands of an operator use it.
func (s *Service) session(ctx context.Context, workspace, operator string) (cli.Session, error) {
	workspaceID, err := s.Queries.WorkspaceNamed(ctx, workspace)
	if err != nil {
		return cli.Session{}, err
	}
	settings, err := s.Queries.Settings(ctx, workspaceID)
	if err != nil {
		return cli.Session{}, err
	}
	return cli.Session{
		Application: s.Application, WorkspaceID: workspaceID, Zone: query.ZoneNamed(settings.TimeZone), Operator: operator, Close: s.Close,
	}, nil
}

// catchUp lets a command see what an earlier one changed, whether or not a service is running. When that takes too long, or cannot
// be done, what is readable by then has to do.
func (s *Service) catchUp(ctx context.Context) error {
	err := s.db.CatchUp(ctx)
	if _, known := problem.Of(err); err != nil && !known && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "what is read may be old; see: orderbridge projection list", "error", err)
		return nil
	}
	if errors.Is(err, postgres.ErrNotReadable) {
		return nil
	}
	return err
}

// version is the module's version: a release, or one that Go makes of the commit's time and hash.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "orderbridge " + info.Main.Version
	}
	return "orderbridge (version unknown)"
}

func (g *grammar) settings(getenv func(string) string) Settings {
	dataDir := g.DataDir
	if dataDir == "" {
		dataDir = localpg.DefaultDataDir(getenv, os.Geteuid(), home(getenv))
	}
	return Settings{
		DatabaseURL: g.DatabaseURL, DataDir: dataDir, SecretKey: getenv("ORDERBRIDGE_SECRET_KEY"), PancakeAPI: getenv("ORDERBRIDGE_PANCAKE_API"),
	}
}

// operator is who gives a command: behind sudo, who called it.
func operator(getenv func(string) string) string {
	if name := getenv("SUDO_USER"); name != "" {
		return name
	}
	if known, err := user.Current(); err == nil {
		return known.Username
	}
	return ""
}

// home is the user's home directory, also where the environment does not name it, as under cron.
func home(getenv func(string) string) string {
	if dir := getenv("HOME"); dir != "" {
		return dir
	}
	if known, err := user.Current(); err == nil {
		return known.HomeDir
	}
	return ""
}

func (g *grammar) logger(out io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if g.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

type serveCommand struct {
	Addr           string        `default:"127.0.0.1:8080" env:"ORDERBRIDGE_ADDR" help:"Where to listen." name:"addr" placeholder:"HOST:PORT"`
	ReconcileEvery time.Duration `default:"15m" env:"ORDERBRIDGE_RECONCILE_EVERY" help:"How often to find lost orders; 0: never." placeholder:"15m"`
	Demo           bool          `help:"Connect a demo shop when no shop is connected, and say how to deliver a sample order." name:"demo"`
}

// Help is an example.
func (serveCommand) Help() string {
	return "Example:\n\n    orderbridge serve --addr 0.0.0.0:8080"
}

// Run serves until a signal ends it.
func (c serveCommand) Run(ctx context.Context, rt *cli.Runtime, root *grammar) error {
	// First, since a port that is taken is found at once.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return problem.Conflict("address-unusable", "%s cannot be listened on, choose another with --addr: %v", c.Addr, err)
	}
	defer listener.Close()
	tuneMemory(rt.Getenv)
	settings := root.settings(rt.Getenv)
	if settings.ReconcileEvery = c.ReconcileEvery; c.ReconcileEvery <= 0 {
		settings.ReconcileEvery = -1
	}
	opened, err := Open(ctx, settings, root.logger(rt.Stderr, slog.LevelInfo))
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, rt, root, opened, listener), opened.Close())
}

const (
	// gcPercent lets garbage grow to five times of what is in use, which is little, before it is collected; memoryLimit bounds
	// how far (in bytes), short of which it is collected as often as it takes.
	gcPercent   = 400
	memoryLimit = 80 << 20
)

// tuneMemory gives memory for time: with Go's own settings an eighth of the service's work in a burst was collecting garbage, over
// and over in a few MiB. Whoever sets GOGC or GOMEMLIMIT knows better.
func tuneMemory(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func (c serveCommand) serve(ctx context.Context, rt *cli.Runtime, root *grammar, opened *Service, listener net.Listener) error {
	baseURL := "http://" + listener.Addr().String()
	fmt.Fprintln(rt.Stdout, "Orderbridge listens on "+baseURL)
	opened.printSetUpLink(ctx, rt.Stdout, baseURL)
	if c.Demo {
		headerValue, err := opened.ConnectDemo(ctx, root.settings(rt.Getenv).DataDir)
		if err != nil {
			return err
		}
		printDemo(rt.Stdout, baseURL, root.program(os.Args[0]), headerValue)
		if root.DatabaseURL != "" {
			fmt.Fprint(rt.Stdout, "(The commands need the same DATABASE_URL or --database-url.)\n\n")
		}
	}
	return opened.Serve(ctx, listener)
}

// printSetUpLink says how the first owner of the default workspace makes their account, when nobody can sign in as one. The link is a secret,
// so it is in no log. That it cannot be made is no reason to take no deliveries.
func (s *Service) printSetUpLink(ctx context.Context, out io.Writer, baseURL string) {
	workspaceID, err := s.Queries.WorkspaceNamed(ctx, "")
	var token string
	var needed bool
	if err == nil {
		token, needed, err = s.Commands.SetUpLink.EnsureSetUpLink(ctx, workspaceID)
	}
	switch {
	case err != nil:
		s.logger.WarnContext(ctx, "no link for the first account could be made; make one with: orderbridge account setup-link", "error", err)
	case needed:
		fmt.Fprintf(out, "Open %s/setup/%s to make the first account\n", baseURL, token)
	}
}

// program is how the program has to be called to reach the same database.
func (g *grammar) program(name string) string {
	if g.DataDir == "" {
		return name
	}
	return name + " --data-dir " + quoted(g.DataDir)
}

// quoted is a shell word.
func quoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

type migrateCommand struct{}

// Help is an example.
func (migrateCommand) Help() string {
	return "Every command does this when it finds an older database. Run it on its own where only another database role " +
		"may change the schema.\n\n" +
		"Example:\n\n    orderbridge migrate --database-url postgres://owner@db.example/orderbridge"
}

// Run migrates.
func (migrateCommand) Run(ctx context.Context, rt *cli.Runtime, root *grammar) error {
	opened, err := openFilled(ctx, root.settings(rt.Getenv), root.logger(rt.Stderr, slog.LevelInfo), rt.Stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(rt.Stdout, "The database is up to date.")
	return opened.Close()
}
