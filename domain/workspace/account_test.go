package workspace_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func aLink() workspace.Invitation {
	link, _ := workspace.NewInvitation(time.Date(2025, 9, 18, 3, 4, 5, 0, time.UTC))
	return link
}

func TestNamesAndPasswordsOfAccounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name, password string
		wrong          string // the fields that are refused
	}{
		"a name of letters, digits and marks":     {"Lan.Pham_2-kho@hue", "0123456789", ""},
		"a name has two letters":                  {"ab", "0123456789", ""},
		"a name is not one letter":                {"a", "0123456789", "name"},
		"a name is not endless":                   {strings.Repeat("a", 65), "0123456789", "name"},
		"a name has no blank":                     {"pham lan", "0123456789", "name"},
		"a name has no diacritics":                {"lân", "0123456789", "name"},
		"a name has no line break at its end":     {"lan\n", "0123456789", "name"},
		"a password has ten characters":           {"lan", "012345678", "password"},
		"characters are counted, and not bytes":   {"lan", "mậtkhẩu", "password"},
		"a password of ten letters of any script": {"lan", "mật khẩu ✓", ""},
		"a password has at most 128 characters":   {"lan", strings.Repeat("ậ", 129), "password"},
		"a password of 128 characters":            {"lan", strings.Repeat("ậ", 128), ""},
		"a password is not the name":              {"lan.pham.hue", "LAN.pham.hue", "password"},
		"all that is wrong is said":               {"", "", "name password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wrong []string
			if refusal, ok := problem.Of(workspace.CheckSignIn(c.name, c.password)); ok {
				for _, field := range refusal.Fields() {
					wrong = append(wrong, field.Path)
				}
			}
			if got := strings.Join(wrong, " "); got != c.wrong {
				t.Errorf("refused: %q, want %q", got, c.wrong)
			}
		})
	}
	if refusal, ok := problem.Of(workspace.CheckNewPassword("lan", "short")); !ok || refusal.Fields()[0].Path != "new" {
		t.Errorf("got %v", refusal)
	}
}

func TestInviteAccount(t *testing.T) {
	t.Parallel()
	w, id, link := newWorkspace(t), event.NewID(), aLink()
	account, err := w.InviteAccount(id, "Lan", workspace.RoleOperator, link)
	if err != nil || account != (workspace.Account{ID: id, Name: "Lan", Role: workspace.RoleOperator}) {
		t.Fatalf("got %+v, %v", account, err)
	}
	if last(w) != (workspace.AccountInvited{AccountID: id, Name: "Lan", Role: workspace.RoleOperator}) {
		t.Errorf("got %+v", last(w))
	}
	if kept, ok := w.Invitation(id); !ok || kept != link {
		t.Errorf("kept %+v", kept)
	}
	if _, err := w.InviteAccount(event.NewID(), "LAN", workspace.RoleViewer, aLink()); codeOf(err) != "account-name-taken" {
		t.Errorf("a name in another case: %v", err)
	}
	if _, err := w.InviteAccount(event.NewID(), "x", "admin", aLink()); codeOf(err) != "account-invalid" || len(fieldsOf(err)) != 2 {
		t.Errorf("a short name and an unknown role: %v", err)
	}
	if err := w.RemoveAccount(id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.InviteAccount(event.NewID(), "lan", workspace.RoleViewer, aLink()); err != nil {
		t.Errorf("a name that is free again: %v", err)
	}
}

func fieldsOf(err error) []problem.Field {
	refusal, _ := problem.Of(err)
	return refusal.Fields()
}

func TestTheFirstOwner(t *testing.T) {
	t.Parallel()
	w, viewer, owner := newWorkspace(t), event.NewID(), event.NewID()
	if _, err := w.InviteAccount(viewer, "mai", workspace.RoleViewer, aLink()); err != nil {
		t.Fatal(err)
	}
	if err := w.SetPassword(viewer, "hash"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Mai": "account-name-taken", "m": "account-invalid"} {
		if err := w.SetUpOwner(owner, name, "hash"); codeOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.HasOwner() {
		t.Error("there is an owner already")
	}
	if err := w.SetUpOwner(owner, "lan", "hash"); err != nil || !w.HasOwner() || w.PasswordHash(owner) != "hash" {
		t.Fatalf("got %v", err)
	}
	if err := w.SetUpOwner(event.NewID(), "nam", "hash"); codeOf(err) != "setup-done" {
		t.Errorf("a second one: %v", err)
	}
	if !again(w).HasOwner() {
		t.Error("the log knows no owner")
	}
}

func TestWhatIsDoneToAnAccountThatIsNotThere(t *testing.T) {
	t.Parallel()
	w, removed := newWorkspace(t), event.NewID()
	if _, err := w.InviteAccount(removed, "lan", workspace.RoleOwner, aLink()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second says nothing new
		if err := w.RemoveAccount(removed); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Pending()) != 3 {
		t.Errorf("%d events", len(w.Pending()))
	}
	if err := w.RemoveAccount(event.NewID()); codeOf(err) != "account-not-found" {
		t.Errorf("remove: %v", err)
	}
	for _, id := range []uuid.UUID{removed, event.NewID()} {
		_, errReset := w.ResetPassword(id, aLink())
		_, errRole := w.ChangeAccountRole(id, workspace.RoleViewer)
		for what, err := range map[string]error{
			"reset": errReset, "role": errRole, "password": w.SetPassword(id, "hash"), "sessions": w.EndSessions(id),
		} {
			if codeOf(err) != "account-not-found" {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// TestThereIsAlwaysAnOwner, once there was one who can sign in, whatever is done; and the log gives back what was decided.
func TestThereIsAlwaysAnOwner(t *testing.T) {
	t.Parallel()
	roles := []workspace.Role{workspace.RoleOwner, workspace.RoleOperator, workspace.RoleViewer}
	rapid.Check(t, func(t *rapid.T) {
		w, err := workspace.Create("w", nil, false)
		if err != nil {
			t.Fatal(err)
		}
		ids := []uuid.UUID{event.NewID()}
		hadOwner := false
		steps := rapid.IntRange(1, 40).Draw(t, "steps")
		for i := range steps {
			id, role := rapid.SampledFrom(ids).Draw(t, "account"), rapid.SampledFrom(roles).Draw(t, "role")
			before := len(w.Pending())
			var err error
			switch rapid.SampledFrom([]string{"invite", "set up", "password", "reset", "role", "remove", "sessions"}).Draw(t, "step") {
			case "invite":
				id = event.NewID()
				ids = append(ids, id)
				_, err = w.InviteAccount(id, fmt.Sprintf("name-%d", i%5), role, aLink())
			case "set up":
				id = event.NewID()
				ids = append(ids, id)
				err = w.SetUpOwner(id, fmt.Sprintf("name-%d", i%5), "secret hash")
			case "password":
				err = w.SetPassword(id, "secret hash")
			case "reset":
				_, err = w.ResetPassword(id, aLink())
			case "role":
				_, err = w.ChangeAccountRole(id, role)
			case "remove":
				err = w.RemoveAccount(id)
			default:
				err = w.EndSessions(id)
			}
			if err != nil && len(w.Pending()) != before {
				t.Fatalf("refused with %v, and decided on", err)
			}
			if hadOwner && !w.HasOwner() {
				t.Fatalf("nobody can sign in as an owner any more, after %+v", w.Pending()[before:])
			}
			hadOwner = w.HasOwner()
		}
		if again(w).HasOwner() != hadOwner {
			t.Fatal("the log says something else")
		}
		for _, payload := range w.Pending() {
			if encoded, err := json.Marshal(payload); err != nil || strings.Contains(string(encoded), "secret") {
				t.Fatalf("%s, %v", encoded, err)
			}
			if changed, ok := payload.(workspace.AccountRoleChanged); ok && changed.Before == changed.After {
				t.Fatalf("nothing changed: %+v", changed)
			}
		}
	})
}
