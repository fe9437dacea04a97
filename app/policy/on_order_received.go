// Package policy says what Orderbridge does when something happened: event in, command out.
package policy

import (
	"context"

	"orderbridge/app/command"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
)

// OnOrderReceived ingests every order that was received.
type OnOrderReceived struct {
	ingest command.IngestOrderHandler
}

// OnOrderReceivedName is the policy's name in the log's cursors. It is stored data: renaming it would ingest every
// order again.
const OnOrderReceivedName = "policy:on_order_received"

// NewOnOrderReceived makes the policy.
func NewOnOrderReceived(ingest command.IngestOrderHandler) OnOrderReceived {
	return OnOrderReceived{ingest: ingest}
}

// Handle reacts to the events of a slice.
func (p OnOrderReceived) Handle(ctx context.Context, store command.Ingestion, events []event.Recorded) error {
	received := make([]event.Recorded, 0, len(events))
	for _, recorded := range events {
		if _, ok := recorded.Payload.(delivery.OrderReceived); ok {
			received = append(received, recorded)
		}
	}
	return p.ingest.Handle(ctx, store, command.IngestOrder{Received: received})
}

// Park takes the one event out of the way that cannot be handled, visibly.
func (p OnOrderReceived) Park(ctx context.Context, store command.Ingestion, recorded event.Recorded) error {
	return p.ingest.Park(ctx, store, recorded)
}
