package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/ports/cli"
)

// auditedOrder fills a bundle with an order that matched one of two customers, was changed once, and is delivered again.
func auditedOrder(t *testing.T) *testBundle {
	t.Helper()
	bundle := setup(t)
	bundle.env["COLUMNS"] = "100"
	deliveryID := uuid.MustParse("01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11")
	older, newer := uuid.MustParse("01994b0e-5d1e-7c52-a1f0-000000000001"), uuid.MustParse("01994b0e-5d1e-7c52-a1f0-000000000002")
	key := contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}
	state := order.State{Currency: "VND", Status: order.NewStatus(0), Totals: order.Totals{Due: 475000}}
	quantity, err := order.ParseQuantity("2")
	if err != nil {
		t.Fatal(err)
	}
	shirt := order.Line{ProductCode: "AT01", ProductName: "Áo thun", Variant: "Đỏ", Quantity: quantity, Amount: 500000}
	cheaper, gift := shirt, order.Line{ProductCode: "QUA", ProductName: "Túi", Quantity: quantity, Gift: true}
	cheaper.Amount = 450000
	linesBefore, linesAfter := []order.Line{shirt, {ProductCode: "QJ07", ProductName: "Quần jean", Quantity: quantity, Amount: 400000}}, []order.Line{cheaper, gift}
	var causes []uuid.UUID
	recorded := func(position int64, after time.Duration, actor event.Actor, cause int, payload event.Payload) event.Recorded {
		stored, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		e := event.Recorded{
			New:      event.New{ID: event.NewID(), Stream: event.OrderStream("1635294032", "2051"), Actor: actor, CorrelationID: deliveryID, Payload: payload},
			Position: position, RecordedAt: orderedAt.Add(after), Stored: stored,
		}
		if causes = append(causes, e.ID); cause >= 0 {
			e.CausationID = causes[cause]
		}
		return e
	}
	received := delivery.OrderReceived{ShopID: "1635294032", OrderID: "2051", Request: delivery.Request{Bytes: 5321}}
	bundle.read.steps = []event.Recorded{
		recorded(9, 0, event.ActorWebhook, -1, received),
		recorded(10, 45*time.Millisecond, event.ActorPolicy, 0, order.CustomerMatched{CustomerID: older, Decision: customer.Decision{
			Rule: customer.MatchByPhone, Reason: customer.ReasonOldestHolder, Key: &key, CandidateCount: 2, Candidates: []uuid.UUID{older, newer},
		}}),
		recorded(11, 45*time.Millisecond, event.ActorPolicy, 0, order.OrderCreated{
			Code: "Pancake_1635294032_2051", Order: state, Assignee: order.Assignee{Name: "Mai", Reason: order.AssignedByShopDefault},
		}),
		recorded(20, 3*time.Hour+20*time.Minute, event.ActorWebhook, -1, received),
		recorded(21, 3*time.Hour+20*time.Minute+1500*time.Millisecond, event.ActorPolicy, 3, order.OrderUpdated{
			Code: "Pancake_1635294032_2051", Order: state, Reason: order.UpdatedNewer, Changes: []order.Change{
				event.ChangeOf("status", order.NewStatus(0), order.NewStatus(1)), event.ChangeOf("tags", []string{}, []string{"gấp", "VIP"}),
				event.ChangeOf("note", nil, "xoá \x1b[2Jmàn hình"), event.ChangeOf("lines", linesBefore, linesAfter),
				event.ChangeOf("totals.due", 930000, 50005), event.ChangeOf("buyer.phones", []string{}, []string{"+84912000451"}),
				event.ChangeOf("buyer.masked", true, false), event.ChangeOf("creator", nil, order.Person{ExternalID: "7", Name: "Trần Thu Hà"}),
				event.ChangeOf("status_history", []order.StatusChange{{Status: order.NewStatus(0)}},
					[]order.StatusChange{{Status: order.NewStatus(0)}, {Status: order.NewStatus(1)}}),
				event.ChangeOf("ordered_at", orderedAt, orderedAt.Add(time.Hour)),
				event.ChangeOf("assignee", order.Assignee{Reason: order.AssignedToNobody}, order.Assignee{Name: "Mai", Reason: order.AssignedByCreatorMapped}),
			},
		}),
	}
	asked := recorded(30, 72*time.Hour, "cli:an", -1, delivery.IngestionRetried{Reason: delivery.RetriedShopResumed})
	asked.CorrelationID = event.NewID()
	bundle.read.waiting = []event.Recorded{asked}
	bundle.read.settings.OrderCodeTemplate = order.DefaultCodeTemplate.String()
	bundle.read.origin = query.OrderOrigin{
		ShopID: "1635294032", ExternalID: "2051", Status: "waiting_for_pickup", Customer: query.Reference{ID: older, Name: "Trần Lan"},
		ReceivedAt: orderedAt, CreatedAt: orderedAt.Add(45 * time.Millisecond),
	}
	return bundle
}

func TestAuditTellsAnOrder(t *testing.T) {
	t.Parallel()
	bundle := auditedOrder(t)
	english := `Order     Pancake_1635294032_2051
Now       waiting for pickup
Customer  Trần Lan
  id      01994b0e-5d1e-7c52-a1f0-000000000001
Received  15/09/2025 10:04:38
Done      15/09/2025 10:04:38 (45 ms later)

#9   15/09/2025 10:04:38  OrderReceived  by the shop
     Order 2051 of shop 1635294032 arrived (5321 bytes) and was kept exactly as it came.

#10  15/09/2025 10:04:38  +45 ms  CustomerMatched  by Orderbridge  due to #9
     Matched an existing customer: the rule matches by phone, and phone 0912 000 451 belongs to 2
     active customers (2 candidates, oldest first: 01994b0e-5d1e-7c52-a1f0-000000000001,
     01994b0e-5d1e-7c52-a1f0-000000000002); the oldest was taken.

#11  15/09/2025 10:04:38  +0 ms  OrderCreated  by Orderbridge  due to #9
     Created order Pancake_1635294032_2051 with 0 lines, 475.000 ₫ due. Assigned to Mai, who is the
     shop's default assignee.

#20  15/09/2025 13:24:38  +3 h 19 min  OrderReceived  by the shop
     Order 2051 of shop 1635294032 arrived (5321 bytes) and was kept exactly as it came.

#21  15/09/2025 13:24:39  +1.5 s  OrderUpdated  by Orderbridge  due to #20
     Updated order Pancake_1635294032_2051: status, tags, note, lines, due, buyer's phones, buyer
     hidden by the shop, creator, status history, time of the order, assignee changed.
     status: new → confirmed
     tags: - → gấp, VIP
     note: - → xoá \x1b[2Jmàn hình
     line: 2 × Áo thun (Đỏ), 500.000 ₫ → 2 × Áo thun (Đỏ), 450.000 ₫
     new line: 2 × Túi (gift), 0 ₫
     line removed: 2 × Quần jean, 400.000 ₫
     due: 930.000 ₫ → 50.005 ₫
     buyer's phones: - → 0912 000 451
     buyer hidden by the shop: yes → no
     creator: - → Trần Thu Hà
     status history: new → new, confirmed
     time of the order: 15/09/2025 10:04:38 → 15/09/2025 11:04:38
     assignee: nobody → Mai

…    18/09/2025 10:04:38  +0 ms  waiting  by Orderbridge  due to #30
     It waits to be brought in, which usually takes less than a second.
`
	bundle.run("audit", "order", "Pancake_1635294032_2051").exits(cli.ExitDone).prints(english, "")

	bundle.env["LANG"] = "vi_VN.UTF-8"
	vietnamese := bundle.run("audit", "order", "Pancake_1635294032_2051").exits(cli.ExitDone).stdout
	for _, want := range []string{
		"Đơn hàng    Pancake_1635294032_2051\nHiện tại    chờ chuyển hàng\nKhách hàng  Trần Lan\n",
		"Xong lúc    15/09/2025 10:04:38 (sau 45 ms)\n", "+1,5 giây  OrderUpdated  bởi Orderbridge  do #20\n",
		"Đã khớp với khách hàng có sẵn: quy tắc tìm theo số điện thoại, và số điện thoại 0912 000 451\n",
		"trạng thái: mới → đã xác nhận\n", "ghi chú: - → xoá \\x1b[2Jmàn hình\n", "thêm dòng hàng: 2 × Túi (quà tặng), 0 ₫\n",
		"phải thu: 930.000 ₫ → 50.005 ₫\n", "người thực hiện: chưa giao cho ai → Mai\n", "thông tin người mua bị che: có → không\n", "đang chờ  bởi Orderbridge",
	} {
		if !strings.Contains(vietnamese, want) {
			t.Errorf("%q is not told in\n%s", want, vietnamese)
		}
	}
	bundle.run("audit", "order", "Pancake_1635294032_2051", "--lang", "en").exits(cli.ExitDone).prints(english, "")
	bundle.env["LC_ALL"] = "C"
	bundle.run("audit", "order", "Pancake_1635294032_2051").exits(cli.ExitDone).prints(english, "")
}

func TestAuditGoesOnWhereAPartEnds(t *testing.T) {
	t.Parallel()
	bundle := auditedOrder(t)
	first := bundle.run("audit", "order", "Pancake_1635294032_2051", "--limit", "2").exits(cli.ExitDone)
	if !strings.Contains(first.stdout, "\n#10  ") || strings.Contains(first.stdout, "\n#11  ") || strings.Contains(first.stdout, "…") {
		t.Errorf("told\n%s", first.stdout)
	}
	if want := "There are more. For those that follow, add: --cursor " + query.Cursor(10) + "\n"; first.stderr != want {
		t.Errorf("beside it %q", first.stderr)
	}
	second := bundle.run("audit", "order", "Pancake_1635294032_2051", "--cursor", query.Cursor(10)).exits(cli.ExitDone)
	if !strings.Contains(second.stdout, "\n#11  15/09/2025 10:04:38  +0 ms  OrderCreated") || strings.Contains(second.stdout, "\n#10  ") || second.stderr != "" {
		t.Errorf("told\n%s\n%s", second.stdout, second.stderr)
	}
	var told query.Timeline
	raw := bundle.run("audit", "order", "Pancake_1635294032_2051", "--json").exits(cli.ExitDone).stdout
	if err := json.Unmarshal([]byte(raw), &told); err != nil || len(told.Items) != 6 || told.Items[5].State != query.StepPending || told.NextCursor != nil {
		t.Errorf("%v: %s", err, raw)
	}
	bundle.run("audit", "order", "Pancake_1635294032_2051", "--limit", "201").exits(cli.ExitRefused)
	bundle.run("audit", "order", "Pancake_1635294032_2051", "--lang", "fr").exits(cli.ExitUsage)
}

func TestInterpretNamesWhatIsNoSource(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("interpret", "nowhere.json").exits(cli.ExitNotFound).
		prints("", "orderbridge: there is no file nowhere.json, and it is no id of a delivery\n")
	bundle.stdin = strings.Repeat(" ", 2<<20+1)
	bundle.run("interpret", "-").exits(cli.ExitRefused).prints("", "orderbridge: a delivery has at most 2097152 bytes\n")
	bundle.run("interpret", t.TempDir()).exits(cli.ExitRefused)
	if bundle.opened != 0 {
		t.Errorf("opened %d sessions", bundle.opened)
	}
	bundle.read.err = delivery.ErrUnknown
	bundle.run("interpret", anID).exits(cli.ExitNotFound).prints("", "orderbridge: no delivery has this id\n")
}
