package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/domain/event"
)

// What the tests of this package see of its inside. They stand outside of it because pgtest imports it.

const (
	AppendLock         = appendLock
	MaxQueuedAppends   = maxQueuedAppends
	MaxHostsRemembered = maxHostsRemembered
	ReleaseAtMost      = releaseAtMost
	BeginByIndex       = beginByIndex
	BeginInOrder       = beginInOrder
	PlannedSince       = plannedSince
	PlansLifetime      = plansLifetime
)

// Queued is how many callers wait for the writer.
func Queued(l *Log) int { return len(l.requests) }

// EventTypes are all that the log can hold.
func EventTypes() []string { return slices.Sorted(maps.Keys(decoders)) }

// Decode and Encode read and write a payload as the log does.
var (
	Decode = decodePayload
	Encode = encodePayload
)

// Canonical is the form that a digest is made of.
var Canonical = canonical

// Digest is what the log keeps of salt, payload and body.
var Digest = digest

// NewGoose drives the migrations as Migrate does.
var NewGoose = func(pool *pgxpool.Pool) (*goose.Provider, func() error, error) {
	std := stdlib.OpenDBFromPool(pool)
	provider, err := newGoose(std)
	return provider, std.Close, err
}

// Traced is a second connection to the database, with the same settings, whose every statement the tracer sees.
func (db *Database) Traced(ctx context.Context, tracer pgx.QueryTracer) (*Database, error) {
	var pools []*pgxpool.Pool
	for _, pool := range []*pgxpool.Pool{db.requests, db.lookUps, db.consumers, db.appends} {
		config := pool.Config()
		config.ConnConfig.Tracer = tracer
		traced, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			return nil, err
		}
		pools = append(pools, traced)
	}
	return &Database{requests: pools[0], lookUps: pools[1], consumers: pools[2], appends: pools[3]}, nil
}

// Requests is the pool that serves callers.
func (db *Database) Requests() *pgxpool.Pool { return db.requests }

// History is the stream of one thing.
func (db *Database) History(ctx context.Context, by [16]byte, stream event.Stream) ([]event.Recorded, error) {
	return loadStream(ctx, db.requests, by, stream)
}

// Head is the position of the newest event.
func (db *Database) Head(ctx context.Context) (int64, error) { return queries.Head(ctx, db.requests) }

// EventTypeAt is what noting a stop asks.
func (db *Database) EventTypeAt(ctx context.Context, position int64) (string, error) {
	return queries.EventTypeAt(ctx, db.requests, position)
}

// FoldRest folds what is new in the log into a projection.
func (db *Database) FoldRest(ctx context.Context, p Projection) error {
	head, err := queries.Head(ctx, db.consumers)
	if err != nil {
		return err
	}
	return db.catchUp(ctx, p, head)
}

// FoldRange folds the events in (after, upto] into the tables that are shown, wherever the cursor is, and moves that to their end.
func (p Projection) FoldRange(ctx context.Context, tx eventbus.Tx, after, upto int64) error {
	if _, err := tx.Exec(ctx, `INSERT INTO cursors (consumer, position) VALUES ($1, $2)
		ON CONFLICT (consumer) DO UPDATE SET position = excluded.position`, p.ConsumerName(), after); err != nil {
		return err
	}
	_, err := p.FoldNext(ctx, tx, upto-after)
	return err
}

// NoteStop keeps why a consumer does not move on.
var NoteStop = (*Database).noteStop

// EnsureDefaultWorkspace makes the first workspace, once.
var EnsureDefaultWorkspace = (*Database).ensureDefaultWorkspace

// Remembered is how many hosts a directory remembers.
func (d *ShopDirectory) Remembered() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byHost)
}

// Recorded reads all events of the log, in order.
func (db *Database) Recorded(ctx context.Context) ([]event.Recorded, error) {
	rows, err := db.requests.Query(ctx, `SELECT position, workspace_id, stream, version, id, type, schema_version,
		recorded_at, correlation_id, causation_id, actor, payload::text AS payload, body FROM events ORDER BY position`)
	if err != nil {
		return nil, err
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.StreamRow])
	if err != nil {
		return nil, err
	}
	events := make([]event.Recorded, 0, len(stored))
	for _, row := range stored {
		e, err := recorded(row)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// DeliveryTerms is what the text search of deliveries is asked for.
var DeliveryTerms = deliveryTerms

// Crowd is what is known of callers, without a log.
type Crowd struct{ callers }

// Append is what callers do, so many of them together.
func (c *Crowd) Append(together int) {
	for range together {
		c.came()
	}
	c.served(together)
	for range together {
		c.left()
	}
}

// Come is what a caller does that is not served yet.
func (c *Crowd) Come() { c.came() }

// How long callers come first, and others wait for them.
const (
	Forgotten     = forgotten
	GiveWayAtMost = giveWayAtMost
	FairAfter     = fairAfter
	NoBurst       = noBurst
)

// Together lets look-ups share a round trip.
var Together = together

// LongestLock is what the limits of a switch come to.
const LongestLock = beforeSwitch + switchTimeout
