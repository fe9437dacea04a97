package http_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"orderbridge/domain/problem"
	"orderbridge/ports/http/contracttest"
)

// answer is an HTTP response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

type problemDocument struct {
	Type   string          `json:"type"`
	Title  string          `json:"title"`
	Status int             `json:"status"`
	Detail string          `json:"detail"`
	Code   string          `json:"code"`
	Errors []problem.Field `json:"errors"`
}

func (a *answer) problem(t *testing.T) problemDocument {
	t.Helper()
	var document problemDocument
	if err := json.Unmarshal(a.body, &document); err != nil {
		t.Fatalf("answer %d is no problem document: %v\n%s", a.status, err, a.body)
	}
	return document
}

func (a *answer) wantProblem(t *testing.T, status int, code string) problemDocument {
	t.Helper()
	document := a.problem(t)
	if a.status != status || document.Code != code {
		t.Errorf("answered %d %q, want %d %q\n%s", a.status, document.Code, status, code, a.body)
	}
	return document
}

func TestContractIsValidAndItsSummariesAreSentences(t *testing.T) {
	t.Parallel()
	contract := contracttest.Document(t)
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.OperationID == "" || !strings.HasSuffix(operation.Summary, ".") || len(operation.Tags) != 1 {
				t.Errorf("%s %s wants an operationId, one tag, and a sentence for a summary", method, path)
			}
		}
	}
}

// TestEveryOperationSaysHowItIsRefused holds the description of each operation to what the server does to all of its kind.
func TestEveryOperationSaysHowItIsRefused(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for path, item := range contracttest.Document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			takes := func(in, name string) bool { return operation.Parameters.GetByInAndName(in, name) != nil }
			needsToken := operation.Security == nil || len(*operation.Security) > 0
			changes := needsToken && method != http.MethodGet
			for kind, refused := range map[string]struct {
				is       bool
				statuses []int
			}{
				"has a body":           {operation.RequestBody != nil, []int{400, 415, 422}},
				"needs a token":        {needsToken, []int{401, 503}},
				"changes something":    {changes, []int{403, 409, 422}},
				"insists on a version": {takes("header", "If-Match"), []int{412}},
				"is about one record":  {strings.Contains(path, "{"), []int{404}},
			} {
				if !refused.is {
					continue
				}
				seen[kind]++
				for _, status := range refused.statuses {
					if operation.Responses.Status(status) == nil {
						t.Errorf("%s %s. It says nothing of %d", operation.OperationID, kind, status)
					}
				}
			}
			if changes && !takes("header", "Idempotency-Key") {
				t.Errorf("%s changes something and does not say that it takes an Idempotency-Key", operation.OperationID)
			}
			if needsToken && operation.Responses.Default() == nil {
				t.Errorf("%s says nothing of any other trouble", operation.OperationID)
			}
		}
	}
	if len(seen) != 5 {
		t.Errorf("only %v", seen)
	}
}

// TestEveryReadIsAnswered fails when a question is added to the contract and not here, or not to the routes.
func TestEveryReadIsAnswered(t *testing.T) {
	t.Parallel()
	contract := contracttest.Document(t)
	requests := map[string]func(*testBundle) *http.Request{
		"receiveDelivery": func(b *testBundle) *http.Request { return b.delivery(orderBody) },
		"listOrders": func(b *testBundle) *http.Request {
			return b.get("/api/v1/orders?shop_id=1635294032&customer_id=" + customerID.String() + "&limit=1&cursor=MTI")
		},
		"getOrder": func(b *testBundle) *http.Request { return b.get("/api/v1/orders/" + orderCode) },
		"listCustomers": func(b *testBundle) *http.Request {
			return b.get("/api/v1/customers?phone=0912000451&email=Lan.Pham@Example.com&status=active")
		},
		"getCustomer":    func(b *testBundle) *http.Request { return b.get("/api/v1/customers/" + customerID.String()) },
		"listDuplicates": func(b *testBundle) *http.Request { return b.get("/api/v1/customers/duplicates?limit=7") },
		"listDeliveries": func(b *testBundle) *http.Request {
			return b.get("/api/v1/deliveries?shop_id=1635294032&outcome=created")
		},
		"getDelivery": func(b *testBundle) *http.Request { return b.get("/api/v1/deliveries/" + deliveryID.String()) },
		"getOrderTimeline": func(b *testBundle) *http.Request {
			return b.get("/api/v1/orders/" + orderCode + "/timeline?limit=2&cursor=MTE")
		},
		"getCustomerTimeline": func(b *testBundle) *http.Request {
			return b.get("/api/v1/customers/" + customerID.String() + "/timeline")
		},
		"getDeliveryTimeline": func(b *testBundle) *http.Request {
			return b.get("/api/v1/deliveries/" + deliveryID.String() + "/timeline")
		},
		"getUserTimeline": func(b *testBundle) *http.Request { return b.get("/api/v1/users/" + userID.String() + "/timeline") },
		"countDeliveries": func(b *testBundle) *http.Request { return b.get("/api/v1/deliveries/counts?phone=0912000451") },
		"getDeliveryBody": func(b *testBundle) *http.Request { return b.get("/api/v1/deliveries/" + deliveryID.String() + "/body") },
		"listEvents":      func(b *testBundle) *http.Request { return b.get("/api/v1/events?after=0&types=OrderCreated&limit=7") },
		"listSources":     func(b *testBundle) *http.Request { return b.get("/api/v1/sources") },
		"contract":        func(b *testBundle) *http.Request { return b.get("/api/openapi.yaml") },
		"docs":            func(b *testBundle) *http.Request { return b.get("/api/docs") },
		"docsAsset":       func(b *testBundle) *http.Request { return b.get("/api/docs/swagger-ui.css") },
		"health":          func(b *testBundle) *http.Request { return b.get("/healthz") },
		"readiness":       func(b *testBundle) *http.Request { return b.get("/readyz") },
		"metrics":         func(b *testBundle) *http.Request { return b.get("/metrics") },
		"listUsers":       func(b *testBundle) *http.Request { return b.get("/api/v1/users?active=true&q=mai") },
		"getUser":         func(b *testBundle) *http.Request { return b.get("/api/v1/users/" + userID.String()) },
		"listUnmappedStaff": func(b *testBundle) *http.Request {
			return b.get("/api/v1/users/unmapped?limit=7")
		},
	}
	bundle := setup(t)
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			if method != http.MethodGet && path != "/api/pancake/webhook" || slices.Contains([]string{"settings", "files", "projections"}, operation.Tags[0]) {
				continue // what changes something is tested on a real database, by the component tests; so are settings, files and projections
			}
			t.Run(operation.OperationID, func(t *testing.T) {
				t.Parallel()
				request, ok := requests[operation.OperationID]
				if !ok {
					t.Fatalf("%s %s (%s) is in the contract and has no request in this test", method, path, operation.OperationID)
				}
				got := bundle.do(t, request(bundle))
				if got.status != http.StatusOK {
					t.Fatalf("%s %s is answered with %d: %s", method, path, got.status, got.body)
				}
				needsToken := operation.Security == nil || len(*operation.Security) > 0
				withoutToken := request(bundle)
				withoutToken.Header.Del("Authorization")
				if got := bundle.do(t, withoutToken); (got.status == http.StatusUnauthorized) != needsToken {
					t.Errorf("%s without a token is answered with %d, and the contract says otherwise", operation.OperationID, got.status)
				}
			})
		}
	}
}
