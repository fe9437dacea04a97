package query

import "github.com/google/uuid"

// Relink is what giving orders to whom they would be matched with today did, or would do.
type Relink struct {
	DryRun bool `json:"dry_run"`
	// Looked is how many orders were looked at, Moved how many of them belong to another customer.
	Looked int `json:"looked"`
	Moved  int `json:"moved"`
	// Orders are the first of those.
	Orders []RelinkedOrder `json:"orders"`
}

// RelinkedOrder is an order that belongs to another customer.
type RelinkedOrder struct {
	Code   string    `json:"code"`
	From   uuid.UUID `json:"from"`
	To     uuid.UUID `json:"to"`
	Reason string    `json:"reason"`
}
