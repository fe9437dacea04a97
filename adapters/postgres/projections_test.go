package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
)

// tablesOf are a projection's tables.
func tablesOf(t testing.TB, b *bundle, p postgres.Projection) []string {
	t.Helper()
	tables := list[string](t, b, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", p.SchemaOf(1))
	if len(tables) == 0 {
		t.Fatalf("%s has no tables", p.SchemaOf(1))
	}
	return tables
}

// folded is what tables hold after folding the log in slices that end at the cuts: every column of every row, as text.
// All is undone afterwards.
func folded(t testing.TB, b *bundle, cuts ...int64) map[string][]string {
	t.Helper()
	return foldedAfter(t, b, func(fold func(after, upto int64) error) error {
		after := int64(0)
		for _, upto := range cuts {
			if err := fold(after, upto); err != nil {
				return err
			}
			after = upto
		}
		return nil
	})
}

func foldedAfter(t testing.TB, b *bundle, run func(fold func(after, upto int64) error) error) map[string][]string {
	t.Helper()
	projections := postgres.Projections()
	tables := map[string][]string{} // looked up before the transaction: it holds a connection and locks
	for _, p := range projections {
		tables[p.SchemaOf(1)] = tablesOf(t, b, p)
	}
	rows := map[string][]string{}
	undo := errors.New("undo")
	err := pgx.BeginFunc(context.Background(), b.admin, func(tx pgx.Tx) error {
		for _, p := range projections {
			for _, table := range tables[p.SchemaOf(1)] {
				if _, err := tx.Exec(context.Background(), "TRUNCATE "+p.SchemaOf(1)+"."+table); err != nil {
					return err
				}
			}
			err := run(func(after, upto int64) error { return p.FoldRange(context.Background(), tx, after, upto) })
			if err != nil {
				return err
			}
			for _, table := range tables[p.SchemaOf(1)] {
				name := p.SchemaOf(1) + "." + table
				result, err := tx.Query(context.Background(), fmt.Sprintf("SELECT r::text FROM %s r ORDER BY 1", name))
				if err != nil {
					return err
				}
				if rows[name], err = pgx.CollectRows(result, pgx.RowTo[string]); err != nil {
					return err
				}
			}
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal("fold:", err)
	}
	return rows
}

// wantSame compares tables row by row.
func wantSame(t interface {
	Helper()
	Errorf(format string, args ...any)
}, what string, got, want map[string][]string,
) {
	t.Helper()
	for table, rows := range want {
		for i := range max(len(rows), len(got[table])) {
			wanted, had := "(none)", "(none)"
			if i < len(rows) {
				wanted = rows[i]
			}
			if i < len(got[table]) {
				had = got[table][i]
			}
			if wanted != had {
				t.Errorf("%s: %s, row %d\n got %s\nwant %s", what, table, i, had, wanted)
				break
			}
		}
	}
}

// everySlice are cuts at every n events.
func everySlice(head, n int64) []int64 {
	var cuts []int64
	for at := n; at < head; at += n {
		cuts = append(cuts, at)
	}
	return append(cuts, head)
}

// mergeSome merges customers with orders, one into another that is merged too, and takes one merge back.
func (b *bundle) mergeSome(t testing.TB, log *postgres.Log) {
	t.Helper()
	merging := command.NewMergeCustomersHandler(postgres.NewCustomers(b.db))
	var ids []uuid.UUID
	for i := range 4 {
		phone := fmt.Sprintf("+8491200070%d", i)
		ids = append(ids, b.mustAddCustomer(t, customer.Details{Name: fmt.Sprint("Gộp ", i), Phones: []string{phone}}).ID)
		b.ingestNew(t, log, anOrder(fmt.Sprint("7", i), phones(phone)))
	}
	for _, pair := range [][2]int{{1, 0}, {2, 1}, {2, 3}} {
		if _, err := merging.Handle(t.Context(), command.MergeCustomers{By: b.by, Survivor: ids[pair[0]], Merged: ids[pair[1]]}); err != nil {
			t.Fatal("merge:", err)
		}
	}
	b.ingestNew(t, log, anOrder("74", phones("+84912000700")), anOrder("70", phones("+84912000700"), updatedAfter(time.Minute)))
	if _, err := merging.Unmerge(t.Context(), command.UnmergeCustomer{By: b.by, Merged: ids[3]}); err != nil {
		t.Fatal("unmerge:", err)
	}
	b.ingestNew(t, log, anOrder("75", phones("+84912000703")))
}

// tell writes a log in which everything happens that projections fold: to two workspaces, through the service's own
// commands and, for what these do not do yet, as bare events.
func tell(t testing.TB, b *bundle) {
	t.Helper()
	log := b.newLog(t)
	other := b.addWorkspace(t, "other", customer.MatchByPhoneOrEmail)
	mai := b.mustAddUser(t, user.Details{Name: "Mai Phương", Phone: "0904000321", Email: "phuongmai.sale@example.vn"})
	huy := b.mustAddUser(t, user.Details{Name: "Quốc Huy"})
	known := b.mustAddCustomer(t, customer.Details{Name: "Trần Văn Nam", Phones: []string{"0987000102"}, Emails: []string{"Nam@example.com"}, Address: "Huế"})
	b.mustAddCustomer(t, customer.Details{Name: "Không có gì cả", Status: customer.StatusArchived})
	noLines := func(s *order.State) { s.Lines, s.Totals = nil, order.Totals{} }
	oneLine := func(s *order.State) { s.Lines = s.Lines[:1] }
	big := func(s *order.State) { s.Totals.Due, s.Lines[0].UnitPrice = math.MaxInt64, 1<<53+1 }
	full := func(s *order.State) {
		s.Buyer.Address, s.Buyer.Gender, s.Buyer.Birthday, s.Buyer.Tags = "90 Pasteur", "female", "1994-02-28", []string{"VIP", "khách \"quen\", 🌸"}
	}
	minutes := func(n int) func(*order.State) { return updatedAfter(time.Duration(n) * time.Minute) }

	b.ingestNew(t, log, anOrder("1", full, creator("+84904000321", "")), anOrder("2", phones(), emails(), noLines), anOrder("3", big, status(99)))
	b.ingestNew(t, log, anOrder("4", phones("+84987000102")), anOrder("1", full, creator("+84904000321", "")))
	b.ingestNew(t, log, anOrder("1", noLines, minutes(1)), anOrder("2", minutes(1)), anOrder("3", oneLine, minutes(1)))
	b.ingestNew(t, log, anOrder("1", minutes(2)), anOrder("1", oneLine, minutes(3)), anOrder("5", minutes(5)), anOrder("5", noLines, minutes(6)))
	b.ingestNew(t, log, anOrder("6", status(6)), anOrder("6", status(7), minutes(1)), anOrder("6", status(6), minutes(-5)), anOrder("6", minutes(2)))
	b.ingestNew(t, log, anOrder("1", minutes(-60)))
	// An order that was live before it was cancelled, one that moves to its buyer, one whose buyer an older version shows.
	staff := func(s *order.State) {
		s.Channel, s.Tags, s.Note, s.Payments.COD = "Facebook", []string{"gấp"}, "gọi trước", 5
		s.FirstEditor = order.Person{Email: "quay@example.vn", Name: "Quầy"}
		s.StatusHistory = []order.StatusChange{{Status: order.NewStatus(0), At: now(), Editor: "Quầy"}}
	}
	b.ingestNew(t, log, anOrder("10", status(6), staff), anOrder("11", phones()), anOrder("12", phones(), status(2)))
	b.ingestNew(t, log, anOrder("10", minutes(-1)), anOrder("11", staff, minutes(1)), anOrder("12", staff, minutes(-1)), anOrder("11", staff, minutes(9)))
	b.setStatus(t, known.ID, customer.StatusArchived)
	b.setStatus(t, known.ID, customer.StatusActive)
	b.setStatus(t, known.ID, customer.StatusArchived)
	b.mustEditCustomer(t, known.ID, customer.Edit{Phones: &[]string{"0987000103"}, Note: new("Gọi trước.\nGiao chiều."), Tags: &[]string{"sỉ"}})
	b.mustEditCustomer(t, known.ID, customer.Edit{Name: new("Trần Đức Nam")})
	b.mergeSome(t, log)
	b.setRule(t, customer.MatchByEmail)
	b.connectShop(t, shopID, uuid.Nil)

	// Staff who are mapped, and mapped to another one; the order of one goes to who they are.
	b.ingestNew(t, log, anOrder("30", madeBy("u-huy")))
	for _, change := range []struct {
		of     user.State
		change func(*user.User) error
	}{
		{mai, func(u *user.User) error { return u.Map(user.Staff{Key: "u-huy", Name: "Huy"}) }},
		{mai, func(u *user.User) error { return u.Map(user.Staff{Key: "name:1635294032:Mai"}) }},
		{mai, func(u *user.User) error { return u.Map(user.Staff{Key: "gone"}) }},
		{mai, func(u *user.User) error { return u.Unmap("u-huy") }},
		{huy, func(u *user.User) error { return u.Map(user.Staff{Key: "u-huy", Name: "Huy"}) }},
		{huy, func(u *user.User) error { return u.Edit(user.Edit{Name: new("Nguyễn Quốc Huy")}) }},
		{mai, func(u *user.User) error { return u.Unmap("gone") }},
		{mai, func(u *user.User) error { u.Deactivate(); u.Reactivate(); return nil }},
	} {
		b.mustChangeUser(t, change.of.ID, change.change)
	}
	b.mustReassign(t, "30", "u-huy", order.Staff{ID: huy.ID, Name: huy.Name})
	// Held until the shop is resumed; one comes in then, one fails, one waits to be looked at.
	b.pause(t, shopID, true)
	var waiting []event.New
	for _, id := range []string{"13", "14", "15", "16"} {
		waiting = append(waiting, received(b.workspaceID, anOrder(id)))
	}
	waiting[1].Body = []byte("?")
	b.ingestSlice(t, log, waiting...)
	b.pause(t, shopID, false)
	b.ingestSlice(t, log, retried(t, b, waiting[0].CorrelationID), retried(t, b, waiting[1].CorrelationID))
	if err := log.Append(t.Context(), retried(t, b, waiting[2].CorrelationID)); err != nil {
		t.Fatal(err)
	}

	// Rejected and let in later, of another shop than the header's; rejected for good; failed, and tried again by an operator.
	late, hopeless, mended := rejectedBody(b.workspaceID, "shop-mismatch", bodyOf(anOrder("40"))),
		rejectedBody(b.workspaceID, "body-not-json", []byte("?")), receivedBody(b.workspaceID, "41", []byte("?"))
	b.ingestSlice(t, log, late, hopeless, mended)
	b.ingestSlice(t, log, retried(t, b, late.CorrelationID), retried(t, b, hopeless.CorrelationID), retried(t, b, mended.CorrelationID))
	// A buyer by all that they can be found by, and a delivery of their order that says nothing new.
	chi := anOrder("42", phones("+84912000461", "+84912000462"), emails("chi@example.com"), func(s *order.State) { s.Buyer.Name = "Đặng Chi" })
	b.ingestSlice(t, log, received(b.workspaceID, chi), received(b.workspaceID, chi))

	// The same order in another workspace is another order.
	before := b.head(t)
	if err := log.Append(t.Context(), received(other, anOrder("1"))); err != nil {
		t.Fatal(err)
	}
	if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
		t.Fatal(err)
	}

	// Refused at the door, with and without shops; failed, and failed then created; still pending.
	rejected := receivedBody(b.workspaceID, "", []byte{0xff})
	rejected.Payload = delivery.DeliveryRejected{Reason: "shop-mismatch", Detail: "…", ShopIDs: []string{shopID, "2"}, ReceivedAt: now()}
	nobody := receivedBody(b.workspaceID, "", nil)
	nobody.Payload = delivery.DeliveryRejected{Reason: "body-unreadable", Detail: "…", ReceivedAt: now()}
	failed, pending := receivedBody(b.workspaceID, "7", []byte("?")), receivedBody(b.workspaceID, "8", []byte("?"))
	then := func(first event.New, version int, payload event.Payload) event.New {
		e := first
		e.ID, e.Version, e.Payload, e.Body, e.CausationID = event.NewID(), version, payload, nil, first.ID
		return e
	}
	failure := delivery.IngestionFailed{ShopID: shopID, OrderID: "7", Reason: "body-unreadable", Detail: "…", Attempt: 1}
	retried := then(received(b.workspaceID, anOrder("9")), 1, delivery.OrderReceived{ShopID: shopID, OrderID: "9", OrderCode: order.DefaultCodeTemplate.Code(shopID, "9"), ReceivedAt: now()})
	created := payloadsOf[order.OrderCreated](b.events(t))[0]
	created.Code, created.Order.ExternalID = order.DefaultCodeTemplate.Code(shopID, "9"), "9"
	createdEvent := then(retried, 1, created)
	createdEvent.Stream = event.OrderStream(shopID, "9")
	if err := log.Append(t.Context(), rejected, nobody, failed, then(failed, 2, failure), pending, retried, then(retried, 2, failure), createdEvent); err != nil {
		t.Fatal(err)
	}
	tellSales(t, b, log, other)
}

func TestProjections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tell(t, b)
	head := b.head(t)
	want := folded(t, b, head)
	for _, p := range postgres.Projections() {
		for _, table := range tablesOf(t, b, p) {
			if len(want[p.SchemaOf(1)+"."+table]) < 2 {
				t.Errorf("%s has %d rows, which shows nothing", table, len(want[p.SchemaOf(1)+"."+table]))
			}
		}
	}

	t.Run("slices of any size give the same tables", func(t *testing.T) {
		t.Parallel()
		for _, n := range []int64{1, 2, 3, 7, 20} {
			wantSame(t, fmt.Sprint("in slices of ", n), folded(t, b, everySlice(head, n)...), want)
		}
	})

	t.Run("slices cut anywhere give the same tables", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			cuts := rapid.SliceOfNDistinct(rapid.Int64Range(1, head-1), 0, 12, rapid.ID[int64]).Draw(rt, "cuts")
			slices.Sort(cuts)
			wantSame(rt, "cut", folded(t, b, append(cuts, head)...), want)
		})
	})

	t.Run("folding again what was folded before, to the end, changes nothing", func(t *testing.T) {
		t.Parallel()
		for _, from := range []int64{0, head / 3, head - 10} {
			for _, n := range []int64{1, 5, head} {
				got := foldedAfter(t, b, func(fold func(after, upto int64) error) error {
					if err := fold(0, head); err != nil {
						return err
					}
					after := from
					for _, cut := range everySlice(head-from, n) {
						if err := fold(after, from+cut); err != nil {
							return err
						}
						after = from + cut
					}
					return nil
				})
				wantSame(t, fmt.Sprintf("again from %d in slices of %d", from, n), got, want)
			}
		}
	})

	t.Run("an empty slice changes nothing but the cursor", func(t *testing.T) {
		t.Parallel()
		got := foldedAfter(t, b, func(fold func(after, upto int64) error) error {
			return errors.Join(fold(0, head), fold(head, head), fold(head, head+1000))
		})
		wantSame(t, "beyond the head", got, want)
	})

	t.Run("a fold that fails leaves tables and cursor as they were", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		p := postgres.Projections()[0]
		b.ingestNew(t, b.newLog(t), anOrder("2"))
		b.exec(t, "ALTER TABLE crm_v1.crm_order_lines ADD CONSTRAINT broken CHECK (code NOT LIKE '%_2')")
		err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
			return p.FoldRange(t.Context(), tx, b.head(t)-6, b.head(t))
		})
		if err == nil || !strings.Contains(err.Error(), "crm_v1") {
			t.Errorf("got %v", err)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM crm_orders"); got != 1 {
			t.Errorf("%d orders", got)
		}
		if got := scan[int64](t, b, "SELECT position FROM cursors WHERE consumer = $1", p.ConsumerName()); got >= b.head(t) {
			t.Errorf("the cursor is at %d", got)
		}
	})

	t.Run("views show the tables of the version in force, to the service too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.ingestNew(t, b.newLog(t), anOrder("1"))
		b.foldAll(t)
		for _, p := range postgres.Projections() {
			if got := scan[int](t, b, "SELECT definition FROM projections WHERE name = $1 AND version = 1 AND active", p.Name); got != p.Definition {
				t.Errorf("%s is of definition %d, want %d", p.SchemaOf(1), got, p.Definition)
			}
			for _, table := range tablesOf(t, b, p) {
				differ := scan[int64](t, b, fmt.Sprintf(`SELECT count(*) FROM (
					(TABLE public.%[1]s EXCEPT ALL TABLE %[2]s.%[1]s) UNION ALL (TABLE %[2]s.%[1]s EXCEPT ALL TABLE public.%[1]s)) d`, table, p.SchemaOf(1)))
				if differ != 0 {
					t.Errorf("view and table %s differ in %d rows", table, differ)
				}
				var rows int64
				if err := b.db.Requests().QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
					t.Errorf("the service reads %s: %v", table, err)
				}
				if want := scan[int64](t, b, "SELECT count(*) FROM "+p.SchemaOf(1)+"."+table); rows != want {
					t.Errorf("the service sees %d rows of %s, want %d", rows, table, want)
				}
			}
		}
	})
}

// TestProjectedRecords reads single records, where folding could mistake nothing for something.
func TestProjectedRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tell(t, b)
	b.foldAll(t)
	count := func(sql string, args ...any) int64 { return scan[int64](t, b, "SELECT count(*) FROM "+sql, args...) }

	for what, got := range map[string][2]int64{
		"lines of an order whose update took them away": {count("crm_order_lines WHERE code = 'Pancake_1635294032_5'"), 0},
		"lines of an order that had none at first":      {count("crm_order_lines WHERE code = 'Pancake_1635294032_2'"), 2},
		"lines of an order that lost one":               {count("crm_order_lines WHERE code = 'Pancake_1635294032_3'"), 1},
		"lines that came, went, came and went by one": {
			count("crm_order_lines WHERE code = 'Pancake_1635294032_1' AND workspace_id = $1", b.workspaceID), 1,
		},
		"lines of the same code in the other workspace":         {count("crm_order_lines WHERE code = 'Pancake_1635294032_1' AND workspace_id <> $1", b.workspaceID), 2},
		"an order that was skipped and then came":               {count("crm_orders WHERE code = 'Pancake_1635294032_6' AND status_code = 0"), 1},
		"customers without keys":                                {count("crm_customers WHERE phones = '{}' AND emails = '{}' AND name = 'Không có gì cả' AND address IS NULL AND tags = '{}' AND status = 'archived'"), 1},
		"the customer with everything":                          {count(`crm_customers WHERE tags = '{VIP,"khách \"quen\", 🌸"}' AND birthday = '1994-02-28' AND gender = 'female'`), 1},
		"mappings: one moved on, one stayed":                    {count("crm_staff s JOIN crm_users u ON u.id = s.user_id WHERE s.staff_key = 'u-huy' AND s.name = 'Huy' AND u.name = 'Nguyễn Quốc Huy' OR s.staff_key = 'name:1635294032:Mai' AND s.name IS NULL AND u.name = 'Mai Phương'"), 2},
		"mappings in all":                                       {count("crm_staff"), 2},
		"versions of users":                                     {count("crm_users WHERE (name, version) IN (('Mai Phương', 8), ('Nguyễn Quốc Huy', 3))"), 2},
		"an order that was assigned later":                      {count("crm_orders WHERE staff_key = 'u-huy' AND assignee_reason = 'creator_mapped' AND assignee_name = 'Quốc Huy'"), 1},
		"lines of the order that was assigned later":            {count("crm_order_lines WHERE code = 'Pancake_1635294032_10'"), 2},
		"who made orders: by phone, and nobody":                 {count("crm_orders WHERE staff_key = '+84904000321' AND staff_name = 'Mai Phương' OR staff_key IS NULL AND creator IS NULL"), count("crm_orders") - 3},
		"the archived customer, as edited last":                 {count("crm_customers WHERE name = 'Trần Đức Nam' AND status = 'archived' AND emails = '{nam@example.com}' AND phones = '{+84987000103}' AND tags = '{sỉ}'"), 1},
		"their note, version and words":                         {count(`crm_customers WHERE note = E'Gọi trước.\nGiao chiều.' AND version = 6 AND tsvector_to_array(search) = '{duc,nam,tran}'`), 1},
		"customers with another version than their log":         {count("crm_customers c WHERE c.version <> (SELECT max(e.version) FROM events e WHERE e.workspace_id = c.workspace_id AND e.stream = 'customer/' || c.id)"), 0},
		"customers without a note":                              {count("crm_customers WHERE note IS NULL"), count("crm_customers") - 1},
		"staff without phone and email":                         {count("crm_users WHERE phone IS NULL AND email IS NULL AND active"), 1},
		"orders of an assignee":                                 {count("crm_orders WHERE assignee_name = 'Mai Phương' AND assignee_reason = 'creator_phone'"), 2},
		"orders of nobody have no assignee":                     {count("crm_orders WHERE assignee_reason = 'none' AND (assignee_id IS NOT NULL OR assignee_name IS NOT NULL)"), 0},
		"an order of an unknown status":                         {count("crm_orders WHERE status_name = 'new' AND code = 'Pancake_1635294032_3'"), 1},
		"quantities keep their fraction":                        {count("crm_order_lines WHERE quantity = 0.5 AND variant = 'rời'"), count("crm_order_lines WHERE product_code = 'GAO-ST25'")},
		"lines without a variant":                               {count("crm_order_lines WHERE variant IS NULL AND product_code = 'AT01-DO-M'"), count("crm_order_lines WHERE product_code = 'AT01-DO-M'")},
		"sources, one a workspace":                              {count("crm_sources WHERE name = 'Pancake'"), 2},
		"a rejected delivery names the header's shop":           {count("deliveries WHERE outcome = 'rejected' AND shop_id = '1635294032' AND reason = 'shop-mismatch'"), 1},
		"a rejected delivery without any shop":                  {count("deliveries WHERE outcome = 'rejected' AND shop_id IS NULL AND order_code IS NULL AND reason = 'body-unreadable'"), 1},
		"a failed delivery says why":                            {count("deliveries WHERE outcome = 'failed' AND reason = 'body-unreadable' AND order_code = 'Pancake_1635294032_7'"), 1},
		"a delivery that failed and then came":                  {count("deliveries WHERE outcome = 'created' AND order_code = 'Pancake_1635294032_9' AND reason IS NULL"), 1},
		"an order that was live before it was skipped":          {count("crm_orders WHERE code = 'Pancake_1635294032_10' AND status_code = 6 AND staff_key = 'quay@example.vn' AND staff_name = 'Quầy'"), 1},
		"why it came":                                           {count("crm_order_history WHERE code = 'Pancake_1635294032_10' AND event = 'OrderCreated' AND reason = 'was_live' AND changes = '[]'"), 1},
		"orders without anybody who made them":                  {count("crm_orders WHERE code = 'Pancake_1635294032_12' AND staff_key IS NULL AND staff_name IS NULL AND channel IS NULL AND tags = '{}'"), 1},
		"an order whose buyer an older version showed":          {count("crm_orders WHERE code = 'Pancake_1635294032_12' AND status_code = 2 AND buyer ->> 'phones' = '[\"+84912000451\"]'"), 1},
		"an order that moved to its buyer":                      {count("crm_order_history WHERE code = 'Pancake_1635294032_11' AND reason = 'newer' AND changes @> '[{\"field\": \"customer_id\"}]'"), 1},
		"and the newest version of it that came":                {count("crm_orders WHERE code = 'Pancake_1635294032_11' AND updated_at = '2025-09-15T03:13:04Z' AND payments ->> 'cod' = '5'"), 1},
		"a held delivery that came in":                          {count("deliveries WHERE outcome = 'created' AND order_code = 'Pancake_1635294032_13' AND reason IS NULL"), 1},
		"a held delivery that failed":                           {count("deliveries WHERE outcome = 'failed' AND order_code = 'Pancake_1635294032_14' AND reason = 'body-unreadable'"), 1},
		"a held delivery that is looked at again":               {count("deliveries WHERE outcome = 'pending' AND order_code = 'Pancake_1635294032_15' AND reason IS NULL"), 1},
		"a held delivery":                                       {count("deliveries WHERE outcome = 'held' AND order_code = 'Pancake_1635294032_16' AND reason = 'shop-paused'"), 1},
		"a pending delivery":                                    {count("deliveries WHERE outcome = 'pending' AND reason IS NULL AND order_code = 'Pancake_1635294032_8'"), 1},
		"skipped, thrice":                                       {count("deliveries WHERE outcome = 'skipped' AND reason IN ('cancelled', 'deleted', 'older') AND order_code = 'Pancake_1635294032_6'"), 3},
		"unchanged: identical and older":                        {count("deliveries WHERE outcome = 'unchanged' AND reason IN ('identical', 'older')"), 5},
		"a rejected delivery that came in, of the order's shop": {count("deliveries WHERE outcome = 'created' AND order_code = 'Pancake_1635294032_40' AND shop_id = '1635294032' AND reason IS NULL"), 1},
		"a rejected delivery that failed":                       {count("deliveries WHERE outcome = 'failed' AND order_code IS NULL AND shop_id = '2' AND reason = 'body-unreadable' AND search = ''"), 1},
		"a delivery that failed twice":                          {count("deliveries WHERE outcome = 'failed' AND order_code = 'Pancake_1635294032_41' AND tsvector_to_array(search) = '{#1635294032,#41,#pancake}'"), 1},
		"deliveries by what they are found by, old and new":     {count("deliveries WHERE tsvector_to_array(search) @> '{#42,chi,dang,+84912000461,+84912000462,@chi@example.com}' AND outcome IN ('created', 'unchanged')"), 2},
		"deliveries in all":                                     {count("deliveries"), count("events WHERE type IN ('OrderReceived', 'DeliveryRejected')")},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	if got := scan[int64](t, b, "SELECT (totals ->> 'due')::bigint FROM crm_orders WHERE code = 'Pancake_1635294032_4'"); got != 545_000 {
		t.Errorf("due %d", got)
	}
}

// TestFoldsAreNotWaitedForToBeOnDisk: what is lost of a projection is folded again. What the policy decides is not decided twice.
func TestFoldsAreNotWaitedForToBeOnDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	b.deliver(t, log, anOrder("1"))
	synchronous := func(tx pgx.Tx) (value string) {
		if err := tx.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&value); err != nil {
			t.Fatal(err)
		}
		return value
	}
	for _, p := range postgres.Projections() {
		err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
			if err := p.FoldRange(t.Context(), tx, 0, b.head(t)); err != nil {
				return err
			}
			if got := synchronous(tx); got != "off" {
				t.Errorf("%s is folded with synchronous_commit %s", p.Name, got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error { // on a connection on which it was off before
		ingestion := postgres.NewIngestion(tx, "test", b.head(t))
		received, err := postgres.ReceivedOrders(t.Context(), tx, 0, b.head(t))
		if err != nil {
			return err
		}
		err = ingestHandler().Handle(t.Context(), ingestion, command.IngestOrder{Received: received})
		if got := synchronous(tx); got != "on" {
			t.Errorf("what is decided is committed with synchronous_commit %s", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
