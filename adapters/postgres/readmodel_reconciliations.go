package postgres

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
)

// Reconciliations are what was found when it was looked for lost orders, the latest first.
func (r ReadModel) Reconciliations(
	ctx context.Context, workspaceID uuid.UUID, shopID string, page query.IDPage,
) (query.List[query.Reconciliation], error) {
	rows, err := queries.Reconciliations(ctx, r.db.requests, dbsqlc.ReconciliationsParams{
		WorkspaceID: workspaceID, ShopID: shopID, Before: page.Before, AtMost: int32(page.Limit + 1), //nolint:gosec // a page is small
	})
	found := make([]query.Reconciliation, 0, len(rows))
	for _, row := range rows {
		found = append(found, query.Reconciliation{
			ID: row.ID, ShopID: row.ShopID, Since: row.Since.UTC(), Until: row.Upto.UTC(), Seen: int(row.Seen), Missing: int(row.Missing),
			BroughtIn: int(row.BroughtIn), LeftOut: int(row.LeftOut), Trouble: row.Trouble, BeganAt: row.BeganAt.UTC(),
			FinishedAt: row.FinishedAt.UTC(),
		})
	}
	return query.IDListOf(found, page, func(one query.Reconciliation) uuid.UUID { return one.ID }), unavailable(err)
}
