package query

import "orderbridge/domain/order"

// whyAssigned are the reasons for an order's assignee, to go on after "who": for the moment of the decision, and for later.
var whyAssigned = map[order.AssigneeReason]struct{ is, was string }{
	order.AssignedByCreatorPhone:      {"has the phone of the order's creator", "had the phone of the order's creator"},
	order.AssignedByCreatorEmail:      {"has the email of the order's creator", "had the email of the order's creator"},
	order.AssignedByCreatorMapped:     {"is mapped to the order's creator", "was mapped to the order's creator"},
	order.AssignedByFirstEditorPhone:  {"has the phone of the order's first editor", "had the phone of the order's first editor"},
	order.AssignedByFirstEditorEmail:  {"has the email of the order's first editor", "had the email of the order's first editor"},
	order.AssignedByFirstEditorMapped: {"is mapped to the order's first editor", "was mapped to the order's first editor"},
	order.AssignedByShopDefault:       {"is the shop's default assignee", "was the shop's default assignee"},
}

// WhyAssigned says why an order goes to its assignee, to go on after "who"; empty when it is nobody's.
func WhyAssigned(reason order.AssigneeReason) string { return whyAssigned[reason].is }

// WhyWasAssigned says why an order went to its assignee. It may not be so any more: its creator may have changed since, or who is who.
func WhyWasAssigned(reason order.AssigneeReason) string {
	if was := whyAssigned[reason].was; was != "" {
		return was + " when it was assigned"
	}
	return ""
}
