package cli

import (
	"context"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

type relinkCommand struct {
	DryRun bool   `help:"Change nothing, and tell which orders would belong to another customer."`
	Yes    bool   `help:"Go on without asking."`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*relinkCommand) Help() string {
	return `After customers were imported or merged, or the match rule changed, orders may belong to another customer than they would be matched
with today. Those whose buyer has no phone or email, or whose keys nobody has, stay where they are. It is safe to interrupt this and to run it
again; every move is an event, see orderbridge audit order.

Examples:

    orderbridge relink --dry-run
    orderbridge relink --yes`
}

// shownRelinks is how many orders are listed.
const shownRelinks = 200

// Run moves orders.
func (c *relinkCommand) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		result, err := c.relink(ctx, rt, s, true)
		if err != nil {
			return err
		}
		if !c.DryRun && result.Moved > 0 {
			if !c.Yes {
				if err := rt.confirm(ctx, "Give "+count(result.Moved, "order", "orders")+" to other customers?"); err != nil {
					return err
				}
			}
			if result, err = c.relink(ctx, rt, s, false); err != nil {
				return err
			}
		}
		result.DryRun = c.DryRun
		return rt.show(c.Output.JSON, result, func(p *page) {
			verb := agree(int64(result.Moved), "belongs", "belong") + " to another customer now"
			if c.DryRun {
				verb = "would belong to another customer"
			}
			p.linef("%s of %d %s.", count(result.Moved, "order", "orders"), result.Looked, verb)
			rows := make([][]string, 0, len(result.Orders))
			for _, one := range result.Orders {
				rows = append(rows, []string{one.Code, one.From.String(), one.To.String(), one.Reason})
			}
			if len(rows) > 0 {
				p.table([]column{{title: "ORDER"}, {title: "FROM"}, {title: "TO"}, {title: "BECAUSE"}}, rows)
			}
		})
	})
}

func (c *relinkCommand) relink(ctx context.Context, rt *Runtime, s Session, dryRun bool) (query.Relink, error) {
	progress := rt.newProgress("relink", "orders")
	defer progress.end()
	result := query.Relink{Orders: []query.RelinkedOrder{}}
	done, err := s.Commands.Relink.Handle(ctx, command.Relink{
		By: s.by(), DryRun: dryRun, Progress: func(orders int) { progress.show("looking", int64(orders), 0) },
		Each: func(one command.Relinked) error {
			if len(result.Orders) < shownRelinks {
				result.Orders = append(result.Orders, query.RelinkedOrder{
					Code: one.Code, From: one.From, To: one.To, Reason: string(one.Decision.Reason),
				})
			}
			return nil
		},
	})
	result.Looked, result.Moved = done.Looked, done.Moved
	return result, err
}
