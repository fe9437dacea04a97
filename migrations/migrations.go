// Package migrations holds the schema of the event log and of the write side, as numbered goose files. They are never
// edited once released. The tables of the projections are not here: each projection brings its own.
package migrations

import "embed"

// FS holds the numbered migrations.
//
//go:embed *.sql
var FS embed.FS
