package order

import "time"

// Version is what is known of an order's content, and how new it is. Versions are joined as they are delivered.
//
// A version is known by the shop's time of change, and content is that of the newest one. The buyer is a matter of its
// own: marketplaces show a phone at first and mask it later, or the other way round, so the buyer is that of the newest
// version that shows who they are (pancake-orders.md §10: a link to a customer may be improved, never made worse).
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
func (v Version) Join(other Version) Version {
	joined := v
	if !other.State.UpdatedAt.Before(v.State.UpdatedAt) {
		joined.State = other.State
	}
	who := v
	if other.showsBuyerBetterThan(v) {
		who = other
	}
	joined.State.Buyer, joined.BuyerUpdatedAt = who.State.Buyer, who.BuyerUpdatedAt
	return joined
}

// showsBuyerBetterThan prefers buyers who can be recognised, and of those the newest.
func (v Version) showsBuyerBetterThan(other Version) bool {
	if known := v.State.Buyer.IsKnown(); known != other.State.Buyer.IsKnown() {
		return known
	}
	return !v.BuyerUpdatedAt.Before(other.BuyerUpdatedAt)
}

// IsKnown tells that the buyer has a usable phone or email.
func (b Buyer) IsKnown() bool { return len(b.Phones) > 0 || len(b.Emails) > 0 }
