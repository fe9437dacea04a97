package order

import (
	"time"

	"github.com/google/uuid"
)

// Record is an order as the CRM has it: what its last OrderCreated or OrderUpdated says.
type Record struct {
	Code       string
	CustomerID uuid.UUID
	SourceID   uuid.UUID
	Assignee   Assignee
	State      State
}

// Created is the event by which the record came to be.
func (r Record) Created() OrderCreated {
	return OrderCreated{Code: r.Code, CustomerID: r.CustomerID, SourceID: r.SourceID, Assignee: r.Assignee, Order: r.State}
}

// Updated is the event by which the record came to be what it is.
func (r Record) Updated(changes []Change) OrderUpdated {
	return OrderUpdated{
		Code: r.Code, CustomerID: r.CustomerID, SourceID: r.SourceID, Assignee: r.Assignee, Order: r.State, Changes: changes,
	}
}

// Known is what the CRM knows of an order before a delivery.
type Known struct {
	// Record is nil while the order was only skipped.
	Record *Record
	// UpdatedAt is the newest version that was delivered, UTC.
	UpdatedAt time.Time
}

// Verdict is what a delivery does to an order.
type Verdict struct {
	kind      verdictKind
	unchanged UnchangedReason
	skipped   SkippedReason
}

type verdictKind int

const (
	verdictCreate verdictKind = iota + 1
	verdictUpdate
	verdictUnchanged
	verdictSkip
)

// SkippedReason says why an order was not brought over.
type SkippedReason string

// The reasons for skipping an order. They are stored data.
const (
	// SkippedCancelled and SkippedDeleted: the order was first heard of in that status.
	SkippedCancelled SkippedReason = "cancelled"
	SkippedDeleted   SkippedReason = "deleted"
	// SkippedOlder: an older version of an order that was skipped arrived late.
	SkippedOlder SkippedReason = "older"
)

// Creates tells that the order is new to the CRM.
func (v Verdict) Creates() bool { return v.kind == verdictCreate }

// Updates tells that the delivery changes the order.
func (v Verdict) Updates() bool { return v.kind == verdictUpdate }

// Unchanged tells that the delivery changes nothing, and why.
func (v Verdict) Unchanged() (UnchangedReason, bool) {
	return v.unchanged, v.kind == verdictUnchanged
}

// Skips tells that the order is not brought over, and why.
func (v Verdict) Skips() (SkippedReason, bool) { return v.skipped, v.kind == verdictSkip }

// Judge decides what a delivered version does to an order (known is nil for one never heard of). A version is known by
// the shop's time of change: an older one never undoes a newer one, and of the same time the last to arrive wins,
// since marketplaces correct fees without moving it.
func Judge(known *Known, delivered State) Verdict {
	if known != nil && delivered.UpdatedAt.Before(known.UpdatedAt) {
		if known.Record == nil {
			return Verdict{kind: verdictSkip, skipped: SkippedOlder}
		}
		return Verdict{kind: verdictUnchanged, unchanged: UnchangedOlder}
	}
	if known == nil || known.Record == nil {
		switch {
		case delivered.Status.IsCancelled():
			return Verdict{kind: verdictSkip, skipped: SkippedCancelled}
		case delivered.Status.IsDeleted():
			return Verdict{kind: verdictSkip, skipped: SkippedDeleted}
		default:
			return Verdict{kind: verdictCreate}
		}
	}
	if SameContent(known.Record.State, delivered) {
		return Verdict{kind: verdictUnchanged, unchanged: UnchangedIdentical}
	}
	return Verdict{kind: verdictUpdate}
}
