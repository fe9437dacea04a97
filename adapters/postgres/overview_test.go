package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// theDay is the one on which the orders of tests are placed and delivered.
func theDay(t testing.TB) query.Day {
	t.Helper()
	return query.DayOf(now(), query.ZoneNamed("Asia/Ho_Chi_Minh"))
}

// arriving appends deliveries that arrived at a time, takes them in, and folds all.
func (b *bundle) arriving(t testing.TB, at time.Time, states ...order.State) {
	t.Helper()
	log := b.newLog(t)
	before := b.head(t)
	var batch []event.New
	for _, state := range states {
		e := received(b.workspaceID, state)
		payload := e.Payload.(delivery.OrderReceived)
		payload.ReceivedAt = at
		e.Payload = payload
		batch = append(batch, e)
	}
	if err := log.Append(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	if err := b.ingest(t.Context(), "overview", before, b.head(t)); err != nil {
		t.Fatal(err)
	}
	b.foldAll(t)
}

func TestOverview(t *testing.T) {
	t.Parallel()

	t.Run("a day is that of the workspace's clock", func(t *testing.T) {
		t.Parallel()
		day := query.DayOf(time.Date(2025, 9, 14, 17, 0, 0, 0, time.UTC), query.ZoneNamed("Asia/Ho_Chi_Minh"))
		if day.Date != "2025-09-15" || !day.Begin.Equal(time.Date(2025, 9, 14, 17, 0, 0, 0, time.UTC)) || day.End.Sub(day.Begin) != 24*time.Hour {
			t.Errorf("got %+v", day)
		}
	})

	t.Run("tells what deliveries made of a day", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.connectShop(t, shopID, uuid.Nil)
		b.mustAddCustomer(t, customer.Details{Name: "Khách thêm bằng tay", Phones: []string{"0912000777"}}) // no delivery made them
		overview, day := postgres.NewOverview(b.db), theDay(t)
		yesterday := day.Begin.Add(-time.Minute)
		b.arriving(t, yesterday, anOrder("0", phones("+84912000009"), placed(yesterday)))
		b.arriving(t, day.Begin, anOrder("1", phones("+84912000001")), anOrder("2", phones("+84912000001")), anOrder("3", phones("+84912000777")))
		b.arriving(t, day.Begin.Add(time.Minute), anOrder("1", phones("+84912000001")), anOrder("4", phones(), status(6)), anOrder("5", phones("+84912000009"), func(s *order.State) { s.Currency = "USD" }))
		b.arriving(t, day.Begin.Add(time.Hour), anOrder("2", phones("+84912000001"), status(6), updatedAfter(time.Minute)))

		today, err := overview.Today(t.Context(), b.workspaceID, day)
		if err != nil {
			t.Fatal(err)
		}
		want := []query.Sales{{Currency: "VND", Orders: 2, Goods: 2 * 515_000, Cancelled: 1}, {Currency: "USD", Orders: 1, Goods: 515_000}}
		if !slices.Equal(today.Sales, want) {
			t.Errorf("sales %+v, want %+v", today.Sales, want)
		}
		if today.Received != 7 || today.CustomersCreated != 1 || today.CustomersMatched != 3 {
			t.Errorf("%d deliveries, %d customers created and %d matched, want 7, 1 and 3", today.Received, today.CustomersCreated, today.CustomersMatched)
		}
		if last := today.LastDeliveries[shopID]; !last.ReceivedAt.Equal(day.Begin.Add(time.Hour)) {
			t.Errorf("the last delivery came at %s", last.ReceivedAt)
		}

		for how, want := range map[query.CustomerFound][]string{
			query.CustomerCreated: {"Pancake_1635294032_1"},
			query.CustomerMatched: {"Pancake_1635294032_5", "Pancake_1635294032_3", "Pancake_1635294032_2"},
		} {
			met := all(t, 2, func(page query.Page) (query.List[query.CustomerMet], error) {
				return overview.CustomersMet(t.Context(), b.workspaceID, how, day, page)
			})
			var codes []string
			for _, one := range met {
				codes = append(codes, one.OrderCode)
				if one.Name == "" || one.Phone == nil || one.CustomerID == uuid.Nil {
					t.Errorf("a customer without a face: %+v", one)
				}
			}
			if !slices.Equal(codes, want) {
				t.Errorf("%s: %q, want %q", how, codes, want)
			}
		}

		minutes, err := overview.DeliveriesByMinute(t.Context(), b.workspaceID, day.Begin)
		if err != nil {
			t.Fatal(err)
		}
		wantMinutes := []query.MinuteCount{
			{Minute: day.Begin.UTC(), Received: 3},
			{Minute: day.Begin.UTC().Add(time.Minute), Received: 3},
			{Minute: day.Begin.UTC().Add(time.Hour), Received: 1},
		}
		if !slices.Equal(minutes, wantMinutes) {
			t.Errorf("minutes %v, want %v", minutes, wantMinutes)
		}
	})

	t.Run("of another workspace nothing is told", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.connectShop(t, shopID, uuid.Nil)
		b.arriving(t, now(), anOrder("1"))
		overview, other := postgres.NewOverview(b.db), b.addWorkspace(t, "other", customer.MatchByPhone)
		today, err := overview.Today(t.Context(), other, theDay(t))
		if err != nil || len(today.Sales)+len(today.LastDeliveries) != 0 || today.CustomersCreated != 0 {
			t.Errorf("told %+v, %v", today, err)
		}
		minutes, err := overview.DeliveriesByMinute(t.Context(), other, time.Time{})
		if err != nil || len(minutes) != 0 {
			t.Errorf("told %v, %v", minutes, err)
		}
		times, err := overview.ProcessingTimes(t.Context(), other, time.Time{})
		if err != nil || times.All != nil || len(times.Minutes) != 0 {
			t.Errorf("told %+v, %v", times, err)
		}
	})

	t.Run("processing goes from arrival to decision", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		minute := now().Truncate(time.Minute)
		b.exec(t, `INSERT INTO deliveries_v1.deliveries (workspace_id, id, received_position, received_at, outcome, decided_at, search)
			SELECT $1, gen_random_uuid(), n, $2::timestamptz + n * interval '1 millisecond', 'created',
				CASE WHEN n <= 100 THEN $2::timestamptz + n * interval '1 millisecond' + n * interval '10 milliseconds' END, ''
			FROM generate_series(0, 150) n`, b.workspaceID, minute) // of those behind the hundredth nothing is decided, and looked at are the last hundred: 51 to 150
		b.exec(t, "INSERT INTO deliveries_v1.deliveries_minutes VALUES ($1, $2, 151, 0, 0), ($1, $2 - interval '2 hours', 1, 0, 0)", b.workspaceID, minute)
		times, err := postgres.NewOverview(b.db).ProcessingTimes(t.Context(), b.workspaceID, minute.Add(-time.Hour))
		want := query.Percentiles{P50: 755, P95: 975.5}
		if err != nil || len(times.Minutes) != 1 || times.Minutes[0] != (query.MinuteTimes{Minute: minute, Percentiles: want}) || *times.All != want {
			t.Errorf("got %+v, %+v, %v", times.Minutes, times.All, err)
		}
	})

	t.Run("minutes and decisions are what the log says", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tell(t, b)
		b.foldAll(t)
		for what, differ := range map[string]string{
			"minutes": `SELECT count(*) FROM (
				SELECT workspace_id, date_trunc('minute', received_at, 'UTC') AS minute, count(*) AS received,
					count(*) FILTER (WHERE customer = 'created') AS customers_created, count(*) FILTER (WHERE customer = 'matched') AS customers_matched
				FROM deliveries GROUP BY 1, 2) d
				FULL JOIN deliveries_minutes m USING (workspace_id, minute, received, customers_created, customers_matched)
				WHERE d.workspace_id IS NULL OR m.workspace_id IS NULL`,
			"how customers were found": `SELECT count(*) FROM deliveries d
				WHERE d.customer IS DISTINCT FROM (
					SELECT CASE e.type WHEN 'CustomerCreated' THEN 'created' ELSE 'matched' END FROM events e
					WHERE e.correlation_id = d.id AND e.workspace_id = d.workspace_id AND e.type IN ('CustomerCreated', 'CustomerMatched')
					ORDER BY e.position LIMIT 1)`,
			"when it was decided": `SELECT count(*) FROM deliveries d
				WHERE (d.decided_at IS NULL) <> (d.outcome IN ('pending', 'held', 'rejected'))
					OR d.decided_at <> (SELECT max(e.recorded_at) FROM events e WHERE e.correlation_id = d.id AND e.type ~ '^(Order(Created|Updated|Unchanged|Skipped)|IngestionFailed)$')`,
		} {
			if n := scan[int64](t, b, differ); n != 0 {
				t.Errorf("%s: %d differ", what, n)
			}
		}
	})
}

func placed(at time.Time) func(*order.State) { return func(s *order.State) { s.OrderedAt = at } }

// TestPlansOfTheOverview explains what the overview asks on tables that just became large: before they were ever analysed, and after.
func TestPlansOfTheOverview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "ALTER TABLE deliveries_v1.deliveries SET (autovacuum_enabled = false)")
	b.connectShop(t, shopID, uuid.Nil)
	fillDeliveries(t, b, 13_000)
	foldDeliveries(t, b)
	collected := &statements{}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	overview := postgres.NewOverview(db)
	hour := time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
	day := query.DayOf(hour, time.UTC)
	indexes := map[string][]string{
		"DeliveriesBetween": {"deliveries_minutes_pkey"}, "DeliveriesByMinute": {"deliveries_minutes_pkey"},
		"ProcessingTimes": {"deliveries_minutes_pkey", "deliveries_list"}, "ShopIDs": nil, "DeliveriesPage": nil, "CustomersMet": {"deliveries_list"},
		"SalesOfDay": nil, // of which there is no row
	}
	for _, analysed := range []bool{false, true} {
		if analysed {
			b.exec(t, "ANALYZE deliveries_v1.deliveries")
		}
		collected.take()
		today, err := overview.Today(t.Context(), b.workspaceID, day)
		if err != nil || len(today.LastDeliveries) != 1 {
			t.Fatalf("%+v, %v", today, err)
		}
		if minutes, err := overview.DeliveriesByMinute(t.Context(), b.workspaceID, hour); err != nil || len(minutes) == 0 {
			t.Fatalf("%d minutes, %v", len(minutes), err)
		}
		if _, err := overview.ProcessingTimes(t.Context(), b.workspaceID, hour); err != nil {
			t.Fatal(err)
		}
		if _, err := overview.CustomersMet(t.Context(), b.workspaceID, query.CustomerMatched, day, query.Page{Limit: 30}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, st := range collected.take() {
			seen[st.name()] = true
			top, text := explain(t, db, st)
			used := map[string]bool{}
			top.each(func(node plan) {
				used[node.IndexName] = true
				if slices.Contains(largeTables, node.Relation) && node.NodeType == "Seq Scan" && node.Relation != "daily_sales" {
					t.Errorf("%s reads all of %s\n%s", st.name(), node.Relation, text)
				}
				if strings.HasPrefix(node.IndexName, "deliveries_list") && !strings.Contains(node.IndexCond, "received_at >=") {
					t.Errorf("%s reads deliveries of all times\n%s", st.name(), text)
				}
			})
			for _, index := range indexes[st.name()] {
				if analysed && !used[index] {
					t.Errorf("%s does not use %s\n%s", st.name(), index, text)
				}
			}
		}
		for name := range indexes {
			if !seen[name] {
				t.Errorf("%s was not explained", name)
			}
		}
	}
}

// BenchmarkOverview times what the overview asks when a million deliveries came within the last hour.
func BenchmarkOverview(b *testing.B) {
	const deliveries = 1_000_000
	bundle := setup(b)
	bundle.connectShop(b, shopID, uuid.Nil)
	end := now().Truncate(time.Minute)
	bundle.exec(b, fmt.Sprintf(`INSERT INTO deliveries_v1.deliveries
			(workspace_id, id, received_position, received_at, shop_id, order_code, outcome, customer, decided_at, search)
		SELECT $1, gen_random_uuid(), n, $2::timestamptz - interval '1 hour' + n * interval '1 hour' / %[1]d, $3, 'Pancake_' || n,
			CASE WHEN n %% 100 = 0 THEN 'failed' ELSE 'created' END, CASE WHEN n %% 3 = 0 THEN 'matched' ELSE 'created' END,
			$2::timestamptz - interval '1 hour' + n * interval '1 hour' / %[1]d + interval '30 milliseconds', ''
		FROM generate_series(0, %[1]d - 1) n`, deliveries), bundle.workspaceID, end, shopID)
	bundle.exec(b, `INSERT INTO deliveries_v1.deliveries_minutes
		SELECT workspace_id, date_trunc('minute', received_at), count(*), count(1), 0 FROM deliveries_v1.deliveries GROUP BY 1, 2`)
	bundle.exec(b, "VACUUM ANALYZE deliveries_v1.deliveries")
	overview, read := postgres.NewOverview(bundle.db), postgres.NewReadModel(bundle.db)
	day := theDay(b)
	for name, ask := range map[string]func() error{
		"today": func() error { _, err := overview.Today(b.Context(), bundle.workspaceID, day); return err },
		"failures": func() error {
			_, err := read.DeliveryCounts(b.Context(), bundle.workspaceID, query.DeliveryFilter{
				ReceivedFrom: day.Begin, Outcomes: []query.Outcome{query.OutcomeFailed, query.OutcomeRejected},
			})
			return err
		},
		"by minute": func() error {
			_, err := overview.DeliveriesByMinute(b.Context(), bundle.workspaceID, end.Add(-time.Hour))
			return err
		},
		"processing": func() error {
			_, err := overview.ProcessingTimes(b.Context(), bundle.workspaceID, end.Add(-time.Hour))
			return err
		},
		"customers": func() error {
			_, err := overview.CustomersMet(b.Context(), bundle.workspaceID, query.CustomerMatched, day, query.Page{Limit: 30})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
