package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/workspace"
)

const otherShopID = "1635294077"

func ofShop(id string) func(*order.State) {
	return func(s *order.State) { s.ShopID = id }
}

func in(currency string) func(*order.State) {
	return func(s *order.State) { s.Currency = currency }
}

func worth(goods int64) func(*order.State) {
	return func(s *order.State) { s.Totals.Goods = goods }
}

// orderedAt takes a time such as "09-10 17:30", UTC.
func orderedAt(at string) func(*order.State) {
	return func(s *order.State) {
		parsed, err := time.Parse(time.DateTime, "2025-"+at+":00")
		if err != nil {
			panic(err)
		}
		s.OrderedAt = parsed
	}
}

// edit changes settings of the default workspace.
func (b *bundle) edit(t testing.TB, edit workspace.SettingsEdit) {
	t.Helper()
	handler := command.NewChangeSettingsHandler(postgres.NewWorkspaces(b.db))
	if _, err := handler.Handle(t.Context(), command.ChangeSettings{By: b.by, Edit: edit}); err != nil {
		t.Fatal("change settings:", err)
	}
}

// movedTo is the event by which a workspace is in another time zone.
func movedTo(zone string) workspace.SettingsChanged {
	settings := workspace.DefaultSettings()
	settings.TimeZone = zone
	return workspace.SettingsChanged{Settings: settings, Changes: []event.Change{event.ChangeOf("time_zone", "", zone)}}
}

// appendTo appends an event to a stream, beside the commands.
func (b *bundle) appendTo(t testing.TB, log *postgres.Log, workspaceID uuid.UUID, stream event.Stream, payload event.Payload) {
	t.Helper()
	version := scan[int](t, b, "SELECT coalesce(max(version), 0) + 1 FROM events WHERE workspace_id = $1 AND stream = $2",
		workspaceID, string(stream))
	if err := log.Append(t.Context(), event.New{
		ID: event.NewID(), WorkspaceID: workspaceID, Stream: stream, Version: version, Actor: event.ActorPolicy,
		CorrelationID: event.NewID(), Payload: payload,
	}); err != nil {
		t.Fatal(err)
	}
}

// tellSales writes what makes a difference to daily_sales: everything that becomes of orders, of customers with several of them
// on several days in several shops, and of time zones.
func tellSales(t testing.TB, b *bundle, log *postgres.Log, other uuid.UUID) {
	t.Helper()
	b.setRule(t, customer.MatchByPhone)
	minutes := func(n int) func(*order.State) { return updatedAfter(time.Duration(n) * time.Minute) }
	lan, an, binh := phones("+84912000601"), phones("+84912000602"), phones("+84912000603")

	// Of one customer: on two days in two shops, in two currencies, on either side of midnight in either zone.
	first := []func(*order.State){lan, orderedAt("09-10 03:00")}
	second := []func(*order.State){lan, orderedAt("09-10 17:30")}
	b.ingestNew(t, log, anOrder("60", first...), anOrder("61", lan, ofShop(otherShopID), orderedAt("09-12 03:00")),
		anOrder("62", lan, in("USD"), orderedAt("09-12 04:00"), worth(12)), anOrder("63", second...))
	// The first is cancelled, so is the second, then the third day is the first; and the first lives again.
	b.ingestNew(t, log, anOrder("60", append(first, minutes(1), status(6))...))
	b.ingestNew(t, log, anOrder("63", append(second, minutes(1), status(7))...))
	b.ingestNew(t, log, anOrder("60", append(first, minutes(2), status(1))...))
	// Orders that move to another customer: the only one of theirs, the first of theirs, one of two on a day.
	third := []func(*order.State){an, ofShop(otherShopID), orderedAt("09-12 03:00")}
	b.ingestNew(t, log, anOrder("64", third...), anOrder("65", binh, orderedAt("09-08 03:00")),
		anOrder("66", binh, orderedAt("09-12 03:00")), anOrder("67", binh, orderedAt("09-12 05:00")))
	b.ingestNew(t, log, anOrder("64", append(third, minutes(1), lan)...))
	b.ingestNew(t, log, anOrder("65", lan, orderedAt("09-08 03:00"), minutes(1)),
		anOrder("67", an, orderedAt("09-12 05:00"), minutes(1)))
	// Orders that get another day, currency and value; one takes its day with it, one leaves a day that has only what is cancelled.
	b.ingestNew(t, log, anOrder("68", binh, orderedAt("09-21 03:00")), anOrder("69", an, orderedAt("09-22 03:00")),
		anOrder("50", an, orderedAt("09-23 03:00")))
	b.ingestNew(t, log, anOrder("68", binh, orderedAt("09-07 03:00"), minutes(1)),
		anOrder("69", an, orderedAt("09-22 03:00"), minutes(1), status(6)),
		anOrder("50", an, orderedAt("09-23 03:00"), in("USD"), worth(7), minutes(1)))
	// Values whose sum fits no bigint.
	b.ingestNew(t, log, anOrder("51", an, orderedAt("09-24 03:00"), worth(math.MaxInt64)),
		anOrder("52", binh, orderedAt("09-24 03:00"), worth(math.MaxInt64)))

	// Other time zones, and what happens in them; settings that change and are no time zone.
	b.ingestSlice(t, log, received(other, anOrder("60", first...)), received(other, anOrder("63", second...)))
	b.edit(t, workspace.SettingsEdit{TimeZone: new("America/New_York")})
	b.appendTo(t, log, other, event.WorkspaceStream, movedTo("Pacific/Auckland"))
	b.ingestNew(t, log, anOrder("53", binh, orderedAt("09-07 03:30")),
		anOrder("68", binh, orderedAt("09-07 04:30"), minutes(2)),
		anOrder("61", lan, ofShop(otherShopID), orderedAt("09-12 03:00"), minutes(1), status(6)))
	b.edit(t, workspace.SettingsEdit{TimeZone: new("Europe/Berlin")})
	b.edit(t, workspace.SettingsEdit{ShopLimit: new(11)})
	b.ingestNew(t, log, anOrder("54", lan, orderedAt("09-09 22:30")))
}

// day is a row of daily_sales: its key, and its figures.
type day struct{ workspaceID, shopID, date, currency string }

type sales struct {
	orders, cancelled int
	goods             big.Int
	newOnes           map[uuid.UUID]bool // each customer, and whether they are new
}

// zonesOf are the time zones of the workspaces that ever changed their settings, after a part of the log.
func zonesOf(t testing.TB, tx pgx.Tx, upto int64) map[uuid.UUID]string {
	t.Helper()
	rows, err := tx.Query(t.Context(), `SELECT workspace_id, payload -> 'settings' ->> 'time_zone' FROM events
		WHERE type = 'SettingsChanged' AND position <= $1 ORDER BY position`, upto)
	if err != nil {
		t.Fatal(err)
	}
	zones := map[uuid.UUID]string{}
	var workspaceID uuid.UUID
	var zone string
	if _, err := pgx.ForEachRow(rows, []any{&workspaceID, &zone}, func() error {
		zones[workspaceID] = zone
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return zones
}

// salesOf works daily_sales out again from the orders that the CRM shows, and from the time zones that workspaces have after a part of
// the log.
func salesOf(t testing.TB, tx pgx.Tx, upto int64) []string {
	t.Helper()
	zones := zonesOf(t, tx, upto)
	type bought struct {
		day
		workspaceID, customerID uuid.UUID
		live                    bool
	}
	var orders []bought
	days := map[day]*sales{}
	firsts := map[[2]uuid.UUID]string{}
	rows, err := tx.Query(t.Context(), `SELECT workspace_id, shop_id, currency, own_customer_id, ordered_at, status_code,
		(totals ->> 'goods')::bigint FROM crm_orders`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			o       bought
			at      time.Time
			code    int
			goods   int64
			located *time.Location
		)
		if err := rows.Scan(&o.workspaceID, &o.shopID, &o.currency, &o.customerID, &at, &code, &goods); err != nil {
			t.Fatal(err)
		}
		zone := zones[o.workspaceID]
		if zone == "" {
			zone = workspace.DefaultSettings().TimeZone
		}
		if located, err = time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		o.day.workspaceID, o.date, o.live = o.workspaceID.String(), at.In(located).Format(time.DateOnly), code != 6 && code != 7
		orders = append(orders, o)
		if days[o.day] == nil {
			days[o.day] = &sales{newOnes: map[uuid.UUID]bool{}}
		}
		if !o.live {
			days[o.day].cancelled++
			continue
		}
		days[o.day].orders++
		days[o.day].goods.Add(&days[o.day].goods, big.NewInt(goods))
		who := [2]uuid.UUID{o.workspaceID, o.customerID}
		if firsts[who] == "" || o.date < firsts[who] {
			firsts[who] = o.date
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if o.live {
			days[o.day].newOnes[o.customerID] = o.date == firsts[[2]uuid.UUID{o.workspaceID, o.customerID}]
		}
	}
	var lines []string
	for d, s := range days {
		came := 0
		for _, isNew := range s.newOnes {
			if isNew {
				came++
			}
		}
		lines = append(lines, fmt.Sprintf("(%s,%s,%s,%s,%d,%d,%d,%s,%d)", d.workspaceID, d.shopID, d.date, d.currency,
			s.orders, came, len(s.newOnes)-came, s.goods.String(), s.cancelled))
	}
	slices.Sort(lines)
	return lines
}

// wantSales folds the log in slices that end at the cuts, and compares daily_sales after each with what the orders say by then. All is
// undone afterwards.
func wantSales(t testing.TB, b *bundle, errorf func(format string, args ...any), after int64, cuts ...int64) {
	t.Helper()
	tx, err := b.admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // the connection ends anyway
	for _, upto := range cuts {
		for _, name := range []string{"crm", "daily_sales"} {
			p, err := postgres.ProjectionNamed(name)
			if err == nil {
				err = p.FoldRange(t.Context(), tx, after, upto)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rows, err := tx.Query(t.Context(), `SELECT s::text FROM daily_sales s ORDER BY s::text COLLATE "C"`)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if want := salesOf(t, tx, upto); !slices.Equal(got, want) {
			errorf("after event %d daily_sales has\n%s\nwant\n%s", upto, strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
		after = upto
	}
}

func TestDailySales(t *testing.T) {
	t.Parallel()
	// Each has tables of its own: transactions that fold the same events by turns would wait for each other.
	told := func(t *testing.T) (b *bundle, head int64) {
		t.Helper()
		b = setup(t)
		tell(t, b)
		return b, b.head(t)
	}

	t.Run("says after every event what the orders say, whoever was merged since", func(t *testing.T) {
		t.Parallel()
		b, head := told(t)
		wantSales(t, b, t.Errorf, 0, everySlice(head, 1)...)
	})

	t.Run("says what these do after slices of any size", func(t *testing.T) {
		t.Parallel()
		b, head := told(t)
		for _, n := range []int64{5, 30, head} {
			wantSales(t, b, t.Errorf, 0, everySlice(head, n)...)
		}
	})

	t.Run("counts in the default zone what is set to one that the server does not know", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		b.ingestNew(t, log, anOrder("1", orderedAt("09-10 17:30")))
		b.edit(t, workspace.SettingsEdit{TimeZone: new("UTC")})
		b.foldAll(t)
		want := func(date string) {
			t.Helper()
			if got := list[string](t, b, "SELECT day::text FROM daily_sales"); !slices.Equal(got, []string{date}) {
				t.Errorf("the days are %v, want %s", got, date)
			}
		}
		want("2025-09-10")
		b.appendTo(t, log, b.workspaceID, event.WorkspaceStream, movedTo("Mars/Olympus_Mons"))
		b.foldAll(t)
		want("2025-09-11")
	})
}

// TestDailySalesOfAnyHistory draws what becomes of few orders of few customers on few days, so that all of it meets, each time in
// workspaces of its own.
func TestDailySalesOfAnyHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	customers := []uuid.UUID{event.NewID(), event.NewID(), event.NewID()}
	rapid.Check(t, func(rt *rapid.T) {
		before := b.head(t)
		history := historyOf(rt, []uuid.UUID{event.NewID(), event.NewID()}, customers)
		if err := log.Append(t.Context(), history...); err != nil {
			t.Fatal(err)
		}
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(1, int64(len(history))), 0, 5, rapid.ID[int64]).Draw(rt, "cuts")
		for i := range cuts {
			cuts[i] += before
		}
		cuts = append(cuts, b.head(t))
		slices.Sort(cuts)
		wantSales(t, b, rt.Errorf, before, slices.Compact(cuts)...)
	})
}

// historyOf draws events of orders and of time zones.
func historyOf(rt *rapid.T, workspaces, customers []uuid.UUID) []event.New {
	type streamOf struct {
		workspaceID uuid.UUID
		stream      event.Stream
	}
	versions := map[streamOf]int{}
	var history []event.New
	for range rapid.IntRange(1, 60).Draw(rt, "events") {
		var payload event.Payload
		of := streamOf{rapid.SampledFrom(workspaces).Draw(rt, "workspace"), event.WorkspaceStream}
		if id := rapid.IntRange(0, 6).Draw(rt, "order"); id == 0 {
			payload = movedTo(rapid.SampledFrom([]string{"Asia/Ho_Chi_Minh", "UTC", "America/New_York"}).Draw(rt, "zone"))
		} else {
			state := anOrder(fmt.Sprint(id), ofShop([]string{shopID, otherShopID}[id%2]),
				in(rapid.SampledFrom([]string{"VND", "USD"}).Draw(rt, "currency")), worth(rapid.Int64Range(0, 3).Draw(rt, "goods")),
				status(rapid.SampledFrom([]int{0, 1, 6, 7}).Draw(rt, "status")))
			state.OrderedAt = now().Add(time.Duration(rapid.IntRange(0, 8).Draw(rt, "eighth of three days")) * 9 * time.Hour)
			of.stream = event.OrderStream(state.ShopID, state.ExternalID)
			code := order.DefaultCodeTemplate.Code(state.ShopID, state.ExternalID)
			customerID := rapid.SampledFrom(customers).Draw(rt, "customer")
			payload = order.OrderCreated{Code: code, CustomerID: customerID, Order: state}
			if versions[of] > 0 {
				payload = order.OrderUpdated{Code: code, CustomerID: customerID, Order: state}
			}
		}
		versions[of]++
		history = append(history, event.New{
			ID: event.NewID(), WorkspaceID: of.workspaceID, Stream: of.stream, Version: versions[of], Actor: event.ActorPolicy,
			CorrelationID: event.NewID(), Payload: payload,
		})
	}
	return history
}
