package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/domain/problem"
)

// verifyLock is the advisory lock under which a projection is verified.
const verifyLock = "SELECT pg_try_advisory_lock(hashtextextended('orderbridge verify ' || $1, 0))"

// Verify builds a projection's tables from the log in a schema for this purpose, and compares them with those that are read,
// row by row and at one moment. Whatever folds, reads and delivers goes on meanwhile.
func (r *Rebuilds) Verify(ctx context.Context, cmd projection.VerifyRequest, report func(projection.Rebuild)) (projection.Verified, error) {
	p, err := ProjectionNamed(cmd.Name)
	if err != nil {
		return projection.Verified{}, err
	}
	build, err := r.db.newBuild(ctx, r.dsn, p, verifyLock, r.logger)
	if errors.Is(err, errLockTaken) {
		err = errVerifyRunning(cmd.Name)
	}
	if err != nil {
		return projection.Verified{}, err
	}
	build.report = report
	verified, err := build.verify(ctx, cmd.Examples)
	return verified, errors.Join(denied(err), r.endVerifying(context.WithoutCancel(ctx), build))
}

func errVerifyRunning(name string) error {
	return problem.Conflict("verify-running", "%s is being verified by somebody else at this moment", name)
}

// shownExamples is how many differing rows of each table are kept for whoever looks later.
const shownExamples = 20

// StartVerify is Verify for callers who do not wait for its end.
func (r *Rebuilds) StartVerify(by command.By, name string) error {
	if _, err := ProjectionNamed(name); err != nil {
		return err
	}
	started := &projection.Verification{StartedAt: time.Now().UTC(), AskedBy: string(by.Actor), AskedIn: by.WorkspaceID}
	r.mu.Lock()
	if last := r.verifications[name]; last != nil && last.FinishedAt.IsZero() {
		r.mu.Unlock()
		return errVerifyRunning(name)
	}
	r.verifications[name] = started
	r.mu.Unlock()
	note := func(change func()) {
		r.mu.Lock()
		defer r.mu.Unlock()
		change()
	}
	if r.inBackground(func(ctx context.Context) {
		cmd := projection.VerifyRequest{Name: name, Examples: shownExamples}
		verified, err := r.Verify(ctx, cmd, func(progress projection.Rebuild) { note(func() { started.Progress = progress }) })
		if err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "a verification ended before its time", "projection", name, "error", err)
		}
		note(func() { started.Verified, started.Err, started.FinishedAt = verified, err, time.Now().UTC() })
	}) {
		return nil
	}
	note(func() { delete(r.verifications, name) })
	return errNoBackground
}

// Verification is the last one that was started in the background.
func (r *Rebuilds) Verification(name string) (projection.Verification, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.verifications[name]
	if !known {
		return projection.Verification{}, false
	}
	return *last, true
}

// endVerifying leaves nothing of what was built, also when that was interrupted: the connection is lost then, and another one does
// it.
func (r *Rebuilds) endVerifying(ctx context.Context, build *rebuild) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for build.conn.IsClosed() {
		again, err := r.db.newBuild(ctx, r.dsn, build.Projection, verifyLock, r.logger)
		switch {
		case err == nil:
			build = again
		case !errors.Is(err, errLockTaken):
			return err
		default: // the server has not noticed yet that the first one is gone
			if err := pause(ctx, catchUpPoll); err != nil {
				return err
			}
		}
	}
	return errors.Join(build.dropSchema(ctx, build.checkSchema()), build.close(ctx))
}

// checkSchema is where the tables are built that are compared.
func (r *rebuild) checkSchema() string { return r.Name + "_check" }

func (r *rebuild) dropSchema(ctx context.Context, schema string) error {
	return inInstallation(ctx, r.conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
		return err
	})
}

func (r *rebuild) verify(ctx context.Context, examples int) (projection.Verified, error) {
	shown, err := r.isShown(ctx, r.conn)
	if err != nil {
		return projection.Verified{}, err
	}
	if !shown {
		return projection.Verified{}, ErrReadTablesFilling
	}
	schema := r.checkSchema()
	if err := r.dropSchema(ctx, schema); err != nil { // of one that was killed
		return projection.Verified{}, err
	}
	if err := inInstallation(ctx, r.conn, func(tx pgx.Tx) error { return r.create(ctx, tx, schema) }); err != nil {
		return projection.Verified{}, err
	}
	r.started, r.phase = time.Now(), "filling"
	if err := r.foldAll(ctx, func(ctx context.Context, tx pgx.Tx, upto int64) error {
		return r.foldInto(ctx, tx, schema, r.position, upto, func(*pipeline) error { return nil })
	}, maxRebuildSlice, 0, func(ctx context.Context) (int64, error) { // not beyond what is read
		return queries.Cursor(ctx, r.conn, r.ConsumerName())
	}); err != nil {
		return projection.Verified{}, err
	}
	var verified projection.Verified
	// What the cursor says and what the tables hold is of one moment in a transaction that sees only one.
	err = pgx.BeginTxFunc(ctx, r.conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		verified, err = r.compare(ctx, tx, schema, examples)
		return err
	})
	return verified, err
}

// compare folds what is left into the tables of a schema and compares them with those that are shown.
func (r *rebuild) compare(ctx context.Context, tx pgx.Tx, schema string, examples int) (projection.Verified, error) {
	position, err := queries.Cursor(ctx, tx, r.ConsumerName())
	if err != nil {
		return projection.Verified{}, err
	}
	shown, err := queries.ShownVersion(ctx, tx, r.Name)
	if err != nil {
		return projection.Verified{}, err
	}
	for r.position < position {
		upto := min(r.position+maxRebuildSlice, position)
		if err := r.foldInto(ctx, tx, schema, r.position, upto, func(*pipeline) error { return nil }); err != nil {
			return projection.Verified{}, err
		}
		r.position = upto
	}
	tables, err := tablesOf(ctx, tx, schema)
	if err != nil {
		return projection.Verified{}, err
	}
	verified := projection.Verified{Name: r.Name, Version: int(shown.Version), Position: position}
	r.phase = "comparing"
	for _, table := range tables {
		r.tell(position)
		compared, err := compareTables(ctx, tx, table, r.SchemaOf(int(shown.Version)), schema, examples)
		if err != nil {
			return projection.Verified{}, fmt.Errorf("compare %s: %w", table, err)
		}
		verified.Tables = append(verified.Tables, compared)
	}
	return verified, nil
}

// compareTables compares the rows of a table in two schemas, by their primary keys. It counts those that differ, and gives some of
// them; 0 stands for all.
func compareTables(ctx context.Context, tx pgx.Tx, table, read, built string, examples int) (projection.VerifiedTable, error) {
	compared := projection.VerifiedTable{Table: table}
	rows, err := tx.Query(ctx, `
		SELECT quote_ident(a.attname) FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indisprimary AND i.indrelid = format('%I.%I', $1::text, $2::text)::regclass
		ORDER BY array_position(i.indkey, a.attnum)`, built, table)
	if err != nil {
		return compared, err
	}
	key, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return compared, err
	}
	if len(key) == 0 {
		return compared, errors.New("the table has no primary key")
	}
	name := func(schema string) string { return pgx.Identifier{schema, table}.Sanitize() }
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+name(built)).Scan(&compared.Rows); err != nil {
		return compared, err
	}
	different := fmt.Sprintf(`
		SELECT to_jsonb(r) AS read, to_jsonb(b) AS built
		FROM %s r FULL JOIN %s b USING (%s)
		WHERE r IS DISTINCT FROM b`, name(read), name(built), strings.Join(key, ", "))
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM ("+different+") d").Scan(&compared.Different); err != nil || compared.Different == 0 {
		return compared, err
	}
	rows, err = tx.Query(ctx, "SELECT d.read, d.built FROM ("+different+") d ORDER BY coalesce(d.built, d.read)::text LIMIT nullif($1::bigint, 0)",
		examples)
	if err != nil {
		return compared, err
	}
	compared.Examples, err = pgx.CollectRows(rows, pgx.RowToStructByPos[projection.DifferentRow])
	return compared, err
}
