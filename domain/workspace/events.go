package workspace

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// WorkspaceCreated: a CRM domain was set up.
type WorkspaceCreated struct {
	Name      string             `json:"name"`
	MatchRule customer.MatchRule `json:"match_rule"`
	Hosts     []string           `json:"hosts,omitempty"`
	// IsDefault tells that requests to hosts that nobody claims go there.
	IsDefault bool `json:"is_default,omitzero"`
}

func (WorkspaceCreated) EventName() string { return "WorkspaceCreated" }
func (WorkspaceCreated) EventVersion() int { return 2 }

// WorkspaceHostsChanged: the workspace answers to other hosts from now on.
type WorkspaceHostsChanged struct {
	Before []string `json:"before"`
	After  []string `json:"after"`
}

func (WorkspaceHostsChanged) EventName() string { return "WorkspaceHostsChanged" }
func (WorkspaceHostsChanged) EventVersion() int { return 1 }

// WorkspaceDefaultChanged: requests to hosts that nobody claims go there from now on, or no longer.
type WorkspaceDefaultChanged struct {
	IsDefault bool `json:"is_default"`
}

func (WorkspaceDefaultChanged) EventName() string { return "WorkspaceDefaultChanged" }
func (WorkspaceDefaultChanged) EventVersion() int { return 1 }

// MatchRuleChanged: buyers are recognised by something else from now on.
type MatchRuleChanged struct {
	Before customer.MatchRule `json:"before"`
	After  customer.MatchRule `json:"after"`
}

func (MatchRuleChanged) EventName() string { return "MatchRuleChanged" }
func (MatchRuleChanged) EventVersion() int { return 1 }

// SettingsChanged: orders are taken in differently from now on. It carries all settings, beside what changed.
type SettingsChanged struct {
	Settings Settings       `json:"settings"`
	Changes  []event.Change `json:"changes"`
}

func (SettingsChanged) EventName() string { return "SettingsChanged" }
func (SettingsChanged) EventVersion() int { return 1 }

// ShopConnected: a Pancake shop may deliver. The header's value is never in an event.
type ShopConnected struct {
	Shop Shop `json:"shop"`
}

func (ShopConnected) EventName() string { return "ShopConnected" }
func (ShopConnected) EventVersion() int { return 2 }

// ShopUpdated: a shop has another name or default assignee.
type ShopUpdated struct {
	Shop    Shop           `json:"shop"`
	Changes []event.Change `json:"changes"`
}

func (ShopUpdated) EventName() string { return "ShopUpdated" }
func (ShopUpdated) EventVersion() int { return 1 }

// ShopPaused: what the shop delivers is kept, and waits.
type ShopPaused struct {
	Shop Shop `json:"shop"`
}

func (ShopPaused) EventName() string { return "ShopPaused" }
func (ShopPaused) EventVersion() int { return 1 }

// ShopResumed: what the shop delivers is brought in again, and what waited too.
type ShopResumed struct {
	Shop Shop `json:"shop"`
}

func (ShopResumed) EventName() string { return "ShopResumed" }
func (ShopResumed) EventVersion() int { return 1 }

// ShopKeyRotated: the shop sends another header or value from now on. The value is never in an event.
type ShopKeyRotated struct {
	Shop              Shop   `json:"shop"`
	PreviousHeaderKey string `json:"previous_header_key"`
	// PreviousValidUntil is until when the header before is taken too, UTC; zero when it is not.
	PreviousValidUntil time.Time `json:"previous_valid_until,omitzero"`
}

func (ShopKeyRotated) EventName() string { return "ShopKeyRotated" }
func (ShopKeyRotated) EventVersion() int { return 1 }

// ShopAPIKeySet: the shop's orders can be read from Pancake's own API. The key itself is never in an event.
type ShopAPIKeySet struct {
	Shop Shop `json:"shop"`
}

func (ShopAPIKeySet) EventName() string { return "ShopAPIKeySet" }
func (ShopAPIKeySet) EventVersion() int { return 1 }

// ShopAPIKeyRemoved: the shop's orders are no longer read from Pancake's own API.
type ShopAPIKeyRemoved struct {
	Shop Shop `json:"shop"`
}

func (ShopAPIKeyRemoved) EventName() string { return "ShopAPIKeyRemoved" }
func (ShopAPIKeyRemoved) EventVersion() int { return 1 }

// ShopDisconnected: a Pancake shop may no longer deliver.
type ShopDisconnected struct {
	ShopID string `json:"shop_id"`
}

func (ShopDisconnected) EventName() string { return "ShopDisconnected" }
func (ShopDisconnected) EventVersion() int { return 1 }

// TokenCreated: somebody may call the API. The token itself is never in an event.
type TokenCreated struct {
	TokenID uuid.UUID `json:"token_id"`
	Name    string    `json:"name"`
	// Role is missing in events from before there were roles.
	Role Role `json:"role,omitempty"`
}

func (TokenCreated) EventName() string { return "TokenCreated" }
func (TokenCreated) EventVersion() int { return 2 }

// RoleOrViewer is the token's role: one from before there were roles could read and nothing else.
func (e TokenCreated) RoleOrViewer() Role {
	if e.Role == "" {
		return RoleViewer
	}
	return e.Role
}

// TokenRevoked: somebody may no longer call the API.
type TokenRevoked struct {
	TokenID uuid.UUID `json:"token_id"`
	Name    string    `json:"name"`
}

func (TokenRevoked) EventName() string { return "TokenRevoked" }
func (TokenRevoked) EventVersion() int { return 1 }
