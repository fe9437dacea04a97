package http_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"orderbridge/app/command"
	porthttp "orderbridge/ports/http"
	"orderbridge/ports/http/contracttest"
)

// holdLog keeps every append waiting until it is released, or until its own time is up. Each that waits is told.
func (b *testBundle) holdLog(t *testing.T) (waits <-chan struct{}, release func()) {
	t.Helper()
	waiting, released := make(chan struct{}, 100), make(chan struct{})
	b.log.before = func(ctx context.Context) error {
		waiting <- struct{}{}
		select {
		case <-released:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	return waiting, release
}

// delivering delivers in the background, and returns when the delivery waits for the log.
func (b *testBundle) delivering(t *testing.T, waits <-chan struct{}, request *http.Request) <-chan *answer {
	t.Helper()
	answered := make(chan *answer, 1)
	go func() {
		defer close(answered) // also when the exchange fails the test
		answered <- b.do(t, request)
	}()
	select {
	case <-waits:
	case early := <-answered:
		t.Fatalf("a delivery was answered instead of waiting: %+v", early)
	}
	return answered
}

// wantOverloaded holds an answer to what those are promised who are refused at the door.
func (a *answer) wantOverloaded(t *testing.T) {
	t.Helper()
	a.wantProblem(t, http.StatusServiceUnavailable, "overloaded")
	if a.header.Get("Retry-After") != "5" {
		t.Errorf("Retry-After is %q, want the seconds", a.header.Get("Retry-After"))
	}
}

func (b *testBundle) wantMetrics(t *testing.T, lines ...string) {
	t.Helper()
	metrics := string(b.do(t, b.get("/metrics")).body)
	for _, line := range lines {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestDoor(t *testing.T) {
	t.Parallel()

	t.Run("DeliveriesBeyondTheBoundAreRefusedAtOnceAndEverythingElseIsAnswered", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxDeliveries: 3})
		waits, release := bundle.holdLog(t)
		var taken []<-chan *answer
		for range 3 {
			taken = append(taken, bundle.delivering(t, waits, bundle.delivery(orderBody)))
		}

		bundle.do(t, bundle.delivery(orderBody)).wantOverloaded(t)
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/v1/orders"} {
			if got := bundle.do(t, bundle.get(path)); got.status != http.StatusOK {
				t.Errorf("meanwhile %s is answered with %d %s", path, got.status, got.body)
			}
		}
		stranger := bundle.delivery(orderBody)
		stranger.Header.Set(headerKey, "wrong-value")
		bundle.do(t, stranger).wantProblem(t, http.StatusUnauthorized, "unknown-sender")
		bundle.wantMetrics(t, `orderbridge_webhook_requests_total{outcome="overloaded"} 1`,
			"orderbridge_webhook_deliveries_under_way 3", fmt.Sprintf("orderbridge_webhook_bytes_under_way %d", 3*len(orderBody)))

		release()
		for _, answered := range taken {
			if got := <-answered; got == nil || got.status != http.StatusOK {
				t.Errorf("one that was let in got %+v", got)
			}
		}
		if got := bundle.do(t, bundle.delivery(orderBody)); got.status != http.StatusOK {
			t.Errorf("a later delivery got %d %s", got.status, got.body)
		}
		if events := bundle.log.all(); len(events) != 4 {
			t.Errorf("%d events were appended, want those of the 4 that were acknowledged", len(events))
		}
	})

	t.Run("StrangersTakeNoPlace", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxDeliveries: 1})
		lookedUp, release := make(chan struct{}), make(chan struct{})
		const strange = "elsewhere.example.com"
		bundle.shops.before = func(host string) {
			if host == strange {
				lookedUp <- struct{}{}
				<-release
			}
		}
		answered := make(chan *answer, 1)
		go func() {
			defer close(answered)
			stranger := bundle.delivery(orderBody)
			stranger.Host = strange
			answered <- bundle.do(t, stranger)
		}()
		<-lookedUp
		if got := bundle.do(t, bundle.delivery(orderBody)); got.status != http.StatusOK {
			t.Errorf("while it is looked who somebody is, a delivery got %d %s", got.status, got.body)
		}
		go func() { <-lookedUp }() // a stranger is looked up twice
		close(release)
		(<-answered).wantProblem(t, http.StatusUnauthorized, "unknown-sender")
	})

	t.Run("OfARefusedBodyNothingIsReadAndTheConnectionIsKept", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxDeliveries: 1})
		waits, release := bundle.holdLog(t)
		taken := bundle.delivering(t, waits, bundle.delivery(orderBody))
		const known = headerKey + ": " + headerValue + "\r\n"

		cautious := bundle.dial(t)
		cautious.post(known+"Content-Length: 1000\r\nExpect: 100-continue\r\n", "") // 100 would be the answer to a body that is read
		cautious.answer(t).wantOverloaded(t)
		large := bundle.dial(t)
		large.post(known+"Content-Length: 2000000\r\n", "{") // its rest is not waited for
		large.answer(t).wantOverloaded(t)

		hasty := bundle.dial(t)
		for range 2 {
			hasty.post(known+fmt.Sprintf("Content-Length: %d\r\n", len(orderBody)), orderBody)
			hasty.answer(t).wantOverloaded(t)
		}
		release()
		<-taken
		hasty.post(known+fmt.Sprintf("Content-Length: %d\r\n", len(orderBody)), orderBody)
		if got := hasty.answer(t); got.status != http.StatusOK {
			t.Errorf("later on the same connection a delivery got %d %s", got.status, got.body)
		}
	})

	t.Run("BodiesBeyondTheBoundAreRefusedAndSmallerOnesTaken", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxBodyBytes: 50_000, MaxDeliveryBytes: 100_000})
		waits, release := bundle.holdLog(t)
		taken := []<-chan *answer{
			bundle.delivering(t, waits, bundle.delivery(orderOfSize(40_000))),
			bundle.delivering(t, waits, bundle.delivery(orderOfSize(40_000))),
		}
		bundle.do(t, bundle.delivery(orderOfSize(20_001))).wantOverloaded(t)
		taken = append(taken, bundle.delivering(t, waits, bundle.delivery(orderOfSize(15_000))))
		unannounced := bundle.delivery(orderBody)
		unannounced.ContentLength = -1 // and may be as large as the largest
		bundle.do(t, unannounced).wantOverloaded(t)
		// One that announces more than is taken is refused for that, and holds nothing.
		taken = append(taken, bundle.delivering(t, waits, bundle.delivery(orderOfSize(50_001))))
		bundle.wantMetrics(t, "orderbridge_webhook_deliveries_under_way 4", "orderbridge_webhook_bytes_under_way 95000")

		release()
		for i, want := range []int{http.StatusOK, http.StatusOK, http.StatusOK, http.StatusRequestEntityTooLarge} {
			if got := <-taken[i]; got == nil || got.status != want {
				t.Errorf("delivery %d got %+v, want %d", i, got, want)
			}
		}
		if got := bundle.do(t, bundle.delivery(orderOfSize(50_000))); got.status != http.StatusOK {
			t.Errorf("a later delivery got %d %s", got.status, got.body)
		}
	})

	t.Run("OneOfUnannouncedSizeHoldsTheUsualAndMoreWhenItIsLarger", func(t *testing.T) {
		t.Parallel()
		const usual = 64 << 10
		bundle := setupWithin(t, porthttp.Config{MaxDeliveryBytes: maxBody + 2*usual})
		waits, release := bundle.holdLog(t)
		unannounced := func(size int) *http.Request {
			request := bundle.delivery(orderOfSize(size))
			request.ContentLength = -1
			return request
		}
		var taken []<-chan *answer
		for range 2 {
			taken = append(taken, bundle.delivering(t, waits, unannounced(usual-1)))
		}
		taken = append(taken, bundle.delivering(t, waits, unannounced(usual+1))) // needs room for as much as there may be
		bundle.do(t, unannounced(1000)).wantOverloaded(t)
		bundle.wantMetrics(t, fmt.Sprintf("orderbridge_webhook_bytes_under_way %v", float64(maxBody+2*usual)))
		release()
		for _, answered := range taken {
			if got := <-answered; got == nil || got.status != http.StatusOK {
				t.Errorf("answered %+v", got)
			}
		}
	})

	t.Run("OneThatTurnsOutLargerThanThereIsRoomIsRefusedAndNotKept", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxDeliveryBytes: maxBody + 1000})
		waits, release := bundle.holdLog(t)
		taken := bundle.delivering(t, waits, bundle.delivery(orderOfSize(1001)))
		unannounced := bundle.delivery(orderOfSize(70_000))
		unannounced.ContentLength = -1
		bundle.do(t, unannounced).wantOverloaded(t)
		release()
		<-taken
		if events := bundle.log.all(); len(events) != 1 || len(events[0].Body) != 1001 {
			t.Errorf("%d events were appended, want that of the delivery that was taken", len(events))
		}
		unannounced = bundle.delivery(orderOfSize(70_000))
		unannounced.ContentLength = -1
		if got := bundle.do(t, unannounced); got.status != http.StatusOK {
			t.Errorf("later on it got %d %s", got.status, got.body)
		}
		if events := bundle.log.all(); len(events) != 2 || len(events[1].Body) != 70_000 {
			t.Errorf("%d events were appended, want the whole of the later one too", len(events))
		}
	})

	t.Run("HoweverADeliveryEndsItsPlaceIsFreeThen", func(t *testing.T) {
		t.Parallel()
		bundle := setupWithin(t, porthttp.Config{MaxDeliveries: 1})
		compressed, unannounced := bundle.delivery(orderBody), bundle.delivery(orderOfSize(maxBody+1))
		compressed.Header.Set("Content-Encoding", "gzip")
		unannounced.ContentLength = -1
		for _, request := range []*http.Request{
			bundle.delivery(orderBody), bundle.delivery("<html>"), bundle.delivery(orderOfSize(maxBody + 1)), compressed, unannounced,
			bundle.delivery(`{"type":"customers"}`),
		} {
			if got := bundle.do(t, request); got.status == http.StatusServiceUnavailable {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		}
		broken := bundle.dial(t)
		broken.post(headerKey+": "+headerValue+"\r\nContent-Length: 1000\r\n", "{")
		broken.closeWrite(t)
		broken.answer(t).wantProblem(t, http.StatusBadRequest, "body-incomplete")
		bundle.reader.panics = true
		bundle.do(t, bundle.delivery(orderBody)).wantProblem(t, http.StatusInternalServerError, "internal")
		bundle.wantMetrics(t, "orderbridge_webhook_deliveries_under_way 0", "orderbridge_webhook_bytes_under_way 0")
	})

	t.Run("AFullLogIsCountedAsOverload", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.log.before = func(context.Context) error { return fmt.Errorf("append: %w", command.ErrOverloaded) }
		bundle.do(t, bundle.delivery(orderBody)).wantOverloaded(t)
		bundle.wantMetrics(t, `orderbridge_webhook_requests_total{outcome="overloaded"} 1`)
	})
}

// connection speaks HTTP by hand, where a client would be too polite.
type connection struct {
	net.Conn

	bundle  *testBundle
	answers *bufio.Reader
}

func (b *testBundle) dial(t *testing.T) *connection {
	t.Helper()
	dialled, err := net.Dial("tcp", b.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	if err := dialled.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &connection{bundle: b, Conn: dialled, answers: bufio.NewReader(dialled)}
}

// post sends a delivery, or as much of one as the body has. The answer tells whether that worked.
func (c *connection) post(headers, body string) {
	fmt.Fprintf(c, "POST /api/pancake/webhook HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", host, headers, body)
}

func (c *connection) closeWrite(t *testing.T) {
	t.Helper()
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// answer reads the next answer.
func (c *connection) answer(t *testing.T) *answer {
	t.Helper()
	request := c.bundle.delivery("")
	response, err := http.ReadResponse(c.answers, request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	contracttest.Check(t, request, response, body)
	return &answer{status: response.StatusCode, header: response.Header, body: body}
}
