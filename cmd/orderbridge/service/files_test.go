package service_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/workspace"
)

const importsPath = "/api/v1/imports"

// imported waits until an import has come to its end.
func (b *bridge) imported(path string) query.CustomerImport {
	b.t.Helper()
	var found query.CustomerImport
	eventually(b.t, "an import to be done", func() bool {
		found = decoded[query.CustomerImport](b.t, b.get(path).wants(b.t, http.StatusOK, ""))
		return found.State == query.ImportDone
	})
	b.caughtUp()
	return found
}

func TestCustomersAreImportedOverTheAPI(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.addCustomer("Lan", customer.Details{Phones: []string{"0912000451"}})
	const file = "Tên khách hàng,Điện thoại,Mã\nLan,0912 000 451,1\nBình,0904000321,2\nBình,+84904000321,3\nChâu,abc,4\nDũng,0904000322,5\n"
	sent := b.send(http.MethodPost, importsPath, file, "Content-Type", "text/csv", "Content-Disposition", "attachment; filename*=UTF-8''kh%C3%A1ch.csv")
	checked := decoded[query.CustomerImport](t, sent.wants(t, http.StatusCreated, ""))
	path := importsPath + "/" + checked.ID.String()
	if checked.New != 2 || checked.Existing != 1 || checked.Repeated != 1 || checked.Invalid != 1 || checked.FileName != "khách.csv" ||
		checked.State != query.ImportChecked || !slices.Equal(checked.UnknownColumns, []string{"Mã"}) || sent.header.Get("Location") != path {
		t.Errorf("checked, the file is %+v at %s", checked, sent.header.Get("Location"))
	}
	b.caughtUp()
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != 1 {
		t.Errorf("%d customers before anybody confirmed", got)
	}
	invalid := decoded[query.ImportRows](t, b.get(path+"/rows?outcome=invalid").wants(t, http.StatusOK, ""))
	if len(invalid.Items) != 1 || invalid.Items[0].Line != 5 || invalid.Items[0].Reasons[0].Field != "phones[0]" {
		t.Errorf("not valid is %+v", invalid)
	}
	var lines []int
	for next := 0; ; {
		part := decoded[query.ImportRows](t, b.get(fmt.Sprintf("%s/rows?limit=2&after_line=%d", path, next)).wants(t, http.StatusOK, ""))
		for _, row := range part.Items {
			lines = append(lines, row.Line)
		}
		if part.NextAfterLine == nil {
			break
		}
		next = *part.NextAfterLine
	}
	if !slices.Equal(lines, []int{2, 3, 4, 5, 6}) {
		t.Errorf("in parts, the lines are %v", lines)
	}
	b.send(http.MethodPost, path+"/confirm", nil).wants(t, http.StatusOK, "")
	if done := b.imported(path); done.Imported != 2 || done.New != 0 || done.ConfirmedBy == nil {
		t.Errorf("done is %+v", done)
	}
	b.send(http.MethodPost, path+"/confirm", nil).wants(t, http.StatusOK, "")
	b.send(http.MethodPost, path+"/cancel", nil).wants(t, http.StatusConflict, "import-done")
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != 3 {
		t.Errorf("%d customers", got)
	}
	result := b.get(path + "/result")
	if text := string(result.wants(t, http.StatusOK, "").body); strings.Count(text, ",imported,") != 2 || !strings.Contains(text, "\n5,invalid,,phones[0]: ") ||
		result.header.Get("Content-Disposition") != `attachment; filename="import-`+checked.ID.String()+`.csv"` {
		t.Errorf("the result is %v %s", result.header, text)
	}
	if list := all[query.CustomerImport](b, importsPath); len(list) != 1 || list[0].ID != checked.ID {
		t.Errorf("imports are %+v", list)
	}

	template := b.get(importsPath+"/template?format=xlsx").wants(t, http.StatusOK, "")
	again := decoded[query.CustomerImport](t, b.send(http.MethodPost, importsPath, string(template.body),
		"Content-Type", "application/octet-stream").wants(t, http.StatusCreated, ""))
	b.send(http.MethodPost, importsPath+"/"+again.ID.String()+"/cancel", nil).wants(t, http.StatusOK, "")
	b.send(http.MethodPost, importsPath+"/"+again.ID.String()+"/confirm", nil).wants(t, http.StatusConflict, "import-cancelled")
	if again.Rows != 1 || again.Invalid != 0 || len(again.UnknownColumns) > 0 {
		t.Errorf("the template is read as %+v", again)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	for what, tc := range map[string]struct {
		file   string
		status int
		code   string
	}{
		"nothing":                 {"", http.StatusBadRequest, "file-empty"},
		"a header alone":          {"name,phone\n", http.StatusBadRequest, "file-empty"},
		"a PDF":                   {"%PDF-1.7\n", http.StatusBadRequest, "file-type-unknown"},
		"an archive of something": {"PK\x03\x04nothing", http.StatusBadRequest, "file-unreadable"},
		"no names":                {"phone\n0912000451\n", http.StatusUnprocessableEntity, "file-invalid"},
	} {
		got := b.send(http.MethodPost, importsPath, tc.file, "Content-Type", "application/octet-stream")
		if got.status != tc.status || got.code(t) != tc.code {
			t.Errorf("%s is answered with %d %s", what, got.status, got.body)
		}
	}
	b.send(http.MethodPost, importsPath, "name\nLan\n", "Content-Type", "text/csv", "Content-Disposition", "attachment; filename").
		wants(t, http.StatusUnprocessableEntity, "parameters-invalid")

	// Who announces that a file is too large is told so before sending it.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.baseURL+importsPath, io.LimitReader(zeros{}, 65<<20))
	must(t, err)
	request.ContentLength = 65 << 20
	request.Header.Set("Authorization", "Bearer "+b.token)
	request.Header.Set("Content-Type", "text/csv")
	request.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(request)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("65 MiB are answered with %d", response.StatusCode)
	}
	if list := all[query.CustomerImport](b, importsPath); slices.ContainsFunc(list, func(one query.CustomerImport) bool { return one.State != query.ImportCancelled }) {
		t.Errorf("left are %+v", list)
	}
	viewer := b.as(workspace.RoleViewer)
	for _, path := range []string{importsPath, importsPath + "/template", "/api/v1/exports/customers", "/api/v1/exports/orders", "/api/v1/exports/deliveries"} {
		viewer.get(path).wants(t, http.StatusForbidden, "role-insufficient")
	}
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(into []byte) (int, error) { clear(into); return len(into), nil }

func TestListsAreExportedOverTheAPI(t *testing.T) {
	t.Parallel()
	b := start(t)
	for n := range 3 {
		b.addCustomer(fmt.Sprintf("=1+%d", n), customer.Details{Phones: []string{fmt.Sprintf("091200000%d", n)}})
	}
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.deliver(shopB, changed(t, fixture(t, "order-new-customer.json"), object{"shop_id": 1635294033}))
	b.caughtUp()
	got := b.get("/api/v1/exports/customers?phone=0912000001").wants(t, http.StatusOK, "")
	if text := string(got.body); got.header.Get("Content-Type") != "text/csv; charset=utf-8" || strings.Count(text, "\n") != 2 ||
		!strings.HasPrefix(text, "\uFEFFID,") || !strings.Contains(text, ",'=1+1,0912000001,") {
		t.Errorf("one customer is %v %s", got.header, text)
	}
	got = b.get("/api/v1/exports/orders?format=xlsx&shop_id="+shopA).wants(t, http.StatusOK, "")
	book, err := excelize.OpenReader(bytes.NewReader(got.body))
	must(t, err)
	rows, err := book.GetRows("Sheet1")
	must(t, errors.Join(err, book.Close()))
	lines := len(b.order(rows[1][0]).Lines)
	if len(rows) != 1+max(lines, 1) || rows[1][1] != shopA || got.header.Get("Content-Disposition") != `attachment; filename="orders.xlsx"` {
		t.Errorf("orders of one shop are %v %q", got.header, rows)
	}
	if text := string(b.get("/api/v1/exports/deliveries?outcome=created").wants(t, http.StatusOK, "").body); strings.Count(text, ",created,") == 0 {
		t.Errorf("deliveries are %s", text)
	}
	b.get("/api/v1/exports/orders?format=pdf").wants(t, http.StatusUnprocessableEntity, "parameters-invalid")
	b.get("/api/v1/exports/customers?phone=abc").wants(t, http.StatusUnprocessableEntity, "parameters-invalid")
}

func TestCustomersAreMergedOverTheAPI(t *testing.T) {
	t.Parallel()
	b := start(t)
	lan, other := b.addCustomer("Lan", customer.Details{Phones: []string{"0912000451"}}), b.addCustomer("Trần Lan", customer.Details{Phones: []string{"0912000451"}})
	b.caughtUp()
	if shared := all[query.Duplicate](b, "/api/v1/customers/duplicates"); len(shared) != 1 || shared[0].Key.Value != "+84912000451" || shared[0].Count != 2 {
		t.Errorf("shared are %+v", shared)
	}
	path, otherPath := "/api/v1/customers/"+lan.String(), "/api/v1/customers/"+other.String()
	before := b.get(path).wants(t, http.StatusOK, "")
	merge := func(body object, headers ...string) answer {
		return b.send(http.MethodPost, path+"/merge", body, headers...)
	}
	preview := decoded[query.Merge](t, merge(object{"merged_id": other, "take": []string{"name"}, "dry_run": true}).wants(t, http.StatusOK, ""))
	if !preview.DryRun || preview.Survivor.Name != "Trần Lan" || preview.Before.Name != "Lan" || preview.Other.Status != "merged" {
		t.Errorf("the preview is %+v", preview)
	}
	if after := b.get(path); !bytes.Equal(after.body, before.body) {
		t.Errorf("the preview made %s of %s", after.body, before.body)
	}
	merge(object{"merged_id": lan}).wants(t, http.StatusUnprocessableEntity, "merge-same")
	merge(object{"merged_id": other, "take": []string{"phones"}}).wants(t, http.StatusUnprocessableEntity, "body-invalid")
	done := merge(object{"merged_id": other}, "If-Match", before.header.Get("ETag")).wants(t, http.StatusOK, "")
	if merged := decoded[query.Merge](t, done); merged.Other.MergedInto == nil || *merged.Other.MergedInto != lan {
		t.Errorf("the other is %+v", merged.Other)
	}
	if led := decoded[query.Customer](t, b.get(otherPath)); led.ID != lan {
		t.Errorf("the other's id leads to %+v", led)
	}
	list := all[query.Customer](b, "/api/v1/customers?status=merged")
	if len(list) != 1 || list[0].ID != other || list[0].MergedInto == nil || *list[0].MergedInto != lan || len(all[query.Customer](b, "/api/v1/customers")) != 1 {
		t.Errorf("merged are %+v", list)
	}
	b.send(http.MethodPatch, otherPath, object{"name": "x"}).wants(t, http.StatusConflict, "customer-merged")
	b.send(http.MethodPost, otherPath+"/unmerge", object{}).wants(t, http.StatusOK, "")
	b.send(http.MethodPost, otherPath+"/unmerge", object{}).wants(t, http.StatusConflict, "not-merged")
	now := decoded[query.Customer](t, b.get(path))
	was := decoded[query.Customer](t, before)
	was.Version = now.Version
	if fmt.Sprint(now) != fmt.Sprint(was) || len(all[query.Customer](b, "/api/v1/customers")) != 2 {
		t.Errorf("unmerged into %+v, was %+v", now, was)
	}
}

func TestOrdersAreRelinked(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	b.setMatchRule("phone")
	owner := b.addCustomer("Có email", customer.Details{Emails: []string{"lan@example.vn"}})
	order := *b.settled(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{
		"bill_phone_number": "0912000451", "bill_email": "lan@example.vn",
	}))).OrderCode
	b.caughtUp()
	byPhone := b.order(order).Customer.ID
	if byPhone == owner {
		t.Fatal("matched by email")
	}
	if told := sh.run("relink", "--dry-run"); !strings.Contains(told, "0 orders of 1 would belong to another customer") {
		t.Errorf("before the rule changes: %s", told)
	}
	sh.run("settings", "set", "--match-by", "email")
	if told := sh.run("relink", "--dry-run"); !strings.Contains(told, "1 order of 1 would belong to another customer") || !strings.Contains(told, owner.String()) {
		t.Errorf("the preview is %s", told)
	}
	if b.caughtUp(); b.order(order).Customer.ID != byPhone {
		t.Error("the preview moved the order")
	}
	if _, complaint, code := sh.try("relink"); code == 0 || !strings.Contains(complaint, "--yes") {
		t.Errorf("without an answer: %d %s", code, complaint)
	}
	done := fromJSON[query.Relink](t, sh.run("relink", "--yes", "--json"))
	b.caughtUp()
	if done.Moved != 1 || len(done.Orders) != 1 || done.Orders[0].From != byPhone || done.Orders[0].To != owner || b.order(order).Customer.ID != owner {
		t.Errorf("done is %+v, the order is of %s", done, b.order(order).Customer.ID)
	}
	if told := sh.run("audit", "order", order); !strings.Contains(told, "was looked at again") {
		t.Errorf("the move is told as %s", told)
	}
	if again := fromJSON[query.Relink](t, sh.run("relink", "--yes", "--json")); again.Moved != 0 {
		t.Errorf("once more: %+v", again)
	}
}
