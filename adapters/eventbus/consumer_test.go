package eventbus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bundle is a log of the test's own, and a table of what was done about its events.
type bundle struct {
	t     *testing.T
	dsn   string
	db    *postgres.Database
	admin *pgxpool.Pool
	log   *postgres.Log
	// real is a consumer as the service has it, for its query and its judgement of errors.
	real eventbus.Config
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, dsn: pgtest.New(t)}
	var err error
	if b.admin, err = pgxpool.New(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.admin.Close)
	b.db = b.connect()
	b.log = postgres.NewLog(b.db)
	t.Cleanup(b.log.Close)
	b.exec("CREATE TABLE done (id bigint GENERATED ALWAYS AS IDENTITY, position bigint NOT NULL, who text NOT NULL)")
	b.exec("GRANT SELECT, INSERT ON done TO orderbridge_service")
	b.real = postgres.ProjectionConsumer(b.db, postgres.NewListener(b.db, slog.New(slog.DiscardHandler)), postgres.Projections()[0])
	return b
}

func (b *bundle) connect() *postgres.Database {
	b.t.Helper()
	db, err := postgres.Connect(b.t.Context(), b.dsn)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(db.Close)
	return db
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.admin.Exec(context.Background(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func column[T any](b *bundle, sql string, args ...any) []T {
	b.t.Helper()
	rows, err := b.admin.Query(context.Background(), sql, args...)
	if err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return values
}

// appendEvents makes the log n events longer and returns its head.
func (b *bundle) appendEvents(n int) int64 {
	b.t.Helper()
	stream := event.DeliveryStream(event.NewID())
	var events []event.New
	for version := 1; version <= n; version++ {
		events = append(events, event.New{
			ID: event.NewID(), WorkspaceID: uuid.Nil, Stream: stream, Version: version, Actor: event.ActorSystem,
			CorrelationID: event.NewID(), Payload: workspace.ShopDisconnected{ShopID: "1"},
		})
	}
	if err := b.log.Append(context.Background(), events...); err != nil {
		b.t.Fatal("append:", err)
	}
	return column[int64](b, "SELECT max(position) FROM events")[0]
}

func (b *bundle) cursor() int64 {
	b.t.Helper()
	positions := column[int64](b, "SELECT position FROM cursors WHERE consumer = 'test'")
	if len(positions) == 0 {
		return 0
	}
	return positions[0]
}

// done are the positions that were handled, in the order in which they were.
func (b *bundle) done() []int64 {
	b.t.Helper()
	return column[int64](b, "SELECT position FROM done ORDER BY id")
}

// progress is how many events were handled and where the cursor is, at one moment: the server may still be committing
// for a consumer that has left.
func (b *bundle) progress() (done, cursor int64) {
	b.t.Helper()
	both := column[[]int64](b, `SELECT ARRAY[(SELECT count(*) FROM done),
		coalesce((SELECT position FROM cursors WHERE consumer = 'test'), 0)]`)[0]
	return both[0], both[1]
}

// wantDone asserts that every event but some was handled once, in order.
func (b *bundle) wantDone(head int64, but ...int64) {
	b.t.Helper()
	var want []int64
	for position := int64(1); position <= head; position++ {
		if !slices.Contains(but, position) {
			want = append(want, position)
		}
	}
	if got := b.done(); !slices.Equal(got, want) {
		b.t.Errorf("handled %v, want %v", got, want)
	}
	if got := b.cursor(); got != head {
		b.t.Errorf("the cursor is at %d, want %d", got, head)
	}
}

func (b *bundle) eventually(what string, condition func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			b.t.Fatalf("never came true: %s; the cursor is at %d, handled: %v", what, b.cursor(), b.done())
		}
		<-tick.C
	}
}

// backend is the process of the server that a transaction is in.
func (b *bundle) backend(tx eventbus.Tx) (pid int32) {
	b.t.Helper()
	if err := tx.QueryRow(context.Background(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		b.t.Error(err)
	}
	return pid
}

func (b *bundle) untilCursor(position int64) {
	b.t.Helper()
	b.eventually(fmt.Sprint("the cursor is at ", position), func() bool { return b.cursor() == position })
}

// handle writes down every event of a slice, and moves the cursor with its last statement.
func handle(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
	return handleAs(ctx, tx, slice, "handled")
}

func handleAs(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice, who string) error {
	if err := write(ctx, tx, slice, who); err != nil {
		return err
	}
	return move(ctx, tx, slice)
}

func write(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice, who string) error {
	_, err := tx.Exec(ctx, "INSERT INTO done (position, who) SELECT p, $3 FROM generate_series($1::bigint + 1, $2::bigint) p", slice.After, slice.Upto, who)
	return err
}

func move(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
	_, err := tx.Exec(ctx, "UPDATE cursors SET position = $1 WHERE consumer = 'test'", slice.Upto)
	return err
}

// notes are what a consumer noted, in order.
type notes struct {
	mu    sync.Mutex
	stops []eventbus.Stop
}

func (n *notes) note(_ context.Context, stop eventbus.Stop) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stops = append(n.stops, stop)
	return nil
}

func (n *notes) all() []eventbus.Stop {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.stops)
}

// running is a consumer that runs.
type running struct {
	consumer *eventbus.Consumer
	stop     func()
	wake     chan struct{}
	notes    *notes
	log      *safeBuffer
}

// safeBuffer is what was logged.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// start runs a consumer in a router, as ports/subscriber does, until the test ends or stop is called.
func (b *bundle) start(change func(*eventbus.Config)) *running {
	b.t.Helper()
	return b.startOn(b.db.Consumers(), change)
}

func (b *bundle) startOn(pool *pgxpool.Pool, change func(*eventbus.Config)) *running {
	b.t.Helper()
	r := &running{wake: make(chan struct{}, 1), notes: &notes{}, log: &safeBuffer{}}
	config := eventbus.Config{
		Name: "test", Select: b.real.Select, Size: 100, Wake: r.wake, Handle: handle,
		IsTransient: b.real.IsTransient, IsConflict: b.real.IsConflict, Note: r.notes.note,
	}
	if change != nil {
		change(&config)
	}
	ctx, cancel := context.WithCancel(context.Background())
	logger := slog.New(slog.NewTextHandler(r.log, nil))
	r.consumer = eventbus.NewConsumer(ctx, config, logger)
	r.consumer.SetStoppedRetry(50 * time.Millisecond)
	subscriber, err := r.consumer.Subscriber(pool)
	if err != nil {
		b.t.Fatal(err)
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 20 * time.Second}, watermill.NewSlogLogger(logger))
	if err != nil {
		b.t.Fatal(err)
	}
	router.AddConsumerHandler(r.consumer.Name(), "events", subscriber, r.consumer.HandleMessage)
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error("router:", err)
		}
		if b.t.Failed() {
			b.t.Log(r.log.String())
		}
	})
	b.t.Cleanup(r.stop)
	select {
	case <-router.Running():
	case err := <-ended:
		ended <- err
		b.t.Fatal("the router did not start:", err)
	}
	return r
}

func (r *running) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func contains(slice eventbus.Slice, position int64) bool {
	return slice.After < position && position <= slice.Upto
}

// failAt fails slices with one event, after having written.
func failAt(position int64, err error) func(context.Context, eventbus.Tx, eventbus.Slice) error {
	return func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
		if contains(slice, position) {
			return errors.Join(write(ctx, tx, slice, "must be undone"), move(ctx, tx, slice), err)
		}
		return handle(ctx, tx, slice)
	}
}

func park(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
	if slice.Len() != 1 {
		return fmt.Errorf("asked to park %d events", slice.Len())
	}
	return handleAs(ctx, tx, slice, "parked")
}

var errBad = errors.New("this event cannot be handled")

func TestConsumer(t *testing.T) {
	t.Parallel()

	t.Run("every event is handled once and in order, in slices of at most the size", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(250)
		var largest atomic.Int64
		r := b.start(func(c *eventbus.Config) {
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				largest.Store(max(largest.Load(), slice.Len()))
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		head = b.appendEvents(10)
		r.wakeUp()
		b.untilCursor(head)
		b.wantDone(head)
		if largest.Load() != 100 {
			t.Errorf("the largest slice had %d events", largest.Load())
		}
		if len(r.notes.all()) != 0 {
			t.Errorf("it noted %+v", r.notes.all())
		}
		if err := r.consumer.Alive(); err != nil {
			t.Error(err)
		}
	})

	t.Run("one event that cannot be handled is found by halving and parked, the others are handled once and in order", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []int64{1, 2, 50, 64, 99, 100, 101} {
			t.Run(fmt.Sprint("event ", bad), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				head := b.appendEvents(100)
				r := b.start(func(c *eventbus.Config) { c.Handle, c.Park = failAt(bad, errBad), park })
				b.untilCursor(head)
				b.wantDone(head)
				if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); !slices.Equal(parked, []int64{bad}) {
					t.Errorf("parked %v", parked)
				}
				if undone := column[int64](b, "SELECT position FROM done WHERE who = 'must be undone'"); len(undone) > 0 {
					t.Errorf("what failed was kept of %v", undone)
				}
				if len(r.notes.all()) != 0 {
					t.Errorf("it noted %+v", r.notes.all())
				}
			})
		}
	})

	t.Run("many events that cannot be handled are each parked alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(60)
		b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				for position := slice.After + 1; position <= slice.Upto; position++ {
					if position%7 == 0 {
						return errBad
					}
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); !slices.Equal(parked, []int64{7, 14, 21, 28, 35, 42, 49, 56}) {
			t.Errorf("parked %v", parked)
		}
	})

	t.Run("an error of the database poisons neither the transaction nor what comes after", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(20)
		b.exec("ALTER TABLE done ADD CONSTRAINT no_13 CHECK (position <> 13 OR who <> 'handled')")
		b.start(func(c *eventbus.Config) { c.Park = park })
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("a slice that takes too long is halved until it does not", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(20)
		b.start(func(c *eventbus.Config) {
			c.SliceTimeout = 100 * time.Millisecond
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if slice.Len() > 5 {
					_, err := tx.Exec(ctx, "SELECT pg_sleep(60)")
					return err
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("a panic is isolated like an error", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(30)
		r := b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if contains(slice, 17) {
					if err := write(ctx, tx, slice, "must be undone"); err != nil {
						return err
					}
					panic("17 makes me nervous")
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		if !strings.Contains(r.log.String(), "17 makes me nervous") || !strings.Contains(r.log.String(), "consumer_test.go") {
			t.Error("the log does not say what panicked, and where")
		}
	})

	t.Run("a panic while rows are being read is isolated too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(30)
		b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if contains(slice, 17) {
					rows, err := tx.Query(ctx, "SELECT generate_series(1, 100000)")
					if err != nil {
						return err
					}
					defer rows.Close()
					rows.Next()
					panic("in the middle")
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("without a place to park it stops at the event, says so, and goes on when the handler is mended", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(40)
		var mended atomic.Bool
		r := b.start(func(c *eventbus.Config) {
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if contains(slice, 23) && !mended.Load() {
					return failAt(23, errBad)(ctx, tx, slice)
				}
				return handle(ctx, tx, slice)
			}
		})
		b.eventually("it tried more than once", func() bool { return len(r.notes.all()) > 2 })
		for _, stop := range r.notes.all() {
			if stop.Category != "stopped" || stop.Position != 23 || !strings.Contains(stop.Reason, errBad.Error()) {
				t.Errorf("it noted %+v", stop)
			}
		}
		if got := b.cursor(); got != 22 {
			t.Errorf("the cursor is at %d", got)
		}
		if got := b.done(); len(got) != 22 {
			t.Errorf("handled %v", got)
		}
		mended.Store(true)
		b.untilCursor(head)
		b.wantDone(head)
		if !strings.Contains(r.log.String(), "moving on again") {
			t.Error("the log does not say that it moves on")
		}
	})

	t.Run("an event that cannot even be parked stops it too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.appendEvents(5)
		r := b.start(func(c *eventbus.Config) {
			c.Handle = failAt(3, errBad)
			c.Park = func(context.Context, eventbus.Tx, eventbus.Slice) error { return errors.New("no room") }
		})
		b.eventually("it stops", func() bool { return len(r.notes.all()) > 0 })
		if stop := r.notes.all()[0]; stop.Category != "stopped" || stop.Position != 3 ||
			!strings.Contains(stop.Reason, errBad.Error()) || !strings.Contains(stop.Reason, "park: no room") {
			t.Errorf("it noted %+v", stop)
		}
		if got := b.cursor(); got != 2 {
			t.Errorf("the cursor is at %d", got)
		}
	})

	t.Run("a passing error is tried again for as long as it takes, whole and in order, and becomes visible", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		var tries atomic.Int64
		var lengths []int64
		r := b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				lengths = append(lengths, slice.Len())
				if tries.Add(1) <= 6 {
					if err := write(ctx, tx, slice, "must be undone"); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
					return err
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		r.stop()
		b.wantDone(head)
		if !slices.Equal(lengths, []int64{11, 11, 11, 11, 11, 11, 11}) {
			t.Errorf("it tried slices of %v", lengths)
		}
		stops := r.notes.all()
		if len(stops) == 0 || stops[0].Category != "retrying" || stops[0].Position != 1 || !strings.Contains(stops[0].Reason, "deadlock") {
			t.Errorf("it noted %+v", stops)
		}
	})

	t.Run("conflicts are coincidence a few times, and then an error like others", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		var tries [12]int
		alone := 0
		b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				tries[slice.Len()]++
				if contains(slice, 4) {
					alone += int(2 - min(slice.Len(), 2))
					return fmt.Errorf("event 4: %w", postgres.ErrKeyClaimed)
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); !slices.Equal(parked, []int64{4}) {
			t.Errorf("parked %v", parked)
		}
		if tries[11] != eventbus.MaxConflicts+1 {
			t.Errorf("the whole slice was tried %d times", tries[11])
		}
		if alone != eventbus.MaxConflicts+1 {
			t.Errorf("the event at fault was tried alone %d times", alone)
		}
	})

	t.Run("a conflict that passes parks nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		tries := 0
		r := b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if tries++; tries <= eventbus.MaxConflicts {
					return postgres.ErrVersionConflict
				}
				return handle(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		r.stop()
		b.wantDone(head)
		if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); len(parked) != 0 {
			t.Errorf("parked %v", parked)
		}
	})
}

func TestConsumersOfOneName(t *testing.T) {
	t.Parallel()

	t.Run("only one works at a time, and another takes over when its connection dies", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		var working, most atomic.Int64
		entered := make(chan int32, 100)
		hold := make(chan struct{})
		as := func(who string) func(*eventbus.Config) {
			return func(c *eventbus.Config) {
				c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
					most.Store(max(most.Load(), working.Add(1)))
					defer working.Add(-1)
					if err := handleAs(ctx, tx, slice, who); err != nil {
						return err
					}
					select {
					case entered <- b.backend(tx):
						<-hold
					default:
					}
					return nil
				}
			}
		}
		first := b.startOn(b.connect().Consumers(), as("first"))
		pid := <-entered
		second := b.startOn(b.connect().Consumers(), as("second"))
		for range 3 {
			second.wakeUp() // it looks, and finds nothing to do
			b.eventually("it looked", func() bool { return len(second.wake) == 0 })
		}
		if got := most.Load(); got != 1 {
			t.Errorf("%d worked at once", got)
		}
		b.exec("SELECT pg_terminate_backend($1)", pid)
		second.wakeUp()
		<-entered
		close(hold)
		b.untilCursor(head)
		b.wantDone(head)
		for range 5 {
			head = b.appendEvents(20)
			first.wakeUp()
			second.wakeUp()
			b.untilCursor(head)
		}
		b.wantDone(head)
		if owners := column[string](b, "SELECT who FROM done WHERE position = 1"); !slices.Equal(owners, []string{"second"}) {
			t.Errorf("the first slice was handled by %v", owners)
		}
	})

	t.Run("a stop that one noted is gone when another moves on", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(5)
		real := b.real // with a note that is kept, and a cursor that is moved as the service moves it
		var mended atomic.Bool
		consumer := func(c *eventbus.Config) {
			c.Name, c.Note = real.Name, real.Note
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if contains(slice, 3) && !mended.Load() {
					return errBad
				}
				return real.Handle(ctx, tx, slice)
			}
		}
		stopped := func() bool {
			return len(column[string](b, "SELECT reason FROM consumer_stops WHERE category = 'stopped' AND position = 3")) == 1
		}
		first := b.start(consumer)
		b.eventually("it says that it stopped", stopped)
		first.stop()
		if !stopped() {
			t.Error("what it said is gone with it")
		}
		mended.Store(true)
		b.start(consumer)
		b.eventually("the other is through", func() bool {
			return column[int64](b, "SELECT position FROM cursors WHERE consumer = $1", real.Name)[0] == head
		})
		b.eventually("nobody says that it is stopped", func() bool { return len(column[string](b, "SELECT reason FROM consumer_stops")) == 0 })
	})
}

func TestConsumerSurvives(t *testing.T) {
	t.Parallel()

	t.Run("the end of its connection after the handler wrote everything", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		var killed atomic.Bool
		b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if err := handle(ctx, tx, slice); err != nil {
					return err
				}
				if killed.CompareAndSwap(false, true) {
					b.exec("SELECT pg_terminate_backend($1)", b.backend(tx))
				}
				return nil
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); len(parked) != 0 {
			t.Errorf("parked %v for a broken connection", parked)
		}
	})

	t.Run("the end of its connection in the middle of the handler", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		var kills atomic.Int64
		b.start(func(c *eventbus.Config) {
			c.Park = park
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				if err := write(ctx, tx, slice, "handled"); err != nil {
					return err
				}
				if kills.Add(1) <= 3 {
					b.exec("SELECT pg_terminate_backend($1)", b.backend(tx))
				}
				return move(ctx, tx, slice)
			}
		})
		b.untilCursor(head)
		b.wantDone(head)
		if parked := column[int64](b, "SELECT position FROM done WHERE who = 'parked'"); len(parked) != 0 {
			t.Errorf("parked %v for a broken connection", parked)
		}
	})

	t.Run("a database that is away when it begins", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		config := b.db.Consumers().Config()
		var refused atomic.Int64
		config.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
			if refused.Add(1) <= 3 {
				return true, &pgconn.PgError{Code: "57P01", Message: "terminating connection due to administrator command"}
			}
			return true, nil
		}
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		b.startOn(pool, nil)
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("the end of all connections while it waits", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		r := b.start(nil)
		b.untilCursor(head)
		b.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'orderbridge consumers'`)
		head = b.appendEvents(10)
		r.wakeUp()
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("a database that refuses to say what is next, which becomes visible", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		b.exec("REVOKE UPDATE ON cursors FROM orderbridge_service") // FOR UPDATE needs it
		r := b.start(nil)
		b.eventually("it says why it does not move on", func() bool {
			r.wakeUp()
			stops := r.notes.all()
			return len(stops) > 0 && stops[0].Category == "retrying" && strings.Contains(stops[0].Reason, "permission denied")
		})
		b.exec("GRANT UPDATE ON cursors TO orderbridge_service")
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("a commit that fails, again and again, without being busy, and it becomes visible", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(10)
		b.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at the commit'; END $$`)
		b.exec(`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON done DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
		var tries atomic.Int64
		r := b.start(func(c *eventbus.Config) {
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				tries.Add(1)
				return handle(ctx, tx, slice)
			}
		})
		b.eventually("it says why it does not move on", func() bool {
			stops := r.notes.all()
			return len(stops) > 0 && stops[0].Category == "retrying" && strings.Contains(stops[0].Reason, "refused at the commit")
		})
		if tries.Load() > 10 {
			t.Errorf("it tried %d times before", tries.Load())
		}
		b.exec("DROP TRIGGER late ON done")
		b.untilCursor(head)
		b.wantDone(head)
	})
}

// crowd are callers of whom it is said whether they are about.
type crowd struct {
	away    atomic.Bool
	gaveWay atomic.Int64

	caughtUp atomic.Bool
	furthest atomic.Int64
}

func (c *crowd) GiveWay(_ context.Context, consumer string) {
	if consumer == "test" {
		c.gaveWay.Add(1)
	}
}

func (c *crowd) Away() bool { return c.away.Load() }

// Follows notes how far the consumer was behind, and that it is not any more.
func (c *crowd) Follows(_ string, age time.Duration) {
	if age == 0 {
		c.caughtUp.Store(true)
	}
	c.furthest.Store(max(c.furthest.Load(), int64(age)))
}

func TestCallersComeFirst(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away: ", away), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			head := b.appendEvents(250)
			b.exec("SELECT pg_sleep(0.02)") // that they are old
			var callers crowd
			callers.away.Store(away)
			var largest, slicesHandled atomic.Int64
			b.start(func(c *eventbus.Config) {
				c.Size, c.IdleSize, c.Callers = 20, 100, &callers
				c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
					largest.Store(max(largest.Load(), slice.Len()))
					slicesHandled.Add(1)
					return handle(ctx, tx, slice)
				}
			})
			b.untilCursor(head)
			b.wantDone(head)
			if want := map[bool]int64{false: 20, true: 100}[away]; largest.Load() != want {
				t.Errorf("the largest slice had %d events, want %d", largest.Load(), want)
			}
			if callers.gaveWay.Load() < slicesHandled.Load()-1 { // not before the first
				t.Errorf("it gave way %d times for %d slices", callers.gaveWay.Load(), slicesHandled.Load())
			}
			b.eventually("it says that it has caught up", callers.caughtUp.Load)
			// The first events are those that came with the database, whenever it was made.
			if age := time.Duration(callers.furthest.Load()); age < 20*time.Millisecond || age > time.Hour {
				t.Errorf("it says that it was %s behind", age)
			}
		})
	}
}

// TestConsumerRests: one small slice after the other would cost more than few large ones.
func TestConsumerRests(t *testing.T) {
	t.Parallel()
	const busy = 40 * time.Millisecond
	type span struct{ began, ended time.Time }
	// handled is when slices were, while events are appended all the time.
	handled := func(t *testing.T, unhurried bool, atLeast int) []span {
		t.Helper()
		b := setup(t)
		var mu sync.Mutex
		var spans []span
		r := b.start(func(c *eventbus.Config) {
			c.Unhurried = unhurried
			c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				began := time.Now()
				if _, err := tx.Exec(ctx, "SELECT pg_sleep($1)", busy.Seconds()); err != nil {
					return err
				}
				err := handle(ctx, tx, slice)
				mu.Lock()
				defer mu.Unlock()
				spans = append(spans, span{began, time.Now()})
				return err
			}
		})
		b.eventually("it has handled them", func() bool {
			b.appendEvents(1)
			r.wakeUp()
			mu.Lock()
			defer mu.Unlock()
			return len(spans) >= atLeast
		})
		mu.Lock()
		defer mu.Unlock()
		return spans
	}

	t.Run("for as long as it worked, while it is late", func(t *testing.T) {
		t.Parallel()
		spans := handled(t, false, 10)
		for i, next := range spans[2:] { // what is appended while it works is old when it comes to that
			if rest := next.began.Sub(spans[i+1].ended); rest < busy*9/10 {
				t.Errorf("it rested for %s after a slice of %s", rest, spans[i+1].ended.Sub(spans[i+1].began))
			}
		}
	})

	t.Run("for longer, when it is unhurried", func(t *testing.T) {
		t.Parallel()
		spans := handled(t, true, 4)
		for i, next := range spans[1:] {
			if rest := next.began.Sub(spans[i].ended); rest < 4*busy {
				t.Errorf("it rested for %s after a slice of %s", rest, spans[i].ended.Sub(spans[i].began))
			}
		}
	})
}

func TestConsumerIsWoken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener := postgres.NewListener(b.db, slog.New(slog.DiscardHandler))
	wake := listener.Subscribe("ShopDisconnected")
	ctx, cancel := context.WithCancel(context.Background())
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		listener.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-listening
	})
	b.start(func(c *eventbus.Config) { c.Wake = wake })
	b.untilCursor(b.appendEvents(1))
	var latencies []time.Duration
	for range 10 {
		appended := time.Now()
		head := b.appendEvents(1)
		b.untilCursor(head)
		latencies = append(latencies, time.Since(appended))
	}
	slices.Sort(latencies)
	t.Logf("handled within %s to %s", latencies[0], latencies[9])
	// One poll for itself takes twice as long, so ten that are all below were woken.
	if latencies[9] >= time.Second || eventbus.SafetyPoll < 2*time.Second {
		t.Errorf("handled after %s", latencies[9])
	}
	b.wantDone(b.cursor())
}

// goroutines counts those that were started, directly or not, under the label.
func goroutines(t *testing.T) int {
	t.Helper()
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		t.Fatal(err)
	}
	count := 0
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, `"test":"shutdown"`) {
			count++
		}
	}
	return count
}

func TestConsumerStops(t *testing.T) {
	t.Parallel()

	t.Run("in the middle of slices, time and again, losing and repeating nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(200)
		for range 15 {
			handled := make(chan struct{}, 100)
			r := b.start(func(c *eventbus.Config) {
				c.Size = 7
				c.Handle = func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
					if err := write(ctx, tx, slice, "handled"); err != nil {
						return err
					}
					handled <- struct{}{} // stopped about here, between two statements
					return move(ctx, tx, slice)
				}
			})
			<-handled
			r.stop()
			if stops := r.notes.all(); len(stops) > 0 {
				t.Errorf("it noted %+v", stops[0])
			}
			if done, cursor := b.progress(); done != cursor {
				t.Fatalf("stopped with %d events handled and the cursor at %d", done, cursor)
			}
		}
		b.start(nil)
		b.untilCursor(head)
		b.wantDone(head)
	})

	t.Run("waiting for a handler that does not listen to its context", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.appendEvents(3)
		entered, leave := make(chan struct{}), make(chan struct{})
		var left atomic.Bool
		r := b.start(func(c *eventbus.Config) {
			c.Handle = func(_ context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
				close(entered)
				<-leave
				defer left.Store(true)
				return handle(context.Background(), tx, slice)
			}
		})
		<-entered
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			r.stop()
		}()
		select {
		case <-stopped:
			t.Error("it stopped while a slice was being handled")
		case <-time.After(100 * time.Millisecond): // long enough for what would be a mistake
		}
		close(leave)
		<-stopped
		if !left.Load() {
			t.Error("the handler is still there")
		}
		if done, cursor := b.progress(); done != cursor {
			t.Errorf("stopped with %d events handled and the cursor at %d", done, cursor)
		}
	})

	t.Run("and leaves no goroutine and no transaction behind", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head := b.appendEvents(20)
		pprof.Do(t.Context(), pprof.Labels("test", "shutdown"), func(context.Context) {
			for range 3 {
				r := b.start(nil)
				b.untilCursor(head)
				if n := goroutines(t); n < 3 {
					t.Errorf("only %d goroutines are seen while it runs, so this shows nothing", n)
				}
				r.stop()
			}
			b.db.Close() // its pool made goroutines and connections under the label too
		})
		b.eventually("the goroutines have ended", func() bool { return goroutines(t) == 0 })
		b.eventually("the server has ended the connections", func() bool { // it does so on its own time
			return column[int64](b, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'orderbridge%'")[0] == 0
		})
	})
}
