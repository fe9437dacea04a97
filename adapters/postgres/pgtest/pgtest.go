// Package pgtest gives each test a migrated database of its own, on a real PostgreSQL server that all test programs of
// this user share while they run. The databases are clones of a template, so one costs some ten milliseconds. A test
// that fails keeps its database and logs how to reach it.
package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver that pgtestdb uses
	"github.com/peterldowns/pgtestdb"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/postgres"
)

const (
	startTimeout = 2 * time.Minute
	// keepDatabases is how long the databases of failed tests and of older test programs are kept.
	keepDatabases = "1 hour"
)

// server is the shared PostgreSQL server, started when the first test asks for a database.
var server struct {
	once    sync.Once
	cluster *localpg.Cluster
	err     error
}

// Main runs a package's tests, and what has to hold after all of them, and leaves the server afterwards. Every package that uses New
// calls it from TestMain.
func Main(m *testing.M, afterwards ...func() error) {
	code := m.Run()
	for _, check := range afterwards {
		if err := check(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, "FAIL: after all tests:", err)
			code = 1
		}
	}
	if server.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		if err := server.cluster.Close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "leave test server:", err)
			code = max(code, 1)
		}
		cancel()
	}
	os.Exit(code)
}

// New makes a migrated database for the test and returns its connection string.
func New(t testing.TB) string {
	t.Helper()
	return create(t, migrated{}).URL()
}

// NewEmpty makes a database for the test with nothing in it, and returns its connection string.
func NewEmpty(t testing.TB) string {
	t.Helper()
	return create(t, pgtestdb.NoopMigrator{}).URL()
}

// MakeOlder makes a database look as the release before would have left it: the read tables that are shown have another
// definition, and another shape, so that no statement for this release's fits them: each lacks its last column.
func MakeOlder(t testing.TB, dsn string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, p := range postgres.Projections() {
		var version int
		err := db.QueryRowContext(t.Context(), "UPDATE projections SET definition = definition - 1 WHERE name = $1 AND active RETURNING version",
			p.Name).Scan(&version)
		if err != nil {
			t.Fatalf("find the tables of %s that are shown: %v", p.Name, err)
		}
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(dropLastColumns, p.SchemaOf(version), postgres.ServiceRole)); err != nil {
			t.Fatalf("give %s another shape: %v", p.SchemaOf(version), err)
		}
	}
}

// dropLastColumns takes the last column from each table of a schema, and from the view that shows it to a role.
const dropLastColumns = `
	DO $$
	DECLARE last record;
	BEGIN
		FOR last IN
			SELECT DISTINCT ON (table_name) table_name, column_name FROM information_schema.columns
			WHERE table_schema = '%[1]s' ORDER BY table_name, ordinal_position DESC
		LOOP
			EXECUTE format('ALTER TABLE %[1]s.%%I DROP COLUMN %%I CASCADE', last.table_name, last.column_name);
			EXECUTE format('CREATE VIEW public.%%1$I AS SELECT * FROM %[1]s.%%1$I', last.table_name);
			EXECUTE format('GRANT SELECT ON public.%%I TO %[2]s', last.table_name);
		END LOOP;
	END $$`

func create(t testing.TB, migrator pgtestdb.Migrator) *pgtestdb.Config {
	t.Helper()
	server.once.Do(start)
	if server.err != nil {
		t.Fatalf("start test server: %v", server.err)
	}
	return pgtestdb.Custom(t, pgtestdb.Config{
		DriverName: "pgx", User: server.cluster.User(), Password: "unused", Port: server.cluster.Port(),
		Database: server.cluster.Database(), Options: url.Values{"host": {server.cluster.Host()}}.Encode(),
		TestRole:                  &pgtestdb.Role{Username: "orderbridge_test", Password: "unused", Capabilities: "SUPERUSER"},
		ForceTerminateConnections: true, // a test may kill the service it started
	}, migrator)
}

func start() {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	server.cluster, server.err = localpg.Open(ctx, localpg.Config{
		DataDir: filepath.Join(os.TempDir(), "orderbridge-test-"+strconv.Itoa(os.Getuid())),
		Logger:  slog.New(slog.DiscardHandler),
		Settings: map[string]string{
			"fsync": "off", "full_page_writes": "off", "max_connections": "400", // nothing here has to survive a power cut
		},
	})
	if server.err == nil {
		server.err = dropOld(ctx, server.cluster.DSN())
	}
}

// dropOld removes databases that earlier test programs left behind.
func dropOld(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `
		SELECT d.datname FROM pg_database d
		WHERE d.datname LIKE 'testdb\_%'
			AND (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification < now() - $1::interval
			AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)`, keepDatabases)
	if err != nil {
		return fmt.Errorf("list old test databases: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range names {
		// Another test program may be dropping it too, and a template has to be unmarked first.
		_, _ = db.ExecContext(ctx, fmt.Sprintf(`ALTER DATABASE %q IS_TEMPLATE false`, name))
		_, _ = db.ExecContext(ctx, fmt.Sprintf(`DROP DATABASE IF EXISTS %q`, name))
	}
	return nil
}

// migrated makes the template. It is keyed by the test program itself, so that no change to how a database is set up
// can be missed.
type migrated struct{}

func (migrated) Hash() (string, error) { return programHash() }

var programHash = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer program.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, program); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
})

func (migrated) Migrate(ctx context.Context, _ *sql.DB, config pgtestdb.Config) error {
	return postgres.Migrate(ctx, config.URL(), slog.New(slog.DiscardHandler))
}
