package service_test

import (
	"testing"

	"orderbridge/domain/customer"
)

func TestPeek(t *testing.T) {
	b := start(t)
	b.addCustomer("Phạm Dung", customer.Details{Phones: []string{"0987000102"}})
	b.addCustomer("Phạm Dung 2", customer.Details{Phones: []string{"0987000102"}})
	d := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	b.caughtUp()
	t.Log(b.shell().run("audit", "order", *d.OrderCode))
	t.Log(b.shell().run("audit", "order", "Pancake_1635294032_2051", "--lang", "vi"))
	t.Log(b.shell().run("audit", "settings"))
	o := b.order(*d.OrderCode)
	t.Log(b.shell().run("audit", "customer", o.Customer.ID.String()))
	t.Log(b.shell().run("audit", "delivery", d.ID.String()))
	t.Log(b.shell().run("order", "show", *d.OrderCode, "--json"))
	t.Log(string(b.get("/api/v1/orders/" + *d.OrderCode + "/timeline?limit=2").body))
	t.Log(string(b.get("/api/v1/orders/" + *d.OrderCode + "?at=100").body))
	t.Log(string(b.get("/api/v1/orders/" + *d.OrderCode + "?at=12").body))
}
