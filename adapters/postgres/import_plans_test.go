package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/command"
)

// TestPlansOfImports explains what checking a file, bringing its rows in and looking at them does, on tables that just became large and
// that nobody has counted: nothing is read that grows with the rows which are left.
func TestPlansOfImports(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	for _, table := range []string{"imports", "import_rows", "import_keys", "imported_digests", "customer_keys"} {
		i.exec(t, "ALTER TABLE "+table+" SET (autovacuum_enabled = false)")
	}
	collected := &statements{searchPaths: map[*pgx.Conn]string{}}
	db, err := i.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	store := postgres.NewCustomerImports(db)
	check := command.NewCheckCustomerFileHandler(store, spreadsheet.Customers{}, time.Now)
	bringsIn := command.NewImportCustomersHandler(store, time.Now)
	i.check = check
	id := i.checked(t, "name,phone,email\nAn,0912000001,\nBo,,bo@example.vn\nChi,,\n")
	// So many more, of this import and of another, that reading them all is dear, and so long that the server thinks there are more yet.
	other := uuid.New()
	i.exec(t, "INSERT INTO imports (id, workspace_id, file_name, state, unknown_columns, asked_by) VALUES ($1, $2, '', 'checked', '{}', 'x')", other, i.workspaceID)
	i.exec(t, `INSERT INTO import_rows (import_id, line, outcome, customer, digest)
		SELECT one.id, line, CASE line % 10 WHEN 0 THEN 'existing' ELSE 'new' END,
			jsonb_build_object('name', 'Khách ' || line, 'note', repeat('x', 1500), 'status', 'active'), sha256(line::text::bytea)
		FROM (VALUES ($1::uuid), ($2::uuid)) one (id), generate_series(10, 12000) line`, id, other)
	i.exec(t, `INSERT INTO import_keys (import_id, kind, value, line)
		SELECT one.id, 'phone', '+849' || to_char(line, 'FM00000000'), line FROM (VALUES ($1::uuid), ($2::uuid)) one (id), generate_series(10, 12000) line`, id, other)
	if err := i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal(err)
	}
	for after, round := 0, 0; round < 3; round++ {
		done, err := bringsIn.Next(t.Context(), id, after)
		if err != nil || done.Imported == 0 || done.Line <= after {
			t.Fatalf("behind line %d: %+v, %v", after, done, err)
		}
		after = done.Line
	}
	read := postgres.NewReadModel(db)
	for _, outcome := range []string{"", "new", "imported"} {
		if rows, err := read.ImportRows(t.Context(), i.workspaceID, id, outcome, 100, 50); err != nil || len(rows) != 50 {
			t.Fatalf("%d rows that are %q, %v", len(rows), outcome, err)
		}
	}
	if analysed := scan[int64](t, i.bundle, "SELECT count(*) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid WHERE c.relname LIKE 'import%'"); analysed != 0 {
		t.Fatal("the tables were analysed")
	}
	seen := map[string]bool{}
	for _, st := range collected.take() {
		if seen[st.name()] {
			continue
		}
		seen[st.name()] = true
		top, text := explain(t, i.db, st)
		top.each(func(node plan) {
			if node.NodeType == "Seq Scan" && (node.Relation == "import_rows" || node.Relation == "import_keys" || node.Relation == "customer_keys") {
				t.Errorf("%s reads all of %s\n%s", st.name(), node.Relation, text)
			}
			if strings.HasPrefix(node.IndexName, "import_rows_") && !strings.Contains(node.IndexCond, "line") {
				t.Errorf("%s reads all rows where %s\n%s", st.name(), node.IndexCond, text)
			}
			if node.NodeType == "Sort" && st.name() != "KnownKeys" { // which sorts those who share a key
				t.Errorf("%s sorts by %s\n%s", st.name(), fmt.Sprint(node.SortKey), text)
			}
		})
	}
	for _, name := range []string{"KnownKeys", "KeepImportRows", "NewImportRows", "SettleImportRows", "CountImported", "ImportRowsPage"} {
		if !seen[name] {
			t.Errorf("%s was not seen", name)
		}
	}
}
