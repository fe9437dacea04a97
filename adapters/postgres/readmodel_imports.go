package postgres

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// CustomerImports are files of customers, the latest first.
func (r ReadModel) CustomerImports(ctx context.Context, workspaceID uuid.UUID, page query.IDPage) (query.List[query.CustomerImport], error) {
	rows, err := queries.CustomerImportsPage(ctx, r.db.requests, dbsqlc.CustomerImportsPageParams{
		WorkspaceID: workspaceID, Before: page.Before, AtMost: int32(page.Limit + 1), //nolint:gosec // a page is small
	})
	imports := make([]query.CustomerImport, 0, len(rows))
	for _, row := range rows {
		imports = append(imports, importOf(row))
	}
	return query.IDListOf(imports, page, func(one query.CustomerImport) uuid.UUID { return one.ID }), unavailable(err)
}

// CustomerImport is one of them.
func (r ReadModel) CustomerImport(ctx context.Context, workspaceID, id uuid.UUID) (query.CustomerImport, error) {
	row, err := queries.CustomerImport(ctx, r.db.requests, dbsqlc.CustomerImportParams{WorkspaceID: workspaceID, ID: id})
	if err != nil {
		return query.CustomerImport{}, found(err, errImportUnknown)
	}
	return importOf(row), nil
}

func importOf(row dbsqlc.Import) query.CustomerImport {
	one := query.CustomerImport{
		ID: row.ID, FileName: row.FileName, State: query.ImportState(row.State), UnknownColumns: append([]string{}, row.UnknownColumns...),
		New: int(row.New), Existing: int(row.Existing), Repeated: int(row.Repeated), Invalid: int(row.Invalid), Imported: int(row.Imported),
		AskedBy: row.AskedBy, ConfirmedBy: row.ConfirmedBy, CreatedAt: row.CreatedAt.UTC(), ConfirmedAt: utc(row.ConfirmedAt),
		FinishedAt: utc(row.FinishedAt),
	}
	one.Rows = one.New + one.Existing + one.Repeated + one.Invalid + one.Imported
	return one
}

// ImportRows are rows of a file, in its order.
func (r ReadModel) ImportRows(
	ctx context.Context, workspaceID, id uuid.UUID, outcome string, after, limit int,
) ([]query.ImportRow, error) {
	if _, err := r.CustomerImport(ctx, workspaceID, id); err != nil {
		return nil, err
	}
	var stored []dbsqlc.ImportRowsPageRow
	if err := r.db.inOrder(ctx, func(tx dbsqlc.DBTX) (err error) {
		stored, err = queries.ImportRowsPage(ctx, tx, dbsqlc.ImportRowsPageParams{
			ImportID: id, After: int32(after), Outcome: outcome, AtMost: int32(limit), //nolint:gosec // lines and pages are small
		})
		return err
	}); err != nil {
		return nil, unavailable(err)
	}
	rows := make([]query.ImportRow, 0, len(stored))
	for _, row := range stored {
		one := query.ImportRow{Line: int(row.Line), Outcome: row.Outcome, Phones: []string{}, Emails: []string{}, Reasons: []query.ImportReason{}}
		var reasons []problem.Field
		if err := json.Unmarshal([]byte(row.Reasons), &reasons); err != nil {
			return nil, fmt.Errorf("read line %d: %w", row.Line, err)
		}
		for _, reason := range reasons {
			one.Reasons = append(one.Reasons, query.ImportReason{Field: reason.Path, Message: reason.Message})
		}
		if row.Customer != "" {
			var state customer.State
			if err := json.Unmarshal([]byte(row.Customer), &state); err != nil {
				return nil, fmt.Errorf("read line %d: %w", row.Line, err)
			}
			one.Name = &state.Name
			one.Phones, one.Emails = append(one.Phones, state.Phones...), append(one.Emails, state.Emails...)
		}
		if row.SameAs != nil {
			line := int(*row.SameAs)
			one.SameAs = &line
		}
		one.CustomerID = idOrNull(row.CustomerID)
		rows = append(rows, one)
	}
	return rows, nil
}
