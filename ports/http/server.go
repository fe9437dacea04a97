// Package http is how the world calls Orderbridge: Pancake delivers orders to the webhook, programs read the CRM under
// /api/v1, and whoever runs the service asks for its health and metrics. openapi.yaml is the contract.
//
// It promises that a stranger's body is never read, that an answer of 200 to a delivery is given after the order is safe
// in the log, and that no header value, no personal data and no raw path reaches a log line or a metric.
package http

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"

	"orderbridge/app"
)

const (
	// defaultMaxBodyBytes is far above the 10–30 KB that orders have.
	defaultMaxBodyBytes = 2 << 20

	// workTimeout bounds what a handler waits for, beside the body: a lookup, an append, a query.
	workTimeout = 15 * time.Second
)

// Config is what the server needs to know beside the application.
type Config struct {
	// Readiness tells why the service cannot do its work; nil when it can. The text of a problem is shown to whoever asks,
	// other errors are only logged.
	Readiness func(ctx context.Context) error
	// Readable tells why the read tables cannot be read yet, and with them the API; nil when they can.
	Readable func() error
	// Registerer takes the server's own metrics, Gatherer gives all metrics.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Appended gives a channel that gets a value when events of some types were appended (of any type, when none is given).
	// stop has to be called when nobody waits for it any more.
	Appended func(types ...string) (wake <-chan struct{}, stop func())
	// Closing is closed when the service stops: answers without an end come to it then. It may be nil.
	Closing <-chan struct{}
	// Heartbeat is how often a stream of events shows that it lives; 0 stands for 15 seconds. SendTimeout is how long a reader
	// of one may take for what is sent at once before it is cut off; 0 stands for 30 seconds.
	Heartbeat, SendTimeout time.Duration
	// MaxBodyBytes is how large a delivery may be; 0 stands for 2 MiB.
	MaxBodyBytes int64
	// MaxDeliveries is how many deliveries may be under way at once, MaxDeliveryBytes how many bytes their bodies may have
	// together, and no less than MaxBodyBytes; 0 stands for 512 and 16 MiB. What comes beyond is refused at once.
	MaxDeliveries    int
	MaxDeliveryBytes int64
}

type server struct {
	logger      *slog.Logger
	application app.Application
	cfg         Config
	metrics     *metrics
	contract    *openapi3.T
	door        *door
	// streams holds a value for each answer without an end that is under way, uploads one for each file that is taken.
	streams, uploads chan struct{}
}

// NewServer makes the handler of everything that openapi.yaml describes. It panics when a dependency is missing or the
// metrics are registered already: both are mistakes in the wiring.
func NewServer(logger *slog.Logger, application app.Application, cfg Config) http.Handler {
	if cfg.Readiness == nil || cfg.Readable == nil || cfg.Registerer == nil || cfg.Gatherer == nil || cfg.Appended == nil {
		panic("ports/http: Config needs Readiness, Readable, Registerer, Gatherer and Appended")
	}
	cfg.MaxBodyBytes = cmp.Or(cfg.MaxBodyBytes, defaultMaxBodyBytes)
	cfg.Heartbeat, cfg.SendTimeout = cmp.Or(cfg.Heartbeat, defaultHeartbeat), cmp.Or(cfg.SendTimeout, defaultSendTimeout)
	entrance := &door{
		maxDeliveries: cmp.Or(cfg.MaxDeliveries, defaultMaxDeliveries),
		maxBytes:      cmp.Or(cfg.MaxDeliveryBytes, max(defaultMaxDeliveryBytes, cfg.MaxBodyBytes)),
	}
	s := &server{
		logger: logger, application: application, cfg: cfg, metrics: newMetrics(cfg.Registerer, entrance), contract: description(),
		door: entrance, streams: make(chan struct{}, maxStreams), uploads: make(chan struct{}, maxUploads),
	}
	return s.observed(s.recovering(s.routes()))
}

// The limits of the network server. Whoever sends too slowly, or nothing, loses the connection and costs no more than that.
const (
	readHeaderTimeout = 5 * time.Second
	// readTimeout is for the whole request: 2 MiB at 70 KB/s.
	readTimeout = 30 * time.Second
	// writeTimeout counts from the end of the header: the body's time, that of two waits, and the rest for writing.
	writeTimeout = readTimeout + 2*workTimeout + 15*time.Second
	// idleTimeout is longer than the 60 seconds after which common proxies give an idle connection up, so that it is
	// never we who close one that a proxy is about to use.
	idleTimeout = 90 * time.Second
	// maxHeaderBytes is ample: a shop's header value has at most 256 bytes.
	maxHeaderBytes = 32 << 10
)

// NewHTTPServer makes a network server with the limits that the open internet asks for.
func NewHTTPServer(addr string, handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered like any other path that is not served
	}
}
