// Command orderbridge receives Pancake orders, turns them into customers and orders of a CRM, and answers for both.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the workspace's time zone, also on machines without zone files

	"orderbridge/cmd/orderbridge/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := service.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
