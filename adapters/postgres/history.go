package postgres

import (
	"context"
	"math"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// History reads the log for timelines, and for records as they were.
type History struct{ db *Database }

var _ query.History = History{}

// NewHistory makes the history.
func NewHistory(db *Database) History { return History{db: db} }

// Whole returns all of a stream.
func (h History) Whole(ctx context.Context, workspaceID uuid.UUID, stream event.Stream) ([]event.Recorded, error) {
	return loadStream(ctx, h.db.requests, workspaceID, stream)
}

// Stream returns a part of a stream.
func (h History) Stream(ctx context.Context, workspaceID uuid.UUID, stream event.Stream, from int64, atMost int) ([]event.Recorded, error) {
	rows, err := queries.StreamFrom(ctx, h.db.requests, dbsqlc.StreamFromParams{
		WorkspaceID: workspaceID, Stream: string(stream), FromPosition: from, AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	return recordedAll(rows, err)
}

// OfOrder returns what concerns an order.
func (h History) OfOrder(
	ctx context.Context, workspaceID uuid.UUID, stream event.Stream, codes []string, from int64, atMost int,
) ([]event.Recorded, error) {
	rows, err := queries.OrderTimeline(ctx, h.db.requests, dbsqlc.OrderTimelineParams{
		WorkspaceID: workspaceID, Stream: string(stream), OrderCodes: codes, Deliveries: query.MaxSources, FromPosition: from,
		AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	return recordedAll(rows, err)
}

// OfCustomer returns what concerns a customer.
func (h History) OfCustomer(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error) {
	rows, err := queries.CustomerTimeline(ctx, h.db.requests, dbsqlc.CustomerTimelineParams{
		WorkspaceID: workspaceID, CustomerID: id, Sources: query.MaxSources, FromPosition: from,
		AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	return recordedAll(rows, err)
}

// OfUser returns what concerns a user.
func (h History) OfUser(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error) {
	rows, err := queries.UserTimeline(ctx, h.db.requests, dbsqlc.UserTimelineParams{
		WorkspaceID: workspaceID, Stream: string(event.UserStream(id)), UserID: id, Orders: query.MaxSources, FromPosition: from,
		AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	return recordedAll(rows, err)
}

// OfProjection returns what was decided about a projection.
func (h History) OfProjection(ctx context.Context, name string, from int64, atMost int) ([]event.Recorded, error) {
	rows, err := queries.ProjectionTimeline(ctx, h.db.requests, dbsqlc.ProjectionTimelineParams{
		Stream: string(event.ProjectionStream(name)), FromPosition: from, AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	return recordedAll(rows, err)
}

// OfActor returns what an actor caused, the latest first.
func (h History) OfActor(ctx context.Context, workspaceID uuid.UUID, actor event.Actor, before int64, atMost int) ([]event.Recorded, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	var rows []dbsqlc.LatestEventsByRow
	err := h.db.inOrder(ctx, func(tx dbsqlc.DBTX) (err error) {
		rows, err = queries.LatestEventsBy(ctx, tx, dbsqlc.LatestEventsByParams{
			WorkspaceID: workspaceID, Actor: string(actor), Before: before, AtMost: int32(atMost), //nolint:gosec // a page is small
		})
		return err
	})
	return recordedAll(rows, err)
}

// Unsettled returns the last events of deliveries of an order that are yet to be brought in.
func (h History) Unsettled(ctx context.Context, workspaceID uuid.UUID, codes []string) ([]event.Recorded, error) {
	rows, err := queries.UnsettledDeliveries(ctx, h.db.requests, dbsqlc.UnsettledDeliveriesParams{
		WorkspaceID: workspaceID, OrderCodes: codes, AtMost: query.MaxLimit,
	})
	return recordedAll(rows, err)
}

// OrderOrigin finds an order of the CRM.
func (h History) OrderOrigin(ctx context.Context, workspaceID uuid.UUID, code string) (query.OrderOrigin, error) {
	row, err := queries.OrderOrigin(ctx, h.db.requests, dbsqlc.OrderOriginParams{WorkspaceID: workspaceID, Code: code})
	if err != nil {
		return query.OrderOrigin{}, found(err, errOrderUnknown)
	}
	return query.OrderOrigin{
		ShopID: row.ShopID, ExternalID: row.ExternalID, Status: row.StatusName,
		Customer: query.Reference{ID: row.CustomerID, Name: row.CustomerName}, ReceivedAt: row.ReceivedAt.UTC(), CreatedAt: row.CreatedAt.UTC(),
	}, nil
}

// LastOutcome is what became last of an order's deliveries.
func (h History) LastOutcome(ctx context.Context, workspaceID uuid.UUID, code string) (query.Outcome, error) {
	outcome, err := queries.LastDeliveryOf(ctx, h.db.requests, dbsqlc.LastDeliveryOfParams{WorkspaceID: workspaceID, OrderCode: code})
	return query.Outcome(outcome), found(err, errOrderUnknown)
}

// Head is the position of the newest event.
func (h History) Head(ctx context.Context) (int64, error) {
	head, err := queries.Head(ctx, h.db.requests)
	return head, unavailable(err)
}

var errOrderUnknown = problem.NotFound("order-unknown", "no order has this code")

// eventRow are the rows of events that queries return.
type eventRow interface {
	dbsqlc.StreamRow | dbsqlc.StreamFromRow | dbsqlc.OrderTimelineRow | dbsqlc.CustomerTimelineRow | dbsqlc.UserTimelineRow |
		dbsqlc.ProjectionTimelineRow | dbsqlc.UnsettledDeliveriesRow | dbsqlc.CorrelatedRow | dbsqlc.LatestEventsByRow
}

// recordedAll reads events as a query returned them.
func recordedAll[Row eventRow](rows []Row, err error) ([]event.Recorded, error) {
	if err != nil {
		return nil, unavailable(err)
	}
	events := make([]event.Recorded, 0, len(rows))
	for _, row := range rows {
		e, err := recorded(dbsqlc.StreamRow(row))
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}
