package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/command"
	"orderbridge/app/rehearsal"
)

// Rehearsal is where orders are decided on without anything coming of it.
type Rehearsal struct{ db *Database }

var _ rehearsal.Rehearsal = Rehearsal{}

// NewRehearsal makes the rehearsal.
func NewRehearsal(db *Database) Rehearsal { return Rehearsal{db: db} }

// Rehearse lets decide look up what the consumer of received orders would look up now, in a transaction in which PostgreSQL
// refuses every change.
func (r Rehearsal) Rehearse(ctx context.Context, decide func(command.Ingestion) error) error {
	readOnly := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, r.db.requests, readOnly, func(tx pgx.Tx) error {
		return decide(Ingestion{tx: tx, readsOnly: true})
	})
	return unavailable(err)
}
