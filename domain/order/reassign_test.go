package order_test

import (
	"testing"

	"github.com/google/uuid"

	"orderbridge/domain/order"
)

func TestAssignMapped(t *testing.T) {
	t.Parallel()
	mai, desk := order.Staff{ID: uuid.New(), Name: "Mai"}, uuid.New()
	for name, tc := range map[string]struct {
		reason          order.AssigneeReason
		creator, editor order.Person
		want            order.AssigneeReason
	}{
		"nobody's order, by its creator":                    {order.AssignedToNobody, order.Person{ExternalID: "u-1"}, order.Person{}, order.AssignedByCreatorMapped},
		"the shop's own order, by its creator":              {order.AssignedByShopDefault, order.Person{ExternalID: "u-1"}, order.Person{ExternalID: "u-2"}, order.AssignedByCreatorMapped},
		"without a creator, by its first editor":            {order.AssignedToNobody, order.Person{}, order.Person{ExternalID: "u-1"}, order.AssignedByFirstEditorMapped},
		"with another creator, not by its first editor":     {order.AssignedToNobody, order.Person{Name: "Huy"}, order.Person{ExternalID: "u-1"}, ""},
		"an order of nobody's making stays":                 {order.AssignedToNobody, order.Person{}, order.Person{}, ""},
		"an order that somebody was found for stays":        {order.AssignedByCreatorPhone, order.Person{ExternalID: "u-1"}, order.Person{}, ""},
		"an order that another mapping was found for stays": {order.AssignedByCreatorMapped, order.Person{ExternalID: "u-1"}, order.Person{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := order.Record{
				Code: "Pancake_1_2", CustomerID: uuid.New(), SourceID: uuid.New(), Assignee: order.Assignee{UserID: desk, Reason: tc.reason},
				State: order.State{ExternalID: "2", Creator: tc.creator, FirstEditor: tc.editor},
			}
			got, ok := record.AssignMapped("u-1", mai)
			if ok != (tc.want != "") {
				t.Fatalf("assigned: %t, %+v", ok, got)
			}
			if !ok {
				return
			}
			after := got.Record()
			if after.Assignee != (order.Assignee{UserID: mai.ID, Name: "Mai", Reason: tc.want}) || len(got.Changes) != 1 || got.Changes[0].Field != "assignee" {
				t.Errorf("%+v", got)
			}
			if after.Assignee = record.Assignee; after.Code != record.Code || after.CustomerID != record.CustomerID ||
				after.SourceID != record.SourceID || !order.SameContent(after.State, record.State) {
				t.Errorf("more than the assignee changed: %+v", got)
			}
		})
	}
	named := order.Record{Assignee: order.Assignee{Reason: order.AssignedToNobody}, State: order.State{ShopID: "1", Creator: order.Person{Name: "Mai"}}}
	if _, ok := named.AssignMapped("name:1:Mai", mai); !ok {
		t.Error("a name does not fit in its own shop")
	}
	if got, ok := named.AssignMapped("name:2:Mai", mai); ok {
		t.Errorf("a name fits in another shop: %+v", got)
	}
	if _, ok := (order.Record{Assignee: order.Assignee{Reason: order.AssignedToNobody}}).AssignMapped("", mai); ok {
		t.Error("nobody's key fits nobody")
	}
}
