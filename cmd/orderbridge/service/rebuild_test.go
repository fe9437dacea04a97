package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// projection is where a projection stands, over the API.
func (b *bridge) projection(name string) projection.Status {
	b.t.Helper()
	return decoded[projection.Status](b.t, b.get("/api/v1/projections/"+name).wants(b.t, http.StatusOK, ""))
}

// traffic delivers orders and reads them without a pause, until it is stopped: it returns how many were delivered. Whatever is not
// answered as it should be fails the test: a failed request, a read that shows less than an earlier one, or reads that show nothing
// new while orders come in.
func (b *bridge) traffic() (stop func() int) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var group sync.WaitGroup
	delivered := 0
	group.Go(func() {
		for ; ctx.Err() == nil; delivered++ {
			body, err := json.Marshal(object{
				"id": 900_000 + delivered, "shop_id": 1635294032, "status": 0, "inserted_at": "2025-09-15T03:04:38", "updated_at": "2025-09-15T03:04:38",
				"bill_full_name": "Phạm Thị Lan", "bill_phone_number": fmt.Sprintf("0912%06d", delivered%50), "items": []object{},
			})
			if err != nil {
				b.t.Error(err)
				return
			}
			if got, err := b.tryPost(shopA, body); err != nil || got.status != http.StatusOK {
				b.t.Errorf("delivery %d is answered with %d %s, %v", delivered, got.status, got.body, err)
				return
			}
		}
	})
	for _, path := range []string{"/api/v1/orders?limit=1", "/api/v1/deliveries?limit=1", "/api/v1/customers?limit=1"} {
		group.Go(func() {
			before, moved := "", 0
			defer func() {
				if moved < 2 {
					b.t.Errorf("GET %s showed something new %d times", path, moved)
				}
			}()
			for ctx.Err() == nil {
				got, err := b.trySend(http.MethodGet, path, nil)
				if err != nil || got.status != http.StatusOK {
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
				if newest < before {
					b.t.Errorf("GET %s showed %q, and later %q", path, before, newest)
					return
				}
				if newest != before {
					moved++
				}
				before = newest
			}
		})
	}
	return sync.OnceValue(func() int {
		cancel()
		group.Wait()
		return delivered
	})
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
			t.Logf("%s v%d: %.2f s, readers waited for %.1f ms at most", name, version, state.LastRebuild.TookSeconds, state.LastRebuild.ReadersWaitedMS)
		}
	}
	b.send(http.MethodPost, "/api/v1/projections/crm/rebuild", object{"rollback": true}).wants(t, http.StatusAccepted, "")
	eventually(t, "it is gone back", func() bool { return b.projection("crm").Version == 3 })
	before := b.projection("deliveries")
	b.send(http.MethodDelete, "/api/v1/projections/deliveries/previous", nil).wants(t, http.StatusNoContent, "")
	if state := b.projection("deliveries"); before.Previous == nil || state.Previous != nil || state.Version != before.Version {
		t.Errorf("after dropping the version before, deliveries stands at %+v", state)
	}
	orders := stop()
	b.caughtUp()
	if got := len(all[query.Order](b, "/api/v1/orders")); got != orders+1 || orders < 10 {
		t.Errorf("%d orders are read, of %d", got, orders+1)
	}
	b.send(http.MethodPost, "/api/v1/projections/sales/rebuild", nil).wants(t, http.StatusNotFound, "projection-unknown")
	b.as(workspace.RoleOperator).send(http.MethodPost, "/api/v1/projections/crm/rebuild", nil).wants(t, http.StatusForbidden, "role-insufficient")
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
	orders := stop()
	b.caughtUp()
	if got := len(all[query.Order](b, "/api/v1/orders")); got != orders+1 || killed == 0 {
		t.Errorf("%d orders are read, of %d; %d rebuilds were killed", got, orders+1, killed)
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
	var position int64
	must(t, conn.QueryRow(t.Context(), `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at,
			correlation_id, actor, payload, digest)
		SELECT max(position) + 1, $1, 'order/x/x', 1, gen_random_uuid(), 'OrderCreated', 1, now(), gen_random_uuid(), 'policy',
			'{"code": "x", "customer_id": "00000000-0000-0000-0000-000000000001", "order": {"shop_id": "1", "currency": "VND",
				"status": {"code": 0}, "totals": {"goods": 1}, "ordered_at": "2025-09-15T03:04:05Z"}}', sha256('')
		FROM events RETURNING position`, b.workspaceID).Scan(&position)) // without the source that crm_orders has, and nobody else
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
	sh.run("rebuild", "crm")
	if state := b.projection("crm"); state.State != projection.Live || state.Version != 2 || state.Stop != nil {
		t.Errorf("afterwards it stands at %+v", state)
	}
	// What was done to the log's own table is no part of the other projection.
	if out := sh.run("verify", "projections"); strings.Count(out, " 0 different.") != 3 {
		t.Errorf("verify says\n%s", out)
	}
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
	out, told, code := sh.try("verify", "projections")
	if code != 1 || !strings.Contains(out, "crm_orders: 1 rows differ") || !strings.Contains(out, `note is "đổi tay" and should be`) || !strings.Contains(told, "differ from what the log says") {
		t.Errorf("exit code %d\n%s\n%s", code, out, told)
	}
	sh.run("rebuild", "crm")
	sh.run("verify", "projections")
}
