package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/event"
)

// Relinks finds orders in the read tables, and decides on them by what the log has of them.
type Relinks struct{ PastOrders }

var _ command.Relinks = Relinks{}

// NewRelinks makes the store.
func NewRelinks(db *Database) Relinks { return Relinks{NewPastOrders(db)} }

// Orders lists orders behind a position.
func (s Relinks) Orders(ctx context.Context, workspaceID uuid.UUID, after int64, atMost int) ([]command.PastOrder, error) {
	rows, err := queries.OrdersAfter(ctx, s.db.requests, dbsqlc.OrdersAfterParams{
		WorkspaceID: workspaceID, After: after, AtMost: int32(atMost), //nolint:gosec // a chunk is small
	})
	orders := make([]command.PastOrder, 0, len(rows))
	for _, row := range rows {
		orders = append(orders, command.PastOrder{
			Key:      command.OrderKey{WorkspaceID: workspaceID, ShopID: row.ShopID, OrderID: row.ExternalID},
			Position: row.CreatedPosition,
		})
	}
	return orders, unavailable(err)
}

// Relink lets decide look at each order, and stores the outcome.
func (s Relinks) Relink(
	ctx context.Context, by command.By, orders []command.PastOrder, dryRun bool, decide command.DecideRelink,
) (moved []command.Relinked, position int64, err error) {
	keys := make([]command.OrderKey, 0, len(orders))
	for _, one := range orders {
		keys = append(keys, one.Key)
	}
	slices.SortFunc(keys, compareOrderKeys) // so that two writers wait instead of deadlocking
	correlation := event.NewID()
	position, err = s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		moved = nil
		heads, err := lockedHeads(ctx, tx, keys)
		if err != nil {
			return nil, err
		}
		asked := command.NewQuestions()
		asked.Workspaces[by.WorkspaceID] = struct{}{}
		var owners []uuid.UUID
		for _, key := range keys {
			if record := heads[key].Known.Record; record != nil {
				asked.AskWho(by.WorkspaceID, record.State)
				owners = append(owners, record.CustomerID)
			}
		}
		facts, err := (Ingestion{tx: tx}).Facts(ctx, asked)
		if err != nil {
			return nil, err
		}
		surviving, err := survivingOf(ctx, tx, by.WorkspaceID, owners)
		if err != nil {
			return nil, err
		}
		settings := facts.Settings[by.WorkspaceID]
		decided := command.Decided{Orders: map[command.OrderKey]command.OrderHead{}}
		for _, key := range keys {
			head := heads[key]
			if head.Known.Record == nil {
				continue
			}
			matched, updated, moves := decide(*head.Known.Record, command.RelinkFacts{
				Rule: settings.MatchRule, RuleVersion: settings.Version, Facts: facts, WorkspaceID: by.WorkspaceID,
				Surviving: surviving[head.Known.Record.CustomerID],
			})
			if !moves {
				continue
			}
			moved = append(moved, command.Relinked{
				Code: updated.Code, From: matched.Decision.MovedFrom, To: matched.CustomerID, Decision: matched.Decision,
			})
			record := updated.Record()
			for _, payload := range []event.Payload{matched, updated} {
				head.StreamVersion++
				decided.Events = append(decided.Events, event.New{
					ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: event.OrderStream(key.ShopID, key.OrderID),
					Version: head.StreamVersion, Actor: by.Actor, CorrelationID: correlation, Payload: payload,
				})
			}
			head.StateVersion, head.Known.Record = head.StreamVersion, &record
			decided.Orders[key] = head
		}
		if dryRun || len(decided.Events) == 0 {
			return nil, nil
		}
		return decided.Events, queueOrderHeads(ctx, p, decided)
	})
	return moved, position, err
}

// survivingOf is who stands for each of some customers.
func survivingOf(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	rows, err := queries.SurvivingCustomers(ctx, db, dbsqlc.SurvivingCustomersParams{WorkspaceID: workspaceID, IDs: ids})
	surviving := make(map[uuid.UUID]uuid.UUID, len(rows))
	for _, row := range rows {
		surviving[row.ID] = row.SurvivingID
	}
	return surviving, err
}
