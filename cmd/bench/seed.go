package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// takeIn lets the real service take one order in, so that the log has events of the real form, and read tables.
func (b *bench) takeIn(ctx context.Context, file string) error {
	p, err := b.serve(ctx, file)
	if err != nil {
		return err
	}
	if err := errors.Join(b.deliverSample(ctx, p), p.stop()); err != nil {
		return err
	}
	b.orders = 1
	return nil
}

func (b *bench) deliverSample(ctx context.Context, p *program) error {
	c := newClient(p.address)
	defer c.close()
	if status, err := c.deliver(0); err != nil || status != statusOK {
		return errors.Join(err, fmt.Errorf("the sample order is answered with %d %s", status, c.answer))
	}
	deadline := time.Now().Add(settleTimeout)
	for {
		var orders int
		if err := b.pool.QueryRow(ctx, "SELECT count(*) FROM crm_orders").Scan(&orders); err != nil {
			return err
		}
		if orders == 1 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the sample order was not taken in")
		}
		if err := sleep(ctx, pollTime); err != nil {
			return err
		}
	}
}

// multiply makes the log one of so many orders, each of another customer, by copies of the events of the one that was taken in, and
// of what is looked up when orders are decided on. (Its customer has a phone, so the shop's own name for them is not bound.) Bodies
// stay out: no projection reads them.
func (b *bench) multiply(ctx context.Context, orders int, p progress) error {
	const atOnce, workers = 25_000, 2
	var head int64
	if err := b.pool.QueryRow(ctx, "SELECT max(position) FROM events").Scan(&head); err != nil {
		return err
	}
	indexes, err := b.dropIndexes(ctx, "events", "customer_keys") // to sort each once is less work than to insert into it row by row
	if err != nil {
		return err
	}
	from, to := b.orders, int64(orders)
	var made atomic.Int64 // pieces, of which each worker takes the next
	if err := inParallel(ctx, workers, func(ctx context.Context) error {
		for {
			piece := made.Add(1)
			first := from + (piece-1)*atOnce
			if first >= to {
				return nil
			}
			last := min(first+atOnce, to) - 1
			if err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
				return copyOrders(ctx, tx, first, last, head+1+(first-from)*eventsPerOrder)
			}); err != nil {
				return fmt.Errorf("make orders: %w", err)
			}
			if piece%20 == 0 {
				p.sayf("made %d of %d orders", last+1, orders)
			}
		}
	}); err != nil {
		return err
	}
	b.orders = max(from, to)
	if err := eachInParallel(ctx, workers, indexes, func(ctx context.Context, definition string) error {
		return b.exec(ctx, definition)
	}); err != nil {
		return err
	}
	// The policy has nothing to do with them: what comes of them is there.
	if err := b.exec(ctx, "UPDATE cursors SET position = (SELECT max(position) FROM events) WHERE consumer LIKE 'policy:%'"); err != nil {
		return err
	}
	p.sayf("the log holds %d orders", orders)
	return b.exec(ctx, "VACUUM (ANALYZE) events, order_heads, customer_heads, customer_keys")
}

// dropIndexes drops the indexes of tables that are no constraints, and returns how to make them.
func (b *bench) dropIndexes(ctx context.Context, tables ...string) ([]string, error) {
	rows, err := b.pool.Query(ctx, `
		SELECT c.relname::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = ANY ($1::text[]::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)`, tables)
	if err != nil {
		return nil, err
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Definition string }])
	if err != nil {
		return nil, err
	}
	var definitions []string
	for _, index := range indexes {
		definitions = append(definitions, index.Definition)
		if err := b.exec(ctx, "DROP INDEX "+pgx.Identifier{index.Name}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return definitions, nil
}

// copyOrders makes orders by their numbers, with events from a position on.
func copyOrders(ctx context.Context, tx pgx.Tx, first, last, position int64) error {
	sampleOrderID, samplePhone, sampleBuyerID := identityOf(0)
	samplePhone = "+84" + samplePhone[1:]
	for _, copied := range []struct {
		what, sql string
		each      int64 // how many rows an order has
		args      []any
	}{
		{"events", copyEvents, eventsPerOrder, []any{sampleOrderID, samplePhone, sampleBuyerID, position}},
		{"order heads", copyOrderHeads, 1, []any{sampleOrderID}},
		{"customer heads", copyCustomerHeads, 1, []any{samplePhone}},
		{"customer keys", copyCustomerKeys, 1, []any{samplePhone}},
	} {
		done, err := tx.Exec(ctx, copied.sql, append([]any{first, last}, copied.args...)...)
		if err != nil {
			return fmt.Errorf("%s: %w", copied.what, err)
		}
		if orders := last - first + 1; done.RowsAffected() != orders*copied.each {
			return fmt.Errorf("%s: %d rows were made for %d orders", copied.what, done.RowsAffected(), orders)
		}
	}
	return nil
}

const eventsPerOrder = 4

// What differs between the copies, for n: as identityOf has it. Ids rise with time, as real ones do, and all are older than those of
// orders that are delivered.
const (
	copiedID         = `('019a' || lpad(to_hex(n / 65536), 4, '0') || '-' || lpad(to_hex(n % 65536), 4, '0') || '-7000-8000-00000000000'`
	copiedCustomerID = copiedID + ` || '1')::uuid`
	copiedDeliveryID = copiedID + ` || '2')::uuid`
	copiedOrderID    = `(600000000000000 + n)::text`
	copiedPhone      = `'+849' || lpad((n % 100000000)::text, 8, '0')`
	copiedBuyerID    = `'b37500e8-48c8-5c79-931f-' || lpad(to_hex(n), 12, '0')`
	copiedNumbers    = `generate_series($1::bigint, $2::bigint) n`
)

// The sample's texts become patterns for format, which is faster than to replace five texts in each. Its events stand close together,
// and are found by their positions: the index by delivery is not there meanwhile.
const copyEvents = `
WITH delivery AS (
	SELECT e.workspace_id, e.correlation_id, e.position - 20 AS after, e.position + 20 AS upto FROM events e
	WHERE e.workspace_id = (SELECT id FROM workspaces LIMIT 1) AND e.stream = 'order/` + shopID + `/' || $3::text
	ORDER BY e.version LIMIT 1
), customer AS (
	SELECT e.payload ->> 'customer_id' AS id
	FROM events e JOIN delivery d USING (workspace_id, correlation_id)
	WHERE e.type = 'OrderCreated' AND e.position > d.after AND e.position <= d.upto
), sample AS MATERIALIZED (
	SELECT e.workspace_id, e.version, e.type, e.schema_version, e.recorded_at, e.causation_id, e.actor, e.digest,
		row_number() OVER (ORDER BY e.position) AS ordinal, count(*) OVER () AS events,
		replace(replace(replace(replace(e.stream, '%', '%%'), c.id, '%1$s'), e.correlation_id::text, '%2$s'), $3, '%3$s') AS stream,
		replace(replace(replace(replace(replace(replace(
			(e.payload || CASE e.type WHEN 'SourceEnsured' THEN '{"created": false}' ELSE '{}' END::jsonb)::text,
			'%', '%%'), c.id, '%1$s'), e.correlation_id::text, '%2$s'), $3, '%3$s'), $4, '%4$s'), $5, '%5$s') AS payload
	FROM events e JOIN delivery d USING (workspace_id, correlation_id), customer c
	WHERE e.position > d.after AND e.position <= d.upto
), made AS MATERIALIZED (
	SELECT n, ` + copiedCustomerID + ` AS customer_id, ` + copiedDeliveryID + ` AS delivery_id, ` + copiedOrderID + ` AS order_id, ` +
	copiedPhone + ` AS phone, ` + copiedBuyerID + ` AS buyer_id
	FROM ` + copiedNumbers + `
)
INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
	payload, digest)
SELECT $6::bigint + (i.n - $1) * s.events + s.ordinal - 1, s.workspace_id, format(s.stream, i.customer_id, i.delivery_id, i.order_id),
	s.version, gen_random_uuid(), s.type, s.schema_version,
	s.recorded_at - (10000000 - i.n) * interval '1 second', -- all before those that are delivered
	i.delivery_id, s.causation_id, s.actor,
	format(s.payload, i.customer_id, i.delivery_id, i.order_id, i.phone, i.buyer_id)::jsonb, s.digest
FROM made i, sample s
ORDER BY i.n, s.ordinal`

const copyOrderHeads = `
INSERT INTO order_heads (workspace_id, shop_id, order_id, stream_version, state_version, updated_at, buyer_updated_at)
SELECT s.workspace_id, s.shop_id, ` + copiedOrderID + `, s.stream_version, s.state_version, s.updated_at, s.buyer_updated_at
FROM order_heads s, ` + copiedNumbers + `
WHERE s.order_id = $3
ORDER BY n`

const copyCustomerHeads = `
INSERT INTO customer_heads (workspace_id, id, active)
SELECT s.workspace_id, ` + copiedCustomerID + `, s.active
FROM customer_keys k JOIN customer_heads s ON s.workspace_id = k.workspace_id AND s.id = k.customer_id, ` + copiedNumbers + `
WHERE k.kind = 'phone' AND k.value = $3
ORDER BY n`

const copyCustomerKeys = `
INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
SELECT s.workspace_id, s.kind, ` + copiedPhone + `, ` + copiedCustomerID + `, s.active, s.claimed
FROM customer_keys s, ` + copiedNumbers + `
WHERE s.kind = 'phone' AND s.value = $3
ORDER BY n`
