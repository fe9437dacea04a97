package order

import (
	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// Relink gives the order to the customer whom it would have been matched with today: after customers were imported or merged, or the match
// rule changed. Surviving is who stands for the customer whom it has. It says nothing where that is the same one, where nobody has the
// buyer's keys any more, and where it was never by keys that the customer was found.
func (r Record) Relink(
	rule customer.MatchRule, ruleVersion int, holders func(contact.Key) customer.Holders, surviving uuid.UUID,
) (matched CustomerMatched, updated OrderUpdated, moves bool) {
	keys := rule.Keys(r.State.Buyer.Phones, r.State.Buyer.Emails)
	to, decision := customer.Match(rule, keys, holders, r.State.ShopID, "", uuid.Nil)
	if to == uuid.Nil || to == surviving {
		return CustomerMatched{}, OrderUpdated{}, false
	}
	decision.RuleVersion, decision.MovedFrom = ruleVersion, surviving
	return CustomerMatched{CustomerID: to, Decision: decision, Relinked: true}, OrderUpdated{
		Code: r.Code, CustomerID: to, SourceID: r.SourceID, Assignee: r.Assignee, Order: r.State, Reason: UpdatedRelinked,
		Changes: []Change{event.ChangeOf("customer_id", surviving, to)},
	}, true
}
