package service_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"orderbridge/app/query"
)

// edition is what one version of an order says, besides its number.
type edition struct {
	status int
	phone  any
	email  any
	lines  int
	fee    int
}

// editions are orders by their versions, oldest first.
func editions() map[string][]edition {
	const lan, corrected, masked = "0912000451", "0912000452", "0****51"
	return map[string][]edition{
		"4001": {{0, masked, nil, 0, 0}, {1, lan, nil, 1, 0}, {2, masked, nil, 2, 30000}, {3, nil, nil, 2, 30000}},        // shown in between
		"4002": {{0, "0987000102", nil, 1, 0}, {0, corrected, nil, 1, 0}, {6, masked, nil, 1, 0}},                         // corrected, then cancelled
		"4003": {{0, nil, nil, 2, 15000}, {1, nil, "dung.pham@example.com", 2, 0}, {7, "0987000103", nil, 0, 0}},          // deleted when it is shown at last
		"4004": {{6, "0987000104", nil, 1, 0}, {7, masked, nil, 1, 0}},                                                    // never anything but over
		"4005": {{0, masked, nil, 1, 0}, {1, masked, nil, 1, 0}, {2, nil, nil, 1, 0}, {2, masked, nil, 1, 0}},             // never shown
		"4006": {{6, masked, nil, 0, 0}, {1, "0987000106", nil, 2, 0}, {1, "0987000106", nil, 2, 0}, {6, nil, nil, 2, 0}}, // live in between
	}
}

// bodiesOf are the versions of an order as a shop delivers them.
func bodiesOf(t *testing.T, shopID, id string, versions []edition) [][]byte {
	t.Helper()
	base := fixture(t, "order-new-customer.json")
	var whole struct {
		Items []json.RawMessage `json:"items"`
	}
	must(t, json.Unmarshal(base, &whole))
	var bodies [][]byte
	for i, v := range versions {
		bodies = append(bodies, changed(t, base, map[string]any{
			"shop_id": json.Number(shopID), "id": id, "status": v.status, "bill_phone_number": v.phone, "bill_email": v.email,
			"customer": nil, "shipping_address": nil, "items": whole.Items[:v.lines], "shipping_fee": v.fee, "note": fmt.Sprint("version ", i),
			"updated_at": time.Date(2025, 9, 15, 4, i, 0, 0, time.UTC).Format("2006-01-02T15:04:05"),
		}))
	}
	return bodies
}

func TestVersionsDeliveredAtOnceEndAsDeliveredInOrder(t *testing.T) {
	t.Parallel()
	b := start(t)
	var chaos [][]byte
	for id, versions := range editions() {
		for _, body := range bodiesOf(t, shopB, id, versions) { // in order, one after the other
			b.settled(b.deliver(shopB, body))
		}
		for range 3 {
			chaos = append(chaos, bodiesOf(t, shopA, id, versions)...)
		}
	}
	rand.Shuffle(len(chaos), func(i, j int) { chaos[i], chaos[j] = chaos[j], chaos[i] })
	atOnce(t, len(chaos), func(i int) error {
		got, err := b.tryPost(shopA, chaos[i])
		if err == nil && got.status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.status, got.body)
		}
		return err
	})
	b.caughtUp()

	for id := range editions() {
		want, got := b.storyOf(t, "Pancake_"+shopB+"_"+id), b.storyOf(t, "Pancake_"+shopA+"_"+id)
		if got != want {
			t.Errorf("order %s ends as\n%s\ndelivered in order as\n%s", id, got, want)
		}
		if (id == "4004") != (want == "none") {
			t.Errorf("order %s delivered in order is %s", id, want)
		}
	}
	deliveries := all[query.Delivery](b, "/api/v1/deliveries?shop_id="+shopA)
	if len(deliveries) != len(chaos) {
		t.Errorf("%d deliveries, want %d", len(deliveries), len(chaos))
	}
	created := map[string]int{}
	for _, d := range deliveries {
		if checkExplained(b, d) == "OrderCreated" {
			created[*d.OrderCode]++
		}
	}
	for id := range editions() {
		if got := created["Pancake_"+shopA+"_"+id]; got != 1 && id != "4004" || got != 0 && id == "4004" {
			t.Errorf("order %s was created %d times", id, got)
		}
	}
}

// storyOf is all that an order says, and what its customer is found by; "none" for an order that is not in the CRM.
func (b *bridge) storyOf(t *testing.T, code string) string {
	t.Helper()
	got := b.get("/api/v1/orders/" + url.PathEscape(code))
	if got.status == http.StatusNotFound {
		return "none"
	}
	found := decoded[query.OrderDetail](t, got)
	story, err := json.Marshal([]any{
		found.Status, found.Lines, found.Totals, found.Buyer, found.OrderedAt, found.UpdatedAt, found.Note, found.Tags, found.Shipping,
		found.Payments, found.Creator, found.StatusHistory, found.Customer.Phone, found.Customer.Email,
	})
	must(t, err)
	return string(story)
}

// checkExplained checks that a delivery says what came of it and why, and returns the event that decided it.
func checkExplained(b *bridge, d query.Delivery) string {
	b.t.Helper()
	detail := decoded[query.DeliveryDetail](b.t, b.get("/api/v1/deliveries/"+d.ID.String()))
	last := detail.Steps[len(detail.Steps)-1]
	explained := map[query.Outcome]struct {
		event   string
		reasons []string
	}{
		query.OutcomeCreated:   {"OrderCreated", []string{"", "was_live"}},
		query.OutcomeUpdated:   {"OrderUpdated", []string{"newer", "same_version", "buyer_revealed"}},
		query.OutcomeUnchanged: {"OrderUnchanged", []string{"identical", "older"}},
		query.OutcomeSkipped:   {"OrderSkipped", []string{"cancelled", "deleted", "older"}},
	}[d.Outcome]
	reason := ""
	if d.Reason != nil {
		reason = *d.Reason
	}
	if last.Event != explained.event || !slices.Contains(explained.reasons, reason) || !strings.HasSuffix(last.Summary, ".") {
		b.t.Errorf("a delivery is %s because %q, by %s: %s", d.Outcome, reason, last.Event, last.Summary)
	}
	return last.Event
}

func TestAMovedOrderIsExplained(t *testing.T) {
	t.Parallel()
	b := start(t)
	bodies := bodiesOf(t, shopA, "4010", []edition{{0, "0912000451", nil, 1, 0}, {2, "0****51", nil, 1, 0}, {2, "0****51", nil, 1, 0}})
	b.settled(b.deliver(shopA, bodies[2]))
	revealed := b.settled(b.deliver(shopA, bodies[0]))
	if revealed.Outcome != query.OutcomeUpdated || revealed.Reason == nil || *revealed.Reason != "buyer_revealed" {
		t.Errorf("the delivery is %+v", revealed.Delivery)
	}
	var told []string
	for _, step := range revealed.Steps {
		told = append(told, step.Summary)
	}
	for _, want := range []string{"The order shows another buyer than before, so it moves away from customer ", "shows who the buyer is, and no newer one does."} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("%q is not told in %q", want, told)
		}
	}
	b.caughtUp()
	found := b.order("Pancake_" + shopA + "_4010")
	if found.Status.Code != 2 || found.Customer.Phone == nil || *found.Customer.Phone != "+84912000451" || len(found.History) != 2 {
		t.Errorf("the order is %+v", found)
	}
}
