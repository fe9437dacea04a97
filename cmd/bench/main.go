// Program bench measures Orderbridge on a PostgreSQL server of its own: what it prints is a ratio to what PostgreSQL can do by
// itself in the same run, since the figures are those of the machine.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type grammar struct {
	Core    coreBench    `cmd:"" help:"Measure the core."`
	Rebuild rebuildBench `cmd:"" help:"Rebuild the crm projection, against the best fold in SQL."`
}

// output is embedded by benchmarks.
type output struct {
	Program string `default:"bin/orderbridge" help:"The program that is measured." placeholder:"FILE"`
	JSON    string `help:"Write the figures to a file too." name:"json" placeholder:"FILE"`
}

func (o output) keep(figures any) error {
	if o.JSON == "" {
		return nil
	}
	encoded, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.JSON, append(encoded, '\n'), 0o644) //nolint:gosec // figures are for everybody
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	parsed := kong.Parse(&grammar{}, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	err := parsed.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
