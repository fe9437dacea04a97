package query

import "orderbridge/domain/order"

// WhyAssigned says why an order is its assignee's, to go on after "who"; empty when it is nobody's.
func WhyAssigned(reason order.AssigneeReason) string {
	return map[order.AssigneeReason]string{
		order.AssignedByCreatorPhone:      "has the phone of the order's creator",
		order.AssignedByCreatorEmail:      "has the email of the order's creator",
		order.AssignedByCreatorMapped:     "is mapped to the order's creator",
		order.AssignedByFirstEditorPhone:  "has the phone of the order's first editor",
		order.AssignedByFirstEditorEmail:  "has the email of the order's first editor",
		order.AssignedByFirstEditorMapped: "is mapped to the order's first editor",
		order.AssignedByShopDefault:       "is the shop's default assignee",
	}[reason]
}
