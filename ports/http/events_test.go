package http_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
	porthttp "orderbridge/ports/http"
)

// someEvents are the first events of a log, with a text in their payloads.
func someEvents(n int, text string) []query.Event {
	events := make([]query.Event, 0, n)
	for i := range n {
		events = append(events, query.Event{
			Position: int64(i + 1), ID: event.NewID(), Type: "OrderCreated", SchemaVersion: 2, Stream: event.OrderStream(shopID, "1"), Version: i + 1,
			RecordedAt: at, CorrelationID: deliveryID, Actor: event.ActorPolicy, Payload: json.RawMessage(`{"code":"` + text + `"}`),
		})
	}
	return events
}

// opened is an answer that was begun.
type opened struct {
	status int
	header http.Header
	body   io.Reader
	leave  func() error
}

// stream asks for events in a form, and does not wait for the end of them.
func (b *testBundle) stream(t *testing.T, path, accept string, headers ...string) opened {
	t.Helper()
	request := b.get(path)
	request.Header.Set("Accept", accept)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return opened{status: response.StatusCode, header: response.Header, body: response.Body, leave: response.Body.Close}
}

// linesUntil reads lines until one is what is waited for.
func linesUntil(t *testing.T, lines *bufio.Scanner, last string) []string {
	t.Helper()
	var read []string
	for lines.Scan() {
		read = append(read, lines.Text())
		if lines.Text() == last {
			return read
		}
	}
	t.Fatalf("the answer ended without %q: %q, %v", last, read, lines.Err())
	return nil
}

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be: %s", what)
		}
	}
}

func TestStreamsLiveAndEndWithTheService(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.events = someEvents(3, "a")
	response := bundle.stream(t, "/api/v1/events?after=1&types=OrderCreated", "text/event-stream", "Last-Event-ID", "2")
	lines := bufio.NewScanner(response.body)
	read := strings.Join(linesUntil(t, lines, "id: 3"), "\n")
	if strings.Contains(read, "id: 2") || response.header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("the stream goes on with %q", read)
	}
	linesUntil(t, lines, "event: OrderCreated")
	linesUntil(t, lines, ": still here") // an id comes with it, so that passing over events is remembered
	linesUntil(t, lines, "id: 3")

	bundle.read.mu.Lock()
	bundle.read.events = someEvents(4, "b")
	bundle.read.mu.Unlock()
	if n := bundle.appended.wakeAll(); n != 1 {
		t.Errorf("%d wait for events", n)
	}
	linesUntil(t, lines, "id: 4")
	close(bundle.closing)
	if _, err := io.ReadAll(response.body); err != nil || lines.Err() != nil {
		t.Errorf("the stream ends with %v, %v", err, lines.Err())
	}
	eventually(t, "nobody waits any more", func() bool { return bundle.appended.wakeAll() == 0 })
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	response := bundle.stream(t, "/api/v1/events", "text/event-stream")
	bundle.read.mu.Lock()
	bundle.read.revoked = true
	bundle.read.mu.Unlock()
	if _, err := io.ReadAll(response.body); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
}

// TestABusyStreamEndsWithItsToken: who is told of one event after the other is looked at as well.
func TestABusyStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	bundle := setupWithin(t, porthttp.Config{Heartbeat: time.Hour})
	response := bundle.stream(t, "/api/v1/events", "text/event-stream")
	bundle.read.mu.Lock()
	bundle.read.revoked = true
	bundle.read.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(response.body)
		ended <- err
	}()
	events := 0
	eventually(t, "the stream ends", func() bool {
		events++
		bundle.read.mu.Lock()
		bundle.read.events = someEvents(events, "a")
		bundle.read.mu.Unlock()
		bundle.appended.wakeAll()
		return len(ended) == 1
	})
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	const most = 64
	var open []opened
	for range most {
		response := bundle.stream(t, "/api/v1/events", "text/event-stream")
		if response.status != http.StatusOK {
			t.Fatalf("a stream is answered with %d", response.status)
		}
		open = append(open, response)
	}
	for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
		request := bundle.get("/api/v1/events")
		request.Header.Set("Accept", accept)
		got := bundle.do(t, request)
		got.wantProblem(t, http.StatusServiceUnavailable, "streams-exhausted")
		if got.header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
	}
	if got := bundle.do(t, bundle.get("/api/v1/events")); got.status != http.StatusOK {
		t.Errorf("a part is answered with %d while streams are open", got.status)
	}
	if err := open[0].leave(); err != nil {
		t.Error(err)
	}
	eventually(t, "there is room again", func() bool {
		request := bundle.get("/api/v1/events")
		request.Header.Set("Accept", "application/x-ndjson")
		return bundle.do(t, request).status == http.StatusOK
	})
}

// TestASlowReaderIsCutOff opens a stream and an export, and reads nothing of either.
func TestASlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.events = someEvents(2000, strings.Repeat("x", 64<<10))
	for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
		conn, err := net.Dial("tcp", bundle.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: %s\r\n\r\n", host, token, accept)
		bundle.waitForLog(t, `"route":"/api/v1/events"`, `"msg":"request answered"`, fmt.Sprintf(`"status":%d`, http.StatusOK))
		answered, _ := io.ReadAll(conn) // what the system had taken by then, and no end
		if strings.HasSuffix(string(answered), "0\r\n\r\n") || !strings.Contains(string(answered), "200 OK") {
			t.Errorf("%s: the answer ends as if it were whole", accept)
		}
		bundle.logs.mu.Lock()
		bundle.logs.buffer.Reset()
		bundle.logs.mu.Unlock()
	}
}

func TestAnExportThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.events = someEvents(3, "a")
	bundle.read.eventsEndAt = 2
	response := bundle.stream(t, "/api/v1/events", "application/x-ndjson")
	if body, err := io.ReadAll(response.body); err == nil || strings.Count(string(body), "\n") != 2 {
		t.Errorf("read %q and then %v", body, err)
	}

	broken := setup(t)
	broken.read.eventsEndAt = 1
	request := broken.get("/api/v1/events?after=1")
	request.Header.Set("Accept", "application/x-ndjson")
	broken.do(t, request).wantProblem(t, http.StatusInternalServerError, "internal")
}

func TestEventsComeInTheFormThatIsLikedBest(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.events = someEvents(2, "<é>")
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "text/html": "application/json", "application/json": "application/json",
		"application/x-ndjson": "application/x-ndjson", "text/html, application/x-ndjson;q=0.9": "application/x-ndjson",
		"application/json;q=0.2, application/x-ndjson;q=0.3": "application/x-ndjson", "application/x-ndjson;q=0": "application/json", ";;": "application/json",
	} {
		request := bundle.get("/api/v1/events?limit=2")
		request.Header.Set("Accept", accept)
		got := bundle.do(t, request)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != want {
			t.Errorf("%q is answered with %d %s", accept, got.status, got.header.Get("Content-Type"))
		}
		if want == "application/x-ndjson" && (strings.Count(string(got.body), "\n") != 2 || !strings.Contains(string(got.body), "<é>") || got.header.Get("Orderbridge-Position") != "2") {
			t.Errorf("%v %s", got.header, got.body)
		}
	}
	request := bundle.get("/api/v1/events")
	request.Method = http.MethodHead
	request.Header.Set("Accept", "text/event-stream")
	if got := bundle.do(t, request); got.status != http.StatusOK || len(got.body) > 0 {
		t.Errorf("HEAD is answered with %d %s", got.status, got.body)
	}
	for path, parameter := range map[string]string{"after=-1": "after", "after=x": "after", "types=OrderCraeted": "types", "actor=a%00b": "actor", "limit=0": "limit"} {
		for _, accept := range []string{"application/json", "text/event-stream", "application/x-ndjson"} {
			request := bundle.get("/api/v1/events?" + path)
			request.Header.Set("Accept", accept)
			if document := bundle.do(t, request).wantProblem(t, http.StatusUnprocessableEntity, "parameters-invalid"); len(document.Errors) != 1 || document.Errors[0].Path != parameter {
				t.Errorf("%s: %+v", path, document.Errors)
			}
		}
	}
	bundle.read.role = workspace.RoleViewer
	if got := bundle.do(t, bundle.get("/api/v1/deliveries/"+deliveryID.String()+"/body")); got.status != http.StatusForbidden {
		t.Errorf("a viewer is given bytes with %d", got.status)
	}
}
