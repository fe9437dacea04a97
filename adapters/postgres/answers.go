package postgres

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
)

// Answers keeps what requests were answered with that must not be done twice.
type Answers struct{ db *Database }

var _ command.Answers = Answers{}

// NewAnswers makes the store.
func NewAnswers(db *Database) Answers { return Answers{db: db} }

// Find returns the answer of a request that was done before; nil when it was not.
func (s Answers) Find(ctx context.Context, workspaceID uuid.UUID, once command.Once) (*command.Answer, error) {
	row, err := queries.AnswerOf(ctx, s.db.requests, dbsqlc.AnswerOfParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, unavailable(err)
	case subtle.ConstantTimeCompare(row.Fingerprint, once.Fingerprint[:]) != 1:
		return nil, command.ErrOnceReused
	case row.Status == nil:
		return nil, command.ErrOnceTaken
	}
	answer := &command.Answer{Status: int(*row.Status), Body: row.Body}
	if err := json.Unmarshal(row.Header, &answer.Header); err != nil {
		return nil, fmt.Errorf("read the header of a kept answer: %w", err)
	}
	return answer, nil
}

// Keep keeps the answer of a request that was done.
func (s Answers) Keep(ctx context.Context, workspaceID uuid.UUID, once command.Once, answer command.Answer) error {
	header, err := json.Marshal(answer.Header)
	if err != nil {
		return fmt.Errorf("keep the header of an answer: %w", err)
	}
	status := int32(answer.Status) //nolint:gosec // a status has three digits
	return unavailable(queries.KeepAnswer(ctx, s.db.requests, dbsqlc.KeepAnswerParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key, Status: &status, Header: header, Body: answer.Body,
	}))
}

// queueOnce claims the name of a request in the transaction that does it, and forgets names that are past their time:
// first this one, which may be used again, then some others.
func queueOnce(ctx context.Context, p *pipeline, workspaceID uuid.UUID, once command.Once) error {
	if err := queries.ForgetAnswer(ctx, p, dbsqlc.ForgetAnswerParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key,
	}); err != nil {
		return err
	}
	if err := queries.ForgetAnswers(ctx, p); err != nil {
		return err
	}
	return queries.ClaimOnce(ctx, p, dbsqlc.ClaimOnceParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key, Fingerprint: once.Fingerprint[:],
	})
}
