package service_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/policy"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

// timeline reads a timeline over HTTP, page by page.
func (b *bridge) timeline(path string) query.Timeline {
	b.t.Helper()
	var whole query.Timeline
	for cursor := ""; ; {
		part := decoded[query.Timeline](b.t, b.get(path+"/timeline?limit=200&cursor="+cursor).wants(b.t, http.StatusOK, ""))
		whole.Subject = part.Subject
		whole.Items = append(whole.Items, part.Items...)
		if part.NextCursor == nil {
			return whole
		}
		cursor = *part.NextCursor
	}
}

func eventsOf(told query.Timeline) []string {
	events := make([]string, 0, len(told.Items))
	for _, step := range told.Items {
		events = append(events, step.Event)
	}
	return events
}

// checkTold checks that every step of a timeline says something, in both languages, and how it hangs together.
func checkTold(t *testing.T, told query.Timeline) {
	t.Helper()
	for i, step := range told.Items {
		for language, sentence := range map[string]string{"English": step.Summary, "Vietnamese": step.SummaryVI} {
			if !strings.HasSuffix(sentence, ".") || len(sentence) < 20 || hasPlaceholder(sentence) {
				t.Errorf("%s of %s says in %s: %q", step.Event, told.Subject.ID, language, sentence)
			}
		}
		if step.Summary == step.SummaryVI || step.Actor == "" || step.Stream == "" || step.At.IsZero() || !json.Valid(step.Data) {
			t.Errorf("%s of %s is %+v", step.Event, told.Subject.ID, step)
		}
		if (step.TookMS == nil) != (i == 0) {
			t.Errorf("step %d of %s took %v", i, told.Subject.ID, step.TookMS)
		}
		if i > 0 && step.Position <= told.Items[i-1].Position {
			t.Errorf("step %d of %s stands at %d, behind %d", i, told.Subject.ID, step.Position, told.Items[i-1].Position)
		}
		ofPolicy, listed := step.Actor == "policy", told.Subject.Kind == "order" || told.Subject.Kind == "delivery"
		if (step.CauseID != nil) != ofPolicy || (step.CausePosition != nil) != (ofPolicy && listed) ||
			step.CausePosition != nil && *step.CausePosition >= step.Position {
			t.Errorf("%s of %s is due to %v", step.Event, told.Subject.ID, step.CausePosition)
		}
	}
}

func hasPlaceholder(text string) bool {
	return slices.ContainsFunc([]string{"%!", "<nil>", "<no value>", uuid.Nil.String()}, func(placeholder string) bool {
		return strings.Contains(text, placeholder)
	})
}

// acceptedFixtures are the names of all bodies that are accepted, by the codes of their orders.
func acceptedFixtures(t *testing.T) (names []string, byCode map[string][]string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "adapters", "pancake", "testdata", "expected.json"))
	must(t, err)
	var expected struct {
		Files []struct {
			File      string `json:"file"`
			Outcome   string `json:"outcome"`
			OrderCode string `json:"order_code"`
		} `json:"files"`
	}
	must(t, json.Unmarshal(raw, &expected))
	byCode = map[string][]string{}
	for _, body := range expected.Files {
		if body.Outcome == "accepted" {
			names = append(names, body.File)
			byCode[body.OrderCode] = append(byCode[body.OrderCode], body.File)
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %d bodies are accepted", len(names))
	}
	return names, byCode
}

// shopOf is the shop that a body names in its order's code.
func shopOf(code string) string { return strings.Split(code, "_")[1] }

// TestEveryOrderIsExplained delivers every body there is, and asks of each order why it is what it is.
func TestEveryOrderIsExplained(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987 000 102"}})
	b.shell().run("user", "add", "--name", "Phương Mai", "--phone", "0904000321")
	names, byCode := acceptedFixtures(t)
	for _, name := range names {
		for code, files := range byCode {
			if slices.Contains(files, name) {
				b.settled(b.deliver(shopOf(code), fixture(t, name)))
			}
		}
	}
	b.caughtUp()
	sh := b.shell()
	for code, files := range byCode {
		t.Run(strings.Join(files, " and "), func(t *testing.T) {
			t.Parallel()
			told := b.timeline("/api/v1/orders/" + url.PathEscape(code))
			checkTold(t, told)
			events := eventsOf(told)
			if len(events) < 4 || events[0] != "OrderReceived" || events[2] != "SourceEnsured" || events[3] != "OrderCreated" ||
				events[1] != "CustomerMatched" && events[1] != "CustomerCreated" {
				t.Fatalf("told %v", events)
			}
			if len(files) > 1 && !slices.Equal(events[4:], []string{"OrderReceived", "OrderUpdated"}) {
				t.Errorf("told %v of %v", events, files)
			}
			found := b.order(code)
			if s := told.Subject; s.Kind != "order" || s.ID != code || s.State != found.Status.Name || s.Customer == nil ||
				s.Customer.ID != found.Customer.ID || s.TookMS == nil || *s.TookMS < 0 {
				t.Errorf("it is about %+v", s)
			}
			decision := told.Items[1]
			if !strings.Contains(decision.Summary, "the rule matches by phone") || !strings.Contains(decision.SummaryVI, "quy tắc tìm theo số điện thoại") ||
				!strings.Contains(decision.Summary, "candidate") || !strings.Contains(decision.SummaryVI, "ứng viên") {
				t.Errorf("the customer is told as %q, %q", decision.Summary, decision.SummaryVI)
			}
			if decision.Event == "CustomerMatched" && !strings.Contains(decision.Summary, found.Customer.ID.String()) {
				t.Errorf("the customer who won is not named in %q", decision.Summary)
			}
			for _, step := range told.Items[1:4] {
				if *step.CausePosition != told.Items[0].Position || step.DeliveryID == nil || *step.DeliveryID != *told.Items[0].DeliveryID {
					t.Errorf("%s is due to %d, and came of %v", step.Event, *step.CausePosition, step.DeliveryID)
				}
			}
			for language, sentence := range map[string]func(query.Step) string{
				"en": func(s query.Step) string { return s.Summary }, "vi": func(s query.Step) string { return s.SummaryVI },
			} {
				text := sh.run("audit", "order", code, "--lang", language)
				joined := strings.Join(strings.Fields(text), " ")
				for _, step := range told.Items {
					if !strings.Contains(joined, strings.Join(strings.Fields(sentence(step)), " ")) || !strings.Contains(joined, fmt.Sprintf("#%d ", step.Position)) {
						t.Errorf("the command does not tell %q:\n%s", sentence(step), text)
					}
				}
				if hasPlaceholder(text) || !strings.Contains(text, code) || strings.Contains(text, "\x1b") {
					t.Errorf("the command tells\n%s", text)
				}
			}
			var asJSON query.Timeline
			must(t, json.Unmarshal([]byte(sh.run("audit", "order", code, "--json", "--limit", "200")), &asJSON))
			if overHTTP := string(mustJSON(t, told.Items)); string(mustJSON(t, asJSON.Items)) != overHTTP {
				t.Errorf("the command tells another story than HTTP:\n%s\n%s", mustJSON(t, asJSON.Items), overHTTP)
			}
		})
	}
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	must(t, err)
	return encoded
}

func TestAnOrdersTimelineTellsWhatFailedAndWhatWaited(t *testing.T) {
	t.Parallel()

	t.Run("a failure stands before what was done later", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		const code = "Pancake_1635294032_2051"
		b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"shipping_fee": "Liên hệ"})))
		b.caughtUp()
		failed := b.timeline("/api/v1/orders/" + code) // it is no order of the CRM
		checkTold(t, failed)
		if !slices.Equal(eventsOf(failed), []string{"OrderReceived", "IngestionFailed"}) || failed.Subject.State != "failed" ||
			failed.Subject.StartedAt == nil || failed.Subject.DoneAt != nil || failed.Subject.Customer != nil {
			t.Fatalf("told %v of %+v", eventsOf(failed), failed.Subject)
		}
		if last := failed.Items[1]; last.State != query.StepFailed || !strings.Contains(last.Summary, "Attempt 1") || !strings.Contains(last.Summary, "shipping_fee") ||
			!strings.Contains(last.SummaryVI, "Lần thử 1") {
			t.Errorf("the failure is told as %+v", last)
		}
		b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
		b.caughtUp()
		told := b.timeline("/api/v1/orders/" + code)
		checkTold(t, told)
		if want := []string{"OrderReceived", "IngestionFailed", "OrderReceived", "CustomerCreated", "SourceEnsured", "OrderCreated"}; !slices.Equal(eventsOf(told), want) {
			t.Errorf("told %v", eventsOf(told))
		}
		if text := b.shell().run("audit", "order", code); !strings.Contains(text, "Attempt 1 to bring order 2051") {
			t.Errorf("the command tells\n%s", text)
		}
	})

	t.Run("a failure under a template of codes that is newer than the order", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
		b.send(http.MethodPatch, "/api/v1/settings", object{"order_code_template": "DH-{shop_id}-{order_id}"}).wants(t, 200, "")
		b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"shipping_fee": "Liên hệ"})))
		b.caughtUp()
		told := b.timeline("/api/v1/orders/Pancake_1635294032_2051")
		if events := eventsOf(told); len(events) != 6 || events[5] != "IngestionFailed" {
			t.Errorf("told %v", events)
		}
	})

	t.Run("an order that waits for its shop", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		sh := b.shell()
		sh.run("shop", "pause", "--shop-id", shopA)
		id := b.deliver(shopA, fixture(t, "order-new-customer.json"))
		b.settled(id)
		b.caughtUp()
		if waits := b.timeline("/api/v1/deliveries/" + id.String()).Subject; waits.State != "held" || waits.StartedAt == nil || waits.DoneAt != nil || waits.TookMS != nil {
			t.Errorf("a delivery that is held is %+v", waits)
		}
		held := b.timeline("/api/v1/orders/Pancake_1635294032_2051")
		if last := held.Items[len(held.Items)-1]; last.Event != "IngestionHeld" || last.State != query.StepHeld || held.Subject.State != "held" {
			t.Errorf("told %+v of %+v", last, held.Subject)
		}
		sh.run("shop", "resume", "--shop-id", shopA)
		b.caughtUp()
		told := b.timeline("/api/v1/orders/Pancake_1635294032_2051")
		if done := b.timeline("/api/v1/deliveries/" + id.String()).Subject; done.State != "created" || done.TookMS == nil || done.DoneAt == nil {
			t.Errorf("a delivery that was held is %+v", done)
		}
		want := []string{"OrderReceived", "IngestionHeld", "IngestionRetried", "CustomerCreated", "SourceEnsured", "OrderCreated"}
		if !slices.Equal(eventsOf(told), want) || *told.Items[5].CausePosition != told.Items[2].Position {
			t.Errorf("told %v, the last due to %d", eventsOf(told), *told.Items[5].CausePosition)
		}
		if retried := told.Items[2]; retried.DeliveryID == nil || *retried.DeliveryID != *told.Items[0].DeliveryID {
			t.Errorf("it was retried of delivery %v", retried.DeliveryID)
		}
	})

	t.Run("an order that is not brought in yet", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
		b.caughtUp()
		late, err := connect(t, b.dsn).Begin(t.Context()) // the policy finds its cursor taken
		must(t, err)
		_, err = late.Exec(t.Context(), "SELECT FROM cursors WHERE consumer = $1 FOR UPDATE", policy.OnOrderReceivedName)
		must(t, err)
		id := b.deliver(shopA, fixture(t, "order-update-status.json"))
		conn := connect(t, b.dsn)
		eventually(t, "the delivery is listed", func() bool {
			return count(t, conn, "SELECT count(*) FROM deliveries WHERE outcome = 'pending'") == 1
		})
		for _, path := range []string{"/api/v1/orders/Pancake_1635294032_2051", "/api/v1/deliveries/" + id.String()} {
			told := b.timeline(path)
			received, waiting := told.Items[len(told.Items)-2], told.Items[len(told.Items)-1]
			if received.Event != "OrderReceived" || waiting.State != query.StepPending || waiting.Position != 0 || !waiting.At.Equal(received.At) ||
				*waiting.DeliveryID != id || *waiting.CausePosition != received.Position || !strings.Contains(waiting.Summary, "waits to be brought in") ||
				!strings.Contains(waiting.SummaryVI, "chờ được đưa vào CRM") {
				t.Errorf("%s ends with %+v", path, waiting)
			}
		}
		if detail := decoded[query.DeliveryDetail](t, b.get("/api/v1/deliveries/"+id.String())); detail.Steps[len(detail.Steps)-1].State != query.StepPending {
			t.Errorf("the delivery ends with %+v", detail.Steps)
		}
		if text := b.shell().run("audit", "order", "Pancake_1635294032_2051", "--lang", "vi"); !strings.Contains(text, "đang chờ") {
			t.Errorf("the command tells\n%s", text)
		}
		must(t, late.Rollback(t.Context()))
		b.caughtUp()
		told := b.timeline("/api/v1/orders/Pancake_1635294032_2051")
		if last := told.Items[len(told.Items)-1]; last.Event != "OrderUpdated" || last.State != query.StepDone {
			t.Errorf("it ends with %+v", last)
		}
	})
}

func TestTimelinesOfCustomersUsersAndSettings(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	lan := b.addCustomer("Trần Lan", customer.Details{Phones: []string{"0912 000 451"}})
	b.addCustomer("Trần Lan (trùng)", customer.Details{Phones: []string{"0912 000 451"}})
	b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"creator": object{"id": "staff-1", "name": "Hà"}})))
	b.settled(b.deliver(shopB, fixture(t, "order-second-shop.json")))
	sh.run("customer", "edit", lan.String(), "--note", "gọi trước")
	user := strings.Fields(sh.run("user", "add", "--name", "Phương Mai", "--json"))
	userID := strings.Trim(user[slices.Index(user, `"id":`)+1], `",`)
	sh.run("user", "map", "--staff", "staff-1", "--user", userID, "--past")
	sh.run("settings", "set", "--match-by", "email")
	b.caughtUp()

	told := b.timeline("/api/v1/customers/" + lan.String())
	checkTold(t, told)
	if want := []string{"CustomerImported", "CustomerMatched", "CustomerMatched", "CustomerUpdated"}; !slices.Equal(eventsOf(told), want) ||
		*told.Subject.Name != "Trần Lan" || told.Subject.State != "active" {
		t.Errorf("told %v of %+v", eventsOf(told), told.Subject)
	}
	if first := told.Items[1].Summary; !strings.HasPrefix(first, "Order 2051 of shop 1635294032: Matched") || !strings.Contains(first, "2 candidates, oldest first: "+lan.String()) {
		t.Errorf("an order came by %q", first)
	}
	if second := told.Items[2].SummaryVI; !strings.HasPrefix(second, "Đơn hàng 2051 của cửa hàng 1635294033: Đã khớp") {
		t.Errorf("an order came by %q", second)
	}

	told = b.timeline("/api/v1/users/" + userID)
	checkTold(t, told)
	if want := []string{"UserAdded", "StaffMapped", "OrderReassigned"}; !slices.Equal(eventsOf(told), want) {
		t.Errorf("told %v", eventsOf(told))
	}
	if order := b.timeline("/api/v1/orders/Pancake_1635294032_2051"); eventsOf(order)[len(order.Items)-1] != "OrderReassigned" || len(order.Items) != 5 ||
		order.Items[4].DeliveryID != nil {
		t.Errorf("told %v", eventsOf(order))
	}

	told = b.timeline("/api/v1/settings")
	checkTold(t, told)
	if events := eventsOf(told); events[0] != "WorkspaceCreated" || events[len(events)-1] != "MatchRuleChanged" || !slices.Contains(events, "ShopConnected") {
		t.Errorf("told %v", events)
	}
	for _, args := range [][]string{{"customer", lan.String()}, {"user", userID}, {"settings"}} {
		if text := sh.run(append([]string{"audit"}, args...)...); hasPlaceholder(text) || !strings.Contains(text, "at the command line") {
			t.Errorf("audit %v tells\n%s", args, text)
		}
	}
	b.as("operator").get("/api/v1/settings/timeline").wants(t, http.StatusForbidden, "role-insufficient")
}

// mergedCustomers are two records of one person, of which the second has three orders and was merged into the first.
func (b *bridge) mergedCustomers() (survivor, merged uuid.UUID, codes []string) {
	b.t.Helper()
	survivor = b.addCustomer("Trần Lan", customer.Details{Phones: []string{"0904 000 321"}})
	for id := range 3 {
		order := object{"id": 801 + id, "bill_phone_number": "0912000451"}
		delivered := b.settled(b.deliver(shopA, changed(b.t, fixture(b.t, "order-new-customer.json"), order)))
		codes = append(codes, *delivered.OrderCode)
	}
	b.caughtUp()
	merged = b.order(codes[0]).Customer.ID
	b.shell().run("customer", "merge", survivor.String(), merged.String(), "--yes")
	b.caughtUp()
	return survivor, merged, codes
}

// TestTimelinesTellOfMergedCustomers: why an order of one customer is shown with another, and how the orders of a survivor found them.
func TestTimelinesTellOfMergedCustomers(t *testing.T) {
	t.Parallel()
	b := start(t)
	survivor, merged, codes := b.mergedCustomers()

	order := b.timeline("/api/v1/orders/" + codes[1])
	checkTold(t, order)
	if want := []string{"OrderReceived", "CustomerMatched", "SourceEnsured", "OrderCreated", "CustomerMergedInto"}; !slices.Equal(eventsOf(order), want) {
		t.Fatalf("told %v", eventsOf(order))
	}
	if last := order.Items[4]; order.Subject.Customer.ID != survivor || !strings.Contains(last.Summary, merged.String()) ||
		!strings.Contains(last.Summary, "was merged into "+survivor.String()) || !strings.Contains(last.SummaryVI, "đã được gộp vào "+survivor.String()) {
		t.Errorf("the order of %+v is told as %q, %q", order.Subject.Customer, last.Summary, last.SummaryVI)
	}

	told := b.timeline("/api/v1/customers/" + survivor.String())
	checkTold(t, told)
	want := []string{"CustomerImported", "CustomerCreated", "CustomerMatched", "CustomerMatched", "CustomerMergedInto", "CustomersMerged"}
	if events := eventsOf(told); !slices.Equal(slices.Concat(events[:4], slices.Sorted(slices.Values(events[4:]))), want) { // a merge is two events
		t.Fatalf("told %v", eventsOf(told))
	}
	if created := told.Items[1]; !strings.HasPrefix(created.Summary, "Customer "+merged.String()+", who was merged into this one: Created customer") ||
		!strings.HasPrefix(created.SummaryVI, "Khách hàng "+merged.String()+", đã được gộp vào khách này: Đã tạo") {
		t.Errorf("the merged one came by %q, %q", created.Summary, created.SummaryVI)
	}
	if first := told.Items[2].Summary; !strings.HasPrefix(first, "Order 802 of shop 1635294032: Matched") {
		t.Errorf("an order came by %q", first)
	}
	if other := b.timeline("/api/v1/customers/" + merged.String()); !bytes.Equal(mustJSON(t, other), mustJSON(t, told)) {
		t.Errorf("the merged one's id leads to the timeline of %+v", other.Subject)
	}

	b.shell().run("customer", "unmerge", merged.String())
	b.caughtUp()
	if order := b.timeline("/api/v1/orders/" + codes[1]); order.Subject.Customer.ID != merged || eventsOf(order)[len(order.Items)-1] != "CustomerUnmerged" {
		t.Errorf("the order of %+v is told as %v", order.Subject.Customer, eventsOf(order))
	}
	if own := eventsOf(b.timeline("/api/v1/customers/" + survivor.String())); !slices.Equal(own, []string{"CustomerImported", "CustomersMerged", "CustomersUnmerged"}) {
		t.Errorf("the survivor alone is told as %v", own)
	}
}

func TestATimelineInPartsIsTheWholeOne(t *testing.T) {
	t.Parallel()
	b := start(t)
	for i := range 7 {
		b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{
			"shipping_fee": []any{"Liên hệ", 10000 * i}[min(i%3, 1)], "updated_at": fmt.Sprintf("2025-09-15T04:%02d:00", i),
		})))
	}
	b.caughtUp()
	id := b.order("Pancake_1635294032_2051").Customer.ID
	for _, path := range []string{"/api/v1/orders/Pancake_1635294032_2051", "/api/v1/customers/" + id.String(), "/api/v1/settings"} {
		whole := b.timeline(path)
		if path == "/api/v1/orders/Pancake_1635294032_2051" && len(whole.Items) < 14 {
			t.Fatalf("told %v", eventsOf(whole))
		}
		for _, limit := range []int{1, 2, 5, len(whole.Items), len(whole.Items) + 1} {
			var items []query.Step
			for cursor := ""; ; {
				part := decoded[query.Timeline](t, b.get(fmt.Sprintf("%s/timeline?limit=%d&cursor=%s", path, limit, cursor)).wants(t, 200, ""))
				items = append(items, part.Items...)
				if part.NextCursor == nil {
					break
				}
				if len(part.Items) != limit {
					t.Fatalf("a part of %d has %d entries", limit, len(part.Items))
				}
				cursor = *part.NextCursor
			}
			for i := range items { // causes are told where they are in the same part
				items[i].CausePosition, whole.Items[i].CausePosition = nil, nil
			}
			if got, want := string(mustJSON(t, items)), string(mustJSON(t, whole.Items)); got != want {
				t.Errorf("%s in parts of %d is\n%s\nand whole\n%s", path, limit, got, want)
			}
		}
	}
}

func TestTimelinesOfWhatNobodyHas(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	const anID = "01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11"
	for path, code := range map[string]string{
		"/api/v1/orders/Pancake_1_1": "order-unknown", "/api/v1/orders/%00": "order-unknown", "/api/v1/customers/" + anID: "customer-unknown",
		"/api/v1/users/" + anID: "user-unknown", "/api/v1/deliveries/" + anID: "delivery-unknown",
	} {
		b.get(path+"/timeline").wants(t, http.StatusNotFound, code)
		b.get(path+"/timeline?limit=0").wants(t, map[bool]int{true: 404, false: 422}[strings.HasSuffix(path, "%00")], "")
	}
	for args, exit := range map[string]int{
		"order Pancake_1_1": 3, "customer " + anID: 3, "user " + anID: 3, "delivery " + anID: 3, "delivery 7": 2, "order": 2, "settings --limit 0": 4,
	} {
		if _, complaint, code := sh.try(append([]string{"audit"}, strings.Fields(args)...)...); code != exit || complaint == "" {
			t.Errorf("audit %s: exit code %d, %s", args, code, complaint)
		}
	}
}
