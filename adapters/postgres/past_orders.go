package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// PastOrders finds orders in the read tables, and assigns them by what the log has of them.
type PastOrders struct{ db *Database }

var _ command.PastOrders = PastOrders{}

// NewPastOrders makes the store.
func NewPastOrders(db *Database) PastOrders { return PastOrders{db: db} }

// CatchUp brings the read tables up to what is in the log now and what is on its way there.
func (s PastOrders) CatchUp(ctx context.Context) error {
	// A slice of orders that is being decided on holds its consumer's cursor. The next one will see the mapping.
	if err := queries.PassCursor(ctx, s.db.requests, policy.OnOrderReceivedName); err != nil {
		return unavailable(err)
	}
	return s.db.CatchUp(ctx)
}

// Count is how many orders of a member of a shop's staff nobody was found for.
func (s PastOrders) Count(ctx context.Context, workspaceID uuid.UUID, staffKey string) (int, error) {
	count, err := queries.CountPastOrders(ctx, s.db.requests, dbsqlc.CountPastOrdersParams{WorkspaceID: workspaceID, StaffKey: staffKey})
	return int(count), unavailable(err)
}

// Of lists these orders, in the order in which they came to the CRM.
func (s PastOrders) Of(ctx context.Context, workspaceID uuid.UUID, staffKey string, after int64, atMost int) ([]command.PastOrder, error) {
	rows, err := queries.PastOrders(ctx, s.db.requests, dbsqlc.PastOrdersParams{
		WorkspaceID: workspaceID, StaffKey: staffKey, After: after, AtMost: int32(atMost), //nolint:gosec // a chunk is small
	})
	if err != nil {
		return nil, unavailable(err)
	}
	orders := make([]command.PastOrder, 0, len(rows))
	for _, row := range rows {
		orders = append(orders, command.PastOrder{
			Key:      command.OrderKey{WorkspaceID: workspaceID, ShopID: row.ShopID, OrderID: row.ExternalID},
			Position: row.CreatedPosition,
		})
	}
	return orders, nil
}

// Reassign lets decide look at each order as the log has it now, and stores the outcome. The orders are locked, so that a
// delivery of one waits and is then decided on what came of this.
func (s PastOrders) Reassign(
	ctx context.Context, by command.By, orders []command.PastOrder, decide func(order.Record) (order.OrderReassigned, bool),
) (changed int, position int64, err error) {
	keys := make([]command.OrderKey, 0, len(orders))
	for _, past := range orders {
		keys = append(keys, past.Key)
	}
	slices.SortFunc(keys, compareOrderKeys) // so that two writers wait instead of deadlocking
	correlation := event.NewID()
	position, err = s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		heads, err := lockedHeads(ctx, tx, keys)
		if err != nil {
			return nil, err
		}
		decided := command.Decided{Orders: map[command.OrderKey]command.OrderHead{}}
		for _, key := range keys {
			head := heads[key]
			if head.Known.Record == nil {
				continue
			}
			payload, changes := decide(*head.Known.Record)
			if !changes {
				continue
			}
			record := payload.Record()
			head.StreamVersion++
			head.StateVersion, head.Known.Record = head.StreamVersion, &record
			decided.Orders[key] = head
			decided.Events = append(decided.Events, event.New{
				ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: event.OrderStream(key.ShopID, key.OrderID),
				Version: head.StreamVersion, Actor: by.Actor, CorrelationID: correlation, Payload: payload,
			})
		}
		changed = len(decided.Events)
		return decided.Events, queueOrderHeads(ctx, p, decided)
	})
	if err != nil {
		return 0, 0, err
	}
	return changed, position, nil
}

// lockedHeads locks orders in the order of their keys, and then reads where their streams stand.
func lockedHeads(ctx context.Context, tx pgx.Tx, keys []command.OrderKey) (map[command.OrderKey]command.OrderHead, error) {
	var rows dbsqlc.LockOrderHeadsParams
	asked := command.Questions{Orders: map[command.OrderKey]struct{}{}}
	for _, key := range keys {
		rows.WorkspaceIds = append(rows.WorkspaceIds, key.WorkspaceID)
		rows.ShopIds = append(rows.ShopIds, key.ShopID)
		rows.OrderIds = append(rows.OrderIds, key.OrderID)
		asked.Orders[key] = struct{}{}
	}
	if _, err := queries.LockOrderHeads(ctx, tx, rows); err != nil {
		return nil, fmt.Errorf("lock %d orders: %w", len(keys), err)
	}
	facts := command.Facts{Orders: map[command.OrderKey]command.OrderHead{}}
	if err := (Ingestion{tx: tx}).fillOrders(ctx, tx, asked, &facts); err != nil {
		return nil, fmt.Errorf("look up %d orders: %w", len(keys), err)
	}
	return facts.Orders, nil
}

func compareOrderKeys(a, b command.OrderKey) int {
	return cmp.Or(bytes.Compare(a.WorkspaceID[:], b.WorkspaceID[:]), cmp.Compare(a.ShopID, b.ShopID), cmp.Compare(a.OrderID, b.OrderID))
}
