package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/projection"
	"orderbridge/app/query"
)

type rebuildBench struct {
	Orders int    `default:"1000000" help:"How many orders the log holds, of four events each."`
	Rounds int    `default:"3" help:"How often each is measured."`
	Output output `embed:""`
}

// rebuildFigures are what a run of the benchmark found.
type rebuildFigures struct {
	Orders int   `json:"orders"`
	Events int64 `json:"events"`
	// SQLSeconds, RebuildSeconds and Ratios are one figure a round; the ratio is the median of these.
	SQLSeconds      []float64 `json:"sql_seconds"`
	RebuildSeconds  []float64 `json:"rebuild_seconds"`
	Ratios          []float64 `json:"ratios"`
	Ratio           float64   `json:"rebuild_ratio"`
	EventsPerSecond float64   `json:"events_per_second"`
	// PeakRSSMB is of the process that rebuilds, in MiB.
	PeakRSSMB float64 `json:"rss_mb"`
	// ReadersWaitedMS is for how long readers could be kept waiting by a switch, LongestLockMS for how long that held the longest of its
	// locks, which keeps no reader for all of it, SlowestReadMS how long the slowest of the reads
	// took that were made all the time, and SlowestQuietReadMS how long without a rebuild.
	ReadersWaitedMS    float64 `json:"readers_waited_ms"`
	LongestLockMS      float64 `json:"longest_lock_ms"`
	SlowestReadMS      float64 `json:"slowest_read_ms"`
	SlowestQuietReadMS float64 `json:"slowest_quiet_read_ms"`
}

// Run measures.
func (c rebuildBench) Run(ctx context.Context) (err error) {
	p := newProgress(os.Stderr)
	b, err := open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(ctx)) }()
	if err := b.takeIn(ctx, c.Output.Program); err != nil {
		return err
	}
	if err := b.multiply(ctx, c.Orders, p); err != nil {
		return err
	}
	figures, err := b.rebuilds(ctx, c.Output.Program, c.Rounds, p, nil)
	if err != nil {
		return err
	}
	if err := figures.print(); err != nil {
		return err
	}
	return c.Output.keep(figures)
}

// rebuilds measures rebuilding crm against the best fold in SQL, and leaves its tables current. When there is an enough, which is told
// how long a round and the rebuild in it took, it may end that earlier.
func (b *bench) rebuilds(
	ctx context.Context, program string, rounds int, p progress, enough func(round, rebuild time.Duration) bool,
) (rebuildFigures, error) {
	figures := rebuildFigures{Orders: int(b.orders)}
	if err := b.pool.QueryRow(ctx, "SELECT count(*) FROM events").Scan(&figures.Events); err != nil {
		return figures, err
	}
	for round := range rounds {
		began := time.Now()
		var took time.Duration
		slowest, err := b.slowestRead(ctx, func(ctx context.Context) (err error) {
			took, err = b.rebuild(ctx, program, &figures)
			return err
		})
		if err != nil {
			return figures, err
		}
		figures.SlowestReadMS = max(figures.SlowestReadMS, slowest)
		figures.RebuildSeconds = append(figures.RebuildSeconds, took.Seconds())
		if took, err = b.foldInSQL(ctx); err != nil {
			return figures, err
		}
		if err := b.compare(ctx); err != nil {
			return figures, err
		}
		figures.SQLSeconds = append(figures.SQLSeconds, took.Seconds())
		figures.Ratios = append(figures.Ratios, figures.RebuildSeconds[round]/figures.SQLSeconds[round])
		p.sayf("rebuild %d of %d: %.1f s, SQL %.1f s", round+1, rounds, figures.RebuildSeconds[round], figures.SQLSeconds[round])
		rebuild := time.Duration(figures.RebuildSeconds[round] * float64(time.Second))
		if enough != nil && enough(time.Since(began), rebuild) {
			break
		}
	}
	var err error
	if figures.SlowestQuietReadMS, err = b.slowestRead(ctx, func(ctx context.Context) error { return sleep(ctx, quietTime) }); err != nil {
		return figures, err
	}
	figures.Ratio = median(figures.Ratios)
	figures.EventsPerSecond = float64(figures.Events) / median(figures.RebuildSeconds)
	return figures, b.exec(ctx, "DROP SCHEMA sql_fold CASCADE")
}

// quietTime is for how long reads are made without a rebuild.
const quietTime = 2 * time.Second

// fill rebuilds the read tables of all projections, but for those that hold everything already, and leaves the server without work of
// its own to do. Two at a time, as there are processors, and the one that takes longest first.
func (b *bench) fill(ctx context.Context, program string, p progress, filled ...string) error {
	rows, err := b.pool.Query(ctx, `
		SELECT name FROM projections WHERE active AND name <> ALL (coalesce($1, ARRAY[]::text[])) ORDER BY name <> 'crm', name DESC`, filled)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	const atOnce = 2
	if err := eachInParallel(ctx, atOnce, names, func(ctx context.Context, name string) error {
		began := time.Now()
		if _, err := b.rebuildNamed(ctx, program, name); err != nil {
			return err
		}
		p.sayf("filled the read tables of %s in %.1f s", name, time.Since(began).Seconds())
		return nil
	}); err != nil {
		return err
	}
	for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if err := b.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (f rebuildFigures) print() error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "crm of %d orders, %d events\tmedian\tmin\tmax\n", f.Orders, f.Events)
	for _, line := range []struct {
		name    string
		seconds []float64
	}{{"best fold in SQL, s", f.SQLSeconds}, {"orderbridge rebuild crm, s", f.RebuildSeconds}} {
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\n", line.name, median(line.seconds), slices.Min(line.seconds), slices.Max(line.seconds))
	}
	fmt.Fprintf(table, "ratio\t%.2f\t%.2f\t%.2f\n", f.Ratio, slices.Min(f.Ratios), slices.Max(f.Ratios))
	fmt.Fprintf(table, "events/s\t%.0f\n", f.EventsPerSecond)
	fmt.Fprintf(table, "peak RSS of the program, MiB\t%.0f\n", f.PeakRSSMB)
	fmt.Fprintf(table, "longest lock of the switch, ms\t%.1f\n", f.LongestLockMS)
	fmt.Fprintf(table, "readers waited for it at most, ms\t%.1f\n", f.ReadersWaitedMS)
	fmt.Fprintf(table, "slowest read during rebuilds, ms\t%.1f\n", f.SlowestReadMS)
	fmt.Fprintf(table, "slowest read without, ms\t%.1f\n", f.SlowestQuietReadMS)
	return table.Flush()
}

// rebuild lets the program rebuild the crm projection, and takes its peak of memory and its longest lock.
func (b *bench) rebuild(ctx context.Context, program string, figures *rebuildFigures) (time.Duration, error) {
	began := time.Now()
	done, err := b.rebuildNamed(ctx, program, "crm")
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	figures.LongestLockMS = max(figures.LongestLockMS, done.LongestLockMS)
	figures.ReadersWaitedMS = max(figures.ReadersWaitedMS, done.ReadersWaitedMS)
	figures.PeakRSSMB = max(figures.PeakRSSMB, done.peakRSSMB)
	return took, nil
}

type rebuilt struct {
	projection.RebuildDone

	peakRSSMB float64
}

func (b *bench) rebuildNamed(ctx context.Context, program, name string) (rebuilt, error) {
	command := exec.CommandContext(ctx, program, "rebuild", name, "--json", "--database-url", b.cluster.DSN(), "--data-dir", b.dir)
	var said bytes.Buffer
	command.Stderr = &said
	told, err := command.Output()
	if err != nil {
		return rebuilt{}, fmt.Errorf("rebuild %s: %w\n%s", name, err, said.Bytes())
	}
	var list query.List[projection.Status]
	if err := json.Unmarshal(told, &list); err != nil {
		return rebuilt{}, fmt.Errorf("read what rebuild says: %w", err)
	}
	done := rebuilt{RebuildDone: *list.Items[0].LastRebuild}
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		done.peakRSSMB = float64(usage.Maxrss) / 1024
	}
	return done, nil
}

//go:embed fold.sql
var bestFold string

// foldInSQL folds the log into tables equal to those that are read, as fast as SQL can: one statement a table, keys and indexes
// after.
func (b *bench) foldInSQL(ctx context.Context) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, b.cluster.DSN())
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	run := func(steps string) error {
		_, err := conn.Exec(ctx, steps, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	if err := run("DROP SCHEMA IF EXISTS sql_fold CASCADE; CREATE SCHEMA sql_fold; SET search_path = sql_fold, public; SET jit = off; " +
		"SET synchronous_commit = off; SET work_mem = '64MB'; SET maintenance_work_mem = '256MB'"); err != nil {
		return 0, err
	}
	var tables, indexes string
	if err := conn.QueryRow(ctx, `
		WITH shown AS (SELECT format('%s_v%s', name, version)::name AS schema FROM projections WHERE name = 'crm' AND active)
		SELECT (SELECT string_agg(format('CREATE TABLE sql_fold.%I (LIKE %I.%I)', tablename, schema, tablename), '; ')
				FROM pg_tables JOIN shown ON schemaname = schema),
			(SELECT string_agg(replace(indexdef, schema || '.', 'sql_fold.'), '; ') FROM pg_indexes JOIN shown ON schemaname = schema)`,
	).Scan(&tables, &indexes); err != nil {
		return 0, err
	}
	if err := run(tables); err != nil {
		return 0, err
	}
	began := time.Now()
	for _, steps := range []string{bestFold, indexes} {
		if err := run(steps); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// compare refuses a fold in SQL that makes other rows than those that are read: it would be no measure.
func (b *bench) compare(ctx context.Context) error {
	rows, err := b.pool.Query(ctx, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'sql_fold' ORDER BY 1")
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		sum := func(schema string) string {
			return fmt.Sprintf("(SELECT (count(*), sum(hashtextextended(r::text, 0))) FROM %s r)", pgx.Identifier{schema, table}.Sanitize())
		}
		var same bool
		if err := b.pool.QueryRow(ctx, "SELECT "+sum("sql_fold")+" IS NOT DISTINCT FROM "+sum("public")).Scan(&same); err != nil {
			return fmt.Errorf("compare %s: %w", table, err)
		}
		if !same {
			return fmt.Errorf("the fold in SQL makes another %s", table)
		}
	}
	return nil
}

// slowestRead reads what the API's lists read, over and over, while something is done, and tells how long the slowest read
// took, in milliseconds.
func (b *bench) slowestRead(ctx context.Context, done func(context.Context) error) (float64, error) {
	conn, err := pgx.Connect(ctx, b.cluster.DSN())
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	outcome := make(chan error, 1)
	go func() { outcome <- done(ctx) }()
	var slowest time.Duration
	for {
		select {
		case err := <-outcome:
			return float64(slowest.Microseconds()) / 1000, err
		default:
		}
		began := time.Now()
		if _, err := conn.Exec(ctx, `
			SELECT o.code FROM crm_orders o JOIN crm_customers c ON c.workspace_id = o.workspace_id AND c.id = o.customer_id
			WHERE o.workspace_id = (SELECT id FROM workspaces LIMIT 1) ORDER BY o.created_position DESC LIMIT 50`); err != nil {
			return 0, errors.Join(err, <-outcome)
		}
		slowest = max(slowest, time.Since(began))
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return 0, errors.Join(err, <-outcome)
		}
	}
}
