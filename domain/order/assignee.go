package order

import "github.com/google/uuid"

// AssigneeReason says why an order is assigned to whom it is.
type AssigneeReason string

// The reasons. They are stored data.
const (
	AssignedByCreatorPhone     AssigneeReason = "creator_phone"
	AssignedByCreatorEmail     AssigneeReason = "creator_email"
	AssignedByFirstEditorPhone AssigneeReason = "first_editor_phone"
	AssignedByFirstEditorEmail AssigneeReason = "first_editor_email"
	// AssignedByCreatorMapping and AssignedByFirstEditorMapping: an operator said which user that member of the shop's
	// staff is.
	AssignedByCreatorMapping     AssigneeReason = "creator_mapped"
	AssignedByFirstEditorMapping AssigneeReason = "first_editor_mapped"
	// AssignedByShopDefault: nobody whom the order names is a user, and the shop has a default assignee.
	AssignedByShopDefault AssigneeReason = "shop_default"
	// AssignedToNobody: and the shop has none either.
	AssignedToNobody AssigneeReason = "none"
)

// Staff is a CRM user who can be assigned to orders. The zero Staff is nobody.
type Staff struct {
	ID   uuid.UUID
	Name string
}

// ChooseAssignee decides who carries out an order: the user with its creator's phone, else the one with the creator's
// email, else the same for the first editor, else the shop's default assignee (fallback), else nobody. byPhone and
// byEmail find active users only, by E.164 phone and lower case email; a fallback who is no longer active must be
// left out by the caller too.
func ChooseAssignee(state State, byPhone, byEmail func(string) (Staff, bool), fallback Staff) Assignee {
	for _, try := range []struct {
		find   func(string) (Staff, bool)
		key    string
		reason AssigneeReason
	}{
		{byPhone, state.Creator.Phone, AssignedByCreatorPhone},
		{byEmail, state.Creator.Email, AssignedByCreatorEmail},
		{byPhone, state.FirstEditor.Phone, AssignedByFirstEditorPhone},
		{byEmail, state.FirstEditor.Email, AssignedByFirstEditorEmail},
	} {
		if try.key == "" {
			continue
		}
		if staff, found := try.find(try.key); found {
			return Assignee{UserID: staff.ID, Name: staff.Name, Reason: try.reason}
		}
	}
	if fallback.ID != uuid.Nil {
		return Assignee{UserID: fallback.ID, Name: fallback.Name, Reason: AssignedByShopDefault}
	}
	return Assignee{Reason: AssignedToNobody}
}
