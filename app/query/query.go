// Package query is what Orderbridge can be asked. Its types are the shapes that the API and the command line show;
// amounts are whole units of the order's currency, times are UTC.
package query

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/workspace"
)

// Page asks for a part of a list: newest first, at most Limit entries, those before the cursor.
type Page struct {
	Limit int
	// Before is the log position that a cursor stands for; 0 for the first page. A timeline is oldest first, and goes on after it.
	Before int64
}

// List is a part of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// NextCursor asks for the part that follows; nil at the end.
	NextCursor *string `json:"next_cursor"`
}

// Reference names another record.
type Reference struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// OrderCustomer is an order's customer in short.
type OrderCustomer struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Phone *string   `json:"phone"`
	Email *string   `json:"email"`
}

// Order is an order of the CRM.
type Order struct {
	Code           string               `json:"code"`
	ShopID         string               `json:"shop_id"`
	ExternalID     string               `json:"external_id"`
	Source         Reference            `json:"source"`
	Customer       OrderCustomer        `json:"customer"`
	Assignee       *Reference           `json:"assignee"`
	AssigneeReason order.AssigneeReason `json:"assignee_reason"`
	Status         order.Status         `json:"status"`
	Currency       string               `json:"currency"`
	Lines          []OrderLine          `json:"lines"`
	Totals         order.Totals         `json:"totals"`
	OrderedAt      time.Time            `json:"ordered_at"`
}

// OrderLine is one product of an order.
type OrderLine struct {
	ProductCode string         `json:"product_code"`
	ProductName string         `json:"product_name"`
	Variant     *string        `json:"variant"`
	Quantity    order.Quantity `json:"quantity"`
	UnitPrice   int64          `json:"unit_price"`
	Discount    int64          `json:"discount"`
	Amount      int64          `json:"amount"`
	Gift        bool           `json:"gift"`
}

// OrderFilter narrows a list of orders; empty fields do not.
type OrderFilter struct {
	ShopID     string
	CustomerID uuid.NullUUID
	// Status is as order.ParseStatus reads it.
	Status     order.Status
	AssigneeID uuid.NullUUID
	// OrderedFrom is the first moment, OrderedTo the one behind the last.
	OrderedFrom, OrderedTo time.Time
}

// Customer is a customer of the CRM.
type Customer struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Phones   []string  `json:"phones"`
	Emails   []string  `json:"emails"`
	Address  *string   `json:"address"`
	Gender   *string   `json:"gender"`
	Birthday *string   `json:"birthday"`
	Tags     []string  `json:"tags"`
	Note     *string   `json:"note"`
	Status   string    `json:"status"`
	// MergedInto is the customer that this one was merged into, when their status is merged.
	MergedInto *uuid.UUID `json:"merged_into"`
	CreatedAt  time.Time  `json:"created_at"`
	// Version is that of the last change, which a later one may insist on.
	Version int `json:"version"`
}

// CustomerFilter narrows a list of customers; empty fields do not.
type CustomerFilter struct {
	// Phone is E.164, Email lower case.
	Phone  string
	Email  string
	Status string
	Tag    string
	// Search is what somebody typed to find a customer by.
	Search CustomerSearch
}

// Source is an order source of the CRM.
type Source struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// Delivery is one webhook call and what became of it.
type Delivery struct {
	ID         uuid.UUID `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	ShopID     *string   `json:"shop_id"`
	OrderCode  *string   `json:"order_code"`
	Outcome    Outcome   `json:"outcome"`
	Reason     *string   `json:"reason"`
}

// DeliveryDetail is a delivery with every step that came of it.
type DeliveryDetail struct {
	Delivery
	Steps []Step `json:"steps"`
}

// Shop is a connected shop. Its header's value is never shown.
type Shop struct {
	ID              string     `json:"shop_id"`
	Name            string     `json:"name"`
	HeaderKey       string     `json:"header_key"`
	DefaultAssignee *Reference `json:"default_assignee"`
	// Paused tells that the shop's deliveries wait, Held how many do.
	Paused bool  `json:"paused"`
	Held   int64 `json:"held"`
	// PreviousHeaderKey is taken too until PreviousValidUntil, with the value that it had; null when there is none.
	PreviousHeaderKey  *string    `json:"previous_header_key"`
	PreviousValidUntil *time.Time `json:"previous_valid_until"`
	// HasAPIKey tells that orders can be read from Pancake's own API, and that those are looked for whose webhook was lost.
	HasAPIKey   bool      `json:"has_api_key"`
	ConnectedAt time.Time `json:"connected_at"`
	// Version is what an ETag stands for.
	Version int `json:"-"`
}

// Settings are a workspace's settings.
type Settings struct {
	Workspace         string `json:"workspace"`
	MatchBy           string `json:"match_by"`
	OrderCodeTemplate string `json:"order_code_template"`
	TimeZone          string `json:"time_zone"`
	SkipCancelled     bool   `json:"skip_cancelled"`
	Shops             int    `json:"shops"`
	ShopLimit         int    `json:"shop_limit"`
	// Version is what an ETag stands for.
	Version int `json:"-"`
}

// Workspace is a CRM domain.
type Workspace struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Hosts []string  `json:"hosts"`
	// Default tells that requests to hosts go there that no workspace claims.
	Default bool `json:"default"`
	Shops   int  `json:"shops"`
}

// Token is an API token. What its holder sends is not kept.
type Token struct {
	ID         uuid.UUID      `json:"id"`
	Name       string         `json:"name"`
	Role       workspace.Role `json:"role"`
	CreatedAt  time.Time      `json:"created_at"`
	LastUsedAt *time.Time     `json:"last_used_at"`
	RevokedAt  *time.Time     `json:"revoked_at"`
}

// ShownToken is a token that was just made, with what its holder sends: the one time that it is shown.
type ShownToken struct {
	ID     uuid.UUID      `json:"id"`
	Name   string         `json:"name"`
	Role   workspace.Role `json:"role"`
	Secret string         `json:"token"`
}

// Caller is who a token belongs to, and what they may do.
type Caller struct {
	WorkspaceID uuid.UUID
	TokenID     uuid.UUID
	TokenName   string
	Role        workspace.Role
}

// ReadModel answers from the read tables and, for settings and access, from the directories. Single records that do
// not exist are problems of kind not found. It is implemented by adapters/postgres.
type ReadModel interface {
	Order(ctx context.Context, workspaceID uuid.UUID, code string) (OrderDetail, error)
	Orders(ctx context.Context, workspaceID uuid.UUID, filter OrderFilter, page Page) (List[Order], error)
	Customer(ctx context.Context, workspaceID, id uuid.UUID) (Customer, error)
	Customers(ctx context.Context, workspaceID uuid.UUID, filter CustomerFilter, page Page) (List[Customer], error)
	// SharedKeys are those behind a key that several customers have who are in use, in their order. It looks at no more than so many
	// keys: next is the last of them, nil when there is nothing behind it.
	SharedKeys(ctx context.Context, workspaceID uuid.UUID, after contact.Key, atMost int) (_ []Duplicate, next *contact.Key, _ error)
	// CustomerImports are files of customers, the latest first; CustomerImport is one of them.
	CustomerImports(ctx context.Context, workspaceID uuid.UUID, page IDPage) (List[CustomerImport], error)
	// Reconciliations are what was found when it was looked for lost orders of a shop, or "" for all, the latest first.
	Reconciliations(ctx context.Context, workspaceID uuid.UUID, shopID string, page IDPage) (List[Reconciliation], error)
	CustomerImport(ctx context.Context, workspaceID, id uuid.UUID) (CustomerImport, error)
	// ImportRows are rows of a file behind a line, in its order; of one outcome, or "" for all.
	ImportRows(ctx context.Context, workspaceID, id uuid.UUID, outcome string, after, limit int) ([]ImportRow, error)
	Sources(ctx context.Context, workspaceID uuid.UUID, page Page) (List[Source], error)
	User(ctx context.Context, workspaceID, id uuid.UUID) (UserDetail, error)
	Users(ctx context.Context, workspaceID uuid.UUID, filter UserFilter, page Page) (List[User], error)
	// UnmappedStaff lists the members of shops' staff whom no user is and who made orders, those with most orders first.
	UnmappedStaff(ctx context.Context, workspaceID uuid.UUID, limit int) (UnmappedStaffList, error)
	Delivery(ctx context.Context, workspaceID, id uuid.UUID) (Delivery, error)
	Deliveries(ctx context.Context, workspaceID uuid.UUID, filter DeliveryFilter, page Page) (List[Delivery], error)
	DeliveryCounts(ctx context.Context, workspaceID uuid.UUID, filter DeliveryFilter) (DeliveryCounts, error)
	// DeliveryBody returns the exact bytes that a delivery brought.
	DeliveryBody(ctx context.Context, workspaceID, id uuid.UUID) ([]byte, error)
	// RefusedAttempts are the ways in which calls of the webhook were not taken in the last hour and of which the log holds nothing,
	// the latest first.
	RefusedAttempts(ctx context.Context, workspaceID uuid.UUID) ([]RefusedAttempt, error)
	Shops(ctx context.Context, workspaceID uuid.UUID) ([]Shop, error)
	Shop(ctx context.Context, workspaceID uuid.UUID, id string) (Shop, error)
	Tokens(ctx context.Context, workspaceID uuid.UUID) ([]Token, error)
	// Accounts are those that were not removed, by name; Account is one of them.
	Accounts(ctx context.Context, workspaceID uuid.UUID) ([]Account, error)
	Account(ctx context.Context, workspaceID, id uuid.UUID) (Account, error)
	// Invitation finds a link by the token in it. One that cannot be used, or not any more, is workspace.ErrInvitationUnknown.
	Invitation(ctx context.Context, workspaceID uuid.UUID, token string) (Invitation, error)
	// Workspaces returns all there are, by name.
	Workspaces(ctx context.Context) ([]Workspace, error)
	Settings(ctx context.Context, workspaceID uuid.UUID) (Settings, error)
	// Correlated returns all that came of a delivery, in the order of the log.
	Correlated(ctx context.Context, workspaceID, correlationID uuid.UUID) ([]event.Recorded, error)
	// Events reads the workspace's part of the log, in its order.
	Events(ctx context.Context, workspaceID uuid.UUID, filter EventFilter) (EventPage, error)
	// EventTypes are the names of all events there can be, in alphabetical order.
	EventTypes() []string
	// CallerOf finds whom a token belongs to; an unknown token is a problem of kind unauthorized.
	CallerOf(ctx context.Context, token string) (Caller, error)
	// WaitFor returns when the read tables show the log up to a position, or when the context ends: then with a problem of
	// kind unavailable.
	WaitFor(ctx context.Context, position int64) error
	// WorkspaceNamed finds a workspace; the empty name stands for the default one.
	WorkspaceNamed(ctx context.Context, name string) (uuid.UUID, error)
	// WorkspaceAt finds the workspace that answers to a host, given in lower case and without port: the default one for a host that no
	// workspace claims.
	WorkspaceAt(ctx context.Context, host string) (uuid.UUID, error)
}
