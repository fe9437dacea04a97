package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/domain/event"
)

const (
	// appendLock is the advisory lock under which positions are assigned.
	appendLock int64 = 0x6f72646272646765 // "ordbrdge"

	// appendedChannel is notified with the types of the events of each append.
	appendedChannel = "orderbridge_appended"
)

// queueAppend adds an append to a pipeline: insert under the lock, notify. It comes last in a transaction, so that the lock is
// held for the insert and the commit only.
func queueAppend(ctx context.Context, p *pipeline, events encodedEvents) error {
	if len(events.IDs) == 0 {
		return nil
	}
	events.Lock = appendLock
	if err := queries.AppendEvents(ctx, p, events); err != nil {
		return err
	}
	types := slices.Compact(slices.Sorted(slices.Values(events.Types)))
	return queries.NotifyAppended(ctx, p, dbsqlc.NotifyAppendedParams{
		Channel: appendedChannel, EventTypes: strings.Join(types, ","),
	})
}

// loadStream reads the history of one thing.
func loadStream(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, stream event.Stream) ([]event.Recorded, error) {
	rows, err := queries.Stream(ctx, db, dbsqlc.StreamParams{WorkspaceID: workspaceID, Stream: string(stream)})
	return recordedAll(rows, err)
}
