// Package event is the envelope that every fact of Orderbridge travels in: what happened, where in the log it
// stands, who did it and what caused it. It knows no particular event; those live beside the thing they are about.
package event

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Payload is what an event says. Implementations are plain data with JSON tags: renaming a Go type or field must
// never change what a stored event means, so name and schema version are spelled out and stored in columns.
type Payload interface {
	// EventName is the stored name, in the past tense, such as "OrderCreated".
	EventName() string
	// EventVersion is the schema version, from 1. Schemas only grow: a new field is optional and raises it.
	EventVersion() int
}

// Personal is implemented by payloads that hold personal data. PersonalFields lists the JSON paths (dots between
// keys) that erasing a person blanks; a path that names an object or array blanks all of it.
type Personal interface {
	PersonalFields() []string
}

// Undecoded stands for the payload of an event that this release cannot read: one of a newer release, or a mistake. All of it may
// be personal.
type Undecoded struct {
	Name    string `json:"-"`
	Version int    `json:"-"`
}

func (u Undecoded) EventName() string { return u.Name }
func (u Undecoded) EventVersion() int { return u.Version }

// Stream names the sequence of events about one thing, such as "order/1635294032/2051".
type Stream string

// The streams. A prefix is stored data: it never changes.
const (
	streamDelivery = "delivery/"
	streamOrder    = "order/"
	streamCustomer = "customer/"
	streamUser     = "user/"
	streamAccount  = "account/"
	streamContact  = "contact/"

	streamProjection = "projection/"

	// WorkspaceStream holds a workspace's own settings.
	WorkspaceStream Stream = "workspace"
)

// DeliveryStream holds what happened to one webhook call.
func DeliveryStream(id uuid.UUID) Stream { return Stream(streamDelivery + id.String()) }

// OrderStream holds the life of one order of one shop.
func OrderStream(shopID, orderID string) Stream { return Stream(streamOrder + shopID + "/" + orderID) }

// OrderOf takes the stream of an order apart; ok is false for any other stream.
func OrderOf(stream Stream) (shopID, orderID string, ok bool) {
	rest, ok := strings.CutPrefix(string(stream), streamOrder)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/") // a shop's id has digits only
}

// CustomerStream holds the life of one customer.
func CustomerStream(id uuid.UUID) Stream { return Stream(streamCustomer + id.String()) }

// CustomerOf is the id of the customer whose stream it is; ok is false for any other stream.
func CustomerOf(stream Stream) (id string, ok bool) {
	return strings.CutPrefix(string(stream), streamCustomer)
}

// UserStream holds the life of one member of staff.
func UserStream(id uuid.UUID) Stream { return Stream(streamUser + id.String()) }

// AccountStream holds how an account was signed in to.
func AccountStream(id uuid.UUID) Stream { return Stream(streamAccount + id.String()) }

// ContactStream holds who was shown the phones and emails of a customer.
func ContactStream(customerID uuid.UUID) Stream { return Stream(streamContact + customerID.String()) }

// ProjectionStream holds what was decided about a projection in view of a workspace's events.
func ProjectionStream(name string) Stream { return Stream(streamProjection + name) }

// Actor says who made an event happen. It never holds personal data beyond the name that an operator chose.
type Actor string

const (
	// ActorWebhook is a connected shop's webhook call.
	ActorWebhook Actor = "webhook"
	// ActorPolicy is Orderbridge itself, reacting to an earlier event.
	ActorPolicy Actor = "policy"
	// ActorSystem is Orderbridge itself, setting up what it needs.
	ActorSystem Actor = "system"
	// ActorCommandLine is an operator at the command line of the server, of whom nothing else is known.
	ActorCommandLine Actor = "cli"
)

// ActorAtCommandLine is an operator at the command line of the server, by their name in the system.
func ActorAtCommandLine(operator string) Actor {
	if operator == "" {
		return ActorCommandLine
	}
	return ActorCommandLine + Actor(":"+operator)
}

// ActorAPI is whoever holds the API token of a name.
func ActorAPI(tokenName string) Actor { return Actor("api:" + tokenName) }

// ActorAccount is whoever is signed in to the account of a name.
func ActorAccount(name string) Actor { return Actor("account:" + name) }

// IsPerson tells an operator, or a program of theirs, from Orderbridge itself and from shops.
func (a Actor) IsPerson() bool { return a != ActorWebhook && a != ActorPolicy && a != ActorSystem }

// New is an event that was decided and is not in the log yet.
type New struct {
	// ID is a UUIDv7, made when the event was decided.
	ID          uuid.UUID
	WorkspaceID uuid.UUID
	Stream      Stream
	// Version is the event's place in its stream, from 1. The append is refused when it is taken.
	Version int
	Actor   Actor
	// CorrelationID is shared by all that came of one cause from outside: the delivery's id, or the operator's request.
	CorrelationID uuid.UUID
	// CausationID is the event that led to this one; the zero UUID when it came from outside.
	CausationID uuid.UUID
	Payload     Payload
	// Body holds received bytes exactly as they came, on the events that carry some.
	Body []byte
}

// Recorded is an event as it stands in the log.
type Recorded struct {
	New
	// Position is the place in the whole log: gapless, from 1, in the order of commits.
	Position int64
	// SchemaVersion is the version of the payload's schema when it was stored.
	SchemaVersion int
	// RecordedAt is the time of the append, UTC.
	RecordedAt time.Time
	// Stored is the payload as JSON, as the log holds it.
	Stored []byte
}

// NewID makes an id for an event or a record: a UUIDv7, so that ids sort by age and say nothing about a person.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
