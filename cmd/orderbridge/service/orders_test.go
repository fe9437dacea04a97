package service_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// expectation is what adapters/pancake/testdata/expected.json says of a body.
type expectation struct {
	File      string        `json:"file"`
	Outcome   string        `json:"outcome"`
	OrderCode string        `json:"order_code"`
	ShopID    string        `json:"shop_id"`
	Status    int           `json:"status"`
	Keys      []contact.Key `json:"keys"`
	Lines     []struct {
		Code      string `json:"code"`
		Quantity  string `json:"quantity"`
		UnitPrice int64  `json:"unit_price"`
		Discount  int64  `json:"discount"`
		Amount    int64  `json:"amount"`
	} `json:"lines"`
	Totals struct {
		Lines int64 `json:"lines"`
		Goods int64 `json:"goods"`
		Due   int64 `json:"due"`
	} `json:"totals"`
	OrderedAt time.Time `json:"ordered_at"`
}

func expectations(t *testing.T) []expectation {
	t.Helper()
	var expected struct {
		Files []expectation `json:"files"`
	}
	must(t, json.Unmarshal(fixture(t, "expected.json"), &expected))
	return expected.Files
}

func TestEveryAcceptedFixtureBecomesItsOrder(t *testing.T) { //nolint:tparallel // see below
	t.Parallel()
	b := start(t)
	accepted := 0
	for _, want := range expectations(t) {
		if want.Outcome != "accepted" {
			continue
		}
		accepted++
		t.Run(want.File, func(t *testing.T) { //nolint:paralleltest // the fixtures share a service, and one is an update of another
			delivered := b.settled(b.deliver(want.ShopID, fixture(t, want.File)))
			if delivered.Outcome != query.OutcomeCreated && delivered.Outcome != query.OutcomeUpdated {
				t.Fatalf("outcome is %s (%v)", delivered.Outcome, delivered.Reason)
			}
			if delivered.OrderCode == nil || *delivered.OrderCode != want.OrderCode {
				t.Fatalf("delivery names order %v, want %s", delivered.OrderCode, want.OrderCode)
			}
			b.caughtUp()
			checkOrder(t, b.order(want.OrderCode), want)
			checkKeys(t, b, want)
		})
	}
	if accepted != 17 {
		t.Errorf("%d fixtures were accepted, want 17", accepted)
	}
}

func checkOrder(t *testing.T, got query.OrderDetail, want expectation) {
	t.Helper()
	if got.Code != want.OrderCode || got.ShopID != want.ShopID || got.Status.Code != want.Status || got.Source.Name != "Pancake" {
		t.Errorf("order is %+v, want code %s, shop %s, status %d, source Pancake", got, want.OrderCode, want.ShopID, want.Status)
	}
	if !got.OrderedAt.Equal(want.OrderedAt.Truncate(time.Second)) {
		t.Errorf("ordered at %s, want %s", got.OrderedAt, want.OrderedAt)
	}
	if got.Totals.Lines != want.Totals.Lines || got.Totals.Goods != want.Totals.Goods || got.Totals.Due != want.Totals.Due {
		t.Errorf("totals are %+v, want %+v", got.Totals, want.Totals)
	}
	if len(got.Lines) != len(want.Lines) {
		t.Fatalf("%d lines, want %d", len(got.Lines), len(want.Lines))
	}
	for i, line := range want.Lines {
		have := got.Lines[i]
		if have.ProductCode != line.Code || have.Quantity.String() != line.Quantity || have.UnitPrice != line.UnitPrice ||
			have.Discount != line.Discount || have.Amount != line.Amount {
			t.Errorf("line %d is %+v, want %+v", i, have, line)
		}
	}
}

// checkKeys compares the keys of the order's customer, all of them and in order.
func checkKeys(t *testing.T, b *bridge, want expectation) {
	t.Helper()
	who := decoded[query.Customer](t, b.get("/api/v1/customers/"+b.order(want.OrderCode).Customer.ID.String()))
	var keys []contact.Key
	for _, phone := range who.Phones {
		keys = append(keys, contact.Key{Kind: contact.KindPhone, Value: phone})
	}
	for _, email := range who.Emails {
		keys = append(keys, contact.Key{Kind: contact.KindEmail, Value: email})
	}
	if !slices.Equal(keys, want.Keys) {
		t.Errorf("customer's keys are %v, want %v", keys, want.Keys)
	}
}

func TestRefusedFixturesLeaveNothingButTheRefusal(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, refused := range []struct {
		file   string
		status int
		code   string
	}{
		{"bad-not-json.txt", http.StatusBadRequest, "body-not-json"},
		{"bad-wrong-shop.json", http.StatusForbidden, "shop-mismatch"},
		{"bad-missing-id.json", http.StatusUnprocessableEntity, "order-id-missing"},
	} {
		got := b.post(shopA, fixture(t, refused.file))
		if got.status != refused.status || got.code(t) != refused.code {
			t.Errorf("%s: %d %s, want %d %s", refused.file, got.status, got.body, refused.status, refused.code)
		}
	}
	b.post(shopA, fixture(t, "other-customer-event.json")).wants(t, http.StatusOK, "")
	b.caughtUp()
	deliveries := all[query.Delivery](b, "/api/v1/deliveries")
	if len(deliveries) != 3 || slices.ContainsFunc(deliveries, func(d query.Delivery) bool { return d.Outcome != query.OutcomeRejected }) {
		t.Errorf("deliveries are %+v, want three that were rejected", deliveries)
	}
	if orders := all[query.Order](b, "/api/v1/orders"); len(orders) != 0 {
		t.Errorf("orders are %+v, want none", orders)
	}
	if customers := all[query.Customer](b, "/api/v1/customers"); len(customers) != 0 {
		t.Errorf("customers are %+v, want none", customers)
	}
}

func TestStrangersAreToldNothingAndLeaveNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-new-customer.json")
	var first answer
	for i, header := range [][]string{
		{}, {headerKey, "wrong"}, {headerKey, ""}, {"X-Other", secretOf(shopA)}, {headerKey, secretOf("999")},
	} {
		got := b.postWith(body, header...)
		if got.status != http.StatusUnauthorized {
			t.Errorf("%v: %d %s", header, got.status, got.body)
		}
		if i == 0 {
			first = got
		} else if !bytes.Equal(got.body, first.body) {
			t.Errorf("%v is answered with %s, and a missing header with %s", header, got.body, first.body)
		}
	}
	var stored int
	must(t, connect(t, b.dsn).QueryRow(t.Context(), `SELECT count(*) FROM events WHERE stream LIKE 'delivery/%'`).Scan(&stored))
	if stored != 0 {
		t.Errorf("%d deliveries of strangers are in the log", stored)
	}
}

func TestTheSameOrderTwiceIsOneOrder(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-new-customer.json")
	b.deliver(shopA, body)
	again := b.settled(b.deliver(shopA, body))
	if again.Outcome != query.OutcomeUnchanged || again.Reason == nil || *again.Reason != "identical" {
		t.Errorf("the second delivery is %+v", again.Delivery)
	}
	checkCounts(t, b, 1, 1)
}

func TestAnOlderVersionNeverUndoesANewerOne(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	updated := b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	if updated.Outcome != query.OutcomeUpdated {
		t.Errorf("the newer version is %+v", updated.Delivery)
	}
	late := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	if late.Outcome != query.OutcomeUnchanged || late.Reason == nil || *late.Reason != "older" {
		t.Errorf("the late version is %+v", late.Delivery)
	}
	b.caughtUp()
	if got := b.order("Pancake_1635294032_2051"); got.Status.Code != 1 || got.Status.Name != "confirmed" {
		t.Errorf("status is %+v, want 1 confirmed", got.Status)
	}
	checkCounts(t, b, 1, 1)
}

func TestAnUpdateOfAnUnknownOrderCreatesIt(t *testing.T) {
	t.Parallel()
	b := start(t)
	got := b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	if got.Outcome != query.OutcomeCreated {
		t.Errorf("delivery is %+v", got.Delivery)
	}
	checkCounts(t, b, 1, 1)
}

func TestTwoShopsShareACustomerAndNoOrder(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.settled(b.deliver(shopB, fixture(t, "order-second-shop.json")))
	checkCounts(t, b, 2, 1)
}

func TestOneBodyManyTimesAtOnceIsOneOrder(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-new-customer.json")
	atOnce(t, 50, func(int) error {
		got, err := b.tryPost(shopA, body)
		if err == nil && got.status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.status, got.body)
		}
		return err
	})
	b.caughtUp()
	outcomes := map[query.Outcome]int{}
	for _, delivery := range all[query.Delivery](b, "/api/v1/deliveries") {
		outcomes[delivery.Outcome]++
	}
	if outcomes[query.OutcomeCreated] != 1 || outcomes[query.OutcomeUnchanged] != 49 {
		t.Errorf("outcomes are %v, want 1 created and 49 unchanged", outcomes)
	}
	checkCounts(t, b, 1, 1)
}

func TestManyOrdersOfOneNewPhoneAtOnceMakeOneCustomer(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-new-customer.json")
	const orders = 100
	variants := make([][]byte, orders)
	for i := range variants {
		variants[i] = changed(t, body, map[string]any{"id": 90000 + i, "customer": nil})
	}
	atOnce(t, orders, func(i int) error {
		got, err := b.tryPost(shopA, variants[i])
		if err == nil && got.status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.status, got.body)
		}
		return err
	})
	b.caughtUp()
	checkCounts(t, b, orders, 1)
}

func TestAnOrderMeetsTheCustomerWhomTheRuleNames(t *testing.T) {
	t.Parallel()
	b := start(t)
	byPhone := b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987000102"}})
	byEmail := b.addCustomer("Phạm Dung (email)", customer.Details{Emails: []string{"dung.pham@example.com"}})
	for _, step := range []struct {
		rule customer.MatchRule
		id   int
		want string
		key  string
	}{
		{customer.MatchByPhone, 1, byPhone.String(), "phone 0987 000 102"},
		{customer.MatchByEmail, 2, byEmail.String(), "email dung.pham@example.com"},
		{customer.MatchByPhoneOrEmail, 3, byPhone.String(), "phone 0987 000 102"},
	} {
		b.setMatchRule(step.rule)
		body := changed(t, fixture(t, "order-existing-phone.json"), map[string]any{"id": step.id})
		delivered := b.settled(b.deliver(shopA, body))
		b.caughtUp()
		if got := b.order(*delivered.OrderCode); got.Customer.ID.String() != step.want {
			t.Errorf("by %s the order went to %s, want %s", step.rule, got.Customer.Name, step.want)
		}
		matched := delivered.Steps[1]
		if matched.Event != "CustomerMatched" || !strings.Contains(matched.Summary, step.key) ||
			!strings.Contains(matched.Summary, "1 candidate") {
			t.Errorf("by %s the step says: %s: %s", step.rule, matched.Event, matched.Summary)
		}
	}
	if customers := all[query.Customer](b, "/api/v1/customers"); len(customers) != 2 {
		t.Errorf("%d customers, want the 2 that were there", len(customers))
	}
}

func TestOnlyActiveCustomersMatch(t *testing.T) {
	t.Parallel()
	b := start(t)
	archived := b.addCustomer("Cũ", customer.Details{Phones: []string{"0987 000 102"}, Status: customer.StatusArchived})
	first := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	if first.Steps[1].Event != "CustomerCreated" || !strings.Contains(first.Steps[1].Summary, "0 candidates") {
		t.Errorf("the step says: %s: %s", first.Steps[1].Event, first.Steps[1].Summary)
	}
	_, err := b.service.Commands.ChangeCustomerStatus.Handle(t.Context(), command.ChangeCustomerStatus{
		By: b.by(), ID: archived, Status: customer.StatusActive,
	})
	must(t, err)
	body := changed(t, fixture(t, "order-existing-phone.json"), map[string]any{"id": 77})
	second := b.settled(b.deliver(shopA, body))
	b.caughtUp()
	if got := b.order(*second.OrderCode); got.Customer.ID != archived {
		t.Errorf("of two active ones the order went to %s, want the oldest", got.Customer.Name)
	}
	if !strings.Contains(second.Steps[1].Summary, "2 candidates") {
		t.Errorf("the step says: %s", second.Steps[1].Summary)
	}
}

func TestABuyerWithoutUsableKeysIsKnownByTheShopsID(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-masked-phone.json")
	first := b.settled(b.deliver(shopA, body))
	second := b.settled(b.deliver(shopA, changed(t, body, map[string]any{"id": "250916SECOND"})))
	b.caughtUp()
	if a, c := b.order(*first.OrderCode).Customer.ID, b.order(*second.OrderCode).Customer.ID; a != c {
		t.Errorf("two masked orders of one buyer went to two customers, %s and %s", a, c)
	}
	if step := second.Steps[1]; step.Event != "CustomerMatched" || !strings.Contains(step.Summary, "was bound to this customer before") {
		t.Errorf("the step says: %s: %s", step.Event, step.Summary)
	}
	checkCounts(t, b, 2, 1)
}

func TestTheCreatorsUserIsTheAssignee(t *testing.T) {
	t.Parallel()
	b := start(t)
	added, err := b.service.Commands.AddUser.Handle(t.Context(), command.AddUser{
		By: b.by(), Name: "Phương Mai", Phone: "0904000321", Email: "phuongmai.sale@example.vn",
	})
	must(t, err)
	known := b.settled(b.deliver(shopA, fixture(t, "order-with-known-creator.json")))
	unknown := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	if got := b.order(*known.OrderCode); got.Assignee == nil || got.Assignee.ID != added.State.ID || got.AssigneeReason != "creator_phone" {
		t.Errorf("assignee is %+v (%s), want Phương Mai by creator_phone", got.Assignee, got.AssigneeReason)
	}
	if got := b.order(*unknown.OrderCode); got.Assignee != nil || got.AssigneeReason != "none" {
		t.Errorf("assignee is %+v (%s), want none", got.Assignee, got.AssigneeReason)
	}
}

func TestOneBadOrderHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := start(t)
	good := fixture(t, "order-new-customer.json")
	bad := changed(t, good, map[string]any{"id": 66, "shipping_fee": "three thousand"})
	before := b.deliver(shopA, changed(t, good, map[string]any{"id": 65}))
	failing := b.deliver(shopA, bad)
	after := b.deliver(shopA, changed(t, good, map[string]any{"id": 67}))
	failed := b.settled(failing)
	if failed.Outcome != query.OutcomeFailed || failed.Reason == nil || *failed.Reason != "money-unreadable" ||
		failed.OrderCode == nil || *failed.OrderCode != "Pancake_1635294032_66" {
		t.Errorf("the bad order is %+v", failed.Delivery)
	}
	for _, id := range []string{before.String(), after.String()} {
		var detail query.DeliveryDetail
		eventually(t, "the others are created", func() bool {
			detail = decoded[query.DeliveryDetail](t, b.get("/api/v1/deliveries/"+id))
			return detail.Outcome == query.OutcomeCreated
		})
	}
}

func TestAnOrderFirstHeardOfAsCancelledIsSkipped(t *testing.T) {
	t.Parallel()
	b := start(t)
	for status, reason := range map[int]string{6: "cancelled", 7: "deleted"} {
		body := changed(t, fixture(t, "order-new-customer.json"), map[string]any{"id": 600 + status, "status": status})
		got := b.settled(b.deliver(shopA, body))
		if got.Outcome != query.OutcomeSkipped || got.Reason == nil || *got.Reason != reason {
			t.Errorf("status %d gives %+v", status, got.Delivery)
		}
	}
	checkCounts(t, b, 0, 0)
}

// checkCounts compares how many orders and customers the CRM shows.
func checkCounts(t *testing.T, b *bridge, orders, customers int) {
	t.Helper()
	b.caughtUp()
	if got := all[query.Order](b, "/api/v1/orders"); len(got) != orders {
		t.Errorf("%d orders, want %d", len(got), orders)
	}
	if got := all[query.Customer](b, "/api/v1/customers"); len(got) != customers {
		t.Errorf("%d customers, want %d", len(got), customers)
	}
}

// atOnce lets n goroutines start from one line.
func atOnce(t *testing.T, n int, run func(i int) error) {
	t.Helper()
	line := make(chan struct{})
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-line
			errs[i] = run(i)
		})
	}
	close(line)
	group.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestAnOrderWithoutTimesGoesByItsDeliveries(t *testing.T) {
	t.Parallel()
	b := start(t)
	timeless := map[string]any{"inserted_at": nil, "updated_at": nil}
	body := changed(t, fixture(t, "order-new-customer.json"), timeless)
	first := b.settled(b.deliver(shopA, body))
	b.caughtUp()
	orderedAt := b.order(*first.OrderCode).OrderedAt
	if again := b.settled(b.deliver(shopA, body)); again.Outcome != query.OutcomeUnchanged {
		t.Errorf("the same again is %+v", again.Delivery)
	}
	timeless["status"] = 1
	if later := b.settled(b.deliver(shopA, changed(t, body, timeless))); later.Outcome != query.OutcomeUpdated {
		t.Errorf("another status is %+v", later.Delivery)
	}
	b.caughtUp()
	if got := b.order(*first.OrderCode).OrderedAt; !got.Equal(orderedAt) || got.IsZero() {
		t.Errorf("ordered at %s after an update, %s before", got, orderedAt)
	}
}

func TestATimeFromTheFutureFreezesNoOrder(t *testing.T) {
	t.Parallel()
	b := start(t)
	body := fixture(t, "order-new-customer.json")
	b.settled(b.deliver(shopA, changed(t, body, map[string]any{"updated_at": "2099-12-31T00:00:00"})))
	soon := time.Now().UTC().Add(time.Minute).Format("2006-01-02T15:04:05")
	later := b.settled(b.deliver(shopA, changed(t, body, map[string]any{"updated_at": soon, "status": 3})))
	if later.Outcome != query.OutcomeUpdated {
		t.Errorf("the next version is %+v", later.Delivery)
	}
	b.caughtUp()
	if got := b.order(*later.OrderCode); got.Status.Code != 3 {
		t.Errorf("status is %+v", got.Status)
	}
}
