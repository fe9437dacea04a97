package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// failing are deliveries that failed.
func (b *bundle) failing(t testing.TB, n int) []uuid.UUID {
	t.Helper()
	var deliveries []event.New
	var ids []uuid.UUID
	for range n {
		deliveries = append(deliveries, receivedBody(b.workspaceID, "1", []byte("?")))
		ids = append(ids, deliveries[len(deliveries)-1].CorrelationID)
	}
	b.ingestSlice(t, b.newLog(t), deliveries...)
	b.foldAll(t)
	return ids
}

func TestRetryingDeliveries(t *testing.T) {
	t.Parallel()

	t.Run("of many who ask for one delivery at once, one is heard", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.failing(t, 1)[0]
		retry := command.NewRetryDeliveryHandler(postgres.NewDeliveries(b.db))
		const callers = 8
		errs := make(chan error, callers)
		for range callers {
			go func() {
				_, err := retry.Handle(t.Context(), command.RetryDelivery{By: b.by, ID: id})
				errs <- err
			}()
		}
		heard := 0
		for range callers {
			err := <-errs
			if err == nil {
				heard++
				continue
			}
			wantProblem(t, err, problem.KindConflict, "delivery-not-retryable")
		}
		retried := payloadsOf[delivery.IngestionRetried](b.events(t))
		if heard != 1 || !slices.Equal(retried, []delivery.IngestionRetried{{Reason: "requested", Attempt: 2}}) {
			t.Errorf("%d were heard: %+v", heard, retried)
		}
		last := b.events(t)[b.head(t)-1]
		if last.Actor != b.by.Actor || last.CorrelationID != id || last.Version != 3 || last.Stream != event.DeliveryStream(id) {
			t.Errorf("it stands as %+v", last.New)
		}
	})

	t.Run("of many who ask for all at once, each delivery is tried once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const deliveries = 450 // of which a transaction takes 200
		b.failing(t, deliveries)
		handler := command.NewRetryDeliveriesHandler(postgres.NewDeliveries(b.db), postgres.NewReadModel(b.db))
		var all sync.WaitGroup
		var mu sync.Mutex
		total := 0
		for range 3 {
			all.Go(func() {
				done, err := handler.Handle(t.Context(), command.RetryDeliveries{By: b.by})
				mu.Lock()
				defer mu.Unlock()
				if total += done.Retried; err != nil || done.Matched != deliveries || done.NextCursor != nil {
					t.Errorf("%+v, %v", done, err)
				}
			})
		}
		all.Wait()
		if events := typesOf(b.events(t))["IngestionRetried"]; events != deliveries || total != deliveries {
			t.Errorf("%d events, told of %d", events, total)
		}
	})

	t.Run("those of another workspace do not exist", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.failing(t, 1)[0]
		by := b.by
		by.WorkspaceID = b.addWorkspace(t, "other", customer.MatchByPhone)
		store := postgres.NewDeliveries(b.db)
		_, err := command.NewRetryDeliveryHandler(store).Handle(t.Context(), command.RetryDelivery{By: by, ID: id})
		wantProblem(t, err, problem.KindNotFound, "delivery-unknown")
		if _, err := postgres.NewReadModel(b.db).DeliveryBody(t.Context(), by.WorkspaceID, id); !errors.Is(err, delivery.ErrUnknown) {
			t.Errorf("its body: %v", err)
		}
		done, err := command.NewRetryDeliveriesHandler(store, postgres.NewReadModel(b.db)).Handle(t.Context(), command.RetryDeliveries{By: by})
		if err != nil || done.Matched != 0 || done.Retried != 0 {
			t.Errorf("%+v, %v", done, err)
		}
	})
}

// TestSearchingAsThePartsMeet looks for words at the places where a search goes over from the latest deliveries to all.
func TestSearchingAsThePartsMeet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fillDeliveries(t, b, 13_000)
	foldDeliveries(t, b)
	read := postgres.NewReadModel(b.db)
	for _, search := range deliverySearches() {
		if !search.filter.Search.Given && search.filter.Phone == "" {
			continue
		}
		var want []uuid.UUID
		without := search.filter
		without.Search, without.Phone = query.DeliverySearch{}, ""
		terms := postgres.DeliveryTerms(search.filter)
		having := list[uuid.UUID](t, b, "SELECT id FROM deliveries WHERE search @@ $1::text::tsquery", terms)
		has := map[uuid.UUID]bool{}
		for _, id := range having {
			has[id] = true
		}
		for _, one := range all(t, 200, func(p query.Page) (query.List[query.Delivery], error) {
			return read.Deliveries(t.Context(), b.workspaceID, without, p)
		}) {
			if has[one.ID] {
				want = append(want, one.ID)
			}
		}
		var got []uuid.UUID
		for _, one := range all(t, 150, func(p query.Page) (query.List[query.Delivery], error) {
			return read.Deliveries(t.Context(), b.workspaceID, search.filter, p)
		}) {
			got = append(got, one.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s finds %d, want %d", search.name, len(got), len(want))
		}
		counts, err := read.DeliveryCounts(t.Context(), b.workspaceID, search.filter)
		if total, capped := counts.Total(); err != nil || total != len(want) || capped {
			t.Errorf("%s counts %d (%t), want %d; %v", search.name, total, capped, len(want), err)
		}
	}
}
