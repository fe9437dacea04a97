package service_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"orderbridge/app/query"
)

// TestGuide shows each promise of Getfly's guide to its Pancake integration, on a running service. docs/guide.md lists the
// promises beside these names, and a promise is in both or the test fails.
func TestGuide(t *testing.T) {
	t.Parallel()

	promises := map[string]func(*testing.T, *bridge){
		"TheAddressIsTheDomainOfTheCRM": func(t *testing.T, b *bridge) {
			b.shell().run("workspace", "create", "version6", "--host", "version6.example.com")
			b.shell().run("--workspace", "version6", "shop", "connect", "--shop-id", shopA, "--header-key", "K", "--header-value", "of version6")
			for host, status := range map[string]int{"version6.example.com": 200, "VERSION6.example.com:443": 200, "other.example.com": 401} {
				b.postWith(fixture(t, "order-new-customer.json"), "K", "of version6", "Host", host).wants(t, status, "")
			}
			if n := count(t, connect(t, b.dsn), `SELECT count(*) FROM events e JOIN workspaces w ON w.id = e.workspace_id
				WHERE w.name = 'version6' AND e.type = 'OrderReceived'`); n != 2 {
				t.Errorf("%d orders belong to the workspace of the host", n)
			}
		},
		"OnlyOrdersAreTaken": func(t *testing.T, b *bridge) {
			got := b.post(shopA, fixture(t, "other-customer-event.json")).wants(t, 200, "")
			if !strings.Contains(string(got.body), `"ignored"`) {
				t.Errorf("%s", got.body)
			}
			if n := count(t, connect(t, b.dsn), "SELECT count(*) FROM events WHERE type = 'OrderReceived'"); n != 0 {
				t.Errorf("%d orders", n)
			}
		},
		"KeyAndValueAreFreelyChosen": func(t *testing.T, b *bridge) {
			for i, value := range []string{"1", "abc xyz!@#$%^&*()", "bí mật của cửa hàng ✓", strings.Repeat("k", 256)} {
				id, key := fmt.Sprint(100+i), fmt.Sprintf("My-Key_%d.x", i)
				b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": id, "header_key": key, "header_value": value}).wants(t, 201, "")
				body := changed(t, fixture(t, "order-new-customer.json"), object{"shop_id": id})
				b.postWith(body, key, value).wants(t, 200, "")
				b.postWith(body, key, value+"x").wants(t, 401, "unknown-sender")
			}
		},
		"TheShopIDIsTakenFromTheAddressOfTheShop": func(t *testing.T, b *bridge) {
			got := b.send(http.MethodPost, "/api/v1/shops", object{
				"shop_id": "https://pos.pancake.vn/shop/1635294039/overview", "name": "Cửa hàng 9", "header_key": "K", "header_value": "v",
			}).wants(t, 201, "")
			if shop := decoded[query.Shop](t, got); shop.ID != "1635294039" {
				t.Errorf("%+v", shop)
			}
		},
		"TheNameOfTheShopIsShown": func(t *testing.T, b *bridge) {
			shops := decoded[query.List[query.Shop]](t, b.get("/api/v1/shops")).Items
			if shops[0].Name != "Shop "+shopA || shops[1].Name != "Shop "+shopB {
				t.Errorf("%+v", shops)
			}
		},
		"SeveralShopsAreConnectedOneByOne": func(t *testing.T, b *bridge) {
			first := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
			second := b.settled(b.deliver(shopB, fixture(t, "order-second-shop.json")))
			if *first.OrderCode != "Pancake_1635294032_2051" || *second.OrderCode != "Pancake_1635294033_2051" {
				t.Errorf("%s, %s", *first.OrderCode, *second.OrderCode)
			}
		},
		"AtMostTenShopsAreConnected": func(t *testing.T, b *bridge) {
			for i := range 8 {
				b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": fmt.Sprint(i + 1), "header_key": "K"}).wants(t, 201, "")
			}
			b.send(http.MethodPost, "/api/v1/shops", object{"shop_id": "9", "header_key": "K"}).wants(t, 409, "shop-limit")
		},
		"ACustomerWithThePhoneGetsTheOrderAndNoneIsCreated": func(t *testing.T, b *bridge) {
			b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "phone"}).wants(t, 200, "")
			known := b.send(http.MethodPost, "/api/v1/customers", object{"name": "Phạm Dung", "phones": []string{"0987000102"}}).wants(t, 201, "")
			detail := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
			if got := b.order(*detail.OrderCode); got.Customer.ID != decoded[query.Customer](t, known).ID || got.Customer.Name != "Phạm Dung" {
				t.Errorf("%+v", got.Customer)
			}
			if customers := all[query.Customer](b, "/api/v1/customers"); len(customers) != 1 {
				t.Errorf("%d customers", len(customers))
			}
		},
		"ACustomerWithTheEmailGetsTheOrderAndNoneIsCreated": func(t *testing.T, b *bridge) {
			b.send(http.MethodPatch, "/api/v1/settings", object{"match_by": "email"}).wants(t, 200, "")
			known := b.send(http.MethodPost, "/api/v1/customers", object{"name": "Phạm Lan", "emails": []string{"LAN.pham@example.com"}}).wants(t, 201, "")
			detail := b.settled(b.deliver(shopA, fixture(t, "order-email-only.json")))
			if got := b.order(*detail.OrderCode); got.Customer.ID != decoded[query.Customer](t, known).ID {
				t.Errorf("%+v", got.Customer)
			}
			if customers := all[query.Customer](b, "/api/v1/customers"); len(customers) != 1 {
				t.Errorf("%d customers", len(customers))
			}
		},
		"OnlyCustomersInUseAreMatched": func(t *testing.T, b *bridge) {
			known := decoded[query.Customer](t, b.send(http.MethodPost, "/api/v1/customers",
				object{"name": "Phạm Dung", "phones": []string{"0987000102"}}).wants(t, 201, ""))
			b.send(http.MethodPost, "/api/v1/customers/"+known.ID.String()+"/archive", nil).wants(t, 200, "")
			detail := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
			if got := b.order(*detail.OrderCode); got.Customer.ID == known.ID {
				t.Error("an archived customer was matched")
			}
		},
		"WhoIsNotFoundIsCreatedWithAllThatPancakeKnows": func(t *testing.T, b *bridge) {
			detail := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
			id := b.order(*detail.OrderCode).Customer.ID.String()
			who := decoded[query.Customer](t, b.get("/api/v1/customers/"+id))
			if who.Name != "Phạm Văn Dũng" || !slices.Equal(who.Phones, []string{"+84987000102"}) || !slices.Equal(who.Emails, []string{"dung.pham@example.com"}) ||
				*who.Address != "45 Lê Hồng Phong, Phường Đằng Giang, Quận Ngô Quyền, Hải Phòng" || *who.Gender != "male" ||
				*who.Birthday != "1988-04-12" || !slices.Equal(who.Tags, []string{"Khách quen"}) || who.Status != "active" {
				t.Errorf("%+v", who)
			}
		},
		"AnOrderCarriesProductsCustomerQuantitiesPricesDiscountsAndAmounts": func(t *testing.T, b *bridge) {
			detail := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
			got := b.order(*detail.OrderCode)
			if len(got.Lines) != 2 || got.Customer.Name != "Nguyễn Thị Hạnh" {
				t.Fatalf("%+v", got)
			}
			line := got.Lines[1]
			if line.ProductCode != "QJ07-XANH-L" || line.ProductName == "" || line.Quantity.String() != "1" || line.UnitPrice != 420000 ||
				line.Discount != 20000 || line.Amount != 400000 {
				t.Errorf("%+v", line)
			}
		},
		"TheSourceIsPancakeAndCreatedWhenMissing": func(t *testing.T, b *bridge) {
			if sources := all[query.Source](b, "/api/v1/sources"); len(sources) != 0 {
				t.Fatalf("%+v", sources)
			}
			for _, name := range []string{"order-new-customer.json", "order-existing-phone.json"} {
				detail := b.settled(b.deliver(shopA, fixture(t, name)))
				if source := b.order(*detail.OrderCode).Source; source.Name != "Pancake" {
					t.Errorf("%+v", source)
				}
			}
			if sources := all[query.Source](b, "/api/v1/sources"); len(sources) != 1 || sources[0].Name != "Pancake" {
				t.Errorf("%+v", sources)
			}
		},
		"TheAssigneeIsTheUserWithTheCreatorsPhone": func(t *testing.T, b *bridge) {
			b.send(http.MethodPost, "/api/v1/users", object{"name": "Phương Mai", "phone": "0904 000 321"}).wants(t, 201, "")
			detail := b.settled(b.deliver(shopA, fixture(t, "order-with-known-creator.json")))
			if got := b.order(*detail.OrderCode); got.Assignee == nil || got.Assignee.Name != "Phương Mai" || got.AssigneeReason != "creator_phone" {
				t.Errorf("%+v because %s", got.Assignee, got.AssigneeReason)
			}
		},
		"TheAssigneeIsTheUserWithTheCreatorsEmail": func(t *testing.T, b *bridge) {
			b.send(http.MethodPost, "/api/v1/users", object{"name": "Phương Mai", "email": "phuongmai.sale@example.vn"}).wants(t, 201, "")
			detail := b.settled(b.deliver(shopA, fixture(t, "order-with-known-creator.json")))
			if got := b.order(*detail.OrderCode); got.Assignee == nil || got.AssigneeReason != "creator_email" {
				t.Errorf("%+v because %s", got.Assignee, got.AssigneeReason)
			}
		},
		"TheCodeIsPancakeShopAndOrder": func(t *testing.T, b *bridge) {
			detail := b.settled(b.deliver(shopA, fixture(t, "order-huge-id.json")))
			if *detail.OrderCode != "Pancake_1635294032_585229755054261863" {
				t.Error(*detail.OrderCode)
			}
		},
	}
	t.Run("promises", func(t *testing.T) {
		t.Parallel()
		for name, shown := range promises {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				shown(t, start(t))
			})
		}
	})

	listed, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "guide.md"))
	must(t, err)
	var names []string
	for _, match := range regexp.MustCompile("`TestGuide/promises/([A-Za-z]+)`").FindAllStringSubmatch(string(listed), -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	if shown := slices.Sorted(maps.Keys(promises)); !slices.Equal(slices.Compact(names), shown) {
		t.Errorf("docs/guide.md lists\n%s\nand these are shown:\n%s", strings.Join(names, "\n"), strings.Join(shown, "\n"))
	}
}
