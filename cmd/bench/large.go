package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// large measures what depends on how large the log is: rebuilding and lists first, then what is kept up with when it has grown further.
func (r *running) large(ctx context.Context) (err error) {
	b, err := open(ctx, r.statements)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err := b.takeIn(ctx, r.program); err != nil {
		return err
	}
	var making time.Duration
	if r.wantsAny(keyRebuild, keyList) {
		r.sayf("making a log of %d orders", r.extent.orders)
		began := time.Now()
		if err := b.multiply(ctx, r.extent.orders, r.progress); err != nil {
			return err
		}
		making = time.Since(began)
	}
	if r.wanted[keyRebuild] {
		found, err := b.rebuilds(ctx, r.program, r.extent.rebuildRounds, r.progress,
			func(round, rebuild time.Duration) bool {
				return time.Since(r.began)+round+r.rest(making, rebuild) > r.within
			})
		if err != nil {
			return fmt.Errorf("%s: %w", keyRebuild, err)
		}
		for round, seconds := range found.RebuildSeconds {
			r.figures.addRatio(keyRebuild, seconds, found.SQLSeconds[round])
		}
	}
	if r.wanted[keyList] {
		var filled []string
		if r.wanted[keyRebuild] {
			filled = append(filled, "crm")
		}
		if err := b.fill(ctx, r.program, r.progress, filled...); err != nil {
			return err
		}
		if err := r.serving(ctx, b, r.list); err != nil {
			return fmt.Errorf("%s: %w", keyList, err)
		}
	}
	if !r.wanted[keyGrowth] {
		return nil
	}
	r.sayf("making a log of %d events", r.extent.events)
	if err := b.multiply(ctx, r.extent.events/eventsPerOrder, r.progress); err != nil {
		return err
	}
	if err := b.fill(ctx, r.program, r.progress); err != nil {
		return err
	}
	if err := r.growth(ctx, b); err != nil {
		return fmt.Errorf("%s: %w", keyGrowth, err)
	}
	return nil
}

// rest is about how long all takes that comes after the rebuilds, from what it took to make the first log and to rebuild crm over it.
func (r *running) rest(making, rebuild time.Duration) time.Duration {
	var rest time.Duration
	if r.wanted[keyList] {
		rest += rebuild + r.extent.list
	}
	if r.wanted[keyGrowth] {
		times := float64(r.extent.events) / float64(r.extent.orders*eventsPerOrder)
		const allBesideCRM = 1.5 // what the other projections make of it, when all are rebuilt at once
		rest += time.Duration((times-1)*float64(making)+allBesideCRM*times*float64(rebuild)) + r.extent.growthTakes()
	}
	r.sayf("what is left takes about %s", rest.Round(time.Second))
	return rest
}

// serving measures something of a service on a large log.
func (r *running) serving(ctx context.Context, b *bench, measure func(context.Context, *measuring) error) error {
	peak, err := b.serving(ctx, r.program, r.extent, r.progress, measure)
	if err != nil {
		return err
	}
	r.figures.add(keyRSS, peak)
	if r.statements {
		return b.printStatements(ctx, r.to, "the large log")
	}
	return nil
}

// growth holds the rate that is kept up with on a large log against that on empty ones, each as a share of its own reference.
func (r *running) growth(ctx context.Context, b *bench) error {
	var rate float64
	reference, err := r.against(ctx, b, func(reference float64) error {
		return r.serving(ctx, b, func(ctx context.Context, m *measuring) error {
			found, err := m.sustain(ctx, reference/2)
			rate = found.rate
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, empty := range r.figures.values(keyE2E) {
		r.figures.addRatio(keyGrowth, rate/reference, empty)
	}
	return nil
}

const (
	listRate    = 100 // orders a second, delivered meanwhile
	listReaders = 2
	listPause   = 20 * time.Millisecond // of a reader between two reads
)

// read is something that people look for in lists.
type read struct {
	what string
	path func(n int64) string // n is an order's number
	// found tells that the order has to be in the answer.
	found bool
}

var reads = []read{
	{what: "the latest orders", path: func(int64) string { return "/api/v1/orders" }},
	{what: "an order", found: true, path: func(n int64) string { return "/api/v1/orders/" + codeNumbered(n) }},
	{what: "orders of a status", path: func(int64) string { return "/api/v1/orders?status=new" }},
	{what: "the latest deliveries", path: func(int64) string { return "/api/v1/deliveries" }},
	{what: "deliveries by an order's number", found: true, path: func(n int64) string {
		orderID, _, _ := identityOf(n)
		return "/api/v1/deliveries?q=" + orderID
	}},
	{what: "deliveries by a phone", found: true, path: func(n int64) string {
		_, phone, _ := identityOf(n)
		return "/api/v1/deliveries?phone=" + phone
	}},
	{what: "deliveries by a name that all have", path: func(int64) string { return "/api/v1/deliveries?q=" + url.QueryEscape("nguyễn") }},
	{what: "deliveries of an order", found: true, path: func(n int64) string {
		return "/api/v1/deliveries?order_code=" + codeNumbered(n)
	}},
}

// list measures reads of lists, of orders and of deliveries that are searched for, while orders come in.
func (r *running) list(ctx context.Context, m *measuring) error {
	took := make([][]time.Duration, len(reads))
	var mu sync.Mutex
	more := lasting(m.extent.list)
	offered := make(chan error, 1)
	go func() {
		_, err := m.sender.offer(ctx, func() float64 { return listRate }, more, nil)
		offered <- err
	}()
	err := inParallel(ctx, listReaders, func(ctx context.Context) error {
		c := newClient(m.program.address)
		defer c.close()
		for turn := int64(0); more(); turn++ {
			const scattered = 7919 // a prime, so that one order after the other lies elsewhere
			at, n := int(turn)%len(reads), turn*scattered%m.orders
			began := time.Now()
			if err := m.read(c, reads[at], n); err != nil {
				return err
			}
			mu.Lock()
			took[at] = append(took[at], time.Since(began))
			mu.Unlock()
			if err := sleep(ctx, listPause); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, <-offered); err != nil {
		return err
	}
	var all []time.Duration
	for at, latencies := range took {
		r.sayf("%s: p50 %.1f ms, p99 %.1f ms", reads[at].what, milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99)))
		all = append(all, latencies...)
	}
	r.figures.add(keyList, milliseconds(percentile(all, 99)))
	return nil
}

func (m *measuring) read(c *client, of read, n int64) error {
	path := of.path(n)
	status, err := c.get(path, m.token)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if status != statusOK {
		return fmt.Errorf("read %s: %w: %s", path, refusedError(status), c.answer)
	}
	if of.found && !strings.Contains(string(c.answer), codeNumbered(n)) {
		return fmt.Errorf("read %s: order %d is not in %s", path, n, c.answer)
	}
	return nil
}
