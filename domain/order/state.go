// Package order is about what was bought: an order as its shop tells it, what its lines and totals come to, and what a
// delivery of it does to the order that the CRM has.
package order

import (
	"time"

	"github.com/google/uuid"
)

// State is an order as its shop tells it at one moment, in our words. It is stored whole in the events that change
// an order, so it is plain data: fields are only ever added.
type State struct {
	ShopID     string `json:"shop_id"`
	ExternalID string `json:"external_id"`
	Status     Status `json:"status"`
	// Currency is an ISO 4217 code; all amounts are whole units of it.
	Currency string `json:"currency"`
	Buyer    Buyer  `json:"buyer"`
	Lines    []Line `json:"lines"`
	Totals   Totals `json:"totals"`
	// Channel is where the shop sold it ("Facebook", "Shopee"); the CRM's source stays "Pancake".
	Channel  string   `json:"channel,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Note     string   `json:"note,omitempty"`
	Shipping Shipping `json:"shipping,omitzero"`
	Payments Payments `json:"payments,omitzero"`
	Creator  Person   `json:"creator,omitzero"`
	// FirstEditor is who made the first entry of the order's status history: in effect its creator.
	FirstEditor Person `json:"first_editor,omitzero"`
	// StatusHistory is how the order got where it stands, oldest first; of a long one the newest part.
	StatusHistory []StatusChange `json:"status_history,omitempty"`
	// OrderedAt is when the order was made, UTC.
	OrderedAt time.Time `json:"ordered_at"`
	// UpdatedAt is the shop's version of the order, UTC; zero when the shop gave none.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Buyer is the person who bought, with what the shop knows of them.
type Buyer struct {
	Name string `json:"name"`
	// Phones are E.164, usable ones only, best first.
	Phones []string `json:"phones,omitempty"`
	// Emails are lower case, usable ones only, best first.
	Emails  []string `json:"emails,omitempty"`
	Address string   `json:"address,omitempty"`
	Gender  string   `json:"gender,omitempty"`
	// Birthday is YYYY-MM-DD.
	Birthday string   `json:"birthday,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	// ExternalID is the shop's id of this customer: the only key left when phone and email are hidden.
	ExternalID string `json:"external_id,omitempty"`
	FacebookID string `json:"facebook_id,omitempty"`
	Username   string `json:"username,omitempty"`
	// Masked tells that a phone or email was given in a masked form.
	Masked bool `json:"masked,omitempty"`
}

// Line is one product of an order: Quantity × UnitPrice − Discount = Amount; a gift amounts to 0.
type Line struct {
	ExternalID  string   `json:"external_id,omitempty"`
	ProductCode string   `json:"product_code"`
	ProductName string   `json:"product_name"`
	Variant     string   `json:"variant,omitempty"`
	Quantity    Quantity `json:"quantity"`
	UnitPrice   int64    `json:"unit_price"`
	Discount    int64    `json:"discount"`
	Amount      int64    `json:"amount"`
	Gift        bool     `json:"gift,omitempty"`
}

// Totals are the sums of an order. Due = Goods + ShippingFee + Surcharge + Tax; Goods = max(0, Lines − Discount).
type Totals struct {
	Lines       int64 `json:"lines"`
	Discount    int64 `json:"discount"`
	Goods       int64 `json:"goods"`
	ShippingFee int64 `json:"shipping_fee"`
	Surcharge   int64 `json:"surcharge"`
	Tax         int64 `json:"tax"`
	Due         int64 `json:"due"`
}

// Shipping is where an order goes, and who carries it.
type Shipping struct {
	ReceiverName string `json:"receiver_name,omitempty"`
	// ReceiverPhone is E.164 when it can be read, else as it was typed (masked, perhaps): nobody is matched on it.
	ReceiverPhone string `json:"receiver_phone,omitempty"`
	Address       string `json:"address,omitempty"`
	Partner       string `json:"partner,omitempty"`
	PartnerStatus string `json:"partner_status,omitempty"`
	TrackingCode  string `json:"tracking_code,omitempty"`
}

// Payments is what was paid already, by channel, and what the courier is to collect.
type Payments struct {
	COD          int64 `json:"cod,omitempty"`
	Cash         int64 `json:"cash,omitempty"`
	Prepaid      int64 `json:"prepaid,omitempty"`
	BankTransfer int64 `json:"bank_transfer,omitempty"`
	Card         int64 `json:"card,omitempty"`
	EWallet      int64 `json:"e_wallet,omitempty"`
}

// Person is a member of the shop's staff as the shop's system names them.
type Person struct {
	ExternalID string `json:"external_id,omitempty"`
	Name       string `json:"name,omitempty"`
	// Phone is E.164; empty when none is usable.
	Phone string `json:"phone,omitempty"`
	// Email is lower case; empty when none is usable.
	Email string `json:"email,omitempty"`
}

// NamedStaff begins the keys of staff of whom a shop says nothing but a name. It is stored data.
const NamedStaff = "name:"

// StaffKey names a member of a shop's staff as firmly as the shop's system lets us: by id, else by email, phone or name;
// empty for nobody. A name is one shop's, since people of other shops have it too. It is stored data, and made in SQL too
// where orders are folded.
func (p Person) StaffKey(shopID string) string {
	switch {
	case p.ExternalID != "":
		return p.ExternalID
	case p.Email != "":
		return p.Email
	case p.Phone != "":
		return p.Phone
	case p.Name != "":
		return NamedStaff + shopID + ":" + p.Name
	default:
		return ""
	}
}

// StatusChange is one step of an order through its shop.
type StatusChange struct {
	Status Status `json:"status"`
	// Previous is the status before; zero at the beginning.
	Previous Status `json:"previous,omitzero"`
	// At is UTC; zero when the shop did not say.
	At time.Time `json:"at,omitzero"`
	// Editor is the name of who did it; empty when nobody is named.
	Editor string `json:"editor,omitempty"`
}

func (c StatusChange) equal(other StatusChange) bool {
	return c.Status == other.Status && c.Previous == other.Previous && c.At.Equal(other.At) && c.Editor == other.Editor
}

// Assignee is the CRM user who carries out an order (Người thực hiện), and why it is them.
type Assignee struct {
	UserID uuid.UUID      `json:"user_id,omitzero"`
	Name   string         `json:"name,omitempty"`
	Reason AssigneeReason `json:"reason"`
}
