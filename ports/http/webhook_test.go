package http_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/delivery"
	"orderbridge/domain/problem"
	"orderbridge/ports/http/contracttest"
)

const maxBody = 2 << 20

// orderOfSize is an order whose body has this many bytes.
func orderOfSize(size int) string {
	const start = `{"shop_id":1635294032,"id":2051,"note":"`
	return start + strings.Repeat("x", size-len(start)-len(`"}`)) + `"}`
}

func TestDelivery(t *testing.T) {
	t.Parallel()

	t.Run("AnOrderIsKeptByteByByteAndAnsweredWithItsDelivery", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		body := " \r\n" + orderBody + "\n\t "
		request := bundle.delivery(body)
		request.Header.Set("Content-Type", "text/strange; charset=\xff")
		request.Header.Set("User-Agent", strings.Repeat("p", 300))
		got := bundle.do(t, request)
		var answered struct {
			DeliveryID uuid.UUID `json:"delivery_id"`
			Status     string    `json:"status"`
		}
		if err := json.Unmarshal(got.body, &answered); err != nil || got.status != http.StatusOK || answered.Status != "received" {
			t.Fatalf("answered %d %s (%v)", got.status, got.body, err)
		}
		events := bundle.log.all()
		if len(events) != 1 {
			t.Fatalf("%d events were appended, want 1", len(events))
		}
		received, ok := events[0].Payload.(delivery.OrderReceived)
		if !ok || string(events[0].Body) != body || events[0].CorrelationID != answered.DeliveryID || events[0].WorkspaceID != workspaceID {
			t.Errorf("appended %#v", events[0])
		}
		want := delivery.Request{
			Host: host, ContentType: "text/strange; charset=\uFFFD", UserAgent: strings.Repeat("p", 256),
			RemoteAddr: "127.0.0.1", Bytes: len(body),
		}
		if received.Request != want {
			t.Errorf("kept of the request %+v, want %+v", received.Request, want)
		}
		bundle.waitForLog(t, "request answered", answered.DeliveryID.String(), got.header.Get("X-Request-Id"),
			`"route":"/api/pancake/webhook"`, `"method":"POST"`, `"status":200`)
	})

	t.Run("AnotherTypeIsIgnoredAndCountedByKnownNames", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		for _, kind := range []string{"customers", "made up by somebody"} {
			got := bundle.do(t, bundle.delivery(`{"type":"`+kind+`"}`))
			if want := `{"status":"ignored","type":"` + kind + `"}`; got.status != http.StatusOK || strings.TrimSpace(string(got.body)) != want {
				t.Errorf("answered %d %s, want %s", got.status, got.body, want)
			}
		}
		if events := bundle.log.all(); len(events) != 0 {
			t.Errorf("%d events were appended, want none", len(events))
		}
		metrics := string(bundle.do(t, bundle.get("/metrics")).body)
		for _, line := range []string{
			`orderbridge_webhook_requests_total{outcome="ignored"} 2`, `orderbridge_webhook_ignored_total{type="customers"} 1`,
			`orderbridge_webhook_ignored_total{type="other"} 1`,
		} {
			if !strings.Contains(metrics, line+"\n") {
				t.Errorf("the metrics lack %s", line)
			}
		}
		if strings.Contains(metrics, "made up") {
			t.Error("a sender's own text is a metric's label")
		}
	})

	t.Run("ManyAtOnceGetDeliveriesOfTheirOwn", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		const n = 20
		ids := make(chan string, n)
		var all sync.WaitGroup
		for range n {
			all.Go(func() { ids <- string(bundle.do(t, bundle.delivery(orderBody)).body) })
		}
		all.Wait()
		close(ids)
		distinct := map[string]bool{}
		for id := range ids {
			distinct[id] = true
		}
		if len(distinct) != n || len(bundle.log.all()) != n {
			t.Errorf("%d deliveries and %d events for %d calls", len(distinct), len(bundle.log.all()), n)
		}
	})

	t.Run("HostIsTakenWithoutPortInLowerCase", func(t *testing.T) {
		t.Parallel()
		for sent, want := range map[string]string{
			"VERSION6.example.com:8443": host, "version6.example.com.": host, "[::1]:8080": "::1", "[::1]": "::1", "127.0.0.1": "127.0.0.1",
		} {
			bundle := setup(t)
			request := bundle.delivery(orderBody)
			request.Host = sent
			bundle.do(t, request)
			if asked := bundle.shops.asked[0]; asked != want {
				t.Errorf("Host %q was looked up as %q, want %q", sent, asked, want)
			}
		}
	})

	t.Run("ASenderThatHangsUpAfterItsOrderLosesNothing", func(t *testing.T) {
		t.Parallel()
		requests := make(chan context.Context, 1)
		bundle := setup(t, func(server *httptest.Server) {
			inner := server.Config.Handler
			server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests <- r.Context()
				inner.ServeHTTP(w, r)
			})
		})
		appending, left, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		bundle.log.before = func(ctx context.Context) error {
			close(appending)
			<-left
			<-(<-requests).Done() // the server notices
			result <- ctx.Err()
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-appending
			cancel()
			close(left)
		}()
		response, err := http.DefaultClient.Do(bundle.delivery(orderBody).WithContext(ctx)) //nolint:bodyclose // there is none
		if err == nil {
			t.Fatalf("answered %d to a sender that hung up", response.StatusCode)
		}
		if err := <-result; err != nil {
			t.Errorf("the append was broken off: %v", err)
		}
	})
}

// TestBadInput is the table of what may be wrong with a delivery.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change  func(*testBundle, *http.Request)
		body    string
		status  int
		code    string
		outcome string
		// kept tells that the refusal is in the log, keptBody what is kept of the body when that is not all of it.
		kept     bool
		keptBody *string
	}{
		"no header": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Del(headerKey) }, body: orderBody,
			status: 401, code: "unknown-sender", outcome: "unauthorized",
		},
		"a wrong value": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Set(headerKey, "wrong-value") }, body: orderBody,
			status: 401, code: "unknown-sender", outcome: "unauthorized",
		},
		"a right value behind a wrong one": {
			change: func(_ *testBundle, r *http.Request) { r.Header[headerKey] = []string{"wrong-value", headerValue} }, body: orderBody,
			status: 401, code: "unknown-sender", outcome: "unauthorized",
		},
		"an unknown workspace": {
			change: func(_ *testBundle, r *http.Request) { r.Host = "elsewhere.example.com" }, body: orderBody,
			status: 401, code: "unknown-sender", outcome: "unauthorized",
		},
		"no shop connected": {
			change: func(b *testBundle, _ *http.Request) { b.shops.connections = nil }, body: orderBody,
			status: 401, code: "unknown-sender", outcome: "unauthorized",
		},
		"another shop's order": {
			body: `{"shop_id":1635299999,"id":2051}`, status: 403, code: "shop-mismatch", outcome: "forbidden", kept: true,
		},
		"no JSON":        {body: "<html>", status: 400, code: "body-not-json", outcome: "malformed", kept: true},
		"truncated JSON": {body: orderBody[:40], status: 400, code: "body-not-json", outcome: "malformed", kept: true},
		"an empty body":  {body: "", status: 400, code: "body-not-json", outcome: "malformed", kept: true},
		"no order id":    {body: `{"shop_id":1635294032}`, status: 422, code: "order-id-missing", outcome: "invalid", kept: true},
		"over 2 MiB":     {body: orderOfSize(maxBody + 1), status: 413, code: "body-too-large", outcome: "too_large", kept: true, keptBody: new("")},
		"over 2 MiB, size not announced": {
			change: func(_ *testBundle, r *http.Request) { r.ContentLength = -1 }, body: orderOfSize(maxBody + 1),
			status: 413, code: "body-too-large", outcome: "too_large", kept: true, keptBody: new(""),
		},
		"a compressed body": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, body: orderBody,
			status: 415, code: "encoding-unsupported", outcome: "malformed", kept: true, keptBody: new(""),
		},
		"the database away at the lookup": {
			change: func(b *testBundle, _ *http.Request) {
				b.shops.err = fmt.Errorf("read: %w", problem.Unavailable("database-away", "the database is away").Because(errBroken))
			},
			body: orderBody, status: 503, code: "database-away", outcome: "unavailable",
		},
		"the database away at the append": {
			change: func(b *testBundle, _ *http.Request) {
				b.log.before = func(context.Context) error {
					return fmt.Errorf("send: %w", problem.Unavailable("database-away", "the database is away"))
				}
			},
			body: orderBody, status: 503, code: "database-away", outcome: "unavailable",
		},
		"a refusal that cannot be kept": {
			change: func(b *testBundle, _ *http.Request) {
				b.log.before = func(context.Context) error { return problem.Unavailable("database-away", "the database is away") }
			},
			body: "<html>", status: 503, code: "database-away", outcome: "unavailable",
		},
		"no answer in time": {
			change: func(b *testBundle, _ *http.Request) {
				b.log.before = func(context.Context) error { return fmt.Errorf("append: %w", context.DeadlineExceeded) }
			},
			body: orderBody, status: 503, code: "unavailable", outcome: "unavailable",
		},
		"any other trouble": {
			change: func(b *testBundle, _ *http.Request) { b.log.before = func(context.Context) error { return errBroken } },
			body:   orderBody, status: 500, code: "internal", outcome: "error",
		},
		"a panic": {
			change: func(b *testBundle, _ *http.Request) { b.reader.panics = true }, body: orderBody,
			status: 500, code: "internal", outcome: "error",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			request := bundle.delivery(tc.body)
			if tc.change != nil {
				tc.change(bundle, request)
			}
			got := bundle.do(t, request)
			got.wantProblem(t, tc.status, tc.code)
			if strings.Contains(string(got.body), errBroken.Error()) {
				t.Errorf("the answer tells of the inside: %s", got.body)
			}
			events := bundle.log.all()
			switch {
			case !tc.kept && len(events) != 0:
				t.Errorf("%d events were appended, want none", len(events))
			case tc.kept && len(events) != 1:
				t.Errorf("%d events were appended, want DeliveryRejected", len(events))
			case tc.kept:
				if tc.keptBody != nil {
					tc.body = *tc.keptBody
				}
				if rejected, ok := events[0].Payload.(delivery.DeliveryRejected); !ok || rejected.Reason != tc.code || string(events[0].Body) != tc.body {
					t.Errorf("appended %#v, want DeliveryRejected because of %s", events[0], tc.code)
				}
			}
			want := fmt.Sprintf("orderbridge_webhook_requests_total{outcome=%q} 1\n", tc.outcome)
			if metrics := bundle.do(t, bundle.get("/metrics")); !strings.Contains(string(metrics.body), want) {
				t.Errorf("the metrics lack %s", want)
			}
			bundle.waitForLog(t, "request answered", got.header.Get("X-Request-Id"), fmt.Sprintf(`"problem":%q`, tc.code))
			if tc.status == http.StatusInternalServerError || bundle.shops.err != nil {
				cause := errBroken.Error()
				if bundle.reader.panics {
					cause = "the reader broke"
				}
				bundle.waitForLog(t, cause, got.header.Get("X-Request-Id"))
			}
		})
	}
}

// TestAttemptsAreNoted tells what whoever connects a shop can learn of calls that the log holds nothing of.
func TestAttemptsAreNoted(t *testing.T) {
	t.Parallel()
	const otherKey = "X-Other-Key"
	for name, tc := range map[string]struct {
		change func(*testBundle, *http.Request)
		body   string
		want   []delivery.Attempt
	}{
		"an order": {body: orderBody},
		"no header": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Del(headerKey) },
			want:   []delivery.Attempt{{Reason: delivery.AttemptHeaderMissing}},
		},
		"another header with the right value": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Del(headerKey); r.Header.Set("X-Made-Up", headerValue) },
			want:   []delivery.Attempt{{Reason: delivery.AttemptHeaderMissing}},
		},
		"a wrong value": {
			change: func(_ *testBundle, r *http.Request) { r.Header.Set(headerKey, "wrong-value") },
			want:   []delivery.Attempt{{Reason: delivery.AttemptHeaderWrong, HeaderKey: headerKey}},
		},
		"a value that is not in force any more": {
			change: func(b *testBundle, r *http.Request) {
				connections := b.shops.connections[host]
				connections.Shops = append(connections.Shops, command.Connection{
					ShopID: shopID, HeaderKey: otherKey, HeaderHash: secretKey.Hash(headerValue), ValidUntil: at.Add(-time.Second),
				})
				b.shops.connections[host] = connections
				r.Header.Del(headerKey)
				r.Header.Set(otherKey, headerValue)
			},
			want: []delivery.Attempt{{Reason: delivery.AttemptHeaderWrong, HeaderKey: otherKey}},
		},
		"an unknown workspace": {change: func(_ *testBundle, r *http.Request) { r.Host = "elsewhere.example.com" }},
		"a customer": {
			body: `{"type":"customers","shop_id":1635294032}`, want: []delivery.Attempt{{Reason: delivery.AttemptOtherData, ShopID: shopID}},
		},
		"what the log holds": {body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			request := bundle.delivery(tc.body)
			if tc.change != nil {
				tc.change(bundle, request)
			}
			bundle.do(t, request)
			if got := bundle.attempts.all(); !slices.Equal(got, tc.want) {
				t.Errorf("noted %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestStrangersAllGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.shops.connections["empty.example.com"] = command.Connections{WorkspaceID: uuid.New()}

	var first string
	for name, change := range map[string]func(*http.Request){
		"missing header":           func(r *http.Request) { r.Header.Del(headerKey) },
		"empty value":              func(r *http.Request) { r.Header.Set(headerKey, "") },
		"wrong value":              func(r *http.Request) { r.Header.Set(headerKey, "wrong-value") },
		"nearly right value":       func(r *http.Request) { r.Header.Set(headerKey, headerValue[:5]) },
		"unknown workspace":        func(r *http.Request) { r.Host = "elsewhere.example.com" },
		"workspace without shops":  func(r *http.Request) { r.Host = "empty.example.com" },
		"compressed and too large": func(r *http.Request) { r.Header.Del(headerKey); r.Header.Set("Content-Encoding", "gzip") },
	} {
		request := bundle.delivery(orderBody)
		change(request)
		got := bundle.do(t, request)
		got.header.Del("X-Request-Id")
		got.header.Del("Date")
		var b bytes.Buffer
		fmt.Fprintln(&b, got.status, string(got.body))
		if err := got.header.Write(&b); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = b.String()
		}
		if b.String() != first {
			t.Errorf("%s is answered with\n%s, another stranger with\n%s", name, &b, first)
		}
	}
}

func TestBody(t *testing.T) {
	t.Parallel()

	t.Run("ExactlyTwoMiBAreTaken", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		for _, announced := range []int64{maxBody, -1} {
			request := bundle.delivery(orderOfSize(maxBody))
			request.ContentLength = announced
			if got := bundle.do(t, request); got.status != http.StatusOK {
				t.Errorf("announced as %d: answered %d %s", announced, got.status, got.body)
			}
		}
		for _, appended := range bundle.log.all() {
			if len(appended.Body) != maxBody {
				t.Errorf("%d bytes were kept, want %d", len(appended.Body), maxBody)
			}
		}
	})

	// raw speaks HTTP by hand, where a client would be too polite.
	raw := func(t *testing.T, bundle *testBundle, head, body string, then func(net.Conn)) *answer {
		t.Helper()
		connection, err := net.Dial("tcp", bundle.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "POST /api/pancake/webhook HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", host, head, body)
		if then != nil {
			then(connection)
		}
		request := bundle.delivery("")
		response, err := http.ReadResponse(bufio.NewReader(connection), request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		contracttest.Check(t, request, response, content)
		return &answer{status: response.StatusCode, header: response.Header, body: content}
	}
	const authenticated = headerKey + ": " + headerValue + "\r\n"

	t.Run("OneThatBreaksOffIsRefusedAndWhatCameIsKept", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		closeWrite := func(connection net.Conn) { _ = connection.(*net.TCPConn).CloseWrite() }
		for head, body := range map[string]string{
			authenticated + "Content-Length: 1000\r\n":       orderBody,
			authenticated + "Transfer-Encoding: chunked\r\n": "5\r\n{\"a\":\r\n",
		} {
			raw(t, bundle, head, body, closeWrite).wantProblem(t, http.StatusBadRequest, "body-incomplete")
		}
		raw(t, bundle, authenticated+"Transfer-Encoding: chunked\r\n", "no chunk\r\n", nil).
			wantProblem(t, http.StatusBadRequest, "body-incomplete")
		kept := map[string]int{}
		for _, e := range bundle.log.all() {
			if rejected, ok := e.Payload.(delivery.DeliveryRejected); !ok || rejected.Reason != "body-incomplete" {
				t.Errorf("appended %#v, want DeliveryRejected", e)
			}
			kept[string(e.Body)]++
		}
		if want := map[string]int{orderBody: 1, `{"a":`: 1, "": 1}; !maps.Equal(kept, want) {
			t.Errorf("kept bodies are %v, want %v", kept, want)
		}
	})

	t.Run("OneThatComesTooSlowlyIsRefusedAndWhatCameIsKept", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t, func(server *httptest.Server) { server.Config.ReadTimeout = 100 * time.Millisecond })
		raw(t, bundle, authenticated+"Content-Length: 1000\r\n", orderBody, nil).
			wantProblem(t, http.StatusBadRequest, "body-incomplete")
		if events := bundle.log.all(); len(events) != 1 || string(events[0].Body) != orderBody {
			t.Errorf("appended %v, want the refusal with what came", events)
		}
	})

	t.Run("AStrangersIsNotWaitedFor", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		raw(t, bundle, "Content-Length: 1000\r\nExpect: 100-continue\r\n", "", nil).
			wantProblem(t, http.StatusUnauthorized, "unknown-sender")
		raw(t, bundle, headerKey+": wrong-value\r\nContent-Length: 1000000\r\n", "{", nil).
			wantProblem(t, http.StatusUnauthorized, "unknown-sender")
	})

	t.Run("OneThatIsAnnouncedAsTooLargeIsNotWaitedFor", func(t *testing.T) {
		t.Parallel()
		raw(t, setup(t), authenticated+"Content-Length: 2097153\r\nExpect: 100-continue\r\n", "", nil).
			wantProblem(t, http.StatusRequestEntityTooLarge, "body-too-large")
	})

	t.Run("OneForAHostOfStrangeBytesFindsNoWorkspace", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		connection, err := net.Dial("tcp", bundle.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "POST http://%%ff%%80/api/pancake/webhook HTTP/1.1\r\nHost: x\r\n%s\r\n", authenticated)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		contracttest.Check(t, bundle.delivery(""), response, content)
		if response.StatusCode != http.StatusUnauthorized || bundle.shops.asked[0] != "\uFFFD" {
			t.Errorf("answered %d, looked up %q", response.StatusCode, bundle.shops.asked)
		}
	})
}
