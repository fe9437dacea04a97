package workspace

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

const (
	maxShopIDLength = 20
	maxHeaderLength = 256

	// MaxKeyOverlap is for how long the key before a rotation may still be taken.
	MaxKeyOverlap = 30 * 24 * time.Hour
)

// takenHeaders cannot carry a shop's secret: they are changed on the way, or kept with the delivery where the secret
// would be read.
var takenHeaders = []string{
	"Host", "Content-Type", "Content-Length", "Content-Encoding", "User-Agent", "Accept-Encoding", "Connection",
	"Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Expect", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
}

// Shop is a Pancake shop that is connected to a workspace. The header's value is a secret and not part of it.
type Shop struct {
	// ID is the number in pos.pancake.vn/shop/<id>/overview, as text. Whoever connects a shop may give the address whole.
	ID   string `json:"id"`
	Name string `json:"name"`
	// HeaderKey is the name of the request header that the shop sends.
	HeaderKey string `json:"header_key"`
	// DefaultAssigneeID is who gets an order that no creator leads to; the zero UUID for nobody.
	DefaultAssigneeID uuid.UUID `json:"default_assignee_id,omitzero"`
	// Paused tells that the shop's deliveries are kept and wait.
	Paused bool `json:"paused,omitzero"`
}

// ConnectShop lets a shop deliver. Of its header's value only the keyed hash is kept, and that in no event. assigneeKnown
// tells whether the default assignee is an active user, or nobody. All invalid fields are reported at once.
func (w *Workspace) ConnectShop(shop Shop, assigneeKnown bool, headerValue string, key SecretKey) error {
	shop.ID = ParseShopID(shop.ID)
	shop.HeaderKey = strings.TrimSpace(shop.HeaderKey)
	headerValue = strings.TrimSpace(headerValue) // as HTTP does
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
	invalid = append(invalid, checkHeader(shop.HeaderKey, headerValue)...)
	if !assigneeKnown {
		invalid = append(invalid, assigneeUnknown)
	}
	if len(invalid) > 0 {
		return problem.InvalidFields(codeShopInvalid, invalid...)
	}
	if _, taken := w.shops[shop.ID]; taken {
		return problem.Conflict("shop-connected", "shop %s is connected already; disconnect it first", shop.ID)
	}
	if len(w.shops) >= w.settings.ShopLimit {
		return problem.Conflict("shop-limit", "%d shops are connected, and this workspace takes at most %d; disconnect one, or raise "+
			"the limit with: orderbridge settings set --shop-limit N", len(w.shops), w.settings.ShopLimit)
	}
	w.headerHashes[shop.ID] = key.Hash(headerValue)
	w.record(ShopConnected{Shop: shop})
	return nil
}

const codeShopInvalid = "shop-invalid"

var assigneeUnknown = problem.Field{
	Path: "default_assignee_id", Message: "no active user has this id; see the list of users",
}

// checkHeader says what is wrong with the header that a shop is to send.
func checkHeader(key, value string) []problem.Field {
	var invalid []problem.Field
	if !isHeaderName(key) {
		invalid = append(invalid, problem.Field{
			Path: "header_key", Message: "the key is a header's name: letters, digits and hyphens, such as X-Pancake-Key",
		})
	}
	if slices.ContainsFunc(takenHeaders, func(taken string) bool { return strings.EqualFold(taken, key) }) {
		invalid = append(invalid, problem.Field{
			Path: "header_key", Message: "this header has a meaning of its own; choose another key, such as X-Pancake-Key",
		})
	}
	if !isHeaderValue(value) {
		invalid = append(invalid, problem.Field{
			Path: "header_value", Message: "the value is 1 to 256 bytes of text on one line",
		})
	}
	return invalid
}

// ShopEdit is what to change of a shop; nil leaves it as it is.
type ShopEdit struct {
	Name *string
	// DefaultAssigneeID of the zero UUID is nobody.
	DefaultAssigneeID *uuid.UUID
}

// UpdateShop changes what a shop is called and who gets its orders. assigneeKnown tells whether the new default assignee is
// an active user, or nobody. All invalid fields are reported at once; what stays the same says nothing new.
func (w *Workspace) UpdateShop(shopID string, edit ShopEdit, assigneeKnown bool) error {
	before, err := w.shop(shopID)
	if err != nil {
		return err
	}
	after := before
	var invalid []problem.Field
	if edit.Name != nil {
		if after.Name, err = contact.ParseName(*edit.Name); err != nil {
			invalid = append(invalid, problem.Field{Path: "name", Message: err.Error()})
		}
	}
	if edit.DefaultAssigneeID != nil {
		if after.DefaultAssigneeID = *edit.DefaultAssigneeID; !assigneeKnown {
			invalid = append(invalid, assigneeUnknown)
		}
	}
	if len(invalid) > 0 {
		return problem.InvalidFields(codeShopInvalid, invalid...)
	}
	var changes []event.Change
	if before.Name != after.Name {
		changes = append(changes, event.ChangeOf("name", before.Name, after.Name))
	}
	if before.DefaultAssigneeID != after.DefaultAssigneeID {
		changes = append(changes, event.ChangeOf(
			"default_assignee_id", event.OrNothing(before.DefaultAssigneeID), event.OrNothing(after.DefaultAssigneeID),
		))
	}
	if len(changes) > 0 {
		w.record(ShopUpdated{Shop: after, Changes: changes})
	}
	return nil
}

// RotateShopKey gives a shop a new header value, and another header too unless headerKey is empty. For the time of the
// overlap the ones before are taken as well; an overlap that was still running ends. All invalid fields are reported at once.
func (w *Workspace) RotateShopKey(shopID, headerKey, headerValue string, key SecretKey, overlap time.Duration, now time.Time) error {
	shop, err := w.shop(shopID)
	if err != nil {
		return err
	}
	before := shop.HeaderKey
	headerValue = strings.TrimSpace(headerValue)
	if headerKey = strings.TrimSpace(headerKey); headerKey != "" {
		shop.HeaderKey = headerKey
	}
	invalid := checkHeader(shop.HeaderKey, headerValue)
	if overlap < 0 || overlap > MaxKeyOverlap {
		invalid = append(invalid, problem.Field{
			Path: "overlap_seconds", Message: "the key before is taken for 0 to 30 days (2592000 seconds) more",
		})
	}
	if len(invalid) > 0 {
		return problem.InvalidFields(codeShopInvalid, invalid...)
	}
	w.headerHashes[shop.ID] = key.Hash(headerValue)
	rotated := ShopKeyRotated{Shop: shop, PreviousHeaderKey: before}
	if overlap > 0 {
		rotated.PreviousValidUntil = now.Add(overlap).UTC().Truncate(time.Microsecond) // as exact as the database
	}
	w.record(rotated)
	return nil
}

// SetShopAPIKey keeps a shop's key of Pancake's API, sealed, and that in no event. Where says whose key it is: it opens nowhere else.
func (w *Workspace) SetShopAPIKey(shopID, apiKey, where string, key SecretKey) error {
	shop, err := w.shop(shopID)
	if err != nil {
		return err
	}
	if apiKey = strings.TrimSpace(apiKey); !isHeaderValue(apiKey) {
		return problem.InvalidFields(codeShopInvalid, problem.Field{Path: "api_key", Message: "an API key is 1 to 256 bytes of text on one line"})
	}
	w.sealedAPIKeys[shop.ID] = key.Seal([]byte(apiKey), where)
	w.record(ShopAPIKeySet{Shop: shop})
	return nil
}

// RemoveShopAPIKey forgets a shop's key of Pancake's API.
func (w *Workspace) RemoveShopAPIKey(shopID string) error {
	shop, err := w.shop(shopID)
	if err != nil {
		return err
	}
	w.record(ShopAPIKeyRemoved{Shop: shop})
	return nil
}

// PauseShop lets a shop's deliveries wait. Pausing twice says nothing new.
func (w *Workspace) PauseShop(shopID string) error {
	shop, err := w.shop(shopID)
	if err != nil || shop.Paused {
		return err
	}
	shop.Paused = true
	w.record(ShopPaused{Shop: shop})
	return nil
}

// ResumeShop brings in what waited, and what comes from now on. Resuming twice says nothing new.
func (w *Workspace) ResumeShop(shopID string) error {
	shop, err := w.shop(shopID)
	if err != nil || !shop.Paused {
		return err
	}
	shop.Paused = false
	w.record(ShopResumed{Shop: shop})
	return nil
}

// DisconnectShop ends a shop's deliveries. What it delivered stays.
func (w *Workspace) DisconnectShop(shopID string) error {
	shop, err := w.shop(shopID)
	if err != nil {
		return err
	}
	w.record(ShopDisconnected{ShopID: shop.ID})
	return nil
}

// ShopVersion is that of the last event about a connected shop; 0 for a shop that is not connected.
func (w *Workspace) ShopVersion(shopID string) int { return w.shopVersions[shopID] }

// HeaderHash is the hash of the header value that a shop was given just now.
func (w *Workspace) HeaderHash(shopID string) HeaderHash { return w.headerHashes[shopID] }

// SealedAPIKey is the key that a shop was given just now, sealed.
func (w *Workspace) SealedAPIKey(shopID string) []byte { return w.sealedAPIKeys[shopID] }

func (w *Workspace) shop(id string) (Shop, error) {
	shop, connected := w.shops[id]
	if !connected {
		return Shop{}, ErrShopUnknown
	}
	return shop, nil
}

// ErrShopUnknown: no shop with this id is connected.
var ErrShopUnknown = problem.NotFound("shop-unknown", "no shop with this id is connected; see the list of shops")

func (w *Workspace) setShop(shop Shop) {
	w.shops[shop.ID] = shop
	w.shopVersions[shop.ID] = w.version
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

// isHeaderValue takes whatever HTTP carries (RFC 9110 §5.5), since the guide lets people choose any characters. What is
// not ASCII is compared in UTF-8.
func isHeaderValue(value string) bool {
	return value != "" && len(value) <= maxHeaderLength && utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl)
}

// ParseShopID reads the number of a shop, also out of the address of its page.
func ParseShopID(raw string) string {
	id := strings.TrimSpace(raw)
	if _, path, found := strings.Cut(id, "/shop/"); found {
		id = path
		if end := strings.IndexAny(path, "/?#"); end >= 0 {
			id = path[:end]
		}
	}
	return id
}
