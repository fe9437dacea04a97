package order

import "github.com/google/uuid"

// AssigneeReason says why an order is assigned to whom it is.
type AssigneeReason string

// The reasons. They are stored data.
const (
	AssignedByCreatorPhone AssigneeReason = "creator_phone"
	AssignedByCreatorEmail AssigneeReason = "creator_email"
	// AssignedByCreatorMapped: an operator said which user the creator is.
	AssignedByCreatorMapped    AssigneeReason = "creator_mapped"
	AssignedByFirstEditorPhone AssigneeReason = "first_editor_phone"
	AssignedByFirstEditorEmail AssigneeReason = "first_editor_email"
	// AssignedByFirstEditorMapped: an operator said which user the first editor is.
	AssignedByFirstEditorMapped AssigneeReason = "first_editor_mapped"
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

// Directory finds active users only.
type Directory struct {
	// ByPhone takes E.164, ByEmail lower case.
	ByPhone, ByEmail func(string) (Staff, bool)
	// ByStaffKey finds the user whom an operator mapped a member of the shop's staff to, by Person.StaffKey.
	ByStaffKey func(string) (Staff, bool)
}

// StaffKeys are the keys of those whose mapping tells who carries the order out: its creator, or its first editor where it
// names no creator. So at most one is not empty.
func (s State) StaffKeys() (creator, firstEditor string) {
	if creator = s.Creator.StaffKey(s.ShopID); creator != "" {
		return creator, ""
	}
	return "", s.FirstEditor.StaffKey(s.ShopID)
}

// ChooseAssignee decides who carries out an order: the user with its creator's phone, else the one with the creator's
// email, else the one whom the creator is mapped to, else the same for the first editor (whose mapping counts only where
// no creator is named, see StaffKeys), else the shop's default assignee (fallback), else nobody. A fallback who is no
// longer active must be left out by the caller.
func ChooseAssignee(state State, users Directory, fallback Staff) Assignee {
	creatorKey, firstEditorKey := state.StaffKeys()
	for _, try := range []struct {
		find   func(string) (Staff, bool)
		key    string
		reason AssigneeReason
	}{
		{users.ByPhone, state.Creator.Phone, AssignedByCreatorPhone},
		{users.ByEmail, state.Creator.Email, AssignedByCreatorEmail},
		{users.ByStaffKey, creatorKey, AssignedByCreatorMapped},
		{users.ByPhone, state.FirstEditor.Phone, AssignedByFirstEditorPhone},
		{users.ByEmail, state.FirstEditor.Email, AssignedByFirstEditorEmail},
		{users.ByStaffKey, firstEditorKey, AssignedByFirstEditorMapped},
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
