package http

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"orderbridge/app/command"
)

// The outcomes of a webhook call, as metrics name them.
const (
	outcomeReceived     = "received"
	outcomeIgnored      = "ignored"
	outcomeUnauthorized = "unauthorized"
	outcomeForbidden    = "forbidden"
	outcomeMalformed    = "malformed"
	outcomeInvalid      = "invalid"
	outcomeTooLarge     = "too_large"
	outcomeOverloaded   = "overloaded"
	outcomeUnavailable  = "unavailable"
	outcomeError        = "error"
)

// kindOther stands for every kind of ignored body that Pancake is not known to send.
const kindOther = "other"

var ignoredKinds = []string{"customers", "products", "variations_warehouses", "auto_call", kindOther}

// metrics are what the port measures of itself. Labels have a bounded set of values, and none is a sender's own text.
type metrics struct {
	deliveries *prometheus.CounterVec
	ignored    *prometheus.CounterVec
	durations  *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer, entrance *door) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderbridge_webhook_requests_total",
			Help: "Webhook calls by what they were answered with.",
		}, []string{"outcome"}),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderbridge_webhook_ignored_total",
			Help: "Webhook calls that were no order, by their type.",
		}, []string{"type"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderbridge_http_request_duration_seconds",
			Help:    "Time to answer a request, by route and class of status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "status"}),
	}
	// Counters that begin at 0 let the first refusal show as an increase.
	for _, outcome := range []string{
		outcomeReceived, outcomeIgnored, outcomeUnauthorized, outcomeForbidden, outcomeMalformed, outcomeInvalid,
		outcomeTooLarge, outcomeOverloaded, outcomeUnavailable, outcomeError,
	} {
		m.deliveries.WithLabelValues(outcome)
	}
	for _, kind := range ignoredKinds {
		m.ignored.WithLabelValues(kind)
	}
	registerer.MustRegister(m.deliveries, m.ignored, m.durations,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderbridge_webhook_deliveries_under_way",
			Help: "Deliveries of known senders that are not answered yet: being read, or waiting to be in the log.",
		}, func() float64 {
			deliveries, _ := entrance.underWay()
			return float64(deliveries)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderbridge_webhook_bytes_under_way",
			Help: "Bytes that are set aside for the bodies of deliveries under way.",
		}, func() float64 {
			_, bytes := entrance.underWay()
			return float64(bytes)
		}),
	)
	return m
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.durations.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// outcomeOf is how metrics name a refused webhook call.
func outcomeOf(err error) string {
	if errors.Is(err, command.ErrOverloaded) {
		return outcomeOverloaded
	}
	switch describe(err).Status {
	case http.StatusUnauthorized:
		return outcomeUnauthorized
	case http.StatusForbidden:
		return outcomeForbidden
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return outcomeMalformed
	case http.StatusUnprocessableEntity:
		return outcomeInvalid
	case http.StatusRequestEntityTooLarge:
		return outcomeTooLarge
	case http.StatusServiceUnavailable:
		return outcomeUnavailable
	default:
		return outcomeError
	}
}

func (s *server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelError),
	})
}
