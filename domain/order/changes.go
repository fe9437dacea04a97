package order

import (
	"slices"

	"orderbridge/domain/event"
)

// UnchangedReason says why a delivery of a known order changed nothing.
type UnchangedReason string

// The reasons. They are stored data.
const (
	// UnchangedIdentical: the version says nothing that is not known. It may say less, such as a phone that is masked now.
	UnchangedIdentical UnchangedReason = "identical"
	// UnchangedOlder: a newer version was here before.
	UnchangedOlder UnchangedReason = "older"
)

// Change is one field of an order that has another value than before. Its path is that in the order's state, such as
// "totals.due"; "customer_id" and "assignee" are those of the record.
type Change = event.Change

// Changes lists what differs between two versions of an order, always in the same order of fields. When the shop
// changed it (updated_at) is no change by itself. Lines are one field: a line has no identity that outlives every
// edit.
func Changes(before, after State) []Change {
	var changes []Change
	differences(&before, &after, func(field string, was, is any) {
		changes = append(changes, event.ChangeOf(field, was, is))
	})
	return changes
}

// ChangesTo lists what differs between two records of an order: its customer, and all that Changes lists.
func (r Record) ChangesTo(after Record) []Change {
	var changes []Change
	if r.CustomerID != after.CustomerID {
		changes = append(changes, event.ChangeOf("customer_id", r.CustomerID, after.CustomerID))
	}
	return append(changes, Changes(r.State, after.State)...)
}

// SameContent tells that two versions of an order say the same; only the shop's time of change may differ.
func SameContent(a, b State) bool {
	same := true
	differences(&a, &b, func(string, any, any) { same = false })
	return same
}

// differences calls found for every field that differs. A test holds it to the fields of State.
func differences(a, b *State, found func(field string, was, is any)) {
	text := func(field, was, is string) {
		if was != is {
			found(field, event.OrNothing(was), event.OrNothing(is))
		}
	}
	amount := func(field string, was, is int64) {
		if was != is {
			found(field, was, is)
		}
	}
	texts := func(field string, was, is []string) {
		if !slices.Equal(was, is) {
			found(field, list(was), list(is))
		}
	}
	person := func(field string, was, is Person) {
		if was != is {
			found(field, event.OrNothing(was), event.OrNothing(is))
		}
	}

	text("shop_id", a.ShopID, b.ShopID)
	text("external_id", a.ExternalID, b.ExternalID)
	if a.Status != b.Status {
		found("status", a.Status, b.Status)
	}
	text("currency", a.Currency, b.Currency)

	text("buyer.name", a.Buyer.Name, b.Buyer.Name)
	texts("buyer.phones", a.Buyer.Phones, b.Buyer.Phones)
	texts("buyer.emails", a.Buyer.Emails, b.Buyer.Emails)
	text("buyer.address", a.Buyer.Address, b.Buyer.Address)
	text("buyer.gender", a.Buyer.Gender, b.Buyer.Gender)
	text("buyer.birthday", a.Buyer.Birthday, b.Buyer.Birthday)
	texts("buyer.tags", a.Buyer.Tags, b.Buyer.Tags)
	text("buyer.external_id", a.Buyer.ExternalID, b.Buyer.ExternalID)
	text("buyer.facebook_id", a.Buyer.FacebookID, b.Buyer.FacebookID)
	text("buyer.username", a.Buyer.Username, b.Buyer.Username)
	if a.Buyer.Masked != b.Buyer.Masked {
		found("buyer.masked", a.Buyer.Masked, b.Buyer.Masked)
	}

	if !slices.Equal(a.Lines, b.Lines) {
		found("lines", list(a.Lines), list(b.Lines))
	}
	amount("totals.lines", a.Totals.Lines, b.Totals.Lines)
	amount("totals.discount", a.Totals.Discount, b.Totals.Discount)
	amount("totals.goods", a.Totals.Goods, b.Totals.Goods)
	amount("totals.shipping_fee", a.Totals.ShippingFee, b.Totals.ShippingFee)
	amount("totals.surcharge", a.Totals.Surcharge, b.Totals.Surcharge)
	amount("totals.tax", a.Totals.Tax, b.Totals.Tax)
	amount("totals.due", a.Totals.Due, b.Totals.Due)

	text("channel", a.Channel, b.Channel)
	texts("tags", a.Tags, b.Tags)
	text("note", a.Note, b.Note)

	text("shipping.receiver_name", a.Shipping.ReceiverName, b.Shipping.ReceiverName)
	text("shipping.receiver_phone", a.Shipping.ReceiverPhone, b.Shipping.ReceiverPhone)
	text("shipping.address", a.Shipping.Address, b.Shipping.Address)
	text("shipping.partner", a.Shipping.Partner, b.Shipping.Partner)
	text("shipping.partner_status", a.Shipping.PartnerStatus, b.Shipping.PartnerStatus)
	text("shipping.tracking_code", a.Shipping.TrackingCode, b.Shipping.TrackingCode)

	amount("payments.cod", a.Payments.COD, b.Payments.COD)
	amount("payments.cash", a.Payments.Cash, b.Payments.Cash)
	amount("payments.prepaid", a.Payments.Prepaid, b.Payments.Prepaid)
	amount("payments.bank_transfer", a.Payments.BankTransfer, b.Payments.BankTransfer)
	amount("payments.card", a.Payments.Card, b.Payments.Card)
	amount("payments.e_wallet", a.Payments.EWallet, b.Payments.EWallet)

	person("creator", a.Creator, b.Creator)
	person("first_editor", a.FirstEditor, b.FirstEditor)
	if !slices.EqualFunc(a.StatusHistory, b.StatusHistory, StatusChange.equal) {
		found("status_history", list(a.StatusHistory), list(b.StatusHistory))
	}
	if !a.OrderedAt.Equal(b.OrderedAt) {
		found("ordered_at", a.OrderedAt.UTC(), b.OrderedAt.UTC())
	}
}

// list turns a missing list into an empty one.
func list[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}
