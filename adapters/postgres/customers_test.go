package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// keyRows are what the directory has of a customer's keys: "value active claimed", sorted by value.
func (b *bundle) keyRows(t testing.TB, id uuid.UUID) []string {
	t.Helper()
	return list[string](t, b, `SELECT format('%s %s %s', value, CASE WHEN active THEN 'active' ELSE 'inactive' END,
		CASE WHEN claimed THEN 'claimed' ELSE 'free' END) FROM customer_keys WHERE customer_id = $1 ORDER BY value`, id)
}

func TestEditingCustomers(t *testing.T) {
	t.Parallel()

	t.Run("keys that go are forgotten, keys that stay are left alone, and keys that come are claimed like those of a new one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.mustAddCustomer(t, details("Trần Văn Nam", "0987000102"))
		lan := b.mustAddCustomer(t, customer.Details{Name: "Lan", Phones: []string{"0912000451", "0912000452"}, Emails: []string{"lan@example.com"}})
		// The transaction that wrote a row tells whether the row was touched.
		writtenBy := func(value string) string {
			return scan[string](t, b, "SELECT xmin::text FROM customer_keys WHERE customer_id = $1 AND value = $2", lan.ID, value)
		}
		before := writtenBy("+84912000451")
		stored := b.mustEditCustomer(t, lan.ID, customer.Edit{
			Phones: &[]string{"0987000102", "0912000451", "0358000206"}, Emails: &[]string{"Lan.Pham@example.com"},
		})
		want := []string{"+84358000206 active claimed", "+84912000451 active claimed", "+84987000102 active free", "lan.pham@example.com active claimed"}
		if got := b.keyRows(t, lan.ID); !slices.Equal(got, want) {
			t.Errorf("the directory has %q, want %q", got, want)
		}
		if writtenBy("+84912000451") != before {
			t.Error("a key that stays was written")
		}
		if stored.Version != 2 || stored.Position != b.head(t) || !slices.Equal(stored.State.Phones, []string{"+84987000102", "+84912000451", "+84358000206"}) {
			t.Errorf("stored %+v", stored)
		}
		events := payloadsOf[customer.CustomerUpdated](b.events(t))
		if len(events) != 1 || len(events[0].Changes) != 2 || events[0].Customer.ID != lan.ID {
			t.Errorf("the log has %+v", events)
		}

		nothing := b.mustEditCustomer(t, lan.ID, customer.Edit{Phones: &stored.State.Phones})
		if nothing.Version != 2 || nothing.Position != 0 || b.head(t) != stored.Position {
			t.Errorf("an edit of nothing left %+v", nothing)
		}

		// Orders follow the keys.
		log := b.newLog(t)
		if id, _ := decisionOf(t, b.ingestNew(t, log, anOrder("1", phones("+84358000206")))); id != lan.ID {
			t.Error("a phone that came does not find the customer")
		}
		if id, _ := decisionOf(t, b.ingestNew(t, log, anOrder("2", phones("+84912000452")))); id == lan.ID {
			t.Error("a phone that went finds the customer")
		}
	})

	t.Run("an archived customer's keys stay out of use", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lan := b.mustAddCustomer(t, details("Lan", "0912000451"))
		b.setStatus(t, lan.ID, customer.StatusArchived)
		b.mustEditCustomer(t, lan.ID, customer.Edit{Phones: &[]string{"0912000451", "0987000102"}})
		want := []string{"+84912000451 inactive free", "+84987000102 inactive free"}
		if got := b.keyRows(t, lan.ID); !slices.Equal(got, want) {
			t.Errorf("the directory has %q, want %q", got, want)
		}
		b.setStatus(t, lan.ID, customer.StatusActive)
		if id, _ := decisionOf(t, b.ingestNew(t, b.newLog(t), anOrder("1", phones("+84987000102")))); id != lan.ID {
			t.Error("a phone that came while they were archived does not find the customer")
		}
	})

	t.Run("a refused edit leaves neither event nor key, and is not remembered", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lan := b.mustAddCustomer(t, details("Lan", "0912000451"))
		b.mustEditCustomer(t, lan.ID, customer.Edit{Note: new("Gọi trước.")})
		head, keys := b.head(t), b.keyRows(t, lan.ID)
		handler := command.NewEditCustomerHandler(postgres.NewCustomers(b.db), now)
		phone := customer.Edit{Phones: &[]string{"0987000102"}}
		by := b.by
		by.Once = &command.Once{Caller: "a", Key: "b"}
		_, err := handler.Handle(t.Context(), command.EditCustomer{By: by, ID: lan.ID, IfVersion: 1, Edit: phone})
		wantProblem(t, err, problem.KindStale, "version-stale")
		_, err = handler.Handle(t.Context(), command.EditCustomer{By: by, ID: lan.ID, Edit: customer.Edit{Phones: &[]string{"0987000102", "12"}}})
		wantProblem(t, err, problem.KindInvalid, "customer-invalid")
		_, err = handler.Handle(t.Context(), command.EditCustomer{By: by, ID: event.NewID(), Edit: phone})
		wantProblem(t, err, problem.KindNotFound, "customer-unknown")
		by.WorkspaceID = b.addWorkspace(t, "other", customer.MatchByPhone)
		_, err = handler.Handle(t.Context(), command.EditCustomer{By: by, ID: lan.ID, Edit: phone})
		wantProblem(t, err, problem.KindNotFound, "customer-unknown")
		if got := b.keyRows(t, lan.ID); b.head(t) != head || !slices.Equal(got, keys) {
			t.Errorf("%d events came, and the directory has %q", b.head(t)-head, got)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM idempotency_keys"); got != 0 {
			t.Errorf("%d refused requests were remembered", got)
		}
	})
}

func TestEditingCustomersAtTheSameTime(t *testing.T) {
	t.Parallel()

	t.Run("a phone given to a customer while an order of that phone arrives: the later of the two sees the other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		const rounds = 40
		phone := func(i int) string { return fmt.Sprintf("+849120%05d", i) }
		edited := map[string]uuid.UUID{}
		var ids []uuid.UUID
		for i := range rounds {
			ids = append(ids, b.mustAddCustomer(t, details(fmt.Sprint("Nam ", i))).ID)
			edited[phone(i)] = ids[i]
			b.deliver(t, log, anOrder(fmt.Sprint(i), phones(phone(i))))
		}
		positions := b.receivedPositions(t)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range rounds {
			group.Go(func() {
				<-start
				if _, err := b.editCustomer(t.Context(), ids[i], customer.Edit{Phones: &[]string{phone(i)}}); err != nil {
					t.Error("operator:", err)
				}
			})
		}
		close(start)
		b.ingestAtOnce(t, positions)
		group.Wait()

		given, created, matched := map[string]int64{}, map[string]int64{}, 0
		for _, e := range b.events(t) {
			switch payload := e.Payload.(type) {
			case customer.CustomerUpdated:
				given[payload.Customer.Phones[0]] = e.Position
			case customer.CustomerCreated:
				created[payload.Customer.Phones[0]] = e.Position
			case order.CustomerMatched:
				matched++
				if key := *payload.Decision.Key; payload.CustomerID != edited[key.Value] {
					t.Errorf("the order of %s matched %s", key, payload.CustomerID)
				}
			}
		}
		if len(given) != rounds || matched+len(created) != rounds {
			t.Errorf("%d phones were given; %d orders matched and %d made a customer, of %d", len(given), matched, len(created), rounds)
		}
		for phone, position := range created {
			if given[phone] < position {
				t.Errorf("a customer was created at %d for a phone that was given to one at %d", position, given[phone])
			}
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM customer_keys WHERE claimed"); got != rounds {
			t.Errorf("%d phones are claimed, want %d", got, rounds)
		}
	})

	t.Run("of two who both saw nobody with a phone, the second to store it decides again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lan, nam := b.mustAddCustomer(t, details("Lan")), b.mustAddCustomer(t, details("Nam"))
		key := contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}
		// What another writer stored and has not committed yet.
		tx, err := b.admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
			VALUES ($1, $2, $3, $4, true, true)`, b.workspaceID, string(key.Kind), key.Value, nam.ID); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := b.editCustomer(t.Context(), lan.ID, customer.Edit{Phones: &[]string{key.Value}})
			done <- err
		}()
		eventually(t, "the edit waits", func() bool {
			return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid')`)
		})
		if err := errors.Join(tx.Commit(t.Context()), <-done); err != nil {
			t.Fatal(err)
		}
		if got := b.keyRows(t, lan.ID); !slices.Equal(got, []string{"+84912000451 active free"}) {
			t.Errorf("the directory has %q", got)
		}
		if edits := payloadsOf[customer.CustomerUpdated](b.events(t)); len(edits) != 1 {
			t.Errorf("%d edits are in the log", len(edits))
		}
	})

	t.Run("customers who swap phones and are archived meanwhile never deadlock, and end as the log says", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var numbers []string
		for i := range 16 {
			numbers = append(numbers, fmt.Sprintf("+849120004%02d", i))
		}
		reversed := slices.Clone(numbers)
		slices.Reverse(reversed)
		half := reversed[:8]
		ids := []uuid.UUID{
			b.mustAddCustomer(t, details("Lan", numbers[:8]...)).ID, b.mustAddCustomer(t, details("Nam", numbers[8:]...)).ID,
			b.mustAddCustomer(t, details("An", reversed...)).ID,
		}
		edit := func(phones *[]string) func(uuid.UUID, int) error {
			return func(id uuid.UUID, _ int) error {
				_, err := b.editCustomer(t.Context(), id, customer.Edit{Phones: phones})
				return err
			}
		}
		setStatus := func(id uuid.UUID, round int) error {
			status := []customer.Status{customer.StatusArchived, customer.StatusActive}[round%2]
			_, err := command.NewChangeCustomerStatusHandler(postgres.NewCustomers(b.db)).Handle(t.Context(),
				command.ChangeCustomerStatus{By: b.by, ID: id, Status: status})
			return err
		}
		var group sync.WaitGroup
		for _, id := range ids {
			for _, change := range []func(uuid.UUID, int) error{edit(&numbers), edit(&half), setStatus} {
				group.Go(func() {
					for round := range 10 {
						// Whoever is overtaken five times in a row gives up, and that is all that may happen.
						if err := change(id, round); err != nil && !errors.Is(err, postgres.ErrVersionConflict) && !errors.Is(err, postgres.ErrKeyClaimed) {
							t.Error(err)
						}
					}
				})
			}
		}
		group.Wait()
		for _, id := range ids {
			history, err := b.db.History(t.Context(), b.workspaceID, event.CustomerStream(id))
			if err != nil {
				t.Fatal(err)
			}
			state := customer.Rehydrate(history).State()
			active := state.Status == customer.StatusActive
			var want []string
			for _, key := range state.Keys() {
				want = append(want, fmt.Sprintf("%s %t", key.Value, active))
			}
			slices.Sort(want)
			got := list[string](t, b, "SELECT value || ' ' || active FROM customer_keys WHERE customer_id = $1 ORDER BY value", id)
			if !slices.Equal(got, want) {
				t.Errorf("the directory has %q of %s, and the log says %q", got, state.Name, want)
			}
			if head := scan[bool](t, b, "SELECT active FROM customer_heads WHERE id = $1", id); head != active {
				t.Errorf("%s is active: %t", state.Name, head)
			}
		}
	})
}
