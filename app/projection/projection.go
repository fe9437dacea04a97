// Package projection is what can be asked of the read tables themselves: where each projection stands, and to make it anew. What
// they hold is asked in app/query.
package projection

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

// Keeper looks after the read tables. It is implemented by adapters/postgres.
type Keeper interface {
	// List tells where all of them stand.
	List(ctx context.Context) ([]Status, error)
	// Rebuild makes a new version from the log and shows it, or goes on with one that was interrupted. It returns when that
	// is done, and reports how far it is until then. Readers and the log's consumers go on meanwhile.
	Rebuild(ctx context.Context, cmd RebuildRequest, report func(Rebuild)) (Status, error)
	// StartRebuild is Rebuild in the running service: it returns when the work has begun, and goes on after a restart.
	StartRebuild(ctx context.Context, cmd RebuildRequest) (Status, error)
	// CancelRebuild ends a rebuild, wherever it runs, and drops what it built. When there is none it does nothing.
	CancelRebuild(ctx context.Context, by command.By, name string) error
	// DropPrevious drops the version that was read before the present one, if there is one.
	DropPrevious(ctx context.Context, by command.By, name string) error
	// Skip lets a projection pass over the event that it is stopped at, and returns where that decision stands in the log.
	Skip(ctx context.Context, cmd SkipRequest) (position int64, err error)
	// Verify compares what is read with what the log says, row by row.
	Verify(ctx context.Context, cmd VerifyRequest, report func(Rebuild)) (Verified, error)
	// StartVerify is Verify in the running service, for whoever does not wait for its end.
	StartVerify(by command.By, name string) error
	// Verification is the last one that was started so, in this instance and since it runs; ok is false when none was.
	Verification(name string) (last Verification, ok bool)
}

// VerifyRequest asks to compare a projection's tables with the log.
type VerifyRequest struct {
	Name string
	// Examples is how many differing rows of each table are given: the first, by what they hold. 0 stands for all.
	Examples int
}

// RebuildRequest asks for read tables to be made anew.
type RebuildRequest struct {
	By   command.By
	Name string
	// Rollback goes back to the version that was read before, caught up with the log.
	Rollback bool
}

// SkipRequest asks to let a projection pass over an event.
type SkipRequest struct {
	By   command.By
	Name string
	// Position is that of the event, which the projection has to be stopped at.
	Position int64
}

// State is whether a projection follows the log.
type State string

// The states of a projection.
const (
	// Live: it folds what comes in.
	Live State = "live"
	// Retrying: something keeps it from folding that may pass.
	Retrying State = "retrying"
	// Stopped: it is at an event that it cannot fold.
	Stopped State = "stopped"
	// Filling: the tables of this release are not shown yet; they are built.
	Filling State = "filling"
)

// Status is where the read tables of a name stand.
type Status struct {
	Name string `json:"name"`
	// Version is the one that is read. It rises with every rebuild.
	Version  int   `json:"version"`
	Position int64 `json:"position"`
	// LagEvents is how many events of the log it has not folded, LagSeconds how old the first of these is.
	LagEvents  int64   `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	State      State   `json:"state"`
	// Stop says why it does not move on; nil when it does.
	Stop *Stop `json:"stop"`
	// LastRebuild is how the version that is read came to be; nil for one that was there from the start.
	LastRebuild *RebuildDone `json:"last_rebuild"`
	// Rebuild is the version that is being built; nil when there is none.
	Rebuild *Rebuild `json:"rebuild"`
	// Previous is the version that was read before, which can be gone back to; nil when it was dropped.
	Previous *PreviousVersion `json:"previous"`
}

// ErrUnknown is the answer to a name that no projection has.
var ErrUnknown = problem.NotFound("projection-unknown", "no projection has this name; see /api/v1/projections, or: orderbridge projection list")

// Named finds where the projection of a name stands.
func Named(states []Status, name string) (Status, bool) {
	at := slices.IndexFunc(states, func(s Status) bool { return s.Name == name })
	if at < 0 {
		return Status{}, false
	}
	return states[at], true
}

// Stop is why a projection does not move on.
type Stop struct {
	// Category is "retrying" or "stopped".
	Category string `json:"category"`
	// Position is that of the first event that is not folded, and Event its type; 0 and "" when it is about none.
	Position int64     `json:"position"`
	Event    string    `json:"event"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"`

	// WorkspaceID is whose event it is.
	WorkspaceID uuid.NullUUID `json:"-"`
}

// RebuildDone is a rebuild that came to its end.
type RebuildDone struct {
	FinishedAt time.Time `json:"finished_at"`
	AskedBy    string    `json:"asked_by"`
	// AskedIn is the workspace of who asked.
	AskedIn     uuid.NullUUID `json:"-"`
	TookSeconds float64       `json:"took_seconds"`
	// ReadersWaitedMS is for how long the switch kept readers waiting at most, LongestLockMS how long it held a lock at most, both in
	// milliseconds and of all attempts.
	ReadersWaitedMS float64 `json:"readers_waited_ms"`
	LongestLockMS   float64 `json:"longest_lock_ms"`
}

// RebuildState is whether a rebuild moves on.
type RebuildState string

// The states of a rebuild.
const (
	RebuildRunning RebuildState = "running"
	// RebuildInterrupted: nobody builds it. Whoever rebuilds the projection next goes on from there.
	RebuildInterrupted RebuildState = "interrupted"
	// RebuildFailed: it ended with an error. Whoever rebuilds the projection next goes on from there.
	RebuildFailed RebuildState = "failed"
)

// Rebuild is how far a version is that is being built.
type Rebuild struct {
	Version int          `json:"version"`
	State   RebuildState `json:"state"`
	// Phase is what a running one does: filling, indexing or switching.
	Phase       string `json:"phase"`
	EventsDone  int64  `json:"events_done"`
	EventsTotal int64  `json:"events_total"`
	// EventsPerSecond is the rate of this run, ETASeconds what it makes of the rest: nil while that cannot be told.
	EventsPerSecond float64   `json:"events_per_second"`
	ETASeconds      *float64  `json:"eta_seconds"`
	StartedAt       time.Time `json:"started_at"`
	AskedBy         string    `json:"asked_by"`
	// AskedIn is the workspace of who asked.
	AskedIn uuid.NullUUID `json:"-"`
	// Runner is which process builds it: its host and number.
	Runner string `json:"runner"`
	// Failure is why the last run ended, FailedPosition at which event: 0 when it was about none.
	Failure        string `json:"failure"`
	FailedPosition int64  `json:"failed_position"`
	// ReadersWaitedMS and LongestLockMS are those of RebuildDone, of the attempts to switch so far.
	ReadersWaitedMS float64 `json:"readers_waited_ms"`
	LongestLockMS   float64 `json:"longest_lock_ms"`
}

// PreviousVersion is the version that was read before.
type PreviousVersion struct {
	Version  int   `json:"version"`
	Position int64 `json:"position"`
}

// Verification is a comparison that is made while nobody waits for it, or was made so.
type Verification struct {
	StartedAt time.Time
	AskedBy   string
	// AskedIn is the workspace of who asked.
	AskedIn uuid.UUID
	// Progress is how far the tables are that the comparison is made with.
	Progress Rebuild
	// FinishedAt is when it ended: zero while it goes on. Then there is either what it came to, or why it did not come to an end.
	FinishedAt time.Time
	Verified   Verified
	Err        error
}

// Verified is what a comparison of a projection's tables with freshly built ones came to.
type Verified struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Position int64           `json:"position"`
	Tables   []VerifiedTable `json:"tables"`
}

// VerifiedTable is what one table's comparison came to.
type VerifiedTable struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	// Different is how many rows differ; Examples are the first of them.
	Different int64          `json:"different"`
	Examples  []DifferentRow `json:"examples"`
}

// DifferentRow is a row that is not what the log says: as it is read, and as it is built from the log, by column; null for one
// that is only in one of them.
type DifferentRow struct {
	Read  json.RawMessage `json:"read"`
	Built json.RawMessage `json:"built"`
}

// Different is how many rows differ in all tables.
func (v Verified) Different() int64 {
	var n int64
	for _, table := range v.Tables {
		n += table.Different
	}
	return n
}

// SeenFrom is the projection as somebody of a workspace may see it: who acts in other workspaces, and what their events say,
// is not told. Whoever only reads is not told what events say.
func (p Status) SeenFrom(workspaceID uuid.UUID, contacts bool) Status {
	own := uuid.NullUUID{UUID: workspaceID, Valid: true}
	if p.Stop != nil {
		stop := *p.Stop
		if stop.Position != 0 && (!contacts || stop.WorkspaceID != own) {
			stop.Reason = "the event cannot be folded"
		}
		p.Stop = &stop
	}
	if p.LastRebuild != nil {
		done := *p.LastRebuild
		done.AskedBy = ActorSeenFrom(own, done.AskedIn, done.AskedBy)
		p.LastRebuild = &done
	}
	if p.Rebuild != nil {
		run := *p.Rebuild
		run.AskedBy = ActorSeenFrom(own, run.AskedIn, run.AskedBy)
		if run.FailedPosition != 0 {
			run.Failure = "the event cannot be folded"
		}
		p.Rebuild = &run
	}
	return p
}

// ActorSeenFrom is an actor as somebody of a workspace may see it: of those in other workspaces, only the kind.
func ActorSeenFrom(workspace, of uuid.NullUUID, actor string) string {
	if workspace == of {
		return actor
	}
	kind, _, _ := strings.Cut(actor, ":")
	return kind
}
