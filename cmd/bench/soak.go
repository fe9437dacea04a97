package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

type soakBench struct {
	Minutes int     `default:"30" help:"For how long."`
	Rate    float64 `help:"Orders a second. Default: half of what the read tables keep up with, which is found first."`
	Quick   bool    `help:"Look for the rate with small counts."`
	Output  output  `embed:""`
}

const (
	soakShare   = 0.5
	soakWarmUp  = 2 // minutes
	soakWindow  = 5 // minutes, at the beginning and at the end
	soakLeast   = 4 // minutes
	soakProbing = 500 * time.Millisecond
)

// soakMinute is what one minute showed.
type soakMinute struct {
	Minute       int     `json:"minute"`
	Taken        int     `json:"taken"`
	AckP50MS     float64 `json:"ack_p50_ms"`
	AckP99MS     float64 `json:"ack_p99_ms"`
	VisibleP50MS float64 `json:"visible_p50_ms"`
	VisibleP99MS float64 `json:"visible_p99_ms"`
	RSSMB        float64 `json:"rss_mb"`
	HeapMB       float64 `json:"heap_mb"`
	Goroutines   float64 `json:"goroutines"`
	Connections  float64 `json:"connections"`
	LagOrders    float64 `json:"lag_orders"`
}

// soakFigures are what a soak found.
type soakFigures struct {
	Rate    float64       `json:"rate"`
	Minutes []soakMinute  `json:"minutes"`
	Trends  []soakTrend   `json:"trends"`
	Flat    bool          `json:"flat"`
	every   time.Duration // how long a minute is
}

// soakTrend compares the first minutes after the warm-up with the last ones.
type soakTrend struct {
	What  string  `json:"what"`
	First float64 `json:"first"`
	Last  float64 `json:"last"`
	Flat  bool    `json:"flat"`
}

// Run measures.
func (c soakBench) Run(ctx context.Context) error { return c.soak(ctx, time.Minute) }

// soak measures, with minutes as long as it is told.
func (c soakBench) soak(ctx context.Context, minute time.Duration) (err error) {
	if c.Minutes < soakLeast {
		return fmt.Errorf("%d minutes are too few to compare their beginning with their end; at least %d are needed", c.Minutes, soakLeast)
	}
	p := newProgress(os.Stderr)
	e := fullExtent
	if c.Quick {
		e = quickExtent
	}
	b, err := open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err := b.useLogFiles(ctx, e.logFiles); err != nil {
		return err
	}
	figures := soakFigures{Rate: c.Rate, every: minute}
	if figures.Rate <= 0 {
		reference, err := b.reference(ctx, e.clients, e.reference)
		if err != nil {
			return err
		}
		// The service that is soaked is another one: this one's memory is that of a service which was pressed.
		if _, err := b.serving(ctx, c.Output.Program, e, p, func(ctx context.Context, m *measuring) error {
			found, err := m.sustain(ctx, reference/2)
			figures.Rate = soakShare * found.rate
			return err
		}); err != nil {
			return err
		}
	}
	p.sayf("%.0f orders/s for %d minutes", figures.Rate, c.Minutes)
	if _, err := b.serving(ctx, c.Output.Program, e, p, func(ctx context.Context, m *measuring) error {
		return m.soak(ctx, c.Minutes, &figures)
	}); err != nil {
		return err
	}
	figures.judge()
	if err := figures.print(os.Stdout); err != nil {
		return err
	}
	return c.Output.keep(figures)
}

// soak offers orders for so many minutes. Each minute's acknowledgements and probes are told apart by when they were offered.
func (m *measuring) soak(ctx context.Context, minutes int, figures *soakFigures) error {
	var over atomic.Bool
	var visible []time.Duration
	var mu sync.Mutex
	var probing sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	probing.Go(func() {
		defer over.Store(true)
		probe := newClient(m.program.address)
		defer probe.close()
		for !over.Load() && ctx.Err() == nil {
			n, sent := m.sender.next(), time.Now()
			err := m.sender.deliver(probe, n)
			var took time.Duration
			if err == nil {
				took, err = m.becomesReadable(ctx, probe, n, sent)
			}
			if err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			visible = append(visible, took)
			mu.Unlock()
			_ = sleep(ctx, min(soakProbing, figures.every/10))
		}
	})
	looking := newClient(m.program.address)
	defer looking.close()
	var failure error
	for at := 1; at <= minutes && failure == nil && ctx.Err() == nil; at++ {
		latencies, err := m.sender.offer(ctx, func() float64 { return figures.Rate }, lasting(figures.every), nil)
		mu.Lock()
		seen := visible
		visible = nil
		mu.Unlock()
		found := soakMinute{
			Minute: at, Taken: len(latencies),
			AckP50MS: milliseconds(percentile(latencies, 50)), AckP99MS: milliseconds(percentile(latencies, 99)),
			VisibleP50MS: milliseconds(percentile(seen, 50)), VisibleP99MS: milliseconds(percentile(seen, 99)),
		}
		if failure = err; err == nil {
			failure = m.look(ctx, looking, &found)
		}
		figures.Minutes = append(figures.Minutes, found)
		m.sayf("minute %d: ack p50 %.1f p99 %.1f ms, readable p50 %.1f p99 %.1f ms, RSS %.0f MiB, heap %.0f MiB, %.0f goroutines, "+
			"%.0f connections, lag %.0f orders", at, found.AckP50MS, found.AckP99MS, found.VisibleP50MS, found.VisibleP99MS, found.RSSMB,
			found.HeapMB, found.Goroutines, found.Connections, found.LagOrders)
	}
	over.Store(true)
	probing.Wait()
	return errors.Join(failure, context.Cause(ctx))
}

// look takes what the service and the server have at the moment.
func (m *measuring) look(ctx context.Context, c *client, found *soakMinute) (err error) {
	if found.RSSMB, err = m.program.memory(residentNow); err != nil {
		return err
	}
	if found.LagOrders, err = m.lag(ctx); err != nil {
		return err
	}
	if err := m.pool.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'orderbridge%'").
		Scan(&found.Connections); err != nil {
		return err
	}
	status, err := c.get("/metrics", "")
	if err != nil || status != statusOK {
		return errors.Join(err, fmt.Errorf("read metrics: %w", refusedError(status)))
	}
	const bytesPerMiB = 1 << 20
	if found.HeapMB, err = metric(c.answer, "go_memstats_heap_inuse_bytes"); err != nil {
		return err
	}
	found.HeapMB /= bytesPerMiB
	found.Goroutines, err = metric(c.answer, "go_goroutines")
	return err
}

func metric(metrics []byte, name string) (float64, error) {
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(fmt.Errorf("the service does not tell %s", name), lines.Err())
}

// judge compares the first minutes after the warm-up with the last.
func (f *soakFigures) judge() {
	warmUp := min(soakWarmUp, (len(f.Minutes)-1)/2)
	after := f.Minutes[warmUp:]
	window := max(1, min(soakWindow, len(after)/2))
	first, last := after[:window], after[len(after)-window:]
	f.Flat = true
	for _, compared := range []struct {
		what  string
		of    func(soakMinute) float64
		slack float64 // what it may differ by, beside a tenth
	}{
		{"RSS, MiB", func(m soakMinute) float64 { return m.RSSMB }, 4},
		{"heap, MiB", func(m soakMinute) float64 { return m.HeapMB }, 4},
		{"goroutines", func(m soakMinute) float64 { return m.Goroutines }, 4},
		{"connections", func(m soakMinute) float64 { return m.Connections }, 1},
		{"ack p50, ms", func(m soakMinute) float64 { return m.AckP50MS }, 1},
		{"ack p99, ms", func(m soakMinute) float64 { return m.AckP99MS }, 5},
		{"readable p50, ms", func(m soakMinute) float64 { return m.VisibleP50MS }, 2},
		{"readable p99, ms", func(m soakMinute) float64 { return m.VisibleP99MS }, 10},
		{"lag, orders", func(m soakMinute) float64 { return m.LagOrders }, f.Rate / 2},
	} {
		trend := soakTrend{What: compared.what, First: averageOf(first, compared.of), Last: averageOf(last, compared.of)}
		trend.Flat = trend.Last <= 1.1*trend.First+compared.slack
		f.Flat = f.Flat && trend.Flat
		f.Trends = append(f.Trends, trend)
	}
}

func averageOf(minutes []soakMinute, of func(soakMinute) float64) float64 {
	values := make([]float64, 0, len(minutes))
	for _, minute := range minutes {
		values = append(values, of(minute))
	}
	return average(values)
}

func (f *soakFigures) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%.0f orders/s for %d minutes\tfirst minutes after the warm-up\tlast minutes\t\n", f.Rate, len(f.Minutes))
	for _, trend := range f.Trends {
		verdict := "flat"
		if !trend.Flat {
			verdict = "grows"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", trend.What, significant(trend.First), significant(trend.Last), verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	verdict := "Nothing grows."
	if !f.Flat {
		verdict = "Something grows."
	}
	_, err := fmt.Fprintln(to, verdict)
	return err
}
