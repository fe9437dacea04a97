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
		mustLoadProjection("crm", 2),
		mustLoadProjection("deliveries", 3),
	}
}

// ConsumerName is the projection's name in the cursors. It is stored data.
func (p Projection) ConsumerName() string { return fmt.Sprintf("projection:%s:v%d", p.Name, p.Version) }

// Schema is where the version's tables are.
func (p Projection) Schema() string { return fmt.Sprintf("%s_v%d", p.Name, p.Version) }

// Fold folds the events in (after, upto] into the tables and moves the cursor. Folding is set-based: a statement a table,
// whatever the size of the slice, so that live folding and rebuilding are the same.
func (p Projection) Fold(ctx context.Context, tx pgx.Tx, after, upto int64) error {
	// In a round trip before the others: all statements of a pipeline are prepared before the first of them is executed,
	// and would mean the tables of the version that is shown, which may have another shape.
	if _, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", p.Schema()+", public"); err != nil {
		return fmt.Errorf("fold into %s: %w", p.Schema(), err)
	}
	var pipe pipeline
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

// isActive tells whether the version was installed and is the one that the views show.
func (p Projection) isActive(ctx context.Context, db dbsqlc.DBTX) (bool, error) {
	version := int32(p.Version) //nolint:gosec // versions are counted by hand
	return queries.ProjectionActive(ctx, db, dbsqlc.ProjectionActiveParams{Name: p.Name, Version: version})
}

// install makes the version's tables when they are not there yet. The first version of a projection is shown at once; a
// later one has to be filled before.
func (p Projection) install(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT version FROM projections WHERE name = $1", p.Name)
	if err != nil {
		return err
	}
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil || slices.Contains(versions, p.Version) {
		return err
	}
	schema := pgx.Identifier{p.Schema()}.Sanitize()
	for _, step := range []string{
		"CREATE SCHEMA " + schema,
		fmt.Sprintf("SET LOCAL search_path = %s, public", schema),
		p.file("schema.sql"),
		p.file("indexes.sql"),
		"SET LOCAL search_path = public",
	} {
		if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("make tables of %s: %w", p.Schema(), err)
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO projections (name, version, active) VALUES ($1, $2, false)`, p.Name, p.Version); err != nil {
		return err
	}
	if len(versions) > 0 {
		return nil
	}
	return p.show(ctx, tx)
}

// show makes the views show this version, in place of any other.
func (p Projection) show(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT version FROM projections WHERE name = $1 AND active", p.Name)
	if err != nil {
		return err
	}
	shown, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	for _, version := range shown {
		tables, err := tablesOf(ctx, tx, Projection{Name: p.Name, Version: version}.Schema())
		if err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.Exec(ctx, "DROP VIEW public."+pgx.Identifier{table}.Sanitize()); err != nil {
				return fmt.Errorf("hide table %s: %w", table, err)
			}
		}
	}
	tables, err := tablesOf(ctx, tx, p.Schema())
	if err != nil {
		return err
	}
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		view := fmt.Sprintf("CREATE VIEW public.%s AS SELECT * FROM %s.%s", name, pgx.Identifier{p.Schema()}.Sanitize(), name)
		if _, err := tx.Exec(ctx, view); err != nil {
			return fmt.Errorf("show table %s: %w", table, err)
		}
	}
	for _, statement := range []string{
		"UPDATE projections SET active = false WHERE name = $1 AND version <> $2",
		"UPDATE projections SET active = true WHERE name = $1 AND version = $2",
	} {
		if _, err := tx.Exec(ctx, statement, p.Name, p.Version); err != nil {
			return err
		}
	}
	return nil
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
