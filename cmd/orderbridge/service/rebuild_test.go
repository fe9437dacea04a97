package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/localpg"
	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/cmd/orderbridge/service"
	"orderbridge/domain/workspace"
)

// projection is where a projection stands, over the API.
func (b *bridge) projection(name string) projection.Status {
	b.t.Helper()
	return decoded[projection.Status](b.t, b.get("/api/v1/projections/"+name).wants(b.t, http.StatusOK, ""))
}

// traffic is who delivers orders and reads them without a pause, until it is stopped.
type traffic struct {
	// interrupted is for a service or database that may be away: what is not answered is sent again, until it is.
	interrupted bool
	// forgetful is for a database that may crash: what was folded last is folded again then, and not read for a moment.
	forgetful bool
	// baseURL is where the service is by now.
	baseURL atomic.Pointer[string]
}

// traffic begins; stop returns how many orders were delivered. Whatever is not answered as it should be fails the test: a failed
// request, a read that shows less than an earlier one, or reads that show nothing new while orders come in.
func (b *bridge) traffic() (stop func() int) { return (&traffic{}).begin(b) }

// moveTo says where the service is now.
func (f *traffic) moveTo(baseURL string) { f.baseURL.Store(&baseURL) }

// at is the bridge to where the service is now.
func (f *traffic) at(b bridge) *bridge {
	b.baseURL = *f.baseURL.Load()
	return &b
}

// isAway tells that there is no answer because the service or its database is away, and gives them a moment.
func (f *traffic) isAway(ctx context.Context, got answer, err error) bool {
	if !f.interrupted || err == nil && got.status != http.StatusServiceUnavailable {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
	return true
}

func (f *traffic) begin(b *bridge) (stop func() int) {
	ctx, cancel := context.WithCancel(b.t.Context())
	f.moveTo(b.baseURL)
	here := *b // which the test may point elsewhere
	var group sync.WaitGroup
	delivered := 0
	group.Go(func() {
		for ctx.Err() == nil {
			body, err := json.Marshal(object{
				"id": firstInTraffic + delivered, "shop_id": 1635294032, "status": 0, "inserted_at": "2025-09-15T03:04:38", "updated_at": "2025-09-15T03:04:38",
				"bill_full_name": "Phạm Thị Lan", "bill_phone_number": fmt.Sprintf("0912%06d", delivered%50), "items": []object{},
			})
			if err != nil {
				b.t.Error(err)
				return
			}
			got, err := f.at(here).tryPost(shopA, body)
			switch {
			case f.isAway(ctx, got, err):
				continue
			case err != nil || got.status != http.StatusOK:
				b.t.Errorf("delivery %d is answered with %d %s, %v", delivered, got.status, got.body, err)
				return
			}
			delivered++
		}
	})
	for _, path := range []string{"/api/v1/orders?limit=1", "/api/v1/deliveries?limit=1", "/api/v1/customers?limit=1"} {
		group.Go(func() { f.read(ctx, here, path) })
	}
	return sync.OnceValue(func() int {
		cancel()
		group.Wait()
		return delivered
	})
}

// read reads the newest of a list, over and over.
func (f *traffic) read(ctx context.Context, b bridge, path string) {
	before, moved := "", 0
	defer func() {
		if moved < 2 {
			b.t.Errorf("GET %s showed something new %d times", path, moved)
		}
	}()
	for ctx.Err() == nil {
		got, err := f.at(b).trySend(http.MethodGet, path, nil)
		switch {
		case f.isAway(ctx, got, err):
			continue
		case err != nil || got.status != http.StatusOK:
			b.t.Errorf("GET %s is answered with %d %s, %v", path, got.status, got.body, err)
			return
		}
		var list query.List[struct {
			ID   string `json:"id"`
			Code string `json:"code"`
		}]
		if err := json.Unmarshal(got.body, &list); err != nil {
			b.t.Error(err)
			return
		}
		newest := ""
		if len(list.Items) > 0 { // ids and codes rise with what comes in
			newest = list.Items[0].ID + list.Items[0].Code
		}
		if newest < before && (!f.forgetful || newest == "") {
			b.t.Errorf("GET %s showed %q, and later %q", path, before, newest)
			return
		}
		if newest != before {
			moved++
		}
		before = newest
	}
}

// firstInTraffic is the number of the first order that traffic delivers.
const firstInTraffic = 900_000

// wantAllOf fails unless the orders are read that traffic delivered, each once.
func (b *bridge) wantAllOf(delivered int) {
	b.t.Helper()
	b.caughtUp()
	if got := count(b.t, connect(b.t, b.dsn), "SELECT count(*) FROM crm_orders WHERE external_id ~ '^9[0-9]{5}$'"); got != delivered || delivered < 10 {
		b.t.Errorf("%d orders are read, of %d", got, delivered)
	}
}

// manyOrders makes a log that takes a while to fold: more orders like the one that is there.
func (b *bridge) manyOrders(n int) {
	b.t.Helper()
	b.caughtUp()
	_, err := connect(b.t, b.dsn).Exec(b.t.Context(), `
		INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, actor, payload, digest)
		SELECT (SELECT max(position) FROM events) + n, e.workspace_id, 'order/1635294032/' || 100000 + n, 1, gen_random_uuid(), e.type,
			e.schema_version, now(), gen_random_uuid(), e.actor, replace(e.payload::text, '2051', (100000 + n)::text)::jsonb, sha256('')
		FROM events e, generate_series(1, $1::integer) n
		WHERE e.position = (SELECT min(position) FROM events WHERE type = 'OrderCreated')`, n)
	must(b.t, err)
	b.caughtUp()
}

// rebuilt waits for the end of a rebuild.
func (b *bridge) rebuilt(name string, version int) projection.Status {
	b.t.Helper()
	var state projection.Status
	eventually(b.t, fmt.Sprintf("version %d of %s is read", version, name), func() bool {
		got, err := b.trySend(http.MethodGet, "/api/v1/projections/"+name, nil)
		if err != nil || got.status != http.StatusOK { // a service or database that is away comes back
			return false
		}
		state = decoded[projection.Status](b.t, got)
		return state.Rebuild == nil && state.Version >= version
	})
	if state.Version != version {
		b.t.Fatalf("%s stands at %+v, want version %d", name, state, version)
	}
	return state
}

// told is what a projection's timeline says, with the sentences in English, over the API.
func (b *bridge) told(name string) []query.Step {
	b.t.Helper()
	return decoded[query.Timeline](b.t, b.get("/api/v1/projections/"+name+"/timeline?limit=200").wants(b.t, http.StatusOK, "")).Items
}

func TestRebuildOverHTTPWhileOrdersComeIn(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	stop := b.traffic()
	defer stop()
	for version := 2; version <= 4; version++ {
		for _, name := range []string{"crm", "deliveries"} {
			started := decoded[projection.Status](t, b.send(http.MethodPost, "/api/v1/projections/"+name+"/rebuild", nil).wants(t, http.StatusAccepted, ""))
			if run := started.Rebuild; run != nil && (run.Version != version || !strings.HasPrefix(run.AskedBy, "api:test ") || run.EventsTotal == 0) {
				t.Errorf("it is said to be at %+v", run)
			}
			var state projection.Status
			eventually(t, "the rebuild is done", func() bool {
				state = b.projection(name)
				return state.Rebuild == nil
			})
			if state.Version != version || state.Previous == nil || state.LastRebuild == nil || state.State != projection.Live {
				t.Errorf("%s stands at %+v", name, state)
				continue
			}
			if done := state.LastRebuild; done.ReadersWaitedMS <= 0 || done.LongestLockMS < done.ReadersWaitedMS {
				t.Errorf("of its locks it is said that %+v", done)
			}
			t.Logf("%s v%d: %.2f s, readers waited for %.1f ms at most, and no lock was held for longer than %.1f ms", name, version,
				state.LastRebuild.TookSeconds, state.LastRebuild.ReadersWaitedMS, state.LastRebuild.LongestLockMS)
		}
	}
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", object{"rollback": true}).wants(t, http.StatusAccepted, "")
	eventually(t, "it is gone back", func() bool { return b.projection("crm").Version == 3 })
	before := b.projection("deliveries")
	b.send(http.MethodDelete, "/api/v1/projections/deliveries/previous", nil).wants(t, http.StatusNoContent, "")
	if state := b.projection("deliveries"); before.Previous == nil || state.Previous != nil || state.Version != before.Version {
		t.Errorf("after dropping the version before, deliveries stands at %+v", state)
	}
	b.wantAllOf(stop())
	var happened []string
	for _, step := range b.told("deliveries") {
		happened = append(happened, step.Event)
		if !strings.HasPrefix(string(step.Actor), "api:test ") {
			t.Errorf("%s is said to be by %s", step.Event, step.Actor)
		}
	}
	if got, want := strings.Join(happened, " "), strings.Repeat("ProjectionRebuildStarted ProjectionRebuilt ", 3)+"ProjectionPreviousDropped"; got != want {
		t.Errorf("of deliveries it is told %s, want %s", got, want)
	}
	b.get("/api/v1/projections/sales/timeline").wants(t, http.StatusNotFound, "projection-unknown")
	b.send(http.MethodPost, "/api/v1/projections/sales/rebuild", nil).wants(t, http.StatusNotFound, "projection-unknown")
	b.as(workspace.RoleOperator).send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusForbidden, "role-insufficient")
}

// TestRebuildAtTheCommandLineWhileOrdersComeIn does all that the command can, and reads what the log says of it.
func TestRebuildAtTheCommandLineWhileOrdersComeIn(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	stop := b.traffic()
	defer stop()
	sh := b.shell()
	if _, told, code := sh.try("rebuild", "crm", "--rollback"); code != 3 || !strings.Contains(told, "no version was read before") {
		t.Errorf("going back to nothing: exit code %d, %s", code, told)
	}
	stands := func(version, previous int) {
		t.Helper()
		state := b.projection("crm")
		if state.Rebuild != nil || state.Version != version || previous == 0 != (state.Previous == nil) || previous != 0 && state.Previous.Version != previous {
			t.Errorf("it stands at %+v, want version %d before which was %d", state, version, previous)
		}
	}
	sh.run("rebuild", "crm")
	stands(2, 1)
	sh.run("rebuild", "crm", "--rollback")
	stands(1, 2)
	sh.run("rebuild", "crm", "--rollback")
	stands(2, 1)
	sh.run("rebuild", "crm", "--drop-previous")
	sh.run("rebuild", "crm", "--drop-previous") // there is none any more
	stands(2, 0)

	// One that waits for somebody who reads for long is ended by another command, and what it built is gone.
	release := blockViews(t, b.dsn, "crm_orders")
	ended := make(chan string, 1)
	go func() {
		_, told, code := b.shell().try("rebuild", "crm")
		ended <- fmt.Sprintf("exit code %d: %s", code, told)
	}()
	eventually(t, "it tries to switch", func() bool {
		run := b.projection("crm").Rebuild
		return run != nil && run.Phase == "switching" && run.ReadersWaitedMS > 0 && run.LongestLockMS >= run.ReadersWaitedMS
	})
	sh.run("rebuild", "crm", "--cancel")
	if got := <-ended; !strings.Contains(got, "exit code 4") || !strings.Contains(got, "was cancelled") {
		t.Errorf("whoever rebuilt it is told %s", got)
	}
	release()
	sh.run("rebuild", "crm", "--cancel") // there is none any more
	stands(2, 0)

	// One that was interrupted is gone on with.
	interrupted, interrupt := context.WithCancel(t.Context())
	release = blockViews(t, b.dsn, "crm_orders")
	go func() {
		defer interrupt()
		eventually(t, "it tries to switch", switching(t, b.dsn, "crm"))
	}()
	if code := service.Main(interrupted, []string{"rebuild", "crm"}, func(name string) string { return sh.environ[name] }, strings.NewReader(""), io.Discard, io.Discard); code == 0 {
		t.Error("an interrupted rebuild is said to be done")
	}
	release()
	if run := b.projection("crm").Rebuild; run == nil || run.State != projection.RebuildInterrupted || run.Version != 3 || run.EventsDone == 0 {
		t.Errorf("interrupted, it stands at %+v", run)
	}
	sh.run("rebuild", "crm")
	stands(3, 2)
	b.wantAllOf(stop())

	told := sh.run("audit", "projection", "crm", "--limit", "200")
	for _, want := range []string{
		"at the command line A rebuild of the projection crm began: version 2 is made from the log.",
		"Version 2 of the projection crm is read from now on in place of version 1", "is to go back to version 1", "is read again in place of version",
		"which was read before, was dropped", "was cancelled: version 3", "goes on: version 3 is filled up to event",
	} {
		if !strings.Contains(strings.Join(strings.Fields(told), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("the audit lacks %q:\n%s", want, told)
		}
	}
	if got := strings.Count(told, "ProjectionPreviousDropped") + strings.Count(told, "ProjectionRebuildCancelled"); got != 2 {
		t.Errorf("what found nothing to do is told too:\n%s", told)
	}
	vietnamese := sh.run("audit", "projection", "crm", "--lang", "vi", "--limit", "200")
	if !strings.Contains(vietnamese, "Bảng đọc") || !strings.Contains(vietnamese, "thay cho phiên bản 1") {
		t.Errorf("in Vietnamese it says\n%s", vietnamese)
	}
	if _, told, code := sh.try("audit", "projection", "sales"); code != 3 {
		t.Errorf("of one that is unknown: exit code %d, %s", code, told)
	}
	if metrics := string(b.get("/metrics").body); !strings.Contains(metrics, `orderbridge_projection_last_rebuild_longest_lock_seconds{projection="crm"} 0.`) ||
		!strings.Contains(metrics, `orderbridge_projection_last_rebuild_timestamp_seconds{projection="crm"} 1.`) {
		t.Errorf("the metrics say\n%s", metrics)
	}
}

// TestAServiceThatIsKilledWhileItRebuilds: rebuilds that were started over the API are gone on with by the next service, wherever they
// were, and no order is lost.
func TestAServiceThatIsKilledWhileItRebuilds(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.manyOrders(6000)
	b.stop()
	running := spawn(t, b.dsn, b.dataDir)
	b.use(running)
	rebuild := func() {
		b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusAccepted, "")
	}
	began := time.Now()
	rebuild()
	b.rebuilt("crm", 2)
	whole := time.Since(began)
	orders := traffic{interrupted: true}
	stop := orders.begin(b)
	defer stop()
	const kills = 3
	for kill := range kills { // at a random point of each third
		rebuild()
		after := time.Duration((float64(kill) + rand.Float64()) / kills * float64(whole))
		<-time.After(after)
		at := b.projection("crm")
		running.kill()
		running = spawn(t, b.dsn, b.dataDir)
		b.use(running)
		orders.moveTo(running.baseURL)
		b.rebuilt("crm", 3+kill)
		t.Logf("killed %.0f%% into it, at %+v", 100*after.Seconds()/whole.Seconds(), at.Rebuild)
	}
	b.wantAllOf(stop())
}

// TestPostgreSQLThatCrashesDuringRebuilds has a server of its own.
func TestPostgreSQLThatCrashesDuringRebuilds(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // a socket's path has to be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	cluster, err := localpg.Open(t.Context(), localpg.Config{DataDir: dir, Settings: map[string]string{"max_connections": "50"}})
	must(t, err)
	t.Cleanup(func() { must(t, cluster.Close(context.Background())) })
	b := &bridge{t: t, dsn: cluster.DSN(), dataDir: t.TempDir(), pancake: startFakePancake(t)}
	b.verifyAtTheEnd()
	b.run()
	b.connectShops()
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.manyOrders(6000)
	began := time.Now()
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusAccepted, "")
	b.rebuilt("crm", 2)
	whole := time.Since(began)
	stop := (&traffic{interrupted: true, forgetful: true}).begin(b)
	defer stop()
	const crashes = 2
	for crash := range crashes {
		eventually(t, "it is begun", func() bool {
			got, err := b.trySend(http.MethodPost, "/api/v1/projections/crm/rebuild", nil)
			return err == nil && got.status == http.StatusAccepted
		})
		<-time.After(time.Duration((float64(crash) + rand.Float64()) / crashes * float64(whole)))
		crashServer(t, b.dsn)
		must(t, cluster.EnsureRunning(t.Context()))
		b.rebuilt("crm", 3+crash)
	}
	b.wantAllOf(stop())
}

// crashServer ends a PostgreSQL server without any chance to write down what is in memory.
func crashServer(t *testing.T, dsn string) {
	t.Helper()
	conn := connect(t, dsn)
	var pid int
	must(t, conn.QueryRow(t.Context(), "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer").Scan(&pid))
	must(t, syscall.Kill(pid, syscall.SIGQUIT)) // immediate shutdown
	eventually(t, "the server is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}

// TestRebuildsThatAreKilled kills the rebuild command at random points while a service runs and orders come in.
func TestRebuildsThatAreKilled(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	stop := b.traffic()
	defer stop()
	program, err := os.Executable()
	must(t, err)
	killed := 0
	for range 8 {
		command := exec.CommandContext(t.Context(), program, "rebuild", "--all", "--json", "--data-dir", b.dataDir)
		command.Env = append(os.Environ(), asProgram+"=1", "DATABASE_URL="+b.dsn)
		var told strings.Builder
		command.Stderr = &told
		must(t, command.Start())
		timer := time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { _ = command.Process.Kill() })
		err := command.Wait()
		timer.Stop()
		exited, failed := errors.AsType[*exec.ExitError](err)
		switch {
		case failed && !exited.Exited():
			killed++
		case err != nil && !strings.Contains(told.String(), "rebuild-running"): // the server has not noticed yet that the one before is gone
			t.Errorf("a rebuild ended with %v: %s", err, told.String())
		}
	}
	sh := b.shell()
	eventually(t, "what was begun is completed", func() bool {
		_, told, code := sh.try("rebuild", "--all")
		if code != 0 && !strings.Contains(told, "is being rebuilt") {
			t.Fatalf("exit code %d: %s", code, told)
		}
		return code == 0
	})
	if b.wantAllOf(stop()); killed == 0 {
		t.Error("no rebuild was killed")
	}
	if out := sh.run("verify", "projections"); strings.Count(out, " 0 different.") != 3 {
		t.Errorf("verify says\n%s", out)
	}
	if out := sh.run("projection", "list"); strings.Count(out, " live ") != 3 || strings.Contains(out, "being built") {
		t.Errorf("the list says\n%s", out)
	}
}

// TestARebuildStartedOverTheAPISurvivesItsService: what is unfinished is gone on with by the next one.
func TestARebuildStartedOverTheAPISurvivesItsService(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	release := blockViews(t, b.dsn, "crm_orders")
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusAccepted, "")
	eventually(t, "it waits for a reader", func() bool {
		run := b.projection("crm").Rebuild
		return run != nil && run.Phase == "switching"
	})
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusConflict, "rebuild-running")
	if _, told, code := b.shell().try("rebuild", "crm"); code != 4 || !strings.Contains(told, "asked for by api:test ") {
		t.Errorf("at the command line: exit code %d, %s", code, told)
	}
	b.stop()
	release()
	b.run()
	eventually(t, "the next service completes it", func() bool {
		state := b.projection("crm")
		return state.Rebuild == nil && state.Version == 2
	})

	// So is one that goes back.
	release = blockViews(t, b.dsn, "crm_orders")
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", object{"rollback": true}).wants(t, http.StatusAccepted, "")
	b.stop()
	release()
	b.run()
	eventually(t, "the next service goes back", func() bool {
		state := b.projection("crm")
		return state.Rebuild == nil && state.Version == 1 && state.Previous.Version == 2
	})
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", object{"rollback": true}).wants(t, http.StatusAccepted, "")
	eventually(t, "it is gone back once more", func() bool { return b.projection("crm").Version == 2 })

	// One that is not wanted any more is dropped.
	release = blockViews(t, b.dsn, "crm_orders")
	defer release()
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusAccepted, "")
	b.send(http.MethodDelete, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusNoContent, "")
	if state := b.projection("crm"); state.Rebuild != nil || state.Version != 2 {
		t.Errorf("after cancelling it stands at %+v", state)
	}
}

// blockViews keeps a view from being changed: somebody reads it.
func blockViews(t *testing.T, dsn, view string) (release func()) {
	t.Helper()
	reading, err := connect(t, dsn).Begin(t.Context())
	must(t, err)
	_, err = reading.Exec(t.Context(), "SELECT FROM "+view)
	must(t, err)
	return func() { _ = reading.Rollback(context.Background()) }
}

// TestAProjectionThatStops: it says where and why, on every way, until an operator lets it pass over the event.
func TestAProjectionThatStops(t *testing.T) {
	t.Parallel()
	b := start(t)
	conn := connect(t, b.dsn)
	b.caughtUp()
	position := b.badEvent(conn)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json"))) // the deliveries go on
	var state projection.Status
	eventually(t, "it has stopped", func() bool {
		state = b.projection("crm")
		return state.State == projection.Stopped
	})
	if stop := state.Stop; stop.Position != position || stop.Event != "OrderCreated" || !strings.Contains(stop.Reason, "null value") || state.LagEvents == 0 || state.LagSeconds <= 0 {
		t.Errorf("it stands at %+v", state)
	}
	if seen := b.as(workspace.RoleViewer).projection("crm"); seen.Stop.Reason != "the event cannot be folded" {
		t.Errorf("whoever only reads is told %q", seen.Stop.Reason)
	}
	metrics := string(b.get("/metrics").body)
	for _, line := range []string{
		`orderbridge_consumer_stopped{category="stopped",consumer="projection:crm"} 1`,
		fmt.Sprintf(`orderbridge_consumer_stopped_position{category="stopped",consumer="projection:crm",event="OrderCreated"} %d`, position),
		`orderbridge_projection_version{projection="crm"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s:\n%s", line, metrics)
		}
	}
	sh := b.shell()
	if out := sh.run("projection", "list"); !strings.Contains(out, fmt.Sprintf("at event #%d OrderCreated", position)) || !strings.Contains(out, "null value") {
		t.Errorf("the list says\n%s", out)
	}
	if _, told, code := sh.try("rebuild", "crm"); code != 4 || !strings.Contains(told, fmt.Sprintf("orderbridge projection skip crm --position %d", position)) {
		t.Errorf("a rebuild says, with exit code %d: %s", code, told)
	}
	if _, told, code := sh.try("projection", "skip", "crm", "--position", fmt.Sprint(position+1)); code != 4 {
		t.Errorf("another event is passed over, with exit code %d: %s", code, told)
	}
	sh.run("projection", "skip", "crm", "--position", fmt.Sprint(position))
	if got := b.order("Pancake_1635294032_2051"); got.Code == "" { // at once, and not when it is tried again anyway
		t.Error("no order")
	}
	if got := count(t, conn, `SELECT count(*) FROM events WHERE type = 'ProjectionEventSkipped' AND actor LIKE 'cli%' AND workspace_id = $1`, b.workspaceID); got != 1 {
		t.Errorf("%d events tell of it", got)
	}
	// So it is over the API, by the owner of the workspace whose event it is.
	position = b.badEvent(conn)
	eventually(t, "it has stopped again", func() bool { return b.projection("crm").State == projection.Stopped })
	skip := func(b *bridge, position any) answer {
		return b.send(http.MethodPost, "/api/v1/projections/crm/skip", object{"position": position})
	}
	skip(b.as(workspace.RoleOperator), position).wants(t, http.StatusForbidden, "role-insufficient")
	sh.run("workspace", "create", "other")
	other := b.with(strings.TrimSpace(sh.run("--workspace", "other", "token", "create", "--name", "other", "--role", "owner")))
	skip(other, position).wants(t, http.StatusForbidden, "event-of-another-workspace")
	skip(b, position-1).wants(t, http.StatusConflict, "not-stopped-there")
	skip(b, 0).wants(t, http.StatusUnprocessableEntity, "")
	skipped := decoded[struct{ Position int64 }](t, skip(b, position).wants(t, http.StatusOK, ""))
	b.caughtUp()
	skip(b, position).wants(t, http.StatusConflict, "event-skipped-already")
	steps := b.told("crm")
	if last := steps[len(steps)-1]; last.Position != skipped.Position || last.Event != "ProjectionEventSkipped" || !strings.HasPrefix(string(last.Actor), "api:test ") ||
		!strings.Contains(last.Summary, fmt.Sprintf("passes over event #%d (OrderCreated)", position)) || !strings.Contains(last.Summary, "null value") {
		t.Errorf("of it is told %+v", last)
	}
	for _, step := range other.told("crm") {
		if strings.Contains(string(step.Actor), ":") || strings.Contains(step.Summary+string(step.Data), "null value") {
			t.Errorf("another workspace is told %+v", step)
		}
	}
	if out := sh.run("audit", "projection", "crm"); strings.Count(out, "ProjectionEventSkipped") != 2 || !strings.Contains(out, "null value") {
		t.Errorf("the audit says\n%s", out)
	}
	sh.run("rebuild", "crm")
	if state := b.projection("crm"); state.State != projection.Live || state.Version != 2 || state.Stop != nil {
		t.Errorf("afterwards it stands at %+v", state)
	}
	// What was done to the log's own table is no part of the other projection.
	if out := sh.run("verify", "projections"); strings.Count(out, " 0 different.") != 3 {
		t.Errorf("verify says\n%s", out)
	}
}

// TestWhatIsDoneWhileASwitchWaitsCanBeRead: a reader keeps new tables from being shown, and what somebody does in between is read all the
// same when they are told that it is done.
func TestWhatIsDoneWhileASwitchWaitsCanBeRead(t *testing.T) {
	t.Parallel()
	b := start(t)
	release := blockViews(t, b.dsn, "crm_orders")
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusAccepted, "")
	eventually(t, "it waits for the reader", switching(t, b.dsn, "crm"))
	const customers = 150
	for i := range customers {
		added := b.send(http.MethodPost, customersPath, object{"name": fmt.Sprint("Khách ", i)}).customer(t, http.StatusCreated)
		b.get(customersPath+"/"+added.ID.String()).wants(t, http.StatusOK, "")
	}
	release()
	b.rebuilt("crm", 2)
}

// badEvent appends an event that the crm projection cannot fold: without the source that crm_orders has, and nobody else.
func (b *bridge) badEvent(conn *pgx.Conn) int64 {
	b.t.Helper()
	b.caughtUp()
	var position int64
	must(b.t, conn.QueryRow(b.t.Context(), `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at,
			correlation_id, actor, payload, digest)
		SELECT max(position) + 1, $1, 'order/x/' || max(position), 1, gen_random_uuid(), 'OrderCreated', 1, now(), gen_random_uuid(), 'policy',
			'{"code": "x", "customer_id": "00000000-0000-0000-0000-000000000001", "order": {"shop_id": "1", "currency": "VND",
				"status": {"code": 0}, "totals": {"goods": 1}, "ordered_at": "2025-09-15T03:04:05Z"}}', sha256('')
		FROM events RETURNING position`, b.workspaceID).Scan(&position))
	return position
}

func TestVerifyTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	conn := connect(t, b.dsn)
	_, err := conn.Exec(t.Context(), "UPDATE crm_v1.crm_orders SET note = 'đổi tay'")
	must(t, err)
	sh := b.shell()
	if told, code := verifyProjections(t.Context(), b.dsn, b.dataDir); code != 1 || !strings.Contains(told, "crm_orders: 1 row differs") {
		t.Errorf("at the end of a test it would say, with exit code %d:\n%s", code, told)
	}
	out, told, code := sh.try("verify", "projections")
	if code != 1 || !strings.Contains(out, "crm_orders: 1 row differs") || !strings.Contains(out, `note is "đổi tay" and should be`) || !strings.Contains(told, "differ from what the log says") {
		t.Errorf("exit code %d\n%s\n%s", code, out, told)
	}
	sh.run("rebuild", "crm")
	sh.run("verify", "projections")
}
