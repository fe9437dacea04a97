package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/command"
	"orderbridge/domain/event"
)

// conflictAttempts is how often an operator's command is decided again when others came in between.
const conflictAttempts = 5

// update runs one command in a transaction: read, decide, change the directories, append; all of it again when another
// writer came in between. The append comes last, in one round trip with the directories.
func (db *Database) update(ctx context.Context, decide func(tx pgx.Tx, p *pipeline) ([]event.New, error)) error {
	var err error
	for range conflictAttempts {
		err = pgx.BeginFunc(ctx, db.requests, func(tx pgx.Tx) error {
			var p pipeline
			events, err := decide(tx, &p)
			if err != nil {
				return err
			}
			encoded, err := encode(events)
			if err != nil {
				return err
			}
			if err := queueAppend(ctx, &p, encoded); err != nil {
				return err
			}
			return p.send(ctx, tx)
		})
		if !isConflict(err) {
			return unavailable(err)
		}
	}
	return fmt.Errorf("decided %d times, and each time another writer was first: %w", conflictAttempts, err)
}

// pendingEvents puts what an aggregate decided into envelopes.
func pendingEvents(by command.By, stream event.Stream, version int, pending []event.Payload) []event.New {
	events := make([]event.New, 0, len(pending))
	correlation := event.NewID()
	for i, payload := range pending {
		events = append(events, event.New{
			ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: stream, Version: version + i + 1, Actor: by.Actor,
			CorrelationID: correlation, Payload: payload,
		})
	}
	return events
}
