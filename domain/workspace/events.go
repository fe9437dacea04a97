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

// AccountInvited: somebody may set a password by a link, and sign in to the console then. The link is in no event.
type AccountInvited struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
}

func (AccountInvited) EventName() string { return "AccountInvited" }
func (AccountInvited) EventVersion() int { return 1 }

// AccountPasswordSet: an account has a password, or another one than before, and its sessions ended. The password is in no event.
type AccountPasswordSet struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
}

func (AccountPasswordSet) EventName() string { return "AccountPasswordSet" }
func (AccountPasswordSet) EventVersion() int { return 1 }

// AccountResetIssued: a link was made by which an account's password is set anew. The link is in no event.
type AccountResetIssued struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
}

func (AccountResetIssued) EventName() string { return "AccountResetIssued" }
func (AccountResetIssued) EventVersion() int { return 1 }

// AccountRoleChanged: an account may do other things from now on.
type AccountRoleChanged struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
	Before    Role      `json:"before"`
	After     Role      `json:"after"`
}

func (AccountRoleChanged) EventName() string { return "AccountRoleChanged" }
func (AccountRoleChanged) EventVersion() int { return 1 }

// AccountSessionsEnded: whoever was signed in to an account has to sign in again.
type AccountSessionsEnded struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
}

func (AccountSessionsEnded) EventName() string { return "AccountSessionsEnded" }
func (AccountSessionsEnded) EventVersion() int { return 1 }

// AccountRemoved: somebody may no longer sign in.
type AccountRemoved struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
}

func (AccountRemoved) EventName() string { return "AccountRemoved" }
func (AccountRemoved) EventVersion() int { return 1 }

// AccountSignedIn: somebody signed in to the console. It stands in the account's own stream, as does AccountLocked.
type AccountSignedIn struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
}

func (AccountSignedIn) EventName() string { return "AccountSignedIn" }
func (AccountSignedIn) EventVersion() int { return 1 }

// AccountLocked: wrong passwords were tried for an account, one after the other, and none is taken until a time.
type AccountLocked struct {
	AccountID uuid.UUID `json:"account_id"`
	Name      string    `json:"name"`
	Until     time.Time `json:"until"`
}

func (AccountLocked) EventName() string { return "AccountLocked" }
func (AccountLocked) EventVersion() int { return 1 }

// ContactRevealed: somebody who is shown phones and emails masked asked to see those of a customer. It stands in a stream of its
// own beside the customer's, whose version tells that the customer changed.
type ContactRevealed struct {
	AccountID   uuid.UUID `json:"account_id"`
	AccountName string    `json:"account_name"`
	CustomerID  uuid.UUID `json:"customer_id"`
	// OrderCode is the order in which they saw them; empty when it was in the customer's own record.
	OrderCode string `json:"order_code,omitempty"`
}

func (ContactRevealed) EventName() string { return "ContactRevealed" }
func (ContactRevealed) EventVersion() int { return 1 }
