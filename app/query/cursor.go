package query

import (
	"encoding/base64"
	"strconv"

	"github.com/google/uuid"

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
	var page Page
	var err error
	page.Limit, err = parsePage(limit, cursor, func() (ok bool) {
		page.Before, ok = parseCursor(cursor)
		return ok
	})
	return page, err
}

// IDPage asks for a part of a list whose records are no events: newest first, at most Limit entries, those before the cursor.
type IDPage struct {
	Limit int
	// Before is the id that a cursor stands for; the highest for the first page.
	Before uuid.UUID
}

// ParseIDPage reads such a page from what a caller sent.
func ParseIDPage(limit *int, cursor string) (IDPage, error) {
	page := IDPage{Before: uuid.Max}
	var err error
	page.Limit, err = parsePage(limit, cursor, func() bool {
		var err error
		page.Before, err = uuid.Parse(cursor)
		return err == nil
	})
	return page, err
}

// parsePage reads how many entries are asked for, and lets parse read the cursor when there is one.
func parsePage(limit *int, cursor string, parse func() bool) (int, error) {
	atMost := DefaultLimit
	if limit != nil {
		atMost = *limit
	}
	var invalid []problem.Field
	if atMost < 1 || atMost > MaxLimit {
		invalid = append(invalid, problem.Field{Path: "limit", Message: "a limit is 1 to 200"})
	}
	if cursor != "" && !parse() {
		invalid = append(invalid, cursorInvalid)
	}
	if len(invalid) > 0 {
		return 0, problem.InvalidFields("page-invalid", invalid...)
	}
	return atMost, nil
}

var cursorInvalid = problem.Field{Path: "cursor", Message: "a cursor is the next_cursor of an earlier answer, unchanged"}

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

// IDListOf does the same with records that have an id and no position.
func IDListOf[T any](entries []T, page IDPage, idOf func(T) uuid.UUID) List[T] {
	if len(entries) <= page.Limit {
		return List[T]{Items: entries}
	}
	entries = entries[:page.Limit]
	next := idOf(entries[len(entries)-1]).String()
	return List[T]{Items: entries, NextCursor: &next}
}
