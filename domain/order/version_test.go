package order_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"orderbridge/domain/customer"
	"orderbridge/domain/order"
)

var rules = rapid.SampledFrom([]customer.MatchRule{customer.MatchByPhone, customer.MatchByEmail, customer.MatchByPhoneOrEmail})

// versionsOf draws versions of one order, oldest first, each of a time of its own.
func versionsOf(t *rapid.T) []order.State {
	var versions []order.State
	for i := range rapid.IntRange(1, 6).Draw(t, "versions") {
		state := version(time.Duration(i)*time.Minute, rapid.SampledFrom([]int{0, 1, 2, 6, 7}).Draw(t, "status"), "")
		// Few values, so that versions repeat what others said.
		state.Note = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "note")
		state.Totals.Due = rapid.Int64Range(0, 2).Draw(t, "due")
		phone := rapid.SampledFrom([][]string{nil, {"+84912000451"}, {"+84912000452"}, {"+84912000452", "+84912000451"}})
		email := rapid.SampledFrom([][]string{nil, nil, {"lan@example.com"}})
		state.Buyer = order.Buyer{
			Name: rapid.SampledFrom([]string{"Lan", "L***n"}).Draw(t, "name"), Phones: phone.Draw(t, "phones"),
			Emails: email.Draw(t, "emails"), Masked: rapid.Bool().Draw(t, "masked"),
		}
		versions = append(versions, state)
	}
	return versions
}

// delivered draws an order in which versions are delivered: each at least once, some again.
func delivered(t *rapid.T, versions []order.State) []order.State {
	again := rapid.SliceOfN(rapid.SampledFrom(versions), 0, 6).Draw(t, "again")
	return rapid.Permutation(slices.Concat(versions, again)).Draw(t, "delivered")
}

func TestVersionsJoinToTheSameHoweverTheyCome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		states, rule := versionsOf(t), rules.Draw(t, "rule")
		versions := make([]order.Version, 0, len(states))
		for _, state := range states {
			versions = append(versions, order.NewVersion(state))
		}
		draw := func(name string) order.Version {
			drawn := rapid.SliceOfN(rapid.SampledFrom(versions), 1, 3).Draw(t, name)
			joined := drawn[0]
			for _, other := range drawn[1:] {
				joined = joined.Join(other, rule)
			}
			return joined
		}
		a, b, c := draw("a"), draw("b"), draw("c")
		if got, want := a.Join(b, rule), b.Join(a, rule); !reflect.DeepEqual(got, want) {
			t.Errorf("a and b give %+v, b and a %+v", got, want)
		}
		if got, want := a.Join(b, rule).Join(c, rule), a.Join(b.Join(c, rule), rule); !reflect.DeepEqual(got, want) {
			t.Errorf("(a and b) and c give %+v, a and (b and c) %+v", got, want)
		}
		if got := a.Join(a, rule); !reflect.DeepEqual(got, a) {
			t.Errorf("a and a give %+v, want %+v", got, a)
		}
	})
}

// TestDeliveriesEndTheSameHoweverTheyCome checks the rule of Judge against what it says, not against itself.
func TestDeliveriesEndTheSameHoweverTheyCome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		versions, rule, skipCancelled := versionsOf(t), rules.Draw(t, "rule"), rapid.Bool().Draw(t, "skip cancelled")
		newest := versions[len(versions)-1]
		content, buyerAt, isLive := newest, newest.UpdatedAt, !skipCancelled
		// The newest version with a phone decides who bought, without any the newest with an email; what the rule does not look at
		// comes last.
		byPhone := func(b order.Buyer) bool { return len(b.Phones) > 0 }
		byEmail := func(b order.Buyer) bool { return len(b.Emails) > 0 }
		byAny := func(b order.Buyer) bool { return byPhone(b) || byEmail(b) }
		shows := map[customer.MatchRule][]func(order.Buyer) bool{
			customer.MatchByPhone: {byPhone, byAny}, customer.MatchByEmail: {byEmail, byAny}, customer.MatchByPhoneOrEmail: {byPhone, byEmail},
		}[rule]
	decided:
		for _, shows := range shows {
			for _, state := range slices.Backward(versions) {
				if shows(state.Buyer) {
					content.Buyer, buyerAt = state.Buyer, state.UpdatedAt
					break decided
				}
			}
		}
		for _, state := range versions {
			isLive = isLive || state.Status.Code < 6
		}

		var known *order.Known
		var verdicts []string
		for _, state := range delivered(t, versions) {
			verdict, next := order.Judge(known, state, rule, skipCancelled)
			verdicts = append(verdicts, fmt.Sprintf("%s: %s", state.UpdatedAt.Format(time.TimeOnly), verdictOf(verdict)))
			known = &next
		}
		if (known.Record != nil) != isLive || (known.Skipped != nil) == isLive {
			t.Fatalf("the order is in the CRM: %t, want %t, after %q", known.Record != nil, isLive, verdicts)
		}
		state := known.Skipped
		if isLive {
			state = &known.Record.State
		}
		if !order.SameContent(*state, content) {
			t.Errorf("the order ends as %+v, want %+v, after %q", *state, content, verdicts)
		}
		if !known.UpdatedAt.Equal(newest.UpdatedAt) || !known.BuyerUpdatedAt.Equal(buyerAt) {
			t.Errorf("the order is of %s and its buyer of %s, want %s and %s", known.UpdatedAt, known.BuyerUpdatedAt, newest.UpdatedAt, buyerAt)
		}
	})
}
