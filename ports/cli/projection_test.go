package cli_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/ports/cli"
)

// crm is a projection that has trouble of every kind.
func crm() projection.Status {
	return projection.Status{
		Name: "crm", Version: 3, Position: 1_234_567, LagEvents: 1200, LagSeconds: 75.4, State: projection.Stopped,
		Stop: &projection.Stop{
			Category: "stopped", Position: 1_234_568, Event: "OrderCreated", Reason: "null value in column \x1b[2J", Since: orderedAt,
			WorkspaceID: uuid.NullUUID{UUID: workspaceID, Valid: true},
		},
		LastRebuild: &projection.RebuildDone{FinishedAt: orderedAt, AskedBy: "cli:lan", TookSeconds: 12.34, ReadersWaitedMS: 3.2},
		Rebuild: &projection.Rebuild{
			Version: 4, State: projection.RebuildRunning, Phase: "filling", EventsDone: 250_000, EventsTotal: 1_235_767, EventsPerSecond: 98_765.4,
			ETASeconds: new(10.0), StartedAt: orderedAt, AskedBy: "api:sync", Runner: "web1, process 7",
		},
		Previous: &projection.PreviousVersion{Version: 2, Position: 1000},
	}
}

func TestProjectionList(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	failed := projection.Status{Name: "deliveries", Version: 1, Position: 10, State: projection.Live, Rebuild: &projection.Rebuild{
		Version: 2, State: projection.RebuildFailed, EventsDone: 4, EventsTotal: 10, AskedBy: "cli", Failure: "the disk is full",
	}}
	bundle.projections.states = []projection.Status{crm(), failed}
	bundle.run("projection", "list").exits(cli.ExitDone).prints(""+
		"NAME        VERSION   POSITION    LAG  BEHIND  STATE    LAST REBUILD                        BEFORE\n"+
		"crm         v3       1.234.567  1.200   1m15s  stopped  15/09/2025 10:04 by cli:lan, 12.3s  v2\n"+
		"deliveries  v1              10      0      0s  live     -                                   -\n"+
		"\n"+
		"crm has been stopped since 15/09/2025 10:04, at event #1234568 OrderCreated:\n"+
		"  null value in column \\x1b[2J\n"+
		"  Where the tables are at fault, make them anew: orderbridge rebuild crm\n"+
		"  Where the event is, go on with a release that can fold it, or pass over it: orderbridge projection\n"+
		"  skip crm --position 1234568\n"+
		"\n"+
		"crm v4 is being built, asked for by api:sync: running, 250.000 of 1.235.767 events.\n"+
		"  filling on web1, process 7 since 15/09/2025 10:04, 98.765 events/s, 10s left\n"+
		"\n"+
		"deliveries v2 is being built, asked for by cli: failed, 4 of 10 events.\n"+
		"  the disk is full\n"+
		"  Go on: orderbridge rebuild deliveries. Drop it: orderbridge rebuild deliveries --cancel\n", "")
	bundle.run("projection", "list", "--json").exits(cli.ExitDone).isJSON(query.List[projection.Status]{Items: bundle.projections.states})
}

func TestProjectionSkip(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("projection", "skip", "crm", "--position", "4711").exits(cli.ExitDone).
		prints("The projection crm passes over event #4711; that decision is event #4712.\n", "")
	by := command.By{WorkspaceID: workspaceID, Actor: event.ActorCommandLine}
	if want := []any{projection.SkipRequest{By: by, Name: "crm", Position: 4711}}; !reflect.DeepEqual(bundle.projections.told, want) {
		t.Errorf("it was told %v", bundle.projections.told)
	}
	bundle.run("projection", "skip", "crm").exits(cli.ExitUsage)
}

func TestRebuildCommand(t *testing.T) {
	t.Parallel()
	by := command.By{WorkspaceID: workspaceID, Actor: event.ActorCommandLine}
	for line, want := range map[string][]any{
		"rebuild crm":                   {projection.RebuildRequest{By: by, Name: "crm"}},
		"rebuild crm --rollback":        {projection.RebuildRequest{By: by, Name: "crm", Rollback: true}},
		"rebuild --all":                 {projection.RebuildRequest{By: by, Name: "crm"}, projection.RebuildRequest{By: by, Name: "deliveries"}},
		"rebuild crm --cancel":          {"cancel crm"},
		"rebuild --all --drop-previous": {"drop crm", "drop deliveries"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.projections.states = []projection.Status{{Name: "crm", Version: 2}, {Name: "deliveries", Version: 2}}
			got := bundle.run(strings.Fields(line)...).exits(cli.ExitDone)
			if !reflect.DeepEqual(bundle.projections.told, want) {
				t.Errorf("it was told %v", bundle.projections.told)
			}
			if all := strings.Contains(line, "--all"); strings.Contains(got.stdout, "deliveries") != all || !strings.Contains(got.stdout, "crm") {
				t.Errorf("it prints\n%s", got.stdout)
			}
			bundle.projections.err = problem.Conflict("rebuild-running", "crm is being rebuilt already")
			bundle.run(strings.Fields(line)...).exits(cli.ExitRefused)
		})
	}
	bundle := setup(t)
	for _, line := range []string{"rebuild", "rebuild crm --all"} {
		if got := bundle.run(strings.Fields(line)...).exits(cli.ExitUsage); !strings.Contains(got.stderr, "say which projection, or --all") {
			t.Errorf("%s is told %s", line, got.stderr)
		}
	}
	bundle.run("rebuild", "crm", "--cancel", "--rollback").exits(cli.ExitUsage)
}

func TestVerifyProjections(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.projections.states = []projection.Status{{Name: "crm"}}
	bundle.projections.verified = projection.Verified{Name: "crm", Version: 2, Position: 99, Tables: []projection.VerifiedTable{{Table: "crm_orders", Rows: 3000}}}
	bundle.run("verify", "projections").exits(cli.ExitDone).prints("crm v2 at event #99: 1 table, 3.000 rows, 0 different.\n", "")

	bundle.projections.verified.Tables[0].Different = 4
	bundle.projections.verified.Tables[0].Examples = []projection.DifferentRow{
		{Read: json.RawMessage(`{"code": "A", "note": "x\u001b"}`), Built: json.RawMessage(`{"code": "A", "note": null}`)},
		{Read: json.RawMessage("null"), Built: json.RawMessage(`{"code": "B"}`)},
		{Read: json.RawMessage(`{"code": "C"}`)},
	}
	bundle.projections.told = nil
	bundle.run("verify", "projections", "crm", "--limit", "0").exits(cli.ExitInternal)
	bundle.run("verify", "projections", "crm", "--limit", "-1").exits(cli.ExitUsage)
	got := bundle.run("verify", "projections", "crm").exits(cli.ExitInternal)
	if want := []any{projection.VerifyRequest{Name: "crm"}, projection.VerifyRequest{Name: "crm", Examples: 20}}; !reflect.DeepEqual(bundle.projections.told, want) {
		t.Errorf("it was told %v", bundle.projections.told)
	}
	got.prints(""+
		"crm v2 at event #99: 1 table, 3.000 rows, 4 different.\n\n"+
		"crm_orders: 4 rows differ\n"+
		"  note is \"x\\u001b\" and should be null in {\"code\": \"A\", \"note\": null}\n"+
		"  missing: {\"code\": \"B\"}\n"+
		"  too many: {\"code\": \"C\"}\n"+
		"  … and 1 more\n",
		"orderbridge: the read tables differ from what the log says; make them anew: orderbridge rebuild --all\n")
	if got := bundle.run("verify", "projections", "--json").exits(cli.ExitInternal); !strings.Contains(got.stdout, `"different": 4`) ||
		!strings.Contains(got.stderr, `"read-tables-differ"`) {
		t.Errorf("as JSON: %s%s", got.stdout, got.stderr)
	}
}
