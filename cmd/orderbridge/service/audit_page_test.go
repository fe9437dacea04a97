package service_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"orderbridge/domain/customer"
)

// TestThePageOnAuditsShowsWhatCommandsPrint: docs/audit.md holds the output of commands, save for ids, times and durations.
func TestThePageOnAuditsShowsWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "audit.md"))
	must(t, err)
	b := start(t)
	sh := b.shell()
	b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987 000 102"}})
	b.addCustomer("Phạm Văn Dũng", customer.Details{Phones: []string{"0987 000 102"}})
	sh.run("user", "add", "--name", "Phương Mai", "--phone", "0904000321")
	matched := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"shipping_fee": "Liên hệ"})))
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	updated := b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	b.caughtUp()
	body := filepath.Join(t.TempDir(), "order.json")
	must(t, os.WriteFile(body, changed(t, fixture(t, "order-with-known-creator.json"), object{"bill_phone_number": "0987000102"}), 0o600))
	for _, args := range [][]string{
		{"audit", "order", *matched.OrderCode},
		{"audit", "order", *updated.OrderCode},
		{"audit", "order", *matched.OrderCode, "--lang", "vi"},
		{"interpret", body},
	} {
		printed := sh.run(args...)
		if !strings.Contains(timeless(string(page)), timeless(printed)) {
			t.Errorf("docs/audit.md does not show what orderbridge %s prints:\n%s", strings.Join(args, " "), printed)
		}
	}
}

// varying are ids, times, durations and positions.
var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d\d/\d\d/\d{4} \d\d:\d\d(:\d\d)?|\+?[\d.,]+ (ms|s|giây)\b|#\d+ *`)

func timeless(text string) string { return varying.ReplaceAllString(text, "·") }

// TestAuditDeliveryAtTheCommandLine holds the whole page to what it says, and JSON to the API.
func TestAuditDeliveryAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	delivered := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	failed := b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"id": 2052, "shipping_fee": "Liên hệ"})))
	b.caughtUp()
	for id, want := range map[string]string{
		delivered.ID.String(): `Delivery  ·
Now       created
Received  ·
Done      · (· later)

··  OrderReceived  by the shop
    Order 2051 of shop 1635294032 arrived (9968 bytes) and was kept exactly as it came.

··  ·  CustomerCreated  by Orderbridge  due to ·
    Created customer "Nguyễn Thị Hạnh": the rule matches by phone (settings version 1), and no
    active customer has phone 0912 000 451 (0 candidates).

··  ·  SourceEnsured  by Orderbridge  due to ·
    The CRM had no order source "Pancake", so it was created.

··  ·  OrderCreated  by Orderbridge  due to ·
    Created order Pancake_1635294032_2051 with 2 lines, 930.000 ₫ due. Nobody is assigned: no user
    has the phone or email of its creator or is mapped to them, and the shop has no default
    assignee.
`,
		failed.ID.String(): `Delivery  ·
Now       failed
Received  ·
Done      · (· later)

··  OrderReceived  by the shop
     Order 2052 of shop 1635294032 arrived (8397 bytes) and was kept exactly as it came.

··  ·  IngestionFailed  by Orderbridge  due to ·
     Attempt 1 to bring order 2052 of shop 1635294032 in failed: shipping_fee: the amount is not a
     whole number. The delivery is kept exactly as it came.
`,
	} {
		if got := timeless(sh.run("audit", "delivery", id)); got != want {
			t.Errorf("of %s it prints\n%s\nwant\n%s", id, got, want)
		}
		var printed, told bytes.Buffer
		must(t, json.Compact(&printed, []byte(sh.run("audit", "delivery", id, "--json"))))
		must(t, json.Compact(&told, b.get(deliveriesPath+"/"+id+"/timeline").body))
		if printed.String() != told.String() {
			t.Errorf("as JSON it is\n%s\nwant\n%s", &printed, &told)
		}
	}
}
