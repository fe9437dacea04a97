package customer

import (
	"slices"

	"github.com/google/uuid"

	"orderbridge/domain/event"
)

// CustomerCreated: an order arrived from somebody whom the CRM did not know. It holds the customer in full, as the
// shop has them, and why nobody matched.
type CustomerCreated struct {
	Customer State    `json:"customer"`
	Decision Decision `json:"decision"`
}

func (CustomerCreated) EventName() string { return "CustomerCreated" }
func (CustomerCreated) EventVersion() int { return 3 }
func (CustomerCreated) PersonalFields() []string {
	return slices.Concat(PersonalDecision, personalFields)
}

// CustomerImported: an operator or an import brought a customer into the CRM.
type CustomerImported struct {
	Customer State `json:"customer"`
	// Origin is where they came from, such as "operator" or "import".
	Origin string `json:"origin"`
	// ImportID is the import that brought them, and Line that of the file which speaks of them; zero when they came otherwise.
	ImportID uuid.UUID `json:"import_id,omitzero"`
	Line     int       `json:"line,omitzero"`
}

func (CustomerImported) EventName() string        { return "CustomerImported" }
func (CustomerImported) EventVersion() int        { return 3 }
func (CustomerImported) PersonalFields() []string { return personalFields }

// CustomerUpdated: an operator changed what the CRM has of a customer. It carries the new state whole, beside what
// changed.
type CustomerUpdated struct {
	Customer State          `json:"customer"`
	Changes  []event.Change `json:"changes"`
}

func (CustomerUpdated) EventName() string { return "CustomerUpdated" }
func (CustomerUpdated) EventVersion() int { return 1 }
func (CustomerUpdated) PersonalFields() []string {
	return append([]string{"changes"}, personalFields...)
}

// CustomerArchived: the customer is no longer in use, and orders no longer match them.
type CustomerArchived struct {
	Customer State `json:"customer"`
}

func (CustomerArchived) EventName() string        { return "CustomerArchived" }
func (CustomerArchived) EventVersion() int        { return 2 }
func (CustomerArchived) PersonalFields() []string { return personalFields }

// CustomerRestored: the customer is in use again.
type CustomerRestored struct {
	Customer State `json:"customer"`
}

func (CustomerRestored) EventName() string        { return "CustomerRestored" }
func (CustomerRestored) EventVersion() int        { return 2 }
func (CustomerRestored) PersonalFields() []string { return personalFields }

// PersonalDecision are the personal fields of a decision in an event. Some channels call people by their phones, so the shop's
// id of a buyer may be one.
var PersonalDecision = []string{"decision.key", "decision.tried", "decision.buyer_id"}

// personalFields of a customer's state.
var personalFields = personalIn("customer")

// personalIn are those of a state that stands in a field of an event.
func personalIn(field string) []string {
	names := []string{"name", "phones", "emails", "address", "gender", "birthday", "tags", "note", "facebook_id", "username"}
	for i, name := range names {
		names[i] = field + "." + name
	}
	return names
}
