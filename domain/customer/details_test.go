package customer_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// someone is a customer with everything.
func someone() customer.State {
	return customer.State{
		ID: uuid.New(), Name: "Phạm Thị Lan", Phones: []string{"+84912000451", "+84358000206"}, Emails: []string{"lan@example.com"},
		Address: "90 Pasteur", Gender: "female", Birthday: "1994-02-28", Tags: []string{"VIP"}, Note: "Gọi trước.",
		FacebookID: "1", Username: "lan", Status: customer.StatusActive, CreatedAt: now.UTC(),
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	list := func(values ...string) *[]string { return &values }
	change := func(field, before, after string) event.Change {
		return event.Change{Field: field, Before: json.RawMessage(before), After: json.RawMessage(after)}
	}
	for _, test := range []struct {
		name    string
		edit    customer.Edit
		apply   func(*customer.State)
		changes []event.Change
	}{
		{"nothing", customer.Edit{}, nil, nil},
		{"the name", customer.Edit{Name: new(" Lan  Phạm ")}, func(s *customer.State) { s.Name = "Lan  Phạm" }, []event.Change{change("name", `"Phạm Thị Lan"`, `"Lan  Phạm"`)}},
		{"the same in another spelling", customer.Edit{
			Name: new("Pha\u0323m Thi\u0323 Lan"), Phones: list("0912 000 451", "0358000206", "+84912000451"), Emails: list("LAN@example.com"), Tags: list(" VIP "), Note: new("Gọi trước.\r\n"),
		}, nil, nil},
		{
			"the primary phone",
			customer.Edit{Phones: list("0358000206", "0912000451")},
			func(s *customer.State) { s.Phones = []string{"+84358000206", "+84912000451"} },
			[]event.Change{change("phones", `["+84912000451","+84358000206"]`, `["+84358000206","+84912000451"]`)},
		},
		{
			"several phones in an entry",
			customer.Edit{Phones: list("0912 000 451 / 0987 000 102 (Lan)", "0987000102; SĐT 0358000206")},
			func(s *customer.State) { s.Phones = []string{"+84912000451", "+84987000102", "+84358000206"} },
			[]event.Change{change("phones", `["+84912000451","+84358000206"]`, `["+84912000451","+84987000102","+84358000206"]`)},
		},
		{
			"everything away",
			customer.Edit{Phones: list(), Emails: list(), Address: new(" "), Gender: new(""), Birthday: new(""), Tags: list(), Note: new("\n")},
			func(s *customer.State) {
				s.Phones, s.Emails, s.Tags, s.Address, s.Gender, s.Birthday, s.Note = []string{}, []string{}, []string{}, "", "", "", ""
			},
			[]event.Change{
				change("phones", `["+84912000451","+84358000206"]`, `[]`), change("emails", `["lan@example.com"]`, `[]`), change("address", `"90 Pasteur"`, `null`),
				change("gender", `"female"`, `null`), change("birthday", `"1994-02-28"`, `null`), change("tags", `["VIP"]`, `[]`), change("note", `"Gọi trước."`, `null`),
			},
		},
		{"born today where the day begins first", customer.Edit{Birthday: new("2025-09-15")}, func(s *customer.State) { s.Birthday = "2025-09-15" }, []event.Change{change("birthday", `"1994-02-28"`, `"2025-09-15"`)}},
		{"a leap day", customer.Edit{Birthday: new("2024-02-29")}, func(s *customer.State) { s.Birthday = "2024-02-29" }, []event.Change{change("birthday", `"1994-02-28"`, `"2024-02-29"`)}},
		{"an old birthday", customer.Edit{Birthday: new("1900-01-01")}, func(s *customer.State) { s.Birthday = "1900-01-01" }, []event.Change{change("birthday", `"1994-02-28"`, `"1900-01-01"`)}},
		{"another gender", customer.Edit{Gender: new("other")}, func(s *customer.State) { s.Gender = "other" }, []event.Change{change("gender", `"female"`, `"other"`)}},
	} {
		for _, status := range []customer.Status{customer.StatusActive, customer.StatusArchived} {
			t.Run(test.name+" of an "+string(status)+" one", func(t *testing.T) {
				t.Parallel()
				before := someone()
				before.Status = status
				want, kept := before, someone()
				c := customer.Rehydrate(recorded(customer.CustomerImported{Customer: before}))
				if err := c.Edit(test.edit, now); err != nil {
					t.Fatal(err)
				}
				var events []event.Payload
				if test.apply != nil {
					test.apply(&want)
					events = []event.Payload{customer.CustomerUpdated{Customer: want, Changes: test.changes}}
				}
				if !reflect.DeepEqual(c.Pending(), events) || !reflect.DeepEqual(c.State(), want) || c.Version() != 1+len(events) {
					t.Errorf("decided %s\nis %+v", c.Pending(), c.State())
				}
				if !slices.Equal(before.Phones, kept.Phones) || !slices.Equal(before.Tags, kept.Tags) {
					t.Errorf("the state before was changed: %+v", before)
				}
				if again := customer.Rehydrate(recorded(append([]event.Payload{customer.CustomerImported{Customer: before}}, events...)...)); !reflect.DeepEqual(again.State(), want) {
					t.Errorf("read back as %+v", again.State())
				}
			})
		}
	}
}

func TestEditTellsAllThatIsInvalidAndChangesNothing(t *testing.T) {
	t.Parallel()
	numbered := func(n int, format string) *[]string {
		var values []string
		for i := range n {
			values = append(values, fmt.Sprintf(format, i))
		}
		return &values
	}
	for _, test := range []struct {
		name  string
		edit  customer.Edit
		paths []string
	}{
		{
			"everything at once",
			customer.Edit{
				Name: new(""), Phones: &[]string{"12", "0912000451", "0912xxx451"}, Emails: &[]string{"a@b.c", "x"}, Address: new("a\x00"), Gender: new("Male"),
				Birthday: new("12/04/1988"), Tags: &[]string{"VIP", " ", strings.Repeat("ạ", 101)}, Note: new("a\x1b"),
			},
			[]string{"name", "phones[0]", "phones[2]", "emails[1]", "address", "gender", "birthday", "tags[1]", "tags[2]", "note"},
		},
		{"one phone too many", customer.Edit{Phones: numbered(21, "09120004%02d")}, []string{"phones"}},
		{"one email too many", customer.Edit{Emails: numbered(21, "%d@example.com")}, []string{"emails"}},
		{"one tag too many", customer.Edit{Tags: numbered(51, "%d")}, []string{"tags"}},
		{"a day that no calendar has", customer.Edit{Birthday: new("2023-02-29")}, []string{"birthday"}},
		{"a day in words", customer.Edit{Birthday: new("1988-4-12")}, []string{"birthday"}},
		{"a day that has not begun anywhere", customer.Edit{Birthday: new("2025-09-16")}, []string{"birthday"}},
		{"a day long ago", customer.Edit{Birthday: new("1899-12-31")}, []string{"birthday"}},
		{"a year of five digits", customer.Edit{Birthday: new("10000-01-01")}, []string{"birthday"}},
		{"a note too long", customer.Edit{Note: new(strings.Repeat("ế", 4001))}, []string{"note"}},
		{"an address too long", customer.Edit{Address: new(strings.Repeat("ế", 501))}, []string{"address"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := someone()
			c := customer.Rehydrate(recorded(customer.CustomerImported{Customer: before}))
			found, ok := problem.Of(c.Edit(test.edit, now))
			if !ok || found.Code() != "customer-invalid" {
				t.Fatalf("%v", found)
			}
			var paths []string
			for _, field := range found.Fields() {
				paths = append(paths, field.Path)
			}
			if !slices.Equal(paths, test.paths) {
				t.Errorf("invalid %v, want %v", paths, test.paths)
			}
			if len(c.Pending()) > 0 || !reflect.DeepEqual(c.State(), before) {
				t.Errorf("decided %+v", c.Pending())
			}
		})
	}
	full := customer.Edit{
		Phones: numbered(20, "09120004%02d"), Emails: numbered(20, "%d@example.com"), Tags: numbered(50, "%d"), Note: new(strings.Repeat("ế", 4000)),
	}
	*full.Phones = append(*full.Phones, "+84 912 000 400") // one that is there already
	c := customer.Rehydrate(recorded(customer.CustomerImported{Customer: someone()}))
	if err := c.Edit(full, now); err != nil || len(c.State().Phones) != 20 || len(c.State().Tags) != 50 {
		t.Errorf("%v: %d phones", err, len(c.State().Phones))
	}
}

// TestAnyEdit compares an edit with what it says: fields that were given have their new value, all others the one before,
// the changes name just the fields that differ, and the same edit again says nothing new.
func TestAnyEdit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := someone()
		c := customer.Rehydrate(recorded(customer.CustomerImported{Customer: before}))
		text := func(label string, values ...string) *string {
			return rapid.Ptr(rapid.SampledFrom(values), true).Draw(t, label)
		}
		texts := func(label string, values ...string) *[]string {
			return rapid.Ptr(rapid.SliceOfN(rapid.SampledFrom(values), 0, 5), true).Draw(t, label)
		}
		edit := customer.Edit{
			Name: text("name", "Phạm Thị Lan", "Lan"), Phones: texts("phones", "+84912000451", "+84358000206", "+84987000102"),
			Emails: texts("emails", "lan@example.com", "b@example.com"), Address: text("address", "", "90 Pasteur", "Huế"),
			Gender: text("gender", "", "female", "other"), Birthday: text("birthday", "", "1994-02-28", "2000-01-01"),
			Tags: texts("tags", "VIP", "sỉ"), Note: text("note", "", "Gọi trước.", "a\nb"),
		}
		if err := c.Edit(edit, now); err != nil {
			t.Fatal(err)
		}
		after := c.State()
		want := map[string][2]any{
			"name": {before.Name, before.Name}, "address": {before.Address, before.Address}, "gender": {before.Gender, before.Gender},
			"birthday": {before.Birthday, before.Birthday}, "note": {before.Note, before.Note},
		}
		for field, given := range map[string]*string{"name": edit.Name, "address": edit.Address, "gender": edit.Gender, "birthday": edit.Birthday, "note": edit.Note} {
			if given != nil {
				want[field] = [2]any{want[field][0], *given}
			}
		}
		unique := func(given *[]string, before []string) []string {
			if given == nil {
				return before
			}
			values := []string{}
			for _, value := range *given {
				if !slices.Contains(values, value) {
					values = append(values, value)
				}
			}
			return values
		}
		want["phones"] = [2]any{before.Phones, unique(edit.Phones, before.Phones)}
		want["emails"] = [2]any{before.Emails, unique(edit.Emails, before.Emails)}
		want["tags"] = [2]any{before.Tags, unique(edit.Tags, before.Tags)}
		got := map[string]any{
			"name": after.Name, "address": after.Address, "gender": after.Gender, "birthday": after.Birthday, "note": after.Note,
			"phones": after.Phones, "emails": after.Emails, "tags": after.Tags,
		}
		var differing []string
		for field, values := range want {
			if !reflect.DeepEqual(got[field], values[1]) {
				t.Fatalf("%s is %v, want %v", field, got[field], values[1])
			}
			if !reflect.DeepEqual(values[0], values[1]) {
				differing = append(differing, field)
			}
		}
		var told []string
		for _, payload := range c.Pending() {
			for _, change := range payload.(customer.CustomerUpdated).Changes {
				told = append(told, change.Field)
			}
		}
		slices.Sort(told)
		if slices.Sort(differing); !slices.Equal(told, differing) {
			t.Fatalf("changes of %v, want %v", told, differing)
		}
		decided := len(c.Pending())
		if err := c.Edit(edit, now); err != nil || len(c.Pending()) != decided {
			t.Fatalf("the same edit again: %v, %d events", err, len(c.Pending())-decided)
		}
	})
}
