package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/domain/projection"
)

const (
	// policySlice bounds how many orders are ingested in one transaction: a large slice keeps the append lock for
	// longer, and deliveries at the door wait for it. policyIdleSlice does so while there are none.
	policySlice     = 100
	policyIdleSlice = 500
	// policySliceBytes bounds how large the bodies of a slice are together, beyond the first: a slice is in memory as a
	// whole, and large orders weigh as much as a hundred usual ones.
	policySliceBytes = 4 << 20
	// projectionSlice bounds how many events are folded in one transaction while the service is live.
	projectionSlice = 4000

	// soon and later are how long events wait to be folded that nobody waits for: those of no concern to a projection, and all in
	// those that no answers are given from.
	soon, later = 25 * time.Millisecond, 250 * time.Millisecond
)

// selectFolding names the next events of any type, and nothing while the tables of another release are shown. Until the transaction
// ends it lets names mean the tables of the version that is shown. That is locked with the cursor, or a switch that hands the cursor on
// in between would leave a slice that goes into the tables of before: what is locked is looked at again when it was changed, and what is
// not stays as it was seen first. Its commit is not waited for to be on disk: if it is lost, the cursor
// stands where it stood before, and the slice is folded again. Index: events_pkey.
func selectFolding(p Projection) eventbus.Selection {
	return eventbus.Selection(fmt.Sprintf(`
WITH cursor AS (
    SELECT c.position, shown.version
    FROM cursors c CROSS JOIN projections shown
    WHERE c.consumer = $1 AND shown.name = '%[1]s' AND shown.active AND shown.definition = %[2]d
    FOR UPDATE OF c SKIP LOCKED FOR SHARE OF shown SKIP LOCKED
), head AS (SELECT coalesce(max(position), 0) AS position FROM events)
SELECT s.after, s.upto, s.full, (SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)::float8 FROM events e WHERE e.position = s.after + 1),
    jsonb_build_object(
        'path', set_config('search_path', format('%[1]s_v%%s, public', s.version), true),
        'synchronous_commit', set_config('synchronous_commit', 'off', true),
        'skipped', ARRAY(SELECT k.position FROM projection_skips k WHERE k.name = '%[1]s' AND k.position > s.after AND k.position <= s.upto),
        'types', ARRAY(SELECT DISTINCT e.type FROM events e WHERE e.position > s.after AND e.position <= s.upto))
FROM (
    SELECT cursor.position AS after, least(cursor.position + $2, head.position) AS upto, head.position > cursor.position + $2 AS full, cursor.version
    FROM cursor, head
    WHERE head.position > cursor.position
) s`, p.Name, p.Definition))
}

// selectIngestion names the next slice that holds at most so many orders to ingest, and not many more bytes than
// policySliceBytes; it ends at the last of them. The types are those of the index's predicate. What is tried again weighs as
// much as the first event of its stream, which has the body. Index: events_ingestion, then events_stream_version.
var selectIngestion = eventbus.Selection(fmt.Sprintf(`
WITH cursor AS (SELECT position FROM cursors WHERE consumer = $1 FOR UPDATE SKIP LOCKED)
SELECT cursor.position, next.upto, next.orders = $2 OR next.heavy, extract(epoch FROM clock_timestamp() - next.oldest)::float8, NULL
FROM cursor, LATERAL (
    SELECT max(fitting.position) FILTER (WHERE fitting.bytes_before < %[1]d) AS upto, count(*) AS orders,
        min(fitting.recorded_at) AS oldest, bool_or(fitting.bytes_before >= %[1]d) AS heavy
    FROM (
        SELECT relevant.position, relevant.recorded_at, sum(relevant.bytes) OVER (ORDER BY relevant.position) - relevant.bytes AS bytes_before
        FROM (
            SELECT e.position, e.recorded_at, coalesce(octet_length(e.body), (
                SELECT octet_length(o.body) FROM events o
                WHERE e.type = 'IngestionRetried' AND o.workspace_id = e.workspace_id AND o.stream = e.stream AND o.version = 1
            ), 0) AS bytes
            FROM events e
            WHERE e.position > cursor.position AND e.type IN ('OrderReceived', 'IngestionRetried')
            ORDER BY e.position LIMIT $2
        ) relevant
    ) fitting
) next
WHERE next.upto IS NOT NULL`, policySliceBytes))

// PolicyConsumer makes the consumer that ingests received orders.
func PolicyConsumer(db *Database, listener *Listener, ingest policy.OnOrderReceived) eventbus.Config {
	name := policy.OnOrderReceivedName
	run := func(react func(context.Context, Ingestion, []command.ReceivedOrder) error) func(context.Context, eventbus.Tx, eventbus.Slice) error {
		return func(ctx context.Context, tx eventbus.Tx, slice eventbus.Slice) error {
			received, err := ReceivedOrders(ctx, tx, slice.After, slice.Upto)
			if err != nil {
				return err
			}
			return react(ctx, NewIngestion(tx, name, slice.Upto), received)
		}
	}
	return eventbus.Config{
		Name: name, Select: selectIngestion, Size: policySlice, IdleSize: policyIdleSlice,
		Wake: listener.Subscribe("OrderReceived", "IngestionRetried"),
		Handle: run(func(ctx context.Context, store Ingestion, received []command.ReceivedOrder) error {
			return ingest.Handle(ctx, store, received)
		}),
		Park: run(func(ctx context.Context, store Ingestion, received []command.ReceivedOrder) error {
			if len(received) != 1 {
				return fmt.Errorf("park: %d events where one was expected", len(received))
			}
			return ingest.Park(ctx, store, received[0])
		}),
		IsTransient: isTransient, IsConflict: isConflict, Note: db.noteStop(name),
	}
}

// ProjectionConsumer makes the consumer that folds events into a projection's tables.
func ProjectionConsumer(db *Database, listener *Listener, p Projection) eventbus.Config {
	wake := listener.SubscribeSoon(soon, p.types()...)
	if !p.answers() {
		wake = listener.SubscribeSoon(later)
	}
	return eventbus.Config{
		Name: p.ConsumerName(), Select: selectFolding(p), Size: projectionSlice, Wake: wake, Unhurried: !p.hurries(),
		Mended:      listener.Subscribe(projection.EventSkipped{}.EventName(), switched),
		Handle:      p.fold,
		IsTransient: isTransient, IsConflict: isConflict, Note: db.noteStop(p.ConsumerName()),
	}
}

const (
	// catchUpTimeout bounds how long CatchUp waits for a service that folds already.
	catchUpTimeout = 5 * time.Second
	catchUpPoll    = 5 * time.Millisecond
)

// CatchUp folds what is in the log now into the read tables that answers are given from, or waits for a running service to do so.
// It is for programs that read without a service beside them. When it takes too long it fails with ErrNotReadable.
func (db *Database) CatchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	head, err := queries.Head(ctx, db.consumers)
	if err != nil {
		return unavailable(err)
	}
	for _, p := range answering() {
		err := db.catchUp(ctx, p, head)
		switch {
		case err != nil && ctx.Err() != nil:
			return ErrNotReadable
		case err != nil:
			return fmt.Errorf("catch up with %s: %w", p.Name, unavailable(err))
		}
	}
	return nil
}

func (db *Database) catchUp(ctx context.Context, p Projection, head int64) error {
	if err := queries.EnsureCursor(ctx, db.consumers, p.ConsumerName()); err != nil {
		return err
	}
	for {
		position, err := queries.Cursor(ctx, db.consumers, p.ConsumerName())
		if err != nil || position >= head {
			return err
		}
		folded := false
		err = pgx.BeginFunc(ctx, db.consumers, func(tx pgx.Tx) error {
			folded, err = p.FoldNext(ctx, tx, projectionSlice)
			return err
		})
		if err != nil {
			return err
		}
		if folded {
			continue
		}
		if err := pause(ctx, catchUpPoll); err != nil { // somebody else is at it
			return err
		}
	}
}

// noteStop keeps why a consumer does not move on.
func (db *Database) noteStop(consumer string) func(context.Context, eventbus.Stop) error {
	return func(ctx context.Context, stop eventbus.Stop) error {
		params := dbsqlc.NoteStopParams{Consumer: consumer, Category: stop.Category, Reason: storable(stop.Reason), Position: &stop.Position}
		if eventType, err := queries.EventTypeAt(ctx, db.requests, stop.Position); err == nil {
			params.EventType = &eventType
		}
		return queries.NoteStop(ctx, db.requests, params)
	}
}

// storable makes a text of whatever origin one that PostgreSQL takes.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
