package query

import (
	"time"

	"orderbridge/app/command"
)

// Backfill is what reading a shop's orders from Pancake did.
type Backfill struct {
	ShopID     string     `json:"shop_id"`
	DryRun     bool       `json:"dry_run"`
	Seen       int        `json:"seen"`
	Known      int        `json:"known"`
	Missing    int        `json:"missing"`
	BroughtIn  int        `json:"brought_in"`
	Foreign    int        `json:"foreign"`
	Unreadable int        `json:"unreadable"`
	Upto       *time.Time `json:"upto"`
}

// BackfillOf shows what a backfill did.
func BackfillOf(shopID string, done command.Backfilled, dryRun bool) Backfill {
	shown := Backfill{
		ShopID: shopID, DryRun: dryRun, Seen: done.Seen, Known: done.Known, Missing: done.Missing, BroughtIn: done.BroughtIn,
		Foreign: done.Foreign, Unreadable: done.Unreadable,
	}
	if !done.Upto.IsZero() {
		upto := done.Upto.UTC()
		shown.Upto = &upto
	}
	return shown
}
