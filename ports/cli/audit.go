package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/event"
)

type auditCommands struct {
	Order      auditOrder      `cmd:"" help:"Tell how an order came, which customer it got and why, and all that was done to it since."`
	Delivery   auditDelivery   `cmd:"" help:"Tell what came of a delivery."`
	Customer   auditCustomer   `cmd:"" help:"Tell what happened to a customer, and how orders came to them."`
	User       auditUser       `cmd:"" help:"Tell what happened to a user, and which orders were given to them later."`
	Settings   auditSettings   `cmd:"" help:"Tell what happened to the settings, shops and tokens."`
	Projection auditProjection `cmd:"" help:"Tell which rebuilds there were of a projection, and which events it passes over."`
}

// telling is embedded by the commands that tell a timeline.
type telling struct {
	Lang   *string `enum:"en,vi" help:"Language of the sentences: en or vi. Default: that of $LC_ALL, $LC_MESSAGES or $LANG." placeholder:"en"`
	Paging paging  `embed:""`
	Output output  `embed:""`
}

const auditHelp = `Each step is an event of the log: its position, its time, how long after the step before it happened, who did it, which
event led to it, and in plain words what was decided and why. With --json it comes with the event's data.

`

// run tells a timeline that is read page by page.
func (c *telling) run(ctx context.Context, rt *Runtime, read func(Session, query.Page) (query.Timeline, error)) error {
	return c.within(ctx, rt, rt.Open, read)
}

// within is run on a database that open opens.
func (c *telling) within(
	ctx context.Context, rt *Runtime, open func(context.Context) (Session, error), read func(Session, query.Page) (query.Timeline, error),
) error {
	part, err := query.ParsePage(&c.Paging.Limit, c.Paging.Cursor)
	if err != nil {
		return err
	}
	return rt.within(ctx, open, func(s Session) error {
		told, err := read(s, part)
		if err != nil {
			return err
		}
		words := wordsIn(cmp.Or(valueOf(c.Lang), rt.language()))
		if err := rt.show(c.Output.JSON, told, func(p *page) { showTimeline(p, s, words, told) }); err != nil {
			return err
		}
		if told.NextCursor != nil && !c.Output.JSON {
			rt.notef(words.more, *told.NextCursor)
		}
		return nil
	})
}

// language is the one of the environment's locale, of those that there are.
func (rt *Runtime) language() string {
	locale := cmp.Or(rt.getenv("LC_ALL"), rt.getenv("LC_MESSAGES"), rt.getenv("LANG"))
	if language, _, _ := strings.Cut(locale, "_"); language == "vi" || strings.HasPrefix(locale, "vi.") {
		return "vi"
	}
	return "en"
}

type auditOrder struct {
	Code string  `arg:"" help:"Code of the order, of one that never got into the CRM too."`
	Tell telling `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditOrder) Help() string {
	return auditHelp + `Examples:

    orderbridge audit order Pancake_1635294032_2051
    orderbridge audit order Pancake_1635294032_2051 --lang vi
    orderbridge audit order Pancake_1635294032_2051 --json | jq .items`
}

// Run tells the timeline.
func (c *auditOrder) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.run(ctx, rt, func(s Session, page query.Page) (query.Timeline, error) {
		return s.Queries.Timeline.OfOrder(ctx, s.WorkspaceID, c.Code, page)
	})
}

type auditDelivery struct {
	ID   recordID `arg:"" help:"Id of the delivery: the answer to the webhook call has it. See: orderbridge delivery list."`
	Tell telling  `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditDelivery) Help() string {
	return auditHelp + `Example:

    orderbridge audit delivery 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run tells the timeline.
func (c *auditDelivery) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.run(ctx, rt, func(s Session, page query.Page) (query.Timeline, error) {
		return s.Queries.Timeline.OfDelivery(ctx, s.WorkspaceID, uuid.UUID(c.ID), page)
	})
}

type auditCustomer struct {
	ID   recordID `arg:"" help:"Id of the customer, see: orderbridge customer list."`
	Tell telling  `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditCustomer) Help() string {
	return auditHelp + `Example:

    orderbridge audit customer 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run tells the timeline.
func (c *auditCustomer) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.run(ctx, rt, func(s Session, page query.Page) (query.Timeline, error) {
		return s.Queries.Timeline.OfCustomer(ctx, s.WorkspaceID, uuid.UUID(c.ID), page)
	})
}

type auditUser struct {
	ID   recordID `arg:"" help:"Id of the user, see: orderbridge user list."`
	Tell telling  `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditUser) Help() string {
	return auditHelp + `Example:

    orderbridge audit user 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run tells the timeline.
func (c *auditUser) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.run(ctx, rt, func(s Session, page query.Page) (query.Timeline, error) {
		return s.Queries.Timeline.OfUser(ctx, s.WorkspaceID, uuid.UUID(c.ID), page)
	})
}

type auditSettings struct {
	Tell telling `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditSettings) Help() string {
	return auditHelp + `Example:

    orderbridge audit settings --limit 200`
}

// Run tells the timeline.
func (c *auditSettings) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.run(ctx, rt, func(s Session, page query.Page) (query.Timeline, error) {
		return s.Queries.Timeline.OfSettings(ctx, s.WorkspaceID, page)
	})
}

type auditProjection struct {
	Name string  `arg:"" help:"Name of the projection, see: orderbridge projection list."`
	Tell telling `embed:""`
}

// Help implements kong.HelpProvider.
func (*auditProjection) Help() string {
	return auditHelp + `Read tables concern all workspaces, and so does this.

Example:

    orderbridge audit projection crm`
}

// Run tells the timeline.
func (c *auditProjection) Run(ctx context.Context, rt *Runtime) error {
	return c.Tell.within(ctx, rt, rt.OpenAsIs, func(s Session, page query.Page) (query.Timeline, error) {
		states, err := s.Projections.List(ctx)
		if err != nil {
			return query.Timeline{}, err
		}
		state, known := projection.Named(states, c.Name)
		if !known {
			return query.Timeline{}, projection.ErrUnknown
		}
		return s.Queries.Timeline.OfProjection(ctx, uuid.NullUUID{}, state.Name, string(state.State), page)
	})
}

// showTimeline puts a timeline on the page: what it is about, and then each step.
func showTimeline(p *page, s Session, w words, told query.Timeline) {
	subject := told.Subject
	fields := [][2]string{{w.kinds[subject.Kind], subject.ID}}
	if subject.Name != nil {
		fields = append(fields, [2]string{w.name, *subject.Name})
	}
	fields = append(fields, [2]string{w.state, w.stateOf(subject.State)})
	if subject.Customer != nil {
		fields = append(fields, [2]string{w.customer, subject.Customer.Name}, [2]string{"  id", subject.Customer.ID.String()})
	}
	if subject.StartedAt != nil {
		fields = append(fields, [2]string{w.received, s.second(*subject.StartedAt)})
		done := w.notDone
		if subject.DoneAt != nil && subject.TookMS != nil {
			done = fmt.Sprintf(w.after, s.second(*subject.DoneAt), w.duration(*subject.TookMS))
		}
		fields = append(fields, [2]string{w.done, done})
	}
	p.fields(fields...)
	places := 0
	for _, step := range told.Items {
		places = max(places, columns(place(step)))
	}
	for _, step := range told.Items {
		p.linef("")
		line := []styled{{dim, pad(place(step), places, false)}, {plain, s.second(step.At)}}
		if step.TookMS != nil {
			line = append(line, styled{dim, "+" + w.duration(*step.TookMS)})
		}
		line = append(line, styled{styleOf(step.State), cmp.Or(step.Event, w.waiting)}, styled{dim, fmt.Sprintf(w.by, w.actor(step.Actor))})
		if step.CausePosition != nil {
			line = append(line, styled{dim, fmt.Sprintf(w.dueTo, *step.CausePosition)})
		}
		p.spans(line...)
		indent := places + len(gap)
		p.paragraph(indent, w.summary(step))
		showStepChanges(p, s, indent, w, step)
	}
}

// place is where a step stands in the log.
func place(step query.Step) string {
	if step.Position == 0 {
		return "…"
	}
	return "#" + strconv.FormatInt(step.Position, 10)
}

func styleOf(state query.StepState) style {
	switch state {
	case query.StepFailed:
		return red
	case query.StepHeld, query.StepPending:
		return yellow
	default:
		return bold
	}
}

// showStepChanges puts what an event changed on the page, if it changed something.
func showStepChanges(p *page, s Session, indent int, w words, step query.Step) {
	var data struct {
		Changes []event.Change `json:"changes"`
		Order   struct {
			Currency string `json:"currency"`
		} `json:"order"`
	}
	if err := json.Unmarshal(step.Data, &data); err != nil {
		return // another shape of event, which its sentence tells
	}
	w.showChanges(p, s, indent, data.Order.Currency, data.Changes)
}
