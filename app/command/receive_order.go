package command

import (
	"context"
	"fmt"
	"net/textproto"
	"slices"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// EventLog appends events that were decided. The append is durable when it returns.
type EventLog interface {
	// Append does not wait behind more callers than the log takes: it fails with ErrOverloaded at once then, and nothing was
	// appended. When the context ends first it fails too, and what was under way by then may be in the log all the same.
	Append(ctx context.Context, events ...event.New) error
}

// ShopDirectory knows which shops may deliver.
type ShopDirectory interface {
	// Connections returns those of the workspace that a request's Host belongs to; the zero Connections when there is
	// no such workspace. With fresh set, nothing remembered from earlier is used.
	Connections(ctx context.Context, host string, fresh bool) (Connections, error)
}

// RefusedAttempts notes calls of the webhook that were not taken and that the log holds nothing of, so that whoever connects a shop can
// be told what is wrong with what arrives.
type RefusedAttempts interface {
	// Note notes one. It waits for nothing and costs next to nothing: strangers make it be called.
	Note(workspaceID uuid.UUID, attempt delivery.Attempt)
}

// Connections are the shops that are connected to one workspace.
type Connections struct {
	WorkspaceID uuid.UUID
	// CodeTemplate makes the codes of new orders.
	CodeTemplate order.CodeTemplate
	Shops        []Connection
}

// Connection is what the deliveries of one connected shop are recognised by. After a rotation of its key a shop has two.
type Connection struct {
	ShopID     string
	HeaderKey  string
	HeaderHash workspace.HeaderHash
	// ValidUntil is the end of a connection by a key from before a rotation; zero for the key in force.
	ValidUntil time.Time
}

// Sender is an authenticated sender of deliveries: the shops of one workspace whose header it sent.
type Sender struct {
	workspaceID  uuid.UUID
	codeTemplate order.CodeTemplate
	shopIDs      []string
}

// AuthenticateDelivery is a webhook call before its body is read.
type AuthenticateDelivery struct {
	Host string
	// Header returns the value of a request header, "" when it was not sent.
	Header func(name string) string
}

// ErrUnknownSender is the one answer to a missing header, a wrong value, an unknown shop and an unknown workspace, so
// that it tells a stranger nothing.
var ErrUnknownSender = problem.Unauthorized("unknown-sender",
	"no connected shop sends this header; compare key and value with those of the shop's webhook in Pancake")

// ErrOverloaded is the answer to deliveries beyond those that can be under way at once.
var ErrOverloaded = problem.Unavailable("overloaded",
	"as many deliveries are being taken as can be at once, and nothing of this one was kept; send it again in some seconds")

// AuthenticateDeliveryHandler handles AuthenticateDelivery.
type AuthenticateDeliveryHandler struct {
	shops    ShopDirectory
	attempts RefusedAttempts
	key      workspace.SecretKey
	now      func() time.Time
}

// NewAuthenticateDeliveryHandler makes the handler.
func NewAuthenticateDeliveryHandler(
	shops ShopDirectory, attempts RefusedAttempts, key workspace.SecretKey, now func() time.Time,
) AuthenticateDeliveryHandler {
	return AuthenticateDeliveryHandler{shops: shops, attempts: attempts, key: key, now: now}
}

// Handle finds the shops whose header was sent, or returns ErrUnknownSender.
func (h AuthenticateDeliveryHandler) Handle(ctx context.Context, cmd AuthenticateDelivery) (Sender, error) {
	var connections Connections
	for _, fresh := range []bool{false, true} { // a shop that was connected a moment ago may not be remembered yet
		var err error
		if connections, err = h.shops.Connections(ctx, cmd.Host, fresh); err != nil {
			return Sender{}, fmt.Errorf("look up connected shops: %w", err)
		}
		if sender := h.match(connections, cmd.Header); len(sender.shopIDs) > 0 {
			return sender, nil
		}
	}
	if connections.WorkspaceID != uuid.Nil {
		h.attempts.Note(connections.WorkspaceID, attemptOf(connections, cmd.Header))
	}
	return Sender{}, ErrUnknownSender
}

// attemptOf tells what was wrong with the headers of a call. It looks at all shops, whichever header was sent.
func attemptOf(connections Connections, header func(string) string) delivery.Attempt {
	attempt := delivery.Attempt{Reason: delivery.AttemptHeaderMissing}
	for _, shop := range connections.Shops {
		if header(textproto.CanonicalMIMEHeaderKey(shop.HeaderKey)) != "" {
			attempt = delivery.Attempt{Reason: delivery.AttemptHeaderWrong, HeaderKey: shop.HeaderKey}
		}
	}
	return attempt
}

// match compares in constant time, and always as often as the usual limit of shops, so that the time it takes does not
// tell how many shops there are or which one was nearly right.
func (h AuthenticateDeliveryHandler) match(connections Connections, header func(string) string) Sender {
	sender := Sender{workspaceID: connections.WorkspaceID, codeTemplate: connections.CodeTemplate}
	for i := range max(2*workspace.DefaultShopLimit, len(connections.Shops)) {
		var shop Connection
		if i < len(connections.Shops) {
			shop = connections.Shops[i]
		}
		sent := h.key.Hash(header(textproto.CanonicalMIMEHeaderKey(shop.HeaderKey)))
		inForce := shop.ValidUntil.IsZero() || h.now().Before(shop.ValidUntil)
		if sent.Equal(shop.HeaderHash) && inForce && !slices.Contains(sender.shopIDs, shop.ShopID) {
			sender.shopIDs = append(sender.shopIDs, shop.ShopID)
		}
	}
	return sender
}

// ReceiveOrder is an authenticated webhook call.
type ReceiveOrder struct {
	Sender Sender
	// Body is what was received, exactly.
	Body    []byte
	Request delivery.Request
}

// Receipt is the answer to a webhook call.
type Receipt struct {
	// DeliveryID is the correlation id of all that comes of the call; the zero UUID when it was ignored.
	DeliveryID uuid.UUID
	// Ignored is the kind of a body that is no order, such as "customers"; empty when the order was received.
	Ignored string
}

// ReceiveOrderHandler handles ReceiveOrder.
type ReceiveOrderHandler struct {
	log      EventLog
	reader   EnvelopeReader
	attempts RefusedAttempts
	now      func() time.Time
}

// NewReceiveOrderHandler makes the handler.
func NewReceiveOrderHandler(log EventLog, reader EnvelopeReader, attempts RefusedAttempts, now func() time.Time) ReceiveOrderHandler {
	return ReceiveOrderHandler{log: log, reader: reader, attempts: attempts, now: now}
}

// Handle puts the order into the log, and returns when it is safe there. What cannot be an order of the sender's shops
// is refused with a problem, and kept as DeliveryRejected.
func (h ReceiveOrderHandler) Handle(ctx context.Context, cmd ReceiveOrder) (Receipt, error) {
	envelope, err := h.reader.ReadEnvelope(cmd.Body)
	if err != nil {
		return Receipt{}, h.reject(ctx, cmd, err)
	}
	if envelope.Kind != "" && envelope.Kind != "orders" {
		for _, shopID := range cmd.Sender.shopIDs {
			h.attempts.Note(cmd.Sender.workspaceID, delivery.Attempt{Reason: delivery.AttemptOtherData, ShopID: shopID})
		}
		return Receipt{Ignored: envelope.Kind}, nil
	}
	if !slices.Contains(cmd.Sender.shopIDs, envelope.ShopID) {
		return Receipt{}, h.reject(ctx, cmd, problem.Forbidden("shop-mismatch",
			"the header belongs to another shop than the order; check which shop's webhook has this key and value"))
	}
	id, now := event.NewID(), h.now().UTC().Truncate(time.Microsecond) // as exact as the database
	cmd.Request.Bytes = len(cmd.Body)
	err = h.log.Append(ctx, h.event(cmd, id, delivery.OrderReceived{
		ShopID: envelope.ShopID, OrderID: envelope.OrderID, OrderCode: cmd.Sender.codeTemplate.Code(envelope.ShopID, envelope.OrderID),
		EventType: envelope.EventType, ReceivedAt: now, Request: cmd.Request,
	}))
	if err != nil {
		return Receipt{}, fmt.Errorf("append received order: %w", err)
	}
	return Receipt{DeliveryID: id}, nil
}

// Refuse keeps an authenticated call whose body could not be read whole as DeliveryRejected, with as much of the body as
// came, and returns why it was refused.
func (h ReceiveOrderHandler) Refuse(ctx context.Context, cmd ReceiveOrder, refusal *problem.Error) error {
	return h.reject(ctx, cmd, refusal)
}

// reject keeps what was refused, and returns why it was. When it cannot be kept, that comes first: the sender is to
// try again.
func (h ReceiveOrderHandler) reject(ctx context.Context, cmd ReceiveOrder, cause error) error {
	refusal, ok := problem.Of(cause)
	if !ok {
		return cause
	}
	cmd.Request.Bytes = len(cmd.Body)
	err := h.log.Append(ctx, h.event(cmd, event.NewID(), delivery.DeliveryRejected{
		Reason: refusal.Code(), Detail: refusal.Error(), ShopIDs: cmd.Sender.shopIDs, ReceivedAt: h.now().UTC(), Request: cmd.Request,
	}))
	if err != nil {
		return fmt.Errorf("append rejected delivery: %w", err)
	}
	return refusal
}

func (h ReceiveOrderHandler) event(cmd ReceiveOrder, deliveryID uuid.UUID, payload event.Payload) event.New {
	return event.New{
		ID: event.NewID(), WorkspaceID: cmd.Sender.workspaceID, Stream: event.DeliveryStream(deliveryID), Version: 1,
		Actor: event.ActorWebhook, CorrelationID: deliveryID, Payload: payload, Body: cmd.Body,
	}
}
