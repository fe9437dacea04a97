package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
)

// Overview tells what goes on just now, from the read tables.
type Overview struct{ read ReadModel }

var _ query.Overview = Overview{}

// NewOverview makes it.
func NewOverview(db *Database) Overview { return Overview{read: NewReadModel(db)} }

// Today tells of a day.
func (o Overview) Today(ctx context.Context, workspaceID uuid.UUID, day query.Day) (query.Today, error) {
	sales, err := o.sales(ctx, workspaceID, day)
	if err != nil {
		return query.Today{}, unavailable(err)
	}
	arrived, err := queries.DeliveriesBetween(ctx, o.read.db.lookUps, dbsqlc.DeliveriesBetweenParams{
		WorkspaceID: workspaceID, Since: day.Begin, Until: day.End,
	})
	if err != nil {
		return query.Today{}, unavailable(err)
	}
	last, err := o.lastDeliveries(ctx, workspaceID)
	return query.Today{
		Sales: sales, Received: arrived.Received, CustomersCreated: arrived.CustomersCreated, CustomersMatched: arrived.CustomersMatched,
		LastDeliveries: last,
	}, unavailable(err)
}

// lastDeliveries are the last of each connected shop, whatever became of it.
func (o Overview) lastDeliveries(ctx context.Context, workspaceID uuid.UUID) (map[string]query.LastDelivery, error) {
	shops, err := queries.ShopIDs(ctx, o.read.db.lookUps, workspaceID)
	last := make(map[string]query.LastDelivery, len(shops))
	for _, shopID := range shops {
		found, err := o.read.Deliveries(ctx, workspaceID, query.DeliveryFilter{ShopID: shopID}, query.Page{Limit: 1})
		if err != nil {
			return nil, err
		}
		for _, one := range found.Items {
			last[shopID] = query.LastDelivery{ID: one.ID, ReceivedAt: one.ReceivedAt}
		}
	}
	return last, err
}

// sales are those of a day; nil where the read table is yet to be built, which nothing else waits for.
func (o Overview) sales(ctx context.Context, workspaceID uuid.UUID, day query.Day) ([]query.Sales, error) {
	rows, err := queries.SalesOfDay(ctx, o.read.db.requests, dbsqlc.SalesOfDayParams{WorkspaceID: workspaceID, Day: day.Date})
	if hasCode(err, "42P01") { // undefined table
		return nil, nil
	}
	sales := make([]query.Sales, 0, len(rows))
	for _, row := range rows {
		sales = append(sales, query.Sales{Currency: row.Currency, Orders: row.Orders, Goods: row.GoodsValue, Cancelled: row.Cancelled})
	}
	return sales, err
}

// DeliveriesByMinute are the minutes in which deliveries arrived.
func (o Overview) DeliveriesByMinute(ctx context.Context, workspaceID uuid.UUID, since time.Time) ([]query.MinuteCount, error) {
	rows, err := queries.DeliveriesByMinute(ctx, o.read.db.lookUps, dbsqlc.DeliveriesByMinuteParams{WorkspaceID: workspaceID, Since: since})
	minutes := make([]query.MinuteCount, 0, len(rows))
	for _, row := range rows {
		minutes = append(minutes, query.MinuteCount{Minute: row.Minute.In(time.UTC), Received: row.Received})
	}
	return minutes, unavailable(err)
}

// ProcessingTimes tells how long it took to decide what becomes of deliveries.
func (o Overview) ProcessingTimes(ctx context.Context, workspaceID uuid.UUID, since time.Time) (query.ProcessingTimes, error) {
	rows, err := queries.ProcessingTimes(ctx, o.read.db.lookUps, dbsqlc.ProcessingTimesParams{
		WorkspaceID: workspaceID, Since: since, AtMost: query.MaxTimed,
	})
	var times query.ProcessingTimes
	for _, row := range rows {
		took := query.Percentiles{P50: row.P50, P95: row.P95}
		if row.OfAll {
			times.All = &took
		} else {
			times.Minutes = append(times.Minutes, query.MinuteTimes{Minute: row.Minute.In(time.UTC), Percentiles: took})
		}
	}
	return times, unavailable(err)
}

// CustomersMet are the customers that deliveries of a day found.
func (o Overview) CustomersMet(
	ctx context.Context, workspaceID uuid.UUID, how query.CustomerFound, day query.Day, page query.Page,
) (query.List[query.CustomerMet], error) {
	beforeAt, err := o.read.deliveredAt(ctx, workspaceID, page.Before)
	if err != nil {
		return query.List[query.CustomerMet]{}, err
	}
	rows, err := queries.CustomersMet(ctx, o.read.db.lookUps, dbsqlc.CustomersMetParams{
		WorkspaceID: workspaceID, BeforeAt: beforeAt, Before: page.Before, Since: day.Begin, Until: day.End, Found: string(how),
		AtMost: atMost(page),
	})
	if err != nil {
		return query.List[query.CustomerMet]{}, unavailable(err)
	}
	return listOf(rows, page, func(row dbsqlc.CustomersMetRow) int64 { return row.ReceivedPosition }, customerMetOf), nil
}

func customerMetOf(row dbsqlc.CustomersMetRow) query.CustomerMet {
	return query.CustomerMet{
		DeliveryID: row.ID, ReceivedAt: row.ReceivedAt.In(time.UTC), OrderCode: valueOf(row.OrderCode), CustomerID: row.CustomerID,
		Name: row.Name, Phone: query.FirstOrNull(row.Phones),
	}
}
