package order

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
)

// CustomerMatched: the order belongs to a customer whom the CRM already knew.
type CustomerMatched struct {
	CustomerID uuid.UUID `json:"customer_id"`
	// Decision says by which rule and key, and among how many.
	Decision customer.Decision `json:"decision"`
	// Relinked tells that the order was looked at again, and showed nothing new.
	Relinked bool `json:"relinked,omitzero"`
}

func (CustomerMatched) EventName() string        { return "CustomerMatched" }
func (CustomerMatched) EventVersion() int        { return 4 }
func (CustomerMatched) PersonalFields() []string { return customer.PersonalDecision }

// SourceEnsured: the order's source exists in the CRM.
type SourceEnsured struct {
	SourceID uuid.UUID `json:"source_id"`
	Name     string    `json:"name"`
	// Created tells whether it had to be created for this order.
	Created bool `json:"created"`
}

func (SourceEnsured) EventName() string { return "SourceEnsured" }
func (SourceEnsured) EventVersion() int { return 1 }

// OrderCreated: an order was brought into the CRM.
type OrderCreated struct {
	Code       string    `json:"code"`
	CustomerID uuid.UUID `json:"customer_id"`
	SourceID   uuid.UUID `json:"source_id"`
	Assignee   Assignee  `json:"assignee"`
	Order      State     `json:"order"`
	// Reason is "was_live" when an older version shows that an order which was skipped is one to bring over.
	Reason CreatedReason `json:"reason,omitempty"`
}

func (OrderCreated) EventName() string        { return "OrderCreated" }
func (OrderCreated) EventVersion() int        { return 2 }
func (OrderCreated) PersonalFields() []string { return personalFields }

// Record is the order as the event says it is.
func (e OrderCreated) Record() Record {
	return Record{Code: e.Code, CustomerID: e.CustomerID, SourceID: e.SourceID, Assignee: e.Assignee, State: e.Order}
}

// OrderUpdated: the shop changed an order. It carries the new state whole, beside what changed.
type OrderUpdated struct {
	Code       string    `json:"code"`
	CustomerID uuid.UUID `json:"customer_id"`
	SourceID   uuid.UUID `json:"source_id"`
	Assignee   Assignee  `json:"assignee"`
	Order      State     `json:"order"`
	// Reason is "newer", "same_version" or "buyer_revealed".
	Reason  UpdatedReason `json:"reason,omitempty"`
	Changes []Change      `json:"changes"`
}

func (OrderUpdated) EventName() string { return "OrderUpdated" }
func (OrderUpdated) EventVersion() int { return 2 }
func (OrderUpdated) PersonalFields() []string {
	return append([]string{"changes"}, personalFields...)
}

// Record is the order as the event says it is.
func (e OrderUpdated) Record() Record {
	return Record{Code: e.Code, CustomerID: e.CustomerID, SourceID: e.SourceID, Assignee: e.Assignee, State: e.Order}
}

// OrderUnchanged: a delivery of a known order changed nothing.
type OrderUnchanged struct {
	Code string `json:"code"`
	// Reason is "identical" or "older".
	Reason UnchangedReason `json:"reason"`
	// UpdatedAt is the version that was delivered, UTC.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

func (OrderUnchanged) EventName() string { return "OrderUnchanged" }
func (OrderUnchanged) EventVersion() int { return 2 }

// OrderSkipped: an order was not brought over.
type OrderSkipped struct {
	Code string `json:"code"`
	// Reason is "cancelled" or "deleted" when the order was first heard of like that, "older" for a late older version.
	Reason SkippedReason `json:"reason"`
	Status Status        `json:"status"`
	// Order is what is known of the order now, for the case that it is brought over later; nil where that is not known.
	Order *State `json:"order,omitempty"`
}

func (OrderSkipped) EventName() string        { return "OrderSkipped" }
func (OrderSkipped) EventVersion() int        { return 2 }
func (OrderSkipped) PersonalFields() []string { return personalStateFields }

// personalFields of an order in the CRM.
var personalFields = append([]string{"assignee.name"}, personalStateFields...)

// personalStateFields are those of an order's state.
var personalStateFields = []string{
	"order.buyer", "order.shipping.receiver_name", "order.shipping.receiver_phone", "order.shipping.address",
	"order.tags", "order.note", "order.creator", "order.first_editor", "order.status_history",
}
