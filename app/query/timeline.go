package query

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/projection"
)

// Subject is what a timeline is about.
type Subject struct {
	// Kind is "delivery", "order", "customer", "user", "settings" or "projection".
	Kind string `json:"kind"`
	// ID is what it is asked for by: an order's code, the workspace's name for its settings, a projection's name, else an id.
	ID string `json:"id"`
	// Name is a customer's or a user's; nil for the rest.
	Name *string `json:"name"`
	// Customer is whom an order belongs to now; nil for the rest.
	Customer *Reference `json:"customer"`
	// State is where it stands now: an order's status, a customer's, user's or projection's state, or the outcome of a delivery. That of an
	// order which never got into the CRM is the outcome of its last delivery.
	State string `json:"state"`
	// StartedAt is when an order or delivery was received first, DoneAt when the order was in the CRM or the delivery had its
	// outcome; nil while that is not so, and for the rest. TookMS is the time between them in milliseconds.
	StartedAt *time.Time `json:"started_at"`
	DoneAt    *time.Time `json:"done_at"`
	TookMS    *int64     `json:"took_ms"`
}

// took notes when the subject was received and done.
func (s *Subject) took(startedAt, doneAt time.Time) {
	s.StartedAt = &startedAt
	s.DoneAt = &doneAt
	s.TookMS = new(max(0, doneAt.Sub(startedAt).Milliseconds()))
}

// Timeline is a part of what happened to something, oldest first. Its last part ends with what it waits for, if anything.
type Timeline struct {
	Subject Subject `json:"subject"`
	Items   []Step  `json:"items"`
	// NextCursor asks for the part that follows; nil at the end.
	NextCursor *string `json:"next_cursor"`
}

// Masked is the timeline as those see it who may not know phones and emails.
func (t Timeline) Masked() Timeline {
	t.Subject.Name, t.Subject.Customer = maskText(t.Subject.Name), t.Subject.Customer.masked()
	t.Items = maskEach(t.Items, Step.Masked)
	return t
}

// OrderOrigin is which order a code names, where it stands, and when it came: it was received first, and created in the CRM.
type OrderOrigin struct {
	ShopID, ExternalID string
	// Status is the name of the order's status now.
	Status string
	// Customer is whom the order belongs to now.
	Customer              Reference
	ReceivedAt, CreatedAt time.Time
}

// History reads the log, for what happened and for what was. Lists of events are in the order of the log, begin at a
// position, and have a number of entries at most. It is implemented by adapters/postgres.
type History interface {
	// Whole returns all of a stream, with bodies.
	Whole(ctx context.Context, workspaceID uuid.UUID, stream event.Stream) ([]event.Recorded, error)
	// Stream returns a part of a stream.
	Stream(ctx context.Context, workspaceID uuid.UUID, stream event.Stream, from int64, atMost int) ([]event.Recorded, error)
	// OfOrder returns what concerns an order: its stream, what came of its newest MaxSources deliveries, which are those under one of
	// some codes, and the merges by which others came to stand for its customer.
	OfOrder(ctx context.Context, workspaceID uuid.UUID, stream event.Stream, codes []string, from int64, atMost int) ([]event.Recorded, error)
	// OfCustomer returns what concerns a customer and up to MaxSources who were merged into them: their streams, who saw their phones, and
	// how their newest MaxSources orders were matched with them.
	OfCustomer(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error)
	// OfUser returns what concerns a user: their stream, and which of their newest MaxSources orders were given to them later.
	OfUser(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error)
	// OfProjection returns what was decided about a projection, in all workspaces.
	OfProjection(ctx context.Context, name string, from int64, atMost int) ([]event.Recorded, error)
	// OfActor returns what an actor caused before a position, or 0 for the head, the latest first.
	OfActor(ctx context.Context, workspaceID uuid.UUID, actor event.Actor, before int64, atMost int) ([]event.Recorded, error)
	// Unsettled returns the last events of deliveries of an order that are yet to be brought in.
	Unsettled(ctx context.Context, workspaceID uuid.UUID, codes []string) ([]event.Recorded, error)
	// OrderOrigin finds an order of the CRM; one that is not there is a problem of kind not found.
	OrderOrigin(ctx context.Context, workspaceID uuid.UUID, code string) (OrderOrigin, error)
	// LastOutcome is what became last of an order's deliveries; no delivery is a problem of kind not found.
	LastOutcome(ctx context.Context, workspaceID uuid.UUID, code string) (Outcome, error)
	// Head is the position of the newest event; 0 for an empty log.
	Head(ctx context.Context) (int64, error)
}

// MaxSources is how many deliveries of an order, and orders of a customer or user, a timeline looks at: the newest. It is also how many
// records of one customer it looks at.
const MaxSources = 1000

// TimelineHandler tells what happened to something.
type TimelineHandler struct {
	read    ReadModel
	history History
	now     func() time.Time
}

// NewTimelineHandler makes the handler.
func NewTimelineHandler(read ReadModel, history History, now func() time.Time) TimelineHandler {
	return TimelineHandler{read: read, history: history, now: now}
}

// OfDelivery tells what came of a delivery.
func (h TimelineHandler) OfDelivery(ctx context.Context, workspaceID, id uuid.UUID, page Page) (Timeline, error) {
	found, err := NewExplainDeliveryHandler(h.read, h.now).Handle(ctx, workspaceID, id)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{Subject: Subject{Kind: "delivery", ID: id.String(), State: string(found.Outcome), StartedAt: &found.ReceivedAt}}
	told, waiting := found.Steps, []Step(nil) // a delivery has a handful
	switch last := len(told) - 1; {
	case last >= 0 && told[last].State == StepPending:
		told, waiting = told[:last], told[last:]
	case last >= 0 && told[last].State != StepHeld:
		t.Subject.took(told[0].At, told[last].At)
	}
	for len(told) > 0 && told[0].Position <= page.Before {
		told = told[1:]
	}
	list := ListOf(told, page, func(s Step) int64 { return s.Position })
	t.Items, t.NextCursor = list.Items, list.NextCursor
	if t.NextCursor == nil {
		t.Items = append(t.Items, waiting...)
	}
	return t, nil
}

// ErrOrderNeverHeardOf: neither the CRM nor any delivery knows the order.
var ErrOrderNeverHeardOf = problem.NotFound("order-unknown", "no order has this code, and no delivery brought one that would have it")

// OfOrder tells all that concerns an order, of one that never got into the CRM too.
func (h TimelineHandler) OfOrder(ctx context.Context, workspaceID uuid.UUID, code string, page Page) (Timeline, error) {
	t := Timeline{Subject: Subject{Kind: "order", ID: code}}
	codes, stream := []string{code}, event.Stream("")
	origin, err := h.history.OrderOrigin(ctx, workspaceID, code)
	switch {
	case err == nil:
		t.Subject.Customer = &origin.Customer
		t.Subject.State, stream = origin.Status, event.OrderStream(origin.ShopID, origin.ExternalID)
		t.Subject.took(origin.ReceivedAt, origin.CreatedAt)
		if codes, err = h.codesOf(ctx, workspaceID, code, origin); err != nil {
			return Timeline{}, err
		}
	case isNotFound(err):
		outcome, err := h.history.LastOutcome(ctx, workspaceID, code)
		if isNotFound(err) {
			return Timeline{}, ErrOrderNeverHeardOf
		}
		if err != nil {
			return Timeline{}, err
		}
		t.Subject.State = string(outcome)
	default:
		return Timeline{}, err
	}
	// First what waits: what is read after it may tell that it waits no more.
	waiting, err := h.history.Unsettled(ctx, workspaceID, codes)
	if err != nil {
		return Timeline{}, fmt.Errorf("read what of order %s waits: %w", code, err)
	}
	err = h.fill(&t, page, waiting, func(from int64, atMost int) ([]event.Recorded, error) {
		return h.history.OfOrder(ctx, workspaceID, stream, codes, from, atMost)
	})
	if t.Subject.StartedAt == nil && page.Before == 0 && len(t.Items) > 0 {
		t.Subject.StartedAt = &t.Items[0].At
	}
	return t, err
}

// codesOf are the codes under which the order's deliveries stand: what failed or waits stands under the one that a new order
// would get now.
func (h TimelineHandler) codesOf(ctx context.Context, workspaceID uuid.UUID, code string, origin OrderOrigin) ([]string, error) {
	settings, err := h.read.Settings(ctx, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	template, err := order.ParseCodeTemplate(settings.OrderCodeTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the template of order codes: %w", err)
	}
	codes := []string{code}
	if now := template.Code(origin.ShopID, origin.ExternalID); now != code {
		codes = append(codes, now)
	}
	return codes, nil
}

func isNotFound(err error) bool {
	known, ok := problem.Of(err)
	return ok && known.Kind() == problem.KindNotFound
}

// OfCustomer tells what happened to a customer, and how orders came to them. A merged customer's id leads to who stands for them, whose
// timeline has theirs in it.
func (h TimelineHandler) OfCustomer(ctx context.Context, workspaceID, id uuid.UUID, page Page) (Timeline, error) {
	found, err := h.read.Customer(ctx, workspaceID, id)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{Subject: Subject{Kind: "customer", ID: found.ID.String(), Name: &found.Name, State: found.Status}}
	err = h.fill(&t, page, nil, func(from int64, atMost int) ([]event.Recorded, error) {
		return h.history.OfCustomer(ctx, workspaceID, found.ID, from, atMost)
	})
	return t, err
}

// OfUser tells what happened to a user, and which orders were given to them after they had come in.
func (h TimelineHandler) OfUser(ctx context.Context, workspaceID, id uuid.UUID, page Page) (Timeline, error) {
	found, err := h.read.User(ctx, workspaceID, id)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{Subject: Subject{Kind: "user", ID: id.String(), Name: &found.Name, State: "active"}}
	if !found.Active {
		t.Subject.State = "inactive"
	}
	err = h.fill(&t, page, nil, func(from int64, atMost int) ([]event.Recorded, error) {
		return h.history.OfUser(ctx, workspaceID, id, from, atMost)
	})
	return t, err
}

// OfSettings tells what happened to a workspace's settings, shops and tokens.
func (h TimelineHandler) OfSettings(ctx context.Context, workspaceID uuid.UUID, page Page) (Timeline, error) {
	settings, err := h.read.Settings(ctx, workspaceID)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{Subject: Subject{Kind: "settings", ID: settings.Workspace, State: "in_force"}}
	err = h.fill(&t, page, nil, func(from int64, atMost int) ([]event.Recorded, error) {
		return h.history.Stream(ctx, workspaceID, event.WorkspaceStream, from, atMost)
	})
	return t, err
}

// OfProjection tells what was decided about a projection that is in a state. Who acts in other workspaces than the one that it is told
// to, and what their events say, is not told; to whoever sits at the server all is, for which there is no workspace.
func (h TimelineHandler) OfProjection(ctx context.Context, workspaceID uuid.NullUUID, name, state string, page Page) (Timeline, error) {
	t := Timeline{Subject: Subject{Kind: "projection", ID: name, State: state}}
	err := h.fill(&t, page, nil, func(from int64, atMost int) ([]event.Recorded, error) {
		events, err := h.history.OfProjection(ctx, name, from, atMost)
		for i, e := range events {
			if workspaceID.Valid && e.WorkspaceID != workspaceID.UUID {
				events[i] = seenFromElsewhere(e)
			}
		}
		return events, err
	})
	return t, err
}

// seenFromElsewhere is a decision about a projection as other workspaces may see it.
func seenFromElsewhere(e event.Recorded) event.Recorded {
	kind, _, _ := strings.Cut(string(e.Actor), ":")
	e.Actor = event.Actor(kind)
	if skipped, ok := e.Payload.(projection.EventSkipped); ok {
		skipped.Reason = "the event cannot be folded"
		e.Payload = skipped
		e.Stored, _ = json.Marshal(skipped) //nolint:errchkjson // it holds texts and a number
	}
	return e
}

// fill reads a part of a timeline. It goes on behind the event that its cursor stands for, which is read too: a step tells
// how long after the one before it happened.
func (h TimelineHandler) fill(
	t *Timeline, page Page, waiting []event.Recorded, read func(from int64, atMost int) ([]event.Recorded, error),
) error {
	events, err := read(page.Before, page.Limit+2)
	if err != nil {
		return fmt.Errorf("read timeline of %s %s: %w", t.Subject.Kind, t.Subject.ID, err)
	}
	var before *event.Recorded
	if len(events) > 0 && events[0].Position == page.Before {
		before, events = &events[0], events[1:]
	}
	list := ListOf(events, page, func(e event.Recorded) int64 { return e.Position })
	t.Items, t.NextCursor = stepsOf(list.Items, before), list.NextCursor
	if of := t.Subject.Kind; of == "customer" || of == "user" {
		for i := range t.Items {
			t.Items[i] = t.Items[i].namingOthers(t.Subject.ID)
		}
	}
	if t.NextCursor == nil {
		t.Items = append(t.Items, waitingSteps(stillWaiting(waiting, events), h.now())...)
	}
	return nil
}

// stillWaiting leaves out what was answered by one of some later events.
func stillWaiting(waiting, events []event.Recorded) []event.Recorded {
	var still []event.Recorded
	for _, asked := range waiting {
		answered := false
		for _, e := range events {
			answered = answered || e.CorrelationID == asked.CorrelationID && e.Position > asked.Position
		}
		if !answered {
			still = append(still, asked)
		}
	}
	return still
}
