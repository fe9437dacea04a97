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
	if r.wantsAny(keyRebuild, keyList, keyPage) {
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
	if r.wantsAny(keyList, keyPage) {
		var filled []string
		if r.wanted[keyRebuild] {
			filled = append(filled, "crm")
		}
		if err := b.fill(ctx, r.program, r.progress, filled...); err != nil {
			return err
		}
		if err := r.serving(ctx, b, r.looks); err != nil {
			return fmt.Errorf("%s, %s: %w", keyList, keyPage, err)
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
	if r.wantsAny(keyList, keyPage) {
		rest += rebuild
	}
	for _, key := range []string{keyList, keyPage} {
		if r.wanted[key] {
			rest += r.extent.list
		}
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

// read is something that is looked for.
type read struct {
	what string
	path func(n int64) string // n is an order's number
	// form is what is sent to search; nil where the path says all.
	form func(n int64) string
	// found tells that the order has to be in the answer.
	found bool
}

func always(path string) func(int64) string { return func(int64) string { return path } }

func ofOrder(begin string) func(int64) string {
	return func(n int64) string { return begin + codeNumbered(n) }
}

func byPhone(begin string) func(int64) string {
	return func(n int64) string {
		_, phone, _ := identityOf(n)
		return begin + phone
	}
}

// lists are what programs read over the API.
var lists = []read{
	{what: "the latest orders", path: always("/api/v1/orders")},
	{what: "an order", found: true, path: ofOrder("/api/v1/orders/")},
	{what: "orders of a status", path: always("/api/v1/orders?status=new")},
	{what: "the latest deliveries", path: always("/api/v1/deliveries")},
	{what: "deliveries by an order's number", found: true, path: func(n int64) string {
		orderID, _, _ := identityOf(n)
		return "/api/v1/deliveries?q=" + orderID
	}},
	{what: "deliveries by a phone", found: true, path: byPhone("/api/v1/deliveries?phone=")},
	{what: "deliveries by a name that all have", path: always("/api/v1/deliveries?q=" + url.QueryEscape("nguyễn"))},
	{what: "deliveries of an order", found: true, path: ofOrder("/api/v1/deliveries?order_code=")},
}

// pages are what people look at in the console, and what an open page asks for again and again.
var pages = []read{
	{what: "the overview", path: always("/")},
	{what: "the overview's figures", path: always("/overview/figures")},
	{what: "the overview's deliveries a minute", path: always("/overview/deliveries.json")},
	{what: "the overview's processing times", path: always("/overview/processing.json")},
	{what: "customers met today", path: always("/overview/customers?found=created")},
	{what: "the page of orders", path: always("/orders")},
	{what: "the page of orders of a status", path: always("/orders?status=new")},
	{what: "the page of an order", found: true, path: ofOrder("/orders/")},
	{what: "the page of customers", path: always("/customers")},
	{what: "customers by a phone", path: always("/customers"), form: byPhone("q=")},
	{what: "customers by a name that all have", path: always("/customers"), form: always("q=" + url.QueryEscape("nguyễn"))},
	{what: "customers who share a phone", path: always("/customers/duplicates")},
	{what: "the page of deliveries", path: always("/deliveries")},
	{what: "the page of failed deliveries", path: always("/deliveries?outcome=failed")},
	{what: "the page of deliveries by a phone", found: true, path: always("/deliveries"), form: byPhone("q=")},
	{what: "the page of staff", path: always("/staff")},
	{what: "the page of staff who are nobody yet", path: always("/staff/unmapped")},
	{what: "the page of a shop", path: always("/settings/pancake/shops/" + shopID)},
	{what: "the page of the settings", path: always("/settings/pancake")},
	{what: "the page of read tables", path: always("/system")},
	{what: "what somebody did", path: always("/system/activity")},
}

// looks measures what programs and people look at, while orders come in.
func (r *running) looks(ctx context.Context, m *measuring) error {
	if r.wanted[keyList] {
		if err := r.look(ctx, m, keyList, lists, m.token); err != nil {
			return err
		}
	}
	if !r.wanted[keyPage] {
		return nil
	}
	session, err := signIn(ctx, m.program.address)
	if err != nil {
		return err
	}
	return r.look(ctx, m, keyPage, pages, session)
}

// look measures reads of one kind, as who a header says.
func (r *running) look(ctx context.Context, m *measuring, key string, reads []read, who string) error {
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
			if err := c.read(reads[at], who, n); err != nil {
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
	r.figures.add(key, milliseconds(percentile(all, 99)))
	return nil
}

func (c *client) read(what read, who string, n int64) error {
	path := what.path(n)
	var status int
	var err error
	if what.form == nil {
		status, err = c.get(path, who)
	} else {
		status, err = c.search(path, who, what.form(n))
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if status != statusOK {
		return fmt.Errorf("read %s: %w: %s", path, refusedError(status), c.answer)
	}
	if what.found && !strings.Contains(string(c.answer), codeNumbered(n)) {
		return fmt.Errorf("read %s: order %d is not in %s", path, n, c.answer)
	}
	return nil
}
