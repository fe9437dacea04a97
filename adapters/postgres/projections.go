package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
)

// A projection is a folder: schema.sql makes its tables, indexes.sql their indexes, and fold.sql folds the events of a
// slice ($1, $2] into them. Names in them carry no schema: every version is built in a schema of its own.
//
//go:embed projection
var projectionFiles embed.FS

// Projection is one version of the read tables that a folder describes.
type Projection struct {
	// Name is the folder's name, Version the one that this code folds: it rises when tables or folds change.
	Name    string
	Version int

	statements []string
}

// Projections are all that there are.
func Projections() []Projection {
	return []Projection{
		mustLoadProjection("crm", 1),
		mustLoadProjection("deliveries", 1),
	}
}

// ConsumerName is the projection's name in the cursors. It is stored data.
func (p Projection) ConsumerName() string { return fmt.Sprintf("projection:%s:v%d", p.Name, p.Version) }

// Schema is where the version's tables are.
func (p Projection) Schema() string { return fmt.Sprintf("%s_v%d", p.Name, p.Version) }

// Fold folds the events in (after, upto] into the tables and moves the cursor, in one round trip. Folding is set-based:
// a statement a table, whatever the size of the slice, so that live folding and rebuilding are the same.
func (p Projection) Fold(ctx context.Context, tx pgx.Tx, after, upto int64) error {
	var pipe pipeline
	if _, err := pipe.Exec(ctx, "SELECT set_config('search_path', $1, true)", p.Schema()+", public"); err != nil {
		return err
	}
	for _, statement := range p.statements {
		if _, err := pipe.Exec(ctx, statement, after, upto); err != nil {
			return err
		}
	}
	if err := queries.MoveCursor(ctx, &pipe, dbsqlc.MoveCursorParams{Consumer: p.ConsumerName(), Position: upto}); err != nil {
		return err
	}
	if err := pipe.send(ctx, tx); err != nil {
		return fmt.Errorf("fold (%d, %d] into %s: %w", after, upto, p.Schema(), err)
	}
	return nil
}

// exists tells whether the version was installed.
func (p Projection) exists(ctx context.Context, db dbsqlc.DBTX) (bool, error) {
	version := int32(p.Version) //nolint:gosec // versions are counted by hand
	return queries.ProjectionExists(ctx, db, dbsqlc.ProjectionExistsParams{Name: p.Name, Version: version})
}

// install makes the version's tables, and the views that show them, when they are not there yet.
func (p Projection) install(ctx context.Context, tx pgx.Tx) error {
	exists, err := p.exists(ctx, tx)
	if err != nil || exists {
		return err
	}
	schema := pgx.Identifier{p.Schema()}.Sanitize()
	steps := []string{
		"CREATE SCHEMA " + schema,
		fmt.Sprintf("SET LOCAL search_path = %s, public", schema),
		p.file("schema.sql"),
		p.file("indexes.sql"),
		"SET LOCAL search_path = public",
	}
	for _, step := range steps {
		if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("make tables of %s: %w", p.Schema(), err)
		}
	}
	tables, err := tablesOf(ctx, tx, p.Schema())
	if err != nil {
		return err
	}
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		view := fmt.Sprintf("CREATE OR REPLACE VIEW public.%s AS SELECT * FROM %s.%s", name, schema, name)
		if _, err := tx.Exec(ctx, view); err != nil {
			return fmt.Errorf("show table %s: %w", table, err)
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO projections (name, version, active) VALUES ($1, $2, true)`, p.Name, p.Version)
	return err
}

func tablesOf(ctx context.Context, tx pgx.Tx, schema string) ([]string, error) {
	rows, err := tx.Query(ctx, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename", schema)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (p Projection) file(name string) string {
	content, err := fs.ReadFile(projectionFiles, path.Join("projection", p.Name, name))
	if err != nil {
		panic(err) // embedded at build time: a missing file is a mistake in the code
	}
	return string(content)
}

func mustLoadProjection(name string, version int) Projection {
	p := Projection{Name: name, Version: version}
	for statement := range strings.SplitSeq(p.file("fold.sql"), "\n;\n") {
		if statement = withoutComments(statement); statement != "" {
			p.statements = append(p.statements, statement)
		}
	}
	return p
}

// withoutComments drops comment lines, so that what is left empty is no statement.
func withoutComments(statement string) string {
	lines := slices.DeleteFunc(strings.Split(statement, "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "--")
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
