package command

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Reconciliations keeps what scheduled reconciliations found.
type Reconciliations interface {
	// Shops are those that have an API key.
	Shops(ctx context.Context) ([]ShopKey, error)
	// Claim tells whether this reconciliation of the shop is this program's to do: no other one did it since.
	Claim(ctx context.Context, shop ShopKey, notSince time.Time) (bool, error)
	// Note keeps what was found, and the trouble that ended it early.
	Note(ctx context.Context, id uuid.UUID, shop ShopKey, began time.Time, done Backfilled, since, until time.Time, trouble string) error
}

// Reconciliation finds orders whose webhook never came, and brings them in.
type Reconciliation struct {
	Backfilled

	Shop ShopKey
	// Err is why it did not come to its end.
	Err error
}

// ReconcileHandler brings in what webhooks lost.
type ReconcileHandler struct {
	backfill        BackfillHandler
	reconciliations Reconciliations
	now             func() time.Time
}

// NewReconcileHandler makes the handler.
func NewReconcileHandler(backfill BackfillHandler, reconciliations Reconciliations, now func() time.Time) ReconcileHandler {
	return ReconcileHandler{backfill: backfill, reconciliations: reconciliations, now: now}
}

const (
	// ReconcileEvery is how often it is looked for lost orders.
	ReconcileEvery = 15 * time.Minute
	// ReconcileOver is how far back.
	ReconcileOver = 24 * time.Hour
)

// Due reconciles every shop whose time has come. Trouble with one shop is noted, and keeps no other from its turn.
func (h ReconcileHandler) Due(ctx context.Context, every time.Duration) ([]Reconciliation, error) {
	shops, err := h.reconciliations.Shops(ctx)
	if err != nil {
		return nil, err
	}
	var all []Reconciliation
	for _, shop := range shops {
		mine, err := h.reconciliations.Claim(ctx, shop, h.now().Add(-every))
		if err != nil {
			return all, err
		}
		if mine {
			all = append(all, h.Shop(ctx, By{WorkspaceID: shop.WorkspaceID, Actor: event.ActorSystem}, shop.ShopID, ReconcileOver))
		}
	}
	return all, ctx.Err()
}

// Shop reconciles one shop now.
func (h ReconcileHandler) Shop(ctx context.Context, by By, shopID string, over time.Duration) Reconciliation {
	began := h.now()
	since := began.Add(-over)
	shop := ShopKey{WorkspaceID: by.WorkspaceID, ShopID: shopID}
	done, err := h.backfill.Handle(ctx, Backfill{By: by, ShopID: shopID, Since: since, Until: began})
	trouble := ""
	if refused, ok := problem.Of(err); ok {
		trouble = refused.Code()
	} else if err != nil {
		trouble = "internal"
	}
	noting := h.reconciliations.Note(context.WithoutCancel(ctx), event.NewID(), shop, began, done, since, began, trouble)
	return Reconciliation{Backfilled: done, Shop: shop, Err: errors.Join(err, noting)}
}
