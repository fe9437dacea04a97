package order_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"orderbridge/domain/order"
)

func TestParseCodeTemplate(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"Pancake_{shop_id}_{order_id}", "{shop_id}-{order_id}", "{order_id}-{shop_id}", "{order_id}1-{shop_id}", "{shop_id}-1{order_id}",
		"DH#{shop_id}:{order_id}.vn", "7{shop_id}_{order_id}",
	} {
		template, err := order.ParseCodeTemplate(good)
		if err != nil || template.String() != good {
			t.Errorf("%s reads as %s, %v", good, template, err)
		}
	}
	for _, bad := range []string{
		"", "Pancake_{shop_id}", "Pancake_{order_id}", "{shop_id}{order_id}", "{order_id}{shop_id}", "{shop_id}1-{order_id}",
		"{order_id}-1{shop_id}", "{shop_id}_{order_id}_{shop_id}", "{shop_id}_{order_id} ", "{shop_id}/{order_id}", "{shop_id}_{order_id}\n",
		"Đơn_{shop_id}_{order_id}", "{Shop_ID}_{order_id}", strings.Repeat("x", 100) + "{shop_id}_{order_id}",
	} {
		if template, err := order.ParseCodeTemplate(bad); err == nil {
			t.Errorf("%q was taken as %s", bad, template)
		}
	}
}

var literals = rapid.StringMatching(`[A1_-]{0,3}`)

// codes are all that a template makes of some shops and of every order id of at most three of five characters.
func codes(template order.CodeTemplate) map[string][2]string {
	ids := []string{""}
	for from := 0; len(ids) < 1+5+25+125; from++ {
		for _, next := range "A12_-" {
			ids = append(ids, ids[from]+string(next))
		}
	}
	made := map[string][2]string{}
	for _, shop := range []string{"1", "2", "11", "12", "21", "112"} {
		for _, id := range ids[1:] {
			made[template.Code(shop, id)] = [2]string{shop, id}
		}
	}
	return made
}

const ordersOfCodes = 6 * (5 + 25 + 125)

func drawTemplate(t *rapid.T, label string) order.CodeTemplate {
	return rapid.Custom(func(t *rapid.T) order.CodeTemplate {
		for {
			first, second := "{shop_id}", "{order_id}"
			if rapid.Bool().Draw(t, "order first") {
				first, second = second, first
			}
			raw := literals.Draw(t, "prefix") + first + literals.Draw(t, "separator") + second + literals.Draw(t, "suffix")
			if template, err := order.ParseCodeTemplate(raw); err == nil {
				return template
			}
		}
	}).Draw(t, label)
}

// TestCodesNeverCollide: of one template that was taken, and of two that are apart.
func TestCodesNeverCollide(t *testing.T) {
	t.Parallel()
	apart := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTemplate(t, "a"), drawTemplate(t, "b")
		ofA, ofB := codes(a), codes(b)
		if len(ofA) != ordersOfCodes {
			t.Fatalf("%s gives %d orders %d codes", a, ordersOfCodes, len(ofA))
		}
		if a.IsApartFrom(b) != b.IsApartFrom(a) {
			t.Fatalf("%s and %s are apart one way only", a, b)
		}
		if !a.IsApartFrom(b) {
			return
		}
		apart++
		for code, ordered := range ofA {
			if other, taken := ofB[code]; taken {
				t.Fatalf("%s gives %v and %s gives %v the code %s", a, ordered, b, other, code)
			}
		}
	})
	if apart == 0 {
		t.Error("no two templates were apart")
	}
}

// TestTemplatesThatAreApart: and some that only look so.
func TestTemplatesThatAreApart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b  string
		apart bool
	}{
		{"Pancake_{shop_id}_{order_id}", "PC-{shop_id}-{order_id}", true},
		{"Pancake_{shop_id}_{order_id}", "Pancake-{shop_id}_{order_id}", true},
		{"Pancake_{shop_id}_{order_id}", "{shop_id}_{order_id}", true},
		{"Pancake_{shop_id}_{order_id}", "Pancake_{shop_id}-{order_id}", true},
		{"{order_id}_{shop_id}", "{order_id}-{shop_id}", true},
		{"Pancake_{shop_id}_{order_id}", "Pancake_{shop_id}_{order_id}", false},
		{"Pancake_{shop_id}_{order_id}", "Pancake_{order_id}_{shop_id}", false}, // shop 1 with order 2, shop 2 with order 1
		{"Pancake_{shop_id}_{order_id}", "Pancake_{shop_id}__{order_id}", false},
		{"A{shop_id}_{order_id}", "A1{shop_id}_{order_id}", false}, // shop 12, and shop 2
		{"Pancake_{shop_id}_{order_id}", "{order_id}_{shop_id}", false},
	} {
		t.Run(fmt.Sprintf("%s and %s", test.a, test.b), func(t *testing.T) {
			t.Parallel()
			a, errA := order.ParseCodeTemplate(test.a)
			b, errB := order.ParseCodeTemplate(test.b)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if a.IsApartFrom(b) != test.apart || b.IsApartFrom(a) != test.apart {
				t.Errorf("apart: %t", !test.apart)
			}
		})
	}
}
