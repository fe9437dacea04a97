package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/order"
)

// Relinks finds orders, and who they would be matched with today.
type Relinks interface {
	// CatchUp brings the read tables up to what is in the log now and what is on its way there.
	CatchUp(ctx context.Context) error
	// Orders lists orders behind a position, in the order in which they came to the CRM.
	Orders(ctx context.Context, workspaceID uuid.UUID, after int64, atMost int) ([]PastOrder, error)
	// Relink lets decide look at each order as the log has it now, with who holds its buyer's keys, and stores the outcome, or nothing of
	// it for a dry run. The orders are locked meanwhile.
	Relink(ctx context.Context, by By, orders []PastOrder, dryRun bool, decide DecideRelink) (moved []Relinked, position int64, err error)
}

// DecideRelink decides on one order.
type DecideRelink func(record order.Record, facts RelinkFacts) (order.CustomerMatched, order.OrderUpdated, bool)

// RelinkFacts is what is known of an order's buyer.
type RelinkFacts struct {
	Rule        customer.MatchRule
	RuleVersion int
	Facts       *Facts
	WorkspaceID uuid.UUID
	// Surviving is who stands for the order's customer.
	Surviving uuid.UUID
}

// Relinked is an order that belongs to another customer now, or would.
type Relinked struct {
	Code     string
	From, To uuid.UUID
	Decision customer.Decision
}

// Relink gives orders to the customers whom they would be matched with today.
type Relink struct {
	By     By
	DryRun bool
	// Progress is told how many orders were looked at; it may be nil.
	Progress func(orders int)
	// Each is told of every order that moves; it may be nil.
	Each func(Relinked) error
}

// RelinkedOrders is what a relink did, or would do.
type RelinkedOrders struct {
	Looked, Moved int
	// Position is where the last event stands in the log; 0 without one.
	Position int64
}

// RelinkHandler handles Relink.
type RelinkHandler struct{ relinks Relinks }

// NewRelinkHandler makes the handler.
func NewRelinkHandler(relinks Relinks) RelinkHandler { return RelinkHandler{relinks: relinks} }

// Handle looks at all orders, some at a time. Interrupted, it has done a part, and done again it does the rest.
func (h RelinkHandler) Handle(ctx context.Context, cmd Relink) (done RelinkedOrders, err error) {
	if err := h.relinks.CatchUp(ctx); err != nil {
		return done, fmt.Errorf("wait for the read tables: %w", err)
	}
	for after := int64(0); ; {
		orders, err := h.relinks.Orders(ctx, cmd.By.WorkspaceID, after, pastChunk)
		if err != nil {
			return done, fmt.Errorf("list orders: %w", err)
		}
		if len(orders) == 0 {
			return done, nil
		}
		moved, position, err := h.relinks.Relink(ctx, cmd.By, orders, cmd.DryRun, decideRelink)
		if err != nil {
			return done, fmt.Errorf("look at %d orders: %w", len(orders), err)
		}
		after = orders[len(orders)-1].Position
		done.Looked += len(orders)
		done.Moved += len(moved)
		done.Position = max(done.Position, position)
		if cmd.Progress != nil {
			cmd.Progress(done.Looked)
		}
		for _, one := range moved {
			if cmd.Each == nil {
				break
			}
			if err := cmd.Each(one); err != nil {
				return done, err
			}
		}
	}
}

func decideRelink(record order.Record, facts RelinkFacts) (order.CustomerMatched, order.OrderUpdated, bool) {
	holders := func(key contact.Key) customer.Holders {
		return facts.Facts.Holders[ContactKey{WorkspaceID: facts.WorkspaceID, Key: key}]
	}
	return record.Relink(facts.Rule, facts.RuleVersion, holders, facts.Surviving)
}
