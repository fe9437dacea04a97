package service_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// disconnectShops leaves no shop.
func (b *bridge) disconnectShops() {
	b.t.Helper()
	for _, shopID := range []string{shopA, shopB} {
		_, err := b.service.Commands.DisconnectShop.Handle(b.t.Context(), command.DisconnectShop{By: b.by(), ShopID: shopID})
		must(b.t, err)
	}
}

// copies are what the page offers to be copied.
func (p *tab) copies() []string {
	p.t.Helper()
	return evaluate[[]string](p, `[...document.querySelectorAll("[data-copy]")].map(button => button.dataset.copy)`)
}

// chooses takes one of the options of a select.
func (p *tab) chooses(selector, value string) {
	p.t.Helper()
	run(p, chromedp.SetValue(chromedp.CSS(selector), value))
}

const settingsPage = "/settings/pancake"

func TestAShopIsConnectedAndItsFirstOrderIsSeen(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	b.disconnectShops()
	browser.open(settingsPage)
	browser.sees("Chưa kết nối cửa hàng nào", "0/10")
	browser.click(element("href", settingsPage+"/connect"))
	browser.sees("Bước 1", "đơn được gắn cho khách đó")

	const name, ownKey = `<script>alert("Hoa")</script> & con`, "X-Hoa-Key"
	browser.click("input[value=phone_or_email]")
	browser.fill("input[name=shop]", "https://example.com/gì đó")
	browser.sees("Chưa thấy ID cửa hàng")
	browser.fill("input[name=shop]", "https://pos.pancake.vn/shop/"+shopA+"/overview")
	browser.sees("ID cửa hàng: " + shopA)
	browser.fill("input[name=name]", name)
	// A key that the browser would not let through is refused by the service too, and what was typed stays.
	evaluate[bool](browser, `document.querySelector("main form").noValidate = true`)
	browser.fill("input[name=header_key]", "Content-Type")
	browser.click("main form button.btn-primary")
	browser.sees("Key: chỉ gồm chữ cái không dấu")
	if got := evaluate[string](browser, `document.querySelector("input[name=name]").value + document.querySelector("input[name=match_by]:checked").value`); got != name+"phone_or_email" {
		t.Errorf("what was typed is now %q", got)
	}
	browser.fill("input[name=header_key]", ownKey)
	browser.click("main form button.btn-primary")
	browser.sees("Đã kết nối "+name, "Kết nối bên thứ 3", "Value chỉ hiện một lần này", "Đang chờ lần gửi đầu tiên")
	copies := browser.copies()
	if len(copies) != 4 || copies[0] != b.baseURL+webhookPath || copies[1] != ownKey || len(copies[2]) < 20 {
		t.Fatalf("there is to copy: %q", copies)
	}
	if got := browser.path(); got != settingsPage+"/shops/"+shopA {
		t.Errorf("reloading would go to %s", got)
	}

	for _, theme := range []string{"light", "dark"} {
		browser.looksLike(360, theme)
		browser.accessible()
		browser.fitsWidth()
		browser.photograph("connected-" + theme + "-360.webp")
	}
	browser.looksLike(1280, "light")
	browser.photograph("connected-light-1280.webp")

	// What arrives and is wrong is told with its remedy, in a page that nobody touches.
	order := fixture(t, "order-new-customer.json")
	b.postWith(order, "X-Other", "anything").wants(t, http.StatusUnauthorized, "unknown-sender")
	browser.sees("không có Key của cửa hàng nào", "đã bấm Thêm mới")
	b.postWith(order, ownKey, copies[2]+"x").wants(t, http.StatusUnauthorized, "unknown-sender")
	browser.sees("với Key "+ownKey+" nhưng Value không đúng", "Chép lại Value vào Pancake")
	b.postWith(fixture(t, "bad-wrong-shop.json"), ownKey, copies[2]).wants(t, http.StatusForbidden, "shop-mismatch")
	browser.sees("Header thuộc về cửa hàng khác", "Kiểm tra ID cửa hàng")
	b.postWith([]byte(`{"type":"customers","shop_id":`+shopA+`}`), ownKey, copies[2]).wants(t, http.StatusOK, "")
	browser.sees("Có dữ liệu khác gửi đến", "chọn Đơn hàng")
	browser.accessible()
	browser.photograph("connected-wrong-light-1280.webp")

	b.postWith(order, ownKey, copies[2]).wants(t, http.StatusOK, "")
	browser.sees("Đã nhận được đơn từ Pancake", "Pancake_1635294032_2051", "Nguyễn Thị Hạnh", "Đã tạo đơn", "930.000 ₫")
	if text := browser.text(); strings.Contains(text, "Value không đúng") {
		t.Errorf("what was mended is still told:\n%s", text)
	}
	browser.click("#watch a[href^='/orders/']")
	browser.sees("Diễn biến", "Nguyễn Thị Hạnh")

	browser.open(settingsPage + "/shops/" + shopA)
	browser.sees("chỉ hiện một lần khi tạo", "Pancake_1635294032_2051")
	if page := evaluate[string](browser, "document.documentElement.outerHTML"); strings.Contains(page, copies[2]) {
		t.Error("the value is shown again")
	}
	browser.open(settingsPage)
	browser.sees("1/10", name, "Đã tạo đơn")
	if got := evaluate[string](browser, `document.querySelector("input[name=match_by]:checked").value`); got != "phone_or_email" {
		t.Errorf("customers are found by %s", got)
	}
}

func TestAShopIsPausedRotatedAndDisconnected(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	_, err := b.service.Commands.AddUser.Handle(t.Context(), command.AddUser{By: b.by(), Name: "Mai Bán Hàng", Phone: "0904000999"})
	must(t, err)
	b.caughtUp()
	shop := settingsPage + "/shops/" + shopA
	browser.open(shop)
	browser.fill("form[action$='"+shopA+"'] input[name=name]", "Shop Mai")
	option := evaluate[string](browser, `[...document.querySelectorAll("select[name=assignee] option")].find(one => one.textContent === "Mai Bán Hàng").value`)
	browser.chooses("select[name=assignee]", option)
	browser.click("form[action$='" + shopA + "'] button.btn-primary")
	browser.sees("Đã lưu thông tin cửa hàng", "Shop Mai")

	browser.click("[data-opens=dialog-pause]")
	browser.sees("không mất đơn nào")
	browser.click("#dialog-pause button.btn-primary")
	browser.sees("Đã tạm dừng")
	held := b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.settled(held)
	browser.open(settingsPage)
	browser.sees("Tạm dừng, 1 lần gửi đang chờ", "Mai Bán Hàng")
	browser.open(shop)
	browser.click("[data-opens=dialog-resume]")
	browser.sees("1 lần gửi đang chờ sẽ được đưa vào CRM")
	browser.click("#dialog-resume button.btn-primary")
	browser.sees("Đã tiếp tục")
	if order := b.order("Pancake_1635294032_2051"); order.Assignee == nil || order.Assignee.Name != "Mai Bán Hàng" {
		t.Errorf("the order is %+v", order.Assignee)
	}

	browser.open(shop)
	browser.click("[data-opens=dialog-rotate]")
	browser.accessible()
	browser.chooses("#dialog-rotate select[name=overlap]", "3600")
	browser.click("#dialog-rotate button.btn-primary")
	browser.sees("Khóa mới của Shop Mai", "Value chỉ hiện một lần này")
	copies := browser.copies()
	update := fixture(t, "order-update-status.json")
	b.postWith(update, copies[1], copies[2]).wants(t, http.StatusOK, "")
	b.post(shopA, update).wants(t, http.StatusOK, "") // by the key from before
	browser.open(shop)
	browser.sees("vẫn dùng được đến")

	browser.fill("input[name=api_key]", "key-of-pancake")
	browser.click("form[action$='api-key'] button")
	browser.sees("Đã lưu API key", "Đã có API key")
	browser.click("button[name=remove]")
	browser.sees("Đã xóa API key")

	browser.click("[data-opens=dialog-disconnect]")
	browser.sees("Ngắt kết nối Shop Mai?", "vẫn giữ nguyên")
	browser.click("#dialog-disconnect button.btn-error")
	browser.sees("Đã ngắt kết nối cửa hàng", "1/10")
	b.postWith(update, copies[1], copies[2]).wants(t, http.StatusUnauthorized, "unknown-sender")
	browser.open(shop)
	browser.sees("Cửa hàng này không còn được kết nối")
}

func TestPancakeSettingsAreChanged(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	browser.open(settingsPage)
	browser.fill("input[name=order_code_template]", "PC-{shop_id}-{order_id}")
	browser.sees("PC-1635294032-2051")
	other := openBrowser(t, b)
	other.signIn("thu-owner")
	other.open(settingsPage)
	other.click("input[value=email]")
	other.click("main form button.btn-primary")
	other.sees("Đã lưu cài đặt")

	// Somebody changed them meanwhile: what was typed stays, and is saved when that is what is wanted.
	browser.click("main form button.btn-primary")
	browser.sees("Người khác vừa đổi cài đặt; bây giờ là: Email, Pancake_{shop_id}_{order_id}", "PC-1635294032-2051")
	browser.click("input[value=email]")
	browser.fill("input[name=time_zone]", "Ở nhà")
	browser.click("main form button.btn-primary")
	browser.sees("Múi giờ: viết theo tên IANA")
	browser.fill("input[name=time_zone]", "Asia/Bangkok")
	browser.click("input[name=skip_cancelled]")
	browser.click("main form button.btn-primary")
	browser.sees("Đã lưu cài đặt")
	settings := decoded[query.Settings](t, b.get("/api/v1/settings").wants(t, http.StatusOK, ""))
	if settings.OrderCodeTemplate != "PC-{shop_id}-{order_id}" || settings.TimeZone != "Asia/Bangkok" || settings.SkipCancelled || settings.MatchBy != "email" {
		t.Errorf("the settings are %+v", settings)
	}

	// Two are connected, and no more may be.
	_, err := b.service.Commands.ChangeSettings.Handle(t.Context(), command.ChangeSettings{By: b.by(), Edit: workspace.SettingsEdit{ShopLimit: new(2)}})
	must(t, err)
	browser.open(settingsPage)
	browser.sees("Đã kết nối đủ 2 cửa hàng")
	if slices.Contains(evaluate[[]string](browser, `[...document.querySelectorAll("main a")].map(a => a.pathname)`), settingsPage+"/connect") {
		t.Error("one more is offered to be connected")
	}
}

func TestOnlyOwnersOpenTheSettings(t *testing.T) {
	t.Parallel()
	for _, role := range []workspace.Role{workspace.RoleViewer, workspace.RoleOperator} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			browser := startConsole(t, role)
			for _, path := range []string{settingsPage, settingsPage + "/connect", settingsPage + "/shops/" + shopA, settingsPage + "/shops/" + shopA + "/watch"} {
				browser.open(path)
				browser.sees("Vai trò của bạn không được làm việc này")
			}
			if strings.Contains(browser.text(), "Kết nối Pancake") {
				t.Errorf("%s is shown the way to the settings", role)
			}
		})
	}
}
