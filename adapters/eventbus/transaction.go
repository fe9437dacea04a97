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
)

// guardedBeginner begins a consumer's transactions, which do not end while a slice is handled in them, and which tell the
// consumer of the errors that watermill-sql keeps to itself.
type guardedBeginner struct {
	sql.Beginner
	consumer *Consumer
}

// BeginTx begins a transaction.
func (b guardedBeginner) BeginTx(ctx context.Context, options *stdsql.TxOptions) (sql.Tx, error) {
	tx, err := b.Beginner.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &guardedTx{Tx: tx, consumer: b.consumer}, nil
}

type guardedTx struct {
	sql.Tx
	consumer *Consumer
	selected interface{ Err() error } // the rows that the next slice was looked for in
}

// savepoint is where a slice's transaction goes back to when handling it fails: behind the lock of the cursor, which it keeps.
const savepoint = "slice"

// QueryContext looks for the next slice, and sets the savepoint in the same round trip. It keeps the rows at hand: watermill-sql
// takes rows that ended with an error for rows that ended.
func (t *guardedTx) QueryContext(ctx context.Context, query string, args ...any) (sql.Rows, error) {
	tx, err := pgxOf(t)
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	batch.Queue(query, args...)
	batch.Queue("SAVEPOINT " + savepoint)
	results := tx.SendBatch(ctx, &batch)
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
	return t.Tx.ExecContext(ctx, query, args...)
}

// Commit commits once no slice is being handled. That a stopping consumer's commit fails is no news: its connection is
// closed with it, and the slice is handled after the next start.
func (t *guardedTx) Commit() error {
	t.consumer.handling.Lock()
	defer t.consumer.handling.Unlock()
	if t.selected != nil && t.selected.Err() != nil {
		t.consumer.trouble = fmt.Errorf("look for the next slice: %w", t.selected.Err())
		return t.Tx.Rollback()
	}
	err := t.Tx.Commit()
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
	if err := t.Tx.Rollback(); err != nil && t.consumer.ctx.Err() == nil {
		return err
	}
	return nil
}

// unwrap takes slice and transaction out of a message: the one place that knows how watermill-sql carries them.
func unwrap(msg *message.Message) (pgx.Tx, Slice, error) {
	var slice Slice
	if err := json.Unmarshal(msg.Payload, &slice); err != nil {
		return nil, slice, fmt.Errorf("decode slice: %w", err)
	}
	carried, ok := sql.TxFromContext(msg.Context())
	if !ok {
		return nil, slice, errors.New("message carries no transaction")
	}
	tx, err := pgxOf(carried)
	return tx, slice, err
}

func pgxOf(carried sql.Tx) (pgx.Tx, error) {
	guarded, ok := carried.(*guardedTx)
	if !ok {
		return nil, fmt.Errorf("message carries a %T, not a transaction of this package", carried)
	}
	tx, ok := guarded.Tx.(*sql.PgxTx)
	if !ok {
		return nil, fmt.Errorf("message carries a %T, not a pgx transaction", guarded.Tx)
	}
	return tx.Tx, nil
}
