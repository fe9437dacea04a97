package command

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// Ingestion is the store as one slice of received orders sees it: everything that is read and written through it
// commits together with the consumer's cursor, or not at all.
type Ingestion interface {
	// Facts answers the questions as of now.
	Facts(ctx context.Context, questions Questions) (*Facts, error)
	// Record stores what was decided. It is called once, last.
	Record(ctx context.Context, decided Decided) error
}

// OrderKey is the identity of an order.
type OrderKey struct {
	WorkspaceID uuid.UUID
	ShopID      string
	OrderID     string
}

// ContactKey is a phone or email within a workspace.
type ContactKey struct {
	WorkspaceID uuid.UUID
	Key         contact.Key
}

// BuyerKey is the identity of a customer as a shop's own system knows them.
type BuyerKey struct {
	WorkspaceID uuid.UUID
	ShopID      string
	BuyerID     string
}

// ShopKey is the identity of a shop.
type ShopKey struct {
	WorkspaceID uuid.UUID
	ShopID      string
}

// Questions is all that has to be known to decide on a slice of orders, asked at once.
type Questions struct {
	Workspaces map[uuid.UUID]struct{}
	Shops      map[ShopKey]struct{}
	Orders     map[OrderKey]struct{}
	Customers  map[ContactKey]struct{}
	Buyers     map[BuyerKey]struct{}
	Staff      map[ContactKey]struct{}
}

// Facts are the answers. While a slice is decided on they are kept current with what was decided so far, so that the
// second order of a new customer finds the customer that the first one made.
type Facts struct {
	Rules    map[uuid.UUID]customer.MatchRule
	Sources  map[uuid.UUID]uuid.UUID
	Orders   map[OrderKey]OrderHead
	Holders  map[ContactKey]customer.Holders
	Bindings map[BuyerKey]uuid.UUID
	// Staff are active users only.
	Staff            map[ContactKey]order.Staff
	DefaultAssignees map[ShopKey]order.Staff
}

// OrderHead is where an order's stream stands.
type OrderHead struct {
	// StreamVersion is the version of the stream's last event.
	StreamVersion int
	// StateVersion is the version of the event that holds the order's state; 0 while it was only skipped.
	StateVersion int
	Known        order.Known
}

// Decided is the outcome of a slice.
type Decided struct {
	Events    []event.New
	Orders    map[OrderKey]OrderHead
	Customers []NewCustomer
	Bindings  map[BuyerKey]uuid.UUID
	Sources   map[uuid.UUID]uuid.UUID
}

// NewCustomer is a customer who was made for an order.
type NewCustomer struct {
	WorkspaceID uuid.UUID
	State       customer.State
	// Claims are the keys that nobody held: making another customer for one of them at the same time must fail.
	Claims []contact.Key
}

// delivered is one received order of a slice, interpreted.
type delivered struct {
	event    event.Recorded
	received delivery.OrderReceived
	state    order.State
	problem  error
}

func (d delivered) orderKey() OrderKey {
	return OrderKey{WorkspaceID: d.event.WorkspaceID, ShopID: d.state.ShopID, OrderID: d.state.ExternalID}
}

func (d delivered) buyerKey() BuyerKey {
	return BuyerKey{WorkspaceID: d.event.WorkspaceID, ShopID: d.state.ShopID, BuyerID: d.state.Buyer.ExternalID}
}

func (d delivered) shopKey() ShopKey {
	return ShopKey{WorkspaceID: d.event.WorkspaceID, ShopID: d.state.ShopID}
}

func (d delivered) contactKey(kind contact.KeyKind, value string) ContactKey {
	return ContactKey{WorkspaceID: d.event.WorkspaceID, Key: contact.Key{Kind: kind, Value: value}}
}

// questionsAbout collects what has to be known to decide on the orders.
func questionsAbout(orders []delivered) Questions {
	questions := Questions{
		Workspaces: map[uuid.UUID]struct{}{}, Shops: map[ShopKey]struct{}{}, Orders: map[OrderKey]struct{}{},
		Customers: map[ContactKey]struct{}{}, Buyers: map[BuyerKey]struct{}{}, Staff: map[ContactKey]struct{}{},
	}
	for _, d := range orders {
		if d.problem != nil {
			continue
		}
		questions.Workspaces[d.event.WorkspaceID] = struct{}{}
		questions.Shops[d.shopKey()] = struct{}{}
		questions.Orders[d.orderKey()] = struct{}{}
		for _, key := range customer.MatchByPhoneOrEmail.Keys(d.state.Buyer.Phones, d.state.Buyer.Emails) {
			questions.Customers[ContactKey{WorkspaceID: d.event.WorkspaceID, Key: key}] = struct{}{}
		}
		if d.state.Buyer.ExternalID != "" {
			questions.Buyers[d.buyerKey()] = struct{}{}
		}
		for _, person := range []order.Person{d.state.Creator, d.state.FirstEditor} {
			if person.Phone != "" {
				questions.Staff[d.contactKey(contact.KindPhone, person.Phone)] = struct{}{}
			}
			if person.Email != "" {
				questions.Staff[d.contactKey(contact.KindEmail, person.Email)] = struct{}{}
			}
		}
	}
	return questions
}
