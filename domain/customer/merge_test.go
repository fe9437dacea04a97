package customer_test

import (
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

// stored is a customer as the log would give them back.
func stored(t interface{ Fatal(args ...any) }, c *customer.Customer, history []event.Recorded) (*customer.Customer, []event.Recorded) {
	for _, payload := range c.Pending() {
		history = append(history, event.Recorded{New: event.New{Version: len(history) + 1, Payload: payload}})
	}
	return customer.Rehydrate(history), history
}

func made(t *testing.T, details customer.Details) *customer.Customer {
	t.Helper()
	c, err := customer.Import(uuid.New(), details, "operator", now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMerge(t *testing.T) {
	t.Parallel()
	lan := made(t, customer.Details{
		Name: "Lan", Phones: []string{"0912000451"}, Emails: []string{"lan@example.vn"}, Address: "Huế", Tags: []string{"VIP"}, Note: "gọi chiều",
	})
	other := made(t, customer.Details{
		Name: "Trần Thị Lan", Phones: []string{"0904000321", "0912000451"}, Address: "Đà Nẵng", Gender: "female", Birthday: "1990-01-02",
		Tags: []string{"sỉ", "VIP"}, Note: "gọi chiều\nthích màu đỏ",
	})
	lanBefore, otherBefore := lan.State(), other.State()
	if err := lan.Merge(other, []string{"name"}); err != nil {
		t.Fatal(err)
	}
	want := lanBefore
	want.Name, want.Gender, want.Birthday = "Trần Thị Lan", "female", "1990-01-02"
	want.Phones, want.Tags = []string{"+84912000451", "+84904000321"}, []string{"VIP", "sỉ"}
	want.Note = "gọi chiều\nthích màu đỏ"
	if got := lan.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("merged into %+v, want %+v", got, want)
	}
	if got := other.State(); got.Status != customer.StatusMerged || other.MergedInto() != lan.State().ID {
		t.Errorf("the other is %+v", got)
	}
	for what, err := range map[string]error{
		"edit":    other.Edit(customer.Edit{Name: new("x")}, now),
		"archive": other.Archive(),
		"restore": other.Restore(),
		"merge":   other.Merge(made(t, customer.Details{Name: "An"}), nil),
		"again":   lan.Merge(other, nil),
	} {
		if refused, ok := problem.Of(err); !ok || refused.Code() != "customer-merged" || !strings.Contains(refused.Error(), lan.State().ID.String()) {
			t.Errorf("%s of a merged customer: %v", what, err)
		}
	}
	if err := lan.Unmerge(other); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(lan.State(), lanBefore) || !reflect.DeepEqual(other.State(), otherBefore) {
		t.Errorf("unmerged into %+v and %+v", lan.State(), other.State())
	}
	if err := lan.Unmerge(other); err == nil {
		t.Error("unmerged twice")
	}
}

func TestMergesThatAreRefused(t *testing.T) {
	t.Parallel()
	an, bo := made(t, customer.Details{Name: "An"}), made(t, customer.Details{Name: "Bo"})
	archived := made(t, customer.Details{Name: "Cũ", Status: customer.StatusArchived})
	many := func(first int) *customer.Customer {
		var phones []string
		for i := range 20 {
			phones = append(phones, fmt.Sprintf("09120%05d", first+i))
		}
		return made(t, customer.Details{Name: "Nhiều", Phones: phones})
	}
	for what, tc := range map[string]struct {
		err  error
		code string
	}{
		"with themselves":       {an.Merge(an, nil), "merge-same"},
		"into an archived":      {archived.Merge(an, nil), "merge-archived"},
		"an unknown field":      {an.Merge(bo, []string{"phones"}), "merge-field-unknown"},
		"too many phones":       {many(0).Merge(many(100), nil), "customer-invalid"},
		"of who is not merged":  {an.Unmerge(bo), "not-merged"},
		"an archived into some": {an.Merge(archived, nil), ""},
	} {
		refused, ok := problem.Of(tc.err)
		if ok != (tc.code != "") || ok && refused.Code() != tc.code {
			t.Errorf("%s: %v, want %q", what, tc.err, tc.code)
		}
	}
}

// shape is who a customer is, without the order of lists.
func shape(s customer.State) string {
	sorted := func(list []string) []string { return slices.Sorted(slices.Values(list)) }
	return fmt.Sprintf("%s|%s|%s|%s|%v|%v|%v|%v|%s", s.Name, s.Address, s.Gender, s.Birthday, sorted(s.Phones), sorted(s.Emails), sorted(s.Tags),
		sorted(strings.Split(s.Note, "\n")), s.Status)
}

// TestUnmergingRestores: merges, edits and unmerges in any order, then unmerges of all that are left, end as if nobody had ever been
// merged. The same edits are made to a customer who never was.
func TestUnmergingRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pool := []string{"+84912000001", "+84912000002", "+84912000003", "+84912000004", "+84912000005", "+84912000006"}
		some := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, 4, rapid.ID[string]).Draw(t, label)
		}
		now := now
		newCustomer := func(name string) *customer.Customer {
			c, err := customer.Import(uuid.New(), customer.Details{
				Name: name, Phones: some("phones"), Address: rapid.SampledFrom([]string{"", "Huế " + name}).Draw(t, "address"),
				Note: strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"một", "hai", "ba"}), 0, 3, rapid.ID[string]).Draw(t, "note"), "\n"),
			}, "operator", now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		survivor := newCustomer("A")
		alone := customer.Rehydrate(recorded(survivor.Pending()...))
		survivor, history := stored(t, survivor, nil)
		var others []*customer.Customer
		var was []string
		var histories [][]event.Recorded
		for i := range 3 {
			c, history := stored(t, newCustomer(fmt.Sprint("B", i)), nil)
			others, was, histories = append(others, c), append(was, shape(c.State())), append(histories, history)
		}
		edits := 0
		edit := func(edit func(customer.State) customer.Edit) {
			for _, c := range []*customer.Customer{survivor, alone} {
				if err := c.Edit(edit(c.State()), now); err != nil {
					t.Fatal(err)
				}
			}
		}
		toggle := func(i int) {
			var err error
			if others[i].State().Status == customer.StatusMerged {
				err = survivor.Unmerge(others[i])
			} else {
				err = survivor.Merge(others[i], rapid.SliceOfDistinct(rapid.SampledFrom([]string{"name", "address"}), rapid.ID[string]).Draw(t, "take"))
			}
			if err != nil {
				t.Fatal(err)
			}
			others[i], histories[i] = stored(t, others[i], histories[i])
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			edits++
			switch phone := rapid.SampledFrom(pool).Draw(t, "phone"); rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				edit(func(customer.State) customer.Edit { return customer.Edit{Name: new(fmt.Sprint("A", edits))} })
			case 1:
				if slices.Contains(survivor.State().Phones, phone) {
					continue // somebody merged brought it, and adding it says nothing
				}
				edit(func(s customer.State) customer.Edit {
					return customer.Edit{Phones: new(append(slices.Clone(s.Phones), phone))}
				})
			case 2:
				edit(func(s customer.State) customer.Edit {
					left := slices.DeleteFunc(slices.Clone(s.Phones), func(p string) bool { return p == phone })
					return customer.Edit{Phones: &left}
				})
			case 3:
				edit(func(s customer.State) customer.Edit {
					return customer.Edit{Note: new(strings.TrimPrefix(s.Note+"\n"+fmt.Sprint("dòng ", edits), "\n"))}
				})
			default:
				toggle(rapid.IntRange(0, 2).Draw(t, "other"))
			}
			survivor, history = stored(t, survivor, history)
		}
		for i := range others {
			if others[i].State().Status == customer.StatusMerged {
				toggle(i)
				survivor, history = stored(t, survivor, history)
			}
			if got := shape(others[i].State()); got != was[i] {
				t.Errorf("B%d ends as %s, was %s", i, got, was[i])
			}
		}
		if got, want := shape(survivor.State()), shape(alone.State()); got != want {
			t.Errorf("ends as %s, without merges as %s", got, want)
		}
	})
}
