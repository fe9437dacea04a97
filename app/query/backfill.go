package query

import "time"

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
