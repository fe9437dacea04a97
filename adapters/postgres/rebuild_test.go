package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	decided "orderbridge/domain/projection"
	"orderbridge/domain/user"
)

func (b *bundle) rebuilds() *postgres.Rebuilds { return postgres.NewRebuilds(b.db, b.dsn, quiet()) }

// rebuild rebuilds a projection as an operator does.
func (b *bundle) rebuild(ctx context.Context, name string) (projection.Status, error) {
	return b.rebuilds().Rebuild(ctx, projection.RebuildRequest{By: command.By{WorkspaceID: b.workspaceID, Actor: "cli:lan"}, Name: name}, func(projection.Rebuild) {})
}

func (b *bundle) mustRebuild(t testing.TB, name string) projection.Status {
	t.Helper()
	state, err := b.rebuild(t.Context(), name)
	if err != nil {
		t.Fatalf("rebuild %s: %v", name, err)
	}
	return state
}

// stateOf is where a projection stands.
func (b *bundle) stateOf(t testing.TB, name string) projection.Status {
	t.Helper()
	states, err := b.rebuilds().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(states, func(s projection.Status) bool { return s.Name == name })
	if at < 0 {
		t.Fatalf("%s is not among %v", name, states)
	}
	return states[at]
}

// wantVerified asserts that what is read is what the log says.
func (b *bundle) wantVerified(t testing.TB) {
	t.Helper()
	for _, p := range postgres.Projections() {
		verified, err := b.rebuilds().Verify(t.Context(), projection.VerifyRequest{Name: p.Name, Examples: 20}, nil)
		if err != nil {
			t.Fatalf("verify %s: %v", p.Name, err)
		}
		if verified.Different() != 0 || len(verified.Tables) == 0 {
			t.Errorf("%s at %d differs from what the log says: %+v", p.Name, verified.Position, verified.Tables)
		}
	}
}

// indexesOf are the indexes of a schema, without its name.
func indexesOf(t testing.TB, b *bundle, schema string) []string {
	t.Helper()
	return list[string](t, b, "SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = $1 ORDER BY 1", schema)
}

func schemasOf(t testing.TB, b *bundle, name string) []string {
	t.Helper()
	return list[string](t, b, `SELECT nspname::text FROM pg_namespace WHERE nspname LIKE $1 || '\_%' ORDER BY 1`, name)
}

func TestRebuild(t *testing.T) {
	t.Parallel()

	t.Run("makes the same tables beside those that are read, and shows them in their place", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tell(t, b)
		b.foldAll(t)
		before, head := viewsOf(t, b), b.head(t)
		var told []projection.Rebuild
		state, err := b.rebuilds().Rebuild(t.Context(), projection.RebuildRequest{By: command.By{Actor: "cli:lan"}, Name: "crm"}, func(r projection.Rebuild) {
			told = append(told, r)
		})
		if err != nil {
			t.Fatal(err)
		}
		began := head + 1 // the event that says so
		if state.Version != 2 || state.Position != began || state.State != projection.Live || state.Rebuild != nil ||
			state.Previous == nil || state.Previous.Version != 1 || state.LastRebuild == nil || state.LastRebuild.AskedBy != "cli:lan" ||
			state.LastRebuild.TookSeconds <= 0 || state.LastRebuild.ReadersWaitedMS <= 0 ||
			state.LastRebuild.LongestLockMS < state.LastRebuild.ReadersWaitedMS {
			t.Errorf("it stands at %+v", state)
		}
		last := told[len(told)-1]
		if last.EventsDone != began || last.EventsTotal != began || last.AskedBy != "cli:lan" || !strings.Contains(last.Runner, "process") {
			t.Errorf("the last that is told is %+v", last)
		}
		wantSame(t, "after the rebuild", viewsOf(t, b), before)
		if shown := scan[string](t, b, "SELECT DISTINCT table_schema FROM information_schema.view_table_usage WHERE view_name = 'crm_orders'"); shown != "crm_v2" {
			t.Errorf("the views show %s", shown)
		}
		if got, want := indexesOf(t, b, "crm_v2"), indexesOf(t, b, "crm_v1"); !slices.Equal(got, want) || len(want) < 10 {
			t.Errorf("the indexes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		b.ingestNew(t, b.newLog(t), anOrder("after"))
		b.foldAll(t)
		if got := scan[int](t, b, "SELECT count(*) FROM crm_orders WHERE external_id = 'after'"); got != 1 {
			t.Errorf("what came in later is read %d times", got)
		}
		b.wantVerified(t)
	})

	t.Run("can be gone back from, and keeps one version before", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		rollback := func() (projection.Status, error) {
			return b.rebuilds().Rebuild(t.Context(), projection.RebuildRequest{By: b.by, Name: "crm", Rollback: true}, nil)
		}
		_, err := rollback()
		wantProblem(t, err, problem.KindNotFound, "no-previous-version")
		b.mustRebuild(t, "crm")
		b.ingestNew(t, b.newLog(t), anOrder("2"))
		b.foldAll(t)
		state, err := rollback()
		if err != nil || state.Version != 1 || state.Previous.Version != 2 {
			t.Fatalf("back: %+v, %v", state, err)
		}
		b.wantVerified(t)
		if got := scan[int](t, b, "SELECT count(*) FROM crm_orders"); got != 2 {
			t.Errorf("%d orders are read", got)
		}
		if state, err = rollback(); err != nil || state.Version != 2 {
			t.Fatalf("and forth: %+v, %v", state, err)
		}
		b.mustRebuild(t, "crm")
		if got := schemasOf(t, b, "crm"); !slices.Equal(got, []string{"crm_v2", "crm_v3"}) {
			t.Errorf("the schemas are %v", got)
		}
		if err := b.rebuilds().DropPrevious(t.Context(), b.by, "crm"); err != nil {
			t.Fatal(err)
		}
		_, err = rollback()
		wantProblem(t, err, problem.KindNotFound, "no-previous-version")
		if got := schemasOf(t, b, "crm"); !slices.Equal(got, []string{"crm_v3"}) {
			t.Errorf("the schemas are %v", got)
		}
		b.wantVerified(t)
	})

	t.Run("is done by one at a time, who is named to others, and can be cancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tell(t, b)
		b.foldAll(t)
		if err := b.rebuilds().CancelRebuild(t.Context(), b.by, "crm"); err != nil {
			t.Error("when there is none:", err)
		}
		release := b.holdViews(t)
		outcome := make(chan error, 1)
		go func() {
			_, err := b.rebuild(t.Context(), "crm")
			outcome <- err
		}()
		eventually(t, "it waits for a reader", func() bool {
			run := b.stateOf(t, "crm").Rebuild
			return run != nil && run.State == projection.RebuildRunning && run.Phase == "switching"
		})
		if run := b.stateOf(t, "crm").Rebuild; run.EventsDone != b.head(t) || run.AskedBy != "cli:lan" {
			t.Errorf("it is said to be at %+v", run)
		}
		_, err := b.rebuild(t.Context(), "crm")
		wantProblem(t, err, problem.KindConflict, "rebuild-running")
		for _, part := range []string{"cli:lan", "process", "events done"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("whoever comes second is told %q, without %q", err, part)
			}
		}
		stranger := command.By{WorkspaceID: event.NewID(), Actor: "api:x"}
		_, err = b.rebuilds().Rebuild(t.Context(), projection.RebuildRequest{By: stranger, Name: "crm"}, nil)
		wantProblem(t, err, problem.KindConflict, "rebuild-running")
		if strings.Contains(err.Error(), "lan") || !strings.Contains(err.Error(), "asked for by cli, running on") {
			t.Errorf("whoever is of another workspace is told %q", err)
		}
		if err := b.rebuilds().CancelRebuild(t.Context(), b.by, "crm"); err != nil {
			t.Fatal(err)
		}
		wantProblem(t, <-outcome, problem.KindConflict, "rebuild-cancelled")
		release()
		if got := schemasOf(t, b, "crm"); !slices.Equal(got, []string{"crm_v1"}) {
			t.Errorf("the schemas are %v", got)
		}
		if state := b.stateOf(t, "crm"); state.Version != 1 || state.Rebuild != nil {
			t.Errorf("it stands at %+v", state)
		}
		b.mustRebuild(t, "deliveries") // each has a lock of its own
		b.mustRebuild(t, "crm")
		b.wantVerified(t)
	})

	t.Run("whoever reads for long keeps the views from changing, and no other reader waits for that", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		release := b.holdViews(t)
		outcome := make(chan error, 1)
		go func() {
			_, err := b.rebuild(t.Context(), "crm")
			outcome <- err
		}()
		for range 3 {
			eventually(t, "the views are about to change", func() bool {
				return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND application_name = 'orderbridge rebuild' AND wait_event_type = 'Lock')`)
			})
			patient, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if _, err := b.admin.Exec(patient, "SELECT FROM crm_customers JOIN crm_orders USING (workspace_id)"); err != nil {
				t.Error("another reader:", err)
			}
			cancel()
		}
		if run := b.stateOf(t, "crm").Rebuild; run == nil || run.ReadersWaitedMS <= 0 || run.LongestLockMS < run.ReadersWaitedMS {
			t.Errorf("of its locks it is said that %+v", run)
		}
		release()
		if err := <-outcome; err != nil {
			t.Error(err)
		}
	})

	t.Run("what takes long under its locks is given up in time, and tried again", func(t *testing.T) {
		t.Parallel()
		if postgres.LongestLock >= 100*time.Millisecond {
			t.Errorf("a lock may be held for %s", postgres.LongestLock)
		}
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("1"))
		b.foldAll(t)
		const tooLong = time.Hour
		b.exec(t, fmt.Sprintf(`CREATE FUNCTION take_long() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(%d); END'`, int(tooLong.Seconds())))
		b.exec(t, "CREATE EVENT TRIGGER take_long ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION take_long()")
		outcome := make(chan error, 1)
		go func() {
			_, err := b.rebuild(t.Context(), "crm")
			outcome <- err
		}()
		for attempt := range 3 { // the first view is changed, and locked, when it begins to take long
			eventually(t, "it holds all its locks", func() bool {
				return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND application_name = 'orderbridge rebuild' AND wait_event = 'PgSleep')`)
			})
			b.ingestNew(t, log, anOrder(fmt.Sprint("meanwhile-", attempt)))
			b.foldAll(t)
			if got := scan[int](t, b, "SELECT count(*) FROM crm_orders"); got != 2+attempt {
				t.Errorf("%d orders are read", got)
			}
		}
		b.exec(t, "DROP EVENT TRIGGER take_long")
		if err := <-outcome; err != nil {
			t.Error(err)
		}
		if done := b.stateOf(t, "crm").LastRebuild; done == nil || done.LongestLockMS <= 0 || done.LongestLockMS > float64(tooLong.Milliseconds())/2 {
			t.Errorf("of its locks it is said that %+v", done)
		}
		b.wantVerified(t)
	})

	t.Run("is told by an event, whoever does not live to tell it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		b.mustRebuild(t, "crm")
		rebuilt := payloadsOf[decided.Rebuilt](b.events(t))
		if len(rebuilt) != 1 || rebuilt[0].Version != 2 || rebuilt[0].PreviousVersion != 1 || rebuilt[0].LongestLockMS < rebuilt[0].ReadersWaitedMS ||
			rebuilt[0].ReadersWaitedMS <= 0 || rebuilt[0].TookSeconds <= 0 || rebuilt[0].Position == 0 {
			t.Errorf("the log says %+v", rebuilt)
		}
		b.exec(t, "UPDATE projections SET untold = 'ProjectionRolledBack' WHERE name = 'crm' AND active") // as if it had been killed before
		for range 2 {
			if err := b.rebuilds().BuildUnfinished(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if back := payloadsOf[decided.RolledBack](b.events(t)); len(back) != 1 || back[0].Version != 2 {
			t.Errorf("the log says %+v", back)
		}
	})

	t.Run("that was cancelled is not gone on with, even if nobody lived to drop it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		ctx, kill := context.WithCancel(t.Context())
		if _, err := b.rebuilds().Rebuild(ctx, projection.RebuildRequest{By: b.by, Name: "crm"}, func(projection.Rebuild) { kill() }); err == nil {
			t.Fatal("it was not killed")
		}
		b.exec(t, "CREATE TABLE crm_v2.left_behind ()")
		b.exec(t, "UPDATE projections SET cancelled = true WHERE name = 'crm' AND NOT active")
		b.mustRebuild(t, "crm")
		if got := scan[int](t, b, "SELECT count(*) FROM pg_tables WHERE tablename = 'left_behind'"); got != 0 {
			t.Error("what was cancelled is read")
		}
		b.foldAll(t)
		b.wantVerified(t)
	})

	t.Run("needs the right to make tables, and says so", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `DO 'BEGIN CREATE ROLE orderbridge_test_reader LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END'`)
		b.exec(t, "GRANT orderbridge_service TO orderbridge_test_reader")
		dsn := strings.Replace(b.dsn, "orderbridge_test:", "orderbridge_test_reader:", 1)
		_, err := postgres.NewRebuilds(b.db, dsn, quiet()).Rebuild(t.Context(), projection.RebuildRequest{Name: "crm"}, nil)
		wantProblem(t, err, problem.KindForbidden, "rebuild-forbidden")
		_, err = b.rebuild(t.Context(), "sales")
		wantProblem(t, err, problem.KindNotFound, "projection-unknown")
	})
}

// holdViews reads a view of the crm projection until it is released.
func (b *bundle) holdViews(t *testing.T) (release func()) {
	t.Helper()
	reading, err := b.admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.Exec(t.Context(), "SELECT FROM crm_orders"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := reading.Rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// TestRebuildThatIsKilled kills rebuilds at random points while orders come in and are read without a pause: none of that
// fails, and whoever comes next completes what was begun.
func TestRebuildThatIsKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillLog(t, b, 2000)
	b.foldAll(t)
	orders := scan[int](t, b, "SELECT count(*) FROM crm_orders")
	live, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	log := b.newLog(t)
	written := 0
	group.Go(func() { // what the service does, over and over
		for ; live.Err() == nil; written++ {
			before := b.head(t)
			b.deliver(t, log, anOrder(fmt.Sprint("live-", written)))
			if err := b.ingest(t.Context(), "live", before, b.head(t)); err != nil {
				t.Error("ingest:", err)
				return
			}
			b.foldAll(t)
		}
	})
	group.Go(func() {
		for live.Err() == nil {
			var read, lag int
			err := b.admin.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM crm_orders),
				(SELECT count(*) FROM events e WHERE e.type = 'OrderCreated' AND e.position <= (SELECT position FROM cursors WHERE consumer = 'projection:crm'))`).Scan(&read, &lag)
			switch {
			case err != nil:
				t.Error("a reader:", err)
				return
			case read < orders || read < lag:
				t.Errorf("%d orders are read, after %d were, and with %d folded", read, orders, lag)
				return
			}
			orders = read
		}
	})
	kills := 0
	for range 25 {
		outcome := make(chan error, 1)
		go func() {
			_, err := b.rebuild(t.Context(), "crm")
			outcome <- err
		}()
		pause := time.NewTimer(time.Duration(rand.IntN(150)) * time.Millisecond)
		var err error
		select {
		case err = <-outcome:
		case <-pause.C:
			kills += scan[int](t, b, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'orderbridge rebuild'`)
			err = <-outcome
		}
		eventually(t, "the server has let its connection go", func() bool {
			return scan[int](t, b, `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'orderbridge rebuild'`) == 0
		})
		if p, known := problem.Of(err); err != nil && (!known || p.Kind() != problem.KindUnavailable) {
			t.Errorf("a rebuild that was killed: %v", err)
		}
	}
	stop()
	group.Wait()
	b.wantVerified(t)
	b.mustRebuild(t, "crm")
	b.wantVerified(t)
	if kills < 3 || written == 0 {
		t.Errorf("%d rebuilds were killed, and %d orders came in", kills, written)
	}
	state := b.stateOf(t, "crm")
	if got := schemasOf(t, b, "crm"); len(got) != 2 || state.Rebuild != nil || state.Version < 2 {
		t.Errorf("what is left: %v, %+v", got, state)
	}
	t.Logf("%d rebuilds were killed, %d came to their end, %d orders came in", kills, state.Version-1, written)
}

// TestARebuildGoesOnWhereItWasKilled: what was folded is not folded again, whatever ended the run.
func TestARebuildGoesOnWhereItWasKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillLog(t, b, 6000)
	b.foldAll(t)
	asked := projection.RebuildRequest{By: command.By{WorkspaceID: b.workspaceID, Actor: "cli:lan"}, Name: "crm"}
	const firstSlice = 5000 // a run that began anew would not be beyond it when it tells for the first time
	ctx, kill := context.WithCancel(t.Context())
	_, err := b.rebuilds().Rebuild(ctx, asked, func(run projection.Rebuild) {
		if run.EventsDone > firstSlice {
			kill()
		}
	})
	was := b.stateOf(t, "crm").Rebuild
	if err == nil || was == nil || was.EventsDone <= firstSlice || was.EventsDone >= was.EventsTotal || was.State != "interrupted" {
		t.Fatalf("killed, it is at %+v, %v", was, err)
	}
	var first *projection.Rebuild
	state, err := b.rebuilds().Rebuild(t.Context(), asked, func(run projection.Rebuild) {
		if first == nil {
			first = &run
		}
	})
	if err != nil || first == nil || first.EventsDone < was.EventsDone || first.Version != was.Version || state.Version != was.Version {
		t.Errorf("it went on at %+v to %+v, %v; it was at %+v", first, state, err, was)
	}
	b.wantVerified(t)
}

// TestReadTablesOfAnotherRelease: a program finds read tables of another shape, and builds its own beside them.
func TestReadTablesOfAnotherRelease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillLog(t, b, 1000)
	b.foldAll(t)
	before := viewsOf(t, b)
	pgtest.MakeOlder(t, b.dsn)
	b.db = connect(t, b.dsn) // as a new instance does, which has prepared no statement yet
	if err := b.db.CheckMigrated(t.Context()); err != nil {
		t.Error(err)
	}
	if err := b.db.CheckShown(t.Context()); !errors.Is(err, postgres.ErrReadTablesFilling) {
		t.Errorf("before: %v", err)
	}
	if state := b.stateOf(t, "crm"); state.State != projection.Filling {
		t.Errorf("before: %+v", state)
	}
	if err := b.db.CatchUp(shortly(t)); !errors.Is(err, postgres.ErrNotReadable) && err != nil {
		t.Errorf("folding into tables of another release: %v", err)
	}
	_, err := b.rebuilds().Verify(t.Context(), projection.VerifyRequest{Name: "crm"}, nil)
	wantProblem(t, err, problem.KindUnavailable, "read-tables-filling")
	reading, stop := context.WithCancel(t.Context())
	read := make(chan error, 1)
	go func() {
		for reading.Err() == nil {
			var orders, deliveries int
			err := b.admin.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM crm_orders), (SELECT count(*) FROM deliveries)").Scan(&orders, &deliveries)
			if err == nil && (orders != len(before["crm_orders"]) || deliveries != len(before["deliveries"])) {
				err = fmt.Errorf("%d orders and %d deliveries are read", orders, deliveries)
			}
			if err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	var group sync.WaitGroup
	for range 2 { // two new instances start at once
		group.Go(func() {
			if err := b.rebuilds().BuildUnfinished(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	stop()
	if err := <-read; err != nil {
		t.Error(err)
	}
	eventually(t, "all are shown", func() bool {
		if err := b.rebuilds().BuildUnfinished(t.Context()); err != nil {
			t.Error(err)
		}
		return b.db.CheckShown(t.Context()) == nil
	})
	b.foldAll(t)
	wantSame(t, "the tables of this release", viewsOf(t, b), before)
	_, err = b.rebuilds().Rebuild(t.Context(), projection.RebuildRequest{Name: "crm", Rollback: true}, nil)
	wantProblem(t, err, problem.KindConflict, "previous-version-older")
	b.wantVerified(t)

	// A newer release came and was taken back: its tables are left for those that were read before it.
	b.mustRebuild(t, "crm")
	b.ingestNew(t, b.newLog(t), anOrder("newer"))
	b.exec(t, "UPDATE projections SET definition = definition + 1 WHERE name = 'crm' AND active")
	if err := b.rebuilds().BuildUnfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state := b.stateOf(t, "crm"); state.Version != 2 || state.Position != b.head(t)-1 || state.Previous.Version != 3 {
		t.Errorf("it stands at %+v", state)
	}
	b.foldAll(t)
	b.wantVerified(t)
}

// TestAProjectionThatIsNewToADatabase is built from the log that there is, and keeps nobody from reading the others.
func TestAProjectionThatIsNewToADatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillLog(t, b, 300)
	b.foldAll(t)
	for _, table := range schemasOf(t, b, "daily_sales") {
		b.exec(t, "DROP SCHEMA "+table+" CASCADE")
	}
	b.exec(t, "DELETE FROM projections WHERE name = 'daily_sales'")
	b.exec(t, "DELETE FROM cursors WHERE consumer = 'projection:daily_sales'")
	if err := b.db.CheckMigrated(t.Context()); !errors.Is(err, postgres.ErrNotMigrated) {
		t.Errorf("before: %v", err)
	}
	if err := postgres.Migrate(t.Context(), b.dsn, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.db.CheckMigrated(t.Context()), b.db.CheckShown(t.Context()), b.db.CatchUp(t.Context())); err != nil {
		t.Errorf("while it is not built: %v", err)
	}
	if err := postgres.NewReadModel(b.db).WaitFor(t.Context(), b.head(t)); err != nil {
		t.Errorf("reading what was written: %v", err)
	}
	if state := b.stateOf(t, "daily_sales"); state.State != projection.Filling || state.Version != 0 {
		t.Errorf("it stands at %+v", state)
	}
	if err := b.rebuilds().BuildUnfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state := b.stateOf(t, "daily_sales"); state.State != projection.Live || state.Version != 1 || state.Position != b.head(t)-1 || state.Previous != nil {
		t.Errorf("it stands at %+v", state)
	}
	b.ingestNew(t, b.newLog(t), anOrder("later"))
	b.foldAll(t)
	b.wantVerified(t)
}

func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestAnEventThatCannotBeFolded: live folding and rebuilding stop there, until somebody decides to pass over it.
func TestAnEventThatCannotBeFolded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	b.ingestNew(t, log, anOrder("1"))
	b.foldAll(t)
	bad := b.badEvent(t)
	b.ingestNew(t, log, anOrder("2"))
	_, err := b.rebuild(t.Context(), "crm")
	wantProblem(t, err, problem.KindConflict, "event-not-foldable")
	if !strings.Contains(err.Error(), fmt.Sprint("event ", bad)) {
		t.Errorf("the operator is told %v", err)
	}
	if run := b.stateOf(t, "crm").Rebuild; run == nil || run.State != projection.RebuildFailed || run.FailedPosition != bad || run.EventsDone != bad-1 {
		t.Errorf("it stands at %+v", run)
	}
	skip := func(position int64) error {
		_, err := b.rebuilds().Skip(t.Context(), projection.SkipRequest{By: b.by, Name: "crm", Position: position})
		return err
	}
	wantProblem(t, skip(bad-1), problem.KindConflict, "not-stopped-there")
	wantProblem(t, skip(99_999), problem.KindNotFound, "event-unknown")
	if err := skip(bad); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, skip(bad), problem.KindConflict, "event-skipped-already")
	skipped := payloadsOf[decided.EventSkipped](b.events(t))
	if len(skipped) != 1 || skipped[0].Position != bad || skipped[0].Projection != "crm" || skipped[0].EventType != "OrderCreated" ||
		!strings.Contains(skipped[0].Reason, "null value") {
		t.Errorf("the log says %+v", skipped)
	}
	b.mustRebuild(t, "crm")
	b.foldAll(t)
	if got := scan[int](t, b, "SELECT count(*) FROM crm_orders"); got != 2 {
		t.Errorf("%d orders are read", got)
	}
	b.exec(t, "DELETE FROM projection_skips") // nothing of this is about deliveries
	verified, err := b.rebuilds().Verify(t.Context(), projection.VerifyRequest{Name: "deliveries"}, nil)
	if err != nil || verified.Different() != 0 {
		t.Errorf("%+v, %v", verified, err)
	}
}

// badEvent appends an event that the crm projection cannot fold, as a mistake in a release might: it lacks the order's source. It
// returns its position.
func (b *bundle) badEvent(t *testing.T) int64 {
	t.Helper()
	return scan[int64](t, b, `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at,
			correlation_id, actor, payload, digest)
		SELECT max(position) + 1, $1, 'order/x/x', 1, gen_random_uuid(), 'OrderCreated', 1, now(), gen_random_uuid(), 'policy',
			(SELECT jsonb_set(payload, '{code}', '"x"') - 'source_id' FROM events WHERE type = 'OrderCreated' LIMIT 1), sha256('')
		FROM events RETURNING position`, b.workspaceID)
}

// TestWhatAKilledRunLeft is not taken for the one that runs.
func TestWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ingestNew(t, b.newLog(t), anOrder("1"))
	b.foldAll(t)
	b.mustRebuild(t, "crm")
	b.exec(t, "UPDATE projections SET runner = 'killed', phase = 'switching', run_started_at = now(), touched_at = now() WHERE name = 'crm' AND version = 1")
	release := b.holdViews(t)
	outcome := make(chan error, 1)
	go func() {
		_, err := b.rebuild(t.Context(), "crm")
		outcome <- err
	}()
	eventually(t, "it waits for a reader", func() bool {
		run := b.stateOf(t, "crm").Rebuild
		return run != nil && run.Phase == "switching" && run.Version == 3
	})
	if run := b.stateOf(t, "crm").Rebuild; run.Runner == "killed" {
		t.Errorf("it is said to be at %+v", run)
	}
	release()
	if err := <-outcome; err != nil {
		t.Error(err)
	}
}

// TestViewsThatOthersRestOn are not taken away from them, and are named.
func TestViewsThatOthersRestOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "UPDATE projections SET definition = definition + 1 WHERE name = 'daily_sales'")
	b.exec(t, "ALTER TABLE daily_sales_v1.daily_sales ADD COLUMN extra integer")
	b.exec(t, "CREATE OR REPLACE VIEW daily_sales AS SELECT * FROM daily_sales_v1.daily_sales")
	b.exec(t, "CREATE VIEW bi_months AS SELECT extra FROM daily_sales")
	_, err := b.rebuild(t.Context(), "daily_sales")
	wantProblem(t, err, problem.KindConflict, "views-in-use")
	if !strings.Contains(err.Error(), "bi_months") {
		t.Errorf("the operator is told %v", err)
	}
	b.exec(t, "DROP VIEW bi_months")
	b.mustRebuild(t, "daily_sales")
	b.wantVerified(t)
}

func TestVerifyThatIsInterruptedLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillLog(t, b, 300)
	b.foldAll(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.rebuilds().Verify(ctx, projection.VerifyRequest{Name: "crm"}, func(projection.Rebuild) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := schemasOf(t, b, "crm"); !slices.Equal(got, []string{"crm_v1"}) {
		t.Errorf("the schemas are %v", got)
	}
	b.wantVerified(t)
}

// TestTheFeedPassesWhatItCannotRead: whoever follows the log must not stop at one event for ever.
func TestTheFeedPassesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad := scan[int64](t, b, `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at,
			correlation_id, actor, payload, digest)
		SELECT max(position) + 1, $1, 'order/x/x', 1, gen_random_uuid(), 'OrderCreated', 7, now(), gen_random_uuid(), 'api:Lan 0912345678',
			'{"customer_id": "0912345678"}', sha256('') FROM events RETURNING position`, b.workspaceID)
	b.mustAddUser(t, user.Details{Name: "Mai"})
	page, err := postgres.NewReadModel(b.db).Events(t.Context(), b.workspaceID, query.EventFilter{After: bad - 1, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 2 || page.Items[0].Position != bad || page.Items[0].Type != "OrderCreated" || page.Items[0].SchemaVersion != 7 ||
		!strings.Contains(string(page.Items[0].Payload), "0912345678") {
		t.Errorf("the feed gives %+v", page)
	}
	if masked := page.Masked(); string(masked.Items[0].Payload) != "{}" || strings.Contains(string(masked.Items[0].Actor), "345678") || masked.Items[1].Type != "UserAdded" {
		t.Errorf("whoever only reads gets %+v", masked)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tell(t, b)
	b.foldAll(t)
	b.wantVerified(t)
	b.exec(t, "UPDATE crm_v1.crm_orders SET note = 'tampered with' WHERE code = 'Pancake_1635294032_1'")
	b.exec(t, "DELETE FROM crm_v1.crm_order_lines WHERE ctid = (SELECT min(ctid) FROM crm_v1.crm_order_lines)")
	b.exec(t, "INSERT INTO crm_v1.crm_staff SELECT workspace_id, 'nobody', user_id, name FROM crm_v1.crm_staff LIMIT 1")
	verified, err := b.rebuilds().Verify(t.Context(), projection.VerifyRequest{Name: "crm"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]projection.VerifiedTable{}
	for _, table := range verified.Tables {
		if table.Different > 0 {
			found[table.Table] = table
		}
	}
	orders, lines, staff := found["crm_orders"], found["crm_order_lines"], found["crm_staff"]
	if len(found) != 3 || verified.Different() != 3+scan[int64](t, b, "SELECT count(*) - 1 FROM crm_orders WHERE note = 'tampered with'") {
		t.Fatalf("%+v", verified)
	}
	if !strings.Contains(string(orders.Examples[0].Read), `"note": "tampered with"`) || strings.Contains(string(orders.Examples[0].Built), "tampered") {
		t.Errorf("a row that was changed: %+v", orders)
	}
	if len(lines.Examples) != 1 || lines.Examples[0].Read != nil || !strings.Contains(string(lines.Examples[0].Built), `"code"`) {
		t.Errorf("a row that is missing: %+v", lines)
	}
	if len(staff.Examples) != 1 || staff.Examples[0].Built != nil || !strings.Contains(string(staff.Examples[0].Read), `"nobody"`) {
		t.Errorf("a row that is too many: %+v", staff)
	}
	if got := schemasOf(t, b, "crm"); !slices.Equal(got, []string{"crm_v1"}) {
		t.Errorf("what is left: %v", got)
	}
	b.mustRebuild(t, "crm")
	b.wantVerified(t)
	if event.ProjectionStream("crm") != "projection/crm" {
		t.Error("a stream's name is stored data")
	}
}

// TestASliceThatIsChosenDuringASwitch: who looks for events to fold saw the version before, and finds the cursor free when it has been
// handed on. The slice must not be folded into tables that nobody reads any more.
func TestASliceThatIsChosenDuringASwitch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	b.ingestNew(t, log, anOrder("1"))
	b.foldAll(t)
	b.mustRebuild(t, "crm")
	b.foldAll(t)
	b.ingestNew(t, log, anOrder("2"))
	// Whoever reads which version is shown waits for a lock before it gets to the cursor.
	const gate = 4711
	b.exec(t, fmt.Sprintf(`CREATE FUNCTION wait_at_gate() RETURNS boolean LANGUAGE plpgsql VOLATILE AS
		'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN true; END'`, gate))
	b.exec(t, "ALTER TABLE projections ENABLE ROW LEVEL SECURITY")
	b.exec(t, "CREATE POLICY gate ON projections TO orderbridge_service USING (wait_at_gate())")
	switching, err := b.admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer switching.Rollback(t.Context()) //nolint:errcheck // it is committed below
	do := func(sql string, args ...any) {
		t.Helper()
		if _, err := switching.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	do("SELECT pg_advisory_xact_lock($1)", gate)
	outcome := make(chan error, 1)
	go func() {
		outcome <- pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) (err error) {
			p, err := postgres.ProjectionNamed("crm")
			if err != nil {
				return err
			}
			_, err = p.FoldNext(t.Context(), tx, 1000)
			return err
		})
	}()
	eventually(t, "it has seen which version is shown", func() bool {
		return scan[bool](t, b, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted)", gate)
	})
	do("UPDATE projections SET active = false WHERE name = 'crm' AND version = 2")
	do("UPDATE projections SET active = true WHERE name = 'crm' AND version = 1")
	do("UPDATE cursors SET updated_at = now() WHERE consumer = 'projection:crm'")
	if err := switching.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	if got := scan[int](t, b, "SELECT count(*) FROM crm_v2.crm_orders"); got != 1 {
		t.Errorf("the tables that were shown before have %d orders", got)
	}
}
