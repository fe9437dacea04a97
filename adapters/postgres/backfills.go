package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// Backfills keeps shops' keys of Pancake's API, and which versions of orders were brought in from there.
type Backfills struct {
	db  *Database
	key workspace.SecretKey
}

var (
	_ command.Backfills       = Backfills{}
	_ command.Reconciliations = Backfills{}
)

// NewBackfills makes the store.
func NewBackfills(db *Database, key workspace.SecretKey) Backfills {
	return Backfills{db: db, key: key}
}

var (
	errShopNotConnected = problem.NotFound("shop-unknown", "no shop with this id is connected")
	errNoAPIKey         = problem.Conflict("api-key-missing",
		"the shop's API key is not known here; take it from Pancake's settings and set it: orderbridge shop api-key --shop-id ID --key -")
)

// Source is what is needed to ask for a shop's orders.
func (s Backfills) Source(ctx context.Context, workspaceID uuid.UUID, shopID string) (command.BackfillSource, error) {
	row, err := queries.SealedAPIKey(ctx, s.db.requests, dbsqlc.SealedAPIKeyParams{WorkspaceID: workspaceID, ShopID: shopID})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return command.BackfillSource{}, errShopNotConnected
	case err != nil:
		return command.BackfillSource{}, unavailable(err)
	case row.ApiKeySealed == nil:
		return command.BackfillSource{}, errNoAPIKey
	}
	template, err := order.ParseCodeTemplate(row.OrderCodeTemplate)
	if err != nil {
		return command.BackfillSource{}, err
	}
	opened, err := s.key.Open(row.ApiKeySealed, command.APIKeyOf(workspaceID, shopID))
	if err != nil {
		return command.BackfillSource{}, fmt.Errorf("open the API key of shop %s: %w", shopID, err)
	}
	return command.BackfillSource{APIKey: string(opened), CodeOf: template.Code}, nil
}

// Missing are those of some versions that the CRM has not got.
func (s Backfills) Missing(ctx context.Context, workspaceID uuid.UUID, versions []command.OrderVersion) ([]command.OrderVersion, error) {
	missing, err := missingOf(ctx, s.db.requests, workspaceID, versions)
	return missing, unavailable(err)
}

func missingOf(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, versions []command.OrderVersion) ([]command.OrderVersion, error) {
	params := dbsqlc.MissingVersionsParams{WorkspaceID: workspaceID}
	for _, version := range versions {
		params.ShopIds = append(params.ShopIds, version.ShopID)
		params.OrderIds = append(params.OrderIds, version.OrderID)
		params.UpdatedAts = append(params.UpdatedAts, version.UpdatedAt)
	}
	ordinals, err := queries.MissingVersions(ctx, db, params)
	if err != nil {
		return nil, err
	}
	type key struct{ shop, id string }
	newest := map[key]int{} // of an order that is there twice, the newer version alone
	for _, ordinal := range ordinals {
		version := versions[ordinal-1]
		at := key{version.ShopID, version.OrderID}
		if other, twice := newest[at]; !twice || versions[other].UpdatedAt.Before(version.UpdatedAt) {
			newest[at] = int(ordinal - 1)
		}
	}
	var missing []command.OrderVersion
	for _, ordinal := range ordinals {
		version := versions[ordinal-1]
		if newest[key{version.ShopID, version.OrderID}] == int(ordinal-1) {
			missing = append(missing, version)
		}
	}
	return missing, nil
}

// BringIn appends those that are still missing, and notes them with it.
func (s Backfills) BringIn(
	ctx context.Context, by command.By, versions []command.OrderVersion, eventOf func(command.OrderVersion) event.New,
) (broughtIn int, err error) {
	_, err = s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		if len(versions) > 0 {
			if err := queries.LockBackfill(ctx, tx, dbsqlc.LockBackfillParams{
				WorkspaceID: by.WorkspaceID, ShopID: versions[0].ShopID,
			}); err != nil {
				return nil, err
			}
		}
		missing, err := missingOf(ctx, tx, by.WorkspaceID, versions)
		if err != nil {
			return nil, err
		}
		noted := dbsqlc.NoteVersionsParams{WorkspaceID: by.WorkspaceID}
		events := make([]event.New, 0, len(missing))
		for _, version := range missing {
			noted.ShopIds = append(noted.ShopIds, version.ShopID)
			noted.OrderIds = append(noted.OrderIds, version.OrderID)
			noted.UpdatedAts = append(noted.UpdatedAts, version.UpdatedAt)
			events = append(events, eventOf(version))
		}
		broughtIn = len(events)
		if broughtIn == 0 {
			return nil, nil
		}
		return events, queries.NoteVersions(ctx, p, noted)
	})
	if err != nil {
		return 0, err
	}
	return broughtIn, nil
}

// Shops are those that have an API key.
func (s Backfills) Shops(ctx context.Context) ([]command.ShopKey, error) {
	rows, err := queries.ReconciledShops(ctx, s.db.requests)
	shops := make([]command.ShopKey, 0, len(rows))
	for _, row := range rows {
		shops = append(shops, command.ShopKey{WorkspaceID: row.WorkspaceID, ShopID: row.ShopID})
	}
	return shops, unavailable(err)
}

// Claim tells whether this reconciliation of the shop is this program's to do.
func (s Backfills) Claim(ctx context.Context, shop command.ShopKey, notSince time.Time) (bool, error) {
	claimed, err := queries.ClaimReconciliation(ctx, s.db.requests, dbsqlc.ClaimReconciliationParams{
		WorkspaceID: shop.WorkspaceID, ShopID: shop.ShopID, NotSince: notSince,
	})
	return claimed > 0, unavailable(err)
}

// reconciliationsKept is for how long it can be looked at what was found.
const reconciliationsKept = 90 * 24 * time.Hour

// Note keeps what was found.
func (s Backfills) Note(
	ctx context.Context, id uuid.UUID, shop command.ShopKey, began time.Time, done command.Backfilled, since, until time.Time, trouble string,
) error {
	count := func(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded
	params := dbsqlc.NoteReconciliationParams{
		ID: id, WorkspaceID: shop.WorkspaceID, ShopID: shop.ShopID, Since: since, Upto: until, Seen: count(done.Seen),
		Missing: count(done.Missing), BroughtIn: count(done.BroughtIn), LeftOut: count(done.Foreign + done.Unreadable), BeganAt: began,
	}
	if trouble != "" {
		params.Trouble = &trouble
	}
	var p pipeline
	if err := errors.Join(queries.NoteReconciliation(ctx, &p, params), queries.ForgetReconciliations(ctx, &p, dbsqlc.ForgetReconciliationsParams{
		WorkspaceID: shop.WorkspaceID, ShopID: shop.ShopID, Before: began.Add(-reconciliationsKept),
	})); err != nil {
		return err
	}
	return unavailable(p.send(ctx, s.db.requests))
}
