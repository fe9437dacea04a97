package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// schemaOf describes all that migrations make: columns, constraints, indexes, triggers, functions, rights.
const schemaOf = `
	SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
	FROM information_schema.columns WHERE table_schema = 'public'
	UNION ALL SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
	UNION ALL SELECT format('options %s %s', relname, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
	ORDER BY 1`

const rightsOf = `
	SELECT format('%s %s', table_name, privilege_type) FROM information_schema.role_table_grants
	WHERE grantee = 'orderbridge_service' AND table_schema <> 'information_schema' ORDER BY 1`

// viewsOf is what the views show: every row of every read table, as text.
func viewsOf(t *testing.T, b *bundle) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for _, p := range postgres.Projections() {
		for _, view := range tablesOf(t, b, p) {
			rows[view] = list[string](t, b, "SELECT r::text FROM public."+view+" r ORDER BY 1")
		}
	}
	return rows
}

func TestMigrate(t *testing.T) {
	t.Parallel()

	t.Run("a second time changes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		schema, rights := list[string](t, b, schemaOf), list[string](t, b, rightsOf)
		var log strings.Builder
		if err := postgres.Migrate(t.Context(), b.dsn, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if got := list[string](t, b, schemaOf); !slices.Equal(got, schema) {
			t.Errorf("the schema is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(schema, "\n"))
		}
		if got := list[string](t, b, rightsOf); !slices.Equal(got, rights) || len(rights) == 0 {
			t.Errorf("the rights are %v, want %v", got, rights)
		}
		if got := b.head(t); got != 1 {
			t.Errorf("the log has %d events, want the first workspace's alone", got)
		}
		if log.Len() > 0 {
			t.Errorf("it says %s", log.String())
		}
		if err := b.db.CheckMigrated(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("an empty database can be migrated by several at once", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.NewEmpty(t)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := postgres.Migrate(t.Context(), dsn, quiet()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		b := &bundle{dsn: dsn, admin: connectAdmin(t, dsn), db: connect(t, dsn)}
		if got := scan[int64](t, b, "SELECT count(*) FROM workspaces"); got != 1 {
			t.Errorf("%d workspaces", got)
		}
		if counts := typesOf(b.events(t)); len(counts) != 1 || counts["WorkspaceCreated"] != 1 {
			t.Errorf("the log has %v", counts)
		}
		if err := b.db.CheckMigrated(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("a first workspace is made once, however many want to", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, "DELETE FROM workspaces")
		release := b.holdLog(t) // all of them look before any of them is done
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := postgres.EnsureDefaultWorkspace(b.db, t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, "all of them wait", func() bool {
			return scan[int64](t, b, `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event IN ('advisory', 'transactionid')`) == 4
		})
		release()
		group.Wait()
		if got := scan[int64](t, b, "SELECT count(*) FROM workspaces WHERE is_default"); got != 1 {
			t.Errorf("%d workspaces", got)
		}
	})

	t.Run("migrations go down and up again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		schema := list[string](t, b, schemaOf)
		for _, view := range list[string](t, b, "SELECT viewname FROM pg_views WHERE schemaname = 'public'") {
			b.exec(t, "DROP VIEW "+view)
		}
		withoutViews := list[string](t, b, schemaOf)
		provider, closeProvider, err := postgres.NewGoose(b.admin)
		if err != nil {
			t.Fatal(err)
		}
		defer closeProvider() //nolint:errcheck // the pool ends with the test
		results, err := provider.DownTo(t.Context(), 0)
		if err != nil || len(results) != len(provider.ListSources()) {
			t.Fatalf("down: %d of %d, %v", len(results), len(provider.ListSources()), err)
		}
		if left := list[string](t, b, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"); !slices.Equal(left, []string{"goose_db_version"}) {
			t.Errorf("tables that are left: %v", left)
		}
		if left := list[string](t, b, "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"); len(left) > 0 {
			t.Errorf("functions that are left: %v", left)
		}
		if _, err := provider.Up(t.Context()); err != nil {
			t.Fatal("up:", err)
		}
		if got := list[string](t, b, schemaOf); !slices.Equal(got, withoutViews) {
			t.Errorf("the schema is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(withoutViews, "\n"))
		}
		if len(withoutViews) >= len(schema) {
			t.Error("there were no views")
		}
	})

	t.Run("an older schema is noticed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		provider, closeProvider, err := postgres.NewGoose(b.admin)
		if err != nil {
			t.Fatal(err)
		}
		defer closeProvider() //nolint:errcheck // the pool ends with the test
		if _, err := provider.Down(t.Context()); err != nil {
			t.Fatal("down:", err)
		}
		if err := b.db.CheckMigrated(t.Context()); !errors.Is(err, postgres.ErrNotMigrated) {
			t.Errorf("got %v", err)
		}
		if err := postgres.Migrate(t.Context(), b.dsn, quiet()); err != nil {
			t.Fatal(err)
		}
		if err := b.db.CheckMigrated(t.Context()); err != nil {
			t.Error("after migrating:", err)
		}
	})

	t.Run("a projection that was never made is noticed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, "DELETE FROM cursors WHERE consumer = 'projection:deliveries'")
		if err := b.db.CheckMigrated(t.Context()); !errors.Is(err, postgres.ErrNotMigrated) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("an unreadable connection string is a problem that does not repeat it", func(t *testing.T) {
		t.Parallel()
		_, connecting := postgres.Connect(t.Context(), "postgres://u:geheim@host:port/db")
		for _, err := range []error{postgres.Migrate(t.Context(), "postgres://u:geheim@host:port/db", quiet()), connecting} {
			wantProblem(t, err, problem.KindInvalid, "database-url-unreadable")
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "geheim") {
				t.Error("the password is in the error")
			}
		}
	})

	t.Run("a server that is not there is a problem that passes", func(t *testing.T) {
		t.Parallel()
		dsn := "postgres://nobody@/none?host=" + t.TempDir()
		_, connecting := postgres.Connect(t.Context(), dsn)
		wantProblem(t, connecting, problem.KindUnavailable, "database-unavailable")
		wantProblem(t, postgres.Migrate(t.Context(), dsn, quiet()), problem.KindUnavailable, "database-unavailable")
	})
}

// TestMigrateAsAnOrdinaryRole needs a server on which the service's role does not exist, so it has one of its own.
func TestMigrateAsAnOrdinaryRole(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "orderbridge-ordinary-role-") //nolint:usetesting // the user who runs the server for root cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cluster, err := localpg.Open(t.Context(), localpg.Config{
		DataDir: dir, Logger: quiet(), Settings: map[string]string{"fsync": "off", "max_connections": "60"},
	})
	if err != nil {
		t.Fatal("start a server:", err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(context.Background()); err != nil {
			t.Error("stop the server:", err)
		}
	})
	b := &bundle{admin: connectAdmin(t, cluster.DSN())}
	t.Cleanup(b.admin.Close)

	// newDatabase makes a database that belongs to a role of its own.
	newDatabase := func(t *testing.T, role, rights string) string {
		t.Helper()
		b.exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN %s", role, rights))
		b.exec(t, fmt.Sprintf("CREATE DATABASE %s OWNER %s", role, role))
		dsn := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + role, RawQuery: url.Values{
			"host": {cluster.Host()}, "port": {fmt.Sprint(cluster.Port())},
		}.Encode()}
		return dsn.String()
	}

	refused := newDatabase(t, "refused", "")
	err = postgres.Migrate(t.Context(), refused, quiet())
	wantProblem(t, err, problem.KindForbidden, "role-needed")
	if p, _ := problem.Of(err); p == nil || !strings.Contains(p.Error(), "CREATE ROLE orderbridge_service NOLOGIN; GRANT orderbridge_service TO") {
		t.Errorf("the operator is told %v", err)
	}

	allowed := newDatabase(t, "allowed", "CREATEROLE")
	if err := postgres.Migrate(t.Context(), allowed, quiet()); err != nil {
		t.Error("with the right to create roles:", err)
	}

	// The role is there now, but not for everybody.
	err = postgres.Migrate(t.Context(), refused, quiet())
	wantProblem(t, err, problem.KindForbidden, "role-needed")
	if p, _ := problem.Of(err); p == nil || !strings.Contains(p.Error(), "GRANT orderbridge_service TO") {
		t.Errorf("the operator is told %v", err)
	}

	b.exec(t, "GRANT orderbridge_service TO refused")
	if err := postgres.Migrate(t.Context(), refused, quiet()); err != nil {
		t.Fatal("when the role was granted:", err)
	}
	db := connect(t, refused)
	if err := db.CheckMigrated(t.Context()); err != nil {
		t.Error(err)
	}
	log := postgres.NewLog(db)
	defer log.Close()
	if err := log.Append(t.Context(), received(event.NewID(), anOrder("1"))); err != nil {
		t.Error("append:", err)
	}
}

func TestCheckSecretKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	if err := b.db.RequireNoSecretKey(ctx); err != nil {
		t.Error("a new database has a key already:", err)
	}
	right, wrong := workspace.NewSecretKey(), workspace.NewSecretKey()
	for range 2 {
		if err := b.db.CheckSecretKey(ctx, right); err != nil {
			t.Error("the first key to come:", err)
		}
		wantProblem(t, b.db.CheckSecretKey(ctx, wrong), problem.KindForbidden, "secret-key-wrong")
	}
	wantProblem(t, b.db.RequireNoSecretKey(ctx), problem.KindForbidden, "secret-key-wrong")
	if stored := scan[string](t, b, "SELECT encode(digest, 'hex') FROM secret_key_check"); strings.Contains(stored, right.Text()) {
		t.Error("the key itself is in the database")
	}
	again, err := workspace.ParseSecretKey(right.Text())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.db.CheckSecretKey(ctx, again); err != nil {
		t.Error("the same key, read from its text:", err)
	}

	t.Run("of several keys that come first at once, one wins", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		results := make(chan error, 8)
		for range cap(results) {
			go func() { results <- b.db.CheckSecretKey(t.Context(), workspace.NewSecretKey()) }()
		}
		accepted := 0
		for range cap(results) {
			if err := <-results; err == nil {
				accepted++
			} else {
				wantProblem(t, err, problem.KindForbidden, "secret-key-wrong")
			}
		}
		if accepted != 1 {
			t.Errorf("%d keys were accepted", accepted)
		}
	})
}
