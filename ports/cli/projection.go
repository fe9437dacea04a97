package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/money"
)

type projectionCommands struct {
	List projectionList `cmd:"" help:"Show how far each projection has followed the log, and why one does not move on."`
	Skip projectionSkip `cmd:"" help:"Let a projection pass over an event that it cannot fold."`
}

type projectionList struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*projectionList) Help() string {
	return `A projection folds the event log into read tables. Its lag is what it has not folded yet, in events and in time.

Examples:

    orderbridge projection list
    orderbridge projection list --json | jq '.items[].lag_events'`
}

// Run lists the projections.
func (c *projectionList) Run(ctx context.Context, rt *Runtime) error {
	return rt.within(ctx, rt.OpenAsIs, func(s Session) error {
		states, err := s.Projections.List(ctx)
		if err != nil {
			return err
		}
		return rt.showProjections(c.Output.JSON, s, states)
	})
}

// showProjections shows where projections stand.
func (rt *Runtime) showProjections(asJSON bool, s Session, states []projection.Status) error {
	return rt.show(asJSON, query.List[projection.Status]{Items: states}, func(p *page) {
		rows := make([][]string, 0, len(states))
		for _, state := range states {
			rebuilt := ""
			if done := state.LastRebuild; done != nil {
				rebuilt = fmt.Sprintf("%s by %s, %s", s.moment(done.FinishedAt), done.AskedBy, seconds(done.TookSeconds))
			}
			previous := ""
			if state.Previous != nil {
				previous = fmt.Sprintf("v%d", state.Previous.Version)
			}
			rows = append(rows, []string{
				state.Name, fmt.Sprintf("v%d", state.Version), grouped(state.Position), grouped(state.LagEvents),
				seconds(state.LagSeconds), string(state.State), rebuilt, previous,
			})
		}
		p.table([]column{
			{title: "NAME"},
			{title: "VERSION"},
			{title: "POSITION", right: true},
			{title: "LAG", right: true},
			{title: "BEHIND", right: true},
			{title: "STATE"},
			{title: "LAST REBUILD"},
			{title: "BEFORE"},
		}, rows)
		for _, state := range states {
			tellTrouble(p, s, state)
		}
	})
}

// tellTrouble says why a projection does not move on, and how far a rebuild of it is.
func tellTrouble(p *page, s Session, state projection.Status) {
	if stop := state.Stop; stop != nil {
		p.linef("")
		p.linef("%s has been %s since %s, at event #%d %s:", state.Name, stop.Category, s.moment(stop.Since), stop.Position, stop.Event)
		p.paragraph(columns(gap), stop.Reason)
		if stop.Category == string(projection.Stopped) {
			p.paragraph(columns(gap), fmt.Sprintf("Where the tables are at fault, make them anew: orderbridge rebuild %s", state.Name))
			p.paragraph(columns(gap), fmt.Sprintf("Where the event is, go on with a release that can fold it, or pass over it: "+
				"orderbridge projection skip %s --position %d", state.Name, stop.Position))
		}
	}
	if run := state.Rebuild; run != nil {
		p.linef("")
		p.linef("%s v%d is being built, asked for by %s: %s, %s of %s events.", state.Name, run.Version, run.AskedBy, run.State,
			grouped(run.EventsDone), grouped(run.EventsTotal))
		switch {
		case run.State == projection.RebuildRunning:
			p.paragraph(columns(gap), fmt.Sprintf("%s on %s since %s%s", run.Phase, run.Runner, s.moment(run.StartedAt), eta(*run)))
		case run.Failure != "":
			p.paragraph(columns(gap), run.Failure)
			fallthrough
		default:
			p.paragraph(columns(gap), fmt.Sprintf("Go on: orderbridge rebuild %s. Drop it: orderbridge rebuild %s --cancel", state.Name, state.Name))
		}
	}
}

// eta tells how fast a rebuild is and how long it will take.
func eta(run projection.Rebuild) string {
	if run.ETASeconds == nil {
		return ""
	}
	return fmt.Sprintf(", %s events/s, %s left", grouped(int64(run.EventsPerSecond)), seconds(*run.ETASeconds))
}

// grouped is a number for reading: "1.250.000".
func grouped(n int64) string { return money.Group(strconv.FormatInt(n, 10)) }

// seconds is a span of time for reading.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

type projectionSkip struct {
	Name     string `arg:"" help:"Name of the projection."`
	Position int64  `help:"Position of the event that it is stopped at, see: orderbridge projection list." placeholder:"N" required:""`
}

// Help implements kong.HelpProvider.
func (*projectionSkip) Help() string {
	return `The projection passes over the event from then on, in every rebuild too, so that what the event says is not read. It has to be
stopped there. The decision is an event of its own, with who made it and why the event could not be folded.

Example:

    orderbridge projection skip crm --position 4711`
}

// Run passes over the event.
func (c *projectionSkip) Run(ctx context.Context, rt *Runtime) error {
	return rt.within(ctx, rt.OpenAsIs, func(s Session) error {
		position, err := s.Projections.Skip(ctx, projection.SkipRequest{By: s.by(), Name: c.Name, Position: c.Position})
		if err != nil {
			return err
		}
		return rt.print(fmt.Sprintf("The projection %s passes over event #%d; that decision is event #%d.\n",
			printable(c.Name), c.Position, position))
	})
}

type rebuildCommand struct {
	Name         string `arg:"" help:"Name of the projection, see: orderbridge projection list." optional:""`
	All          bool   `help:"Rebuild all projections, one after the other."`
	Rollback     bool   `help:"Go back to the version that was read before, caught up with the log." xor:"what"`
	Cancel       bool   `help:"End a rebuild, wherever it runs, and drop what it built." xor:"what"`
	DropPrevious bool   `help:"Drop the version that was read before." xor:"what"`
	Output       output `embed:""`
}

// Help implements kong.HelpProvider.
func (*rebuildCommand) Help() string {
	return `A new version of the read tables is made from the log while the present one goes on being read and kept up to date, and takes its
place in one short step. It is safe to interrupt this: the next rebuild goes on from there. The version before is kept until the
next rebuild, or until it is dropped.

Examples:

    orderbridge rebuild crm
    orderbridge rebuild --all --json
    orderbridge rebuild crm --rollback
    orderbridge rebuild crm --drop-previous`
}

// Validate implements kong's interface: it is one projection or all.
func (c *rebuildCommand) Validate() error {
	if (c.Name == "") != c.All {
		return errors.New("say which projection, or --all; see: orderbridge projection list")
	}
	return nil
}

// Run rebuilds.
func (c *rebuildCommand) Run(ctx context.Context, rt *Runtime) error {
	return rt.within(ctx, rt.OpenAsIs, func(s Session) error {
		names, err := projectionNames(ctx, s, c.Name)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := c.one(ctx, rt, s, name); err != nil {
				return err
			}
		}
		states, err := s.Projections.List(ctx)
		if err != nil {
			return err
		}
		states = slices.DeleteFunc(states, func(state projection.Status) bool { return !slices.Contains(names, state.Name) })
		return rt.showProjections(c.Output.JSON, s, states)
	})
}

// one does what was asked for to one projection.
func (c *rebuildCommand) one(ctx context.Context, rt *Runtime, s Session, name string) error {
	switch {
	case c.Cancel:
		return s.Projections.CancelRebuild(ctx, s.by(), name)
	case c.DropPrevious:
		return s.Projections.DropPrevious(ctx, s.by(), name)
	}
	progress := rt.newProgress(name, "events")
	defer progress.end()
	_, err := s.Projections.Rebuild(ctx, projection.RebuildRequest{By: s.by(), Name: name, Rollback: c.Rollback}, progress.tell)
	if errors.Is(err, context.Canceled) {
		progress.end()
		rt.notef("What was built is kept. Go on: orderbridge rebuild %s. Drop it: orderbridge rebuild %s --cancel", name, name)
	}
	return err
}

// projectionNames are the name that was given, or all.
func projectionNames(ctx context.Context, s Session, given string) ([]string, error) {
	if given != "" {
		return []string{given}, nil
	}
	states, err := s.Projections.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, state := range states {
		names = append(names, state.Name)
	}
	return names, nil
}

type verifyCommands struct {
	Projections verifyProjections `cmd:"" help:"Build read tables from the log and compare them with those that are read, row by row."`
}

type verifyProjections struct {
	Name   string `arg:"" help:"Name of the projection. Default: all." optional:""`
	Limit  int    `default:"20" help:"How many differing rows of each table to print; 0 for all. All are counted." placeholder:"20"`
	Output output `embed:""`
}

// Validate implements kong's interface.
func (c *verifyProjections) Validate() error {
	if c.Limit < 0 {
		return errors.New("--limit is a number of rows, or 0 for all")
	}
	return nil
}

// Help implements kong.HelpProvider.
func (*verifyProjections) Help() string {
	return `The tables are built in a schema for this purpose, which is dropped afterwards. The exit code is 1 when a row differs. Rows that
differ are printed: they hold what customers and orders hold.

Examples:

    orderbridge verify projections
    orderbridge verify projections crm --limit 0 --json`
}

// errDifferent: read tables are not what the log says.
var errDifferent = errors.New("the read tables differ from what the log says; make them anew: orderbridge rebuild --all")

// Run verifies.
func (c *verifyProjections) Run(ctx context.Context, rt *Runtime) error {
	return rt.within(ctx, rt.OpenAsIs, func(s Session) error {
		names, err := projectionNames(ctx, s, c.Name)
		if err != nil {
			return err
		}
		var verified []projection.Verified
		for _, name := range names {
			one, err := c.one(ctx, rt, s, name)
			if err != nil {
				return err
			}
			verified = append(verified, one)
		}
		if err := rt.show(c.Output.JSON, query.List[projection.Verified]{Items: verified}, func(p *page) {
			for _, one := range verified {
				showVerified(p, one)
			}
		}); err != nil {
			return err
		}
		if slices.ContainsFunc(verified, func(v projection.Verified) bool { return v.Different() > 0 }) {
			return errDifferent
		}
		return nil
	})
}

func (c *verifyProjections) one(ctx context.Context, rt *Runtime, s Session, name string) (projection.Verified, error) {
	progress := rt.newProgress(name, "events")
	defer progress.end()
	return s.Projections.Verify(ctx, projection.VerifyRequest{Name: name, Examples: c.Limit}, progress.tell)
}

func showVerified(p *page, v projection.Verified) {
	var rows int64
	for _, table := range v.Tables {
		rows += table.Rows
	}
	p.linef("%s v%d at event #%d: %s, %s %s, %s different.", v.Name, v.Version, v.Position, count(len(v.Tables), "table", "tables"),
		grouped(rows), agree(rows, "row", "rows"), grouped(v.Different()))
	for _, table := range v.Tables {
		if table.Different == 0 {
			continue
		}
		p.linef("")
		p.linef("%s: %s %s", table.Table, grouped(table.Different), agree(table.Different, "row differs", "rows differ"))
		for _, example := range table.Examples {
			p.paragraph(columns(gap), difference(example))
		}
		if more := table.Different - int64(len(table.Examples)); more > 0 {
			p.linef("%s… and %s more", gap, grouped(more))
		}
	}
}

// difference says how a row differs.
func difference(row projection.DifferentRow) string {
	switch {
	case bytes.Equal(row.Read, []byte("null")) || len(row.Read) == 0:
		return "missing: " + string(row.Built)
	case bytes.Equal(row.Built, []byte("null")) || len(row.Built) == 0:
		return "too many: " + string(row.Read)
	}
	var read, built map[string]json.RawMessage
	if json.Unmarshal(row.Read, &read) != nil || json.Unmarshal(row.Built, &built) != nil {
		return string(row.Read) + " should be " + string(row.Built)
	}
	var differing []string
	for _, name := range slices.Sorted(maps.Keys(built)) {
		if !bytes.Equal(read[name], built[name]) {
			differing = append(differing, fmt.Sprintf("%s is %s and should be %s", name, read[name], built[name]))
		}
	}
	return strings.Join(differing, ", ") + " in " + string(row.Built)
}
