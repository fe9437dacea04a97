package service_test

import (
	"fmt"
	"strings"
	"testing"

	"orderbridge/app/command"
	"orderbridge/domain/workspace"
)

// furnishStaff gives a workspace a member of staff who is somebody in Pancake, and one who is inactive.
func furnishStaff(b *bridge) {
	b.t.Helper()
	mai, huy := b.addedUser(`{"name":"Phương Mai","email":"mai.kho@example.vn"}`), b.addedUser(`{"name":"Huy `+strings.Repeat("dàivôtận", 20)+`"}`)
	_, err := b.service.Commands.MapStaff.Handle(b.t.Context(), command.MapStaff{By: b.by(), UserID: mai.ID, StaffKey: "name:1635294032:Mai kho", StaffName: "Mai kho"})
	must(b.t, err)
	_, err = b.service.Commands.SetUserActive.Handle(b.t.Context(), command.SetUserActive{By: b.by(), ID: huy.ID})
	must(b.t, err)
	b.caughtUp()
}

// staffPages are the pages about staff, for whoever walks all pages.
func staffPages() []consolePage {
	of := func(name, part string) func(*bridge) string {
		return func(b *bridge) string {
			return "/staff/" + b.userNamed(name) + part
		}
	}
	return []consolePage{
		{"staff", at("/staff"), "Phương Mai"},
		{"staff-none", func(b *bridge) string { return "/staff?active=no" }, "Ngừng hoạt động"},
		{"staff-member", of("Phương Mai", ""), "Mai kho"},
		{"staff-new", at("/staff/new"), "Thêm nhân viên"},
		{"staff-edit", of("Phương Mai", "/edit"), "Sửa nhân viên"},
		{"staff-unmapped", at("/staff/unmapped"), "Chọn nhân viên"},
	}
}

// userNamed is the id of a member of staff.
func (b *bridge) userNamed(name string) string {
	b.t.Helper()
	for _, one := range all[struct{ ID, Name string }](b, usersPath) {
		if one.Name == name {
			return one.ID
		}
	}
	b.t.Fatalf("there is no member of staff %s", name)
	return ""
}

func TestConsoleStaffAreKept(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	page.open("/staff")
	page.sees("Chưa có nhân viên nào")
	page.click("a[href='/staff/new']")
	page.sees("Nhập điện thoại hoặc email giống trên Pancake")
	page.fill("input[name=name]", hostileName)
	page.fill("input[name=phone]", "0904 000 321")
	page.click("main form .btn-primary")
	page.sees("Đã thêm nhân viên.", hostileName, "0904 000 321")
	path, _, _ := strings.Cut(page.path(), "?")

	page.open("/staff/new")
	page.fill("input[name=name]", "Huy")
	page.fill("input[name=phone]", "0904000321")
	page.click("main form .btn-primary")
	page.sees("Số điện thoại này thuộc về một nhân viên khác đang làm việc.")

	page.open(path + "/edit")
	page.sees("Sửa nhân viên")
	id := strings.TrimPrefix(path, "/staff/")
	page.bridge.send("PATCH", usersPath+"/"+id, object{"email": "mai@example.vn"}).wants(t, 200, "")
	page.fill("input[name=name]", "Phương Mai")
	page.click("main form .btn-primary")
	page.sees("Người khác vừa sửa bản ghi này.", "Hiện tại là: mai@example.vn")
	page.fill("input[name=email]", "mai@example.vn")
	page.click("main form .btn-primary")
	page.sees("Đã lưu thay đổi.", "Phương Mai", "mai@example.vn")

	page.click("[data-opens=deactivate]")
	page.sees("Cho Phương Mai ngừng hoạt động?")
	page.click("#deactivate .btn-primary")
	page.sees("Đã ngừng hoạt động.")
	page.open("/staff?active=no")
	page.sees("Phương Mai")
	page.fill("input[name=q]", "0904000")
	page.click("main form .btn-primary")
	page.sees("Phương Mai")
	page.fill("input[name=q]", "zzz")
	page.click("main form .btn-primary")
	page.sees("Không tìm thấy gì")
	if got := page.path(); got != "/staff?active=no" {
		t.Errorf("the address is %s", got)
	}
	page.open(path)
	page.click("[data-opens=activate]")
	page.click("#activate .btn-primary")
	page.sees("Đã hoạt động lại.", "Đang làm việc")
}

func TestConsoleStaffWhomNobodyKnowsAreMapped(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	b := page.bridge
	const made = "order-with-known-creator.json" // by somebody whom no user is yet
	deliver := func(id int) string {
		return *b.settled(b.deliver(shopA, changed(t, fixture(t, made), object{"id": id, "custom_id": nil}))).OrderCode
	}
	past := deliver(9000)
	b.caughtUp()
	page.open("/staff/unmapped")
	page.sees("Chưa có nhân viên nào đang làm việc để gắn.", past)
	staff := b.order(past).Creator
	mai := b.addedUser(fmt.Sprintf(`{"name":%q}`, strings.ToUpper(*staff.Name))) // the same person, written otherwise
	b.addedUser(`{"name":"Huy"}`)
	b.caughtUp()

	page.open("/orders/" + past)
	page.sees("Chưa giao cho ai")
	page.open("/staff")
	page.click("a[href='/staff/unmapped']")
	page.sees(*staff.Name, "1 đơn, từ", past)
	if chosen := evaluate[string](page, "document.querySelector('[name=user]').value"); chosen != mai.ID.String() {
		t.Errorf("suggested is %q, want who has the name", chosen)
	}
	page.click("main form .btn-primary") // one click, since who it is was suggested
	page.sees("Đã gắn với "+mai.Name, "Ai cũng đã được gắn")
	page.open("/orders/" + deliver(9001))
	page.sees(mai.Name, "Theo nhân viên đã gắn với người tạo đơn")
	page.open("/orders/" + past)
	page.sees("Chưa giao cho ai") // which nobody asked for yet

	path := "/staff/" + mai.ID.String()
	page.open(path)
	page.click("[data-opens=past-0]")
	page.sees("Giao đơn cũ cho " + mai.Name + "?")
	page.click("#past-0 .btn-primary")
	page.sees("1 đơn cũ đã được giao.")
	page.open("/orders?assignee=" + mai.ID.String())
	page.sees(past, "Pancake_1635294032_9001")
	page.open("/orders/" + past)
	page.sees(mai.Name, "Giao cho người khác")

	page.open(path)
	page.click("[data-opens=unmap-0]")
	page.click("#unmap-0 .btn-primary")
	page.sees("Đã gỡ nhân viên Pancake.", "Chưa gắn nhân viên Pancake nào.")
	page.open("/orders/" + deliver(9002))
	page.sees("Chưa giao cho ai")

	page.open("/staff/unmapped")
	page.click("main input[name=past]")
	page.click("main form .btn-primary")
	page.sees("Đã gắn với "+mai.Name, "1 đơn cũ đã được giao.")
}

func TestConsoleStaffOnAPhone(t *testing.T) {
	t.Parallel()
	page := startConsole(t, workspace.RoleOperator)
	page.bridge.deliver(shopA, fixture(t, "order-with-known-creator.json"))
	furnishStaff(page.bridge)
	page.looksLike(360, "light")
	for _, shown := range staffPages() {
		page.open(shown.path(page.bridge))
		page.sees(shown.sees)
		page.fitsWidth()
	}
}
