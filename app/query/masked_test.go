package query_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
)

// private are contacts as records hold them, and as people write them.
var private = []string{"+84912000451", "0912 000 451", "lan.pham@example.com"}

// TestMaskedRecordsHoldNoContact puts a phone or an email into every text of a record. A text that stays whole is listed: so
// a new one is masked, or somebody said that it need not be.
func TestMaskedRecordsHoldNoContact(t *testing.T) {
	t.Parallel()
	orders := []string{
		"code", "shop_id", "external_id", "source.name", "assignee_reason", "status.name", "currency",
		"lines.product_code", "lines.product_name", "lines.variant",
	}
	holdsNoContact[query.Customer](t, "gender", "birthday", "status")
	holdsNoContact[query.Order](t, orders...)
	holdsNoContact[query.OrderDetail](t, append(orders,
		"channel", "buyer.gender", "buyer.birthday", "shipping.partner", "shipping.partner_status", "shipping.tracking_code",
		"status_history.status.name", "status_history.previous.name",
		"history.event", "history.reason", "history.status.name", "history.changes.field",
	)...)
	holdsNoContact[query.User](t)
	holdsNoContact[query.UserDetail](t)
	holdsNoContact[query.UnmappedStaffList](t, "items.sample_orders")
	holdsNoContact[query.Shop](t, "shop_id", "header_key", "previous_header_key")
}

func holdsNoContact[T query.Maskable[T]](t *testing.T, whole ...string) {
	t.Helper()
	t.Run(reflect.TypeFor[T]().Name(), func(t *testing.T) {
		t.Parallel()
		for _, text := range private {
			var record T
			fill(reflect.ValueOf(&record).Elem(), text)
			if detail, ok := any(&record).(*query.OrderDetail); ok {
				detail.History[0].Changes[0].Field = "buyer.phones"
			}
			if shop, ok := any(&record).(*query.Shop); ok {
				shop.Name = "Shop " + text // one that is not its id
			}
			before := encode(t, record)
			left := pathsOf(t, encode(t, record.Masked()), text)
			for _, path := range left {
				if !slices.Contains(whole, path) {
					t.Errorf("%s still holds %q", path, text)
				}
			}
			for _, path := range whole {
				if !slices.Contains(left, path) && path != "history.changes.field" { // that one says which field changed
					t.Errorf("%s does not stay whole with %q", path, text)
				}
			}
			if encode(t, record) != before {
				t.Errorf("masking changed what it was given: %s", encode(t, record))
			}
		}
	})
}

// fill sets every text to one, and puts one entry into every list.
func fill(v reflect.Value, text string) {
	switch {
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		raw, _ := json.Marshal([]any{text, map[string]string{"any": text}})
		v.SetBytes(raw)
	case v.Type() == reflect.TypeFor[time.Time](), !v.CanSet():
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, text)
		}
	}
}

// pathsOf are the JSON paths of the texts that hold another; entries of a list share the list's.
func pathsOf(t *testing.T, document, text string) []string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(document), &root); err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(node any, path string)
	walk = func(node any, path string) {
		switch value := node.(type) {
		case string:
			if strings.Contains(value, text) {
				paths = append(paths, path)
			}
		case []any:
			for _, item := range value {
				walk(item, path)
			}
		case map[string]any:
			for name := range value {
				walk(value[name], strings.TrimPrefix(path+"."+name, "."))
			}
		}
	}
	walk(root, "")
	return paths
}

func encode(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestMaskedStaff(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"+84912000451":                         "+84912•••451",
		"0912 000 451":                         "+84912•••451",
		"lan.pham@example.com":                 "l•••@example.com",
		"name:1635294032:Mai":                  "name:1635294032:Mai",
		"name:1635294032:Mai 0912000451":       "name:1635294032:Mai •••",
		"u-1":                                  "u-1",
		"100000000000321":                      "100000000000321",
		"d6d1a3f9-d597-5b62-a8cc-405879f71a52": "d6d1a3f9-d597-5b62-a8cc-405879f71a52",
		"00000000-1111-2222-3333-444444444444": "00000000-1111-2222-3333-444444444444",
	} {
		detail := query.UserDetail{Staff: []query.Staff{{Key: key}}}.Masked()
		list := query.UnmappedStaffList{Items: []query.UnmappedStaff{{Key: key}}}.Masked()
		if detail.Staff[0].Key != want || list.Items[0].Key != want {
			t.Errorf("%q is shown as %q and %q, want %q", key, detail.Staff[0].Key, list.Items[0].Key, want)
		}
	}
	if bare := (query.User{Name: "Mai"}).Masked(); bare.Phone != nil || bare.Email != nil || bare.Name != "Mai" {
		t.Errorf("nothing is masked as something: %+v", bare)
	}
	if shop := (query.Shop{ID: "1635294032", Name: "1635294032"}).Masked(); shop.Name != shop.ID {
		t.Errorf("a shop that is called by its id is called %q", shop.Name)
	}
}

func TestMaskedChangesOfAnOrder(t *testing.T) {
	t.Parallel()
	id := "01234567-8901-7a10-8000-000000000450"
	for _, test := range []struct{ field, value, want string }{
		{"buyer.phones", `["+84912000451"]`, `["+84912•••451"]`},
		{"buyer.name", `"Lan 0912000451"`, `"Lan •••"`},
		{"buyer.birthday", `"1994-02-28"`, `"1994-02-28"`},
		{"buyer.external_id", `"100000000000321"`, `"100000000000321"`},
		{"note", `null`, `null`},
		{"tags", `["0912 000 451","gấp"]`, `["•••","gấp"]`},
		{"creator", `{"external_id":"0912000451","name":"lan@example.com"}`, `{"external_id":"+84912•••451","name":"l•••@example.com"}`},
		{
			"status_history", `[{"at":"2025-09-15T03:04:04.000001Z","editor":"0912000451","status":{"code":9007199254740993}}]`,
			`[{"at":"2025-09-15T03:04:04.000001Z","editor":"•••","status":{"code":9007199254740993}}]`,
		},
		{"assignee", `{"name":"Mai 0912000451","reason":"none","user_id":"` + id + `"}`, `{"name":"Mai •••","reason":"none","user_id":"` + id + `"}`},
		{"customer_id", `"` + id + `"`, `"` + id + `"`},
		{"shipping.receiver_phone", `"0912 000 451, 0987 000 102"`, `"•••"`},
		{"shipping.tracking_code", `"0912000451"`, `"0912000451"`},
		{"external_id", `"585229755054261863"`, `"585229755054261863"`},
		{"lines", `[{"product_code":"89312345678"}]`, `[{"product_code":"89312345678"}]`},
		{"totals.due", `912000451`, `912000451`},
		{"note", `no JSON`, `null`},
	} {
		raw := json.RawMessage(test.value)
		shown := query.OrderDetail{History: []query.OrderEvent{{Changes: []order.Change{{Field: test.field, Before: raw, After: raw}}}}}.Masked()
		change := shown.History[0].Changes[0]
		if string(change.Before) != test.want || string(change.After) != test.want || change.Field != test.field {
			t.Errorf("%s %s is shown as %s, %s; want %s", test.field, test.value, change.Before, change.After, test.want)
		}
	}
}

// logged answers with one delivery, of which some events came.
type logged struct {
	query.ReadModel
	events []event.Recorded
}

func (logged) Delivery(_ context.Context, _, id uuid.UUID) (query.Delivery, error) {
	return query.Delivery{ID: id}, nil
}

func (l logged) Correlated(context.Context, uuid.UUID, uuid.UUID) ([]event.Recorded, error) {
	return l.events, nil
}

func explained(t *testing.T, payload event.Payload, stored string) query.DeliveryDetail {
	t.Helper()
	made := event.New{Payload: payload, Actor: event.ActorAPI("0912 000 451")}
	read := logged{events: []event.Recorded{{New: made, Position: 7, Stored: []byte(stored)}}}
	detail, err := query.NewExplainDeliveryHandler(read, time.Now).Handle(t.Context(), uuid.Nil, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	return detail
}

// TestMaskedEventsHoldNoContactInPersonalFields puts a phone or an email into every text of every event that can be a step.
func TestMaskedEventsHoldNoContactInPersonalFields(t *testing.T) {
	t.Parallel()
	for _, payload := range []event.Personal{
		&order.CustomerMatched{}, &order.OrderCreated{}, &order.OrderUpdated{}, &order.OrderReassigned{}, &order.OrderSkipped{},
		&customer.CustomerCreated{}, &customer.CustomerImported{}, &customer.CustomerUpdated{}, &customer.CustomerArchived{}, &customer.CustomerRestored{},
		&user.UserAdded{}, &user.UserUpdated{}, &user.UserDeactivated{}, &user.UserReactivated{}, &user.StaffMapped{}, &user.StaffUnmapped{},
	} {
		t.Run(reflect.TypeOf(payload).Elem().Name(), func(t *testing.T) {
			t.Parallel()
			for _, text := range private {
				filled := reflect.New(reflect.TypeOf(payload).Elem()).Elem()
				fill(filled, text)
				if changes := filled.FieldByName("Changes"); changes.IsValid() {
					changes.Index(0).FieldByName("Field").SetString("name")
				}
				stored := encode(t, filled.Interface())
				personal := func(path string) bool {
					return slices.ContainsFunc(payload.PersonalFields(), func(field string) bool { return path == field || strings.HasPrefix(path, field+".") })
				}
				held := slices.DeleteFunc(pathsOf(t, stored, text), func(path string) bool { return !personal(path) })
				if len(held) == 0 {
					t.Fatalf("nothing personal is in %s", stored)
				}
				step := explained(t, filled.Interface().(event.Payload), stored).Masked().Steps[0]
				for _, path := range pathsOf(t, string(step.Data), text) {
					if personal(path) {
						t.Errorf("%s still holds %q", path, text)
					}
				}
				if !strings.Contains(string(step.Data), "•••") || step.Position != 7 {
					t.Errorf("shown as %+v", step)
				}
			}
		})
	}
}

func TestMaskedStepsAreToldMasked(t *testing.T) {
	t.Parallel()
	phone, email := contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}, contact.Key{Kind: contact.KindEmail, Value: "lan@example.com"}
	stranger := customer.Decision{Rule: customer.MatchByPhoneOrEmail, Reason: customer.ReasonNoHolder, Tried: []contact.Key{phone, email}}
	known := customer.Decision{Rule: customer.MatchByPhone, Reason: customer.ReasonOnlyHolder, Key: &phone, CandidateCount: 1}
	for _, test := range []struct {
		payload event.Payload
		want    string
	}{
		{order.CustomerMatched{Decision: known}, "Matched an existing customer: the rule matches by phone, and phone +84912•••451 belongs to 1 active customer (1 candidate)."},
		{
			customer.CustomerCreated{Customer: customer.State{Name: "Lan 0912 000 451"}, Decision: stranger},
			`Created customer "Lan •••": the rule matches by phone, then email, and no active customer has phone +84912•••451 or email l•••@example.com (0 candidates).`,
		},
		{
			order.CustomerMatched{Decision: customer.Decision{
				Rule: customer.MatchByPhone, Reason: customer.ReasonKnownBuyer, ShopID: "1635294032", BuyerID: "0912000451", CandidateCount: 1,
			}},
			"Matched an existing customer: the rule matches by phone, but the order shows no usable one; customer +84912•••451 of shop 1635294032 " +
				"was bound to this customer before (1 candidate).",
		},
		{
			order.OrderReassigned{Code: "P_0912000451", Assignee: order.Assignee{Name: "lan@example.com", Reason: order.AssignedByCreatorMapped}},
			"Order P_0912000451 was given to another assignee. Assigned to l•••@example.com, who is mapped to the order's creator.",
		},
		{
			user.StaffMapped{User: user.State{Name: "Mai 0912000451"}, Staff: user.Staff{Key: "+84912000451", Name: "Mai"}},
			`Orders made by Mai, the shop's staff +84912•••451 are assigned to "Mai •••" from now on.`,
		},
		{
			delivery.OrderReceived{ShopID: "1635294032", OrderID: "585229755054261863", Request: delivery.Request{Bytes: 7}},
			"Order 585229755054261863 of shop 1635294032 arrived (7 bytes) and was kept exactly as it came.",
		},
	} {
		detail := explained(t, test.payload, encode(t, test.payload))
		if got := detail.Masked().Steps[0].Summary; got != test.want {
			t.Errorf("told\n%s\nwant\n%s", got, test.want)
		}
		if got := detail.Masked().Steps[0].SummaryVI; strings.Count(got, "•••") != strings.Count(test.want, "•••") || strings.Contains(got, "lan@") {
			t.Errorf("told in Vietnamese\n%s", got)
		}
		if got := detail.Masked().Steps[0].Actor; got != "api:•••" {
			t.Errorf("made by %s", got)
		}
		if got := detail.Steps[0].Summary; got != query.Narrate(test.payload) {
			t.Errorf("masking changed what it was given: %s", got)
		}
	}
	broken := explained(t, order.CustomerMatched{Decision: known}, `+84912000451`)
	if step := broken.Masked().Steps[0]; step.Summary != "CustomerMatched." || string(step.Data) != "{}" {
		t.Errorf("what cannot be masked is shown as %+v", step)
	}
}

func TestAMaskedTimelineNamesNobodysPhone(t *testing.T) {
	t.Parallel()
	told := query.Timeline{Subject: query.Subject{
		Kind: "order", ID: "P_0912000451", Name: new("Lan 0912 000 451"), Customer: &query.Reference{Name: "lan@example.com"}, State: "new",
	}}
	masked := told.Masked().Subject
	if *masked.Name != "Lan •••" || masked.Customer.Name != "•••" || masked.ID != "P_0912000451" || masked.State != "new" {
		t.Errorf("shown as %+v, %s, %s", masked, *masked.Name, masked.Customer.Name)
	}
	if *told.Subject.Name != "Lan 0912 000 451" || told.Subject.Customer.Name != "lan@example.com" {
		t.Errorf("masking changed what it was given: %+v", told.Subject)
	}
}
