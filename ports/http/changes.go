package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

const (
	// maxCommandBytes is how large the body of a command may be.
	maxCommandBytes = 1 << 20
	// settleTimeout is how long a command waits for the read tables to show it. Beyond it the caller has the position.
	settleTimeout = 2 * time.Second

	maxOnceKeyLength = 255
)

// changing is a route that changes something: its body is held against the contract before it is decoded, and a request
// with an Idempotency-Key is done once, whether its answer arrives or not.
func (s *server) changing(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.authenticated(needed, func(w http.ResponseWriter, r *http.Request) error {
		body, refusal := readBody(w, r, maxCommandBytes)
		if refusal != nil {
			return refusal
		}
		once, err := s.onceOf(r, body)
		if err != nil {
			return err
		}
		if once != nil {
			kept, err := s.application.Answers.Find(r.Context(), workspaceOf(r.Context()), *once)
			if err != nil {
				return err
			}
			if kept != nil {
				repeat(w, kept)
				return nil
			}
			r = r.WithContext(context.WithValue(r.Context(), onceKey, once))
		}
		if err := s.checkCommand(r, body); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if once == nil {
			next(w, r)
			return nil
		}
		answer := &draft{header: http.Header{}}
		next(answer, r)
		s.keep(r, *once, answer) // before it is given: whoever got it may repeat the request at once
		answer.give(w)
		return nil
	})
}

// onceOf names the request when its caller did: nil when it may be repeated.
func (s *server) onceOf(r *http.Request, body []byte) (*command.Once, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	if len(key) > maxOnceKeyLength || !isPrintable(key) {
		return nil, problem.InvalidFields(codeParametersInvalid, problem.Field{
			Path: "Idempotency-Key", Message: "a key is 1 to 255 printable characters, such as a UUID",
		})
	}
	return &command.Once{
		Caller: callerOf(r.Context()).TokenID.String(), Key: key,
		Fingerprint: s.application.Answers.Fingerprint(r.Method + " " + r.URL.RequestURI() + "\n" + string(body)),
	}, nil
}

// keptHeaders are those that an answer is not whole without.
var keptHeaders = []string{"Content-Type", "ETag", "Location", headerPosition}

var errShownOnce = problem.Conflict("secret-shown-once",
	"this was done, and its answer held a secret that is shown only once; if it is lost, revoke or rotate and make another")

// keep keeps the answer for whoever repeats the request. One that failed left nothing behind, and may be repeated.
func (s *server) keep(r *http.Request, once command.Once, given *draft) {
	if given.status < http.StatusOK || given.status >= http.StatusMultipleChoices {
		return
	}
	answer := command.Answer{Status: given.status, Header: map[string]string{}, Body: given.body.Bytes()}
	for _, name := range keptHeaders {
		if value := given.header.Get(name); value != "" {
			answer.Header[name] = value
		}
	}
	if exchangeOf(r.Context()).shownOnce {
		document := describe(errShownOnce)
		encoded, err := json.Marshal(document)
		if err != nil {
			panic(err) // it is made of texts
		}
		answer = command.Answer{
			Status: document.Status, Header: map[string]string{"Content-Type": "application/problem+json"}, Body: encoded,
		}
	}
	// The caller may have left, and will ask again then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), settleTimeout)
	defer cancel()
	if err := s.application.Answers.Keep(ctx, workspaceOf(ctx), once, answer); err != nil {
		s.logger.WarnContext(ctx, "answer not kept: a repetition of the request will be refused",
			"request_id", exchangeOf(ctx).id, "error", whole(err))
	}
}

// repeat gives the answer that was given before.
func repeat(w http.ResponseWriter, kept *command.Answer) {
	for name, value := range kept.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(kept.Status)
	_, _ = w.Write(kept.Body) // who left has no use for the error
}

// draft is an answer that was not given yet.
type draft struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the draft's own, so that nothing of it is left when another answer has to be given.
func (d *draft) Header() http.Header { return d.header }

// WriteHeader notes the status.
func (d *draft) WriteHeader(status int) {
	if d.status == 0 {
		d.status = status
	}
}

// Write notes the body.
func (d *draft) Write(data []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	return d.body.Write(data)
}

// give gives it.
func (d *draft) give(w http.ResponseWriter) {
	maps.Copy(w.Header(), d.header)
	w.WriteHeader(cmp.Or(d.status, http.StatusOK))
	_, _ = d.body.WriteTo(w) // who left has no use for the error
}

// settle waits for the read tables to show what a command did, so that whoever gave it sees it in the next answer,
// whichever instance gives that one.
func (c crm) settle(ctx context.Context, position int64) {
	if position == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = c.queries.WaitFor(ctx, position) // the command was done, and its answer says how to wait for longer
}

// etag is a record's version as a validator.
func etag(version int) string { return strconv.Quote(strconv.Itoa(version)) }

// ifVersion reads the If-Match of a request: the one version that a change insists on.
func ifVersion(header *string) (command.IfVersion, error) {
	text := strings.TrimSpace(given(header))
	if text == "" || text == "*" {
		return 0, nil
	}
	if version, err := strconv.Atoi(strings.Trim(text, `"`)); err == nil && version > 0 && text == etag(version) {
		return command.IfVersion(version), nil
	}
	return 0, problem.InvalidFields(codeParametersInvalid, problem.Field{
		Path: "If-Match", Message: `this is the ETag of an earlier answer, with its quotation marks, such as "7"`,
	})
}

// mustLoadContract reads the contract, which is a part of the program.
func mustLoadContract() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI())
	if err != nil {
		panic(err)
	}
	return doc
}

var (
	errBodyNotJSON = problem.Malformed("body-not-json", "the body is not one JSON object")
	errContentType = problem.Unsupported("content-type-unsupported",
		"send a body with the Content-Type that the API's description asks for: application/json nearly everywhere")
)

const codeBodyInvalid = "body-invalid"

// checkCommand holds a body against the contract, so that a misspelt field is no field that was left out. Everything
// that is wrong with it is told at once; what only the domain knows to be wrong comes after that.
func (s *server) checkCommand(r *http.Request, body []byte) error {
	item := s.contract.Paths.Value(routeOf(r))
	if item == nil {
		return nil
	}
	operation := item.GetOperation(r.Method)
	if operation == nil || operation.RequestBody == nil {
		return nil
	}
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	media := operation.RequestBody.Value.Content.Get(contentType)
	if err != nil || media == nil {
		return errContentType
	}
	if contentType != "application/json" {
		return nil // another form than the contract's, which the command reads
	}
	if !utf8.Valid(body) { // or the decoder would put other text in its place
		return errBodyNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return errBodyNotJSON
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errBodyNotJSON
	}
	var invalid []problem.Field
	collectInvalid(media.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest()), &invalid)
	if len(invalid) > 0 {
		return problem.InvalidFields(codeBodyInvalid, invalid...)
	}
	return nil
}

// collectInvalid takes the reasons, and never the values, which may be personal.
func collectInvalid(err error, invalid *[]problem.Field) {
	if err == nil {
		return
	}
	if several, ok := errors.AsType[openapi3.MultiError](err); ok {
		for _, one := range several {
			collectInvalid(one, invalid)
		}
		return
	}
	field := problem.Field{Path: "body", Message: "this does not have the form that the API's description asks for"}
	if one, ok := errors.AsType[*openapi3.SchemaError](err); ok {
		field.Message = one.Reason
		pointer := one.JSONPointer()
		var unknown string
		if _, err := fmt.Sscanf(one.Reason, "property %q is unsupported", &unknown); err == nil { // which the library tells nowhere else
			field.Message = "there is no such field; see the API's description for those that there are"
			pointer = append(pointer, unknown)
		}
		if path := pathOf(pointer); path != "" {
			field.Path = path
		}
	}
	*invalid = append(*invalid, field)
}

// pathOf writes a path as fields are named everywhere: phones[0].
func pathOf(pointer []string) string {
	var path strings.Builder
	for _, part := range pointer {
		if _, err := strconv.Atoi(part); err == nil {
			path.WriteString("[" + part + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(part)
	}
	return path.String()
}
