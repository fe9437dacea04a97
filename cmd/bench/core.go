package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// extent says how much is measured.
type extent struct {
	reference time.Duration // each time
	burst     time.Duration
	search    time.Duration // for the rate that all read tables keep up with
	sustain   time.Duration // for how long they have to
	visible   time.Duration
	backlog   int // orders
	drainRate float64
	clients   int
}

var fullExtent = extent{
	reference: 10 * time.Second, burst: 15 * time.Second, search: 24 * time.Second, sustain: 60 * time.Second, visible: 20 * time.Second,
	backlog: 50_000, drainRate: 1000, clients: 32,
}

type coreBench struct {
	Rounds  int           `default:"3" help:"How often each is measured."`
	Only    []string      `help:"Measure only these: e2e, visible, drain, catchup, ack."`
	Sustain time.Duration `help:"For how long."`
	Profile bool
	Output  output `embed:""`
}

// Run measures.
func (c coreBench) Run(ctx context.Context) error {
	e := fullExtent
	if c.Sustain > 0 {
		e.sustain = c.Sustain
	}
	for range c.Rounds {
		if err := c.round(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (c coreBench) wants(name string) bool { return len(c.Only) == 0 || slices.Contains(c.Only, name) }

func (c coreBench) round(ctx context.Context, e extent) (err error) {
	var settings map[string]string
	if c.Profile {
		settings = map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on"}
	}
	b, err := open(ctx, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	token, err := b.connectShop(ctx)
	if err != nil {
		return err
	}
	if c.Profile {
		if err := b.exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
			return err
		}
	}
	r, err := b.reference(ctx, e.clients, e.reference)
	if err != nil {
		return err
	}
	fmt.Printf("R %.0f\n", r)
	p, err := b.serve(ctx, c.Output.Program)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			said, _ := os.ReadFile(p.log.Name())
			lines := strings.Split(string(said), "\n")
			for _, line := range lines {
				if !strings.Contains(line, "level=INFO") {
					fmt.Println(line)
				}
			}
		}
		err = errors.Join(err, p.stop())
	}()
	m := &measuring{bench: b, program: p, sender: &sender{address: p.address}, token: token, extent: e}
	rate := r / 2
	if c.wants("e2e") {
		if rate, err = m.sustained(ctx, rate); err != nil {
			return err
		}
		fmt.Printf("e2e %.0f ratio %.2f\n", rate, rate/r)
	}
	if slices.Contains(c.Only, "door") {
		tx, err := m.pool.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT FROM cursors FOR UPDATE"); err != nil {
			return err
		}
		before, _ := m.processorTime(m.program)
		n, err := m.sender.burst(ctx, e.clients, lasting(e.burst))
		if err != nil {
			return err
		}
		after, _ := m.processorTime(m.program)
		spent := after.since(before)
		rate := float64(n) / e.burst.Seconds()
		fmt.Printf("door alone %.0f ratio %.2f, cpu %.3f %.3f\n", rate, rate/r, milliseconds(spent.service)/float64(n), milliseconds(spent.postgres)/float64(n))
		if err := tx.Rollback(ctx); err != nil {
			return err
		}
	}
	if c.wants("visible") {
		latencies, err := m.visible(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("visible p50 %.1f p99 %.1f\n", milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99)))
	}
	if c.wants("drain") {
		taken, drained, err := m.burstDrain(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("burst taken in %.1f s, drained in %.1f s: %.0f/s ratio %.2f\n", taken.Seconds(), drained.Seconds(), float64(e.backlog)/drained.Seconds(), float64(e.backlog)/drained.Seconds()/r)
	}
	if c.wants("catchup") {
		latencies, err := m.catchUp(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("catchup %d ack p50 %.1f p99 %.1f\n", len(latencies), milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99)))
	}
	if c.wants("ack") {
		began := time.Now()
		n, err := m.sender.burst(ctx, e.clients, lasting(e.burst))
		if err != nil {
			return err
		}
		if slices.Contains(c.Only,"keep") { fmt.Println("psql", "'"+b.cluster.DSN()+"'"); <-ctx.Done() }; rate := float64(n) / time.Since(began).Seconds()
		fmt.Printf("ack %.0f ratio %.2f\n", rate, rate/r)
		left, err := m.backlog(ctx)
		if err != nil {
			return err
		}
		before, _ := m.processorTime(m.program)
		began = time.Now()
		if slices.Contains(c.Only, "watch") {
			go func() {
				for {
					var a, b, x, d, h int64
					m.pool.QueryRow(ctx, `SELECT (SELECT position FROM cursors WHERE consumer LIKE 'policy%'), (SELECT position FROM cursors WHERE consumer LIKE '%crm'),(SELECT position FROM cursors WHERE consumer LIKE '%deliveries'),(SELECT position FROM cursors WHERE consumer LIKE '%daily%'), (SELECT max(position) FROM events)`).Scan(&a, &b, &x, &d, &h)
					fmt.Println("policy", a, "crm", b, "deliveries", x, "daily", d, "head", h)
					time.Sleep(time.Second)
				}
			}()
		}
		if err := m.drained(ctx); err != nil {
			return err
		}
		after, _ := m.processorTime(m.program)
		spent := after.since(before)
		fmt.Printf("drain cpu: service %.3f postgres %.3f, cores %.2f\n", milliseconds(spent.service)/float64(left), milliseconds(spent.postgres)/float64(left), (spent.service+spent.postgres).Seconds()/time.Since(began).Seconds())
		fmt.Printf("drained %d in %.1f s\n", left, time.Since(began).Seconds())
	}
	if slices.Contains(c.Only, "keep") {
		fmt.Println("psql", "'"+b.cluster.DSN()+"'")
		<-ctx.Done()
	}
	rss, err := p.peakRSS()
	fmt.Printf("rss %.0f\n", rss)
	if c.Profile {
		return m.statements(ctx)
	}
	return err
}

// measuring is a service under measure.
type measuring struct {
	*bench

	program *program
	sender  *sender
	token   string
	extent  extent
}

// backlog is about how many orders were acknowledged and are not in all read tables yet.
func (m *measuring) backlog(ctx context.Context) (int, error) {
	var orders int
	err := m.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM events WHERE position > (SELECT position FROM cursors WHERE consumer LIKE 'policy:%')
				AND type IN ('OrderReceived', 'IngestionRetried'))
			+ ((SELECT max(position) FROM events) - (SELECT min(position) FROM cursors WHERE consumer LIKE 'projection:%')) / 4`).Scan(&orders)
	return orders, err
}

// drained waits until every order is in all read tables.
func (m *measuring) drained(ctx context.Context) error {
	for {
		var left int
		err := m.pool.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM (SELECT FROM events WHERE position > (SELECT position FROM cursors WHERE consumer LIKE 'policy:%')
					AND type IN ('OrderReceived', 'IngestionRetried') LIMIT 1) pending)
				+ (SELECT max(position) FROM events) - (SELECT min(position) FROM cursors WHERE consumer LIKE 'projection:%')`).Scan(&left)
		if err != nil || left == 0 {
			return err
		}
		if err := sleep(ctx, 4*pollTime); err != nil {
			return err
		}
	}
}

const (
	// A rate is kept up with when the backlog neither grows nor is older than this.
	allowedLag = 1500 * time.Millisecond
	watchTime  = 500 * time.Millisecond
)

// sustained finds the highest rate, in orders a second, that all read tables keep up with: first as the rate at which orders come
// through while the backlog is held at about a second's worth, then by offering what is a little less for a while.
func (m *measuring) sustained(ctx context.Context, start float64) (float64, error) {
	searching, settled := lasting(m.extent.search), lasting(m.extent.search/3)
	var open atomic.Bool
	open.Store(true)
	var failure error
	var from, at int64
	var since time.Time
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for !searching() && failure == nil {
			left, err := m.backlog(ctx)
			if err != nil {
				failure = err
				return
			}
			open.Store(left < int(start/2))
			if through := m.sender.sent.Load() - int64(left); settled() {
				if since.IsZero() {
					from, since = through, time.Now()
				}
				at = through
			}
			failure = sleep(ctx, watchTime/5)
		}
	}()
	_, err := m.sender.offer(ctx, func() float64 {
		if open.Load() {
			return 2 * start
		}
		return 0
	}, offerConnections, searching, nil)
	<-watched
	if err := errors.Join(err, failure); err != nil {
		return 0, err
	}
	candidate := 0.97 * float64(at-from) / time.Since(since).Seconds()
	for {
		if err := m.drained(ctx); err != nil {
			return 0, err
		}
		before, err := m.processorTime(m.program)
		if err != nil {
			return 0, err
		}
		kept, sent, err := m.keepsUp(ctx, candidate)
		if err != nil {
			return 0, err
		}
		if kept {
			after, err := m.processorTime(m.program)
			if err != nil {
				return 0, err
			}
			spent := after.since(before)
			fmt.Printf("cpu per order: service %.3f ms postgres %.3f ms total %.3f\n", milliseconds(spent.service)/float64(sent), milliseconds(spent.postgres)/float64(sent), milliseconds(spent.service+spent.postgres)/float64(sent))
			return candidate, m.drained(ctx)
		}
		candidate *= 0.96
	}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	return sum / float64(len(values))
}

// keepsUp offers orders at a rate, and tells whether the backlog stayed where it was.
func (m *measuring) keepsUp(ctx context.Context, rate float64) (bool, int, error) {
	var backlogs []float64
	until := lasting(m.extent.sustain)
	var failure error
	watched := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(watched)
		for !until() && failure == nil {
			left, err := m.backlog(ctx)
			if err != nil {
				failure = err
				return
			}
			backlogs = append(backlogs, float64(left))
			if float64(left) > 3*allowedLag.Seconds()*rate { // no need to wait for the end
				until = func() bool { return true }
				return
			}
			failure = sleep(ctx, watchTime)
		}
	}()
	all, err := m.sender.offer(ctx, func() float64 { return rate }, offerConnections, until, nil)
	took := time.Since(began)
	<-watched
	if err := errors.Join(err, failure); err != nil {
		return false, 0, err
	}
	third := len(backlogs) / 3
	first, last := average(backlogs[third:2*third]), average(backlogs[2*third:])
	growth := (last - first) / (took.Seconds() / 3) / rate
	fmt.Fprintf(os.Stderr, "at %.0f/s: %d taken, ack p50 %.1f p99 %.1f ms, backlog %.0f then %.0f, grows by %.1f %% of the rate\n", rate, len(all.numbers),
		milliseconds(percentile(all.latencies, 50)), milliseconds(percentile(all.latencies, 99)), first, last, 100*growth)
	return growth < 0.01 && last < allowedLag.Seconds()*rate*1.5 && float64(len(all.numbers)) > 0.98*rate*m.extent.sustain.Seconds(), len(all.numbers), nil
}

// visible measures from when orders are due until they are readable over the API.
func (m *measuring) visible(ctx context.Context) ([]time.Duration, error) {
	const connections = 32
	latencies := make(chan time.Duration, 1<<16)
	readers := make(chan *client, connections)
	for range connections {
		readers <- newClient(m.program.address)
	}
	_, err := m.sender.offer(ctx, func() float64 { return 100 }, connections, lasting(m.extent.visible), func(n int64, due time.Time) error {
		c := <-readers
		defer func() { readers <- c }()
		for {
			status, err := c.get("/api/v1/orders/"+codeNumbered(n), m.token)
			if err != nil {
				return err
			}
			if status == statusOK {
				latencies <- time.Since(due)
				return nil
			}
			if time.Since(due) > exchangeTimeout {
				return fmt.Errorf("order %d is not readable: %d", n, status)
			}
			time.Sleep(max(time.Millisecond, time.Since(due)/10)) // who waits for long asks less often, or asking is what takes long
		}
	})
	close(latencies)
	for range connections {
		(<-readers).close()
	}
	var all []time.Duration
	for latency := range latencies {
		all = append(all, latency)
	}
	return all, err
}

// burstDrain delivers orders as fast as they are taken and waits until all are readable.
func (m *measuring) burstDrain(ctx context.Context) (taken, drained time.Duration, err error) {
	began := time.Now()
	var made atomic.Int64
	if _, err := m.sender.burst(ctx, m.extent.clients, func() bool { return made.Add(1) > int64(m.extent.backlog) }); err != nil {
		return 0, 0, err
	}
	taken = time.Since(began)
	err = m.drained(ctx)
	return taken, time.Since(began), err
}

// catchUp measures acknowledgements while the consumers work off a backlog.
func (m *measuring) catchUp(ctx context.Context) ([]time.Duration, error) {
	// The backlog is made by a program without consumers: it has to be there when the measuring begins.
	tx, err := m.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "SELECT FROM cursors WHERE consumer LIKE 'policy:%' FOR UPDATE"); err != nil {
		return nil, errors.Join(err, tx.Rollback(ctx))
	}
	var made atomic.Int64
	_, err = m.sender.burst(ctx, m.extent.clients, func() bool { return made.Add(1) > int64(m.extent.backlog) })
	if errEnd := tx.Rollback(ctx); err != nil || errEnd != nil {
		return nil, errors.Join(err, errEnd)
	}
	var done atomic.Bool
	all, err := m.sender.offer(ctx, func() float64 { return m.extent.drainRate }, offerConnections, func() bool {
		return done.Load()
	}, func(n int64, _ time.Time) error {
		if n%200 == 0 {
			// One connection asks now and then.
			left, err := m.backlog(ctx)
			if left < m.extent.backlog/50 {
				done.Store(true)
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all.latencies, m.drained(ctx)
}

// statements prints what PostgreSQL spent its time on.
func (m *measuring) statements(ctx context.Context) error {
	rows, err := m.pool.Query(ctx, `
		SELECT calls, round((total_exec_time)::numeric) AS exec_ms, round(total_plan_time::numeric) AS plan_ms,
			round((total_exec_time/greatest(calls,1))::numeric, 3) AS each, round((total_plan_time/greatest(calls,1))::numeric, 3) AS plan_each, rows, shared_blks_hit, wal_bytes, left(regexp_replace(query, '\s+', ' ', 'g'), 150)
		FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT 40`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		parts := make([]string, 0, len(values))
		for _, value := range values {
			if n, ok := value.(pgtype.Numeric); ok {
				f, _ := n.Float64Value()
				value = f.Float64
			}
			parts = append(parts, fmt.Sprint(value))
		}
		fmt.Println(strings.Join(parts, " | "))
	}
	return rows.Err()
}
