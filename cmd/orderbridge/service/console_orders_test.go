package service_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"orderbridge/domain/workspace"
)

func TestConsoleOrderIsFoundByItsCodeAndSeenAsItWas(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	b := page.bridge
	first := fixture(t, "order-new-customer.json")
	code := *b.settled(b.deliver(shopA, first)).OrderCode
	b.settled(b.deliver(shopA, changed(t, first, object{
		"status": 2, "note": "Giao giờ hành chính", "updated_at": "2030-01-01T00:00:00", "bill_full_name": hostileName,
	})))
	b.caughtUp()

	page.open("/orders")
	page.fill("input[name=code]", code+"\r")
	page.sees("Đã gửi hàng", "Giao giờ hành chính", "Các phiên bản", "Tạo đơn", "Cập nhật", "trạng thái: Mới → Đã gửi hàng", hostileName)
	if title := evaluate[string](page, "document.title"); strings.Contains(title, "harmed") {
		t.Error("a name was taken for more than a text")
	}
	page.open("/orders?code=Pancake_1_2")
	page.sees("Không có đơn hàng nào có mã này")

	created := b.order(code).History[0]
	page.open("/orders/" + code)
	page.click(fmt.Sprintf("main a[href$='?at=%d']", created.Position))
	page.sees(fmt.Sprintf("Đơn hàng như lúc #%d", created.Position), "Mới", "Về hiện tại")
	if shown := page.text(); strings.Contains(shown, "Giao giờ hành chính") || strings.Contains(shown, "Diễn biến") {
		t.Errorf("as it was the order shows\n%s", shown)
	}
	// A minute of the clock stands for its end, and the one that it is now for now.
	minute := evaluate[string](page, fmt.Sprintf("new Date(%d + 7 * 3600000).toISOString().slice(0, 16)", b.order(code).History[1].At.UnixMilli()))
	page.open("/orders/" + code + "?at=" + url.QueryEscape(minute))
	page.sees("Đơn hàng như lúc", "Giao giờ hành chính")
	page.open("/orders/" + code + "?at=2020-01-01T00:00")
	page.sees("Lúc đó chưa có đơn hàng này.", "Giao giờ hành chính")
	page.open("/orders/" + code + "?at=2099-01-01T00:00")
	page.sees("Thời điểm: không đọc được, hoặc còn ở tương lai")
	page.open("/orders/" + code + "?at=x")
	page.sees("Thời điểm: không đọc được, hoặc còn ở tương lai")
	page.open("/orders/nothing?at=1")
	page.sees("Không có đơn hàng này")
}

func TestConsoleOrderShowsWhatTheShopSaid(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	b := page.bridge
	furnish(b)
	var code string
	for _, one := range all[struct {
		Code string `json:"code"`
	}](b, "/api/v1/orders") {
		if detail := b.order(one.Code); len(detail.StatusHistory) > 1 && len(detail.Tags) > 0 && detail.Payments.COD > 0 {
			code = one.Code
			page.open("/orders/" + url.PathEscape(code))
			page.sees("Lịch sử trạng thái trên Pancake", "Thanh toán", "Thu hộ (COD)", detail.Tags[0])
		}
	}
	if code == "" {
		t.Fatal("no fixture has a history of its status, tags and a payment")
	}
	page.looksLike(360, "light")
	page.fitsWidth()
	page.click("button[name=language]")
	page.sees("Status history in Pancake", "To collect (COD)", "Versions")
}
