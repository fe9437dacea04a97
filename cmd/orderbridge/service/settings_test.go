package service_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"orderbridge/app/query"
)

// beside starts another instance on the same database.
func (b *bridge) beside() *bridge {
	b.t.Helper()
	other := &bridge{t: b.t, dsn: b.dsn, dataDir: b.dataDir}
	other.run()
	return other
}

func TestSettingsAreInForceForTheNextDeliveryOnEveryInstance(t *testing.T) { //nolint:tparallel // one setting after another
	t.Parallel()
	b := start(t)
	other := b.beside()
	order := func(id string, changes object) []byte {
		return changed(t, changed(t, fixture(t, "order-new-customer.json"), object{"id": id}), changes)
	}

	t.Run("the order-code template, for new orders", func(t *testing.T) { //nolint:paralleltest // one after another
		b.settled(b.deliver(shopA, order("1", nil)))
		got := b.send(http.MethodPatch, "/api/v1/settings", object{"order_code_template": "DH-{shop_id}-{order_id}"}).wants(t, 200, "")
		if settings := decoded[query.Settings](t, got); settings.OrderCodeTemplate != "DH-{shop_id}-{order_id}" || got.header.Get("ETag") == "" {
			t.Errorf("%s", got.body)
		}
		if detail := other.settled(other.deliver(shopA, order("2", nil))); *detail.OrderCode != "DH-"+shopA+"-2" {
			t.Errorf("a new order is %s", *detail.OrderCode)
		}
		updated := other.settled(other.deliver(shopA, order("1", object{"status": 1, "updated_at": "2030-01-01T00:00:00"})))
		if *updated.OrderCode != "Pancake_"+shopA+"_1" {
			t.Errorf("the order from before is %s", *updated.OrderCode)
		}
	})

	t.Run("the match rule", func(t *testing.T) { //nolint:paralleltest // one after another
		b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "email"}).wants(t, 200, "")
		detail := other.settled(other.deliver(shopA, order("3", nil)))
		if step := slices.IndexFunc(detail.Steps, func(s query.Step) bool { return strings.Contains(s.Summary, "the rule matches by email") }); step < 0 {
			t.Errorf("%+v", detail.Steps)
		}
	})

	t.Run("whether cancelled orders are skipped", func(t *testing.T) { //nolint:paralleltest // one after another
		if detail := other.settled(other.deliver(shopA, order("4", object{"status": 6}))); detail.Outcome != query.OutcomeSkipped {
			t.Errorf("%+v", detail.Delivery)
		}
		b.send(http.MethodPatch, "/api/v1/settings", object{"skip_cancelled": false}).wants(t, 200, "")
		if detail := other.settled(other.deliver(shopA, order("5", object{"status": 6}))); detail.Outcome != query.OutcomeCreated {
			t.Errorf("%+v", detail.Delivery)
		}
	})

	t.Run("a shop that is connected, rotated and disconnected", func(t *testing.T) { //nolint:paralleltest // one after another
		const shopC = "1635294034"
		body := changed(t, fixture(t, "order-new-customer.json"), object{"shop_id": shopC})
		got := b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": shopC, "header_key": "X-C"}).wants(t, 201, "")
		connected := decoded[struct {
			HeaderValue string `json:"header_value"`
		}](t, got)
		if len(connected.HeaderValue) < 40 || got.header.Get("Location") != "/api/v1/shops/"+shopC {
			t.Fatalf("%s", got.body)
		}
		other.postWith(body, "X-C", connected.HeaderValue).wants(t, 200, "")

		rotated := decoded[struct {
			HeaderValue        *string `json:"header_value"`
			PreviousValidUntil *string `json:"previous_valid_until"`
		}](t, b.send(http.MethodPost, "/api/v1/shops/"+shopC+"/rotate", object{"header_value": "second", "overlap_seconds": 3600}).wants(t, 200, ""))
		if rotated.HeaderValue != nil || rotated.PreviousValidUntil == nil {
			t.Errorf("%+v", rotated)
		}
		other.postWith(body, "X-C", "second").wants(t, 200, "")
		other.postWith(body, "X-C", connected.HeaderValue).wants(t, 200, "")

		b.send(http.MethodPost, "/api/v1/shops/"+shopC+"/rotate", object{"header_value": "third", "overlap_seconds": 0}).wants(t, 200, "")
		other.postWith(body, "X-C", "third").wants(t, 200, "")
		eventually(t, "the values before are refused", func() bool {
			return other.postWith(body, "X-C", "second").status == 401 && other.postWith(body, "X-C", connected.HeaderValue).status == 401
		})

		b.send(http.MethodDelete, "/api/v1/shops/"+shopC, nil).wants(t, 204, "")
		eventually(t, "the shop is refused", func() bool { return other.postWith(body, "X-C", "third").status == 401 })
		b.get("/api/v1/shops/"+shopC).wants(t, 404, "shop-unknown")
	})

	t.Run("and each change is an event with its actor, and no secret", func(t *testing.T) { //nolint:paralleltest // looks at the ones before
		conn := connect(t, b.dsn)
		if n := count(t, conn, `SELECT count(*) FROM events WHERE type IN ('SettingsChanged', 'MatchRuleChanged', 'ShopKeyRotated', 'ShopDisconnected')
			AND actor LIKE 'api:test %'`); n != 6 {
			t.Errorf("%d events have the token as their actor", n)
		}
		if n := count(t, conn, `SELECT count(*) FROM events WHERE payload::text LIKE '%"second"%' OR payload::text LIKE '%"third"%'`); n != 0 {
			t.Error("a header's value is in the log")
		}
	})
}

func TestSettingsRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := start(t)
	conn := connect(t, b.dsn)
	before := count(t, conn, "SELECT count(*) FROM events")

	got := b.send(http.MethodPatch, "/api/v1/settings", object{
		"match_by": "name", "order_code_template": "{order_id}", "time_zone": "Mars", "shop_limit": 0,
	}).wants(t, 422, "settings-invalid")
	if paths := got.invalid(t); !slices.Equal(paths, []string{"match_by", "order_code_template", "time_zone", "shop_limit"}) {
		t.Errorf("%v", paths)
	}
	got = b.send(http.MethodPatch, "/api/v1/settings", object{"matchby": "phone", "shop_limit": "ten"}).wants(t, 422, "body-invalid")
	if paths := got.invalid(t); len(paths) != 2 || !slices.Contains(paths, "shop_limit") {
		t.Errorf("%s", got.body)
	}
	for _, number := range []string{"1e30", "99999999999999999999", "1e1"} {
		got := b.send(http.MethodPatch, "/api/v1/settings", `{"shop_limit":`+number+`}`, "Content-Type", "application/json").
			wants(t, 422, "body-invalid")
		if paths := got.invalid(t); !slices.Equal(paths, []string{"shop_limit"}) {
			t.Errorf("%s: %s", number, got.body)
		}
	}
	b.send(http.MethodPatch, "/api/v1/settings", object{}).wants(t, 422, "body-invalid")
	b.send(http.MethodPatch, "/api/v1/settings", "{").wants(t, 400, "body-not-json")
	b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "phone"}, "Content-Type", "text/plain").wants(t, 415, "content-type-unsupported")
	b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "email"}, "If-Match", `"77"`).wants(t, 412, "version-stale")
	b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "email"}, "If-Match", "77").wants(t, 422, "parameters-invalid")

	const nobody = "01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11"
	for _, request := range []struct {
		method, path string
		body         object
		invalid      []string
	}{
		{
			http.MethodPost, "", object{
				"shop_id": "A", "name": strings.Repeat("x", 201), "header_key": "Host", "header_value": "x\x01", "default_assignee_id": nobody,
			}, []string{"shop_id", "name", "header_key", "header_value", "default_assignee_id"},
		},
		{http.MethodPost, "", object{"shop_id": "A", "header_key": "K", "default_assignee_id": "mai"}, []string{"shop_id", "default_assignee_id"}},
		{http.MethodPatch, "/" + shopA, object{"name": " ", "default_assignee_id": nobody}, []string{"name", "default_assignee_id"}},
		{http.MethodPatch, "/" + shopA, object{"name": " ", "default_assignee_id": "mai"}, []string{"name", "default_assignee_id"}},
		{http.MethodPost, "/" + shopA + "/rotate", object{"header_key": "Host", "overlap_seconds": 2592001}, []string{"header_key", "overlap_seconds"}},
		{http.MethodPost, "/" + shopA + "/rotate", object{"header_value": "\x01", "overlap_seconds": int64(math.MinInt64)}, []string{"header_value", "overlap_seconds"}},
	} {
		got := b.send(request.method, "/api/v1/shops"+request.path, request.body).wants(t, 422, "shop-invalid")
		if paths := got.invalid(t); !slices.Equal(paths, request.invalid) {
			t.Errorf("%s %v: %v", request.method, request.body, paths)
		}
	}
	b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": shopA, "header_key": "K"}).wants(t, 409, "shop-connected")
	for _, unknown := range []struct{ method, path string }{
		{http.MethodGet, ""}, {http.MethodDelete, ""}, {http.MethodPost, "/pause"}, {http.MethodPost, "/resume"},
	} {
		b.send(unknown.method, "/api/v1/shops/77"+unknown.path, nil).wants(t, 404, "shop-unknown")
	}
	b.send(http.MethodDelete, "/api/v1/tokens/01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11", nil).wants(t, 404, "token-not-found")
	if after := count(t, conn, "SELECT count(*) FROM events"); after != before {
		t.Errorf("what was refused left %d events", after-before)
	}

	for i := range 8 {
		b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": fmt.Sprint(i + 1), "header_key": "K"}).wants(t, 201, "")
	}
	eleventh := b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": "11", "header_key": "K"}).wants(t, 409, "shop-limit")
	if !strings.Contains(string(eleventh.body), "at most 10") || !strings.Contains(string(eleventh.body), "settings set --shop-limit") {
		t.Errorf("%s", eleventh.body)
	}
	b.send(http.MethodPatch, "/api/v1/settings", object{"shop_limit": 11}).wants(t, 200, "")
	b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": "11", "header_key": "K"}).wants(t, 201, "")
}

// createToken makes a token over the API and returns its id and what its holder sends.
func (b *bridge) createToken(name, role string) (id, secret string) {
	b.t.Helper()
	made := decoded[struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}](b.t, b.send(http.MethodPost, "/api/v1/tokens", object{"name": name, "role": role}).wants(b.t, 201, ""))
	return made.ID, made.Token
}

func TestTokensAndRoles(t *testing.T) {
	t.Parallel()
	b := start(t)

	t.Run("a token is shown once, found in the list, noted when used, and refused when revoked", func(t *testing.T) {
		t.Parallel()
		id, secret := b.createToken("kho", "viewer")
		token := func() query.Token {
			got := b.get("/api/v1/tokens").wants(t, 200, "")
			if strings.Contains(string(got.body), secret) {
				t.Error("the list shows the token")
			}
			tokens := decoded[query.List[query.Token]](t, got).Items
			at := slices.IndexFunc(tokens, func(token query.Token) bool { return token.ID.String() == id })
			if at < 0 {
				t.Fatalf("it is not in %s", got.body)
			}
			return tokens[at]
		}
		if made := token(); made.LastUsedAt != nil || made.RevokedAt != nil || made.Role != "viewer" || made.Name != "kho" {
			t.Errorf("%+v", made)
		}
		b.with(secret).get("/api/v1/orders").wants(t, 200, "")
		if token().LastUsedAt == nil {
			t.Error("its use was not noted")
		}
		b.send(http.MethodPost, "/api/v1/tokens", object{"name": "kho", "role": "viewer"}).wants(t, 409, "token-name-taken")
		for range 2 {
			b.send(http.MethodDelete, "/api/v1/tokens/"+id, nil).wants(t, 204, "")
		}
		b.with(secret).get("/api/v1/orders").wants(t, 401, "token-unknown")
		if token().RevokedAt == nil {
			t.Error("it is not shown as revoked")
		}
		b.createToken("kho", "operator")
	})

	t.Run("what a role may not do is refused with one code, whatever else is wrong", func(t *testing.T) {
		t.Parallel()
		_, viewer := b.createToken("viewer", "viewer")
		_, operator := b.createToken("operator", "operator")
		for _, as := range []*bridge{b.with(viewer), b.with(operator)} {
			for _, call := range []struct{ method, path string }{
				{http.MethodPatch, "/api/v1/settings"},
				{http.MethodPost, "/api/v1/shops"},
				{http.MethodDelete, "/api/v1/shops/" + shopB},
				{http.MethodPost, "/api/v1/shops/" + shopB + "/pause"},
				{http.MethodGet, "/api/v1/tokens"},
				{http.MethodPost, "/api/v1/tokens"},
			} {
				as.send(call.method, call.path, nil).wants(t, 403, "role-insufficient")
			}
			as.get("/api/v1/shops").wants(t, 200, "")
			as.get("/api/v1/settings").wants(t, 200, "")
			as.get("/api/v1/workspace").wants(t, 200, "")
		}
		const nobody = "/api/v1/customers/01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11/archive"
		b.with(viewer).send(http.MethodPost, nobody, nil).wants(t, 403, "role-insufficient")
		b.with(operator).send(http.MethodPost, nobody, nil).wants(t, 404, "customer-unknown")
	})

	t.Run("an answer with a secret is not kept for a repetition", func(t *testing.T) {
		t.Parallel()
		once := []string{"Idempotency-Key", "make a token"}
		got := b.send(http.MethodPost, "/api/v1/tokens", object{"name": "once", "role": "viewer"}, once...).wants(t, 201, "")
		secret := decoded[struct {
			Token string `json:"token"`
		}](t, got).Token
		b.send(http.MethodPost, "/api/v1/tokens", object{"name": "once", "role": "viewer"}, once...).wants(t, 409, "secret-shown-once")
		if n := count(t, connect(t, b.dsn), "SELECT count(*) FROM idempotency_keys k WHERE k::text LIKE '%"+secret+"%' OR convert_from(body, 'UTF8') LIKE '%"+secret+"%'"); n != 0 {
			t.Error("the token is kept")
		}
	})
}

// TestAPausedShopsDeliveriesWait: none is lost, and all are brought in when the shop is resumed.
func TestAPausedShopsDeliveriesWait(t *testing.T) {
	t.Parallel()
	b := start(t)
	other := b.beside()
	b.send(http.MethodPost, "/api/v1/shops/"+shopA+"/pause", nil).wants(t, 200, "")
	b.send(http.MethodPost, "/api/v1/shops/"+shopA+"/pause", nil).wants(t, 200, "")
	order := func(shopID string, id int) []byte {
		return changed(t, fixture(t, "order-new-customer.json"), object{"id": id, "shop_id": shopID})
	}
	first := other.deliver(shopA, order(shopA, 1))
	second := other.deliver(shopA, changed(t, order(shopA, 1), object{"status": 1, "updated_at": "2030-01-01T00:00:00"}))
	if detail := other.settled(first); detail.Outcome != query.OutcomeHeld || *detail.Reason != "shop-paused" {
		t.Errorf("%+v", detail.Delivery)
	}
	if detail := other.settled(second); detail.Outcome != query.OutcomeHeld {
		t.Errorf("%+v", detail.Delivery)
	}
	if detail := b.settled(b.deliver(shopB, order(shopB, 1))); detail.Outcome != query.OutcomeCreated {
		t.Errorf("another shop's order: %+v", detail.Delivery)
	}
	shop := decoded[query.Shop](t, b.get("/api/v1/shops/"+shopA).wants(t, 200, ""))
	if !shop.Paused || shop.Held != 2 {
		t.Errorf("%+v", shop)
	}

	b.send(http.MethodPost, "/api/v1/shops/"+shopA+"/resume", nil).wants(t, 200, "")
	eventually(t, "what waited was brought in", func() bool {
		detail := decoded[query.DeliveryDetail](t, b.get("/api/v1/deliveries/"+second.String()))
		return detail.Outcome == query.OutcomeUpdated
	})
	if got := b.order("Pancake_" + shopA + "_1"); got.Status.Code != 1 {
		t.Errorf("%+v", got.Status)
	}
	detail := b.settled(first)
	var steps []string
	for _, step := range detail.Steps {
		steps = append(steps, step.Event)
	}
	if detail.Outcome != query.OutcomeCreated || !slices.Equal(steps[:3], []string{"OrderReceived", "IngestionHeld", "IngestionRetried"}) {
		t.Errorf("%s after %v", detail.Outcome, steps)
	}
	if n := count(t, connect(t, b.dsn), "SELECT count(*) FROM held_deliveries"); n != 0 {
		t.Errorf("%d deliveries wait", n)
	}

	t.Run("also when it is paused and resumed under load", func(t *testing.T) {
		t.Parallel()
		const orders = 60
		delivered := make(chan error, 1)
		go func() {
			for i := range orders {
				if got, err := other.tryPost(shopA, order(shopA, 100+i)); err != nil || got.status != http.StatusOK {
					delivered <- fmt.Errorf("%d %w", got.status, err)
					return
				}
			}
			delivered <- nil
		}()
		for running := true; running; {
			for _, verb := range []string{"pause", "resume"} {
				b.send(http.MethodPost, "/api/v1/shops/"+shopA+"/"+verb, nil).wants(t, 200, "")
			}
			select {
			case err := <-delivered:
				must(t, err)
				running = false
			default:
			}
		}
		conn := connect(t, b.dsn)
		eventually(t, "all are there", func() bool {
			return count(t, conn, "SELECT count(*) FROM crm_orders WHERE shop_id = '"+shopA+"'") == orders+1
		})
		if n := count(t, conn, "SELECT count(*) FROM held_deliveries"); n != 0 {
			t.Errorf("%d deliveries wait", n)
		}
	})
}
