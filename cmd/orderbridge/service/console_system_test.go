package service_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"orderbridge/app/command"
	"orderbridge/domain/workspace"
)

// furnishSystem gives the pages of the system something to show.
func furnishSystem(b *bridge) {
	b.t.Helper()
	_, err := b.service.Commands.InviteAccount.Handle(b.t.Context(), command.InviteAccount{
		By: b.by(), Name: strings.Repeat("ten-rat-dai.", 5), Role: workspace.RoleOperator,
	})
	must(b.t, err)
	b.send(http.MethodPost, "/api/v1/projections/deliveries/rebuild", nil).wants(b.t, http.StatusAccepted, "")
	eventually(b.t, "the rebuild is done", func() bool { return b.projection("deliveries").Version == 2 })
	must(b.t, b.service.Projections.StartVerify(b.by(), "deliveries"))
	eventually(b.t, "it is verified", func() bool {
		last, ok := b.service.Projections.Verification("deliveries")
		return ok && !last.FinishedAt.IsZero()
	})
}

// press opens the dialog of a button, and confirms what it asks.
func (p *tab) press(dialog string) {
	p.t.Helper()
	p.click(element("data-opens", dialog))
	p.click("dialog#" + dialog + "[open] button:not([data-closes])")
}

// TestConsoleRebuild watches a rebuild to its end, also from elsewhere, and takes it back.
func TestConsoleRebuild(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	browser.open("/system")
	browser.sees("Khách hàng và đơn hàng", "Đang chạy", "Không trễ", "Chưa lần nào")

	release := blockViews(t, b.dsn, "crm_orders")
	browser.click(element("data-opens", "rebuild-crm"))
	browser.sees("Bảng mới được dựng từ nhật ký", "Bạn có thể rời trang này.")
	browser.click("dialog#rebuild-crm [data-closes]")
	browser.press("rebuild-crm")
	browser.sees("Đang dựng phiên bản 2", "Đang chuyển sang bảng mới", "thu-owner yêu cầu")
	if path := browser.path(); path != "/system" {
		t.Errorf("it is watched at %s", path)
	}
	done := evaluate[bool](browser, `(() => { const p = document.querySelector("#projections progress"); return p.value > 0 && p.value === p.max; })()`)
	if !done {
		t.Error("the bar is not at its end when all is read")
	}
	browser.open("/orders")
	browser.sees("Pancake_1635294032_2051")
	browser.open("/system")
	browser.sees("Đang dựng phiên bản 2")
	release()
	browser.sees("Phiên bản\n2", "bởi thu-owner", "Phiên bản trước còn giữ")
	if strings.Contains(browser.text(), "Đang dựng") {
		t.Error("the rebuild is still shown")
	}

	browser.press("rollback-crm")
	browser.sees("Phiên bản\n1", "Phiên bản trước còn giữ\n2")
	browser.press("drop-crm")
	eventually(t, "the previous version is gone", func() bool { return b.projection("crm").Previous == nil })

	release = blockViews(t, b.dsn, "deliveries")
	browser.press("rebuild-deliveries")
	browser.sees("Đang dựng phiên bản 2")
	browser.press("cancel-deliveries")
	eventually(t, "the rebuild is cancelled", func() bool { return b.projection("deliveries").Rebuild == nil })
	release()
	if got := b.projection("deliveries").Version; got != 1 {
		t.Errorf("version %d is shown after a rebuild that was cancelled", got)
	}
}

// TestConsoleStoppedProjection shows where a projection stopped, and lets it pass over the event.
func TestConsoleStoppedProjection(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	b.caughtUp()
	position := b.badEvent(connect(t, b.dsn))
	browser.open("/system")
	browser.sees("Đã dừng ở một sự kiện không đọc được", fmt.Sprintf("Sự kiện #%d, OrderCreated", position), "null value")
	browser.click(fmt.Sprintf("a[href$='skip?position=%d']", position))
	browser.sees("Bảng sẽ đi tiếp mà không có sự kiện")
	browser.accessible()
	browser.click("main form button")
	eventually(t, "it goes on", func() bool { return b.projection("crm").State == "live" })
	browser.sees("Đang chạy")
	browser.open("/system/activity")
	browser.sees("ProjectionEventSkipped")
	browser.open(fmt.Sprintf("/system/projections/crm/skip?position=%d", position))
	browser.click("main form button")
	browser.sees("Sự kiện này đã được bỏ qua")
}

// TestConsoleVerify shows what differs from the log, and that nothing does.
func TestConsoleVerify(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	browser.open("/system")
	browser.press("verify-crm")
	browser.sees("Đúng với nhật ký từng dòng", "crm_orders")

	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "UPDATE crm_v1.crm_orders SET note = 'x'")
	must(t, err)
	browser.press("verify-crm")
	browser.sees("1 dòng khác nhật ký")
	rows := evaluate[string](browser, `[...document.querySelectorAll("tr")].find(r => r.cells[0].innerText === "crm_orders").innerText`)
	if got := strings.Fields(rows); len(got) != 3 || got[1] != "1" || got[2] != "1" {
		t.Errorf("of crm_orders it is said %q, want 1 row and 1 that differs", rows)
	}
	browser.press("rebuild-crm")
	browser.sees("Phiên bản\n2")
}

// TestConsoleTokens makes a token that works, and ends it.
func TestConsoleTokens(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	const name = "ERP <script>alert(1)</script>"
	browser.open("/system/tokens")
	browser.fill("input[name=name]", name)
	evaluate[string](browser, `document.querySelector("main select[name=role]").value = "operator"`)
	browser.click("main form button.btn-primary")
	browser.sees("Đã tạo mã “"+name+"”", "mã chỉ hiện một lần này")
	secret := evaluate[string](browser, `document.querySelector("#secret").innerText`)
	if copied := evaluate[string](browser, `document.querySelector("[data-copy]").dataset.copy`); copied != secret || !strings.HasPrefix(secret, "obt_") {
		t.Errorf("%q is shown and %q copied", secret, copied)
	}
	b.with(secret).get("/api/v1/customers").wants(t, http.StatusOK, "")
	b.with(secret).get("/api/v1/tokens").wants(t, http.StatusForbidden, "role-insufficient")

	browser.open("/system/tokens")
	row := fmt.Sprintf(`[...document.querySelectorAll("tbody tr")].find(r => r.innerText.includes(%q))`, name)
	if shown := evaluate[string](browser, row+".innerText"); strings.Contains(browser.text(), secret) || !strings.Contains(shown, "Vận hành") || strings.Contains(shown, "Chưa lần nào") {
		t.Errorf("the list says %q", shown)
	}
	browser.fill("input[name=name]", name)
	browser.click("main form button.btn-primary")
	browser.sees("Đã có mã API tên này")
	browser.press(evaluate[string](browser, row+`.querySelector("[data-opens]").dataset.opens`))
	eventually(t, "the token is revoked", func() bool {
		return strings.Contains(evaluate[string](browser, row+"?.innerText ?? ''"), "Đã thu hồi")
	})
	b.with(secret).get("/api/v1/customers").wants(t, http.StatusUnauthorized, "")
}

// TestConsoleAccounts invites somebody, who signs in by the link, works, and is removed; and tells what was done.
func TestConsoleAccounts(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	browser.open("/system/accounts")
	browser.sees("thu-owner", "(bạn)", "Đang dùng")
	browser.fill("input[name=name]", "Mai Phương")
	if !evaluate[bool](browser, `document.querySelector("input[name=name]").validity.patternMismatch`) {
		t.Error("a name that nobody can have is sent")
	}
	browser.fill("input[name=name]", "thu-owner")
	browser.click("main form button.btn-primary")
	browser.sees("Tên đăng nhập này đã có người dùng")
	browser.fill("input[name=name]", "mai.phuong")
	browser.click("main form button.btn-primary")
	browser.sees("Đã mời “mai.phuong”", "Chưa đặt mật khẩu", "chỉ hiện một lần này")
	link := evaluate[string](browser, `document.querySelector("#secret").innerText`)
	path, found := strings.CutPrefix(link, b.baseURL)
	if !found {
		t.Fatalf("the link is %s", link)
	}

	mai := openBrowser(t, b)
	mai.open(path)
	mai.sees("Chào mai.phuong")
	mai.fill("input[name=password]", accountPassword)
	mai.click("main button.btn-primary")
	mai.sees("Tổng quan", "Đơn hôm nay")
	mai.hasRole("Vận hành")
	mai.open("/system")
	mai.sees("Bảng dữ liệu")
	for _, button := range []string{"[data-opens]", `a[href="/system/tokens"]`, `a[href="/system/accounts"]`} {
		if n := evaluate[int](mai, fmt.Sprintf("document.querySelectorAll(%q).length", "main "+button)); n != 0 {
			t.Errorf("an operator sees %d of %s", n, button)
		}
	}

	browser.open("/system/accounts")
	accounts, err := b.service.Queries.Accounts(t.Context(), b.workspaceID)
	must(t, err)
	ids := map[string]string{}
	for _, account := range accounts {
		ids[account.Name] = account.ID.String()
	}
	evaluate[string](browser, fmt.Sprintf(`document.querySelector("#role-%s select").value = "viewer"`, ids["mai.phuong"]))
	browser.press("role-" + ids["mai.phuong"])
	browser.sees("Đã đổi vai trò.")
	mai.open("/")
	mai.hasRole("Chỉ xem")

	browser.press("sessions-" + ids["mai.phuong"])
	browser.sees("Đã đăng xuất tài khoản trên mọi thiết bị.")
	mai.open("/orders")
	mai.sees("Đăng nhập")
	mai.signIn("mai.phuong")

	browser.press("reset-" + ids["mai.phuong"])
	browser.sees("Liên kết đặt mật khẩu cho “mai.phuong”", b.baseURL+"/setup/")

	browser.press("remove-" + ids["thu-owner"])
	browser.sees("Không còn ai khác đăng nhập được với vai trò chủ cửa hàng")
	browser.press("remove-" + ids["mai.phuong"])
	browser.sees("Đã xóa tài khoản.")
	if strings.Contains(browser.text(), "mai.phuong") {
		t.Error("who was removed is still in the list")
	}
	mai.open("/orders")
	if got := mai.path(); !strings.HasPrefix(got, "/sign-in") {
		t.Errorf("she is at %s after she was removed", got)
	}

	browser.open("/system/activity")
	browser.sees("AccountRemoved", "AccountRoleChanged", "AccountInvited", "AccountSessionsEnded")
	if got := evaluate[string](browser, `[...document.querySelectorAll("main ol a")].find(a => a.innerText.startsWith("Mở")).getAttribute("href")`); got != "/system/accounts" {
		t.Errorf("the last step leads to %s", got)
	}
}

// TestConsoleSystemOfAViewer: it can be read by everybody, and nothing on it can be done by whoever may only read.
func TestConsoleSystemOfAViewer(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleViewer)
	browser.looksLike(360, "light")
	browser.open("/system")
	browser.sees("Khách hàng và đơn hàng", "Đang chạy")
	browser.fitsWidth()
	if n := evaluate[int](browser, `document.querySelectorAll("main form, main dialog, main button").length`); n != 0 {
		t.Errorf("there are %d things that look as if they could be used", n)
	}
	browser.open("/system/activity")
	browser.sees("Ai đã làm gì")
	for _, path := range []string{"/system/tokens", "/system/accounts"} {
		browser.open(path)
		browser.sees("Vai trò của bạn không được làm việc này")
	}
	status := evaluate[int](browser, `fetch("/system/projections/crm/rebuild", {method: "POST"}).then(r => r.status)`)
	if status != http.StatusForbidden {
		t.Errorf("a rebuild is answered with %d", status)
	}
}

// hasRole finds which role whoever is signed in has, by the menu of their account.
func (p *tab) hasRole(want string) {
	p.t.Helper()
	if menu := evaluate[string](p, `document.querySelector("header .dropdown-content").textContent`); !strings.Contains(menu, want) {
		p.t.Errorf("the role is not %q in %q", want, menu)
	}
}
