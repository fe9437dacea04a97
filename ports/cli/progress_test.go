package cli_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"orderbridge/ports/cli"
)

// TestProgressOnATerminal: what goes on where an earlier run ended has the speed of this run, and a bar stays until there is nothing
// left to do.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var terminal strings.Builder
		progress := cli.NewProgress(&terminal, "crm", "events")
		shown := func(phase string, done, all int64, figures ...string) string {
			time.Sleep(time.Second) // of the test's own clock
			terminal.Reset()
			progress.Show(phase, done, all, figures...)
			return terminal.String()
		}
		if got := shown("filling", 3_000_000, 4_000_000); !strings.Contains(got, "crm: filling, 3.000.000 of 4.000.000 events") || strings.Contains(got, "/s") {
			t.Errorf("at first it is %q", got)
		}
		if got := shown("filling", 3_100_000, 4_000_000); !strings.Contains(got, "events, 100.000 events/s, 9s left") {
			t.Errorf("a second later it is %q", got)
		}
		if got := shown("filling", 3_200_000, 4_000_000, ", 7 events/s, 1d left"); !strings.Contains(got, "events, 7 events/s, 1d left") {
			t.Errorf("with figures of others it is %q", got)
		}
		if got := shown("filling", 4_000_000, 4_000_000); !strings.Contains(got, "4.000.000 of 4.000.000 events") {
			t.Errorf("filled it is %q", got)
		}
		if got := shown("indexing", 4_000_000, 4_000_000); !strings.Contains(got, "crm: indexing") {
			t.Errorf("while it goes on it is %q", got)
		}
		if got := shown("looking", 5, 0); !strings.Contains(got, "crm: looking, 5 events") {
			t.Errorf("of an unknown size it is %q", got)
		}
		terminal.Reset()
		progress.End()
		if got := terminal.String(); strings.Contains(got, "crm") {
			t.Errorf("at its end it leaves %q", got)
		}
	})
}
