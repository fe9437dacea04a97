package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"orderbridge/app/query"
)

type eventCommands struct {
	Export eventExport `cmd:"" help:"Give the workspace's events to another program, one JSON object a line."`
}

type eventExport struct {
	After int64    `help:"Begin behind this position of the log. Default: at its beginning." placeholder:"POSITION"`
	Types []string `help:"${event_types_help}" placeholder:"NAME,…"`
	Actor string   `help:"Only what this one caused, such as account:lan, api:sync or cli:root." placeholder:"ACTOR"`
	Out   string   `help:"File to write to, which is there whole or not at all. Default: standard output." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (*eventExport) Help() string {
	return `Gives all that is in the log at this moment, in its order, as GET /api/v1/events does. The position that it ended at is
told on standard error: go on from there with --after, and every event is given once.

Examples:

    orderbridge event export --out events.ndjson
    orderbridge event export --after 2051 --types OrderCreated | jq .payload
    orderbridge event export --actor account:lan | jq -r .type`
}

// Run exports the events.
func (c *eventExport) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		var check query.Parameters
		filter := check.Events(&c.After, strings.Join(c.Types, ","), s.Queries.EventTypes(), c.Actor, nil)
		if err := check.Problem(); err != nil {
			return err
		}
		ended := c.After
		err := rt.writeTo(c.Out, func(out io.Writer) error {
			buffered := bufio.NewWriter(out)
			encoder := json.NewEncoder(buffered)
			encoder.SetEscapeHTML(false)
			upto, err := query.EachEvent(ctx, s.Queries, s.WorkspaceID, filter, func(page query.EventPage) error {
				for _, e := range page.Items {
					if err := encoder.Encode(e); err != nil {
						return fmt.Errorf("write event %d: %w", e.Position, err)
					}
				}
				if err := buffered.Flush(); err != nil {
					return fmt.Errorf("write output: %w", err)
				}
				return nil
			})
			ended = upto
			return err
		})
		if err == nil || c.Out == "" && ended > c.After { // what was printed before something went wrong stays printed
			rt.notef("Exported up to position %d. To go on from there: --after %d", ended, ended)
		}
		return err
	})
}
