package http_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/uuid"

	"orderbridge/domain/problem"
)

// contract is openapi.yaml, ready to hold requests and answers against.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

// loadContract reads openapi.yaml once. Objects that list their properties have no others: a field that is answered and
// not described fails a test here, while the contract itself leaves clients prepared for fields that are added.
var loadContract = sync.OnceValues(func() (*contract, error) {
	raw, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // whatever the address of the test's server is
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				for _, media := range response.Value.Content {
					closeObjects(media.Schema, map[*openapi3.Schema]bool{})
				}
			}
		}
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	router, err := legacy.NewRouter(doc)
	return &contract{doc: doc, router: router}, err
})

func closeObjects(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	schema := ref.Value
	seen[schema] = true
	if len(schema.Properties) > 0 && schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
		no := false
		schema.AdditionalProperties.Has = &no
	}
	for _, property := range schema.Properties {
		closeObjects(property, seen)
	}
	for _, part := range append(append(append(openapi3.SchemaRefs{}, schema.AllOf...), schema.AnyOf...), schema.OneOf...) {
		closeObjects(part, seen)
	}
	closeObjects(schema.Items, seen)
}

func mustContract(t *testing.T) *contract {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return c
}

// check holds an exchange against the contract.
func (c *contract) check(t *testing.T, sent *http.Request, got *answer) {
	t.Helper()
	method := sent.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	// The router of the tests takes a slash at the end for nothing, and an encoded slash for a slash.
	path := sent.URL.EscapedPath()
	request := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: sent.URL.RawQuery}, Header: sent.Header}
	route, pathParams, err := c.router.FindRoute(request)
	if err != nil || strings.HasSuffix(path, "/") {
		if got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is answered with %d and not in the contract", sent.Method, sent.URL, got.status)
		}
		var document any
		if err := json.Unmarshal(got.body, &document); err == nil && sent.Method != http.MethodHead {
			if err := c.doc.Components.Schemas["Problem"].Value.VisitJSON(document); err != nil {
				t.Errorf("%s %s: %v", sent.Method, sent.URL, err)
			}
		}
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: pathParams, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			ExcludeRequestBody:    true, // the webhook's is looked at by its own tests, whatever its Content-Type says
			IncludeResponseStatus: true,
		},
	}
	if got.status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			t.Errorf("request %s %s was taken against the contract: %v", sent.Method, sent.URL, err)
		}
	}
	if sent.Method == http.MethodHead {
		return // an answer without its body
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.status, Header: got.header, Options: input.Options,
	}
	response.SetBodyBytes(got.body)
	if err := openapi3filter.ValidateResponse(t.Context(), response); err != nil {
		t.Errorf("answer %d to %s %s breaks the contract: %v\n%s", got.status, sent.Method, sent.URL, err, got.body)
	}
}

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

// checkAnswer is what holds for every answer, whatever the contract says of the path.
func checkAnswer(t *testing.T, sent *http.Request, got *answer) {
	t.Helper()
	where := sent.Method + " " + sent.URL.String()
	if id, err := uuid.Parse(got.header.Get("X-Request-Id")); err != nil || id.Version() != 7 {
		t.Errorf("%s: X-Request-Id is %q, want a UUIDv7", where, got.header.Get("X-Request-Id"))
	}
	if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: security headers are missing: %v", where, got.header)
	}
	if got.status < http.StatusBadRequest || sent.URL.Path == "/readyz" && got.status == http.StatusServiceUnavailable {
		return
	}
	if contentType := got.header.Get("Content-Type"); contentType != "application/problem+json" {
		t.Errorf("%s: error %d has the type %q", where, got.status, contentType)
	}
	if (got.status == http.StatusServiceUnavailable) != (got.header.Get("Retry-After") != "") {
		t.Errorf("%s: answer %d has Retry-After %q", where, got.status, got.header.Get("Retry-After"))
	}
	if sent.Method == http.MethodHead {
		return
	}
	document := got.problem(t)
	if document.Status != got.status || document.Title != http.StatusText(got.status) || document.Type != "about:blank" {
		t.Errorf("%s: problem document does not fit its status %d: %s", where, got.status, got.body)
	}
}

func TestContractIsValidAndItsSummariesAreSentences(t *testing.T) {
	t.Parallel()
	c := mustContract(t)
	for path, item := range c.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.OperationID == "" || !strings.HasSuffix(operation.Summary, ".") || len(operation.Tags) != 1 {
				t.Errorf("%s %s wants an operationId, one tag, and a sentence for a summary", method, path)
			}
		}
	}
}

// TestEveryReadIsAnswered fails when a question is added to the contract and not here, or not to the routes.
func TestEveryReadIsAnswered(t *testing.T) {
	t.Parallel()
	c := mustContract(t)
	requests := map[string]func(*testBundle) *http.Request{
		"receiveDelivery": func(b *testBundle) *http.Request { return b.delivery(orderBody) },
		"listOrders": func(b *testBundle) *http.Request {
			return b.get("/api/v1/orders?shop_id=1635294032&customer_id=" + customerID.String() + "&limit=1&cursor=MTI")
		},
		"getOrder": func(b *testBundle) *http.Request { return b.get("/api/v1/orders/" + orderCode) },
		"listCustomers": func(b *testBundle) *http.Request {
			return b.get("/api/v1/customers?phone=0912000451&email=Lan.Pham@Example.com&status=active")
		},
		"getCustomer": func(b *testBundle) *http.Request { return b.get("/api/v1/customers/" + customerID.String()) },
		"listDeliveries": func(b *testBundle) *http.Request {
			return b.get("/api/v1/deliveries?shop_id=1635294032&outcome=created")
		},
		"getDelivery": func(b *testBundle) *http.Request { return b.get("/api/v1/deliveries/" + deliveryID.String()) },
		"listSources": func(b *testBundle) *http.Request { return b.get("/api/v1/sources") },
		"listUsers":   func(b *testBundle) *http.Request { return b.get("/api/v1/users?active=true&q=mai") },
		"getUser":     func(b *testBundle) *http.Request { return b.get("/api/v1/users/" + userID.String()) },
		"listUnmappedStaff": func(b *testBundle) *http.Request {
			return b.get("/api/v1/users/unmapped?limit=7")
		},
		"health":    func(b *testBundle) *http.Request { return b.get("/healthz") },
		"readiness": func(b *testBundle) *http.Request { return b.get("/readyz") },
		"metrics":   func(b *testBundle) *http.Request { return b.get("/metrics") },
	}
	bundle := setup(t)
	for path, item := range c.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if method != http.MethodGet && path != "/api/pancake/webhook" {
				continue // what changes something is tested on a real database, by the component tests
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
