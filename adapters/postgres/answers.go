package postgres

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/workspace"
)

// Answers keeps what requests were answered with that must not be done twice.
type Answers struct {
	db  *Database
	key workspace.SecretKey
}

var _ command.Answers = Answers{}

// NewAnswers makes the store.
func NewAnswers(db *Database, key workspace.SecretKey) Answers { return Answers{db: db, key: key} }

// Fingerprint tells requests apart. It is keyed, since a request may hold a header value that could be guessed.
func (s Answers) Fingerprint(request string) [sha256.Size]byte { return s.key.Hash(request) }

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
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key, Fingerprint: once.Fingerprint[:], Status: &status,
		Header: header, Body: answer.Body,
	}))
}

// claimOnce claims the name of a request in the transaction that does it, and forgets names that are past their time:
// first this one, which may be used again, then some others. Whoever claims a name that another one is claiming waits for
// what comes of that.
func claimOnce(ctx context.Context, tx pgx.Tx, workspaceID uuid.UUID, once command.Once) error {
	var p pipeline
	if err := queries.ForgetAnswer(ctx, &p, dbsqlc.ForgetAnswerParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key,
	}); err != nil {
		return err
	}
	if err := queries.ForgetAnswers(ctx, &p); err != nil {
		return err
	}
	if err := queries.ClaimOnce(ctx, &p, dbsqlc.ClaimOnceParams{
		WorkspaceID: workspaceID, Caller: once.Caller, Key: once.Key, Fingerprint: once.Fingerprint[:],
	}); err != nil {
		return err
	}
	return p.send(ctx, tx)
}
