package http_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/workspace"
)

func TestCustomersAreChanged(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	created := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{
		"name":" Phạm Dung ","phones":["0987 000 102"],"emails":["Dung@Example.com"],"address":"Huế","gender":"female",
		"birthday":"1990-02-28","tags":["VIP"],"note":"Gọi trước.\r\nGiao chiều.","status":"archived"}`))
	state := bundle.customers.customer.State()
	want := customer.State{
		ID: state.ID, Name: "Phạm Dung", Phones: []string{"+84987000102"}, Emails: []string{"dung@example.com"}, Address: "Huế", Gender: "female",
		Birthday: "1990-02-28", Tags: []string{"VIP"}, Note: "Gọi trước.\nGiao chiều.", Status: customer.StatusArchived, CreatedAt: at,
	}
	if created.status != http.StatusCreated || !reflect.DeepEqual(state, want) {
		t.Errorf("%d; stored %+v", created.status, state)
	}
	answers(t, created, query.CustomerOf(want, 1))

	path := customersPath + "/" + state.ID.String()
	edited := bundle.do(t, bundle.command(http.MethodPatch, path, `{"phones":[],"birthday":"","note":"","name":"Dung"}`))
	want.Name, want.Phones, want.Birthday, want.Note = "Dung", []string{}, "", ""
	answers(t, edited, query.CustomerOf(want, 2))
	if edited.header.Get("ETag") != `"2"` || edited.header.Get("Orderbridge-Position") != "100" {
		t.Errorf("headers %v", edited.header)
	}
	same := bundle.do(t, bundle.command(http.MethodPatch, path, `{}`))
	answers(t, same, query.CustomerOf(want, 2))
	if same.header.Get("ETag") != `"2"` || same.header.Get("Orderbridge-Position") != "0" {
		t.Errorf("an edit of nothing has the headers %v", same.header)
	}
	restored := bundle.do(t, bundle.command(http.MethodPost, path+"/restore", ""))
	want.Status = customer.StatusActive
	answers(t, restored, query.CustomerOf(want, 3))

	other := customersPath + "/" + customerID.String()
	bundle.do(t, bundle.command(http.MethodPatch, other, `{"name":"Lan"}`)).wantProblem(t, http.StatusNotFound, "customer-unknown")
	bundle.do(t, bundle.command(http.MethodPost, other+"/archive", "")).wantProblem(t, http.StatusNotFound, "customer-unknown")
	bundle.do(t, bundle.command(http.MethodPatch, customersPath+"/2051", `{"name":"Lan"}`)).wantProblem(t, http.StatusUnprocessableEntity, "parameters-invalid")
}

// answers checks the body of an answer.
func answers(t *testing.T, got *answer, want query.Customer) {
	t.Helper()
	var answered query.Customer
	if err := json.Unmarshal(got.body, &answered); err != nil || !reflect.DeepEqual(answered, want) {
		t.Errorf("answered %d %s (%v), want %+v", got.status, got.body, err, want)
	}
}

func TestACustomerComesWithTheirVersion(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	if got := bundle.do(t, bundle.get(customersPath+"/"+customerID.String())); got.header.Get("ETag") != `"3"` {
		t.Errorf("ETag is %q", got.header.Get("ETag"))
	}
}

func TestWhoOnlyReadsSeesContactsMasked(t *testing.T) {
	t.Parallel()
	one := query.Customer{
		ID: customerID, Name: "Lan 0912 000 451", Phones: []string{"+84912000451"}, Emails: []string{"lan.pham@example.com"}, Address: new("90 Pasteur, lan.pham@example.com"),
		Tags: []string{"VIP", "0987.000.102"}, Note: new("Zalo:\n0912-000-451"), Status: "active", CreatedAt: at, Version: 1,
	}
	masked := one
	masked.Name, masked.Phones, masked.Emails = "Lan •••", []string{"+84912•••451"}, []string{"l•••@example.com"}
	masked.Address, masked.Tags, masked.Note = new("90 Pasteur, •••"), []string{"VIP", "•••"}, new("Zalo:\n•••")
	for role, want := range map[workspace.Role]query.Customer{workspace.RoleViewer: masked, workspace.RoleOperator: one, workspace.RoleOwner: one} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.read.role, bundle.read.customer = role, &one
			answers(t, bundle.do(t, bundle.get(customersPath+"/"+customerID.String())), want)
			got := bundle.do(t, bundle.get(customersPath))
			var list query.List[query.Customer]
			if err := json.Unmarshal(got.body, &list); err != nil || len(list.Items) != 1 || !reflect.DeepEqual(list.Items[0], want) || list.NextCursor == nil {
				t.Errorf("listed %s (%v)", got.body, err)
			}
			if holds := strings.Contains(string(got.body), "000451"); holds != (role != workspace.RoleViewer) {
				t.Errorf("the phone is in the list: %t", holds)
			}
		})
	}
	if one.Phones[0] != "+84912000451" || one.Tags[1] != "0987.000.102" {
		t.Errorf("masking changed the record itself: %+v", one)
	}
}

func TestWhoOnlyReadsChangesNothing(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.role = workspace.RoleViewer
	path := customersPath + "/" + customerID.String()
	for _, request := range []*http.Request{
		bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`), bundle.command(http.MethodPatch, path, `{"name":"Lan"}`),
		bundle.command(http.MethodPost, path+"/archive", ""), bundle.command(http.MethodPost, path+"/restore", ""),
		bundle.command(http.MethodPost, customersPath, `no body is even looked at`),
	} {
		bundle.do(t, request).wantProblem(t, http.StatusForbidden, "role-insufficient")
	}
	if bundle.customers.added > 0 {
		t.Error("a customer was added")
	}
	bundle.read.role = workspace.RoleOperator
	if got := bundle.do(t, bundle.command(http.MethodPost, customersPath, `{"name":"Lan"}`)); got.status != http.StatusCreated {
		t.Errorf("an operator's request is answered with %d", got.status)
	}
}
