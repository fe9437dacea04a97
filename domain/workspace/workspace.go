// Package workspace is about one CRM domain and its settings: the shops that may deliver to it, and the rules by
// which their orders are taken in.
package workspace

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

const (
	// DefaultShopLimit is how many shops a workspace connects at most, the number that Getfly's integration guide names.
	DefaultShopLimit = 10

	maxShopIDLength = 20
	maxHeaderLength = 256
)

// takenHeaders cannot carry a shop's secret: they are changed on the way, or kept with the delivery where the secret
// would be read.
var takenHeaders = []string{
	"Host", "Content-Type", "Content-Length", "Content-Encoding", "User-Agent", "Accept-Encoding", "Connection",
	"Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Expect", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
}

// Shop is a Pancake shop that is connected to a workspace. The header's value is a secret and not part of it.
type Shop struct {
	// ID is the number in pos.pancake.vn/shop/<id>/overview, as text.
	ID   string `json:"id"`
	Name string `json:"name"`
	// HeaderKey is the name of the request header that the shop sends.
	HeaderKey string `json:"header_key"`
	// DefaultAssigneeID is who gets an order that no creator leads to; the zero UUID for nobody.
	DefaultAssigneeID uuid.UUID `json:"default_assignee_id,omitzero"`
}

// Workspace decides what may be set, and remembers what was decided until it is stored.
type Workspace struct {
	version   int
	name      string
	matchRule customer.MatchRule
	shops     map[string]Shop
	pending   []event.Payload

	headerHashes map[string]HeaderHash
	tokenHashes  map[uuid.UUID][sha256.Size]byte
}

func empty() *Workspace {
	return &Workspace{
		shops:        map[string]Shop{},
		headerHashes: map[string]HeaderHash{},
		tokenHashes:  map[uuid.UUID][sha256.Size]byte{},
	}
}

// Rehydrate folds what happened to a workspace into its settings now. Only the event log calls it.
func Rehydrate(history []event.Recorded) *Workspace {
	w := empty()
	for _, recorded := range history {
		w.apply(recorded.Payload)
		w.version = recorded.Version
	}
	return w
}

// Create makes a workspace with the settings that a new one has.
func Create(name string) *Workspace {
	w := empty()
	w.record(WorkspaceCreated{Name: name, MatchRule: customer.MatchByPhone})
	return w
}

// ConnectShop lets a shop deliver. Of its header's value only the keyed hash is kept, and that in no event. All invalid
// fields are reported at once.
func (w *Workspace) ConnectShop(shop Shop, headerValue string, key SecretKey) error {
	shop.ID = strings.TrimSpace(shop.ID)
	shop.HeaderKey = strings.TrimSpace(shop.HeaderKey)
	var nameError error
	if strings.TrimSpace(shop.Name) == "" {
		shop.Name = shop.ID
	} else {
		shop.Name, nameError = contact.ParseName(shop.Name)
	}
	var invalid []problem.Field
	if !isShopID(shop.ID) {
		invalid = append(invalid, problem.Field{
			Path: "shop_id", Message: "the shop id is the number in pos.pancake.vn/shop/<number>/overview",
		})
	}
	if nameError != nil {
		invalid = append(invalid, problem.Field{Path: "name", Message: nameError.Error()})
	}
	if !isHeaderName(shop.HeaderKey) {
		invalid = append(invalid, problem.Field{
			Path: "header_key", Message: "the key is a header's name: letters, digits and hyphens, such as X-Pancake-Key",
		})
	}
	if slices.ContainsFunc(takenHeaders, func(taken string) bool { return strings.EqualFold(taken, shop.HeaderKey) }) {
		invalid = append(invalid, problem.Field{
			Path: "header_key", Message: "this header has a meaning of its own; choose another key, such as X-Pancake-Key",
		})
	}
	if !isHeaderValue(headerValue) {
		invalid = append(invalid, problem.Field{
			Path: "header_value", Message: "the value is 1 to 256 printable ASCII characters without spaces at either end",
		})
	}
	if len(invalid) > 0 {
		return problem.InvalidFields("shop-invalid", invalid...)
	}
	if _, taken := w.shops[shop.ID]; taken {
		return problem.Conflict("shop-connected", "shop %s is connected already; disconnect it first", shop.ID)
	}
	if len(w.shops) >= DefaultShopLimit {
		return problem.Conflict("shop-limit",
			"%d shops are connected, and a workspace has at most %d; disconnect one first", len(w.shops), DefaultShopLimit)
	}
	w.headerHashes[shop.ID] = key.Hash(headerValue)
	w.record(ShopConnected{Shop: shop})
	return nil
}

// DisconnectShop ends a shop's deliveries. What it delivered stays.
func (w *Workspace) DisconnectShop(shopID string) error {
	shop, connected := w.shops[shopID]
	if !connected {
		return problem.NotFound("shop-unknown", "no shop with this id is connected; see the list of shops")
	}
	w.record(ShopDisconnected{ShopID: shop.ID})
	return nil
}

// SetMatchRule chooses what buyers are recognised by. Choosing the rule in force says nothing new.
func (w *Workspace) SetMatchRule(rule customer.MatchRule) {
	if w.matchRule == rule {
		return
	}
	w.record(MatchRuleChanged{Before: w.matchRule, After: rule})
}

// CreateToken makes an API token. Only its hash is kept, and that in no event: this is the one time it is seen.
func (w *Workspace) CreateToken(id uuid.UUID, name string, role Role) (string, error) {
	name, err := contact.ParseName(name)
	if err != nil {
		return "", problem.InvalidFields("token-invalid", problem.Field{Path: "name", Message: err.Error()})
	}
	token := NewToken()
	w.tokenHashes[id] = TokenHash(token)
	w.record(TokenCreated{TokenID: id, Name: name, Role: role})
	return token, nil
}

// HeaderHash is the hash of the header value of a shop that was connected just now.
func (w *Workspace) HeaderHash(shopID string) HeaderHash { return w.headerHashes[shopID] }

// TokenHash is the hash of a token that was made just now.
func (w *Workspace) TokenHash(id uuid.UUID) [sha256.Size]byte { return w.tokenHashes[id] }

// Name is the workspace's name.
func (w *Workspace) Name() string { return w.name }

// MatchRule is the rule in force.
func (w *Workspace) MatchRule() customer.MatchRule { return w.matchRule }

// Version is that of the last event of the workspace's stream, those included that are not stored yet.
func (w *Workspace) Version() int { return w.version + len(w.pending) }

// Pending is what was decided and is not stored yet.
func (w *Workspace) Pending() []event.Payload { return w.pending }

func (w *Workspace) record(payload event.Payload) {
	w.apply(payload)
	w.pending = append(w.pending, payload)
}

func (w *Workspace) apply(payload event.Payload) {
	switch e := payload.(type) {
	case WorkspaceCreated:
		w.name = e.Name
		w.matchRule = e.MatchRule
	case ShopConnected:
		w.shops[e.Shop.ID] = e.Shop
	case ShopDisconnected:
		delete(w.shops, e.ShopID)
	case MatchRuleChanged:
		w.matchRule = e.After
	}
}

func isShopID(id string) bool {
	return id != "" && len(id) <= maxShopIDLength && strings.Trim(id, "0123456789") == ""
}

func isHeaderName(name string) bool {
	if name == "" || len(name) > maxHeaderLength {
		return false
	}
	for _, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		digit := '0' <= r && r <= '9'
		if !letter && !digit && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) { // RFC 9110 §5.6.2, token
			return false
		}
	}
	return true
}

func isHeaderValue(value string) bool {
	if value == "" || len(value) > maxHeaderLength || strings.TrimSpace(value) != value {
		return false
	}
	for _, r := range value {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}
