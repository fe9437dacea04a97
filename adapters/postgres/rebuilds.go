package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	decided "orderbridge/domain/projection"
)

// Rebuilds looks after the projections of a database. It changes tables and views as the connection string's own role.
type Rebuilds struct {
	db     *Database
	dsn    string
	logger *slog.Logger

	// background is the life of rebuilds that nobody waits for, set by Run.
	mu         sync.Mutex
	background context.Context //nolint:containedctx // they outlive the request that started them
	running    sync.WaitGroup
	// verifications are the last ones that nobody waited for, by projection.
	verifications map[string]*projection.Verification
}

var _ projection.Keeper = (*Rebuilds)(nil)

// NewRebuilds makes it. The connection string is that of the database.
func NewRebuilds(db *Database, dsn string, logger *slog.Logger) *Rebuilds {
	return &Rebuilds{db: db, dsn: dsn, logger: logger, verifications: map[string]*projection.Verification{}}
}

// List tells where all projections stand.
func (r *Rebuilds) List(ctx context.Context) ([]projection.Status, error) {
	return r.db.projectionStates(ctx)
}

// stateOf tells where a projection of this program stands.
func (r *Rebuilds) stateOf(ctx context.Context, name string) (projection.Status, error) {
	states, err := r.db.projectionStates(ctx)
	state, _ := projection.Named(states, name)
	return state, err
}

// Rebuild makes a new version from the log and shows it, or goes on with one that was interrupted.
func (r *Rebuilds) Rebuild(ctx context.Context, cmd projection.RebuildRequest, report func(projection.Rebuild)) (projection.Status, error) {
	if err := r.rebuild(ctx, job{RebuildRequest: cmd, report: report}); err != nil {
		return projection.Status{}, err
	}
	return r.stateOf(ctx, cmd.Name)
}

// job is a request for a rebuild, and how it is done.
type job struct {
	projection.RebuildRequest

	// unattended is one that nobody waits for; resume goes on with such a one, if it is still wanted. unlessShown is for tables of
	// this release where others are shown.
	unattended, resume, unlessShown bool
	// started is called when the work has begun, report when it has got somewhere; nil for nobody.
	started func()
	report  func(projection.Rebuild)
}

func (r *Rebuilds) rebuild(ctx context.Context, job job) (err error) {
	p, err := ProjectionNamed(job.Name)
	if err != nil {
		return err
	}
	build, err := r.db.newRebuild(ctx, r.dsn, job.By, p, r.logger)
	if err != nil {
		return err
	}
	defer func() {
		if errClose := build.close(ctx); errClose != nil {
			r.logger.WarnContext(ctx, "the connection of a rebuild was not closed cleanly", "projection", p.Name, "error", errClose)
		}
		switch failed, isEvent := errors.AsType[*foldError](err); {
		case isEvent:
			err = problem.Conflict("event-not-foldable",
				"%s stopped at event %d, which it cannot fold; go on with a release that can, or pass over it: "+
					"orderbridge projection skip %s --position %d",
				p.Name, failed.position, p.Name, failed.position).Because(err)
		case isDenied(err):
			err = errRebuildForbidden.Because(err)
		case hasCode(err, "2BP01"): // dependent objects still exist
			err = dependedOn(p, err)
		default:
			err = unavailable(err)
		}
	}()
	build.report = job.report
	if err := build.prepare(ctx, job); err != nil {
		return err
	}
	if err := build.run(ctx, job); err != nil {
		return err
	}
	return build.dropOlder(ctx)
}

// dependedOn says what rests on the views of a projection: other views, by their names.
func dependedOn(p Projection, cause error) error {
	pgError, _ := errors.AsType[*pgconn.PgError](cause)
	return problem.Conflict("views-in-use",
		"this release shows %s with other columns, and something rests on what is shown now: %s; drop it, and make it again afterwards",
		p.Name, strings.ReplaceAll(pgError.Detail, "\n", ", ")).Because(cause)
}

// StartRebuild is Rebuild for callers who do not wait for its end.
func (r *Rebuilds) StartRebuild(ctx context.Context, cmd projection.RebuildRequest) (projection.Status, error) {
	outcome := make(chan error, 1)
	started := make(chan struct{})
	if !r.inBackground(func(ctx context.Context) {
		err := r.rebuild(ctx, job{RebuildRequest: cmd, unattended: true, started: func() { close(started) }})
		if err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "a rebuild ended before its time", "projection", cmd.Name, "error", err)
		}
		outcome <- err
	}) {
		return projection.Status{}, errNoBackground
	}
	select {
	case <-started:
	case err := <-outcome:
		if err != nil {
			return projection.Status{}, err
		}
	case <-ctx.Done():
		return projection.Status{}, ctx.Err()
	}
	return r.stateOf(ctx, cmd.Name)
}

// inBackground does something for as long as Run runs; it tells whether Run does.
func (r *Rebuilds) inBackground(do func(context.Context)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.background == nil || r.background.Err() != nil {
		return false
	}
	background := r.background
	r.running.Go(func() { do(background) })
	return true
}

var errNoBackground = problem.Unavailable("stopping", "this service is starting or stopping; try again in some seconds")

const (
	// cancelPoll is how often it is looked whether a rebuild has ended that was told to.
	cancelPoll = 100 * time.Millisecond
	// unfinishedWatch is how often it is looked for tables that have to be built and that nobody builds.
	unfinishedWatch = 2 * time.Second
	// maxUnfinishedWait is how long to wait when that fails again and again.
	maxUnfinishedWait = 30 * time.Second
)

// Run lets rebuilds run in the background until the context ends, and waits for their end.
func (r *Rebuilds) Run(ctx context.Context) {
	r.mu.Lock()
	r.background = ctx
	r.mu.Unlock()
	defer r.running.Wait()
	for wait := unfinishedWatch; ctx.Err() == nil; {
		if err := r.BuildUnfinished(ctx); err != nil && ctx.Err() == nil {
			wait = min(2*wait, maxUnfinishedWait)
			r.logger.ErrorContext(ctx, "read tables could not be built and are tried again", "wait", wait, "error", err)
		} else {
			wait = unfinishedWatch
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// BuildUnfinished builds what nobody sits in front of: the tables of this release where those that are shown are of another,
// and what was started over the API and interrupted. What somebody else builds at the moment is left to them.
func (r *Rebuilds) BuildUnfinished(ctx context.Context) error {
	if err := r.db.tellSwitches(ctx); err != nil {
		return err
	}
	var failures []error
	hidden := map[string]bool{}
	build := func(job job) {
		job.unattended = true
		err := r.rebuild(ctx, job)
		if err != nil && !errors.Is(err, errRebuildRunning) && !errors.Is(err, errNothingLeft) {
			failures = append(failures, fmt.Errorf("build %s: %w", job.Name, err))
		}
	}
	for _, p := range Projections() {
		shown, err := p.isShown(ctx, r.db.requests)
		if err != nil {
			return unavailable(err)
		}
		if !shown {
			hidden[p.Name] = true
			build(job{RebuildRequest: projection.RebuildRequest{By: command.By{Actor: event.ActorSystem}, Name: p.Name}, unlessShown: true})
		}
	}
	left, err := queries.UnattendedRuns(ctx, r.db.requests)
	if err != nil {
		return unavailable(err)
	}
	for _, run := range left {
		if p, err := ProjectionNamed(run.Name); err != nil || int(run.Definition) != p.Definition || hidden[run.Name] {
			continue // of another release, or done above
		}
		by := command.By{Actor: event.Actor(run.AskedBy), WorkspaceID: run.AskedIn.UUID}
		build(job{RebuildRequest: projection.RebuildRequest{By: by, Name: run.Name, Rollback: run.Rollback}, resume: true})
	}
	return errors.Join(failures...)
}

// CancelRebuild ends a rebuild, wherever it runs, and drops what it built.
func (r *Rebuilds) CancelRebuild(ctx context.Context, by command.By, name string) error {
	p, err := ProjectionNamed(name)
	if err != nil {
		return err
	}
	for {
		if err := r.cancel(ctx, by, name); err != nil {
			return err
		}
		by.Once = nil
		build, err := r.db.newRebuild(ctx, r.dsn, by, p, r.logger)
		if err == nil {
			return errors.Join(r.dropCancelled(ctx, build), build.close(ctx))
		}
		if !errors.Is(err, errRebuildRunning) {
			return unavailable(err)
		}
		switch err := pause(ctx, cancelPoll); {
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			return problem.Unavailable("rebuild-ending", "the rebuild was told to end and has not yet; see: orderbridge projection list")
		}
	}
}

// cancel tells whoever builds a version to give it up, if there is one.
func (r *Rebuilds) cancel(ctx context.Context, by command.By, name string) error {
	_, err := r.db.update(ctx, by, func(tx pgx.Tx, _ *pipeline) ([]event.New, error) {
		cancelled, err := queries.CancelRun(ctx, tx, name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return nextOf(ctx, tx, by, event.ProjectionStream(name), decided.RebuildCancelled{
			Projection: name, Version: int(cancelled.Version), Position: cancelled.Position,
		})
	})
	return err
}

// dropCancelled drops what an interrupted rebuild left. One that was told to end has dropped it itself.
func (*Rebuilds) dropCancelled(ctx context.Context, build *rebuild) error {
	left, err := queries.UnfinishedVersion(ctx, build.conn, build.Name)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !left.Cancelled {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	return denied(build.drop(ctx, int(left.Version)))
}

// DropPrevious drops the version that was read before the present one, if there is one.
func (r *Rebuilds) DropPrevious(ctx context.Context, by command.By, name string) error {
	p, err := ProjectionNamed(name)
	if err != nil {
		return err
	}
	build, err := r.db.newRebuild(ctx, r.dsn, by, p, r.logger)
	if err != nil {
		return err
	}
	return errors.Join(denied(build.dropPrevious(ctx)), build.close(ctx))
}

// tellSwitches tells those switches that whoever made them did not live to tell.
func (db *Database) tellSwitches(ctx context.Context) error {
	names, err := queries.UntoldSwitches(ctx, db.requests)
	if err != nil {
		return unavailable(err)
	}
	for _, name := range names {
		if err := db.tellSwitch(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// tellSwitch makes an event of a switch that is in none yet. That is not done in the transaction of the switch, where whoever appends
// would wait for readers, and readers for whoever appends.
func (db *Database) tellSwitch(ctx context.Context, name string) error {
	return pgx.BeginFunc(ctx, db.requests, func(tx pgx.Tx) error {
		made, err := queries.UntoldSwitch(ctx, tx, name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		told := decided.Switch{
			Projection: name, Version: int(made.Version), Position: made.Position,
			ReadersWaitedMS: milliseconds(made.ReadersWaitedSeconds), LongestLockMS: milliseconds(made.LongestLockSeconds),
		}
		previous, err := queries.PreviousVersion(ctx, tx, name)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		told.PreviousVersion = int(previous.Version)
		var payload event.Payload = decided.RolledBack{Switch: told}
		if made.EventType == (decided.Rebuilt{}).EventName() {
			payload = decided.Rebuilt{Switch: told, TookSeconds: made.TookSeconds}
		}
		by := command.By{Actor: event.Actor(made.AskedBy), WorkspaceID: made.AskedIn.UUID}
		return appendDecision(ctx, tx, by, name, payload, func(pipe *pipeline) error {
			return queries.ToldSwitch(ctx, pipe, dbsqlc.ToldSwitchParams{Name: name, Version: made.Version})
		})
	})
}

// appendDecision appends what was decided on a projection at the end of a transaction, and does what goes with it in the same round trip. It
// is an event of the workspace of who decided it; that of the service itself is in none.
func appendDecision(
	ctx context.Context, tx pgx.Tx, by command.By, name string, payload event.Payload, also func(*pipeline) error,
) error {
	events, err := nextOf(ctx, tx, by, event.ProjectionStream(name), payload)
	if err != nil {
		return err
	}
	encoded, err := encode(events)
	if err != nil {
		return err
	}
	var p pipeline
	if err := errors.Join(also(&p), queueAppend(ctx, &p, encoded)); err != nil {
		return err
	}
	return p.send(ctx, tx)
}

// denied tells what to do about a change of tables that this user may not make.
func denied(err error) error {
	if isDenied(err) {
		return errRebuildForbidden.Because(err)
	}
	return unavailable(err)
}

// errEventOfOthers: what is in the log of one workspace is not for another one to decide on.
var errEventOfOthers = problem.Forbidden("event-of-another-workspace",
	"that event belongs to another workspace: its owner decides on it, or whoever sits at the server")

// isAtServer tells that somebody sits at the server, who may know and decide all.
func isAtServer(by command.By) bool {
	return strings.HasPrefix(string(by.Actor), string(event.ActorCommandLine))
}

// Skip lets a projection pass over the event that it is stopped at.
func (r *Rebuilds) Skip(ctx context.Context, cmd projection.SkipRequest) (int64, error) {
	p, err := ProjectionNamed(cmd.Name)
	if err != nil {
		return 0, err
	}
	at, err := queries.WorkspaceAt(ctx, r.db.requests, cmd.Position)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, problem.NotFound("event-unknown", "the log has no event %d", cmd.Position)
	}
	if err != nil {
		return 0, unavailable(err)
	}
	by := cmd.By
	if by.WorkspaceID != at.WorkspaceID && !isAtServer(by) {
		return 0, errEventOfOthers
	}
	by.WorkspaceID = at.WorkspaceID // whose event it is, where the decision belongs
	return r.db.update(ctx, by, func(tx pgx.Tx, pipe *pipeline) ([]event.New, error) {
		skipped, err := queries.IsSkipped(ctx, tx, dbsqlc.IsSkippedParams{Name: p.Name, Position: cmd.Position})
		if err != nil {
			return nil, err
		}
		if skipped {
			return nil, problem.Conflict("event-skipped-already", "%s passes over event %d already; it goes on when a service runs",
				p.Name, cmd.Position)
		}
		reason, err := whyStoppedAt(ctx, tx, p, cmd.Position)
		if err != nil {
			return nil, err
		}
		if err := queries.SkipEvent(ctx, pipe, dbsqlc.SkipEventParams{Name: p.Name, Position: cmd.Position}); err != nil {
			return nil, err
		}
		return nextOf(ctx, tx, by, event.ProjectionStream(p.Name), decided.EventSkipped{
			Projection: p.Name, Position: cmd.Position, EventType: at.Type, Reason: reason,
		})
	})
}

// whyStoppedAt is why a projection cannot fold an event; a problem when it is not stopped there.
func whyStoppedAt(ctx context.Context, tx pgx.Tx, p Projection, position int64) (string, error) {
	refusal := problem.Conflict("not-stopped-there", "%s is not stopped at event %d; where it is: orderbridge projection list", p.Name, position)
	stop, err := queries.StopOf(ctx, tx, p.ConsumerName())
	switch {
	case err == nil && stop.Category == string(projection.Stopped) && stop.Position == position:
		return stop.Reason, nil
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return "", err
	}
	failure, err := queries.FailureAt(ctx, tx, dbsqlc.FailureAtParams{Name: p.Name, Position: position})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", refusal
	}
	return failure, err
}
