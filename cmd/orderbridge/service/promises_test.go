package service_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"orderbridge/domain/event"
	"orderbridge/ports/http/contracttest"
)

// operationsWith are those of the list whose description has a header as a parameter.
func operationsWith(t *testing.T, header string) []string {
	t.Helper()
	var ids []string
	for _, item := range contracttest.Document(t).Paths.Map() {
		for _, operation := range item.Operations() {
			if slices.ContainsFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == "header" && p.Value.Name == header }) {
				ids = append(ids, operation.OperationID)
			}
		}
	}
	if len(ids) == 0 {
		t.Fatalf("no operation takes %s", header)
	}
	return ids
}

// TestEveryOperationKeepsItsPromises enumerates the operations of the API's description and holds each to what the
// description promises of all of its kind.
func TestEveryOperationKeepsItsPromises(t *testing.T) {
	t.Parallel()

	t.Run("an edit of a version that is not the record's any more is refused", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		r := b.tenant("alpha", "ALPHA-7f3d")
		as := b.with(r.token)
		conn := connect(t, b.dsn)
		before := count(t, conn, "SELECT count(*) FROM events")
		stale := operationsWith(t, "If-Match")
		for _, operation := range operations {
			if !slices.Contains(stale, operation.id) {
				continue
			}
			method, path, body := operation.request(r)
			if got := as.send(method, path, body, "If-Match", `"999999"`); got.status != http.StatusPreconditionFailed || got.code(t) != "version-stale" {
				t.Errorf("%s is answered with %d %s", operation.id, got.status, got.body)
			}
		}
		if after := count(t, conn, "SELECT count(*) FROM events"); after != before {
			t.Errorf("%d events were left", after-before)
		}
	})

	t.Run("a record that nobody has is not found", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		r := b.tenant("alpha", "ALPHA-7f3d")
		as := b.with(r.token)
		nobody := r
		nobody.customerID, nobody.userID, nobody.deliveryID, nobody.tokenID = event.NewID(), event.NewID(), event.NewID(), event.NewID()
		nobody.orderCode, nobody.failedID = "Pancake_1_1", event.NewID()
		conn := connect(t, b.dsn)
		before := count(t, conn, "SELECT count(*) FROM events")
		asked := 0
		for _, operation := range operations {
			method, path, _ := operation.request(nobody)
			path = strings.ReplaceAll(path, "/"+shopA, "/99")
			_, known, body := operation.request(r)
			if record, _, _ := strings.Cut(path, "?"); strings.HasPrefix(known, record) {
				continue // it is about no record in particular
			}
			asked++
			if got := as.send(method, path, body, contentTypeOf(body)...); got.status != http.StatusNotFound || got.code(t) == "path-unknown" {
				t.Errorf("%s is answered with %d %s", operation.id, got.status, got.body)
			}
		}
		if after := count(t, conn, "SELECT count(*) FROM events"); after != before || asked < 10 {
			t.Errorf("%d events were left by %d operations", after-before, asked)
		}
	})

	t.Run("a query parameter that it does not have is refused", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		r := b.tenant("alpha", "ALPHA-7f3d")
		as := b.with(r.token)
		conn := connect(t, b.dsn)
		before := count(t, conn, "SELECT count(*) FROM events")
		for _, operation := range operations {
			method, path, body := operation.request(r)
			with := path + "?limti=1&stauts=new"
			if strings.Contains(path, "?") {
				with = path + "&limti=1&stauts=new"
			}
			got := as.send(method, with, body, contentTypeOf(body)...)
			if got.status != http.StatusUnprocessableEntity || got.code(t) != "parameters-invalid" || !slices.Equal(got.invalid(t), []string{"limti", "stauts"}) {
				t.Errorf("%s is answered with %d %s", operation.id, got.status, got.body)
			}
		}
		if after := count(t, conn, "SELECT count(*) FROM events"); after != before {
			t.Errorf("%d events were left", after-before)
		}
	})

	t.Run("a request that is repeated under its key is done once, and its key is for no other", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		r := b.tenant("alpha", "ALPHA-7f3d")
		as := b.with(r.token)
		conn := connect(t, b.dsn)
		once := operationsWith(t, "Idempotency-Key")
		for _, operation := range operations {
			method, path, body := operation.request(r)
			if method != http.MethodGet && !slices.Contains(once, operation.id) {
				t.Errorf("%s takes no Idempotency-Key", operation.id)
			}
			if !slices.Contains(once, operation.id) {
				continue
			}
			headers := append(contentTypeOf(body), "Idempotency-Key", "of "+operation.id)
			first := as.send(method, path, body, headers...)
			if first.status >= 300 {
				t.Errorf("%s is answered with %d %s", operation.id, first.status, first.body)
				continue
			}
			b.caughtUp() // or what comes of it would count for the repetition
			events := count(t, conn, "SELECT count(*) FROM events")
			again := as.send(method, path, body, headers...)
			if again.status == http.StatusConflict && again.code(t) == "secret-shown-once" {
				if !bytes.Contains(first.body, []byte(`"token":"`)) && !bytes.Contains(first.body, []byte(`"header_value":"`)) {
					t.Errorf("%s showed no secret: %s", operation.id, first.body)
				}
			} else if again.status != first.status || !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" ||
				again.header.Get("ETag") != first.header.Get("ETag") || again.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("%s is answered with %d %s, and again with %d %s", operation.id, first.status, first.body, again.status, again.body)
			}
			if after := count(t, conn, "SELECT count(*) FROM events"); after != events {
				t.Errorf("%s was done twice", operation.id)
			}
			other := as.send(method, path, object{"another": "body"}, "Idempotency-Key", "of "+operation.id)
			other.wants(t, http.StatusUnprocessableEntity, "idempotency-key-reused")
		}
	})
}
