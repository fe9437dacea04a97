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
	db                            *Database
	head                          *prometheus.Desc
	position                      *prometheus.Desc
	lag                           *prometheus.Desc
	stopped                       *prometheus.Desc
	stoppedAt                     *prometheus.Desc
	version                       *prometheus.Desc
	behind                        *prometheus.Desc
	rebuild                       *prometheus.Desc
	rebuilt, took, waited, locked *prometheus.Desc
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
		stoppedAt: prometheus.NewDesc("orderbridge_consumer_stopped_position",
			"Position of the event that a consumer does not get past, by category and the event's type. Absent while it moves on.",
			[]string{"consumer", "category", "event"}, nil),
		version: prometheus.NewDesc("orderbridge_projection_version",
			"Version of a projection's tables that is read. It rises with every rebuild.", []string{"projection"}, nil),
		behind: prometheus.NewDesc("orderbridge_projection_lag_seconds",
			"Age of the oldest event that a projection has still to fold.", []string{"projection"}, nil),
		rebuild: prometheus.NewDesc("orderbridge_projection_rebuild_ratio",
			"How much of the log the version has folded that is being built, from 0 to 1. Absent when none is.", []string{"projection"}, nil),
		rebuilt: prometheus.NewDesc("orderbridge_projection_last_rebuild_timestamp_seconds",
			"When the version that is read was shown, in Unix time. Absent for one that was there from the start.", []string{"projection"}, nil),
		took: prometheus.NewDesc("orderbridge_projection_last_rebuild_duration_seconds",
			"How long it took to build the version that is read.", []string{"projection"}, nil),
		waited: prometheus.NewDesc("orderbridge_projection_last_rebuild_readers_waited_seconds",
			"For how long showing the version that is read kept readers waiting at most.", []string{"projection"}, nil),
		locked: prometheus.NewDesc("orderbridge_projection_last_rebuild_longest_lock_seconds",
			"For how long showing the version that is read held a lock at most.", []string{"projection"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *ConsumerMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{
		m.head, m.position, m.lag, m.stopped, m.stoppedAt, m.version, m.behind, m.rebuild, m.rebuilt, m.took, m.waited, m.locked,
	} {
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
		if cursor.Category != "" && cursor.StopPosition != 0 {
			metrics <- prometheus.MustNewConstMetric(m.stoppedAt, prometheus.GaugeValue, float64(cursor.StopPosition), cursor.Consumer,
				cursor.Category, typeForMetrics(cursor.EventType))
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
		if done := state.LastRebuild; done != nil {
			finished := float64(done.FinishedAt.UnixMilli()) / 1000
			for _, told := range []struct {
				what  *prometheus.Desc
				value float64
			}{
				{m.rebuilt, finished}, {m.took, done.TookSeconds}, {m.waited, done.ReadersWaitedMS / 1000}, {m.locked, done.LongestLockMS / 1000},
			} {
				metrics <- prometheus.MustNewConstMetric(told.what, prometheus.GaugeValue, told.value, state.Name)
			}
		}
	}
}

// typeForMetrics is the type of an event, of which there are so many as this release knows, and one that stands for all others.
func typeForMetrics(eventType string) string {
	if _, known := decoders[eventType]; known {
		return eventType
	}
	return "other"
}
