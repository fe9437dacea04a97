package workspace_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// pathsOf are the fields that an error lists.
func pathsOf(err error) string {
	refusal, _ := problem.Of(err)
	if refusal == nil {
		return ""
	}
	var paths []string
	for _, field := range refusal.Fields() {
		paths = append(paths, field.Path)
	}
	return strings.Join(paths, " ")
}

func last(w *workspace.Workspace) event.Payload { return w.Pending()[len(w.Pending())-1] }

func TestEditSettings(t *testing.T) {
	t.Parallel()

	t.Run("what is changed is told, and all that is in force", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t)
		err := w.EditSettings(workspace.SettingsEdit{
			MatchRule: new("email"), OrderCodeTemplate: new("DH-{shop_id}-{order_id}"), TimeZone: new("Asia/Bangkok"),
			SkipCancelled: new(false), ShopLimit: new(20),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := workspace.Settings{
			MatchRule: "email", OrderCodeTemplate: "DH-{shop_id}-{order_id}", TimeZone: "Asia/Bangkok", ShopLimit: 20,
		}
		changed, ok := last(w).(workspace.SettingsChanged)
		if w.Settings() != want || !ok || len(changed.Changes) != 4 || string(changed.Changes[3].Before) != "10" || string(changed.Changes[3].After) != "20" {
			t.Errorf("%+v, decided %+v", w.Settings(), w.Pending())
		}
		if w.SettingsVersion() != 3 || again(w).Settings() != want || again(w).SettingsVersion() != 3 {
			t.Errorf("at version %d; folded again it is %+v at %d", w.SettingsVersion(), again(w).Settings(), again(w).SettingsVersion())
		}
	})

	t.Run("what stays the same says nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t)
		same := workspace.DefaultSettings()
		for _, edit := range []workspace.SettingsEdit{
			{},
			{
				MatchRule: new(string(same.MatchRule)), OrderCodeTemplate: &same.OrderCodeTemplate, TimeZone: &same.TimeZone,
				SkipCancelled: &same.SkipCancelled, ShopLimit: &same.ShopLimit,
			},
		} {
			if err := w.EditSettings(edit); err != nil || len(w.Pending()) != 1 {
				t.Errorf("%v, decided %+v", err, w.Pending())
			}
		}
	})

	t.Run("everything that is wrong is told at once, and nothing is changed", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t)
		err := w.EditSettings(workspace.SettingsEdit{
			MatchRule: new("name"), OrderCodeTemplate: new("{order_id}"), TimeZone: new("Local"), SkipCancelled: new(false), ShopLimit: new(0),
		})
		if pathsOf(err) != "match_by order_code_template time_zone shop_limit" || len(w.Pending()) != 1 || w.Settings() != workspace.DefaultSettings() {
			t.Errorf("%v: %s, decided %+v", err, pathsOf(err), w.Pending())
		}
		for _, zone := range []string{"", "Mars/Olympus", "../../etc/passwd", "localtime", "posixrules", "Factory"} {
			if err := w.EditSettings(workspace.SettingsEdit{TimeZone: &zone}); pathsOf(err) != "time_zone" {
				t.Errorf("%q: %v", zone, err)
			}
		}
	})

	t.Run("a template whose codes an earlier one may have given is refused for good, and the earlier one itself is not", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t)
		set := func(template string) string {
			return pathsOf(w.EditSettings(workspace.SettingsEdit{OrderCodeTemplate: &template}))
		}
		if set("DH-{shop_id}-{order_id}") != "" {
			t.Fatal("a template that is apart was refused")
		}
		for _, ambiguous := range []string{"Pancake_{order_id}_{shop_id}", "Pancake_{shop_id}__{order_id}", "DH-{order_id}-{shop_id}"} {
			if set(ambiguous) != "order_code_template" {
				t.Errorf("%s was taken", ambiguous)
			}
		}
		if set("Pancake_{shop_id}_{order_id}") != "" || set("DH-{shop_id}-{order_id}") != "" {
			t.Error("a template from before was refused")
		}
	})

	t.Run("the limit of shops is not below those that are connected", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t)
		for _, id := range []string{"1", "2"} {
			if err := w.ConnectShop(workspace.Shop{ID: id, HeaderKey: "K"}, true, "v", workspace.NewSecretKey()); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EditSettings(workspace.SettingsEdit{ShopLimit: new(1)}); pathsOf(err) != "shop_limit" || !strings.Contains(err.Error(), "2 shops are connected") {
			t.Error(err)
		}
		if err := w.EditSettings(workspace.SettingsEdit{ShopLimit: new(2)}); err != nil {
			t.Fatal(err)
		}
		if err := w.ConnectShop(workspace.Shop{ID: "3", HeaderKey: "K"}, true, "v", workspace.NewSecretKey()); codeOf(err) != "shop-limit" || !strings.Contains(err.Error(), "at most 2") {
			t.Error(err)
		}
	})
}

func TestHosts(t *testing.T) {
	t.Parallel()
	w, err := workspace.Create("w", []string{"CRM.Example.com.", "crm.example.com", "[::1]", "10.0.0.1"}, true)
	if err != nil || !reflect.DeepEqual(w.Hosts(), []string{"crm.example.com", "::1", "10.0.0.1"}) || !w.IsDefault() {
		t.Fatalf("%v, %v", w, err)
	}
	if err := w.ChangeHosts([]string{"b.example.com", "crm.example.com"}, []string{"10.0.0.1", "nobody.example.com"}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again(w).Hosts(), []string{"crm.example.com", "::1", "b.example.com"}) || len(w.Pending()) != 2 {
		t.Errorf("%v, decided %+v", w.Hosts(), w.Pending())
	}
	if err := w.ChangeHosts([]string{"b.example.com"}, nil); err != nil || len(w.Pending()) != 2 {
		t.Errorf("%v, decided %+v", err, w.Pending())
	}
	err = w.ChangeHosts([]string{"https://a.example.com", "a.example.com:8080", "ok.example.com", "a..b", "đ.example.com"}, []string{"a/b"})
	if pathsOf(err) != "add_hosts[0] add_hosts[1] add_hosts[3] add_hosts[4] remove_hosts[0]" {
		t.Errorf("%s: %v", pathsOf(err), err)
	}
	if _, err := workspace.Create(" ", []string{""}, false); pathsOf(err) != "name hosts[0]" {
		t.Errorf("%s: %v", pathsOf(err), err)
	}
}

func TestShopLife(t *testing.T) {
	t.Parallel()
	key, now := workspace.NewSecretKey(), time.Date(2025, 9, 15, 3, 4, 38, 123456789, time.UTC)
	connected := func(t *testing.T) *workspace.Workspace {
		t.Helper()
		w := newWorkspace(t)
		if err := w.ConnectShop(workspace.Shop{ID: "1", Name: "A", HeaderKey: "K"}, true, "v", key); err != nil {
			t.Fatal(err)
		}
		return w
	}

	t.Run("name and default assignee are changed, and telling the same is telling nothing", func(t *testing.T) {
		t.Parallel()
		w, mai := connected(t), event.NewID()
		for range 2 {
			if err := w.UpdateShop("1", workspace.ShopEdit{Name: new("B"), DefaultAssigneeID: &mai}, true); err != nil {
				t.Fatal(err)
			}
		}
		e, ok := last(w).(workspace.ShopUpdated)
		if !ok || e.Shop.Name != "B" || e.Shop.DefaultAssigneeID != mai || len(e.Changes) != 2 ||
			string(e.Changes[0].Before) != `"A"` || e.Changes[1].Field != "default_assignee_id" || string(e.Changes[1].Before) != "null" || w.ShopVersion("1") != 3 {
			t.Errorf("%+v at version %d", w.Pending(), w.ShopVersion("1"))
		}
		if err := w.UpdateShop("1", workspace.ShopEdit{DefaultAssigneeID: new(uuid.UUID)}, true); err != nil || last(w).(workspace.ShopUpdated).Shop.DefaultAssigneeID != uuid.Nil {
			t.Errorf("%v, %+v", err, last(w))
		}
		if err := w.UpdateShop("1", workspace.ShopEdit{Name: new(""), DefaultAssigneeID: &mai}, false); pathsOf(err) != "name default_assignee_id" {
			t.Errorf("%s: %v", pathsOf(err), err)
		}
	})

	t.Run("a key is rotated with and without an overlap", func(t *testing.T) {
		t.Parallel()
		w := connected(t)
		if err := w.RotateShopKey("1", "", "new", key, time.Hour, now); err != nil {
			t.Fatal(err)
		}
		want := workspace.ShopKeyRotated{
			Shop: workspace.Shop{ID: "1", Name: "A", HeaderKey: "K"}, PreviousHeaderKey: "K",
			PreviousValidUntil: now.Add(time.Hour).Truncate(time.Microsecond),
		}
		if last(w) != want || !w.HeaderHash("1").Equal(key.Hash("new")) {
			t.Errorf("%+v, want %+v", last(w), want)
		}
		if err := w.RotateShopKey("1", "X-New", "newer", key, 0, now); err != nil {
			t.Fatal(err)
		}
		if e := last(w).(workspace.ShopKeyRotated); e.Shop.HeaderKey != "X-New" || e.PreviousHeaderKey != "K" || !e.PreviousValidUntil.IsZero() {
			t.Errorf("%+v", e)
		}
		if err := w.RotateShopKey("1", "Content-Type", "", key, workspace.MaxKeyOverlap+1, now); pathsOf(err) != "header_key header_value overlap_seconds" {
			t.Errorf("%s: %v", pathsOf(err), err)
		}
		if err := w.RotateShopKey("1", "", "x", key, -1, now); pathsOf(err) != "overlap_seconds" {
			t.Errorf("%s: %v", pathsOf(err), err)
		}
	})

	t.Run("it is paused and resumed, each once", func(t *testing.T) {
		t.Parallel()
		w := connected(t)
		for _, step := range []func(string) error{w.ResumeShop, w.PauseShop, w.PauseShop, w.ResumeShop, w.ResumeShop} {
			if err := step("1"); err != nil {
				t.Fatal(err)
			}
		}
		var names []string
		for _, payload := range w.Pending()[2:] {
			names = append(names, payload.EventName())
		}
		if strings.Join(names, " ") != "ShopPaused ShopResumed" || again(w).ShopVersion("1") != 4 {
			t.Errorf("%v", names)
		}
	})

	t.Run("one that is not connected is not found", func(t *testing.T) {
		t.Parallel()
		w := connected(t)
		for name, err := range map[string]error{
			"update": w.UpdateShop("2", workspace.ShopEdit{}, true), "rotate": w.RotateShopKey("2", "", "v", key, 0, now),
			"pause": w.PauseShop("2"), "resume": w.ResumeShop("2"), "disconnect": w.DisconnectShop("2"),
		} {
			if codeOf(err) != "shop-unknown" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if w.ShopVersion("2") != 0 {
			t.Error("it has a version")
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w, id, other := newWorkspace(t), event.NewID(), event.NewID()
	token, secret, err := w.CreateToken(id, "console", workspace.RoleOwner)
	if err != nil || token != (workspace.Token{ID: id, Name: "console", Role: workspace.RoleOwner}) || w.TokenHash(id) != workspace.TokenHash(secret) {
		t.Fatalf("%+v, %v", token, err)
	}
	if _, _, err := again(w).CreateToken(other, "console", workspace.RoleViewer); codeOf(err) != "token-name-taken" || !strings.Contains(err.Error(), id.String()) {
		t.Error(err)
	}
	if _, _, err := w.CreateToken(other, "", "king"); pathsOf(err) != "name role" {
		t.Errorf("%s: %v", pathsOf(err), err)
	}
	for range 2 {
		if err := w.RevokeToken(id); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Pending()) != 3 || last(w) != (workspace.TokenRevoked{TokenID: id, Name: "console"}) {
		t.Errorf("%+v", w.Pending())
	}
	if _, _, err := again(w).CreateToken(other, "console", workspace.RoleViewer); err != nil {
		t.Error("the name of a revoked token:", err)
	}
	if err := w.RevokeToken(event.NewID()); codeOf(err) != "token-not-found" {
		t.Error(err)
	}
	if role := (workspace.TokenCreated{}).RoleOrViewer(); role != workspace.RoleViewer {
		t.Errorf("a token from before there were roles is an %s", role)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		role     workspace.Role
		includes []bool
	}{
		{workspace.RoleViewer, []bool{true, false, false}},
		{workspace.RoleOperator, []bool{true, true, false}},
		{workspace.RoleOwner, []bool{true, true, true}},
		{"", []bool{false, false, false}},
	} {
		for i, other := range []workspace.Role{workspace.RoleViewer, workspace.RoleOperator, workspace.RoleOwner} {
			if test.role.Includes(other) != test.includes[i] {
				t.Errorf("%q includes %s: %t", test.role, other, !test.includes[i])
			}
		}
	}
	if _, err := workspace.ParseRole("king"); codeOf(err) != "role-unknown" {
		t.Error(err)
	}
}
