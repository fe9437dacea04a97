package service_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// fetched asks for something as whoever is signed in does, without the browser.
func (p *tab) fetched(method, path string, form url.Values) answer {
	p.t.Helper()
	cookies := run(p, func(ctx context.Context, target *chromedp.Target) ([]*network.Cookie, error) {
		found, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		return found.Cookies, err
	})
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.bridge.baseURL+path, strings.NewReader(form.Encode()))
	must(p.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, cookie := range cookies {
		request.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	response, err := http.DefaultClient.Do(request)
	must(p.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(p.t, err)
	return answer{status: response.StatusCode, header: response.Header, body: body}
}

// upload chooses a file and sends the form.
func (p *tab) upload(name, content string) {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), name)
	must(p.t, os.WriteFile(file, []byte(content), 0o600))
	run(p, chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{file}))
	p.click("main form button.btn-primary")
}

func TestCustomersAreImportedInTheConsole(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOperator)
	b := browser.bridge
	b.deliver(shopA, fixture(t, "order-new-customer.json")) // whose phone is 0912000451
	b.caughtUp()
	browser.open("/customers/import")
	browser.sees("Chưa nhập tệp nào", "Tệp mẫu Excel")
	for content, says := range map[string]string{
		"\x89PNG\r\n\x1a\n\x00\x00": "Tệp CSV không đọc được tiếng Việt", "điện thoại\n0912000451\n": "thiếu cột Tên khách hàng", "Tên khách hàng\n": "Tệp không có dữ liệu",
		"Tên khách hàng,Ghi chú\nAn,\nBình,=A(\"x\")\n": "line 3",
	} {
		browser.upload("sai.csv", content)
		browser.sees(says)
	}

	const customers = 450
	var file strings.Builder
	file.WriteString("Tên khách hàng,Điện thoại,Mã riêng\n<b>Chị</b> Có Sẵn,0912000451,1\n,0904000111,2\nSai Số,abc,3\n")
	for n := range customers {
		fmt.Fprintf(&file, "Khách %d,09033%05d,\n", n, n)
	}
	file.WriteString("Trùng Số,0903300001,\n")
	browser.upload("khách quý.csv", file.String())
	browser.sees("khách quý.csv", "Chờ xác nhận", "2 dòng lỗi", "1 dòng trùng trong tệp", "1 khách hàng đã có sẵn", "450 khách hàng mới",
		"Tên khách hàng bị trống", "Số điện thoại không đọc được", "Dòng 6 có cùng số điện thoại", "Đã có khách hàng với cùng số điện thoại", "Mã riêng")
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != 1 {
		t.Fatalf("%d customers before anybody confirmed", got)
	}
	browser.looksLike(360, "light")
	browser.fitsWidth()
	browser.looksLike(1280, "light")
	browser.click("form[action$=confirm] button")
	browser.sees("Đã xong", "450 khách hàng đã thêm", "Tệp kết quả Excel")
	b.caughtUp()
	if got := len(all[query.Customer](b, "/api/v1/customers")); got != 1+customers {
		t.Errorf("%d customers", got)
	}
	result := evaluate[string](browser, `[...document.querySelectorAll("main a")].find(a => a.href.includes("format=csv")).pathname + [...document.querySelectorAll("main a")].find(a => a.href.includes("format=csv")).search`)
	if got := browser.fetched(http.MethodGet, result, nil); got.status != http.StatusOK ||
		!strings.Contains(string(got.body), "\n3,invalid,,") || strings.Count(string(got.body), ",imported,") != customers {
		t.Errorf("the result is %d %.300s", got.status, got.body)
	}
	browser.open("/customers/import")
	browser.sees("khách quý.csv", "Đã xong", "454", "thu-operator")

	// What was checked and is not wanted is given up.
	browser.upload("nhầm.csv", "Tên khách hàng\nNhầm Rồi\n")
	browser.sees("nhầm.csv", "Nhầm Rồi")
	browser.click("form[action$=cancel] button")
	browser.sees("Đã hủy")
}

func TestListsAreExportedInTheConsole(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleOperator)
	b := browser.bridge
	b.deliver(shopA, fixture(t, "order-new-customer.json"))
	b.deliver(shopB, fixture(t, "order-second-shop.json"))
	b.caughtUp()
	browser.open("/orders?shop=" + shopB)
	browser.click("[data-opens=export]")
	browser.sees("Xuất danh sách ra tệp", "Theo bộ lọc đang chọn")
	browser.accessible()
	form := url.Values{}
	for name, value := range evaluate[map[string]string](browser, `Object.fromEntries(new FormData(document.querySelector("#export form")))`) {
		form.Set(name, value)
	}
	form.Set("format", "csv")
	rows := func(path string) [][]string {
		t.Helper()
		got := browser.fetched(http.MethodPost, path, form)
		if as := got.header.Get("Content-Disposition"); got.status != http.StatusOK || !strings.HasPrefix(as, "attachment; filename=") {
			t.Fatalf("%s answers %d %q %.200s", path, got.status, as, got.body)
		}
		reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(got.body), "\uFEFF")))
		reader.FieldsPerRecord = -1 // what is of the order stands in the first of its lines
		read, err := reader.ReadAll()
		if err != nil {
			t.Fatalf("%s: %v in\n%s", path, err, got.body)
		}
		return read
	}
	if got := rows("/orders/export"); len(got) != 2 || !strings.Contains(strings.Join(got[1], " "), "Pancake_1635294033_2051") {
		t.Errorf("the orders of one shop are %q", got)
	}
	if got := rows("/deliveries/export"); len(got) != 2 {
		t.Errorf("the deliveries of one shop are %q", got)
	}
	form.Set("scope", "all")
	if got := rows("/orders/export"); len(got) != 1+1+2 { // lines of orders
		t.Errorf("all orders are %q", got)
	}
	form = url.Values{"format": {"csv"}, "q": {"0912 000 451"}}
	if got := rows("/customers/export"); len(got) != 2 || !strings.Contains(strings.Join(got[1], " "), "0912000451") {
		t.Errorf("the customer is %q", got)
	}
	form.Set("format", "pdf")
	if got := browser.fetched(http.MethodPost, "/orders/export", form); got.status != http.StatusUnprocessableEntity ||
		!strings.Contains(string(got.body), "Chọn loại tệp") {
		t.Errorf("as a PDF: %d %.200s", got.status, got.body)
	}
}

func TestViewersHaveNoFiles(t *testing.T) {
	t.Parallel()
	browser := startConsole(t, workspace.RoleViewer)
	browser.deliverAndOpen()
	if strings.Contains(browser.text(), "Xuất tệp") {
		t.Error("an export is offered")
	}
	for _, path := range []string{"/orders/export", "/customers/export", "/deliveries/export", "/customers/import"} {
		got := browser.fetched(http.MethodPost, path, url.Values{"format": {"csv"}})
		if got.status != http.StatusForbidden || strings.Contains(string(got.body), "0912") {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
	for _, path := range []string{"/customers/import", "/customers/import/template?format=csv"} {
		browser.open(path)
		browser.sees("Vai trò của bạn không được làm việc này")
	}
}

// deliverAndOpen has an order on the list of orders.
func (p *tab) deliverAndOpen() {
	p.t.Helper()
	p.bridge.deliver(shopA, fixture(p.t, "order-new-customer.json"))
	p.bridge.caughtUp()
	p.open("/orders")
	p.sees("Pancake_1635294032_2051")
}

// furnishImports has a file of customers that waits to be confirmed.
func furnishImports(b *bridge) {
	b.t.Helper()
	file := strings.NewReader("Tên khách hàng,Điện thoại,Mã riêng\nNgười Mới,0903300001,1\nTrùng Số,0903300001,2\n,abc,3\nĐã Có,0912000451,4\n")
	_, err := b.service.Commands.CheckCustomerFile.Handle(b.t.Context(), command.CheckCustomerFile{
		By: b.by(), File: file, Size: file.Size(), Name: "khách hàng tháng chín.csv",
	})
	must(b.t, err)
}

func firstImport(b *bridge) string {
	return "/customers/import?id=" + all[query.CustomerImport](b, "/api/v1/imports")[0].ID.String()
}
