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
	byPhone := find(map[string]order.Staff{"+84904000321": mai, "+84904000322": quan})
	byEmail := find(map[string]order.Staff{"mai@example.vn": mai, "quan@example.vn": quan})
	for _, test := range []struct {
		name            string
		creator, editor order.Person
		fallback        order.Staff
		want            order.Staff
		reason          order.AssigneeReason
	}{
		{"the creator by phone, whatever else matches", order.Person{Phone: "+84904000321", Email: "quan@example.vn"}, order.Person{Phone: "+84904000322"}, desk, mai, "creator_phone"},
		{"the creator by email when the phone is a stranger's", order.Person{Phone: "+84900000000", Email: "mai@example.vn"}, order.Person{Phone: "+84904000322"}, desk, mai, "creator_email"},
		{"the first editor by phone", order.Person{Email: "x@example.vn"}, order.Person{Phone: "+84904000322", Email: "mai@example.vn"}, desk, quan, "first_editor_phone"},
		{"the first editor by email", order.Person{}, order.Person{Email: "quan@example.vn"}, desk, quan, "first_editor_email"},
		{"the shop's default", order.Person{Name: "Mai"}, order.Person{Phone: "+84900000000"}, desk, desk, "shop_default"},
		{"nobody", order.Person{}, order.Person{}, order.Staff{}, order.Staff{}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := order.ChooseAssignee(order.State{Creator: test.creator, FirstEditor: test.editor}, byPhone, byEmail, test.fallback)
			if want := (order.Assignee{UserID: test.want.ID, Name: test.want.Name, Reason: test.reason}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
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
	whole := []string{"status", "lines", "creator", "first_editor", "ordered_at"} // compared as one
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
