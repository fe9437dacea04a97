package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

type customerMerge struct {
	Survivor recordID `arg:"" help:"Id of the customer who stays." placeholder:"SURVIVOR"`
	Merged   recordID `arg:"" help:"Id of the customer who leads to them from then on." placeholder:"MERGED"`
	Take     []string `help:"Take name, address, gender or birthday of the merged customer. May be repeated." placeholder:"FIELD"`
	DryRun   bool     `help:"Change nothing, and tell who the survivor would be."`
	Yes      bool     `help:"Go on without asking."`
	Output   output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerMerge) Help() string {
	return `Of name, address, gender and birthday the survivor's stays, and what they do not have comes from the other. Phones, emails, tags and
the lines of notes are joined. Orders of both are shown with the survivor, and the other's id leads to them. Nothing is lost: see
orderbridge customer unmerge.

Examples:

    orderbridge customer duplicates
    orderbridge customer merge 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 \
        01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b12 --take address --dry-run`
}

// Run merges them.
func (c *customerMerge) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		cmd := command.MergeCustomers{By: s.by(), Survivor: uuid.UUID(c.Survivor), Merged: uuid.UUID(c.Merged), Take: c.Take, DryRun: true}
		preview, err := s.Commands.MergeCustomers.Handle(ctx, cmd)
		if err != nil {
			return err
		}
		if !c.DryRun && !c.Yes {
			p := &page{width: rt.width()}
			showMerge(p, preview)
			fmt.Fprint(rt.Stderr, p.text.String())
			if err := rt.confirm(ctx, "Merge them?"); err != nil {
				return err
			}
		}
		done := preview
		if !c.DryRun {
			cmd.DryRun = false
			if done, err = s.Commands.MergeCustomers.Handle(ctx, cmd); err != nil {
				return err
			}
		}
		return rt.show(c.Output.JSON, query.MergeOf(done.Before, done.Survivor, done.Other, c.DryRun), func(p *page) {
			if c.DryRun {
				showMerge(p, done)
				return
			}
			p.linef("Customer %s was merged into %s.", done.Other.Name, done.Survivor.Name)
			p.linef("To take it back: orderbridge customer unmerge %s", done.Other.ID)
		})
	})
}

type customerUnmerge struct {
	Merged recordID `arg:"" help:"Id of the customer who was merged into another." placeholder:"MERGED"`
	DryRun bool     `help:"Change nothing, and tell who both would be."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerUnmerge) Help() string {
	return `The customer is as they were. The survivor is as if the merge had never been, with what was edited since. Orders that came in between
stay with whom they matched.

Example:

    orderbridge customer unmerge 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b12`
}

// Run takes the merge back.
func (c *customerUnmerge) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		done, err := s.Commands.MergeCustomers.Unmerge(ctx, command.UnmergeCustomer{By: s.by(), Merged: uuid.UUID(c.Merged), DryRun: c.DryRun})
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, query.MergeOf(done.Before, done.Survivor, done.Other, c.DryRun), func(p *page) {
			verb := "is"
			if c.DryRun {
				verb = "would be"
			}
			p.linef("Customer %s (%s) %s by themselves again, and so %s %s (%s).", done.Other.Name, done.Other.ID, verb, verb,
				done.Survivor.Name, done.Survivor.ID)
		})
	})
}

// showMerge shows who the survivor was and would be, field by field, beside the other.
func showMerge(p *page, done command.MergedCustomers) {
	other := done.Other.State
	rows := [][]string{
		{"id", done.Before.ID.String(), other.ID.String(), done.Survivor.ID.String()},
		{"name", done.Before.Name, other.Name, done.Survivor.Name},
	}
	for _, field := range []struct {
		name string
		of   func(customer.State) string
	}{
		{"phones", func(s customer.State) string { return phones(s.Phones) }},
		{"emails", func(s customer.State) string { return strings.Join(s.Emails, ", ") }},
		{"address", func(s customer.State) string { return s.Address }},
		{"gender", func(s customer.State) string { return s.Gender }},
		{"birthday", func(s customer.State) string { return s.Birthday }},
		{"tags", func(s customer.State) string { return strings.Join(s.Tags, ", ") }},
		{"note", func(s customer.State) string { return s.Note }},
	} {
		rows = append(rows, []string{field.name, field.of(done.Before.State), field.of(other), field.of(done.Survivor.State)})
	}
	p.table([]column{{title: ""}, {title: "SURVIVOR", limit: 40}, {title: "MERGED", limit: 40}, {title: "TOGETHER", limit: 60}}, rows)
}

type customerDuplicates struct {
	Limit  int    `default:"${default_limit}" help:"How many to show, 1 to ${max_limit}." placeholder:"${default_limit}"`
	After  string `help:"Go on after this, see next_cursor with --json." placeholder:"CURSOR"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerDuplicates) Help() string {
	return `Each line is a phone or an email that several customers in use have. Orders with it go to the oldest of them.

Examples:

    orderbridge customer duplicates
    orderbridge customer duplicates --json | jq -r '.items[] | .key.value'`
}

// Run lists them.
func (c *customerDuplicates) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	limit := narrow.Page(&c.Limit, "").Limit
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Duplicates.Find(ctx, s.WorkspaceID, c.After, limit)
		if err != nil {
			return err
		}
		shape := []column{{title: "KEY"}, {title: "CUSTOMERS", right: true}, {title: "OLDEST FIRST", limit: 90}}
		return showList(rt, c.Output.JSON, list, "duplicates", shape, func(d query.Duplicate) []string {
			names := make([]string, 0, len(d.Customers))
			for _, one := range d.Customers {
				names = append(names, one.Name+" ("+one.ID.String()+")")
			}
			value := d.Key.Value
			if d.Key.Kind == "phone" {
				value = phone(value)
			}
			return []string{value, strconv.Itoa(d.Count), strings.Join(names, ", ")}
		})
	})
}
