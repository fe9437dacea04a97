package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// EventFilter asks for a part of the log.
type EventFilter struct {
	// After is the position behind which the part begins; 0 for the beginning of the log. Upto is where it ends at the latest;
	// 0 for the head.
	After, Upto int64
	// Types are the events that are looked for; none stand for all.
	Types []string
	// Actor is whose events are looked for; empty for everybody's.
	Actor event.Actor
	// Limit is how many are given at most.
	Limit int
}

// Event is what happened, as the log has it, without bodies.
type Event struct {
	// Position is the event's place in the whole log, which all workspaces share: those of one workspace rise with gaps.
	Position      int64           `json:"position"`
	ID            uuid.UUID       `json:"id"`
	Type          string          `json:"type"`
	SchemaVersion int             `json:"schema_version"`
	Stream        event.Stream    `json:"stream"`
	Version       int             `json:"version"`
	RecordedAt    time.Time       `json:"recorded_at"`
	CorrelationID uuid.UUID       `json:"correlation_id"`
	CausationID   *uuid.UUID      `json:"causation_id"`
	Actor         event.Actor     `json:"actor"`
	Payload       json.RawMessage `json:"payload"`

	// undecoded tells that nobody knows which fields are personal.
	undecoded bool
	// personal are the fields of the payload that are masked for those who may not know them.
	personal []string
}

// EventOf is a recorded event as it is shown.
func EventOf(recorded event.Recorded) Event {
	e := Event{
		Position: recorded.Position, ID: recorded.ID, Type: recorded.Payload.EventName(), SchemaVersion: recorded.SchemaVersion,
		Stream: recorded.Stream, Version: recorded.Version, RecordedAt: recorded.RecordedAt, CorrelationID: recorded.CorrelationID,
		Actor: recorded.Actor, Payload: recorded.Stored, personal: maskedFields(recorded.Stream, recorded.Payload),
	}
	_, e.undecoded = recorded.Payload.(event.Undecoded)
	if recorded.CausationID != uuid.Nil {
		e.CausationID = &recorded.CausationID
	}
	return e
}

// Masked is the event as those see it who may not know phones and emails. What cannot be masked is not shown.
func (e Event) Masked() Event {
	payload, err := maskJSON(e.Payload, e.personal)
	if err != nil || e.undecoded {
		payload = json.RawMessage("{}")
	}
	e.Payload, e.Actor = payload, event.Actor(contact.MaskWithin(string(e.Actor))) // a token may be named after somebody
	return e
}

// EventPage is a part of the log.
type EventPage struct {
	Items []Event `json:"items"`
	// NextAfter is the position from which to go on: it has passed over what was looked at and not asked for.
	NextAfter int64 `json:"next_after"`
	// Head is the position of the newest event there was.
	Head int64 `json:"head"`
}

// ErrEventsAfterHead: somebody wants to go on from where the log never was. To give them what comes next would be to leave out, without a
// word, all that takes the place of what they have.
func ErrEventsAfterHead(head int64) *problem.Error {
	return problem.InvalidFields("events-after-head", problem.Field{Path: "after", Message: fmt.Sprintf("the log ends at position %d, before this "+
		"one; if it was restored from a backup, read again from a position that the backup had, or from 0", head)})
}

// Masked is the part as those see it who may not know phones and emails.
func (p EventPage) Masked() EventPage {
	p.Items = maskEach(p.Items, Event.Masked)
	return p
}

// Events reads which part of the log is asked for.
func (p *Parameters) Events(after *int64, types string, known []string, actor string, limit *int) EventFilter {
	filter := EventFilter{Actor: p.Actor(actor), Limit: p.Page(limit, "").Limit}
	if after != nil {
		filter.After = *after
	}
	if filter.After < 0 {
		p.Refuse("after", "this is a position of the log: the next_after of an earlier answer, or 0")
	}
	for name := range strings.SplitSeq(types, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case !slices.Contains(known, name):
			p.Refuse("types", "these are names of events, with commas between them; there are: "+strings.Join(known, ", "))
			return filter
		default:
			filter.Types = append(filter.Types, name)
		}
	}
	return filter
}

// EachEvent gives a workspace's events to a function, in their order, until it has come to a position: the head if that is
// 0. It holds a part of them at a time, and returns the position up to which everything was given.
func EachEvent(
	ctx context.Context, read ReadModel, workspaceID uuid.UUID, filter EventFilter, give func(EventPage) error,
) (position int64, err error) {
	filter.Limit = max(filter.Limit, eventChunk)
	for {
		page, err := read.Events(ctx, workspaceID, filter)
		if err != nil {
			return filter.After, err
		}
		if filter.Upto == 0 {
			filter.Upto = page.Head
		}
		if err := give(page); err != nil {
			return filter.After, err
		}
		if filter.After = page.NextAfter; filter.After >= filter.Upto {
			return filter.After, nil
		}
	}
}

// eventChunk is how many events are in memory at once.
const eventChunk = 100
