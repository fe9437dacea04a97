package command

import "orderbridge/domain/order"

// Envelope is the bare minimum of a delivered body: what kind it is, and which order of which shop it is about.
type Envelope struct {
	// Kind is the root key "type": "orders" or empty for an order; anything else is not for us.
	Kind string
	// ShopID and OrderID are exact texts, also beyond 2^53.
	ShopID  string
	OrderID string
	// EventType is a hint ("create", "update"); nothing is decided on it.
	EventType string
}

// EnvelopeReader reads the bare minimum of a delivered body, fast: it runs between the socket and the log. It returns
// what could be read beside a problem of kind malformed (not JSON) or invalid (no usable order id or shop id).
type EnvelopeReader interface {
	ReadEnvelope(body []byte) (Envelope, error)
}

// OrderInterpreter turns a delivered body into our words. Times that the body lacks are zero. Its problems say what about
// the order cannot be understood.
type OrderInterpreter interface {
	Interpret(body []byte) (order.State, error)
}
