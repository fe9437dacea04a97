package service_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/app/query"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
	"orderbridge/ports/http/contracttest"
)

// asProgram makes the test program be the orderbridge program, so that a test can kill it.
const asProgram = "ORDERBRIDGE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(service.Main(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
	}
	pgtest.Main(m, everyDatabaseWasVerified)
}

const (
	shopA, shopB = "1635294032", "1635294033"
	headerKey    = "X-Pancake-Key"

	// patience is how long a test waits for something that takes milliseconds on an idle machine.
	patience = 30 * time.Second
	pollTime = 5 * time.Millisecond
)

// secretOf is the header value of a shop.
func secretOf(shopID string) string { return "s3cret-of-" + shopID }

// bridge is a running service on a database of its own, spoken to over HTTP.
type bridge struct {
	t           *testing.T
	dsn         string
	dataDir     string
	service     *service.Service
	workspaceID uuid.UUID
	baseURL     string
	address     string // where it listens when it is run again; empty for anywhere
	token       string
	stop        func()
	log         *lockedBuffer // what the service logs, when a test reads it
	change      func(*service.Settings)
	pancake     *fakePancake
	browses     bool // its test is one of those that use browsers
}

// start runs a service with both shops connected.
func start(t *testing.T) *bridge {
	t.Helper()
	return startWith(t, func(*service.Settings) {})
}

// startWith runs a service with other settings.
func startWith(t *testing.T, change func(*service.Settings)) *bridge {
	t.Helper()
	b := &bridge{t: t, dsn: pgtest.New(t), dataDir: t.TempDir(), change: change, pancake: startFakePancake(t)}
	b.verifyAtTheEnd()
	b.run()
	b.connectShops()
	return b
}

// databases counts those that tests had services on, and those of them that the command was run on at the end.
var databases struct{ started, verified atomic.Int64 }

// everyDatabaseWasVerified fails when a test could end without it.
func everyDatabaseWasVerified() error {
	started, verified := databases.started.Load(), databases.verified.Load()
	fmt.Printf("orderbridge verify projections: %d of %d databases of component tests\n", verified, started)
	if verified != started {
		return fmt.Errorf("orderbridge verify projections ran on %d of %d databases", verified, started)
	}
	return nil
}

// verifyAtTheEnd has orderbridge verify projections run at the end of the test: whatever it did, folding it live and rebuilding it agree.
func (b *bridge) verifyAtTheEnd() {
	t, dsn, dataDir := b.t, b.dsn, b.dataDir
	databases.started.Add(1)
	t.Cleanup(func() {
		if t.Failed() {
			return // and keeps its database as it is
		}
		if told, code := verifyProjections(context.Background(), dsn, dataDir); code != 0 {
			t.Errorf("orderbridge verify projections: exit code %d\n%s", code, told)
		}
		databases.verified.Add(1)
	})
}

// verifyProjections folds the rest of the log as a service would, and compares.
func verifyProjections(ctx context.Context, dsn, dataDir string) (told string, code int) {
	environ := map[string]string{"DATABASE_URL": dsn, "ORDERBRIDGE_DATA_DIR": dataDir}
	var out bytes.Buffer
	for _, args := range [][]string{{"settings", "show"}, {"verify", "projections", "--limit", "0"}} {
		code = service.Main(ctx, args, func(name string) string { return environ[name] }, strings.NewReader(""), &out, &out)
	}
	return out.String(), code
}

// connectShops lets both shops deliver.
func (b *bridge) connectShops() {
	b.t.Helper()
	for _, shopID := range []string{shopA, shopB} {
		_, err := b.service.Commands.ConnectShop.Handle(b.t.Context(), command.ConnectShop{
			By: b.by(), Shop: workspace.Shop{ID: shopID, Name: "Shop " + shopID, HeaderKey: headerKey}, HeaderValue: secretOf(shopID),
		})
		must(b.t, err)
	}
}

// run starts the service on the bridge's database; stop ends it.
func (b *bridge) run() {
	b.t.Helper()
	var out io.Writer = testLog{b.t}
	if b.log != nil {
		out = b.log
	}
	logger := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings := service.Settings{DatabaseURL: b.dsn, DataDir: b.dataDir, PancakeRate: 1000, ReconcileEvery: -1}
	if b.pancake != nil {
		settings.PancakeAPI = b.pancake.URL
	}
	if b.change != nil {
		b.change(&settings)
	}
	opened, err := service.Open(b.t.Context(), settings, logger)
	must(b.t, err)
	listener, err := net.Listen("tcp", cmp.Or(b.address, "127.0.0.1:0"))
	must(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- opened.Serve(ctx, listener) }()
	stopped := false
	b.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-served; err != nil {
			b.t.Errorf("serve: %v", err)
		}
		if err := opened.Close(); err != nil {
			b.t.Errorf("close: %v", err)
		}
	}
	b.t.Cleanup(b.stop)
	b.service, b.baseURL = opened, "http://"+listener.Addr().String()
	b.workspaceID, err = opened.Queries.WorkspaceNamed(b.t.Context(), "")
	must(b.t, err)
	b.token = b.tokenOf(workspace.RoleOwner)
}

// tokenOf makes a token of a role.
func (b *bridge) tokenOf(role workspace.Role) string {
	b.t.Helper()
	created, err := b.service.Commands.CreateToken.Handle(b.t.Context(), command.CreateToken{
		By: b.by(), Name: "test " + event.NewID().String(), Role: role,
	})
	must(b.t, err)
	return created.Secret
}

func (b *bridge) by() command.By {
	return command.By{WorkspaceID: b.workspaceID, Actor: event.ActorCommandLine}
}

// answer is what the service said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// wants fails the test unless the answer has a status and, for problems, a code. It returns the answer.
func (a answer) wants(t *testing.T, status int, code string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("answered %d %s, want %d %s", a.status, a.body, status, code)
	}
	if code != "" && a.code(t) != code {
		t.Fatalf("answered %s, want the code %s", a.body, code)
	}
	return a
}

// code is the stable code of a problem.
func (a answer) code(t *testing.T) string {
	t.Helper()
	return decoded[struct {
		Code string `json:"code"`
	}](t, a).Code
}

// invalid are the paths of the fields that a problem finds fault with.
func (a answer) invalid(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, field := range decoded[struct {
		Errors []problem.Field `json:"errors"`
	}](t, a).Errors {
		paths = append(paths, field.Path)
	}
	return paths
}

func decoded[T any](t *testing.T, a answer) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
	return value
}

// object is a body, or a part of one.
type object = map[string]any

// exchange sends a request with these headers and no others: name and value in turn. The test fails when the exchange
// breaks the API's contract. It may be called from any goroutine.
func (b *bridge) exchange(method, path string, body []byte, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.baseURL+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if host := request.Header.Get("Host"); host != "" { // which net/http keeps elsewhere
		request.Host = host
		request.Header.Del("Host")
	}
	response, err := contracttest.Client(b.t, http.DefaultTransport).Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: got}, err
}

// trySend asks the API with the bridge's token. A body that is no text is sent as JSON; more headers are name and value in
// turn. It may be called from any goroutine.
func (b *bridge) trySend(method, path string, body any, headers ...string) (answer, error) {
	headers = append([]string{"Authorization", "Bearer " + b.token}, headers...)
	var sent []byte
	if text, isText := body.(string); isText {
		sent = []byte(text)
	} else if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	if len(sent) > 0 {
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	return b.exchange(method, path, sent, headers...)
}

// send is trySend for the test's own goroutine.
func (b *bridge) send(method, path string, body any, headers ...string) answer {
	b.t.Helper()
	got, err := b.trySend(method, path, body, headers...)
	must(b.t, err)
	return got
}

// get reads from the API.
func (b *bridge) get(path string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

// with is the bridge as the holder of another token speaks to it.
func (b *bridge) with(token string) *bridge {
	other := *b
	other.token = token
	return &other
}

// as is the bridge as somebody with another role speaks to it.
func (b *bridge) as(role workspace.Role) *bridge {
	b.t.Helper()
	return b.with(b.tokenOf(role))
}

const webhookPath = "/api/pancake/webhook"

// tryPost delivers a body with a shop's header. It may be called from any goroutine.
func (b *bridge) tryPost(shopID string, body []byte) (answer, error) {
	return b.exchange(http.MethodPost, webhookPath, body, headerKey, secretOf(shopID))
}

// post is tryPost for the test's own goroutine.
func (b *bridge) post(shopID string, body []byte) answer {
	b.t.Helper()
	return b.postWith(body, headerKey, secretOf(shopID))
}

// postWith delivers a body with these headers and no others: name and value in turn.
func (b *bridge) postWith(body []byte, headers ...string) answer {
	b.t.Helper()
	got, err := b.exchange(http.MethodPost, webhookPath, body, headers...)
	must(b.t, err)
	return got
}

// deliver delivers a body that has to be taken, and returns the delivery's id.
func (b *bridge) deliver(shopID string, body []byte) uuid.UUID {
	b.t.Helper()
	return b.post(shopID, body).wants(b.t, http.StatusOK, "").deliveryID(b.t)
}

// deliveryID is that of a delivery that was taken.
func (a answer) deliveryID(t *testing.T) uuid.UUID {
	t.Helper()
	receipt := decoded[struct {
		DeliveryID uuid.UUID `json:"delivery_id"`
		Status     string    `json:"status"`
	}](t, a)
	if receipt.Status != "received" || receipt.DeliveryID == uuid.Nil {
		t.Fatalf("deliver: %s", a.body)
	}
	return receipt.DeliveryID
}

// settled waits until a delivery is not pending any more, and returns it with its steps.
func (b *bridge) settled(id uuid.UUID) query.DeliveryDetail {
	b.t.Helper()
	var detail query.DeliveryDetail
	eventually(b.t, fmt.Sprintf("delivery %s has an outcome", id), func() bool {
		got := b.get("/api/v1/deliveries/" + id.String())
		if got.status != http.StatusOK {
			return false
		}
		detail = decoded[query.DeliveryDetail](b.t, got)
		return detail.Outcome != query.OutcomePending
	})
	return detail
}

// order reads an order once the read tables have it.
func (b *bridge) order(code string) query.OrderDetail {
	b.t.Helper()
	var order query.OrderDetail
	eventually(b.t, "order "+code+" is readable", func() bool {
		got := b.get("/api/v1/orders/" + url.PathEscape(code))
		if got.status != http.StatusOK {
			return false
		}
		order = decoded[query.OrderDetail](b.t, got)
		return true
	})
	return order
}

// all reads a whole list, page by page.
func all[T any](b *bridge, path string) []T {
	b.t.Helper()
	var items []T
	cursor := ""
	for {
		separator := "?"
		if u, _ := url.Parse(path); u.RawQuery != "" {
			separator = "&"
		}
		page := decoded[query.List[T]](b.t, b.get(path+separator+"limit=200&cursor="+cursor).wants(b.t, http.StatusOK, ""))
		items = append(items, page.Items...)
		if page.NextCursor == nil {
			return items
		}
		cursor = *page.NextCursor
	}
}

// caughtUp waits until every received order is ingested and every projection has folded the whole log.
func (b *bridge) caughtUp() {
	b.t.Helper()
	conn := connect(b.t, b.dsn)
	consumers := []string{policy.OnOrderReceivedName}
	for _, p := range postgres.Projections() {
		consumers = append(consumers, p.ConsumerName())
	}
	eventually(b.t, "the consumers reach the head of the log", func() bool {
		return count(b.t, conn, `
			SELECT count(*) FROM cursors c
			WHERE c.consumer = ANY ($1) AND NOT EXISTS (
				SELECT FROM events e
				WHERE e.position > c.position AND (c.consumer LIKE 'projection:%' OR e.type IN ('OrderReceived', 'IngestionRetried')))`,
			consumers) == len(consumers) // a service that has just started has not made all cursors yet
	})
}

func (b *bridge) addCustomer(name string, details customer.Details) uuid.UUID {
	b.t.Helper()
	details.Name = name
	added, err := b.service.Commands.AddCustomer.Handle(b.t.Context(), command.AddCustomer{By: b.by(), Details: details})
	must(b.t, err)
	return added.State.ID
}

func (b *bridge) setMatchRule(rule customer.MatchRule) {
	b.t.Helper()
	_, err := b.service.Commands.ChangeSettings.Handle(b.t.Context(), command.ChangeSettings{
		By: b.by(), Edit: workspace.SettingsEdit{MatchRule: new(string(rule))},
	})
	must(b.t, err)
}

// fixture reads a webhook body.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "adapters", "pancake", "testdata", name))
	must(t, err)
	return body
}

// changed returns a body with some root keys replaced.
func changed(t *testing.T, body []byte, replace map[string]any) []byte {
	t.Helper()
	var object map[string]json.RawMessage
	must(t, json.Unmarshal(body, &object))
	for key, value := range replace {
		encoded, err := json.Marshal(value)
		must(t, err)
		object[key] = encoded
	}
	out, err := json.Marshal(object)
	must(t, err)
	return out
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(pollTime)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testLog writes a service's log into the test's.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimRight(line, "\n"))
	return len(line), nil
}
