package service_test

import (
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
