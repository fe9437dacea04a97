package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

const maxOnceKeyLength = 255

// once answers a request that its caller named as it was answered before, if it was. Whatever tells its body from others is body.
func (s *server) once(w http.ResponseWriter, r *http.Request, body []byte, next func(http.ResponseWriter, *http.Request) error) error {
	once, err := s.onceOf(r, body)
	if err != nil {
		return err
	}
	if once == nil {
		return next(w, r)
	}
	kept, err := s.application.Answers.Find(r.Context(), workspaceOf(r.Context()), *once)
	if err != nil {
		return err
	}
	if kept != nil {
		repeat(w, kept)
		return nil
	}
	r = r.WithContext(context.WithValue(r.Context(), onceKey, once))
	answer := &draft{header: http.Header{}}
	if err := next(answer, r); err != nil {
		return err
	}
	s.keep(r, *once, answer) // before it is given: whoever got it may repeat the request at once
	answer.give(w)
	return nil
}

// onceOf names the request when its caller did: nil when it may be repeated.
func (s *server) onceOf(r *http.Request, body []byte) (*command.Once, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > maxOnceKeyLength || !isPrintable(key) {
		return nil, problem.InvalidFields(codeParametersInvalid, problem.Field{
			Path: "Idempotency-Key", Message: "there is one key, of 1 to 255 printable characters, such as a UUID",
		})
	}
	return &command.Once{
		Caller: callerOf(r.Context()).TokenID.String(), Key: key,
		Fingerprint: s.application.Answers.Fingerprint(
			r.Method + " " + r.URL.RequestURI() + "\n" + strings.Join(r.Header.Values("If-Match"), ",") + "\n" + string(body)),
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
