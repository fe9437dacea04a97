package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/delivery"
)

// maxAttemptsNoted bounds what is in memory between two writes.
const maxAttemptsNoted = 1000

// RefusedAttempts notes calls of the webhook that were not taken. Strangers make them, so noting one is adding a number in memory; what
// was noted is written together, by whoever calls Write.
type RefusedAttempts struct {
	db *Database

	mu    sync.Mutex
	noted map[notedAttempt]int64
}

type notedAttempt struct {
	delivery.Attempt

	workspaceID uuid.UUID
}

var _ command.RefusedAttempts = (*RefusedAttempts)(nil)

// NewRefusedAttempts makes the store.
func NewRefusedAttempts(db *Database) *RefusedAttempts {
	return &RefusedAttempts{db: db, noted: map[notedAttempt]int64{}}
}

// Note notes an attempt.
func (a *RefusedAttempts) Note(workspaceID uuid.UUID, attempt delivery.Attempt) {
	key := notedAttempt{attempt, workspaceID}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.noted[key]; known || len(a.noted) < maxAttemptsNoted {
		a.noted[key]++
	}
}

// Write writes what was noted since it was called last, one row for each way of going wrong, and forgets what is over. What cannot be
// written is lost: it helps somebody who connects a shop, who will try again.
func (a *RefusedAttempts) Write(ctx context.Context) error {
	noted := a.take()
	if len(noted) == 0 {
		return nil
	}
	var rows dbsqlc.NoteRefusedAttemptsParams
	for _, key := range slices.SortedFunc(maps.Keys(noted), compareAttempts) { // so that instances wait for each other in one order
		rows.WorkspaceIds = append(rows.WorkspaceIds, key.workspaceID)
		rows.Reasons = append(rows.Reasons, string(key.Reason))
		rows.HeaderKeys = append(rows.HeaderKeys, key.HeaderKey)
		rows.ShopIds = append(rows.ShopIds, key.ShopID)
		rows.Attempts = append(rows.Attempts, noted[key])
	}
	var p pipeline
	err := errors.Join(queries.ForgetRefusedAttempts(ctx, &p), queries.NoteRefusedAttempts(ctx, &p, rows))
	if err == nil {
		err = p.send(ctx, a.db.requests)
	}
	if err != nil {
		return fmt.Errorf("keep %d refused attempts: %w", len(noted), unavailable(err))
	}
	return nil
}

// take returns what was noted, and begins anew.
func (a *RefusedAttempts) take() map[notedAttempt]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	noted := a.noted
	a.noted = map[notedAttempt]int64{}
	return noted
}

func compareAttempts(a, b notedAttempt) int {
	return cmp.Or(slices.Compare(a.workspaceID[:], b.workspaceID[:]), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.HeaderKey, b.HeaderKey), cmp.Compare(a.ShopID, b.ShopID))
}

// RefusedAttempts are the ways in which calls of the webhook were not taken in the last hour, the latest first.
func (r ReadModel) RefusedAttempts(ctx context.Context, workspaceID uuid.UUID) ([]query.RefusedAttempt, error) {
	rows, err := queries.RefusedAttempts(ctx, r.db.requests, workspaceID)
	if err != nil {
		return nil, unavailable(err)
	}
	attempts := make([]query.RefusedAttempt, 0, len(rows))
	for _, row := range rows {
		attempts = append(attempts, query.RefusedAttempt{
			Attempt:  delivery.Attempt{Reason: delivery.AttemptReason(row.Reason), HeaderKey: row.HeaderKey, ShopID: row.ShopID},
			Attempts: row.Attempts, LastAt: row.LastAt.In(time.UTC),
		})
	}
	return attempts, nil
}
