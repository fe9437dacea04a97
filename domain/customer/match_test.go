package customer_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

func codeOf(err error) string {
	if found, ok := problem.Of(err); ok {
		return found.Code()
	}
	return ""
}

func phoneKey(value string) contact.Key { return contact.Key{Kind: contact.KindPhone, Value: value} }

func emailKey(value string) contact.Key { return contact.Key{Kind: contact.KindEmail, Value: value} }

func TestParseMatchRule(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"phone", "email", "phone_or_email"} {
		if rule, err := customer.ParseMatchRule(raw); err != nil || string(rule) != raw {
			t.Errorf("%s: %s, %v", raw, rule, err)
		}
	}
	for _, raw := range []string{"", "Phone", "phone,email", "either"} {
		if rule, err := customer.ParseMatchRule(raw); codeOf(err) != "match-rule-unknown" || rule != "" {
			t.Errorf("%q: %s, %v", raw, rule, err)
		}
	}
}

func TestMatchRuleKeys(t *testing.T) {
	t.Parallel()
	phones, emails := []string{"+84912000451", "+84358000588"}, []string{"a@example.com", "b@example.com"}
	for _, test := range []struct {
		name           string
		rule           customer.MatchRule
		phones, emails []string
		want           []contact.Key
	}{
		{"by phone", customer.MatchByPhone, phones, emails, []contact.Key{phoneKey(phones[0]), phoneKey(phones[1])}},
		{"by email", customer.MatchByEmail, phones, emails, []contact.Key{emailKey(emails[0]), emailKey(emails[1])}},
		{"by either: every phone before any email", customer.MatchByPhoneOrEmail, phones, emails, []contact.Key{phoneKey(phones[0]), phoneKey(phones[1]), emailKey(emails[0]), emailKey(emails[1])}},
		{"by either, with emails only", customer.MatchByPhoneOrEmail, nil, emails, []contact.Key{emailKey(emails[0]), emailKey(emails[1])}},
		{"by phone, with emails only", customer.MatchByPhone, nil, emails, nil},
		{"by email, with phones only", customer.MatchByEmail, phones, nil, nil},
		{"nothing to go by", customer.MatchByPhoneOrEmail, nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.rule.Keys(test.phones, test.emails); !slices.Equal(got, test.want) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	old, young, other, bound := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	first, second, email := phoneKey("+84912000451"), phoneKey("+84358000588"), emailKey("a@example.com")
	const rule = customer.MatchByPhoneOrEmail
	one := func(id uuid.UUID) customer.Holders { return customer.Holders{Oldest: []uuid.UUID{id}, Count: 1} }

	for _, test := range []struct {
		name  string
		keys  []contact.Key
		held  map[contact.Key]customer.Holders
		bound uuid.UUID
		want  uuid.UUID
		why   customer.Decision
	}{
		{
			"one customer has the phone",
			[]contact.Key{first},
			map[contact.Key]customer.Holders{first: one(old)},
			uuid.Nil, old,
			customer.Decision{Rule: rule, Reason: customer.ReasonOnlyHolder, Key: &first, Tried: []contact.Key{first}, Candidates: []uuid.UUID{old}, CandidateCount: 1},
		},
		{
			"several have it: the oldest",
			[]contact.Key{first},
			map[contact.Key]customer.Holders{first: {Oldest: []uuid.UUID{old, young}, Count: 2}},
			uuid.Nil, old,
			customer.Decision{Rule: rule, Reason: customer.ReasonOldestHolder, Key: &first, Tried: []contact.Key{first}, Candidates: []uuid.UUID{old, young}, CandidateCount: 2},
		},
		{
			"more than are named are counted",
			[]contact.Key{first},
			map[contact.Key]customer.Holders{first: {Oldest: []uuid.UUID{old, young}, Count: 40}},
			uuid.Nil, old,
			customer.Decision{Rule: rule, Reason: customer.ReasonOldestHolder, Key: &first, Tried: []contact.Key{first}, Candidates: []uuid.UUID{old, young}, CandidateCount: 40},
		},
		{
			"the first key that anybody has decides, also against a later one",
			[]contact.Key{first, second, email},
			map[contact.Key]customer.Holders{second: one(old), email: one(other)},
			uuid.Nil, old,
			customer.Decision{Rule: rule, Reason: customer.ReasonOnlyHolder, Key: &second, Tried: []contact.Key{first, second}, Candidates: []uuid.UUID{old}, CandidateCount: 1},
		},
		{
			"nobody has any of them",
			[]contact.Key{first, email},
			nil, uuid.Nil, uuid.Nil,
			customer.Decision{Rule: rule, Reason: customer.ReasonNoHolder, Tried: []contact.Key{first, email}},
		},
		{
			"a known buyer does not count when there are keys",
			[]contact.Key{first},
			nil, bound, uuid.Nil,
			customer.Decision{Rule: rule, Reason: customer.ReasonNoHolder, Tried: []contact.Key{first}},
		},
		{
			"without keys, the known buyer", nil,
			map[contact.Key]customer.Holders{first: one(old)},
			bound, bound,
			customer.Decision{Rule: rule, Reason: customer.ReasonKnownBuyer, Candidates: []uuid.UUID{bound}, CandidateCount: 1, ShopID: "7", BuyerID: "b-1"},
		},
		{
			"without keys, an unknown buyer", nil, nil, uuid.Nil, uuid.Nil,
			customer.Decision{Rule: rule, Reason: customer.ReasonNoUsableKey, ShopID: "7", BuyerID: "b-1"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, why := customer.Match(rule, test.keys, func(key contact.Key) customer.Holders { return test.held[key] }, "7", "b-1", test.bound)
			if got != test.want || !reflect.DeepEqual(why, test.why) {
				t.Errorf("%s, %+v\nwant %s, %+v", got, why, test.want, test.why)
			}
			raw, err := json.Marshal(why)
			if err != nil {
				t.Fatal(err)
			}
			var stored customer.Decision
			if err := json.Unmarshal(raw, &stored); err != nil || !reflect.DeepEqual(stored, why) {
				t.Errorf("changed in storage: %s", raw)
			}
		})
	}
}

// TestMatchOfAnyDirectory compares with the rule told in another way.
func TestMatchOfAnyDirectory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]customer.MatchRule{customer.MatchByPhone, customer.MatchByEmail, customer.MatchByPhoneOrEmail}).Draw(t, "rule")
		phones := rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 9), func(n int) string { return fmt.Sprintf("+8491200045%d", n) }), 0, 4, rapid.ID[string]).Draw(t, "phones")
		emails := rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 9), func(n int) string { return fmt.Sprintf("%d@example.com", n) }), 0, 4, rapid.ID[string]).Draw(t, "emails")
		keys := rule.Keys(phones, emails)

		// The rule looks at its kinds only, misses none of them and keeps their order.
		var gotPhones, gotEmails []string
		for i, key := range keys {
			if key.Kind == contact.KindPhone {
				gotPhones = append(gotPhones, key.Value)
				if len(gotEmails) > 0 {
					t.Fatalf("a phone behind an email, at %d", i)
				}
			} else {
				gotEmails = append(gotEmails, key.Value)
			}
		}
		if rule == customer.MatchByEmail {
			phones = nil
		}
		if rule == customer.MatchByPhone {
			emails = nil
		}
		if !slices.Equal(gotPhones, phones) || !slices.Equal(gotEmails, emails) {
			t.Fatalf("keys %v of %v and %v", keys, phones, emails)
		}

		held := map[contact.Key]customer.Holders{}
		for _, key := range keys {
			count := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 30}).Draw(t, "holders")
			ids := make([]uuid.UUID, min(count, customer.MaxCandidates))
			for i := range ids {
				ids[i] = uuid.New()
			}
			held[key] = customer.Holders{Oldest: ids, Count: count}
		}
		var bound uuid.UUID
		if rapid.Bool().Draw(t, "buyer is known") {
			bound = uuid.New()
		}
		asked := 0
		got, why := customer.Match(rule, keys, func(key contact.Key) customer.Holders { asked++; return held[key] }, "7", "b", bound)

		decisive := slices.IndexFunc(keys, func(key contact.Key) bool { return held[key].Count > 0 })
		switch {
		case decisive >= 0:
			holders := held[keys[decisive]]
			if got != holders.Oldest[0] || *why.Key != keys[decisive] || why.CandidateCount != holders.Count || asked != decisive+1 {
				t.Fatalf("%s, %+v after %d keys", got, why, asked)
			}
		case len(keys) > 0:
			if got != uuid.Nil || why.Reason != customer.ReasonNoHolder || asked != len(keys) {
				t.Fatalf("%s, %+v", got, why)
			}
		default:
			if got != bound || (bound == uuid.Nil) != (why.Reason == customer.ReasonNoUsableKey) {
				t.Fatalf("%s, %+v", got, why)
			}
		}
		if why.Rule != rule || !slices.Equal(why.Tried, keys[:asked]) || len(why.Candidates) > customer.MaxCandidates || why.CandidateCount < len(why.Candidates) {
			t.Fatalf("not explained: %+v", why)
		}
		if (got == uuid.Nil) != (why.CandidateCount == 0) {
			t.Fatalf("%s of %d candidates", got, why.CandidateCount)
		}
	})
}
