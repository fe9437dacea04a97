package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/domain/delivery"
	"orderbridge/domain/problem"
)

// A projection is a folder: schema.sql makes its tables, indexes.sql their indexes, and fold.sql folds the events of a
// slice ($1, $2] into them. Names in them carry no schema: every version is built in a schema of its own. The first line of
// schema.sql is the projection's definition: "-- Definition: 2".
//
//go:embed projection
var projectionFiles embed.FS

// Projection is how the read tables of a folder are made from the log. Of its tables there may be several versions, each in
// a schema of its own: one that the views show, one that is being built, one that was shown before.
type Projection struct {
	// Name is the folder's name.
	Name string
	// Definition is which state of the folder this is: it rises when tables or folds change, and with it every database
	// needs a new version of the tables.
	Definition int

	folds   []fold
	indexes []string
}

// fold is a statement that folds events of some types.
type fold struct {
	statement string
	types     []string
}

// concerns tells whether the statement may do something with events of these types. One that names none always may.
func (f fold) concerns(types []string) bool {
	return len(f.types) == 0 || slices.ContainsFunc(f.types, func(t string) bool { return slices.Contains(types, t) })
}

// slice is a part of the log as folding sees it.
type slice struct {
	after, upto int64
	// skipped are the positions that are passed over, types those of all events; of a part of a slice, those of the whole.
	skipped []int64
	types   []string
}

// Projections are all that there are, by name.
var Projections = sync.OnceValue(func() []Projection {
	folders, err := projectionFiles.ReadDir("projection")
	if err != nil {
		panic(err) // embedded at build time
	}
	var all []Projection
	for _, folder := range folders {
		all = append(all, mustLoadProjection(folder.Name()))
	}
	return all
})

// answering are the projections that the API and the commands answer from, and so wait for. The tables of others are for whoever
// reads their views.
var answering = sync.OnceValue(func() []Projection {
	return slices.DeleteFunc(slices.Clone(Projections()), func(p Projection) bool { return !p.answers() })
})

func (p Projection) answers() bool { return p.Name == "crm" || p.Name == "deliveries" }

// hurries tells whether it is usually waited for: an order is asked for as soon as it was sent.
func (p Projection) hurries() bool { return p.Name == "crm" }

// ProjectionNamed finds a projection.
func ProjectionNamed(name string) (Projection, error) {
	var names []string
	for _, p := range Projections() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Projection{}, problem.NotFound("projection-unknown", "no projection has this name; there are: %s", strings.Join(names, ", "))
}

// types are those of the events that somebody waits for to be folded. A delivery that was received is none: within milliseconds it
// is known what becomes of it, and both are folded at once.
func (p Projection) types() []string {
	received := delivery.OrderReceived{}.EventName()
	var types []string
	for _, f := range p.folds {
		types = append(types, f.types...)
	}
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(types))), func(t string) bool { return t == received })
}

// ConsumerName is the projection's name in the cursors, for the version that is shown. It is stored data.
func (p Projection) ConsumerName() string { return "projection:" + p.Name }

// SchemaOf is where the tables of a version are.
func (p Projection) SchemaOf(version int) string { return fmt.Sprintf("%s_v%d", p.Name, version) }

// FoldNext folds the next events, up to size of them, into the tables that are shown, and moves the cursor. There are none while
// somebody else is at it, or while the tables of another release are shown, which folds them itself.
func (p Projection) FoldNext(ctx context.Context, tx eventbus.Tx, size int64) (folded bool, err error) {
	next, err := selectFolding(p).Next(ctx, tx, p.ConsumerName(), size)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for what to fold into %s: %w", p.Name, err)
	}
	return true, p.fold(ctx, tx, next)
}

// fold folds a slice that selectFolding named into the tables that are shown and moves the cursor, which is locked: while it is,
// nobody changes which version is shown. What names mean was said in a round trip before: all statements of a pipeline are prepared
// before the first of them is executed, and would mean the tables that names mean by then, which may have another shape.
func (p Projection) fold(ctx context.Context, tx eventbus.Tx, next eventbus.Slice) error {
	var known struct {
		Path    string   `json:"path"`
		Skipped []int64  `json:"skipped"`
		Types   []string `json:"types"`
	}
	if err := json.Unmarshal(next.Known, &known); err != nil {
		return fmt.Errorf("read what is known of (%d, %d]: %w", next.After, next.Upto, err)
	}
	return p.foldSlice(ctx, tx, known.Path, slice{next.After, next.Upto, known.Skipped, known.Types}, func(pipe *pipeline) error {
		return queries.MoveCursor(ctx, pipe, dbsqlc.MoveCursorParams{Consumer: p.ConsumerName(), Position: next.Upto})
	})
}

// foldInto folds the events in (after, upto] into the tables of a schema, and does what goes with it in the same round trip.
func (p Projection) foldInto(ctx context.Context, tx pgx.Tx, schema string, after, upto int64, also func(*pipeline) error) error {
	entered, err := queries.EnterSchema(ctx, tx, dbsqlc.EnterSchemaParams{Schema: schema, Name: p.Name, After: after, Upto: upto})
	if err != nil {
		return fmt.Errorf("find the tables of %s: %w", schema, err)
	}
	return p.foldSlice(ctx, tx, entered.SearchPath, slice{after, upto, entered.Skipped, entered.Types}, also)
}

// foldSlice folds the events of a slice but those that are passed over, into the tables that names mean on a path. It is set-based: a
// statement a table, whatever the size of the slice, so that live folding and rebuilding are the same. A statement for events
// that the slice does not have is left out: it would read the slice for nothing.
func (p Projection) foldSlice(ctx context.Context, tx batchSender, path string, s slice, also func(*pipeline) error) error {
	var pipe pipeline
	err := p.eachFold(s, func(statement string, after, upto int64) error {
		_, err := pipe.Exec(ctx, statement, after, upto)
		return err
	})
	if err != nil {
		return err
	}
	if err := also(&pipe); err != nil {
		return err
	}
	if err := pipe.send(ctx, tx); err != nil {
		return fmt.Errorf("fold (%d, %d] into %s: %w", s.after, s.upto, path, err)
	}
	return nil
}

// eachFold names the statements that fold a slice, each with the part of it that it is for.
func (p Projection) eachFold(s slice, do func(statement string, after, upto int64) error) error {
	begin := s.after
	for _, end := range append(slices.Sorted(slices.Values(s.skipped)), s.upto+1) {
		end = min(end, s.upto+1)
		if begin < end-1 {
			for _, f := range p.folds {
				if !f.concerns(s.types) {
					continue
				}
				if err := do(f.statement, begin, end-1); err != nil {
					return err
				}
			}
		}
		begin = end
	}
	return nil
}

// isShown tells whether the views show tables of this definition.
func (p Projection) isShown(ctx context.Context, db dbsqlc.DBTX) (bool, error) {
	shown, err := queries.ShownVersion(ctx, db, p.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return int(shown.Definition) == p.Definition, err
}

// install makes the first version's tables and shows them, when the database is new. In one that has a log they are built, as
// later versions are, and shown when they are filled. The service's rights to those that there are it gives again.
func (p Projection) install(ctx context.Context, tx pgx.Tx) error {
	versions, err := queries.VersionsOf(ctx, tx, p.Name)
	if err != nil {
		return err
	}
	for _, version := range versions { // after a restore, the service's role is a new one
		if err := grantTables(ctx, tx, p.SchemaOf(int(version))); err != nil {
			return err
		}
	}
	if err := queries.EnsureCursor(ctx, tx, p.ConsumerName()); err != nil {
		return err
	}
	head, err := queries.Head(ctx, tx)
	if err != nil || head > 0 || len(versions) > 0 {
		return err
	}
	const first = 1
	if err := p.create(ctx, tx, p.SchemaOf(first)); err != nil {
		return err
	}
	for _, index := range p.indexes {
		if _, err := tx.Exec(ctx, index, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("make indexes of %s: %w", p.Name, err)
		}
	}
	if err := queries.AddVersion(ctx, tx, dbsqlc.AddVersionParams{
		Name: p.Name, Version: first, Active: true, Definition: number(p.Definition), AskedBy: "system",
	}); err != nil {
		return err
	}
	changes, err := p.viewChanges(ctx, tx, "", p.SchemaOf(first))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, changes, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("show the tables of %s: %w", p.Name, err)
	}
	return nil
}

// create makes a schema with the projection's tables, and gives the service its rights to them. Names mean those tables
// until the transaction ends.
func (p Projection) create(ctx context.Context, tx pgx.Tx, schema string) error {
	name := pgx.Identifier{schema}.Sanitize()
	for _, step := range []string{
		"CREATE SCHEMA " + name,
		fmt.Sprintf("SET LOCAL search_path = %s, public", name),
		p.file("schema.sql"),
	} {
		if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("make tables of %s: %w", schema, err)
		}
	}
	return grantTables(ctx, tx, schema)
}

// grantTables gives the service its rights to the tables of a schema. Without them names in folds would mean the views.
func grantTables(ctx context.Context, tx pgx.Tx, schema string) error {
	name := pgx.Identifier{schema}.Sanitize()
	for _, grant := range []string{
		fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", name, ServiceRole),
		fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s", name, ServiceRole),
	} {
		if _, err := tx.Exec(ctx, grant); err != nil {
			return fmt.Errorf("grant rights to %s: %w", schema, err)
		}
	}
	return nil
}

// viewChanges are the statements that make the views show the tables of a schema in place of those of another; "" for none.
func (p Projection) viewChanges(ctx context.Context, tx pgx.Tx, hidden, shown string) (string, error) {
	gone, err := tablesOf(ctx, tx, hidden)
	if err != nil {
		return "", err
	}
	tables, err := tablesOf(ctx, tx, shown)
	if err != nil {
		return "", err
	}
	alike, err := haveSameColumns(ctx, tx, hidden, shown)
	if err != nil {
		return "", err
	}
	var changes []string
	if !alike { // a view can be replaced by one with the same columns only
		for _, table := range gone {
			changes = append(changes, "DROP VIEW public."+pgx.Identifier{table}.Sanitize())
		}
	}
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		changes = append(changes,
			fmt.Sprintf("CREATE OR REPLACE VIEW public.%s AS SELECT * FROM %s.%s", name, pgx.Identifier{shown}.Sanitize(), name))
		if !alike {
			changes = append(changes, fmt.Sprintf("GRANT SELECT ON public.%s TO %s", name, ServiceRole))
		}
	}
	return strings.Join(changes, ";\n"), nil
}

// haveSameColumns tells whether two schemas have the same tables with the same columns in the same order.
func haveSameColumns(ctx context.Context, tx pgx.Tx, one, other string) (bool, error) {
	var same bool
	err := tx.QueryRow(ctx, `
		WITH columns AS (
			SELECT n.nspname, c.relname, array_agg((a.attname, a.atttypid, a.atttypmod, a.attcollation)::text ORDER BY a.attnum) AS columns
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE n.nspname IN ($1, $2) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
			GROUP BY 1, 2
		)
		SELECT NOT EXISTS (
			SELECT FROM (SELECT relname, columns FROM columns WHERE nspname = $1) o
			FULL JOIN (SELECT relname, columns FROM columns WHERE nspname = $2) t USING (relname)
			WHERE o.columns IS DISTINCT FROM t.columns
		)`, one, other).Scan(&same)
	return same, err
}

func tablesOf(ctx context.Context, tx pgx.Tx, schema string) ([]string, error) {
	rows, err := tx.Query(ctx, "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename", schema)
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

func mustLoadProjection(name string) Projection {
	p := Projection{Name: name}
	first, _, _ := strings.Cut(p.file("schema.sql"), "\n")
	definition, ok := strings.CutPrefix(first, "-- Definition: ")
	var err error
	if p.Definition, err = strconv.Atoi(definition); !ok || err != nil || p.Definition < 1 {
		panic("projection/" + name + "/schema.sql does not begin with its definition") // embedded at build time
	}
	for _, statement := range statementsOf(p.file("fold.sql"), "\n;\n") {
		f := fold{statement: statement}
		for _, quoted := range quotedName.FindAllStringSubmatch(statement, -1) {
			if _, isType := decoders[quoted[1]]; isType {
				f.types = append(f.types, quoted[1])
			}
		}
		p.folds = append(p.folds, f)
	}
	p.indexes = statementsOf(p.file("indexes.sql"), ";\n")
	return p
}

// quotedName is how a statement names a type of event.
var quotedName = regexp.MustCompile(`'([A-Z][A-Za-z]+)'`)

// statementsOf takes a file of SQL apart, without its comments.
func statementsOf(file, separator string) []string {
	var statements []string
	for statement := range strings.SplitSeq(file, separator) {
		if statement = withoutComments(statement); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}

// withoutComments drops comment lines, so that what is left empty is no statement.
func withoutComments(statement string) string {
	lines := slices.DeleteFunc(strings.Split(statement, "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), "--")
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// number is a version or definition as the database has it.
func number(version int) int32 { return int32(version) } //nolint:gosec // they are counted by hand
