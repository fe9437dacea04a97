package service_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/app/query"
	"orderbridge/app/rehearsal"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

const interpretPath = "/api/v1/interpret"

// interpreted asks what a body would do.
func (b *bridge) interpreted(body []byte, asked string) rehearsal.Interpretation {
	b.t.Helper()
	return decoded[rehearsal.Interpretation](b.t, b.send(http.MethodPost, interpretPath+asked, string(body)).wants(b.t, http.StatusOK, ""))
}

// everythingOf is every row of a workspace, and the head of the log.
func everythingOf(t *testing.T, conn *pgx.Conn, workspaceID uuid.UUID) string {
	t.Helper()
	return string(mustJSON(t, []any{rowsOf(t, conn, workspaceID), count(t, conn, "SELECT max(position) FROM events")}))
}

// TestWhatIsInterpretedIsWhatHappens asks of every body what it would do, and delivers it: the same happens, and not before.
func TestWhatIsInterpretedIsWhatHappens(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	conn := connect(t, b.dsn)
	b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987 000 102"}})
	b.addCustomer("Phạm Dung (trùng)", customer.Details{Phones: []string{"0987 000 102"}})
	sh.run("user", "add", "--name", "Phương Mai", "--phone", "0904000321")
	names, byCode := acceptedFixtures(t)
	names = append(names, "order-new-customer.json", "order-update-status.json") // older, and again
	for _, name := range names {
		b.caughtUp()
		body := fixture(t, name)
		before := everythingOf(t, conn, b.workspaceID)
		overHTTP := b.interpreted(body, "")
		var told rehearsal.Interpretation
		file := filepath.Join("..", "..", "..", "adapters", "pancake", "testdata", name)
		must(t, json.Unmarshal([]byte(sh.run("interpret", file, "--json")), &told))
		if text := sh.run("interpret", file); hasPlaceholder(text) || !strings.Contains(text, "Nothing was written.") || !strings.Contains(text, string(told.Outcome)) {
			t.Errorf("%s is interpreted as\n%s", name, text)
		}
		if after := everythingOf(t, conn, b.workspaceID); after != before {
			t.Fatalf("interpreting %s changed\n%s\nto\n%s", name, before, after)
		}
		if got, want := string(mustJSON(t, withoutSentences(told))), string(mustJSON(t, withoutSentences(overHTTP))); got != want {
			t.Errorf("%s is over HTTP\n%s\nand at the command line\n%s", name, want, got)
		}
		shop := shopA
		for code, files := range byCode {
			if slices.Contains(files, name) {
				shop = shopOf(code)
			}
		}
		delivered := b.settled(b.deliver(shop, body))
		b.caughtUp()
		if !told.Accepted || told.Outcome != delivered.Outcome || *told.OrderCode != *delivered.OrderCode || sorted(t, told.Reason) != sorted(t, delivered.Reason) {
			t.Errorf("%s was to be %s (%v), and is %+v", name, told.Outcome, told.Reason, delivered.Delivery)
		}
		var events []string
		for _, step := range delivered.Steps[1:] {
			events = append(events, step.Event)
		}
		var decisions []string
		for _, decision := range told.Decisions {
			decisions = append(decisions, decision.Event)
		}
		if !slices.Equal(events, decisions) {
			t.Errorf("%s was to be %v, and is %v", name, decisions, events)
		}
		found := b.order(*delivered.OrderCode)
		if c := told.Customer; c == nil || c.Name != found.Customer.Name || (c.Found == "new") != (c.ID == nil) || c.ID != nil && *c.ID != found.Customer.ID {
			t.Errorf("the customer of %s was to be %+v, and is %+v", name, told.Customer, found.Customer)
		}
		if o := told.Order; o.Totals != found.Totals || sorted(t, o.Lines) != sorted(t, found.Lines) || o.Status != found.Status ||
			sorted(t, o.Assignee) != sorted(t, found.Assignee) || o.AssigneeReason != found.AssigneeReason || o.Currency != found.Currency {
			t.Errorf("order %s was to be %+v, and is %+v", name, o, found.Order)
		}
		if last := found.History[len(found.History)-1]; told.Outcome == query.OutcomeUpdated && sorted(t, told.Changes) != sorted(t, last.Changes) {
			t.Errorf("%s was to change %s, and changed %s", name, mustJSON(t, told.Changes), mustJSON(t, last.Changes))
		}
	}
}

// sorted is JSON with the keys of objects in one order, which the database does not keep.
func sorted(t *testing.T, value any) string {
	t.Helper()
	var decoded any
	must(t, json.Unmarshal(mustJSON(t, value), &decoded))
	return string(mustJSON(t, decoded))
}

// withoutSentences is an interpretation without what names ids that were made up for it.
func withoutSentences(told rehearsal.Interpretation) rehearsal.Interpretation {
	for i := range told.Decisions {
		told.Decisions[i].Summary, told.Decisions[i].SummaryVI = "", ""
	}
	return told
}

func TestInterpretTellsWhy(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	byPhone := b.addCustomer("Theo số", customer.Details{Phones: []string{"0987 000 102"}})
	second := b.addCustomer("Theo số (trùng)", customer.Details{Phones: []string{"0987 000 102"}})
	byEmail := b.addCustomer("Theo email", customer.Details{Emails: []string{"dung.pham@example.com"}})
	body := fixture(t, "order-existing-phone.json")

	told := b.interpreted(body, "")
	if c := told.Customer; c.Found != "matched" || *c.ID != byPhone || *c.Reason != customer.ReasonOldestHolder || c.Key.Value != "+84987000102" ||
		!slices.Equal(c.Candidates, []uuid.UUID{byPhone, second}) || c.CandidateCount != 2 || told.MatchBy != "phone" || !told.Source.Created {
		t.Errorf("by phone it would be %+v of %+v", c, told)
	}
	told = b.interpreted(body, "?match_by=email")
	if c := told.Customer; c.Found != "matched" || *c.ID != byEmail || *c.Reason != customer.ReasonOnlyHolder || told.MatchBy != "email" {
		t.Errorf("by email it would be %+v", c)
	}
	if settings := decoded[query.Settings](t, b.get("/api/v1/settings")); settings.MatchBy != "phone" {
		t.Errorf("the rule is %s now", settings.MatchBy)
	}
	sh.stdin = string(body)
	if text := sh.run("interpret", "-", "--match-by", "phone_or_email"); !strings.Contains(text, "Theo số") || !strings.Contains(text, "475.000 ₫") ||
		!strings.Contains(strings.Join(strings.Fields(text), " "), "2 candidates, oldest first: "+byPhone.String()) {
		t.Errorf("told\n%s", text)
	}
	told = b.interpreted(fixture(t, "order-new-customer.json"), "")
	if c := told.Customer; c.Found != "new" || c.ID != nil || c.Name != "Nguyễn Thị Hạnh" || !slices.Equal(c.Phones, []string{"+84912000451"}) ||
		*c.Reason != customer.ReasonNoHolder || c.CandidateCount != 0 || told.Order.AssigneeReason != order.AssignedToNobody {
		t.Errorf("it would be %+v", c)
	}

	for name, test := range map[string]struct {
		body     []byte
		accepted bool
		outcome  query.Outcome
		reason   string
	}{
		"an order that nobody sends":    {fixture(t, "bad-missing-id.json"), false, query.OutcomeRejected, "order-id-missing"},
		"a shop that is not connected":  {fixture(t, "bad-wrong-shop.json"), false, query.OutcomeRejected, "shop-unknown"},
		"something else than an order":  {fixture(t, "other-customer-event.json"), true, rehearsal.OutcomeIgnored, "not-an-order"},
		"an amount in words":            {changed(t, body, object{"total_discount": "Liên hệ"}), true, query.OutcomeFailed, "money-unreadable"},
		"an order that is over already": {changed(t, body, object{"status": 6}), true, query.OutcomeSkipped, "cancelled"},
	} {
		told := b.interpreted(test.body, "")
		if told.Accepted != test.accepted || told.Outcome != test.outcome || told.Reason == nil || *told.Reason != test.reason || told.Customer != nil {
			t.Errorf("%s is interpreted as %s", name, mustJSON(t, told))
		}
	}
	sh.stdin = string(fixture(t, "bad-not-json.txt"))
	if text := sh.run("interpret", "-"); !strings.Contains(text, "Accepted  no") || !strings.Contains(text, "rejected") {
		t.Errorf("told\n%s", text)
	}

	delivered := b.settled(b.deliver(shopA, body))
	b.caughtUp()
	var again rehearsal.Interpretation
	must(t, json.Unmarshal([]byte(sh.run("interpret", delivered.ID.String(), "--json")), &again))
	if again.Outcome != query.OutcomeUnchanged || again.Customer.Found != "kept" || *again.Customer.ID != byPhone || *again.OrderCode != *delivered.OrderCode {
		t.Errorf("delivered again it would be %s", mustJSON(t, again))
	}
	if _, complaint, code := sh.try("interpret", event.NewID().String()); code != 3 || !strings.Contains(complaint, "no delivery has this id") {
		t.Errorf("exit code %d, %s", code, complaint)
	}
	named := filepath.Join(t.TempDir(), delivered.ID.String()) // a file of that name comes first
	must(t, os.WriteFile(named, fixture(t, "order-new-customer.json"), 0o600))
	if text := sh.run("interpret", named); !strings.Contains(text, "Pancake_1635294032_2051") {
		t.Errorf("told\n%s", text)
	}

	sh.run("shop", "pause", "--shop-id", shopA)
	if told := b.interpreted(body, ""); told.Outcome != query.OutcomeHeld || *told.Reason != "shop-paused" {
		t.Errorf("of a paused shop it would be %s", mustJSON(t, told))
	}

	b.send(http.MethodPost, interpretPath+"?match_by=name", string(body)).wants(t, 422, "parameters-invalid")
	b.send(http.MethodPost, interpretPath, "{").wants(t, 400, "body-not-json")
	b.send(http.MethodPost, interpretPath, "[]").wants(t, 422, "body-invalid")
	b.as("viewer").send(http.MethodPost, interpretPath, string(body)).wants(t, 403, "role-insufficient")
}
