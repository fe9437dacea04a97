package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// TestEveryEventIsTold: in both languages, with nothing left out that a sentence speaks of.
func TestEveryEventIsTold(t *testing.T) {
	t.Parallel()
	for _, g := range goldens(t) {
		payload := g.decode(t)
		english, vietnamese := query.Narrate(payload), query.NarrateVietnamese(payload)
		for language, sentence := range map[string]string{"English": english, "Vietnamese": vietnamese} {
			if sentence == g.eventType+"." || !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "%!") || strings.Contains(sentence, "<nil>") {
				t.Errorf("%s says in %s: %q", g.file, language, sentence)
			}
		}
		if english == vietnamese || !strings.ContainsFunc(vietnamese, func(r rune) bool { return r > 0x7f }) {
			t.Errorf("%s says in Vietnamese: %q", g.file, vietnamese)
		}
	}
}

// TestARehearsalRecordsNothing: PostgreSQL itself refuses what would be recorded.
func TestARehearsalRecordsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	head := b.head(t)
	decided := command.Decided{
		Events:    []event.New{received(b.workspaceID, anOrder("1"))},
		Customers: []command.NewCustomer{{WorkspaceID: b.workspaceID, State: customer.State{ID: event.NewID(), Status: customer.StatusActive}}},
	}
	var refused error
	err := postgres.NewRehearsal(b.db).Rehearse(t.Context(), func(store command.Ingestion) error {
		refused = store.Record(t.Context(), decided)
		return refused
	})
	var pgError *pgconn.PgError
	if err == nil || !errors.As(refused, &pgError) || pgError.Code != "25006" {
		t.Errorf("recording is answered with %v", refused)
	}
	if b.head(t) != head || scan[int](t, b, "SELECT count(*) FROM customer_heads") != 0 {
		t.Error("something was recorded")
	}
}
