package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
)

// Deliveries stores that deliveries are to be brought in once more.
type Deliveries struct{ db *Database }

var _ command.Deliveries = Deliveries{}

// NewDeliveries makes the store.
func NewDeliveries(db *Database) Deliveries { return Deliveries{db: db} }

// Retry lets decide look at each delivery, and stores what is to be tried again. Of two who ask for the same attempt at once,
// one takes the version of the delivery's stream, and the other decides again and sees it.
func (s Deliveries) Retry(
	ctx context.Context, by command.By, ids []uuid.UUID, decide func(delivery.Head) (*delivery.IngestionRetried, error),
) (retried int, position int64, err error) {
	position, err = s.db.update(ctx, by, func(tx pgx.Tx, _ *pipeline) ([]event.New, error) {
		heads, err := deliveryHeads(ctx, tx, by.WorkspaceID, ids)
		if err != nil {
			return nil, fmt.Errorf("look up %d deliveries: %w", len(ids), err)
		}
		var events []event.New
		for i, id := range ids {
			payload, err := decide(heads[i])
			if err != nil {
				return nil, err
			}
			if payload == nil {
				continue
			}
			events = append(events, event.New{
				ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: event.DeliveryStream(id), Version: heads[i].Version + 1,
				Actor: by.Actor, CorrelationID: id, Payload: *payload,
			})
		}
		retried = len(events)
		return events, nil
	})
	if err != nil {
		return 0, 0, err
	}
	return retried, position, nil
}

// deliveryHeads is where each delivery stands: nowhere, if there is none of an id.
func deliveryHeads(ctx context.Context, tx pgx.Tx, workspaceID uuid.UUID, ids []uuid.UUID) ([]delivery.Head, error) {
	rows, err := queries.DeliveryHeads(ctx, tx, dbsqlc.DeliveryHeadsParams{
		IDs: ids, WorkspaceID: workspaceID, OutcomeTypes: delivery.SaysOutcome(),
	})
	if err != nil {
		return nil, err
	}
	heads := make([]delivery.Head, len(ids))
	for _, row := range rows {
		heads[row.Ordinal-1] = delivery.Head{Version: int(row.Version), LastEvent: row.LastEvent, Attempts: int(row.Attempts)}
	}
	return heads, nil
}
