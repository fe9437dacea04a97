package service_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"orderbridge/domain/workspace"
)

func TestTheFirstAccountIsMadeByTheSetUpLink(t *testing.T) {
	t.Parallel()
	b := start(t)
	token, needed, err := b.service.Commands.SetUpLink.EnsureSetUpLink(t.Context(), b.workspaceID)
	must(t, err)
	if !needed {
		t.Fatal("a new workspace needs no account")
	}
	browser := openBrowser(t, b)
	browser.open("/orders?status=new")
	browser.sees("Đăng nhập", "Chưa có tài khoản nào")

	browser.open("/setup/" + token)
	browser.sees("Tạo tài khoản đầu tiên")
	browser.fill("input[name=name]", "lan")
	evaluate[bool](browser, `(document.querySelector("input[name=password]").minLength = 0, document.querySelector("form[method=post] input[name=password]").form.noValidate = true)`)
	browser.fill("input[name=password]", "ngắn")
	browser.click("main button.btn-primary")
	browser.sees("Mật khẩu: từ 10 đến 128 ký tự")
	browser.fill("input[name=password]", accountPassword)
	browser.click("main button.btn-primary")
	browser.sees("lan", "Tổng quan")

	other := openBrowser(t, b)
	other.open("/setup/" + token)
	other.sees("Liên kết này đã dùng")
}

func TestWrongPasswordsLockAnAccount(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOperator)
	name := "thu-operator"
	browser.click("button[aria-haspopup]")
	browser.click(`form[action="/sign-out"] button`)
	browser.sees("Đăng nhập")
	for range 5 {
		browser.fill("input[name=name]", name)
		browser.fill("input[name=password]", "một mật khẩu sai")
		browser.click("main button.btn-primary")
		browser.sees("Tên đăng nhập hoặc mật khẩu không đúng")
		browser.open("/sign-in")
	}
	browser.fill("input[name=name]", name)
	browser.fill("input[name=password]", accountPassword)
	browser.click("main button.btn-primary")
	browser.sees("Sai mật khẩu quá nhiều lần. Thử lại lúc")
}

func TestChangingAPasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleViewer)
	other := openBrowser(t, browser.bridge)
	other.signIn("thu-viewer")

	browser.open("/account")
	browser.fill("input[name=current]", accountPassword)
	browser.fill("input[name=new]", accountPassword+" hơn")
	browser.click("main button.btn-primary")
	browser.sees("Đã đổi mật khẩu")
	browser.open("/orders")
	browser.sees("Chưa có đơn hàng nào")

	other.open("/orders")
	other.sees("Đăng nhập")
}

func TestTheConsoleSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleViewer)
	browser.open("/orders")
	browser.sees("Chưa có đơn hàng nào", "Cửa hàng")
	browser.click("button[value=en]")
	browser.sees("No orders yet", "Shop")
	browser.becomes(`document.documentElement.lang === "en" && location.pathname === "/orders"`)
	browser.click("button[value=vi]")
	browser.sees("Chưa có đơn hàng nào")
	browser.click("button[name=theme]")
	browser.becomes(`document.documentElement.dataset.theme === "dark"`)

	// Where a form was answered there is no page: it goes to the one that the form stands on.
	browser.open("/account")
	browser.fill("input[name=current]", "một mật khẩu sai")
	browser.fill("input[name=new]", accountPassword+" hơn")
	browser.click("main button.btn-primary")
	browser.becomes(`location.pathname === "/account/password"`)
	browser.click("button[value=en]")
	browser.becomes(`location.pathname === "/account" && document.documentElement.lang === "en"`)
}

// TestAPageRecoversFromARestart restarts the service under a page that says so meanwhile.
func TestAPageRecoversFromARestart(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	b := browser.bridge
	browser.open("/deliveries")
	browser.sees("Webhook")
	b.address = strings.TrimPrefix(b.baseURL, "http://")
	b.stop()
	browser.sees("Mất kết nối với máy chủ")
	b.run()
	browser.becomes(`document.getElementById("offline").hidden`)
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	browser.sees("Pancake_1635294032_2051")
}

// TestTheConsoleIsClosed asks as programs and foreign pages do.
func TestTheConsoleIsClosed(t *testing.T) {
	t.Parallel()
	b := start(t)
	name := b.account(workspace.RoleOwner)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	type reply struct {
		status int
		header http.Header
	}
	ask := func(method, path string, form url.Values, headers ...string) reply {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, b.baseURL+path, strings.NewReader(form.Encode()))
		must(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		answer, err := client.Do(request)
		must(t, err)
		must(t, answer.Body.Close())
		return reply{answer.StatusCode, answer.Header}
	}
	signIn := url.Values{"name": {name}, "password": {accountPassword}}

	page := ask(http.MethodGet, "/sign-in", nil)
	policy := page.header.Get("Content-Security-Policy")
	if page.status != http.StatusOK || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%d with the policy %q", page.status, policy)
	}
	for _, header := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} {
		if page.header.Get(header) == "" {
			t.Errorf("there is no %s", header)
		}
	}
	if answer := ask(http.MethodPost, "/sign-in", signIn, "Sec-Fetch-Site", "cross-site"); answer.status != http.StatusForbidden {
		t.Errorf("a foreign page signs in: %d", answer.status)
	}
	if answer := ask(http.MethodPost, "/sign-in", signIn, "Origin", "https://evil.example"); answer.status != http.StatusForbidden {
		t.Errorf("a foreign page of an old browser signs in: %d", answer.status)
	}
	if answer := ask(http.MethodGet, "/orders/Pancake_1_1", nil); answer.status != http.StatusSeeOther ||
		answer.header.Get("Location") != "/sign-in?next=%2Forders%2FPancake_1_1" {
		t.Errorf("whoever is not signed in gets %d to %s", answer.status, answer.header.Get("Location"))
	}
	if answer := ask(http.MethodGet, "/orders", nil, "HX-Request", "true"); answer.status != http.StatusUnauthorized {
		t.Errorf("a part of a page for whoever is not signed in: %d", answer.status)
	}
	signIn.Set("next", "//evil.example/orders")
	answer := ask(http.MethodPost, "/sign-in", signIn)
	cookie := answer.header.Get("Set-Cookie")
	if answer.status != http.StatusSeeOther || answer.header.Get("Location") != "/" {
		t.Errorf("signing in goes to %q with %d", answer.header.Get("Location"), answer.status)
	}
	for _, attribute := range []string{"__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("the cookie has no %s: %s", attribute, strings.SplitN(cookie, "=", 2)[0])
		}
	}
	value, _, _ := strings.Cut(cookie, ";")
	if answer := ask(http.MethodGet, "/account", nil, "Cookie", value); answer.status != http.StatusOK {
		t.Errorf("whoever signed in gets %d", answer.status)
	}
	if answer := ask(http.MethodGet, "/api/v1/orders", nil, "Cookie", value); answer.status != http.StatusUnauthorized {
		t.Errorf("the API takes a session: %d", answer.status)
	}
}
