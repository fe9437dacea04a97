//nolint:gosmopolitan // names of other scripts are searched here too
package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/order"
)

// fillDeliveries puts deliveries and what became of them into the log, of five shops in the default workspace and, of ten, one
// in another: nearly half created, a fifth updated, a quarter unchanged, and a few of all else. It folds nothing.
func fillDeliveries(tb testing.TB, b *bundle, deliveries int) {
	tb.Helper()
	other := b.addWorkspace(tb, "crowd", "phone")
	b.exec(tb, `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, actor, payload, digest)
		SELECT (SELECT max(position) FROM events) + row_number() OVER (ORDER BY d.i, e.turn), d.workspace_id, e.stream, e.version, gen_random_uuid(), e.type, 2,
			d.at, d.id, 'policy', e.payload, sha256('')
		FROM (
			SELECT i, i % 100 AS kind, CASE WHEN i % 10 = 7 THEN $1::uuid ELSE $2::uuid END AS workspace_id, gen_random_uuid() AS id,
				(1635294032 + i % 5)::text AS shop, timestamptz '2025-01-01Z' + i * interval '10 seconds' AS at,
				CASE WHEN i % 100 BETWEEN 50 AND 95 THEN i - 46 - i % 2 + (i - 46) % 2 ELSE i END AS of
			FROM generate_series(1, $3::integer) i
		) d
		CROSS JOIN LATERAL (
			SELECT 'Pancake_' || d.shop || '_' || d.of AS code, jsonb_build_object(
				'name', (ARRAY['Nguyễn','Trần','Lê','Phạm','Hoàng','Đặng','Bùi','Võ'])[1 + d.of % 8] || ' ' || (ARRAY['Thị','Văn','Minh','Ngọc'])[1 + d.of / 8 % 4] || ' ' ||
					(ARRAY['An','Bình','Chi','Dung','Hạnh','Hùng','Lan','Mai','Nam','Oanh','Phúc','Quân','Sơn','Tâm','Uyên','Yến'])[1 + d.of / 32 % 16] ||
					CASE WHEN d.of % 5000 = 4 THEN ' Hiếm' || d.of ELSE '' END,
				'phones', jsonb_build_array('+849' || lpad((d.of % 100000000)::text, 8, '0'))) AS buyer
		) o
		CROSS JOIN LATERAL (
			SELECT 1 AS turn, 'delivery/' || d.id AS stream, 1 AS version, CASE WHEN d.kind = 1 THEN 'DeliveryRejected' ELSE 'OrderReceived' END AS type,
				CASE WHEN d.kind = 1 THEN jsonb_build_object('reason', 'order-id-missing', 'shop_ids', jsonb_build_array(d.shop), 'received_at', d.at)
					ELSE jsonb_build_object('shop_id', d.shop, 'order_id', d.of::text, 'order_code', o.code, 'received_at', d.at) END AS payload
			UNION ALL
			SELECT 2, CASE WHEN d.kind IN (0, 2) THEN 'delivery/' || d.id ELSE 'order/' || d.shop || '/' || d.of END,
				CASE WHEN d.kind IN (0, 2) OR d.of <> d.i THEN 2 + CASE WHEN d.kind BETWEEN 50 AND 95 THEN d.i % 100 ELSE 0 END ELSE 1 END,
				CASE WHEN d.kind = 0 THEN 'IngestionFailed' WHEN d.kind = 2 THEN 'IngestionHeld' WHEN d.kind = 3 THEN 'OrderSkipped'
					WHEN d.kind BETWEEN 50 AND 69 THEN 'OrderUpdated' WHEN d.kind BETWEEN 70 AND 95 THEN 'OrderUnchanged' ELSE 'OrderCreated' END,
				CASE WHEN d.kind = 0 THEN jsonb_build_object('reason', CASE WHEN d.i % 1000 = 0 THEN 'money-unreadable' ELSE 'order-unreadable' END)
					WHEN d.kind = 2 THEN jsonb_build_object('reason', 'shop-paused')
					WHEN d.kind = 3 THEN jsonb_build_object('code', o.code, 'reason', 'cancelled')
					WHEN d.kind BETWEEN 50 AND 69 THEN jsonb_build_object('code', o.code, 'reason', 'newer', 'order', jsonb_build_object('buyer', o.buyer))
					WHEN d.kind BETWEEN 70 AND 95 THEN jsonb_build_object('code', o.code, 'reason', 'identical')
					ELSE jsonb_build_object('code', o.code, 'order', jsonb_build_object('buyer', o.buyer)) END
			WHERE d.kind <> 1
		) e`, other, b.workspaceID, deliveries)
}

// foldDeliveries folds the whole log into the read table of deliveries.
func foldDeliveries(tb testing.TB, b *bundle) {
	tb.Helper()
	const slice = 50_000
	for _, p := range postgres.Projections() {
		if p.Name != "deliveries" {
			continue
		}
		b.exec(tb, "INSERT INTO cursors (consumer, position) VALUES ($1, 0) ON CONFLICT DO NOTHING", p.ConsumerName())
		head := b.head(tb)
		for after := int64(0); after < head; after += slice {
			err := pgx.BeginFunc(tb.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
				return p.FoldRange(tb.Context(), tx, after, min(after+slice, head))
			})
			if err != nil {
				tb.Fatal("fold:", err)
			}
		}
	}
}

// deliverySearches are searches of every kind on what fillDeliveries makes, and which index serves each.
func deliverySearches() []deliverySearch {
	at := func(i int) time.Time {
		return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 10 * time.Second)
	}
	outcome := func(outcomes ...query.Outcome) []query.Outcome { return outcomes }
	const byOutcome, byReason, byShop, byShopReason = "deliveries_outcome", "deliveries_reason", "deliveries_shop", "deliveries_shop_reason"
	return []deliverySearch{
		{"all", query.DeliveryFilter{}, "deliveries_list"},
		{"a time", query.DeliveryFilter{ReceivedFrom: at(1000), ReceivedTo: at(4000)}, "deliveries_list"},
		{"a shop", query.DeliveryFilter{ShopID: "1635294033"}, byShop},
		{"an outcome that most have", query.DeliveryFilter{Outcomes: outcome("created")}, byOutcome},
		{"an outcome that few have", query.DeliveryFilter{Outcomes: outcome("failed")}, byOutcome},
		{"an outcome and a time", query.DeliveryFilter{Outcomes: outcome("failed"), ReceivedFrom: at(1000), ReceivedTo: at(4000)}, byOutcome},
		{"a reason", query.DeliveryFilter{Reason: "money-unreadable"}, byReason},
		{"a reason and an outcome", query.DeliveryFilter{Reason: "money-unreadable", Outcomes: outcome("failed")}, byReason},
		{"a reason that its outcome never has", query.DeliveryFilter{Reason: "identical", Outcomes: outcome("failed")}, byReason},
		{"what can be tried again", query.DeliveryFilter{Outcomes: outcome("failed", "rejected")}, byOutcome},
		{"a shop and an outcome", query.DeliveryFilter{ShopID: "1635294032", Outcomes: outcome("failed")}, byShop},
		{"a shop and a reason", query.DeliveryFilter{ShopID: "1635294032", Reason: "order-unreadable"}, byShopReason},
		{"a shop, an outcome, a reason and a time", query.DeliveryFilter{
			ShopID: "1635294032", Outcomes: outcome("failed"), Reason: "order-unreadable", ReceivedFrom: at(1000), ReceivedTo: at(4000),
		}, byShopReason},
		{"an order's code", query.DeliveryFilter{OrderCode: "Pancake_1635294036_2004"}, "deliveries_code"},
		{"the beginning of a code", query.DeliveryFilter{OrderCodePrefix: "Pancake_1635294036_2004"}, "deliveries_code"},
		{"a beginning that all codes have", query.DeliveryFilter{OrderCodePrefix: "Pancake_"}, ""},
		{"a phone", query.DeliveryFilter{Phone: "+84900002004"}, ""},
		{"a phone and an outcome", query.DeliveryFilter{Phone: "+84900002004", Outcomes: outcome("created")}, ""},
		{"a rare word", query.DeliveryFilter{Search: query.ParseDeliverySearch("hiếm4")}, ""},
		{"a name that many have", query.DeliveryFilter{Search: query.ParseDeliverySearch("nguyễn thị an")}, ""},
		{"a word that many have", query.DeliveryFilter{Search: query.ParseDeliverySearch("nguyễn")}, ""},
		{"a word and an order's number", query.DeliveryFilter{Search: query.ParseDeliverySearch("hoàng 2004")}, ""},
		{"a long number that is in all codes of a shop", query.DeliveryFilter{Search: query.ParseDeliverySearch("1635294032")}, ""},
		{"a word of a shop's failures, which have none", query.DeliveryFilter{ShopID: "1635294032", Outcomes: outcome("failed"), Search: query.ParseDeliverySearch("nguyễn")}, ""},
	}
}

type deliverySearch struct {
	name   string
	filter query.DeliveryFilter
	// index serves it; empty where what is best depends on how many have it.
	index string
}

// TestPlansOfDeliveryLists explains lists and counts on a table that just became large: before it was ever analysed, and
// after. None reads the table whole, and none whose filters stand in an index reads more than it gives.
func TestPlansOfDeliveryLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "ALTER TABLE deliveries_v1.deliveries SET (autovacuum_enabled = false)")
	fillDeliveries(t, b, 13_000)
	foldDeliveries(t, b)
	collected := &statements{}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	read := postgres.NewReadModel(db)
	seen := map[string]bool{}
	for _, analysed := range []bool{false, true} {
		if analysed {
			b.exec(t, "ANALYZE deliveries_v1.deliveries")
		}
		for _, search := range deliverySearches() {
			collected.take()
			found, err := read.Deliveries(t.Context(), b.workspaceID, search.filter, query.Page{Limit: 50})
			if empty := strings.Contains(search.name, "never has") || strings.Contains(search.name, "have none"); err != nil || (len(found.Items) == 0) != empty {
				t.Fatalf("%s: %d deliveries, %v", search.name, len(found.Items), err)
			}
			if _, err := read.DeliveryCounts(t.Context(), b.workspaceID, search.filter); err != nil {
				t.Fatal(err)
			}
			for _, st := range collected.take() {
				seen[st.name()] = true
				top, text := explain(t, db, st)
				collected.take()
				used := map[string]bool{}
				none := false // are of the outcome, and looking for them by any index finds that out at once
				top.each(func(node plan) {
					used[node.IndexName] = true
					if node.NodeType == "Seq Scan" && node.Relation != "" {
						t.Errorf("%s reads all of %s\n%s", search.name, node.Relation, text)
					}
					if node.NodeType == "Sort" && st.begin == postgres.BeginInOrder && top.NodeType == "Limit" {
						t.Errorf("%s sorts by %s\n%s", search.name, node.SortKey, text)
					}
					oneOrders := node.IndexName == "deliveries_code" // which are few
					if none = none || strings.Contains(node.IndexCond, "'pending'"); none {
						return
					}
					if analysed && node.Relation == "deliveries" && node.Filter != "" && st.begin == postgres.BeginInOrder && !oneOrders {
						t.Errorf("%s reads rows that it does not give: %s\n%s", search.name, node.Filter, text)
					}
				})
				want := search.index
				switch st.name() {
				case "SearchDeliveries", "CountSearchedDeliveries":
					want = "deliveries_search"
				case "CountDeliveries", "DeliveredAt":
					want = ""
				}
				if analysed && want != "" && !used[want] && !none {
					t.Errorf("%s (analysed: %t) does not use %s\n%s", search.name, analysed, want, text)
				}
			}
		}
	}
	for _, name := range []string{
		"DeliveriesPage", "CountDeliveries", "SearchLatestDeliveries", "SearchDeliveries", "CountSearchedOfOutcome",
		"CountSearchedDeliveries",
	} {
		if !seen[name] {
			t.Errorf("%s was not explained", name)
		}
	}
}

// TestDeliveriesAreTakenApartAsNamesAre holds the fold's words to contact.WordsOf.
func TestDeliveriesAreTakenApartAsNamesAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	for i, name := range []string{"Đặng Thị Hà", "O'Neil Ha-Linh 0912 000 451", "客户 Яна", "a\u200bb ĐƯỜNG", "ﬁ ½ İstanbul", "'' \\ & | !:*"} {
		id := fmt.Sprintf("%d/é-%s", i, name)
		b.ingestNew(t, log, anOrder(id, func(s *order.State) { s.Buyer.Name = name }))
		b.foldAll(t)
		code := order.DefaultCodeTemplate.Code(shopID, id)
		want := slices.Clone(contact.WordsOf(name))
		for _, word := range contact.WordsOf(code) {
			want = append(want, "#"+word)
		}
		want = append(want, "+84912000451")
		slices.Sort(want)
		want = slices.Compact(want)
		got := scan[[]string](t, b, "SELECT tsvector_to_array(search) FROM deliveries WHERE order_code = $1", code)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q is found by %q, want %q", code, got, want)
		}
		for _, typed := range []string{name, code, "0912000451"} {
			list, err := postgres.NewReadModel(b.db).Deliveries(t.Context(), b.workspaceID, query.DeliveryFilter{Search: query.ParseDeliverySearch(typed)}, query.Page{Limit: 200})
			if err != nil || len(list.Items) == 0 && len(contact.WordsOf(typed)) > 0 {
				t.Errorf("%q finds %d, %v", typed, len(list.Items), err)
			}
		}
	}
}

// BenchmarkDeliverySearch times searches of every kind, and their counts, in a million deliveries. docs/performance.md has the
// figures.
func BenchmarkDeliverySearch(b *testing.B) {
	const deliveries = 1_000_000
	bundle := setup(b)
	begin := time.Now()
	fillDeliveries(b, bundle, deliveries)
	b.Logf("%d events were written in %s", bundle.head(b), time.Since(begin).Round(time.Second))
	begin = time.Now()
	foldDeliveries(b, bundle)
	b.Logf("and folded in %s", time.Since(begin).Round(time.Second))
	bundle.exec(b, "VACUUM ANALYZE deliveries_v1.deliveries")
	b.Logf("table %s, indexes %s", scan[string](b, bundle, "SELECT pg_size_pretty(pg_table_size('deliveries_v1.deliveries'))"),
		scan[string](b, bundle, "SELECT pg_size_pretty(pg_indexes_size('deliveries_v1.deliveries'))"))
	read := postgres.NewReadModel(bundle.db)
	logPlans(b, bundle)
	for _, search := range deliverySearches() {
		b.Run("list/"+search.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := read.Deliveries(b.Context(), bundle.workspaceID, search.filter, query.Page{Limit: 50}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("counts/"+search.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := read.DeliveryCounts(b.Context(), bundle.workspaceID, search.filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// logPlans tells how each list is read, once it is in memory.
func logPlans(b *testing.B, bundle *bundle) {
	b.Helper()
	collected := &statements{}
	db, err := bundle.db.Traced(b.Context(), collected)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, search := range deliverySearches() {
		collected.take()
		for range 2 {
			if _, err := postgres.NewReadModel(db).Deliveries(b.Context(), bundle.workspaceID, search.filter, query.Page{Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
		taken := collected.take()
		for _, st := range taken[len(taken)/2:] {
			b.Logf("%s: %s\n%s", search.name, st.name(), explainAnalyzed(b, db, st))
		}
	}
}

// explainAnalyzed is how PostgreSQL went about a statement, and for how long, as its own tools show it.
func explainAnalyzed(b *testing.B, db *postgres.Database, st statement) string {
	b.Helper()
	var lines []string
	err := pgx.BeginFunc(b.Context(), db.Requests(), func(tx pgx.Tx) error {
		if _, settings, found := strings.Cut(st.begin, "; "); found {
			if _, err := tx.Exec(b.Context(), settings); err != nil {
				return err
			}
		}
		rows, err := tx.Query(b.Context(), "EXPLAIN (ANALYZE, COSTS off, BUFFERS) "+st.sql, st.args...)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// BenchmarkEvents times what the feed reads. docs/performance.md has the figures.
func BenchmarkEvents(b *testing.B) {
	bundle := setup(b)
	fillDeliveries(b, bundle, 100_000)
	bundle.exec(b, "VACUUM ANALYZE events")
	read := postgres.NewReadModel(bundle.db)
	middle := bundle.head(b) / 2
	for name, filter := range map[string]query.EventFilter{
		"a part of 200":                        {After: middle, Limit: 200},
		"10,000 positions without such a type": {After: middle, Limit: 200, Types: []string{"ShopPaused"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := read.Events(b.Context(), bundle.workspaceID, filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("all", func(b *testing.B) {
		events := 0
		for b.Loop() {
			_, err := query.EachEvent(b.Context(), read, bundle.workspaceID, query.EventFilter{}, func(page query.EventPage) error {
				events += len(page.Items)
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	})
}
