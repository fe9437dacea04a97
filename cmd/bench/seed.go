package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderbridge/adapters/localpg"
	"orderbridge/app/command"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

const (
	shopID      = "1635294032"
	headerKey   = "X-Pancake-Key"
	headerValue = "a value for benchmarks only"

	settleTimeout = time.Minute
	pollTime      = 5 * time.Millisecond
)

// bench is a database to measure on, in a directory of its own.
type bench struct {
	dir     string
	cluster *localpg.Cluster
	pool    *pgxpool.Pool
}

// open starts a server of the benchmark's own.
func open(ctx context.Context, more map[string]string) (_ *bench, err error) {
	b := &bench{}
	if b.dir, err = os.MkdirTemp("", "orderbridge-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close(ctx))
		}
	}()
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // the server's own user has to get in
		return nil, err
	}
	settings := map[string]string{"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
	maps.Copy(settings, more)
	b.cluster, err = localpg.Open(ctx, localpg.Config{DataDir: b.dir, Settings: settings})
	if err != nil {
		return nil, err
	}
	b.pool, err = pgxpool.New(ctx, b.cluster.DSN())
	return b, err
}

func (b *bench) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var failures []error
	if b.pool != nil {
		b.pool.Close()
	}
	if b.cluster != nil {
		failures = append(failures, b.cluster.Close(ctx))
	}
	return errors.Join(append(failures, os.RemoveAll(b.dir))...)
}

func (b *bench) exec(ctx context.Context, sql string, args ...any) error {
	_, err := b.pool.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%.60s: %w", sql, err)
	}
	return nil
}

// connectShop connects a shop that may deliver, and makes a token for the API, which it returns.
func (b *bench) connectShop(ctx context.Context) (token string, err error) {
	opened, err := service.Open(ctx, service.Settings{DatabaseURL: b.cluster.DSN(), DataDir: b.dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	workspaceID, err := opened.Queries.WorkspaceNamed(ctx, "")
	if err != nil {
		return "", err
	}
	by := command.By{WorkspaceID: workspaceID, Actor: event.ActorSystem}
	if _, err := opened.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
		By: by, Shop: workspace.Shop{ID: shopID, Name: "Shop", HeaderKey: headerKey}, HeaderValue: headerValue,
	}); err != nil {
		return "", err
	}
	created, err := opened.Commands.CreateToken.Handle(ctx, command.CreateToken{By: by, Name: "benchmark", Role: workspace.RoleOwner})
	return created.Secret, err
}

// takeIn lets the real service take one order in, so that the log has events of the real form, and read tables.
func (b *bench) takeIn(ctx context.Context, file string) error {
	p, err := b.serve(ctx, file)
	if err != nil {
		return err
	}
	return errors.Join(b.deliver(ctx, p), p.stop())
}

func (b *bench) deliver(ctx context.Context, p *program) error {
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

// multiply makes the log one of so many orders, each of another customer, by copies of the events of the one that it has. Ids rise
// with time, as real ones do. Bodies stay out: no projection reads them.
func (b *bench) multiply(ctx context.Context, orders int) error {
	const atOnce = 50_000
	for first := 2; first <= orders; first += atOnce {
		if err := b.exec(ctx, copyOrders, first, min(first+atOnce-1, orders), fmt.Sprint(firstOrder), "+84900000000"); err != nil {
			return err
		}
		if first%(10*atOnce) == 2 {
			fmt.Fprintf(os.Stderr, "made %d of %d orders\n", first-2, orders)
		}
	}
	return b.exec(ctx, "VACUUM (ANALYZE) events")
}

// copyOrders makes the orders $1 to $2.
const copyOrders = `
WITH delivery AS (
	SELECT workspace_id, correlation_id FROM events WHERE type = 'OrderCreated' ORDER BY position LIMIT 1
), sample AS (
	SELECT e.workspace_id, e.stream, e.version, e.type, e.schema_version, e.recorded_at, e.correlation_id, e.causation_id, e.actor,
		e.payload, e.digest, row_number() OVER (ORDER BY e.position) AS ordinal, count(*) OVER () AS events
	FROM events e JOIN delivery d USING (workspace_id, correlation_id)
), customer AS (
	SELECT (payload ->> 'customer_id') AS id FROM sample WHERE type = 'OrderCreated'
), head AS (
	SELECT max(position) AS position FROM events
), made AS (
	SELECT n, ('019a' || lpad(to_hex(n), 8, '0'))::text AS prefix FROM generate_series($1::integer, $2::integer) n
), ids AS (
	SELECT n, (substr(prefix, 1, 8) || '-' || substr(prefix, 9, 4) || '-7000-8000-000000000001')::uuid AS customer_id,
		(substr(prefix, 1, 8) || '-' || substr(prefix, 9, 4) || '-7000-8000-000000000002')::uuid AS delivery_id
	FROM made
)
INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
	payload, digest)
SELECT h.position + (i.n - $1) * s.events + s.ordinal, s.workspace_id,
	replace(replace(replace(s.stream, c.id, i.customer_id::text), s.correlation_id::text, i.delivery_id::text), $3, i.n::text),
	s.version, gen_random_uuid(), s.type, s.schema_version, s.recorded_at + i.n * interval '1 second', i.delivery_id, s.causation_id, s.actor,
	replace(replace(replace(replace(
		(s.payload || CASE s.type WHEN 'SourceEnsured' THEN '{"created": false}' ELSE '{}' END::jsonb)::text,
		c.id, i.customer_id::text), s.correlation_id::text, i.delivery_id::text), $3, i.n::text),
		$4, '+849' || lpad((i.n % 100000000)::text, 8, '0'))::jsonb,
	s.digest
FROM ids i, sample s, customer c, head h
ORDER BY i.n, s.ordinal`
