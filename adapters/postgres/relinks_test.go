package postgres_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/customer"
)

func TestRelinking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	handler := command.NewRelinkHandler(postgres.NewRelinks(b.db))
	relink := func(dryRun bool) (moved []command.Relinked) {
		t.Helper()
		done, err := handler.Handle(t.Context(), command.Relink{By: b.by, DryRun: dryRun, Each: func(one command.Relinked) error {
			moved = append(moved, one)
			return nil
		}})
		if err != nil || done.Moved != len(moved) || done.Looked != 3 {
			t.Fatalf("%+v of %d, %v", done, len(moved), err)
		}
		return moved
	}
	// Nobody is known, so each order makes a customer of its own; the third has nothing to be known by.
	of := b.matched(t, log,
		anOrder("1", phones("+84912000001"), emails("lan@example.vn")), anOrder("2", phones("+84912000002"), emails("lan@example.vn")),
		anOrder("3", phones(), emails(), buyer("B-3")))
	if moved := relink(false); len(moved) != 0 {
		t.Fatalf("without a reason %+v moved", moved)
	}
	b.setRule(t, customer.MatchByEmail)
	head := b.head(t)
	preview := relink(true)
	if len(preview) != 1 || preview[0].From != of[1] || preview[0].To != of[0] || b.head(t) != head {
		t.Fatalf("the preview is %+v, and %d events were left", preview, b.head(t)-head)
	}
	if moved := relink(false); !slices.Equal([]uuid.UUID{moved[0].From, moved[0].To}, []uuid.UUID{of[1], of[0]}) {
		t.Errorf("moved %+v", moved)
	}
	if moved := relink(false); len(moved) != 0 {
		t.Errorf("once more %+v moved", moved)
	}
	b.foldAll(t)
	if got := b.ordersOf(t, of[0]); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("orders %q", got)
	}
	// Back again, and a later version of the order goes on from there.
	b.setRule(t, customer.MatchByPhone)
	if moved := relink(false); len(moved) != 1 || moved[0].To != of[1] {
		t.Errorf("back: %+v", moved)
	}
	b.ingestNew(t, log, anOrder("2", phones("+84912000002"), emails("lan@example.vn"), updatedAfter(1)))
	b.foldAll(t)
	if got := b.ordersOf(t, of[1]); !slices.Equal(got, []string{"2"}) {
		t.Errorf("orders %q", got)
	}
	if got := scan[int64](t, b, "SELECT count(*) FROM crm_order_history WHERE reason = 'relinked' AND delivery_id IS NOT NULL"); got != 0 {
		t.Errorf("%d moves are told as deliveries", got)
	}
	wantSame(t, "event by event", folded(t, b, everySlice(b.head(t), 1)...), folded(t, b, b.head(t)))
}
