package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
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

    orderbridge backfill --shop-id 1635294032 --dry-run \
        --since 2025-01-01T00:00:00+07:00
    orderbridge backfill --shop-id 1635294032 --since 2025-01-01T00:00:00+07:00`
}

// Run brings orders in.
func (c *backfillCommand) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		progress := rt.newProgress("backfill", "orders")
		defer progress.end()
		done, err := s.Commands.Backfill.Handle(ctx, command.Backfill{
			By: s.by(), ShopID: c.ShopID, Since: c.Since, Until: c.Until, DryRun: c.DryRun,
			Progress: func(done command.Backfilled) { progress.show("reading", int64(done.Seen), int64(done.Total)) },
		})
		progress.end()
		if err != nil {
			if done.Seen > 0 {
				rt.notef("%s and %d brought in. Run it again to go on.", count(done.Seen, "order was read", "orders were read"), done.BroughtIn)
			}
			return err
		}
		return rt.show(c.Output.JSON, backfillOf(c.ShopID, done, c.DryRun), func(p *page) { showBackfilled(p, done, c.DryRun) })
	})
}

func showBackfilled(p *page, done command.Backfilled, dryRun bool) {
	missing := count(done.BroughtIn, "was brought in", "were brought in")
	if dryRun {
		missing = count(done.Missing, "is missing", "are missing")
	}
	p.linef("%s read: %s, %s.", count(done.Seen, "order", "orders"), missing, thereAlready(done.Known))
	if done.Foreign > 0 || done.Unreadable > 0 {
		p.linef("Left out: %d of another shop, %s.", done.Foreign, count(done.Unreadable, "that is no order", "that are no orders"))
	}
}

func thereAlready(n int) string { return count(n, "is there already", "are there already") }

type reconcileCommand struct {
	Now    reconcileNow    `cmd:"" default:"withargs" help:"Look for orders whose webhook never came, and bring them in."`
	Report reconcileReport `cmd:"" help:"Tell what was found each time."`
}

type reconcileNow struct {
	ShopID string        `help:"Only this shop, see: orderbridge shop list." placeholder:"NUMBER"`
	Over   time.Duration `default:"24h" help:"How far back to look." placeholder:"24h"`
	Output output        `embed:""`
}

// Help implements kong.HelpProvider.
func (*reconcileNow) Help() string {
	return `Orders of the last day are read from Pancake's own API, for every shop that has an API key, and those come in that are not there.
A service does this by itself every 15 minutes; see serve --reconcile-every.

Examples:

    orderbridge reconcile
    orderbridge reconcile now --shop-id 1635294032 --over 72h
    orderbridge reconcile report`
}

// Run brings in what webhooks lost.
func (c *reconcileNow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		shops, err := c.shops(ctx, s)
		if err != nil {
			return err
		}
		var all []query.Backfill
		var failures []error
		for _, shopID := range shops {
			done := s.Commands.Reconcile.Shop(ctx, s.by(), shopID, c.Over)
			all = append(all, backfillOf(shopID, done.Backfilled, false))
			if done.Err != nil && len(shops) > 1 { // trouble with one keeps no other from its turn
				rt.notef("Shop %s could not be read to the end.", shopID)
			}
			failures = append(failures, done.Err)
		}
		err = rt.show(c.Output.JSON, query.List[query.Backfill]{Items: all}, func(p *page) {
			for _, one := range all {
				p.linef("Shop %s: %s read, %d brought in, %s, %d left out.", one.ShopID, count(one.Seen, "order", "orders"), one.BroughtIn,
					thereAlready(one.Known), one.Foreign+one.Unreadable)
			}
		})
		return errors.Join(append(failures, err)...)
	})
}

var errNoShopWithKey = problem.Conflict("api-key-missing",
	"no shop has an API key; take it from Pancake's settings and set it: orderbridge shop api-key --shop-id NUMBER --key -")

func (c *reconcileNow) shops(ctx context.Context, s Session) ([]string, error) {
	if c.ShopID != "" {
		return []string{c.ShopID}, nil
	}
	shops, err := s.Queries.Shops(ctx, s.WorkspaceID)
	if err != nil {
		return nil, err
	}
	var withKey []string
	for _, shop := range shops {
		if shop.HasAPIKey {
			withKey = append(withKey, shop.ID)
		}
	}
	if len(withKey) == 0 {
		return nil, errNoShopWithKey
	}
	return withKey, nil
}

type reconcileReport struct {
	ShopID string `help:"Only this shop." placeholder:"NUMBER"`
	Limit  int    `default:"${default_limit}" help:"How many to show, 1 to ${max_limit}." placeholder:"${default_limit}"`
	Cursor string `help:"Go on after this, see next_cursor with --json." placeholder:"CURSOR"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*reconcileReport) Help() string {
	return `The latest first. What is older than 90 days is forgotten; orders that were brought in say so themselves, see orderbridge audit order.

Example:

    orderbridge reconcile report --json | jq '[.items[].brought_in] | add'`
}

// Run lists what was found.
func (c *reconcileReport) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	page, shopID := narrow.IDPage(&c.Limit, c.Cursor), narrow.ShopID(c.ShopID)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Reconciliations(ctx, s.WorkspaceID, shopID, page)
		if err != nil {
			return err
		}
		number := func(title string) column { return column{title: title, right: true} }
		shape := []column{
			{title: "BEGAN"}, {title: "SHOP"}, number("READ"), number("MISSING"), number("BROUGHT IN"), number("LEFT OUT"), {title: "TROUBLE"},
		}
		return showList(rt, c.Output.JSON, list, "reconciliations", shape, func(one query.Reconciliation) []string {
			trouble := ""
			if one.Trouble != nil {
				trouble = *one.Trouble
			}
			return []string{
				s.moment(one.BeganAt), one.ShopID, strconv.Itoa(one.Seen), strconv.Itoa(one.Missing), strconv.Itoa(one.BroughtIn),
				strconv.Itoa(one.LeftOut), trouble,
			}
		})
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
	if err := rt.readSecretFlag(ctx, &c.Key, "API key: "); err != nil {
		return err
	}
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
