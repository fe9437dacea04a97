package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderbridge/adapters/localpg"
	"orderbridge/app/command"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

const (
	shopID      = "1635294032"
	headerKey   = "X-Pancake-Key"
	headerValue = "a value for benchmarks only"

	accountName     = "benchmark"
	accountPassword = "a password for benchmarks only"

	settleTimeout = time.Minute
	pollTime      = 5 * time.Millisecond
)

// bench is a database to measure on, in a directory of its own.
type bench struct {
	dir     string
	cluster *localpg.Cluster
	pool    *pgxpool.Pool
	token   string // for the API, as the header that says who asks

	orders    int64 // made by seeding
	delivered int64 // by benchmarks, apart from those
}

// open starts a server of the benchmark's own, whose log is that of a workspace with one shop, and no orders. With statements the
// server keeps account of what it spends its time on.
func open(ctx context.Context, statements bool) (_ *bench, err error) {
	b := &bench{}
	if b.dir, err = os.MkdirTemp("", "orderbridge-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close(ctx))
		}
	}()
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // the server's own user has to get in
		return nil, err
	}
	settings := map[string]string{
		"shared_buffers": "512MB", "max_wal_size": "8GB", "min_wal_size": "4GB", "checkpoint_timeout": "30min",
	}
	if statements {
		maps.Copy(settings, statementSettings)
	}
	b.cluster, err = localpg.Open(ctx, localpg.Config{DataDir: b.dir, Settings: settings})
	if err != nil {
		return nil, err
	}
	if b.pool, err = pgxpool.New(ctx, b.cluster.DSN()); err != nil {
		return nil, err
	}
	if statements {
		if err := b.exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
			return nil, err
		}
	}
	b.token, err = b.connectShop(ctx)
	return b, err
}

// useLogFiles lets the server have so many files of its write-ahead log (16 MiB each) to use again, as one that has run for a while has.
// A new one has to make each of them, and nobody can commit meanwhile.
func (b *bench) useLogFiles(ctx context.Context, files int) error {
	if err := b.exec(ctx, fmt.Sprintf(`DO $$ BEGIN
			FOR file IN 1..%d LOOP
				PERFORM pg_logical_emit_message(false, 'bench', ''), pg_switch_wal();
			END LOOP;
		END $$`, files)); err != nil {
		return err
	}
	return b.exec(ctx, "CHECKPOINT")
}

func (b *bench) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var failures []error
	if b.pool != nil {
		b.pool.Close()
	}
	if b.cluster != nil {
		failures = append(failures, b.cluster.Close(ctx))
	}
	return errors.Join(append(failures, os.RemoveAll(b.dir))...)
}

func (b *bench) exec(ctx context.Context, sql string) error {
	_, err := b.pool.Exec(ctx, sql)
	if err != nil {
		return fmt.Errorf("%.60s: %w", sql, err)
	}
	return nil
}

// connectShop connects a shop that may deliver, makes an account for the console, and a token for the API, which it returns.
func (b *bench) connectShop(ctx context.Context) (token string, err error) {
	opened, err := service.Open(ctx, service.Settings{DatabaseURL: b.cluster.DSN(), DataDir: b.dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	workspaceID, err := opened.Queries.WorkspaceNamed(ctx, "")
	if err != nil {
		return "", err
	}
	by := command.By{WorkspaceID: workspaceID, Actor: event.ActorSystem}
	if _, err := opened.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
		By: by, Shop: workspace.Shop{ID: shopID, Name: "Shop", HeaderKey: headerKey}, HeaderValue: headerValue,
	}); err != nil {
		return "", err
	}
	invited, err := opened.Commands.InviteAccount.Handle(ctx, command.InviteAccount{By: by, Name: accountName, Role: workspace.RoleOwner})
	if err != nil {
		return "", err
	}
	if _, err := opened.Commands.AcceptInvitation.Handle(ctx, command.AcceptInvitation{
		WorkspaceID: workspaceID, Token: invited.Token, Password: accountPassword,
	}); err != nil {
		return "", err
	}
	created, err := opened.Commands.CreateToken.Handle(ctx, command.CreateToken{By: by, Name: "benchmark", Role: workspace.RoleOwner})
	return "Authorization: Bearer " + created.Secret, err
}

// signIn signs in to the console of a service, and returns the header that says so.
func signIn(ctx context.Context, address string) (string, error) {
	form := url.Values{"name": {accountName}, "password": {accountPassword}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	if err := answer.Body.Close(); err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 {
		return "", fmt.Errorf("sign in: %w", refusedError(answer.StatusCode))
	}
	return "Cookie: " + answer.Cookies()[0].Name + "=" + answer.Cookies()[0].Value, nil
}

// progress tells whoever waits how far a benchmark is.
type progress struct {
	to    io.Writer
	began time.Time
}

func newProgress(to io.Writer) progress { return progress{to: to, began: time.Now()} }

func (p progress) sayf(format string, args ...any) {
	elapsed := time.Since(p.began).Round(time.Second)
	fmt.Fprintf(p.to, "%6s  %s\n", elapsed, fmt.Sprintf(format, args...))
}
