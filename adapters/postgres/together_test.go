package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/internal/dbsqlc"
)

// batches counts the round trips that batches take.
type batches struct {
	mu  sync.Mutex
	all []int
}

func (*batches) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (*batches) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (b *batches) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, data.Batch.Len())
	return ctx
}

func (*batches) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*batches) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// number looks a number up that the server is told.
func number(found *[]int, n int) func(dbsqlc.DBTX) error {
	return func(db dbsqlc.DBTX) error {
		rows, err := db.Query(context.Background(), "SELECT $1::integer", n)
		if err != nil {
			return err
		}
		numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
		*found = append(*found, numbers...)
		return err
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	counted := &batches{}
	db, err := b.db.Traced(t.Context(), counted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	nothing := func(dbsqlc.DBTX) error { return nil }
	errOwn := errors.New("one's own")

	var found []int
	if err := postgres.Together(t.Context(), db.Requests(), number(&found, 1), nothing, number(&found, 2), number(&found, 3)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []int{1, 2, 3}) || !slices.Equal(counted.all, []int{3}) {
		t.Errorf("found %v in batches of %v", found, counted.all)
	}
	if err := postgres.Together(t.Context(), db.Requests(), nothing); err != nil || len(counted.all) != 1 {
		t.Errorf("nothing is asked: %v, %d batches", err, len(counted.all))
	}

	found = nil
	err = postgres.Together(t.Context(), db.Requests(), number(&found, 1), func(db dbsqlc.DBTX) error {
		rows, err := db.Query(context.Background(), "SELECT 1/0")
		if err != nil {
			return err
		}
		_, err = pgx.CollectRows(rows, pgx.RowTo[int])
		return err
	}, func(dbsqlc.DBTX) error { return errOwn })
	if err == nil || !strings.Contains(err.Error(), "division by zero") || !errors.Is(err, errOwn) || !slices.Equal(found, []int{1}) {
		t.Errorf("found %v, %v", found, err)
	}

	err = postgres.Together(t.Context(), db.Requests(), func(db dbsqlc.DBTX) error {
		return errors.Join(number(&found, 1)(db), number(&found, 2)(db))
	})
	if err == nil || !strings.Contains(err.Error(), "makes one query") {
		t.Errorf("a second query: %v", err)
	}
	found = nil
	err = postgres.Together(t.Context(), db.Requests(), func(db dbsqlc.DBTX) error {
		if _, err := db.Query(context.Background(), "SELECT generate_series(1, 10)"); err != nil { //nolint:gocritic,sqlclosecheck // its rows are left open
			return err
		}
		panic("with rows at hand")
	}, number(&found, 2))
	if err == nil || !strings.Contains(err.Error(), "with rows at hand") || !slices.Equal(found, []int{2}) {
		t.Errorf("found %v beside one who panics, %v", found, err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := postgres.Together(stopped, db.Requests(), number(&found, 1), number(&found, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
