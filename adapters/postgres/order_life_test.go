package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// detail is an order as the read tables show it.
func (b *bundle) detail(t testing.TB, workspaceID uuid.UUID, code string) query.OrderDetail {
	t.Helper()
	found, err := postgres.NewReadModel(b.db).Order(t.Context(), workspaceID, code)
	if err != nil {
		t.Fatalf("read order %s: %v", code, err)
	}
	return found
}

// codeOf is the code that an order of the tests' shop has by default.
func codeOf(id string) string { return order.DefaultCodeTemplate.Code(shopID, id) }

// ingestSlice appends deliveries and takes them in as one slice.
func (b *bundle) ingestSlice(t testing.TB, log *postgres.Log, deliveries ...event.New) {
	t.Helper()
	before := b.head(t)
	if err := log.Append(t.Context(), deliveries...); err != nil {
		t.Fatal("deliver:", err)
	}
	if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
		t.Fatal("ingest:", err)
	}
}

// addWorkspaceSkipping makes another workspace that skips what is first heard of as cancelled, or does not.
func (b *bundle) addWorkspaceSkipping(t testing.TB, rule customer.MatchRule, skipCancelled bool) uuid.UUID {
	t.Helper()
	id := b.addWorkspace(t, uuid.NewString(), rule)
	b.exec(t, "UPDATE workspaces SET skip_cancelled = $2 WHERE id = $1", id, skipCancelled)
	return id
}

// versionsOf draws versions of an order, oldest first, each of a time of its own.
func versionsOf(t *rapid.T, id string) []order.State {
	var versions []order.State
	for i := range rapid.IntRange(1, 5).Draw(t, "versions of "+id) {
		versions = append(versions, anOrder(id, updatedAfter(time.Duration(i)*time.Minute), func(s *order.State) {
			s.Status = order.NewStatus(rapid.SampledFrom([]int{0, 1, 2, 6, 7}).Draw(t, "status"))
			s.Lines = s.Lines[:rapid.IntRange(0, 2).Draw(t, "lines")]
			s.Totals.Due = rapid.Int64Range(0, 2).Draw(t, "due")
			// Clear, corrected, masked, absent; alone or with an email.
			s.Buyer = rapid.SampledFrom([]order.Buyer{
				{Name: "Phạm Thị Lan", Phones: []string{"+84912000451"}},
				{Name: "Phạm Thị Lan", Phones: []string{"+84912000452"}},
				{Name: "Phạm Thị Lan", Phones: []string{"+84912000452"}, Emails: []string{"lan.pham@example.com"}},
				{Name: "Phạm Thị Lan", Emails: []string{"lan.pham@example.com"}},
				{Name: "P***n", Masked: true},
				{Name: "Phạm Thị Lan"},
			}).Draw(t, "buyer")
		}))
	}
	return versions
}

// inSlices cuts deliveries into slices.
func inSlices(t *rapid.T, states []order.State) [][]order.State {
	var slices [][]order.State
	for len(states) > 0 {
		n := rapid.IntRange(1, len(states)).Draw(t, "slice")
		slices = append(slices, states[:n])
		states = states[n:]
	}
	return slices
}

// TestOrdersEndTheSame: whatever the order and repetition of deliveries, and however they are cut into slices.
func TestOrdersEndTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	rapid.Check(t, func(rt *rapid.T) {
		skipCancelled := rapid.Bool().Draw(rt, "skip cancelled")
		rule := rapid.SampledFrom([]customer.MatchRule{
			customer.MatchByPhone, customer.MatchByEmail, customer.MatchByPhoneOrEmail,
		}).Draw(rt, "rule")
		ids := []string{"1", "2"}
		var inOrder []order.State
		for _, id := range ids {
			inOrder = append(inOrder, versionsOf(rt, id)...)
		}
		again := rapid.SliceOfN(rapid.SampledFrom(inOrder), 0, 5).Draw(rt, "again")
		shuffled := rapid.Permutation(slices.Concat(inOrder, again)).Draw(rt, "delivered")

		deliver := func(states []order.State) uuid.UUID {
			workspaceID := b.addWorkspaceSkipping(t, rule, skipCancelled)
			for _, slice := range inSlices(rt, states) {
				var deliveries []event.New
				for _, state := range slice {
					deliveries = append(deliveries, received(workspaceID, state))
				}
				b.ingestSlice(t, log, deliveries...)
			}
			return workspaceID
		}
		control, other := deliver(inOrder), deliver(shuffled)
		b.foldAll(t)
		for _, id := range ids {
			wantSameOrder(rt, b, rule, codeOf(id), control, other)
		}
		for _, workspaceID := range []uuid.UUID{control, other} {
			wantExplained(rt, b, workspaceID)
		}
	})
}

// reporter is a test, or one of many that a property test runs.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// wantSameOrder compares an order of two workspaces: all that the shop says, and what its customer is found by.
func wantSameOrder(t reporter, b *bundle, rule customer.MatchRule, code string, control, other uuid.UUID) {
	t.Helper()
	read := postgres.NewReadModel(b.db)
	var shown [2]string
	for i, workspaceID := range []uuid.UUID{control, other} {
		found, err := read.Order(context.Background(), workspaceID, code)
		if err != nil {
			shown[i] = err.Error() // it was skipped
			continue
		}
		who, err := read.Customer(context.Background(), workspaceID, found.Customer.ID)
		if err != nil {
			t.Fatalf("read customer: %v", err)
		}
		keys, theirs := rule.Keys(found.Buyer.Phones, found.Buyer.Emails), rule.Keys(who.Phones, who.Emails)
		isTheirs := slices.ContainsFunc(keys, func(key contact.Key) bool { return slices.Contains(theirs, key) })
		if isTheirs != (len(keys) > 0) || len(keys) == 0 && len(theirs) > 0 {
			t.Errorf("%s of %+v belongs to a customer with %v, %v", code, found.Buyer, who.Phones, who.Emails)
		}
		found.Customer, found.Source, found.History = query.OrderCustomer{}, query.Reference{}, nil // of the workspace
		encoded, err := json.Marshal(found)
		if err != nil {
			t.Fatalf("%v", err)
		}
		shown[i] = string(encoded)
	}
	if shown[0] != shown[1] {
		t.Errorf("%s ends as\n%s\ndelivered in order as\n%s", code, shown[1], shown[0])
	}
}

// wantExplained checks that every delivery came to something, and says why where that is not plain.
func wantExplained(t reporter, b *bundle, workspaceID uuid.UUID) {
	t.Helper()
	list, err := postgres.NewReadModel(b.db).Deliveries(context.Background(), workspaceID, query.DeliveryFilter{}, query.Page{Limit: query.MaxLimit})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("read %d deliveries: %v", len(list.Items), err)
	}
	reasons := map[query.Outcome][]string{
		query.OutcomeCreated: {"", "was_live"}, query.OutcomeUpdated: {"newer", "same_version", "buyer_revealed"},
		query.OutcomeUnchanged: {"identical", "older"}, query.OutcomeSkipped: {"cancelled", "deleted", "older"},
	}
	for _, d := range list.Items {
		reason := ""
		if d.Reason != nil {
			reason = *d.Reason
		}
		if !slices.Contains(reasons[d.Outcome], reason) {
			t.Errorf("a delivery is %s because %q", d.Outcome, reason)
		}
	}
}

func TestOrdersFollowTheirBuyer(t *testing.T) {
	t.Parallel()
	const lan, corrected = "+84912000451", "+84912000452"
	masked := func(s *order.State) { s.Buyer = order.Buyer{Name: "P***n", Masked: true} }
	for _, test := range []struct {
		name string
		// first and then are two versions of an order, in which order they are delivered.
		first, then []func(*order.State)
		// events are what the second version becomes.
		events  []string
		reason  order.UpdatedReason
		changed []string
		// phone is that of the customer whom the order belongs to in the end; empty for one without.
		phone string
	}{
		{
			name: "who is shown at last", first: []func(*order.State){masked}, then: []func(*order.State){updatedAfter(time.Minute)},
			events: []string{"CustomerCreated", "OrderUpdated"}, reason: order.UpdatedNewer,
			changed: []string{"customer_id", "buyer.name", "buyer.phones", "buyer.masked"}, phone: lan,
		},
		{
			name: "whose phone is corrected", then: []func(*order.State){phones(corrected), updatedAfter(time.Minute)},
			events: []string{"CustomerCreated", "OrderUpdated"}, reason: order.UpdatedNewer, changed: []string{"customer_id", "buyer.phones"}, phone: corrected,
		},
		{
			name: "but not when their phone is masked", then: []func(*order.State){masked, status(1), updatedAfter(time.Minute)},
			events: []string{"OrderUpdated"}, reason: order.UpdatedNewer, changed: []string{"status"}, phone: lan,
		},
		{
			name: "nor when it is gone", then: []func(*order.State){phones(), updatedAfter(time.Minute)},
			events: []string{"OrderUnchanged"}, phone: lan,
		},
		{
			name: "who is shown by an older version", first: []func(*order.State){masked, status(2)}, then: []func(*order.State){updatedAfter(-time.Minute)},
			events: []string{"CustomerCreated", "OrderUpdated"}, reason: order.UpdatedBuyerRevealed,
			changed: []string{"customer_id", "buyer.name", "buyer.phones", "buyer.masked"}, phone: lan,
		},
		{
			name: "but not when an older version shows another", then: []func(*order.State){phones(corrected), updatedAfter(-time.Minute)},
			events: []string{"OrderUnchanged"}, phone: lan,
		},
		{
			name: "nor when only what the rule does not look at is another", then: []func(*order.State){emails("lan.pham@example.com"), updatedAfter(time.Minute)},
			events: []string{"OrderUpdated"}, reason: order.UpdatedNewer, changed: []string{"buyer.emails"}, phone: lan,
		},
		{
			name: "at the same version too", then: []func(*order.State){phones(corrected)},
			events: []string{"CustomerCreated", "OrderUpdated"}, reason: order.UpdatedSameVersion, changed: []string{"customer_id", "buyer.phones"}, phone: corrected,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			log := b.newLog(t)
			b.ingestNew(t, log, anOrder("1", test.first...))
			before := payloadsOf[order.OrderCreated](b.events(t))[0]
			events := b.ingestNew(t, log, anOrder("1", test.then...))[1:]
			var names []string
			for _, e := range events {
				names = append(names, e.Payload.EventName())
			}
			if !slices.Equal(names, test.events) {
				t.Fatalf("the second version became %v, want %v", names, test.events)
			}
			b.foldAll(t)
			shown := b.detail(t, b.workspaceID, codeOf("1"))
			if phone := shown.Customer.Phone; phone == nil || *phone != test.phone {
				t.Errorf("the order belongs to %+v", shown.Customer)
			}
			for _, updated := range payloadsOf[order.OrderUpdated](events) {
				var fields []string
				for _, change := range updated.Changes {
					fields = append(fields, change.Field)
				}
				if updated.Reason != test.reason || !slices.Equal(fields, test.changed) || updated.CustomerID != shown.Customer.ID {
					t.Errorf("updated because %s: %v, want %s: %v", updated.Reason, fields, test.reason, test.changed)
				}
				if updated.Order.Status != before.Order.Status && test.reason == order.UpdatedBuyerRevealed {
					t.Errorf("an older version rolled the status back to %+v", updated.Order.Status)
				}
			}
			for _, created := range payloadsOf[customer.CustomerCreated](events) {
				if created.Decision.MovedFrom != before.CustomerID {
					t.Errorf("moved from %s, want %s", created.Decision.MovedFrom, before.CustomerID)
				}
			}
		})
	}

	t.Run("to a customer who is there already, and their later orders too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		known := b.mustAddCustomer(t, details("Phạm Thị Lan", lan))
		b.ingestNew(t, log, anOrder("1", masked, buyer("B-1")))
		first := payloadsOf[order.OrderCreated](b.events(t))[0]
		events := b.ingestNew(t, log, anOrder("1", buyer("B-1"), updatedAfter(time.Minute)))
		matched := payloadsOf[order.CustomerMatched](events)
		if len(matched) != 1 || matched[0].CustomerID != known.ID || matched[0].Decision.MovedFrom != first.CustomerID ||
			matched[0].Decision.Reason != customer.ReasonOnlyHolder {
			t.Errorf("matched %+v", matched)
		}
		id, decision := decisionOf(t, b.ingestNew(t, log, anOrder("2", masked, func(s *order.State) { s.Buyer.ExternalID = "B-1" })))
		if id != known.ID || decision.Reason != customer.ReasonKnownBuyer || decision.MovedFrom != uuid.Nil {
			t.Errorf("the next order of the same buyer went to %s, %+v", id, decision)
		}
	})

	t.Run("but stay with one who was archived since, while they show the same keys", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("1"))
		first := payloadsOf[order.OrderCreated](b.events(t))[0]
		b.setStatus(t, first.CustomerID, customer.StatusArchived)
		b.ingestNew(t, log, anOrder("1", status(1), updatedAfter(time.Minute)))
		if updated := payloadsOf[order.OrderUpdated](b.events(t)); len(updated) != 1 || updated[0].CustomerID != first.CustomerID {
			t.Errorf("updated %+v", updated)
		}
	})
}

func TestSkippedOrders(t *testing.T) {
	t.Parallel()
	cancelled := []func(*order.State){status(6), func(s *order.State) { s.Note = "đã hủy" }}

	for _, test := range []struct {
		name      string
		cancelled []func(*order.State)
		live      []func(*order.State)
		phone     string
	}{
		{"an older live version brings over a cancelled order, with the buyer of the newest that shows one", cancelled, []func(*order.State){phones("+84912000452")}, "+84912000451"},
		{"or of the live one, when the newest hides them", append([]func(*order.State){phones()}, cancelled...), nil, "+84912000451"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			log := b.newLog(t)
			known := b.mustAddCustomer(t, details("Phạm Thị Lan", "+84912000451"))
			b.ingestNew(t, log, anOrder("1", test.cancelled...))
			events := b.ingestNew(t, log, anOrder("1", append(test.live, updatedAfter(-time.Minute))...))
			created := payloadsOf[order.OrderCreated](events)
			if len(created) != 1 || created[0].Reason != order.CreatedWasLive || created[0].Order.Status.Code != 6 ||
				created[0].Order.Note != "đã hủy" || created[0].Order.Buyer.Phones[0] != test.phone || created[0].CustomerID != known.ID {
				t.Errorf("created %+v", created)
			}
		})
	}

	t.Run("what was skipped before its state was kept is skipped as it was", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("1", cancelled...))
		b.exec(t, "UPDATE order_heads SET state_version = NULL, buyer_updated_at = NULL")
		events := b.ingestNew(t, log, anOrder("1", updatedAfter(-time.Minute)))
		if skipped := payloadsOf[order.OrderSkipped](events); len(skipped) != 1 || skipped[0].Reason != order.SkippedOlder || skipped[0].Order != nil {
			t.Errorf("skipped %+v", skipped)
		}
		if created := payloadsOf[order.OrderCreated](b.ingestNew(t, log, anOrder("1", updatedAfter(time.Minute)))); len(created) != 1 {
			t.Errorf("created %+v", created)
		}
	})

	t.Run("a workspace may keep them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("0", cancelled...))
		b.exec(t, "UPDATE workspaces SET skip_cancelled = false")
		events := b.ingestNew(t, log, anOrder("1", cancelled...), anOrder("2", status(7)), anOrder("0", status(6), updatedAfter(-time.Minute)))
		created := payloadsOf[order.OrderCreated](events)
		if len(created) != 3 || created[2].Order.Note != "đã hủy" || created[2].Reason != "" {
			t.Errorf("created %+v", created)
		}
	})
}

func TestAnOrderKeepsItsCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	b.ingestNew(t, log, anOrder("1"), anOrder("3", status(6)))
	b.exec(t, "UPDATE workspaces SET order_code_template = 'DH-{order_id}.{shop_id}'")
	b.ingestNew(t, log, anOrder("1", status(1), updatedAfter(time.Minute)), anOrder("2"), anOrder("3", updatedAfter(-time.Minute)), anOrder("1"))
	b.foldAll(t)
	codes := list[string](t, b, "SELECT code FROM crm_orders ORDER BY external_id")
	if want := []string{codeOf("1"), "DH-2." + shopID, "DH-3." + shopID}; !slices.Equal(codes, want) {
		t.Errorf("the codes are %q, want %q", codes, want)
	}
	delivered := list[string](t, b, "SELECT order_code || ' ' || outcome FROM deliveries ORDER BY received_position")
	if want := []string{
		codeOf("1") + " created", codeOf("3") + " skipped", codeOf("1") + " updated", "DH-2." + shopID + " created", "DH-3." + shopID + " created",
		codeOf("1") + " unchanged",
	}; !slices.Equal(delivered, want) {
		t.Errorf("the deliveries are %q, want %q", delivered, want)
	}
}

// pause stops bringing in what a shop delivers, or goes on with it.
func (b *bundle) pause(t testing.TB, shopID string, paused bool) {
	t.Helper()
	b.exec(t, "UPDATE shops SET paused = $2 WHERE shop_id = $1", shopID, paused)
}

// retried asks for a delivery once more, as resuming its shop does.
func retried(t testing.TB, b *bundle, deliveryID uuid.UUID) event.New {
	t.Helper()
	history, err := b.db.History(t.Context(), b.workspaceID, event.DeliveryStream(deliveryID))
	if err != nil || len(history) == 0 {
		t.Fatalf("read delivery: %d events, %v", len(history), err)
	}
	return event.New{
		ID: event.NewID(), WorkspaceID: b.workspaceID, Stream: event.DeliveryStream(deliveryID), Version: len(history) + 1,
		Actor: event.ActorCommandLine, CorrelationID: deliveryID, Payload: delivery.IngestionRetried{Reason: delivery.RetriedShopResumed},
	}
}

// outcomeOf is what the read tables say of a delivery.
func (b *bundle) outcomeOf(t testing.TB, id uuid.UUID) string {
	t.Helper()
	b.foldAll(t)
	return scan[string](t, b, "SELECT concat_ws(': ', outcome, reason) FROM deliveries WHERE id = $1", id)
}

func TestPausedShops(t *testing.T) {
	t.Parallel()

	t.Run("a delivery is held, tried again, held again, and brought in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.connectShop(t, shopID, uuid.Nil)
		b.pause(t, shopID, true)
		held := received(b.workspaceID, anOrder("1"))
		unreadable := receivedBody(b.workspaceID, "2", []byte("?"))
		other := received(b.workspaceID, anOrder("3", func(s *order.State) { s.ShopID = "1635294033" }))
		payload := other.Payload.(delivery.OrderReceived)
		payload.ShopID = "1635294033"
		other.Payload = payload
		b.ingestSlice(t, log, held, unreadable, other)
		for _, e := range []event.New{held, unreadable} {
			if got := b.outcomeOf(t, e.CorrelationID); got != "held: shop-paused" {
				t.Errorf("the delivery is %s", got)
			}
		}
		if got := b.outcomeOf(t, other.CorrelationID); got != "created" {
			t.Errorf("another shop's delivery is %s", got)
		}
		rows := list[string](t, b, "SELECT concat_ws(' ', shop_id, position - $1, delivery_id) FROM held_deliveries ORDER BY position",
			scan[int64](t, b, "SELECT min(position) FROM events WHERE type = 'OrderReceived'"))
		if want := []string{shopID + " 0 " + held.CorrelationID.String(), shopID + " 1 " + unreadable.CorrelationID.String()}; !slices.Equal(rows, want) {
			t.Errorf("held are %q, want %q", rows, want)
		}
		if waits := payloadsOf[delivery.IngestionHeld](b.events(t)); len(waits) != 2 || waits[0] != (delivery.IngestionHeld{ShopID: shopID, OrderID: "1", Reason: "shop-paused"}) {
			t.Errorf("held %+v", waits)
		}

		again := retried(t, b, held.CorrelationID)
		if err := log.Append(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if got := b.outcomeOf(t, held.CorrelationID); got != "pending" {
			t.Errorf("before it is tried again it is %s", got)
		}
		if err := b.ingest(t.Context(), "test", b.head(t)-1, b.head(t)); err != nil {
			t.Fatal(err)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM held_deliveries h JOIN events e USING (position) WHERE e.id = $1", again.ID); got != 1 {
			t.Errorf("held %d times by what asked last", got)
		}

		b.pause(t, shopID, false)
		b.ingestSlice(t, log, retried(t, b, held.CorrelationID), retried(t, b, unreadable.CorrelationID))
		if got := b.outcomeOf(t, held.CorrelationID); got != "created" {
			t.Errorf("the delivery is %s", got)
		}
		events := b.events(t)
		last := events[len(events)-1]
		causes := map[uuid.UUID]string{}
		for _, e := range events {
			causes[e.ID] = e.Payload.EventName()
		}
		for _, e := range events {
			if e.Payload.EventName() == "OrderCreated" && e.CorrelationID == held.CorrelationID && causes[e.CausationID] != "IngestionRetried" {
				t.Errorf("the order was created because of %s", causes[e.CausationID])
			}
		}
		if failed, ok := last.Payload.(delivery.IngestionFailed); !ok || failed.Attempt != 1 || failed.OrderID != "2" || last.Version != 4 {
			t.Errorf("the unreadable one ends with %+v of version %d", last.Payload, last.Version)
		}
	})

	t.Run("attempts are counted, whoever asks twice at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		bad := receivedBody(b.workspaceID, "1", []byte("?"))
		b.ingestSlice(t, log, bad)
		first := retried(t, b, bad.CorrelationID)
		second := first
		second.ID, second.Version = event.NewID(), first.Version+1
		b.ingestSlice(t, log, first, second)
		failures := payloadsOf[delivery.IngestionFailed](b.events(t))
		if len(failures) != 3 || failures[0].Attempt != 1 || failures[1].Attempt != 2 || failures[1].ShopID != shopID || failures[1].Reason != "body-unreadable" {
			t.Errorf("failures %+v", failures)
		}
		if got := b.outcomeOf(t, bad.CorrelationID); got != "failed: body-unreadable" {
			t.Errorf("the delivery is %s", got)
		}
	})

	t.Run("who resumes a shop waits for what is held at that moment, and finds it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.connectShop(t, shopID, uuid.Nil)
		b.pause(t, shopID, true)
		b.deliver(t, log, anOrder("1"))
		head := b.head(t)
		resumed := make(chan error, 1)
		found := int64(0)
		err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
			orders, err := postgres.ReceivedOrders(t.Context(), tx, head-1, head)
			if err != nil {
				return err
			}
			handler := ingestHandler()
			if err := handler.Handle(t.Context(), postgres.NewIngestion(tx, "test", head), command.IngestOrder{Received: orders}); err != nil {
				return err
			}
			go func() {
				resumed <- pgx.BeginFunc(context.Background(), b.admin, func(tx pgx.Tx) error {
					if _, err := tx.Exec(context.Background(), "UPDATE shops SET paused = false WHERE shop_id = $1", shopID); err != nil {
						return err
					}
					return tx.QueryRow(context.Background(), "SELECT count(*) FROM held_deliveries").Scan(&found)
				})
			}()
			eventually(t, "the operator waits for the slice", func() bool {
				return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE shops%')`)
			})
			return nil
		})
		if err := errors.Join(err, <-resumed); err != nil {
			t.Fatal(err)
		}
		if found != 1 {
			t.Errorf("the operator found %d held deliveries", found)
		}
	})

	t.Run("who takes in a delivery waits for whoever resumes the shop at that moment, and holds nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.connectShop(t, shopID, uuid.Nil)
		b.pause(t, shopID, true)
		b.deliver(t, log, anOrder("1"))
		head := b.head(t)
		ingested := make(chan error, 1)
		err := pgx.BeginFunc(t.Context(), b.admin, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "UPDATE shops SET paused = false WHERE shop_id = $1", shopID); err != nil {
				return err
			}
			go func() { ingested <- b.ingest(context.Background(), "test", head-1, head) }()
			eventually(t, "the slice waits for the operator", func() bool {
				return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%PausedShops%')`)
			})
			return nil
		})
		if err := errors.Join(err, <-ingested); err != nil {
			t.Fatal(err)
		}
		if counts := typesOf(b.events(t)); counts["OrderCreated"] != 1 || counts["IngestionHeld"] != 0 {
			t.Errorf("the log has %v", counts)
		}
	})
}

func TestMappedStaffAreAssigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	addUser := func(name, phone string) order.Staff {
		stored, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{By: b.by, Name: name, Phone: phone})
		if err != nil {
			t.Fatal(err)
		}
		return order.Staff{ID: stored.State.ID, Name: stored.State.Name}
	}
	mai, huy, gone := addUser("Mai Phương", ""), addUser("Quốc Huy", "0904000322"), addUser("Đã nghỉ", "")
	b.exec(t, "UPDATE users SET active = false WHERE id = $1", gone.ID)
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	for key, id := range map[string]uuid.UUID{"d6d1a3f9": mai.ID, "name:" + shopID + ":Quầy": huy.ID, "left@example.vn": gone.ID} {
		b.exec(t, "INSERT INTO staff_mappings (workspace_id, staff_key, user_id) VALUES ($1, $2, $3)", b.workspaceID, key, id)
	}
	b.exec(t, "INSERT INTO staff_mappings (workspace_id, staff_key, user_id) VALUES ($1, 'elsewhere', $2)", other, mai.ID)
	people := []struct {
		creator, editor order.Person
		want            order.Assignee
	}{
		{order.Person{ExternalID: "d6d1a3f9", Name: "Mai"}, order.Person{Phone: "+84904000322"}, order.Assignee{UserID: mai.ID, Name: mai.Name, Reason: order.AssignedByCreatorMapped}},
		{order.Person{ExternalID: "unknown", Name: "Mai"}, order.Person{Name: "Quầy"}, order.Assignee{Reason: order.AssignedToNobody}},
		{order.Person{}, order.Person{Name: "Quầy"}, order.Assignee{UserID: huy.ID, Name: huy.Name, Reason: order.AssignedByFirstEditorMapped}},
		{order.Person{ExternalID: "d6d1a3f9", Phone: "+84904000322"}, order.Person{}, order.Assignee{UserID: huy.ID, Name: huy.Name, Reason: order.AssignedByCreatorPhone}},
		{order.Person{Email: "left@example.vn"}, order.Person{ExternalID: "elsewhere", Name: "Ai đó"}, order.Assignee{Reason: order.AssignedToNobody}},
		{order.Person{}, order.Person{Phone: "+84904000999", Name: "Ai đó"}, order.Assignee{Reason: order.AssignedToNobody}},
		{order.Person{}, order.Person{}, order.Assignee{Reason: order.AssignedToNobody}},
	}
	var states []order.State
	for i, p := range people {
		states = append(states, anOrder(fmt.Sprint(i), func(s *order.State) { s.Creator, s.FirstEditor = p.creator, p.editor }))
	}
	created := payloadsOf[order.OrderCreated](b.ingestNew(t, log, states...))
	b.foldAll(t)
	for i, p := range people {
		if got := created[i].Assignee; got != p.want {
			t.Errorf("order %d goes to %+v, want %+v", i, got, p.want)
		}
		// The read tables name the same member of the shop's staff as the domain does.
		staff := p.creator
		if staff == (order.Person{}) {
			staff = p.editor
		}
		got := scan[string](t, b, "SELECT coalesce(staff_key, '') || '/' || coalesce(staff_name, '') FROM crm_orders WHERE external_id = $1", fmt.Sprint(i))
		if want := staff.StaffKey(shopID) + "/" + staff.Name; got != want {
			t.Errorf("order %d was made by %q, want %q", i, got, want)
		}
	}
}

func TestOrderDetails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	full := func(s *order.State) {
		s.Channel, s.Tags, s.Note = "Facebook", []string{"gấp", "quà \"🎁\""}, "Gọi trước\nkhi giao"
		s.Shipping = order.Shipping{ReceiverName: "Bình", ReceiverPhone: "0****02", Partner: "GHTK", PartnerStatus: "picked_up", TrackingCode: "S1"}
		s.Payments = order.Payments{COD: 1<<53 + 1, Card: 5}
		s.Creator = order.Person{ExternalID: "d6", Name: "Mai", Email: "mai@example.vn"}
		s.Buyer.Address, s.Buyer.ExternalID, s.Buyer.Masked = "Huế", "B-1", true
		s.StatusHistory = []order.StatusChange{
			{Status: order.NewStatus(0)}, {Status: order.NewStatus(1), Previous: order.NewStatus(0), At: now(), Editor: "Mai"},
		}
	}
	events := b.ingestNew(t, log, anOrder("1"), anOrder("1", full, updatedAfter(time.Minute)), anOrder("1", full, updatedAfter(time.Hour)), anOrder("2"))
	updated := payloadsOf[order.OrderUpdated](events)[0]
	b.mustReassign(t, "1", "d6", order.Staff{ID: event.NewID(), Name: "Quốc Huy"})
	b.foldAll(t)

	got := b.detail(t, b.workspaceID, codeOf("1"))
	if got.Channel == nil || *got.Channel != "Facebook" || !slices.Equal(got.Tags, []string{"gấp", "quà \"🎁\""}) || *got.Note != "Gọi trước\nkhi giao" ||
		*got.Shipping.ReceiverPhone != "0****02" || got.Shipping.Address != nil || got.Payments != (query.OrderPayments{COD: 1<<53 + 1, Card: 5}) ||
		*got.Buyer.Address != "Huế" || !got.Buyer.Masked || got.Buyer.Gender != nil || got.Creator.Key != "d6" || got.FirstEditor != nil ||
		!got.UpdatedAt.Equal(anOrder("1", updatedAfter(time.Hour)).UpdatedAt) || len(got.Lines) != 2 {
		t.Errorf("the order is %+v", got)
	}
	if got.Assignee == nil || got.Assignee.Name != "Quốc Huy" || got.AssigneeReason != order.AssignedByCreatorMapped {
		t.Errorf("the assignee is %+v because %s", got.Assignee, got.AssigneeReason)
	}
	if h := got.StatusHistory; len(h) != 2 || h[0].Previous != nil || h[0].At != nil || h[1].Previous.Name != "new" || !h[1].At.Equal(now()) || *h[1].Editor != "Mai" {
		t.Errorf("the status history is %+v", h)
	}
	var names []string
	for _, e := range got.History {
		names = append(names, e.Event)
	}
	if !slices.Equal(names, []string{"OrderCreated", "OrderUpdated", "OrderReassigned"}) {
		t.Fatalf("the history is %v", names)
	}
	first, second, third := got.History[0], got.History[1], got.History[2]
	if first.Reason != nil || len(first.Changes) != 0 || first.Actor != event.ActorPolicy || *first.DeliveryID != events[0].CorrelationID {
		t.Errorf("at first: %+v", first)
	}
	encoded, err := json.Marshal(second.Changes)
	want, _ := json.Marshal(updated.Changes)
	if err != nil || !bytes.Equal(encoded, want) || *second.Reason != "newer" || second.CustomerID != got.Customer.ID || second.Status != got.Status {
		t.Errorf("then: %+v, with %s, want %s", second, encoded, want)
	}
	if third.DeliveryID != nil || third.Reason != nil || third.Actor != b.by.Actor || third.Changes[0].Field != "assignee" || third.Position <= second.Position {
		t.Errorf("at last: %+v", third)
	}

	plain := b.detail(t, b.workspaceID, codeOf("2"))
	encoded, err = json.Marshal(plain)
	if err != nil || plain.Channel != nil || plain.Note != nil || plain.Tags == nil || plain.StatusHistory == nil || plain.Creator != nil || plain.Shipping != (query.OrderShipping{}) {
		t.Errorf("an order with nothing more is %s, %v", encoded, err)
	}
}

func TestOrderFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	stored, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{By: b.by, Name: "Mai", Phone: "0904000321"})
	if err != nil {
		t.Fatal(err)
	}
	ordered := func(d time.Duration) func(*order.State) {
		return func(s *order.State) { s.OrderedAt = now().Add(d) }
	}
	b.ingestNew(t, log, anOrder("1", ordered(0)), anOrder("2", status(2), ordered(time.Hour)), anOrder("3", status(99), ordered(2*time.Hour)),
		anOrder("4", status(98), ordered(3*time.Hour), creator("+84904000321", "")), anOrder("5", status(2), ordered(4*time.Hour), creator("+84904000321", "")))
	b.foldAll(t)
	parse := func(raw string) order.Status {
		parsed, err := order.ParseStatus(raw)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	mai := uuid.NullUUID{UUID: stored.State.ID, Valid: true}
	for name, test := range map[string]struct {
		filter query.OrderFilter
		want   []string
	}{
		"none":                        {query.OrderFilter{}, []string{"5", "4", "3", "2", "1"}},
		"a status by name":            {query.OrderFilter{Status: parse("shipped")}, []string{"5", "2"}},
		"a status by number":          {query.OrderFilter{Status: parse("0")}, []string{"1"}},
		"a number without a name":     {query.OrderFilter{Status: parse("99")}, []string{"3"}},
		"every number without a name": {query.OrderFilter{Status: parse("unknown")}, []string{"4", "3"}},
		"an assignee":                 {query.OrderFilter{AssigneeID: mai}, []string{"5", "4"}},
		"an assignee and a status":    {query.OrderFilter{AssigneeID: mai, Status: parse("2")}, []string{"5"}},
		"from a moment":               {query.OrderFilter{OrderedFrom: now().Add(3 * time.Hour)}, []string{"5", "4"}},
		"before a moment":             {query.OrderFilter{OrderedTo: now().Add(time.Hour)}, []string{"1"}},
		"between":                     {query.OrderFilter{OrderedFrom: now().Add(time.Hour), OrderedTo: now().Add(3 * time.Hour)}, []string{"3", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, o := range all(t, 1, func(p query.Page) (query.List[query.Order], error) {
				return postgres.NewReadModel(b.db).Orders(t.Context(), b.workspaceID, test.filter, p)
			}) {
				got = append(got, o.ExternalID)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("orders %v, want %v", got, test.want)
			}
		})
	}
}

// TestSkippedOrdersAreLookedUpWhole: what may be brought over is asked for with the buyer whom only its skipped state names.
func TestSkippedOrdersAreLookedUpWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ingestNew(t, b.newLog(t), anOrder("1", status(6), buyer("B-1"), creator("+84904000321", "mai@example.vn")))
	questions := command.NewQuestions()
	questions.Orders[command.OrderKey{WorkspaceID: b.workspaceID, ShopID: shopID, OrderID: "1"}] = struct{}{}
	err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
		_, err := postgres.NewIngestion(tx, "test", 1).Facts(t.Context(), questions)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, hasPhone := questions.Customers[command.ContactKey{WorkspaceID: b.workspaceID, Key: contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}}]
	_, hasBuyer := questions.Buyers[command.BuyerKey{WorkspaceID: b.workspaceID, ShopID: shopID, BuyerID: "B-1"}]
	if !hasPhone || !hasBuyer || len(questions.Staff) != 2 || len(questions.Mapped) != 1 {
		t.Errorf("asked %+v", questions)
	}
}
