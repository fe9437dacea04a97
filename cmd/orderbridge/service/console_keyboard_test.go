package service_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"orderbridge/domain/workspace"
)

// types presses keys, whatever has the focus.
func (p *tab) types(keys string) {
	p.t.Helper()
	run(p, chromedp.KeyEvent(keys))
}

// focused tells whether what a selector finds has the focus.
func (p *tab) focused(selector string) bool {
	p.t.Helper()
	return evaluate[bool](p, fmt.Sprintf("document.activeElement?.matches(%q) ?? false", selector))
}

// tabTo moves the focus with the tab key to what a selector finds. Whatever has it on the way can be seen, and so can the focus.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	const stops = 80
	for range stops {
		p.types(kb.Tab)
		p.still()
		if hidden := evaluate[string](p, `(() => {
			const at = document.activeElement;
			if (at === document.body || at.checkVisibility({opacityProperty: true, visibilityProperty: true})) return "";
			return at.outerHTML.slice(0, 200);
		})()`); hidden != "" {
			p.t.Errorf("the focus is on what cannot be seen at %s: %s", p.path(), hidden)
		}
		if p.focused(selector) {
			return
		}
	}
	p.t.Fatalf("%s is not reached with the tab key at %s", selector, p.path())
}

// TestAShopIsConnectedByKeyboard goes from the set-up link to the page of the first order, without a mouse.
func TestAShopIsConnectedByKeyboard(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.disconnectShops()
	token, _, err := b.service.Commands.SetUpLink.EnsureSetUpLink(t.Context(), b.workspaceID)
	must(t, err)
	p := openBrowser(t, b)
	p.open("/setup/" + token)
	p.sees("Tạo tài khoản đầu tiên")
	p.becomes(`document.activeElement.name === "name"`)
	p.types("lan")
	p.tabTo("input[name=password]")
	p.types(accountPassword + kb.Enter)
	p.sees("Chưa kết nối cửa hàng nào")

	p.types(kb.Tab)
	if !p.focused("a[href='#content']") {
		t.Error("the first stop is not the link past the menu")
	}
	p.types(kb.Enter)
	p.tabTo("a[href='" + settingsPage + "/connect']")
	p.types(kb.Enter)
	p.sees("Bước 1")
	p.tabTo("input[name=match_by]")
	p.types(kb.ArrowDown)
	chosen := evaluate[string](p, `document.querySelector("input[name=match_by]:checked").value`)
	p.tabTo("input[name=shop]")
	p.types("pos.pancake.vn/shop/" + shopA + "/overview")
	p.tabTo("input[name=name]")
	p.types("Shop Hoa" + kb.Enter)
	p.sees("Đã kết nối Shop Hoa", "Đang chờ lần gửi đầu tiên")
	for range 3 {
		p.tabTo("[data-copy]")
	}
	key := p.copies()
	b.postWith(fixture(t, "order-new-customer.json"), key[1], key[2]+"x").wants(t, http.StatusUnauthorized, "")
	p.sees("nhưng Value không đúng")
	p.photograph("watched-light-1280.webp")
	b.postWith(fixture(t, "order-new-customer.json"), key[1], key[2]).wants(t, http.StatusOK, "")
	p.sees("Đã nhận được đơn từ Pancake")
	p.tabTo("#watch a[href^='/orders/']")
	p.types(kb.Enter)
	p.sees("Diễn biến", "Nguyễn Thị Hạnh")
	p.tabTo("summary")
	p.types(kb.Enter)
	p.becomes(`document.activeElement.parentElement.open`)

	if chosen == "phone" {
		t.Error("the arrow keys choose no rule")
	}
	p.open(settingsPage)
	p.becomes(fmt.Sprintf(`document.querySelector("input[name=match_by]:checked").value === %q`, chosen))
}

// TestQuestionsAndMenusAreAnsweredByKeyboard opens and leaves what lies over a page.
func TestQuestionsAndMenusAreAnsweredByKeyboard(t *testing.T) {
	t.Parallel()
	p := startConsole(t, workspace.RoleOwner)
	p.open(settingsPage + "/shops/" + shopA)
	const asks = "[data-opens=dialog-pause]"
	p.tabTo(asks)
	p.types(kb.Enter)
	p.becomes(`document.querySelector("#dialog-pause").open && document.activeElement.closest("dialog") !== null`)
	p.types(kb.Escape)
	p.becomes(`!document.querySelector("#dialog-pause").open`)
	if !p.focused(asks) {
		t.Error("the focus is lost with the question")
	}
	p.types(kb.Enter)
	p.tabTo("#dialog-pause button.btn-primary")
	p.types(kb.Enter)
	p.sees("Đã tạm dừng")

	p.tabTo("button[aria-haspopup]")
	p.tabTo("a[href='/account']")
	p.types(kb.Enter)
	p.sees("Mật khẩu hiện tại")

	p.looksLike(360, "light")
	p.open("/orders")
	p.tabTo("[data-toggles=menu]")
	p.types(kb.Enter)
	p.tabTo("nav a[href='/customers']")
	p.types(kb.Enter)
	p.sees("Chưa có khách hàng nào")
}
