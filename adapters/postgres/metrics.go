package postgres

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"orderbridge/app/policy"
)

// metricsTimeout bounds what a scrape may cost.
const metricsTimeout = 2 * time.Second

// ConsumerMetrics tells at each scrape where the log and its consumers stand.
type ConsumerMetrics struct {
	db       *Database
	head     *prometheus.Desc
	position *prometheus.Desc
	lag      *prometheus.Desc
	stopped  *prometheus.Desc
	version  *prometheus.Desc
	behind   *prometheus.Desc
	rebuild  *prometheus.Desc
}

// NewConsumerMetrics makes the collector.
func NewConsumerMetrics(db *Database) *ConsumerMetrics {
	return &ConsumerMetrics{
		db: db,
		head: prometheus.NewDesc("orderbridge_log_position",
			"Position of the newest event in the log.", nil, nil),
		position: prometheus.NewDesc("orderbridge_consumer_position",
			"Position up to which a consumer has handled the log.", []string{"consumer"}, nil),
		lag: prometheus.NewDesc("orderbridge_consumer_lag_events",
			"Events in the log that a consumer has still to handle: those that concern it, and at most 100000 of them for a policy.",
			[]string{"consumer"}, nil),
		stopped: prometheus.NewDesc("orderbridge_consumer_stopped",
			"1 while a consumer does not move on, by category: retrying or stopped.", []string{"consumer", "category"}, nil),
		version: prometheus.NewDesc("orderbridge_projection_version",
			"Version of a projection's tables that is read. It rises with every rebuild.", []string{"projection"}, nil),
		behind: prometheus.NewDesc("orderbridge_projection_lag_seconds",
			"Age of the oldest event that a projection has still to fold.", []string{"projection"}, nil),
		rebuild: prometheus.NewDesc("orderbridge_projection_rebuild_ratio",
			"How much of the log the version has folded that is being built, from 0 to 1. Absent when none is.", []string{"projection"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *ConsumerMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{m.head, m.position, m.lag, m.stopped, m.version, m.behind, m.rebuild} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector. While the database is away it collects nothing.
func (m *ConsumerMetrics) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	cursors, err := queries.Cursors(ctx, m.db.requests)
	if err != nil {
		return
	}
	head, err := queries.Head(ctx, m.db.requests) // after the cursors, so that no lag is negative
	if err != nil {
		return
	}
	metrics <- prometheus.MustNewConstMetric(m.head, prometheus.GaugeValue, float64(head))
	for _, cursor := range cursors {
		metrics <- prometheus.MustNewConstMetric(m.position, prometheus.GaugeValue, float64(cursor.Position), cursor.Consumer)
		lag := head - cursor.Position
		if cursor.Consumer == policy.OnOrderReceivedName { // it passes what does not concern it only with the next that does
			if lag, err = queries.PendingOrders(ctx, m.db.requests, cursor.Position); err != nil {
				return
			}
		}
		metrics <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(lag), cursor.Consumer)
		for _, category := range []string{"retrying", "stopped"} {
			value := 0.0
			if cursor.Category == category {
				value = 1
			}
			metrics <- prometheus.MustNewConstMetric(m.stopped, prometheus.GaugeValue, value, cursor.Consumer, category)
		}
	}
	states, err := m.db.projectionStates(ctx)
	if err != nil {
		return
	}
	for _, state := range states {
		metrics <- prometheus.MustNewConstMetric(m.version, prometheus.GaugeValue, float64(state.Version), state.Name)
		metrics <- prometheus.MustNewConstMetric(m.behind, prometheus.GaugeValue, state.LagSeconds, state.Name)
		if run := state.Rebuild; run != nil && run.EventsTotal > 0 {
			metrics <- prometheus.MustNewConstMetric(m.rebuild, prometheus.GaugeValue, float64(run.EventsDone)/float64(run.EventsTotal), state.Name)
		}
	}
}
