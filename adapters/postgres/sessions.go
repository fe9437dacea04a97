package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/domain/workspace"
)

// Sessions keeps the console's sessions, on all instances. Of what the browser sends it keeps a hash, so that a copy of the database lets
// nobody in. Sessions whose time is over are forgotten as others are kept.
type Sessions struct{ db *Database }

var _ scs.CtxStore = Sessions{}

// NewSessions makes the store.
func NewSessions(db *Database) Sessions { return Sessions{db: db} }

// FindCtx returns what is kept of a session; ok is false when there is none.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, ok bool, err error) {
	hash := workspace.TokenHash(token)
	data, err = queries.Session(ctx, s.db.lookUps, hash[:])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("look a session up: %w", unavailable(err))
	}
	return data, true, nil
}

// CommitCtx keeps a session until a time.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	hash := workspace.TokenHash(token)
	var p pipeline
	err := errors.Join(
		queries.KeepSession(ctx, &p, dbsqlc.KeepSessionParams{TokenHash: hash[:], Data: data, ExpiresAt: expiry}),
		queries.ForgetSessions(ctx, &p),
	)
	if err == nil {
		err = p.send(ctx, s.db.requests)
	}
	if err != nil {
		return fmt.Errorf("keep a session: %w", unavailable(err))
	}
	return nil
}

// DeleteCtx ends a session. One that is not there is ended already.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	hash := workspace.TokenHash(token)
	if err := queries.EndSession(ctx, s.db.requests, hash[:]); err != nil {
		return fmt.Errorf("end a session: %w", unavailable(err))
	}
	return nil
}

// Find, Commit and Delete are for who has no context; scs has one.

// Find is FindCtx.
func (s Sessions) Find(token string) (data []byte, ok bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
