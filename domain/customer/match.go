package customer

import (
	"slices"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
)

// MatchRule is a workspace's choice of what an order's buyer is recognised by ("Tìm khách hàng đã có trên CRM theo
// Điện thoại hoặc Email" in Getfly's integration guide).
type MatchRule string

// The match rules. They are stored data.
const (
	MatchByPhone        MatchRule = "phone"
	MatchByEmail        MatchRule = "email"
	MatchByPhoneOrEmail MatchRule = "phone_or_email"
)

// ParseMatchRule reads a rule from what an operator typed.
func ParseMatchRule(raw string) (MatchRule, error) {
	rule := MatchRule(raw)
	if !slices.Contains([]MatchRule{MatchByPhone, MatchByEmail, MatchByPhoneOrEmail}, rule) {
		return "", problem.Invalid("match-rule-unknown", "the match rule is one of phone, email, phone_or_email")
	}
	return rule, nil
}

// Keys are those of a buyer's keys that the rule looks at, in the order in which they are tried: every phone before
// any email.
func (r MatchRule) Keys(phones, emails []string) []contact.Key {
	var keys []contact.Key
	if r != MatchByEmail {
		for _, phone := range phones {
			keys = append(keys, contact.Key{Kind: contact.KindPhone, Value: phone})
		}
	}
	if r != MatchByPhone {
		for _, email := range emails {
			keys = append(keys, contact.Key{Kind: contact.KindEmail, Value: email})
		}
	}
	return keys
}

// Holders are the active customers who have a key.
type Holders struct {
	// Oldest are the ids of up to MaxCandidates of them, the oldest first.
	Oldest []uuid.UUID
	// Count is how many there are in all.
	Count int
}

// MaxCandidates is how many candidates an event names; all of them are counted.
const MaxCandidates = 10

// Reason says why an order got the customer it has.
type Reason string

// The reasons. They are stored data.
const (
	// ReasonOnlyHolder: exactly one active customer has the key.
	ReasonOnlyHolder Reason = "only_holder"
	// ReasonOldestHolder: several active customers have the key; the oldest was taken.
	ReasonOldestHolder Reason = "oldest_holder"
	// ReasonKnownBuyer: the order has no usable key, and its shop's customer was bound to this one before.
	ReasonKnownBuyer Reason = "known_buyer"
	// ReasonNoHolder: no active customer has any of the keys, so a new one was created.
	ReasonNoHolder Reason = "no_holder"
	// ReasonNoUsableKey: the order has no usable key and its shop's customer is not known, so a new one was created.
	ReasonNoUsableKey Reason = "no_usable_key"
)

// Decision is how an order's customer was found, or why a new one was made: all that is needed to explain it later.
type Decision struct {
	Rule MatchRule `json:"rule"`
	// RuleVersion is that of the settings which the rule stands in: the version of the workspace's stream at which one changed
	// last. It is 0 where no settings say so, and in events from before it was kept.
	RuleVersion int    `json:"rule_version,omitzero"`
	Reason      Reason `json:"reason"`
	// Key is the one that matched; nil when none did.
	Key *contact.Key `json:"key,omitempty"`
	// Tried are the keys that were looked up, in this order.
	Tried []contact.Key `json:"tried,omitempty"`
	// Candidates are active customers with the key, the oldest first, at most MaxCandidates.
	Candidates []uuid.UUID `json:"candidates,omitempty"`
	// CandidateCount is how many active customers have the key.
	CandidateCount int `json:"candidate_count"`
	// ShopID and BuyerID name the shop's customer, for the reasons that rest on it.
	ShopID  string `json:"shop_id,omitempty"`
	BuyerID string `json:"buyer_id,omitempty"`
	// MovedFrom is the customer whom the order belonged to before it showed another buyer; zero for a new order.
	MovedFrom uuid.UUID `json:"moved_from,omitzero"`
}

// Match decides which customer an order belongs to: the oldest active holder of the first key that anybody holds;
// without any usable key, the customer that the same buyer of the same shop was bound to before (bound is the zero
// UUID when there is none that is active). The zero UUID as result means: make a new one.
func Match(rule MatchRule, keys []contact.Key, holders func(contact.Key) Holders, shopID, buyerID string, bound uuid.UUID) (uuid.UUID, Decision) {
	decision := Decision{Rule: rule}
	for _, key := range keys {
		decision.Tried = append(decision.Tried, key)
		held := holders(key)
		if held.Count == 0 {
			continue
		}
		decision.Key = &key
		decision.Candidates = held.Oldest
		decision.CandidateCount = held.Count
		decision.Reason = ReasonOnlyHolder
		if held.Count > 1 {
			decision.Reason = ReasonOldestHolder
		}
		return held.Oldest[0], decision
	}
	switch {
	case len(keys) > 0:
		decision.Reason = ReasonNoHolder
	case bound != uuid.Nil:
		decision.Reason = ReasonKnownBuyer
		decision.ShopID, decision.BuyerID = shopID, buyerID
		decision.Candidates, decision.CandidateCount = []uuid.UUID{bound}, 1
		return bound, decision
	default:
		decision.Reason = ReasonNoUsableKey
		decision.ShopID, decision.BuyerID = shopID, buyerID
	}
	return uuid.Nil, decision
}
