package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

type deliveryCommands struct {
	List   deliveryList   `cmd:"" help:"List deliveries, the newest first, and count them by outcome."`
	Show   deliveryShow   `cmd:"" help:"Show a delivery and every step that came of it, with the reason."`
	Body   deliveryBody   `cmd:"" help:"Print the exact bytes that a delivery brought."`
	Export deliveryExport `cmd:"" help:"Write deliveries to a CSV file or an Excel workbook."`
	Retry  deliveryRetry  `cmd:"" help:"Bring in once more what failed or was rejected."`
}

// deliveryFilter narrows deliveries, for commands to embed.
type deliveryFilter struct {
	ReceivedFrom time.Time `help:"Only deliveries received at this time or later." placeholder:"TIME"`
	ReceivedTo   time.Time `help:"Only deliveries received before this time." placeholder:"TIME"`

	ShopID    string  `help:"Only deliveries of this shop." placeholder:"NUMBER"`
	Outcome   *string `enum:"pending,created,updated,unchanged,skipped,held,failed,rejected" help:"${outcome_help}" placeholder:"OUTCOME"`
	Reason    string  `help:"Only deliveries that came out so for this reason, by its code." placeholder:"CODE"`
	OrderCode string  `help:"Only deliveries of the order with this code; with a * at its end, of those whose codes begin so." placeholder:"CODE"`
	Phone     string  `help:"Only deliveries of orders whose buyer has this phone, in any spelling." placeholder:"PHONE"`
	Q         string  `help:"${delivery_words_help}" name:"search" placeholder:"TEXT"`
}

// read reads a filter for deliveries of some outcomes.
func (f deliveryFilter) read(narrow *query.Parameters, outcomes []query.Outcome) query.DeliveryFilter {
	filter := query.DeliveryFilter{
		ShopID: narrow.ShopID(f.ShopID), Outcomes: narrow.Outcomes(valueOf(f.Outcome), outcomes...), Reason: narrow.Reason(f.Reason),
		ReceivedFrom: f.ReceivedFrom, ReceivedTo: f.ReceivedTo, Phone: narrow.Phone(f.Phone), Search: query.ParseDeliverySearch(f.Q),
	}
	filter.OrderCode, filter.OrderCodePrefix = narrow.OrderCode(f.OrderCode)
	return filter
}

type deliveryList struct {
	Filter deliveryFilter `embed:""`
	Paging paging         `embed:""`
	Output output         `embed:""`
}

// Help implements kong.HelpProvider.
func (*deliveryList) Help() string {
	return `Under the list stands how many there are of each outcome, counted up to 10,000; with --json only the list is printed.

Examples:

    orderbridge delivery list --outcome failed
    orderbridge delivery list --reason money-unreadable
    orderbridge delivery list --received-from 2025-09-15T00:00:00Z
    orderbridge delivery list --phone "0912 345 678"
    orderbridge delivery list --search "lan 2051"
    orderbridge delivery list --shop-id 1635294032 --json`
}

// Run lists the deliveries.
func (c *deliveryList) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow, query.Outcomes())
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
		err = showList(rt, c.Output.JSON, list, "deliveries", shape, func(d query.Delivery) []string {
			return []string{
				d.ID.String(), s.moment(d.ReceivedAt), valueOf(d.ShopID), string(d.Outcome), valueOf(d.OrderCode), valueOf(d.Reason),
			}
		})
		if err != nil || c.Output.JSON || len(list.Items) == 0 {
			return err
		}
		counts, err := s.Queries.DeliveryCounts(ctx, s.WorkspaceID, filter)
		if err != nil {
			return err
		}
		if told := countsOf(counts); told != "" {
			rt.notef("%s", told)
		}
		return nil
	})
}

// countsOf tells how many deliveries there are of each outcome that has some.
func countsOf(counts query.DeliveryCounts) string {
	var told []string
	for _, one := range counts.Items {
		if one.Count > 0 {
			told = append(told, counted(one.Count, one.Capped)+" "+string(one.Outcome))
		}
	}
	if len(told) == 0 { // the list was read a moment before
		return ""
	}
	return "In all: " + strings.Join(told, ", ") + "."
}

// counted is a number that was counted to its end, or not: "10000+".
func counted(count int, capped bool) string {
	if capped {
		return strconv.Itoa(count) + "+"
	}
	return strconv.Itoa(count)
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

type deliveryBody struct {
	ID  recordID `arg:"" help:"Id of the delivery, see: orderbridge delivery list."`
	Out string   `help:"File to write to, which is there whole or not at all. Default: standard output." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (*deliveryBody) Help() string {
	return `Byte by byte what was received, whether it can be read or not. A terminal might obey some of it: write it to a file, or
read it by way of another program.

Examples:

    orderbridge delivery body 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 | jq .`
}

// Run prints the bytes.
func (c *deliveryBody) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		body, err := s.Queries.DeliveryBody(ctx, s.WorkspaceID, uuid.UUID(c.ID))
		if err != nil {
			return err
		}
		return rt.writeTo(c.Out, func(out io.Writer) error {
			if _, err := out.Write(body); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
			return nil
		})
	})
}

type deliveryRetry struct {
	ID     recordID          `arg:"" help:"Id of the delivery, see: orderbridge delivery list." optional:""`
	Filter map[string]string `help:"${retry_filter_help}" mapsep:"," placeholder:"NAME=VALUE,…"`
	DryRun bool              `help:"Only tell how many there are."`
	Yes    bool              `help:"Do not ask whether to go on." short:"y"`
	Output output            `embed:""`
}

// Help implements kong.HelpProvider.
func (*deliveryRetry) Help() string {
	return `What was kept of a delivery is read again, by the program and the settings of now. What was rejected is held to
the rules for new deliveries first, and its shop has to be connected. "orderbridge delivery show" tells of every attempt.

Examples:

    orderbridge delivery retry 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
    orderbridge delivery retry --filter reason=money-unreadable --dry-run
    orderbridge delivery retry --filter outcome=failed,shop=1635294032 --yes
    orderbridge delivery retry --filter search="lan 2051" --dry-run`
}

// Validate implements kong's interface: what to try again is one delivery, or what a filter finds.
func (c *deliveryRetry) Validate() error {
	one := uuid.UUID(c.ID) != uuid.Nil
	if one == (len(c.Filter) > 0) {
		return errors.New("give the id of a delivery, or a --filter")
	}
	if one && c.DryRun {
		return errors.New("--dry-run goes with a --filter")
	}
	return nil
}

// Run tries again.
func (c *deliveryRetry) Run(ctx context.Context, rt *Runtime) error {
	if len(c.Filter) > 0 {
		return c.retryAll(ctx, rt)
	}
	return rt.inSession(ctx, func(s Session) error {
		_, err := s.Commands.RetryDelivery.Handle(ctx, command.RetryDelivery{By: s.by(), ID: uuid.UUID(c.ID)})
		if err != nil {
			return err
		}
		found, err := s.Queries.Delivery(ctx, s.WorkspaceID, uuid.UUID(c.ID))
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) {
			p.linef("The service brings it in once more. See: %s delivery show %s", program, found.ID)
		})
	})
}

// filter reads what --filter says.
func (c *deliveryRetry) filter(narrow *query.Parameters) query.DeliveryFilter {
	given := func(name string) string {
		text, there := c.Filter[name]
		text = strings.TrimSpace(text)
		if there && text == "" { // as of a variable that is not set: without it, more would match
			narrow.Refuse("filter", name+" is empty: give it a value, or leave it out")
		}
		return text
	}
	moment := func(name string) time.Time {
		text := given(name)
		if text == "" {
			return time.Time{}
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			narrow.Refuse("filter", name+": a time is such as 2025-09-15T03:04:38Z")
		}
		return at
	}
	for _, name := range slices.Sorted(maps.Keys(c.Filter)) {
		if !slices.Contains(retryFilters, name) {
			narrow.Refuse("filter", strconv.Quote(name)+" is none of: "+strings.Join(retryFilters, ", "))
		}
	}
	return deliveryFilter{
		Outcome: new(given("outcome")), Reason: given("reason"), ShopID: given("shop"), ReceivedFrom: moment("from"), ReceivedTo: moment("to"),
		OrderCode: given("code"), Phone: given("phone"), Q: given("search"),
	}.read(narrow, query.RetryableOutcomes())
}

var retryFilters = []string{"outcome", "reason", "shop", "from", "to", "code", "phone", "search"}

func (c *deliveryRetry) retryAll(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.filter(&narrow)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		retry := command.RetryDeliveries{By: s.by(), Filter: filter, DryRun: true}
		done, err := s.Commands.RetryDeliveries.Handle(ctx, retry)
		if err != nil {
			return err
		}
		if !c.DryRun && done.Matched > 0 {
			if !c.Yes {
				question := fmt.Sprintf("Bring in once more the %s %s?", counted(done.Matched, done.Capped),
					agree(int64(done.Matched), "delivery that matches", "deliveries that match"))
				if err := rt.confirm(ctx, question); err != nil {
					return err
				}
			}
			retry.DryRun = false
			if done, err = s.Commands.RetryDeliveries.Handle(ctx, retry); err != nil {
				return err
			}
		}
		return rt.show(c.Output.JSON, done, func(p *page) {
			if c.DryRun || done.Matched == 0 {
				p.linef("Deliveries that match: %s. Nothing was done.", counted(done.Matched, done.Capped))
				return
			}
			p.linef("Deliveries that match: %s. Being brought in once more: %d.", counted(done.Matched, done.Capped), done.Retried)
		})
	})
}
