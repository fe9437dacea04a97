package http_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"orderbridge/app"
	"orderbridge/domain/problem"
	porthttp "orderbridge/ports/http"
)

func TestPathsAndMethodsThatAreNotServed(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	for _, path := range []string{
		"/", "/api", "/api/v1", "/api/v1/", "/api/v1/orders/", "/api/v1/nothing", "/api/v1/orders/a/b", "//api/pancake/webhook",
		"/api/../healthz", "/api/pancake/webhook/", "/healthz/", "/favicon.ico", "/api/v1/./orders",
		"/api/docs/", "/api/docs/a/b", "/api/openapi.yaml/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			bundle.do(t, bundle.request(method, path, nil)).wantProblem(t, http.StatusNotFound, "path-unknown")
		}
	}
	for _, tc := range []struct{ method, path, allow string }{
		{http.MethodGet, "/api/pancake/webhook", "POST"},
		{http.MethodPut, "/api/pancake/webhook", "POST"},
		{http.MethodOptions, "/api/pancake/webhook", "POST"},
		{http.MethodPost, "/api/v1/orders", "GET, HEAD"},
		{http.MethodDelete, "/api/v1/orders/" + orderCode, "GET, HEAD"},
		{http.MethodPost, "/api/docs", "GET, HEAD"},
		{http.MethodPost, "/api/docs/swagger-ui.css", "GET, HEAD"},
		{http.MethodPut, "/api/openapi.yaml", "GET, HEAD"},
		{"STRANGE", "/healthz", "GET, HEAD"},
		{http.MethodPost, "/api/v1/users/unmapped", "GET, HEAD"},
		{http.MethodPost, "/api/v1/deliveries/counts", "GET, HEAD"},
		{http.MethodGet, "/api/v1/deliveries/retry", "POST"},
		{http.MethodDelete, "/api/v1/deliveries/" + deliveryID.String() + "/body", "GET, HEAD"},
		{http.MethodPost, "/api/v1/events", "GET, HEAD"},
		{http.MethodGet, "/api/v1/users/import", "POST"},
		{http.MethodPost, "/api/v1/users/" + userID.String(), "GET, HEAD, PATCH"},
	} {
		got := bundle.do(t, bundle.request(tc.method, tc.path, nil))
		got.wantProblem(t, http.StatusMethodNotAllowed, "method-not-allowed")
		if allow := got.header.Get("Allow"); allow != tc.allow {
			t.Errorf("%s %s: Allow is %q, want %q", tc.method, tc.path, allow, tc.allow)
		}
	}
	if got := bundle.do(t, bundle.request(http.MethodHead, "/api/pancake/webhook", nil)); got.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of the webhook is answered with %d", got.status)
	}
	if got := bundle.do(t, bundle.request(http.MethodHead, "/healthz", nil)); got.status != http.StatusOK || len(got.body) != 0 {
		t.Errorf("HEAD of a path with GET is answered with %d and %q", got.status, got.body)
	}
	bundle.waitForLog(t, `"method":"other"`, `"route":"/healthz"`)
	bundle.waitForLog(t, `"route":"other"`)
	if logs := bundle.logs.String(); strings.Contains(logs, "favicon") || strings.Contains(logs, "STRANGE") {
		t.Errorf("the log holds what a stranger sent:\n%s", logs)
	}
	metrics := string(bundle.do(t, bundle.get("/metrics")).body)
	for _, part := range []string{
		`route="other",status="4xx"`, `route="/api/docs/{asset}",status="4xx"`, `route="/api/v1/orders/{code}",status="4xx"`,
		`route="/healthz",status="2xx"`,
	} {
		if !strings.Contains(metrics, part) {
			t.Errorf("the metrics lack %s", part)
		}
	}
	if strings.Contains(metrics, "favicon") || strings.Contains(metrics, orderCode) {
		t.Error("a raw path is a metric's label")
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	const sent = "01994b0e-0000-7000-8000-000000000000"
	request := bundle.get("/healthz")
	request.Header.Set("X-Request-Id", sent)
	if got := bundle.do(t, request); got.header.Get("X-Request-Id") == sent {
		t.Error("an id from outside was taken")
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"ready": {nil, 200, `{"status":"ready"}`},
		"a problem is shown": {
			problem.Unavailable("database-away", "the database cannot be reached").Because(errBroken), 503,
			`{"status":"unready","reason":"the database cannot be reached"}`,
		},
		"another error is logged only": {errBroken, 503, `{"status":"unready","reason":"the service's log names the cause"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.ready = func(ctx context.Context) error {
				if _, ok := ctx.Deadline(); !ok {
					t.Error("readiness may take for ever")
				}
				return tc.err
			}
			got := bundle.do(t, bundle.get("/readyz"))
			if got.status != tc.status || strings.TrimSpace(string(got.body)) != tc.body {
				t.Errorf("answered %d %s, want %d %s", got.status, got.body, tc.status, tc.body)
			}
			if tc.err != nil {
				bundle.waitForLog(t, "not ready", errBroken.Error())
			}
		})
	}
}

func TestWiringMistakesAreFoundAtStart(t *testing.T) {
	t.Parallel()
	ready, readable := func(context.Context) error { return nil }, func() error { return nil }
	registry := prometheus.NewRegistry()
	for name, cfg := range map[string]porthttp.Config{
		"no readiness":   {Readable: readable, Registerer: registry, Gatherer: registry, Appended: (&fakeAppended{}).watch},
		"no read tables": {Readiness: ready, Registerer: registry, Gatherer: registry, Appended: (&fakeAppended{}).watch},
		"no metrics":     {Readiness: ready, Readable: readable, Appended: (&fakeAppended{}).watch},
		"no events":      {Readiness: ready, Readable: readable, Registerer: registry, Gatherer: registry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("the server was made")
				}
			}()
			porthttp.NewServer(slog.New(slog.DiscardHandler), app.Application{}, cfg)
		})
	}
}

func TestNetworkServerHasLimits(t *testing.T) {
	t.Parallel()
	server := porthttp.NewHTTPServer("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= server.ReadTimeout || server.IdleTimeout <= 0 ||
		server.MaxHeaderBytes <= 0 || server.ErrorLog == nil {
		t.Errorf("a limit is missing: %+v", server)
	}
	if err := server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
