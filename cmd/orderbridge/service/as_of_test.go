package service_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

// TestRecordsAsTheyAreNow: what is folded from the log up to its head is what the read tables show, in every byte.
func TestRecordsAsTheyAreNow(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987 000 102"}, Note: "gọi trước"})
	sh.run("user", "add", "--name", "Phương Mai", "--phone", "0904000321")
	names, byCode := acceptedFixtures(t)
	for range 2 { // the second time says nothing new
		for _, name := range names {
			b.deliver(map[bool]string{true: shopB, false: shopA}[name == "order-second-shop.json"], fixture(t, name))
		}
	}
	b.caughtUp()
	head := count(t, connect(t, b.dsn), "SELECT max(position) FROM events")
	for code := range byCode {
		path := "/api/v1/orders/" + url.PathEscape(code)
		now := b.get(path).wants(t, 200, "")
		if then := b.get(fmt.Sprintf("%s?at=%d", path, head)).wants(t, 200, ""); !bytes.Equal(then.body, now.body) {
			t.Errorf("%s is\n%s\nand folded\n%s", code, now.body, then.body)
		}
		if shown := sh.run("order", "show", code, "--at", fmt.Sprint(head)); shown != sh.run("order", "show", code) {
			t.Errorf("%s is shown folded as\n%s", code, shown)
		}
	}
	for _, found := range all[query.Customer](b, "/api/v1/customers") {
		path := "/api/v1/customers/" + found.ID.String()
		now := b.get(path).wants(t, 200, "")
		then := b.get(path+"?at="+url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano))).wants(t, 200, "")
		if !bytes.Equal(then.body, now.body) || then.header.Get("ETag") != now.header.Get("ETag") {
			t.Errorf("a customer is\n%s\nand folded\n%s", now.body, then.body)
		}
	}
}

// TestRecordsOfMergedCustomersAsTheyWere: with the survivor from the merge on, and with the merged one before it and once it is taken back.
func TestRecordsOfMergedCustomersAsTheyWere(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	survivor, merged, codes := b.mergedCustomers()
	conn := connect(t, b.dsn)
	atHead := func() string { return fmt.Sprint(count(t, conn, "SELECT max(position) FROM events")) }
	check := func(customer uuid.UUID) {
		t.Helper()
		for _, args := range [][]string{{"order", "show", codes[0]}, {"customer", "show", merged.String()}, {"order", "show", codes[0], "--json"}, {"customer", "show", merged.String(), "--json"}} {
			now := sh.run(args...)
			if then := sh.run(append(args, "--at", atHead())...); then != now || !strings.Contains(now, customer.String()) {
				t.Errorf("%v shows\n%s\nand at the head\n%s", args, now, then)
			}
		}
	}
	check(survivor)
	if list := all[query.Order](b, "/api/v1/orders?customer_id="+merged.String()); len(list) != len(codes) {
		t.Errorf("%d orders are listed of the merged one", len(list))
	}
	before := fmt.Sprint(count(t, conn, "SELECT max(position) FROM events WHERE type = 'OrderCreated'"))
	if shown := sh.run("order", "show", codes[0], "--at", before); !strings.Contains(shown, merged.String()) {
		t.Errorf("before the merge it was\n%s", shown)
	}
	if shown := sh.run("customer", "show", merged.String(), "--at", before); !strings.Contains(shown, merged.String()) {
		t.Errorf("before the merge they were\n%s", shown)
	}
	sh.run("customer", "unmerge", merged.String())
	b.caughtUp()
	check(merged)
}

func TestRecordsAsTheyWere(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	created := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	const code = "Pancake_1635294032_2051"
	first := b.order(code)
	path, customerPath := "/api/v1/orders/"+code, "/api/v1/customers/"+first.Customer.ID.String()
	then := created.Steps[3]
	if then.Event != "OrderCreated" {
		t.Fatalf("the order was created by %+v", then)
	}
	b.send(http.MethodPatch, customerPath, object{"name": "Nguyễn Thị Hạnh (mới)", "phones": []string{"0987 000 102"}}).wants(t, 200, "")
	b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	b.caughtUp()
	if now := b.order(code); now.Status.Name != "confirmed" || now.Customer.Name != "Nguyễn Thị Hạnh (mới)" || len(now.History) != 2 {
		t.Fatalf("the order is %+v", now)
	}

	for _, at := range []string{
		fmt.Sprint(then.Position), then.At.Format(time.RFC3339Nano), then.At.In(time.FixedZone("", 7*3600)).Format(time.RFC3339Nano),
	} {
		shown := b.get(path+"?at="+url.QueryEscape(at)).wants(t, 200, "")
		if got := string(mustJSON(t, decoded[query.OrderDetail](t, shown))); got != string(mustJSON(t, first)) {
			t.Errorf("at %s the order was\n%s\nand when it was new\n%s", at, got, mustJSON(t, first))
		}
		was := decoded[query.Customer](t, b.get(customerPath+"?at="+url.QueryEscape(at)).wants(t, 200, ""))
		if was.Name != "Nguyễn Thị Hạnh" || was.Version != 1 || was.Phones[0] != "+84912000451" {
			t.Errorf("at %s the customer was %+v", at, was)
		}
		if text := sh.run("order", "show", code, "--at", at); !strings.Contains(text, "new (0)") || strings.Contains(text, "(mới)") {
			t.Errorf("at %s the order is shown as\n%s", at, text)
		}
		if text := sh.run("customer", "show", first.Customer.ID.String(), "--at", at); strings.Contains(text, "(mới)") {
			t.Errorf("at %s the customer is shown as\n%s", at, text)
		}
	}
	today := time.Now().In(query.ZoneNamed("Asia/Ho_Chi_Minh"))
	for _, at := range []string{today.Format("02/01/2006"), today.Format("2006-01-02")} { // what has passed of it
		if now := decoded[query.OrderDetail](t, b.get(path+"?at="+url.QueryEscape(at)).wants(t, 200, "")); now.Status.Name != "confirmed" {
			t.Errorf("at %s the order was %+v", at, now)
		}
	}

	t.Run("a viewer sees no phone of then", func(t *testing.T) {
		t.Parallel()
		viewer := b.as("viewer")
		for _, path := range []string{path, customerPath} {
			if got := viewer.get(path+"?at="+fmt.Sprint(then.Position)).wants(t, 200, ""); strings.Contains(string(got.body), "912000451") {
				t.Errorf("%s", got.body)
			}
		}
	})

	t.Run("before a record begins it says when it does", func(t *testing.T) {
		t.Parallel()
		for _, at := range []string{"1", "2025-09-15T03:04:38Z", "15/09/2025 10:04", "15/09/2025"} {
			query := "?at=" + url.QueryEscape(at)
			begins := fmt.Sprintf("it begins at position %d, on %s", then.Position, then.At.In(today.Location()).Format("02/01/2006 15:04:05"))
			if got := b.get(path+query).wants(t, 404, "order-not-yet"); !strings.Contains(string(got.body), begins) {
				t.Errorf("at %s the order is refused with %s, want %s", at, got.body, begins)
			}
			b.get(customerPath+query).wants(t, 404, "customer-not-yet")
			if _, complaint, exit := sh.try("order", "show", code, "--at", at); exit != 3 || !strings.Contains(complaint, begins) {
				t.Errorf("at %s: exit code %d, %s", at, exit, complaint)
			}
		}
	})

	t.Run("what is yet to come, or cannot be read, is refused", func(t *testing.T) {
		t.Parallel()
		tomorrow := today.AddDate(0, 0, 1)
		for at, want := range map[string]string{
			"99999": "the log has no such position yet; its last one is ", "99999999999999999999": "the log has no such position yet", "0": "positions begin with 1",
			tomorrow.Format(time.RFC3339): "this is in the future", tomorrow.Format("02/01/2006 15:04"): "this is in the future",
			tomorrow.Format("02/01/2006"): "this is in the future", "yesterday": "this is a position in the log such as 1024",
			"31/02/2025": "this is a position", "-1": "this is a position",
		} {
			for _, path := range []string{path, customerPath} {
				got := b.get(path+"?at="+url.QueryEscape(at)).wants(t, 422, "at-invalid")
				if !strings.Contains(string(got.body), want) || got.invalid(t)[0] != "at" {
					t.Errorf("at %s: %s", at, got.body)
				}
			}
			if _, complaint, exit := sh.try("order", "show", code, "--at="+at); exit != 4 || !strings.Contains(complaint, "--at: "+want) {
				t.Errorf("at %s: exit code %d, %s", at, exit, complaint)
			}
		}
		b.get(path+"?at=").wants(t, 422, "at-invalid")
		b.get("/api/v1/orders/Pancake_1_1?at=1").wants(t, 404, "order-unknown")
		b.get("/api/v1/customers/01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11?at=1").wants(t, 404, "customer-unknown")
	})
}
