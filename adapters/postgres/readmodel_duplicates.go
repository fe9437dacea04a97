package postgres

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
)

// Duplicates lists keys that several customers have who are in use. The cursor is a key: lists are in the order of those.
func (r ReadModel) Duplicates(ctx context.Context, workspaceID uuid.UUID, after string, limit int) (query.List[query.Duplicate], error) {
	kind, value, _ := strings.Cut(after, ":")
	rows, err := queries.SharedKeys(ctx, r.db.requests, dbsqlc.SharedKeysParams{
		WorkspaceID: workspaceID, AfterKind: kind, AfterValue: value, AtMost: int32(limit + 1), //nolint:gosec // a page is small
	})
	if err != nil {
		return query.List[query.Duplicate]{}, unavailable(err)
	}
	list := query.List[query.Duplicate]{Items: []query.Duplicate{}}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		cursor := last.Kind + ":" + last.Value
		list.NextCursor = &cursor
	}
	var ids []uuid.UUID
	for i := range rows {
		rows[i].CustomerIds = rows[i].CustomerIds[:min(len(rows[i].CustomerIds), customer.MaxCandidates)]
		ids = append(ids, rows[i].CustomerIds...)
	}
	named, err := queries.CustomersNamed(ctx, r.db.requests, dbsqlc.CustomersNamedParams{WorkspaceID: workspaceID, IDs: ids})
	if err != nil {
		return query.List[query.Duplicate]{}, unavailable(err)
	}
	names := map[uuid.UUID]string{}
	for _, one := range named {
		names[one.ID] = one.Name
	}
	for _, row := range rows {
		found := query.Duplicate{Key: query.DuplicateKey{Kind: contact.KeyKind(row.Kind), Value: row.Value}, Count: int(row.Count)}
		for _, id := range row.CustomerIds {
			found.Customers = append(found.Customers, query.Reference{ID: id, Name: names[id]})
		}
		list.Items = append(list.Items, found)
	}
	return list, nil
}
