package query

import (
	"encoding/base64"
	"strconv"

	"orderbridge/domain/problem"
)

const (
	// DefaultLimit is how many entries of a list are given at once when the caller does not say.
	DefaultLimit = 50
	// MaxLimit is how many entries are given at most.
	MaxLimit = 200
)

// ParsePage reads a page from what a caller sent: no limit is the default, an empty cursor the first page.
func ParsePage(limit *int, cursor string) (Page, error) {
	page := Page{Limit: DefaultLimit}
	if limit != nil {
		page.Limit = *limit
	}
	var invalid []problem.Field
	if page.Limit < 1 || page.Limit > MaxLimit {
		invalid = append(invalid, problem.Field{Path: "limit", Message: "a limit is 1 to 200"})
	}
	if cursor != "" {
		var ok bool
		if page.Before, ok = parseCursor(cursor); !ok {
			invalid = append(invalid, problem.Field{
				Path: "cursor", Message: "a cursor is the next_cursor of an earlier answer, unchanged",
			})
		}
	}
	if len(invalid) > 0 {
		return Page{}, problem.InvalidFields("page-invalid", invalid...)
	}
	return page, nil
}

func parseCursor(cursor string) (position int64, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	position, err = strconv.ParseInt(string(raw), 10, 64)
	return position, err == nil && position > 0
}

// Cursor is the opaque text for a place in a list.
func Cursor(position int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, position, 10))
}

// ListOf cuts a list that was read with one entry more than the page holds, and says where the next part begins.
func ListOf[T any](entries []T, page Page, positionOf func(T) int64) List[T] {
	if len(entries) <= page.Limit {
		if entries == nil {
			entries = []T{}
		}
		return List[T]{Items: entries}
	}
	entries = entries[:page.Limit]
	next := Cursor(positionOf(entries[len(entries)-1]))
	return List[T]{Items: entries, NextCursor: &next}
}
