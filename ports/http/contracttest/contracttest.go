// Package contracttest holds what tests send to the HTTP API, and what it answers, against the API's contract,
// openapi.yaml. An exchange that breaks the contract fails the test.
package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/uuid"

	porthttp "orderbridge/ports/http"
)

// Client makes a client that checks every exchange it has over the transport (see Check) and gives it to the caller
// whatever comes out, redirects too. The bodies that it sends have to be such that http.NewRequest can repeat them. Any
// goroutine may use it until the test ends.
func Client(t testing.TB, transport http.RoundTripper) *http.Client {
	t.Helper()
	return &http.Client{
		Transport:     checked{t: t, transport: transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type checked struct {
	t         testing.TB
	transport http.RoundTripper
}

// RoundTrip has an exchange and checks it, unless the answer breaks off, which is an error as if there were none.
func (c checked) RoundTrip(sent *http.Request) (*http.Response, error) {
	got, err := c.transport.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(got.Body)
	got.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read answer to %s %s: %w", sent.Method, sent.URL, err)
	}
	got.Body = io.NopCloser(bytes.NewReader(body))
	Check(c.t, sent, got, body)
	return got, nil
}

// Check holds an exchange against the contract, and against what is promised of every answer; the answer's body was read
// already. A request that was refused may be wrong, and the body of a delivery may be anything: it is taken whatever its
// Content-Type says. What breaks the contract fails the test and does not end it, so any goroutine may check.
func Check(t testing.TB, sent *http.Request, got *http.Response, body []byte) {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Errorf("openapi.yaml: %v", err)
		return
	}
	c.check(t, sent, got, body)
}

// Document is the contract itself.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return c.doc
}

// contract is a description of an API, ready to hold exchanges against.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

var loaded = sync.OnceValues(func() (*contract, error) { return load(porthttp.OpenAPI()) })

// load reads a contract. In answers, objects that list their properties have no others: a field that is answered and not
// described fails a test, while the contract itself leaves clients prepared for fields that are added.
func load(raw []byte) (*contract, error) {
	// A text is a string to the contract, however it is made up inside.
	for _, mediaType := range []string{"text/html", "text/csv", "text/event-stream", "application/x-ndjson"} {
		openapi3filter.RegisterBodyDecoder(mediaType, openapi3filter.PlainBodyDecoder)
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
}

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

func (c *contract) check(t testing.TB, sent *http.Request, got *http.Response, body []byte) {
	t.Helper()
	c.checkEveryAnswer(t, sent, got, body)
	request := &http.Request{Method: sent.Method, URL: &url.URL{Path: sent.URL.EscapedPath(), RawQuery: sent.URL.RawQuery}, Header: sent.Header}
	if request.Method == http.MethodHead {
		request.Method = http.MethodGet
	}
	route, pathParams, err := c.router.FindRoute(request)
	if err != nil || strings.HasSuffix(request.URL.Path, "/") { // this router takes a slash at the end for nothing
		if got.StatusCode != http.StatusNotFound && got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is answered with %d and not in the contract", sent.Method, sent.URL, got.StatusCode)
		}
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: pathParams, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:                checkTokenSent,
			ExcludeRequestBody:                isDelivery(route),
			RejectWhenRequestBodyNotSpecified: true,
			IncludeResponseStatus:             true,
			SkipSettingDefaults:               true, // the request stays as it was sent
		},
	}
	if got.StatusCode < http.StatusBadRequest {
		if err := checkRequest(t.Context(), input, sent); err != nil {
			t.Errorf("request %s %s was taken against the contract: %v", sent.Method, sent.URL, err)
		}
	}
	if sent.Method == http.MethodHead {
		return // an answer without its body
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.StatusCode, Header: got.Header, Options: input.Options,
	}
	response.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(t.Context(), response); err != nil {
		t.Errorf("answer %d to %s %s breaks the contract: %v\n%s", got.StatusCode, sent.Method, sent.URL, err, body)
	}
}

func checkRequest(ctx context.Context, input *openapi3filter.RequestValidationInput, sent *http.Request) error {
	if sent.Body != nil && !input.Options.ExcludeRequestBody {
		if sent.GetBody == nil {
			return errors.New("its body cannot be read again; give http.NewRequest a bytes.Reader or a strings.Reader")
		}
		again, err := sent.GetBody()
		if err != nil {
			return err
		}
		defer again.Close()
		body, err := io.ReadAll(again)
		if err != nil {
			return err
		}
		input.Request.Body, input.Request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return openapi3filter.ValidateRequest(ctx, input)
}

// isDelivery tells that a route is the webhook, which takes bodies whatever their Content-Type says.
func isDelivery(route *routers.Route) bool { return route.Operation.OperationID == "receiveDelivery" }

// checkTokenSent fails where an operation needs a token and was carried out without one.
func checkTokenSent(_ context.Context, input *openapi3filter.AuthenticationInput) error {
	if input.SecurityScheme.Scheme == "bearer" && input.RequestValidationInput.Request.Header.Get("Authorization") == "" {
		return errors.New("it carries no token")
	}
	return nil
}

// checkEveryAnswer is what holds for every answer, whatever the contract says of the path.
func (c *contract) checkEveryAnswer(t testing.TB, sent *http.Request, got *http.Response, body []byte) {
	t.Helper()
	where := sent.Method + " " + sent.URL.String()
	if id, err := uuid.Parse(got.Header.Get("X-Request-Id")); err != nil || id.Version() != 7 {
		t.Errorf("%s: X-Request-Id is %q, want a UUIDv7", where, got.Header.Get("X-Request-Id"))
	}
	if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: security headers are missing: %v", where, got.Header)
	}
	if got.StatusCode < http.StatusBadRequest || sent.URL.Path == "/readyz" && got.StatusCode == http.StatusServiceUnavailable {
		return
	}
	if contentType := got.Header.Get("Content-Type"); contentType != "application/problem+json" {
		t.Errorf("%s: error %d has the type %q", where, got.StatusCode, contentType)
	}
	if (got.StatusCode == http.StatusServiceUnavailable) != (got.Header.Get("Retry-After") != "") {
		t.Errorf("%s: answer %d has Retry-After %q", where, got.StatusCode, got.Header.Get("Retry-After"))
	}
	if sent.Method == http.MethodHead {
		return
	}
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil {
		t.Errorf("%s: answer %d is no problem document: %v\n%s", where, got.StatusCode, err, body)
		return
	}
	if err := c.doc.Components.Schemas["Problem"].Value.VisitJSON(document); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	if document["status"] != float64(got.StatusCode) || document["title"] != http.StatusText(got.StatusCode) ||
		document["type"] != "about:blank" {
		t.Errorf("%s: problem document does not fit its status %d: %s", where, got.StatusCode, body)
	}
}
