package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
)

func TestLargeOrdersMakeSmallSlices(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := postgres.Connect(ctx, pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := postgres.NewLog(db)
	defer log.Close()
	head, err := db.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const mebibyte = 1 << 20
	var again []event.New
	for _, bytes := range []int{mebibyte * 3 / 2, mebibyte * 3 / 2, mebibyte * 3 / 2, mebibyte * 3 / 2, 10, 10} {
		id := event.NewID()
		first := event.New{
			ID: event.NewID(), WorkspaceID: uuid.Nil, Stream: event.DeliveryStream(id), Version: 1, Actor: event.ActorWebhook,
			CorrelationID: id, Payload: delivery.OrderReceived{ShopID: "1", OrderID: "1"}, Body: make([]byte, bytes),
		}
		if err := log.Append(ctx, first); err != nil {
			t.Fatal(err)
		}
		retried := first
		retried.ID, retried.Version, retried.Payload, retried.Body = event.NewID(), 2, delivery.IngestionRetried{}, nil
		again = append(again, retried)
	}
	if err := log.Append(ctx, again[:4]...); err != nil {
		t.Fatal(err)
	}
	config := postgres.PolicyConsumer(db, postgres.NewListener(db, slog.New(slog.DiscardHandler)),
		policy.NewOnOrderReceived(command.NewIngestOrderHandler(nil, nil, time.Now)))

	// After 4.5 MiB the bound of 4 MiB is passed. The fourth large one and the two small ones fit together again, with two of
	// those that are tried again, which weigh as much as at first.
	for _, want := range []int64{head + 3, head + 8, head + 10} {
		if _, err := db.Consumers().Exec(ctx, `INSERT INTO cursors (consumer, position) VALUES ($1, 0) ON CONFLICT DO NOTHING`, config.Name); err != nil {
			t.Fatal(err)
		}
		next, err := config.Select.Next(ctx, db.Consumers(), config.Name, config.Size)
		if err != nil {
			t.Fatal(err)
		}
		if next.Upto != want {
			t.Errorf("the slice after %d ends at %d, want %d", next.After, next.Upto, want)
		}
		if _, err := db.Consumers().Exec(context.Background(), `UPDATE cursors SET position = $2 WHERE consumer = $1`, config.Name, next.Upto); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALostInstanceGivesItsLocksUp(t *testing.T) {
	t.Parallel()
	db, err := postgres.Connect(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, pool := range map[string]*pgxpool.Pool{"requests": db.Requests(), "consumers": db.Consumers()} {
		var timeout string
		if err := pool.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&timeout); err != nil || timeout != "15s" {
			t.Errorf("%s: a transaction waits for its client for %q (%v), want 15s", name, timeout, err)
		}
	}
}
