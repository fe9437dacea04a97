package service_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

const usersPath = "/api/v1/users"

// addedUser adds a user over the API.
func (b *bridge) addedUser(body string) query.User {
	b.t.Helper()
	return decoded[query.User](b.t, b.send(http.MethodPost, usersPath, body).wants(b.t, http.StatusCreated, ""))
}

func TestStaffWhomNobodyKnowsAreMapped(t *testing.T) {
	t.Parallel()
	b := start(t)
	const made = "order-with-known-creator.json" // by somebody whom no user is yet
	for i := range 3 {
		b.deliver(shopA, changed(t, fixture(t, made), map[string]any{"id": 9000 + i, "custom_id": nil}))
	}
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.caughtUp()

	unmapped := func() query.UnmappedStaffList {
		return decoded[query.UnmappedStaffList](t, b.get(usersPath+"/unmapped"))
	}
	before := unmapped()
	if len(before.Items) == 0 || before.Total != len(before.Items) {
		t.Fatalf("unmapped staff are %+v", before)
	}
	staff := before.Items[0]
	if staff.Orders != 3 || len(staff.SampleOrders) != 3 || staff.Phone == nil || *staff.Phone != "+84904000321" {
		t.Fatalf("the first is %+v", staff)
	}

	mai := b.addedUser(`{"name":"Mai ở kho"}`)
	path := usersPath + "/" + mai.ID.String() + "/staff"
	mapping := func(more string) string {
		return fmt.Sprintf(`{"staff_key":%q,"staff_name":%q%s}`, staff.Key, *staff.Name, more)
	}
	previewed := b.send(http.MethodPost, path, mapping(`,"past":true,"dry_run":true`))
	preview := decoded[query.MappedStaff](t, previewed)
	if previewed.header.Get("ETag") != `"1"` {
		t.Errorf("the preview has the ETag %s", previewed.header.Get("ETag"))
	}
	if !preview.DryRun || preview.PastOrders != (query.PastOrders{Found: 3, Remaining: 3}) || unmapped().Total != before.Total {
		t.Errorf("the preview is %+v", preview)
	}
	done := b.send(http.MethodPost, path, mapping(`,"past":true`), "Idempotency-Key", "map-once")
	mapped := decoded[query.MappedStaff](t, done.wants(t, http.StatusOK, ""))
	if mapped.PastOrders != (query.PastOrders{Found: 3, Changed: 3}) || mapped.User != (query.Reference{ID: mai.ID, Name: "Mai ở kho"}) {
		t.Errorf("mapped: %s", done.body)
	}
	if again := b.send(http.MethodPost, path, mapping(`,"past":true`), "Idempotency-Key", "map-once"); !bytes.Equal(again.body, done.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same request again: %d %s", again.status, again.body)
	}
	for _, code := range staff.SampleOrders {
		if got := b.order(code); got.Assignee == nil || got.Assignee.ID != mai.ID || got.AssigneeReason != "creator_mapped" {
			t.Errorf("order %s went to %+v (%s)", code, got.Assignee, got.AssigneeReason)
		}
	}
	if after := unmapped(); slices.ContainsFunc(after.Items, func(s query.UnmappedStaff) bool { return s.Key == staff.Key }) {
		t.Errorf("who is mapped is still unmapped: %+v", after)
	}
	got := b.get(usersPath + "/" + mai.ID.String())
	shown := decoded[query.UserDetail](t, got)
	if len(shown.Staff) != 1 || shown.Staff[0].Key != staff.Key || got.header.Get("ETag") != `"2"` {
		t.Errorf("the user is %s with the ETag %s", got.body, got.header.Get("ETag"))
	}

	huy := b.addedUser(`{"name":"Huy"}`)
	conflict := b.send(http.MethodPost, usersPath+"/"+huy.ID.String()+"/staff", mapping("")).wants(t, http.StatusConflict, "staff-key-mapped")
	if !strings.Contains(string(conflict.body), mai.ID.String()) {
		t.Errorf("who has the key is not named: %s", conflict.body)
	}
	b.send(http.MethodDelete, usersPath+"/"+uuid.Nil.String()+"/staff/"+url.PathEscape(staff.Key), nil).wants(t, http.StatusNotFound, "user-unknown")
	b.send(http.MethodDelete, path+"/"+url.PathEscape(staff.Key), nil).wants(t, http.StatusOK, "")
	b.send(http.MethodDelete, path+"/"+url.PathEscape(staff.Key), nil).wants(t, http.StatusNotFound, "staff-not-mapped")
	const odd = `name:Ca 1/2 & "đêm"` // a slash in the path, too
	b.send(http.MethodPost, usersPath+"/"+huy.ID.String()+"/staff", object{"staff_key": odd}).wants(t, http.StatusOK, "")
	b.send(http.MethodDelete, usersPath+"/"+huy.ID.String()+"/staff/"+url.PathEscape(odd), nil).wants(t, http.StatusOK, "")
}

func TestStaffAreKeptOverHTTP(t *testing.T) {
	t.Parallel()
	b := start(t)
	mai := b.addedUser(`{"name":"Phương Mai","phone":"0904 000 321","email":"Mai@Example.vn"}`)
	if *mai.Phone != "+84904000321" || *mai.Email != "mai@example.vn" || !mai.Active {
		t.Errorf("added %+v", mai)
	}
	taken := b.send(http.MethodPost, usersPath, `{"name":"Lan","phone":"+84904000321"}`).wants(t, http.StatusConflict, "user-phone-taken")
	if !strings.Contains(string(taken.body), "Phương Mai ("+mai.ID.String()+")") {
		t.Errorf("who has the phone is not named: %s", taken.body)
	}
	b.send(http.MethodPost, usersPath, `{"name":"Lan","email":"mai@example.vn"}`).wants(t, http.StatusConflict, "user-email-taken")
	b.send(http.MethodPost, usersPath, `{"name":"Lan","phnoe":"0904000322"}`).wants(t, http.StatusUnprocessableEntity, "body-invalid")
	b.send(http.MethodPost, usersPath, `{"name":"","phone":"12"}`).wants(t, http.StatusUnprocessableEntity, "user-invalid")

	path := usersPath + "/" + mai.ID.String()
	edited := b.send(http.MethodPatch, path, `{"name":"Mai","email":""}`, "If-Match", `"1"`).wants(t, http.StatusOK, "")
	shown := decoded[query.User](t, edited)
	if shown.Name != "Mai" || shown.Email != nil || *shown.Phone != "+84904000321" || edited.header.Get("ETag") != `"2"` {
		t.Errorf("edited: %s", edited.body)
	}
	b.send(http.MethodPatch, path, `{"name":"X"}`, "If-Match", `"1"`).wants(t, http.StatusPreconditionFailed, "version-stale")
	b.send(http.MethodPatch, path, `{}`).wants(t, http.StatusUnprocessableEntity, "body-invalid")

	listed := func(query string) string {
		var names []string
		for _, user := range all[userName](b, usersPath+query) {
			names = append(names, user.Name)
		}
		return strings.Join(names, " ")
	}
	b.addedUser(`{"name":"Huy"}`)
	b.send(http.MethodPost, path+"/deactivate", nil).wants(t, http.StatusOK, "")
	for query, want := range map[string]string{
		"": "Huy Mai", "?active=true": "Huy", "?active=false": "Mai", "?q=MAI": "Mai", "?q=0904%20000": "Mai", "?q=%2B84904": "Mai", "?q=zzz": "",
	} {
		if got := listed(query); got != want {
			t.Errorf("users%s are %q, want %q", query, got, want)
		}
	}
	if got := b.send(http.MethodPost, path+"/reactivate", nil).wants(t, http.StatusOK, ""); got.header.Get("ETag") != `"4"` {
		t.Errorf("reactivated: %s with the ETag %s", got.body, got.header.Get("ETag"))
	}
	b.get(usersPath+"/01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11").wants(t, http.StatusNotFound, "user-unknown")

	// Who may only read changes nothing.
	viewer := b.as(workspace.RoleViewer)
	for _, refused := range []answer{
		viewer.send(http.MethodPost, usersPath, `{"name":"Lan"}`), viewer.send(http.MethodPost, path+"/deactivate", nil),
		viewer.send(http.MethodPost, path+"/staff", `{"staff_key":"u-1"}`),
		viewer.send(http.MethodPatch, path, `{"name":"X"}`), viewer.send(http.MethodDelete, path+"/staff/u-1", nil),
		viewer.send(http.MethodPost, usersPath+"/import", "name\nLan\n", "Content-Type", "text/csv"),
	} {
		refused.wants(t, http.StatusForbidden, "role-insufficient")
	}
	viewer.get(path).wants(t, http.StatusOK, "")
}

type userName struct {
	Name string `json:"name"`
}

func TestAFileOfUsersIsImportedTwice(t *testing.T) {
	t.Parallel()
	b := start(t)
	mai := b.addedUser(`{"name":"Phương Mai","phone":"0904000321"}`)
	const file = "\uFEFFHọ tên;Số điện thoại;Email\r\nPhương Mai;0904 000 321;\r\nHuy;0904000322;huy@example.vn\r\nLan;;\r\n"
	imported := func(parameters string) query.UserImport {
		got := b.send(http.MethodPost, usersPath+"/import"+parameters, file, "Content-Type", "text/csv; charset=utf-8")
		return decoded[query.UserImport](t, got.wants(t, http.StatusOK, ""))
	}
	preview := imported("?dry_run=true")
	if preview.Added != 2 || preview.Unchanged != 1 || len(preview.Users) != 2 || preview.Users[0].ID != nil || len(all[query.User](b, usersPath)) != 1 {
		t.Errorf("the preview is %+v", preview)
	}
	if first := imported(""); first.Added != 2 || first.Unchanged != 1 || first.Users[0].Name != "Huy" || first.Users[0].ID == nil {
		t.Errorf("the first import is %+v", first)
	}
	if second := imported(""); second.Added != 0 || second.Unchanged != 3 || len(second.Users) != 0 {
		t.Errorf("the second import is %+v", second)
	}
	if users := all[query.User](b, usersPath); len(users) != 3 {
		t.Errorf("users are %+v", users)
	}

	const bad = "name,phone,email\n,0904000401,\nMới,0904000402,x\nTrùng,0904000402,\nKhác,0904000321,\n"
	got := b.send(http.MethodPost, usersPath+"/import", bad, "Content-Type", "text/csv").wants(t, http.StatusUnprocessableEntity, "file-invalid")
	told := fmt.Sprint(decoded[struct {
		Errors []struct{ Path, Message string } `json:"errors"`
	}](t, got).Errors)
	for _, part := range []string{
		"{rows[0].name line 2: the name is missing}", "{rows[1].email line 3: the email address cannot be read}",
		"{rows[2].phone line 4: line 3 has the same phone}",
		"{rows[3].phone line 5: Phương Mai (" + mai.ID.String() + ") has this phone, and another name, phone or email; make the row and the user the same}",
	} {
		if !strings.Contains(told, part) {
			t.Errorf("%q is not told in %s", part, told)
		}
	}
	b.send(http.MethodPost, usersPath+"/import", "name\nPh\xfd\n", "Content-Type", "text/csv").wants(t, http.StatusBadRequest, "file-not-utf8")
	b.send(http.MethodPost, usersPath+"/import", `{}`, "Content-Type", "application/json").wants(t, http.StatusUnsupportedMediaType, "content-type-unsupported")
	if users := all[query.User](b, usersPath); len(users) != 3 {
		t.Errorf("a file with mistakes left %+v", users)
	}
}

func TestAnOperatorMapsStaffAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	delivered := b.settled(b.deliver(shopA, fixture(t, "order-with-known-creator.json")))
	b.caughtUp()
	b.stop() // nothing folds but the commands themselves
	sh := b.shell()
	sh.stdin = "tên,sđt\nMai ở kho,\n"
	sh.run("user", "import", "-")
	id := strings.Fields(strings.Split(sh.run("user", "list", "--find", "kho"), "\n")[1])[0]
	listed := strings.Fields(strings.Split(sh.run("user", "unmapped"), "\n")[1])
	if got := sh.run("user", "map", "--staff", listed[0], "--user", id, "--past"); !strings.Contains(got, "1 past order went to them") {
		t.Errorf("mapped: %s", got)
	}
	if got := sh.run("order", "show", *delivered.OrderCode); !strings.Contains(got, "Mai ở kho") {
		t.Errorf("the order is shown as\n%s", got)
	}
	if got := sh.run("user", "show", id); !strings.Contains(got, listed[0]) {
		t.Errorf("the user is shown as\n%s", got)
	}
	sh.run("user", "deactivate", id)
	if _, complaint, code := sh.try("user", "map", "--staff", "another", "--user", id); code != 4 || !strings.Contains(complaint, "not active") {
		t.Errorf("exit code %d: %s", code, complaint)
	}
	sh.run("user", "reactivate", id)
	if _, complaint, code := sh.try("user", "unmap", "--staff", "another"); code != 3 || !strings.Contains(complaint, "mapped to no user") {
		t.Errorf("exit code %d: %s", code, complaint)
	}
	if got := sh.run("user", "unmap", "--staff", listed[0]); !strings.Contains(got, "Mai ở kho is no longer "+listed[0]) {
		t.Errorf("unmapped: %s", got)
	}
	if got := sh.run("user", "show", id); strings.Contains(got, listed[0]) {
		t.Errorf("who is unmapped is shown as\n%s", got)
	}
}
