package cli

import (
	"context"
	"io"
	"os"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// exportTo is where an export goes, for commands to embed.
type exportTo struct {
	File   string `arg:"" help:"File to write, which ends with .csv or .xlsx; or - for CSV on standard output." placeholder:"FILE"`
	Force  bool   `help:"Write over a file that is there."`
	Output output `embed:""`
}

// exported is what an export left behind.
type exported struct {
	File    string `json:"file"`
	Records int    `json:"records"`
}

// format is what kind of file to write, which must not be there yet.
func (e *exportTo) format() (query.SheetFormat, error) {
	if e.File == fromStdin {
		return query.SheetCSV, nil
	}
	format, err := query.ParseSheetFormat(e.File)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(e.File); err == nil && !e.Force {
		return "", problem.Conflict("file-exists", "%s is there already; to write over it, add --force", e.File)
	}
	return format, nil
}

// name is the file to write; "" for standard output.
func (e *exportTo) name() string {
	if e.File == fromStdin {
		return ""
	}
	return e.File
}

// run writes the file.
func (e *exportTo) run(ctx context.Context, rt *Runtime, one, many string, write func(Session, query.Export) error) error {
	format, err := e.format()
	if err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		progress := rt.newProgress("export", many)
		defer progress.end()
		records := 0
		export := query.Export{
			WorkspaceID: s.WorkspaceID, Format: format, Zone: s.Zone,
			Progress: func(done int) {
				records = done
				progress.show("writing", int64(done), 0)
			},
		}
		if err := rt.writeTo(e.name(), func(to io.Writer) error {
			export.To = to
			return write(s, export)
		}); err != nil || e.name() == "" {
			return err
		}
		progress.end()
		return rt.show(e.Output.JSON, exported{File: e.File, Records: records}, func(p *page) {
			p.linef("%s written to %s.", count(records, one+" was", many+" were"), e.File)
		})
	})
}

type customerExport struct {
	To     exportTo       `embed:""`
	Filter customerFilter `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerExport) Help() string {
	return `Titles are those that orderbridge customer import knows, such as in another workspace. Whoever is there already is
not changed by an import.

Examples:

    orderbridge customer export khach-hang.xlsx
    orderbridge customer export vip.csv --tag VIP --status active
    orderbridge customer export - | gzip > khach-hang.csv.gz`
}

// Run writes the customers.
func (c *customerExport) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return c.To.run(ctx, rt, "customer", "customers", func(s Session, export query.Export) error {
		return s.Queries.Export.Customers(ctx, export, filter)
	})
}

type customerTemplate struct {
	To exportTo `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerTemplate) Help() string {
	return `It has the titles that an import knows, and a row that shows what they mean.

Example:

    orderbridge customer template khach-hang.xlsx`
}

// Run writes the file.
func (c *customerTemplate) Run(ctx context.Context, rt *Runtime) error {
	format, err := c.To.format()
	if err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		write := func(to io.Writer) error { return s.Queries.Export.CustomerTemplate(format, to) }
		if err := rt.writeTo(c.To.name(), write); err != nil || c.To.name() == "" {
			return err
		}
		return rt.show(c.To.Output.JSON, exported{File: c.To.File}, func(p *page) { p.linef("The file %s is there to be filled in.", c.To.File) })
	})
}

type orderExport struct {
	To     exportTo    `embed:""`
	Filter orderFilter `embed:""`
}

// Help implements kong.HelpProvider.
func (*orderExport) Help() string {
	return `There is a row for each line of an order. What is the order's stands in every row, its totals in the first of them only, so that
columns can be summed. Times are in the workspace's zone.

Examples:

    orderbridge order export don-hang.xlsx \
        --ordered-from 2025-09-01T00:00:00+07:00
    orderbridge order export moi.csv --status new`
}

// Run writes the orders.
func (c *orderExport) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return c.To.run(ctx, rt, "order", "orders", func(s Session, export query.Export) error {
		return s.Queries.Export.Orders(ctx, export, filter)
	})
}

type deliveryExport struct {
	To     exportTo       `embed:""`
	Filter deliveryFilter `embed:""`
}

// Help implements kong.HelpProvider.
func (*deliveryExport) Help() string {
	return `Examples:

    orderbridge delivery export loi.csv --outcome failed
    orderbridge delivery export webhook.xlsx \
        --received-from 2025-09-01T00:00:00+07:00`
}

// Run writes the deliveries.
func (c *deliveryExport) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow, query.Outcomes())
	if err := narrow.Problem(); err != nil {
		return err
	}
	return c.To.run(ctx, rt, "delivery", "deliveries", func(s Session, export query.Export) error {
		return s.Queries.Export.Deliveries(ctx, export, filter)
	})
}
