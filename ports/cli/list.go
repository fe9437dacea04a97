package cli

import (
	"encoding"
	"errors"

	"github.com/google/uuid"

	"orderbridge/app/query"
)

// recordID is the id of a record, as an operator types it.
type recordID uuid.UUID

var _ encoding.TextUnmarshaler = (*recordID)(nil)

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *recordID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err != nil {
		return errors.New("an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11")
	}
	*id = recordID(parsed)
	return nil
}

// maybe is the id of what a list is narrowed to, if it was given.
func (id recordID) maybe() uuid.NullUUID {
	return uuid.NullUUID{UUID: uuid.UUID(id), Valid: id != recordID(uuid.Nil)}
}

// paging is embedded by lists that may be long.
type paging struct {
	Limit  int    `default:"${default_limit}" help:"How many entries to show, 1 to ${max_limit}." placeholder:"${default_limit}"`
	Cursor string `help:"Show what follows: the next_cursor of an earlier answer." placeholder:"CURSOR"`
}

// showList prints a part of a list. What is said about it beside the entries goes to standard error, so that counting
// the lines of the output counts the entries and their titles.
func showList[T any](rt *Runtime, asJSON bool, list query.List[T], noun string, shape []column, row func(T) []string) error {
	if list.Items == nil {
		list.Items = []T{}
	}
	if err := rt.show(asJSON, list, func(p *page) {
		if len(list.Items) == 0 {
			return
		}
		rows := make([][]string, 0, len(list.Items))
		for _, item := range list.Items {
			rows = append(rows, row(item))
		}
		p.table(shape, rows)
	}); err != nil || asJSON {
		return err
	}
	if len(list.Items) == 0 {
		rt.notef("No %s.", noun)
	}
	if list.NextCursor != nil {
		rt.notef("There are more. For those that follow, add: --cursor %s", *list.NextCursor)
	}
	return nil
}
