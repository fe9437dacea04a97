package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
)

// keysLookedAt bounds how many keys are looked at for one part of the list.
const keysLookedAt = 10_000

// SharedKeys are those behind a key that several customers have who are in use, in their order: among the next keys, so that there may
// be more behind them when there are fewer than asked for, or none.
func (r ReadModel) SharedKeys(
	ctx context.Context, workspaceID uuid.UUID, after contact.Key, atMost int,
) (_ []query.Duplicate, next *contact.Key, _ error) {
	rows, err := queries.SharedKeys(ctx, r.db.requests, dbsqlc.SharedKeysParams{
		WorkspaceID: workspaceID, AfterKind: string(after.Kind), AfterValue: after.Value, AtMostLookedAt: keysLookedAt,
		AtMost: int32(atMost), //nolint:gosec // a page is small
	})
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if len(rows) > 0 && rows[0].More {
		next = &contact.Key{Kind: contact.KeyKind(rows[0].FurthestKind), Value: rows[0].FurthestValue}
	}
	rows = slices.DeleteFunc(rows, func(row dbsqlc.SharedKeysRow) bool { return row.Holders == 0 })
	var ids []uuid.UUID
	for i := range rows {
		rows[i].CustomerIds = rows[i].CustomerIds[:min(len(rows[i].CustomerIds), customer.MaxCandidates)]
		ids = append(ids, rows[i].CustomerIds...)
	}
	named, err := queries.CustomersNamed(ctx, r.db.requests, dbsqlc.CustomersNamedParams{WorkspaceID: workspaceID, IDs: ids})
	if err != nil {
		return nil, nil, unavailable(err)
	}
	names := map[uuid.UUID]string{}
	for _, one := range named {
		names[one.ID] = one.Name
	}
	shared := make([]query.Duplicate, 0, len(rows))
	for _, row := range rows {
		found := query.Duplicate{Key: contact.Key{Kind: contact.KeyKind(row.Kind), Value: row.Value}, Count: int(row.Holders)}
		for _, id := range row.CustomerIds {
			found.Customers = append(found.Customers, query.Reference{ID: id, Name: names[id]})
		}
		shared = append(shared, found)
	}
	return shared, next, nil
}
