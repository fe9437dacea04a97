package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
)

// eventWindow is how much of the log is looked at for one part of a workspace's events, which may be few of it or none.
const eventWindow = 10_000

// Events reads a part of a workspace's events. A part may be empty though more follow; NextAfter has passed over what was
// looked at. Behind the head nothing is to be read.
func (r ReadModel) Events(ctx context.Context, workspaceID uuid.UUID, filter query.EventFilter) (query.EventPage, error) {
	head, err := queries.Head(ctx, r.db.requests) // first: what is in the log up to there stays as it is
	if err != nil {
		return query.EventPage{}, unavailable(err)
	}
	if filter.After > head {
		return query.EventPage{}, query.ErrEventsAfterHead(head)
	}
	end := head
	if filter.Upto != 0 {
		end = min(end, filter.Upto)
	}
	page := query.EventPage{Items: []query.Event{}, NextAfter: filter.After, Head: head}
	upto := min(end, filter.After+eventWindow)
	byPerson := filter.Actor != "" && filter.Actor.IsPerson()
	if byPerson { // an index knows where they are, however far apart
		upto = end
	}
	if upto <= filter.After {
		return page, nil
	}
	params := dbsqlc.EventsOfParams{
		After: filter.After, Upto: upto, WorkspaceID: workspaceID, Types: append([]string{}, filter.Types...), // never NULL
		Actor: string(filter.Actor), AtMost: int32(filter.Limit), //nolint:gosec // a part is small
	}
	var rows []dbsqlc.EventsOfRow
	err = r.db.inOrder(ctx, func(tx dbsqlc.DBTX) error {
		if byPerson {
			rows, err = eventsBy(ctx, tx, params)
		} else {
			rows, err = queries.EventsOf(ctx, tx, params)
		}
		return err
	})
	if err != nil {
		return query.EventPage{}, unavailable(err)
	}
	for _, row := range rows {
		e, err := recorded(dbsqlc.StreamRow(row))
		if err != nil { // of a newer release, or a mistake: whoever follows the log must not stop there
			e = undecoded(dbsqlc.StreamRow(row))
		}
		page.Items = append(page.Items, query.EventOf(e))
	}
	page.NextAfter = upto
	if len(rows) == filter.Limit {
		page.NextAfter = rows[len(rows)-1].Position
	}
	return page, nil
}

// eventsBy is EventsOf with another index.
func eventsBy(ctx context.Context, tx dbsqlc.DBTX, params dbsqlc.EventsOfParams) ([]dbsqlc.EventsOfRow, error) {
	found, err := queries.EventsBy(ctx, tx, dbsqlc.EventsByParams{
		WorkspaceID: params.WorkspaceID, Actor: params.Actor, After: params.After, Upto: params.Upto, Types: params.Types, AtMost: params.AtMost,
	})
	rows := make([]dbsqlc.EventsOfRow, 0, len(found))
	for _, row := range found {
		rows = append(rows, dbsqlc.EventsOfRow(row))
	}
	return rows, err
}

// EventTypes are the names of all events that the log can hold.
func (ReadModel) EventTypes() []string { return slices.Sorted(maps.Keys(decoders)) }
