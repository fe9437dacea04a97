package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
)

// exchange is what is noted of a request while it is answered, for the one line that the log gets of it.
type exchange struct {
	id uuid.UUID
	// deliveryID is that of the order which was received, problem the code of what the caller was told.
	deliveryID uuid.UUID
	problem    string
	// shownOnce tells that the answer holds a secret, which is kept nowhere.
	shownOnce bool
}

type contextKey int

const (
	exchangeKey contextKey = iota
	callerKey
	onceKey
	streamKey
)

// exchangeOf is that of a request's context: there is always one.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey).(*exchange) }

// observed gives every request an id of ours (one from outside could be made to mislead who reads the log), and logs and
// measures its answer. The log gets the route, never the path: paths and queries hold order codes, phones and emails.
func (s *server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		noted := &exchange{id: event.NewID()}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey, noted))
		recorded := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set("X-Request-Id", noted.id.String())
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")

		defer func() {
			took := time.Since(start)
			route := routeOf(r)
			s.metrics.request(route, recorded.statusOrOK(), took)
			attributes := []slog.Attr{
				slog.Any("request_id", noted.id),
				slog.String("method", methodOf(r)),
				slog.String("route", route),
				slog.Int("status", recorded.statusOrOK()),
				slog.Duration("duration", took),
				slog.Int64("bytes", recorded.bytes),
			}
			if noted.problem != "" {
				attributes = append(attributes, slog.String("problem", noted.problem))
			}
			if noted.deliveryID != uuid.Nil {
				attributes = append(attributes, slog.Any("delivery_id", noted.deliveryID))
			}
			s.logger.LogAttrs(r.Context(), levelOf(route), "request answered", attributes...)
		}()
		next.ServeHTTP(recorded, r)
	})
}

// recovering answers a panic like any other internal error, with its stack in the log.
func (s *server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); {
			case cause == nil:
			case isAbort(cause): // the standard library's way of breaking a connection off
				panic(cause)
			default:
				s.logger.ErrorContext(r.Context(), "handler panicked", "request_id", exchangeOf(r.Context()).id,
					"route", routeOf(r), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				if hasBegun(w) { // nobody may take half an answer for a whole one
					panic(http.ErrAbortHandler)
				}
				s.answerError(w, r, errPanicked)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

var errPanicked = errors.New("the handler panicked")

func isAbort(cause any) bool {
	err, ok := cause.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // those below announce the answer and are not it
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes the size.
func (w *recorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(data)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) statusOrOK() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

func hasBegun(w http.ResponseWriter) bool {
	for {
		switch wrapped := w.(type) {
		case *recorder:
			return wrapped.status != 0
		case interface{ Unwrap() http.ResponseWriter }:
			w = wrapped.Unwrap()
		default:
			return false
		}
	}
}

// routeOther stands for every path that is not served, so that strangers cannot fill logs and metrics with theirs.
const routeOther = "other"

// routeOf is the pattern of the path, such as "/api/v1/orders/{code}".
func routeOf(r *http.Request) string {
	_, route, found := strings.Cut(r.Pattern, " ")
	if !found {
		route = r.Pattern // of a path that is served, with another method
	}
	if route == "" || route == "/" {
		return routeOther
	}
	return route
}

// methodOf is the method, if it is one: a stranger may send any word.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return r.Method
	default:
		return "other"
	}
}

// levelOf keeps what machines ask every few seconds out of the usual log.
func levelOf(route string) slog.Level {
	switch route {
	case routeHealth, routeReadiness, routeMetrics:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}
