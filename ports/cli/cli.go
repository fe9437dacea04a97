// Package cli is the operator's command line. Its commands decode what was typed, call one command or query of the
// application, and print the answer: for people by default, with --json exactly as the API gives it.
//
// Three promises hold for every command. Wrong usage is told before a database is opened. What the exit code means
// never changes (see ExitDone and those after it). No secret is ever printed, and no text that came from outside
// reaches the terminal with control characters in it.
package cli

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"orderbridge/app"
	"orderbridge/app/command"
	"orderbridge/domain/event"
)

// Commands is the grammar of the operator's commands, to be embedded into the root of a program's grammar.
type Commands struct {
	Shop      shopCommands      `cmd:"" help:"Pancake shops that may deliver orders."`
	Settings  settingsCommands  `cmd:"" help:"How orders are taken in."`
	Customer  customerCommands  `cmd:"" help:"Customers of the CRM."`
	User      userCommands      `cmd:"" help:"Staff, to whom orders are assigned."`
	Order     orderCommands     `cmd:"" help:"Orders of the CRM."`
	Delivery  deliveryCommands  `cmd:"" help:"Webhook calls, and what became of each."`
	Audit     auditCommands     `cmd:"" help:"What happened to something, step by step, and why."`
	Interpret interpretCommand  `cmd:"" help:"Show what an order's body would do if it were delivered now, and do nothing."`
	Event     eventCommands     `cmd:"" help:"The log of what happened."`
	Token     tokenCommands     `cmd:"" help:"Tokens for the API."`
	Account   accountCommands   `cmd:"" help:"Who may sign in to the console."`
	Workspace workspaceCommands `cmd:"" help:"CRM domains, each with settings and records of its own."`
	Backfill  backfillCommand   `cmd:"" help:"Bring in a shop's orders from before, or that webhooks lost, from Pancake's own API."`
	Relink    relinkCommand     `cmd:"" help:"Give orders to the customers whom they would be matched with today."`
	Reconcile reconcileCommand  `cmd:"" help:"Look for orders whose webhook never came, and bring them in."`

	Projection projectionCommands `cmd:"" help:"Read tables, and how far each has followed the log."`
	Rebuild    rebuildCommand     `cmd:"" help:"Make read tables anew from the log, beside those that are read."`
	Verify     verifyCommands     `cmd:"" help:"Check that what is read is what the log says."`
}

// Globals are the flags that every command takes, to be embedded beside Commands. The program decides what they mean.
type Globals struct {
	DataDir     string `env:"ORDERBRIDGE_DATA_DIR" group:"Global flags:" help:"${data_dir_help}" placeholder:"DIR"`
	DatabaseURL string `env:"DATABASE_URL" group:"Global flags:" help:"${database_url_help}" placeholder:"URL" secret:""`
	InWorkspace string `group:"Global flags:" help:"Workspace to work on. Default: the default one." name:"workspace" placeholder:"NAME"`
	LogFormat   string `default:"text" enum:"text,json" env:"ORDERBRIDGE_LOG_FORMAT" group:"Global flags:" help:"${log_help}" placeholder:"FORMAT"`
}

// Session is the application on an open database, seen from one workspace.
type Session struct {
	app.Application

	WorkspaceID uuid.UUID
	// Zone is the workspace's, in which people are shown times.
	Zone *time.Location
	// Operator is who sits at the command line, as the system names them; empty when it does not.
	Operator string
	// Close is called once, when the command is done.
	Close func() error
}

// by is who gives commands here.
func (s Session) by() command.By {
	return command.By{WorkspaceID: s.WorkspaceID, Actor: event.ActorAtCommandLine(s.Operator)}
}

// Runtime is the world around a command. Execute binds it, so that Run methods can take a *Runtime.
type Runtime struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv reads the environment; nil stands for an empty one.
	Getenv func(name string) string
	// Open opens the database. It is called only by commands that need it, once they know what to ask.
	Open func(ctx context.Context) (Session, error)
	// OpenAsIs is Open for commands that look after the read tables: it does not wait until these can be read.
	OpenAsIs func(ctx context.Context) (Session, error)
}

// inSession opens the database for one piece of work.
func (rt *Runtime) inSession(ctx context.Context, work func(Session) error) error {
	return rt.within(ctx, rt.Open, work)
}

// within does a piece of work on a database that open opens.
func (rt *Runtime) within(ctx context.Context, open func(context.Context) (Session, error), work func(Session) error) error {
	session, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		// The work is done or refused by now, and the exit code speaks of that.
		if err := session.Close(); err != nil {
			rt.notef("warning: the database was not closed cleanly: %s", hidePasswords(err.Error()))
		}
	}()
	return work(session)
}

func (rt *Runtime) getenv(name string) string {
	if rt.Getenv == nil {
		return ""
	}
	return rt.Getenv(name)
}
