package query_test

import (
	"reflect"
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
	"orderbridge/domain/workspace"
)

// TestFieldsOfOrdersHaveNames: no path of JSON is told to people.
func TestFieldsOfOrdersHaveNames(t *testing.T) {
	t.Parallel()
	other := order.State{
		Status: order.NewStatus(1), Totals: order.Totals{Lines: 1, Discount: 1, Goods: 1, ShippingFee: 1, Surcharge: 1, Tax: 1, Due: 1},
		Payments: order.Payments{COD: 1, Cash: 1, Prepaid: 1, BankTransfer: 1, Card: 1, EWallet: 1}, OrderedAt: time.Unix(1, 0),
	}
	fill(reflect.ValueOf(&other).Elem(), "x")
	other.Buyer.Masked = true
	changes := order.Record{CustomerID: uuid.New()}.ChangesTo(order.Record{State: other})
	if len(changes) < 35 {
		t.Fatalf("only %d fields differ", len(changes))
	}
	for _, change := range append(changes, order.Change{Field: "assignee"}) {
		for language, name := range map[string]string{"English": query.FieldInEnglish(change.Field), "Vietnamese": query.FieldInVietnamese(change.Field)} {
			if strings.ContainsAny(name, "._") {
				t.Errorf("in %s %s is called %q", language, change.Field, name)
			}
		}
	}
}

func TestNarrate(t *testing.T) {
	t.Parallel()
	from := uuid.MustParse("01993b5e-7c00-7a10-8000-000000000450")
	key := contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}
	moved := customer.Decision{
		Rule: customer.MatchByPhone, Reason: customer.ReasonOnlyHolder, Key: &key, CandidateCount: 1, MovedFrom: from,
	}
	stranger := customer.Decision{Rule: customer.MatchByPhone, Reason: customer.ReasonNoHolder, Tried: []contact.Key{key}, MovedFrom: from}
	state := order.State{Currency: "VND", Status: order.NewStatus(6)}
	changes := []order.Change{{Field: "customer_id"}, {Field: "buyer.phones"}}
	assigned := func(reason order.AssigneeReason) event.Payload {
		return order.OrderCreated{Code: "P_1", Order: state, Assignee: order.Assignee{Name: "Mai", Reason: reason}}
	}
	mai := order.Assignee{Name: "Mai", Reason: order.AssignedByCreatorMapped}
	reassigned := func(changes ...order.Change) event.Payload {
		return order.OrderReassigned{Code: "P_1", Assignee: mai, Changes: changes}
	}
	for want, payload := range map[string]event.Payload{
		"The order shows another buyer than before, so it moves away from customer " + from.String() + ". Matched an existing customer: " +
			"the rule matches by phone, and phone 0912 000 451 belongs to 1 active customer (1 candidate).": order.CustomerMatched{Decision: moved},
		"The order shows another buyer than before, so it moves away from customer " + from.String() + `. Created customer "Lan": ` +
			"the rule matches by phone, and no active customer has phone 0912 000 451 (0 candidates).": customer.CustomerCreated{Customer: customer.State{Name: "Lan"}, Decision: stranger},
		"Updated order P_1: customer, buyer's phones changed.": order.OrderUpdated{Code: "P_1", Changes: changes, Reason: order.UpdatedNewer},
		"Updated order P_1: customer, buyer's phones changed. The shop changed it without giving it a new time of change.": order.OrderUpdated{
			Code: "P_1", Changes: changes, Reason: order.UpdatedSameVersion,
		},
		"Updated order P_1: customer, buyer's phones changed. This is an older version, but it shows who the buyer is, and no newer one does.": order.OrderUpdated{
			Code: "P_1", Changes: changes, Reason: order.UpdatedBuyerRevealed,
		},
		"Order P_1 stays as it is: this version says nothing new.": order.OrderUnchanged{Code: "P_1", Reason: order.UnchangedIdentical},
		"Created order P_1 with 0 lines, 0 ₫ due. Nobody is assigned: no user has the phone or email of its creator or is mapped to them, " +
			"and the shop has no default assignee. It was skipped before: this older version shows that it was not cancelled from the beginning.": order.OrderCreated{
			Code: "P_1", Order: state, Assignee: order.Assignee{Reason: order.AssignedToNobody}, Reason: order.CreatedWasLive,
		},
		`The account "lan" was shown the phones and emails of customer ` + from.String() + ".": workspace.ContactRevealed{AccountName: "lan", CustomerID: from},
		`The account "lan" was shown the phones and emails in order P_1 of customer ` + from.String() + ".": workspace.ContactRevealed{
			AccountName: "lan", CustomerID: from, OrderCode: "P_1",
		},
		"Created order P_1 with 0 lines, 0 ₫ due. Assigned to Mai, who is mapped to the order's creator.":      assigned(order.AssignedByCreatorMapped),
		"Created order P_1 with 0 lines, 0 ₫ due. Assigned to Mai, who is mapped to the order's first editor.": assigned(order.AssignedByFirstEditorMapped),
		"Order P_1 was given to another assignee. Assigned to Mai, who is mapped to the order's creator.":      reassigned(),
		"Order P_1 had no assignee before. Assigned to Mai, who is mapped to the order's creator.":             reassigned(event.ChangeOf("assignee", order.Assignee{Reason: order.AssignedToNobody}, mai)),
		"Order P_1 was assigned to Hùng before. Assigned to Mai, who is mapped to the order's creator.":        reassigned(event.ChangeOf("assignee", order.Assignee{Name: "Hùng"}, mai)),
		`Customer "Lan" was added by hand.`: customer.CustomerImported{Customer: customer.State{Name: "Lan"}, Origin: "operator"},
		"Attempt 2 to bring it in failed: the delivery was refused before its body was read, so there is nothing to bring in. " +
			"Nothing of its body was kept.": delivery.IngestionFailed{
			Attempt: 2, Reason: "body-not-kept", Detail: "the delivery was refused before its body was read, so there is nothing to bring in",
		},
	} {
		// An amount stands before its currency with a space that no line is broken at.
		if got := strings.ReplaceAll(query.Narrate(payload), "\u00a0", " "); got != want {
			t.Errorf("told\n%s\nwant\n%s", got, want)
		}
	}
}

// TestReasonsAreToldInVietnamese: the sentence holds no English, save for a detail in parentheses that has no translation.
func TestReasonsAreToldInVietnamese(t *testing.T) {
	t.Parallel()
	for want, payload := range map[string]event.Payload{
		"Bị từ chối ngay khi nhận: nội dung lớn hơn mức cho phép.": delivery.DeliveryRejected{Reason: "body-too-large", Detail: "a body has at most 2097152 bytes"},
		"Lần thử 1 đưa đơn hàng 7 của cửa hàng 1635294032 vào CRM không thành công: items[0].quantity: số lượng không phải là số từ 0 đến 1000000000 " +
			"với nhiều nhất 6 chữ số thập phân. Nội dung đã nhận vẫn được lưu nguyên vẹn.": delivery.IngestionFailed{
			ShopID: "1635294032", OrderID: "7", Attempt: 1, Reason: "quantity-unreadable", Detail: "items[0].quantity: the quantity is not a number",
		},
		"Lần thử 2 đưa vào CRM không thành công: lý do new-reason (something: that is new). Nội dung đã nhận vẫn được lưu nguyên vẹn.": delivery.IngestionFailed{
			Attempt: 2, Reason: "new-reason", Detail: "something: that is new.",
		},
		"Lần thử 2 đưa vào CRM không thành công: nội dung bị từ chối trước khi được đọc nên không có gì để đưa vào. Không có nội dung nào được lưu.": delivery.IngestionFailed{
			Attempt: 2, Reason: "body-not-kept", Detail: "the delivery was refused before its body was read, so there is nothing to bring in",
		},
	} {
		if got := query.NarrateVietnamese(payload); got != want {
			t.Errorf("told\n%s\nwant\n%s", got, want)
		}
	}
}
