package service_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"orderbridge/domain/workspace"
)

// screenshotFolder is where TestEveryPage writes what it saw; empty for nowhere.
const screenshotFolder = "ORDERBRIDGE_SCREENSHOTS"

// consolePage is a page of the console, with something on it.
type consolePage struct {
	name string
	// path is its address, once what it shows is there; sees is what can be read on it then.
	path func(*bridge) string
	sees string
}

func at(path string) func(*bridge) string { return func(*bridge) string { return path } }

// consolePages are all pages there are, for whoever is signed in as an owner.
func consolePages() []consolePage {
	return slices.Concat([]consolePage{
		{"orders", at("/orders"), "Pancake_1635294032"},
		{"orders-none", at("/orders?status=deleted"), "Không tìm thấy gì"},
		{"orders-code", at("/orders?code=none"), "Không có đơn hàng nào có mã này"},
		{"order", firstOrder, "Diễn biến"},
		{"order-as-of", func(b *bridge) string { return firstOrder(b) + "?at=2020-01-01T00:00" }, "Lúc đó chưa có đơn hàng này."},
		{"pancake", at(settingsPage), "Cài đặt chung"},
		{"connect", at(settingsPage + "/connect"), "Bước 3"},
		{"shop", at(settingsPage + "/shops/" + shopA), "Lần gửi gần nhất"},
		{"imports", at("/customers/import"), "khách hàng tháng chín.csv"},
		{"import", firstImport, "Chờ xác nhận"},
		{"password", at("/account"), "Mật khẩu hiện tại"},
		{"overview", at("/"), "Đơn hôm nay"},
		{"overview-customers", at("/overview/customers?found=created"), "Khách mới từ đơn hàng"},
		{"system", at("/system"), "Đúng với nhật ký từng dòng"},
		{"system-tokens", at("/system/tokens"), "Tạo mã API"},
		{"system-accounts", at("/system/accounts"), "Mời người dùng"},
		{"system-activity", at("/system/activity"), "Ai đã làm gì"},
		{"unknown", at("/nowhere"), "Không có trang này"},
	}, deliveryPages(), customerPages(), staffPages())
}

func firstOrder(b *bridge) string {
	return "/orders/" + all[struct {
		Code string `json:"code"`
	}](b, "/api/v1/orders")[0].Code
}

// furnish gives a workspace something of everything.
func furnish(b *bridge) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "adapters", "pancake", "testdata", "*.json"))
	must(b.t, err)
	for _, file := range files {
		_, err := b.tryPost(shopA, fixture(b.t, filepath.Base(file))) // some are to be refused
		must(b.t, err)
	}
	furnishToday(b)
	furnishDeliveries(b)
	furnishCustomers(b)
	furnishStaff(b)
	b.caughtUp()
	furnishImports(b)
	furnishSystem(b)
}

// TestEveryPage looks at every page, wide and on a phone, light and dark: it is accessible, fits the screen, and the browser has nothing to
// complain of.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOwner)
	furnish(browser.bridge)
	browser.walk(consolePages())
}

// TestEveryPageBeforeSigningIn looks at those that nobody has to be signed in for in the same way.
func TestEveryPageBeforeSigningIn(t *testing.T) {
	t.Parallel()
	b := start(t)
	token, _, err := b.service.Commands.SetUpLink.EnsureSetUpLink(t.Context(), b.workspaceID)
	must(t, err)
	openBrowser(t, b).walk([]consolePage{
		{"sign-in", at("/sign-in"), "Chưa có tài khoản nào"},
		{"set-up", at("/setup/" + token), "Tạo tài khoản đầu tiên"},
		{"set-up-used", at("/setup/none"), "Liên kết này đã dùng"},
	})
}

// walk looks at pages, wide and on a phone, light and dark.
func (p *tab) walk(pages []consolePage) {
	p.t.Helper()
	for _, shown := range pages {
		path := shown.path(p.bridge)
		for _, width := range []int64{1280, 360} {
			for _, theme := range []string{"light", "dark"} {
				p.looksLike(width, theme)
				p.open(path)
				p.sees(shown.sees)
				p.accessible()
				p.fitsWidth()
				p.photograph(fmt.Sprintf("%s-%s-%d.webp", shown.name, theme, width))
			}
		}
	}
}

// photograph writes what the whole page looks like to the folder of screenshots, if there is one.
func (p *tab) photograph(name string) {
	p.t.Helper()
	folder := os.Getenv(screenshotFolder)
	if folder == "" {
		return
	}
	p.still()
	p.tall(max(windowHeight, evaluate[int64](p, "document.documentElement.scrollHeight"))) // what stays in the window has its place then
	picture := run(p, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		taken, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(70)),
		})
		return taken.Data, err
	})
	p.tall(windowHeight)
	must(p.t, os.MkdirAll(folder, 0o755))
	must(p.t, os.WriteFile(filepath.Join(folder, name), picture, 0o644))
}
