package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Delivery returns one delivery.
func (r ReadModel) Delivery(ctx context.Context, workspaceID, id uuid.UUID) (query.Delivery, error) {
	row, err := queries.Delivery(ctx, r.db.requests, dbsqlc.DeliveryParams{WorkspaceID: workspaceID, ID: id})
	if err != nil {
		return query.Delivery{}, found(err, delivery.ErrUnknown)
	}
	return deliveryOf(dbsqlc.DeliveriesPageRow(row)), nil
}

// Deliveries returns a part of the list of deliveries, the last to arrive first.
func (r ReadModel) Deliveries(
	ctx context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter, page query.Page,
) (query.List[query.Delivery], error) {
	narrowed := narrowedBy(filter)
	if narrowed.nothing {
		return query.List[query.Delivery]{Items: []query.Delivery{}}, nil
	}
	beforeAt, err := r.deliveredAt(ctx, workspaceID, page.Before)
	if err != nil {
		return query.List[query.Delivery]{}, err
	}
	params := dbsqlc.DeliveriesPageParams{
		WorkspaceID: workspaceID, BeforeAt: beforeAt, Before: page.Before, Reason: filter.Reason, ShopID: filter.ShopID,
		OrderCode: filter.OrderCode, OrderCodeLike: narrowed.codeLike,
		ReceivedFrom: nullableTime(filter.ReceivedFrom), ReceivedTo: nullableTime(filter.ReceivedTo), AtMost: atMost(page),
	}
	var rows []dbsqlc.DeliveriesPageRow
	if narrowed.terms != "" {
		rows, err = r.searchDeliveries(ctx, narrowed, params)
	} else {
		err = r.narrowly(ctx, narrowed, func(tx dbsqlc.DBTX) error {
			rows, err = deliveriesPage(ctx, tx, narrowed.outcomes, params)
			return err
		})
	}
	if err != nil {
		return query.List[query.Delivery]{}, unavailable(err)
	}
	return listOf(rows, page, func(row dbsqlc.DeliveriesPageRow) int64 { return row.ReceivedPosition }, deliveryOf), nil
}

// deliveriesPage reads a list as a whole, or puts it together from the beginning of that of each outcome. These are read one by one, since
// each has to be planned for its outcome: a server that is told to read any outcome thinks that it is a common one, and looks through all
// deliveries for one that none has.
func deliveriesPage(
	ctx context.Context, tx dbsqlc.DBTX, outcomes []string, params dbsqlc.DeliveriesPageParams,
) (rows []dbsqlc.DeliveriesPageRow, err error) {
	if len(outcomes) == 0 {
		return queries.DeliveriesPage(ctx, tx, params)
	}
	for _, outcome := range outcomes {
		params.Outcome = outcome
		piece, err := queries.DeliveriesPage(ctx, tx, params)
		if err != nil {
			return nil, err
		}
		rows = append(rows, piece...)
	}
	return latestOf(rows, params.AtMost), nil
}

// latestOf are the latest of deliveries of several lists, in the order of one.
func latestOf(rows []dbsqlc.DeliveriesPageRow, atMost int32) []dbsqlc.DeliveriesPageRow {
	slices.SortFunc(rows, func(a, b dbsqlc.DeliveriesPageRow) int {
		return cmp.Or(b.ReceivedAt.Compare(a.ReceivedAt), cmp.Compare(b.ReceivedPosition, a.ReceivedPosition))
	})
	return rows[:min(len(rows), int(atMost))]
}

// narrowly reads what a filter finds: in the order of an index, unless the beginning of a code is looked up that few have.
func (r ReadModel) narrowly(ctx context.Context, narrowed narrowing, read func(dbsqlc.DBTX) error) error {
	if narrowed.codeLike != "" {
		return r.db.byIndex(ctx, read)
	}
	return r.db.inOrder(ctx, read)
}

// deliveredAt is when the delivery came whose position a cursor is; nil without a cursor.
func (r ReadModel) deliveredAt(ctx context.Context, workspaceID uuid.UUID, position int64) (*time.Time, error) {
	if position == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	at, err := queries.DeliveredAt(ctx, r.db.requests, dbsqlc.DeliveredAtParams{Position: position, WorkspaceID: workspaceID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoSuchCursor
	}
	return &at, unavailable(err)
}

var errNoSuchCursor = problem.InvalidFields("page-invalid", problem.Field{
	Path: "cursor", Message: "a cursor is the next_cursor of an earlier answer, unchanged",
})

// DeliveryCounts counts deliveries by outcome, up to query.MaxCounted of each: those that the filter wants.
func (r ReadModel) DeliveryCounts(ctx context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter) (query.DeliveryCounts, error) {
	narrowed := narrowedBy(filter)
	counts := query.DeliveryCounts{Items: []query.OutcomeCount{}}
	for _, outcome := range query.Outcomes() {
		if filter.Wants(outcome) {
			counts.Items = append(counts.Items, query.OutcomeCount{Outcome: outcome})
		}
	}
	if narrowed.nothing {
		return counts, nil
	}
	params := dbsqlc.CountDeliveriesParams{
		WorkspaceID: workspaceID, Reason: filter.Reason, ShopID: filter.ShopID, OrderCode: filter.OrderCode,
		OrderCodeLike: narrowed.codeLike, ReceivedFrom: nullableTime(filter.ReceivedFrom), ReceivedTo: nullableTime(filter.ReceivedTo),
		AtMost: query.MaxCounted + 1,
	}
	var err error
	if narrowed.terms != "" {
		err = r.countSearched(ctx, narrowed, params, counts.Items)
	} else {
		err = r.narrowly(ctx, narrowed, func(tx dbsqlc.DBTX) error { return countDeliveries(ctx, tx, params, counts.Items) })
	}
	return counts, unavailable(err)
}

func countDeliveries(ctx context.Context, tx dbsqlc.DBTX, params dbsqlc.CountDeliveriesParams, counts []query.OutcomeCount) error {
	for i := range counts {
		params.Outcome = string(counts[i].Outcome)
		count, err := queries.CountDeliveries(ctx, tx, params)
		if err != nil {
			return err
		}
		counts[i].Count, counts[i].Capped = int(min(count, query.MaxCounted)), count > query.MaxCounted
	}
	return nil
}

// narrowing is a filter in the words of the table.
type narrowing struct {
	codeLike, terms string
	// namesOne tells that hardly any delivery has the terms.
	namesOne bool
	// outcomes are those that a list is put together from; none when it is read as a whole. A shop and a reason have an index
	// behind the outcome only.
	outcomes []string
	// nothing tells that something was asked for that nothing can be.
	nothing bool
}

func narrowedBy(filter query.DeliveryFilter) narrowing {
	n := narrowing{terms: deliveryTerms(filter), namesOne: filter.NamesOne(), nothing: filter.Search.Given && searchTerms(filter.Search) == ""}
	if filter.OrderCodePrefix != "" {
		n.codeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(filter.OrderCodePrefix) + "%"
	}
	outcomes := filter.Outcomes
	if len(outcomes) == 0 && (filter.ShopID != "" || filter.Reason != "") && n.codeLike == "" && filter.OrderCode == "" {
		outcomes = query.Outcomes()
	}
	for _, outcome := range outcomes {
		n.outcomes = append(n.outcomes, string(outcome))
	}
	return n
}

func deliveryOf(row dbsqlc.DeliveriesPageRow) query.Delivery {
	return query.Delivery{
		ID: row.ID, ReceivedAt: row.ReceivedAt.In(time.UTC), ShopID: row.ShopID, OrderCode: row.OrderCode,
		Outcome: query.Outcome(row.Outcome), Reason: row.Reason,
	}
}

// DeliveryBody returns the exact bytes that a delivery brought.
func (r ReadModel) DeliveryBody(ctx context.Context, workspaceID, id uuid.UUID) ([]byte, error) {
	body, err := queries.DeliveredBody(ctx, r.db.requests, dbsqlc.DeliveredBodyParams{
		WorkspaceID: workspaceID, Stream: string(event.DeliveryStream(id)),
	})
	if err != nil {
		return nil, found(err, delivery.ErrUnknown)
	}
	if body == nil {
		return nil, errBodyNotKept
	}
	return body, nil
}

var errBodyNotKept = problem.NotFound(delivery.BodyNotKept,
	"there are no bytes of this delivery: it was refused before its body was read, or they were erased with somebody's personal data")
