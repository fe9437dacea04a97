package user_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

var id = uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a03")

// after is a user to whom this happened.
func after(payloads ...event.Payload) *user.User {
	var history []event.Recorded
	for i, payload := range payloads {
		history = append(history, event.Recorded{New: event.New{Version: i + 1, Payload: payload}})
	}
	return user.Rehydrate(history)
}

func mai() user.State {
	return user.State{ID: id, Name: "Mai", Phone: "+84904000321", Email: "mai@example.vn", Active: true}
}

func inactive() user.State {
	state := mai()
	state.Active = false
	return state
}

func TestAdd(t *testing.T) {
	t.Parallel()
	u, err := user.Add(id, user.Details{Name: " Mai ", Phone: "0904 000 321", Email: "Mai@Example.vn"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []event.Payload{user.UserAdded{User: mai()}}; !reflect.DeepEqual(u.Pending(), want) || u.State() != mai() || u.Version() != 1 {
		t.Errorf("recorded %+v, version %d", u.Pending(), u.Version())
	}
	if bare, err := user.Add(id, user.Details{Name: "Mai", Phone: " "}); err != nil || bare.State().Phone != "" || len(bare.Claims()) != 0 {
		t.Errorf("without phone and email: %+v, %v", bare.State(), err)
	}
	_, err = user.Add(id, user.Details{Phone: "12", Email: "x"})
	wantFields(t, err, "name", "phone", "email")
}

func wantFields(t *testing.T, err error, want ...string) {
	t.Helper()
	known, ok := problem.Of(err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, field := range known.Fields() {
		got = append(got, field.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v names %q, want %q", err, got, want)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	renamed := mai()
	renamed.Name, renamed.Phone = "Phương Mai", ""
	for name, tc := range map[string]struct {
		given []event.Payload
		when  func(*user.User) error
		then  []event.Payload
	}{
		"an edit tells what changed": {
			[]event.Payload{user.UserAdded{User: mai()}},
			func(u *user.User) error {
				return u.Edit(user.Edit{Name: text("Phương Mai"), Phone: text(""), Email: text("MAI@example.vn")})
			},
			[]event.Payload{user.UserUpdated{User: renamed, Changes: []event.Change{
				event.ChangeOf("name", "Mai", "Phương Mai"), event.ChangeOf("phone", "+84904000321", nil),
			}}},
		},
		"an edit that changes nothing says nothing": {
			[]event.Payload{user.UserAdded{User: mai()}},
			func(u *user.User) error { return u.Edit(user.Edit{Name: text("Mai"), Phone: text("0904000321")}) }, nil,
		},
		"an empty edit says nothing": {
			[]event.Payload{user.UserAdded{User: mai()}}, func(u *user.User) error { return u.Edit(user.Edit{}) }, nil,
		},
		"an edit is held against the last one": {
			[]event.Payload{user.UserAdded{User: mai()}, user.UserUpdated{User: renamed}},
			func(u *user.User) error { return u.Edit(user.Edit{Name: text("Phương Mai")}) }, nil,
		},
		"deactivating": {
			[]event.Payload{user.UserAdded{User: mai()}},
			func(u *user.User) error { u.Deactivate(); u.Deactivate(); return nil },
			[]event.Payload{user.UserDeactivated{User: inactive()}},
		},
		"reactivating": {
			[]event.Payload{user.UserAdded{User: mai()}, user.UserDeactivated{User: inactive()}},
			func(u *user.User) error { u.Reactivate(); u.Reactivate(); return nil },
			[]event.Payload{user.UserReactivated{User: mai()}},
		},
		"mapping twice says it once": {
			[]event.Payload{user.UserAdded{User: mai()}},
			func(u *user.User) error {
				if err := u.Map(user.Staff{Key: "u-1", Name: "Mai"}); err != nil {
					return err
				}
				return u.Map(user.Staff{Key: "u-1", Name: "Another"})
			},
			[]event.Payload{user.StaffMapped{User: mai(), Staff: user.Staff{Key: "u-1", Name: "Mai"}}},
		},
		"a mapping outlives a deactivation": {
			[]event.Payload{
				user.UserAdded{User: mai()},
				user.StaffMapped{User: mai(), Staff: user.Staff{Key: "u-1"}},
				user.UserDeactivated{User: inactive()},
				user.UserReactivated{User: mai()},
			},
			func(u *user.User) error { return u.Map(user.Staff{Key: "u-1"}) }, nil,
		},
		"unmapping tells who it was": {
			[]event.Payload{user.UserAdded{User: mai()}, user.StaffMapped{User: mai(), Staff: user.Staff{Key: "u-1", Name: "Mai"}}},
			func(u *user.User) error { return u.Unmap("u-1") },
			[]event.Payload{user.StaffUnmapped{User: mai(), Staff: user.Staff{Key: "u-1", Name: "Mai"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := after(tc.given...)
			if err := tc.when(u); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(u.Pending(), tc.then) {
				t.Errorf("recorded %+v, want %+v", u.Pending(), tc.then)
			}
			if want := len(tc.given) + len(tc.then); u.Version() != want {
				t.Errorf("version %d, want %d", u.Version(), want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	bad := "\x00"
	u := after(user.UserAdded{User: mai()}, user.StaffMapped{User: mai(), Staff: user.Staff{Key: "u-1"}}, user.StaffUnmapped{User: mai(), Staff: user.Staff{Key: "u-1"}})
	wantFields(t, u.Edit(user.Edit{Name: &bad, Phone: &bad, Email: &bad}), "name", "phone", "email")
	wantCode(t, u.Unmap("u-1"), problem.KindNotFound, "staff-not-mapped")
	wantCode(t, after(user.UserAdded{User: mai()}, user.UserDeactivated{User: inactive()}).Map(user.Staff{Key: "u-1"}), problem.KindInvalid, "user-inactive")
	if len(u.Pending()) != 0 {
		t.Errorf("what was refused was recorded: %+v", u.Pending())
	}
	wantCode(t, user.KeyTaken(contact.KindPhone, mai()), problem.KindConflict, "user-phone-taken")
	wantCode(t, user.KeyTaken(contact.KindEmail, mai()), problem.KindConflict, "user-email-taken")
}

func wantCode(t *testing.T, err error, kind problem.Kind, code string) {
	t.Helper()
	if known, ok := problem.Of(err); !ok || known.Kind() != kind || known.Code() != code {
		t.Errorf("got %v, want %q of kind %q", err, code, kind)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	phone, none := "0904000322", ""
	for name, tc := range map[string]struct {
		given []event.Payload
		when  func(*user.User)
		want  []string
	}{
		"what did not change is not claimed again": {[]event.Payload{user.UserAdded{User: mai()}}, func(u *user.User) { must(t, u.Edit(user.Edit{Email: &none})) }, nil},
		"a new phone is": {[]event.Payload{user.UserAdded{User: mai()}}, func(u *user.User) { must(t, u.Edit(user.Edit{Phone: &phone})) }, []string{"+84904000322"}},
		"who comes back claims all": {
			[]event.Payload{user.UserAdded{User: mai()}, user.UserDeactivated{User: inactive()}},
			(*user.User).Reactivate,
			[]string{"+84904000321", "mai@example.vn"},
		},
		"who is not active claims nothing": {
			[]event.Payload{user.UserAdded{User: mai()}, user.UserDeactivated{User: inactive()}},
			func(u *user.User) { must(t, u.Edit(user.Edit{Phone: &phone})) }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := after(tc.given...)
			tc.when(u)
			var got []string
			for _, key := range u.Claims() {
				got = append(got, key.Value)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("claims %q, want %q", got, tc.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestParseStaff(t *testing.T) {
	t.Parallel()
	staff, err := user.ParseStaff(" name:1635294032:Mai Phu\u031bo\u031bng ", " Mai ") // a keyboard's letters, in parts
	if err != nil || staff != (user.Staff{Key: "name:1635294032:Mai Phương", Name: "Mai"}) {
		t.Errorf("%+q, %v", staff, err)
	}
	for _, key := range []string{"", "  ", "a\nb", "\xff", strings.Repeat("x", 301)} {
		_, err := user.ParseStaff(key, "\x01")
		wantFields(t, err, "staff_key", "staff_name")
	}
}
