// Package customer is about the people who buy: who they are, when they are in use, and which of them an order
// belongs to.
package customer

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
)

// Status says whether a customer is in use. Only active customers match orders.
type Status string

// The statuses of a customer. They are stored data.
const (
	StatusActive   Status = "active"
	StatusArchived Status = "archived"
	// StatusMerged: another record of the same person stands for this one.
	StatusMerged Status = "merged"
)

// State is a customer at one moment. It is stored whole in every event that changes them, so it is plain data:
// fields are only ever added.
type State struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	// Phones are E.164, the primary one first.
	Phones []string `json:"phones"`
	// Emails are lower case, the primary one first.
	Emails  []string `json:"emails"`
	Address string   `json:"address,omitempty"`
	Gender  string   `json:"gender,omitempty"`
	// Birthday is YYYY-MM-DD.
	Birthday string   `json:"birthday,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	// Note is what operators wrote down about the customer, in lines.
	Note string `json:"note,omitempty"`
	// FacebookID and Username are what the shop's chat knows them by.
	FacebookID string    `json:"facebook_id,omitempty"`
	Username   string    `json:"username,omitempty"`
	Status     Status    `json:"status"`
	CreatedAt  time.Time `json:"created_at"`
}

// Keys are all that the customer can be found by.
func (s State) Keys() []contact.Key {
	keys := make([]contact.Key, 0, len(s.Phones)+len(s.Emails))
	for _, phone := range s.Phones {
		keys = append(keys, contact.Key{Kind: contact.KindPhone, Value: phone})
	}
	for _, email := range s.Emails {
		keys = append(keys, contact.Key{Kind: contact.KindEmail, Value: email})
	}
	return keys
}

// Customer decides what may happen to one customer, and remembers what was decided until it is stored.
type Customer struct {
	state   State
	version int
	pending []event.Payload
	// mergedInto is who stands for a customer that is merged; zero for others.
	mergedInto uuid.UUID
	// history is all that was decided, states who the customer was after each of it.
	history []event.Payload
	states  []State
}

// Rehydrate folds what happened to a customer into who they are now. Only the event log calls it: it trusts the
// facts, and refuses nothing that an older rule allowed.
func Rehydrate(history []event.Recorded) *Customer {
	c := &Customer{}
	for _, recorded := range history {
		c.apply(recorded.Payload)
		c.version = recorded.Version
	}
	return c
}

// Archive takes the customer out of use: orders no longer match them. Archiving twice says nothing new.
func (c *Customer) Archive() error {
	if c.state.Status == StatusMerged {
		return errMergedInto(c.mergedInto)
	}
	if c.state.Status == StatusArchived {
		return nil
	}
	state := c.state
	state.Status = StatusArchived
	c.record(CustomerArchived{Customer: state})
	return nil
}

// Restore brings the customer back into use. Restoring twice says nothing new.
func (c *Customer) Restore() error {
	if c.state.Status == StatusMerged {
		return errMergedInto(c.mergedInto)
	}
	if c.state.Status == StatusActive {
		return nil
	}
	state := c.state
	state.Status = StatusActive
	c.record(CustomerRestored{Customer: state})
	return nil
}

// State is the customer as decided so far.
func (c *Customer) State() State { return c.state }

// MergedInto is who stands for the customer when they are merged; the zero UUID when they are not.
func (c *Customer) MergedInto() uuid.UUID { return c.mergedInto }

// Version is that of the last event of the customer's stream, those included that are not stored yet.
func (c *Customer) Version() int { return c.version + len(c.pending) }

// Snapshot is a customer as of one version.
type Snapshot struct {
	State

	Version int
}

// Snapshot is who the customer is now.
func (c *Customer) Snapshot() Snapshot { return Snapshot{State: c.State(), Version: c.Version()} }

// Pending is what was decided and is not stored yet.
func (c *Customer) Pending() []event.Payload { return c.pending }

func (c *Customer) record(payload event.Payload) {
	c.apply(payload)
	c.pending = append(c.pending, payload)
}

func (c *Customer) apply(payload event.Payload) {
	switch e := payload.(type) {
	case CustomerCreated:
		c.state = e.Customer
	case CustomerImported:
		c.state = e.Customer
	case CustomerUpdated:
		c.state = e.Customer
	case CustomerArchived:
		c.state = e.Customer
	case CustomerRestored:
		c.state = e.Customer
	case CustomersMerged:
		c.state = e.Customer
	case CustomerMergedInto:
		c.state, c.mergedInto = e.Customer, e.Into
	case CustomersUnmerged:
		c.state = e.Customer
	case CustomerUnmerged:
		c.state, c.mergedInto = e.Customer, uuid.Nil
	}
	c.history, c.states = append(c.history, payload), append(c.states, c.state)
}
