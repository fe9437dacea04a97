package command

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// By is who gives a command, and in which workspace.
type By struct {
	WorkspaceID uuid.UUID
	Actor       event.Actor
	// Once lets the command happen at most once; nil for one that may be repeated.
	Once *Once
}

// Once names a request that must not be done twice. It is stored in the transaction of the command.
type Once struct {
	// Caller and Key name the request, Fingerprint tells whether another one came under the same name.
	Caller, Key string
	Fingerprint [sha256.Size]byte
}

// ErrOnceTaken: a request of this name was done, or is being done at this moment.
var ErrOnceTaken = problem.Conflict("idempotency-key-in-use",
	"a request with this Idempotency-Key is being done, or was done and its answer was lost: send it again in some seconds, and if "+
		"that does not help look at the record")

// Stored is what a command left behind.
type Stored[T any] struct {
	// State is the record as it is now.
	State T
	// Version is that of the record's last event, which a later change may insist on.
	Version int
	// Position is where the command's last event stands in the log; 0 when nothing changed.
	Position int64
}

// IfVersion is the version of a record that a change insists on; 0 for whatever it is.
type IfVersion int

// Check refuses a change of a record that has another version by now.
func (v IfVersion) Check(version int) error {
	if v == 0 || int(v) == version {
		return nil
	}
	return errStale
}

// stateAfter decides as change does on a record that has the version which the change insists on, and notes what the record
// is after it.
func stateAfter[State any, Record interface {
	State() State
	Version() int
}](stored *Stored[State], ifVersion IfVersion, change func(Record) error) func(Record) error {
	return func(record Record) error {
		if err := ifVersion.Check(record.Version()); err != nil {
			return err
		}
		if err := change(record); err != nil {
			return err
		}
		stored.State, stored.Version = record.State(), record.Version()
		return nil
	}
}

var errStale = problem.Stale("version-stale", "somebody changed this since you read it; read it again and repeat your change")
