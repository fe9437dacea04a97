// Package problem holds the errors that a caller may see: a stable code that programs decide on, a sentence that a
// person can act on, and a kind from which each port picks its own status. Every other error is internal: whole in
// the log, unnamed outside.
package problem

import (
	"errors"
	"fmt"
)

// Kind is what sort of trouble it is.
type Kind struct{ name string }

// String is the kind's name, for logs.
func (k Kind) String() string { return k.name }

// The kinds of problem.
var (
	KindMalformed    = Kind{"malformed"}    // cannot be read at all
	KindInvalid      = Kind{"invalid"}      // was read, and breaks a rule
	KindUnauthorized = Kind{"unauthorized"} // nobody we know
	KindForbidden    = Kind{"forbidden"}    // somebody we know, who may not
	KindNotFound     = Kind{"not found"}
	KindConflict     = Kind{"conflict"} // something else is in the way
	KindStale        = Kind{"stale"}    // what the caller saw is no longer so
	KindTooLarge     = Kind{"too large"}
	KindUnsupported  = Kind{"unsupported"} // in a form that is not taken
	KindUnavailable  = Kind{"unavailable"} // try again later
)

// Error is a problem that the caller may see. Neither code nor message ever holds a secret, or personal data beyond the
// name of a record that is in the caller's way.
type Error struct {
	kind    Kind
	code    string
	message string
	fields  []Field
	cause   error
}

// Field is one invalid field of an input: its path, and what is wrong with it.
type Field struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Error is the sentence for the caller.
func (e *Error) Error() string { return e.message }

// Unwrap gives the internal cause, which only the log shows.
func (e *Error) Unwrap() error { return e.cause }

// Kind is what sort of trouble it is.
func (e *Error) Kind() Kind { return e.kind }

// Code is the stable slug, such as "order-unknown".
func (e *Error) Code() string { return e.code }

// Fields lists the invalid fields, when the problem is about particular ones.
func (e *Error) Fields() []Field { return e.fields }

// Because returns the problem with its internal cause attached.
func (e *Error) Because(cause error) *Error {
	withCause := *e
	withCause.cause = cause
	return &withCause
}

// Is holds for problems of the same code, so that a problem with a cause still equals its original.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.code == e.code
}

// Of finds the problem in an error's chain.
func Of(err error) (*Error, bool) {
	var problem *Error
	ok := errors.As(err, &problem)
	return problem, ok
}

func newError(kind Kind, code, format string, args ...any) *Error {
	return &Error{kind: kind, code: code, message: fmt.Sprintf(format, args...)}
}

// Malformed is input that cannot be read at all.
func Malformed(code, format string, args ...any) *Error {
	return newError(KindMalformed, code, format, args...)
}

// Invalid is input that was read and breaks a rule.
func Invalid(code, format string, args ...any) *Error {
	return newError(KindInvalid, code, format, args...)
}

// InvalidFields is input of which particular fields break a rule; all of them are listed.
func InvalidFields(code string, fields ...Field) *Error {
	e := newError(KindInvalid, code, "some fields are not valid")
	e.fields = fields
	if len(fields) > 0 {
		e.message = fields[0].Path + ": " + fields[0].Message
	}
	return e
}

// Unauthorized is a caller whom we do not know.
func Unauthorized(code, format string, args ...any) *Error {
	return newError(KindUnauthorized, code, format, args...)
}

// Forbidden is a caller whom we know and who may not do this.
func Forbidden(code, format string, args ...any) *Error {
	return newError(KindForbidden, code, format, args...)
}

// NotFound is a thing that does not exist, or that the caller may not know of.
func NotFound(code, format string, args ...any) *Error {
	return newError(KindNotFound, code, format, args...)
}

// Conflict is a request that something else stands in the way of.
func Conflict(code, format string, args ...any) *Error {
	return newError(KindConflict, code, format, args...)
}

// Stale is a change of something that changed since the caller saw it.
func Stale(code, format string, args ...any) *Error {
	return newError(KindStale, code, format, args...)
}

// TooLarge is input beyond the size that is taken.
func TooLarge(code, format string, args ...any) *Error {
	return newError(KindTooLarge, code, format, args...)
}

// Unsupported is input in a form that is not taken.
func Unsupported(code, format string, args ...any) *Error {
	return newError(KindUnsupported, code, format, args...)
}

// Unavailable is a request that may succeed later.
func Unavailable(code, format string, args ...any) *Error {
	return newError(KindUnavailable, code, format, args...)
}
