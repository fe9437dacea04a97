package contracttest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// bodies is a contract with what the tests need of request bodies.
const bodies = `
openapi: 3.0.3
info: { title: Bodies, version: '1' }
paths:
  /notes:
    post:
      operationId: addNote
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [text]
              properties: { text: { type: string } }
          text/csv:
            schema: { type: string, minLength: 1 }
      responses:
        '200':
          description: Done.
          content: { application/json: { schema: { type: object } } }
        default: { $ref: '#/components/responses/Problem' }
  /notes/purge:
    post:
      operationId: purgeNotes
      responses:
        '200':
          description: Done.
          content: { application/json: { schema: { type: object } } }
        default: { $ref: '#/components/responses/Problem' }
components:
  responses:
    Problem:
      description: Trouble.
      content:
        application/problem+json:
          schema: { $ref: '#/components/schemas/Problem' }
  schemas:
    Problem:
      type: object
      required: [type, title, status, detail, code]
      properties:
        type: { type: string }
        title: { type: string }
        status: { type: integer }
        detail: { type: string }
        code: { type: string }
`

const (
	health   = `{"status":"ok"}`
	sources  = `{"items":[{"id":"01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a01","name":"Pancake","created_at":"2025-09-15T03:04:38Z"}],"next_cursor":null}`
	notFound = `{"type":"about:blank","title":"Not Found","status":404,"detail":"there is none","code":"record-unknown"}`
	refusal  = `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"it breaks a rule","code":"invalid"}`
	away     = `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"it is away","code":"database-away"}`
)

var token = http.Header{"Authorization": {"Bearer obt_token"}}

// exchange is what is asked of a server and what that answers: 200 with the headers that every answer has, unless it is
// said otherwise.
type exchange struct {
	method, path, contentType, sent string
	header                          http.Header // of the request
	status                          int
	answered                        string
	answer                          map[string]string // headers
}

// request makes the request, to a server that answers it.
func (e exchange) request(t *testing.T) *http.Request {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", uuid.Must(uuid.NewV7()).String())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json")
		if e.status >= http.StatusBadRequest {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		for name, value := range e.answer {
			w.Header().Set(name, value)
		}
		w.WriteHeader(cmp.Or(e.status, http.StatusOK))
		_, _ = io.WriteString(w, e.answered)
	}))
	t.Cleanup(server.Close)
	var sent io.Reader
	if e.sent != "" {
		sent = strings.NewReader(e.sent)
	}
	request, err := http.NewRequest(cmp.Or(e.method, http.MethodGet), server.URL+e.path, sent)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, e.header)
	if e.contentType != "" {
		request.Header.Set("Content-Type", e.contentType)
	}
	return request
}

// checkedBy has an exchange and returns what a contract's check says of it.
func checkedBy(t *testing.T, c *contract, request *http.Request) *complaints {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	told := &complaints{TB: t}
	c.check(told, request, response, body)
	return told
}

// complaints is a test that keeps what it is told.
type complaints struct {
	testing.TB

	mu   sync.Mutex
	said []string
}

func (c *complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// want fails when the test was not told of this, or of anything when there is nothing to tell.
func (c *complaints) want(t *testing.T, part string) {
	t.Helper()
	said := strings.Join(c.said, "\n")
	if part == "" && said != "" || !strings.Contains(said, part) {
		t.Errorf("the check says %q, want %q", said, part)
	}
}

func TestClientFailsTheTestWhereAnExchangeBreaksTheContract(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		exchange exchange
		want     string // empty: nothing is wrong
	}{
		"a good answer":      {exchange{path: "/healthz", answered: health}, ""},
		"a good answer, two": {exchange{path: "/api/v1/sources?limit=1", header: token, answered: sources}, ""},
		"a good answer to HEAD": {
			exchange{method: http.MethodHead, path: "/healthz"}, "",
		},
		"a good refusal": {
			exchange{path: "/api/v1/customers/2051", header: token, status: 404, answered: notFound}, "",
		},
		"a good refusal of a path that is none": {exchange{path: "/nothing", status: 404, answered: notFound}, ""},
		"a delivery whose body nobody asks about": {
			exchange{
				method: http.MethodPost, path: "/api/pancake/webhook", contentType: "text/strange", sent: "{}",
				answered: `{"status":"ignored","type":"customers"}`,
			}, "",
		},

		"a field that is not described": {exchange{path: "/healthz", answered: `{"status":"ok","mood":"good"}`}, "mood"},
		"a field that is missing":       {exchange{path: "/healthz", answered: `{}`}, `"status" is missing`},
		"a field of another type": {
			exchange{path: "/api/v1/sources", header: token, answered: `{"items":[],"next_cursor":7}`}, "next_cursor",
		},
		"no JSON":                   {exchange{path: "/healthz", answered: "ok"}, "failed to decode"},
		"another Content-Type":      {exchange{path: "/healthz", answered: health, answer: map[string]string{"Content-Type": "text/plain"}}, "Content-Type"},
		"a status that is not told": {exchange{path: "/healthz", status: 202, answered: health}, "status is not supported"},
		"a path that is not told":   {exchange{path: "/nothing", answered: health}, "not in the contract"},
		"a path with a slash more":  {exchange{path: "/healthz/", answered: health}, "not in the contract"},
		"a method that is not told": {exchange{method: http.MethodPut, path: "/healthz", answered: health}, "not in the contract"},
		"a parameter that is wrong": {exchange{path: "/api/v1/sources?limit=0", header: token, answered: sources}, "taken against the contract"},
		"no token":                  {exchange{path: "/api/v1/sources", answered: sources}, "it carries no token"},
		"no request id":             {exchange{path: "/healthz", answered: health, answer: map[string]string{"X-Request-Id": ""}}, "X-Request-Id"},
		"a request id that is random": {
			exchange{path: "/healthz", answered: health, answer: map[string]string{"X-Request-Id": "0b7b4a6e-7d0f-4d3c-9f5e-1f2a3b4c5d6e"}}, "X-Request-Id",
		},
		"an answer that may be guessed at": {
			exchange{path: "/healthz", answered: health, answer: map[string]string{"X-Content-Type-Options": ""}}, "security headers",
		},
		"an answer that may be kept": {
			exchange{path: "/healthz", answered: health, answer: map[string]string{"Cache-Control": "public"}}, "security headers",
		},
		"an error without a document": {exchange{path: "/nothing", status: 404, answered: "none"}, "no problem document"},
		"an error of another type": {
			exchange{path: "/nothing", status: 404, answered: notFound, answer: map[string]string{"Content-Type": "application/json"}}, "has the type",
		},
		"an error that says another status": {exchange{path: "/nothing", status: 405, answered: notFound}, "does not fit its status"},
		"an error without a code":           {exchange{path: "/nothing", status: 404, answered: strings.Replace(notFound, "code", "kind", 1)}, "code"},
		"away without saying for how long":  {exchange{path: "/api/v1/sources", header: token, status: 503, answered: away}, "Retry-After"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &complaints{TB: t}
			got, err := Client(told, http.DefaultTransport).Do(tc.exchange.request(t))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			body, err := io.ReadAll(got.Body)
			if err != nil || string(body) != tc.exchange.answered {
				t.Errorf("the caller gets %q, %v", body, err)
			}
			told.want(t, tc.want)
		})
	}
}

func TestBodiesOfRequestsAreHeldAgainstTheContract(t *testing.T) {
	t.Parallel()
	c, err := load([]byte(bodies))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		exchange exchange
		want     string
	}{
		"JSON":                       {exchange{path: "/notes", contentType: "application/json", sent: `{"text":"a"}`}, ""},
		"CSV with lines of any sort": {exchange{path: "/notes", contentType: "text/csv; charset=utf-8", sent: "a,b\n\"c\n"}, ""},
		"nothing where nothing is":   {exchange{path: "/notes/purge"}, ""},

		"JSON that breaks its schema":  {exchange{path: "/notes", contentType: "application/json", sent: `{"text":7}`}, "must be a string"},
		"JSON that lacks a field":      {exchange{path: "/notes", contentType: "application/json", sent: `{}`}, `"text" is missing`},
		"no JSON":                      {exchange{path: "/notes", contentType: "application/json", sent: `text`}, "failed to decode"},
		"a type that is not described": {exchange{path: "/notes", contentType: "text/plain", sent: "a"}, "Content-Type"},
		"no type":                      {exchange{path: "/notes", sent: `{"text":"a"}`}, "Content-Type"},
		"no body":                      {exchange{path: "/notes", contentType: "application/json"}, "value is required"},
		"a body where none is":         {exchange{path: "/notes/purge", contentType: "application/json", sent: `{}`}, "not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.exchange.method, tc.exchange.answered = http.MethodPost, `{}`
			checkedBy(t, c, tc.exchange.request(t)).want(t, tc.want)

			tc.exchange.status, tc.exchange.answered = http.StatusUnprocessableEntity, refusal // then nothing is wrong with it
			checkedBy(t, c, tc.exchange.request(t)).want(t, "")
		})
	}

	t.Run("one that cannot be read again", func(t *testing.T) {
		t.Parallel()
		request := exchange{method: http.MethodPost, path: "/notes", contentType: "text/csv", answered: `{}`}.request(t)
		request.Body = io.NopCloser(strings.NewReader("a"))
		checkedBy(t, c, request).want(t, "cannot be read again")
	})
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	told := &complaints{TB: t}
	request := exchange{path: "/healthz", answered: "{", answer: map[string]string{"Content-Length": "100"}}.request(t)
	response, err := Client(told, http.DefaultTransport).Do(request)
	if err == nil {
		response.Body.Close()
		t.Fatalf("answered with %d", response.StatusCode)
	}
	if !strings.Contains(err.Error(), "/healthz") {
		t.Errorf("the error is %v", err)
	}
	told.want(t, "")
}
