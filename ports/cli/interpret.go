package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/app/rehearsal"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// maxBodyBytes is how large a delivery may be.
const maxBodyBytes = 2 << 20

type interpretCommand struct {
	Source  string  `arg:"" help:"File with the body of an order, - for standard input, or the id of a delivery." name:"file-or-delivery"`
	MatchBy *string `enum:"phone,email,phone_or_email" help:"Decide by this rule instead of the workspace's." placeholder:"RULE"`
	Output  output  `embed:""`
}

// Help implements kong.HelpProvider.
func (*interpretCommand) Help() string {
	return `The body is decided on as everything is now, by what decides on deliveries: whether it would be accepted, which customer the
order would get and why, and what would change. Nothing is written.

Examples:

    orderbridge interpret order.json
    orderbridge interpret 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 --match-by email
    pbpaste | orderbridge interpret - --json | jq .customer`
}

// Run tells what would come of the body.
func (c *interpretCommand) Run(ctx context.Context, rt *Runtime) error {
	body, deliveryID, err := c.read(ctx, rt)
	if err != nil {
		return err
	}
	rule := customer.MatchRule(valueOf(c.MatchBy))
	return rt.inSession(ctx, func(s Session) error {
		var told rehearsal.Interpretation
		if deliveryID != uuid.Nil {
			told, err = s.Queries.Interpret.Delivery(ctx, s.WorkspaceID, deliveryID, rule)
		} else {
			told, err = s.Queries.Interpret.Body(ctx, s.WorkspaceID, body, rule)
		}
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, told, func(p *page) { showInterpretation(p, s, told) })
	})
}

// read reads the body, unless it is that of a delivery.
func (c *interpretCommand) read(ctx context.Context, rt *Runtime) (body []byte, deliveryID uuid.UUID, err error) {
	if _, err := os.Stat(c.Source); c.Source != fromStdin && errors.Is(err, fs.ErrNotExist) {
		if id, err := uuid.Parse(c.Source); err == nil {
			return nil, id, nil
		}
		return nil, uuid.Nil, problem.NotFound("file-unknown", "there is no file %s, and it is no id of a delivery", c.Source)
	}
	body, err = rt.readFile(ctx, c.Source, maxBodyBytes+1)
	switch {
	case err != nil:
		return nil, uuid.Nil, err
	case len(body) > maxBodyBytes:
		return nil, uuid.Nil, problem.TooLarge("body-too-large", "a delivery has at most %d bytes", maxBodyBytes)
	}
	return body, uuid.Nil, nil
}

func showInterpretation(p *page, s Session, told rehearsal.Interpretation) {
	accepted := "yes"
	if !told.Accepted {
		accepted = "no"
	}
	p.fields(
		[2]string{"Accepted", accepted},
		[2]string{"Outcome", string(told.Outcome)},
		[2]string{"Reason", valueOf(told.Reason)},
		[2]string{"Order", valueOf(told.OrderCode)},
		[2]string{"Shop", valueOf(told.ShopID)},
		[2]string{"Match by", matchRule(string(told.MatchBy))},
	)
	if told.Detail != nil {
		p.linef("")
		p.paragraph(0, sentence(*told.Detail))
	}
	for _, decision := range told.Decisions {
		p.linef("")
		p.spans(styled{bold, decision.Event})
		p.paragraph(len(gap), decision.Summary)
	}
	if o := told.Order; o != nil {
		english.showChanges(p, s, len(gap), o.Currency, told.Changes)
	}
	if c := told.Customer; c != nil {
		id := "-, a new one"
		if c.ID != nil {
			id = c.ID.String() + ", " + c.Found
		}
		p.linef("")
		p.fields(
			[2]string{"Customer", c.Name}, [2]string{"  id", id}, [2]string{"  phone", phones(c.Phones)},
			[2]string{"  email", strings.Join(c.Emails, ", ")}, [2]string{"  address", valueOf(c.Address)},
		)
	}
	if o := told.Order; o != nil {
		p.linef("")
		p.fields(
			[2]string{"Status", o.Status.Name + " (" + strconv.Itoa(o.Status.Code) + ")"},
			[2]string{"Assignee", assignee(o.Assignee, query.WhyAssigned(o.AssigneeReason))},
			[2]string{"Ordered", s.moment(o.OrderedAt)},
		)
		p.linef("")
		showLines(p, o.Lines, o.Currency)
		showTotals(p, o.Totals, o.Currency)
	}
	p.linef("")
	p.linef("Nothing was written.")
}

// sentence is a message as a sentence of its own.
func sentence(message string) string {
	if message == "" {
		return ""
	}
	first, size := firstLetter(message)
	return fmt.Sprintf("%s%s.", strings.ToUpper(first), strings.TrimSuffix(message[size:], "."))
}

func firstLetter(text string) (letter string, size int) {
	for _, r := range text {
		return string(r), len(string(r))
	}
	return "", 0
}
