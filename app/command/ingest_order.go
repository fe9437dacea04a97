package command

import (
	"context"
	"fmt"
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
	// Received are OrderReceived events in the order of the log.
	Received []event.Recorded
}

// IngestOrderHandler handles IngestOrder.
type IngestOrderHandler struct {
	interpreter OrderInterpreter
	now         func() time.Time
}

// NewIngestOrderHandler makes the handler.
func NewIngestOrderHandler(interpreter OrderInterpreter, now func() time.Time) IngestOrderHandler {
	return IngestOrderHandler{interpreter: interpreter, now: now}
}

// Handle decides on all the orders and records the outcome at once.
func (h IngestOrderHandler) Handle(ctx context.Context, store Ingestion, cmd IngestOrder) error {
	orders := make([]delivered, 0, len(cmd.Received))
	for _, recorded := range cmd.Received {
		interpreted, err := h.interpret(recorded)
		if err != nil {
			return err
		}
		orders = append(orders, interpreted)
	}
	facts, err := store.Facts(ctx, questionsAbout(orders))
	if err != nil {
		return fmt.Errorf("look up what %d orders need: %w", len(orders), err)
	}
	d := decider{facts: facts, now: h.now().UTC(), decided: Decided{
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
func (h IngestOrderHandler) Park(ctx context.Context, store Ingestion, recorded event.Recorded) error {
	payload, ok := recorded.Payload.(delivery.OrderReceived)
	if !ok {
		return fmt.Errorf("park event %d: a %T is no received order", recorded.Position, recorded.Payload)
	}
	return store.Record(ctx, Decided{Events: []event.New{failed(recorded, payload,
		"internal-error", "the order was kept but could not be processed; the service's log names the cause")}})
}

func (h IngestOrderHandler) interpret(recorded event.Recorded) (delivered, error) {
	payload, ok := recorded.Payload.(delivery.OrderReceived)
	if !ok {
		return delivered{}, fmt.Errorf("interpret event %d: a %T is no received order", recorded.Position, recorded.Payload)
	}
	d := delivered{event: recorded, received: payload}
	d.state, d.problem = h.interpreter.Interpret(recorded.Body)
	// Where the shop gives no time of change, the last to arrive is the newest. A time from the future is none: the order
	// would stay as it is until then.
	if d.state.UpdatedAt.IsZero() || d.state.UpdatedAt.After(payload.ReceivedAt.Add(clockTolerance)) {
		d.state.UpdatedAt = payload.ReceivedAt
	}
	return d, nil
}

// decider decides on one slice of orders.
type decider struct {
	facts   *Facts
	now     time.Time
	decided Decided
}

func (d *decider) decide(in delivered) {
	if in.problem != nil {
		code, detail := "order-unreadable", in.problem.Error()
		if known, ok := problem.Of(in.problem); ok {
			code = known.Code()
		}
		d.decided.Events = append(d.decided.Events, failed(in.event, in.received, code, detail))
		return
	}
	key := in.orderKey()
	head, heard := d.facts.Orders[key]
	var known *order.Known
	if heard {
		known = &head.Known
	}
	if in.state.OrderedAt.IsZero() { // it began when it was first heard of, and that does not change with a later delivery
		in.state.OrderedAt = in.received.ReceivedAt
		if head.Known.Record != nil {
			in.state.OrderedAt = head.Known.Record.State.OrderedAt
		}
	}
	verdict := order.Judge(known, in.state)
	code := order.DefaultCodeTemplate.Code(in.state.ShopID, in.state.ExternalID)
	if reason, ok := verdict.Skips(); ok {
		d.toOrder(in, &head, order.OrderSkipped{Code: code, Reason: reason, Status: in.state.Status})
	}
	if reason, ok := verdict.Unchanged(); ok {
		d.toOrder(in, &head, order.OrderUnchanged{Code: head.Known.Record.Code, Reason: reason})
	}
	if verdict.Updates() {
		record := *head.Known.Record
		changes := order.Changes(record.State, in.state)
		record.State = in.state
		d.toOrder(in, &head, record.Updated(changes))
		head.Known.Record, head.StateVersion = &record, head.StreamVersion
	}
	if verdict.Creates() {
		record := order.Record{Code: code, State: in.state}
		record.CustomerID = d.customerOf(in, &head)
		record.SourceID = d.ensureSource(in, &head)
		record.Assignee = d.assigneeOf(in)
		d.toOrder(in, &head, record.Created())
		head.Known.Record, head.StateVersion = &record, head.StreamVersion
	}
	if in.state.UpdatedAt.After(head.Known.UpdatedAt) {
		head.Known.UpdatedAt = in.state.UpdatedAt
	}
	d.facts.Orders[key] = head
	d.decided.Orders[key] = head
}

// customerOf finds the order's customer by the workspace's rule, or makes one.
func (d *decider) customerOf(in delivered, head *OrderHead) uuid.UUID {
	workspaceID, buyer := in.event.WorkspaceID, in.state.Buyer
	rule := d.facts.Rules[workspaceID]
	keys := rule.Keys(buyer.Phones, buyer.Emails)
	holders := func(key contact.Key) customer.Holders {
		return d.facts.Holders[ContactKey{WorkspaceID: workspaceID, Key: key}]
	}
	bound := uuid.Nil
	if buyer.ExternalID != "" {
		bound = d.facts.Bindings[in.buyerKey()]
	}
	id, decision := customer.Match(rule, keys, holders, in.state.ShopID, buyer.ExternalID, bound)
	if id != uuid.Nil {
		d.toOrder(in, head, order.CustomerMatched{CustomerID: id, Decision: decision})
	} else {
		id = d.createCustomer(in, decision)
	}
	if buyer.ExternalID != "" && bound != id {
		d.facts.Bindings[in.buyerKey()] = id
		d.decided.Bindings[in.buyerKey()] = id
	}
	return id
}

func (d *decider) createCustomer(in delivered, decision customer.Decision) uuid.UUID {
	buyer := in.state.Buyer
	state := customer.State{
		ID: event.NewID(), Name: buyer.Name, Phones: buyer.Phones, Emails: buyer.Emails, Address: buyer.Address,
		Gender: buyer.Gender, Birthday: buyer.Birthday, Tags: buyer.Tags, FacebookID: buyer.FacebookID,
		Username: buyer.Username, Status: customer.StatusActive, CreatedAt: d.now,
	}
	d.decided.Customers = append(d.decided.Customers, NewCustomer{
		WorkspaceID: in.event.WorkspaceID, State: state, Claims: decision.Tried,
	})
	for _, key := range state.Keys() {
		at := ContactKey{WorkspaceID: in.event.WorkspaceID, Key: key}
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
	workspaceID := in.event.WorkspaceID
	id, exists := d.facts.Sources[workspaceID]
	if !exists {
		id = event.NewID()
		d.facts.Sources[workspaceID] = id
		d.decided.Sources[workspaceID] = id
	}
	d.toOrder(in, head, order.SourceEnsured{SourceID: id, Name: SourceName, Created: !exists})
	return id
}

func (d *decider) assigneeOf(in delivered) order.Assignee {
	byPhone := func(phone string) (order.Staff, bool) {
		staff, ok := d.facts.Staff[in.contactKey(contact.KindPhone, phone)]
		return staff, ok
	}
	byEmail := func(email string) (order.Staff, bool) {
		staff, ok := d.facts.Staff[in.contactKey(contact.KindEmail, email)]
		return staff, ok
	}
	return order.ChooseAssignee(in.state, byPhone, byEmail, d.facts.DefaultAssignees[in.shopKey()])
}

// toOrder appends to the order's own stream.
func (d *decider) toOrder(in delivered, head *OrderHead, payload event.Payload) {
	head.StreamVersion++
	d.append(in, event.OrderStream(in.state.ShopID, in.state.ExternalID), head.StreamVersion, payload)
}

func (d *decider) append(in delivered, stream event.Stream, version int, payload event.Payload) {
	d.decided.Events = append(d.decided.Events, event.New{
		ID: event.NewID(), WorkspaceID: in.event.WorkspaceID, Stream: stream, Version: version, Actor: event.ActorPolicy,
		CorrelationID: in.event.CorrelationID, CausationID: in.event.ID, Payload: payload,
	})
}

func failed(recorded event.Recorded, received delivery.OrderReceived, reason, detail string) event.New {
	return event.New{
		ID: event.NewID(), WorkspaceID: recorded.WorkspaceID, Stream: recorded.Stream, Version: recorded.Version + 1,
		Actor: event.ActorPolicy, CorrelationID: recorded.CorrelationID, CausationID: recorded.ID,
		Payload: delivery.IngestionFailed{
			ShopID: received.ShopID, OrderID: received.OrderID, Reason: reason, Detail: detail, Attempt: 1,
		},
	}
}
