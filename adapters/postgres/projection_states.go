package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/projection"
)

// projectionStates tells where every projection of this program stands.
func (db *Database) projectionStates(ctx context.Context) ([]projection.Status, error) {
	rows, err := queries.ProjectionVersions(ctx, db.requests)
	if err != nil {
		return nil, unavailable(err)
	}
	head, err := queries.Head(ctx, db.requests) // after the cursors, so that no lag is negative
	if err != nil {
		return nil, unavailable(err)
	}
	building, err := db.beingRebuilt(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	var states []projection.Status
	for _, p := range Projections() {
		state, err := db.stateOf(ctx, p, rows, head, slices.Contains(building, p.Name))
		if err != nil {
			return nil, unavailable(err)
		}
		states = append(states, state)
	}
	return states, nil
}

// beingRebuilt names the projections that somebody rebuilds: they hold a lock on it.
func (db *Database) beingRebuilt(ctx context.Context) ([]string, error) {
	rows, err := db.requests.Query(ctx, `
		SELECT p.name FROM projections p
		JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1
			AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
			AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('orderbridge rebuild ' || p.name, 0)`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (db *Database) stateOf(
	ctx context.Context, p Projection, rows []dbsqlc.ProjectionVersionsRow, head int64, building bool,
) (projection.Status, error) {
	state := projection.Status{Name: p.Name, State: projection.Filling}
	var previous *dbsqlc.ProjectionVersionsRow
	for _, row := range rows {
		switch {
		case row.Name != p.Name:
			continue
		case row.Active:
			if err := db.tellShown(ctx, &state, p, row, head); err != nil {
				return state, err
			}
		case row.FinishedAt == nil:
			state.Rebuild = rebuildOf(row, head, building)
		case previous == nil || timeOf(row.TouchedAt).After(timeOf(previous.TouchedAt)):
			previous = &row
		}
	}
	if previous != nil {
		state.Previous = &projection.PreviousVersion{Version: int(previous.Version), Position: previous.Position}
		if previous.RunStartedAt != nil && building { // it is being gone back to
			state.Rebuild = rebuildOf(*previous, head, building)
		}
	}
	return state, nil
}

// tellShown tells where the version stands that is read.
func (db *Database) tellShown(ctx context.Context, state *projection.Status, p Projection, row dbsqlc.ProjectionVersionsRow, head int64) error {
	state.Version = int(row.Version)
	if row.CursorPosition != nil {
		state.Position = *row.CursorPosition
	}
	state.LagEvents = max(head-state.Position, 0)
	if state.LagEvents > 0 {
		since, err := queries.RecordedAt(ctx, db.requests, state.Position)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err == nil {
			state.LagSeconds = max(time.Since(since).Seconds(), 0)
		}
	}
	if row.TookSeconds > 0 && row.FinishedAt != nil {
		state.LastRebuild = &projection.RebuildDone{
			FinishedAt: row.FinishedAt.UTC(), AskedBy: row.AskedBy, AskedIn: row.AskedIn, TookSeconds: row.TookSeconds,
			ReadersWaitedMS: milliseconds(row.ReadersWaitedSeconds), LongestLockMS: milliseconds(row.LongestLockSeconds),
		}
	}
	if int(row.Definition) != p.Definition {
		return nil
	}
	state.State = projection.Live
	if row.Category == nil {
		return nil
	}
	state.State = projection.State(*row.Category)
	stop := projection.Stop{Category: *row.Category, Event: valueOf(row.EventType), Reason: valueOf(row.Reason), Since: timeOf(row.Since).UTC()}
	if row.StopPosition != nil {
		stop.Position = *row.StopPosition
		at, err := queries.WorkspaceAt(ctx, db.requests, stop.Position)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err == nil {
			stop.WorkspaceID.UUID, stop.WorkspaceID.Valid = at.WorkspaceID, true
		}
	}
	state.Stop = &stop
	return nil
}

// rebuildOf is how far a version is that is being built.
func rebuildOf(row dbsqlc.ProjectionVersionsRow, head int64, building bool) *projection.Rebuild {
	told := projection.Rebuild{
		Version: int(row.Version), State: projection.RebuildInterrupted, EventsDone: row.Position, EventsTotal: max(head, row.Position),
		StartedAt: row.CreatedAt.UTC(), AskedBy: row.AskedBy, AskedIn: row.AskedIn, Failure: valueOf(row.Failure),
		ReadersWaitedMS: milliseconds(row.ReadersWaitedSeconds), LongestLockMS: milliseconds(row.LongestLockSeconds),
	}
	if row.FailedPosition != nil {
		told.FailedPosition = *row.FailedPosition
	}
	switch {
	case row.RunStartedAt != nil && building:
		told.State, told.StartedAt = projection.RebuildRunning, row.RunStartedAt.UTC()
		told.Phase, told.Runner = valueOf(row.Phase), valueOf(row.Runner)
		if row.RunStartedFrom != nil {
			took := timeOf(row.TouchedAt).Sub(*row.RunStartedAt)
			told.EventsPerSecond, told.ETASeconds = pace(row.Position-*row.RunStartedFrom, head-row.Position, took)
		}
	case told.Failure != "":
		told.State = projection.RebuildFailed
	}
	return &told
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
