package order

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
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
func (r Record) Created(reason CreatedReason) OrderCreated {
	return OrderCreated{
		Code: r.Code, CustomerID: r.CustomerID, SourceID: r.SourceID, Assignee: r.Assignee, Order: r.State, Reason: reason,
	}
}

// Updated is the event by which the record came to be what it is.
func (r Record) Updated(reason UpdatedReason, changes []Change) OrderUpdated {
	return OrderUpdated{
		Code: r.Code, CustomerID: r.CustomerID, SourceID: r.SourceID, Assignee: r.Assignee, Order: r.State, Reason: reason,
		Changes: changes,
	}
}

// Known is what the CRM knows of an order before a delivery.
type Known struct {
	// Record is nil while the order was only skipped.
	Record *Record
	// Skipped is the content of an order that was only skipped; nil when that was not kept, as in OrderSkipped of version 1.
	Skipped *State
	// UpdatedAt is the newest version that was delivered, UTC.
	UpdatedAt time.Time
	// BuyerUpdatedAt is the version that the buyer was taken from, UTC.
	BuyerUpdatedAt time.Time
}

// version is the content that is known, if it is.
func (k *Known) version() (Version, bool) {
	version := Version{BuyerUpdatedAt: k.BuyerUpdatedAt}
	switch {
	case k.Record != nil:
		version.State = k.Record.State
	case k.Skipped != nil:
		version.State = *k.Skipped
	default:
		return Version{}, false
	}
	version.State.UpdatedAt = k.UpdatedAt // deliveries that said nothing new moved it
	return version, true
}

// Verdict is what a delivery does to an order.
type Verdict struct {
	kind   verdictKind
	reason string
}

type verdictKind int

const (
	verdictCreate verdictKind = iota + 1
	verdictUpdate
	verdictUnchanged
	verdictSkip
)

// CreatedReason says why an order was brought over, where that needs saying.
type CreatedReason string

// CreatedWasLive: the version that was delivered is older than the cancelled or deleted one that was skipped, and shows
// that the order was neither at first. It is stored data.
const CreatedWasLive CreatedReason = "was_live"

// UpdatedReason says why a delivery changed an order.
type UpdatedReason string

// The reasons for updating an order. They are stored data.
const (
	// UpdatedNewer: the version is newer than those before.
	UpdatedNewer UpdatedReason = "newer"
	// UpdatedSameVersion: the shop changed the order without moving its time of change.
	UpdatedSameVersion UpdatedReason = "same_version"
	// UpdatedBuyerRevealed: the version is older, but shows who the buyer is, which no newer one does.
	UpdatedBuyerRevealed UpdatedReason = "buyer_revealed"
	// UpdatedRelinked: the shop said nothing; the order was given to whom it would be matched with today.
	UpdatedRelinked UpdatedReason = "relinked"
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

// Creates tells that the order is new to the CRM, and why where that needs saying.
func (v Verdict) Creates() (CreatedReason, bool) {
	return CreatedReason(v.reason), v.kind == verdictCreate
}

// Updates tells that the delivery changes the order, and why.
func (v Verdict) Updates() (UpdatedReason, bool) {
	return UpdatedReason(v.reason), v.kind == verdictUpdate
}

// Unchanged tells that the delivery changes nothing, and why.
func (v Verdict) Unchanged() (UnchangedReason, bool) {
	return UnchangedReason(v.reason), v.kind == verdictUnchanged
}

// Skips tells that the order is not brought over, and why.
func (v Verdict) Skips() (SkippedReason, bool) {
	return SkippedReason(v.reason), v.kind == verdictSkip
}

// Judge decides what a delivered version does to an order (known is nil for one never heard of), and what is known of
// the order from then on; of an order that is to be created the record has its state only.
//
// Whatever the order in which versions of different times are delivered, and however often, the outcome is the same: the
// content is that of all of them joined, and the order is in the CRM if any of them was neither cancelled nor deleted,
// or if those are not to be skipped.
func Judge(known *Known, delivered State, rule customer.MatchRule, skipCancelled bool) (Verdict, Known) {
	joined, isOlder := NewVersion(delivered), false
	if known != nil {
		isOlder = delivered.UpdatedAt.Before(known.UpdatedAt)
		before, ok := known.version()
		if !ok && isOlder { // what the newer version says was not kept, so nothing can be made of this one
			return Verdict{verdictSkip, string(SkippedOlder)}, *known
		}
		if ok {
			joined = before.Join(joined, rule)
		}
	}
	next := Known{UpdatedAt: joined.State.UpdatedAt, BuyerUpdatedAt: joined.BuyerUpdatedAt}
	if known == nil || known.Record == nil {
		if reason, skip := skips(delivered.Status, isOlder); skip && skipCancelled {
			next.Skipped = &joined.State
			return Verdict{verdictSkip, string(reason)}, next
		}
		next.Record = &Record{State: joined.State}
		return Verdict{verdictCreate, string(whyCreated(delivered.Status, isOlder))}, next
	}
	if SameContent(known.Record.State, joined.State) {
		next.Record = known.Record
		reason := UnchangedIdentical
		if isOlder {
			reason = UnchangedOlder
		}
		return Verdict{verdictUnchanged, string(reason)}, next
	}
	record := *known.Record
	record.State = joined.State
	next.Record = &record
	return Verdict{verdictUpdate, string(whyUpdated(delivered.UpdatedAt, known.UpdatedAt))}, next
}

func skips(status Status, isOlder bool) (SkippedReason, bool) {
	reason := SkippedCancelled
	if status.IsDeleted() {
		reason = SkippedDeleted
	}
	if isOlder {
		reason = SkippedOlder
	}
	return reason, isOver(status)
}

func whyCreated(status Status, isOlder bool) CreatedReason {
	if isOlder && !isOver(status) {
		return CreatedWasLive
	}
	return ""
}

// isOver tells that there is nothing to be carried out any more.
func isOver(status Status) bool { return status.IsCancelled() || status.IsDeleted() }

func whyUpdated(delivered, known time.Time) UpdatedReason {
	switch delivered.Compare(known) {
	case -1:
		return UpdatedBuyerRevealed
	case 0:
		return UpdatedSameVersion
	default:
		return UpdatedNewer
	}
}
