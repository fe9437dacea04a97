package order

import (
	"time"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
)

// Version is what is known of an order's content, and how new it is. Versions are joined as they are delivered.
//
// A version is known by the shop's time of change, and content is that of the newest one. The buyer is a matter of its
// own: marketplaces show a phone at first and mask it later, or the other way round, so the buyer is that of the newest
// version that shows best who they are (pancake-orders.md §10: a link to a customer may be improved, never made worse).
// What shows it best is a matter of the rule by which buyers are recognised.
type Version struct {
	// State is the order's content; its UpdatedAt is the newest version that was delivered.
	State State
	// BuyerUpdatedAt is the version that State.Buyer was taken from.
	BuyerUpdatedAt time.Time
}

// NewVersion is a version as it was delivered.
func NewVersion(delivered State) Version {
	return Version{State: delivered, BuyerUpdatedAt: delivered.UpdatedAt}
}

// Join is what is known after another version came. Of versions of different times the outcome does not depend on the
// order in which they are joined, nor on how often; of the same time the last to come wins, since marketplaces correct
// fees without moving it.
func (v Version) Join(other Version, rule customer.MatchRule) Version {
	joined := v
	if !other.State.UpdatedAt.Before(v.State.UpdatedAt) {
		joined.State = other.State
	}
	who := v
	if other.showsBuyerBetterThan(v, rule) {
		who = other
	}
	joined.State.Buyer, joined.BuyerUpdatedAt = who.State.Buyer, who.BuyerUpdatedAt
	return joined
}

func (v Version) showsBuyerBetterThan(other Version, rule customer.MatchRule) bool {
	is, was := v.State.Buyer.clarity(rule), other.State.Buyer.clarity(rule)
	if is != was {
		return is > was
	}
	return !v.BuyerUpdatedAt.Before(other.BuyerUpdatedAt)
}

// clarity is how well a buyer can be recognised. A phone goes before an email, as it does in matching: one that is masked
// later, or left out, is not forgotten for the sake of an email that stays.
type clarity int

const (
	clarityNone        clarity = iota
	clarityUnruled             // by something that the rule does not look at
	clarityByRule              // by what the rule looks at
	clarityByRulePhone         // by a phone, which it looks at first
)

func (b Buyer) clarity(rule customer.MatchRule) clarity {
	keys := rule.Keys(b.Phones, b.Emails)
	switch {
	case len(keys) > 0 && keys[0].Kind == contact.KindPhone:
		return clarityByRulePhone
	case len(keys) > 0:
		return clarityByRule
	case len(b.Phones)+len(b.Emails) > 0:
		return clarityUnruled
	default:
		return clarityNone
	}
}
