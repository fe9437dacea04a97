package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"orderbridge/app/query"
	"orderbridge/cmd/orderbridge/service"
)

// shell runs the orderbridge program on a bridge's database.
type shell struct {
	t       *testing.T
	environ map[string]string
	stdin   string
}

func (b *bridge) shell() *shell {
	return &shell{t: b.t, environ: map[string]string{
		"DATABASE_URL": b.dsn, "ORDERBRIDGE_DATA_DIR": b.dataDir, "ORDERBRIDGE_PANCAKE_API": b.pancake.URL,
	}}
}

// run returns what a command that has to succeed prints.
func (s *shell) run(args ...string) string {
	s.t.Helper()
	out, complaint, code := s.try(args...)
	if code != 0 {
		s.t.Fatalf("orderbridge %s: exit code %d: %s", strings.Join(args, " "), code, complaint)
	}
	return out
}

func (s *shell) try(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	var out, complaint bytes.Buffer
	getenv := func(name string) string { return s.environ[name] }
	code = service.Main(context.Background(), args, getenv, strings.NewReader(s.stdin), &out, &complaint)
	return out.String(), complaint.String(), code
}

func TestAnOperatorSetsUpAWorkspaceAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	sh.run("shop", "disconnect", "--shop-id", shopA)
	sh.stdin = secretOf(shopA) + "\n"
	sh.run("shop", "connect", "--shop-id", shopA, "--name", "Shop A", "--header-key", headerKey, "--header-value", "-")
	sh.run("settings", "set", "--match-by", "phone_or_email")
	sh.run("customer", "add", "--name", "Phạm Dung", "--phone", "0987000102")
	sh.run("user", "add", "--name", "Phương Mai", "--phone", "0904000321", "--email", "phuongmai.sale@example.vn")

	matched := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	created := b.settled(b.deliver(shopA, fixture(t, "order-with-known-creator.json")))
	b.caughtUp()

	for code, want := range map[string][]string{
		*matched.OrderCode: {"Phạm Dung", "0987 000 102", "475.000 ₫", "SM12-TRANG-40"},
		*created.OrderCode: {"Tạ Minh Châu", "Phương Mai", "495.000 ₫", "TL08-NAU"},
	} {
		shown := sh.run("order", "show", code)
		for _, part := range want {
			if !strings.Contains(shown, part) {
				t.Errorf("order %s is shown without %q:\n%s", code, part, shown)
			}
		}
	}
	var listed query.List[query.Order]
	if err := json.Unmarshal([]byte(sh.run("order", "list", "--json")), &listed); err != nil || len(listed.Items) != 2 {
		t.Errorf("orders are %+v (%v)", listed, err)
	}
	if got := sh.run("settings", "show"); !strings.Contains(got, "email") {
		t.Errorf("settings are shown as %s", got)
	}
}

func TestTimesAreShownInTheWorkspacesZone(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	delivered := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	code, received := *delivered.OrderCode, delivered.ReceivedAt
	for _, zone := range []struct {
		name  string
		ahead time.Duration
	}{{"Asia/Ho_Chi_Minh", 7 * time.Hour}, {"Asia/Tokyo", 9 * time.Hour}} {
		sh.run("settings", "set", "--time-zone", zone.name)
		for _, c := range []struct {
			args []string
			at   time.Time
		}{
			{[]string{"order", "list"}, time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC)},
			{[]string{"order", "show", code}, time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC)},
			{[]string{"delivery", "list"}, received},
			{[]string{"delivery", "show", delivered.ID.String()}, received},
		} {
			want := c.at.UTC().Add(zone.ahead).Format("02/01/2006 15:04")
			if shown := sh.run(c.args...); !strings.Contains(shown, want) {
				t.Errorf("in %s, %s is to show %s:\n%s", zone.name, strings.Join(c.args, " "), want, shown)
			}
		}
		if shown := sh.run("order", "list", "--json"); !strings.Contains(shown, `"2025-09-15T03:04:38`) {
			t.Errorf("in JSON a time is not UTC: %s", shown)
		}
	}
}

func TestDeliveryShowExplainsInPlainWords(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	sh.run("customer", "add", "--name", "Phạm Dung", "--phone", "0987000102")
	matched := b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	created := b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	for _, c := range []struct {
		id   string
		want []string
	}{
		{matched.ID.String(), []string{
			"CustomerMatched", "Matched an existing customer", "the rule matches by phone", "0987 000 102", "1 candidate",
		}},
		{created.ID.String(), []string{
			"CustomerCreated", `Created customer "Nguyễn Thị Hạnh"`, "the rule matches by phone", "no active customer has", "0912 000 451",
			"0 candidates",
		}},
	} {
		shown := strings.Join(strings.Fields(sh.run("delivery", "show", c.id)), " ") // it is wrapped
		for _, part := range c.want {
			if !strings.Contains(shown, part) {
				t.Errorf("the explanation lacks %q:\n%s", part, shown)
			}
		}
	}
}

func TestCommandsSeeWhatEarlierOnesDidWithoutAService(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stop()
	sh := b.shell()
	sh.run("customer", "add", "--name", "Phạm Dung", "--phone", "0987000102", "--email", "dung.pham@example.com")
	var customers query.List[query.Customer]
	listed := sh.run("customer", "list", "--phone", "+84 987 000 102", "--json")
	if err := json.Unmarshal([]byte(listed), &customers); err != nil || len(customers.Items) != 1 {
		t.Fatalf("customers are %s (%v)", listed, err)
	}
	id := customers.Items[0].ID.String()
	sh.run("customer", "archive", id)
	if got := sh.run("customer", "list", "--status", "archived"); !strings.Contains(got, id) {
		t.Errorf("archived customers are:\n%s", got)
	}
	sh.run("customer", "restore", id)
	if got := sh.run("customer", "show", id); !strings.Contains(got, "active") {
		t.Errorf("the customer is shown as:\n%s", got)
	}
}

func TestATokenIsPrintedAloneAndWorks(t *testing.T) {
	t.Parallel()
	b := start(t)
	token := b.shell().run("token", "create", "--name", "reports")
	if strings.Count(token, "\n") != 1 || !strings.HasPrefix(token, "obt_") {
		t.Fatalf("printed %q", token)
	}
	b.token = strings.TrimSpace(token)
	if got := b.get("/api/v1/orders"); got.status != 200 {
		t.Errorf("the token gets %d %s", got.status, got.body)
	}
	b.token = "obt_made-up"
	if got := b.get("/api/v1/orders"); got.status != 401 || got.code(t) != "token-unknown" {
		t.Errorf("a made-up token gets %d %s", got.status, got.body)
	}
}

func TestTheVersionIsToldWithoutADatabase(t *testing.T) {
	t.Parallel()
	sh := &shell{t: t, environ: map[string]string{"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}}
	if got := sh.run("--version"); !strings.HasPrefix(got, "orderbridge ") {
		t.Errorf("printed %q", got)
	}
}

func TestExitCodesTellWhatWentWrong(t *testing.T) {
	t.Parallel()
	b := start(t)
	sh := b.shell()
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"an unknown flag":         {[]string{"order", "list", "--colour"}, 2},
		"an unknown order":        {[]string{"order", "show", "Pancake_1_1"}, 3},
		"a shop that is there":    {[]string{"shop", "connect", "--shop-id", shopA, "--header-key", "X-Key", "--header-value", "v"}, 4},
		"a phone that is none":    {[]string{"customer", "add", "--name", "A", "--phone", "12"}, 4},
		"an unknown workspace":    {[]string{"order", "list", "--workspace", "elsewhere"}, 3},
		"a port that is taken":    {[]string{"serve", "--addr", strings.TrimPrefix(b.baseURL, "http://")}, 4},
		"a database that is none": {[]string{"order", "list", "--database-url", strings.Replace(b.dsn, "/testdb", "/nodb", 1)}, 4},
		"a database that is away": {[]string{"order", "list", "--database-url", "postgres://u:hunter2@127.0.0.1:1/x"}, 5},
	} {
		_, complaint, code := sh.try(c.args...)
		if code != c.code || complaint == "" || strings.Contains(complaint, "hunter2") {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.code, complaint)
		}
	}
}
