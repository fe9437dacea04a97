package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// firstDelivered is the number of the first order that is delivered: none that was made by seeding has it.
const firstDelivered = 50_000_000

// measuring is a service under measure.
type measuring struct {
	*bench

	program *program
	sender  *sender
	extent  extent
	sayf    func(format string, args ...any)
}

// serving runs a measurement against a service on the benchmark's database, and returns the most memory that the service ever had,
// in MiB.
func (b *bench) serving(
	ctx context.Context, program string, extent extent, p progress, measure func(context.Context, *measuring) error,
) (peakRSS float64, err error) {
	running, err := b.serve(ctx, program)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, running.stop()) }()
	m := &measuring{
		bench: b, program: running, sender: &sender{address: running.address, after: firstDelivered + b.delivered}, extent: extent, sayf: p.sayf,
	}
	defer func() { b.delivered += m.sender.sent.Load() }()
	// Consumers make their cursors when they start, which the service does not wait for to be ready.
	if err := waitUntil(ctx, pollTime, settleTimeout, "wait for the consumers", m.consumersThere); err != nil {
		return 0, err
	}
	if err := measure(ctx, m); err != nil {
		return 0, err
	}
	return running.memory(residentPeak)
}

func (m *measuring) consumersThere(ctx context.Context) (there bool, err error) {
	err = m.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM cursors WHERE consumer LIKE 'policy:%')
			AND NOT EXISTS (SELECT FROM projections WHERE active AND 'projection:' || name NOT IN (SELECT consumer FROM cursors))`).Scan(&there)
	return there, err
}

// lag is about how many orders are due and not in all read tables yet: those that were not taken too, so that nobody keeps up by
// leaving them at the door.
func (m *measuring) lag(ctx context.Context) (float64, error) {
	var behind float64
	err := m.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM events WHERE position > (SELECT position FROM cursors WHERE consumer LIKE 'policy:%')
				AND type IN ('OrderReceived', 'IngestionRetried'))
			+ ((SELECT max(position) FROM events) - (SELECT min(position) FROM cursors WHERE consumer LIKE 'projection:%')) / $1::float8`,
		eventsPerOrder).Scan(&behind)
	return behind + float64(m.sender.sent.Load()-m.sender.taken.Load()), err
}

const (
	drainPoll    = 20 * time.Millisecond
	drainTimeout = 10 * time.Minute
)

// drained waits until every order is in all read tables.
func (m *measuring) drained(ctx context.Context) error {
	return waitUntil(ctx, drainPoll, drainTimeout, "wait until all orders are readable", func(ctx context.Context) (done bool, err error) {
		err = m.pool.QueryRow(ctx, `
			SELECT NOT EXISTS (SELECT FROM events WHERE position > (SELECT position FROM cursors WHERE consumer LIKE 'policy:%')
					AND type IN ('OrderReceived', 'IngestionRetried'))
				AND (SELECT max(position) FROM events) = (SELECT min(position) FROM cursors WHERE consumer LIKE 'projection:%')`).Scan(&done)
		return done, err
	})
}

// offerWatched offers orders at a rate and looks after something now and then, until that says that it is enough.
func (m *measuring) offerWatched(
	ctx context.Context, rate func() float64, every time.Duration, watch func(ctx context.Context) (enough bool, err error),
) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over atomic.Bool
	var watching sync.WaitGroup
	watching.Go(func() {
		defer over.Store(true)
		for ctx.Err() == nil {
			enough, err := watch(ctx)
			if err != nil {
				cancel(err)
			}
			if enough {
				return
			}
			_ = sleep(ctx, every)
		}
	})
	latencies, err := m.sender.offer(ctx, rate, func() bool { return !over.Load() }, nil)
	if err != nil {
		cancel(err)
	}
	watching.Wait()
	return latencies, context.Cause(ctx)
}

const (
	// A rate is kept up with when the lag is no longer than allowedLag and does not grow: not by more than allowedGrowth from the middle
	// third of the time to the last. No rate is tried any longer when the lag is hopelessLag.
	allowedLag    = 2 * time.Second
	hopelessLag   = 3 * time.Second
	allowedGrowth = 200 * time.Millisecond

	searchPoll  = 100 * time.Millisecond
	sustainPoll = 500 * time.Millisecond

	// What is tried after what came through in the search, and after that.
	firstTry, stepUp, stepDown, largeStepDown = 0.85, 1.08, 0.9, 0.85
	usualTries                                = 2
	leastOfThrough                            = 0.2
	leastSeen                                 = 100 // orders, or how many come through is guesswork: the lag is only about right
)

// sustained is a rate that all read tables keep up with.
type sustained struct {
	rate float64 // orders a second
	// Processor time for each order, until it was in all read tables.
	service, postgres time.Duration
}

// sustain finds the highest rate that all read tables keep up with. Where to begin is told by the rate at which orders come through
// when there is always something to do; what counts is that a rate was offered for a while and kept up with.
func (m *measuring) sustain(ctx context.Context, guess float64) (sustained, error) {
	through, err := m.through(ctx, guess)
	if err != nil {
		return sustained{}, err
	}
	var best sustained
	for candidate, tries := firstTry*through, 1; candidate > leastOfThrough*through; tries++ {
		kept, found, err := m.keepsUp(ctx, candidate)
		switch {
		case err != nil:
			return sustained{}, err
		case kept && tries == 1: // perhaps there is more
			best = found
			candidate *= stepUp
		case kept:
			return found, nil
		case best.rate > 0:
			return best, nil
		case tries < usualTries:
			candidate *= stepDown
		default:
			candidate *= largeStepDown
		}
	}
	return sustained{}, fmt.Errorf("no rate is kept up with, though %.0f orders/s come through", through)
}

// through is the rate at which orders come through while the lag is held at about a second's worth.
func (m *measuring) through(ctx context.Context, guess float64) (float64, error) {
	began := time.Now()
	settled, end := began.Add(m.extent.search/3), began.Add(m.extent.search)
	var open atomic.Bool
	var from, at float64
	var since, last time.Time
	_, err := m.offerWatched(ctx, func() float64 {
		if open.Load() {
			return 2 * guess
		}
		return 0
	}, searchPoll, func(ctx context.Context) (bool, error) {
		lag, err := m.lag(ctx)
		if err != nil {
			return false, err
		}
		now := time.Now()
		open.Store(lag < guess)
		at, last = float64(m.sender.sent.Load())-lag, now
		if since.IsZero() && now.After(settled) {
			from, since = at, now
		}
		return now.After(end) && at-from >= leastSeen || now.After(end.Add(settleTimeout)), nil
	})
	if err != nil {
		return 0, err
	}
	rate := (at - from) / last.Sub(since).Seconds()
	if rate <= 0 || last.Equal(since) {
		return 0, fmt.Errorf("no orders come through: %.0f in %s", at-from, last.Sub(since))
	}
	m.sayf("%.0f orders/s come through", rate)
	return rate, m.drained(ctx)
}

// keepsUp offers orders at a rate and tells whether the read tables keep up, and if so, what it took.
func (m *measuring) keepsUp(ctx context.Context, rate float64) (bool, sustained, error) {
	before, err := m.processorTime(ctx, m.program)
	if err != nil {
		return false, sustained{}, err
	}
	var lags []float64
	hopeless := false
	bearable := func(lag time.Duration) float64 { return m.extent.patience * lag.Seconds() * rate } // in orders
	end := time.Now().Add(m.extent.sustain)
	latencies, err := m.offerWatched(ctx, func() float64 { return rate }, min(sustainPoll, m.extent.sustain/10),
		func(ctx context.Context) (bool, error) {
			lag, err := m.lag(ctx)
			lags = append(lags, lag)
			hopeless = lag > bearable(hopelessLag)
			return hopeless || time.Now().After(end), err
		})
	if err != nil {
		return false, sustained{}, err
	}
	if err := m.drained(ctx); err != nil {
		return false, sustained{}, err
	}
	after, err := m.processorTime(ctx, m.program)
	if err != nil {
		return false, sustained{}, err
	}
	third := len(lags) / 3
	middle, last := average(lags[third:max(third+1, 2*third)]), average(lags[2*third:])
	kept := !hopeless && last <= bearable(allowedLag) && last-middle <= bearable(allowedGrowth)
	m.sayf("%.0f orders/s offered: kept up with: %t; lag %.0f then %.0f orders, ack p50 %.1f ms, p99 %.1f ms", rate, kept, middle, last,
		milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99)))
	spent := after.since(before)
	orders := time.Duration(max(1, len(latencies)))
	return kept, sustained{rate: rate, service: spent.service / orders, postgres: spent.postgres / orders}, nil
}

func average(values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	return sum / float64(len(values))
}

// becomesReadable asks for an order until the API has it, and returns how long that took since it was sent.
func (m *measuring) becomesReadable(ctx context.Context, c *client, n int64, sent time.Time) (time.Duration, error) {
	for {
		status, err := c.get("/api/v1/orders/"+codeNumbered(n), m.token)
		took := time.Since(sent)
		switch {
		case err != nil:
			return 0, fmt.Errorf("read an order: %w", err)
		case status == statusOK:
			return took, nil
		case took > exchangeTimeout:
			return 0, fmt.Errorf("order %d is not readable: %w", n, refusedError(status))
		}
		// Who waits for long asks less often, or asking is what takes long.
		if err := sleep(ctx, max(time.Millisecond, took/10)); err != nil {
			return 0, err
		}
	}
}

const (
	// visibleRate is how many orders a second are offered while it is measured when they are readable. One of so many is asked for:
	// asking for all would be most of what the service does then.
	visibleRate = 100
	askedFor    = 4
)

// visible measures from when orders are sent until they are readable over the API.
func (m *measuring) visible(ctx context.Context) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	readers := make(chan *client, offerConnections)
	for range offerConnections {
		readers <- newClient(m.program.address)
	}
	defer func() {
		for range offerConnections {
			(<-readers).close()
		}
	}()
	_, err := m.sender.offer(ctx, func() float64 { return visibleRate }, lasting(m.extent.visible),
		func(ctx context.Context, n int64, sent time.Time) error {
			if n%askedFor != 0 {
				return nil
			}
			c := <-readers
			defer func() { readers <- c }()
			took, err := m.becomesReadable(ctx, c, n, sent)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took)
			return err
		})
	if err == nil && len(all) == 0 {
		err = errors.New("no order was asked for")
	}
	return all, err
}

// burstDrain delivers orders as fast as they are taken and waits until all are readable.
func (m *measuring) burstDrain(ctx context.Context) (taken, readable time.Duration, err error) {
	began := time.Now()
	if _, err := m.sender.burst(ctx, m.extent.clients, times(m.extent.backlog)); err != nil {
		return 0, 0, err
	}
	taken = time.Since(began)
	err = m.drained(ctx)
	return taken, time.Since(began), err
}

const catchUpPoll = 250 * time.Millisecond

// catchUp measures acknowledgements while the consumers work off a backlog, and tells whether they did in the time that there is.
func (m *measuring) catchUp(ctx context.Context) (latencies []time.Duration, caughtUp bool, err error) {
	received, err := m.makeBacklog(ctx)
	if err != nil {
		return nil, false, err
	}
	var decided int64 // where the log ended when the last order of the backlog was decided on; 0 before
	end := time.Now().Add(m.extent.catchUp)
	latencies, err = m.offerWatched(ctx, func() float64 { return m.extent.catchUpRate }, catchUpPoll, func(ctx context.Context) (bool, error) {
		var policy, projections, head int64
		err := m.pool.QueryRow(ctx, `
			SELECT (SELECT position FROM cursors WHERE consumer LIKE 'policy:%'),
				(SELECT min(position) FROM cursors WHERE consumer LIKE 'projection:%'), (SELECT max(position) FROM events)`,
		).Scan(&policy, &projections, &head)
		if decided == 0 && policy >= received {
			decided = head
		}
		caughtUp = decided > 0 && projections >= decided
		return caughtUp || time.Now().After(end), err
	})
	if err != nil {
		return nil, false, err
	}
	return latencies, caughtUp, m.drained(ctx)
}

// makeBacklog delivers orders that are not ingested, and returns the position of the last of them. The policy's cursor is kept locked
// for that long, which makes it look as if another instance was at it.
func (m *measuring) makeBacklog(ctx context.Context) (received int64, err error) {
	err = pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		locked, err := tx.Exec(ctx, "SELECT FROM cursors WHERE consumer LIKE 'policy:%' FOR UPDATE")
		if err != nil {
			return err
		}
		if locked.RowsAffected() != 1 {
			return fmt.Errorf("%d cursors of policies were locked to make a backlog", locked.RowsAffected())
		}
		if _, err := m.sender.burst(ctx, m.extent.clients, times(m.extent.backlog)); err != nil {
			return err
		}
		var waiting int
		if err := tx.QueryRow(ctx, `
			SELECT count(*), max(position) FROM events
			WHERE type = 'OrderReceived' AND position > (SELECT position FROM cursors WHERE consumer LIKE 'policy:%')`,
		).Scan(&waiting, &received); err != nil {
			return err
		}
		if waiting < m.extent.backlog {
			return fmt.Errorf("the backlog is of %d orders instead of %d", waiting, m.extent.backlog)
		}
		return nil
	})
	return received, err
}
