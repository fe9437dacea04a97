package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	decided "orderbridge/domain/projection"
)

const (
	// A slice of a rebuild is a transaction. It begins small and grows to what a second takes: a longer one would keep vacuum
	// from tidying up behind everybody else, and a much shorter one would pay for its commit more than for its work.
	firstRebuildSlice = 5_000
	maxRebuildSlice   = 100_000
	shortRebuildSlice = 500 * time.Millisecond
	longRebuildSlice  = 2 * time.Second

	// nearEnough is how many events of the log may be missing from a version whose tables are about to be shown, and switchGap how
	// many more to fold when they are: their consumer waits for that.
	nearEnough = 100
	switchGap  = 200

	// What bounds for how long the switch locks something. A reader waits behind it for as long as it waits for other readers of a view,
	// at most readersTimeout, and for what else the one statement of the switch takes, switchTimeout in all. The consumer whose cursor is
	// locked waits for beforeSwitch at most, and then for that statement. All are given up then, and tried again.
	readersTimeout = 30 * time.Millisecond
	switchTimeout  = 60 * time.Millisecond
	beforeSwitch   = 30 * time.Millisecond
	// cursorTimeout bounds how long to wait for a slice that is being folded, which keeps nobody.
	cursorTimeout = time.Second

	// firstViewsRetry is how long readers are left alone before the views are changed after all, lastViewsRetry how long when
	// that failed many times. After every switchPatience attempts the log says so.
	firstViewsRetry = 50 * time.Millisecond
	lastViewsRetry  = time.Second
	switchPatience  = 20

	// maxSliceAttempts is how often a slice is tried again that got into somebody's way.
	maxSliceAttempts = 5
	endRunTimeout    = 5 * time.Second
	// lockRetry is how long one waits for another run that ends, before one looks again.
	lockRetry = 20 * time.Millisecond
)

// rebuild is one run that builds a version of a projection's tables, on a connection of its own. The connection holds the
// lock on rebuilding the projection, so that it ends with the run, however that ends.
type rebuild struct {
	Projection

	db      *Database
	conn    *pgx.Conn
	logger  *slog.Logger
	version int
	// complete tells that the version was shown before, so that it has its indexes; made that this run made it.
	complete, made bool
	// readersWaited and longestLock are the longest of all attempts to switch.
	readersWaited, longestLock time.Duration

	position, from, size int64
	phase                string
	started              time.Time
	by                   command.By
	runner               string
	report               func(projection.Rebuild)
}

var (
	errNoPrevious   = problem.NotFound("no-previous-version", "no version was read before the present one, or it was dropped")
	errOtherRelease = problem.Conflict("previous-version-older",
		"the version that was read before was made by another release, and this one cannot read it")
	errRebuildRunning   = problem.Conflict("rebuild-running", "it is being rebuilt already")
	errRebuildCancelled = problem.Conflict("rebuild-cancelled", "the rebuild was cancelled, and what it built was dropped")
	errRebuildForbidden = problem.Forbidden("rebuild-forbidden",
		"this database user may not make tables and change views; run the command with the --database-url of the one who ran: orderbridge migrate")
)

// rebuildLock is the advisory lock under which a projection is rebuilt.
const rebuildLock = "SELECT pg_try_advisory_lock(hashtextextended('orderbridge rebuild ' || $1, 0))"

// newRebuild connects, and makes sure that nobody else rebuilds the projection.
func (db *Database) newRebuild(ctx context.Context, dsn string, by command.By, p Projection, logger *slog.Logger) (*rebuild, error) {
	r, err := db.newBuild(ctx, dsn, p, rebuildLock, logger)
	for began := time.Now(); errors.Is(err, errLockTaken); r, err = db.newBuild(ctx, dsn, p, rebuildLock, logger) {
		// One that can be seen is refused for. One that has just ended, or is about to begin, is not seen and has the lock.
		running, errRunning := db.rebuildRunning(ctx, by, p.Name)
		switch {
		case errRunning != nil:
			return nil, errRunning
		case running != nil:
			return nil, running
		case time.Since(began) > endRunTimeout:
			return nil, problem.Conflict(errRebuildRunning.Code(), "%s is being rebuilt by somebody else at this moment", p.Name)
		}
		if err := pause(ctx, lockRetry); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	r.by = by
	// Whoever has the lock is the only one: what else seems to run was killed.
	if err := errors.Join(queries.ForgetRuns(ctx, r.conn, p.Name), db.tellSwitch(ctx, p.Name)); err != nil {
		return nil, errors.Join(unavailable(err), r.close(ctx))
	}
	return r, nil
}

// errLockTaken: somebody else is at the same thing.
var errLockTaken = errors.New("the lock is taken")

// newBuild connects as one who builds tables, and takes a lock on the projection.
func (db *Database) newBuild(ctx context.Context, dsn string, p Projection, lock string, logger *slog.Logger) (*rebuild, error) {
	config, err := installationConfig(dsn, "orderbridge rebuild")
	if err != nil {
		return nil, err
	}
	maps.Copy(config.RuntimeParams, map[string]string{
		// The tables grow from nothing while they are filled.
		"plan_cache_mode": "force_custom_plan",
		// A slice that a crash of the server loses is folded again: where it ended is lost with it.
		"synchronous_commit": "off",
		"work_mem":           "64MB", "maintenance_work_mem": "256MB",
		"jit": "off", // which costs more than it gives on statements that run for a second
		// An index takes as long as it takes, whatever is allowed to other work of this user.
		"statement_timeout": "0", "lock_timeout": "0",
	})
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("reach database: %w", unavailable(err))
	}
	r := &rebuild{Projection: p, db: db, conn: conn, logger: logger, size: firstRebuildSlice, runner: thisProcess()}
	var free bool
	if err := conn.QueryRow(ctx, lock, p.Name).Scan(&free); err != nil {
		return nil, errors.Join(unavailable(err), r.close(ctx))
	}
	if !free {
		return nil, errors.Join(errLockTaken, r.close(ctx))
	}
	return r, nil
}

// close ends the connection. The lock goes first, since the server may notice the end of a connection only after others have
// come to take the lock.
func (r *rebuild) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endRunTimeout)
	defer cancel()
	_, err := r.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	if r.conn.IsClosed() { // it broke off, which whoever used it knows
		return nil
	}
	return errors.Join(err, r.conn.Close(ctx))
}

// thisProcess names the process to people who look for it.
func thisProcess() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// rebuildRunning says who rebuilds a projection, and where that stands; nil when nobody is seen to.
func (db *Database) rebuildRunning(ctx context.Context, by command.By, name string) (*problem.Error, error) {
	states, err := db.projectionStates(ctx)
	if err != nil {
		return nil, err
	}
	state, _ := projection.Named(states, name)
	run := state.Rebuild
	if run == nil || run.Runner == "" {
		return nil, nil //nolint:nilnil // nobody is a good answer
	}
	who := run.AskedBy
	if !isAtServer(by) {
		who = projection.ActorSeenFrom(uuid.NullUUID{UUID: by.WorkspaceID, Valid: true}, run.AskedIn, who)
	}
	return problem.Conflict(errRebuildRunning.Code(),
		"%s is being rebuilt already: asked for by %s, running on %s since %s, %d of %d events done",
		name, who, run.Runner, run.StartedAt.UTC().Format(time.RFC3339), run.EventsDone, run.EventsTotal), nil
}

// errNothingLeft: what was to be gone on with has been completed or dropped meanwhile.
var errNothingLeft = errors.New("nothing is left to build")

// prepare finds or makes the version that is to be built: the one that was shown before when that is gone back to, the one
// that an interrupted run left, or a new one. A release that is started again after a newer one was finds its own there.
func (r *rebuild) prepare(ctx context.Context, job job) error {
	rollback := job.Rollback
	shown, err := r.isShown(ctx, r.conn)
	if err != nil {
		return err
	}
	if job.unlessShown && shown {
		return errNothingLeft
	}
	if job.resume {
		wanted, err := queries.UnattendedRuns(ctx, r.conn)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(wanted, func(run dbsqlc.UnattendedRunsRow) bool {
			return run.Name == r.Name && int(run.Definition) == r.Definition && run.Rollback == rollback
		}) {
			return errNothingLeft
		}
	}
	previous, err := queries.PreviousVersion(ctx, r.conn, r.Name)
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return err
	case err == nil && int(previous.Definition) == r.Definition && (rollback || !shown):
		r.version, r.position, r.complete = int(previous.Version), previous.Position, true
		return nil
	case err == nil && rollback:
		return errOtherRelease
	case rollback:
		return errNoPrevious
	}
	left, err := queries.UnfinishedVersion(ctx, r.conn, r.Name)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return err
	case int(left.Definition) == r.Definition && !left.Cancelled:
		r.version, r.position = int(left.Version), left.Position
		return nil
	default: // of another release, or not wanted any more
		if err := r.drop(ctx, int(left.Version)); err != nil {
			return err
		}
	}
	return inInstallation(ctx, r.conn, func(tx pgx.Tx) error {
		versions, err := queries.VersionsOf(ctx, tx, r.Name)
		if err != nil {
			return err
		}
		for _, version := range versions {
			r.version = max(r.version, int(version))
		}
		r.version++
		r.made = true
		if err := r.create(ctx, tx, r.SchemaOf(r.version)); err != nil {
			return err
		}
		return queries.AddVersion(ctx, tx, dbsqlc.AddVersionParams{
			Name: r.Name, Version: number(r.version), Definition: number(r.Definition), AskedBy: string(r.by.Actor),
		})
	})
}

// run builds the version and shows it.
func (r *rebuild) run(ctx context.Context, job job) (err error) {
	if err := r.start(ctx, job); err != nil {
		return err
	}
	r.started, r.from = time.Now(), r.position
	defer func() { err = errors.Join(err, r.end(ctx, err)) }()
	if job.started != nil {
		job.started()
	}
	r.logger.InfoContext(ctx, "building read tables", "projection", r.Name, "version", r.version, "from", r.position)
	if err := r.fill(ctx, "filling", maxRebuildSlice); err != nil {
		return err
	}
	if err := r.index(ctx); err != nil {
		return err
	}
	if err := r.show(ctx); err != nil {
		return err
	}
	if err := r.db.tellSwitch(ctx, r.Name); err != nil { // whoever comes next tells it
		r.logger.WarnContext(ctx, "a switch of read tables is in no event yet", "projection", r.Name, "error", err)
	}
	r.logger.InfoContext(ctx, "new read tables are shown", "projection", r.Name, "version", r.version, "events", r.position,
		"took", time.Since(r.started), "longest_lock", r.longestLock)
	return nil
}

// start notes that the run begins. If it is somebody's wish, that is an event: the service goes on by itself with what it began.
func (r *rebuild) start(ctx context.Context, job job) error {
	own := job.resume || job.unlessShown
	_, err := r.db.update(ctx, r.by, func(tx pgx.Tx, pipe *pipeline) ([]event.New, error) {
		if err := queries.StartRun(ctx, pipe, dbsqlc.StartRunParams{
			AskedBy: string(r.by.Actor), AskedIn: uuid.NullUUID{UUID: r.by.WorkspaceID, Valid: r.by.WorkspaceID != uuid.Nil},
			Unattended: job.unattended, Runner: &r.runner, Name: r.Name, Version: number(r.version),
		}); err != nil || own && !r.made {
			return nil, err
		}
		return nextOf(ctx, tx, r.by, event.ProjectionStream(r.Name), decided.RebuildStarted{
			Projection: r.Name, Version: r.version, Position: r.position, Rollback: r.complete,
		})
	})
	return err
}

// end keeps how the run ended. A cancelled one leaves nothing.
func (r *rebuild) end(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endRunTimeout)
	defer cancel()
	params := dbsqlc.EndRunParams{Name: r.Name, Version: number(r.version)}
	if cause != nil {
		params.Failure = new(storable(cause.Error()))
		if failed, ok := errors.AsType[*foldError](cause); ok {
			params.FailedPosition = &failed.position
		}
		if errors.Is(cause, context.Canceled) {
			params.Failure = nil
		}
	}
	// On another connection: the run's own may be what failed.
	if err := queries.EndRun(ctx, r.db.requests, params); err != nil {
		r.logger.WarnContext(ctx, "how a rebuild ended could not be kept", "projection", r.Name, "error", err)
	}
	if errors.Is(cause, errRebuildCancelled) && !r.complete {
		return r.drop(ctx, r.version)
	}
	return nil
}

// foldError is an event that cannot be folded.
type foldError struct {
	position int64
	cause    error
}

func (e *foldError) Error() string {
	return fmt.Sprintf("event %d cannot be folded: %v", e.position, e.cause)
}
func (e *foldError) Unwrap() error { return e.cause }

// fill folds the log into the version's tables.
func (r *rebuild) fill(ctx context.Context, phase string, maxSize int64) error {
	if err := r.enter(ctx, phase); err != nil {
		return err
	}
	return r.foldAll(ctx, func(ctx context.Context, tx pgx.Tx, upto int64) error {
		if err := r.goOn(ctx, tx); err != nil {
			return err
		}
		return r.foldNext(ctx, tx, upto)
	}, maxSize, nearEnough, func(ctx context.Context) (int64, error) { return queries.Head(ctx, r.conn) })
}

// foldAll folds the log in slices, each in a transaction, up to where its end was at the beginning, and on until it is near enough to
// where that is by then: whatever goes on coming in, it comes to its end. An event that cannot be folded is a foldError.
func (r *rebuild) foldAll(
	ctx context.Context, fold func(ctx context.Context, tx pgx.Tx, upto int64) error, maxSize, near int64, end func(context.Context) (int64, error),
) error {
	r.size = min(r.size, maxSize)
	attempts, caughtUp := 0, false
	for {
		head, err := end(ctx)
		if err != nil {
			return err
		}
		r.tell(head)
		if left := head - r.position; left <= 0 || caughtUp && left <= near {
			return nil
		}
		upto, began := min(r.position+r.size, head), time.Now()
		err = pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error { return fold(ctx, tx, upto) })
		switch took := time.Since(began); {
		case err == nil:
			r.position, attempts, caughtUp = upto, 0, upto == head
			if took < shortRebuildSlice {
				r.size = min(2*r.size, maxSize)
			} else if took > longRebuildSlice {
				r.size = max(r.size/2, 1)
			}
		case ctx.Err() != nil || isUnavailable(err) || errors.Is(err, errRebuildCancelled):
			return err
		case isTransient(err) && attempts < maxSliceAttempts:
			attempts++
		case upto-r.position > 1: // which of them it is
			r.size = (upto - r.position) / 2
		default:
			return &foldError{position: upto, cause: err}
		}
	}
}

// goOn refuses when somebody cancelled the rebuild.
func (r *rebuild) goOn(ctx context.Context, db dbsqlc.DBTX) error {
	cancelled, err := queries.RunCancelled(ctx, db, dbsqlc.RunCancelledParams{Name: r.Name, Version: number(r.version)})
	if err == nil && cancelled {
		return errRebuildCancelled
	}
	return err
}

// foldNext folds what follows, up to a position.
func (r *rebuild) foldNext(ctx context.Context, tx pgx.Tx, upto int64) error {
	return r.foldInto(ctx, tx, r.SchemaOf(r.version), r.position, upto, func(pipe *pipeline) error {
		return queries.MoveVersion(ctx, pipe, dbsqlc.MoveVersionParams{Position: upto, Name: r.Name, Version: number(r.version)})
	})
}

// index makes what only readers need, when the tables are filled, and statistics with it: each index in a transaction of its
// own, so that an interrupted run keeps those that it made.
func (r *rebuild) index(ctx context.Context) error {
	if r.complete {
		return nil
	}
	if err := r.enter(ctx, "indexing"); err != nil {
		return err
	}
	r.tell(r.position)
	schema := pgx.Identifier{r.SchemaOf(r.version)}.Sanitize()
	if _, err := r.conn.Exec(ctx, fmt.Sprintf("SET search_path = %s, public", schema)); err != nil {
		return err
	}
	for _, index := range r.indexes {
		if err := r.goOn(ctx, r.conn); err != nil {
			return err
		}
		if _, err := r.conn.Exec(ctx, index, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("index %s: %w", schema, err)
		}
		r.tell(r.position)
	}
	_, err := r.conn.Exec(ctx, fmt.Sprintf(`DO $do$
		DECLARE t text;
		BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '%s' LOOP
				EXECUTE format('ANALYZE %%I', t);
			END LOOP;
		END $do$; SET search_path = public`, r.SchemaOf(r.version)), pgx.QueryExecModeSimpleProtocol)
	return err
}

// show lets the views show the version, as soon as it has caught up and nobody reads them for longer than an instant. To wait
// for such a reader would make all others wait behind, and would never end for one who reads several views, since they are
// locked one by one. So it gives up and tries again, holding nothing in between.
func (r *rebuild) show(ctx context.Context) error {
	wait := firstViewsRetry
	for attempt := 1; ; attempt++ {
		if err := r.goOn(ctx, r.conn); err != nil {
			return err
		}
		if err := r.fill(ctx, "switching", projectionSlice); err != nil {
			return err
		}
		err := r.switchTo(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case errors.Is(err, errTooFarBehind):
			continue
		case !errors.Is(err, errTooSlow) && !hasCode(err, codeLockTaken, codeDeadlock, codeTimedOut):
			return err
		case attempt%switchPatience == 0:
			r.logger.WarnContext(ctx, "new read tables wait to be shown: somebody reads for long, or the machine is too busy",
				"projection", r.Name, "version", r.version, "attempts", attempt)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, lastViewsRetry)
	}
}

// What keeps a switch from being made at this moment.
const (
	codeLockTaken = "55P03" // within lock_timeout
	codeDeadlock  = "40P01" // with a reader of several views
	codeTimedOut  = "57014" // within statement_timeout
)

var (
	// errTooFarBehind: more came in than may be folded while the consumer waits.
	errTooFarBehind = errors.New("too much is left to fold")
	// errTooSlow: it took too long until the switch could begin.
	errTooSlow = errors.New("too much time went by with the cursor locked")
)

// switchTo is the one transaction in which the views go over to the version: it changes versions, hands the cursor on, folds what the
// version that is shown has and this one has not, and changes the views. What other programs can come upon is locked last, and for
// the time that the server allows itself: the last statement and the commit are one message to it. That commit is not waited
// for to be on disk, which would be under those locks; noting how long they were held is, and whatever was committed before with it.
func (r *rebuild) switchTo(ctx context.Context) (err error) {
	tx, err := r.conn.Begin(ctx)
	if err != nil {
		return err
	}
	var locked, sent time.Time
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(tx.Rollback(context.WithoutCancel(ctx))), r.wakeConsumers(ctx))
		}
		if locked.IsZero() {
			return
		}
		r.longestLock = max(r.longestLock, time.Since(locked))
		if !sent.IsZero() {
			r.readersWaited = max(r.readersWaited, time.Since(sent))
		}
		if errNote := r.noteLocks(ctx); err == nil {
			err = errNote
		}
	}()
	if err := lockInstallation(ctx, tx); err != nil {
		return err
	}
	live, last, err := r.prepareSwitch(ctx, tx)
	locked = time.Now()
	if err != nil {
		return err
	}
	position := max(live, r.position)
	if position-r.position > switchGap {
		return errTooFarBehind
	}
	folds, err := r.foldsUpto(ctx, tx, position)
	if err != nil {
		return err
	}
	var pipe pipeline
	if err := errors.Join(
		queries.MoveVersion(ctx, &pipe, dbsqlc.MoveVersionParams{Position: position, Name: r.Name, Version: number(r.version)}),
		queries.MoveCursor(ctx, &pipe, dbsqlc.MoveCursorParams{Consumer: r.ConsumerName(), Position: position}),
		queries.NotifyAppended(ctx, &pipe, dbsqlc.NotifyAppendedParams{Channel: appendedChannel, EventTypes: switched}),
	); err != nil {
		return err
	}
	if last.hidden != 0 {
		if err := queries.MoveVersion(ctx, &pipe, dbsqlc.MoveVersionParams{Position: live, Name: r.Name, Version: last.hidden}); err != nil {
			return err
		}
	}
	if err := pipe.send(ctx, tx); err != nil {
		return err
	}
	if sent = time.Now(); sent.Sub(locked) > beforeSwitch {
		sent = time.Time{}
		return errTooSlow
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d;
DO $switch$ BEGIN
%s%s;
UPDATE public.projections SET readers_waited = greatest(readers_waited, clock_timestamp() - statement_timestamp()),
	longest_lock = greatest(longest_lock, clock_timestamp() - statement_timestamp())
WHERE name = '%s' AND version = %d;
END $switch$; COMMIT`, readersTimeout.Milliseconds(), switchTimeout.Milliseconds(), folds, last.changes, r.Name, r.version,
	), pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("show the tables of %s: %w", r.SchemaOf(r.version), err)
	}
	r.position = position
	return nil
}

// wakeConsumers lets consumers look again after an attempt to switch that came to nothing. Whoever looked meanwhile found the cursor
// locked, took that for nothing to do, and would have slept on what was appended.
func (r *rebuild) wakeConsumers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endRunTimeout)
	defer cancel()
	return queries.NotifyAppended(ctx, r.db.requests, dbsqlc.NotifyAppendedParams{Channel: appendedChannel, EventTypes: switched})
}

// lastStep is what is left of a switch when the cursor is locked.
type lastStep struct {
	hidden  int32 // the version that was shown until then; 0 for none
	changes string
}

// prepareSwitch does what keeps nobody, and locks the cursor at its end: it returns where that stands.
func (r *rebuild) prepareSwitch(ctx context.Context, tx pgx.Tx) (live int64, last lastStep, err error) {
	shown, err := queries.ShownVersion(ctx, tx, r.Name)
	hidden := ""
	switch {
	case err == nil:
		last.hidden, hidden = shown.Version, r.SchemaOf(int(shown.Version))
	case !errors.Is(err, pgx.ErrNoRows):
		return 0, last, err
	}
	if err := queries.HideShown(ctx, tx, r.Name); err != nil {
		return 0, last, err
	}
	untold := decided.Rebuilt{}.EventName()
	if r.complete {
		untold = decided.RolledBack{}.EventName()
	}
	_, err = queries.ShowVersion(ctx, tx, dbsqlc.ShowVersionParams{Untold: untold, Name: r.Name, Version: number(r.version)})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, last, errRebuildCancelled
	}
	if err != nil {
		return 0, last, err
	}
	if last.changes, err = r.viewChanges(ctx, tx, hidden, r.SchemaOf(r.version)); err != nil {
		return 0, last, err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", cursorTimeout.Milliseconds())); err != nil {
		return 0, last, err
	}
	live, err = queries.LockCursor(ctx, tx, r.ConsumerName()) // waits for the slice that is being folded, if one is
	return live, last, err
}

// foldsUpto are statements for a block of PL/pgSQL that fold what is left, up to a position: as one statement, for which there is one
// time limit.
func (r *rebuild) foldsUpto(ctx context.Context, tx pgx.Tx, upto int64) (string, error) {
	if upto <= r.position {
		return "", nil
	}
	entered, err := queries.EnterSchema(ctx, tx, dbsqlc.EnterSchemaParams{
		Schema: r.SchemaOf(r.version), Name: r.Name, After: r.position, Upto: upto,
	})
	if err != nil {
		return "", err
	}
	var block strings.Builder
	err = r.eachFold(slice{r.position, upto, entered.Skipped, entered.Types}, func(statement string, after, upto int64) error {
		fmt.Fprintf(&block, "EXECUTE $fold$%s$fold$ USING %d::bigint, %d::bigint;\n", statement, after, upto)
		return nil
	})
	return block.String(), err
}

// noteLocks keeps the longest times of the run.
func (r *rebuild) noteLocks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endRunTimeout)
	defer cancel()
	// On another connection: the run's own may be what failed, and does not wait for the disk.
	return queries.NoteLocks(ctx, r.db.requests, dbsqlc.NoteLocksParams{
		ReadersWaited: r.readersWaited.Seconds(), LongestLock: r.longestLock.Seconds(), Name: r.Name, Version: number(r.version),
	})
}

func ignoreClosed(err error) error {
	if errors.Is(err, pgx.ErrTxClosed) {
		return nil
	}
	return err
}

// dropOlder drops the versions that were complete before the one that was read before.
func (r *rebuild) dropOlder(ctx context.Context) error {
	previous, err := queries.PreviousVersion(ctx, r.conn, r.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	versions, err := queries.VersionsOf(ctx, r.conn, r.Name)
	if err != nil {
		return err
	}
	for _, version := range versions {
		if int(version) == r.version || version == previous.Version {
			continue
		}
		if err := r.drop(ctx, int(version)); err != nil {
			return err
		}
	}
	return nil
}

// dropPrevious drops the version that was read before the present one, if there is one.
func (r *rebuild) dropPrevious(ctx context.Context) error {
	return inInstallation(ctx, r.conn, func(tx pgx.Tx) error {
		previous, err := queries.PreviousVersion(ctx, tx, r.Name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.dropIn(ctx, tx, int(previous.Version)); err != nil {
			return err
		}
		dropped := decided.PreviousDropped{Projection: r.Name, Version: int(previous.Version)}
		return appendDecision(ctx, tx, r.by, r.Name, dropped, func(*pipeline) error { return nil })
	})
}

// drop drops a version that is not shown.
func (r *rebuild) drop(ctx context.Context, version int) error {
	return inInstallation(ctx, r.conn, func(tx pgx.Tx) error { return r.dropIn(ctx, tx, version) })
}

func (r *rebuild) dropIn(ctx context.Context, tx pgx.Tx, version int) error {
	if _, err := tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{r.SchemaOf(version)}.Sanitize()+" CASCADE"); err != nil {
		return fmt.Errorf("drop %s: %w", r.SchemaOf(version), err)
	}
	return queries.DropVersion(ctx, tx, dbsqlc.DropVersionParams{Name: r.Name, Version: number(version)})
}

func (r *rebuild) enter(ctx context.Context, phase string) error {
	if r.phase == phase {
		return nil
	}
	r.phase = phase
	return queries.EnterPhase(ctx, r.conn, dbsqlc.EnterPhaseParams{Phase: phase, Name: r.Name, Version: number(r.version)})
}

// tell reports how far the run is.
func (r *rebuild) tell(head int64) {
	if r.report == nil {
		return
	}
	told := projection.Rebuild{
		Version: r.version, State: projection.RebuildRunning, Phase: r.phase, EventsDone: r.position, EventsTotal: max(head, r.position),
		StartedAt: r.started.UTC(), AskedBy: string(r.by.Actor), Runner: r.runner, ReadersWaitedMS: milliseconds(r.readersWaited.Seconds()),
		LongestLockMS: milliseconds(r.longestLock.Seconds()),
	}
	told.EventsPerSecond, told.ETASeconds = pace(r.position-r.from, head-r.position, time.Since(r.started))
	r.report(told)
}

// milliseconds are seconds with as many digits as mean something.
func milliseconds(seconds float64) float64 { return math.Round(seconds*1e6) / 1e3 }

// pace is the rate of a run and what it makes of the rest, in seconds: nil while that cannot be told.
func pace(done, left int64, took time.Duration) (perSecond float64, eta *float64) {
	if done <= 0 || took <= 0 {
		return 0, nil
	}
	perSecond = float64(done) / took.Seconds()
	return perSecond, new(float64(max(left, 0)) / perSecond)
}
