package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// TestManyOperatorsAtOnce: each waits for the others, and all are served.
func TestManyOperatorsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lan := b.mustAddCustomer(t, details("Lan"))
	workspaces, customers := postgres.NewWorkspaces(b.db), postgres.NewCustomers(b.db)
	const each = 30
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range each {
		for what, do := range map[string]func(context.Context) error{
			"create a token": func(ctx context.Context) error {
				_, err := command.NewCreateTokenHandler(workspaces).Handle(ctx, command.CreateToken{
					By: b.by, Name: fmt.Sprint("token ", i), Role: workspace.RoleViewer,
				})
				return err
			},
			"edit a customer": func(ctx context.Context) error {
				_, err := command.NewEditCustomerHandler(customers, now).Handle(ctx, command.EditCustomer{
					By: b.by, ID: lan.ID, Edit: customer.Edit{Note: new(fmt.Sprint("note ", i))},
				})
				return err
			},
		} {
			group.Go(func() {
				<-start
				if err := do(t.Context()); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
	}
	close(start)
	group.Wait()
	counts := typesOf(b.events(t))
	if counts["TokenCreated"] != each || counts["CustomerUpdated"] != each {
		t.Errorf("the log has %v", counts)
	}
}

// TestResumingLetsInWhatWaited: in parts, in order, and the rest by whoever looks next when the program dies over it.
func TestResumingLetsInWhatWaited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	b.connectShop(t, shopID, uuid.Nil)
	pause := command.NewPauseShopHandler(postgres.NewWorkspaces(b.db))
	if _, err := pause.Handle(t.Context(), command.PauseShop{By: b.by, ShopID: shopID}); err != nil {
		t.Fatal(err)
	}
	const waiting = postgres.ReleaseAtMost + 5
	var first []event.New
	for i := range waiting {
		first = append(first, received(b.workspaceID, anOrder(fmt.Sprint(i))))
	}
	b.ingestSlice(t, log, first...)
	held := func() int { return int(scan[int64](t, b, "SELECT count(*) FROM held_deliveries")) }
	if held() != waiting {
		t.Fatalf("%d deliveries wait", held())
	}
	workspaces := postgres.NewWorkspaces(b.db)
	if released, _, err := workspaces.Release(t.Context(), b.workspaceID, shopID); released != 0 || err != nil {
		t.Errorf("while it is paused: %d, %v", released, err)
	}

	// The program that resumes the shop dies before it lets anything in.
	if _, err := workspaces.Update(t.Context(), b.by, func(w *workspace.Workspace) error { return w.ResumeShop(shopID) }); err != nil {
		t.Fatal(err)
	}
	if released, position, err := workspaces.Release(t.Context(), b.workspaceID, shopID); released != postgres.ReleaseAtMost || position != b.head(t) || err != nil {
		t.Errorf("at once: %d at %d, %v", released, position, err)
	}
	if all, err := command.NewReleaseHeldHandler(workspaces).Handle(t.Context()); all != waiting-postgres.ReleaseAtMost || err != nil || held() != 0 {
		t.Errorf("the rest: %d, %v; %d wait", all, err, held())
	}
	if all, err := command.NewReleaseHeldHandler(workspaces).Handle(t.Context()); all != 0 || err != nil {
		t.Errorf("again: %d, %v", all, err)
	}
	events := b.events(t)
	resumed := events[len(events)-waiting-1]
	if resumed.Payload.EventName() != "ShopResumed" {
		t.Fatalf("before them stands %s", resumed.Payload.EventName())
	}
	for i, e := range events[len(events)-waiting:] {
		if e.Payload.EventName() != "IngestionRetried" || e.CorrelationID != first[i].CorrelationID || e.CausationID != resumed.ID || e.Actor != b.by.Actor || e.Version != 3 {
			t.Fatalf("event %d of the rest is %+v", i, e)
		}
	}
}

// TestMappingPastOrdersMissesNone: also those that are decided on while the mapping is made, and it says so when it cannot
// know.
func TestMappingPastOrdersMissesNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	mai := b.mustAddUser(t, user.Details{Name: "Mai"})
	listener := postgres.NewListener(b.db, quiet())
	policyConsumer := postgres.PolicyConsumer(b.db, listener, policy.NewOnOrderReceived(ingestHandler()))
	b.exec(t, "INSERT INTO cursors (consumer, position) VALUES ($1, $2)", policyConsumer.Name, b.head(t))
	if err := log.Append(t.Context(), received(b.workspaceID, anOrder("1", madeBy("u-1")))); err != nil {
		t.Fatal(err)
	}
	mapped := make(chan command.MappedStaff, 1)
	err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
		slice, err := policyConsumer.Select.Next(t.Context(), tx, policyConsumer.Name, policyConsumer.Size)
		if err != nil {
			return err
		}
		if err := policyConsumer.Handle(t.Context(), tx, slice); err != nil {
			return err
		}
		go func() {
			got, err := b.mapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", Past: true})
			if err != nil {
				t.Error("map staff:", err)
			}
			mapped <- got
		}()
		eventually(t, "the mapping waits for the slice", func() bool {
			return scan[bool](t, b, `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock')`)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-mapped; got.Found != 1 || got.Changed != 1 || got.Remaining != 0 {
		t.Errorf("found %d, changed %d, remaining %d", got.Found, got.Changed, got.Remaining)
	}
}
