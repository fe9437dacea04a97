package service_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"orderbridge/app/query"
)

// fromJSON reads what a command printed.
func fromJSON[T any](t *testing.T, printed string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(printed), &value); err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
	return value
}

func TestCustomersAreImportedAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	dir := t.TempDir()
	const customers = 700
	var file bytes.Buffer
	file.WriteString("\uFEFFTên khách hàng;Số điện thoại;Nhãn;Mã\r\n")
	for n := range customers {
		fmt.Fprintf(&file, "Khách %d;9%08d;VIP;%d\r\n", n, n, n) // whose zero a spreadsheet ate
	}
	file.WriteString("Không có số;abc;;\r\nTrùng;0900000001;;\r\n")
	name := filepath.Join(dir, "khách.csv")
	must(t, os.WriteFile(name, file.Bytes(), 0o600))

	result := filepath.Join(dir, "ket-qua.csv")
	preview := fromJSON[query.CustomerImport](t, sh.run("customer", "import", name, "--dry-run", "--json", "--result", result))
	if preview.New != customers || preview.Invalid != 1 || preview.Repeated != 1 || preview.State != query.ImportChecked ||
		!slices.Equal(preview.UnknownColumns, []string{"Mã"}) {
		t.Errorf("the preview is %+v", preview)
	}
	if told, err := os.ReadFile(result); err != nil || !strings.Contains(string(told), fmt.Sprintf("\n%d,invalid,,phones[0]: the phone number cannot be read\n", customers+2)) {
		t.Errorf("the result is %.300s, %v", told, err)
	}
	if shown := sh.run("customer", "import", name, "--dry-run"); !strings.Contains(shown, "700 customers would be added") || !strings.Contains(shown, "line 3 has it") {
		t.Errorf("the preview is shown as %s", shown)
	}
	kept := func() int {
		return count(t, connect(t, b.dsn), "SELECT (SELECT count(*) FROM imports) + (SELECT count(*) FROM import_rows) + (SELECT count(*) FROM import_keys)")
	}
	if left := kept(); left != 0 {
		t.Errorf("%d rows are left of dry runs", left)
	}
	if _, complaint, code := sh.try("customer", "import", name); code == 0 || !strings.Contains(complaint, "--yes") {
		t.Errorf("without an answer: %d %s", code, complaint)
	}
	if left := kept(); left != 1 { // that it was given up
		t.Errorf("%d rows are left when nobody said yes", left)
	}
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != 0 {
		t.Fatalf("%d customers before anybody confirmed", got)
	}
	done := fromJSON[query.CustomerImport](t, sh.run("customer", "import", name, "--yes", "--json"))
	if done.Imported != customers || done.State != query.ImportDone {
		t.Errorf("done is %+v", done)
	}
	before := kept()
	if shown := sh.run("customer", "import", name, "--yes"); !strings.HasPrefix(shown, "702 rows of khách.csv: nobody is new, 701 are there already, ") {
		t.Errorf("once more it tells %s", shown)
	}
	if again := fromJSON[query.CustomerImport](t, sh.run("customer", "import", name, "--yes", "--json")); again.Imported != 0 || again.Existing != customers+1 {
		t.Errorf("once more: %+v", again)
	}
	if left := kept(); left != before {
		t.Errorf("%d rows are left of files that said nothing new", left-before)
	}
	b.caughtUp()
	if got := len(all[query.Customer](b, "/api/v1/customers?tag=VIP")); got != customers {
		t.Errorf("%d customers, want %d", got, customers)
	}
	order := b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), map[string]any{"bill_phone_number": "0900 000 123"})))
	if shown := sh.run("audit", "order", *order.OrderCode); !strings.Contains(shown, "Matched an existing customer") {
		t.Errorf("the order of somebody who was imported is told as\n%s", shown)
	}
	found := all[query.Customer](b, "/api/v1/customers?phone=0900000123")
	if len(found) != 1 {
		t.Fatal(found)
	}
	if shown := sh.run("audit", "customer", found[0].ID.String()); !strings.Contains(shown, "from line 125 of the import") {
		t.Errorf("somebody who was imported is told as\n%s", shown)
	}
	for _, template := range []string{"mau.csv", "mau.xlsx"} {
		template = filepath.Join(dir, template)
		sh.run("customer", "template", template)
		if checked := fromJSON[query.CustomerImport](t, sh.run("customer", "import", template, "--dry-run", "--json")); checked.Rows != 1 || checked.Invalid != 0 || len(checked.UnknownColumns) != 0 {
			t.Errorf("the template is read as %+v", checked)
		}
	}
	var titles strings.Builder
	for n := range 300 {
		fmt.Fprintf(&titles, ",Mã %d", n)
	}
	must(t, os.WriteFile(name, []byte("name,phone"+titles.String()+"\nAn,0900000001\n\"Bo\nBi\",0987000102\n"), 0o600))
	if shown := sh.run("customer", "import", name, "--yes"); !strings.HasPrefix(shown,
		"2 rows of khách.csv: 1 customer was added, 1 is there already, 0 are repeated in the file, 0 are not valid.\n"+
			"Columns are left out: Mã 0, Mã 1, Mã 2, Mã 3, Mã 4 and 295 more.\n") {
		t.Errorf("told %s", shown)
	}
	for what, tc := range map[string]struct{ content, says string }{
		"a picture": {"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"}, "nothing": {"", "empty"}, "no names": {"phone\n1\n", "no column name"},
	} {
		must(t, os.WriteFile(name, []byte(tc.content), 0o600))
		if _, complaint, code := sh.try("customer", "import", name, "--yes"); code == 0 || !strings.Contains(complaint, tc.says) {
			t.Errorf("%s: %d %s", what, code, complaint)
		}
	}
}

// TestOrdersFindWhoWasImported imports customers and delivers an order for each, with the phone in another spelling on one of the two
// sides or on both.
func TestOrdersFindWhoWasImported(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.setMatchRule("phone")
	spellings := []func(phone, other string) string{
		func(p, o string) string { return p + " / " + o },
		func(p, o string) string { return p + " - " + o },
		func(p, o string) string { return p + "/" + o },
		func(p, o string) string { return p + " " + o },
		func(p, o string) string { return o + "; " + p },
		func(p, _ string) string { return p[:4] + " " + p[4:7] + " " + p[7:] + " (Lan)" },
		func(p, _ string) string { return p[:4] + "," + p[4:7] + "," + p[7:] },
		func(p, _ string) string { return p[:4] + "_" + p[4:] },
		func(p, _ string) string { return p[:4] + "." + p[4:7] + "." + p[7:] },
		func(p, _ string) string { return p + ";" },
		func(p, _ string) string { return "'" + p },
		func(p, _ string) string { return "SĐT: " + p },
		func(p, _ string) string { return "đt " + p },
		func(p, _ string) string { return "Zalo " + p + " chị Lan" },
		func(p, _ string) string { return "tel:" + p },
		func(p, _ string) string { return "tel:+84-" + p[1:4] + "-" + p[4:7] + "-" + p[7:] },
		func(p, _ string) string { return "84" + p[1:] },
		func(p, _ string) string { return "+84 " + p },
		func(p, _ string) string { return p[1:] },
		func(p, _ string) string { return digitsFrom('٠', p) },
		func(p, _ string) string { return digitsFrom('۰', p) },
		func(p, _ string) string { return digitsFrom('０', p) },
	}
	var file bytes.Buffer
	file.WriteString("name,phone\n")
	var ordered []string
	for n, spell := range spellings {
		for side := range 3 {
			phone, other := fmt.Sprintf("0912%04d%02d", n, side), fmt.Sprintf("0987%04d%02d", n, side)
			there, here := phone, phone
			if side != 1 {
				there = spell(phone, other)
			}
			if side != 0 {
				here = spellings[(n+side*7)%len(spellings)](phone, other)
			}
			fmt.Fprintf(&file, "Khách %s,\"%s\"\n", phone, there)
			ordered = append(ordered, here)
		}
	}
	name := filepath.Join(t.TempDir(), "khach.csv")
	must(t, os.WriteFile(name, file.Bytes(), 0o600))
	if done := fromJSON[query.CustomerImport](t, b.shell().run("customer", "import", name, "--yes", "--json")); done.Imported != len(ordered) {
		t.Fatalf("imported as %+v", done)
	}
	for n, phone := range ordered {
		b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{
			"id": 9000 + n, "custom_id": nil, "bill_phone_number": phone, "shipping_address": nil, "customer": nil,
		}))
	}
	b.caughtUp()
	for n, phone := range ordered {
		want := fmt.Sprintf("Khách 0912%04d%02d", n/3, n%3)
		if got := b.order(fmt.Sprintf("Pancake_%s_%d", shopA, 9000+n)); got.Customer.Name != want {
			t.Errorf("an order with the phone %q is of %s, want %s", phone, got.Customer.Name, want)
		}
	}
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != len(ordered) {
		t.Errorf("%d customers, want %d", got, len(ordered))
	}
	// What may be something else than the phone of one of them is nobody's.
	for n, phone := range []string{"091****001", "đơn 0912000000", "MST 0912000000", "DH0912000000", "02838234567 ext 12"} {
		order := b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{
			"id": 9900 + n, "custom_id": nil, "bill_phone_number": phone, "shipping_address": nil, "customer": nil,
		})))
		if shown := b.order(*order.OrderCode); shown.Customer.Phone != nil || strings.HasPrefix(shown.Customer.Name, "Khách 09") {
			t.Errorf("an order with the phone %q is of %+v", phone, shown.Customer)
		}
	}
}

// digitsFrom writes digits with those of another script, of which zero is given.
func digitsFrom(zero rune, digits string) string {
	return strings.Map(func(r rune) rune { return r - '0' + zero }, digits)
}

func TestListsAreExportedAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	for n := range 3 {
		sh.run("customer", "add", "--name", fmt.Sprintf("=cmd|'/c calc'!A%d", n), "--phone", fmt.Sprintf("091200000%d", n))
		b.deliver(shopA, changed(t, fixture(t, "order-existing-phone.json"), map[string]any{"id": 8000 + n, "custom_id": nil}))
	}
	b.caughtUp()
	dir := t.TempDir()
	customers, orders := filepath.Join(dir, "khach.csv"), filepath.Join(dir, "don.xlsx")
	if told := sh.run("customer", "export", customers); !strings.Contains(told, "4 customers were written") {
		t.Errorf("told %s", told)
	}
	content, err := os.ReadFile(customers)
	must(t, err)
	if text := string(content); !strings.HasPrefix(text, "\uFEFFID,Tên khách hàng,") || strings.Count(text, ",'=cmd|") != 3 || !strings.Contains(text, ",0912000002,") {
		t.Errorf("the file is %s", text)
	}
	if _, complaint, code := sh.try("customer", "export", customers); code == 0 || !strings.Contains(complaint, "--force") {
		t.Errorf("over a file: %d %s", code, complaint)
	}
	sh.run("customer", "export", customers, "--phone", "0912000001", "--force")
	if content, err := os.ReadFile(customers); err != nil || strings.Count(string(content), "\n") != 2 {
		t.Errorf("one customer is written as %s, %v", content, err)
	}
	// What was exported is known when it is imported.
	if known := fromJSON[query.CustomerImport](t, sh.run("customer", "import", customers, "--yes", "--json")); known.Existing != 1 || known.Rows != 1 {
		t.Errorf("imported as %+v", known)
	}
	sh.run("order", "export", orders)
	book, err := excelize.OpenFile(orders)
	must(t, err)
	defer book.Close()
	rows, err := book.GetRows("Sheet1")
	must(t, err)
	at := func(title string) int { return slices.Index(rows[0], title) }
	if len(rows) < 4 || rows[1][at("Mã đơn hàng")] == "" || at("Phải thu") < 0 {
		t.Errorf("the orders are %q", rows)
	}
	if shown := rows[1][at("Ngày đặt")]; shown != "16/09/2025 00:42" {
		t.Errorf("the order's time is shown as %q", shown)
	}
	if out := sh.run("delivery", "export", "-"); strings.Count(out, "\n") != 4 || !strings.Contains(out, ",created,") {
		t.Errorf("deliveries are %s", out)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left are %q, %v", left, err)
	}
}

func TestCustomersAreMergedAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	add := func(name string, phones ...string) query.Customer {
		t.Helper()
		args := []string{"customer", "add", "--name", name, "--json"}
		for _, phone := range phones {
			args = append(args, "--phone", phone)
		}
		return fromJSON[query.Customer](t, sh.run(args...))
	}
	lan, other := add("Lan", "0912000451"), add("Trần Thị Lan", "0912000451", "0904000321")
	if shown := sh.run("customer", "duplicates"); !strings.Contains(shown, "0912 000 451") || !strings.Contains(shown, "Trần Thị Lan") {
		t.Errorf("duplicates are %s", shown)
	}
	order := b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), map[string]any{"bill_phone_number": "0904000321"})))
	b.caughtUp()
	if got := b.order(*order.OrderCode); got.Customer.ID != other.ID {
		t.Fatalf("the order is of %+v", got.Customer)
	}
	if shown := sh.run("customer", "merge", lan.ID.String(), other.ID.String(), "--take", "name", "--dry-run"); !strings.Contains(shown, "TOGETHER") {
		t.Errorf("the preview is %s", shown)
	}
	sh.run("customer", "merge", lan.ID.String(), other.ID.String(), "--take", "name", "--yes")
	b.caughtUp()
	if got := b.order(*order.OrderCode); got.Customer.ID != lan.ID || got.Customer.Name != "Trần Thị Lan" {
		t.Errorf("after the merge the order is of %+v", got.Customer)
	}
	if got := decoded[query.Customer](t, b.get("/api/v1/customers/"+other.ID.String()).wants(t, http.StatusOK, "")); got.ID != lan.ID {
		t.Errorf("the other's id leads to %+v", got)
	}
	if shown := sh.run("audit", "customer", lan.ID.String()); !strings.Contains(shown, "was merged into this one") {
		t.Errorf("the merge is told as %s", shown)
	}
	if _, complaint, code := sh.try("customer", "edit", other.ID.String(), "--name", "x"); code == 0 || !strings.Contains(complaint, lan.ID.String()) {
		t.Errorf("an edit of the merged: %d %s", code, complaint)
	}
	sh.run("customer", "unmerge", other.ID.String())
	b.caughtUp()
	if got := b.order(*order.OrderCode); got.Customer.ID != other.ID {
		t.Errorf("after it was taken back the order is of %+v", got.Customer)
	}
	for _, was := range []query.Customer{lan, other} {
		now := decoded[query.Customer](t, b.get("/api/v1/customers/"+was.ID.String()).wants(t, http.StatusOK, ""))
		if now.Name != was.Name || !slices.Equal(now.Phones, was.Phones) || now.Status != "active" {
			t.Errorf("%+v is %+v now", was, now)
		}
	}
	// By email nobody is known yet, so the order stays; once somebody has it, it moves.
	sh.run("settings", "set", "--match-by", "phone_or_email")
	if told := sh.run("relink", "--dry-run"); !strings.Contains(told, "0 orders of 1 would belong") {
		t.Errorf("relink: %s", told)
	}
}
