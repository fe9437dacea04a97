package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

var statementSettings = map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on"}

// printStatements prints what PostgreSQL spent its time on, and forgets it.
func (b *bench) printStatements(ctx context.Context, to io.Writer, of string) error {
	rows, err := b.pool.Query(ctx, `
		SELECT calls, total_exec_time, total_plan_time, (total_exec_time + total_plan_time) / greatest(calls, 1), rows, wal_bytes::bigint,
			left(regexp_replace(query, '\s+', ' ', 'g'), 120)
		FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT 40`)
	if err != nil {
		return err
	}
	defer rows.Close()
	fmt.Fprintf(to, "statements of %s\n", of)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "calls\trun, ms\tplan, ms\teach, ms\trows\tWAL, KiB\tstatement")
	for rows.Next() {
		var calls, affected, wal int64
		var run, plan, each float64
		var statement string
		if err := rows.Scan(&calls, &run, &plan, &each, &affected, &wal, &statement); err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%.0f\t%.0f\t%.3f\t%d\t%d\t%s\n", calls, run, plan, each, affected, wal/1024, statement)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return b.exec(ctx, "SELECT pg_stat_statements_reset()")
}
