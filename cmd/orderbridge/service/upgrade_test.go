package service_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/query"
)

// leftByTheReleaseBefore stops the service, and leaves its database with one order and an older release's read tables.
func leftByTheReleaseBefore(t *testing.T) *bridge {
	t.Helper()
	b := start(t)
	b.settled(b.deliver(shopA, fixture(t, "order-new-customer.json")))
	b.caughtUp()
	b.stop()
	pgtest.MakeOlder(t, b.dsn)
	return b
}

// holdFilling keeps the read tables of this release from being built: somebody else seems to be at it.
func holdFilling(t *testing.T, dsn string) (release func()) {
	t.Helper()
	holding := connect(t, dsn)
	for _, p := range postgres.Projections() {
		_, err := holding.Exec(t.Context(), "SELECT pg_advisory_lock(hashtextextended('orderbridge rebuild ' || $1, 0))", p.Name)
		must(t, err)
	}
	return func() {
		_, err := holding.Exec(context.WithoutCancel(t.Context()), "SELECT pg_advisory_unlock_all()")
		must(t, err)
	}
}

// wantFilling asserts that a service takes deliveries and shows nothing yet.
func wantFilling(t *testing.T, b *bridge) {
	t.Helper()
	if got := b.get("/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(string(got.body), "being filled") {
		t.Errorf("whether it is ready is answered with %d %s", got.status, got.body)
	}
	if got := b.get("/healthz"); got.status != http.StatusOK {
		t.Errorf("whether it lives is answered with %d %s", got.status, got.body)
	}
	for _, got := range []answer{
		b.get("/api/v1/orders"), b.send(http.MethodPost, "/api/v1/customers", `{"name":"Phạm Dung"}`),
	} {
		if got.status != http.StatusServiceUnavailable || got.code(t) != "read-tables-filling" || got.header.Get("Retry-After") == "" {
			t.Errorf("the API answers %d %v %s", got.status, got.header, got.body)
		}
	}
}

func TestDeliveriesAreTakenWhileNewReadTablesAreFilled(t *testing.T) {
	t.Parallel()
	b := leftByTheReleaseBefore(t)
	release := holdFilling(t, b.dsn)
	b.run()
	other := b.beside() // two new instances, of which each fills

	b.deliver(shopA, fixture(t, "order-existing-phone.json"))
	other.deliver(shopB, fixture(t, "order-second-shop.json"))
	conn := connect(t, b.dsn)
	if got := count(t, conn, "SELECT count(*) FROM events WHERE type = 'OrderReceived'"); got != 3 {
		t.Errorf("%d deliveries are in the log when they are answered, want 3", got)
	}
	eventually(t, "what is delivered is taken into the CRM meanwhile", func() bool {
		return count(t, conn, "SELECT count(*) FROM events WHERE type = 'OrderCreated'") == 3
	})
	wantFilling(t, b)
	wantFilling(t, other)

	release()
	for _, instance := range []*bridge{b, other} {
		eventually(t, "the instance is ready", func() bool { return instance.get("/readyz").status == http.StatusOK })
		for _, code := range []string{"Pancake_1635294032_2051", "Pancake_1635294032_2052", "Pancake_1635294033_2051"} {
			instance.order(code)
		}
		if got := all[query.Order](instance, "/api/v1/orders"); len(got) != 3 {
			t.Errorf("%d orders are listed, want 3", len(got))
		}
		if got := all[query.Delivery](instance, "/api/v1/deliveries"); len(got) != 3 {
			t.Errorf("%d deliveries are listed, want 3", len(got))
		}
	}
	if got := count(t, conn, "SELECT count(*) FROM events WHERE type = 'CustomerImported'"); got != 0 {
		t.Errorf("%d customers were added by requests that were refused", got)
	}
}

func TestAServiceThatIsKilledWhileItFillsIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	for _, kill := range []struct {
		when  string
		block func(t *testing.T, dsn string) (reached func() bool, release func())
	}{
		{"when it has made the first tables", func(t *testing.T, dsn string) (func() bool, func()) {
			return blockInsert(t, dsn, "AFTER", "projections", "true")
		}},
		{"when the first are filled, and not shown", func(t *testing.T, dsn string) (func() bool, func()) {
			return switching(t, dsn, "crm"), blockViews(t, dsn, "crm_orders")
		}},
		{"when the first are shown, and not the others", func(t *testing.T, dsn string) (func() bool, func()) {
			return switching(t, dsn, "deliveries"), blockViews(t, dsn, "deliveries")
		}},
	} {
		t.Run(kill.when, func(t *testing.T) {
			t.Parallel()
			b := leftByTheReleaseBefore(t)
			must(t, postgres.Migrate(t.Context(), b.dsn, slog.New(slog.DiscardHandler)))
			reached, release := kill.block(t, b.dsn)
			defer release()

			first := spawn(t, b.dsn, b.dataDir)
			b.use(first)
			eventually(t, "the service is killed "+kill.when, reached)
			wantFilling(t, b)
			b.deliver(shopB, fixture(t, "order-second-shop.json"))
			first.kill()
			release()

			b.use(spawn(t, b.dsn, b.dataDir))
			eventually(t, "the next service is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
			b.order("Pancake_1635294032_2051")
			b.order("Pancake_1635294033_2051")
			checkCounts(t, b, 2, 1) // of one buyer
		})
	}
}

// switching tells that a projection's new tables are filled and about to be shown.
func switching(t *testing.T, dsn, name string) func() bool {
	t.Helper()
	watching := connect(t, dsn)
	return func() bool {
		return count(t, watching, "SELECT count(*) FROM projections WHERE name = $1 AND phase = 'switching'", name) > 0
	}
}

func TestFillingGoesOnWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	b := leftByTheReleaseBefore(t)
	release := holdFilling(t, b.dsn)
	owner := b.dsn
	database := newGate(t, owner)
	b.dsn, b.log = database.dsn, &lockedBuffer{}
	b.run()
	wantFilling(t, b)
	b.deliver(shopA, fixture(t, "order-existing-phone.json"))
	conn := connect(t, owner)
	eventually(t, "its consumers are at work", func() bool {
		return count(t, conn, "SELECT count(*) FROM events WHERE type = 'OrderCreated'") == 2
	})
	database.shut()
	eventually(t, "the log says that filling is tried again", func() bool {
		return strings.Contains(b.log.String(), "could not be built and are tried again")
	})
	release()
	database.open()
	eventually(t, "the service is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
	b.order("Pancake_1635294032_2051")
}

// asRestricted is a connection string of a user who may work as the service, and change no table or view.
func asRestricted(t *testing.T, dsn string) string {
	t.Helper()
	_, err := connect(t, dsn).Exec(t.Context(), `DO '
		BEGIN
			CREATE ROLE orderbridge_test_restricted LOGIN;
			GRANT orderbridge_service TO orderbridge_test_restricted;
		EXCEPTION WHEN duplicate_object OR unique_violation THEN -- roles are the server''s, and other tests have it too
		END'`)
	must(t, err)
	parsed, err := url.Parse(dsn)
	must(t, err)
	parsed.User = url.User("orderbridge_test_restricted")
	return parsed.String()
}

func TestAServiceThatMayNotChangeTablesWaitsForMigrate(t *testing.T) {
	t.Parallel()
	b := leftByTheReleaseBefore(t)
	owner := b.dsn
	b.dsn = asRestricted(t, owner)
	b.log = &lockedBuffer{}
	b.run()
	b.deliver(shopA, fixture(t, "order-existing-phone.json"))
	eventually(t, "the log says why the read tables are not shown", func() bool {
		return strings.Contains(b.log.String(), "could not be built and are tried again") && strings.Contains(b.log.String(), "may not make tables")
	})
	wantFilling(t, b)

	b.dsn = owner
	b.shell().run("migrate")
	eventually(t, "the service is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
	b.order("Pancake_1635294032_2052")
}

func TestCommandsFillNewReadTablesFirst(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"one that reads": {"order", "list"},
		"migrate":        {"migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := leftByTheReleaseBefore(t)
			printed, noted, code := b.shell().try(command...)
			if code != 0 || command[0] == "order" && !strings.Contains(printed, "Pancake_1635294032_2051") {
				t.Errorf("exit code %d, printed:\n%s", code, printed)
			}
			if !strings.Contains(noted, "are built first") {
				t.Errorf("whoever waits is told:\n%s", noted)
			}
			if _, noted, _ := b.shell().try(command...); strings.Contains(noted, "are built first") {
				t.Errorf("when nothing is left to fill:\n%s", noted)
			}
			conn := connect(t, b.dsn)
			for _, p := range postgres.Projections() {
				if count(t, conn, "SELECT count(*) FROM projections WHERE name = $1 AND definition = $2 AND active", p.Name, p.Definition) != 1 {
					t.Errorf("%s of this release is not shown", p.Name)
				}
			}
			if got := count(t, conn, "SELECT count(*) FROM crm_orders"); got != 1 {
				t.Errorf("%d orders are shown, want 1", got)
			}
		})
	}
}
