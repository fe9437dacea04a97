package service_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

const customersPath = "/api/v1/customers"

// customer reads what an answer says of one.
func (a answer) customer(t *testing.T, status int) query.Customer {
	t.Helper()
	return decoded[query.Customer](t, a.wants(t, status, ""))
}

func (b *bridge) events(eventType string) int {
	b.t.Helper()
	return count(b.t, connect(b.t, b.dsn), "SELECT count(*) FROM events WHERE type = $1", eventType)
}

func TestACustomerIsAddedChangedAndSeenAtOnce(t *testing.T) {
	t.Parallel()
	b := start(t)
	operator := b.as(workspace.RoleOperator)
	added := operator.send(http.MethodPost, customersPath, `{"name":"Đặng Thị Hà","phones":["0912 000 451"],"tags":["VIP"],"note":"Gọi trước.\nGiao chiều."}`)
	one := added.customer(t, http.StatusCreated)
	path := added.header.Get("Location")
	if path != customersPath+"/"+one.ID.String() || added.header.Get("ETag") != `"1"` || one.Version != 1 {
		t.Errorf("added as %s with %v", added.body, added.header)
	}
	// Every answer that follows shows it, without waiting for anything.
	if seen := operator.get(path); !reflect.DeepEqual(seen.customer(t, http.StatusOK), one) || seen.header.Get("ETag") != `"1"` {
		t.Errorf("seen as %s", seen.body)
	}
	for version := 2; version < 12; version++ {
		name := strings.Repeat("Hà ", version)
		edited := operator.send(http.MethodPatch, path, `{"name":"`+name+`"}`).customer(t, http.StatusOK)
		seen := operator.get(path)
		if shown := seen.customer(t, http.StatusOK); !reflect.DeepEqual(shown, edited) || shown.Name != strings.TrimSpace(name) || shown.Version != version {
			t.Fatalf("edited to %+v, seen as %s", edited, seen.body)
		}
	}
	edited := operator.send(http.MethodPatch, path, `{"name":"Đặng Hà","phones":["0987000102","0912000451"],"emails":["ha@example.com"],"gender":"female","birthday":"1990-02-28"}`).
		customer(t, http.StatusOK)
	for _, filter := range []string{
		"q=" + url.QueryEscape("ha đặng"), "q=0987.000.102", "q=HA@example.com", "phone=0912000451", "email=ha@example.com", "tag=VIP", "status=active",
		"tag=VIP&q=dang&phone=0987000102",
	} {
		if found := all[query.Customer](operator, customersPath+"?"+filter); len(found) != 1 || !reflect.DeepEqual(found[0], edited) {
			t.Errorf("%s finds %+v", filter, found)
		}
	}
	for _, filter := range []string{"q=ong", "q=%27", "tag=vip", "status=archived", "tag=VIP&q=lan"} {
		if found := all[query.Customer](operator, customersPath+"?"+filter); len(found) != 0 {
			t.Errorf("%s finds %+v", filter, found)
		}
	}

	// An order of the new phone is theirs, and not after they are archived.
	matched := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	if order := b.order(*matched.OrderCode); order.Customer.ID != one.ID {
		t.Errorf("the order went to %+v", order.Customer)
	}
	if got := operator.send(http.MethodPost, path+"/archive", nil).customer(t, http.StatusOK); got.Status != "archived" {
		t.Errorf("archived as %+v", got)
	}
	cleared := operator.send(http.MethodPatch, path, `{"phones":[],"note":"","birthday":""}`).customer(t, http.StatusOK)
	if cleared.Note != nil || cleared.Birthday != nil || len(cleared.Phones) != 0 || cleared.Status != "archived" || *cleared.Gender != "female" {
		t.Errorf("cleared to %+v", cleared)
	}
	if got := b.shell().run("customer", "show", one.ID.String()); !strings.Contains(got, "archived") || !strings.Contains(got, "Đặng Hà") {
		t.Errorf("the command line shows:\n%s", got)
	}
}

func TestARequestThatIsRepeatedIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := start(t)
	const body = `{"name":"Lan","phones":["0912000451"]}`
	first := b.send(http.MethodPost, customersPath, body, "Idempotency-Key", "a")
	again := b.send(http.MethodPost, customersPath, body, "Idempotency-Key", "a")
	if first.status != http.StatusCreated || again.status != http.StatusCreated || !bytes.Equal(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("answered %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	for _, name := range []string{"Location", "ETag", "Orderbridge-Position", "Content-Type"} {
		if first.header.Get(name) == "" || first.header.Get(name) != again.header.Get(name) {
			t.Errorf("%s is %q, then %q", name, first.header.Get(name), again.header.Get(name))
		}
	}
	b.send(http.MethodPost, customersPath, `{"name":"Mai"}`, "Idempotency-Key", "a").wants(t, http.StatusUnprocessableEntity, "idempotency-key-reused")
	if got := b.events("CustomerImported"); got != 1 {
		t.Errorf("%d customers were added", got)
	}
	// The key is the token's own.
	b.as(workspace.RoleOperator).send(http.MethodPost, customersPath, `{"name":"Mai"}`, "Idempotency-Key", "a").wants(t, http.StatusCreated, "")
}

func TestOfRequestsAtOnceOneIsDone(t *testing.T) {
	t.Parallel()
	b := start(t)
	start := make(chan struct{})
	var group sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		group.Go(func() {
			<-start
			var err error
			answers[i], err = b.trySend(http.MethodPost, customersPath, `{"name":"Lan","phones":["0912000451"]}`, "Idempotency-Key", "a")
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	made := map[uuid.UUID]bool{}
	for _, got := range answers {
		switch got.status {
		case http.StatusCreated:
			made[got.customer(t, http.StatusCreated).ID] = true
		case http.StatusConflict:
			if got.code(t) != "idempotency-key-in-use" {
				t.Errorf("in the way is %s", got.body)
			}
		default:
			t.Errorf("answered %d %s", got.status, got.body)
		}
	}
	if len(made) != 1 || b.events("CustomerImported") != 1 {
		t.Errorf("customers %v, of %d events", made, b.events("CustomerImported"))
	}
}

func TestAChangeOfAnOldVersionIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	added := b.send(http.MethodPost, customersPath, `{"name":"Lan","phones":["0912000451"]}`)
	path, first := added.header.Get("Location"), added.header.Get("ETag")
	second := b.send(http.MethodPatch, path, `{"name":"Mai"}`, "If-Match", first)
	if second.customer(t, http.StatusOK).Name != "Mai" || second.header.Get("ETag") == first {
		t.Errorf("changed to %s with the ETag %s", second.body, second.header.Get("ETag"))
	}
	for _, stale := range []answer{
		b.send(http.MethodPatch, path, `{"phones":["0987000102"]}`, "If-Match", first),
		b.send(http.MethodPost, path+"/archive", nil, "If-Match", first),
	} {
		stale.wants(t, http.StatusPreconditionFailed, "version-stale")
	}
	if seen := b.get(path).customer(t, http.StatusOK); seen.Name != "Mai" || !slices.Equal(seen.Phones, []string{"+84912000451"}) || seen.Status != "active" {
		t.Errorf("seen as %+v", seen)
	}

	// Of many who change what they all saw, one does.
	etag := second.header.Get("ETag")
	var group sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		group.Go(func() {
			got, err := b.trySend(http.MethodPatch, path, `{"note":"`+strings.Repeat("x", i+1)+`"}`, "If-Match", etag)
			if err != nil {
				t.Error(err)
			}
			statuses[i] = got.status
		})
	}
	group.Wait()
	slices.Sort(statuses)
	if want := []int{200, 412, 412, 412, 412, 412, 412, 412}; !slices.Equal(statuses, want) {
		t.Errorf("answered %v", statuses)
	}
}

func TestARefusedChangeLeavesNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	path := b.send(http.MethodPost, customersPath, `{"name":"Lan","phones":["0912000451"]}`).header.Get("Location")
	before := b.get(path)
	for _, refused := range []struct {
		method, path, body string
		status             int
		code               string
		paths              []string
	}{
		{http.MethodPost, customersPath, `{"name":"","phones":["12","0912000452","x"],"birthday":"2025-13-01"}`, 422, "customer-invalid", []string{"name", "phones[0]", "phones[2]", "birthday"}},
		{http.MethodPatch, path, `{"name":"","emails":["x"],"gender":"?","note":"\u0000"}`, 422, "customer-invalid", []string{"name", "emails[0]", "gender", "note"}},
		{http.MethodPatch, path, `{"name":null}`, 422, "body-invalid", []string{"name"}},
		{http.MethodPatch, path, `{"nick":"L"}`, 422, "body-invalid", []string{"nick"}},
		{http.MethodPatch, path, `{"name":`, 400, "body-not-json", nil},
		{http.MethodPatch, customersPath + "/" + event.NewID().String(), `{"name":"Mai"}`, 404, "customer-unknown", nil},
		{http.MethodPost, customersPath + "/" + event.NewID().String() + "/restore", "", 404, "customer-unknown", nil},
	} {
		got := b.send(refused.method, refused.path, refused.body, "Idempotency-Key", "a")
		if got.status != refused.status || got.code(t) != refused.code || !slices.Equal(got.invalid(t), refused.paths) {
			t.Errorf("%s is answered with %d %s", refused.body, got.status, got.body)
		}
	}
	if after := b.get(path); !bytes.Equal(after.body, before.body) || after.header.Get("ETag") != before.header.Get("ETag") {
		t.Errorf("seen as %s", after.body)
	}
	if imported, updated := b.events("CustomerImported"), b.events("CustomerUpdated"); imported != 1 || updated != 0 {
		t.Errorf("the log has %d and %d events", imported, updated)
	}
}

func TestViewersSeeCustomersMaskedAndChangeNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	path := b.send(http.MethodPost, customersPath, `{"name":"0912 000 451","phones":["0912000451"],"emails":["lan.pham@example.com"],"address":"90 Pasteur (0987.000.102)","note":"lan.pham@example.com"}`).
		header.Get("Location")
	viewer := b.as(workspace.RoleViewer)
	want := query.Customer{Name: "•••", Phones: []string{"+84912•••451"}, Emails: []string{"l•••@example.com"}, Address: new("90 Pasteur (•••)"), Note: new("•••")}
	shown := viewer.get(path).customer(t, http.StatusOK)
	listed := all[query.Customer](viewer, customersPath+"?phone=0912000451")
	if len(listed) != 1 || !reflect.DeepEqual(listed[0], shown) {
		t.Errorf("listed as %+v, shown as %+v", listed, shown)
	}
	if shown.Name != want.Name || !slices.Equal(shown.Phones, want.Phones) || !slices.Equal(shown.Emails, want.Emails) || *shown.Address != *want.Address || *shown.Note != *want.Note {
		encoded, _ := json.Marshal(shown)
		t.Errorf("shown as %s", encoded)
	}
	for _, refused := range []answer{
		viewer.send(http.MethodPost, customersPath, `{"name":"Mai"}`), viewer.send(http.MethodPatch, path, `{"name":"Mai"}`),
		viewer.send(http.MethodPost, path+"/archive", nil), viewer.send(http.MethodPost, path+"/restore", nil),
	} {
		refused.wants(t, http.StatusForbidden, "role-insufficient")
	}
	if got := b.events("CustomerImported"); got != 1 {
		t.Errorf("%d customers were added", got)
	}
}
