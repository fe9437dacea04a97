package service_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"orderbridge/adapters/localpg"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/query"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/ports/http/contracttest"
)

func TestADumpRestoredIntoANewClusterGoesOn(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	b.stop()

	cluster, err := localpg.Open(t.Context(), localpg.Config{DataDir: clusterDir(t), Settings: map[string]string{"fsync": "off"}})
	must(t, err)
	t.Cleanup(func() { must(t, cluster.Close(context.Background())) }) // the test's own context has ended by then
	dump, err := exec.CommandContext(t.Context(), clientProgram(t, "pg_dump"), "--dbname", b.dsn).Output()
	must(t, err)
	restore := exec.CommandContext(t.Context(), clientProgram(t, "psql"), "--quiet", "--dbname", cluster.DSN())
	restore.Stdin = bytes.NewReader(dump)
	output, err := restore.CombinedOutput()
	if err != nil {
		t.Fatalf("restore: %v\n%s", err, output)
	}

	b.dsn = cluster.DSN()
	b.run()
	updated := b.settled(b.deliver(shopA, fixture(t, "order-update-status.json")))
	if updated.Outcome != query.OutcomeUpdated {
		t.Errorf("an order from before the restore is %+v", updated.Delivery)
	}
	created := b.settled(b.deliver(shopB, fixture(t, "order-second-shop.json")))
	if created.Outcome != query.OutcomeCreated {
		t.Errorf("an order from after the restore is %+v", created.Delivery)
	}
	checkCounts(t, b, 2, 1)
}

// clusterDir is a temporary directory that the server's own user can enter, unlike the one of testing.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "orderbridge-restored-") //nolint:usetesting // that one is closed to others
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o711))
	return dir
}

// clientProgram finds a program that PostgreSQL brings along.
func clientProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		if found, _ := filepath.Glob(filepath.Join(pattern, name)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("%s is not installed; it comes with PostgreSQL's client package", name)
	return ""
}

func TestNothingIsAcknowledgedWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stop()
	database := newGate(t, b.dsn)
	b.dsn = database.dsn
	b.run()
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))

	database.shut()
	got := b.post(shopA, fixture(t, "order-second-shop.json"))
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.code(t) != "database-unavailable" {
		t.Errorf("a delivery is answered with %d %v %s", got.status, got.header, got.body)
	}
	if got := b.get("/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("the service says it is ready: %d %s", got.status, got.body)
	}
	if got := b.get("/healthz"); got.status != http.StatusOK {
		t.Errorf("the process says it is not alive: %d %s", got.status, got.body)
	}

	database.open()
	eventually(t, "deliveries are taken again", func() bool {
		got, err := b.tryPost(shopB, fixture(t, "order-second-shop.json"))
		return err == nil && got.status == http.StatusOK
	})
	eventually(t, "the service is ready again", func() bool { return b.get("/readyz").status == http.StatusOK })
	b.order("Pancake_1635294033_2051")
	b.caughtUp()
	if got := all[query.Order](b, "/api/v1/orders"); len(got) != 2 {
		t.Errorf("%d orders, want 2", len(got))
	}
}

// gate stands between the service and its database, and can be shut.
type gate struct {
	dsn    string
	target string

	mu     sync.Mutex
	isOpen bool
	conns  []net.Conn
}

func newGate(t *testing.T, dsn string) *gate {
	t.Helper()
	parsed, err := url.Parse(dsn)
	must(t, err)
	socket := ".s.PGSQL." + parsed.Port()
	target := filepath.Join(parsed.Query().Get("host"), socket)
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // a socket's path has to be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	parsed.RawQuery = url.Values{"host": {dir}}.Encode()
	g := &gate{dsn: parsed.String(), target: target, isOpen: true}
	listener, err := net.Listen("unix", filepath.Join(dir, socket))
	must(t, err)
	t.Cleanup(func() {
		listener.Close()
		g.shut()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.pass(conn)
		}
	}()
	return g
}

func (g *gate) pass(from net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	to, err := net.Dial("unix", g.target)
	if !g.isOpen || err != nil {
		from.Close()
		return
	}
	g.conns = append(g.conns, from, to)
	relay := func(a, b net.Conn) {
		_, _ = io.Copy(a, b)
		a.Close()
		b.Close()
	}
	go relay(from, to)
	go relay(to, from)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOpen = false
	for _, conn := range g.conns {
		conn.Close()
	}
	g.conns = nil
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOpen = true
}

func TestMetricsTellWhereTheConsumersStand(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	got := string(b.get("/metrics").body)
	for _, want := range []string{
		`orderbridge_consumer_lag_events{consumer="projection:crm"} 0`,
		`orderbridge_consumer_lag_events{consumer="policy:on_order_received"} 0`,
		`orderbridge_consumer_stopped{category="stopped",consumer="policy:on_order_received"} 0`,
		`orderbridge_webhook_requests_total{outcome="received"} 1`,
		"orderbridge_log_position ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestAnotherSecretKeyIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stop()
	b.dataDir = t.TempDir()
	if err := openFails(t, b); !strings.Contains(err.Error(), "secret key") {
		t.Errorf("the service says: %v", err)
	}
}

func openFails(t *testing.T, b *bridge) error {
	t.Helper()
	opened, err := service.Open(t.Context(), service.Settings{DatabaseURL: b.dsn, DataDir: b.dataDir}, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("the service opened", opened.Close())
	}
	return err
}

func TestTheLogNamesNobodyAndNoSecret(t *testing.T) {
	t.Parallel()
	b := &bridge{t: t, dsn: pgtest.New(t), dataDir: t.TempDir(), log: &lockedBuffer{}}
	b.run()
	b.connectShops()
	b.settled(b.deliver(shopA, fixture(t, "order-existing-phone.json")))
	bad := changed(t, fixture(t, "order-existing-phone.json"), map[string]any{"id": 9, "items": "none"})
	b.settled(b.deliver(shopA, bad))
	b.post("999", fixture(t, "order-existing-phone.json"))
	b.get("/api/v1/customers?phone=0987000102&email=dung.pham@example.com")
	b.get("/api/v1/orders/Pancake_1635294032_2052")
	b.get("/api/v1/customers?q=Ph%E1%BA%A1m%200987000102")
	const lan = `{"name":"Phạm Dũng","phones":["0987 000 102"],"emails":["dung.pham@example.com"],"note":"Lê Hồng Phong"`
	b.send(http.MethodPost, "/api/v1/customers", lan+"}", "Idempotency-Key", "987000102")
	b.send(http.MethodPost, "/api/v1/customers", lan+"}", "Idempotency-Key", "987000102")
	b.send(http.MethodPost, "/api/v1/customers", lan+`,"Dũng":1}`)
	b.send(http.MethodPost, "/api/v1/customers", lan+`,"gender":"Phạm"}`)
	b.stop()
	log := b.log.String()
	if !strings.Contains(log, "/api/pancake/webhook") {
		t.Fatalf("the log does not even tell of deliveries:\n%s", log)
	}
	for _, personal := range []string{
		"987000102", "987 000 102", "dung.pham", "Phạm", "Dũng", "Lê Hồng Phong", secretOf(shopA), secretOf("999"), b.token,
	} {
		if strings.Contains(log, personal) {
			t.Errorf("the log holds %q", personal)
		}
	}
}

// lockedBuffer is a buffer that many goroutines write to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestAnEmbeddedServerThatDiesIsBroughtBack(t *testing.T) {
	t.Parallel()
	b := &bridge{t: t, dataDir: clusterDir(t)}
	b.run()
	b.connectShops()
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))

	pidFile, err := os.ReadFile(filepath.Join(b.dataDir, "postgres", "postmaster.pid"))
	must(t, err)
	first, _, _ := strings.Cut(string(pidFile), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))

	eventually(t, "deliveries are taken again", func() bool {
		got, err := b.tryPost(shopB, fixture(t, "order-second-shop.json"))
		return err == nil && got.status == http.StatusOK
	})
	b.order("Pancake_1635294033_2051")
	if got := b.order("Pancake_1635294032_2051"); got.Totals.Due != 930000 {
		t.Errorf("the order from before is %+v", got)
	}
}

func TestADeliveryThatBreaksOffIsKeptAsRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	address := strings.TrimPrefix(b.baseURL, "http://")
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /api/pancake/webhook HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nContent-Length: 5000\r\n\r\n{\"id\":2051,",
		address, headerKey, secretOf(shopA))
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	request, err := http.NewRequest(http.MethodPost, b.baseURL+webhookPath, nil)
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	must(t, err)
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	must(t, err)
	contracttest.Check(t, request, response, answered)
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(answered), "body-incomplete") {
		t.Errorf("answered with %d %s", response.StatusCode, answered)
	}
	b.post(shopA, bytes.Repeat([]byte(" "), 2<<20+1)).wants(t, http.StatusRequestEntityTooLarge, "")
	var reasons []string
	eventually(t, "both are listed", func() bool {
		reasons = nil
		for _, delivery := range all[query.Delivery](b, "/api/v1/deliveries?outcome=rejected") {
			reasons = append(reasons, *delivery.Reason)
		}
		return len(reasons) == 2
	})
	if reasons[0] != "body-too-large" || reasons[1] != "body-incomplete" {
		t.Errorf("reasons are %v", reasons)
	}
	var kept []byte
	must(t, connect(t, b.dsn).QueryRow(t.Context(),
		`SELECT body FROM events WHERE payload ->> 'reason' = 'body-incomplete'`).Scan(&kept))
	if string(kept) != `{"id":2051,` {
		t.Errorf("of what broke off is kept: %q", kept)
	}
}
