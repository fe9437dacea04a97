package command

import (
	"cmp"
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

// StaffKey is a member of a shop's staff within a workspace, by order.Person.StaffKey.
type StaffKey struct {
	WorkspaceID uuid.UUID
	Key         string
}

// ReceivedOrder is an order that was received and is to be brought in.
type ReceivedOrder struct {
	// Cause asks for it: OrderReceived itself, or IngestionRetried. It has no body.
	Cause event.Recorded
	// Received is the first event of the delivery's stream, Body its bytes.
	Received delivery.OrderReceived
	Body     []byte
	// Refused is the first event in place of Received when the delivery was refused at the door. What it is about is then in
	// the body alone.
	Refused *delivery.DeliveryRejected
	// DeliveryID is the correlation id of all that comes of it.
	DeliveryID uuid.UUID
	// StreamVersion is the version of the last event of the delivery's stream, Failures how many of them say that it was not
	// brought in: failures, and that it was refused at the door.
	StreamVersion, Failures int
}

// Questions is all that has to be known to decide on a slice of orders, asked at once.
type Questions struct {
	Workspaces map[uuid.UUID]struct{}
	Shops      map[ShopKey]struct{}
	// Connected are shops of which it matters whether they are connected.
	Connected map[ShopKey]struct{}
	Orders    map[OrderKey]struct{}
	Customers map[ContactKey]struct{}
	Buyers    map[BuyerKey]struct{}
	Staff     map[ContactKey]struct{}
	// Mapped are members of shops' staff who may have been mapped to users.
	Mapped map[StaffKey]struct{}
}

// NewQuestions makes an empty list of questions.
func NewQuestions() Questions {
	return Questions{
		Workspaces: map[uuid.UUID]struct{}{}, Shops: map[ShopKey]struct{}{}, Connected: map[ShopKey]struct{}{},
		Orders:    map[OrderKey]struct{}{},
		Customers: map[ContactKey]struct{}{}, Buyers: map[BuyerKey]struct{}{}, Staff: map[ContactKey]struct{}{},
		Mapped: map[StaffKey]struct{}{},
	}
}

// AskWho asks who bought an order and who may carry it out. A store calls it for the content of skipped orders, which it
// is the first to see: they may be brought over now.
func (q Questions) AskWho(workspaceID uuid.UUID, state order.State) {
	for _, key := range customer.MatchByPhoneOrEmail.Keys(state.Buyer.Phones, state.Buyer.Emails) {
		q.Customers[ContactKey{WorkspaceID: workspaceID, Key: key}] = struct{}{}
	}
	if state.Buyer.ExternalID != "" {
		q.Buyers[buyerKey(workspaceID, state)] = struct{}{}
	}
	for _, person := range []order.Person{state.Creator, state.FirstEditor} {
		if person.Phone != "" {
			q.Staff[contactKey(workspaceID, contact.KindPhone, person.Phone)] = struct{}{}
		}
		if person.Email != "" {
			q.Staff[contactKey(workspaceID, contact.KindEmail, person.Email)] = struct{}{}
		}
	}
	if key := cmp.Or(state.StaffKeys()); key != "" {
		q.Mapped[StaffKey{WorkspaceID: workspaceID, Key: key}] = struct{}{}
	}
}

// People is how many questions are about people, whom AskWho may ask for more of.
func (q Questions) People() int {
	return len(q.Customers) + len(q.Buyers) + len(q.Staff) + len(q.Mapped)
}

// IngestionSettings are those of a workspace's settings that decide how its orders are brought in.
type IngestionSettings struct {
	// Version is the version of the workspace's stream at which a setting changed last.
	Version      int
	MatchRule    customer.MatchRule
	CodeTemplate order.CodeTemplate
	// SkipCancelled: orders that are first heard of as cancelled or deleted are not brought over.
	SkipCancelled bool
}

// Facts are the answers. While a slice is decided on they are kept current with what was decided so far, so that the
// second order of a new customer finds the customer that the first one made.
type Facts struct {
	Settings map[uuid.UUID]IngestionSettings
	Sources  map[uuid.UUID]uuid.UUID
	// Paused are shops whose deliveries are held. None of them is resumed before what was decided is stored, or the order
	// that is held here would be looked for too early and stay behind.
	Paused map[ShopKey]struct{}
	// Connected are those that were asked for and are connected now.
	Connected map[ShopKey]struct{}
	Orders    map[OrderKey]OrderHead
	Holders   map[ContactKey]customer.Holders
	Bindings  map[BuyerKey]uuid.UUID
	// Staff are active users only.
	Staff            map[ContactKey]order.Staff
	Mapped           map[StaffKey]order.Staff
	DefaultAssignees map[ShopKey]order.Staff
}

// OrderHead is where an order's stream stands.
type OrderHead struct {
	// StreamVersion is the version of the stream's last event.
	StreamVersion int
	// StateVersion is the version of the event that holds the order's state; 0 for one that was skipped before such states
	// were kept.
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
	Held      []HeldDelivery
}

// HeldDelivery is a delivery that waits for its shop to be resumed.
type HeldDelivery struct {
	Shop ShopKey
	// Position is where the event stands that asked for the order to be brought in.
	Position   int64
	DeliveryID uuid.UUID
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
	ReceivedOrder

	state   order.State
	problem error
}

func (d delivered) workspaceID() uuid.UUID { return d.Cause.WorkspaceID }

func (d delivered) orderKey() OrderKey {
	return OrderKey{WorkspaceID: d.workspaceID(), ShopID: d.state.ShopID, OrderID: d.state.ExternalID}
}

// shopKey is the shop that delivered.
func (d delivered) shopKey() ShopKey {
	return ShopKey{WorkspaceID: d.workspaceID(), ShopID: d.Received.ShopID}
}

func buyerKey(workspaceID uuid.UUID, state order.State) BuyerKey {
	return BuyerKey{WorkspaceID: workspaceID, ShopID: state.ShopID, BuyerID: state.Buyer.ExternalID}
}

func contactKey(workspaceID uuid.UUID, kind contact.KeyKind, value string) ContactKey {
	return ContactKey{WorkspaceID: workspaceID, Key: contact.Key{Kind: kind, Value: value}}
}

// questionsAbout collects what has to be known to decide on the orders.
func questionsAbout(orders []delivered) Questions {
	questions := NewQuestions()
	for _, d := range orders {
		questions.Shops[d.shopKey()] = struct{}{}
		if d.problem != nil {
			continue
		}
		if d.Refused != nil {
			questions.Connected[d.shopKey()] = struct{}{}
		}
		questions.Workspaces[d.workspaceID()] = struct{}{}
		questions.Orders[d.orderKey()] = struct{}{}
		questions.AskWho(d.workspaceID(), d.state)
	}
	return questions
}
