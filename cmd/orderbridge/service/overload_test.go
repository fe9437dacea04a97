package service_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// holdAppends keeps whatever would be appended to the log waiting, as a database does that hangs.
func (b *bridge) holdAppends() (release func()) {
	b.t.Helper()
	const lock = 0x6f72646272646765 // under which positions are assigned
	holder := connect(b.t, b.dsn)
	_, err := holder.Exec(b.t.Context(), "SELECT pg_advisory_lock($1)", lock)
	must(b.t, err)
	return func() {
		_, err := holder.Exec(context.WithoutCancel(b.t.Context()), "SELECT pg_advisory_unlock($1)", lock)
		must(b.t, err)
	}
}

func TestBeyondItsCapacityTheServiceRefusesAtOnceStaysResponsiveAndLosesNothingItAcknowledged(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.caughtUp()
	const senders, size, fitting = 30, 3 << 19, 10 // bodies of 1.5 MiB, of which 10 have room in 16 MiB
	template := fixture(t, "order-new-customer.json")
	bodies := make([][]byte, senders)
	for i := range bodies {
		numbered := changed(t, template, map[string]any{"id": 3000 + i, "system_id": 3000 + i})
		bodies[i] = append(numbered, strings.Repeat(" ", size-len(numbered))...)
	}

	release := b.holdAppends()
	answers, failures := make([]answer, senders), make([]error, senders)
	answered := make(chan struct{}, senders)
	var delivering sync.WaitGroup
	for i := range senders {
		delivering.Go(func() {
			// As curl does with a large body: it is sent when it is asked for.
			answers[i], failures[i] = b.exchange(http.MethodPost, webhookPath, bodies[i], headerKey, secretOf(shopA), "Expect", "100-continue")
			answered <- struct{}{}
		})
	}
	for range senders - fitting { // all others wait for the log
		<-answered
	}

	metrics := string(b.get("/metrics").body)
	for _, want := range []string{
		fmt.Sprintf("orderbridge_webhook_deliveries_under_way %d", fitting),
		fmt.Sprintf(`orderbridge_webhook_requests_total{outcome="overloaded"} %d`, senders-fitting),
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/v1/orders", "/api/v1/deliveries"} {
		asked := time.Now()
		b.get(path).wants(t, http.StatusOK, "")
		if took := time.Since(asked); took > 5*time.Second {
			t.Errorf("meanwhile %s took %s", path, took)
		}
	}
	release()
	delivering.Wait()

	conn := connect(t, b.dsn)
	stored := func(where string, value any) int {
		return count(t, conn, "SELECT count(*) FROM events WHERE type = 'OrderReceived' AND "+where, value)
	}
	var acknowledged int
	for i, got := range answers {
		must(t, failures[i])
		code := "Pancake_" + shopA + "_" + strconv.Itoa(3000+i)
		if got.status != http.StatusOK {
			got.wants(t, http.StatusServiceUnavailable, "overloaded")
			if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}
			if n := stored("payload ->> 'order_id' = $1", strconv.Itoa(3000+i)); n != 0 {
				t.Errorf("%s was refused, and is in the log %d times", code, n)
			}
			continue
		}
		acknowledged++
		if n := stored("correlation_id = $1", got.deliveryID(t)); n != 1 {
			t.Errorf("%s was acknowledged, and is in the log %d times", code, n)
		}
		b.order(code)
	}
	if acknowledged != fitting {
		t.Errorf("%d deliveries were acknowledged, want %d", acknowledged, fitting)
	}
	later := b.settled(b.deliver(shopA, changed(t, template, map[string]any{"id": 4000, "system_id": 4000})))
	if later.ID == uuid.Nil || b.order("Pancake_"+shopA+"_4000").Code == "" {
		t.Error("a later delivery became no order")
	}
	if n := stored("payload ->> 'order_id' <> $1", ""); n != 1+fitting+1 {
		t.Errorf("%d orders were received, want %d", n, 1+fitting+1)
	}
}
