// Program bench measures Orderbridge on a PostgreSQL server of its own: what it prints is a ratio to what PostgreSQL can do by
// itself in the same run, since the figures are those of the machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type grammar struct {
	Run     runBench     `cmd:"" help:"Measure everything, against what PostgreSQL can do by itself."`
	Rebuild rebuildBench `cmd:"" help:"Rebuild the crm projection, against the best fold in SQL."`
	Soak    soakBench    `cmd:"" help:"Offer half of what is kept up with for a while, and look whether anything grows."`
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
