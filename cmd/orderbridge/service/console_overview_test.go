package service_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"orderbridge/domain/customer"
	"orderbridge/domain/workspace"
)

// todays is the body of an order that is placed now.
func todays(t *testing.T, id int, replace object) []byte {
	t.Helper()
	at := time.Now().UTC().Format("2006-01-02T15:04:05")
	body := object{"id": id, "inserted_at": at, "updated_at": at}
	maps.Copy(body, replace)
	return changed(t, fixture(t, "order-new-customer.json"), body)
}

// furnishToday adds orders of today: of customers who are new, and of one who orders again.
func furnishToday(b *bridge) {
	b.t.Helper()
	for i, name := range []string{"Đặng Thu Hà", "Võ Minh Khôi", "Lý Gia Hân", "Đặng Thu Hà", "Cao Bảo Ngọc"} {
		phone := fmt.Sprintf("09770001%02d", len(name))
		b.deliver(shopA, todays(b.t, 3001+i, object{"bill_full_name": name, "bill_phone_number": phone, "customer": nil, "shipping_address": nil}))
	}
}

// figureOf is what the overview says under a label.
func (p *tab) figureOf(label string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf(
		`[...document.querySelectorAll("#figures li")].find(li => li.innerText.includes(%q))?.querySelectorAll("span")[1].innerText ?? "none"`, label))
}

// TestConsoleOverview: what is shown follows what arrives, and every number leads to what it counts.
func TestConsoleOverview(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	b.addCustomer("Trần Văn <b>Nam</b>", customer.Details{Phones: []string{"0912000777"}})
	browser.open("/")
	browser.sees("Tổng quan", "Đơn hôm nay", "Chưa nhận webhook nào", "Chờ webhook đầu tiên", "chưa xử lý webhook nào trong 1 giờ qua")
	if got := browser.figureOf("Đơn hôm nay"); got != "0" {
		t.Errorf("%s orders before there are any", got)
	}
	const drawing = `[...document.querySelectorAll("[data-chart] canvas")].map(c => c.toDataURL()).join()`
	var before string
	eventually(t, "both charts are drawn", func() bool {
		before = evaluate[string](browser, drawing)
		return strings.Count(before, "data:image") == 2
	})
	evaluate[bool](browser, "window.stayed = true")

	b.settled(b.deliver(shopA, todays(t, 1, nil)))
	b.settled(b.deliver(shopA, todays(t, 2, object{"bill_phone_number": "0912000777", "customer": nil, "shipping_address": nil})))
	b.settled(b.deliver(shopA, todays(t, 3, object{"status": 1, "bill_phone_number": "0912000777", "customer": nil, "shipping_address": nil})))
	b.post(shopA, []byte("{")).wants(t, http.StatusBadRequest, "")
	eventually(t, "the overview shows what came", func() bool {
		return browser.figureOf("Đơn hôm nay") == "3" && browser.figureOf("Khách mới") == "1" && browser.figureOf("Khớp khách cũ") == "2" &&
			browser.figureOf("Bị từ chối") == "1"
	})
	browser.sees("Hôm nay nhận 4 webhook", "95% trong", "giây trước")
	eventually(t, "both charts are drawn again", func() bool {
		now := strings.Split(evaluate[string](browser, drawing), ",data")
		was := strings.Split(before, ",data")
		return len(now) == 2 && now[0] != was[0] && now[1] != was[1]
	})
	if !evaluate[bool](browser, "window.stayed === true") {
		t.Error("the page was loaded again")
	}
	sum := evaluate[int](browser, `fetch("/overview/deliveries.json").then(r => r.json()).then(c => c.series[0].values.reduce((a, b) => a + b, 0))`)
	if sum != 4 {
		t.Errorf("the chart shows %d deliveries, want 4", sum)
	}

	for label, want := range map[string][]string{
		"Đơn hôm nay":   {"Pancake_1635294032_1", "Pancake_1635294032_2", "Pancake_1635294032_3"},
		"Khách mới":     {"Khách mới từ đơn hàng", "Pancake_1635294032_1"},
		"Khớp khách cũ": {"Đơn khớp khách cũ", "Pancake_1635294032_2", "Pancake_1635294032_3", "Trần Văn <b>Nam</b>", "0912 000 777"},
	} {
		browser.open("/")
		browser.sees(label)
		path := evaluate[string](browser, fmt.Sprintf(
			`[...document.querySelectorAll("#figures li")].find(li => li.innerText.includes(%q)).querySelector("a").getAttribute("href")`, label))
		browser.open(path)
		browser.sees(want...)
	}

	browser.looksLike(360, "light")
	browser.open("/")
	browser.sees("Đơn hôm nay")
	browser.fitsWidth()
}

// TestConsoleOverviewOfSilentShops: a shop that has been quiet for long is pointed out, and an overview without shops says what to do.
func TestConsoleOverviewOfSilentShops(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	_, err := connect(t, b.dsn).Exec(t.Context(), "UPDATE shops SET connected_at = now() - interval '49 hours' WHERE shop_id = $1", shopA)
	must(t, err)
	browser.open("/")
	browser.sees("Không có webhook 49 giờ", "Chờ webhook đầu tiên")

	for _, shopID := range []string{shopA, shopB} {
		b.send(http.MethodDelete, "/api/v1/shops/"+shopID, nil).wants(t, http.StatusNoContent, "")
	}
	browser.open("/")
	browser.sees("Chưa kết nối cửa hàng nào", "Kết nối Pancake")
	if got := evaluate[string](browser, `document.querySelector("main a.btn-primary").getAttribute("href")`); got != "/settings/pancake/connect" {
		t.Errorf("the first thing to do is at %s", got)
	}

	viewer := openBrowser(t, b)
	viewer.signIn(b.account(workspace.RoleViewer))
	viewer.open("/")
	viewer.sees("Hãy nhờ chủ cửa hàng kết nối.")
}

// TestConsoleOverviewMasked: whoever may only read sees no phones behind the numbers.
func TestConsoleOverviewMasked(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleViewer)
	b := browser.bridge
	b.settled(b.deliver(shopA, todays(t, 1, object{"bill_full_name": "Lan 0912000451"})))
	b.caughtUp()
	browser.open("/overview/customers?found=created")
	browser.sees("Pancake_1635294032_1")
	if shown := browser.text(); strings.Contains(shown, "0912000451") || strings.Contains(shown, "0912 000 451") {
		t.Errorf("a phone is shown:\n%s", shown)
	}
}
