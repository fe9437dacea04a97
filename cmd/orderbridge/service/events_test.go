package service_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

const eventsPath = "/api/v1/events"

// sent is an event of a stream.
type sent struct {
	id    int64
	kind  string
	event query.Event
}

// following is an open stream of events.
type following struct {
	t      *testing.T
	cancel context.CancelFunc
	body   io.ReadCloser
	lines  *bufio.Scanner
	// last is the id that was given last, with an event or without one.
	last int64
}

// follow opens a stream. Headers are name and value in turn.
func (b *bridge) follow(query string, headers ...string) *following {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.baseURL+eventsPath+query, nil)
	must(b.t, err)
	headers = append([]string{"Authorization", "Bearer " + b.token, "Accept", "text/event-stream"}, headers...)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // stop does
	must(b.t, err)
	f := &following{t: b.t, cancel: cancel, body: response.Body, lines: bufio.NewScanner(response.Body)}
	b.t.Cleanup(f.stop)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("a stream is answered with %d %v", response.StatusCode, response.Header)
	}
	f.lines.Buffer(nil, 1<<20)
	return f
}

func (f *following) stop() {
	f.cancel()
	f.body.Close()
}

// next is the next event; false at the end of the stream.
func (f *following) next() (sent, bool) {
	f.t.Helper()
	var got sent
	for f.lines.Scan() {
		field, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch field {
		case "id":
			id, err := strconv.ParseInt(value, 10, 64)
			must(f.t, err)
			got.id, f.last = id, id
		case "event":
			got.kind = value
		case "data":
			must(f.t, json.Unmarshal([]byte(value), &got.event))
		case "":
			if f.lines.Text() == "" && got.kind != "" {
				return got, true
			}
		default:
			f.t.Errorf("a line of the stream is %q", f.lines.Text())
		}
	}
	return sent{}, false
}

// positionsOf are those of a workspace's events, as the log has them.
func positionsOf(t *testing.T, conn *pgx.Conn, workspaceID uuid.UUID, types ...string) []int64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT position FROM events
		WHERE workspace_id = $1 AND (cardinality($2::text[]) = 0 OR type = ANY ($2)) ORDER BY position`, workspaceID, append([]string{}, types...))
	must(t, err)
	positions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	must(t, err)
	return positions
}

// exported reads the lines of an export.
func exported(t *testing.T, text []byte) []query.Event {
	t.Helper()
	var events []query.Event
	for line := range bytes.Lines(text) {
		var e query.Event
		must(t, json.Unmarshal(line, &e))
		events = append(events, e)
	}
	return events
}

// TestAReaderThatBreaksOffSeesEveryEventOnce reads while two workspaces are written to without a pause, in every form, and
// goes on each time from where it was when it stopped, in the middle of whatever it was at.
func TestAReaderThatBreaksOffSeesEveryEventOnce(t *testing.T) {
	t.Parallel()
	b := start(t)
	other := b.tenant("alpha", "ALPHA-7f3d")
	conn := connect(t, b.dsn)
	const orders = 60
	var bodies [][]byte
	for i := range orders {
		bodies = append(bodies, changed(t, fixture(t, "order-new-customer.json"), object{"id": 7000 + i}))
	}
	written := make(chan error, 1)
	go func() {
		for _, body := range bodies {
			for _, host := range []string{"127.0.0.1", other.host} {
				if got, err := b.exchange(http.MethodPost, webhookPath, body, headerKey, secretOf(shopA), "Host", host); err != nil || got.status != http.StatusOK {
					written <- fmt.Errorf("deliver: %d %s %w", got.status, got.body, err)
					return
				}
			}
		}
		written <- nil
	}()

	for name, types := range map[string][]string{"all events": nil, "events of some types": {"OrderCreated", "OrderReceived"}} {
		filter := "types=" + strings.Join(types, ",")
		var seen []int64
		after := int64(0)
		see := func(events []query.Event) {
			for _, e := range events {
				if len(types) > 0 && !slices.Contains(types, e.Type) {
					t.Errorf("%s: %s", name, e.Type)
				}
				seen = append(seen, e.Position)
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		read := func() {
			from := fmt.Sprintf("%s?%s&after=%d", eventsPath, filter, after)
			switch random.IntN(3) {
			case 0:
				page := decoded[query.EventPage](t, b.get(fmt.Sprintf("%s&limit=%d", from, 1+random.IntN(30))).wants(t, http.StatusOK, ""))
				see(page.Items)
				if page.NextAfter < after || page.NextAfter > page.Head {
					t.Errorf("%s: from %d to %d of %d", name, after, page.NextAfter, page.Head)
				}
				after = page.NextAfter
			case 1:
				got := b.send(http.MethodGet, from, nil, "Accept", "application/x-ndjson").wants(t, http.StatusOK, "")
				events := exported(t, got.body)
				if stop := random.IntN(len(events) + 1); stop < len(events) { // it breaks off
					see(events[:stop])
					if stop > 0 {
						after = events[stop-1].Position
					}
					return
				}
				see(events)
				upto, err := strconv.ParseInt(got.header.Get("Orderbridge-Position"), 10, 64)
				must(t, err)
				after = upto
			default:
				head := decoded[query.EventPage](t, b.get(from+"&limit=200").wants(t, http.StatusOK, ""))
				stream := b.follow("?"+filter+"&after=1", "Last-Event-ID", strconv.FormatInt(after, 10))
				for range random.IntN(len(head.Items) + 1) {
					got, open := stream.next()
					if !open || got.id != got.event.Position || got.kind != got.event.Type {
						t.Fatalf("%s: %+v", name, got)
					}
					see([]query.Event{got.event})
					after = got.id
				}
				stream.stop()
			}
		}
		for running := name == "all events"; running; {
			read()
			select {
			case err := <-written:
				must(t, err)
				running = false
			default:
			}
		}
		b.caughtUp()
		head := count(t, conn, "SELECT max(position) FROM events")
		for after < int64(head) {
			read()
		}
		if want := positionsOf(t, conn, b.workspaceID, types...); !slices.Equal(seen, want) || len(want) < orders {
			t.Errorf("%s: seen were\n%v, want\n%v", name, seen, want)
		}
	}
}

func TestAStreamGivesEachEventAsItHappens(t *testing.T) {
	t.Parallel()
	b := start(t)
	other := b.beside() // events are appended by another instance
	head := decoded[query.EventPage](t, b.get(eventsPath)).Head
	stream := b.follow("?types=OrderCreated,OrderUpdated&after=" + strconv.FormatInt(head, 10))
	other.deliver(shopA, fixture(t, "order-new-customer.json"))
	created, _ := stream.next()
	if created.kind != "OrderCreated" || created.event.Stream != "order/1635294032/2051" || created.event.Actor != "policy" || created.event.CausationID == nil ||
		!bytes.Contains(created.event.Payload, []byte("0912000451")) && !bytes.Contains(created.event.Payload, []byte("+84912000451")) {
		t.Errorf("%+v\n%s", created.event, created.event.Payload)
	}
	other.deliver(shopA, fixture(t, "order-update-status.json"))
	if updated, _ := stream.next(); updated.kind != "OrderUpdated" || updated.id <= created.id {
		t.Errorf("%+v", updated)
	}
	stream.stop()

	masked := b.as(workspace.RoleViewer).follow("?types=OrderCreated")
	if seen, _ := masked.next(); bytes.Contains(seen.event.Payload, []byte("912000451")) || !bytes.Contains(seen.event.Payload, []byte("•••")) {
		t.Errorf("a viewer is streamed %s", seen.event.Payload)
	}

	// A service that stops ends its streams, and does not wait for them.
	b.stop()
	if got, open := masked.next(); open {
		t.Errorf("after the service stopped came %+v", got)
	}
}

func TestEventsAreExportedAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	conn := connect(t, b.dsn)
	sh := b.shell()
	text, told, code := sh.try("event", "export")
	head := count(t, conn, "SELECT max(position) FROM events")
	if code != 0 || told != fmt.Sprintf("Exported up to position %d. To go on from there: --after %d\n", head, head) {
		t.Errorf("%d %s", code, told)
	}
	var positions []int64
	events := exported(t, []byte(text))
	for _, e := range events {
		positions = append(positions, e.Position)
	}
	if want := positionsOf(t, conn, b.workspaceID); !slices.Equal(positions, want) {
		t.Errorf("exported were %v, want %v", positions, want)
	}
	for _, secret := range []string{secretOf(shopA), b.token, `"body"`, `"salt"`, `"bill_full_name"`} {
		if strings.Contains(text, secret) {
			t.Errorf("the export holds %s", secret)
		}
	}

	file := filepath.Join(t.TempDir(), "events.ndjson")
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	sh.run("event", "export", "--types", "OrderCreated,SourceEnsured", "--after", "1", "--out", file)
	written, err := os.ReadFile(file)
	must(t, err)
	if some := exported(t, written); len(some) != 2 || some[0].Type != "SourceEnsured" || some[1].Type != "OrderCreated" {
		t.Errorf("%s", written)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	must(t, err)
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if again, told, _ := sh.try("event", "export", "--after", strconv.Itoa(head)); again != "" || !strings.Contains(told, strconv.Itoa(head)) {
		t.Errorf("behind the head are %s%s", again, told)
	}
	for _, wrong := range []string{"--types=OrderCraeted", "--after=-1"} {
		flag, _, _ := strings.Cut(wrong, "=")
		if _, complaint, code := sh.try("event", "export", wrong); code != 4 || !strings.Contains(complaint, flag) {
			t.Errorf("%s: %d %s", wrong, code, complaint)
		}
	}
}

// TestNothingIsReadBehindTheHead: whoever was further than the log is would miss what comes next, as after a restore from a backup.
func TestNothingIsReadBehindTheHead(t *testing.T) {
	t.Parallel()
	b := start(t)
	head := decoded[query.EventPage](t, b.get(eventsPath)).Head
	beyond := strconv.FormatInt(head+1, 10)
	wants := func(name string, got answer, err error) {
		t.Helper()
		must(t, err)
		if got.wants(t, http.StatusUnprocessableEntity, "events-after-head"); !strings.Contains(string(got.body), fmt.Sprintf("the log ends at position %d", head)) {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	for _, media := range []string{"application/json", "application/x-ndjson", "text/event-stream"} {
		got, err := b.exchange(http.MethodGet, eventsPath+"?after="+beyond, nil, "Authorization", "Bearer "+b.token, "Accept", media)
		wants(media, got, err)
	}
	got, err := b.exchange(http.MethodGet, eventsPath, nil, "Authorization", "Bearer "+b.token, "Accept", "text/event-stream", "Last-Event-ID", beyond)
	wants("a stream that goes on", got, err)
	file := filepath.Join(t.TempDir(), "events.ndjson")
	_, complaint, code := b.shell().try("event", "export", "--after", beyond, "--out", file)
	if code != 4 || !strings.Contains(complaint, "--after: the log ends at position") || strings.Contains(complaint, "Exported") {
		t.Errorf("the command: %d %s", code, complaint)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}

// TestASparseWorkspacePassesOverTheOthers: a part of the log with nothing for the caller is passed over a piece at a time.
func TestASparseWorkspacePassesOverTheOthers(t *testing.T) {
	t.Parallel()
	b := start(t)
	conn := connect(t, b.dsn)
	b.caughtUp()
	before := count(t, conn, "SELECT max(position) FROM events")
	const foreign = 25_000
	_, err := conn.Exec(t.Context(), `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, actor, payload, digest)
		SELECT $1 + n, '00000000-0000-7000-8000-000000000001', 'delivery/' || n, 1, gen_random_uuid(), 'IngestionHeld', 1, now(), gen_random_uuid(), 'test', '{}', sha256('')
		FROM generate_series(1, $2) n`, before, foreign)
	must(t, err)
	after, asked := int64(before), 0
	for {
		page := decoded[query.EventPage](t, b.get(fmt.Sprintf("%s?after=%d", eventsPath, after)).wants(t, http.StatusOK, ""))
		if asked++; len(page.Items) > 0 || page.NextAfter <= after || page.NextAfter > after+10_000 {
			t.Fatalf("from %d: %d events, to %d", after, len(page.Items), page.NextAfter)
		}
		if after = page.NextAfter; after == page.Head {
			break
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	stream := b.follow("?after=" + strconv.Itoa(before))
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	if got, _ := stream.next(); got.kind != "OrderReceived" || got.id <= int64(before+foreign) {
		t.Errorf("%+v", got)
	}
}
