package query

import (
	"time"

	"github.com/google/uuid"
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

// Reconciliation is what was found when it was looked for orders of a shop whose webhook never came.
type Reconciliation struct {
	ID     uuid.UUID `json:"id"`
	ShopID string    `json:"shop_id"`
	// Since and Until are when the orders changed that were looked at.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Seen is how many orders Pancake gave, Missing how many of them had not come, BroughtIn how many of these were brought in.
	Seen      int `json:"seen"`
	Missing   int `json:"missing"`
	BroughtIn int `json:"brought_in"`
	// LeftOut are of another shop, or no orders.
	LeftOut int `json:"left_out"`
	// Trouble is the code of what ended it early; nil when it came to its end.
	Trouble    *string   `json:"trouble"`
	BeganAt    time.Time `json:"began_at"`
	FinishedAt time.Time `json:"finished_at"`
}
