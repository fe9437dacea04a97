package order_test

import (
	"testing"

	"orderbridge/domain/order"
)

func TestStaffKey(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		person order.Person
		want   string
	}{
		"the shop's id comes first": {order.Person{ExternalID: "u-1", Email: "mai@example.vn", Phone: "+84904000321", Name: "Mai"}, "u-1"},
		"then the email":            {order.Person{Email: "mai@example.vn", Phone: "+84904000321", Name: "Mai"}, "mai@example.vn"},
		"then the phone":            {order.Person{Phone: "+84904000321", Name: "Mai"}, "+84904000321"},
		"then the name":             {order.Person{Name: "Mai"}, "name:Mai"},
		"nobody":                    {order.Person{}, ""},
	} {
		if got := tc.person.StaffKey(); got != tc.want {
			t.Errorf("%s: the key is %q, want %q", name, got, tc.want)
		}
	}
}
