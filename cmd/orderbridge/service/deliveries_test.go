package service_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

const deliveriesPath = "/api/v1/deliveries"

// unreadable is an order that cannot be understood.
func unreadable(t *testing.T, id int) []byte {
	t.Helper()
	return changed(t, fixture(t, "order-existing-phone.json"), object{"id": id, "items": "none"})
}

// becomes waits until a delivery has come out in a certain way.
func (b *bridge) becomes(id uuid.UUID, outcome query.Outcome, reason string) query.DeliveryDetail {
	b.t.Helper()
	var detail query.DeliveryDetail
	eventually(b.t, fmt.Sprintf("delivery %s is %s %s", id, outcome, reason), func() bool {
		got := b.get(deliveriesPath + "/" + id.String())
		if got.status != http.StatusOK {
			return false
		}
		detail = decoded[query.DeliveryDetail](b.t, got)
		return detail.Outcome == outcome && (reason == "" || detail.Reason != nil && *detail.Reason == reason)
	})
	return detail
}

// stepsOf are the names of a delivery's events.
func stepsOf(detail query.DeliveryDetail) []string {
	var names []string
	for _, step := range detail.Steps {
		names = append(names, step.Event)
	}
	return names
}

// lastRejected is the delivery that was rejected last.
func (b *bridge) lastRejected() uuid.UUID {
	b.t.Helper()
	b.caughtUp()
	found := all[query.Delivery](b, deliveriesPath+"?outcome=rejected")
	if len(found) == 0 {
		b.t.Fatal("nothing was rejected")
	}
	return found[0].ID
}

func TestDeliveriesAreFound(t *testing.T) {
	t.Parallel()
	b := start(t)
	begin := time.Now().UTC()
	hanh := b.deliver(shopA, fixture(t, "order-new-customer.json")) // Nguyễn Thị Hạnh, 0912000451, order 2051
	b.settled(hanh)
	again := b.deliver(shopA, fixture(t, "order-new-customer.json"))
	dung := b.deliver(shopA, changed(t, fixture(t, "order-existing-phone.json"), object{"bill_full_name": "Phạm Dũng 0987 000 102", "bill_email": "dung@example.com"}))
	elsewhere := b.deliver(shopB, fixture(t, "order-second-shop.json"))
	b.settled(elsewhere)
	between := time.Now().UTC()
	failed := b.deliver(shopA, unreadable(t, 20519))
	b.settled(failed)
	b.post(shopA, []byte("?")).wants(t, http.StatusBadRequest, "body-not-json")
	rejected := b.lastRejected()
	names := map[uuid.UUID]string{hanh: "hanh", again: "again", dung: "dung", elsewhere: "elsewhere", failed: "failed", rejected: "rejected"}

	stamp := func(at time.Time) string { return url.QueryEscape(at.Format(time.RFC3339Nano)) }
	viewer := b.as(workspace.RoleViewer)
	for filter, want := range map[string][2]string{ // what an owner finds, and a viewer if that is something else
		"":                                       {"rejected failed elsewhere dung again hanh"},
		"shop_id=" + shopA:                       {"rejected failed dung again hanh"},
		"shop_id=" + shopB:                       {"elsewhere"},
		"outcome=created":                        {"elsewhere dung hanh"},
		"outcome=failed":                         {"failed"},
		"outcome=held":                           {""},
		"reason=identical":                       {"again"},
		"reason=body-not-json":                   {"rejected"},
		"reason=identical&outcome=failed":        {""},
		"shop_id=" + shopA + "&outcome=created":  {"dung hanh"},
		"shop_id=" + shopA + "&reason=identical": {"again"},
		"shop_id=" + shopA + "&reason=identical&outcome=unchanged":                               {"again"},
		"received_from=" + stamp(between):                                                        {"rejected failed"},
		"received_to=" + stamp(between):                                                          {"elsewhere dung again hanh"},
		"received_from=" + stamp(begin) + "&received_to=" + stamp(between) + "&shop_id=" + shopB: {"elsewhere"},
		"received_from=" + stamp(time.Now().Add(time.Hour)):                                      {""},
		"order_code=Pancake_" + shopA + "_2051":                                                  {"again hanh"},
		"order_code=Pancake_" + shopA + "_20":                                                    {""},
		"order_code=Pancake_" + shopA + "_2051*":                                                 {"failed again hanh"},
		"order_code=Pancake*":                                                                    {"failed elsewhere dung again hanh"},
		"order_code=Pancake%25*":                                                                 {""},
		"order_code=Pancake_" + shopA + "_20*&outcome=failed":                                    {"failed"},
		"phone=0912000451":                                                                       {"elsewhere again hanh"},
		"phone=%2B84%20912%20000%20451&shop_id=" + shopA:                                         {"again hanh"},
		"phone=0912000499":                                                                       {""},
		"q=hanh":                                                                                 {"elsewhere again hanh"},
		"q=H%E1%BA%A1nh%20NGUY%E1%BB%84N":                                                        {"elsewhere again hanh"},
		"q=h%C3%A0n+2051+" + shopB:                                                               {"elsewhere"},
		"q=2051":                                                                                 {"failed elsewhere again hanh"},
		"q=pancake_" + shopA + "_2052":                                                           {"dung"},
		"q=0912000451":                                                                           {"elsewhere again hanh"},
		"q=dung@example.com":                                                                     {"dung"},
		"q=dung@example.co":                                                                      {""},
		"q=dung%20098":                                                                           {"dung", ""},
		"q=098":                                                                                  {"dung", ""},
		"q=0987":                                                                                 {"dung", ""},
		"q=dung":                                                                                 {"dung"},
		"q=102":                                                                                  {"dung", ""},
		"q=%3F%3F":                                                                               {""},
		"q=hanh&outcome=unchanged":                                                               {"again"},
	} {
		for i, reader := range []*bridge{b, viewer} {
			wanted := want[0]
			if i == 1 && slices.Contains([]string{"q=dung%20098", "q=098", "q=0987", "q=102"}, filter) {
				wanted = want[1]
			}
			var found []string
			byOutcome := map[query.Outcome]int{}
			for _, one := range all[query.Delivery](reader, strings.TrimSuffix(deliveriesPath+"?"+filter, "?")) {
				found = append(found, names[one.ID])
				byOutcome[one.Outcome]++
			}
			if got := strings.Join(found, " "); got != wanted {
				t.Errorf("%q finds %q for %d, want %q", filter, got, i, wanted)
			}
			counts := decoded[query.DeliveryCounts](t, reader.get(deliveriesPath+"/counts?"+filter).wants(t, http.StatusOK, ""))
			for _, one := range counts.Items {
				if one.Count != byOutcome[one.Outcome] || one.Capped {
					t.Errorf("%q counts %d %s, want %d", filter, one.Count, one.Outcome, byOutcome[one.Outcome])
				}
				delete(byOutcome, one.Outcome)
			}
			if len(byOutcome) > 0 {
				t.Errorf("%q does not count %v", filter, byOutcome)
			}
		}
	}
	for filter, path := range map[string]string{
		"phone=12": "phone", "reason=%27": "reason", "outcome=odd": "outcome", "received_from=noon": "received_from", "shop_id=a": "shop_id",
		"order_code=%00": "order_code", "cursor=" + query.Cursor(1): "cursor",
	} {
		got := b.get(deliveriesPath+"?"+filter).wants(t, http.StatusUnprocessableEntity, "")
		if invalid := got.invalid(t); !slices.Equal(invalid, []string{path}) {
			t.Errorf("%s: %v", filter, invalid)
		}
	}

	sh := b.shell()
	printed, told, code := sh.try("delivery", "list", "--search", "hạnh", "--shop-id", shopA, "--received-from", begin.Format(time.RFC3339Nano))
	if code != 0 || strings.Count(printed, "\n") != 3 || told != "In all: 1 created, 1 unchanged.\n" {
		t.Errorf("%d %s%s", code, printed, told)
	}
	printed = sh.run("delivery", "list", "--order-code", "Pancake_"+shopA+"_205*", "--outcome", "failed", "--reason", *b.settled(failed).Reason)
	if !strings.Contains(printed, failed.String()) || strings.Count(printed, "\n") != 2 {
		t.Error(printed)
	}
	if printed = sh.run("delivery", "list", "--phone", "0912 000 451", "--json"); strings.Count(printed, `"order_code"`) != 3 {
		t.Error(printed)
	}
}

// TestDeliveriesThatArriveWhileOnePagesMoveNothing pages through lists of every kind while deliveries arrive.
func TestDeliveriesThatArriveWhileOnePagesMoveNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	order := func(id int) []byte { return changed(t, fixture(t, "order-new-customer.json"), object{"id": id}) }
	var first []uuid.UUID
	for i := range 7 {
		first = append(first, b.deliver(shopA, order(i+1)))
	}
	b.caughtUp()
	slices.Reverse(first)
	next := 100
	for _, filter := range []string{"", "shop_id=" + shopA, "outcome=created", "q=hanh", "phone=0912000451", "order_code=Pancake*"} {
		var seen []uuid.UUID
		cursor := ""
		for range 50 {
			page := decoded[query.List[query.Delivery]](t, b.get(deliveriesPath+"?limit=2&cursor="+cursor+"&"+filter).wants(t, http.StatusOK, ""))
			for _, one := range page.Items {
				if slices.Contains(seen, one.ID) {
					t.Errorf("%q gives one twice", filter)
				}
				seen = append(seen, one.ID)
			}
			if page.NextCursor == nil {
				break
			}
			cursor = *page.NextCursor
			b.settled(b.deliver(shopA, order(next)))
			next++
		}
		if len(seen) < len(first) || !slices.Equal(seen[len(seen)-len(first):], first) {
			t.Errorf("%q gives %v, want the first %d at the end", filter, seen, len(first))
		}
	}
}

// TestWhatFailedIsBroughtInOnceMore lets an order fail for a fault that is not in it, mends that, and tries again.
func TestWhatFailedIsBroughtInOnceMore(t *testing.T) {
	t.Parallel()
	b := start(t)
	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "ALTER TABLE order_heads ADD CONSTRAINT fault CHECK (order_id <> '2051')")
	must(t, err)
	id := b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.becomes(id, query.OutcomeFailed, "internal-error")
	path := deliveriesPath + "/" + id.String() + "/retry"

	b.as(workspace.RoleViewer).send(http.MethodPost, path, nil).wants(t, http.StatusForbidden, "role-insufficient")
	got := b.as(workspace.RoleOperator).send(http.MethodPost, path, nil).wants(t, http.StatusOK, "") // too early
	if position := got.header.Get("Orderbridge-Position"); position == "" || position == "0" || decoded[query.Delivery](t, got).ID != id {
		t.Errorf("%s at %s", got.body, position)
	}
	eventually(t, "it failed once more", func() bool {
		return count(t, conn, "SELECT count(*) FROM events WHERE type = 'IngestionFailed' AND (payload ->> 'attempt')::integer = 2") == 1
	})
	_, err = conn.Exec(t.Context(), "ALTER TABLE order_heads DROP CONSTRAINT fault")
	must(t, err)
	b.becomes(id, query.OutcomeFailed, "internal-error")

	var statuses []int // two at once end as one
	var mu sync.Mutex
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			got, err := b.trySend(http.MethodPost, path, nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			statuses = append(statuses, got.status)
		})
	}
	both.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{http.StatusOK, http.StatusConflict}) {
		t.Errorf("two at once are answered with %v", statuses)
	}
	detail := b.becomes(id, query.OutcomeCreated, "")
	want := []string{"OrderReceived", "IngestionFailed", "IngestionRetried", "IngestionFailed", "IngestionRetried", "CustomerCreated", "SourceEnsured", "OrderCreated"}
	if got := stepsOf(detail); !slices.Equal(got, want) {
		t.Errorf("steps are %v, want %v", got, want)
	}
	refused := b.send(http.MethodPost, path, nil).wants(t, http.StatusConflict, "delivery-not-retryable")
	if !bytes.Contains(refused.body, []byte("created")) {
		t.Errorf("the refusal does not say what it is: %s", refused.body)
	}
	shown := b.shell().run("delivery", "show", id.String())
	for _, part := range []string{"Attempt 1 to bring order 2051", "Attempt 2 to bring it in was asked for", "Attempt 2 to bring order 2051", "Attempt 3 to bring it in was asked for", "Created order"} {
		if strings.Count(shown, part) != 1 {
			t.Errorf("the delivery is shown without %q:\n%s", part, shown)
		}
	}
	if n := count(t, conn, "SELECT count(*) FROM events WHERE type = 'IngestionRetried' AND actor LIKE 'api:test %' AND correlation_id = '"+id.String()+"'"); n != 2 {
		t.Errorf("%d attempts name who asked", n)
	}
	if got := b.order("Pancake_1635294032_2051"); got.Totals.Due != 930000 {
		t.Errorf("the order is %+v", got.Totals)
	}

	pending := b.deliver(shopA, unreadable(t, 1))
	b.becomes(pending, query.OutcomeFailed, "")
	out, complaint, code := b.shell().try("delivery", "retry", pending.String())
	if code != 0 || !strings.Contains(out, pending.String()) {
		t.Errorf("%d %s%s", code, out, complaint)
	}
	if _, complaint, code := b.shell().try("delivery", "retry", id.String()); code != 4 || !strings.Contains(complaint, "created") {
		t.Errorf("%d %s", code, complaint)
	}
	if _, _, code := b.shell().try("delivery", "retry", uuid.NewString()); code != 3 {
		t.Errorf("one that does not exist ends with %d", code)
	}
}

// TestWhatWasRejectedIsLetInByTheRulesOfTheDoor: whose header it came with is known, so what decides is whether the shop that
// it names is this workspace's.
func TestWhatWasRejectedIsLetInByTheRulesOfTheDoor(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	body := changed(t, fixture(t, "order-new-customer.json"), object{"shop_id": 77})
	b.post(shopA, body).wants(t, http.StatusForbidden, "shop-mismatch")
	id := b.lastRejected()
	retry := func() {
		b.send(http.MethodPost, deliveriesPath+"/"+id.String()+"/retry", nil).wants(t, http.StatusOK, "")
	}

	retry()
	b.becomes(id, query.OutcomeFailed, "shop-not-connected")
	// The shop of another workspace is none of this one's.
	sh.run("workspace", "create", "other", "--host", "other.example.com")
	sh.run("--workspace", "other", "shop", "connect", "--shop-id", "77", "--name", "77", "--header-key", headerKey, "--header-value", "of 77")
	retry()
	eventually(t, "it failed once more", func() bool {
		return count(t, connect(t, b.dsn), "SELECT count(*) FROM events WHERE payload ->> 'reason' = 'shop-not-connected'") == 2
	})
	b.becomes(id, query.OutcomeFailed, "shop-not-connected")
	sh.run("shop", "connect", "--shop-id", "77", "--name", "77", "--header-key", headerKey, "--header-value", "of 77")
	sh.run("shop", "pause", "--shop-id", "77")
	retry()
	b.becomes(id, query.OutcomeHeld, "shop-paused")
	b.send(http.MethodPost, deliveriesPath+"/"+id.String()+"/retry", nil).wants(t, http.StatusConflict, "delivery-not-retryable")
	sh.run("shop", "resume", "--shop-id", "77")
	detail := b.becomes(id, query.OutcomeCreated, "")
	if *detail.ShopID != "77" || *detail.OrderCode != "Pancake_77_2051" {
		t.Errorf("it is %s of %s", *detail.OrderCode, *detail.ShopID)
	}
	want := []string{
		"DeliveryRejected", "IngestionRetried", "IngestionFailed", "IngestionRetried", "IngestionFailed", "IngestionRetried",
		"IngestionHeld", "IngestionRetried", "CustomerCreated", "SourceEnsured", "OrderCreated",
	}
	if got := stepsOf(detail); !slices.Equal(got, want) {
		t.Errorf("steps are %v", got)
	}
	for i, part := range map[int]string{1: "Attempt 2", 2: "Attempt 2", 3: "Attempt 3", 4: "Attempt 3", 5: "Attempt 4"} {
		if !strings.HasPrefix(detail.Steps[i].Summary, part) {
			t.Errorf("step %d is told as %q, want %s", i, detail.Steps[i].Summary, part)
		}
	}
	if got := all[query.Delivery](b, deliveriesPath+"?shop_id=77&order_code=Pancake_77_2051&q=hanh"); len(got) != 1 {
		t.Errorf("%d deliveries are found by what it turned out to be", len(got))
	}

	for name, tc := range map[string]struct {
		sent   []byte
		status int
		reason string
	}{
		"what is no order":           {[]byte(`{"id":`), http.StatusBadRequest, "body-not-json"},
		"an order without an id":     {changed(t, fixture(t, "order-new-customer.json"), object{"id": nil, "system_id": nil}), http.StatusUnprocessableEntity, "order-id-missing"},
		"what was too large to read": {bytes.Repeat([]byte(" "), 2<<20+1), http.StatusRequestEntityTooLarge, "body-not-kept"},
	} {
		b.post(shopA, tc.sent).wants(t, tc.status, "")
		id = b.lastRejected()
		retry()
		if detail := b.becomes(id, query.OutcomeFailed, tc.reason); len(detail.Steps) != 3 || !strings.HasPrefix(detail.Steps[2].Summary, "Attempt 2") {
			t.Errorf("%s: %+v", name, detail.Steps)
		}
	}
}

func TestAllThatMatchAreBroughtInOnceMore(t *testing.T) {
	t.Parallel()
	b := start(t)
	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "ALTER TABLE order_heads ADD CONSTRAINT fault CHECK (shop_id <> '"+shopA+"')")
	must(t, err)
	const failing = 7
	for i := range failing {
		b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"id": 3000 + i}))
	}
	hopeless := b.deliver(shopB, changed(t, unreadable(t, 1), object{"shop_id": 1635294033}))
	b.becomes(hopeless, query.OutcomeFailed, "")
	b.post(shopA, []byte("?")).wants(t, http.StatusBadRequest, "")
	created := b.deliver(shopB, fixture(t, "order-second-shop.json"))
	b.settled(created)
	b.caughtUp()
	retries := func() int { return count(t, conn, "SELECT count(*) FROM events WHERE type = 'IngestionRetried'") }
	path := deliveriesPath + "/retry"
	ask := func(body object) command.RetriedDeliveries {
		t.Helper()
		return decoded[command.RetriedDeliveries](t, b.send(http.MethodPost, path, body).wants(t, http.StatusOK, ""))
	}

	for filter, want := range map[string]int{
		`{"dry_run":true}`: failing + 2, `{"dry_run":true,"outcome":"rejected"}`: 1, `{"dry_run":true,"outcome":"failed"}`: failing + 1,
		`{"dry_run":true,"reason":"internal-error","shop_id":"` + shopA + `"}`: failing, `{"dry_run":true,"received_to":"2025-01-01T00:00:00Z"}`: 0,
		`{"dry_run":true,"order_code":"Pancake_` + shopA + `_300*"}`: failing, `{"dry_run":true,"q":"3001"}`: 1,
	} {
		got := decoded[command.RetriedDeliveries](t, b.send(http.MethodPost, path, filter).wants(t, http.StatusOK, ""))
		if got.Matched != want || got.Retried != 0 || got.Capped || !got.DryRun {
			t.Errorf("%s: %+v, want %d", filter, got, want)
		}
	}
	b.send(http.MethodPost, path, object{"outcome": "created"}).wants(t, http.StatusUnprocessableEntity, "body-invalid")
	b.send(http.MethodPost, path, object{"phone": "12", "reason": "'"}).wants(t, http.StatusUnprocessableEntity, "parameters-invalid")
	sh := b.shell()
	if out := sh.run("delivery", "retry", "--filter", "reason=internal-error,shop="+shopA, "--dry-run"); out != fmt.Sprintf("Deliveries that match: %d. Nothing was done.\n", failing) {
		t.Error(out)
	}
	for search, want := range map[string]int{"3001": 1, "pancake 3001": 1, "nobody": 0, "-": 0} { // as the API's q does
		if out := sh.run("delivery", "retry", "--filter", "outcome=failed,search="+search, "--dry-run"); out != fmt.Sprintf("Deliveries that match: %d. Nothing was done.\n", want) {
			t.Errorf("searching for %q: %s", search, out)
		}
	}
	if _, complaint, code := sh.try("delivery", "retry", "--filter", "reason=internal-error"); code != 4 || !strings.Contains(complaint, "--yes") {
		t.Errorf("with nobody to ask it ends with %d: %s", code, complaint)
	}
	if _, complaint, code := sh.try("delivery", "retry", "--filter", "outcome=created,colour=red,from=noon"); code != 4 ||
		strings.Count(complaint, "--filter") < 2 || !strings.Contains(complaint, "outcome") {
		t.Errorf("%d %s", code, complaint)
	}
	for _, args := range [][]string{{}, {uuid.NewString(), "--filter", "outcome=failed"}, {uuid.NewString(), "--dry-run"}} {
		if _, _, code := sh.try(append([]string{"delivery", "retry"}, args...)...); code != 2 {
			t.Errorf("%v ends with %d", args, code)
		}
	}
	if n := retries(); n != 0 {
		t.Errorf("%d were tried again by nobody", n)
	}

	_, err = conn.Exec(t.Context(), "ALTER TABLE order_heads DROP CONSTRAINT fault")
	must(t, err)
	out := sh.run("delivery", "retry", "--filter", "outcome=failed,reason=internal-error,shop="+shopA+",from=2025-01-01T00:00:00Z", "--yes")
	if want := fmt.Sprintf("Deliveries that match: %d. Being brought in once more: %d.\n", failing, failing); out != want {
		t.Errorf("%s, want %s", out, want)
	}
	eventually(t, "all are there", func() bool {
		return count(t, conn, "SELECT count(*) FROM crm_orders WHERE shop_id = '"+shopA+"'") == failing
	})
	b.caughtUp()
	// What is left fails for what is in it, each once more, and ends as that: nothing is tried for ever.
	if got := ask(object{}); got.Matched != 2 || got.Retried != 2 || got.NextCursor != nil {
		t.Errorf("%+v", got)
	}
	b.caughtUp()
	if n := retries(); n != failing+2 {
		t.Errorf("%d attempts, want %d", n, failing+2)
	}
	if got := ask(object{"shop_id": shopB}); got.Matched != 1 || got.Retried != 1 {
		t.Errorf("%+v", got)
	}
	if detail := b.settled(created); slices.Contains(stepsOf(detail), "IngestionRetried") {
		t.Error("what was brought in was tried again")
	}
}

func TestTheExactBytesOfADelivery(t *testing.T) {
	t.Parallel()
	b := start(t)
	sent := append(fixture(t, "order-new-customer.json"), " \n\t"...)
	taken := b.deliver(shopA, sent)
	odd := []byte("\xff\x00{\"id\":\r\n<script>")
	b.post(shopA, odd).wants(t, http.StatusBadRequest, "")
	rejected := b.lastRejected()
	for id, want := range map[uuid.UUID][]byte{taken: sent, rejected: odd} {
		path := deliveriesPath + "/" + id.String() + "/body"
		got := b.as(workspace.RoleOperator).get(path).wants(t, http.StatusOK, "")
		if !bytes.Equal(got.body, want) || got.header.Get("Content-Type") != "application/octet-stream" ||
			got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("answered %v %q", got.header, got.body)
		}
		if got := b.as(workspace.RoleViewer).get(path); got.status != http.StatusForbidden || bytes.Contains(got.body, []byte("script")) {
			t.Errorf("a viewer is answered with %d %s", got.status, got.body)
		}
		if printed := b.shell().run("delivery", "body", id.String()); printed != string(want) {
			t.Errorf("printed %q", printed)
		}
		file := filepath.Join(t.TempDir(), "body")
		b.shell().run("delivery", "body", id.String(), "--out", file)
		written, err := os.ReadFile(file)
		must(t, err)
		info, err := os.Stat(file)
		must(t, err)
		if !bytes.Equal(written, want) || info.Mode().Perm() != 0o600 {
			t.Errorf("wrote %q as %s", written, info.Mode())
		}
	}
	b.post(shopA, bytes.Repeat([]byte(" "), 2<<20+1)).wants(t, http.StatusRequestEntityTooLarge, "")
	b.get(deliveriesPath+"/"+b.lastRejected().String()+"/body").wants(t, http.StatusNotFound, "body-not-kept")
	if _, complaint, code := b.shell().try("delivery", "body", taken.String(), "--out", filepath.Join(t.TempDir(), "no", "such")); code != 4 || !strings.Contains(complaint, "cannot be written") {
		t.Errorf("%d %s", code, complaint)
	}
}
