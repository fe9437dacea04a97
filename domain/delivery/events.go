// Package delivery is about webhook calls: each one that was authenticated has a stream of its own, and its id is the
// correlation id of all that came of it.
package delivery

import "time"

// OrderReceived: a connected shop delivered an order. The exact bytes are the event's body.
type OrderReceived struct {
	ShopID  string `json:"shop_id"`
	OrderID string `json:"order_id"`
	// OrderCode is what the order is called in the CRM, so that a delivery can be found by it before it is processed.
	OrderCode string `json:"order_code"`
	// EventType is Pancake's hint ("create", "update"); nothing is decided on it.
	EventType string `json:"event_type,omitempty"`
	// Origin is where it came from when no webhook brought it: "backfill".
	Origin     string    `json:"origin,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	Request    Request   `json:"request"`
}

// Request is what is kept of an HTTP request: nothing that could be a secret.
type Request struct {
	Host        string `json:"host,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	UserAgent   string `json:"user_agent,omitempty"`
	RemoteAddr  string `json:"remote_addr,omitempty"`
	// Bytes is the size of the body.
	Bytes int `json:"bytes"`
}

func (OrderReceived) EventName() string        { return "OrderReceived" }
func (OrderReceived) EventVersion() int        { return 2 }
func (OrderReceived) PersonalFields() []string { return nil }

// DeliveryRejected: an authenticated delivery was refused at the door. What came is the event's body.
type DeliveryRejected struct {
	// Reason is a stable code, such as "shop-mismatch".
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// ShopIDs are the shops that the request's header belongs to.
	ShopIDs    []string  `json:"shop_ids"`
	ReceivedAt time.Time `json:"received_at"`
	Request    Request   `json:"request"`
}

func (DeliveryRejected) EventName() string        { return "DeliveryRejected" }
func (DeliveryRejected) EventVersion() int        { return 1 }
func (DeliveryRejected) PersonalFields() []string { return nil }

// IngestionHeld: a received order waits, and what it waits for. It is brought in when that is over.
type IngestionHeld struct {
	ShopID  string `json:"shop_id"`
	OrderID string `json:"order_id"`
	// Reason is a stable code: "shop-paused".
	Reason string `json:"reason"`
}

func (IngestionHeld) EventName() string        { return "IngestionHeld" }
func (IngestionHeld) EventVersion() int        { return 1 }
func (IngestionHeld) PersonalFields() []string { return nil }

// HeldShopPaused: deliveries of a paused shop wait until the shop is resumed.
const HeldShopPaused = "shop-paused"

// IngestionRetried: a delivery is to be brought in once more. What was delivered is in the first event of the stream.
type IngestionRetried struct {
	// Reason is a stable code: "shop-resumed" or "requested".
	Reason string `json:"reason"`
	// Attempt is the number of the attempt that is asked for, of those that ended: the first is that of the delivery itself.
	// 0 where that is not told.
	Attempt int `json:"attempt,omitzero"`
}

func (IngestionRetried) EventName() string        { return "IngestionRetried" }
func (IngestionRetried) EventVersion() int        { return 2 }
func (IngestionRetried) PersonalFields() []string { return nil }

// BodyNotKept is the reason of an attempt to bring in what was refused before its body was read.
const BodyNotKept = "body-not-kept"

// Why a delivery is tried again.
const (
	// RetriedShopResumed: the shop that the order waited for was resumed.
	RetriedShopResumed = "shop-resumed"
	// RetriedOnRequest: the event's actor asked for it.
	RetriedOnRequest = "requested"
)

// IngestionFailed: a received order could not be turned into a customer and an order.
type IngestionFailed struct {
	ShopID  string `json:"shop_id"`
	OrderID string `json:"order_id"`
	// Reason is a stable code, such as "money-unreadable".
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Attempt int    `json:"attempt"`
}

func (IngestionFailed) EventName() string        { return "IngestionFailed" }
func (IngestionFailed) EventVersion() int        { return 1 }
func (IngestionFailed) PersonalFields() []string { return nil }
