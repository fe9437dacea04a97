package order

// StaffKey is what a member of the shop's staff is told apart by: the shop's id of them, else their email, else their
// phone, else their name; empty for nobody.
func (p Person) StaffKey() string {
	switch {
	case p.ExternalID != "":
		return p.ExternalID
	case p.Email != "":
		return p.Email
	case p.Phone != "":
		return p.Phone
	case p.Name != "":
		return "name:" + p.Name
	default:
		return ""
	}
}
