package eventbus

import (
	"context"
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
)

// guardedBeginner begins transactions that do not end while a slice is handled in them.
type guardedBeginner struct {
	sql.Beginner
	handling *sync.Mutex
	stopping <-chan struct{}
}

// BeginTx begins a transaction.
func (b guardedBeginner) BeginTx(ctx context.Context, options *stdsql.TxOptions) (sql.Tx, error) {
	tx, err := b.Beginner.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return guardedTx{Tx: tx, handling: b.handling, stopping: b.stopping}, nil
}

type guardedTx struct {
	sql.Tx
	handling *sync.Mutex
	stopping <-chan struct{}
}

// Commit commits once no slice is being handled. That a stopping consumer's commit fails is no news: its connection is
// closed with it, and the slice is handled after the next start.
func (t guardedTx) Commit() error {
	t.handling.Lock()
	defer t.handling.Unlock()
	err := t.Tx.Commit()
	select {
	case <-t.stopping:
		if err != nil {
			return stdsql.ErrTxDone
		}
	default:
	}
	return err
}

// Rollback rolls back once no slice is being handled.
func (t guardedTx) Rollback() error {
	t.handling.Lock()
	defer t.handling.Unlock()
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
	guarded, ok := carried.(guardedTx)
	if !ok {
		return nil, slice, fmt.Errorf("message carries a %T, not a transaction of this package", carried)
	}
	tx, ok := guarded.Tx.(*sql.PgxTx)
	if !ok {
		return nil, slice, fmt.Errorf("message carries a %T, not a pgx transaction", guarded.Tx)
	}
	return tx.Tx, slice, nil
}
