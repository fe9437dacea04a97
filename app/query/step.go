package query

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
)

// StepState tells what sort of step it is.
type StepState string

// The states of a step.
const (
	// StepDone: it happened.
	StepDone StepState = "done"
	// StepFailed: it was tried, and did not work out.
	StepFailed StepState = "failed"
	// StepHeld: it has to wait for something else.
	StepHeld StepState = "held"
	// StepPending: it has not happened yet, and will.
	StepPending StepState = "pending"
)

// Step is one event, told in plain words, or what is to happen next.
type Step struct {
	// Position is the event's place in the log; 0 for what has not happened yet.
	Position int64     `json:"position,omitzero"`
	At       time.Time `json:"at"`
	// Event is the event's name; empty for what has not happened yet.
	Event string    `json:"event"`
	State StepState `json:"state"`
	// Stream is what the event is about, such as "order/1635294032/2051".
	Stream event.Stream `json:"stream"`
	Actor  event.Actor  `json:"actor"`
	// CauseID is the event that led to this one, nil for none; CausePosition where that stands, nil when it is in another
	// part of the list or in none.
	CauseID       *uuid.UUID `json:"cause_id"`
	CausePosition *int64     `json:"cause_position"`
	// DeliveryID names the delivery that it came of; nil when it came of none.
	DeliveryID *uuid.UUID `json:"delivery_id"`
	// TookMS is the time since the step before, and of what has not happened yet how long it has waited, in milliseconds; nil for
	// the first step.
	TookMS *int64 `json:"took_ms"`
	// Summary says in English, and SummaryVI in Vietnamese, what was decided and why.
	Summary   string `json:"summary"`
	SummaryVI string `json:"summary_vi"`
	// Data is the event's payload, as the log holds it.
	Data json.RawMessage `json:"data"`

	// payload is what Data says, for telling it masked; namesOrder tells that its sentences begin with the order they are about, and merged
	// names the customer they are about, who was merged into that of the timeline.
	payload    event.Payload
	namesOrder bool
	merged     string
}

// stepsOf tells events that are in the order of the log. The one before them, if it is known, is not told.
func stepsOf(events []event.Recorded, before *event.Recorded) []Step {
	positions := make(map[uuid.UUID]int64, len(events))
	for _, recorded := range events {
		positions[recorded.ID] = recorded.Position
	}
	steps := make([]Step, 0, len(events))
	for i := range events {
		step := stepOf(events[i])
		if events[i].CausationID != uuid.Nil {
			step.CauseID = &events[i].CausationID
			if position, ok := positions[events[i].CausationID]; ok {
				step.CausePosition = &position
			}
		}
		if before != nil {
			step.TookMS = new(max(0, events[i].RecordedAt.Sub(before.RecordedAt).Milliseconds()))
		}
		before = &events[i]
		steps = append(steps, step)
	}
	return steps
}

func stepOf(recorded event.Recorded) Step {
	return Step{
		Position: recorded.Position, At: recorded.RecordedAt, Event: recorded.Payload.EventName(), State: stateOf(recorded.Payload),
		Stream: recorded.Stream, Actor: recorded.Actor, DeliveryID: deliveryOf(recorded), Data: recorded.Stored, payload: recorded.Payload,
	}.told()
}

// told is the step with what its event says in words.
func (s Step) told() Step {
	s.Summary, s.SummaryVI = Narrate(s.payload), NarrateVietnamese(s.payload)
	if shopID, orderID, ok := event.OrderOf(s.Stream); ok && s.namesOrder {
		s.Summary = fmt.Sprintf("Order %s of shop %s: %s", orderID, shopID, s.Summary)
		s.SummaryVI = fmt.Sprintf("Đơn hàng %s của cửa hàng %s: %s", orderID, shopID, s.SummaryVI)
	}
	if s.merged != "" {
		s.Summary = fmt.Sprintf("Customer %s, who was merged into this one: %s", s.merged, s.Summary)
		s.SummaryVI = fmt.Sprintf("Khách hàng %s, đã được gộp vào khách này: %s", s.merged, s.SummaryVI)
	}
	return s
}

// namingOrder is the step with the order that it is about, where that does not go without saying.
func (s Step) namingOrder() Step {
	s.namesOrder = true
	return s.told()
}

// namingOthers is the step in the timeline of a customer or user, with whom it is about where that is somebody or something else.
func (s Step) namingOthers(subjectID string) Step {
	if id, ok := event.CustomerOf(s.Stream); ok && id != subjectID {
		s.merged = id
	}
	return s.namingOrder()
}

func stateOf(payload event.Payload) StepState {
	switch payload.(type) {
	case delivery.IngestionFailed, delivery.DeliveryRejected:
		return StepFailed
	case delivery.IngestionHeld:
		return StepHeld
	default:
		return StepDone
	}
}

// deliveryOf is the delivery that an event came of. Commands of operators are correlated too, by an id that names nothing.
func deliveryOf(recorded event.Recorded) *uuid.UUID {
	ofDelivery := recorded.Actor == event.ActorWebhook || recorded.Actor == event.ActorPolicy ||
		strings.HasPrefix(string(recorded.Stream), string(event.DeliveryStream(recorded.CorrelationID)))
	if !ofDelivery {
		return nil
	}
	return &recorded.CorrelationID
}

// waitingSteps tell of those of some events that ask for an order to be brought in, and stand last of their deliveries.
func waitingSteps(last []event.Recorded, now time.Time) []Step {
	var steps []Step
	for _, asked := range last {
		switch asked.Payload.(type) {
		case delivery.OrderReceived, delivery.IngestionRetried:
		default:
			continue
		}
		steps = append(steps, Step{
			At: asked.RecordedAt, State: StepPending, Stream: asked.Stream, Actor: event.ActorPolicy, CauseID: &asked.ID,
			CausePosition: &asked.Position, DeliveryID: &asked.CorrelationID,
			TookMS:    new(max(0, now.Sub(asked.RecordedAt).Milliseconds())),
			Summary:   "It waits to be brought in, which usually takes less than a second.",
			SummaryVI: "Đang chờ được đưa vào CRM, thường chưa đến một giây.",
			Data:      json.RawMessage("{}"),
		})
	}
	return steps
}
