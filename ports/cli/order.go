package cli

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
)

type orderCommands struct {
	List orderList `cmd:"" help:"List orders, the newest first."`
	Show orderShow `cmd:"" help:"Show an order with its lines and totals."`
}

type orderList struct {
	ShopID     string   `help:"Only orders of this shop." placeholder:"NUMBER"`
	CustomerID recordID `help:"Only orders of this customer." placeholder:"ID"`
	Paging     paging   `embed:""`
	Output     output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*orderList) Help() string {
	return `Examples:

    orderbridge order list
    orderbridge order list --shop-id 1635294032 --limit 200
    orderbridge order list --json | jq -r '.items[].code'`
}

// Run lists the orders.
func (c *orderList) Run(ctx context.Context, rt *Runtime) error {
	var narrow narrowing
	customerID := uuid.UUID(c.CustomerID)
	filter := query.OrderFilter{
		ShopID: narrow.shopID(c.ShopID), CustomerID: uuid.NullUUID{UUID: customerID, Valid: customerID != uuid.Nil},
	}
	page := narrow.page(c.Paging)
	if err := narrow.problem(); err != nil {
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
				o.Code, moment(o.OrderedAt), o.Status.Name, o.Customer.Name, phone(valueOf(o.Customer.Phone)),
				money.Display(o.Totals.Due, o.Currency), nameOf(o.Assignee),
			}
		})
	})
}

type orderShow struct {
	Code   string `arg:"" help:"Code of the order, see: orderbridge order list."`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*orderShow) Help() string {
	return `Example:

    orderbridge order show Pancake_1635294032_2051`
}

// Run shows the order.
func (c *orderShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		found, err := s.Queries.Order(ctx, s.WorkspaceID, c.Code)
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) { showOrder(p, found) })
	})
}

func showOrder(p *page, o query.Order) {
	p.fields(
		[2]string{"Order", o.Code},
		[2]string{"Status", o.Status.Name + " (" + strconv.Itoa(o.Status.Code) + ")"},
		[2]string{"Shop", o.ShopID},
		[2]string{"Source", o.Source.Name},
		[2]string{"Customer", o.Customer.Name},
		[2]string{"  phone", phone(valueOf(o.Customer.Phone))},
		[2]string{"  email", valueOf(o.Customer.Email)},
		[2]string{"  id", o.Customer.ID.String()},
		[2]string{"Assignee", assignee(o)},
		[2]string{"Ordered", moment(o.OrderedAt)},
	)
	p.linef("")
	shape := []column{
		{title: "PRODUCT", limit: 30},
		{title: "NAME", limit: 60},
		{title: "QUANTITY", right: true},
		{title: "PRICE", right: true},
		{title: "DISCOUNT", right: true},
		{title: "AMOUNT", right: true},
	}
	rows := make([][]string, 0, len(o.Lines))
	for _, line := range o.Lines {
		rows = append(rows, []string{
			line.ProductCode, lineName(line), quantity(line.Quantity), money.Display(line.UnitPrice, o.Currency),
			money.Display(line.Discount, o.Currency), money.Display(line.Amount, o.Currency),
		})
	}
	p.table(shape, rows)
	p.linef("")
	showTotals(p, o.Totals, o.Currency)
}

func lineName(line query.OrderLine) string {
	name := line.ProductName
	if variant := valueOf(line.Variant); variant != "" {
		name += " (" + variant + ")"
	}
	if line.Gift {
		name += " (gift)"
	}
	return name
}

// showTotals puts the sums on the page as a column of numbers.
func showTotals(p *page, totals order.Totals, currency string) {
	sums := []struct {
		label string
		units int64
	}{
		{"Lines", totals.Lines},
		{"Discount", totals.Discount},
		{"Goods", totals.Goods},
		{"Shipping fee", totals.ShippingFee},
		{"Surcharge", totals.Surcharge},
		{"Tax", totals.Tax},
		{"Due", totals.Due},
	}
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
func assignee(o query.Order) string {
	why := map[order.AssigneeReason]string{
		order.AssignedByCreatorPhone:     "has the phone of the order's creator",
		order.AssignedByCreatorEmail:     "has the email of the order's creator",
		order.AssignedByFirstEditorPhone: "has the phone of the order's first editor",
		order.AssignedByFirstEditorEmail: "has the email of the order's first editor",
		order.AssignedByShopDefault:      "is the shop's default assignee",
	}[o.AssigneeReason]
	switch {
	case o.Assignee == nil:
		return "nobody"
	case why == "":
		return o.Assignee.Name
	default:
		return o.Assignee.Name + ", who " + why
	}
}
