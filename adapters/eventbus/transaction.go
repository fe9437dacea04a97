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

// QueryContext keeps the rows at hand: watermill-sql takes rows that ended with an error for rows that ended.
func (t *guardedTx) QueryContext(ctx context.Context, query string, args ...any) (sql.Rows, error) {
	rows, err := t.Tx.QueryContext(ctx, query, args...)
	if selected, ok := rows.(interface{ Err() error }); ok && err == nil {
		t.selected = selected
	}
	return rows, err
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

// Rollback rolls back once no slice is being handled.
func (t *guardedTx) Rollback() error {
	t.consumer.handling.Lock()
	defer t.consumer.handling.Unlock()
	return t.Tx.Rollback()
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
	guarded, ok := carried.(*guardedTx)
	if !ok {
		return nil, slice, fmt.Errorf("message carries a %T, not a transaction of this package", carried)
	}
	tx, ok := guarded.Tx.(*sql.PgxTx)
	if !ok {
		return nil, slice, fmt.Errorf("message carries a %T, not a pgx transaction", guarded.Tx)
	}
	return tx.Tx, slice, nil
}
