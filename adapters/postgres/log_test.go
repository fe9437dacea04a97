package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"orderbridge/adapters/postgres"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// numbered are events of one stream, from a version on.
func numbered(workspaceID uuid.UUID, stream event.Stream, from, count int) []event.New {
	events := make([]event.New, 0, count)
	for version := from; version < from+count; version++ {
		events = append(events, event.New{
			ID: event.NewID(), WorkspaceID: workspaceID, Stream: stream, Version: version, Actor: event.ActorSystem,
			CorrelationID: event.NewID(), Payload: workspace.ShopDisconnected{ShopID: fmt.Sprint(version)},
		})
	}
	return events
}

func newStream() event.Stream { return event.DeliveryStream(event.NewID()) }

// holdLog keeps every append waiting until it is released.
func (b *bundle) holdLog(t *testing.T) (release func()) {
	t.Helper()
	conn, err := b.admin.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", postgres.AppendLock); err != nil {
		t.Fatal("hold append lock:", err)
	}
	release = sync.OnceFunc(func() {
		if _, err := conn.Exec(context.Background(), "SELECT pg_advisory_unlock($1)", postgres.AppendLock); err != nil {
			t.Error("release append lock:", err)
		}
		conn.Release()
	})
	t.Cleanup(release)
	return release
}

const whoWaits = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// appendWaits waits until an append is under way that waits for the lock, and returns its backend.
func (b *bundle) appendWaits(t *testing.T) (pid int32) {
	t.Helper()
	eventually(t, "an append waits for the lock", func() bool {
		waiting := list[int32](t, b, whoWaits)
		if len(waiting) > 0 {
			pid = waiting[0]
		}
		return len(waiting) > 0
	})
	return pid
}

// holdAppend lets an append begin and keeps it, and every one that comes, waiting until it is released.
func (b *bundle) holdAppend(t *testing.T, log *postgres.Log) (release func(), answer <-chan error) {
	t.Helper()
	release = b.holdLog(t)
	answer = appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 1)...)
	b.appendWaits(t)
	return release, answer
}

// appending appends in the background.
func appending(ctx context.Context, log *postgres.Log, events ...event.New) <-chan error {
	done := make(chan error, 1)
	go func() { done <- log.Append(ctx, events...) }()
	return done
}

// versions are those of a stream's stored events.
func (b *bundle) versions(t *testing.T, stream event.Stream) []int32 {
	t.Helper()
	return list[int32](t, b, "SELECT version FROM events WHERE stream = $1 ORDER BY position", string(stream))
}

func TestLog(t *testing.T) {
	t.Parallel()

	t.Run("appends of many callers get gapless positions and stay together in each caller's order", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		const callers, appends = 64, 5
		start, streams := make(chan struct{}), make([]event.Stream, callers)
		var group sync.WaitGroup
		for caller := range callers {
			streams[caller] = newStream()
			group.Go(func() {
				<-start
				version := 1
				for i := range appends {
					count := 1 + (caller+i)%5
					if err := log.Append(t.Context(), numbered(b.workspaceID, streams[caller], version, count)...); err != nil {
						t.Errorf("caller %d: %v", caller, err)
						return
					}
					version += count
				}
			})
		}
		close(start)
		group.Wait()

		positions := list[int64](t, b, "SELECT position FROM events ORDER BY position")
		for i, position := range positions {
			if position != int64(i+1) {
				t.Fatalf("event %d of the log has position %d", i+1, position)
			}
		}
		want := 1 + callers*(1+2+3+4+5) // the workspace's own event was there before
		if len(positions) != want {
			t.Errorf("%d events are in the log, want %d", len(positions), want)
		}
		for caller, stream := range streams {
			versions := b.versions(t, stream)
			if !slices.IsSorted(versions) || len(versions) != 15 {
				t.Errorf("caller %d's events are stored as versions %v", caller, versions)
			}
			// An append has no others between its events.
			at := list[int64](t, b, "SELECT position FROM events WHERE stream = $1 ORDER BY position", string(stream))
			for i, first := 0, 0; i < appends; i++ {
				count := 1 + (caller+i)%5
				if at[first+count-1]-at[first] != int64(count-1) {
					t.Errorf("append %d of caller %d is spread over positions %v", i, caller, at[first:first+count])
				}
				first += count
			}
		}
	})

	t.Run("callers who come while an append is under way share the next one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release, first := b.holdAppend(t, log)
		answers := []<-chan error{first}
		for range 20 {
			answers = append(answers, appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 3)...))
		}
		eventually(t, "all the others are queued", func() bool { return postgres.Queued(log) == 20 })
		release()
		for _, answer := range answers {
			if err := <-answer; err != nil {
				t.Error(err)
			}
		}
		transactions := list[int64](t, b, `SELECT count(*) FROM events WHERE position > 1 GROUP BY xmin::text ORDER BY 1`)
		if !slices.Equal(transactions, []int64{1, 60}) {
			t.Errorf("the transactions hold %v events, want 1 and 60", transactions)
		}
	})

	t.Run("a version that is taken fails alone, even when others share its append", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		taken := newStream()
		if err := log.Append(t.Context(), numbered(b.workspaceID, taken, 1, 2)...); err != nil {
			t.Fatal(err)
		}
		release, first := b.holdAppend(t, log)
		var others []<-chan error
		for range 5 {
			others = append(others, appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 2)...))
		}
		late := appending(t.Context(), log, numbered(b.workspaceID, taken, 2, 2)...)
		for range 5 {
			others = append(others, appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 2)...))
		}
		eventually(t, "all the others are queued", func() bool { return postgres.Queued(log) == 11 })
		release()
		if err := <-late; !errors.Is(err, postgres.ErrVersionConflict) {
			t.Errorf("a taken version gave %v", err)
		}
		for _, answer := range append(others, first) {
			if err := <-answer; err != nil {
				t.Error("one who shared the append with it:", err)
			}
		}
		if got := b.versions(t, taken); !slices.Equal(got, []int32{1, 2}) {
			t.Errorf("the stream has versions %v, want what it had", got)
		}
		if got := b.head(t); got != 1+2+1+20 {
			t.Errorf("the log ends at %d", got)
		}
	})

	t.Run("of two who append the same version at once, one fails", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release, blocked := b.holdAppend(t, log)
		stream := newStream()
		one, other := appending(t.Context(), log, numbered(b.workspaceID, stream, 1, 1)...),
			appending(t.Context(), log, numbered(b.workspaceID, stream, 1, 1)...)
		eventually(t, "both are queued", func() bool { return postgres.Queued(log) == 2 })
		release()
		if err := <-blocked; err != nil {
			t.Error(err)
		}
		err, otherErr := <-one, <-other
		if (err == nil) == (otherErr == nil) || !errors.Is(errors.Join(err, otherErr), postgres.ErrVersionConflict) {
			t.Errorf("the two got %v and %v", err, otherErr)
		}
	})

	t.Run("an event that the database refuses does not hurt those who share its append", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release, first := b.holdAppend(t, log)
		bad := appending(t.Context(), log, numbered(b.workspaceID, event.Stream(strings.Repeat("x", 201)), 1, 1)...)
		good := appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 1)...)
		eventually(t, "both are queued", func() bool { return postgres.Queued(log) == 2 })
		release()
		if err := <-bad; err == nil {
			t.Error("a stream's name of 201 characters was stored")
		}
		if err := errors.Join(<-first, <-good); err != nil {
			t.Error(err)
		}
	})

	t.Run("nothing is appended by an append of nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.newLog(t).Append(t.Context()); err != nil {
			t.Error(err)
		}
		if b.head(t) != 1 {
			t.Error("the log grew")
		}
	})

	t.Run("a caller who gives up in the queue gets an error and stores nothing, the others are unharmed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release, first := b.holdAppend(t, log)
		ctx, cancel := context.WithCancel(t.Context())
		stream := newStream()
		impatient := appending(ctx, log, numbered(b.workspaceID, stream, 1, 1)...)
		patient := appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 1)...)
		eventually(t, "both are queued", func() bool { return postgres.Queued(log) == 2 })
		cancel()
		release()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		if err := errors.Join(<-first, <-patient); err != nil {
			t.Error("the others:", err)
		}
		if got := b.versions(t, stream); len(got) != 0 {
			t.Error("who gave up is in the log all the same")
		}
	})

	t.Run("a caller whose time is up is answered while the log hangs, whether it waits or its append is under way", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release := b.holdLog(t)
		ctx, cancel := context.WithCancel(t.Context())
		underWay := appending(ctx, log, numbered(b.workspaceID, newStream(), 1, 1)...)
		b.appendWaits(t)
		stream := newStream()
		waiting := appending(ctx, log, numbered(b.workspaceID, stream, 1, 1)...)
		eventually(t, "the other is queued", func() bool { return postgres.Queued(log) == 1 })
		cancel()
		for _, answer := range []<-chan error{underWay, waiting} {
			if err := <-answer; !errors.Is(err, context.Canceled) {
				t.Errorf("whose time was up got %v", err)
			}
		}
		if got := b.head(t); got != 1 {
			t.Errorf("the log was released before they were answered, and ends at %d", got)
		}
		release()
		if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil {
			t.Error("a later append:", err)
		}
		if got := b.versions(t, stream); len(got) != 0 {
			t.Error("who had waited in vain is in the log all the same")
		}
	})

	t.Run("as many wait as may, who comes then is refused at once, and all who waited are in the log once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release, first := b.holdAppend(t, log)
		answers := []<-chan error{first}
		for range postgres.MaxQueuedAppends {
			answers = append(answers, appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 1)...))
		}
		eventually(t, "the queue is full", func() bool { return postgres.Queued(log) == postgres.MaxQueuedAppends })
		refused := newStream()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // which one who waits for a place would use up
		defer cancel()
		wantProblem(t, log.Append(ctx, numbered(b.workspaceID, refused, 1, 1)...), problem.KindUnavailable, "overloaded")
		release()
		for _, answer := range answers {
			if err := <-answer; err != nil {
				t.Error(err)
			}
		}
		if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil {
			t.Error("a later append:", err)
		}
		if got, want := b.head(t), int64(1+len(answers)+1); got != want {
			t.Errorf("the log ends at %d, want %d", got, want)
		}
		if got := b.versions(t, refused); len(got) != 0 {
			t.Error("who was refused is in the log all the same")
		}
	})

	t.Run("a caller who had given up before is not let in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := log.Append(ctx, numbered(b.workspaceID, newStream(), 1, 1)...); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if b.head(t) != 1 {
			t.Error("the log grew")
		}
	})

	t.Run("closing answers everybody, and says the truth about who is in the log", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := postgres.NewLog(b.db)
		release := b.holdLog(t)
		streams := []event.Stream{newStream()}
		answers := []<-chan error{appending(t.Context(), log, numbered(b.workspaceID, streams[0], 1, 1)...)}
		b.appendWaits(t)
		for range 20 {
			stream := newStream()
			streams = append(streams, stream)
			answers = append(answers, appending(t.Context(), log, numbered(b.workspaceID, stream, 1, 1)...))
		}
		eventually(t, "the others are queued", func() bool { return postgres.Queued(log) == 20 })
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			log.Close()
		}()
		release()
		<-closed
		for i, answer := range answers {
			err := <-answer
			if err != nil {
				wantProblem(t, err, problem.KindUnavailable, "stopping")
			}
			if stored := len(b.versions(t, streams[i])) == 1; stored != (err == nil) {
				t.Errorf("caller %d was told %v, and its event is in the log: %t", i, err, stored)
			}
			if i == 0 && err != nil {
				t.Error("the append under way was not brought to an end")
			}
		}
		wantProblem(t, log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...), problem.KindUnavailable, "stopping")
	})

	t.Run("callers are told to try again when the server ends the connection, and later appends work", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		release := b.holdLog(t)
		answer := appending(t.Context(), log, numbered(b.workspaceID, newStream(), 1, 1)...)
		b.exec(t, "SELECT pg_terminate_backend($1)", b.appendWaits(t))
		wantProblem(t, <-answer, problem.KindUnavailable, "database-unavailable")
		release()
		if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil {
			t.Error("a later append:", err)
		}
		if got := b.head(t); got != 2 {
			t.Errorf("the log ends at %d, want 2", got)
		}
	})

	t.Run("callers are told to try again when all connections are gone, and later appends work", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'orderbridge%'`)
		var last error
		eventually(t, "an append works", func() bool {
			if last = log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); last != nil {
				wantProblem(t, last, problem.KindUnavailable, "database-unavailable")
			}
			return last == nil
		})
	})

	t.Run("callers are told to try again when the pool is closed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		db, err := postgres.Connect(t.Context(), b.dsn)
		if err != nil {
			t.Fatal(err)
		}
		log := postgres.NewLog(db)
		defer log.Close()
		db.Close()
		wantProblem(t, log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...), problem.KindUnavailable, "database-unavailable")
		wantProblem(t, db.Ping(t.Context()), problem.KindUnavailable, "database-unavailable")
	})
}

func TestTheLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, statement := range []string{
		"UPDATE events SET payload = '{}'",
		"UPDATE events SET body = NULL, salt = NULL WHERE position = 1",
		"DELETE FROM events",
		"TRUNCATE events",
		"TRUNCATE events CASCADE",
	} {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			for who, pool := range map[string]interface {
				Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
			}{"permission denied": b.db.Consumers(), "append only": b.admin} {
				_, err := pool.Exec(t.Context(), statement)
				refusal, ok := errors.AsType[*pgconn.PgError](err)
				if !ok || refusal.Code != "42501" || !strings.Contains(refusal.Message, who) {
					t.Errorf("got %v, want %q", err, who)
				}
			}
			if got := scan[string](t, b, "SELECT payload ->> 'name' FROM events WHERE position = 1"); got != postgres.DefaultWorkspace {
				t.Errorf("the first event is about %q now", got)
			}
		})
	}

	t.Run("the service works as a role that could not even if the trigger were gone", func(t *testing.T) {
		t.Parallel()
		for _, right := range []string{"UPDATE", "DELETE", "TRUNCATE", "TRIGGER"} {
			if scan[bool](t, b, "SELECT has_table_privilege($1, 'events', $2)", postgres.ServiceRole, right) {
				t.Errorf("the service's role has the right to %s", right)
			}
		}
		for _, right := range []string{"SELECT", "INSERT"} {
			if !scan[bool](t, b, "SELECT has_table_privilege($1, 'events', $2)", postgres.ServiceRole, right) {
				t.Errorf("the service's role has no right to %s", right)
			}
		}
		var role string
		if err := b.db.Requests().QueryRow(t.Context(), "SELECT current_user").Scan(&role); err != nil || role != postgres.ServiceRole {
			t.Errorf("requests are served as %q, %v", role, err)
		}
		if err := b.db.Consumers().QueryRow(t.Context(), "SELECT current_user").Scan(&role); err != nil || role != postgres.ServiceRole {
			t.Errorf("slices are handled as %q, %v", role, err)
		}
	})
}
