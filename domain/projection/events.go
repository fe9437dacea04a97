// Package projection holds what is decided about read tables: what people ask for, and which tables are read since.
package projection

// RebuildStarted: somebody asked for a projection's read tables to be made anew, or for those that were read before.
type RebuildStarted struct {
	Projection string `json:"projection"`
	// Version is the one that is built.
	Version int `json:"version"`
	// Position is up to where in the log it is filled already; 0 for a new one.
	Position int64 `json:"position,omitzero"`
	// Rollback tells that it was read before and is gone back to.
	Rollback bool `json:"rollback,omitzero"`
}

func (RebuildStarted) EventName() string { return "ProjectionRebuildStarted" }
func (RebuildStarted) EventVersion() int { return 1 }

// Rebuilt: new read tables are read from now on.
type Rebuilt struct {
	Switch

	// TookSeconds is how long all runs took that built them together.
	TookSeconds float64 `json:"took_seconds"`
}

func (Rebuilt) EventName() string { return "ProjectionRebuilt" }
func (Rebuilt) EventVersion() int { return 1 }

// RolledBack: read tables that were read before are read again.
type RolledBack struct{ Switch }

func (RolledBack) EventName() string { return "ProjectionRolledBack" }
func (RolledBack) EventVersion() int { return 1 }

// Switch is how one version of a projection's read tables took the place of another.
type Switch struct {
	Projection string `json:"projection"`
	// Version is the one that is read now, PreviousVersion the one that was until then; 0 for none.
	Version         int `json:"version"`
	PreviousVersion int `json:"previous_version,omitzero"`
	// Position is up to where in the log the tables were filled when they were read first.
	Position int64 `json:"position"`
	// ReadersWaitedMS is for how long the switch kept readers waiting at most, LongestLockMS how long it held a lock at most, in
	// milliseconds.
	ReadersWaitedMS float64 `json:"readers_waited_ms"`
	LongestLockMS   float64 `json:"longest_lock_ms"`
}

// RebuildCancelled: somebody ended a rebuild before its time.
type RebuildCancelled struct {
	Projection string `json:"projection"`
	// Version is the one that was being built, Position up to where in the log it was filled.
	Version  int   `json:"version"`
	Position int64 `json:"position"`
}

func (RebuildCancelled) EventName() string { return "ProjectionRebuildCancelled" }
func (RebuildCancelled) EventVersion() int { return 1 }

// PreviousDropped: the read tables that were read before cannot be gone back to any more.
type PreviousDropped struct {
	Projection string `json:"projection"`
	Version    int    `json:"version"`
}

func (PreviousDropped) EventName() string { return "ProjectionPreviousDropped" }
func (PreviousDropped) EventVersion() int { return 1 }

// EventSkipped: a projection passes over an event that it cannot fold, from now on and in every rebuild.
type EventSkipped struct {
	Projection string `json:"projection"`
	Position   int64  `json:"position"`
	// EventType is the type of the event that is passed over.
	EventType string `json:"event_type"`
	// Reason is why it could not be folded, in PostgreSQL's words. These may quote what the event says.
	Reason string `json:"reason"`
}

func (EventSkipped) EventName() string { return "ProjectionEventSkipped" }
func (EventSkipped) EventVersion() int { return 1 }

// PersonalFields implements event.Personal.
func (EventSkipped) PersonalFields() []string { return []string{"reason"} }
