package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"orderbridge/adapters/postgres/internal/dbsqlc"
)

// together lets several look-ups go to the server in one round trip. None may need what another finds, and each makes one query at
// most. What they do with the answers they do one after the other.
func together(ctx context.Context, to batchSender, lookUps ...func(dbsqlc.DBTX) error) error {
	shared := make([]*sharedQuery, 0, len(lookUps))
	for _, lookUp := range lookUps {
		query := &sharedQuery{asked: make(chan struct{}), answer: make(chan answer), done: make(chan struct{})}
		go func() {
			defer close(query.done)
			defer func() { // or it would end the program
				if recovered := recover(); recovered != nil {
					query.err = fmt.Errorf("panic: %v\n%s", recovered, debug.Stack())
				}
			}()
			query.err = lookUp(query)
		}()
		shared = append(shared, query)
	}
	var batch pgx.Batch
	var asked []*sharedQuery
	var failures []error
	for _, query := range shared {
		select {
		case <-query.asked:
			batch.Queue(query.sql, query.args...)
			asked = append(asked, query)
		case <-query.done: // without a question
			failures = append(failures, query.err)
		}
	}
	if len(asked) == 0 {
		return errors.Join(failures...)
	}
	results := to.SendBatch(ctx, &batch)
	for _, query := range asked {
		rows, err := results.Query()
		query.answer <- answer{rows, err}
		<-query.done
		if rows != nil {
			rows.Close() // which whoever failed may have left to us
		}
		failures = append(failures, query.err)
	}
	return errors.Join(append(failures, results.Close())...)
}

// sharedQuery is a connection as one of the look-ups sees it: its query waits for those of the others.
type sharedQuery struct {
	sql    string
	args   []any
	asked  chan struct{}
	answer chan answer
	done   chan struct{}
	err    error
}

type answer struct {
	rows pgx.Rows
	err  error
}

// Query queries, the first time it is called.
func (q *sharedQuery) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	if q.sql != "" {
		return nil, errOneQuery
	}
	q.sql, q.args = sql, args
	close(q.asked)
	answered := <-q.answer
	return answered.rows, answered.err
}

var errOneQuery = errors.New("a look-up that shares a round trip makes one query, and only that")

// Exec is not possible.
func (q *sharedQuery) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errOneQuery
}

// QueryRow is not possible.
func (q *sharedQuery) QueryRow(context.Context, string, ...any) pgx.Row { panic(errOneQuery) }
