package postgres

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/projection"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// decoders knows every event type that may be in the log, by its stored name. A type is never taken out.
var decoders = map[string]func([]byte) (event.Payload, error){
	"OrderReceived":    decodeInto[delivery.OrderReceived],
	"DeliveryRejected": decodeInto[delivery.DeliveryRejected],
	"IngestionHeld":    decodeInto[delivery.IngestionHeld],
	"IngestionRetried": decodeInto[delivery.IngestionRetried],
	"IngestionFailed":  decodeInto[delivery.IngestionFailed],

	"CustomerMatched": decodeInto[order.CustomerMatched],
	"SourceEnsured":   decodeInto[order.SourceEnsured],
	"OrderCreated":    decodeInto[order.OrderCreated],
	"OrderUpdated":    decodeInto[order.OrderUpdated],
	"OrderUnchanged":  decodeInto[order.OrderUnchanged],
	"OrderSkipped":    decodeInto[order.OrderSkipped],
	"OrderReassigned": decodeInto[order.OrderReassigned],

	"CustomerCreated":  decodeInto[customer.CustomerCreated],
	"CustomerImported": decodeInto[customer.CustomerImported],
	"CustomerUpdated":  decodeInto[customer.CustomerUpdated],
	"CustomerArchived": decodeInto[customer.CustomerArchived],
	"CustomerRestored": decodeInto[customer.CustomerRestored],

	"CustomersMerged":    decodeInto[customer.CustomersMerged],
	"CustomerMergedInto": decodeInto[customer.CustomerMergedInto],
	"CustomersUnmerged":  decodeInto[customer.CustomersUnmerged],
	"CustomerUnmerged":   decodeInto[customer.CustomerUnmerged],

	"UserAdded":       decodeInto[user.UserAdded],
	"UserUpdated":     decodeInto[user.UserUpdated],
	"UserDeactivated": decodeInto[user.UserDeactivated],
	"UserReactivated": decodeInto[user.UserReactivated],
	"StaffMapped":     decodeInto[user.StaffMapped],
	"StaffUnmapped":   decodeInto[user.StaffUnmapped],

	"WorkspaceCreated":        decodeInto[workspace.WorkspaceCreated],
	"WorkspaceHostsChanged":   decodeInto[workspace.WorkspaceHostsChanged],
	"WorkspaceDefaultChanged": decodeInto[workspace.WorkspaceDefaultChanged],
	"SettingsChanged":         decodeInto[workspace.SettingsChanged],
	"MatchRuleChanged":        decodeInto[workspace.MatchRuleChanged],

	"ShopConnected":     decodeInto[workspace.ShopConnected],
	"ShopUpdated":       decodeInto[workspace.ShopUpdated],
	"ShopKeyRotated":    decodeInto[workspace.ShopKeyRotated],
	"ShopAPIKeySet":     decodeInto[workspace.ShopAPIKeySet],
	"ShopAPIKeyRemoved": decodeInto[workspace.ShopAPIKeyRemoved],
	"ShopPaused":        decodeInto[workspace.ShopPaused],
	"ShopResumed":       decodeInto[workspace.ShopResumed],
	"ShopDisconnected":  decodeInto[workspace.ShopDisconnected],

	"ProjectionEventSkipped":     decodeInto[projection.EventSkipped],
	"ProjectionPreviousDropped":  decodeInto[projection.PreviousDropped],
	"ProjectionRebuildCancelled": decodeInto[projection.RebuildCancelled],
	"ProjectionRebuildStarted":   decodeInto[projection.RebuildStarted],
	"ProjectionRebuilt":          decodeInto[projection.Rebuilt],
	"ProjectionRolledBack":       decodeInto[projection.RolledBack],

	"TokenCreated": decodeInto[workspace.TokenCreated],
	"TokenRevoked": decodeInto[workspace.TokenRevoked],

	"AccountInvited":       decodeInto[workspace.AccountInvited],
	"AccountPasswordSet":   decodeInto[workspace.AccountPasswordSet],
	"AccountResetIssued":   decodeInto[workspace.AccountResetIssued],
	"AccountRoleChanged":   decodeInto[workspace.AccountRoleChanged],
	"AccountSessionsEnded": decodeInto[workspace.AccountSessionsEnded],
	"AccountRemoved":       decodeInto[workspace.AccountRemoved],
	"AccountSignedIn":      decodeInto[workspace.AccountSignedIn],
	"AccountLocked":        decodeInto[workspace.AccountLocked],
	"ContactRevealed":      decodeInto[workspace.ContactRevealed],
}

func decodeInto[P event.Payload](stored []byte) (event.Payload, error) {
	var payload P
	if err := json.Unmarshal(stored, &payload); err != nil {
		return nil, err
	}
	return payload, nil
}

// decodePayload reads a stored payload. A field that this version does not know is left out; a type that it does not
// know is an error, since leaving the event out could mean leaving out an order.
func decodePayload(eventType string, stored []byte) (event.Payload, error) {
	decode, ok := decoders[eventType]
	if !ok {
		return nil, fmt.Errorf("decode event: type %q is not known; is a newer version of Orderbridge running?", eventType)
	}
	payload, err := decode(stored)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", eventType, err)
	}
	return payload, nil
}

// saltBytes is the size of the salt that makes a digest useless for guessing what was erased.
const saltBytes = 16

// encodedEvents are events in the form in which they are inserted: an array a column.
type encodedEvents = dbsqlc.AppendEventsParams

// encode makes the columns of events. It is done by the caller of an append, so that the writer behind the lock only
// has to send them.
func encode(events []event.New) (encodedEvents, error) {
	var out encodedEvents
	for _, e := range events {
		payload, err := encodePayload(e.Payload)
		if err != nil {
			return encodedEvents{}, fmt.Errorf("encode %s: %w", e.Payload.EventName(), err)
		}
		salt := make([]byte, saltBytes)
		_, _ = rand.Read(salt) // never fails: crypto/rand ends the program instead
		out.IDs = append(out.IDs, e.ID)
		out.WorkspaceIds = append(out.WorkspaceIds, e.WorkspaceID)
		out.Streams = append(out.Streams, string(e.Stream))
		out.Versions = append(out.Versions, int32(e.Version)) //nolint:gosec // a stream never has two billion events
		out.Types = append(out.Types, e.Payload.EventName())
		out.SchemaVersions = append(out.SchemaVersions, int16(e.Payload.EventVersion())) //nolint:gosec // small by construction
		out.CorrelationIds = append(out.CorrelationIds, e.CorrelationID)
		out.CausationIds = append(out.CausationIds, e.CausationID)
		out.Actors = append(out.Actors, string(e.Actor))
		out.Payloads = append(out.Payloads, payload)
		out.Bodies = append(out.Bodies, e.Body)
		out.Salts = append(out.Salts, salt)
		out.Digests = append(out.Digests, digest(salt, payload, e.Body))
	}
	return out, nil
}

// merge joins what several callers append.
func merge(parts []encodedEvents) encodedEvents {
	if len(parts) == 1 {
		return parts[0]
	}
	var all encodedEvents
	for _, part := range parts {
		all.IDs = append(all.IDs, part.IDs...)
		all.WorkspaceIds = append(all.WorkspaceIds, part.WorkspaceIds...)
		all.Streams = append(all.Streams, part.Streams...)
		all.Versions = append(all.Versions, part.Versions...)
		all.Types = append(all.Types, part.Types...)
		all.SchemaVersions = append(all.SchemaVersions, part.SchemaVersions...)
		all.CorrelationIds = append(all.CorrelationIds, part.CorrelationIds...)
		all.CausationIds = append(all.CausationIds, part.CausationIds...)
		all.Actors = append(all.Actors, part.Actors...)
		all.Payloads = append(all.Payloads, part.Payloads...)
		all.Bodies = append(all.Bodies, part.Bodies...)
		all.Salts = append(all.Salts, part.Salts...)
		all.Digests = append(all.Digests, part.Digests...)
	}
	return all
}

// encodePayload makes the canonical JSON of a payload: sorted keys, no white space, numbers exactly as they are. jsonb
// keeps neither order nor white space, so this form is what a digest can be checked against later.
func encodePayload(payload event.Payload) ([]byte, error) {
	// Text that is not UTF-8, from a request header for instance, must not keep an event out of the log.
	encoded, err := json.Marshal(payload, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, err
	}
	return canonical(encoded)
}

func canonical(encoded []byte) ([]byte, error) {
	value := jsontext.Value(encoded)
	err := value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return value, err
}

// digest is SHA-256(salt ‖ canonical payload ‖ body).
func digest(salt, canonicalPayload, body []byte) []byte {
	hash := sha256.New()
	hash.Write(salt)
	hash.Write(canonicalPayload)
	hash.Write(body)
	return hash.Sum(nil)
}

// recorded reads an event as a query returned it.
func recorded(row dbsqlc.StreamRow) (event.Recorded, error) {
	payload, err := decodePayload(row.Type, []byte(row.Payload))
	if err != nil {
		return event.Recorded{}, fmt.Errorf("event %d: %w", row.Position, err)
	}
	e := undecoded(row)
	e.Payload = payload
	return e, nil
}

// undecoded is an event of which only its envelope is read.
func undecoded(row dbsqlc.StreamRow) event.Recorded {
	return event.Recorded{
		New: event.New{
			ID: row.ID, WorkspaceID: row.WorkspaceID, Stream: event.Stream(row.Stream), Version: int(row.Version),
			Actor: event.Actor(row.Actor), CorrelationID: row.CorrelationID, CausationID: row.CausationID.UUID,
			Payload: event.Undecoded{Name: row.Type, Version: int(row.SchemaVersion)}, Body: row.Body,
		},
		Position: row.Position, SchemaVersion: int(row.SchemaVersion), RecordedAt: row.RecordedAt.In(time.UTC),
		Stored: []byte(row.Payload),
	}
}
