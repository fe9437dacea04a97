package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/ports/cli"
)

func TestDeliveriesAreNarrowedAndCounted(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.deliveries = query.List[query.Delivery]{Items: []query.Delivery{{ID: id, ReceivedAt: orderedAt, Outcome: query.OutcomeFailed}}}
	bundle.read.counts = query.DeliveryCounts{Items: []query.OutcomeCount{
		{Outcome: query.OutcomeCreated, Count: 10_000, Capped: true}, {Outcome: query.OutcomeHeld}, {Outcome: query.OutcomeFailed, Count: 12},
	}}
	got := bundle.run("delivery", "list", "--received-from", "2025-09-15T03:04:38Z", "--received-to", "2025-09-15T10:04:39+07:00", "--reason", "money-unreadable",
		"--order-code", "Pancake_1_*", "--phone", "0912 000 451", "--search", "Hạnh 51").exits(cli.ExitDone)
	if got.stderr != "In all: 10000+ created, 12 failed.\n" {
		t.Errorf("counted: %s", got.stderr)
	}
	from := time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC)
	asked, _ := bundle.read.asked.(query.DeliveryFilter)
	if !asked.ReceivedFrom.Equal(from) || !asked.ReceivedTo.Equal(from.Add(time.Second)) {
		t.Errorf("asked for %s to %s", asked.ReceivedFrom, asked.ReceivedTo)
	}
	asked.ReceivedFrom, asked.ReceivedTo = time.Time{}, time.Time{}
	want := query.DeliveryFilter{
		Reason: "money-unreadable", OrderCodePrefix: "Pancake_1_", Phone: "+84912000451",
		Search: query.DeliverySearch{Given: true, Words: []string{"hanh", "51"}},
	}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	got = bundle.run("delivery", "list", "--phone", "12", "--reason", "Ồ", "--order-code", "\x01").exits(cli.ExitRefused)
	for _, flag := range []string{"--phone", "--reason", "--order-code"} {
		if !strings.Contains(got.stderr, flag+": ") {
			t.Errorf("%s is not named: %s", flag, got.stderr)
		}
	}
}

func TestDeliveryRetry(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.delivery = query.Delivery{ID: id, Outcome: query.OutcomePending}
	bundle.run("delivery", "retry", id.String()).exits(cli.ExitDone).prints(
		"The service brings it in once more. See: orderbridge delivery show "+id.String()+"\n", "")
	if !reflect.DeepEqual(bundle.retries.ids, []uuid.UUID{id}) || bundle.retries.by.WorkspaceID != workspaceID || bundle.retries.by.Actor != event.ActorCommandLine {
		t.Errorf("tried again: %v by %+v", bundle.retries.ids, bundle.retries.by)
	}
	bundle.run("delivery", "retry", id.String(), "--json").exits(cli.ExitDone).isJSON(bundle.read.delivery)
	bundle.retries.last = "IngestionHeld"
	got := bundle.run("delivery", "retry", id.String()).exits(cli.ExitRefused)
	if !strings.Contains(got.stderr, `"held"`) {
		t.Error(got.stderr)
	}

	bundle.retries.last, bundle.retries.ids = "", nil
	bundle.read.deliveries = query.List[query.Delivery]{Items: []query.Delivery{{ID: id}, {ID: id}}}
	bundle.read.counts = query.DeliveryCounts{Items: []query.OutcomeCount{{Outcome: query.OutcomeFailed, Count: 10_000, Capped: true}}}
	bundle.run("delivery", "retry", "--filter", "outcome=failed,code=Pancake_1_*", "--dry-run").exits(cli.ExitDone).prints(
		"Deliveries that match: 10000+. Nothing was done.\n", "")
	if asked, want := bundle.read.asked, (query.DeliveryFilter{Outcomes: []query.Outcome{"failed"}, OrderCodePrefix: "Pancake_1_"}); !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %+v", asked)
	}
	if got := bundle.run("delivery", "retry", "--filter", "reason=", "--yes").exits(cli.ExitRefused); !strings.Contains(got.stderr, "reason is empty") {
		t.Errorf("a filter without a value: %s", got.stderr)
	}
	bundle.run("delivery", "retry", "--filter", "outcome=failed").exits(cli.ExitRefused).prints("",
		"orderbridge: there is nobody to ask whether to go on, so nothing was done; to go on without asking, add --yes\n")
	if len(bundle.retries.ids) > 0 {
		t.Error("it was done all the same")
	}
	bundle.run("delivery", "retry", "--filter", "phone=0912000451", "-y").exits(cli.ExitDone).prints(
		"Deliveries that match: 10000+. Being brought in once more: 2.\n", "")
	if asked := bundle.read.asked.(query.DeliveryFilter); !reflect.DeepEqual(asked.Outcomes, query.RetryableOutcomes()) || asked.Phone != "+84912000451" {
		t.Errorf("asked for %+v", asked)
	}
	bundle.run("delivery", "retry", "--filter", "search=Lan 2051", "--dry-run").exits(cli.ExitDone)
	if asked := bundle.read.asked.(query.DeliveryFilter); !reflect.DeepEqual(asked.Search, query.ParseDeliverySearch("Lan 2051")) {
		t.Errorf("asked for %+v", asked)
	}
	bundle.read.counts = query.DeliveryCounts{}
	bundle.run("delivery", "retry", "--filter", "outcome=failed").exits(cli.ExitDone).prints("Deliveries that match: 0. Nothing was done.\n", "")
}

func TestConfirming(t *testing.T) {
	t.Parallel()
	for answer, agreed := range map[string]bool{
		"y\n": true, "Y\n": true, " yes \n": true, "YES": true, "n\n": false, "\n": false, "": false, "yeah\n": false, "no y\n": false,
	} {
		var asked bytes.Buffer
		err := cli.Ask(&cli.Runtime{Stderr: &asked}, t.Context(), strings.NewReader(answer), "Go on?")
		refusal, _ := problem.Of(err)
		if (err == nil) != agreed || !agreed && refusal.Code() != "not-confirmed" || asked.String() != "Go on? [y/N] " {
			t.Errorf("%q to %q ends with %v", answer, asked.String(), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	nobody, silence := io.Pipe()
	defer silence.Close()
	if err := cli.Ask(&cli.Runtime{Stderr: io.Discard}, ctx, nobody, "Go on?"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt ends it with %v", err)
	}
}

func TestEventExport(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	for i := range 5 {
		bundle.read.events = append(bundle.read.events, query.Event{Position: int64(i + 1), ID: id, Type: "OrderCreated", Payload: []byte(`{"note":"<b>"}`)})
	}
	got := bundle.run("event", "export", "--after", "1").exits(cli.ExitDone)
	if strings.Count(got.stdout, "\n") != 4 || !strings.HasPrefix(got.stdout, `{"position":2,`) || !strings.Contains(got.stdout, `"<b>"`) ||
		got.stderr != "Exported up to position 5. To go on from there: --after 5\n" {
		t.Errorf("%s%s", got.stdout, got.stderr)
	}
	bundle.run("event", "export", "--types", "OrderCreated,OrderUpdated", "--actor", "account:lan").exits(cli.ExitDone)
	if asked := bundle.read.asked.(query.EventFilter); !reflect.DeepEqual(asked.Types, []string{"OrderCreated", "OrderUpdated"}) || asked.Upto != 5 || asked.Actor != "account:lan" {
		t.Errorf("asked for %+v", asked)
	}
	if got := bundle.run("event", "export", "--types", "Odd").exits(cli.ExitRefused); !strings.Contains(got.stderr, "--types: ") {
		t.Error(got.stderr)
	}
	dir := t.TempDir()
	bundle.run("event", "export", "--out", dir).exits(cli.ExitRefused)
}
