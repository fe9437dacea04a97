package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

type runBench struct {
	Only          []string      `help:"Measure only these keys of the figures, such as ack_ratio, and what they need." placeholder:"KEY"`
	Quick         bool          `help:"Small counts: to see that all of it works, not for figures."`
	Rounds        int           `help:"How often the core is measured, each time on a new server. Default: 3."`
	RebuildRounds int           `help:"How often the rebuild is, as far as there is time for it. Default: 3."`
	Within        time.Duration `default:"40m" help:"How long all may take: beyond it, rounds of the rebuild are left out."`
	Sustain       time.Duration `help:"For how long read tables have to keep up with a rate. Default: 60s."`
	Backlog       int           `help:"How many orders a backlog and a burst that is worked off hold. Default: 50000."`
	Orders        int           `help:"How many orders the log holds for the rebuild and for lists. Default: 1000000."`
	Events        int           `help:"How many events the log holds for growth. Default: 10000000."`
	Statements    bool          `help:"Print on standard error what PostgreSQL spent its time on. It makes all figures worse."`
	Output        output        `embed:""`
}

func (c runBench) extent() extent {
	e := fullExtent
	if c.Quick {
		e = quickExtent
	}
	set := func(to *int, value int) {
		if value > 0 {
			*to = value
		}
	}
	set(&e.rounds, c.Rounds)
	set(&e.rebuildRounds, c.RebuildRounds)
	set(&e.backlog, c.Backlog)
	set(&e.orders, c.Orders)
	set(&e.events, c.Events)
	if c.Sustain > 0 {
		e.sustain = c.Sustain
	}
	return e
}

// Run measures and prints what was found.
func (c runBench) Run(ctx context.Context) error {
	wanted, err := wantedOf(c.Only)
	if err != nil {
		return err
	}
	return c.measure(ctx, c.extent(), wanted)
}

// wantedOf are the keys of what is measured for those that are asked for; all when none is.
func wantedOf(only []string) (map[string]bool, error) {
	wanted := map[string]bool{}
	for _, d := range definitions {
		wanted[d.key] = len(only) == 0
	}
	for _, key := range only {
		if _, known := wanted[key]; !known {
			return nil, fmt.Errorf("nothing is measured under the key %s; there are %s", key,
				strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))
		}
		wanted[key] = true
	}
	if wanted[keyGrowth] || wanted[keyCPU] || wanted[keyCPUService] || wanted[keyCPUServer] || wanted[keyRSS] {
		wanted[keyE2E] = true
	}
	return wanted, nil
}

// running is a run of the benchmark.
type running struct {
	progress

	extent     extent
	within     time.Duration
	wanted     map[string]bool
	program    string
	statements bool
	figures    figures
}

func (c runBench) measure(ctx context.Context, e extent, wanted map[string]bool) error {
	r := &running{
		progress: newProgress(os.Stderr), extent: e, within: c.Within, wanted: wanted, program: c.Output.Program, statements: c.Statements,
		figures: figures{},
	}
	if r.wantsCore() {
		for round := range e.rounds {
			r.sayf("round %d of %d, about %s each", round+1, e.rounds, e.roundTakes())
			if err := r.core(ctx); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
	}
	if r.wantsAny(keyRebuild, keyList, keyPage, keyGrowth) {
		if err := r.large(ctx); err != nil {
			return fmt.Errorf("large log: %w", err)
		}
	}
	r.sayf("done")
	if err := r.figures.table(os.Stdout); err != nil {
		return err
	}
	return c.Output.keep(r.kept())
}

// kept is what a run writes: each key with its value, and under "measures" all that is known about them.
func (r *running) kept() map[string]any {
	measures := r.figures.measures()
	all := map[string]any{
		"measures": measures, "took_seconds": time.Since(r.began).Seconds(), "core_rounds": r.extent.rounds, "orders": r.extent.orders,
		"events": r.extent.events, "backlog": r.extent.backlog, "sustain_seconds": r.extent.sustain.Seconds(),
	}
	for _, m := range measures {
		all[m.Key] = m.Value
	}
	return all
}

func (r *running) wantsAny(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return r.wanted[key] })
}

func (r *running) wantsCore() bool {
	return r.wantsAny(keyReference, keyE2E, keyVisibleP50, keyVisibleP99, keyBurstDrain, keyCatchUp, keyAck)
}

// core measures a round on a server of its own, whose tables are empty and were never analysed.
func (r *running) core(ctx context.Context) (err error) {
	b, err := open(ctx, r.statements)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err := b.useLogFiles(ctx, r.extent.logFiles); err != nil {
		return err
	}
	rates := map[string]float64{} // orders a second, to be held against the reference
	reference, err := r.against(ctx, b, func(reference float64) error {
		peak, err := b.serving(ctx, r.program, r.extent, r.progress, func(ctx context.Context, m *measuring) error {
			return r.coreOf(ctx, m, reference, rates)
		})
		r.figures.add(keyRSS, peak)
		return err
	})
	if err != nil {
		return err
	}
	for key, rate := range rates {
		r.figures.addRatio(key, rate, reference)
	}
	if r.statements {
		return b.printStatements(ctx, r.to, "a round")
	}
	return nil
}

// against measures the reference before and after something else, and returns the mean of both.
func (r *running) against(ctx context.Context, b *bench, measure func(reference float64) error) (float64, error) {
	before, err := b.reference(ctx, r.extent.clients, r.extent.reference)
	if err != nil {
		return 0, err
	}
	if err := measure(before); err != nil {
		return 0, err
	}
	after, err := b.reference(ctx, r.extent.clients, r.extent.reference)
	if err != nil {
		return 0, err
	}
	r.sayf("R %.0f rows/s before, %.0f after", before, after)
	reference := (before + after) / 2
	r.figures.add(keyReference, reference)
	return reference, nil
}

func (r *running) coreOf(ctx context.Context, m *measuring, reference float64, rates map[string]float64) error {
	if r.wanted[keyE2E] {
		found, err := m.sustain(ctx, reference/2)
		if err != nil {
			return fmt.Errorf("%s: %w", keyE2E, err)
		}
		rates[keyE2E] = found.rate
		r.figures.add(keyCPU, milliseconds(found.service+found.postgres))
		r.figures.add(keyCPUService, milliseconds(found.service))
		r.figures.add(keyCPUServer, milliseconds(found.postgres))
		r.sayf("e2e: %.0f orders/s; %.3f ms of the service and %.3f ms of PostgreSQL for each", found.rate,
			milliseconds(found.service), milliseconds(found.postgres))
	}
	if r.wantsAny(keyVisibleP50, keyVisibleP99) {
		latencies, err := m.visible(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", keyVisibleP99, err)
		}
		p50, p99 := milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99))
		r.figures.add(keyVisibleP50, p50)
		r.figures.add(keyVisibleP99, p99)
		r.sayf("visible: p50 %.1f ms, p99 %.1f ms of %d", p50, p99, len(latencies))
	}
	if r.wanted[keyBurstDrain] {
		taken, readable, err := m.burstDrain(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", keyBurstDrain, err)
		}
		rates[keyBurstDrain] = float64(m.extent.backlog) / readable.Seconds()
		r.sayf("burst of %d: taken in %.1f s, readable in %.1f s", m.extent.backlog, taken.Seconds(), readable.Seconds())
	}
	if r.wanted[keyCatchUp] {
		latencies, caughtUp, err := m.catchUp(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", keyCatchUp, err)
		}
		p99 := milliseconds(percentile(latencies, 99))
		r.figures.add(keyCatchUp, p99)
		r.sayf("beside a backlog: ack p50 %.1f ms, p99 %.1f ms of %d; worked off meanwhile: %t", milliseconds(percentile(latencies, 50)), p99,
			len(latencies), caughtUp)
	}
	if r.wanted[keyAck] {
		began := time.Now()
		taken, err := m.sender.burst(ctx, m.extent.clients, lasting(m.extent.burst))
		if err != nil {
			return fmt.Errorf("%s: %w", keyAck, err)
		}
		rates[keyAck] = float64(taken) / time.Since(began).Seconds()
		r.sayf("ack: %.0f orders/s", rates[keyAck])
		return m.drained(ctx)
	}
	return nil
}
