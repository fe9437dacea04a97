package workspace

import (
	"github.com/google/uuid"

	"orderbridge/domain/customer"
)

// WorkspaceCreated: a CRM domain was set up.
type WorkspaceCreated struct {
	Name      string             `json:"name"`
	MatchRule customer.MatchRule `json:"match_rule"`
}

func (WorkspaceCreated) EventName() string { return "WorkspaceCreated" }
func (WorkspaceCreated) EventVersion() int { return 1 }

// ShopConnected: a Pancake shop may deliver. The header's value is never in an event.
type ShopConnected struct {
	Shop Shop `json:"shop"`
}

func (ShopConnected) EventName() string { return "ShopConnected" }
func (ShopConnected) EventVersion() int { return 1 }

// ShopDisconnected: a Pancake shop may no longer deliver.
type ShopDisconnected struct {
	ShopID string `json:"shop_id"`
}

func (ShopDisconnected) EventName() string { return "ShopDisconnected" }
func (ShopDisconnected) EventVersion() int { return 1 }

// MatchRuleChanged: buyers are recognised by something else from now on.
type MatchRuleChanged struct {
	Before customer.MatchRule `json:"before"`
	After  customer.MatchRule `json:"after"`
}

func (MatchRuleChanged) EventName() string { return "MatchRuleChanged" }
func (MatchRuleChanged) EventVersion() int { return 1 }

// TokenCreated: somebody may call the API. The token itself is never in an event.
type TokenCreated struct {
	TokenID uuid.UUID `json:"token_id"`
	Name    string    `json:"name"`
	// Role is missing in events from before there were roles: such a token may read.
	Role Role `json:"role,omitempty"`
}

func (TokenCreated) EventName() string { return "TokenCreated" }
func (TokenCreated) EventVersion() int { return 2 }
