package service_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// changeStaff sends a change to the API as an operator's program does.
func (b *bridge) changeStaff(method, path, contentType, body string, headers ...string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.baseURL+"/api/v1/users"+path, strings.NewReader(body))
	must(b.t, err)
	request.Header.Set("Authorization", "Bearer "+b.token)
	if body != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := roundTrip(b.t, request)
	must(b.t, err)
	return got
}

func (b *bridge) postStaff(path, body string, headers ...string) answer {
	b.t.Helper()
	return b.changeStaff(http.MethodPost, path, "application/json", body, headers...)
}

// addedUser adds a user over the API.
func (b *bridge) addedUser(body string) query.User {
	b.t.Helper()
	got := b.postStaff("", body)
	if got.status != http.StatusCreated {
		b.t.Fatalf("add user: %d %s", got.status, got.body)
	}
	var added query.User
	got.decode(b.t, &added)
	return added
}

func wantRefusal(t *testing.T, got answer, status int, code string) {
	t.Helper()
	if got.status != status || got.code(t) != code {
		t.Errorf("answered %d %s, want %d %s", got.status, got.body, status, code)
	}
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
		var list query.UnmappedStaffList
		b.get("/api/v1/users/unmapped").decode(t, &list)
		return list
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
	path := "/" + mai.ID.String() + "/staff"
	mapping := func(more string) string {
		return fmt.Sprintf(`{"staff_key":%q,"staff_name":%q%s}`, staff.Key, *staff.Name, more)
	}
	var preview, mapped query.MappedStaff
	previewed := b.postStaff(path, mapping(`,"past":true,"dry_run":true`))
	previewed.decode(t, &preview)
	if previewed.header.Get("ETag") != `"1"` {
		t.Errorf("the preview has the ETag %s", previewed.header.Get("ETag"))
	}
	if !preview.DryRun || preview.PastOrders != (query.PastOrders{Found: 3, Remaining: 3}) || unmapped().Total != before.Total {
		t.Errorf("the preview is %+v", preview)
	}
	done := b.postStaff(path, mapping(`,"past":true`), "Idempotency-Key", "map-once")
	done.decode(t, &mapped)
	if done.status != http.StatusOK || mapped.PastOrders != (query.PastOrders{Found: 3, Changed: 3}) || mapped.User != (query.Reference{ID: mai.ID, Name: "Mai ở kho"}) {
		t.Errorf("%d %s", done.status, done.body)
	}
	if again := b.postStaff(path, mapping(`,"past":true`), "Idempotency-Key", "map-once"); !bytes.Equal(again.body, done.body) || again.header.Get("Idempotency-Replayed") != "true" {
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
	var shown query.UserDetail
	got := b.get("/api/v1/users/" + mai.ID.String())
	got.decode(t, &shown)
	if len(shown.Staff) != 1 || shown.Staff[0].Key != staff.Key || got.header.Get("ETag") != `"2"` {
		t.Errorf("the user is %s with the ETag %s", got.body, got.header.Get("ETag"))
	}

	huy := b.addedUser(`{"name":"Huy"}`)
	conflict := b.postStaff("/"+huy.ID.String()+"/staff", mapping(""))
	wantRefusal(t, conflict, http.StatusConflict, "staff-key-mapped")
	if !strings.Contains(string(conflict.body), mai.ID.String()) {
		t.Errorf("who has the key is not named: %s", conflict.body)
	}
	if got := b.changeStaff(http.MethodDelete, path+"/"+url.PathEscape(staff.Key), "", ""); got.status != http.StatusOK {
		t.Errorf("unmap: %d %s", got.status, got.body)
	}
	wantRefusal(t, b.changeStaff(http.MethodDelete, path+"/"+url.PathEscape(staff.Key), "", ""), http.StatusNotFound, "staff-not-mapped")
	odd := `{"staff_key":"name:Ca 1/2 & \"đêm\""}`
	if got := b.postStaff("/"+huy.ID.String()+"/staff", odd); got.status != http.StatusOK {
		t.Errorf("map: %d %s", got.status, got.body)
	}
	if got := b.changeStaff(http.MethodDelete, "/"+huy.ID.String()+"/staff/"+url.PathEscape(`name:Ca 1/2 & "đêm"`), "", ""); got.status != http.StatusOK {
		t.Errorf("unmap a key with a slash: %d %s", got.status, got.body)
	}
}

func TestStaffAreKeptOverHTTP(t *testing.T) {
	t.Parallel()
	b := start(t)
	mai := b.addedUser(`{"name":"Phương Mai","phone":"0904 000 321","email":"Mai@Example.vn"}`)
	if *mai.Phone != "+84904000321" || *mai.Email != "mai@example.vn" || !mai.Active {
		t.Errorf("added %+v", mai)
	}
	taken := b.postStaff("", `{"name":"Lan","phone":"+84904000321"}`)
	wantRefusal(t, taken, http.StatusConflict, "user-phone-taken")
	if !strings.Contains(string(taken.body), "Phương Mai ("+mai.ID.String()+")") {
		t.Errorf("who has the phone is not named: %s", taken.body)
	}
	wantRefusal(t, b.postStaff("", `{"name":"Lan","email":"mai@example.vn"}`), http.StatusConflict, "user-email-taken")
	wantRefusal(t, b.postStaff("", `{"name":"Lan","phnoe":"0904000322"}`), http.StatusUnprocessableEntity, "body-invalid")
	wantRefusal(t, b.postStaff("", `{"name":"","phone":"12"}`), http.StatusUnprocessableEntity, "user-invalid")

	path := "/" + mai.ID.String()
	edited := b.changeStaff(http.MethodPatch, path, "application/json", `{"name":"Mai","email":""}`, "If-Match", `"1"`)
	var shown query.User
	edited.decode(t, &shown)
	if edited.status != http.StatusOK || shown.Name != "Mai" || shown.Email != nil || *shown.Phone != "+84904000321" || edited.header.Get("ETag") != `"2"` {
		t.Errorf("edited: %d %s", edited.status, edited.body)
	}
	wantRefusal(t, b.changeStaff(http.MethodPatch, path, "application/json", `{"name":"X"}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "version-stale")
	wantRefusal(t, b.changeStaff(http.MethodPatch, path, "application/json", `{}`), http.StatusUnprocessableEntity, "body-invalid")

	listed := func(query string) string {
		var names []string
		for _, user := range all[userName](b, "/api/v1/users"+query) {
			names = append(names, user.Name)
		}
		return strings.Join(names, " ")
	}
	b.addedUser(`{"name":"Huy"}`)
	b.postStaff(path+"/deactivate", "")
	for query, want := range map[string]string{
		"": "Huy Mai", "?active=true": "Huy", "?active=false": "Mai", "?q=MAI": "Mai", "?q=0904%20000": "Mai", "?q=%2B84904": "Mai", "?q=zzz": "",
	} {
		if got := listed(query); got != want {
			t.Errorf("users%s are %q, want %q", query, got, want)
		}
	}
	if got := b.postStaff(path+"/reactivate", ""); got.status != http.StatusOK || got.header.Get("ETag") != `"4"` {
		t.Errorf("reactivated: %d %s", got.status, got.body)
	}
	wantRefusal(t, b.get("/api/v1/users/01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11"), http.StatusNotFound, "user-unknown")

	// Who may only read changes nothing.
	viewer, err := b.service.Commands.CreateToken.Handle(t.Context(), command.CreateToken{By: b.by(), Name: "viewer", Role: workspace.RoleViewer})
	must(t, err)
	b.token = viewer.Secret
	for _, refused := range []answer{
		b.postStaff("", `{"name":"Lan"}`), b.postStaff(path+"/deactivate", ""), b.postStaff(path+"/staff", `{"staff_key":"u-1"}`),
		b.changeStaff(http.MethodPatch, path, "application/json", `{"name":"X"}`), b.changeStaff(http.MethodDelete, path+"/staff/u-1", "", ""),
		b.changeStaff(http.MethodPost, "/import", "text/csv", "name\nLan\n"),
	} {
		wantRefusal(t, refused, http.StatusForbidden, "role-insufficient")
	}
	if got := b.get("/api/v1/users" + path); got.status != http.StatusOK {
		t.Errorf("a viewer reads %d %s", got.status, got.body)
	}
}

type userName struct {
	Name string `json:"name"`
}

func TestAFileOfUsersIsImportedTwice(t *testing.T) {
	t.Parallel()
	b := start(t)
	mai := b.addedUser(`{"name":"Phương Mai","phone":"0904000321"}`)
	const file = "\uFEFFHọ tên;Số điện thoại;Email\r\nPhương Mai;0904 000 321;\r\nHuy;0904000322;huy@example.vn\r\nLan;;\r\n"
	imported := func(query string) (result query.UserImport) {
		got := b.changeStaff(http.MethodPost, "/import"+query, "text/csv; charset=utf-8", file)
		if got.status != http.StatusOK {
			t.Fatalf("import: %d %s", got.status, got.body)
		}
		got.decode(t, &result)
		return result
	}
	preview := imported("?dry_run=true")
	if preview.Added != 2 || preview.Unchanged != 1 || len(preview.Users) != 2 || preview.Users[0].ID != nil || len(all[query.User](b, "/api/v1/users")) != 1 {
		t.Errorf("the preview is %+v", preview)
	}
	if first := imported(""); first.Added != 2 || first.Unchanged != 1 || first.Users[0].Name != "Huy" || first.Users[0].ID == nil {
		t.Errorf("the first import is %+v", first)
	}
	if second := imported(""); second.Added != 0 || second.Unchanged != 3 || len(second.Users) != 0 {
		t.Errorf("the second import is %+v", second)
	}
	if users := all[query.User](b, "/api/v1/users"); len(users) != 3 {
		t.Errorf("users are %+v", users)
	}

	const bad = "name,phone,email\n,0904000401,\nMới,0904000402,x\nTrùng,0904000402,\nKhác,0904000321,\n"
	got := b.changeStaff(http.MethodPost, "/import", "text/csv", bad)
	wantRefusal(t, got, http.StatusUnprocessableEntity, "file-invalid")
	var document struct {
		Errors []struct{ Path, Message string } `json:"errors"`
	}
	got.decode(t, &document)
	told := fmt.Sprint(document.Errors)
	for _, part := range []string{
		"{rows[0].name line 2: the name is missing}", "{rows[1].email line 3: the email address cannot be read}",
		"{rows[2].phone line 4: line 3 has the same phone}",
		"{rows[3].phone line 5: Phương Mai (" + mai.ID.String() + ") has this phone, and another name, phone or email; make the row and the user the same}",
	} {
		if !strings.Contains(told, part) {
			t.Errorf("%q is not told in %s", part, told)
		}
	}
	wantRefusal(t, b.changeStaff(http.MethodPost, "/import", "text/csv", "name\nPh\xfd\n"), http.StatusBadRequest, "file-not-utf8")
	wantRefusal(t, b.changeStaff(http.MethodPost, "/import", "application/json", `{}`), http.StatusUnsupportedMediaType, "content-type-unsupported")
	if users := all[query.User](b, "/api/v1/users"); len(users) != 3 {
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
	sh.run("user", "unmap", "--staff", listed[0], "--user", id)
}
