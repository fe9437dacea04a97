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

// IsForPrograms tells whether a path is one of this package, or of what is beside it: those of people.
func IsForPrograms(path string) bool {
	return path == "/api" || strings.HasPrefix(path, "/api/") || slices.Contains([]string{routeHealth, routeReadiness, routeMetrics}, path)
}

// routes lists every path. A path that is served with another method is answered with 405, any other path with 404.
func (s *server) routes() http.Handler {
	api := s.api()
	table := []route{
		{http.MethodPost, "/api/pancake/webhook", s.answered(s.receiveDelivery)},

		{http.MethodGet, "/api/v1/orders", s.reading(workspace.RoleViewer, api.ListOrders)},
		{http.MethodGet, "/api/v1/orders/{code}", s.reading(workspace.RoleViewer, api.GetOrder)},
		{http.MethodGet, "/api/v1/orders/{code}/timeline", s.reading(workspace.RoleViewer, api.GetOrderTimeline)},
		{http.MethodGet, "/api/v1/customers", s.reading(workspace.RoleViewer, api.ListCustomers)},
		{http.MethodPost, "/api/v1/customers", s.changing(workspace.RoleOperator, api.AddCustomer)},
		{http.MethodGet, "/api/v1/customers/duplicates", s.reading(workspace.RoleViewer, api.ListDuplicates)},
		{http.MethodGet, "/api/v1/customers/{id}", s.reading(workspace.RoleViewer, api.GetCustomer)},
		{http.MethodGet, "/api/v1/customers/{id}/timeline", s.reading(workspace.RoleViewer, api.GetCustomerTimeline)},
		{http.MethodPatch, "/api/v1/customers/{id}", s.changing(workspace.RoleOperator, api.EditCustomer)},
		{http.MethodPost, "/api/v1/customers/{id}/archive", s.changing(workspace.RoleOperator, api.ArchiveCustomer)},
		{http.MethodPost, "/api/v1/customers/{id}/restore", s.changing(workspace.RoleOperator, api.RestoreCustomer)},
		{http.MethodPost, "/api/v1/customers/{id}/merge", s.changing(workspace.RoleOperator, api.MergeCustomers)},
		{http.MethodPost, "/api/v1/customers/{id}/unmerge", s.changing(workspace.RoleOperator, api.UnmergeCustomer)},
		{http.MethodGet, "/api/v1/deliveries", s.reading(workspace.RoleViewer, api.ListDeliveries)},
		{http.MethodGet, "/api/v1/deliveries/counts", s.reading(workspace.RoleViewer, api.CountDeliveries)},
		{http.MethodPost, "/api/v1/deliveries/retry", s.changing(workspace.RoleOperator, api.RetryDeliveries)},
		{http.MethodGet, "/api/v1/deliveries/{id}", s.reading(workspace.RoleViewer, api.GetDelivery)},
		{http.MethodGet, "/api/v1/deliveries/{id}/timeline", s.reading(workspace.RoleViewer, api.GetDeliveryTimeline)},
		{http.MethodPost, "/api/v1/interpret", s.changing(workspace.RoleOperator, api.InterpretOrder)},
		{http.MethodGet, "/api/v1/deliveries/{id}/body", s.reading(workspace.RoleOperator, api.GetDeliveryBody)},
		{http.MethodPost, "/api/v1/deliveries/{id}/retry", s.changing(workspace.RoleOperator, api.RetryDelivery)},
		{http.MethodGet, "/api/v1/imports", s.reading(workspace.RoleOperator, api.ListImports)},
		{http.MethodPost, "/api/v1/imports", s.uploading(workspace.RoleOperator, api.CheckCustomerFile)},
		{http.MethodGet, "/api/v1/imports/template", s.downloading(api.GetImportTemplate)},
		{http.MethodGet, "/api/v1/imports/{id}", s.reading(workspace.RoleOperator, api.GetImport)},
		{http.MethodGet, "/api/v1/imports/{id}/rows", s.reading(workspace.RoleOperator, api.ListImportRows)},
		{http.MethodGet, "/api/v1/imports/{id}/result", s.downloading(api.GetImportResult)},
		{http.MethodPost, "/api/v1/imports/{id}/confirm", s.changing(workspace.RoleOperator, api.ConfirmImport)},
		{http.MethodPost, "/api/v1/imports/{id}/cancel", s.changing(workspace.RoleOperator, api.CancelImport)},
		{http.MethodGet, "/api/v1/exports/customers", s.downloading(api.ExportCustomers)},
		{http.MethodGet, "/api/v1/exports/orders", s.downloading(api.ExportOrders)},
		{http.MethodGet, "/api/v1/exports/deliveries", s.downloading(api.ExportDeliveries)},
		{http.MethodGet, "/api/v1/events", s.following(workspace.RoleViewer, api.ListEvents)},
		{http.MethodGet, "/api/v1/sources", s.reading(workspace.RoleViewer, api.ListSources)},
		{http.MethodGet, "/api/v1/users", s.reading(workspace.RoleViewer, api.ListUsers)},
		{http.MethodPost, "/api/v1/users", s.changing(workspace.RoleOperator, api.AddUser)},
		{http.MethodPost, "/api/v1/users/import", s.changing(workspace.RoleOperator, api.ImportUsers)},
		{http.MethodGet, "/api/v1/users/unmapped", s.reading(workspace.RoleViewer, api.ListUnmappedStaff)},
		{http.MethodGet, "/api/v1/users/{id}", s.reading(workspace.RoleViewer, api.GetUser)},
		{http.MethodGet, "/api/v1/users/{id}/timeline", s.reading(workspace.RoleViewer, api.GetUserTimeline)},
		{http.MethodPatch, "/api/v1/users/{id}", s.changing(workspace.RoleOperator, api.EditUser)},
		{http.MethodPost, "/api/v1/users/{id}/deactivate", s.changing(workspace.RoleOperator, api.DeactivateUser)},
		{http.MethodPost, "/api/v1/users/{id}/reactivate", s.changing(workspace.RoleOperator, api.ReactivateUser)},
		{http.MethodPost, "/api/v1/users/{id}/staff", s.changing(workspace.RoleOperator, api.MapStaff)},
		{http.MethodDelete, "/api/v1/users/{id}/staff/{key}", s.changing(workspace.RoleOperator, api.UnmapStaff)},

		{http.MethodGet, "/api/v1/workspace", s.reading(workspace.RoleViewer, api.GetWorkspace)},
		{http.MethodGet, "/api/v1/settings", s.reading(workspace.RoleViewer, api.GetSettings)},
		{http.MethodGet, "/api/v1/settings/timeline", s.reading(workspace.RoleOwner, api.GetSettingsTimeline)},
		{http.MethodPatch, "/api/v1/settings", s.changing(workspace.RoleOwner, api.ChangeSettings)},
		{http.MethodGet, "/api/v1/shops", s.reading(workspace.RoleViewer, api.ListShops)},
		{http.MethodPost, "/api/v1/shops", s.changing(workspace.RoleOwner, api.ConnectShop)},
		{http.MethodGet, "/api/v1/shops/{shop_id}", s.reading(workspace.RoleViewer, api.GetShop)},
		{http.MethodPatch, "/api/v1/shops/{shop_id}", s.changing(workspace.RoleOwner, api.UpdateShop)},
		{http.MethodDelete, "/api/v1/shops/{shop_id}", s.changing(workspace.RoleOwner, api.DisconnectShop)},
		{http.MethodPost, "/api/v1/shops/{shop_id}/rotate", s.changing(workspace.RoleOwner, api.RotateShopKey)},
		{http.MethodPost, "/api/v1/shops/{shop_id}/pause", s.changing(workspace.RoleOwner, api.PauseShop)},
		{http.MethodPost, "/api/v1/shops/{shop_id}/resume", s.changing(workspace.RoleOwner, api.ResumeShop)},
		{http.MethodPut, "/api/v1/shops/{shop_id}/api-key", s.changing(workspace.RoleOwner, api.SetAPIKey)},
		{http.MethodDelete, "/api/v1/shops/{shop_id}/api-key", s.changing(workspace.RoleOwner, api.RemoveAPIKey)},
		{http.MethodGet, "/api/v1/reconciliations", s.reading(workspace.RoleViewer, api.ListReconciliations)},
		{http.MethodGet, "/api/v1/tokens", s.reading(workspace.RoleOwner, api.ListTokens)},
		{http.MethodPost, "/api/v1/tokens", s.changing(workspace.RoleOwner, api.CreateToken)},
		{http.MethodDelete, "/api/v1/tokens/{id}", s.changing(workspace.RoleOwner, api.RevokeToken)},

		{http.MethodGet, "/api/v1/projections", s.watching(workspace.RoleViewer, api.ListProjections)},
		{http.MethodGet, "/api/v1/projections/{name}", s.watching(workspace.RoleViewer, api.GetProjection)},
		{http.MethodGet, "/api/v1/projections/{name}/timeline", s.watching(workspace.RoleViewer, api.GetProjectionTimeline)},
		{http.MethodPost, "/api/v1/projections/{name}/skip", s.changing(workspace.RoleOwner, api.SkipEvent)},
		{http.MethodPost, "/api/v1/projections/{name}/rebuild", s.changing(workspace.RoleOwner, api.StartRebuild)},
		{http.MethodDelete, "/api/v1/projections/{name}/rebuild", s.changing(workspace.RoleOwner, api.CancelRebuild)},
		{http.MethodDelete, "/api/v1/projections/{name}/previous", s.changing(workspace.RoleOwner, api.DropPreviousVersion)},

		{http.MethodGet, routeContract, http.HandlerFunc(contract)},
		{http.MethodGet, routeDocs, http.HandlerFunc(docsPage)},
		{http.MethodGet, routeDocsAssets, s.answered(docsAsset)},

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
		refuse := s.methodNotAllowed(strings.Join(allowed, ", "))
		if !isUnder(path, methods) {
			mux.Handle(path, refuse)
			continue
		}
		// A path beside one with a wildcard may not stand for all methods in the mux. Those that it leaves out go to the
		// wildcard's.
		for _, method := range usualMethods {
			if !slices.Contains(allowed, method) {
				mux.Handle(method+" "+path, refuse)
			}
		}
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

// usualMethods are those that are refused by name where a path cannot refuse all others.
var usualMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// isUnder tells that another path has a wildcard where this one has a word: /users/import beside /users/{id}.
func isUnder(path string, others map[string][]string) bool {
	words := strings.Split(path, "/")
	for other := range others {
		parts := strings.Split(other, "/")
		if other == path || len(parts) != len(words) {
			continue
		}
		matches := true
		for i, part := range parts {
			matches = matches && (part == words[i] || strings.HasPrefix(part, "{"))
		}
		if matches {
			return true
		}
	}
	return false
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
