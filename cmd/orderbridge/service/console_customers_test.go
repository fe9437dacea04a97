package service_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/workspace"
)

// hostileName is one that would do harm if a page took it for more than a text.
const hostileName = `<img src=x onerror="document.title='harmed'">'"{{1}}`

// furnishCustomers gives a workspace two customers who share a phone, one who was merged, and one with long and hostile texts.
func furnishCustomers(b *bridge) {
	b.t.Helper()
	b.addCustomer(hostileName, customer.Details{Phones: []string{"0987000777"}, Note: strings.Repeat("dàivôtận", 80), Tags: []string{strings.Repeat("thẻ", 30)}})
	b.addCustomer("Trần Thị Lan", customer.Details{Phones: []string{"0987000888"}, Emails: []string{"lan@example.vn"}, Address: "12 Lê Lợi, Huế"})
	b.addCustomer("Chị Lan", customer.Details{Phones: []string{"0987000888", "0904000111"}, Address: "Đà Nẵng", Tags: []string{"VIP"}})
	survivor, merged := b.addCustomer("Bùi Hoa", customer.Details{Phones: []string{"0987000555"}}), b.addCustomer("Hoa Bùi", customer.Details{})
	_, err := b.service.Commands.MergeCustomers.Handle(b.t.Context(), command.MergeCustomers{By: b.by(), Survivor: survivor, Merged: merged})
	must(b.t, err)
	b.caughtUp()
}

// customerNamed is the id of a customer who was furnished.
func customerNamed(b *bridge, name string) string {
	b.t.Helper()
	for _, status := range []string{"", "?status=merged"} {
		for _, one := range all[struct {
			ID   uuid.UUID `json:"id"`
			Name string    `json:"name"`
		}](b, customersPath+status) {
			if one.Name == name {
				return one.ID.String()
			}
		}
	}
	b.t.Fatalf("there is no customer %s", name)
	return ""
}

// customerPages are the pages about customers, for whoever walks all pages.
func customerPages() []consolePage {
	of := func(name, part string) func(*bridge) string {
		return func(b *bridge) string { return "/customers/" + customerNamed(b, name) + part }
	}
	return []consolePage{
		{"customers", at("/customers"), "Trần Thị Lan"},
		{"customers-none", at("/customers?status=archived"), "Không tìm thấy gì"},
		{"customer", of("Trần Thị Lan", ""), "12 Lê Lợi, Huế"},
		{"customer-hostile", of(hostileName, ""), hostileName},
		{"customer-merged", of("Hoa Bùi", ""), "Khách này đã được gộp vào"},
		{"customer-new", at("/customers/new"), "Mỗi dòng một số"},
		{"customer-edit", of("Trần Thị Lan", "/edit"), "Sửa khách hàng"},
		{"duplicates", at("/customers/duplicates"), "0987 000 888"},
		{"merge-choose", of("Trần Thị Lan", "/merge"), "Chị Lan"},
		{"merge", func(b *bridge) string {
			return "/customers/" + customerNamed(b, "Trần Thị Lan") + "/merge?other=" + customerNamed(b, "Chị Lan")
		}, "Sau khi gộp"},
	}
}

func TestConsoleCustomerIsAddedFoundEditedArchivedAndRestored(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	page.open("/customers")
	page.sees("Chưa có khách hàng nào")
	page.click("a[href='/customers/new']")
	page.sees("Mỗi dòng một số")
	page.fill("input[name=name]", hostileName)
	page.fill("textarea[name=phones]", "12")
	page.click("main form .btn-primary")
	page.sees("Điện thoại 1: không đọc được") // and what was typed is still there
	page.fill("textarea[name=phones]", "0912 000 451\n0987000102")
	page.fill("textarea[name=emails]", "Ha@Example.vn")
	page.fill("textarea[name=tags]", "VIP")
	page.fill("textarea[name=note]", "Gọi trước.\nGiao chiều.")
	page.click("main form .btn-primary")
	page.sees("Đã thêm khách hàng.", hostileName, "0912 000 451", "0987 000 102", "ha@example.vn", "VIP", "Giao chiều.")
	if title := evaluate[string](page, "document.title"); !strings.HasPrefix(title, hostileName) {
		t.Errorf("the page's title is %s", title)
	}
	path, _, _ := strings.Cut(page.path(), "?")

	// What is searched for is in no address; what a list is narrowed by besides is.
	page.open("/customers")
	page.fill("input[name=q]", "0987.000.102")
	page.fill("input[name=tag]", "VIP")
	page.click("main form .btn-primary")
	page.becomes(`location.pathname + location.search === "/customers?tag=VIP"`)
	page.sees(hostileName, "0912 000 451")
	page.fill("input[name=q]", "lan")
	page.click("main form .btn-primary")
	page.sees("Không tìm thấy gì")

	page.open(path + "/edit")
	page.fill("input[name=name]", "Đặng Thị Hà")
	page.fill("textarea[name=emails]", "")
	page.click("main form .btn-primary")
	page.sees("Đã lưu thay đổi.", "Đặng Thị Hà", "đã được sửa: tên, email")
	if strings.Contains(page.text(), "ha@example.vn") {
		t.Errorf("the email is still there:\n%s", page.text())
	}

	page.click("[data-opens=archive]")
	page.sees("Lưu trữ Đặng Thị Hà?", "Đơn hàng cũ giữ nguyên.")
	page.accessible()
	page.click("#archive .btn-primary")
	page.sees("Đã lưu trữ khách hàng.", "Lưu trữ")
	page.open("/customers?status=archived")
	page.sees("Đặng Thị Hà")
	page.open(path)
	page.click("[data-opens=restore]")
	page.click("#restore .btn-primary")
	page.sees("Đã khôi phục khách hàng.", "Đang sử dụng")
}

func TestConsoleEditOfWhatSomebodyElseChangedKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	b := page.bridge
	id := b.addCustomer("Lan", customer.Details{Phones: []string{"0912000451"}})
	b.caughtUp()
	path := "/customers/" + id.String()
	page.open(path + "/edit")
	page.sees("Sửa khách hàng")
	b.send(http.MethodPatch, customersPath+"/"+id.String(), object{"name": "Lan Anh"}).wants(t, http.StatusOK, "")
	page.fill("textarea[name=note]", "Gọi trước.")
	page.click("main form .btn-primary")
	page.sees("Người khác vừa sửa bản ghi này.", "Hiện tại là: Lan Anh")
	if name, note := evaluate[string](page, "document.querySelector('[name=name]').value"), evaluate[string](page, "document.querySelector('[name=note]').value"); name != "Lan" || note != "Gọi trước." {
		t.Errorf("what was typed became %q and %q", name, note)
	}
	if got := b.get(customersPath+"/"+id.String()).customer(t, http.StatusOK); got.Name != "Lan Anh" || got.Note != nil {
		t.Errorf("the customer became %+v", got)
	}
	page.fill("input[name=name]", "Lan Anh")
	page.click("main form .btn-primary")
	page.sees("Đã lưu thay đổi.", "Gọi trước.")

	// A question that was asked of an older version is not taken for an answer about this one.
	page.open(path)
	page.click("[data-opens=archive]")
	b.send(http.MethodPatch, customersPath+"/"+id.String(), object{"name": "Lan Chi"}).wants(t, http.StatusOK, "")
	page.click("#archive .btn-primary")
	page.sees("Người khác vừa sửa bản ghi này.", "Lan Chi", "Đang sử dụng")
}

func TestConsoleDuplicatesAreMergedAndUnmerged(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	b := page.bridge
	page.open("/customers/duplicates")
	page.sees("Không có khách nào trùng")
	furnishCustomers(b)
	b.deliver(shopA, changed(t, fixture(t, "order-existing-phone.json"), object{"id": 1, "bill_phone_number": "0904000111"}))
	b.caughtUp()
	lan, other := customerNamed(b, "Trần Thị Lan"), customerNamed(b, "Chị Lan")

	page.open("/customers/duplicates")
	page.sees("0987 000 888", "2 khách hàng", "cũ nhất")
	page.click(fmt.Sprintf("a[href*='other=%s']", other))
	page.sees("Chị Lan được gộp vào Trần Thị Lan.", "Sau khi gộp", "1 đơn hàng của người được gộp")
	if got := evaluate[string](page, "[...document.querySelectorAll('tbody td:last-child')].map(e => e.innerText).join('|')"); got != "Trần Thị Lan|0987 000 888\n0904 000 111|lan@example.vn|12 Lê Lợi, Huế|VIP" {
		t.Errorf("together they would be %q", got)
	}
	const otherWins = `[...document.querySelectorAll("tbody td:last-child")].some(e => e.innerText === "Đà Nẵng")`
	page.click("input[name=take][value=address]")
	page.becomes(otherWins)
	page.click("main a[href$='other=" + lan + "']") // the other way round
	page.sees("Trần Thị Lan được gộp vào Chị Lan.")
	page.open("/customers/" + lan + "/merge")
	page.sees("Có chung điện thoại hoặc email", "Chị Lan")
	page.fill("input[name=q]", "chi lan")
	page.click("main form .btn-primary")
	page.sees("Tìm thấy")
	page.click(fmt.Sprintf("a[href*='other=%s']", other))
	page.sees("Sau khi gộp")
	page.click("input[name=take][value=address]")
	page.becomes(otherWins)
	page.click("[data-opens=merge]")
	page.sees("Gộp hai khách này?")
	page.click("#merge .btn-primary")
	page.sees("Đã gộp.", "Trần Thị Lan", "0904 000 111", "Đà Nẵng", "Pancake_1635294032_1")

	// The merged one's page leads to who stands for them, and back to two.
	page.click(fmt.Sprintf("main a[href='/customers/%s']", other))
	page.sees("Khách này đã được gộp vào", "Đã gộp", "Trần Thị Lan")
	page.click("[data-opens=unmerge]")
	page.sees("Tách hai khách này?", "Sau khi tách:\n\nChị Lan\n0987 000 888\n0904 000 111\nTrần Thị Lan\n0987 000 888\nlan@example.vn")
	page.click("#unmerge .btn-primary")
	page.sees("Đã tách.", "Chị Lan", "Đang sử dụng")
	page.open("/customers/" + lan)
	page.sees("12 Lê Lợi, Huế")

	// Nobody is merged with themselves, and it is said why not.
	page.open("/customers/" + lan + "/merge?other=" + lan)
	page.sees("Không thể gộp một khách với chính họ.")
	page.open("/customers/" + lan + "/merge?other=nobody")
	page.sees("Không có trang này")
}

func TestConsoleViewerSeesMaskedContactsUntilTheyAreRevealed(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleViewer)
	b := page.bridge
	id := b.addCustomer("Lan", customer.Details{Phones: []string{"0987000102"}, Emails: []string{"lan@example.vn"}})
	order := *b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json"))).OrderCode
	b.caughtUp()
	path := "/customers/" + id.String()
	hides := func(what string) {
		t.Helper()
		if shown := page.text(); strings.Contains(shown, "0987 000 102") || strings.Contains(shown, "lan@example.vn") {
			t.Errorf("%s shows\n%s", what, shown)
		}
	}
	for _, address := range []string{"/customers", path, "/orders", "/orders/" + order, "/customers/duplicates", "/staff", "/staff/unmapped"} {
		page.open(address)
		page.sees("thu-viewer")
		hides(address)
	}
	// By digits nobody is guessed, and by a whole phone they are found.
	page.open("/customers")
	page.fill("input[name=q]", "0987000102")
	page.click("main form .btn-primary")
	page.sees("Lan")
	hides("a search")

	page.open(path)
	page.sees("Hiện số điện thoại và email")
	if shown := page.text(); strings.Contains(shown, "Lưu trữ") || strings.Contains(shown, "Sửa") {
		t.Errorf("a viewer is offered more than they may:\n%s", shown)
	}
	page.click("main form .btn")
	page.sees("Chỉ hiện lần này.", "0987 000 102", "lan@example.vn", `Tài khoản "thu-viewer" đã xem số điện thoại và email của khách hàng`)
	page.open(path)
	page.sees("Hiện số điện thoại và email", "đã xem số điện thoại")
	hides("the page again")

	page.open("/orders/" + order)
	page.click("main form[method=post] .btn")
	page.sees("Chỉ hiện lần này.", "0987 000 102")
	page.open(path)
	page.sees("đã xem số điện thoại và email trong đơn hàng " + order)
	if got := b.events("ContactRevealed"); got != 2 {
		t.Errorf("%d times somebody looked", got)
	}

	// What a viewer may not do is refused when it is asked for all the same.
	for _, address := range []string{path + "/edit", "/customers/new", path + "/merge", "/staff/new"} {
		page.open(address)
		page.sees("Vai trò của bạn không được làm việc này.")
	}
}

func TestConsoleCustomersOnAPhone(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	furnishCustomers(page.bridge)
	page.looksLike(360, "dark")
	for _, shown := range customerPages() {
		page.open(shown.path(page.bridge))
		page.sees(shown.sees)
		page.fitsWidth()
	}
}
