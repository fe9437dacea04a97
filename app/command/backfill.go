package command

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// OrderSource is Pancake's own API, which has history, and what webhooks lost.
type OrderSource interface {
	// Orders reads one page of a shop's orders that changed within a time, those that changed first first.
	Orders(ctx context.Context, asked OrdersAsked) (OrdersPage, error)
}

// OrdersAsked says which page of which orders.
type OrdersAsked struct {
	ShopID, APIKey string
	Since, Until   time.Time
	// Page counts from 1.
	Page int
}

// OrdersPage is a page of orders.
type OrdersPage struct {
	// Orders are as they came, each a JSON object.
	Orders [][]byte
	// Full tells that there may be more behind them.
	Full bool
	// Total is how many there are in all, as the source says; 0 when it does not.
	Total int
}

// OrderVersion is one version of an order, as the source has it.
type OrderVersion struct {
	ShopID, OrderID string
	UpdatedAt       time.Time
	OrderCode       string
	Body            []byte
}

// Backfills keeps which versions of orders were brought in from the source.
type Backfills interface {
	// Source is what is needed to ask for a shop's orders: a shop that is not connected, or has no API key, is a problem.
	Source(ctx context.Context, workspaceID uuid.UUID, shopID string) (BackfillSource, error)
	// Missing are those of some versions that the CRM has not got, nor a newer one, and that are not on their way.
	Missing(ctx context.Context, workspaceID uuid.UUID, versions []OrderVersion) ([]OrderVersion, error)
	// BringIn appends those that are still missing, each once, and returns how many.
	BringIn(ctx context.Context, by By, versions []OrderVersion, event func(OrderVersion) event.New) (int, error)
}

// BackfillSource is what is needed to ask for a shop's orders.
type BackfillSource struct {
	APIKey string
	// CodeOf makes the code of an order.
	CodeOf func(shopID, orderID string) string
}

// Backfill brings in orders of a shop that changed within a time and that the CRM has not got.
type Backfill struct {
	By           By
	ShopID       string
	Since, Until time.Time
	DryRun       bool
	// Progress is told how far it is; it may be nil.
	Progress func(Backfilled)
}

// originBackfill is where an order came from that no webhook brought. It is stored data. Who asked for it is the event's actor: the
// system, when it looked for lost webhooks.
const originBackfill = "backfill"

// Backfilled is what a backfill did.
type Backfilled struct {
	// Seen is how many orders the source gave, Total how many it says there are.
	Seen, Total int
	// Known are those that the CRM has, Missing those that it had not, BroughtIn those of them that were brought in.
	Known, Missing, BroughtIn int
	// Foreign are of another shop, Unreadable no orders. Both are left out.
	Foreign, Unreadable int
	// Upto is until when changes were read.
	Upto time.Time
}

// BackfillHandler handles Backfill.
type BackfillHandler struct {
	source    OrderSource
	backfills Backfills
	reader    EnvelopeReader
	versions  VersionReader
	now       func() time.Time
}

// VersionReader reads when an order changed last.
type VersionReader interface {
	UpdatedAt(body []byte) (time.Time, error)
}

// NewBackfillHandler makes the handler.
func NewBackfillHandler(
	source OrderSource, backfills Backfills, reader EnvelopeReader, versions VersionReader, now func() time.Time,
) BackfillHandler {
	return BackfillHandler{source: source, backfills: backfills, reader: reader, versions: versions, now: now}
}

var (
	errTimesSwapped = problem.Invalid("times-swapped", "the time to begin with is not before the one to end with")
	errRepeats      = problem.Unavailable("pancake-repeats",
		"Pancake gives the same orders again and again, so what comes after them cannot be read; what came before is brought in")
)

// Handle brings them in. It may be interrupted and run again.
func (h BackfillHandler) Handle(ctx context.Context, cmd Backfill) (done Backfilled, err error) {
	if cmd.Until.IsZero() {
		cmd.Until = h.now()
	}
	if !cmd.Since.Before(cmd.Until) {
		return done, errTimesSwapped
	}
	source, err := h.backfills.Source(ctx, cmd.By.WorkspaceID, cmd.ShopID)
	if err != nil {
		return done, err
	}
	asked := OrdersAsked{ShopID: cmd.ShopID, APIKey: source.APIKey, Since: cmd.Since, Until: cmd.Until, Page: 1}
	before := map[seenVersion]bool{} // on the page before: parts overlap
	for {
		page, err := h.source.Orders(ctx, asked)
		if err != nil {
			return done, err
		}
		done.Total = max(done.Total, page.Total)
		versions, latest := h.read(cmd, source, page, before, &done)
		if err := h.bringIn(ctx, cmd, versions, &done); err != nil {
			return done, err
		}
		if done.Upto = latest; cmd.Progress != nil {
			cmd.Progress(done)
		}
		if !page.Full || len(page.Orders) == 0 {
			return done, nil
		}
		// Pages shift while orders change, so the next one begins where this one ended. Within one second pages are turned.
		switch next := latest.Truncate(time.Second); {
		case next.After(asked.Since):
			asked.Since, asked.Page = next, 1
		case asked.Page < maxPagesOfASecond:
			asked.Page++
		default:
			return done, errRepeats
		}
	}
}

// maxPagesOfASecond is more than a shop changes in one second.
const maxPagesOfASecond = 100

// seenVersion is an order as it came.
type seenVersion [sha256.Size]byte

// read takes the orders of the shop out of a page, and tells when the last of them changed. Times beyond those that were asked for lead
// nowhere.
func (h BackfillHandler) read(
	cmd Backfill, source BackfillSource, page OrdersPage, before map[seenVersion]bool, done *Backfilled,
) (versions []OrderVersion, latest time.Time) {
	earlier := maps.Clone(before)
	clear(before)
	for _, body := range page.Orders {
		seen := seenVersion(sha256.Sum256(body))
		if before[seen] = true; !earlier[seen] {
			done.Seen++
		}
		envelope, err := h.reader.ReadEnvelope(body)
		var at time.Time
		if err == nil {
			at, err = h.versions.UpdatedAt(body)
		}
		if err == nil && envelope.ShopID == cmd.ShopID && !at.After(cmd.Until) && at.After(latest) {
			latest = at
		}
		switch {
		case earlier[seen]:
			continue
		case err != nil:
			done.Unreadable++
			continue
		case envelope.ShopID != cmd.ShopID:
			done.Foreign++
			continue
		}
		versions = append(versions, OrderVersion{
			ShopID: envelope.ShopID, OrderID: envelope.OrderID, UpdatedAt: at, Body: body,
			OrderCode: source.CodeOf(envelope.ShopID, envelope.OrderID),
		})
	}
	return versions, latest
}

func (h BackfillHandler) bringIn(ctx context.Context, cmd Backfill, versions []OrderVersion, done *Backfilled) error {
	missing, err := h.backfills.Missing(ctx, cmd.By.WorkspaceID, versions)
	if err != nil {
		return fmt.Errorf("look up %d orders: %w", len(versions), err)
	}
	done.Known += len(versions) - len(missing)
	done.Missing += len(missing)
	if cmd.DryRun || len(missing) == 0 {
		return nil
	}
	broughtIn, err := h.backfills.BringIn(ctx, cmd.By, missing, func(version OrderVersion) event.New { return h.event(cmd, version) })
	done.BroughtIn += broughtIn
	if err != nil {
		return fmt.Errorf("bring in %d orders: %w", len(missing), err)
	}
	return nil
}

func (h BackfillHandler) event(cmd Backfill, version OrderVersion) event.New {
	id := event.NewID()
	return event.New{
		ID: event.NewID(), WorkspaceID: cmd.By.WorkspaceID, Stream: event.DeliveryStream(id), Version: 1, Actor: cmd.By.Actor,
		CorrelationID: id, Body: version.Body, Payload: delivery.OrderReceived{
			ShopID: version.ShopID, OrderID: version.OrderID, OrderCode: version.OrderCode, Origin: originBackfill,
			ReceivedAt: h.now().UTC().Truncate(time.Microsecond), Request: delivery.Request{Bytes: len(version.Body)},
		},
	}
}
