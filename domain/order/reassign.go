package order

import (
	"github.com/google/uuid"

	"orderbridge/domain/event"
)

// OrderReassigned: an order that nobody was found for went to the user whom its creator, else its first editor, was
// mapped to later. It carries the state whole, beside what changed, so that it holds the order like any other change.
type OrderReassigned struct {
	Code       string    `json:"code"`
	CustomerID uuid.UUID `json:"customer_id"`
	SourceID   uuid.UUID `json:"source_id"`
	Assignee   Assignee  `json:"assignee"`
	Order      State     `json:"order"`
	// Changes has one entry: "assignee".
	Changes []Change `json:"changes"`
}

func (OrderReassigned) EventName() string { return "OrderReassigned" }
func (OrderReassigned) EventVersion() int { return 1 }
func (OrderReassigned) PersonalFields() []string {
	return append([]string{"changes"}, personalFields...)
}

// Record is the order as the event says it is.
func (e OrderReassigned) Record() Record {
	return Record{Code: e.Code, CustomerID: e.CustomerID, SourceID: e.SourceID, Assignee: e.Assignee, State: e.Order}
}

// AssignMapped decides on an order after a member of the shop's staff was mapped to a user. It goes to that user when it
// went to nobody or to the shop's default assignee, and the mapping counts for it (see StaffKeys). ok tells whether it does.
func (r Record) AssignMapped(staffKey string, to Staff) (reassigned OrderReassigned, ok bool) {
	if r.Assignee.Reason != AssignedByShopDefault && r.Assignee.Reason != AssignedToNobody {
		return OrderReassigned{}, false
	}
	after := Assignee{UserID: to.ID, Name: to.Name}
	switch creator, firstEditor := r.State.StaffKeys(); staffKey {
	case "":
		return OrderReassigned{}, false
	case creator:
		after.Reason = AssignedByCreatorMapped
	case firstEditor:
		after.Reason = AssignedByFirstEditorMapped
	default:
		return OrderReassigned{}, false
	}
	return OrderReassigned{
		Code: r.Code, CustomerID: r.CustomerID, SourceID: r.SourceID, Assignee: after, Order: r.State,
		Changes: []Change{event.ChangeOf("assignee", r.Assignee, after)},
	}, true
}
