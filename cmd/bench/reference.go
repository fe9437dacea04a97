package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// reference measures what PostgreSQL takes in by itself: with the same body as jsonb, one row a commit, 32 clients. It is what the
// service is held against, in rows a second.
func (b *bench) reference(ctx context.Context, clients int, lasts time.Duration) (float64, error) {
	file, err := b.pgbench(ctx)
	if err != nil {
		return 0, err
	}
	if err := b.exec(ctx, `CREATE TABLE IF NOT EXISTS bench_reference (id bigserial PRIMARY KEY, body jsonb NOT NULL)`); err != nil {
		return 0, err
	}
	script := filepath.Join(b.dir, "reference.sql")
	statement := "INSERT INTO bench_reference (body) VALUES ('" + strings.ReplaceAll(string(sampleOrder), "'", "''") + "');\n"
	if err := os.WriteFile(script, []byte(statement), 0o644); err != nil { //nolint:gosec // nothing in it is secret
		return 0, err
	}
	command := exec.CommandContext(ctx, file, "--no-vacuum", "--client", strconv.Itoa(clients), "--jobs", "2",
		"--time", strconv.Itoa(max(1, int(lasts.Seconds()))), "--file", script,
		"--host", b.cluster.Host(), "--port", b.cluster.Port(), "--username", b.cluster.User(), b.cluster.Database())
	var complaint bytes.Buffer
	command.Stderr = &complaint
	told, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, complaint.Bytes())
	}
	found := perSecond.FindSubmatch(told)
	if found == nil {
		return 0, fmt.Errorf("pgbench tells no rate: %s", told)
	}
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return 0, err
	}
	return rate, b.exec(ctx, "TRUNCATE bench_reference")
}

var perSecond = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// pgbench is the program of the server that runs.
func (b *bench) pgbench(ctx context.Context) (string, error) {
	var programs string
	if err := b.pool.QueryRow(ctx, "SELECT setting FROM pg_config WHERE name = 'BINDIR'").Scan(&programs); err != nil {
		return "", err
	}
	file := filepath.Join(programs, "pgbench")
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("the reference needs pgbench, a program of PostgreSQL (Fedora: dnf install postgresql-contrib): %w", err)
	}
	return file, nil
}
