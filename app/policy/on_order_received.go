// Package policy says what Orderbridge does when something happened: event in, command out.
package policy

import (
	"context"

	"orderbridge/app/command"
)

// OnOrderReceived ingests every order that was received, and again every one that is to be tried again.
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

// Handle reacts to what was received, or is to be tried again, in a slice.
func (p OnOrderReceived) Handle(ctx context.Context, store command.Ingestion, received []command.ReceivedOrder) error {
	return p.ingest.Handle(ctx, store, command.IngestOrder{Received: received})
}

// Park takes the one order out of the way that cannot be handled, visibly.
func (p OnOrderReceived) Park(ctx context.Context, store command.Ingestion, received command.ReceivedOrder) error {
	return p.ingest.Park(ctx, store, received)
}
