// Package web is the console: what shop operators look at all day, in a browser or on a phone. Pages are made on the server; htmx asks
// for parts of them again, so that a page recovers by itself when the service was away.
//
//	server.go routes.go       how a request is answered, and which there are
//	session.go                who is signed in
//	requests.go               what paths and forms say
//	errors.go                 what somebody is told when something is wrong
//	locale.go locales/        texts in Vietnamese and English: a file of each for every page
//	format.go                 amounts, times and phones as people here write them
//	layout.templ parts.templ  what pages are made of
//	<page>.go <page>.templ    the pages, one of each
//	assets/ static/           the style sheet, scripts, icons and fonts: what they are built from, and what is embedded
//
// It promises that no address holds personal data (searches are sent, not linked), that pages hold no scripts or styles of their own (the
// Content-Security-Policy forbids them), and that whoever may only read sees phones and emails masked.
package web

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"orderbridge/app"
	"orderbridge/domain/event"
)

// workTimeout bounds what a page waits for.
const workTimeout = 15 * time.Second

// Config is what the console needs to know beside the application.
type Config struct {
	// Sessions keeps who is signed in.
	Sessions scs.Store
	// HostOf is the host that a request was sent to, as workspaces claim it.
	HostOf func(*http.Request) string
	// Readable tells why the read tables cannot be read yet; nil when they can.
	Readable func() error
	// SampleDelivery is a shell command that delivers a sample order of a shop.
	SampleDelivery func(webhookURL, headerKey, headerValue, shopID string) string
	// IdleTimeout is how long a session lasts that nothing is done in, Lifetime how long any does; 0 stands for 12 hours and 7 days.
	IdleTimeout, Lifetime time.Duration
}

type server struct {
	logger   *slog.Logger
	app      app.Application
	cfg      Config
	sessions *scs.SessionManager
	texts    *texts
	assets   *assets
	// uploads and downloads hold a value for each file that is being taken, and given.
	uploads, downloads chan struct{}
}

// NewServer makes the handler of the console. It panics when a dependency is missing or an embedded file is broken.
func NewServer(logger *slog.Logger, application app.Application, cfg Config) http.Handler {
	if cfg.Sessions == nil || cfg.HostOf == nil || cfg.Readable == nil || cfg.SampleDelivery == nil {
		panic("ports/web: Config needs Sessions, HostOf, Readable and SampleDelivery")
	}
	s := &server{
		logger: logger, app: application, cfg: cfg, texts: mustLoadTexts(), assets: mustLoadAssets(),
		uploads: make(chan struct{}, maxTransfers), downloads: make(chan struct{}, maxTransfers),
	}
	s.sessions = newSessions(cfg.Sessions, cmp.Or(cfg.IdleTimeout, 12*time.Hour), cmp.Or(cfg.Lifetime, 7*24*time.Hour))
	s.sessions.ErrorFunc = s.answerError
	return s.observed(secured(http.NewCrossOriginProtection().Handler(s.routes())))
}

// contentSecurityPolicy lets a page use what the console serves, and nothing else. Pictures in data: are those of the style sheet.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// observed logs how each request was answered, by its route and not by its path, and answers a panic like any other internal error.
func (s *server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		noted := &exchange{id: event.NewID().String()}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey, noted))
		recorded := &recorder{ResponseWriter: w}
		w.Header().Set("X-Request-Id", noted.id)
		defer func() {
			if cause := recover(); cause == http.ErrAbortHandler { //nolint:errorlint,err113 // it is panicked with as it is
				panic(cause)
			} else if cause != nil {
				s.logger.ErrorContext(r.Context(), "page panicked", "request_id", noted.id, "route", routeOf(r),
					"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				if recorded.status != 0 {
					panic(http.ErrAbortHandler) // nobody may take half a page for a whole one
				}
				recorded.WriteHeader(http.StatusInternalServerError)
			}
			level := slog.LevelInfo
			if strings.HasPrefix(routeOf(r), "/static/") || r.Header.Get("HX-Trigger-Name") == "poll" {
				level = slog.LevelDebug
			}
			s.logger.LogAttrs(r.Context(), level, "page answered", slog.String("request_id", noted.id), slog.String("method", r.Method),
				slog.String("route", routeOf(r)), slog.Int("status", recorded.status), slog.Duration("duration", time.Since(start)))
		}()
		next.ServeHTTP(recorded, r)
	})
}

// seeOther goes to a page of the console, after something was done so that loading it again repeats nothing.
func seeOther(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// exchange is what is noted of a request while it is answered.
type exchange struct{ id string }

type contextKey int

const (
	exchangeKey contextKey = iota
	viewKey
)

type recorder struct {
	http.ResponseWriter

	status int
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes that an answer began.
func (w *recorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// routeOf is the pattern of the path, or "other".
func routeOf(r *http.Request) string {
	_, route, found := strings.Cut(r.Pattern, " ")
	if !found || route == "/" {
		return "other"
	}
	return route
}
