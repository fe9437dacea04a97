package query

import (
	"encoding/base64"
	"strconv"

	"orderbridge/domain/problem"
)

const (
	// DefaultLimit and MaxLimit bound how much of a list is given at once.
	DefaultLimit = 50
	MaxLimit     = 200
)

// ParsePage reads a page from what a caller sent: a limit of 0 is the default, an empty cursor the first page.
func ParsePage(limit int, cursor string) (Page, error) {
	page := Page{Limit: limit}
	if limit == 0 {
		page.Limit = DefaultLimit
	}
	if page.Limit < 1 || page.Limit > MaxLimit {
		return Page{}, problem.InvalidFields("page-invalid", problem.Field{Path: "limit", Message: "a limit is 1 to 200"})
	}
	if cursor == "" {
		return page, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		page.Before, err = strconv.ParseInt(string(raw), 10, 64)
	}
	if err != nil || page.Before < 1 {
		return Page{}, problem.InvalidFields("page-invalid", problem.Field{
			Path: "cursor", Message: "a cursor is the next_cursor of an earlier answer, unchanged",
		})
	}
	return page, nil
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
