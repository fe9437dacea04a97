package query

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// AsOfHandler shows records as they were, folded from the log. The read tables only tell which order a code names.
type AsOfHandler struct {
	read    ReadModel
	history History
	now     func() time.Time
}

// NewAsOfHandler makes the handler.
func NewAsOfHandler(read ReadModel, history History, now func() time.Time) AsOfHandler {
	return AsOfHandler{read: read, history: history, now: now}
}

// moment reads what somebody asks for in the workspace's zone, which it returns too.
func (h AsOfHandler) moment(ctx context.Context, workspaceID uuid.UUID, raw string) (Moment, *time.Location, error) {
	settings, err := h.read.Settings(ctx, workspaceID)
	if err != nil {
		return Moment{}, nil, fmt.Errorf("read settings: %w", err)
	}
	head, err := h.history.Head(ctx)
	if err != nil {
		return Moment{}, nil, fmt.Errorf("find the head of the log: %w", err)
	}
	zone := ZoneNamed(settings.TimeZone)
	m, err := parseMoment(raw, zone, h.now(), head)
	return m, zone, err
}

// until is what of a stream had happened by a moment. Nothing of it is a problem that says when it begins.
func until(events []event.Recorded, m Moment, zone *time.Location, what string) ([]event.Recorded, error) {
	for i, e := range events {
		if m.includes(e) {
			continue
		}
		if i == 0 {
			return nil, notYet(e, zone, what)
		}
		return events[:i], nil
	}
	return events, nil
}

func notYet(first event.Recorded, zone *time.Location, what string) error {
	return problem.NotFound(what+"-not-yet", "the %s was not there yet; it begins at position %d, on %s",
		what, first.Position, first.RecordedAt.In(zone).Format("02/01/2006 15:04:05"))
}

// Customer shows a customer as they were at a moment, in any of the forms that parseMoment reads.
func (h AsOfHandler) Customer(ctx context.Context, workspaceID, id uuid.UUID, at string) (Customer, error) {
	m, zone, err := h.moment(ctx, workspaceID, at)
	if err != nil {
		return Customer{}, err
	}
	if _, err := h.read.Customer(ctx, workspaceID, id); err != nil {
		return Customer{}, err
	}
	c, err := h.standingFor(ctx, workspaceID, id, m, zone)
	if err != nil {
		return Customer{}, err
	}
	return CustomerOf(c.State(), c.Version()), nil
}

// Own is a customer's own record, also that of one who was merged: what their events leave of them.
func (h AsOfHandler) Own(ctx context.Context, workspaceID, id uuid.UUID) (Customer, error) {
	if _, err := h.read.Customer(ctx, workspaceID, id); err != nil {
		return Customer{}, err
	}
	events, err := h.history.Whole(ctx, workspaceID, event.CustomerStream(id))
	if err != nil {
		return Customer{}, fmt.Errorf("read the history of customer %s: %w", id, err)
	}
	c := customer.Rehydrate(events)
	own := CustomerOf(c.State(), c.Version())
	if into := c.MergedInto(); into != uuid.Nil {
		own.MergedInto = &into
	}
	return own, nil
}

// standingFor is who a customer's id led to at a moment: the customer, or the survivor of those whom they were merged into by then.
func (h AsOfHandler) standingFor(ctx context.Context, workspaceID, id uuid.UUID, m Moment, zone *time.Location) (*customer.Customer, error) {
	for {
		events, err := h.history.Whole(ctx, workspaceID, event.CustomerStream(id))
		if err != nil {
			return nil, fmt.Errorf("read the history of customer %s: %w", id, err)
		}
		if events, err = until(events, m, zone, "customer"); err != nil {
			return nil, err
		}
		c := customer.Rehydrate(events)
		if c.MergedInto() == uuid.Nil {
			return c, nil
		}
		id = c.MergedInto()
	}
}

// Order shows an order as it was at a moment, with its customer and source as they were then. Everything is folded, so
// nothing of it is as it is now.
func (h AsOfHandler) Order(ctx context.Context, workspaceID uuid.UUID, code, at string) (OrderDetail, error) {
	m, zone, err := h.moment(ctx, workspaceID, at)
	if err != nil {
		return OrderDetail{}, err
	}
	origin, err := h.history.OrderOrigin(ctx, workspaceID, code)
	if err != nil {
		return OrderDetail{}, err
	}
	events, err := h.history.Whole(ctx, workspaceID, event.OrderStream(origin.ShopID, origin.ExternalID))
	if err != nil {
		return OrderDetail{}, fmt.Errorf("read the history of order %s: %w", code, err)
	}
	var folded foldedOrder
	for _, e := range events {
		if !m.includes(e) {
			if folded.record == nil && isRecord(e.Payload) { // it may have been skipped before
				return OrderDetail{}, notYet(e, zone, "order")
			}
			continue
		}
		folded.apply(e)
	}
	if folded.record == nil { // the read tables know it, so it was created
		return OrderDetail{}, fmt.Errorf("the history of order %s does not create it", code)
	}
	c, err := h.standingFor(ctx, workspaceID, folded.record.CustomerID, m, zone)
	if err != nil {
		return OrderDetail{}, fmt.Errorf("show the customer of order %s: %w", code, err)
	}
	return folded.detail(c.State()), nil
}

func isRecord(payload event.Payload) bool {
	_, ok := payload.(interface{ Record() order.Record })
	return ok
}

// foldedOrder is what the events of an order's stream come to. It follows the folds of the read tables, which tests hold it
// to.
type foldedOrder struct {
	record     *order.Record
	sourceName string
	updatedAt  time.Time
	history    []OrderEvent
}

// maxHistory bounds how much of an order's history is shown: the newest part.
const maxHistory = 500

func (f *foldedOrder) apply(recorded event.Recorded) {
	note := func(reason string, changes []order.Change) {
		told := OrderEvent{
			Position: recorded.Position, At: recorded.RecordedAt, Event: recorded.Payload.EventName(), Actor: recorded.Actor,
			DeliveryID: deliveryOf(recorded), Reason: OrNull(reason), Status: f.record.State.Status, CustomerID: f.record.CustomerID,
			Changes: changes,
		}
		if told.Changes == nil {
			told.Changes = []order.Change{}
		}
		f.history = append(f.history, told)
		f.history = f.history[max(0, len(f.history)-maxHistory):]
	}
	switch e := recorded.Payload.(type) {
	case order.SourceEnsured:
		f.sourceName = e.Name
	case order.OrderCreated:
		f.take(e.Record())
		note(string(e.Reason), nil)
	case order.OrderUpdated:
		f.take(e.Record())
		note(string(e.Reason), e.Changes)
	case order.OrderReassigned:
		f.take(e.Record())
		note("", e.Changes)
	case order.OrderUnchanged:
		f.newer(e.UpdatedAt)
	}
}

func (f *foldedOrder) take(record order.Record) {
	f.record = &record
	updatedAt := record.State.UpdatedAt
	if updatedAt.IsZero() {
		updatedAt = record.State.OrderedAt
	}
	f.newer(updatedAt)
}

func (f *foldedOrder) newer(updatedAt time.Time) {
	if updatedAt.After(f.updatedAt) {
		f.updatedAt = updatedAt
	}
}

// detail is the order as the read tables show it.
func (f *foldedOrder) detail(buyer customer.State) OrderDetail {
	state := f.record.State
	detail := OrderDetail{
		Order: Order{
			Code: f.record.Code, ShopID: state.ShopID, ExternalID: state.ExternalID,
			Source:         Reference{ID: f.record.SourceID, Name: f.sourceName},
			Customer:       OrderCustomer{ID: buyer.ID, Name: buyer.Name, Phone: FirstOrNull(buyer.Phones), Email: FirstOrNull(buyer.Emails)},
			AssigneeReason: f.record.Assignee.Reason, Status: state.Status, Currency: state.Currency, Lines: LinesOf(state.Lines),
			Totals: state.Totals, OrderedAt: state.OrderedAt.UTC().Truncate(time.Second),
		},
		UpdatedAt: f.updatedAt.UTC(), Channel: OrNull(state.Channel), Tags: orEmpty(state.Tags), Note: OrNull(state.Note),
		Buyer: BuyerOf(state.Buyer), Shipping: ShippingOf(state.Shipping), Payments: OrderPayments(state.Payments),
		Creator: ShopStaffOf(state.ShopID, state.Creator), FirstEditor: ShopStaffOf(state.ShopID, state.FirstEditor),
		StatusHistory: make([]StatusChange, 0, len(state.StatusHistory)), History: f.history,
	}
	if f.record.Assignee.UserID != uuid.Nil {
		detail.Assignee = &Reference{ID: f.record.Assignee.UserID, Name: f.record.Assignee.Name}
	}
	for _, change := range state.StatusHistory {
		detail.StatusHistory = append(detail.StatusHistory, StatusChangeOf(change))
	}
	return detail
}

// LinesOf are the lines of an order's state.
func LinesOf(lines []order.Line) []OrderLine {
	shown := make([]OrderLine, 0, len(lines))
	for _, line := range lines {
		shown = append(shown, OrderLine{
			ProductCode: line.ProductCode, ProductName: line.ProductName, Variant: OrNull(line.Variant), Quantity: line.Quantity,
			UnitPrice: line.UnitPrice, Discount: line.Discount, Amount: line.Amount, Gift: line.Gift,
		})
	}
	return shown
}
