package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// SourceName is the name of the order source that every Pancake order gets in the CRM (Getfly's integration guide, section 4).
const SourceName = "Pancake"

// clockTolerance is how far a shop's clock may be ahead of ours: more than any time zone it could have forgotten.
const clockTolerance = 24 * time.Hour

// IngestOrder turns received orders into customers and orders of the CRM: it finds or makes each order's customer,
// ensures the source, and creates or updates the order. An order that cannot be understood fails alone.
type IngestOrder struct {
	// Received are in the order of the log.
	Received []ReceivedOrder
}

// IngestOrderHandler handles IngestOrder.
type IngestOrderHandler struct {
	interpreter OrderInterpreter
	reader      EnvelopeReader
	now         func() time.Time
}

// NewIngestOrderHandler makes the handler.
func NewIngestOrderHandler(interpreter OrderInterpreter, reader EnvelopeReader, now func() time.Time) IngestOrderHandler {
	return IngestOrderHandler{interpreter: interpreter, reader: reader, now: now}
}

// Handle decides on all the orders and records the outcome at once.
func (h IngestOrderHandler) Handle(ctx context.Context, store Ingestion, cmd IngestOrder) error {
	orders := make([]delivered, 0, len(cmd.Received))
	for _, received := range cmd.Received {
		orders = append(orders, h.interpret(received))
	}
	facts, err := store.Facts(ctx, questionsAbout(orders))
	if err != nil {
		return fmt.Errorf("look up what %d orders need: %w", len(orders), err)
	}
	d := decider{facts: facts, now: h.now().UTC(), deliveries: map[event.Stream]int{}, decided: Decided{
		Orders: map[OrderKey]OrderHead{}, Bindings: map[BuyerKey]uuid.UUID{}, Sources: map[uuid.UUID]uuid.UUID{},
	}}
	for _, in := range orders {
		d.decide(in)
	}
	if err := store.Record(ctx, d.decided); err != nil {
		return fmt.Errorf("record %d events of %d orders: %w", len(d.decided.Events), len(orders), err)
	}
	return nil
}

// Park records that a received order failed for a reason that is not in the order itself, so that the orders behind it
// go on. The cause belongs in the log of the service, since it may hold personal data.
func (h IngestOrderHandler) Park(ctx context.Context, store Ingestion, received ReceivedOrder) error {
	d := decider{deliveries: map[event.Stream]int{}}
	d.fail(delivered{ReceivedOrder: received}, "internal-error",
		"the order was kept but could not be processed; the service's log names the cause")
	return store.Record(ctx, d.decided)
}

func (h IngestOrderHandler) interpret(received ReceivedOrder) delivered {
	d := delivered{ReceivedOrder: received}
	if received.Refused != nil {
		if d.Received, d.problem = h.readmit(received); d.problem != nil {
			return d
		}
	}
	d.state, d.problem = h.interpreter.Interpret(received.Body)
	// Where the shop gives no time of change, the last to arrive is the newest. A time from the future is none: the order
	// would stay as it is until then.
	receivedAt := d.Received.ReceivedAt
	if d.state.UpdatedAt.IsZero() || d.state.UpdatedAt.After(receivedAt.Add(clockTolerance)) {
		d.state.UpdatedAt = receivedAt
	}
	return d
}

var (
	errBodyNotKept = problem.Invalid(delivery.BodyNotKept, "the delivery was refused before its body was read, so there is nothing to bring in")
	errNotAnOrder  = problem.Invalid("not-an-order", "the body is not about an order")
)

// readmit holds a delivery that was refused at the door to the door's rules as they are now. Which shop it may be of is
// decided with what is known of shops; see docs/adr/0012-what-was-rejected-may-be-let-in.md.
func (h IngestOrderHandler) readmit(received ReceivedOrder) (delivery.OrderReceived, error) {
	if len(received.Body) == 0 {
		return delivery.OrderReceived{}, errBodyNotKept
	}
	envelope, err := h.reader.ReadEnvelope(received.Body)
	if err == nil && envelope.Kind != "" && envelope.Kind != "orders" {
		err = errNotAnOrder
	}
	return delivery.OrderReceived{
		ShopID: envelope.ShopID, OrderID: envelope.OrderID, EventType: envelope.EventType,
		ReceivedAt: received.Refused.ReceivedAt, Request: received.Refused.Request,
	}, err
}

// decider decides on one slice of orders.
type decider struct {
	facts   *Facts
	now     time.Time
	decided Decided
	// deliveries are the versions of deliveries' streams that got events in this slice.
	deliveries map[event.Stream]int
}

func (d *decider) decide(in delivered) {
	if _, paused := d.facts.Paused[in.shopKey()]; paused {
		d.hold(in)
		return
	}
	if in.problem == nil && in.Refused != nil {
		if _, connected := d.facts.Connected[in.shopKey()]; !connected {
			in.problem = problem.Invalid("shop-not-connected",
				"the order's shop %s is not connected to this workspace; if it is one of yours, connect it and try again", in.Received.ShopID)
		}
	}
	if in.problem != nil {
		code, detail := "order-unreadable", in.problem.Error()
		if known, ok := problem.Of(in.problem); ok {
			code = known.Code()
		}
		d.fail(in, code, detail)
		return
	}
	key := in.orderKey()
	head, heard := d.facts.Orders[key]
	var known *order.Known
	if heard {
		known = &head.Known
	}
	if in.state.OrderedAt.IsZero() { // it began when it was first heard of, and that does not change with a later delivery
		in.state.OrderedAt = orderedAt(known, in.Received.ReceivedAt)
	}
	settings := d.facts.Settings[in.workspaceID()]
	verdict, next := order.Judge(known, in.state, settings.MatchRule, settings.SkipCancelled)
	// An order keeps the code that it was created with.
	code := settings.CodeTemplate.Code(in.state.ShopID, in.state.ExternalID)
	if reason, ok := verdict.Skips(); ok {
		d.toOrder(in, &head, order.OrderSkipped{Code: code, Reason: reason, Status: in.state.Status, Order: next.Skipped})
		if next.Skipped != nil {
			head.StateVersion = head.StreamVersion
		}
	}
	if reason, ok := verdict.Unchanged(); ok {
		d.toOrder(in, &head, order.OrderUnchanged{Code: next.Record.Code, Reason: reason, UpdatedAt: in.state.UpdatedAt})
	}
	if reason, ok := verdict.Updates(); ok {
		before := *known.Record
		d.followBuyer(in, &head, before, next.Record)
		d.toOrder(in, &head, next.Record.Updated(reason, before.ChangesTo(*next.Record)))
		head.StateVersion = head.StreamVersion
	}
	if reason, ok := verdict.Creates(); ok {
		record := next.Record
		record.Code = code
		record.CustomerID = d.customerOf(in, &head, record.State, uuid.Nil)
		record.SourceID = d.ensureSource(in, &head)
		record.Assignee = d.assigneeOf(in, record.State)
		d.toOrder(in, &head, record.Created(reason))
		head.StateVersion = head.StreamVersion
	}
	head.Known = next
	d.facts.Orders[key] = head
	d.decided.Orders[key] = head
}

// orderedAt is when an order began that does not say so.
func orderedAt(known *order.Known, receivedAt time.Time) time.Time {
	switch {
	case known == nil:
		return receivedAt
	case known.Record != nil:
		return known.Record.State.OrderedAt
	case known.Skipped != nil:
		return known.Skipped.OrderedAt
	default:
		return receivedAt
	}
}

// hold lets a delivery wait until its shop is resumed.
func (d *decider) hold(in delivered) {
	d.toDelivery(in, delivery.IngestionHeld{
		ShopID: in.Received.ShopID, OrderID: in.Received.OrderID, Reason: delivery.HeldShopPaused,
	})
	d.decided.Held = append(d.decided.Held, HeldDelivery{
		Shop: in.shopKey(), Position: in.Cause.Position, DeliveryID: in.DeliveryID,
	})
}

func (d *decider) fail(in delivered, reason, detail string) {
	d.toDelivery(in, delivery.IngestionFailed{
		ShopID: in.Received.ShopID, OrderID: in.Received.OrderID, Reason: reason, Detail: detail, Attempt: in.Failures + 1,
	})
}

// followBuyer moves an order to the customer whom its buyer is now, when its keys are others than before. An order that
// shows no key any more stays where it is, and so does one whose keys are the same, whatever happened to the customer.
func (d *decider) followBuyer(in delivered, head *OrderHead, before order.Record, after *order.Record) {
	rule := d.facts.Settings[in.workspaceID()].MatchRule
	keys := func(buyer order.Buyer) []contact.Key { return rule.Keys(buyer.Phones, buyer.Emails) }
	is := keys(after.State.Buyer)
	if len(is) > 0 && !slices.Equal(is, keys(before.State.Buyer)) {
		after.CustomerID = d.customerOf(in, head, after.State, before.CustomerID)
	}
}

// customerOf finds the order's customer by the workspace's rule, or makes one. The order belonged to another before if
// from is one.
func (d *decider) customerOf(in delivered, head *OrderHead, state order.State, from uuid.UUID) uuid.UUID {
	workspaceID, buyer := in.workspaceID(), state.Buyer
	settings := d.facts.Settings[workspaceID]
	rule := settings.MatchRule
	keys := rule.Keys(buyer.Phones, buyer.Emails)
	holders := func(key contact.Key) customer.Holders {
		return d.facts.Holders[ContactKey{WorkspaceID: workspaceID, Key: key}]
	}
	bound, shopsBuyer := uuid.Nil, buyerKey(workspaceID, state)
	if buyer.ExternalID != "" {
		bound = d.facts.Bindings[shopsBuyer]
	}
	id, decision := customer.Match(rule, keys, holders, state.ShopID, buyer.ExternalID, bound)
	decision.RuleVersion = settings.Version
	if id != from {
		decision.MovedFrom = from
	}
	if id != uuid.Nil {
		d.toOrder(in, head, order.CustomerMatched{CustomerID: id, Decision: decision})
	} else {
		id = d.createCustomer(in, buyer, decision)
	}
	if buyer.ExternalID != "" && bound != id {
		d.facts.Bindings[shopsBuyer] = id
		d.decided.Bindings[shopsBuyer] = id
	}
	return id
}

func (d *decider) createCustomer(in delivered, buyer order.Buyer, decision customer.Decision) uuid.UUID {
	state := customer.State{
		ID: event.NewID(), Name: buyer.Name, Phones: buyer.Phones, Emails: buyer.Emails, Address: buyer.Address,
		Gender: buyer.Gender, Birthday: buyer.Birthday, Tags: buyer.Tags, FacebookID: buyer.FacebookID,
		Username: buyer.Username, Status: customer.StatusActive, CreatedAt: d.now,
	}
	d.decided.Customers = append(d.decided.Customers, NewCustomer{
		WorkspaceID: in.workspaceID(), State: state, Claims: decision.Tried,
	})
	for _, key := range state.Keys() {
		at := ContactKey{WorkspaceID: in.workspaceID(), Key: key}
		held := d.facts.Holders[at]
		if len(held.Oldest) < customer.MaxCandidates {
			held.Oldest = append(held.Oldest, state.ID)
		}
		held.Count++
		d.facts.Holders[at] = held
	}
	d.append(in, event.CustomerStream(state.ID), 1, customer.CustomerCreated{Customer: state, Decision: decision})
	return state.ID
}

func (d *decider) ensureSource(in delivered, head *OrderHead) uuid.UUID {
	workspaceID := in.workspaceID()
	id, exists := d.facts.Sources[workspaceID]
	if !exists {
		id = event.NewID()
		d.facts.Sources[workspaceID] = id
		d.decided.Sources[workspaceID] = id
	}
	d.toOrder(in, head, order.SourceEnsured{SourceID: id, Name: SourceName, Created: !exists})
	return id
}

func (d *decider) assigneeOf(in delivered, state order.State) order.Assignee {
	workspaceID := in.workspaceID()
	byContact := func(kind contact.KeyKind) func(string) (order.Staff, bool) {
		return func(value string) (order.Staff, bool) {
			staff, ok := d.facts.Staff[contactKey(workspaceID, kind, value)]
			return staff, ok
		}
	}
	users := order.Directory{
		ByPhone: byContact(contact.KindPhone), ByEmail: byContact(contact.KindEmail),
		ByStaffKey: func(key string) (order.Staff, bool) {
			staff, ok := d.facts.Mapped[StaffKey{WorkspaceID: workspaceID, Key: key}]
			return staff, ok
		},
	}
	return order.ChooseAssignee(state, users, d.facts.DefaultAssignees[in.shopKey()])
}

// toOrder appends to the order's own stream.
func (d *decider) toOrder(in delivered, head *OrderHead, payload event.Payload) {
	head.StreamVersion++
	d.append(in, event.OrderStream(in.state.ShopID, in.state.ExternalID), head.StreamVersion, payload)
}

// toDelivery appends to the delivery's stream, behind what other events of the slice appended to it.
func (d *decider) toDelivery(in delivered, payload event.Payload) {
	stream := in.Cause.Stream
	version := max(in.StreamVersion, d.deliveries[stream]) + 1
	d.deliveries[stream] = version
	d.append(in, stream, version, payload)
}

func (d *decider) append(in delivered, stream event.Stream, version int, payload event.Payload) {
	d.decided.Events = append(d.decided.Events, event.New{
		ID: event.NewID(), WorkspaceID: in.workspaceID(), Stream: stream, Version: version, Actor: event.ActorPolicy,
		CorrelationID: in.DeliveryID, CausationID: in.Cause.ID, Payload: payload,
	})
}
