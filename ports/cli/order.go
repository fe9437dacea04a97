package cli

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
)

type orderCommands struct {
	List   orderList   `cmd:"" help:"List orders, the newest first."`
	Export orderExport `cmd:"" help:"Write orders with their lines to a CSV file or an Excel workbook."`
	Show   orderShow   `cmd:"" help:"Show an order with its lines and totals, and what was done to it."`
}

// orderFilter narrows orders, for commands to embed.
type orderFilter struct {
	ShopID     string   `help:"Only orders of this shop." placeholder:"NUMBER"`
	CustomerID recordID `help:"Only orders of this customer." placeholder:"ID"`
	Status     string   `help:"Only orders in this status: a name such as shipped, or Pancake's number for it." placeholder:"STATUS"`
	AssigneeID recordID `help:"Only orders of this assignee." placeholder:"ID"`

	OrderedFrom time.Time `help:"Only orders made at this time or later." placeholder:"TIME"`
	OrderedTo   time.Time `help:"Only orders made before this time." placeholder:"TIME"`
}

func (f orderFilter) read(narrow *query.Parameters) query.OrderFilter {
	return query.OrderFilter{
		ShopID: narrow.ShopID(f.ShopID), CustomerID: f.CustomerID.maybe(), Status: narrow.OrderStatus(f.Status),
		AssigneeID: f.AssigneeID.maybe(), OrderedFrom: f.OrderedFrom, OrderedTo: f.OrderedTo,
	}
}

type orderList struct {
	Filter orderFilter `embed:""`
	Paging paging      `embed:""`
	Output output      `embed:""`
}

// Help implements kong.HelpProvider.
func (*orderList) Help() string {
	return `Examples:

    orderbridge order list
    orderbridge order list --shop-id 1635294032 --limit 200
    orderbridge order list --status new --ordered-from 2025-09-15T00:00:00Z
    orderbridge order list --json | jq -r '.items[].code'`
}

// Run lists the orders.
func (c *orderList) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow)
	page := narrow.Page(&c.Paging.Limit, c.Paging.Cursor)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Orders(ctx, s.WorkspaceID, filter, page)
		if err != nil {
			return err
		}
		shape := []column{
			{title: "CODE"},
			{title: "ORDERED"},
			{title: "STATUS"},
			{title: "CUSTOMER", limit: 30},
			{title: "PHONE"},
			{title: "DUE", right: true},
			{title: "ASSIGNEE", limit: 30},
		}
		return showList(rt, c.Output.JSON, list, "orders", shape, func(o query.Order) []string {
			return []string{
				o.Code, s.moment(o.OrderedAt), o.Status.Name, o.Customer.Name, phone(valueOf(o.Customer.Phone)),
				money.Display(o.Totals.Due, o.Currency), nameOf(o.Assignee),
			}
		})
	})
}

type orderShow struct {
	Code   string  `arg:"" help:"Code of the order, see: orderbridge order list."`
	At     *string `help:"${at_help}" placeholder:"TIME"`
	Output output  `embed:""`
}

// Help implements kong.HelpProvider.
func (*orderShow) Help() string {
	return `Examples:

    orderbridge order show Pancake_1635294032_2051
    orderbridge order show Pancake_1635294032_2051 --at '15/09/2025 10:04'
    orderbridge order show Pancake_1635294032_2051 --at 1024`
}

// Run shows the order.
func (c *orderShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		read := s.Queries.Order
		if c.At != nil {
			read = func(ctx context.Context, workspaceID uuid.UUID, code string) (query.OrderDetail, error) {
				return s.Queries.AsOf.Order(ctx, workspaceID, code, *c.At)
			}
		}
		found, err := read(ctx, s.WorkspaceID, c.Code)
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) { showOrder(p, s, found) })
	})
}

func showOrder(p *page, s Session, o query.OrderDetail) {
	p.fields(
		[2]string{"Order", o.Code},
		[2]string{"Status", o.Status.Name + " (" + strconv.Itoa(o.Status.Code) + ")"},
		[2]string{"Shop", o.ShopID},
		[2]string{"Source", o.Source.Name},
		[2]string{"Channel", valueOf(o.Channel)},
		[2]string{"Customer", o.Customer.Name},
		[2]string{"  phone", phone(valueOf(o.Customer.Phone))},
		[2]string{"  email", valueOf(o.Customer.Email)},
		[2]string{"  id", o.Customer.ID.String()},
		[2]string{"Buyer", o.Buyer.Name},
		[2]string{"  phone", phones(o.Buyer.Phones)},
		[2]string{"  email", strings.Join(o.Buyer.Emails, ", ")},
		[2]string{"Assignee", assignee(o.Assignee, query.WhyWasAssigned(o.AssigneeReason))},
		[2]string{"Created by", staffName(o.Creator)},
		[2]string{"Ordered", s.moment(o.OrderedAt)},
		[2]string{"Updated", s.moment(o.UpdatedAt)},
		[2]string{"Tags", strings.Join(o.Tags, ", ")},
		[2]string{"Receiver", valueOf(o.Shipping.ReceiverName)},
		[2]string{"  phone", phone(valueOf(o.Shipping.ReceiverPhone))},
		[2]string{"  address", valueOf(o.Shipping.Address)},
		[2]string{"Courier", valueOf(o.Shipping.Partner)},
		[2]string{"  state", valueOf(o.Shipping.PartnerStatus)},
		[2]string{"  tracking", valueOf(o.Shipping.TrackingCode)},
	)
	if note := valueOf(o.Note); note != "" {
		p.linef("")
		p.linef("Note")
		for line := range strings.SplitSeq(note, "\n") {
			p.paragraph(len(gap), line)
		}
	}
	p.linef("")
	showLines(p, o.Lines, o.Currency)
	showTotals(p, o.Totals, o.Currency)
	showPayments(p, o.Payments, o.Currency)
	showStatusHistory(p, s, o.StatusHistory)
	showHistory(p, s, o.History, o.Currency)
}

// showLines puts what was bought on the page.
func showLines(p *page, lines []query.OrderLine, currency string) {
	shape := []column{
		{title: "PRODUCT", limit: 30},
		{title: "NAME", limit: 60},
		{title: "QUANTITY", right: true},
		{title: "PRICE", right: true},
		{title: "DISCOUNT", right: true},
		{title: "AMOUNT", right: true},
	}
	rows := make([][]string, 0, len(lines))
	for _, line := range lines {
		rows = append(rows, []string{
			line.ProductCode, lineName(line, english.gift), quantity(line.Quantity), money.Display(line.UnitPrice, currency),
			money.Display(line.Discount, currency), money.Display(line.Amount, currency),
		})
	}
	p.table(shape, rows)
}

// showTotals puts the sums of an order on the page.
func showTotals(p *page, totals order.Totals, currency string) {
	p.linef("")
	showSums(p, currency, []sum{
		{"Lines", totals.Lines},
		{"Discount", totals.Discount},
		{"Goods", totals.Goods},
		{"Shipping fee", totals.ShippingFee},
		{"Surcharge", totals.Surcharge},
		{"Tax", totals.Tax},
		{"Due", totals.Due},
	})
}

func staffName(staff *query.ShopStaff) string {
	if staff == nil {
		return ""
	}
	return cmp.Or(valueOf(staff.Name), staff.Key)
}

// showPayments puts what was paid on the page, if anything was or is to be.
func showPayments(p *page, payments query.OrderPayments, currency string) {
	if payments == (query.OrderPayments{}) {
		return
	}
	p.linef("")
	showSums(p, currency, []sum{
		{"To collect", payments.COD},
		{"Cash", payments.Cash},
		{"Prepaid", payments.Prepaid},
		{"Bank transfer", payments.BankTransfer},
		{"Card", payments.Card},
		{"E-wallet", payments.EWallet},
	})
}

// showStatusHistory puts on the page how the order got where it stands in its shop.
func showStatusHistory(p *page, s Session, changes []query.StatusChange) {
	if len(changes) == 0 {
		return
	}
	p.linef("")
	rows := make([][]string, 0, len(changes))
	for _, change := range changes {
		rows = append(rows, []string{change.Status.Name, s.maybeMoment(change.At), valueOf(change.Editor)})
	}
	p.table([]column{{title: "STATUS IN THE SHOP"}, {title: "SINCE"}, {title: "BY", limit: 30}}, rows)
}

// showHistory puts on the page what was done to the order here.
func showHistory(p *page, s Session, history []query.OrderEvent, currency string) {
	for _, e := range history {
		p.linef("")
		words := []string{"#" + strconv.FormatInt(e.Position, 10), s.moment(e.At), e.Event, string(e.Actor)}
		if reason := valueOf(e.Reason); reason != "" {
			words = append(words, reason)
		}
		if e.DeliveryID != nil {
			words = append(words, "delivery "+e.DeliveryID.String())
		}
		p.linef("%s", strings.Join(words, gap))
		english.showChanges(p, s, len(gap), currency, e.Changes)
	}
}

// lineName is what a line is of, and that it is a gift in the words of a language.
func lineName(line query.OrderLine, gift string) string {
	name := line.ProductName
	if variant := valueOf(line.Variant); variant != "" {
		name += " (" + variant + ")"
	}
	if line.Gift {
		name += " (" + gift + ")"
	}
	return name
}

type sum struct {
	label string
	units int64
}

// showSums puts amounts on the page as a column of numbers.
func showSums(p *page, currency string, sums []sum) {
	labels, widest := 0, 0
	for _, sum := range sums {
		labels = max(labels, columns(sum.label))
		widest = max(widest, columns(printable(money.Display(sum.units, currency))))
	}
	for _, sum := range sums {
		p.linef("%s%s%s", pad(sum.label, labels, false), gap, pad(printable(money.Display(sum.units, currency)), widest, true))
	}
}

// assignee says who carries an order out, and why it is them.
func assignee(who *query.Reference, why string) string {
	switch {
	case who == nil:
		return "nobody"
	case why == "":
		return who.Name
	default:
		return who.Name + ", who " + why
	}
}
