package query

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// OrderDetail is an order with all that the CRM has of it.
type OrderDetail struct {
	Order

	// UpdatedAt is the newest version that the shop delivered.
	UpdatedAt time.Time     `json:"updated_at"`
	Channel   *string       `json:"channel"`
	Tags      []string      `json:"tags"`
	Note      *string       `json:"note"`
	Buyer     OrderBuyer    `json:"buyer"`
	Shipping  OrderShipping `json:"shipping"`
	Payments  OrderPayments `json:"payments"`
	// Creator is the member of the shop's staff who made the order, FirstEditor who made the first entry of its history.
	Creator     *ShopStaff `json:"creator"`
	FirstEditor *ShopStaff `json:"first_editor"`
	// StatusHistory is what the shop says of how the order got where it stands, oldest first.
	StatusHistory []StatusChange `json:"status_history"`
	// History is what the CRM did to the order, oldest first; of a long one the newest part.
	History []OrderEvent `json:"history"`
}

// OrderBuyer is who bought, as the order says. Their customer may say something else.
type OrderBuyer struct {
	Name     string   `json:"name"`
	Phones   []string `json:"phones"`
	Emails   []string `json:"emails"`
	Address  *string  `json:"address"`
	Gender   *string  `json:"gender"`
	Birthday *string  `json:"birthday"`
	Tags     []string `json:"tags"`
	// ExternalID is the shop's id of this customer.
	ExternalID *string `json:"external_id"`
	FacebookID *string `json:"facebook_id"`
	Username   *string `json:"username"`
	Masked     bool    `json:"masked"`
}

// BuyerOf is the buyer of an order's state.
func BuyerOf(buyer order.Buyer) OrderBuyer {
	return OrderBuyer{
		Name: buyer.Name, Phones: orEmpty(buyer.Phones), Emails: orEmpty(buyer.Emails), Address: OrNull(buyer.Address),
		Gender: OrNull(buyer.Gender), Birthday: OrNull(buyer.Birthday), Tags: orEmpty(buyer.Tags),
		ExternalID: OrNull(buyer.ExternalID), FacebookID: OrNull(buyer.FacebookID), Username: OrNull(buyer.Username),
		Masked: buyer.Masked,
	}
}

// OrderShipping is where an order goes, and who carries it.
type OrderShipping struct {
	ReceiverName  *string `json:"receiver_name"`
	ReceiverPhone *string `json:"receiver_phone"`
	Address       *string `json:"address"`
	Partner       *string `json:"partner"`
	PartnerStatus *string `json:"partner_status"`
	TrackingCode  *string `json:"tracking_code"`
}

// ShippingOf is the shipping of an order's state.
func ShippingOf(shipping order.Shipping) OrderShipping {
	return OrderShipping{
		ReceiverName: OrNull(shipping.ReceiverName), ReceiverPhone: OrNull(shipping.ReceiverPhone),
		Address: OrNull(shipping.Address), Partner: OrNull(shipping.Partner), PartnerStatus: OrNull(shipping.PartnerStatus),
		TrackingCode: OrNull(shipping.TrackingCode),
	}
}

// OrderPayments is what was paid already, by channel, and what the courier is to collect.
type OrderPayments struct {
	COD          int64 `json:"cod"`
	Cash         int64 `json:"cash"`
	Prepaid      int64 `json:"prepaid"`
	BankTransfer int64 `json:"bank_transfer"`
	Card         int64 `json:"card"`
	EWallet      int64 `json:"e_wallet"`
}

// ShopStaff is a member of a shop's staff, as the shop's system names them.
type ShopStaff struct {
	// Key is what they can be mapped to a user by.
	Key   string  `json:"key"`
	Name  *string `json:"name"`
	Phone *string `json:"phone"`
	Email *string `json:"email"`
}

// ShopStaffOf is a person of the state of a shop's order; nil for nobody.
func ShopStaffOf(shopID string, person order.Person) *ShopStaff {
	if person == (order.Person{}) {
		return nil
	}
	return &ShopStaff{Key: person.StaffKey(shopID), Name: OrNull(person.Name), Phone: OrNull(person.Phone), Email: OrNull(person.Email)}
}

// StatusChange is one step of an order through its shop.
type StatusChange struct {
	Status order.Status `json:"status"`
	// Previous is nil at the beginning, At when the shop did not say.
	Previous *order.Status `json:"previous"`
	At       *time.Time    `json:"at"`
	Editor   *string       `json:"editor"`
}

// StatusChangeOf is a change of an order's state.
func StatusChangeOf(change order.StatusChange) StatusChange {
	shown := StatusChange{Status: change.Status, Editor: OrNull(change.Editor)}
	if change.Previous != (order.Status{}) {
		shown.Previous = &change.Previous
	}
	if !change.At.IsZero() {
		at := change.At.UTC()
		shown.At = &at
	}
	return shown
}

// OrderEvent is one thing that the CRM did to an order.
type OrderEvent struct {
	// Position is the event's place in the log.
	Position int64       `json:"position"`
	At       time.Time   `json:"at"`
	Event    string      `json:"event"`
	Actor    event.Actor `json:"actor"`
	// DeliveryID names the delivery that it came of; nil when it came of none.
	DeliveryID *uuid.UUID `json:"delivery_id"`
	Reason     *string    `json:"reason"`
	// Status and CustomerID are those that the order had afterwards.
	Status     order.Status   `json:"status"`
	CustomerID uuid.UUID      `json:"customer_id"`
	Changes    []order.Change `json:"changes"`
}
