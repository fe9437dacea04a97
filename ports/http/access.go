package http

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// errTokenUnknown is the one answer to a missing, an unknown and a revoked token.
var errTokenUnknown = problem.Unauthorized("token-unknown",
	"this needs the header Authorization: Bearer <token>, with a token that orderbridge token create printed and nobody revoked")

var errQueryUnreadable = problem.Malformed("query-unreadable", "the query is not encoded as a URL asks for")

const (
	// headerPosition is where in the log the answered command stands.
	headerPosition = "Orderbridge-Position"
	// headerWaitFor asks a read to show the log up to a position.
	headerWaitFor = "Orderbridge-Wait-For"

	// waitTimeout is how long such a read waits.
	waitTimeout = 5 * time.Second
)

// reading lets nobody pass without a token of the role, before anything else of the request is looked at.
func (s *server) reading(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.authenticated(needed, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.cfg.Readable(); err != nil {
			return err
		}
		if err := s.waitFor(r); err != nil {
			return err
		}
		next(w, r)
		return nil
	})
}

// watching is reading of what is no read table, and so is answered also while these cannot be read.
func (s *server) watching(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.authenticated(needed, func(w http.ResponseWriter, r *http.Request) error {
		next(w, r)
		return nil
	})
}

// authenticated finds out who calls, and whether they may, and gives the request a limited time.
func (s *server) authenticated(needed workspace.Role, next func(http.ResponseWriter, *http.Request) error) http.Handler {
	return s.identified(needed, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
		defer cancel()
		return next(w, r.WithContext(ctx))
	})
}

// identified finds out who calls, and whether they may.
func (s *server) identified(needed workspace.Role, next func(http.ResponseWriter, *http.Request) error) http.Handler {
	return s.answered(func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
		caller, err := s.callerOf(ctx, r.Header.Get("Authorization"))
		cancel()
		if errors.Is(err, errTokenUnknown) {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		if err != nil {
			return err
		}
		if !caller.Role.Includes(needed) {
			return problem.Forbidden("role-insufficient", "this needs a token with the role %s, and yours has the role %s", needed, caller.Role)
		}
		if err := s.checkQuery(r); err != nil {
			return err
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), callerKey, caller)))
	})
}

// checkQuery refuses what the generated code would pass over, since a filter that is misspelt or cannot be read would
// filter nothing.
func (s *server) checkQuery(r *http.Request) error {
	sent, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errQueryUnreadable
	}
	var known []string
	if operation := s.operationOf(r); operation != nil {
		for _, parameter := range operation.Parameters {
			if parameter.Value.In == openapi3.ParameterInQuery {
				known = append(known, parameter.Value.Name)
			}
		}
	}
	var unknown []problem.Field
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if slices.Contains(known, name) {
			continue
		}
		message := "this takes no query parameters"
		if len(known) > 0 {
			message = "there is no such parameter; there are: " + strings.Join(known, ", ")
		}
		unknown = append(unknown, problem.Field{Path: name, Message: message})
	}
	if len(unknown) > 0 {
		return problem.InvalidFields(codeParametersInvalid, unknown...)
	}
	return nil
}

func (s *server) callerOf(ctx context.Context, authorization string) (query.Caller, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return query.Caller{}, errTokenUnknown
	}
	caller, err := s.application.Queries.CallerOf(ctx, token)
	if known, ok := problem.Of(err); ok && known.Kind() == problem.KindUnauthorized {
		return query.Caller{}, errTokenUnknown
	}
	return caller, err
}

// waitFor waits until the read tables show what the caller says they have to.
func (s *server) waitFor(r *http.Request) error {
	raw := r.Header.Get(headerWaitFor)
	if raw == "" {
		return nil
	}
	position, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || position < 1 {
		return problem.InvalidFields(codeParametersInvalid, problem.Field{
			Path: headerWaitFor, Message: "a position is the " + headerPosition + " of an earlier answer",
		})
	}
	ctx, cancel := context.WithTimeout(r.Context(), waitTimeout)
	defer cancel()
	return s.application.Queries.WaitFor(ctx, position)
}

// callerOf is who makes the request.
func callerOf(ctx context.Context) query.Caller {
	return ctx.Value(callerKey).(query.Caller) // without a caller, nothing may be answered
}

// workspaceOf is the workspace of the caller, which everything is asked and done in.
func workspaceOf(ctx context.Context) uuid.UUID { return callerOf(ctx).WorkspaceID }

// seen is a record as the caller may see it: masked for whoever only reads. Whatever holds phones or emails is answered
// by way of it, or of seenList.
func seen[T query.Maskable[T]](ctx context.Context, record T) T {
	if seesContacts(ctx) {
		return record
	}
	return record.Masked()
}

// seenList is a list of records as the caller may see them.
func seenList[T query.Maskable[T]](ctx context.Context, list query.List[T]) query.List[T] {
	if seesContacts(ctx) {
		return list
	}
	return query.MaskedList(list)
}

// seesContacts tells that the caller may know phones and emails.
func seesContacts(ctx context.Context) bool { return callerOf(ctx).Role != workspace.RoleViewer }

// byOf is the caller as one who gives commands.
func byOf(ctx context.Context) command.By {
	caller := callerOf(ctx)
	once, _ := ctx.Value(onceKey).(*command.Once)
	return command.By{WorkspaceID: caller.WorkspaceID, Actor: event.ActorAPI(caller.TokenName), Once: once}
}
