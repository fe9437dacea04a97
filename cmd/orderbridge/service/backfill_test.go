package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

const apiKey = "key-of-pancake"

// fakePancake is Pancake's own API, as far as it is known, and as unreliable as a test wants it to be.
type fakePancake struct {
	*httptest.Server

	mu     sync.Mutex
	orders []fakeOrder
	asked  int
	// lie may answer a request in place of the API, by how many there were.
	lie func(w http.ResponseWriter, r *http.Request, asked int) (answered bool)
}

type fakeOrder struct {
	updatedAt time.Time
	body      []byte
}

func startFakePancake(t *testing.T) *fakePancake {
	t.Helper()
	f := &fakePancake{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// fill makes orders that changed one after the other.
func (f *fakePancake) fill(t *testing.T, orders int, first time.Time) {
	t.Helper()
	sample := fixture(t, "order-new-customer.json")
	for n := range orders {
		at := first.Add(time.Duration(n) * 700 * time.Millisecond) // several in a second
		body := changed(t, sample, map[string]any{
			"id": 700_000 + n, "custom_id": nil, "system_id": n, "updated_at": at.UTC().Format("2006-01-02T15:04:05.000000"), "type": nil, "event_type": nil,
			"bill_phone_number": fmt.Sprintf("09%08d", n),
		})
		f.orders = append(f.orders, fakeOrder{updatedAt: at, body: body})
	}
}

func (f *fakePancake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.lie != nil && f.lie(w, r, f.asked) {
		return
	}
	query := r.URL.Query()
	number := func(name string) int64 {
		value, _ := strconv.ParseInt(query.Get(name), 10, 64)
		return value
	}
	switch {
	case query.Get("api_key") != apiKey:
		w.WriteHeader(http.StatusForbidden)
		return
	case r.URL.Path != "/shops/"+shopA+"/orders":
		w.WriteHeader(http.StatusNotFound)
		return
	}
	found := []json.RawMessage{}
	since, until := time.Unix(number("startDateTime"), 0), time.Unix(number("endDateTime")+1, 0)
	for _, order := range f.orders {
		if !order.updatedAt.Before(since) && order.updatedAt.Before(until) {
			found = append(found, order.body)
		}
	}
	size, page := int(number("page_size")), int(number("page_number"))
	from := min((page-1)*size, len(found))
	answer, _ := json.Marshal(map[string]any{
		"success": true, "data": found[from:min(from+size, len(found))], "page_number": page, "page_size": size,
		"total_pages": (len(found) + size - 1) / size, "total_entries": len(found),
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// startWithPancake runs a service that asks a fake Pancake, whose key it knows for shop A.
func startWithPancake(t *testing.T) (*bridge, *fakePancake) {
	t.Helper()
	b := start(t)
	_, err := b.service.Commands.SetAPIKey.Handle(t.Context(), command.SetAPIKey{By: b.by(), ShopID: shopA, Key: apiKey})
	must(t, err)
	return b, b.pancake
}

func (b *bridge) backfill(ctx context.Context, since time.Time) (command.Backfilled, error) {
	return b.service.Commands.Backfill.Handle(ctx, command.Backfill{
		By: b.by(), ShopID: shopA, Since: since, Until: since.Add(24 * time.Hour),
	})
}

// broughtIn counts the orders that came by backfill.
func (b *bridge) broughtIn() int {
	b.t.Helper()
	return count(b.t, connect(b.t, b.dsn), "SELECT count(*) FROM events WHERE type = 'OrderReceived' AND payload ->> 'origin' = 'backfill'")
}

func TestBackfillBringsInWhatWebhooksLost(t *testing.T) {
	t.Parallel()
	const orders, dropped = 1000, 300
	b, pancake := startWithPancake(t)
	since := time.Now().Add(-23 * time.Hour).Truncate(time.Second)
	pancake.fill(t, orders, since)
	lost := 0
	for n, order := range pancake.orders {
		if n%10 < 3 {
			lost++
			continue
		}
		b.post(shopA, order.body).wants(t, http.StatusOK, "")
	}
	if lost != dropped {
		t.Fatal(lost)
	}
	b.caughtUp()
	preview, err := b.service.Commands.Backfill.Handle(t.Context(), command.Backfill{
		By: b.by(), ShopID: shopA, Since: since, Until: since.Add(24 * time.Hour), DryRun: true,
	})
	if err != nil || preview.Missing != dropped || preview.BroughtIn != 0 || b.broughtIn() != 0 {
		t.Fatalf("the preview is %+v, %v", preview, err)
	}
	// Killed at some point, again and again.
	for after := range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10+25*after)*time.Millisecond)
		_, _ = b.backfill(ctx, since)
		cancel()
	}
	// And several at once.
	var together sync.WaitGroup
	for range 3 {
		together.Go(func() {
			if _, err := b.backfill(t.Context(), since); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	done, err := b.backfill(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	if done.Seen < orders || b.broughtIn() != dropped {
		t.Errorf("%+v, and %d were brought in, want %d", done, b.broughtIn(), dropped)
	}
	b.caughtUp()
	if again, err := b.backfill(t.Context(), since); err != nil || again.Missing != 0 || b.broughtIn() != dropped {
		t.Errorf("once more: %+v, %v", again, err)
	}
	if got := len(all[json.RawMessage](b, "/api/v1/orders")); got != orders {
		t.Errorf("%d orders, want %d", got, orders)
	}
}

// TestAKeyIsReadFromStandardInput sets the key as the help says, so that it stands in no shell's history.
func TestAKeyIsReadFromStandardInput(t *testing.T) {
	t.Parallel()
	b := start(t)
	since := time.Now().Add(-time.Hour).UTC()
	b.pancake.fill(t, 1, since.Add(time.Minute))
	sh := b.shell()
	sh.stdin = apiKey + "\n"
	sh.run("shop", "api-key", "--shop-id", shopA, "--key", "-")
	sh.run("backfill", "--shop-id", shopA, "--since", since.Format(time.RFC3339))
	if got := b.broughtIn(); got != 1 {
		t.Errorf("%d orders came in, want 1", got)
	}
}

func TestReconciliationHealsByItself(t *testing.T) {
	t.Parallel()
	b, pancake := startWithPancake(t)
	pancake.mu.Lock()
	pancake.fill(t, 5, time.Now().Add(-time.Hour))
	pancake.mu.Unlock()
	found, err := b.service.Commands.Reconcile.Due(t.Context(), command.ReconcileEvery)
	must(t, err)
	b.caughtUp()
	healed := 0
	for _, one := range found {
		must(t, one.Err)
		healed += one.BroughtIn
	}
	conn := connect(t, b.dsn)
	if got := b.broughtIn(); healed != 5 || got != 5 {
		t.Errorf("%d were healed, and %d came in", healed, got)
	}
	if again, err := b.service.Commands.Reconcile.Due(t.Context(), command.ReconcileEvery); err != nil || len(again) != 0 {
		t.Errorf("it is due again at once: %+v, %v", again, err)
	}
	if noted := count(t, conn, "SELECT count(*) FROM reconciliations WHERE trouble IS NULL"); noted == 0 {
		t.Error("nothing was noted")
	}
}

func TestPancakesLiesHarmNothing(t *testing.T) {
	t.Parallel()
	since := time.Now().Add(-23 * time.Hour).Truncate(time.Second)
	html := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><title>502</title></html>"))
	}
	for name, tc := range map[string]struct {
		lie func(f *fakePancake) func(http.ResponseWriter, *http.Request, int) bool
		// code is the problem that it ends with; empty when it comes through.
		code string
		want int
	}{
		"too many requests, and then not": {func(*fakePancake) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, asked int) bool {
				if asked%2 == 0 {
					return false
				}
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
		}, "", 250},
		"a page of HTML once": {func(*fakePancake) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, asked int) bool {
				if asked != 2 {
					return false
				}
				html(w)
				return true
			}
		}, "", 250},
		"the first page again and again": {func(f *fakePancake) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				var data []json.RawMessage
				for _, order := range f.orders[:100] {
					data = append(data, order.body)
				}
				answer, _ := json.Marshal(map[string]any{"success": true, "data": data, "total_pages": 1000})
				_, _ = w.Write(answer)
				return true
			}
		}, "pancake-repeats", 100},
		"orders of another shop, times far off, and no orders": {func(f *fakePancake) func(http.ResponseWriter, *http.Request, int) bool {
			f.orders[3].body = []byte(strings.ReplaceAll(string(f.orders[3].body), shopA, shopB))
			f.orders[4].body = []byte(`{"id": 1, "shop_id": ` + shopA + `, "updated_at": "2099-01-01T00:00:00"}`)
			f.orders[5].body = []byte(`{"hello": "world"}`)
			return nil
		}, "", 248},
		"a key that is refused": {func(*fakePancake) func(http.ResponseWriter, *http.Request, int) bool {
			return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
		}, "pancake-key-refused", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, pancake := startWithPancake(t)
			pancake.mu.Lock()
			pancake.fill(t, 250, since)
			pancake.lie = tc.lie(pancake)
			pancake.mu.Unlock()
			_, err := b.backfill(t.Context(), since)
			refused, ok := problem.Of(err)
			if ok != (tc.code != "") || ok && refused.Code() != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
			if err != nil && strings.Contains(said(err), apiKey) {
				t.Error("the error gives the key away")
			}
			if got := b.broughtIn(); got != tc.want {
				t.Errorf("%d were brought in, want %d", got, tc.want)
			}
			b.caughtUp()
		})
	}
}

// said is all that an error says, its causes too.
func said(err error) string {
	var all []string
	for ; err != nil; err = unwrapped(err) {
		all = append(all, err.Error())
	}
	return strings.Join(all, "; ")
}

func unwrapped(err error) error {
	if wrapping, ok := err.(interface{ Unwrap() error }); ok {
		return wrapping.Unwrap()
	}
	return nil
}
