package order_test

import (
	"testing"
	"time"

	"orderbridge/domain/customer"
	"orderbridge/domain/order"
)

// noon is when the shop changed the orders of these tests last, unless they say otherwise.
func noon() time.Time { return time.Date(2025, 9, 15, 12, 0, 0, 0, time.UTC) }

// version is an order as it is delivered.
func version(after time.Duration, status int, note string, phones ...string) order.State {
	return order.State{
		ShopID: "1", ExternalID: "2", Status: order.NewStatus(status), Note: note, UpdatedAt: noon().Add(after),
		Buyer: order.Buyer{Name: "Lan", Phones: phones, Masked: len(phones) == 0},
	}
}

// known is what is known of an order after some deliveries.
func known(skipCancelled bool, delivered ...order.State) *order.Known {
	var known *order.Known
	for _, state := range delivered {
		_, next := order.Judge(known, state, customer.MatchByPhoneOrEmail, skipCancelled)
		known = &next
	}
	return known
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		lan, lanNow = "+84912000451", "+84912000452"
		skipped     = true
	)
	fromBefore := &order.Known{UpdatedAt: noon(), BuyerUpdatedAt: noon()} // skipped, and what it was like was not kept

	for name, c := range map[string]struct {
		known     *order.Known
		delivered order.State
		keep      bool // what is first heard of as cancelled is kept
		want      string
		// content is what the order says then: its note, and the phone of its buyer.
		content string
	}{
		"an order never heard of is created":                 {known: nil, delivered: version(0, 0, ""), want: "created"},
		"in whatever status it begins":                       {known: nil, delivered: version(0, 3, ""), want: "created"},
		"first heard of as cancelled it is skipped":          {known: nil, delivered: version(0, 6, "c", lan), want: "skipped: cancelled", content: "c " + lan},
		"first heard of as deleted it is skipped":            {known: nil, delivered: version(0, 7, ""), want: "skipped: deleted"},
		"or created, as the workspace wants it":              {known: nil, delivered: version(0, 7, ""), keep: true, want: "created"},
		"a skipped order that lives again is created":        {known: known(skipped, version(0, 6, "c")), delivered: version(1, 1, "live"), want: "created", content: "live"},
		"a skipped order stays skipped while cancelled":      {known: known(skipped, version(0, 6, "c")), delivered: version(1, 6, "d"), want: "skipped: cancelled", content: "d"},
		"an older version of a skipped order is no newer":    {known: known(skipped, version(0, 6, "c")), delivered: version(-1, 7, "d"), want: "skipped: older", content: "c"},
		"but shows who the buyer is":                         {known: known(skipped, version(0, 6, "c")), delivered: version(-1, 7, "d", lan), want: "skipped: older", content: "c " + lan},
		"or that the order was to be brought over":           {known: known(skipped, version(0, 6, "c", lanNow)), delivered: version(-1, 0, "live", lan), want: "created: was_live", content: "c " + lanNow},
		"with a buyer whom nobody sees any more":             {known: known(skipped, version(0, 6, "c")), delivered: version(-1, 0, "live", lan), want: "created: was_live", content: "c " + lan},
		"a workspace may want cancelled orders later":        {known: known(skipped, version(0, 6, "c")), delivered: version(-1, 6, "d"), keep: true, want: "created", content: "c"},
		"what was skipped and not kept stays skipped":        {known: fromBefore, delivered: version(-1, 0, ""), want: "skipped: older"},
		"until something as new arrives":                     {known: fromBefore, delivered: version(0, 0, "live"), want: "created", content: "live"},
		"a newer version with other content updates":         {known: known(skipped, version(0, 0, "")), delivered: version(1, 1, "n"), want: "updated: newer", content: "n"},
		"a newer version with the same content does not":     {known: known(skipped, version(0, 0, "")), delivered: version(1, 0, ""), want: "unchanged: identical"},
		"the same version again does not":                    {known: known(skipped, version(0, 0, "")), delivered: version(0, 0, ""), want: "unchanged: identical"},
		"other content of the same moment updates":           {known: known(skipped, version(0, 0, "")), delivered: version(0, 0, "fee"), want: "updated: same_version", content: "fee"},
		"an older version changes nothing, whatever it says": {known: known(skipped, version(0, 0, "")), delivered: version(-1, 1, "x"), want: "unchanged: older"},
		"a known order that is cancelled is updated":         {known: known(skipped, version(0, 0, "")), delivered: version(1, 6, ""), want: "updated: newer"},
		"a phone that is shown is taken":                     {known: known(skipped, version(0, 0, "")), delivered: version(1, 0, "", lan), want: "updated: newer", content: " " + lan},
		"a phone that is corrected is taken":                 {known: known(skipped, version(0, 0, "", lan)), delivered: version(1, 0, "", lanNow), want: "updated: newer", content: " " + lanNow},
		"a phone that is masked changes nothing":             {known: known(skipped, version(0, 0, "", lan)), delivered: version(1, 0, ""), want: "unchanged: identical", content: " " + lan},
		"nor does it beside other changes":                   {known: known(skipped, version(0, 0, "", lan)), delivered: version(1, 1, "n"), want: "updated: newer", content: "n " + lan},
		"a phone is shown by an older version":               {known: known(skipped, version(0, 0, "n")), delivered: version(-1, 1, "old", lan), want: "updated: buyer_revealed", content: "n " + lan},
		"a newer one of those that show a phone is taken": {
			known: known(skipped, version(0, 0, "n"), version(-2, 0, "", lan)), delivered: version(-1, 0, "", lanNow),
			want: "updated: buyer_revealed", content: "n " + lanNow,
		},
		"an older one of those that show a phone is not": {
			known: known(skipped, version(0, 0, "n"), version(-1, 0, "", lanNow)), delivered: version(-2, 0, "", lan),
			want: "unchanged: older", content: "n " + lanNow,
		},
		"versions that said nothing new count": {
			known: known(skipped, version(0, 0, "n", lan), version(2, 0, "n", lan)), delivered: version(1, 1, "old", lanNow),
			want: "unchanged: older", content: "n " + lan,
		},
		"masked ones are no news of the buyer": {
			known: known(skipped, version(0, 0, "n", lan), version(2, 0, "n")), delivered: version(1, 1, "old", lanNow),
			want: "updated: buyer_revealed", content: "n " + lanNow,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdict, next := order.Judge(c.known, c.delivered, customer.MatchByPhoneOrEmail, !c.keep)
			if got := verdictOf(verdict); got != c.want {
				t.Errorf("verdict is %q, want %q", got, c.want)
			}
			if got := contentOf(next); got != c.content {
				t.Errorf("the order says %q, want %q", got, c.content)
			}
			if c.known != nil && next.UpdatedAt.Before(c.known.UpdatedAt) {
				t.Errorf("the order goes back to its version of %s", next.UpdatedAt)
			}
		})
	}
}

func verdictOf(v order.Verdict) string {
	if reason, ok := v.Skips(); ok {
		return "skipped: " + string(reason)
	}
	if reason, ok := v.Unchanged(); ok {
		return "unchanged: " + string(reason)
	}
	if reason, ok := v.Updates(); ok {
		return "updated: " + string(reason)
	}
	if reason, ok := v.Creates(); ok && reason != "" {
		return "created: " + string(reason)
	} else if ok {
		return "created"
	}
	return "nothing"
}

func contentOf(k order.Known) string {
	var state order.State
	switch {
	case k.Record != nil:
		state = k.Record.State
	case k.Skipped != nil:
		state = *k.Skipped
	}
	if len(state.Buyer.Phones) > 0 {
		return state.Note + " " + state.Buyer.Phones[0]
	}
	return state.Note
}
