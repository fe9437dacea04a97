package http

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"orderbridge/domain/problem"
)

// retryAfter is after how many seconds a caller is to try again: a database restarts in about that time.
const retryAfter = "5"

// refusal is a problem that only HTTP has.
type refusal struct {
	status       int
	code, detail string
}

func (e *refusal) Error() string { return e.detail }

var (
	errPathUnknown      = &refusal{http.StatusNotFound, "path-unknown", "nothing is served at this path"}
	errMethodNotAllowed = &refusal{
		http.StatusMethodNotAllowed, "method-not-allowed", "this path is not served with this method; see Allow",
	}
)

var statusOf = map[problem.Kind]int{
	problem.KindMalformed:    http.StatusBadRequest,
	problem.KindUnauthorized: http.StatusUnauthorized,
	problem.KindForbidden:    http.StatusForbidden,
	problem.KindNotFound:     http.StatusNotFound,
	problem.KindConflict:     http.StatusConflict,
	problem.KindStale:        http.StatusPreconditionFailed,
	problem.KindTooLarge:     http.StatusRequestEntityTooLarge,
	problem.KindUnsupported:  http.StatusUnsupportedMediaType,
	problem.KindInvalid:      http.StatusUnprocessableEntity,
	problem.KindUnavailable:  http.StatusServiceUnavailable,
}

// describe is what the caller gets to know of an error: a problem as it is, and of anything else that it happened.
func describe(err error) Problem {
	document := Problem{
		Status: http.StatusInternalServerError, Code: "internal",
		Detail: "something went wrong here; the service's log names the cause by this answer's X-Request-Id",
	}
	if known, ok := problem.Of(err); ok {
		document.Code, document.Detail, document.Errors = known.Code(), known.Error(), known.Fields()
		if status, ok := statusOf[known.Kind()]; ok {
			document.Status = status
		}
	} else if refused, ok := errors.AsType[*refusal](err); ok {
		document.Status, document.Code, document.Detail = refused.status, refused.code, refused.detail
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		document.Status, document.Code = http.StatusServiceUnavailable, "unavailable"
		document.Detail = "it took too long; try again in some seconds"
	}
	document.Type, document.Title = "about:blank", http.StatusText(document.Status)
	return document
}

// bodyProblem makes a problem of an error of the generated decoder. A body was held against the contract before it comes
// there, so what is left are numbers that are whole to the contract and not to a program: too large ones, or 1e3.
func bodyProblem(err error) error {
	if unfit, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return problem.InvalidFields(codeBodyInvalid, problem.Field{
			Path: unfit.Field, Message: "this is a whole number, written in digits, that fits into 64 bits",
		})
	}
	return err
}

// answered makes a handler of one that returns its error.
func (s *server) answered(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.answerError(w, r, err)
		}
	})
}

// answerError answers every error there is.
func (s *server) answerError(w http.ResponseWriter, r *http.Request, err error) {
	ctx, noted := r.Context(), exchangeOf(r.Context())
	logger := s.logger.With("request_id", noted.id, "route", routeOf(r))
	if hasBegun(w) { // the answer was made and could not be written: the caller left
		logger.DebugContext(ctx, "answer not delivered", "error", whole(err))
		return
	}
	document := describe(err)
	noted.problem = document.Code
	switch {
	case document.Status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
		if ctx.Err() != nil {
			logger.DebugContext(ctx, "caller left", "error", whole(err))
		} else {
			logger.WarnContext(ctx, "request cannot be served now", "error", whole(err))
		}
	case document.Status >= http.StatusInternalServerError:
		logger.ErrorContext(ctx, "request failed", "error", whole(err))
	}
	answer(w, document.Status, "application/problem+json", document)
}

// whole is an error for the log, with what its problem keeps from the caller.
func whole(err error) string {
	text := err.Error()
	if known, ok := problem.Of(err); ok && known.Unwrap() != nil {
		text += ": " + whole(known.Unwrap())
	}
	return text
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	answer(w, status, "application/json", body)
}

func answer(w http.ResponseWriter, status int, contentType string, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // only types of this package come here, and all of them can be encoded
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n')) // who left has no use for the error
}
