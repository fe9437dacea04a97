package service_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/ports/http/contracttest"
)

// private are phones and emails that stand in records of a tenant, each in one place.
type private struct {
	subscribers []string // phones without what comes before the subscriber's number
	emails      []string
}

func (p *private) phone(format string) string {
	subscriber := fmt.Sprintf("91100%04d", len(p.subscribers)+1)
	p.subscribers = append(p.subscribers, subscriber)
	spelt := strings.NewReplacer("E164", "+84"+subscriber, "LOCAL", "0"+subscriber, "CODED", "84"+subscriber,
		"SPACED", "0"+subscriber[:3]+" "+subscriber[3:6]+" "+subscriber[6:])
	return spelt.Replace(format)
}

func (p *private) email(format string) string {
	address := fmt.Sprintf("private%d@example.vn", len(p.emails)+1)
	p.emails = append(p.emails, address)
	return strings.ReplaceAll(format, "EMAIL", address)
}

// heldIn are those that a text holds, in whatever spelling.
func (p *private) heldIn(text string) []string {
	joined := strings.Map(func(r rune) rune { // without what people put between the digits of a phone
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
	var held []string
	for _, subscriber := range p.subscribers {
		if strings.Contains(joined, subscriber) {
			held = append(held, subscriber)
		}
	}
	for _, email := range p.emails {
		if strings.Contains(strings.ToLower(text), email) {
			held = append(held, email)
		}
	}
	return held
}

// fillWithContacts puts a phone or an email wherever somebody could write one. It returns the tenant with these records for
// its own, and the deliveries that led to them: of a new customer, of another version, and of a customer who was known.
func (b *bridge) fillWithContacts(r tenant, p *private) (tenant, []uuid.UUID) {
	t := b.t
	t.Helper()
	as := &bridge{t: t, baseURL: b.baseURL, token: r.token, dsn: b.dsn}
	patch := func(path string, body object) {
		t.Helper()
		as.send("PATCH", path, body).wants(t, 200, "")
	}
	patch("/api/v1/users/"+r.userID.String(), object{"name": p.phone("Mai LOCAL"), "email": p.email("EMAIL")})
	for _, key := range []string{p.phone("E164"), p.email("EMAIL"), p.phone("name:Hà SPACED")} {
		as.send("POST", "/api/v1/users/"+r.userID.String()+"/staff", object{"staff_key": key, "staff_name": p.phone("Hà LOCAL")}).wants(t, 200, "")
	}
	patch("/api/v1/shops/"+shopA, object{"name": p.phone("Shop SPACED"), "default_assignee_id": r.userID.String()})

	buyerPhone := p.phone("LOCAL")
	version := func(id int, updatedAt string) []byte {
		return changed(t, fixture(t, "order-new-customer.json"), object{
			"id": id, "updated_at": updatedAt, "bill_full_name": p.phone("Lan SPACED"), "bill_phone_number": buyerPhone, "bill_email": p.email("EMAIL"),
			"customer": object{
				"id": p.phone("LOCAL"), "name": "Lan", "phone_numbers": []string{p.phone("CODED")}, "emails": []string{p.email("EMAIL")},
				"tags": []string{p.phone("khách SPACED")}, "username": p.email("EMAIL"), "fb_id": p.phone("wa_CODED"),
			},
			"shipping_address": object{"full_name": p.phone("Bình LOCAL"), "phone_number": p.phone("SPACED"), "full_address": p.email("90 Pasteur (EMAIL)")},
			"tags":             []object{{"id": 1, "name": p.phone("gấp LOCAL")}}, "note": p.phone("Gọi\nLOCAL hoặc ") + p.email("EMAIL") + " ngày 15/09/2025",
			"creator":        object{"id": p.phone("LOCAL"), "name": p.phone("Sale LOCAL"), "phone_number": p.phone("LOCAL"), "email": p.email("EMAIL")},
			"status_history": []object{{"status": 0, "editor": object{"name": p.phone("Ca SPACED"), "phone_number": p.phone("LOCAL"), "email": p.email("EMAIL")}, "updated_at": "2025-09-15T03:04:38.590469"}},
			"partner":        object{"partner_id": 3, "extend_code": trackingCode},
		})
	}
	var deliveries []uuid.UUID
	for _, body := range [][]byte{
		version(585229755054261, "2025-09-15T03:04:38"), version(585229755054261, "2025-09-16T03:04:38"), version(585229755054262, "2025-09-16T03:04:38"),
	} {
		got := b.postWith(body, "Host", r.host, headerKey, secretOf(shopA)).wants(t, 200, "")
		deliveries = append(deliveries, got.deliveryID(t))
		as.settled(deliveries[len(deliveries)-1]) // or an older version might come in last
	}
	b.caughtUp()
	r.deliveryID, r.orderCode = deliveries[0], *as.settled(deliveries[0]).OrderCode
	r.customerID = as.order(r.orderCode).Customer.ID
	patch("/api/v1/customers/"+r.customerID.String(), object{
		"name": p.phone("Lan LOCAL"), "phones": []string{"0987000102", p.phone("LOCAL")}, "emails": []string{p.email("EMAIL")},
		"address": p.phone("90 Pasteur, SPACED"), "note": p.email("viết cho EMAIL"), "tags": []string{p.phone("E164")},
	})
	b.caughtUp()
	return r, deliveries
}

const trackingCode = "SPXVN0512345678901"

// TestViewersSeeNoPhoneAndNoEmail asks everything that a viewer may ask, of records that hold phones and emails wherever
// somebody could write one.
func TestViewersSeeNoPhoneAndNoEmail(t *testing.T) {
	t.Parallel()
	b := start(t)
	var p private
	r, deliveries := b.fillWithContacts(b.tenant("alpha", "ALPHA"), &p)
	owner := &bridge{t: t, baseURL: b.baseURL, token: r.token}
	viewer := *owner
	viewer.token = strings.TrimSpace(b.shell().run("--workspace", r.name, "token", "create", "--name", p.email("EMAIL"), "--role", "viewer"))

	holding := map[string]bool{ // what answers an owner with contacts
		"listOrders": true, "getOrder": true, "listCustomers": true, "getCustomer": true, "getDelivery": true,
		"getOrderTimeline": true, "getCustomerTimeline": true, "getDeliveryTimeline": true, "getUserTimeline": true,
		"listUsers": true, "getUser": true, "listUnmappedStaff": true, "listShops": true, "getShop": true,
		"listProjections": false, "getProjection": false, "getProjectionTimeline": false, "listEvents": true, "listDeliveries": false, "countDeliveries": false,
		"listDuplicates": true, "listReconciliations": false, "listSources": false, "getWorkspace": false, "getSettings": false,
	}
	shown := map[string]bool{}                          // to an owner
	refused := map[string]bool{"getDeliveryBody": true} // it cannot be masked
	stays := []string{r.orderCode, r.customerID.String(), r.userID.String(), trackingCode, "585229755054261", "AT01-DO-M", "15/09/2025", "2025-09-15T03:04:38"}
	asked := map[string]bool{}
	ask := func(id, path string) {
		t.Helper()
		asked[id] = true
		masked := viewer.get(path)
		if masked.status == http.StatusForbidden && masked.code(t) == "role-insufficient" {
			delete(asked, id)
			return
		}
		masked.wants(t, 200, "")
		if held := p.heldIn(string(masked.body)); len(held) > 0 {
			t.Errorf("%s shows a viewer %v:\n%s", id, held, masked.body)
		}
		open := owner.get(path).wants(t, 200, "")
		held := p.heldIn(string(open.body))
		if holding[id] != (len(held) > 0) {
			t.Errorf("%s shows an owner %v:\n%s", id, held, open.body)
		}
		for _, contact := range held {
			shown[contact] = true
		}
		for _, whole := range stays {
			shown[whole] = shown[whole] || strings.Contains(string(open.body), whole)
			if strings.Count(string(masked.body), whole) != strings.Count(string(open.body), whole) {
				t.Errorf("%s does not show a viewer %s whole:\n%s\nan owner:\n%s", id, whole, masked.body, open.body)
			}
		}
	}
	for _, operation := range operations {
		if method, path, _ := operation.request(r); method == http.MethodGet {
			ask(operation.id, path)
		}
	}
	ask("getDelivery", "/api/v1/deliveries/"+deliveries[1].String())
	ask("getDelivery", "/api/v1/deliveries/"+deliveries[2].String())
	ask("listUsers", "/api/v1/users")

	for path, item := range contracttest.Document(t).Paths.Map() { // what may be asked is what is listed, and no less
		if operation := item.Get; operation != nil && slices.Contains(operation.Tags, "crm") && asked[operation.OperationID] == refused[operation.OperationID] {
			t.Errorf("GET %s (%s) was not asked by a viewer", path, operation.OperationID)
		}
	}
	for id := range holding {
		if !asked[id] {
			t.Errorf("%s was not asked", id)
		}
	}
	for _, text := range slices.Concat(p.subscribers, p.emails[:len(p.emails)-1], stays) { // the last email names the token
		if !shown[text] {
			t.Errorf("%s is shown to nobody, so nothing tells how a viewer sees it", text)
		}
	}
}

// TestViewersFindNobodyByAPartOfAPhone: by parts, a phone could be found out digit by digit.
func TestViewersFindNobodyByAPartOfAPhone(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.addedUser(`{"name":"Phương Mai","phone":"0904000321","email":"mai@example.vn"}`)
	b.addedUser(`{"name":"Quầy 0987 000 102, quay@example.com"}`)
	b.send(http.MethodPost, customersPath, `{"name":"Lan 0987 000 102","phones":["0912000451"]}`).wants(t, http.StatusCreated, "")
	viewer := b.as("viewer")
	for text, want := range map[string]struct{ owner, viewer int }{
		"0904000321": {1, 1}, "%2B84904000321": {1, 1}, "0904%20000%20321": {1, 1}, "090400032": {1, 0}, "%2B8490": {1, 0}, "321": {1, 0},
		"MAI@example.vn": {1, 1}, "mai@": {1, 0}, "example.v": {1, 0}, "mai": {1, 1}, "": {2, 2}, "zzz": {0, 0},
		"0987": {1, 0}, "quay@": {1, 0}, "qu%E1%BA%A7y": {1, 1}, "qua%CC%82%CC%80y": {1, 1}, "qu%E1%BA%A7y%200987": {1, 0},
	} {
		path := "/api/v1/users?q=" + text
		if got := len(all[query.User](b, path)); got != want.owner {
			t.Errorf("an owner finds %d by %q, want %d", got, text, want.owner)
		}
		if got := len(all[query.User](viewer, path)); got != want.viewer {
			t.Errorf("a viewer finds %d by %q, want %d", got, text, want.viewer)
		}
	}
	for text, want := range map[string]struct{ owner, viewer int }{
		"0912000451": {1, 1}, "0987": {1, 0}, "102": {1, 0}, "lan 0987": {1, 1}, "lan 4": {0, 1}, "lan": {1, 1}, "0912": {0, 0},
	} {
		path := customersPath + "?q=" + url.QueryEscape(text)
		if got := len(all[query.Customer](b, path)); got != want.owner {
			t.Errorf("an owner finds %d customers by %q, want %d", got, text, want.owner)
		}
		if got := len(all[query.Customer](viewer, path)); got != want.viewer {
			t.Errorf("a viewer finds %d customers by %q, want %d", got, text, want.viewer)
		}
	}
}
