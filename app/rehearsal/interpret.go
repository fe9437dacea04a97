// Package rehearsal tells what would come of an order if it were delivered now. It lets the commands decide that would take the
// order in, and records nothing.
package rehearsal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// Interpretation is what a delivered body would do if it came now.
type Interpretation struct {
	// Accepted tells that the delivery would be answered with 200.
	Accepted bool `json:"accepted"`
	// Outcome is that of the delivery; "ignored" for a body that is no order.
	Outcome query.Outcome `json:"outcome"`
	// Reason is a stable name for why it would come out so, Detail a sentence; nil where the outcome says it all.
	Reason *string `json:"reason"`
	Detail *string `json:"detail"`
	ShopID *string `json:"shop_id"`
	// OrderCode is nil while the order cannot be read.
	OrderCode *string            `json:"order_code"`
	MatchBy   customer.MatchRule `json:"match_by"`
	// Customer, Source and Order are nil where nothing would be looked up for them.
	Customer *InterpretedCustomer `json:"customer"`
	Source   *InterpretedSource   `json:"source"`
	Order    *InterpretedOrder    `json:"order"`
	// Changes are those of an order that is in the CRM already.
	Changes []order.Change `json:"changes"`
	// Decisions are what the log would say, in this order.
	Decisions []InterpretedDecision `json:"decisions"`
}

// InterpretedCustomer is whom the order would belong to.
type InterpretedCustomer struct {
	// Found is "matched" for one whom the CRM knows, "new" for one who would be created, "kept" for whom the order has already.
	Found string `json:"found"`
	// ID is nil for a new one.
	ID       *uuid.UUID `json:"id"`
	Name     string     `json:"name"`
	Phones   []string   `json:"phones"`
	Emails   []string   `json:"emails"`
	Address  *string    `json:"address"`
	Gender   *string    `json:"gender"`
	Birthday *string    `json:"birthday"`
	Tags     []string   `json:"tags"`
	// Reason says why it would be them, Key what they would be found by; nil when the order keeps its customer.
	Reason *customer.Reason `json:"reason"`
	Key    *contact.Key     `json:"key"`
	// Candidates are who has the key, the oldest first, at most customer.MaxCandidates; all of them are counted.
	Candidates     []uuid.UUID `json:"candidates"`
	CandidateCount int         `json:"candidate_count"`
}

// InterpretedSource is the source that the order would have.
type InterpretedSource struct {
	Name string `json:"name"`
	// Created tells that the CRM does not have it yet.
	Created bool `json:"created"`
}

// InterpretedOrder is what the order would be in the CRM.
type InterpretedOrder struct {
	Status         order.Status         `json:"status"`
	Assignee       *query.Reference     `json:"assignee"`
	AssigneeReason order.AssigneeReason `json:"assignee_reason"`
	Buyer          query.OrderBuyer     `json:"buyer"`
	Currency       string               `json:"currency"`
	Lines          []query.OrderLine    `json:"lines"`
	Totals         order.Totals         `json:"totals"`
	OrderedAt      time.Time            `json:"ordered_at"`
}

// InterpretedDecision is an event that would be recorded, told in plain words.
type InterpretedDecision struct {
	Event     string `json:"event"`
	Summary   string `json:"summary"`
	SummaryVI string `json:"summary_vi"`
}

const (
	// OutcomeIgnored: the body is no order. No delivery has this outcome, as such a body is not kept.
	OutcomeIgnored query.Outcome = "ignored"

	foundMatched, foundNew, foundKept = "matched", "new", "kept"
)

// Rehearsal lets orders be decided on as the log and the directories are now, and refuses every change. It is implemented
// by adapters/postgres.
type Rehearsal interface {
	Rehearse(ctx context.Context, decide func(command.Ingestion) error) error
}

// InterpretHandler tells what a body would do. It decides with the very handler that ingests orders.
type InterpretHandler struct {
	reader    command.EnvelopeReader
	ingest    command.IngestOrderHandler
	rehearsal Rehearsal
	read      query.ReadModel
	history   query.History
	now       func() time.Time
}

// NewInterpretHandler makes the handler.
func NewInterpretHandler(
	reader command.EnvelopeReader, ingest command.IngestOrderHandler, rehearsal Rehearsal, read query.ReadModel,
	history query.History, now func() time.Time,
) InterpretHandler {
	return InterpretHandler{reader: reader, ingest: ingest, rehearsal: rehearsal, read: read, history: history, now: now}
}

// Delivery tells what the body of a delivery would do if it came now, under another rule than the workspace's if one is given.
func (h InterpretHandler) Delivery(ctx context.Context, workspaceID, id uuid.UUID, rule customer.MatchRule) (Interpretation, error) {
	body, err := h.read.DeliveryBody(ctx, workspaceID, id)
	if err != nil {
		return Interpretation{}, fmt.Errorf("read delivery %s: %w", id, err)
	}
	return h.Body(ctx, workspaceID, body, rule)
}

// Body tells what a body would do if a connected shop delivered it now, under another rule than the workspace's if one is
// given.
func (h InterpretHandler) Body(ctx context.Context, workspaceID uuid.UUID, body []byte, rule customer.MatchRule) (Interpretation, error) {
	settings, err := h.read.Settings(ctx, workspaceID)
	if err != nil {
		return Interpretation{}, fmt.Errorf("read settings: %w", err)
	}
	told := Interpretation{MatchBy: customer.MatchRule(settings.MatchBy), Changes: []order.Change{}, Decisions: []InterpretedDecision{}}
	if rule != "" {
		told.MatchBy = rule
	}
	envelope, refusal := h.atTheDoor(ctx, workspaceID, body)
	told.ShopID = query.OrNull(envelope.ShopID)
	if refusal != nil {
		known, ok := problem.Of(refusal)
		if !ok {
			return Interpretation{}, refusal
		}
		told.Outcome, told.Reason, told.Detail = query.OutcomeRejected, new(known.Code()), new(known.Error())
		return told, nil
	}
	told.Accepted = true
	if envelope.Kind != "" && envelope.Kind != "orders" {
		told.Outcome, told.Reason = OutcomeIgnored, new("not-an-order")
		told.Detail = new(fmt.Sprintf("the body's type is %q, and only orders are taken in", envelope.Kind))
		return told, nil
	}
	rehearsed := rehearsed{workspaceID: workspaceID, rule: told.MatchBy}
	err = h.rehearsal.Rehearse(ctx, func(store command.Ingestion) error {
		rehearsed.Ingestion = store
		return h.ingest.Handle(ctx, &rehearsed, command.IngestOrder{Received: []command.ReceivedOrder{h.received(workspaceID, envelope, body)}})
	})
	if err != nil {
		return Interpretation{}, fmt.Errorf("decide on the order: %w", err)
	}
	return told, h.fill(ctx, &told, workspaceID, rehearsed.decided)
}

// atTheDoor reads what the door reads of a body. A header is not checked, as there is none, so that any shop which is
// connected may have sent it.
func (h InterpretHandler) atTheDoor(ctx context.Context, workspaceID uuid.UUID, body []byte) (command.Envelope, error) {
	envelope, err := h.reader.ReadEnvelope(body)
	if err != nil || envelope.Kind != "" && envelope.Kind != "orders" {
		return envelope, err
	}
	_, err = h.read.Shop(ctx, workspaceID, envelope.ShopID)
	return envelope, err
}

func (h InterpretHandler) received(workspaceID uuid.UUID, envelope command.Envelope, body []byte) command.ReceivedOrder {
	id, now := event.NewID(), h.now().UTC()
	payload := delivery.OrderReceived{
		ShopID: envelope.ShopID, OrderID: envelope.OrderID, EventType: envelope.EventType, ReceivedAt: now,
		Request: delivery.Request{Bytes: len(body)},
	}
	return command.ReceivedOrder{
		Cause: event.Recorded{New: event.New{
			ID: event.NewID(), WorkspaceID: workspaceID, Stream: event.DeliveryStream(id), Version: 1, Actor: event.ActorWebhook,
			CorrelationID: id, Payload: payload,
		}, RecordedAt: now},
		Received: payload, Body: body, DeliveryID: id, StreamVersion: 1,
	}
}

// fill tells what was decided.
func (h InterpretHandler) fill(ctx context.Context, told *Interpretation, workspaceID uuid.UUID, decided command.Decided) error {
	because := func(outcome query.Outcome, reason string) { told.Outcome, told.Reason = outcome, query.OrNull(reason) }
	for _, e := range decided.Events {
		told.Decisions = append(told.Decisions, InterpretedDecision{
			Event: e.Payload.EventName(), Summary: query.Narrate(e.Payload), SummaryVI: query.NarrateVietnamese(e.Payload),
		})
		switch e := e.Payload.(type) {
		case delivery.IngestionHeld:
			because(query.OutcomeHeld, e.Reason)
			told.Detail = new("the shop is paused, and this would wait until it is resumed")
		case delivery.IngestionFailed:
			because(query.OutcomeFailed, e.Reason)
			told.Detail = new(e.Detail)
		case order.OrderCreated:
			because(query.OutcomeCreated, string(e.Reason))
		case order.OrderUpdated:
			because(query.OutcomeUpdated, string(e.Reason))
			told.Changes = e.Changes
		case order.OrderUnchanged:
			because(query.OutcomeUnchanged, string(e.Reason))
		case order.OrderSkipped:
			because(query.OutcomeSkipped, string(e.Reason))
			told.OrderCode = &e.Code
		case order.SourceEnsured:
			told.Source = &InterpretedSource{Name: e.Name, Created: e.Created}
		case order.CustomerMatched:
			told.Customer = &InterpretedCustomer{Found: foundMatched, ID: &e.CustomerID}
			told.Customer.decide(e.Decision)
		case customer.CustomerCreated:
			told.Customer = &InterpretedCustomer{Found: foundNew}
			told.Customer.show(query.CustomerOf(e.Customer, 1))
			told.Customer.decide(e.Decision)
		}
	}
	for _, head := range decided.Orders { // there is one at most
		record := head.Known.Record
		if record == nil {
			if skipped := head.Known.Skipped; skipped != nil {
				told.Order = interpretedOrder(order.Record{State: *skipped, Assignee: order.Assignee{Reason: order.AssignedToNobody}})
			}
			continue
		}
		told.OrderCode, told.Order = &record.Code, interpretedOrder(*record)
		if told.Customer == nil {
			told.Customer = &InterpretedCustomer{Found: foundKept, ID: &record.CustomerID, Candidates: []uuid.UUID{}}
		}
	}
	if told.Customer == nil || told.Customer.ID == nil {
		return nil
	}
	events, err := h.history.Whole(ctx, workspaceID, event.CustomerStream(*told.Customer.ID)) // the read tables may be late
	if err != nil {
		return fmt.Errorf("read the history of the customer: %w", err)
	}
	known := customer.Rehydrate(events)
	told.Customer.show(query.CustomerOf(known.State(), known.Version()))
	return nil
}

func (c *InterpretedCustomer) decide(d customer.Decision) {
	c.Reason, c.Key, c.Candidates, c.CandidateCount = &d.Reason, d.Key, d.Candidates, d.CandidateCount
	if c.Candidates == nil {
		c.Candidates = []uuid.UUID{}
	}
}

func (c *InterpretedCustomer) show(found query.Customer) {
	c.Name, c.Phones, c.Emails, c.Address = found.Name, found.Phones, found.Emails, found.Address
	c.Gender, c.Birthday, c.Tags = found.Gender, found.Birthday, found.Tags
}

func interpretedOrder(record order.Record) *InterpretedOrder {
	shown := &InterpretedOrder{
		Status: record.State.Status, AssigneeReason: record.Assignee.Reason, Buyer: query.BuyerOf(record.State.Buyer),
		Currency: record.State.Currency, Lines: query.LinesOf(record.State.Lines), Totals: record.State.Totals,
		OrderedAt: record.State.OrderedAt.UTC(),
	}
	if record.Assignee.UserID != uuid.Nil {
		shown.Assignee = &query.Reference{ID: record.Assignee.UserID, Name: record.Assignee.Name}
	}
	return shown
}

// rehearsed is a store of orders that notes what was decided instead of recording it.
type rehearsed struct {
	command.Ingestion

	workspaceID uuid.UUID
	rule        customer.MatchRule
	decided     command.Decided
}

// Facts answers the questions as of now, except for the rule.
func (r *rehearsed) Facts(ctx context.Context, questions command.Questions) (*command.Facts, error) {
	facts, err := r.Ingestion.Facts(ctx, questions)
	if err != nil {
		return nil, err
	}
	if settings, ok := facts.Settings[r.workspaceID]; ok {
		if settings.MatchRule != r.rule {
			settings.MatchRule, settings.Version = r.rule, 0 // which stands in no settings
		}
		facts.Settings[r.workspaceID] = settings
	}
	return facts, nil
}

// Record notes what was decided.
func (r *rehearsed) Record(_ context.Context, decided command.Decided) error {
	r.decided = decided
	return nil
}
