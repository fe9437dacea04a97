package postgres

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
	"orderbridge/migrations"
)

// installLock is the advisory lock under which role and projections are made.
const installLock int64 = 0x6f72646272676974

// Migrate brings a database up to date: schema, service role, the tables of projections that are new to it, and a first
// workspace. It takes moments: tables of this release in place of those of another are built by Rebuilds. Only an index that a
// release adds to the log takes the longer the larger that is; the header of its migration says so. It is safe to run at any time
// and from several instances at once. The connection's own role needs the right to create roles and schemas.
func Migrate(ctx context.Context, dsn string, logger *slog.Logger) error {
	config, err := installationConfig(dsn, "orderbridge migrate")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if err := migrateSchema(ctx, db, logger); err != nil {
		return err
	}
	if err := install(ctx, config); err != nil {
		return err
	}
	service, err := Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer service.Close()
	return service.ensureDefaultWorkspace(ctx)
}

// installationConfig is how tables and views are changed: as the connection's own role.
func installationConfig(dsn, name string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errUnreadableDSN
	}
	config.ConnectTimeout = connectTimeout
	keepFromHanging(config, name)
	return config, nil
}

// ErrReadTablesFilling: the views do not show the read tables that this program reads.
var ErrReadTablesFilling = problem.Unavailable("read-tables-filling",
	"the read tables of this release are still being filled, or another release shows its own; try again later")

// CheckShown tells whether the views show the read tables that this program answers from: ErrReadTablesFilling when they do
// not.
func (db *Database) CheckShown(ctx context.Context) error {
	for _, p := range answering() {
		shown, err := p.isShown(ctx, db.requests)
		if err != nil {
			return unavailable(err)
		}
		if !shown {
			return ErrReadTablesFilling
		}
	}
	return nil
}

func migrateSchema(ctx context.Context, db *sql.DB, logger *slog.Logger) error {
	provider, err := newGoose(db)
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", unavailable(err))
	}
	for _, result := range results {
		logger.InfoContext(ctx, "migrated", "version", result.Source.Version, "duration", result.Duration)
	}
	return nil
}

func newGoose(db *sql.DB) (*goose.Provider, error) {
	// Several instances may start at once: who waits looks every second (goose's own step is five), for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("make migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// CheckMigrated tells whether the database has all that Migrate makes. An error that is not ErrNotMigrated may also mean
// that it was never set up, since the service role can read nothing then.
func (db *Database) CheckMigrated(ctx context.Context) error {
	std := stdlib.OpenDBFromPool(db.requests)
	defer std.Close()
	provider, err := newGoose(std)
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("look for pending migrations: %w", unavailable(err))
	}
	if pending {
		return ErrNotMigrated
	}
	for _, p := range Projections() {
		_, err := queries.Cursor(ctx, db.requests, p.ConsumerName())
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotMigrated
		}
		if err != nil {
			return fmt.Errorf("look for projection %s: %w", p.Name, unavailable(err))
		}
	}
	exists, err := queries.AnyWorkspace(ctx, db.requests)
	if err != nil {
		return fmt.Errorf("look for a workspace: %w", unavailable(err))
	}
	if !exists {
		return ErrNotMigrated
	}
	return nil
}

// ErrNotMigrated: the database is older than this program.
var ErrNotMigrated = problem.Unavailable("not-migrated", "the database is not up to date; run: orderbridge migrate")

// install makes the role and the projections, one installation at a time, and gives the service its rights.
func install(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("reach database: %w", unavailable(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return inInstallation(ctx, conn, func(tx pgx.Tx) error {
		if err := ensureServiceRole(ctx, tx); err != nil {
			return err
		}
		for _, p := range Projections() {
			if err := p.install(ctx, tx); err != nil {
				return fmt.Errorf("install projection %s: %w", p.Name, err)
			}
		}
		return grantServiceRole(ctx, tx)
	})
}

// inInstallation changes tables, one installation at a time.
func inInstallation(ctx context.Context, conn *pgx.Conn, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := lockInstallation(ctx, tx); err != nil {
			return err
		}
		return change(tx)
	})
}

func lockInstallation(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", installLock)
	return err
}

// ensureServiceRole makes the role, which belongs to the cluster and so is in no dump of the database.
func ensureServiceRole(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", ServiceRole).Scan(&exists); err != nil {
		return err
	}
	if exists {
		return nil
	}
	// In a savepoint: another database of the cluster may make the role at the same moment.
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE ROLE "+ServiceRole+" NOLOGIN")
		return err
	})
	switch {
	case hasCode(err, "42710", "23505"): // it exists by now
		return nil
	case isDenied(err):
		return problem.Forbidden("role-needed", "the database role %s is missing and may not be created by this user; "+
			"have a superuser run: CREATE ROLE %s NOLOGIN; GRANT %s TO <user>", ServiceRole, ServiceRole, ServiceRole).Because(err)
	}
	return err
}

// isDenied tells that the connection's own role may not do something.
func isDenied(err error) bool { return hasCode(err, "42501") }

// joinServiceRole makes the connection's own role a member of the service's, which it works as.
func joinServiceRole(ctx context.Context, tx pgx.Tx) error {
	var member bool
	// From PostgreSQL 16 on, a member may be one without the right to become the role: whoever creates a role is.
	err := tx.QueryRow(ctx, `SELECT pg_has_role(current_user, $1,
		CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)`, ServiceRole).Scan(&member)
	if err != nil || member {
		return err
	}
	_, err = tx.Exec(ctx, "GRANT "+ServiceRole+" TO CURRENT_USER")
	if isDenied(err) {
		return problem.Forbidden("role-needed", "this user may not work as the database role %s; have a superuser run: GRANT %s TO <user>",
			ServiceRole, ServiceRole).Because(err)
	}
	return err
}

// grantServiceRole gives the role all that the service does, and no right to change or delete an event.
func grantServiceRole(ctx context.Context, tx pgx.Tx) error {
	if err := joinServiceRole(ctx, tx); err != nil {
		return err
	}
	statements := []string{
		"GRANT USAGE ON SCHEMA public TO " + ServiceRole,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + ServiceRole,
		"REVOKE UPDATE, DELETE, TRUNCATE ON events FROM " + ServiceRole,
		"GRANT SELECT ON goose_db_version TO " + ServiceRole,
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("grant rights: %w", err)
		}
	}
	return nil
}

// CheckSecretKey refuses a key with which no stored header hash could ever match. The first key to come is remembered.
func (db *Database) CheckSecretKey(ctx context.Context, key workspace.SecretKey) error {
	check := key.Check()
	if err := queries.SetSecretKeyCheck(ctx, db.requests, check[:]); err != nil {
		return fmt.Errorf("remember secret key: %w", unavailable(err))
	}
	stored, err := queries.SecretKeyCheck(ctx, db.requests)
	if err != nil {
		return fmt.Errorf("check secret key: %w", unavailable(err))
	}
	if subtle.ConstantTimeCompare(stored, check[:]) != 1 {
		return errSecretKeyWrong
	}
	return nil
}

// RequireNoSecretKey refuses to make a new key for a database that has one.
func (db *Database) RequireNoSecretKey(ctx context.Context) error {
	_, err := queries.SecretKeyCheck(ctx, db.requests)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look for secret key: %w", unavailable(err))
	default:
		return errSecretKeyWrong
	}
}

var errSecretKeyWrong = problem.Forbidden("secret-key-wrong", "the secret key is missing or not the one that this database "+
	"was set up with, so every delivery would be refused; bring back the secret.key file of the data directory, "+
	"or set ORDERBRIDGE_SECRET_KEY to its content")
