// Package workspace is about one CRM domain and its settings: the hosts that it answers to, the shops that may deliver
// to it, the rules by which their orders are taken in, the tokens of those who may call its API, and the accounts of those who may
// sign in to its console.
//
//	workspace.go settings.go host.go   the workspace itself
//	shop.go                            connected shops and their keys
//	token.go account.go role.go        who may call the API or sign in, and what they may do
//	secret.go                          how secrets are hashed
package workspace

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Workspace decides what may be set, and remembers what was decided until it is stored.
type Workspace struct {
	version   int
	name      string
	hosts     []string
	isDefault bool
	settings  Settings
	// templates are all that order codes were ever made by.
	templates []string
	shops     map[string]Shop
	tokens    map[uuid.UUID]Token
	accounts  map[uuid.UUID]Account
	pending   []event.Payload

	// settingsVersion and shopVersions are those of the last event about them.
	settingsVersion int
	shopVersions    map[string]int

	headerHashes   map[string]HeaderHash
	sealedAPIKeys  map[string][]byte
	tokenHashes    map[uuid.UUID][sha256.Size]byte
	passwordHashes map[uuid.UUID]string
	invitations    map[uuid.UUID]Invitation
}

func empty() *Workspace {
	return &Workspace{
		settings:     DefaultSettings(),
		templates:    []string{DefaultSettings().OrderCodeTemplate},
		shops:        map[string]Shop{},
		tokens:       map[uuid.UUID]Token{},
		accounts:     map[uuid.UUID]Account{},
		shopVersions: map[string]int{},
		headerHashes: map[string]HeaderHash{}, sealedAPIKeys: map[string][]byte{},
		tokenHashes: map[uuid.UUID][sha256.Size]byte{}, passwordHashes: map[uuid.UUID]string{}, invitations: map[uuid.UUID]Invitation{},
	}
}

// Rehydrate folds what happened to a workspace into its settings now. Only the event log calls it: it trusts the facts,
// and refuses nothing that an older rule allowed.
func Rehydrate(history []event.Recorded) *Workspace {
	w := empty()
	for _, recorded := range history {
		w.version = recorded.Version
		w.apply(recorded.Payload)
	}
	return w
}

// Create makes a workspace with the settings that a new one has. All invalid fields are reported at once.
func Create(name string, hosts []string, isDefault bool) (*Workspace, error) {
	var invalid []problem.Field
	name, err := contact.ParseName(name)
	if err != nil {
		invalid = append(invalid, problem.Field{Path: "name", Message: err.Error()})
	}
	hosts, wrong := parseHosts("hosts", hosts)
	if invalid = append(invalid, wrong...); len(invalid) > 0 {
		return nil, problem.InvalidFields("workspace-invalid", invalid...)
	}
	w := empty()
	w.record(WorkspaceCreated{Name: name, MatchRule: w.settings.MatchRule, Hosts: hosts, IsDefault: isDefault})
	return w, nil
}

// Name is the workspace's name.
func (w *Workspace) Name() string { return w.name }

// Version is that of the last event of the workspace's stream, those included that are not stored yet.
func (w *Workspace) Version() int { return w.version }

// Pending is what was decided and is not stored yet.
func (w *Workspace) Pending() []event.Payload { return w.pending }

func (w *Workspace) record(payload event.Payload) {
	w.version++
	w.apply(payload)
	w.pending = append(w.pending, payload)
}

// apply folds an event that made the stream reach w.version.
func (w *Workspace) apply(payload event.Payload) {
	switch e := payload.(type) {
	case WorkspaceCreated:
		w.name, w.hosts, w.isDefault = e.Name, e.Hosts, e.IsDefault
		w.settings.MatchRule = e.MatchRule
		w.settingsVersion = w.version
	case WorkspaceHostsChanged:
		w.hosts = e.After
	case WorkspaceDefaultChanged:
		w.isDefault = e.IsDefault
	case MatchRuleChanged:
		w.settings.MatchRule = e.After
		w.settingsVersion = w.version
	case SettingsChanged:
		rule := w.settings.MatchRule
		w.settings = e.Settings
		w.settings.MatchRule = rule
		w.templates = append(w.templates, e.Settings.OrderCodeTemplate)
		w.settingsVersion = w.version
	case ShopConnected:
		w.setShop(e.Shop)
	case ShopUpdated:
		w.setShop(e.Shop)
	case ShopPaused:
		w.setShop(e.Shop)
	case ShopResumed:
		w.setShop(e.Shop)
	case ShopKeyRotated:
		w.setShop(e.Shop)
	case ShopAPIKeySet:
		w.setShop(e.Shop)
	case ShopAPIKeyRemoved:
		w.setShop(e.Shop)
	case ShopDisconnected:
		delete(w.shops, e.ShopID)
		delete(w.shopVersions, e.ShopID)
	case TokenCreated:
		w.tokens[e.TokenID] = Token{ID: e.TokenID, Name: e.Name, Role: e.RoleOrViewer()}
	case TokenRevoked:
		token := w.tokens[e.TokenID]
		token.Revoked = true
		w.tokens[e.TokenID] = token
	case AccountInvited:
		w.accounts[e.AccountID] = Account{ID: e.AccountID, Name: e.Name, Role: e.Role}
	case AccountPasswordSet:
		w.changeAccount(e.AccountID, func(a *Account) { a.HasPassword = true })
	case AccountRoleChanged:
		w.changeAccount(e.AccountID, func(a *Account) { a.Role = e.After })
	case AccountRemoved:
		w.changeAccount(e.AccountID, func(a *Account) { a.Removed = true })
	}
}

func (w *Workspace) changeAccount(id uuid.UUID, change func(*Account)) {
	account := w.accounts[id]
	change(&account)
	w.accounts[id] = account
}
