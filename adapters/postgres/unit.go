package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// conflictAttempts is how often an operator's command is decided again when others came in between.
const conflictAttempts = 5

// update runs one command in a transaction: read, decide, change the directories, append; all of it again when another
// writer came in between. The append comes last, in one round trip with the directories. It returns where the last event
// stands in the log; 0 when there was nothing to append.
func (db *Database) update(
	ctx context.Context, by command.By, decide func(tx pgx.Tx, p *pipeline) ([]event.New, error),
) (position int64, err error) {
	for range conflictAttempts {
		var events []event.New
		err = pgx.BeginFunc(ctx, db.requests, func(tx pgx.Tx) error {
			if by.Once != nil { // first, so that a request which is repeated meanwhile waits for this one
				if err := claimOnce(ctx, tx, by.WorkspaceID, *by.Once); err != nil {
					return err
				}
			}
			var p pipeline
			var err error
			if events, err = decide(tx, &p); err != nil {
				return err
			}
			encoded, err := encode(events)
			if err != nil {
				return err
			}
			if err := queueAppend(ctx, &p, encoded); err != nil {
				return err
			}
			if err := p.send(ctx, tx); err != nil {
				return err
			}
			position, err = positionOf(ctx, tx, events)
			return err
		})
		if err == nil {
			return position, nil
		}
		if !isConflict(err) {
			return 0, unavailable(err)
		}
	}
	return 0, errBusy.Because(fmt.Errorf("decided %d times, and each time another writer was first: %w", conflictAttempts, err))
}

var errBusy = problem.Unavailable("busy", "many changes were made to this at once; try again in some seconds")

// positionOf is where the last of some events stands, which were appended in the transaction: whatever can fail has to fail
// before it is committed.
func positionOf(ctx context.Context, tx pgx.Tx, events []event.New) (int64, error) {
	if len(events) == 0 {
		return 0, nil
	}
	last := events[len(events)-1]
	position, err := queries.PositionOf(ctx, tx, dbsqlc.PositionOfParams{
		WorkspaceID: last.WorkspaceID, Stream: string(last.Stream), Version: int32(last.Version), //nolint:gosec // never two billion
	})
	if err != nil {
		return 0, fmt.Errorf("find where version %d of %s stands: %w", last.Version, last.Stream, err)
	}
	return position, nil
}

// pendingEvents puts what an aggregate decided into envelopes. Version is that of the last of them.
func pendingEvents(by command.By, stream event.Stream, version int, pending []event.Payload) []event.New {
	events := make([]event.New, 0, len(pending))
	correlation := event.NewID()
	for i, payload := range pending {
		events = append(events, event.New{
			ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: stream, Version: version - len(pending) + i + 1, Actor: by.Actor,
			CorrelationID: correlation, Payload: payload,
		})
	}
	return events
}

// nextOf puts what follows in a stream into its envelope.
func nextOf(ctx context.Context, tx pgx.Tx, by command.By, stream event.Stream, payload event.Payload) ([]event.New, error) {
	version, err := queries.StreamVersion(ctx, tx, dbsqlc.StreamVersionParams{WorkspaceID: by.WorkspaceID, Stream: string(stream)})
	if err != nil {
		return nil, fmt.Errorf("find where %s stands: %w", stream, err)
	}
	return pendingEvents(by, stream, int(version)+1, []event.Payload{payload}), nil
}
