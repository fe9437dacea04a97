package http

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

const (
	// maxCommandBytes is how large the body of a command may be.
	maxCommandBytes = 1 << 20
	// settleTimeout is how long a command waits for the read tables to show it. Beyond it the caller has the position.
	settleTimeout = 2 * time.Second
)

// changing is a route that changes something: its body is held against the contract before it is decoded, and a request
// with an Idempotency-Key is done once, whether its answer arrives or not.
func (s *server) changing(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.authenticated(needed, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.cfg.Readable(); err != nil { // it is answered with what the read tables show
			return err
		}
		body, refusal := readBody(w, r, maxCommandBytes, func(int64) bool { return true })
		if refusal != nil {
			return refusal
		}
		return s.once(w, r, body, func(w http.ResponseWriter, r *http.Request) error {
			if err := s.checkCommand(r, body); err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next(w, r)
			return nil
		})
	})
}

// settle waits for the read tables to show what the answer tells, such as what a command did, so that its caller sees it in
// the next answer, whichever instance gives that one.
func (c api) settle(ctx context.Context, position int64) {
	if position == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = c.queries.WaitFor(ctx, position) // what is told is so all the same, and a read can wait for longer
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
