package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/query"
)

type deliveryCommands struct {
	List deliveryList `cmd:"" help:"List deliveries, the newest first."`
	Show deliveryShow `cmd:"" help:"Show a delivery and every step that came of it, with the reason."`
}

type deliveryList struct {
	ShopID  string  `help:"Only deliveries of this shop." placeholder:"NUMBER"`
	Outcome *string `enum:"pending,created,updated,unchanged,skipped,held,failed,rejected" help:"${outcome_help}" placeholder:"OUTCOME"`
	Paging  paging  `embed:""`
	Output  output  `embed:""`
}

// Help implements kong.HelpProvider.
func (*deliveryList) Help() string {
	return `Examples:

    orderbridge delivery list --outcome failed
    orderbridge delivery list --shop-id 1635294032 --json`
}

// Run lists the deliveries.
func (c *deliveryList) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := query.DeliveryFilter{ShopID: narrow.ShopID(c.ShopID), Outcome: query.Outcome(valueOf(c.Outcome))}
	page := narrow.Page(&c.Paging.Limit, c.Paging.Cursor)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Deliveries(ctx, s.WorkspaceID, filter, page)
		if err != nil {
			return err
		}
		shape := []column{
			{title: "ID"}, {title: "RECEIVED"}, {title: "SHOP"}, {title: "OUTCOME"}, {title: "ORDER"}, {title: "REASON", limit: 60},
		}
		return showList(rt, c.Output.JSON, list, "deliveries", shape, func(d query.Delivery) []string {
			return []string{
				d.ID.String(), s.moment(d.ReceivedAt), valueOf(d.ShopID), string(d.Outcome), valueOf(d.OrderCode), valueOf(d.Reason),
			}
		})
	})
}

type deliveryShow struct {
	ID     recordID `arg:"" help:"Id of the delivery: the answer to the webhook call has it. See: orderbridge delivery list."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*deliveryShow) Help() string {
	return `Each step is an event of the log: its position, its time, its name, and in plain words what happened and why. With
--json it comes with the event's data.

Example:

    orderbridge delivery show 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run shows the delivery.
func (c *deliveryShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		found, err := s.Queries.ExplainDelivery.Handle(ctx, s.WorkspaceID, uuid.UUID(c.ID))
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) { showDelivery(p, s, found) })
	})
}

func showDelivery(p *page, s Session, d query.DeliveryDetail) {
	p.fields(
		[2]string{"Delivery", d.ID.String()},
		[2]string{"Received", s.moment(d.ReceivedAt)},
		[2]string{"Shop", valueOf(d.ShopID)},
		[2]string{"Order", valueOf(d.OrderCode)},
		[2]string{"Outcome", string(d.Outcome)},
		[2]string{"Reason", valueOf(d.Reason)},
	)
	positions := 0
	for _, step := range d.Steps {
		positions = max(positions, len(strconv.FormatInt(step.Position, 10)))
	}
	for _, step := range d.Steps {
		position := pad(place(step), 1+positions, false)
		p.linef("")
		p.linef("%s", strings.Join([]string{position, s.moment(step.At), step.Event}, gap))
		p.paragraph(columns(position)+len(gap), step.Summary)
	}
}
