package query

import (
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
)

// Duplicate is a phone or an email that several customers have who are in use.
type Duplicate struct {
	Key DuplicateKey `json:"key"`
	// Count is how many have it, Customers are the oldest of them, at most customer.MaxCandidates.
	Count     int         `json:"count"`
	Customers []Reference `json:"customers"`
}

// DuplicateKey is what they share.
type DuplicateKey struct {
	Kind  contact.KeyKind `json:"kind"`
	Value string          `json:"value"`
}

// Merge is what merging two customers, or taking that back, makes of them.
type Merge struct {
	DryRun bool `json:"dry_run"`
	// Before is who the survivor was.
	Before   Customer `json:"before"`
	Survivor Customer `json:"survivor"`
	Other    Customer `json:"other"`
}

// MergeOf shows what became of two customers.
func MergeOf(before, survivor, other customer.State, dryRun bool) Merge {
	return Merge{DryRun: dryRun, Before: CustomerOf(before, 0), Survivor: CustomerOf(survivor, 0), Other: CustomerOf(other, 0)}
}
