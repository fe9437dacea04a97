package eventbus

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tx is the transaction in which a slice is handled. Who handles it does not end it.
type Tx interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// guardedBeginner begins a consumer's transactions, which do not end while a slice is handled in them, and which tell the
// consumer of the errors that watermill-sql keeps to itself.
type guardedBeginner struct {
	sql.Beginner

	pool     *pgxpool.Pool
	consumer *Consumer
}

// BeginTx takes a connection, on which the transaction begins with its first query.
func (b guardedBeginner) BeginTx(ctx context.Context, _ *stdsql.TxOptions) (sql.Tx, error) {
	conn, err := b.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &guardedTx{conn: conn, ctx: ctx, consumer: b.consumer}, nil
}

// guardedTx is watermill-sql's transaction. What is executed before it looks for a slice is committed by itself.
type guardedTx struct {
	conn     *pgxpool.Conn   // nil once the transaction ended
	ctx      context.Context //nolint:containedctx // the subscription's: watermill-sql's Commit and Rollback get none
	consumer *Consumer
	selected interface{ Err() error } // the rows that the next slice was looked for in
}

const (
	// begin is read committed: the locked cursor does what a stricter level would be for.
	begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	// savepoint is where a slice's transaction goes back to when handling it fails: behind the lock of the cursor, which it keeps.
	savepoint = "slice"
)

// QueryContext begins, looks for the next slice, and sets the savepoint, all in one round trip. It keeps the rows at hand: watermill-sql
// takes rows that ended with an error for rows that ended.
func (t *guardedTx) QueryContext(ctx context.Context, query string, args ...any) (sql.Rows, error) {
	var batch pgx.Batch
	batch.Queue(begin)
	batch.Queue(query, args...)
	batch.Queue("SAVEPOINT " + savepoint)
	results := t.conn.SendBatch(ctx, &batch)
	if _, err := results.Exec(); err != nil {
		return nil, errors.Join(err, results.Close())
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	selected := &selectedRows{Rows: rows, results: results}
	t.selected = selected
	return selected, nil
}

// selectedRows are those of a query that shares its round trip: when they end, so does the rest.
type selectedRows struct {
	pgx.Rows
	results pgx.BatchResults
	rest    error
}

// Next goes to the next row.
func (r *selectedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.rest = r.results.Close()
	return false
}

// Err is why there are no more rows, if that is not that there are none.
func (r *selectedRows) Err() error { return errors.Join(r.Rows.Err(), r.rest) }

// Close lets the connection go on. Closing twice does nothing.
func (r *selectedRows) Close() error {
	r.Rows.Close()
	return r.results.Close()
}

// ExecContext executes a statement, save the one that stands for none.
func (t *guardedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if query == acknowledged {
		return driver.RowsAffected(0), nil
	}
	tag, err := t.conn.Exec(ctx, query, args...)
	return driver.RowsAffected(tag.RowsAffected()), err
}

// Commit commits once no slice is being handled. That a stopping consumer's commit fails is no news: its connection is
// closed with it, and the slice is handled after the next start.
func (t *guardedTx) Commit() error {
	t.consumer.handling.Lock()
	defer t.consumer.handling.Unlock()
	if t.selected != nil && t.selected.Err() != nil {
		t.consumer.trouble = fmt.Errorf("look for the next slice: %w", t.selected.Err())
		return t.end(context.WithoutCancel(t.ctx), "ROLLBACK")
	}
	err := t.end(t.ctx, "COMMIT")
	if err == nil {
		return nil
	}
	if t.consumer.ctx.Err() == nil {
		t.consumer.trouble = fmt.Errorf("commit: %w", err)
	}
	return stdsql.ErrTxDone // the consumer logs it itself
}

// Rollback rolls back once no slice is being handled. That a stopping consumer's fails is no news either.
func (t *guardedTx) Rollback() error {
	t.consumer.handling.Lock()
	defer t.consumer.handling.Unlock()
	if err := t.end(context.WithoutCancel(t.ctx), "ROLLBACK"); err != nil && t.consumer.ctx.Err() == nil {
		return err
	}
	return nil
}

// end ends the transaction, if one began, and gives the connection back, which the pool closes when it is not fit for another.
func (t *guardedTx) end(ctx context.Context, how string) error {
	if t.conn == nil {
		return stdsql.ErrTxDone
	}
	conn := t.conn
	t.conn = nil
	defer conn.Release()
	const idle = 'I'
	if conn.Conn().PgConn().TxStatus() == idle {
		return nil
	}
	tag, err := conn.Exec(ctx, how)
	if err == nil && tag.String() != how { // a transaction that failed is rolled back by COMMIT, without an error
		return pgx.ErrTxCommitRollback
	}
	return err
}

// unwrap takes slice and transaction out of a message: the one place that knows how watermill-sql carries them.
func unwrap(msg *message.Message) (Tx, Slice, error) {
	var slice Slice
	if err := json.Unmarshal(msg.Payload, &slice); err != nil {
		return nil, slice, fmt.Errorf("decode slice: %w", err)
	}
	carried, ok := sql.TxFromContext(msg.Context())
	if !ok {
		return nil, slice, errors.New("message carries no transaction")
	}
	guarded, ok := carried.(*guardedTx)
	if !ok {
		return nil, slice, fmt.Errorf("message carries a %T, not a transaction of this package", carried)
	}
	return guarded.conn, slice, nil
}
