package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

type customerImport struct {
	File   string `arg:"" help:"CSV file or Excel workbook (.xlsx), or - for standard input." placeholder:"FILE"`
	DryRun bool   `help:"Change nothing, and tell what would become of each row."`
	Yes    bool   `help:"Go on without asking."`
	Result string `help:"Write what became of each row to this file, with the reasons; it ends with .csv or .xlsx." placeholder:"FILE" type:"path"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerImport) Help() string {
	return `The first row names the columns, in English or Vietnamese and in any order: name (Tên khách hàng), phone (Điện thoại; several
columns, or several in a cell), email, address (Địa chỉ), gender (Giới tính), birthday (Ngày sinh, as 31/12/1990), tags (Nhãn),
note (Ghi chú). Other columns are left out and told. A file to begin with: orderbridge customer template FILE.

First every row is checked, and nothing is saved until you say yes. A row whose phone or email a customer has, or an earlier row of
the file, is left out; so is one that breaks a rule. It is safe to interrupt this and to import the file again.

Examples:

    orderbridge customer import khach-hang.xlsx --dry-run --result ket-qua.csv
    orderbridge customer import khach-hang.csv --yes`
}

// Run imports the customers.
func (c *customerImport) Run(ctx context.Context, rt *Runtime) error {
	var result query.SheetFormat
	var err error
	if c.Result != "" {
		if result, err = query.ParseSheetFormat(c.Result); err != nil {
			return err
		}
	}
	file, size, err := rt.openFile(ctx, c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return rt.inSession(ctx, func(s Session) (err error) {
		id, err := c.check(ctx, rt, s, file, size)
		if err != nil {
			return err
		}
		forget := c.DryRun // of which nothing stays, whatever becomes of it
		defer func() {
			if forget {
				err = errors.Join(err, discard(ctx, s, id))
			}
		}()
		checked, err := s.Queries.CustomerImport(ctx, s.WorkspaceID, id)
		if err != nil {
			return err
		}
		forget = forget || checked.New == 0 // there is nothing to do, now or later
		if !c.DryRun && checked.New > 0 {
			if err := c.goOn(ctx, rt, s, checked); err != nil {
				return errors.Join(err, giveUp(ctx, s, id))
			}
			if err := c.bringIn(ctx, rt, s, checked); err != nil {
				return err
			}
		}
		if c.Result != "" {
			if err := rt.writeTo(c.Result, func(to io.Writer) error {
				return s.Queries.Export.ImportResult(ctx, query.Export{WorkspaceID: s.WorkspaceID, Format: result, To: to, Zone: s.Zone}, id)
			}); err != nil {
				return err
			}
		}
		return c.tell(ctx, rt, s, id)
	})
}

func (c *customerImport) check(ctx context.Context, rt *Runtime, s Session, file io.ReaderAt, size int64) (uuid.UUID, error) {
	told := time.Now()
	return s.Commands.CheckCustomerFile.Handle(ctx, command.CheckCustomerFile{
		By: s.by(), File: file, Size: size, Name: filepath.Base(c.File),
		Progress: func(rows int) {
			if time.Since(told) >= progressEvery {
				told = time.Now()
				rt.notef("%s checked", count(rows, "row was", "rows were"))
			}
		},
	})
}

// goOn asks whether to bring the new rows in.
func (c *customerImport) goOn(ctx context.Context, rt *Runtime, s Session, checked query.CustomerImport) error {
	if c.Yes {
		return nil
	}
	p := &page{width: rt.width()}
	if err := showImport(ctx, p, s, checked); err != nil {
		return err
	}
	fmt.Fprint(rt.Stderr, p.text.String())
	return rt.confirm(ctx, fmt.Sprintf("Add %s?", count(checked.New, "customer", "customers")))
}

// giveUp gives an import up, also when it was interrupted.
func giveUp(ctx context.Context, s Session, id uuid.UUID) error {
	return s.Commands.CancelCustomerImport.Handle(context.WithoutCancel(ctx), command.CancelCustomerImport{By: s.by(), ID: id})
}

// discard forgets an import of which nothing was or is to be brought in, also when it was interrupted.
func discard(ctx context.Context, s Session, id uuid.UUID) error {
	return s.Commands.DiscardCustomerImport.Handle(context.WithoutCancel(ctx), command.DiscardCustomerImport{By: s.by(), ID: id})
}

// bringIn brings the new rows in, beside a service that may do the same.
func (c *customerImport) bringIn(ctx context.Context, rt *Runtime, s Session, checked query.CustomerImport) error {
	if err := s.Commands.ConfirmCustomerImport.Handle(ctx, command.ConfirmCustomerImport{By: s.by(), ID: checked.ID}); err != nil {
		return err
	}
	progress := rt.newProgress("import", "rows")
	defer progress.end()
	for after := 0; ; {
		done, err := s.Commands.ImportCustomers.Next(ctx, checked.ID, after)
		after = max(after, done.Line)
		switch {
		case ctx.Err() != nil:
			progress.end()
			err := errors.Join(ctx.Err(), giveUp(ctx, s, checked.ID))
			rt.notef("What was imported stays. Import the file again to go on: rows that are there are left out.")
			return err
		case err != nil:
			return err
		case done.Done:
			return nil
		case done.Busy: // a service is at it
			select {
			case <-time.After(busyPoll):
			case <-ctx.Done():
				continue // told above
			}
		}
		now, err := s.Queries.CustomerImport(ctx, s.WorkspaceID, checked.ID)
		if err != nil && ctx.Err() == nil {
			return err
		}
		progress.show("importing", int64(checked.New-now.New), int64(checked.New))
	}
}

// busyPoll is how often it is looked how far another program is.
const busyPoll = 100 * time.Millisecond

// tell shows what became of the rows.
func (c *customerImport) tell(ctx context.Context, rt *Runtime, s Session, id uuid.UUID) error {
	found, err := s.Queries.CustomerImport(ctx, s.WorkspaceID, id)
	if err != nil {
		return err
	}
	var failure error
	err = rt.show(c.Output.JSON, found, func(p *page) { failure = showImport(ctx, p, s, found) })
	return errors.Join(err, failure)
}

const (
	// shownReasons is how many of the rows that are left out are shown; the result file has all.
	shownReasons = 10
	// shownColumns is how many of the columns that are left out are named.
	shownColumns = 5
)

func showImport(ctx context.Context, p *page, s Session, found query.CustomerImport) error {
	added := count(found.New, "customer would be added", "customers would be added")
	switch {
	case found.State == query.ImportDone || found.Imported > 0:
		added = count(found.Imported, "customer was added", "customers were added")
	case found.New == 0:
		added = "nobody is new"
	}
	p.linef("%s of %s: %s, %s, %s repeated in the file, %s not valid.", count(found.Rows, "row", "rows"), found.FileName, added,
		thereAlready(found.Existing), count(found.Repeated, "is", "are"), count(found.Invalid, "is", "are"))
	if len(found.UnknownColumns) > 0 {
		p.linef("%s left out: %s.", agree(int64(len(found.UnknownColumns)), "A column is", "Columns are"), some(found.UnknownColumns, shownColumns))
	}
	var rows [][]string
	for _, outcome := range []command.RowOutcome{command.RowInvalid, command.RowRepeated, command.RowExisting} {
		some, err := s.Queries.ImportRows(ctx, s.WorkspaceID, found.ID, string(outcome), 0, shownReasons)
		if err != nil {
			return err
		}
		for _, row := range some {
			rows = append(rows, []string{strconv.Itoa(row.Line), row.Outcome, row.Why()})
		}
	}
	if len(rows) > 0 {
		p.table([]column{{title: "LINE", right: true}, {title: "OUTCOME"}, {title: "REASON", limit: 90}}, rows[:min(len(rows), shownReasons)])
	}
	return nil
}
