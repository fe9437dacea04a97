package order_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/order"
)

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for code, name := range map[int]string{
		0: "new", 17: "waiting_for_confirmation", 11: "restocking", 12: "waiting_for_printing", 13: "printed", 20: "purchased",
		1: "confirmed", 8: "packaging", 9: "waiting_for_pickup", 2: "shipped", 3: "received", 16: "money_collected",
		4: "returning", 15: "partially_returned", 5: "returned", 6: "cancelled", 7: "deleted", 10: "webcake_draft",
		21: "storecake_draft", -1: "unknown", -2: "unknown", 14: "unknown", 99: "unknown",
	} {
		status := order.NewStatus(code)
		if status.Code != code || status.Name != name || status.IsKnown() == (name == "unknown") {
			t.Errorf("NewStatus(%d) = %+v", code, status)
		}
		if status.IsCancelled() != (code == 6) || status.IsDeleted() != (code == 7) {
			t.Errorf("%d: cancelled %v, deleted %v", code, status.IsCancelled(), status.IsDeleted())
		}
	}
	if raw, _ := json.Marshal(order.NewStatus(6)); string(raw) != `{"code":6,"name":"cancelled"}` {
		t.Errorf("stored as %s", raw)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	if code := order.DefaultCodeTemplate.Code("1635294032", "585229755054261863"); code != "Pancake_1635294032_585229755054261863" {
		t.Error(code)
	}
}

func TestChooseAssignee(t *testing.T) {
	t.Parallel()
	mai, quan, desk := order.Staff{ID: uuid.New(), Name: "Mai"}, order.Staff{ID: uuid.New(), Name: "Quân"}, order.Staff{ID: uuid.New(), Name: "Quầy"}
	find := func(users map[string]order.Staff) func(string) (order.Staff, bool) {
		return func(key string) (order.Staff, bool) {
			if key == "" {
				t.Error("looked for nobody")
			}
			staff, found := users[key]
			return staff, found
		}
	}
	users := order.Directory{
		ByPhone:    find(map[string]order.Staff{"+84904000321": mai, "+84904000322": quan}),
		ByEmail:    find(map[string]order.Staff{"mai@example.vn": mai, "quan@example.vn": quan}),
		ByStaffKey: find(map[string]order.Staff{"d6d1a3f9": mai, "name:1:Quân": quan, "name:2:Mai": mai, "old@example.vn": quan}),
	}
	for _, test := range []struct {
		name            string
		creator, editor order.Person
		fallback        order.Staff
		want            order.Staff
		reason          order.AssigneeReason
	}{
		{"the creator by phone, whatever else matches", order.Person{Phone: "+84904000321", Email: "quan@example.vn"}, order.Person{Phone: "+84904000322"}, desk, mai, "creator_phone"},
		{"the creator by email when the phone is a stranger's", order.Person{Phone: "+84900000000", Email: "mai@example.vn"}, order.Person{Phone: "+84904000322"}, desk, mai, "creator_email"},
		{"the creator by email, whomever they are mapped to", order.Person{ExternalID: "d6d1a3f9", Email: "quan@example.vn"}, order.Person{}, desk, quan, "creator_email"},
		{"the creator by mapping when phone and email are strangers'", order.Person{ExternalID: "d6d1a3f9", Email: "x@example.vn"}, order.Person{Phone: "+84904000322"}, desk, mai, "creator_mapped"},
		{"the creator by a mapping of the email when there is no id", order.Person{Name: "Mai", Email: "old@example.vn"}, order.Person{}, desk, quan, "creator_mapped"},
		{"the first editor by phone", order.Person{Email: "x@example.vn"}, order.Person{Phone: "+84904000322", Email: "mai@example.vn"}, desk, quan, "first_editor_phone"},
		{"the first editor by email", order.Person{}, order.Person{Email: "quan@example.vn"}, desk, quan, "first_editor_email"},
		{"the first editor by phone, whomever they are mapped to", order.Person{}, order.Person{ExternalID: "d6d1a3f9", Phone: "+84904000322"}, desk, quan, "first_editor_phone"},
		{"the first editor by a mapping of the name, where no creator is named", order.Person{}, order.Person{Name: "Quân"}, desk, quan, "first_editor_mapped"},
		{"nobody by a mapping of the first editor where a creator is named", order.Person{Name: "Lan"}, order.Person{Name: "Quân"}, desk, desk, "shop_default"},
		{"nobody by a mapping of a name in another shop", order.Person{Name: "Mai"}, order.Person{}, desk, desk, "shop_default"},
		{"the shop's default", order.Person{Name: "Mai"}, order.Person{Phone: "+84900000000"}, desk, desk, "shop_default"},
		{"nobody", order.Person{}, order.Person{}, order.Staff{}, order.Staff{}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := order.ChooseAssignee(order.State{ShopID: "1", Creator: test.creator, FirstEditor: test.editor}, users, test.fallback)
			if want := (order.Assignee{UserID: test.want.ID, Name: test.want.Name, Reason: test.reason}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestStaffKey(t *testing.T) {
	t.Parallel()
	for person, want := range map[order.Person]string{
		{ExternalID: "d6", Email: "a@b.vn", Phone: "+84904000321", Name: "Mai"}: "d6",
		{Email: "a@b.vn", Phone: "+84904000321", Name: "Mai"}:                   "a@b.vn",
		{Phone: "+84904000321", Name: "Mai"}:                                    "+84904000321",
		{Name: "Mai"}:                                                           "name:7:Mai",
		{}:                                                                      "",
	} {
		if got := person.StaffKey("7"); got != want {
			t.Errorf("%+v has the key %q, want %q", person, got, want)
		}
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]order.Status{
		"0": order.NewStatus(0), "new": order.NewStatus(0), "2": order.NewStatus(2), "shipped": order.NewStatus(2),
		"-2": order.NewStatus(-2), "99": order.NewStatus(99), "unknown": {Name: "unknown"},
	} {
		if got, err := order.ParseStatus(raw); err != nil || got != want {
			t.Errorf("ParseStatus(%q) = %+v, %v, want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "Shipped", "delivered", "99999", "1.0", "\x00"} {
		if got, err := order.ParseStatus(raw); err == nil {
			t.Errorf("ParseStatus(%q) = %+v", raw, got)
		}
	}
}

func full() order.State {
	return order.State{
		ShopID: "7", ExternalID: "1", Status: order.NewStatus(1), Currency: "VND",
		Buyer:  order.Buyer{Name: "Lan", Phones: []string{"+84912000451"}, Tags: []string{"VIP"}},
		Lines:  []order.Line{{ProductCode: "A", ProductName: "A", Quantity: quantity("2"), UnitPrice: 5, Amount: 10}},
		Totals: order.Totals{Lines: 10, Goods: 10, Due: 10}, Tags: []string{"a"}, Note: "n",
		Creator:   order.Person{Name: "Mai"},
		OrderedAt: time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC), UpdatedAt: time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC),
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	before, after := full(), full()
	if changes := order.Changes(before, after); changes != nil || !order.SameContent(before, after) {
		t.Errorf("nothing changed: %v", changes)
	}
	after.UpdatedAt = after.UpdatedAt.Add(time.Hour)
	if changes := order.Changes(before, after); changes != nil || !order.SameContent(before, after) {
		t.Errorf("a new version alone is no change: %v", changes)
	}
	after.OrderedAt = after.OrderedAt.In(time.FixedZone("", 7*3600))
	after.Buyer.Emails, before.Buyer.Emails = []string{}, nil
	if !order.SameContent(before, after) {
		t.Errorf("the same said in another way: %v", order.Changes(before, after))
	}

	after.Status, after.Note, after.Tags = order.NewStatus(2), "", []string{"a", "b"}
	after.Totals.Due, after.Payments.COD = 9007199254740993, 5
	after.Lines = nil
	got, err := json.Marshal(order.Changes(before, after))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"field":"status","before":{"code":1,"name":"confirmed"},"after":{"code":2,"name":"shipped"}},` +
		`{"field":"lines","before":[{"product_code":"A","product_name":"A","quantity":2,"unit_price":5,"discount":0,"amount":10}],"after":[]},` +
		`{"field":"totals.due","before":10,"after":9007199254740993},` +
		`{"field":"tags","before":["a"],"after":["a","b"]},` +
		`{"field":"note","before":"n","after":null},` +
		`{"field":"payments.cod","before":0,"after":5}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var loaded []order.Change
	if err := json.Unmarshal(got, &loaded); err != nil || !reflect.DeepEqual(loaded, order.Changes(before, after)) {
		t.Errorf("changed in storage: %v, %v", loaded, err)
	}
}

// TestChangesKnowEveryField changes each field of the state in turn, so that a field added tomorrow cannot be forgotten.
func TestChangesKnowEveryField(t *testing.T) {
	t.Parallel()
	whole := []string{"status", "lines", "creator", "first_editor", "status_history", "ordered_at"} // compared as one
	seen := 0
	var walk func(path string, value reflect.Value, state *order.State)
	walk = func(path string, value reflect.Value, state *order.State) {
		if value.Kind() == reflect.Struct && value.Type() != reflect.TypeFor[time.Time]() && value.Type() != reflect.TypeFor[order.Quantity]() {
			for i := range value.NumField() {
				name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
				walk(strings.TrimPrefix(path+"."+name, "."), value.Field(i), state)
			}
			return
		}
		before := *state
		switch value.Interface().(type) {
		case string:
			value.SetString("changed")
		case int64, int:
			value.SetInt(77)
		case bool:
			value.SetBool(!value.Bool())
		case []string:
			value.Set(reflect.ValueOf([]string{"changed"}))
		case []order.Line:
			value.Set(reflect.ValueOf([]order.Line{{ProductCode: "changed"}}))
		case []order.StatusChange:
			value.Set(reflect.ValueOf([]order.StatusChange{{Status: order.NewStatus(1)}}))
		case time.Time:
			value.Set(reflect.ValueOf(time.Unix(77, 0)))
		default:
			t.Fatalf("no value of type %s to put into %s", value.Type(), path)
		}
		seen++
		for _, field := range whole {
			if path == field || strings.HasPrefix(path, field+".") {
				path = field
			}
		}
		var fields []string
		for _, change := range order.Changes(before, *state) {
			fields = append(fields, change.Field)
		}
		var want []string
		if path != "updated_at" {
			want = []string{path}
		}
		if !slices.Equal(fields, want) || order.SameContent(before, *state) != (want == nil) {
			t.Errorf("a change of %s is told as %v", path, fields)
		}
		*state = before
	}
	state := full()
	walk("", reflect.ValueOf(&state).Elem(), &state)
	if seen < 45 {
		t.Errorf("only %d fields were changed", seen)
	}
}

// TestStatusHistoryIsComparedWhole: every field of a change counts, and a time only for the moment that it is.
func TestStatusHistoryIsComparedWhole(t *testing.T) {
	t.Parallel()
	before, after := full(), full()
	noon := time.Date(2025, 9, 15, 12, 0, 0, 0, time.UTC)
	before.StatusHistory = []order.StatusChange{{Status: order.NewStatus(0)}, {Status: order.NewStatus(1), Previous: order.NewStatus(0), At: noon, Editor: "Mai"}}
	after.StatusHistory = slices.Clone(before.StatusHistory)
	after.StatusHistory[1].At = noon.In(time.FixedZone("", 7*3600))
	if !order.SameContent(before, after) {
		t.Error("a moment in another zone counts")
	}
	for field, change := range map[string]order.StatusChange{
		"status":   {Status: order.NewStatus(2), Previous: order.NewStatus(0), At: noon, Editor: "Mai"},
		"previous": {Status: order.NewStatus(1), At: noon, Editor: "Mai"},
		"at":       {Status: order.NewStatus(1), Previous: order.NewStatus(0), At: noon.Add(1), Editor: "Mai"},
		"editor":   {Status: order.NewStatus(1), Previous: order.NewStatus(0), At: noon},
	} {
		after.StatusHistory[1] = change
		if order.SameContent(before, after) {
			t.Errorf("%s is not compared", field)
		}
	}
}

func TestARecordsChangesNameTheCustomer(t *testing.T) {
	t.Parallel()
	before := order.Record{CustomerID: uuid.MustParse("01993b5e-7c00-7a10-8000-000000000451"), State: full()}
	if changes := before.ChangesTo(before); changes != nil {
		t.Errorf("nothing changed: %v", changes)
	}
	after := before
	after.CustomerID, after.State.Note = uuid.MustParse("01993b5e-7c00-7a10-8000-000000000452"), "m"
	got, err := json.Marshal(before.ChangesTo(after))
	const want = `[{"field":"customer_id","before":"01993b5e-7c00-7a10-8000-000000000451","after":"01993b5e-7c00-7a10-8000-000000000452"},` +
		`{"field":"note","before":"n","after":"m"}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// TestLinesAreComparedWhole: every field of a line counts.
func TestLinesAreComparedWhole(t *testing.T) {
	t.Parallel()
	line := reflect.TypeFor[order.Line]()
	for i := range line.NumField() {
		before, after := full(), full()
		after.Lines = slices.Clone(after.Lines)
		field := reflect.ValueOf(&after.Lines[0]).Elem().Field(i)
		switch field.Interface().(type) {
		case string:
			field.SetString("changed")
		case int64:
			field.SetInt(77)
		case bool:
			field.SetBool(true)
		case order.Quantity:
			field.Set(reflect.ValueOf(quantity("77")))
		default:
			t.Fatal(field.Type())
		}
		if order.SameContent(before, after) {
			t.Errorf("%s is not compared", line.Field(i).Name)
		}
	}
}
