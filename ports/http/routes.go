package http

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"orderbridge/domain/workspace"
)

// What machines ask every few seconds.
const (
	routeHealth    = "/healthz"
	routeReadiness = "/readyz"
	routeMetrics   = "/metrics"
)

// routes lists every path. A path that is served with another method is answered with 405, any other path with 404.
func (s *server) routes() http.Handler {
	crm := s.crm()
	table := []route{
		{http.MethodPost, "/api/pancake/webhook", s.answered(s.receiveDelivery)},

		{http.MethodGet, "/api/v1/orders", s.reading(workspace.RoleViewer, crm.ListOrders)},
		{http.MethodGet, "/api/v1/orders/{code}", s.reading(workspace.RoleViewer, crm.GetOrder)},
		{http.MethodGet, "/api/v1/customers", s.reading(workspace.RoleViewer, crm.ListCustomers)},
		{http.MethodPost, "/api/v1/customers", s.changing(workspace.RoleOperator, crm.CreateCustomer)},
		{http.MethodGet, "/api/v1/customers/{id}", s.reading(workspace.RoleViewer, crm.GetCustomer)},
		{http.MethodPatch, "/api/v1/customers/{id}", s.changing(workspace.RoleOperator, crm.EditCustomer)},
		{http.MethodPost, "/api/v1/customers/{id}/archive", s.changing(workspace.RoleOperator, crm.ArchiveCustomer)},
		{http.MethodPost, "/api/v1/customers/{id}/restore", s.changing(workspace.RoleOperator, crm.RestoreCustomer)},
		{http.MethodGet, "/api/v1/deliveries", s.reading(workspace.RoleViewer, crm.ListDeliveries)},
		{http.MethodGet, "/api/v1/deliveries/{id}", s.reading(workspace.RoleViewer, crm.GetDelivery)},
		{http.MethodGet, "/api/v1/sources", s.reading(workspace.RoleViewer, crm.ListSources)},
		{http.MethodGet, "/api/v1/users", s.reading(workspace.RoleViewer, crm.ListUsers)},

		{http.MethodGet, routeHealth, http.HandlerFunc(s.health)},
		{http.MethodGet, routeReadiness, http.HandlerFunc(s.readiness)},
		{http.MethodGet, routeMetrics, s.metricsHandler()},
	}

	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range table {
		mux.Handle(r.method+" "+r.path, r.handler)
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		mux.Handle(path, s.methodNotAllowed(strings.Join(allowed, ", ")))
	}
	notFound := s.answered(func(http.ResponseWriter, *http.Request) error { return errPathUnknown })
	mux.Handle("/", notFound)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.EscapedPath()) { // the mux would answer with a redirect, which no caller of ours expects
			notFound.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type route struct {
	method, path string
	handler      http.Handler
}

func (s *server) methodNotAllowed(allow string) http.Handler {
	return s.answered(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return errMethodNotAllowed
	})
}

// isClean tells that a path has no empty, "." or ".." segments.
func isClean(escaped string) bool {
	return strings.HasPrefix(escaped, "/") && (escaped == "/" || path.Clean(escaped) == strings.TrimSuffix(escaped, "/"))
}
