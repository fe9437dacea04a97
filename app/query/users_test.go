package query_test

import (
	"encoding/json"
	"strings"
	"testing"

	"orderbridge/app/query"
)

// TestMasked: whoever may not see phones and emails sees that there are some, also where one is a staff key.
func TestMasked(t *testing.T) {
	t.Parallel()
	phone, email, name := "+84904000321", "mai@example.vn", "Mai"
	shown := query.User{Name: name, Phone: &phone, Email: &email}
	detail := query.UserDetail{User: shown, Staff: []query.Staff{{Key: phone}, {Key: email}, {Key: "u-1", Name: &name}}}
	list := query.UnmappedStaffList{Total: 9, Items: []query.UnmappedStaff{{Key: email, Phone: &phone, Email: &email}, {Key: "name:1635294032:Mai"}}}
	for what, masked := range map[string]any{"user": shown.Masked(), "detail": detail.Masked(), "list": list.Masked()} {
		encoded, err := json.Marshal(masked)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(encoded); strings.Contains(text, phone) || strings.Contains(text, email) || !strings.Contains(text, "•••") || !strings.Contains(text, name) {
			t.Errorf("%s: %s", what, text)
		}
	}
	if *shown.Phone != phone || detail.Staff[0].Key != phone || list.Items[0].Key != email {
		t.Error("masking changed what it was given")
	}
	if bare := (query.User{Name: name}).Masked(); bare.Phone != nil || bare.Email != nil {
		t.Errorf("nothing is masked as something: %+v", bare)
	}
	if kept := detail.Masked().Staff[2]; kept.Key != "u-1" {
		t.Errorf("the shop's own id is masked: %+v", kept)
	}
}
