package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/delivery"
)

// Deliveries stores that deliveries are to be brought in once more.
type Deliveries interface {
	// Retry lets decide look at each delivery as the log has it now, stores what is to be tried again, and leaves alone those
	// for which decide returns nil. An error of decide is that of the whole. It may call decide again when others came in between.
	// Position is where the last event stands; 0 when there was nothing to store.
	Retry(ctx context.Context, by By, ids []uuid.UUID, decide func(delivery.Head) (*delivery.IngestionRetried, error)) (
		retried int, position int64, err error)
}

// FoundDeliveries finds deliveries in the read tables.
type FoundDeliveries interface {
	Deliveries(ctx context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter, page query.Page) (query.List[query.Delivery], error)
	DeliveryCounts(ctx context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter) (query.DeliveryCounts, error)
}

// RetryDelivery brings a delivery in once more that failed or was rejected.
type RetryDelivery struct {
	By By
	ID uuid.UUID
}

// RetryDeliveryHandler handles RetryDelivery.
type RetryDeliveryHandler struct{ deliveries Deliveries }

// NewRetryDeliveryHandler makes the handler.
func NewRetryDeliveryHandler(deliveries Deliveries) RetryDeliveryHandler {
	return RetryDeliveryHandler{deliveries: deliveries}
}

// Handle asks for the attempt, and returns where that stands in the log. It is made by the policy that ingests orders.
func (h RetryDeliveryHandler) Handle(ctx context.Context, cmd RetryDelivery) (position int64, err error) {
	_, position, err = h.deliveries.Retry(ctx, cmd.By, []uuid.UUID{cmd.ID},
		func(head delivery.Head) (*delivery.IngestionRetried, error) {
			retried, err := head.Retry()
			return &retried, err
		})
	return position, err
}

// RetryDeliveries brings all deliveries in once more that match a filter and failed or were rejected.
type RetryDeliveries struct {
	By     By
	Filter query.DeliveryFilter
	// Before goes on where an earlier command ended that had no time for all: its RetriedDeliveries.NextCursor, read.
	Before int64
	// DryRun only counts them.
	DryRun bool
}

// RetriedDeliveries is what RetryDeliveries did.
type RetriedDeliveries struct {
	DryRun bool `json:"dry_run"`
	// Matched is how many there were at the beginning; more than that when Capped is set.
	Matched int  `json:"matched"`
	Capped  bool `json:"capped"`
	// Retried is how many are tried again. Others of those that matched were being tried again already.
	Retried int `json:"retried"`
	// NextCursor goes on with the others; nil when there are none.
	NextCursor *string `json:"next_cursor"`
	// Position is where the last event stands in the log.
	Position int64 `json:"-"`
}

// RetryDeliveriesHandler handles RetryDeliveries.
type RetryDeliveriesHandler struct {
	deliveries Deliveries
	found      FoundDeliveries
}

// NewRetryDeliveriesHandler makes the handler.
func NewRetryDeliveriesHandler(deliveries Deliveries, found FoundDeliveries) RetryDeliveriesHandler {
	return RetryDeliveriesHandler{deliveries: deliveries, found: found}
}

// retryChunk is how many deliveries are tried again in one transaction: others wait for it at the append lock.
const retryChunk = query.MaxLimit

// Handle asks for an attempt of each, the latest first, in transactions of some each. It passes each delivery once, so one
// that fails again meanwhile is not tried for ever. Giving the command again goes on with what an interrupted one left.
func (h RetryDeliveriesHandler) Handle(ctx context.Context, cmd RetryDeliveries) (RetriedDeliveries, error) {
	if len(cmd.Filter.Outcomes) == 0 {
		cmd.Filter.Outcomes = query.RetryableOutcomes()
	}
	done := RetriedDeliveries{DryRun: cmd.DryRun}
	counts, err := h.found.DeliveryCounts(ctx, cmd.By.WorkspaceID, cmd.Filter)
	if err != nil {
		return RetriedDeliveries{}, fmt.Errorf("count deliveries to try again: %w", err)
	}
	done.Matched, done.Capped = counts.Total()
	if cmd.DryRun {
		return done, nil
	}
	// It has several transactions, and may be given twice: a name that is claimed by the first would keep the others from being
	// made up for.
	cmd.By.Once = nil
	for page := (query.Page{Limit: retryChunk, Before: cmd.Before}); ; {
		list, err := h.found.Deliveries(ctx, cmd.By.WorkspaceID, cmd.Filter, page)
		if err != nil {
			return RetriedDeliveries{}, fmt.Errorf("find deliveries to try again: %w", err)
		}
		if err := h.retry(ctx, cmd.By, list.Items, &done); err != nil {
			return RetriedDeliveries{}, err
		}
		done.NextCursor = list.NextCursor
		if done.NextCursor == nil || !hasTime(ctx) {
			return done, nil
		}
		if page, err = query.ParsePage(new(retryChunk), *done.NextCursor); err != nil {
			return RetriedDeliveries{}, err
		}
	}
}

// retry leaves those alone that are no longer what they were found as.
func (h RetryDeliveriesHandler) retry(ctx context.Context, by By, found []query.Delivery, done *RetriedDeliveries) error {
	if len(found) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(found))
	for _, one := range found {
		ids = append(ids, one.ID)
	}
	retried, position, err := h.deliveries.Retry(ctx, by, ids, func(head delivery.Head) (*delivery.IngestionRetried, error) {
		again, refusal := head.Retry()
		if refusal != nil {
			return nil, nil //nolint:nilerr,nilnil // somebody else was first
		}
		return &again, nil
	})
	if err != nil {
		return fmt.Errorf("try %d deliveries again: %w", len(ids), err)
	}
	done.Retried += retried
	done.Position = max(done.Position, position)
	return nil
}
