package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func TestReadModelLists(t *testing.T) {
	t.Parallel()

	t.Run("page after page gives every record once, the newest first, also when more come meanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		read := postgres.NewReadModel(b.db)
		made := 0
		more := func(n int) {
			var orders []order.State
			for range n {
				made++
				orders = append(orders, anOrder(fmt.Sprintf("%04d", made), phones(fmt.Sprintf("+8491200%04d", made))))
				if _, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{By: b.by, Name: fmt.Sprintf("%04d", made)}); err != nil {
					t.Fatal(err)
				}
			}
			b.ingestNew(t, log, orders...)
			b.foldAll(t)
		}
		const first = 23
		more(first)
		for _, limit := range []int{1, 5, 23, 22, 24, 200} {
			// More come between one page and the next: they are newer than where the cursor stands.
			meanwhile := func() {
				if limit == 5 {
					more(1)
				}
			}
			at := made
			var want []string
			for i := at; i > 0; i-- {
				want = append(want, fmt.Sprintf("%04d", i))
			}
			lists := map[string][]string{}
			for _, o := range all(t, limit, func(p query.Page) (query.List[query.Order], error) {
				defer meanwhile()
				return read.Orders(t.Context(), b.workspaceID, query.OrderFilter{}, p)
			}) {
				lists["orders"] = append(lists["orders"], o.ExternalID)
			}
			for _, c := range all(t, limit, func(p query.Page) (query.List[query.Customer], error) {
				return read.Customers(t.Context(), b.workspaceID, query.CustomerFilter{}, p)
			}) {
				lists["customers"] = append(lists["customers"], c.Phones[0][8:])
			}
			for _, u := range all(t, limit, func(p query.Page) (query.List[query.User], error) {
				return read.Users(t.Context(), b.workspaceID, query.UserFilter{}, p)
			}) {
				lists["users"] = append(lists["users"], u.Name)
			}
			for _, d := range all(t, limit, func(p query.Page) (query.List[query.Delivery], error) {
				return read.Deliveries(t.Context(), b.workspaceID, query.DeliveryFilter{}, p)
			}) {
				_, id, _ := strings.Cut(*d.OrderCode, shopID+"_")
				lists["deliveries"] = append(lists["deliveries"], id)
			}
			for name, got := range lists {
				wanted := want
				if name != "orders" && made > at { // read after more had come
					wanted = nil
					for i := made; i > 0; i-- {
						wanted = append(wanted, fmt.Sprintf("%04d", i))
					}
				}
				if !slices.Equal(got, wanted) {
					t.Errorf("%s in pages of %d:\n got %v\nwant %v", name, limit, got, wanted)
				}
			}
			if len(lists) != 4 {
				t.Errorf("only %d lists have entries", len(lists))
			}
		}
		if sources := all(t, 1, func(p query.Page) (query.List[query.Source], error) {
			return read.Sources(t.Context(), b.workspaceID, p)
		}); len(sources) != 1 || sources[0].Name != command.SourceName || sources[0].CreatedAt.Location() != time.UTC {
			t.Errorf("sources: %+v", sources)
		}
	})

	t.Run("filters narrow a list, and pages of it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		read := postgres.NewReadModel(b.db)
		otherShop := func(s *order.State) { s.ShopID = "1635294033" }
		b.ingestNew(t, log, anOrder("1"), anOrder("2", phones("+84987000102"), emails("nam@example.com")), anOrder("3", otherShop),
			anOrder("4", phones("+84987000102", "+84358000206")), anOrder("5", status(6)), anOrder("1"))
		before := b.head(t)
		if err := log.Append(t.Context(), receivedBody(b.workspaceID, "6", []byte("?"))); err != nil {
			t.Fatal(err)
		}
		if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
			t.Fatal(err)
		}
		b.deliver(t, log, anOrder("7"))
		gone := b.mustAddCustomer(t, customer.Details{Name: "Đã đi", Phones: []string{"0987000102"}, Status: customer.StatusArchived})
		b.foldAll(t)
		lan := payloadsOf[customer.CustomerCreated](b.events(t))[0].Customer.ID
		nam := payloadsOf[customer.CustomerCreated](b.events(t))[1].Customer.ID

		orders := func(filter query.OrderFilter) []string {
			var ids []string
			for _, o := range all(t, 1, func(p query.Page) (query.List[query.Order], error) {
				return read.Orders(t.Context(), b.workspaceID, filter, p)
			}) {
				ids = append(ids, o.ExternalID)
			}
			return ids
		}
		customers := func(filter query.CustomerFilter) []uuid.UUID {
			var ids []uuid.UUID
			for _, c := range all(t, 1, func(p query.Page) (query.List[query.Customer], error) {
				return read.Customers(t.Context(), b.workspaceID, filter, p)
			}) {
				ids = append(ids, c.ID)
			}
			return ids
		}
		deliveries := func(filter query.DeliveryFilter) int {
			return len(all(t, 2, func(p query.Page) (query.List[query.Delivery], error) {
				return read.Deliveries(t.Context(), b.workspaceID, filter, p)
			}))
		}
		for _, test := range []struct {
			filter query.OrderFilter
			want   []string
		}{
			{query.OrderFilter{}, []string{"4", "3", "2", "1"}},
			{query.OrderFilter{ShopID: shopID}, []string{"4", "2", "1"}},
			{query.OrderFilter{CustomerID: uuid.NullUUID{UUID: lan, Valid: true}}, []string{"3", "1"}},
			{query.OrderFilter{ShopID: shopID, CustomerID: uuid.NullUUID{UUID: lan, Valid: true}}, []string{"1"}},
			{query.OrderFilter{ShopID: "9"}, nil},
			{query.OrderFilter{CustomerID: uuid.NullUUID{UUID: gone.ID, Valid: true}}, nil},
		} {
			if got := orders(test.filter); !slices.Equal(got, test.want) {
				t.Errorf("orders with %+v: %v, want %v", test.filter, got, test.want)
			}
		}
		for _, test := range []struct {
			filter query.CustomerFilter
			want   []uuid.UUID
		}{
			{query.CustomerFilter{}, []uuid.UUID{gone.ID, nam, lan}},
			{query.CustomerFilter{Phone: "+84987000102"}, []uuid.UUID{gone.ID, nam}},
			{query.CustomerFilter{Phone: "+84987000102", Status: "active"}, []uuid.UUID{nam}},
			{query.CustomerFilter{Status: "archived"}, []uuid.UUID{gone.ID}},
			{query.CustomerFilter{Email: "nam@example.com"}, []uuid.UUID{nam}},
			{query.CustomerFilter{Email: "nam@example.com", Phone: "+84912000451"}, nil},
			{query.CustomerFilter{Phone: "+84"}, nil},
		} {
			if got := customers(test.filter); !slices.Equal(got, test.want) {
				t.Errorf("customers with %+v: %v, want %v", test.filter, got, test.want)
			}
		}
		for _, test := range []struct {
			filter query.DeliveryFilter
			want   int
		}{
			{query.DeliveryFilter{}, 8},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomeCreated}}, 4},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomeSkipped}}, 1},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomeUnchanged}}, 1},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomeFailed}}, 1},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomePending}}, 1},
			{query.DeliveryFilter{Outcomes: []query.Outcome{query.OutcomeUpdated}}, 0},
			{query.DeliveryFilter{ShopID: shopID, Outcomes: []query.Outcome{query.OutcomeCreated}}, 4}, // as it was said at the door
			{query.DeliveryFilter{ShopID: "9"}, 0},
		} {
			if got := deliveries(test.filter); got != test.want {
				t.Errorf("deliveries with %+v: %d, want %d", test.filter, got, test.want)
			}
		}
	})

	t.Run("an empty list is a list", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		read := postgres.NewReadModel(b.db)
		page := query.Page{Limit: 10}
		orders, err := read.Orders(t.Context(), b.workspaceID, query.OrderFilter{}, page)
		if err != nil || orders.Items == nil || len(orders.Items) != 0 || orders.NextCursor != nil {
			t.Errorf("%+v, %v", orders, err)
		}
		shops, err := read.Shops(t.Context(), b.workspaceID)
		if err != nil || shops == nil || len(shops) != 0 {
			t.Errorf("%+v, %v", shops, err)
		}
	})
}

func TestReadModelRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	read := postgres.NewReadModel(b.db)
	mai, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{By: b.by, Name: "Mai Phương", Phone: "0904000321"})
	if err != nil {
		t.Fatal(err)
	}
	b.connectShop(t, shopID, mai.State.ID)
	events := b.ingestNew(t, log, anOrder("2051", emails("lan.pham@example.com")), anOrder("2052", phones(), func(s *order.State) { s.Lines = nil }))
	b.foldAll(t)
	id := payloadsOf[customer.CustomerCreated](events)[0].Customer.ID

	t.Run("an order with all that belongs to it", func(t *testing.T) {
		t.Parallel()
		got, err := read.Order(t.Context(), b.workspaceID, "Pancake_1635294032_2051")
		if err != nil {
			t.Fatal(err)
		}
		state := anOrder("2051")
		if got.Customer.ID != id || got.Customer.Name != "Phạm Thị Lan" || *got.Customer.Phone != "+84912000451" ||
			*got.Customer.Email != "lan.pham@example.com" || got.Source.Name != "Pancake" || got.Totals != state.Totals ||
			got.Status != state.Status || got.Currency != "VND" || got.ShopID != shopID || got.ExternalID != "2051" ||
			got.Assignee == nil || got.Assignee.ID != mai.State.ID || got.Assignee.Name != mai.State.Name || got.AssigneeReason != order.AssignedByShopDefault {
			t.Errorf("got %+v", got)
		}
		if want := state.OrderedAt.Truncate(time.Second); !got.OrderedAt.Equal(want) || got.OrderedAt.Location() != time.UTC {
			t.Errorf("ordered at %v, want %v", got.OrderedAt, want)
		}
		if len(got.Lines) != 2 {
			t.Fatalf("%d lines", len(got.Lines))
		}
		for i, line := range state.Lines {
			l := got.Lines[i]
			if l.ProductCode != line.ProductCode || l.ProductName != line.ProductName || !l.Quantity.Equal(line.Quantity) ||
				l.UnitPrice != line.UnitPrice || l.Discount != line.Discount || l.Amount != line.Amount || l.Gift != line.Gift {
				t.Errorf("line %d is %+v, want %+v", i, l, line)
			}
		}
		if got.Lines[0].Variant != nil || *got.Lines[1].Variant != "rời" {
			t.Errorf("variants %v and %v", got.Lines[0].Variant, got.Lines[1].Variant)
		}
	})

	t.Run("an order without lines, of a customer without keys", func(t *testing.T) {
		t.Parallel()
		got, err := read.Order(t.Context(), b.workspaceID, "Pancake_1635294032_2052")
		if err != nil || got.Lines == nil || len(got.Lines) != 0 || got.Customer.Phone != nil || got.Customer.Email != nil {
			t.Errorf("%+v, %v", got, err)
		}
	})

	t.Run("a customer", func(t *testing.T) {
		t.Parallel()
		got, err := read.Customer(t.Context(), b.workspaceID, id)
		if err != nil || got.Name != "Phạm Thị Lan" || !slices.Equal(got.Phones, []string{"+84912000451"}) || got.Status != "active" ||
			!got.CreatedAt.Equal(now()) || got.Address != nil || got.Tags == nil {
			t.Errorf("%+v, %v", got, err)
		}
	})

	t.Run("a delivery, and its steps in the order of the log without bodies", func(t *testing.T) {
		t.Parallel()
		got, err := read.Delivery(t.Context(), b.workspaceID, events[0].CorrelationID)
		if err != nil || got.Outcome != query.OutcomeCreated || *got.OrderCode != "Pancake_1635294032_2051" || got.Reason != nil ||
			!got.ReceivedAt.Equal(now()) || *got.ShopID != shopID {
			t.Errorf("%+v, %v", got, err)
		}
		steps, err := read.Correlated(t.Context(), b.workspaceID, events[0].CorrelationID)
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, step := range steps {
			types = append(types, step.Payload.EventName())
			if step.Body != nil {
				t.Errorf("%s comes with a body", step.Payload.EventName())
			}
		}
		if !slices.Equal(types, []string{"OrderReceived", "CustomerCreated", "SourceEnsured", "OrderCreated"}) {
			t.Errorf("steps %v", types)
		}
		detail, err := query.NewExplainDeliveryHandler(read, time.Now).Handle(t.Context(), b.workspaceID, events[0].CorrelationID)
		if err != nil || len(detail.Steps) != 4 {
			t.Errorf("%d steps explained, %v", len(detail.Steps), err)
		}
	})

	t.Run("settings, shops, tokens and workspaces", func(t *testing.T) {
		t.Parallel()
		settings, err := read.Settings(t.Context(), b.workspaceID)
		if err != nil || settings != (query.Settings{
			Workspace: postgres.DefaultWorkspace, MatchBy: "phone", OrderCodeTemplate: "Pancake_{shop_id}_{order_id}",
			TimeZone: "Asia/Ho_Chi_Minh", SkipCancelled: true, Shops: 1, ShopLimit: 10, Version: 1,
		}) {
			t.Errorf("%+v, %v", settings, err)
		}
		shops, err := read.Shops(t.Context(), b.workspaceID)
		if err != nil || len(shops) != 1 || shops[0].ID != shopID || shops[0].HeaderKey != "X-Key" || shops[0].DefaultAssignee.Name != mai.State.Name ||
			time.Since(shops[0].ConnectedAt) > time.Hour {
			t.Errorf("%+v, %v", shops, err)
		}
		created, err := command.NewCreateTokenHandler(postgres.NewWorkspaces(b.db)).Handle(t.Context(), command.CreateToken{By: b.by, Name: "Kho Huế", Role: workspace.RoleOperator})
		if err != nil {
			t.Fatal(err)
		}
		caller, err := read.CallerOf(t.Context(), created.Secret)
		if err != nil || caller != (query.Caller{
			WorkspaceID: b.workspaceID, TokenID: scan[uuid.UUID](t, b, "SELECT id FROM api_tokens"), TokenName: "Kho Huế", Role: workspace.RoleOperator,
		}) {
			t.Errorf("%+v, %v", caller, err)
		}
		for _, text := range list[string](t, b, "SELECT r::text FROM api_tokens r UNION ALL SELECT payload::text FROM events") {
			if strings.Contains(text, created.Secret) {
				t.Error("the token itself is stored")
			}
		}
		if id, err := read.WorkspaceNamed(t.Context(), postgres.DefaultWorkspace); err != nil || id != b.workspaceID {
			t.Errorf("%s, %v", id, err)
		}
	})

	t.Run("what is not there is a problem of that kind", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		_, err := read.Order(ctx, b.workspaceID, "Pancake_1_1")
		wantProblem(t, err, problem.KindNotFound, "order-unknown")
		_, err = read.Customer(ctx, b.workspaceID, event.NewID())
		wantProblem(t, err, problem.KindNotFound, "customer-unknown")
		_, err = read.Delivery(ctx, b.workspaceID, event.NewID())
		wantProblem(t, err, problem.KindNotFound, "delivery-unknown")
		_, err = read.Settings(ctx, event.NewID())
		wantProblem(t, err, problem.KindNotFound, "workspace-unknown")
		_, err = read.WorkspaceNamed(ctx, "nobody")
		wantProblem(t, err, problem.KindNotFound, "workspace-unknown")
		_, err = read.CallerOf(ctx, "obt_guess")
		wantProblem(t, err, problem.KindUnauthorized, "token-unknown")
		_, err = command.NewChangeCustomerStatusHandler(postgres.NewCustomers(b.db)).Handle(ctx, command.ChangeCustomerStatus{By: b.by, ID: event.NewID(), Status: customer.StatusArchived})
		wantProblem(t, err, problem.KindNotFound, "customer-unknown")
	})

	t.Run("while the database is away, asking is a problem that passes", func(t *testing.T) {
		t.Parallel()
		db, err := postgres.Connect(t.Context(), b.dsn)
		if err != nil {
			t.Fatal(err)
		}
		away := postgres.NewReadModel(db)
		db.Close()
		ctx := t.Context()
		errs := map[string]error{}
		_, errs["Order"] = away.Order(ctx, b.workspaceID, "x")
		_, errs["Orders"] = away.Orders(ctx, b.workspaceID, query.OrderFilter{}, query.Page{Limit: 1})
		_, errs["Customers"] = away.Customers(ctx, b.workspaceID, query.CustomerFilter{}, query.Page{Limit: 1})
		_, errs["Users"] = away.Users(ctx, b.workspaceID, query.UserFilter{}, query.Page{Limit: 1})
		_, errs["Sources"] = away.Sources(ctx, b.workspaceID, query.Page{Limit: 1})
		_, errs["Deliveries"] = away.Deliveries(ctx, b.workspaceID, query.DeliveryFilter{}, query.Page{Limit: 1})
		_, errs["Delivery"] = away.Delivery(ctx, b.workspaceID, event.NewID())
		_, errs["Shops"] = away.Shops(ctx, b.workspaceID)
		_, errs["Settings"] = away.Settings(ctx, b.workspaceID)
		_, errs["Correlated"] = away.Correlated(ctx, b.workspaceID, event.NewID())
		_, errs["CallerOf"] = away.CallerOf(ctx, "x")
		_, errs["WorkspaceNamed"] = away.WorkspaceNamed(ctx, "")
		for name, err := range errs {
			t.Run(name, func(t *testing.T) { //nolint:paralleltest // nothing to wait for
				wantProblem(t, err, problem.KindUnavailable, "database-unavailable")
			})
		}
	})
}

// TestReadModelKeepsWorkspacesApart asks for everything of one workspace in the name of another.
func TestReadModelKeepsWorkspacesApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	read := postgres.NewReadModel(b.db)
	ctx := t.Context()
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	theirs := b.ingestNew(t, log, anOrder("2051"))
	if _, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(ctx, command.AddUser{By: b.by, Name: "Mai Phương"}); err != nil {
		t.Fatal(err)
	}
	b.connectShop(t, shopID, uuid.Nil)
	rejected := receivedBody(b.workspaceID, "", nil)
	rejected.Payload = delivery.DeliveryRejected{Reason: "x", ReceivedAt: now()}
	if err := log.Append(ctx, rejected); err != nil {
		t.Fatal(err)
	}
	b.foldAll(t)
	code, id, deliveryID := "Pancake_1635294032_2051", payloadsOf[customer.CustomerCreated](theirs)[0].Customer.ID, theirs[0].CorrelationID

	// They are there for their own workspace, so that what follows means something.
	if _, err := read.Order(ctx, b.workspaceID, code); err != nil {
		t.Fatal(err)
	}
	_, err := read.Order(ctx, other, code)
	wantProblem(t, err, problem.KindNotFound, "order-unknown")
	_, err = read.Customer(ctx, other, id)
	wantProblem(t, err, problem.KindNotFound, "customer-unknown")
	_, err = read.Delivery(ctx, other, deliveryID)
	wantProblem(t, err, problem.KindNotFound, "delivery-unknown")
	page := query.Page{Limit: 200}
	count := map[string]int{}
	for name, workspaceID := range map[string]uuid.UUID{"own": b.workspaceID, "other": other} {
		orders, err := read.Orders(ctx, workspaceID, query.OrderFilter{}, page)
		byCustomer, err2 := read.Orders(ctx, workspaceID, query.OrderFilter{CustomerID: uuid.NullUUID{UUID: id, Valid: true}}, page)
		byShop, err3 := read.Orders(ctx, workspaceID, query.OrderFilter{ShopID: shopID}, page)
		customers, err4 := read.Customers(ctx, workspaceID, query.CustomerFilter{Phone: "+84912000451"}, page)
		users, err5 := read.Users(ctx, workspaceID, query.UserFilter{}, page)
		sources, err6 := read.Sources(ctx, workspaceID, page)
		deliveries, err7 := read.Deliveries(ctx, workspaceID, query.DeliveryFilter{}, page)
		shops, err8 := read.Shops(ctx, workspaceID)
		steps, err9 := read.Correlated(ctx, workspaceID, deliveryID)
		for _, err := range []error{err, err2, err3, err4, err5, err6, err7, err8, err9} {
			if err != nil {
				t.Error(err)
			}
		}
		for i, n := range []int{
			len(orders.Items), len(byCustomer.Items), len(byShop.Items), len(customers.Items), len(users.Items),
			len(sources.Items), len(deliveries.Items), len(shops), len(steps),
		} {
			count[fmt.Sprint(name, " ", i)] = n
		}
	}
	for i := range 9 {
		if own, foreign := count[fmt.Sprint("own ", i)], count[fmt.Sprint("other ", i)]; own == 0 || foreign != 0 {
			t.Errorf("list %d gives its own workspace %d records and another one %d", i, own, foreign)
		}
	}
	settings, err := read.Settings(ctx, other)
	if err != nil || settings.Shops != 0 || settings.Workspace != "other" {
		t.Errorf("%+v, %v", settings, err)
	}
	_, err = command.NewChangeCustomerStatusHandler(postgres.NewCustomers(b.db)).Handle(ctx, command.ChangeCustomerStatus{
		By: command.By{WorkspaceID: other, Actor: event.ActorCommandLine}, ID: id, Status: customer.StatusArchived,
	})
	wantProblem(t, err, problem.KindNotFound, "customer-unknown")
	if exists, err := postgres.NewUsers(b.db).Exists(ctx, other, scan[uuid.UUID](t, b, "SELECT id FROM users")); err != nil || exists {
		t.Errorf("another workspace's user exists: %t, %v", exists, err)
	}

	// The same order and the same buyer of the other workspace are its own.
	before := b.head(t)
	if err := log.Append(ctx, received(other, anOrder("2051", func(s *order.State) { s.Note = "other" }))); err != nil {
		t.Fatal(err)
	}
	if err := b.ingest(ctx, "test", before, b.head(t)); err != nil {
		t.Fatal(err)
	}
	b.foldAll(t)
	own, err := read.Order(ctx, other, code)
	if err != nil || own.Customer.ID == id || own.Customer.ID == uuid.Nil || len(own.Lines) != 2 {
		t.Errorf("the other's own order: %+v, %v", own, err)
	}
}
