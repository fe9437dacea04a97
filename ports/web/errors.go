package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"orderbridge/domain/problem"
)

var (
	errPageUnknown = problem.NotFound("page-unknown", "there is no such page")
	errFormBroken  = problem.Malformed("form-unreadable", "the form cannot be read; load the page again and repeat what you did")
)

// statusOf is how a problem is answered.
func statusOf(err error) int {
	known, ok := problem.Of(err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) {
			return http.StatusServiceUnavailable
		}
		return http.StatusInternalServerError
	}
	switch known.Kind() {
	case problem.KindMalformed:
		return http.StatusBadRequest
	case problem.KindUnauthorized:
		return http.StatusForbidden // 401 is for whoever has to sign in first
	case problem.KindForbidden:
		return http.StatusForbidden
	case problem.KindNotFound:
		return http.StatusNotFound
	case problem.KindConflict:
		return http.StatusConflict
	case problem.KindStale:
		return http.StatusPreconditionFailed
	case problem.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case problem.KindUnsupported:
		return http.StatusUnsupportedMediaType
	case problem.KindUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusUnprocessableEntity
	}
}

// answerError tells what is wrong and what to do: as a page, or as a part of the one that htmx asks for.
func (s *server) answerError(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // nobody reads it
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.logger.ErrorContext(r.Context(), "page failed", "request_id", exchangeOf(r.Context()).id, "route", routeOf(r), "error", err)
	}
	if r.Context().Value(viewKey) == nil { // the session could not be read
		r = r.WithContext(context.WithValue(r.Context(), viewKey, &view{Language: languageOf(r), texts: s.texts, assets: s.assets}))
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	failure := failureOf(r.Context(), err, status)
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Retarget", "#messages")
		w.Header().Set("HX-Reswap", "innerHTML")
		render(w, r, status, failureMessage(failure))
		return
	}
	render(w, r, status, failurePage(failure))
}

// isRefused tells a problem that whoever sent a form can do something about.
func isRefused(err error) (*problem.Error, bool) {
	refused, ok := problem.Of(err)
	return refused, ok && refused.Kind() != problem.KindUnavailable
}

// refusalOf is why something that was typed is refused. That what it was typed for is not there is none: it cannot be mended in the form.
func refusalOf(err error) (*problem.Error, bool) {
	refused, ok := isRefused(err)
	return refused, ok && refused.Kind() != problem.KindNotFound
}

// isUnknown tells that what was asked for is not there.
func isUnknown(err error) bool {
	known, ok := problem.Of(err)
	return ok && known.Kind() == problem.KindNotFound
}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey).(*exchange) }

// failure is what somebody is told.
type failure struct {
	Title, Advice string
	Fields        []string
	Request       string
	// Again is whether it may help to load the page again by itself.
	Again bool
}

// failureOf says a problem in the language of the page where there is a text for it, and in its own words where there is none.
func failureOf(ctx context.Context, err error, status int) failure {
	f := failure{Request: exchangeOf(ctx).id, Again: status == http.StatusServiceUnavailable}
	known, ok := problem.Of(err)
	switch {
	case ok:
		f.Title, f.Fields = sayProblem(ctx, known), sayEachField(ctx, known)
		f.Advice = tOr(ctx, "error.kind."+known.Kind().String(), "")
	case status == http.StatusServiceUnavailable:
		f.Title, f.Advice = t(ctx, "error.slow"), t(ctx, "error.kind.unavailable")
	default:
		f.Title, f.Advice = t(ctx, "error.internal"), t(ctx, "error.internal.advice")
	}
	return f
}

// sayProblem is a problem in the language of the page.
func sayProblem(ctx context.Context, known *problem.Error) string {
	return tOr(ctx, "problem."+known.Code(), known.Error())
}

// sayEachField says what is wrong with each field of an input: in the language of the page where there is a text for that problem and
// field, and in the problem's own words where there is none. An entry of a list, phones[1], is that of the field phones, with its number.
func sayEachField(ctx context.Context, known *problem.Error) []string {
	said := make([]string, 0, len(known.Fields()))
	for _, field := range known.Fields() {
		path, entry, listed := strings.Cut(field.Path, "[")
		name := tOr(ctx, "field."+path, path)
		if at, err := strconv.Atoi(strings.TrimSuffix(entry, "]")); listed && err == nil {
			name = t(ctx, "field.entry", "Field", name, "Number", at+1)
		}
		said = append(said, name+": "+tOr(ctx, "problem."+known.Code()+"."+path, field.Message))
	}
	return said
}

// sayWhole is a problem in one line, with the fields that it is about.
func sayWhole(ctx context.Context, known *problem.Error) string {
	if fields := sayEachField(ctx, known); len(fields) > 0 {
		return strings.Join(fields, "; ")
	}
	return sayProblem(ctx, known)
}

// render writes a page, or a part of one.
func render(w http.ResponseWriter, r *http.Request, status int, content templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = content.Render(r.Context(), w) // whoever asked is gone
}

// show writes what was asked for.
func show(w http.ResponseWriter, r *http.Request, content templ.Component) error {
	render(w, r, http.StatusOK, content)
	return nil
}
