package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// The keys of what is measured, as JSON and --only have them.
const (
	keyReference  = "reference_rows_per_second"
	keyAck        = "ack_ratio"
	keyE2E        = "e2e_ratio"
	keyVisibleP50 = "visible_p50_ms"
	keyVisibleP99 = "visible_p99_ms"
	keyCatchUp    = "catchup_ack_p99_ms"
	keyBurstDrain = "burst_drain_ratio"
	keyRebuild    = "rebuild_ratio"
	keyRSS        = "rss_mb"
	keyGrowth     = "growth_ratio"
	keyList       = "list_p99_ms"
	keyPage       = "page_p99_ms"
	keyCPU        = "cpu_ms_per_order"
	keyCPUService = "cpu_service_ms_per_order"
	keyCPUServer  = "cpu_postgres_ms_per_order"
)

// definition is what a measure means.
type definition struct {
	key, what string
	// figure and reference are the units of the two figures that a ratio is of; "" where the measure is no ratio.
	figure, reference string
	target            float64 // 0 for none
	atLeast           bool    // the target is, and not at most
	worst             bool    // the greatest of the rounds counts, and not their median
}

// definitions are in the order in which they are printed.
var definitions = []definition{
	{key: keyReference, what: "reference R: bare PostgreSQL, rows/s"},
	{key: keyAck, what: "acknowledged in a burst", figure: "orders/s", reference: "R", target: 0.9, atLeast: true},
	{key: keyE2E, what: "kept up with by all read tables", figure: "orders/s", reference: "R", target: 0.55, atLeast: true},
	{key: keyVisibleP50, what: "readable after, p50, ms", target: 8},
	{key: keyVisibleP99, what: "readable after, p99, ms", target: 25},
	{key: keyCatchUp, what: "acknowledged beside a backlog, p99, ms", target: 30},
	{key: keyBurstDrain, what: "readable after a burst", figure: "orders/s", reference: "R", target: 0.5, atLeast: true},
	{key: keyRebuild, what: "crm rebuilt", figure: "s", reference: "best SQL, s", target: 1.5},
	{key: keyRSS, what: "memory of the service, peak, MiB", target: 128, worst: true},
	{key: keyGrowth, what: "kept up with on a large log", figure: "of R, large", reference: "of R, empty", target: 0.9, atLeast: true},
	{key: keyList, what: "lists and searches, p99, ms", target: 50},
	{key: keyPage, what: "pages of the console, p99, ms", target: 100},
	{key: keyCPU, what: "processor time of an order, ms"},
	{key: keyCPUService, what: "– of the service"},
	{key: keyCPUServer, what: "– of PostgreSQL"},
}

// sample is what one round found: value is the figure against the reference where the measure is a ratio.
type sample struct{ value, figure, reference float64 }

// figures are samples by key.
type figures map[string][]sample

func (f figures) add(key string, value float64) { f[key] = append(f[key], sample{value: value}) }

func (f figures) addRatio(key string, figure, reference float64) {
	f[key] = append(f[key], sample{value: figure / reference, figure: figure, reference: reference})
}

func (f figures) values(key string) []float64 {
	return each(f[key], func(s sample) float64 { return s.value })
}

func each(samples []sample, of func(sample) float64) []float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, of(s))
	}
	return values
}

// measure is what a run says about one key.
type measure struct {
	Key  string `json:"key"`
	What string `json:"what"`
	// Value is the median of the rounds; Figure and Reference are the medians of what a ratio is of, and left out where the measure is
	// none.
	Value     float64   `json:"value"`
	Figure    float64   `json:"figure,omitempty"`
	Reference float64   `json:"reference,omitempty"`
	Min       float64   `json:"min"`
	Max       float64   `json:"max"`
	Rounds    []float64 `json:"rounds"`
	// Target is left out where there is none.
	Target float64 `json:"target,omitempty"`
	Met    *bool   `json:"met,omitempty"`
}

// measures are what was measured, in order.
func (f figures) measures() []measure {
	var all []measure
	for _, d := range definitions {
		samples := f[d.key]
		if len(samples) == 0 {
			continue
		}
		values := f.values(d.key)
		m := measure{
			Key: d.key, What: d.what, Value: median(values), Min: slices.Min(values), Max: slices.Max(values), Rounds: values,
			Target: d.target,
		}
		if d.worst {
			m.Value = m.Max
		}
		if d.figure != "" {
			m.Figure = median(each(samples, func(s sample) float64 { return s.figure }))
			m.Reference = median(each(samples, func(s sample) float64 { return s.reference }))
		}
		if d.target > 0 {
			met := m.Value <= d.target
			if d.atLeast {
				met = m.Value >= d.target
			}
			m.Met = &met
		}
		all = append(all, m)
	}
	return all
}

// table prints what was measured.
func (f figures) table(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "measure\t\tfigure\treference\tvalue\ttarget\t\tmin–max")
	for _, m := range f.measures() {
		d := definitions[slices.IndexFunc(definitions, func(d definition) bool { return d.key == m.Key })]
		figure, reference, target, met := "", "", "", ""
		if d.figure != "" {
			figure, reference = significant(m.Figure)+" "+d.figure, significant(m.Reference)+" "+d.reference
		}
		if m.Met != nil {
			target, met = fmt.Sprintf("≤ %g", d.target), "missed"
			if d.atLeast {
				target = fmt.Sprintf("≥ %g", d.target)
			}
			if *m.Met {
				met = "met"
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s–%s\n", m.Key, d.what, figure, reference, significant(m.Value), target, met,
			significant(m.Min), significant(m.Max))
	}
	return table.Flush()
}

// significant writes a figure with as many digits as mean something.
func significant(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// median is the middle one, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// output is embedded by benchmarks.
type output struct {
	Program string `default:"bin/orderbridge" help:"The program that is measured." placeholder:"FILE"`
	JSON    string `help:"Write the figures to a file too." name:"json" placeholder:"FILE"`
}

func (o output) keep(figures any) error {
	if o.JSON == "" {
		return nil
	}
	encoded, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.JSON, append(encoded, '\n'), 0o644) //nolint:gosec // figures are for everybody
}
