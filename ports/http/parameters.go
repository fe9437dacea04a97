package http

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

const codeParametersInvalid = "parameters-invalid"

// oneOf reads a word of which there are only some.
func oneOf[T ~string](p *query.Parameters, path string, raw *T, allowed ...T) T {
	value := given(raw)
	if value != "" && !slices.Contains(allowed, value) {
		words := make([]string, 0, len(allowed))
		for _, word := range allowed {
			words = append(words, string(word))
		}
		p.Refuse(path, "this is one of: "+strings.Join(words, ", "))
	}
	return value
}

// maxTextRunes is how long a text may be that is looked for.
const maxTextRunes = 200

func text(p *query.Parameters, path string, raw *string) string {
	value := given(raw)
	if len([]rune(value)) > maxTextRunes || !isPrintable(value) {
		p.Refuse(path, "this is at most 200 visible characters")
	}
	return value
}

// messageOf says of what form a parameter is that the generated code reads.
var messageOf = map[string]string{
	"limit":        "a limit is 1 to 200",
	"id":           "an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"after_line":   "this is the number of a line",
	"active":       "this is true or false",
	"dry_run":      "this is true or false",
	"customer_id":  "a customer's id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"assignee_id":  "a user's id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"ordered_from": messageTime,
	"ordered_to":   messageTime,

	"received_from": messageTime,
	"received_to":   messageTime,
	"after":         messagePosition,
	"Last-Event-ID": messagePosition,
}

const messagePosition = "this is a position of the log, such as 2051"

const messageTime = "a time is such as 2025-09-15T03:04:38Z or, with the + encoded, 2025-09-15T10:04:38%2B07:00"

// parameterProblem says what the generated code found wrong, without its words, which repeat what was sent.
func parameterProblem(err error) error {
	const once = "this is given once, as one value"
	if repeated, ok := errors.AsType[*TooManyValuesForParamError](err); ok {
		return problem.InvalidFields(codeParametersInvalid, problem.Field{Path: repeated.ParamName, Message: once})
	}
	unreadable, ok := errors.AsType[*InvalidParamFormatError](err)
	if !ok { // no parameter of ours is required, or a cookie
		return err
	}
	message, ok := messageOf[unreadable.ParamName]
	if !ok {
		message = once
	}
	return problem.InvalidFields(codeParametersInvalid, problem.Field{Path: unreadable.ParamName, Message: message})
}

func maybe(id *uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: given(id), Valid: id != nil} }

func given[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
