package command

import (
	"context"

	"orderbridge/app/query"
)

// Projections looks after the read tables. It is implemented by adapters/postgres.
type Projections interface {
	// List tells where all of them stand.
	List(ctx context.Context) ([]query.Projection, error)
	// Rebuild makes a new version from the log and shows it, or goes on with one that was interrupted. It returns when that
	// is done, and reports how far it is until then. Readers and the log's consumers go on meanwhile.
	Rebuild(ctx context.Context, cmd RebuildProjection, report func(query.Rebuild)) (query.Projection, error)
	// StartRebuild is Rebuild in the running service: it returns when the work has begun, and goes on after a restart.
	StartRebuild(ctx context.Context, cmd RebuildProjection) (query.Projection, error)
	// CancelRebuild ends a rebuild, wherever it runs, and drops what it built. When there is none it does nothing.
	CancelRebuild(ctx context.Context, name string) error
	// DropPrevious drops the version that was read before the present one, if there is one.
	DropPrevious(ctx context.Context, by By, name string) error
	// Skip lets a projection pass over the event that it is stopped at, and returns where that decision stands in the log.
	Skip(ctx context.Context, cmd SkipEvent) (position int64, err error)
	// Verify compares what is read with what the log says, row by row.
	Verify(ctx context.Context, name string, report func(query.Rebuild)) (query.Verified, error)
}

// RebuildProjection makes read tables anew.
type RebuildProjection struct {
	By   By
	Name string
	// Rollback goes back to the version that was read before, caught up with the log.
	Rollback bool
}

// SkipEvent lets a projection pass over an event.
type SkipEvent struct {
	By   By
	Name string
	// Position is that of the event, which the projection has to be stopped at.
	Position int64
}
