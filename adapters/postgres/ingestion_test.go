package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// widePool is the consumers' pool with room for many slices at once, as if many instances ran.
func (b *bundle) widePool(t *testing.T, connections int32) *pgxpool.Pool {
	t.Helper()
	config := b.db.Consumers().Config()
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// ingestAtOnce takes in each delivery in a transaction of its own, all at the same time, deciding again on conflict. It
// returns how often that was.
func (b *bundle) ingestAtOnce(t *testing.T, positions []int64) int64 {
	t.Helper()
	pool := b.widePool(t, 16)
	var conflicts atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for _, position := range positions {
		group.Go(func() {
			<-start
			for {
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
					events, err := postgres.ReceivedOrders(t.Context(), tx, position-1, position)
					if err != nil {
						return err
					}
					// A consumer's name of its own, or the cursor would make them wait for each other.
					store := postgres.NewIngestion(tx, fmt.Sprint("test ", position), position)
					return ingestHandler().Handle(t.Context(), store, command.IngestOrder{Received: events})
				})
				if errors.Is(err, postgres.ErrVersionConflict) || errors.Is(err, postgres.ErrKeyClaimed) {
					conflicts.Add(1)
					continue
				}
				if err != nil {
					t.Errorf("delivery %d: %v", position, err)
				}
				return
			}
		})
	}
	close(start)
	group.Wait()
	return conflicts.Load()
}

func (b *bundle) receivedPositions(t *testing.T) []int64 {
	t.Helper()
	return list[int64](t, b, "SELECT position FROM events WHERE type = 'OrderReceived' ORDER BY position")
}

func TestIngestionAtTheSameTime(t *testing.T) {
	t.Parallel()

	t.Run("of two who both saw nobody with a new phone, the second to store a customer fails", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.deliver(t, b.newLog(t), anOrder("1"), anOrder("2"))
		events := b.events(t)[1:]
		tx := [2]pgx.Tx{}
		facts := [2]*command.Facts{}
		key := command.ContactKey{WorkspaceID: b.workspaceID, Key: contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}}
		for i := range tx {
			var err error
			if tx[i], err = b.db.Consumers().Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = tx[i].Rollback(context.Background()) }) // ended already, unless something went wrong
			facts[i], err = postgres.NewIngestion(tx[i], "a", 2).Facts(t.Context(), command.Questions{
				Workspaces: map[uuid.UUID]struct{}{b.workspaceID: {}}, Customers: map[command.ContactKey]struct{}{key: {}},
			})
			if err != nil || facts[i].Holders[key].Count != 0 {
				t.Fatalf("the phone is held by %d, %v", facts[i].Holders[key].Count, err)
			}
		}
		record := func(i int) error {
			received, err := postgres.ReceivedOrders(t.Context(), tx[i], events[i].Position-1, events[i].Position)
			if err != nil {
				return err
			}
			store := decidedOn{Ingestion: postgres.NewIngestion(tx[i], fmt.Sprint("consumer ", i), events[i].Position), facts: facts[i]}
			return ingestHandler().Handle(t.Context(), store, command.IngestOrder{Received: received})
		}
		if err := record(0); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- record(1) }()
		eventually(t, "the second waits for the first", func() bool {
			return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event = 'transactionid')`)
		})
		if err := tx[0].Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-second; !errors.Is(err, postgres.ErrKeyClaimed) {
			t.Errorf("the second got %v", err)
		}
	})

	t.Run("a hundred orders of one new phone make one customer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		for i := range 100 {
			b.deliver(t, log, anOrder(fmt.Sprint(1000+i)))
		}
		conflicts := b.ingestAtOnce(t, b.receivedPositions(t))
		events := b.events(t)
		counts := typesOf(events)
		if counts["CustomerCreated"] != 1 || counts["CustomerMatched"] != 99 || counts["OrderCreated"] != 100 || counts["SourceEnsured"] != 100 {
			t.Errorf("the log has %v", counts)
		}
		if conflicts == 0 {
			t.Error("nobody came in between, so this shows nothing")
		}
		id := payloadsOf[customer.CustomerCreated](events)[0].Customer.ID
		for _, created := range payloadsOf[order.OrderCreated](events) {
			if created.CustomerID != id {
				t.Errorf("order %s belongs to %s, want %s", created.Code, created.CustomerID, id)
			}
		}
		if made := slices.DeleteFunc(payloadsOf[order.SourceEnsured](events), func(s order.SourceEnsured) bool { return !s.Created }); len(made) != 1 {
			t.Errorf("the source was created %d times", len(made))
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM customer_keys"); got != 1 {
			t.Errorf("the phone is held %d times", got)
		}
	})

	t.Run("one order delivered fifty times is created once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		for range 50 {
			b.deliver(t, log, anOrder("2051"))
		}
		b.ingestAtOnce(t, b.receivedPositions(t))
		events := b.events(t)
		counts := typesOf(events)
		if counts["OrderCreated"] != 1 || counts["OrderUnchanged"] != 49 || counts["CustomerCreated"] != 1 || counts["CustomerMatched"] != 0 {
			t.Errorf("the log has %v", counts)
		}
		for _, unchanged := range payloadsOf[order.OrderUnchanged](events) {
			if unchanged.Reason != order.UnchangedIdentical {
				t.Errorf("unchanged because %s", unchanged.Reason)
			}
		}
	})

	t.Run("versions of one order delivered at once end with the newest, however they come", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		for i := range 30 {
			b.deliver(t, log, anOrder("2051", updatedAfter(time.Duration(i)*time.Minute), func(s *order.State) { s.Note = fmt.Sprint("version ", i) }))
		}
		b.ingestAtOnce(t, b.receivedPositions(t))
		b.foldAll(t)
		var last order.State
		for _, e := range b.events(t) {
			switch payload := e.Payload.(type) {
			case order.OrderCreated:
				last = payload.Order
			case order.OrderUpdated:
				last = payload.Order
			}
		}
		if last.Note != "version 29" {
			t.Errorf("the order ends with %q", last.Note)
		}
		if counts := typesOf(b.events(t)); counts["OrderCreated"] != 1 || counts["OrderCreated"]+counts["OrderUpdated"]+counts["OrderUnchanged"] != 30 {
			t.Errorf("the log has %v", counts)
		}
	})

	t.Run("an operator's customer and an order of the same new phone never make two of which the order's is the younger", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		const rounds = 40
		phone := func(i int) string { return fmt.Sprintf("+849120%05d", i) }
		for i := range rounds {
			b.deliver(t, log, anOrder(fmt.Sprint(i), phones(phone(i))))
		}
		positions := b.receivedPositions(t)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range rounds {
			group.Go(func() {
				<-start
				if _, err := b.addCustomer(t.Context(), b.by, customer.Details{Name: "Trần Văn Nam", Phones: []string{phone(i)}}); err != nil {
					t.Error("operator:", err)
				}
			})
		}
		close(start)
		b.ingestAtOnce(t, positions)
		group.Wait()

		imported, created := map[string]int64{}, map[string]int64{}
		for _, e := range b.events(t) {
			switch payload := e.Payload.(type) {
			case customer.CustomerImported:
				imported[payload.Customer.Phones[0]] = e.Position
			case customer.CustomerCreated:
				created[payload.Customer.Phones[0]] = e.Position
			}
		}
		if len(imported) != rounds {
			t.Errorf("%d of %d customers were added", len(imported), rounds)
		}
		for phone, position := range created {
			if imported[phone] < position {
				t.Errorf("a customer was created at %d for a phone that one added at %d has", position, imported[phone])
			}
		}
		if matched := len(payloadsOf[order.CustomerMatched](b.events(t))); matched+len(created) != rounds {
			t.Errorf("%d orders matched and %d made a customer, of %d", matched, len(created), rounds)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM customer_keys WHERE claimed"); got != rounds {
			t.Errorf("%d phones are claimed, want %d", got, rounds)
		}
	})

	t.Run("operators who add customers with the same two phones in another order do not get into each other's way", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range 100 {
			// Many phones, so that the statement takes a while.
			var numbers []string
			for n := range 20 {
				numbers = append(numbers, fmt.Sprintf("+849120%03d%02d", i/4, n))
			}
			if i%2 == 1 {
				slices.Reverse(numbers)
			}
			group.Go(func() {
				<-start
				if _, err := b.addCustomer(t.Context(), b.by, customer.Details{Name: "Trần Văn Nam", Phones: numbers}); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
	})
}

// decidedOn answers with facts that were read before.
type decidedOn struct {
	command.Ingestion

	facts *command.Facts
}

func (d decidedOn) Facts(ctx context.Context, questions command.Questions) (*command.Facts, error) {
	facts, err := d.Ingestion.Facts(ctx, questions)
	if err != nil {
		return nil, err
	}
	facts.Holders = d.facts.Holders
	return facts, nil
}

// decisionOf is how the only order among the events got its customer.
func decisionOf(t *testing.T, events []event.Recorded) (uuid.UUID, customer.Decision) {
	t.Helper()
	matched, created := payloadsOf[order.CustomerMatched](events), payloadsOf[customer.CustomerCreated](events)
	switch {
	case len(matched) == 1 && len(created) == 0:
		return matched[0].CustomerID, matched[0].Decision
	case len(matched) == 0 && len(created) == 1:
		return created[0].Customer.ID, created[0].Decision
	default:
		t.Fatalf("the events are %v", typesOf(events))
		panic("unreachable")
	}
}

func TestIngestionMatchesCustomers(t *testing.T) {
	t.Parallel()

	t.Run("an archived customer does not match, a restored one matches again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		known := b.mustAddCustomer(t, customer.Details{Name: "Phạm Thị Lan", Phones: []string{"0912 000 451"}})

		id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("1")))
		if id != known.ID || decision.Reason != customer.ReasonOnlyHolder || decision.CandidateCount != 1 ||
			*decision.Key != (contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}) {
			t.Errorf("matched %s, %+v", id, decision)
		}

		b.setStatus(t, known.ID, customer.StatusArchived)
		second, decision := decisionOf(t, b.ingestNew(t, log, anOrder("2")))
		if second == known.ID || decision.Reason != customer.ReasonNoHolder {
			t.Errorf("after archiving: %s, %+v", second, decision)
		}
		b.setStatus(t, second, customer.StatusArchived)
		third, decision := decisionOf(t, b.ingestNew(t, log, anOrder("3")))
		if third == known.ID || third == second || decision.Reason != customer.ReasonNoHolder {
			t.Errorf("after archiving the second too: %s, %+v", third, decision)
		}

		b.setStatus(t, known.ID, customer.StatusActive)
		b.setStatus(t, second, customer.StatusActive)
		id, decision = decisionOf(t, b.ingestNew(t, log, anOrder("4")))
		if id != known.ID || decision.Reason != customer.ReasonOldestHolder || decision.CandidateCount != 3 ||
			!slices.Equal(decision.Candidates, []uuid.UUID{known.ID, second, third}) {
			t.Errorf("after restoring both: %s, %+v", id, decision)
		}
	})

	t.Run("the oldest of many wins, ten are named and all are counted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		var ids []uuid.UUID
		for range 12 {
			ids = append(ids, b.mustAddCustomer(t, customer.Details{Name: "Phạm Thị Lan", Phones: []string{"0912000451"}}).ID)
		}
		id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("1")))
		if id != ids[0] || decision.CandidateCount != 12 || !slices.Equal(decision.Candidates, ids[:10]) {
			t.Errorf("matched %s, %+v", id, decision)
		}
	})

	t.Run("the rule decides which keys are looked at, and all of them find later orders", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		state := anOrder("1", phones("+84912000451", "+84358000206"), emails("lan.pham@example.com"))
		first, decision := decisionOf(t, b.ingestNew(t, log, state))
		if decision.Rule != customer.MatchByPhone || len(decision.Tried) != 2 {
			t.Errorf("first: %+v", decision)
		}
		second, _ := decisionOf(t, b.ingestNew(t, log, anOrder("2", phones(), emails("lan.pham@example.com"))))
		if second == first {
			t.Error("an email matched although the rule is the phone")
		}
		b.setRule(t, customer.MatchByPhoneOrEmail)
		id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("3", phones("+84987000999"), emails("lan.pham@example.com"))))
		if id != first || decision.Key.Kind != contact.KindEmail || decision.CandidateCount != 2 || decision.Rule != customer.MatchByPhoneOrEmail {
			t.Errorf("by email: %s, %+v", id, decision)
		}
		id, _ = decisionOf(t, b.ingestNew(t, log, anOrder("4", phones("+84358000206"))))
		if id != first {
			t.Error("the second phone does not find the customer")
		}
		b.setRule(t, customer.MatchByEmail)
		if id, _ := decisionOf(t, b.ingestNew(t, log, anOrder("5"))); id == first {
			t.Error("a phone matched although the rule is the email")
		}
	})

	t.Run("without keys the shop's buyer is who they were before, but only while active", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		first, _ := decisionOf(t, b.ingestNew(t, log, anOrder("1", buyer("B-1"))))
		id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("2", buyer("B-1"), phones())))
		if id != first || decision.Reason != customer.ReasonKnownBuyer || decision.BuyerID != "B-1" || decision.ShopID != shopID {
			t.Errorf("got %s, %+v", id, decision)
		}
		otherShop := anOrder("3", buyer("B-1"), phones(), func(s *order.State) { s.ShopID = "1635294033" })
		if id, decision := decisionOf(t, b.ingestNew(t, log, otherShop)); id == first || decision.Reason != customer.ReasonNoUsableKey {
			t.Errorf("the buyer of another shop: %s, %+v", id, decision)
		}
		if id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("4", phones()))); id == first || decision.Reason != customer.ReasonNoUsableKey {
			t.Errorf("nobody at all: %s, %+v", id, decision)
		}
		b.setStatus(t, first, customer.StatusArchived)
		fifth, decision := decisionOf(t, b.ingestNew(t, log, anOrder("5", buyer("B-1"), phones())))
		if fifth == first || decision.Reason != customer.ReasonNoUsableKey {
			t.Errorf("bound to an archived customer: %s, %+v", fifth, decision)
		}
		b.setStatus(t, first, customer.StatusActive)
		if id, _ := decisionOf(t, b.ingestNew(t, log, anOrder("6", buyer("B-1"), phones()))); id != fifth {
			t.Errorf("bound to %s, want the one since, %s", id, fifth)
		}
		// A key says more than a binding, and changes it.
		other, _ := decisionOf(t, b.ingestNew(t, log, anOrder("7", buyer("B-1"), phones("+84987000102"))))
		if id, _ := decisionOf(t, b.ingestNew(t, log, anOrder("8", buyer("B-1"), phones()))); id != other {
			t.Errorf("bound to %s, want the last one, %s", id, other)
		}
	})

	t.Run("orders of one slice find what the orders before them made", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		events := b.ingestNew(t, b.newLog(t),
			anOrder("1", buyer("B-1")), anOrder("2"), anOrder("3", phones(), buyer("B-1")), anOrder("1", buyer("B-1")),
			anOrder("1", buyer("B-1"), status(1), updatedAfter(time.Minute)))
		counts := typesOf(events)
		if counts["CustomerCreated"] != 1 || counts["CustomerMatched"] != 2 || counts["OrderCreated"] != 3 ||
			counts["OrderUpdated"] != 1 || counts["OrderUnchanged"] != 1 {
			t.Errorf("the slice became %v", counts)
		}
	})

	t.Run("a workspace sees neither customers, orders, buyers nor sources of another", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("1", buyer("B-1")))
		other := b.addWorkspace(t, "other", customer.MatchByPhoneOrEmail)
		before := b.head(t)
		if err := log.Append(t.Context(), received(other, anOrder("1")), received(other, anOrder("2", buyer("B-1"), phones()))); err != nil {
			t.Fatal(err)
		}
		if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
			t.Fatal(err)
		}
		events := b.events(t)[before:]
		if counts := typesOf(events); counts["CustomerCreated"] != 2 || counts["OrderCreated"] != 2 || !payloadsOf[order.SourceEnsured](events)[0].Created {
			t.Errorf("the other workspace's orders became %v", counts)
		}
		if rule := payloadsOf[customer.CustomerCreated](events)[0].Decision.Rule; rule != customer.MatchByPhoneOrEmail {
			t.Errorf("the rule was %s", rule)
		}
		for _, e := range events {
			if e.WorkspaceID != other {
				t.Errorf("event %d is in workspace %s", e.Position, e.WorkspaceID)
			}
		}
	})
}

func TestIngestionOfOrders(t *testing.T) {
	t.Parallel()

	t.Run("an order's life is kept in its stream, and each step knows its cause", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		steps := []struct {
			state order.State
			want  []string
		}{
			{anOrder("1", status(6)), []string{"OrderSkipped"}},
			{anOrder("1", status(7), updatedAfter(-time.Minute)), []string{"OrderSkipped"}},
			{anOrder("1", status(1), updatedAfter(time.Minute)), []string{"CustomerCreated", "SourceEnsured", "OrderCreated"}},
			{anOrder("1", status(1), updatedAfter(time.Minute)), []string{"OrderUnchanged"}},
			{anOrder("1", updatedAfter(-time.Hour)), []string{"OrderUnchanged"}},
			{anOrder("1", status(2), updatedAfter(time.Minute)), []string{"OrderUpdated"}},
			{anOrder("1", status(2), updatedAfter(time.Hour)), []string{"OrderUnchanged"}},
			{anOrder("1", status(6), updatedAfter(2*time.Hour)), []string{"OrderUpdated"}},
		}
		version := 0
		for i, step := range steps {
			events := b.ingestNew(t, log, step.state)
			var got []string
			for _, e := range events[1:] {
				got = append(got, e.Payload.EventName())
				if e.CorrelationID != events[0].CorrelationID || e.CausationID != events[0].ID || e.Actor != event.ActorPolicy {
					t.Errorf("step %d: %s is correlated with %s and caused by %s (%s)", i, e.Payload.EventName(), e.CorrelationID, e.CausationID, e.Actor)
				}
				if strings.HasPrefix(string(e.Stream), "order/") {
					if version++; e.Version != version || e.Stream != event.OrderStream(shopID, "1") {
						t.Errorf("step %d: %s has version %d of %s, want %d", i, e.Payload.EventName(), e.Version, e.Stream, version)
					}
				}
			}
			if !slices.Equal(got, step.want) {
				t.Errorf("step %d became %v, want %v", i, got, step.want)
			}
		}
	})

	t.Run("an order that cannot be understood fails alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		before := b.head(t)
		bad := receivedBody(b.workspaceID, "2", []byte{0xff, '{'})
		if err := log.Append(t.Context(), received(b.workspaceID, anOrder("1")), bad, received(b.workspaceID, anOrder("3"))); err != nil {
			t.Fatal(err)
		}
		if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
			t.Fatal(err)
		}
		events := b.events(t)[before:]
		failures := payloadsOf[delivery.IngestionFailed](events)
		if len(failures) != 1 || failures[0].Reason != "body-unreadable" || failures[0].OrderID != "2" || failures[0].ShopID != shopID {
			t.Errorf("failures: %+v", failures)
		}
		if got := len(payloadsOf[order.OrderCreated](events)); got != 2 {
			t.Errorf("%d orders were created", got)
		}
	})

	t.Run("an order goes to its creator, else to the first editor, else to the shop's own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		addUser := func(name, phone, email string) user.State {
			stored, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{By: b.by, Name: name, Phone: phone, Email: email})
			if err != nil {
				t.Fatal(err)
			}
			return stored.State
		}
		mai := addUser("Mai Phương", "0904000321", "phuongmai.sale@example.vn")
		// Two with one phone can only be there from before that was refused.
		b.exec(t, `INSERT INTO users (workspace_id, id, name, phone, active) VALUES ($1, $2, 'Mai Phương mới', '+84904000321', true)`,
			b.workspaceID, event.NewID())
		huy := addUser("Quốc Huy", "", "Huy.Sale@example.vn")
		kho := addUser("Kho", "", "")
		gone := addUser("Đã nghỉ", "0904000999", "")
		b.exec(t, "UPDATE users SET active = false WHERE id = $1", gone.ID)
		by := func(creator, editor order.Person) func(*order.State) {
			return func(s *order.State) { s.Creator, s.FirstEditor = creator, editor }
		}
		assigned := func(state order.State) order.Assignee {
			return payloadsOf[order.OrderCreated](b.ingestNew(t, log, state))[0].Assignee
		}
		for _, test := range []struct {
			id              string
			creator, editor order.Person
			want            order.Assignee
		}{
			{"1", order.Person{Phone: "+84904000321"}, order.Person{Email: "huy.sale@example.vn"}, order.Assignee{UserID: mai.ID, Name: mai.Name, Reason: order.AssignedByCreatorPhone}},
			{"2", order.Person{Phone: "+84904000999", Email: "huy.sale@example.vn"}, order.Person{}, order.Assignee{UserID: huy.ID, Name: huy.Name, Reason: order.AssignedByCreatorEmail}},
			{"3", order.Person{Phone: "+84904000000"}, order.Person{Email: "huy.sale@example.vn"}, order.Assignee{UserID: huy.ID, Name: huy.Name, Reason: order.AssignedByFirstEditorEmail}},
			{"4", order.Person{Phone: "+84904000999"}, order.Person{}, order.Assignee{Reason: order.AssignedToNobody}},
		} {
			if got := assigned(anOrder(test.id, by(test.creator, test.editor))); got != test.want {
				t.Errorf("order %s goes to %+v, want %+v", test.id, got, test.want)
			}
		}
		b.connectShop(t, shopID, kho.ID)
		if got, want := assigned(anOrder("5")), (order.Assignee{UserID: kho.ID, Name: kho.Name, Reason: order.AssignedByShopDefault}); got != want {
			t.Errorf("order 5 goes to %+v, want %+v", got, want)
		}
		b.exec(t, "UPDATE users SET active = false WHERE id = $1", kho.ID)
		if got := assigned(anOrder("6")); got.Reason != order.AssignedToNobody {
			t.Errorf("order 6 goes to %+v, who is not active", got)
		}
	})

	t.Run("what a slice records is undone with its transaction, cursor and all", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.deliver(t, b.newLog(t), anOrder("1"))
		b.exec(t, "INSERT INTO cursors (consumer, position) VALUES ('test', 1)")
		nope := errors.New("nope")
		err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
			events, err := postgres.ReceivedOrders(t.Context(), tx, 1, 2)
			if err != nil {
				return err
			}
			if err := ingestHandler().Handle(t.Context(), postgres.NewIngestion(tx, "test", 2), command.IngestOrder{Received: events}); err != nil {
				return err
			}
			var position int64
			if err := tx.QueryRow(t.Context(), "SELECT position FROM cursors WHERE consumer = 'test'").Scan(&position); err != nil || position != 2 {
				t.Errorf("within the transaction the cursor is at %d, %v", position, err)
			}
			return nope
		})
		if !errors.Is(err, nope) {
			t.Fatal(err)
		}
		for _, table := range []string{"customer_heads", "customer_keys", "buyer_bindings", "order_heads", "sources"} {
			if got := scan[int64](t, b, "SELECT count(*) FROM "+table); got != 0 {
				t.Errorf("%s has %d rows", table, got)
			}
		}
		if b.head(t) != 2 || scan[int64](t, b, "SELECT position FROM cursors WHERE consumer = 'test'") != 1 {
			t.Error("log or cursor moved")
		}
	})
}

// connectShop connects a shop with a header of its own.
func (b *bundle) connectShop(t testing.TB, id string, assignee uuid.UUID) {
	t.Helper()
	handler := command.NewConnectShopHandler(postgres.NewWorkspaces(b.db), postgres.NewUsers(b.db), workspace.NewSecretKey())
	_, err := handler.Handle(t.Context(), command.ConnectShop{
		By: b.by, HeaderValue: "value of " + id,
		Shop: workspace.Shop{ID: id, Name: "Shop " + id, HeaderKey: "X-Key", DefaultAssigneeID: assignee},
	})
	if err != nil {
		t.Fatal("connect shop:", err)
	}
}
