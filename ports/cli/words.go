package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/event"
)

// words are those of a language that stand around the sentences of a timeline.
type words struct {
	// kinds are what a subject is called; the words after it are those of the header.
	kinds                       map[string]string
	name, state, customer       string
	received, done, notDone     string
	after                       string
	by, dueTo, waiting          string
	shop, itself, byHand, byAPI string
	byAccount                   string
	somebody                    string
	more                        string
	// nobody, yes and no are values of changes; the words after them tell of the lines of an order.
	nobody, yes, no                                           string
	lineAdded, lineChanged, lineRemoved, linesOtherwise, gift string
	// units are milliseconds, seconds, minutes, hours and days; point stands before decimals.
	units [5]string
	point string

	stateOf, fieldOf func(string) string
	summary          func(query.Step) string
}

var english = words{
	kinds: map[string]string{
		"order": "Order", "delivery": "Delivery", "customer": "Customer", "user": "User", "settings": "Settings", "projection": "Projection",
	},
	name: "Name", state: "Now", customer: "Customer",
	received: "Received", done: "Done", notDone: "not yet",
	after: "%s (%s later)",
	by:    "by %s", dueTo: "due to #%d", waiting: "waiting",
	shop: "the shop", itself: "Orderbridge", byHand: "%s at the command line", byAPI: "%s over the API", byAccount: "%s in the console",
	somebody: "somebody", more: "There are more. For those that follow, add: --cursor %s",
	nobody: "nobody", yes: "yes", no: "no",
	lineAdded: "new line", lineChanged: "line", lineRemoved: "line removed", gift: "gift",
	linesOtherwise: "lines: the same, in another order or with other ids",
	units:          [5]string{"ms", "s", "min", "h", "d"}, point: ".",
	stateOf: func(state string) string { return strings.ReplaceAll(state, "_", " ") },
	fieldOf: query.FieldInEnglish,
	summary: func(s query.Step) string { return s.Summary },
}

var vietnamese = words{
	kinds: map[string]string{
		"order": "Đơn hàng", "delivery": "Lần gửi", "customer": "Khách hàng", "user": "Người dùng", "settings": "Cài đặt",
		"projection": "Bảng đọc",
	},
	name: "Tên", state: "Hiện tại", customer: "Khách hàng",
	received: "Nhận lúc", done: "Xong lúc", notDone: "chưa xong",
	after: "%s (sau %s)",
	by:    "bởi %s", dueTo: "do #%d", waiting: "đang chờ",
	shop: "cửa hàng", itself: "Orderbridge", byHand: "%s tại dòng lệnh", byAPI: "%s qua API", byAccount: "%s trên bảng điều khiển",
	somebody: "ai đó", more: "Còn nữa. Để xem tiếp, thêm: --cursor %s",
	nobody: "chưa giao cho ai", yes: "có", no: "không",
	lineAdded: "thêm dòng hàng", lineChanged: "dòng hàng", lineRemoved: "bớt dòng hàng", gift: "quà tặng",
	linesOtherwise: "dòng hàng: vẫn như cũ, chỉ khác thứ tự hoặc mã",
	units:          [5]string{"ms", "giây", "phút", "giờ", "ngày"}, point: ",",
	stateOf: query.StateInVietnamese, fieldOf: query.FieldInVietnamese,
	summary: func(s query.Step) string { return s.SummaryVI },
}

func wordsIn(language string) words {
	if language == "vi" {
		return vietnamese
	}
	return english
}

// actor says who did something.
func (w words) actor(actor event.Actor) string {
	kind, name, _ := strings.Cut(string(actor), ":")
	switch event.Actor(kind) {
	case event.ActorWebhook:
		return w.shop
	case event.ActorPolicy, event.ActorSystem:
		return w.itself
	case event.ActorCommandLine:
		return fmt.Sprintf(w.byHand, cmp.Or(name, w.somebody))
	case "api":
		return fmt.Sprintf(w.byAPI, name)
	case "account":
		return fmt.Sprintf(w.byAccount, name)
	default:
		return string(actor)
	}
}

// duration is a time in the two largest of its units.
func (w words) duration(milliseconds int64) string {
	d := time.Duration(milliseconds) * time.Millisecond
	two := func(large, small time.Duration, unit int) string {
		text := fmt.Sprintf("%d %s", d/large, w.units[unit])
		if rest := d % large / small; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, w.units[unit-1])
		}
		return text
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d %s", milliseconds, w.units[0])
	case d < time.Minute:
		return strings.Replace(fmt.Sprintf("%.1f %s", d.Truncate(100*time.Millisecond).Seconds(), w.units[1]), ".", w.point, 1)
	case d < time.Hour:
		return two(time.Minute, time.Second, 2)
	case d < day:
		return two(time.Hour, time.Minute, 3)
	default:
		return two(day, time.Hour, 4)
	}
}
