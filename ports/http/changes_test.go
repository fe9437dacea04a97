package http_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// fakeAnswers keeps answers, and forgets nothing.
type fakeAnswers struct {
	// keepError is that of keeping.
	keepError error

	mu    sync.Mutex
	known map[string]keptAnswer
}

type keptAnswer struct {
	fingerprint [32]byte
	answer      *command.Answer
}

// claim is what a command does in its transaction.
func (f *fakeAnswers) claim(once *command.Once) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if once == nil {
		return nil
	}
	if _, taken := f.known[once.Caller+once.Key]; taken {
		return command.ErrOnceTaken
	}
	if f.known == nil {
		f.known = map[string]keptAnswer{}
	}
	f.known[once.Caller+once.Key] = keptAnswer{fingerprint: once.Fingerprint}
	return nil
}

func (f *fakeAnswers) Fingerprint(request string) [sha256.Size]byte { return secretKey.Hash(request) }

func (f *fakeAnswers) Find(_ context.Context, _ uuid.UUID, once command.Once) (*command.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, ok := f.known[once.Caller+once.Key]
	switch {
	case !ok:
		return nil, nil //nolint:nilnil // there is none
	case kept.fingerprint != once.Fingerprint:
		return nil, command.ErrOnceReused
	case kept.answer == nil:
		return nil, command.ErrOnceTaken
	default:
		return kept.answer, nil
	}
}

func (f *fakeAnswers) Keep(_ context.Context, _ uuid.UUID, once command.Once, answer command.Answer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keepError != nil {
		return f.keepError
	}
	f.known[once.Caller+once.Key] = keptAnswer{fingerprint: once.Fingerprint, answer: &answer}
	return nil
}

// fakeCustomers holds the customer who was added last.
type fakeCustomers struct {
	answers *fakeAnswers
	panics  bool

	customer *customer.Customer
	added    int
	by       command.By
}

func (f *fakeCustomers) Add(_ context.Context, by command.By, c *customer.Customer) (int64, error) {
	if f.panics {
		panic("the store broke")
	}
	f.by = by
	if err := f.answers.claim(by.Once); err != nil {
		return 0, err
	}
	f.customer = c
	f.added++
	return int64(f.added), nil
}

func (f *fakeCustomers) Update(_ context.Context, by command.By, id uuid.UUID, decide func(*customer.Customer) error) (int64, error) {
	f.by = by
	if f.customer == nil || f.customer.State().ID != id {
		return 0, problem.NotFound("customer-unknown", "no customer has this id")
	}
	before := f.customer.Version()
	if err := decide(f.customer); err != nil || f.customer.Version() == before {
		return 0, err
	}
	return 100, f.answers.claim(by.Once)
}

// command is a request with a JSON body and other headers: name and value in turn.
func (b *testBundle) command(method, path, body string, headers ...string) *http.Request {
	request := b.request(method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

const customersPath = "/api/v1/customers"

func TestBodiesOfCommandsAreHeldAgainstTheContract(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
		paths  []string
	}{
		"nothing":                    {"", 415, "content-type-unsupported", nil},
		"half an object":             {`{"name":`, 400, "body-not-json", nil},
		"no JSON":                    {`name=Lan`, 400, "body-not-json", nil},
		"two objects":                {`{"name":"Lan"}{}`, 400, "body-not-json", nil},
		"something behind it":        {`{"name":"Lan"} x`, 400, "body-not-json", nil},
		"bytes that are no text":     {"{\"name\":\"Lan\xff\"}", 400, "body-not-json", nil},
		"null":                       {`null`, 422, "body-invalid", []string{"body"}},
		"a list":                     {`[]`, 422, "body-invalid", []string{"body"}},
		"a field is missing":         {`{}`, 422, "body-invalid", []string{"name"}},
		"a field nobody knows":       {`{"name":"Lan","nick":"L"}`, 422, "body-invalid", []string{"nick"}},
		"a field in capitals":        {`{"Name":"Lan","name":"Lan"}`, 422, "body-invalid", []string{"Name"}},
		"a list of other things":     {`{"name":"Lan","phones":["0912000451",912]}`, 422, "body-invalid", []string{"phones[1]"}},
		"nothing where a text is":    {`{"name":"Lan","note":null}`, 422, "body-invalid", []string{"note"}},
		"a status that is none":      {`{"name":"Lan","status":"asleep"}`, 422, "body-invalid", []string{"status"}},
		"all that is wrong":          {`{"phones":"0912","tags":[1],"note":2,"x":3}`, 422, "body-invalid", []string{"name", "note", "phones", "tags[0]", "x"}},
		"what the domain refuses":    {`{"name":" ","phones":["1","0912000451","2"],"gender":"m"}`, 422, "customer-invalid", []string{"gender", "name", "phones[0]", "phones[2]"}},
		"a mebibyte":                 {`{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body-too-large", nil},
		"a body that nests too deep": {strings.Repeat("[", 20_000), 400, "body-not-json", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			document := bundle.do(t, bundle.command(http.MethodPost, customersPath, test.body, "Idempotency-Key", "a")).wantProblem(t, test.status, test.code)
			var paths []string
			for _, field := range document.Errors {
				paths = append(paths, field.Path)
			}
			if slices.Sort(paths); !slices.Equal(paths, test.paths) {
				t.Errorf("errors name %q, want %q: %+v", paths, test.paths, document)
			}
			if bundle.customers.added != 0 || len(bundle.answers.known) != 0 {
				t.Error("something was done or kept")
			}
		})
	}

	for contentType, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON": 201,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/merge-patch+json": 415, "application/json; charset": 415,
	} {
		bundle := setup(t)
		got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Content-Type", contentType))
		if got.status != status {
			t.Errorf("%q is answered with %d, want %d", contentType, got.status, status)
		}
	}
}

func TestARequestUnderANameIsDoneOnce(t *testing.T) {
	t.Parallel()

	t.Run("a repetition gets the answer of the first", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		send := func() *answer {
			return bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a-1"))
		}
		first, again := send(), send()
		if first.status != http.StatusCreated || first.header.Get("Idempotency-Replayed") != "" || first.header.Get("Location") == "" ||
			first.header.Get("ETag") != `"1"` || first.header.Get("Orderbridge-Position") != "1" {
			t.Errorf("the first is answered with %d %v", first.status, first.header)
		}
		if again.status != first.status || !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" || bundle.customers.added != 1 {
			t.Errorf("the second is answered with %d %s, and it was done %d times", again.status, again.body, bundle.customers.added)
		}
		for _, name := range []string{"Content-Type", "ETag", "Location", "Orderbridge-Position"} {
			if again.header.Get(name) != first.header.Get(name) {
				t.Errorf("%s is %q, and was %q", name, again.header.Get(name), first.header.Get(name))
			}
		}
		if first.header.Get("X-Request-Id") == again.header.Get("X-Request-Id") {
			t.Error("the repetition has the request id of the first")
		}
	})

	t.Run("another request under the name is refused", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a"))
		bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Mai"}`, "Idempotency-Key", "a")).
			wantProblem(t, http.StatusUnprocessableEntity, "idempotency-key-reused")
		path := customersPath + "/" + bundle.customers.customer.State().ID.String()
		bundle.do(t, bundle.command(http.MethodPost, path+"/archive", "", "Idempotency-Key", "a")).
			wantProblem(t, http.StatusUnprocessableEntity, "idempotency-key-reused")
	})

	t.Run("a request that failed is not kept, and may be repeated", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		for range 2 {
			bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":" "}`, "Idempotency-Key", "a")).
				wantProblem(t, http.StatusUnprocessableEntity, "customer-invalid")
		}
		bundle.customers.panics = true
		got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a"))
		got.wantProblem(t, http.StatusInternalServerError, "internal")
		bundle.customers.panics = false
		if got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a")); got.status != http.StatusCreated {
			t.Errorf("repeated, it is answered with %d %s", got.status, got.body)
		}
	})

	t.Run("a request that was done and has no answer yet is in the way", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.answers.keepError = errors.New("no space left")
		send := func() *answer {
			return bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a"))
		}
		if got := send(); got.status != http.StatusCreated {
			t.Errorf("done, and answered with %d", got.status)
		}
		bundle.waitForLog(t, "answer not kept", "no space left")
		send().wantProblem(t, http.StatusConflict, "idempotency-key-in-use")
		if bundle.customers.added != 1 {
			t.Errorf("it was done %d times", bundle.customers.added)
		}
	})

	t.Run("a change of a record may have a name too", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`))
		path := customersPath + "/" + bundle.customers.customer.State().ID.String()
		send := func(version string) *answer {
			return bundle.do(t, bundle.command(http.MethodPatch, path, `{"note":"Gọi trước."}`, "Idempotency-Key", "a", "If-Match", version))
		}
		first, again := send(`"1"`), send(`"1"`)
		send(`"2"`).wantProblem(t, http.StatusUnprocessableEntity, "idempotency-key-reused") // it asks for something else
		if first.status != http.StatusOK || again.status != http.StatusOK || !bytes.Equal(first.body, again.body) || again.header.Get("ETag") != `"2"` {
			t.Errorf("answered with %d %s and %d %s", first.status, first.body, again.status, again.body)
		}
	})

	t.Run("a header that is given twice is refused", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`))
		path := customersPath + "/" + bundle.customers.customer.State().ID.String()
		for header, request := range map[string]*http.Request{
			"Idempotency-Key":      bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", "a"),
			"If-Match":             bundle.command(http.MethodPatch, path, `{"name":"Mai"}`, "If-Match", `"1"`),
			"Orderbridge-Wait-For": bundle.command(http.MethodGet, path, "", "Orderbridge-Wait-For", "1"),
		} {
			request.Header.Add(header, request.Header.Get(header))
			document := bundle.do(t, request).wantProblem(t, http.StatusUnprocessableEntity, "parameters-invalid")
			if len(document.Errors) != 1 || document.Errors[0].Path != header {
				t.Errorf("errors: %+v", document.Errors)
			}
		}
	})

	t.Run("a name has 1 to 255 printable characters", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		for key, status := range map[string]int{
			strings.Repeat("k", 255): 201, "01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11": 201, strings.Repeat("k", 256): 422, "a\tb": 422, "a\xff": 422,
			"": 422, " ": 422,
		} {
			got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`, "Idempotency-Key", key))
			if got.status != status {
				t.Errorf("%q is answered with %d, want %d", key, got.status, status)
			}
			if status == 422 {
				if document := got.wantProblem(t, 422, "parameters-invalid"); document.Errors[0].Path != "Idempotency-Key" {
					t.Errorf("errors: %+v", document.Errors)
				}
			}
		}
	})
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		status int
		code   string
	}{
		"": {200, ""}, "*": {200, ""}, `"1"`: {200, ""}, ` "1" `: {200, ""},
		`"2"`: {412, "version-stale"}, `"2147483648"`: {412, "version-stale"},
		"1": {422, "parameters-invalid"}, `W/"1"`: {422, "parameters-invalid"}, `"01"`: {422, "parameters-invalid"}, `"+1"`: {422, "parameters-invalid"},
		`"0"`: {422, "parameters-invalid"}, `"-1"`: {422, "parameters-invalid"}, `"x"`: {422, "parameters-invalid"}, `'1'`: {422, "parameters-invalid"},
		`"1", "2"`: {422, "parameters-invalid"}, `"99999999999999999999"`: {422, "parameters-invalid"}, `"`: {422, "parameters-invalid"},
	} {
		for _, change := range []struct{ method, path, body string }{
			{http.MethodPatch, "", `{"name":"Mai"}`}, {http.MethodPost, "/archive", ""},
		} {
			bundle := setup(t)
			bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`))
			path := customersPath + "/" + bundle.customers.customer.State().ID.String() + change.path
			got := bundle.do(t, bundle.command(change.method, path, change.body, "If-Match", header))
			if got.status != want.status {
				t.Errorf("%s with If-Match: %s is answered with %d, want %d", change.method, header, got.status, want.status)
			}
			if want.code == "" {
				continue
			}
			document := got.wantProblem(t, want.status, want.code)
			if want.code == "parameters-invalid" && (len(document.Errors) != 1 || document.Errors[0].Path != "If-Match") {
				t.Errorf("If-Match: %s: %+v", header, document.Errors)
			}
			if version := bundle.customers.customer.Version(); version != 1 {
				t.Errorf("If-Match: %s: it was changed to version %d", header, version)
			}
		}
	}
}

func TestCommandsComeFromTheToken(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`))
	if bundle.customers.by != (command.By{WorkspaceID: workspaceID, Actor: "api:test"}) {
		t.Errorf("given by %+v", bundle.customers.by)
	}
	if want := fmt.Sprint(customersPath, "/", bundle.customers.customer.State().ID); got.header.Get("Location") != want {
		t.Errorf("Location is %q, want %q", got.header.Get("Location"), want)
	}
}

func (*fakeCustomers) UpdateBoth(context.Context, command.By, uuid.UUID, uuid.UUID, func(one, other *customer.Customer) error) (int64, error) {
	return 0, errors.New("nothing is merged here")
}
