package cli

import (
	"context"
	"time"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

type backfillCommand struct {
	ShopID string    `help:"The shop, see: orderbridge shop list. It needs an API key." placeholder:"NUMBER" required:""`
	Since  time.Time `help:"Orders that changed at this time or later." placeholder:"TIME" required:""`
	Until  time.Time `help:"Orders that changed until this time. Default: now." placeholder:"TIME"`
	DryRun bool      `help:"Bring nothing in, and tell how many orders are missing."`
	Output output    `embed:""`
}

// Help implements kong.HelpProvider.
func (*backfillCommand) Help() string {
	return `Orders are read from Pancake's own API and come in as if their webhooks had come: matched, joined with what is there, and explained.
What the CRM has is left out. It is safe to interrupt this and to run it again.

Examples:

    orderbridge backfill --shop-id 1635294032 --since 2025-01-01T00:00:00+07:00 --dry-run
    orderbridge backfill --shop-id 1635294032 --since 2025-01-01T00:00:00+07:00`
}

// Run brings orders in.
func (c *backfillCommand) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		progress := rt.newProgress("backfill", "orders")
		defer progress.end()
		done, err := s.Commands.Backfill.Handle(ctx, command.Backfill{
			By: s.by(), ShopID: c.ShopID, Since: c.Since, Until: c.Until, DryRun: c.DryRun, Origin: command.OriginBackfill,
			Progress: func(done command.Backfilled) { progress.show("reading", int64(done.Seen), int64(done.Total)) },
		})
		progress.end()
		if err != nil {
			if done.Seen > 0 {
				rt.notef("%d orders were read and %d brought in. Run it again to go on.", done.Seen, done.BroughtIn)
			}
			return err
		}
		return rt.show(c.Output.JSON, backfillOf(c.ShopID, done, c.DryRun), func(p *page) { showBackfilled(p, done, c.DryRun) })
	})
}

func showBackfilled(p *page, done command.Backfilled, dryRun bool) {
	verb, n := "were brought in", done.BroughtIn
	if dryRun {
		verb, n = "are missing", done.Missing
	}
	p.linef("%s read: %d %s, %d are there already.", count(done.Seen, "order"), n, verb, done.Known)
	if done.Foreign > 0 || done.Unreadable > 0 {
		p.linef("Left out: %d of another shop, %d that are no orders.", done.Foreign, done.Unreadable)
	}
}

type reconcileCommand struct {
	ShopID string        `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	Over   time.Duration `default:"24h" help:"How far back to look." placeholder:"24h"`
	Output output        `embed:""`
}

// Help implements kong.HelpProvider.
func (*reconcileCommand) Help() string {
	return `A service does this every 15 minutes for every shop with an API key.

Example:

    orderbridge reconcile --shop-id 1635294032`
}

// Run brings in what webhooks lost.
func (c *reconcileCommand) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		done := s.Commands.Reconcile.Shop(ctx, s.by(), c.ShopID, c.Over)
		if done.Err != nil {
			return done.Err
		}
		return rt.show(c.Output.JSON, backfillOf(c.ShopID, done.Backfilled, false), func(p *page) { showBackfilled(p, done.Backfilled, false) })
	})
}

type shopAPIKey struct {
	ShopID string `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	Key    string `env:"ORDERBRIDGE_API_KEY" help:"Key of Pancake's API for this shop; - asks for it." placeholder:"KEY" secret:"" xor:"key"`
	Remove bool   `help:"Forget the key." xor:"key"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopAPIKey) Help() string {
	return `With it lost orders are found, and history can be read: see orderbridge backfill --help. It is stored sealed with the secret
key that stands outside the database. In Pancake: Cấu hình → Nâng cao → Kết nối bên thứ 3 → Webhook/API.

Example:

    orderbridge shop api-key --shop-id 1635294032 --key -`
}

// Run sets the key.
func (c *shopAPIKey) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.SetAPIKey.Handle(ctx, command.SetAPIKey{By: s.by(), ShopID: c.ShopID, Key: c.Key, Remove: c.Remove}); err != nil {
			return err
		}
		outcome := "has an API key: lost orders are looked for every 15 minutes."
		if c.Remove {
			outcome = "has no API key any more."
		}
		return rt.showShop(ctx, s, c.Output.JSON, c.ShopID, func(p *page, shop query.Shop) {
			p.linef("Shop %s (%s) %s", shop.ID, shop.Name, outcome)
		})
	})
}

// backfillOf shows what reading a shop's orders did.
func backfillOf(shopID string, done command.Backfilled, dryRun bool) query.Backfill {
	shown := query.Backfill{
		ShopID: shopID, DryRun: dryRun, Seen: done.Seen, Known: done.Known, Missing: done.Missing, BroughtIn: done.BroughtIn,
		Foreign: done.Foreign, Unreadable: done.Unreadable,
	}
	if !done.Upto.IsZero() {
		upto := done.Upto.UTC()
		shown.Upto = &upto
	}
	return shown
}
