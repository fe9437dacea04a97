package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
	"orderbridge/ports/cli"
)

var (
	orderedAt = time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC)
	id        = uuid.MustParse(anID)

	phuongMai = query.Reference{ID: uuid.MustParse("01994b0e-0000-7000-8000-0000000000aa"), Name: "Phương Mai"}
	shopA     = query.Shop{ID: "1635294032", Name: "Shop A", HeaderKey: "X-Pancake-Key", DefaultAssignee: &phuongMai, ConnectedAt: orderedAt}

	lan = query.Customer{
		ID: id, Name: "Trần Thị Lan", Phones: []string{"+84912000451", "+84987000102"}, Emails: []string{"lan@example.com"},
		Address: new("12 Hàng Bài, Hà Nội"), Birthday: new("1990-02-28"), Tags: []string{"VIP", "sỉ"}, Status: "active",
		Note: new("Gọi trước khi giao.\nNhà có chó \x1b[2J dữ."), CreatedAt: orderedAt, Version: 3,
	}
	nobody = query.Customer{
		ID: uuid.MustParse("01994b0e-0000-7000-8000-0000000000bb"), Name: "Khách \x1b[2J<lẻ>\n", Phones: []string{}, Emails: []string{},
		Tags: []string{}, Status: "archived", CreatedAt: orderedAt.Add(20 * time.Hour),
	}
)

func anOrder(t *testing.T) query.Order {
	t.Helper()
	quantityOf := func(text string) order.Quantity {
		quantity, err := order.ParseQuantity(text)
		if err != nil {
			t.Fatal(err)
		}
		return quantity
	}
	return query.Order{
		Code: "Pancake_1635294032_2051", ShopID: "1635294032", ExternalID: "2051",
		Source:   query.Reference{ID: id, Name: "Pancake"},
		Customer: query.OrderCustomer{ID: id, Name: "Trần Thị Lan", Phone: new("+84912000451")},
		Assignee: &phuongMai, AssigneeReason: order.AssignedByCreatorPhone,
		Status: order.NewStatus(0), Currency: "VND",
		Lines: []query.OrderLine{
			{ProductCode: "AT01-DO-M", ProductName: "Áo thun", Variant: new("Đỏ, M"), Quantity: quantityOf("2"), UnitPrice: 250000, Amount: 500000},
			{ProductCode: "VAI", ProductName: "Vải lụa", Quantity: quantityOf("1.5"), UnitPrice: 300000, Discount: 50000, Amount: 400000},
			{ProductCode: "QUA", ProductName: "Túi", Quantity: quantityOf("1"), Gift: true},
		},
		Totals:    order.Totals{Lines: 900000, Goods: 900000, ShippingFee: 30000, Due: 930000},
		OrderedAt: orderedAt,
	}
}

func anOrderDetail(t *testing.T) query.OrderDetail {
	t.Helper()
	return query.OrderDetail{
		Order: anOrder(t), UpdatedAt: orderedAt.Add(time.Hour), Channel: new("Facebook"), Tags: []string{"gấp", "quà"},
		Note:  new("Gọi trước khi giao.\n\x1b[2JCổng sau"),
		Buyer: query.BuyerOf(order.Buyer{Name: "Lan", Phones: []string{"+84912000451", "+84987000102"}}),
		Shipping: query.ShippingOf(order.Shipping{
			ReceiverName: "Bình", ReceiverPhone: "0****02", Address: "12 Lê Lợi, Huế", Partner: "GHTK", PartnerStatus: "picked_up", TrackingCode: "S1.A2",
		}),
		Payments: query.OrderPayments{COD: 900000, BankTransfer: 30000},
		Creator:  query.ShopStaffOf("1635294032", order.Person{ExternalID: "d6d1a3f9", Name: "Mai"}),
		StatusHistory: []query.StatusChange{
			query.StatusChangeOf(order.StatusChange{Status: order.NewStatus(17)}),
			query.StatusChangeOf(order.StatusChange{Status: order.NewStatus(0), Previous: order.NewStatus(17), At: orderedAt, Editor: "Mai"}),
		},
		History: []query.OrderEvent{
			{Position: 7, At: orderedAt, Event: "OrderCreated", Actor: event.ActorPolicy, DeliveryID: &id, Status: order.NewStatus(17), Changes: []order.Change{}},
			{
				Position: 12, At: orderedAt, Event: "OrderUpdated", Actor: event.ActorPolicy, DeliveryID: &id, Reason: new("newer"), Status: order.NewStatus(0),
				Changes: []order.Change{
					{Field: "note", Before: json.RawMessage("null"), After: json.RawMessage(`"Gọi trước \u001b[2J"`)},
					{Field: "totals.due", Before: json.RawMessage("0"), After: json.RawMessage("930000")},
				},
			},
		},
	}
}

func TestShopConnect(t *testing.T) {
	t.Parallel()
	args := []string{"shop", "connect", "--shop-id", " 1635294032", "--name", "Shop A", "--header-key", "X-Pancake-Key"}
	const secret = "s3cret value"

	connected := func(t *testing.T, bundle *testBundle) {
		t.Helper()
		want := workspace.ShopConnected{Shop: workspace.Shop{ID: "1635294032", Name: "Shop A", HeaderKey: "X-Pancake-Key"}}
		if !reflect.DeepEqual(bundle.workspaces.last(), want) || bundle.workspaces.by != byOperator {
			t.Errorf("%+v by %+v", bundle.workspaces.last(), bundle.workspaces.by)
		}
	}

	for _, test := range []struct {
		name  string
		args  []string
		env   map[string]string
		stdin string
	}{
		{name: "as an argument", args: []string{"--header-value", secret}},
		{name: "from the environment", env: map[string]string{"ORDERBRIDGE_HEADER_VALUE": secret}},
		{name: "from standard input", args: []string{"--header-value", "-"}, stdin: secret + "\n"},
		{name: "from standard input, Windows' way", args: []string{"--header-value=-"}, stdin: secret + "\r\nmore"},
		{name: "from standard input without a line break", args: []string{"--header-value", "-"}, stdin: secret},
	} {
		t.Run("Value "+test.name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.read.shops = []query.Shop{shopA}
			bundle.env, bundle.stdin = test.env, test.stdin
			bundle.run(append(slices.Clone(args), test.args...)...).exits(cli.ExitDone).prints(
				`Shop 1635294032 is connected. Now enter in Pancake, under
Cấu hình → Nâng cao → Kết nối bên thứ 3 → Webhook/API → Chi tiết → Webhook URL:

  URL             https://YOUR-DOMAIN/api/pancake/webhook
  Partner         Không có
  Data            Đơn hàng
  Request header  X-Pancake-Key, with the value that you gave here
`, "")
			connected(t, bundle)
		})
	}

	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{{ID: "1"}, shopA}
		bundle.run(append(slices.Clone(args), "--header-value", secret, "--json")...).exits(cli.ExitDone).isJSON(shopA)
		connected(t, bundle)
	})

	t.Run("DefaultAssignee", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{shopA}
		args := append(slices.Clone(args), "--header-value", secret, "--default-assignee", anID)
		bundle.run(args...).exits(cli.ExitRefused).prints("",
			"orderbridge: the input is not valid:\n  --default-assignee: no active user has this id; see the list of users\n")
		bundle.users.exists = true
		bundle.run(args...).exits(cli.ExitDone)
		if e, ok := bundle.workspaces.last().(workspace.ShopConnected); !ok || e.Shop.DefaultAssigneeID != id {
			t.Errorf("%+v", bundle.workspaces.last())
		}
		args[len(args)-1] = "mai"
		bundle.run(args...).exits(cli.ExitUsage)
	})

	t.Run("NothingOnStandardInput", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{shopA}
		bundle.run(append(slices.Clone(args), "--header-value", "-")...).exits(cli.ExitRefused).prints("",
			"orderbridge: the input is not valid:\n  --header-value: standard input gave no value\n")
		if bundle.opened != 0 {
			t.Error("a session was opened")
		}
	})

	t.Run("InterruptedWhileWaitingForStandardInput", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		defer writer.Close()
		var stderr strings.Builder
		time.AfterFunc(20*time.Millisecond, cancel)
		code := cli.Execute(ctx, &root{}, append(slices.Clone(args), "--header-value", "-"), &cli.Runtime{
			Stdin: reader, Stdout: io.Discard, Stderr: &stderr, Open: setup(t).open,
		})
		if code != cli.ExitInterrupted || stderr.String() != "orderbridge: interrupted\n" {
			t.Errorf("exit code %d, %s", code, stderr.String())
		}
	})

	t.Run("AllThatIsInvalid", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{shopA}
		got := bundle.run("shop", "connect", "--shop-id", "A", "--header-key", "X Key", "--header-value", "sesame\x01").exits(cli.ExitRefused)
		for _, want := range []string{"\n  --shop-id: the shop id is", "\n  --header-key: the key is", "\n  --header-value: the value is"} {
			if !strings.Contains(got.stderr, want) {
				t.Errorf("%q is not in\n%s", want, got.stderr)
			}
		}
		if strings.Contains(got.stderr, "sesame") {
			t.Error("the value was told")
		}
	})

	t.Run("Twice", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{shopA}
		args := append(slices.Clone(args), "--header-value", secret)
		bundle.run(args...).exits(cli.ExitDone)
		bundle.run(args...).exits(cli.ExitRefused).prints("", "orderbridge: shop 1635294032 is connected already; disconnect it first\n")
	})

	t.Run("SecretsAreKeptOutOfErrors", func(t *testing.T) {
		t.Parallel()
		bundle := setup(t)
		bundle.read.shops = []query.Shop{shopA}
		bundle.stdin = secret
		bundle.workspaces.err = errors.New(`insert "` + secret + `" at postgres://u:hunter2@h/db`)
		bundle.run(append(slices.Clone(args), "--header-value", "-")...).exits(cli.ExitInternal).prints("",
			"orderbridge: the command failed: insert \"•••\" at postgres://u:•••@h/db\n")
	})
}

func TestShopList(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	reconciled := shopA
	reconciled.HasAPIKey = true
	bundle.read.shops = []query.Shop{reconciled, {ID: "77", Name: "Cửa hàng Hà Nội", HeaderKey: "K", ConnectedAt: orderedAt, Paused: true, Held: 3}}
	bundle.run("shop", "list").exits(cli.ExitDone).prints(
		`SHOP ID     NAME             HEADER         DEFAULT ASSIGNEE  PAUSED  API KEY  WAITING  CONNECTED
1635294032  Shop A           X-Pancake-Key  Phương Mai        no      yes            0  15/09/2025 10:04
77          Cửa hàng Hà Nội  K              -                 yes     no             3  15/09/2025 10:04
`, "")
	if bundle.read.workspaceID != workspaceID {
		t.Error(bundle.read.workspaceID)
	}
	bundle.run("shop", "list", "--json").exits(cli.ExitDone).isJSON(query.List[query.Shop]{Items: bundle.read.shops})

	bundle.read.shops = nil
	bundle.run("shop", "list").exits(cli.ExitDone).prints("", "No shop is connected.\n")
	bundle.run("shop", "list", "--json").exits(cli.ExitDone).prints("{\n  \"items\": [],\n  \"next_cursor\": null\n}\n", "")
}

func TestShopDisconnect(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("shop", "disconnect", "--shop-id", "5").exits(cli.ExitNotFound).prints("",
		"orderbridge: no shop with this id is connected; see the list of shops\n")
	bundle.read.shops = []query.Shop{{ID: "5"}}
	bundle.run("shop", "connect", "--shop-id", "5", "--header-key", "K", "--header-value", "v").exits(cli.ExitDone)
	bundle.run("shop", "disconnect", "--shop-id", "5").exits(cli.ExitDone).prints("Shop 5 is disconnected. What it delivered stays.\n", "")
	if bundle.workspaces.last() != (workspace.ShopDisconnected{ShopID: "5"}) || bundle.workspaces.by != byOperator {
		t.Errorf("%+v by %+v", bundle.workspaces.last(), bundle.workspaces.by)
	}
}

func TestShopCommands(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.shops = []query.Shop{shopA}
	bundle.run("shop", "connect", "--shop-id", "https://pos.pancake.vn/shop/"+shopA.ID+"/overview", "--header-key", "X-Pancake-Key",
		"--header-value", "s3cret").exits(cli.ExitDone)

	bundle.run("shop", "update", "--shop-id", shopA.ID, "--name", "Shop Huế").exits(cli.ExitDone).prints(
		"Shop 1635294032 is called Shop A; its default assignee is Phương Mai.\n", "") // as the read model has it
	if e, ok := bundle.workspaces.last().(workspace.ShopUpdated); !ok || e.Shop.Name != "Shop Huế" || bundle.workspaces.by != byOperator {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.users.exists = true
	bundle.run("shop", "update", "--shop-id", shopA.ID, "--default-assignee", anID, "--json").exits(cli.ExitDone).isJSON(shopA)
	if e, ok := bundle.workspaces.last().(workspace.ShopUpdated); !ok || e.Shop.DefaultAssigneeID != id {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("shop", "update", "--shop-id", shopA.ID, "--no-default-assignee").exits(cli.ExitDone)
	if e, ok := bundle.workspaces.last().(workspace.ShopUpdated); !ok || e.Shop.DefaultAssigneeID != uuid.Nil {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("shop", "update", "--shop-id", shopA.ID, "--default-assignee", anID, "--no-default-assignee").exits(cli.ExitRefused)
	bundle.run("shop", "update", "--shop-id", shopA.ID).exits(cli.ExitRefused).prints("",
		"orderbridge: say what to change, see: orderbridge shop update --help\n")

	until := orderedAt.Add(time.Hour)
	bundle.read.shops[0].PreviousHeaderKey, bundle.read.shops[0].PreviousValidUntil = new("X-Pancake-Key"), &until
	bundle.stdin = "n3w-s3cret\n"
	bundle.run("shop", "rotate", "--shop-id", shopA.ID, "--header-value", "-", "--overlap", "1h").exits(cli.ExitDone).prints(
		`Shop 1635294032 is known by the new value of the header X-Pancake-Key from now on. Now enter it in Pancake.
The old one (header X-Pancake-Key) works until 15/09/2025 11:04.
`, "")
	if e, ok := bundle.workspaces.last().(workspace.ShopKeyRotated); !ok || !e.PreviousValidUntil.Equal(now.Add(time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.read.shops[0].PreviousValidUntil = nil
	got := bundle.run("shop", "rotate", "--shop-id", shopA.ID, "--header-value", "n3w-s3cret", "--overlap", "0").exits(cli.ExitDone)
	if !strings.HasSuffix(got.stdout, "The old one works no longer.\n") || strings.Contains(got.stdout+got.stderr, "n3w-s3cret") {
		t.Errorf("%s%s", got.stdout, got.stderr)
	}
	bundle.run("shop", "rotate", "--shop-id", shopA.ID, "--header-value", "n3w-s3cret", "--overlap", "800h").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --overlap: the key before is taken for 0 to 30 days (2592000 seconds) more\n")

	bundle.run("shop", "pause", "--shop-id", shopA.ID).exits(cli.ExitDone).prints("Shop 1635294032 is paused: what it delivers is kept and waits.\n", "")
	if e, ok := bundle.workspaces.last().(workspace.ShopPaused); !ok || !e.Shop.Paused {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.read.shops[0].Held = 12
	bundle.run("shop", "resume", "--shop-id", shopA.ID).exits(cli.ExitDone).prints(
		"Shop 1635294032 is not paused any more. Deliveries that waited: 12.\n", "")
	if e, ok := bundle.workspaces.last().(workspace.ShopResumed); !ok || e.Shop.Paused {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	for _, verb := range []string{"update", "rotate", "pause", "resume"} {
		args := map[string][]string{"update": {"--name", "x"}, "rotate": {"--header-value", "v"}}[verb]
		bundle.run(append([]string{"shop", verb, "--shop-id", "77"}, args...)...).exits(cli.ExitNotFound).prints("",
			"orderbridge: no shop with this id is connected; see the list of shops\n")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.settings = query.Settings{
		Workspace: "default", MatchBy: "phone_or_email", OrderCodeTemplate: "DH-{shop_id}-{order_id}", TimeZone: "Asia/Ho_Chi_Minh",
		SkipCancelled: true, Shops: 2, ShopLimit: 10,
	}
	const shown = `Workspace       default
Match by        phone, then email
Order codes     DH-{shop_id}-{order_id}
Time zone       Asia/Ho_Chi_Minh
Skip cancelled  yes
Shops           2 of at most 10
`
	bundle.run("settings", "show").exits(cli.ExitDone).prints(shown, "")
	bundle.run("settings", "show", "--json").exits(cli.ExitDone).isJSON(bundle.read.settings)

	bundle.run("settings", "set", "--match-by", "email").exits(cli.ExitDone).prints(shown, "")
	if bundle.workspaces.last() != (workspace.MatchRuleChanged{Before: customer.MatchByPhone, After: customer.MatchByEmail}) ||
		bundle.workspaces.by != byOperator {
		t.Errorf("%+v by %+v", bundle.workspaces.last(), bundle.workspaces.by)
	}
	bundle.run("settings", "set", "--match-by", "phone", "--json").exits(cli.ExitDone).isJSON(bundle.read.settings)
	bundle.run("settings", "set", "--order-code-template", "DH-{shop_id}-{order_id}", "--time-zone", "Asia/Bangkok", "--no-skip-cancelled",
		"--shop-limit", "20").exits(cli.ExitDone)
	want := workspace.Settings{OrderCodeTemplate: "DH-{shop_id}-{order_id}", TimeZone: "Asia/Bangkok", ShopLimit: 20}
	if e, ok := bundle.workspaces.last().(workspace.SettingsChanged); !ok || len(e.Changes) != 4 || e.Settings.ShopLimit != want.ShopLimit ||
		e.Settings.OrderCodeTemplate != want.OrderCodeTemplate || e.Settings.TimeZone != want.TimeZone || e.Settings.SkipCancelled {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("settings", "set").exits(cli.ExitRefused).prints("", "orderbridge: say what to change, see: orderbridge settings set --help\n")
	got := bundle.run("settings", "set", "--order-code-template", "DH-{order_id}", "--time-zone", "Mars/Olympus", "--shop-limit", "0").exits(cli.ExitRefused)
	for _, flag := range []string{"--order-code-template: ", "--time-zone: ", "--shop-limit: "} {
		if !strings.Contains(got.stderr, flag) {
			t.Errorf("%s is not in %s", flag, got.stderr)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.tokens = []query.Token{
		{ID: id, Name: "console", Role: workspace.RoleOwner, CreatedAt: orderedAt, LastUsedAt: &orderedAt},
		{ID: id, Name: "cũ", Role: workspace.RoleViewer, CreatedAt: orderedAt, RevokedAt: &orderedAt},
	}
	bundle.run("token", "list").exits(cli.ExitDone).prints(
		`ID                                    NAME     ROLE    CREATED           LAST USED         REVOKED
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  console  owner   15/09/2025 10:04  15/09/2025 10:04  -
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  cũ       viewer  15/09/2025 10:04  -                 15/09/2025 10:04
`, "")
	bundle.run("token", "list", "--json").exits(cli.ExitDone).isJSON(query.List[query.Token]{Items: bundle.read.tokens})

	bundle.run("token", "create", "--name", "console", "--role", "operator").exits(cli.ExitDone)
	created, ok := bundle.workspaces.last().(workspace.TokenCreated)
	if !ok || created.Role != workspace.RoleOperator {
		t.Fatalf("%+v", bundle.workspaces.last())
	}
	bundle.run("token", "create", "--name", "console").exits(cli.ExitRefused)
	bundle.run("token", "revoke", created.TokenID.String()).exits(cli.ExitDone).prints("Token "+created.TokenID.String()+" is revoked.\n", "")
	if bundle.workspaces.last() != (workspace.TokenRevoked{TokenID: created.TokenID, Name: "console"}) {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("token", "revoke", anID).exits(cli.ExitNotFound)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.accounts = []query.Account{
		{ID: id, Name: "lan", Role: workspace.RoleOwner, CreatedAt: orderedAt, LastSignInAt: &orderedAt, SessionsSince: orderedAt},
		{ID: id, Name: "mai", Role: workspace.RoleViewer, Invited: true, CreatedAt: orderedAt},
		{ID: id, Name: "nam", Role: workspace.RoleOperator, CreatedAt: orderedAt, LockedUntil: &orderedAt},
	}
	bundle.run("account", "list").exits(cli.ExitDone).prints(
		`ID                                    NAME  ROLE      STATE                          CREATED           LAST SIGN-IN
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  lan   owner     active                         15/09/2025 10:04  15/09/2025 10:04
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  mai   viewer    invited                        15/09/2025 10:04  -
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  nam   operator  locked until 15/09/2025 10:04  15/09/2025 10:04  -
`, "")
	bundle.run("account", "list", "--json").exits(cli.ExitDone).isJSON(query.List[query.Account]{Items: bundle.read.accounts})

	// tokenIn is what stands in a link that was printed alone.
	tokenIn := func(got result, base string) string {
		t.Helper()
		token, ok := strings.CutPrefix(strings.TrimSuffix(got.stdout, "\n"), base+"/setup/")
		if !ok || !strings.HasPrefix(token, "obi_") || strings.ContainsAny(token, " /\n") || strings.Contains(got.stderr, token) {
			t.Fatalf("printed %q, and beside it %q", got.stdout, got.stderr)
		}
		return token
	}
	link := bundle.run("account", "setup-link", "--base-url", "https://crm.example.com/").exits(cli.ExitDone)
	if workspace.TokenHash(tokenIn(link, "https://crm.example.com")) != bundle.workspaces.link.TokenHash {
		t.Error("another link was kept")
	}
	got := bundle.run("account", "invite", "--name", "lan", "--role", "owner").exits(cli.ExitDone)
	invited, ok := bundle.workspaces.last().(workspace.AccountInvited)
	if !ok || invited.Name != "lan" || invited.Role != workspace.RoleOwner || bundle.workspaces.by != byOperator {
		t.Fatalf("%+v", bundle.workspaces.last())
	}
	isKept := func(token string) {
		t.Helper()
		if link, _ := bundle.workspaces.workspace.Invitation(invited.AccountID); link.TokenHash != workspace.TokenHash(token) {
			t.Error("another link was kept")
		}
	}
	isKept(tokenIn(got, "http://127.0.0.1:8080"))
	if want := "This is the only time that the link is shown. It can be used once, until 18/09/2025 10:04.\n"; got.stderr != want {
		t.Errorf("stderr: %s", got.stderr)
	}
	bundle.run("account", "invite", "--name", "Lan", "--role", "viewer").exits(cli.ExitRefused)
	bundle.run("account", "invite", "--name", "hà nội", "--role", "viewer").exits(cli.ExitRefused)

	account := invited.AccountID.String()
	asJSON := bundle.run("account", "reset-password", account, "--json").exits(cli.ExitDone)
	var shown query.ShownInvitation
	if err := json.Unmarshal([]byte(asJSON.stdout), &shown); err != nil || shown.ID != invited.AccountID || shown.Name != "lan" || shown.Role != workspace.RoleOwner {
		t.Fatalf("%s, %v", asJSON.stdout, err)
	}
	isKept(strings.TrimPrefix(shown.Link, "http://127.0.0.1:8080/setup/"))

	if err := bundle.workspaces.workspace.SetPassword(invited.AccountID, "hash"); err != nil {
		t.Fatal(err)
	}
	bundle.run("account", "setup-link").exits(cli.ExitRefused)
	bundle.run("account", "role", account, "--role", "viewer").exits(cli.ExitRefused) // the last owner
	bundle.run("account", "remove", account).exits(cli.ExitRefused)
	bundle.run("account", "role", account, "--role", "owner").exits(cli.ExitDone).prints("Account lan has the role owner.\n", "")
	bundle.run("account", "end-sessions", account).exits(cli.ExitDone).prints("All sessions of account "+account+" are ended.\n", "")
	if bundle.workspaces.last() != (workspace.AccountSessionsEnded{AccountID: invited.AccountID, Name: "lan"}) {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("account", "invite", "--name", "mai", "--role", "viewer").exits(cli.ExitDone)
	mai := bundle.workspaces.last().(workspace.AccountInvited).AccountID
	bundle.run("account", "role", mai.String(), "--role", "operator").exits(cli.ExitDone).prints("Account mai has the role operator.\n", "")
	bundle.run("account", "remove", mai.String()).exits(cli.ExitDone).prints("Account "+mai.String()+" is removed.\n", "")
	for _, args := range [][]string{{"role", mai.String(), "--role", "viewer"}, {"reset-password", mai.String()}, {"end-sessions", mai.String()}, {"remove", anID}} {
		bundle.run(append([]string{"account"}, args...)...).exits(cli.ExitNotFound)
	}

	opened := bundle.opened
	for _, base := range []string{"crm.example.com", "ftp://crm.example.com", "https://", "https://crm.example.com?a=b", "https://crm.example.com#a"} {
		bundle.run("account", "setup-link", "--base-url", base).exits(cli.ExitUsage)
	}
	bundle.run("account", "invite", "--name", "lan").exits(cli.ExitUsage) // a role is chosen, not fallen into
	if bundle.opened != opened {
		t.Error("wrong usage opened a database")
	}
}

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.workspaces = []query.Workspace{
		{ID: workspaceID, Name: "default", Hosts: []string{}, Default: true, Shops: 2},
		{ID: id, Name: "shop-b", Hosts: []string{"b.example.com", "c.example.com"}},
	}
	bundle.run("workspace", "list").exits(cli.ExitDone).prints(`NAME     HOSTS                         DEFAULT  SHOPS
default  -                             yes          2
shop-b   b.example.com, c.example.com  no           0
`, "")
	bundle.run("workspace", "list", "--json").exits(cli.ExitDone).isJSON(query.List[query.Workspace]{Items: bundle.read.workspaces})
	bundle.run("workspace", "show").exits(cli.ExitDone).prints(
		"Workspace  default\nId         01994b0e-0000-7000-8000-000000000001\nHosts      -\nDefault    yes\nShops      2\n", "")
	bundle.run("workspace", "show", "shop-b", "--json").exits(cli.ExitDone).isJSON(bundle.read.workspaces[1])
	bundle.run("workspace", "show", "nobody").exits(cli.ExitNotFound)

	bundle.run("workspace", "update", "shop-b", "--add-host", "D.example.com", "--default").exits(cli.ExitDone)
	if bundle.workspaces.by.WorkspaceID != id || !slices.Equal(bundle.workspaces.workspace.Hosts(), []string{"d.example.com"}) {
		t.Errorf("%+v by %+v", bundle.workspaces.workspace.Hosts(), bundle.workspaces.by)
	}
	bundle.run("workspace", "update", "nobody").exits(cli.ExitNotFound)
	bundle.run("workspace", "update", "shop-b", "--add-host", "https://d.example.com").exits(cli.ExitRefused)

	bundle.run("workspace", "create", "shop-c", "--host", "c.example.com", "--default").exits(cli.ExitNotFound) // the read model has no such id
	created, ok := bundle.workspaces.last().(workspace.WorkspaceCreated)
	if !ok || created.Name != "shop-c" || !slices.Equal(created.Hosts, []string{"c.example.com"}) || !created.IsDefault {
		t.Errorf("%+v", bundle.workspaces.last())
	}
}

func TestCustomerAdd(t *testing.T) {
	t.Parallel()
	args := []string{
		"customer", "add", "--name", "Phạm Dung", "--phone", "0987 000 102", "--phone", "0912000451", "--email", "Dung@Example.com",
		"--address", "45 Lê Hồng Phong, Hà Nội", "--gender", "male", "--birthday", "1988-04-12", "--tag", "VIP, sỉ", "--tag", "Huế",
		"--note", "Gọi trước.\nGiao chiều.", "--status", "archived",
	}
	bundle := setup(t)
	got := bundle.run(args...).exits(cli.ExitDone)
	added := bundle.customers.customer.State()
	got.prints("Customer Phạm Dung was added with the id "+added.ID.String()+".\n", "")
	want := customer.State{
		ID: added.ID, Name: "Phạm Dung", Phones: []string{"+84987000102", "+84912000451"}, Emails: []string{"dung@example.com"},
		Address: "45 Lê Hồng Phong, Hà Nội", Gender: "male", Birthday: "1988-04-12", Tags: []string{"VIP, sỉ", "Huế"},
		Note: "Gọi trước.\nGiao chiều.", Status: customer.StatusArchived, CreatedAt: now.Truncate(time.Microsecond),
	}
	if !reflect.DeepEqual(added, want) || bundle.customers.by != byOperator {
		t.Errorf("%+v by %+v", added, bundle.customers.by)
	}

	got = bundle.run(append(args, "--json")...).exits(cli.ExitDone)
	got.isJSON(query.Customer{
		ID: bundle.customers.customer.State().ID, Name: "Phạm Dung", Phones: want.Phones, Emails: want.Emails,
		Address: &want.Address, Gender: &want.Gender, Birthday: &want.Birthday, Tags: want.Tags, Note: &want.Note,
		Status: "archived", CreatedAt: now.Truncate(time.Microsecond), Version: 1,
	})

	bundle.run("customer", "add", "--name", "Lan, \x1b[1mevil").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --name: the name has control characters or is not UTF-8\n")
	bundle.run("customer", "add", "--name", "Lan, \u202eevil").exits(cli.ExitDone).prints(
		`Customer Lan, \u202eevil was added with the id `+bundle.customers.customer.State().ID.String()+".\n", "")
	if state := bundle.customers.customer.State(); state.Status != customer.StatusActive || len(state.Phones) != 0 {
		t.Errorf("%+v", state)
	}

	// A comma is part of a value; all mistakes are told at once, by the names of the flags.
	bundle.run("customer", "add", "--name", " ", "--phone", "12,34", "--email", "x").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --name: the name is missing\n  --phone: the phone number cannot be read\n"+
			"  --email: the email address cannot be read\n")
	bundle.run("customer", "add", "--name", "Lan", "--phone", "0912000451", "--phone", "12", "--gender", "f").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --phone (no. 2): the phone number cannot be read\n  --gender: a gender is one of male, female, other\n")
	bundle.run("customer", "add", "--name", " ", "--json").exits(cli.ExitRefused).prints("", `{
  "code": "customer-invalid",
  "message": "name: the name is missing",
  "errors": [
    {
      "path": "name",
      "message": "the name is missing"
    }
  ]
}
`)
}

func TestCustomerList(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.customers = query.List[query.Customer]{Items: []query.Customer{lan, nobody}}
	bundle.run("customer", "list").exits(cli.ExitDone).prints(
		`ID                                    NAME                 PHONE                       EMAIL            STATUS    CREATED
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  Trần Thị Lan         0912 000 451, 0987 000 102  lan@example.com  active    15/09/2025 10:04
01994b0e-0000-7000-8000-0000000000bb  Khách \x1b[2J<lẻ>\n  -                           -                archived  16/09/2025 06:04
`, "")
	if bundle.read.asked != (query.CustomerFilter{}) || bundle.read.page != (query.Page{Limit: query.DefaultLimit}) || bundle.read.workspaceID != workspaceID {
		t.Errorf("asked for %+v, %+v", bundle.read.asked, bundle.read.page)
	}
	bundle.run("customer", "list", "--json").exits(cli.ExitDone).isJSON(bundle.read.customers)

	bundle.read.customers.NextCursor = new(query.Cursor(7))
	got := bundle.run("customer", "list", "--phone", "0912 000 451", "--email", "LAN@example.com", "--status", "archived", "--limit", "2", "--cursor", query.Cursor(9)).exits(cli.ExitDone)
	if want := "There are more. For those that follow, add: --cursor " + query.Cursor(7) + "\n"; got.stderr != want {
		t.Errorf("%q, want %q", got.stderr, want)
	}
	if bundle.read.asked != (query.CustomerFilter{Phone: "+84912000451", Email: "lan@example.com", Status: "archived"}) ||
		bundle.read.page != (query.Page{Limit: 2, Before: 9}) {
		t.Errorf("asked for %+v, %+v", bundle.read.asked, bundle.read.page)
	}
	bundle.run("customer", "list", "--json").exits(cli.ExitDone).isJSON(bundle.read.customers)

	bundle.run("customer", "list", "--q", " Đặng  hạ", "--tag", " VIP ").exits(cli.ExitDone)
	if bundle.read.asked != (query.CustomerFilter{Tag: "VIP", Search: query.CustomerSearch{Given: true, Words: "dang ha"}}) {
		t.Errorf("asked for %+v", bundle.read.asked)
	}

	bundle.read.customers = query.List[query.Customer]{}
	bundle.run("customer", "list").exits(cli.ExitDone).prints("", "No customers.\n")

	opened := bundle.opened
	bundle.run("customer", "list", "--phone", "0****70", "--email", "x", "--limit", "201").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --phone: the phone number is masked\n  --email: the email address cannot be read\n  --limit: a limit is 1 to 200\n")
	if bundle.opened != opened {
		t.Error("a session was opened for input that is not valid")
	}
}

func TestCustomerShow(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.customer = lan
	bundle.run("customer", "show", anID).exits(cli.ExitDone).prints(`Customer  Trần Thị Lan
Id        01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
Status    active
Phone     0912 000 451, 0987 000 102
Email     lan@example.com
Address   12 Hàng Bài, Hà Nội
Gender    -
Birthday  28/02/1990
Tags      VIP, sỉ
Created   15/09/2025 10:04
Version   3

Gọi trước khi giao.
Nhà có chó \x1b[2J dữ.
`, "")
	if bundle.read.asked != id || bundle.read.workspaceID != workspaceID {
		t.Errorf("asked for %v", bundle.read.asked)
	}
	bundle.run("customer", "show", anID, "--json").exits(cli.ExitDone).isJSON(lan)
	bundle.read.customer = nobody
	bundle.run("customer", "show", anID, "--json").exits(cli.ExitDone).isJSON(nobody)
}

func TestCustomerEdit(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("customer", "edit", anID, "--name", "Lan").exits(cli.ExitNotFound).prints("", "orderbridge: no customer has this id\n")
	bundle.run("customer", "add", "--name", "Lan", "--phone", "0912000451", "--email", "lan@example.com", "--address", "Huế", "--tag", "VIP").exits(cli.ExitDone)
	before := bundle.customers.customer.State()

	got := bundle.run("customer", "edit", anID, "--name", "Trần Lan", "--phone", "0987 000 102", "--phone", "0912000451", "--gender", "female",
		"--birthday", "1990-02-28", "--note", "Gọi trước.", "--if-version", "1", "--json").exits(cli.ExitDone)
	want := before
	want.Name, want.Phones, want.Gender, want.Birthday = "Trần Lan", []string{"+84987000102", "+84912000451"}, "female", "1990-02-28"
	want.Note = "Gọi trước."
	if after := bundle.customers.customer.State(); !reflect.DeepEqual(after, want) || bundle.customers.by != byOperator || bundle.customers.id != id {
		t.Errorf("%+v of %s by %+v", after, bundle.customers.id, bundle.customers.by)
	}
	got.isJSON(query.CustomerOf(want, 2))

	got = bundle.run("customer", "edit", anID, "--clear-phones", "--clear-emails", "--clear-tags", "--address", "", "--gender=", "--birthday", "", "--note", "").exits(cli.ExitDone)
	want.Phones, want.Emails, want.Tags, want.Address, want.Gender, want.Birthday, want.Note = []string{}, []string{}, []string{}, "", "", "", ""
	if after := bundle.customers.customer.State(); !reflect.DeepEqual(after, want) {
		t.Errorf("%+v", after)
	}
	if !strings.Contains(got.stdout, "Customer  Trần Lan\n") || !strings.Contains(got.stdout, "Phone     -\n") || !strings.Contains(got.stdout, "Version   3\n") {
		t.Error(got.stdout)
	}
	bundle.run("customer", "edit", anID).exits(cli.ExitDone)
	if version := bundle.customers.customer.Version(); version != 3 {
		t.Errorf("an edit of nothing made version %d", version)
	}

	bundle.run("customer", "edit", anID, "--name", "X", "--if-version", "2").exits(cli.ExitRefused).prints("",
		"orderbridge: somebody changed this since you read it; read it again and repeat your change\n")
	bundle.run("customer", "edit", anID, "--name", "", "--phone", "12", "--birthday", "2025-02-30").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --name: the name is missing\n  --phone: the phone number cannot be read\n"+
			"  --birthday: a birthday is a day of the calendar, written YYYY-MM-DD\n")
	if after := bundle.customers.customer.State(); !reflect.DeepEqual(after, want) {
		t.Errorf("a refused edit left %+v", after)
	}
	bundle.run("customer", "edit", anID, "--phone", "0912000451", "--clear-phones").exits(cli.ExitUsage)
	bundle.run("customer", "edit", anID, "--if-version", "-1").exits(cli.ExitUsage)
}

func TestCustomerArchiveAndRestore(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("customer", "archive", anID).exits(cli.ExitNotFound).prints("", "orderbridge: no customer has this id\n")
	bundle.run("customer", "add", "--name", "Lan").exits(cli.ExitDone)
	bundle.run("customer", "archive", anID).exits(cli.ExitDone).prints("Customer Lan is archived: orders no longer match them.\n", "")
	if bundle.customers.id != id || bundle.customers.by != byOperator || bundle.customers.customer.State().Status != customer.StatusArchived {
		t.Errorf("%s by %+v", bundle.customers.id, bundle.customers.by)
	}
	bundle.run("customer", "archive", anID).exits(cli.ExitDone)
	state := bundle.customers.customer.State()
	shown := query.Customer{
		ID: state.ID, Name: "Lan", Phones: []string{}, Emails: []string{}, Tags: []string{}, Status: "archived",
		CreatedAt: now.Truncate(time.Microsecond), Version: 2,
	}
	bundle.run("customer", "archive", anID, "--json").exits(cli.ExitDone).isJSON(shown)
	bundle.run("customer", "restore", anID).exits(cli.ExitDone).prints("Customer Lan is active: orders match them.\n", "")
	shown.Status, shown.Version = "active", 3
	bundle.run("customer", "restore", anID, "--json").exits(cli.ExitDone).isJSON(shown)
}

func TestUsers(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	got := bundle.run("user", "add", "--name", "Phương Mai", "--phone", "0904000321", "--email", "phuongmai.sale@example.vn").exits(cli.ExitDone)
	added := bundle.users.added[0]
	got.prints("User Phương Mai was added with the id "+added.ID.String()+".\n", "")
	if added.Phone != "+84904000321" || added.Email != "phuongmai.sale@example.vn" || bundle.users.by != byOperator {
		t.Errorf("%+v by %+v", added, bundle.users.by)
	}
	got = bundle.run("user", "add", "--name", "Lan", "--json").exits(cli.ExitDone)
	got.isJSON(query.User{ID: bundle.users.added[1].ID, Name: "Lan", Active: true})
	bundle.run("user", "add", "--name", "Lan", "--phone", "12").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --phone: the phone number cannot be read\n")

	bundle.read.users = query.List[query.User]{Items: []query.User{
		{ID: id, Name: "Phương Mai", Phone: new("+84904000321"), Email: new("phuongmai.sale@example.vn"), Active: true}, {ID: id, Name: "An"},
	}}
	bundle.run("user", "list", "--limit", "3").exits(cli.ExitDone).prints(
		`ID                                    NAME        PHONE         EMAIL                      ACTIVE
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  Phương Mai  0904 000 321  phuongmai.sale@example.vn  yes
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  An          -             -                          no
`, "")
	if bundle.read.page != (query.Page{Limit: 3}) {
		t.Errorf("%+v", bundle.read.page)
	}
	bundle.run("user", "list", "--json").exits(cli.ExitDone).isJSON(bundle.read.users)
	bundle.run("user", "list", "--cursor", "!").exits(cli.ExitRefused)
	bundle.run("user", "list", "--inactive", "--find", "mai").exits(cli.ExitDone)
	if want := (query.UserFilter{Active: new(false), Text: "mai"}); !reflect.DeepEqual(bundle.read.asked, want) {
		t.Errorf("asked for %+v", bundle.read.asked)
	}
	bundle.run("user", "list", "--inactive", "--active").exits(cli.ExitUsage)

	bundle.read.user = query.UserDetail{
		User:  query.User{ID: id, Name: "Phương Mai", Phone: new("+84904000321"), Active: true},
		Staff: []query.Staff{{Key: "u-1", Name: new("Mai ca sáng")}, {Key: "name:1635294032:Mai"}}, Version: 3,
	}
	bundle.run("user", "show", anID).exits(cli.ExitDone).prints(`User    Phương Mai
Id      01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
Active  yes
Phone   0904 000 321
Email   -
Staff   u-1 (Mai ca sáng)
Staff   name:1635294032:Mai
`, "")
	bundle.run("user", "show", anID, "--json").exits(cli.ExitDone).isJSON(bundle.read.user)
}

func TestUserChanges(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.run("user", "edit", anID, "--name", "Mai").exits(cli.ExitNotFound).prints("", "orderbridge: no user has this id; see the list of users\n")
	var err error
	if bundle.users.user, err = user.Add(id, user.Details{Name: "Lan", Phone: "0904000321", Email: "lan@example.vn"}); err != nil {
		t.Fatal(err)
	}
	bundle.run("user", "edit", anID, "--name", "Lan Anh", "--email", "").exits(cli.ExitDone).prints("User Lan Anh is as you say.\n", "")
	if got, want := bundle.users.user.State(), (user.State{ID: id, Name: "Lan Anh", Phone: "+84904000321", Active: true}); got != want || bundle.users.id != id {
		t.Errorf("the user is %+v", got)
	}
	bundle.run("user", "edit", anID, "--phone", "1", "--email", "x").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --phone: the phone number cannot be read\n  --email: the email address cannot be read\n")
	shown := query.User{ID: id, Name: "Lan Anh", Phone: new("+84904000321")}
	bundle.run("user", "deactivate", anID, "--json").exits(cli.ExitDone).isJSON(shown)
	bundle.run("user", "map", "--staff", "u-1", "--user", anID).exits(cli.ExitRefused).prints("",
		"orderbridge: the user is not active, so no order can go to them; reactivate them first\n")
	bundle.run("user", "reactivate", anID).exits(cli.ExitDone).prints("User Lan Anh is active: orders are assigned to them.\n", "")
	if bundle.users.by != byOperator {
		t.Errorf("by %+v", bundle.users.by)
	}
	bundle.users.err = user.KeyTaken("phone", user.State{ID: id, Name: "Mai"})
	bundle.run("user", "reactivate", anID).exits(cli.ExitRefused).prints("",
		"orderbridge: another active user has this phone: Mai ("+anID+"); change or deactivate that one first\n")
}

func TestUserImport(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.users.active = []user.State{{ID: id, Name: "Lan", Active: true}}
	bundle.stdin = "Mai\nLan\nHuy\n"
	const table = "NAME  PHONE  EMAIL\nMai   -      -\nHuy   -      -\n"
	bundle.run("user", "import", "-", "--dry-run").exits(cli.ExitDone).prints("2 users would be added, 1 was there already.\n"+table, "")
	if len(bundle.users.added) != 0 {
		t.Errorf("a dry run added %+v", bundle.users.added)
	}
	bundle.run("user", "import", "-").exits(cli.ExitDone).prints("2 users were added, 1 was there already.\n"+table, "")
	if len(bundle.users.added) != 2 || bundle.users.by != byOperator {
		t.Errorf("added %+v", bundle.users.added)
	}
	bundle.run("user", "import", "-", "--dry-run", "--json").exits(cli.ExitDone).isJSON(query.UserImport{
		DryRun: true, Added: 2, Unchanged: 1, Users: []query.ImportedUser{{Name: "Mai"}, {Name: "Huy"}},
	})
	bundle.stdin = "Mai\n"
	bundle.run("user", "import", "-", "--dry-run").exits(cli.ExitDone).prints("1 user would be added, 0 were there already.\nNAME  PHONE  EMAIL\nMai   -      -\n", "")
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte("Lan\n\x00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle.run("user", "import", file).exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  rows[1].name: line 2: the name has control characters or is not UTF-8\n")
	if got := bundle.run("user", "import", file+".gone").exits(cli.ExitRefused); !strings.Contains(got.stderr, "the file cannot be opened") {
		t.Error(got.stderr)
	}
}

func TestStaffMappingCommands(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	var err error
	if bundle.users.user, err = user.Add(id, user.Details{Name: "Mai"}); err != nil {
		t.Fatal(err)
	}
	bundle.run("user", "unmapped").exits(cli.ExitDone).prints("", "No unmapped staff.\n")
	bundle.read.unmapped = query.UnmappedStaffList{Total: 3, Items: []query.UnmappedStaff{{
		Key: "u-1", Name: new("Mai ca sáng"), Phone: new("+84904000321"), Orders: 450, OldestAt: now, NewestAt: now, SampleOrders: []string{"Pancake_1_2", "Pancake_1_1"},
	}}}
	bundle.run("user", "unmapped", "--limit", "1").exits(cli.ExitDone).prints(
		`STAFF  NAME         PHONE         EMAIL  ORDERS  OLDEST            NEWEST            SUCH AS
u-1    Mai ca sáng  0904 000 321  -         450  15/09/2025 10:04  15/09/2025 10:04  Pancake_1_2 Pancake_1_1
`, "There are 2 more with fewer orders.\n")
	if bundle.read.asked != 1 {
		t.Errorf("asked for %v", bundle.read.asked)
	}
	bundle.run("user", "unmapped", "--json").exits(cli.ExitDone).isJSON(bundle.read.unmapped)
	bundle.run("user", "unmapped", "--limit", "0").exits(cli.ExitRefused)

	bundle.past.orders = 450
	mapping := []string{"user", "map", "--staff", "u-1", "--user", anID, "--name", "Mai ca sáng"}
	bundle.run(append(mapping, "--dry-run")...).exits(cli.ExitDone).prints(
		"u-1 (Mai ca sáng) would be mapped to Mai, and 450 past orders would change with --past.\n", "")
	bundle.run(mapping...).exits(cli.ExitDone).prints(
		"u-1 (Mai ca sáng) is mapped to Mai.\n450 past orders stay as they are; to change that, add --past.\n", "")
	if bundle.past.reassigned != 0 {
		t.Errorf("%d orders changed without being asked for", bundle.past.reassigned)
	}
	bundle.run(append(mapping, "--past")...).exits(cli.ExitDone).prints("u-1 (Mai ca sáng) is mapped to Mai.\n450 past orders went to them.\n", "")
	if bundle.past.reassigned != 450 {
		t.Errorf("%d orders changed", bundle.past.reassigned)
	}
	bundle.run(append(mapping, "--past", "--json")...).exits(cli.ExitDone).isJSON(query.MappedStaff{
		User: query.Reference{ID: id, Name: "Mai"}, Staff: query.Staff{Key: "u-1", Name: new("Mai ca sáng")},
		PastOrders: query.PastOrders{Found: 450, Changed: 450},
	})
	bundle.run("user", "unmap", "--staff", "u-1", "--user", anID).exits(cli.ExitDone).prints("User Mai is no longer u-1.\n", "")
	bundle.run("user", "unmap", "--staff", "u-1", "--user", anID).exits(cli.ExitNotFound)

	bundle.run("user", "unmap", "--staff", "u-1").exits(cli.ExitNotFound)
	bundle.run(mapping...).exits(cli.ExitDone)
	bundle.users.mapped = map[string]uuid.UUID{"u-1": id}
	bundle.run("user", "unmap", "--staff", "u-1").exits(cli.ExitDone).prints("User Mai is no longer u-1.\n", "")
	if bundle.users.id != id {
		t.Errorf("user %s was changed", bundle.users.id)
	}
}

func TestOrderList(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	dollars := anOrder(t)
	dollars.Code, dollars.Currency, dollars.Assignee, dollars.Status = "Pancake_7_1", "USD", nil, order.NewStatus(9)
	dollars.Customer = query.OrderCustomer{Name: "Mai", Email: new("mai@example.com")}
	dollars.Totals.Due = 1250
	bundle.read.orders = query.List[query.Order]{Items: []query.Order{anOrder(t), dollars}, NextCursor: new("Nw")}
	bundle.run("order", "list").exits(cli.ExitDone).prints(
		`CODE                     ORDERED           STATUS              CUSTOMER      PHONE               DUE  ASSIGNEE
Pancake_1635294032_2051  15/09/2025 10:04  new                 Trần Thị Lan  0912 000 451  930.000 ₫  Phương Mai
Pancake_7_1              15/09/2025 10:04  waiting_for_pickup  Mai           -             1.250 USD  -
`, "There are more. For those that follow, add: --cursor Nw\n")
	bundle.run("order", "list", "--json").exits(cli.ExitDone).isJSON(bundle.read.orders)

	bundle.run("order", "list", "--shop-id", "7", "--customer-id", anID, "--limit", "1", "--cursor", query.Cursor(5)).exits(cli.ExitDone)
	if bundle.read.asked != (query.OrderFilter{ShopID: "7", CustomerID: uuid.NullUUID{UUID: id, Valid: true}}) || bundle.read.page != (query.Page{Limit: 1, Before: 5}) {
		t.Errorf("asked for %+v, %+v", bundle.read.asked, bundle.read.page)
	}
	bundle.run("order", "list", "--status", "2", "--assignee-id", anID, "--ordered-from", "2025-09-15T10:04:38+07:00", "--ordered-to", "2025-09-16T00:00:00Z").exits(cli.ExitDone)
	asked, _ := bundle.read.asked.(query.OrderFilter)
	if asked.Status != order.NewStatus(2) || asked.AssigneeID.UUID != id || !asked.OrderedFrom.Equal(orderedAt) || !asked.OrderedTo.Equal(time.Date(2025, 9, 16, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked for %+v", asked)
	}
	bundle.run("order", "list", "--status", "delivered").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --status: a status is Pancake's number for it, or a name such as new, confirmed, shipped or cancelled\n")
	bundle.run("order", "list", "--ordered-from", "yesterday").exits(cli.ExitUsage)
	bundle.run("order", "list", "--shop-id", "A", "--limit", "0").exits(cli.ExitRefused).prints("",
		"orderbridge: the input is not valid:\n  --shop-id: a shop id is the number in pos.pancake.vn/shop/<number>/overview\n  --limit: a limit is 1 to 200\n")
	bundle.run("order", "list", "--customer-id", "x").exits(cli.ExitUsage)

	bundle.read.orders = query.List[query.Order]{}
	bundle.run("order", "list").exits(cli.ExitDone).prints("", "No orders.\n")
}

func TestOrderShow(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.order = anOrderDetail(t)
	bundle.run("order", "show", "Pancake_1635294032_2051").exits(cli.ExitDone).prints(`Order       Pancake_1635294032_2051
Status      new (0)
Shop        1635294032
Source      Pancake
Channel     Facebook
Customer    Trần Thị Lan
  phone     0912 000 451
  email     -
  id        01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
Buyer       Lan
  phone     0912 000 451, 0987 000 102
  email     -
Assignee    Phương Mai, who had the phone of the order's creator when it was assigned
Created by  Mai
Ordered     15/09/2025 10:04
Updated     15/09/2025 11:04
Tags        gấp, quà
Receiver    Bình
  phone     0****02
  address   12 Lê Lợi, Huế
Courier     GHTK
  state     picked_up
  tracking  S1.A2

Note
  Gọi trước khi giao.
  \x1b[2JCổng sau

PRODUCT    NAME             QUANTITY      PRICE  DISCOUNT     AMOUNT
AT01-DO-M  Áo thun (Đỏ, M)         2  250.000 ₫       0 ₫  500.000 ₫
VAI        Vải lụa               1,5  300.000 ₫  50.000 ₫  400.000 ₫
QUA        Túi (gift)              1        0 ₫       0 ₫        0 ₫

Lines         900.000 ₫
Discount            0 ₫
Goods         900.000 ₫
Shipping fee   30.000 ₫
Surcharge           0 ₫
Tax                 0 ₫
Due           930.000 ₫

To collect     900.000 ₫
Cash                 0 ₫
Prepaid              0 ₫
Bank transfer   30.000 ₫
Card                 0 ₫
E-wallet             0 ₫

STATUS IN THE SHOP        SINCE             BY
waiting_for_confirmation  -                 -
new                       15/09/2025 10:04  Mai

#7  15/09/2025 10:04  OrderCreated  policy  delivery 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11

#12  15/09/2025 10:04  OrderUpdated  policy  newer  delivery 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
  note: - → Gọi trước \x1b[2J
  due: 0 ₫ → 930.000 ₫
`, "")
	if bundle.read.asked != "Pancake_1635294032_2051" {
		t.Errorf("asked for %v", bundle.read.asked)
	}
	bundle.run("order", "show", "Pancake_1635294032_2051", "--json").exits(cli.ExitDone).isJSON(anOrderDetail(t))

	bundle.read.order = query.OrderDetail{Order: anOrder(t)}
	if got := bundle.run("order", "show", "X"); strings.Contains(got.stdout, "Note") || strings.Contains(got.stdout, "Card") || !strings.HasSuffix(got.stdout, "930.000 ₫\n") {
		t.Errorf("an order with nothing more shows\n%s", got.stdout)
	}

	bundle.read.order.Assignee, bundle.read.order.AssigneeReason = nil, order.AssignedToNobody
	if got := bundle.run("order", "show", "X"); !strings.Contains(got.stdout, "\nAssignee    nobody\n") {
		t.Error(got.stdout)
	}
	bundle.read.err = problem.NotFound("order-unknown", "no order has this code")
	bundle.run("order", "show", "X").exits(cli.ExitNotFound).prints("", "orderbridge: no order has this code\n")
	bundle.run("order", "show", "X", "--json").exits(cli.ExitNotFound).prints("",
		"{\n  \"code\": \"order-unknown\",\n  \"message\": \"no order has this code\"\n}\n")
}

func TestDeliveryList(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.deliveries = query.List[query.Delivery]{Items: []query.Delivery{
		{ID: id, ReceivedAt: orderedAt, ShopID: new("1635294032"), OrderCode: new("Pancake_1635294032_2051"), Outcome: query.OutcomeCreated},
		{ID: id, ReceivedAt: orderedAt, Outcome: query.OutcomeRejected, Reason: new("not-json")},
	}}
	bundle.run("delivery", "list").exits(cli.ExitDone).prints(
		`ID                                    RECEIVED          SHOP        OUTCOME   ORDER                    REASON
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  15/09/2025 10:04  1635294032  created   Pancake_1635294032_2051  -
01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11  15/09/2025 10:04  -           rejected  -                        not-json
`, "")
	bundle.run("delivery", "list", "--json").exits(cli.ExitDone).isJSON(bundle.read.deliveries)
	bundle.run("delivery", "list", "--shop-id", "7", "--outcome", "failed", "--limit", "4").exits(cli.ExitDone)
	want := query.DeliveryFilter{ShopID: "7", Outcomes: []query.Outcome{query.OutcomeFailed}}
	if !reflect.DeepEqual(bundle.read.asked, want) || bundle.read.page != (query.Page{Limit: 4}) {
		t.Errorf("asked for %+v, %+v", bundle.read.asked, bundle.read.page)
	}
	bundle.run("delivery", "list", "--cursor", "!").exits(cli.ExitRefused)
}

func TestDeliveryShow(t *testing.T) {
	t.Parallel()
	step := func(position int64, payload event.Payload) event.Recorded {
		stored, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		return event.Recorded{
			New: event.New{Payload: payload}, Position: position, RecordedAt: orderedAt.Add(time.Duration(position) * time.Second), Stored: stored,
		}
	}
	phoneKey := contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}
	bundle := setup(t)
	bundle.env["COLUMNS"] = "80"
	bundle.read.delivery = query.Delivery{
		ID: id, ReceivedAt: orderedAt, ShopID: new("1635294032"), OrderCode: new("Pancake_1635294032_2051"), Outcome: query.OutcomeCreated,
	}
	bundle.read.steps = []event.Recorded{
		step(9, delivery.OrderReceived{ShopID: "1635294032", OrderID: "2051", Request: delivery.Request{Bytes: 5321}}),
		step(10, customer.CustomerCreated{
			Customer: customer.State{Name: "Trần Thị Lan"},
			Decision: customer.Decision{Rule: customer.MatchByPhone, Reason: customer.ReasonNoHolder, Tried: []contact.Key{phoneKey}},
		}),
		step(11, order.SourceEnsured{Name: "Pancake", Created: true}),
	}
	bundle.run("delivery", "show", anID).exits(cli.ExitDone).prints(`Delivery  01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
Received  15/09/2025 10:04
Shop      1635294032
Order     Pancake_1635294032_2051
Outcome   created
Reason    -

#9   15/09/2025 10:04  OrderReceived
     Order 2051 of shop 1635294032 arrived (5321 bytes) and was kept exactly as
     it came.

#10  15/09/2025 10:04  CustomerCreated
     Created customer "Trần Thị Lan": the rule matches by phone, and no active
     customer has phone 0912 000 451 (0 candidates).

#11  15/09/2025 10:04  SourceEnsured
     The CRM had no order source "Pancake", so it was created.
`, "")

	got := bundle.run("delivery", "show", anID, "--json").exits(cli.ExitDone)
	want, err := query.NewExplainDeliveryHandler(bundle.read, time.Now).Handle(t.Context(), workspaceID, id)
	if err != nil {
		t.Fatal(err)
	}
	got.isJSON(want)
	var shape struct {
		Outcome string           `json:"outcome"`
		Steps   []map[string]any `json:"steps"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &shape); err != nil || shape.Outcome != "created" || len(shape.Steps) != 3 {
		t.Errorf("%v: %s", err, got.stdout)
	}
	for _, key := range []string{"position", "at", "event", "summary", "data"} {
		if _, ok := shape.Steps[0][key]; !ok {
			t.Errorf("a step has no %s", key)
		}
	}
}

func TestTokenCreate(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	got := bundle.run("token", "create", "--name", "reporting").exits(cli.ExitDone)
	token := strings.TrimSuffix(got.stdout, "\n")
	if !strings.HasPrefix(token, "obt_") || strings.ContainsAny(token, " \n") {
		t.Errorf("standard output is %q", got.stdout)
	}
	if got.stderr == "" || strings.Contains(got.stderr, token) {
		t.Errorf("standard error is %q", got.stderr)
	}
	created, ok := bundle.workspaces.last().(workspace.TokenCreated)
	if !ok || created.Name != "reporting" || bundle.workspaces.by != byOperator || bundle.workspaces.workspace.TokenHash(created.TokenID) != workspace.TokenHash(token) {
		t.Errorf("%+v", bundle.workspaces.last())
	}
	bundle.run("token", "create", "--name", " ").exits(cli.ExitRefused)

	var shown query.ShownToken
	asJSON := bundle.run("token", "create", "--name", "console", "--role", "owner", "--json").exits(cli.ExitDone)
	if err := json.Unmarshal([]byte(asJSON.stdout), &shown); err != nil {
		t.Fatal(err)
	}
	created, _ = bundle.workspaces.last().(workspace.TokenCreated)
	if shown.ID != created.TokenID || shown.Name != "console" || shown.Role != workspace.RoleOwner ||
		bundle.workspaces.workspace.TokenHash(created.TokenID) != workspace.TokenHash(shown.Secret) {
		t.Errorf("%s", asJSON.stdout)
	}
}

// TestExitCodes: every kind of error has its exit code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		err    error
		code   int
		stderr string
		json   string
	}{
		{"not found", problem.NotFound("workspace-unknown", "no workspace has this name"), cli.ExitNotFound, "orderbridge: no workspace has this name\n", `{"code":"workspace-unknown","message":"no workspace has this name"}`},
		{"malformed", problem.Malformed("m", "not read"), cli.ExitRefused, "orderbridge: not read\n", `{"code":"m","message":"not read"}`},
		{"invalid", problem.Invalid("i", "not good"), cli.ExitRefused, "orderbridge: not good\n", `{"code":"i","message":"not good"}`},
		{"an example of a URL stays", problem.Invalid("i", "like postgres://user:password@host"), cli.ExitRefused, "orderbridge: like postgres://user:password@host\n", `{"code":"i","message":"like postgres://user:password@host"}`},
		{"conflict", problem.Conflict("c", "in the way"), cli.ExitRefused, "orderbridge: in the way\n", `{"code":"c","message":"in the way"}`},
		{"forbidden", problem.Forbidden("f", "may not"), cli.ExitRefused, "orderbridge: may not\n", `{"code":"f","message":"may not"}`},
		{"unauthorized", problem.Unauthorized("u", "who"), cli.ExitRefused, "orderbridge: who\n", `{"code":"u","message":"who"}`},
		{"too large", problem.TooLarge("l", "too much"), cli.ExitRefused, "orderbridge: too much\n", `{"code":"l","message":"too much"}`},
		{
			"unavailable", problem.Unavailable("database-unavailable", "the database does not answer").Because(errors.New("dial\n\tpassword=hunter2: refused")),
			cli.ExitUnavailable, "orderbridge: the database does not answer\n  cause: dial password=••• refused\n", `{"code":"database-unavailable","message":"the database does not answer"}`,
		},
		{"too slow", context.DeadlineExceeded, cli.ExitUnavailable, "orderbridge: it took too long; try again later\n  cause: context deadline exceeded\n", `{"code":"unavailable","message":"it took too long; try again later"}`},
		{"a cause of a conflict is not told", problem.Conflict("c", "in the way").Because(errors.New("row 7")), cli.ExitRefused, "orderbridge: in the way\n", `{"code":"c","message":"in the way"}`},
		{
			"internal", errors.Join(errors.New("start embedded PostgreSQL: exit status 1"), errors.New("\x1b[1mpostgres://u:hunter2@h")),
			cli.ExitInternal, "orderbridge: the command failed: start embedded PostgreSQL: exit status 1\n  \\x1b[1mpostgres://u:•••@h\n",
			`{"code":"internal","message":"the command failed: start embedded PostgreSQL: exit status 1\n\u001b[1mpostgres://u:•••@h"}`,
		},
		{"cancelled by nobody", context.Canceled, cli.ExitInternal, "orderbridge: the command failed: context canceled\n", `{"code":"internal","message":"the command failed: context canceled"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.openError = test.err
			bundle.run("shop", "disconnect", "--shop-id", "5").exits(test.code).prints("", test.stderr)
			bundle.run("shop", "list").exits(test.code).prints("", test.stderr)
			got := bundle.run("shop", "list", "--json").exits(test.code)
			var compact strings.Builder
			encoder := json.NewEncoder(&compact)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(json.RawMessage(got.stderr)); err != nil || compact.String() != test.json+"\n" || got.stdout != "" {
				t.Errorf("%v: %s, want %s", err, compact.String(), test.json)
			}
		})
	}
}

// TestErrorsOfEveryCommand: an error is told just the same by every command, also one that comes after the opening of the
// database.
func TestErrorsOfEveryCommand(t *testing.T) {
	t.Parallel()
	away := problem.Unavailable("database-unavailable", "the database does not answer")
	const (
		told       = "orderbridge: the database does not answer\n"
		toldAsJSON = "{\n  \"code\": \"database-unavailable\",\n  \"message\": \"the database does not answer\"\n}\n"
	)
	for _, command := range commands {
		t.Run(command.path, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(command.path), command.args...)
			bundle := setup(t)
			bundle.read.err, bundle.workspaces.err, bundle.customers.err, bundle.users.err = away, away, away, away
			bundle.projections.err = away
			if command.path != "customer template" { // which reads nothing
				bundle.run(args...).exits(cli.ExitUnavailable).prints("", told)
			}
			if bundle.opened != 1 && command.path != "customer template" {
				t.Errorf("opened %d sessions", bundle.opened)
			}
			bundle.openError = away
			bundle.run(args...).exits(cli.ExitUnavailable).prints("", told)
			if command.data {
				bundle.run(append(args, "--json")...).exits(cli.ExitUnavailable).prints("", toldAsJSON)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bundle := setup(t)
	bundle.openError = problem.Unavailable("database-unavailable", "the database does not answer").Because(context.Canceled)
	bundle.runIn(ctx, "shop", "list").exits(cli.ExitInterrupted).prints("", "orderbridge: interrupted\n")
}

// TestDoneIsDone: what was done stays done when the database cannot be closed.
func TestDoneIsDone(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.closeError = errors.New("stop postgres://u:hunter2@h")
	bundle.run("shop", "list").exits(cli.ExitDone).prints("",
		"No shop is connected.\nwarning: the database was not closed cleanly: stop postgres://u:•••@h\n")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestOutputThatCannotBeWritten: a script must not take half an answer for a whole one.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.shops = []query.Shop{shopA}
	for _, args := range [][]string{{"shop", "list"}, {"shop", "list", "--json"}, {"token", "create", "--name", "x"}} {
		var stderr strings.Builder
		code := cli.Execute(t.Context(), &root{}, args, &cli.Runtime{Stdout: fullDisk{}, Stderr: &stderr, Open: bundle.open})
		if code != cli.ExitInternal || !strings.Contains(stderr.String(), "the command failed: write output: no space left on device") {
			t.Errorf("%q: exit code %d, %s", args, code, stderr.String())
		}
	}
}
