package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sender delivers orders, each another one.
type sender struct {
	address string
	after   int64        // the number before the first
	sent    atomic.Int64 // how many orders were due
	taken   atomic.Int64 // how many of them were acknowledged
}

const statusOK = 200

// refusedError is an answer other than 200.
type refusedError int

func (e refusedError) Error() string {
	return fmt.Sprintf("the service answers with status %d", int(e))
}

func (s *sender) next() int64 { return s.after + s.sent.Add(1) }

func (s *sender) deliver(c *client, n int64) error {
	status, err := c.deliver(n)
	if err != nil {
		return fmt.Errorf("deliver an order: %w", err)
	}
	if status != statusOK {
		return refusedError(status)
	}
	s.taken.Add(1)
	return nil
}

// burst delivers orders as fast as they are taken, over so many connections, while more says so, and returns how many were taken.
func (s *sender) burst(ctx context.Context, connections int, more func() bool) (int, error) {
	var taken atomic.Int64
	err := inParallel(ctx, connections, func(ctx context.Context) error {
		c := newClient(s.address)
		defer c.close()
		for ctx.Err() == nil && more() {
			if err := s.deliver(c, s.next()); err != nil {
				return err
			}
			taken.Add(1)
		}
		return ctx.Err()
	})
	return int(taken.Load()), err
}

// times is true so often; lasting is true until the time is over.
func times(n int) func() bool {
	var done atomic.Int64
	return func() bool { return done.Add(1) <= int64(n) }
}

func lasting(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().Before(end) }
}

const (
	// offerConnections are ample for orders that are offered at a rate: who waits for a free one waits for the service.
	offerConnections = 64
	offerTick        = time.Millisecond
	offerQueue       = 1 << 17
)

type dueOrder struct {
	n   int64
	due time.Time
}

// offer delivers orders at a rate (in orders a second, which may change) while more says so, and returns how long each took from
// when it was due to its answer: one that had to wait because those before it did counts as it should. What was sent when is told to
// taken, if there is one, which may keep the connection busy.
func (s *sender) offer(
	ctx context.Context, rate func() float64, more func() bool, taken func(ctx context.Context, n int64, sent time.Time) error,
) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	orders := make(chan dueOrder, offerQueue)
	var generator sync.WaitGroup
	offering, stop := context.WithCancel(ctx)
	generator.Go(func() {
		defer close(orders)
		s.generate(offering, rate, more, orders)
	})
	err := inParallel(ctx, offerConnections, func(ctx context.Context) error {
		c := newClient(s.address)
		defer c.close()
		var mine []time.Duration
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		}()
		for {
			var order dueOrder
			var open bool
			select {
			case order, open = <-orders:
			case <-ctx.Done():
				return ctx.Err()
			}
			if !open {
				return nil
			}
			sent := time.Now()
			if err := s.deliver(c, order.n); err != nil {
				return err
			}
			mine = append(mine, time.Since(order.due))
			if taken == nil {
				continue
			}
			if err := taken(ctx, order.n, sent); err != nil {
				return err
			}
		}
	})
	stop()
	generator.Wait()
	return all, err
}

// generate lets orders become due.
func (s *sender) generate(ctx context.Context, rate func() float64, more func() bool, orders chan<- dueOrder) {
	last, owed := time.Now(), 0.0
	tick := time.NewTicker(offerTick)
	defer tick.Stop()
	for ctx.Err() == nil && more() {
		<-tick.C
		now := time.Now()
		owed += rate() * now.Sub(last).Seconds()
		whole := int(owed)
		for i := range whole {
			select {
			case orders <- dueOrder{n: s.next(), due: last.Add(now.Sub(last) * time.Duration(i+1) / time.Duration(whole))}:
			case <-ctx.Done():
				return
			}
		}
		owed -= float64(whole)
		last = now
	}
}

// inParallel runs as many workers and returns the first of their errors, at which it ends the others.
func inParallel(ctx context.Context, workers int, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			if err := work(ctx); err != nil {
				cancel(err) // the first one stays
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// eachInParallel does it for each item, in their order as far as so many workers at once can.
func eachInParallel(ctx context.Context, workers int, items []string, do func(context.Context, string) error) error {
	left := make(chan string, len(items))
	for _, item := range items {
		left <- item
	}
	close(left)
	return inParallel(ctx, workers, func(ctx context.Context) error {
		for item := range left {
			if err := do(ctx, item); err != nil {
				return err
			}
		}
		return nil
	})
}

// percentile is the value that so many percent of all are not above.
func percentile(values []time.Duration, percent float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*percent/100))]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waitUntil asks again and again, until it is so.
func waitUntil(ctx context.Context, every, atMost time.Duration, what string, is func(context.Context) (bool, error)) error {
	deadline := time.Now().Add(atMost)
	for {
		so, err := is(ctx)
		if err != nil || so {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s", what, atMost)
		}
		if err := sleep(ctx, every); err != nil {
			return errors.Join(errors.New(what), err)
		}
	}
}
