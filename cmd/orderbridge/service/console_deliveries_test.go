package service_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// pauseShop lets a shop's deliveries wait, or lets them in.
func (b *bridge) pauseShop(shopID string, resume bool) {
	b.t.Helper()
	_, err := b.service.Commands.PauseShop.Handle(b.t.Context(), command.PauseShop{By: b.by(), ShopID: shopID, Resume: resume})
	must(b.t, err)
}

// holds waits until a script says true, also while the page is loaded anew.
func (p *tab) holds(what, script string) {
	p.t.Helper()
	eventually(p.t, what, func() bool {
		is, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](script))
		return err == nil && is
	})
}

// lists waits until a list has all of some texts in its rows, whatever can be chosen above it.
func (p *tab) lists(texts ...string) {
	p.t.Helper()
	wanted, err := json.Marshal(texts)
	must(p.t, err)
	p.holds(fmt.Sprintf("the rows have %q", texts),
		string(wanted)+`.every(text => (document.querySelector("tbody")?.innerText ?? "").includes(text))`)
}

// rows is what can be read in the rows of a list.
func (p *tab) rows() string {
	p.t.Helper()
	return evaluate[string](p, `document.querySelector("tbody")?.innerText ?? ""`)
}

func TestConsoleRetriesADelivery(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOperator)
	b := p.bridge
	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "ALTER TABLE order_heads ADD CONSTRAINT fault CHECK (order_id <> '2051')")
	must(t, err)
	id := b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.becomes(id, query.OutcomeFailed, "internal-error")

	p.open("/deliveries?outcome=failed")
	p.lists("Lỗi bên trong hệ thống", "Shop "+shopA)
	p.click("#delivery-" + id.String())
	p.sees("Pancake_"+shopA+"_2051", "Đơn vẫn được giữ nguyên", "Lần thử 1", "nhật ký của dịch vụ ghi rõ nguyên nhân")
	p.click(`form[action$="/retry"] button`) // too early
	p.sees("Lần thử 2")
	_, err = conn.Exec(t.Context(), "ALTER TABLE order_heads DROP CONSTRAINT fault")
	must(t, err)
	p.click(`form[action$="/retry"] button`)
	p.sees("Đã tạo đơn", "Đã tạo đơn hàng Pancake_"+shopA+"_2051", "Nguyễn Thị Hạnh", "thu-operator")
	if got := p.path(); got != "/deliveries/"+id.String() {
		t.Errorf("the browser is at %s", got)
	}
	p.click("dd a[href^='/orders/']")
	p.sees("Diễn biến", "Sản phẩm")
	if got := p.path(); got != "/orders/Pancake_"+shopA+"_2051" {
		t.Errorf("the browser is at %s", got)
	}
}

func TestConsoleShowsWhatWasRejected(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	b := p.bridge
	body := []byte("{\"shop_id\": 1, <script>alert(1)</script>\r\n\xff")
	b.post(shopA, body).wants(t, http.StatusBadRequest, "body-not-json")
	p.open("/deliveries/" + b.lastRejected().String())
	p.sees("Không rõ mã đơn", "Bị từ chối", "Nội dung không phải JSON hợp lệ", "Bị từ chối ngay khi nhận: nội dung không phải là một giá trị JSON trọn vẹn theo UTF-8.",
		"<script>alert(1)</script>", "Có byte không phải chữ")
	got := evaluate[string](p, `fetch(document.querySelector("a[download]").href).then(answer => answer.arrayBuffer()).then(
		bytes => [...new Uint8Array(bytes)].map(one => one.toString(16).padStart(2, "0")).join(""))`)
	if want := hex.EncodeToString(body); got != want {
		t.Errorf("downloaded %s, want %s", got, want)
	}
	p.click(`form[action$="/retry"] button`)
	p.sees("Lần thử 2 đưa vào CRM không thành công: nội dung không phải là một giá trị JSON trọn vẹn")
}

func TestConsoleFollowsDeliveries(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	b := p.bridge
	order := func(id int) []byte { return changed(t, fixture(t, "order-new-customer.json"), object{"id": id}) }
	code := func(id string) string { return "Pancake_" + shopA + "_" + id }
	p.open("/deliveries")
	p.sees("Chưa nhận được webhook nào", "Kết nối Pancake", "Đang cập nhật trực tiếp")
	evaluate[bool](p, "window.stays = true")
	b.deliver(shopA, order(1001))
	p.lists(code("1001"), "Đã tạo đơn")
	b.pauseShop(shopA, false)
	b.deliver(shopA, order(1002))
	p.lists(code("1002"), "Cửa hàng đang tạm dừng")
	if first := evaluate[string](p, `document.querySelector("tbody th").innerText`); !strings.Contains(first, code("1002")) {
		t.Errorf("the first is %s", first)
	}

	p.click("[data-pauses]")
	p.sees("Danh sách đang dừng")
	if pressed := evaluate[string](p, `document.querySelector("[data-pauses]").getAttribute("aria-pressed")`); pressed != "true" {
		t.Errorf("pressed: %s", pressed)
	}
	asks := `new Promise(done => { let asked = 0; const note = () => { if (++asked == 2) done(true) };
		document.addEventListener("htmx:confirm", note) })` // what is about to be asked for: twice, and nothing moved
	b.deliver(shopA, order(1003))
	b.caughtUp()
	evaluate[bool](p, asks)
	if shown := p.rows(); strings.Contains(shown, code("1003")) {
		t.Errorf("the paused list shows\n%s", shown)
	}
	p.click("[data-pauses]")
	p.lists(code("1003"))
	b.pauseShop(shopA, true)
	p.holds("nothing waits any more", `!document.querySelector("tbody").innerText.includes("Đang giữ")`)
	if !evaluate[bool](p, "window.stays === true") {
		t.Error("the page was loaded again")
	}
}

func TestConsoleSaysThatADeliveryWaitsForItsShop(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	b := p.bridge
	b.pauseShop(shopA, false)
	id := b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.settled(id)
	p.open("/deliveries/" + id.String())
	p.sees("Đang giữ", "Cửa hàng đang tạm dừng", "Mở trang cửa hàng Shop "+shopA)
	if href := evaluate[string](p, `document.querySelector("#live p a").getAttribute("href")`); !strings.HasSuffix(href, "/"+shopA) {
		t.Errorf("the shop's page is %s", href)
	}
	b.pauseShop(shopA, true)
	p.sees("Đã tạo đơn", "vì cửa hàng đã hoạt động lại") // by itself
}

func TestConsoleRetriesManyDeliveries(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOperator)
	b := p.bridge
	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "ALTER TABLE order_heads ADD CONSTRAINT fault CHECK (order_id NOT LIKE '90%')")
	must(t, err)
	for id := 9001; id <= 9003; id++ {
		b.becomes(b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"id": id})), query.OutcomeFailed, "internal-error")
	}
	other := b.deliver(shopA, unreadable(t, 9100))
	b.becomes(other, query.OutcomeFailed, "")
	_, err = conn.Exec(t.Context(), "ALTER TABLE order_heads DROP CONSTRAINT fault")
	must(t, err)
	b.caughtUp()

	p.open("/deliveries?outcome=failed&reason=internal-error")
	p.lists("Lỗi bên trong hệ thống")
	p.click("#retry")
	p.sees("Sẽ thử lại 3 lần gửi", "Lỗi bên trong hệ thống")
	if b.becomes(other, query.OutcomeFailed, "").Steps[1].Event != "IngestionFailed" {
		t.Error("asking did something")
	}
	p.click(`form[action="/deliveries/retry"] button`)
	p.sees("Đang thử lại 3 lần gửi.")
	p.lists("Pancake_"+shopA+"_9003", "Đã tạo đơn", "Danh sách sản phẩm không đọc được")
	if got := p.path(); got != "/deliveries" {
		t.Errorf("the browser is at %s", got)
	}
	b.caughtUp()
	for _, one := range all[query.Delivery](b, deliveriesPath) {
		if want := map[bool]query.Outcome{true: query.OutcomeFailed, false: query.OutcomeCreated}[one.ID == other]; one.Outcome != want {
			t.Errorf("%s is %s", *one.OrderCode, one.Outcome)
		}
	}
	if steps := b.becomes(other, query.OutcomeFailed, "").Steps; len(steps) != 2 {
		t.Errorf("what was not asked for has %d steps", len(steps))
	}
	p.open("/deliveries") // what was done is told once
	if strings.Contains(p.text(), "Đang thử lại") {
		t.Error("it is told twice")
	}
}

func TestConsoleFindsDeliveriesByPhoneWithoutNamingItInAnAddress(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOperator)
	b := p.bridge
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.deliver(shopA, fixture(t, "order-existing-phone.json"))
	b.becomes(b.deliver(shopA, unreadable(t, 7001)), query.OutcomeFailed, "")
	b.caughtUp()
	p.open("/deliveries?shop=" + shopA)
	p.fill("input[name=q]", "0912 000 451")
	p.click("#search button")
	p.holds("one is found", `document.querySelectorAll("tbody tr").length === 1`)
	if shown := p.rows(); strings.Contains(shown, "_2052") {
		t.Errorf("found\n%s", shown)
	}
	if got := p.path(); got != "/deliveries" {
		t.Errorf("the browser is at %s", got)
	}
	p.click("button[form=search][value=created]") // an outcome of what was found
	p.holds("it is narrowed", `document.querySelector("[form=search][value=created][aria-current]") !== null`)
	p.lists("Pancake_" + shopA + "_2051")
	if got := evaluate[string](p, `document.querySelector("input[name=q]").value + document.querySelector("select[name=shop]").value`); got != "0912 000 451"+shopA {
		t.Errorf("narrowed by %s", got)
	}
	p.fill("input[name=code]", "0912000451")
	evaluate[bool](p, `document.querySelector("form[data-submits]").requestSubmit() ?? true`)
	if got := p.path(); got != "/deliveries" || !evaluate[bool](p, `document.querySelector("input[name=code]").matches(":invalid")`) {
		t.Errorf("a phone is taken for an order's code at %s", got)
	}
}

func TestConsoleShowsADeliveryExactly(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	b := p.bridge
	const huge = "92233720368547758079999"
	body := bytes.Replace(fixture(t, "order-new-customer.json"), []byte(`"id": 2051`), []byte(`"id": `+huge), 1)
	if !bytes.Contains(body, []byte(huge)) {
		t.Fatalf("the fixture is another: %s", body)
	}
	id := b.deliver(shopA, body)
	b.becomes(id, query.OutcomeCreated, "")
	p.open("/deliveries/" + id.String())
	p.sees("Đã tạo đơn", `"id": `+huge)
	p.click("details:has(#exact) summary")
	if got := evaluate[string](p, `document.getElementById("exact").textContent`); got != string(body) {
		t.Errorf("shown as\n%q, want\n%q", got, body)
	}
	if !strings.Contains(evaluate[string](p, `document.querySelector("ol").textContent`), huge) {
		t.Error("the timeline has another id")
	}
	p.click("dd a[href^='/orders/']")
	p.sees("Sản phẩm")
	if got := p.path(); got != "/orders/Pancake_"+shopA+"_"+huge {
		t.Errorf("the browser is at %s", got)
	}
}

// hostile is a text that is somebody's name and an order's number, and would be more if a page took it for its own.
const hostile = `"><img src=x onerror="window.hacked=1"><b>/../?a#`

func TestConsoleShowsHostileDeliveriesAsText(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	b := p.bridge
	id := b.deliver(shopA, changed(t, fixture(t, "order-new-customer.json"), object{"id": hostile, "bill_full_name": hostile, "customer": object{"name": hostile}}))
	b.becomes(id, query.OutcomeCreated, "")
	p.looksLike(360, "light")
	p.open("/deliveries")
	p.lists("Pancake_" + shopA + "_" + hostile)
	p.fitsWidth()
	p.fill("input[name=q]", hostile)
	p.click("#search button")
	p.holds("it was searched", `document.querySelector("main form[data-submits]")?.method === "post" && document.querySelector("tbody") !== null`)
	if got := evaluate[string](p, `document.querySelector("input[name=q]").value`); got != hostile {
		t.Errorf("%s is searched for", got)
	}
	p.open("/deliveries/" + id.String())
	p.sees("Đã tạo đơn", hostile)
	p.fitsWidth()
	p.accessible()
	p.click("dd a[href^='/orders/']")
	p.sees("Sản phẩm", hostile)
	if evaluate[bool](p, "window.hacked === 1 || document.querySelector('main img') !== null") {
		t.Error("the page took it for its own")
	}
}

func TestConsoleMasksDeliveriesForViewers(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleViewer)
	b := p.bridge
	b.becomes(b.deliver(shopA, fixture(t, "order-new-customer.json")), query.OutcomeCreated, "")
	failed := b.deliver(shopA, unreadable(t, 7001))
	b.becomes(failed, query.OutcomeFailed, "")
	b.caughtUp()
	created := all[query.Delivery](b, deliveriesPath+"?outcome=created")[0].ID

	p.open("/deliveries?outcome=failed")
	p.lists("Pancake_" + shopA + "_7001")
	if evaluate[bool](p, `document.querySelector("[href*=retry]") !== null`) {
		t.Error("a viewer is offered to try all again")
	}
	p.open("/deliveries/" + failed.String())
	p.sees("Diễn biến")
	if offered := evaluate[int](p, `document.querySelectorAll("#exact, #formatted, [download], [href*=retry], [action*=retry]").length`); offered > 0 {
		t.Errorf("a viewer is offered %d things that are not theirs", offered)
	}
	p.open("/deliveries/" + created.String())
	p.sees("Đã tạo khách hàng mới")
	evaluate[bool](p, `document.querySelectorAll("details").forEach(one => one.open = true) ?? true`)
	if shown := p.text(); strings.Contains(shown, "912000451") || strings.Contains(shown, "912 000 451") || !strings.Contains(shown, "451") {
		t.Errorf("a viewer sees\n%s", shown)
	}
	for _, request := range [][2]string{
		{"GET", "/deliveries/" + created.String() + "/body"},
		{"POST", "/deliveries/" + failed.String() + "/retry"},
		{"GET", "/deliveries/retry"},
		{"POST", "/deliveries/retry/preview"},
		{"POST", "/deliveries/retry"},
	} {
		got := evaluate[int](p, `fetch("`+request[1]+`", {method: "`+request[0]+`"}).then(answer => answer.status)`)
		if got != http.StatusForbidden {
			t.Errorf("%s %s answers a viewer with %d", request[0], request[1], got)
		}
	}
	if steps := b.becomes(failed, query.OutcomeFailed, "").Steps; len(steps) != 2 {
		t.Errorf("a viewer did something: %d steps", len(steps))
	}
}

// deliveryPages are the pages of deliveries, with what furnishDeliveries adds.
func deliveryPages() []consolePage {
	return []consolePage{
		{"deliveries", at("/deliveries"), "Đang cập nhật trực tiếp"},
		{"deliveries-failed", at("/deliveries?outcome=failed"), "Thử lại tất cả"},
		{"deliveries-none", at("/deliveries?outcome=failed&reason=older"), "Không tìm thấy gì"},
		{"deliveries-retry", at("/deliveries/retry?outcome=failed&reason=items-unreadable&from=2025-01-01"), "Sẽ thử lại 1 lần gửi"},
		{"delivery", aDelivery(query.OutcomeCreated), "Đã tạo đơn hàng"},
		{"delivery-failed", aDelivery(query.OutcomeFailed), "Kiểm tra sản phẩm của đơn"},
		{"delivery-rejected", aDelivery(query.OutcomeRejected), "Bị từ chối"},
		{"delivery-held", aDelivery(query.OutcomeHeld), "để cho hoạt động lại"},
	}
}

// aDelivery is the page of the latest delivery of an outcome.
func aDelivery(outcome query.Outcome) func(*bridge) string {
	return func(b *bridge) string {
		return "/deliveries/" + all[query.Delivery](b, deliveriesPath+"?outcome="+string(outcome))[0].ID.String()
	}
}

// furnishDeliveries adds one that failed and one that waits.
func furnishDeliveries(b *bridge) {
	b.t.Helper()
	b.becomes(b.deliver(shopA, unreadable(b.t, 7001)), query.OutcomeFailed, "items-unreadable")
	b.pauseShop(shopB, false)
	b.deliver(shopB, changed(b.t, fixture(b.t, "order-second-shop.json"), object{"id": 7002}))
}
