package workspace_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func newWorkspace(t *testing.T) *workspace.Workspace {
	t.Helper()
	w, err := workspace.Create("w", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// again is the workspace as the log would give it back.
func again(w *workspace.Workspace) *workspace.Workspace {
	var history []event.Recorded
	for i, payload := range w.Pending() {
		history = append(history, event.Recorded{New: event.New{Version: i + 1, Payload: payload}})
	}
	return workspace.Rehydrate(history)
}

func TestConnectShop(t *testing.T) {
	t.Parallel()
	shop := func(change func(*workspace.Shop)) workspace.Shop {
		s := workspace.Shop{ID: "1635294032", Name: "Shop A", HeaderKey: "X-Pancake-Key"}
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, c := range map[string]struct {
		shop  workspace.Shop
		value string
		wrong string // the field that is refused
	}{
		"a shop with key and value is connected": {shop(nil), "s3cret", ""},
		"a shop id is a number":                  {shop(func(s *workspace.Shop) { s.ID = "shop-a" }), "s3cret", "shop_id"},
		"a shop id is not empty":                 {shop(func(s *workspace.Shop) { s.ID = "" }), "s3cret", "shop_id"},
		"a key is a header's name":               {shop(func(s *workspace.Shop) { s.HeaderKey = "X Key" }), "s3cret", "header_key"},
		"a key is not in Vietnamese":             {shop(func(s *workspace.Shop) { s.HeaderKey = "Khóa" }), "s3cret", "header_key"},
		"a key is not one that is kept":          {shop(func(s *workspace.Shop) { s.HeaderKey = "user-agent" }), "s3cret", "header_key"},
		"a value is not empty":                   {shop(nil), "", "header_value"},
		"a value has no line breaks":             {shop(nil), "a\nb", "header_value"},
		"a value may have any letters":           {shop(nil), "bí mật của Shop A ✓", ""},
		"a value is UTF-8":                       {shop(nil), "a\xff", "header_value"},
		"a value is not endless":                 {shop(nil), strings.Repeat("x", 257), "header_value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			key := workspace.NewSecretKey()
			err := w.ConnectShop(c.shop, true, c.value, key)
			if c.wrong == "" {
				if err != nil || !w.HeaderHash(c.shop.ID).Equal(key.Hash(c.value)) {
					t.Fatalf("connect: %v", err)
				}
				return
			}
			refusal, ok := problem.Of(err)
			if !ok || refusal.Code() != "shop-invalid" || len(refusal.Fields()) != 1 || refusal.Fields()[0].Path != c.wrong {
				t.Errorf("connect: %v, want %s refused alone", err, c.wrong)
			}
		})
	}
}

func TestAShopIsReadAsPeoplePasteIt(t *testing.T) {
	t.Parallel()
	for _, pasted := range []string{
		"1635294032", " 1635294032\n", "https://pos.pancake.vn/shop/1635294032/overview", "pos.pancake.vn/shop/1635294032", "/shop/1635294032/order",
		"https://pos.pancake.vn/shop/1635294032?tab=orders", "https://pos.pancake.vn/shop/1635294032#/overview",
	} {
		w, key := newWorkspace(t), workspace.NewSecretKey()
		if err := w.ConnectShop(workspace.Shop{ID: pasted, HeaderKey: " X-Key "}, true, " s3cret\t", key); err != nil {
			t.Errorf("%q: %v", pasted, err)
			continue
		}
		want := workspace.Shop{ID: "1635294032", Name: "1635294032", HeaderKey: "X-Key"}
		if last(w) != (workspace.ShopConnected{Shop: want}) || !w.HeaderHash("1635294032").Equal(key.Hash("s3cret")) {
			t.Errorf("%q is %+v", pasted, last(w))
		}
	}
}

func TestEveryInvalidFieldIsNamed(t *testing.T) {
	t.Parallel()
	err := newWorkspace(t).ConnectShop(workspace.Shop{Name: strings.Repeat("x", 201)}, false, "", workspace.NewSecretKey())
	refusal, _ := problem.Of(err)
	var paths []string
	for _, field := range refusal.Fields() {
		paths = append(paths, field.Path)
	}
	if got := strings.Join(paths, " "); got != "shop_id name header_key header_value default_assignee_id" {
		t.Errorf("fields are %q", got)
	}
}

func TestTheEleventhShopIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	key := workspace.NewSecretKey()
	connect := func(n int) error {
		return w.ConnectShop(workspace.Shop{ID: fmt.Sprint(n), HeaderKey: "X-Key"}, true, "v", key)
	}
	for n := range workspace.DefaultShopLimit {
		if err := connect(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := connect(99); codeOf(err) != "shop-limit" || !strings.Contains(err.Error(), "at most 10") || !strings.Contains(err.Error(), "settings set --shop-limit") {
		t.Errorf("the eleventh: %v", err)
	}
	if err := connect(3); codeOf(err) != "shop-connected" {
		t.Errorf("one that is connected: %v", err)
	}
	if err := w.DisconnectShop("3"); err != nil {
		t.Fatal(err)
	}
	if err := connect(99); err != nil {
		t.Errorf("after another went: %v", err)
	}
	if err := w.DisconnectShop("3"); codeOf(err) != "shop-unknown" {
		t.Errorf("one that went already: %v", err)
	}
}

func TestHistoryFoldsIntoTheSameWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	key := workspace.NewSecretKey()
	if err := w.ConnectShop(workspace.Shop{ID: "1", HeaderKey: "X-Key"}, true, "v", key); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second says nothing new
		if err := w.EditSettings(workspace.SettingsEdit{MatchRule: new("email")}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Pending()) != 3 {
		t.Fatalf("%d events, want 3", len(w.Pending()))
	}
	again := again(w)
	if again.Version() != 3 || again.Settings().MatchRule != customer.MatchByEmail || again.Name() != "w" || len(again.Pending()) != 0 {
		t.Errorf("folded: %+v", again)
	}
	if err := again.ConnectShop(workspace.Shop{ID: "1", HeaderKey: "X-Key"}, true, "v", key); codeOf(err) != "shop-connected" {
		t.Errorf("the shop is not remembered: %v", err)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	key := workspace.NewSecretKey()
	if shown := fmt.Sprintf("%v %s %+v", key, key, key.LogValue()); strings.Contains(shown, key.Text()) {
		t.Errorf("a key shows: %s", shown)
	}
	again, err := workspace.ParseSecretKey(" " + key.Text() + "\n")
	if err != nil || again.Text() != key.Text() || again.Hash("value") != key.Hash("value") {
		t.Errorf("a key is not read back: %v", err)
	}
	for _, text := range []string{"", "zz", key.Text()[1:], key.Text() + "00"} {
		if _, err := workspace.ParseSecretKey(text); codeOf(err) != "secret-key-unreadable" {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
	if workspace.NewSecretKey() == key {
		t.Error("two keys are equal")
	}
	if a, b := workspace.NewToken(), workspace.NewToken(); a == b || len(a) < 40 {
		t.Errorf("tokens are %d and %d long", len(a), len(b))
	}
}

func codeOf(err error) string {
	refusal, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return ""
	}
	return refusal.Code()
}
