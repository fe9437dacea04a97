package postgres_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bundle is a migrated database of the test's own.
type bundle struct {
	dsn         string
	db          *postgres.Database
	admin       *pgxpool.Pool // as superuser, for what the service may not do
	workspaceID uuid.UUID
	by          command.By
}

func setup(t testing.TB) *bundle {
	t.Helper()
	dsn := pgtest.New(t)
	b := &bundle{dsn: dsn, db: connect(t, dsn), admin: connectAdmin(t, dsn)}
	var err error
	if b.workspaceID, err = postgres.NewReadModel(b.db).WorkspaceNamed(t.Context(), ""); err != nil {
		t.Fatal("find default workspace:", err)
	}
	b.by = command.By{WorkspaceID: b.workspaceID, Actor: event.ActorCommandLine}
	return b
}

func connect(t testing.TB, dsn string) *postgres.Database {
	t.Helper()
	db, err := postgres.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal("connect:", err)
	}
	t.Cleanup(db.Close)
	return db
}

func connectAdmin(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 20 // enough for tests that hold some
	config.ConnConfig.RuntimeParams["application_name"] = "test"
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		pgxuuid.Register(conn.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal("connect as superuser:", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// newLog starts a writer that ends with the test.
func (b *bundle) newLog(t testing.TB) *postgres.Log {
	t.Helper()
	log := postgres.NewLog(b.db)
	t.Cleanup(log.Close)
	return log
}

// exec runs SQL as superuser.
func (b *bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := b.admin.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// scan reads one value as superuser.
func scan[T any](t testing.TB, b *bundle, sql string, args ...any) T {
	t.Helper()
	var value T
	if err := b.admin.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// list reads one column as superuser.
func list[T any](t testing.TB, b *bundle, sql string, args ...any) []T {
	t.Helper()
	rows, err := b.admin.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return values
}

// addWorkspace makes another workspace, beside the commands: there is none for it yet.
func (b *bundle) addWorkspace(t testing.TB, name string, rule customer.MatchRule) uuid.UUID {
	t.Helper()
	id := event.NewID()
	b.exec(t, "INSERT INTO workspaces (id, name, match_rule) VALUES ($1, $2, $3)", id, name, string(rule))
	return id
}

// events reads the log whole.
func (b *bundle) events(t testing.TB) []event.Recorded {
	t.Helper()
	events, err := b.db.Recorded(t.Context())
	if err != nil {
		t.Fatal("read log:", err)
	}
	return events
}

func (b *bundle) head(t testing.TB) int64 {
	t.Helper()
	return scan[int64](t, b, "SELECT coalesce(max(position), 0) FROM events")
}

// typesOf counts the events of a log by type.
func typesOf(events []event.Recorded) map[string]int {
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Payload.EventName()]++
	}
	return counts
}

// payloadsOf are the payloads of one type, in order.
func payloadsOf[P event.Payload](events []event.Recorded) []P {
	var found []P
	for _, e := range events {
		if payload, ok := e.Payload.(P); ok {
			found = append(found, payload)
		}
	}
	return found
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("never came true:", what)
		}
		<-tick.C
	}
}

// wantProblem asserts the kind of the problem that a caller would see.
func wantProblem(t testing.TB, err error, kind problem.Kind, code string) {
	t.Helper()
	p, ok := problem.Of(err)
	if !ok || p.Kind() != kind || p.Code() != code {
		t.Errorf("got %v, want the problem %q of kind %q", err, code, kind)
	}
}

// now is the time at which the tests' orders are taken in.
func now() time.Time { return time.Date(2025, 9, 15, 3, 4, 5, 0, time.UTC) }

// stubInterpreter stands in for adapters/pancake: a body is an order's state in our own words.
type stubInterpreter struct{}

func (stubInterpreter) Interpret(body []byte) (order.State, error) {
	var state order.State
	if err := json.Unmarshal(body, &state); err != nil {
		return order.State{}, problem.Malformed("body-unreadable", "the body cannot be read")
	}
	return state, nil
}

func (i stubInterpreter) ReadEnvelope(body []byte) (command.Envelope, error) {
	state, err := i.Interpret(body)
	return command.Envelope{ShopID: state.ShopID, OrderID: state.ExternalID}, err
}

func ingestHandler() command.IngestOrderHandler {
	return command.NewIngestOrderHandler(stubInterpreter{}, stubInterpreter{}, now)
}

const shopID = "1635294032"

// anOrder is an order of Phạm Thị Lan, who is made up.
func anOrder(id string, change ...func(*order.State)) order.State {
	state := order.State{
		ShopID: shopID, ExternalID: id, Status: order.NewStatus(0), Currency: "VND",
		Buyer: order.Buyer{Name: "Phạm Thị Lan", Phones: []string{"+84912000451"}},
		Lines: []order.Line{
			{ExternalID: "1", ProductCode: "AT01-DO-M", ProductName: "Áo thun cổ tròn", Quantity: quantity("2"), UnitPrice: 250_000, Amount: 500_000},
			{ProductCode: "GAO-ST25", ProductName: "Gạo ST25", Variant: "rời", Quantity: quantity("0.5"), UnitPrice: 40_000, Discount: 5_000, Amount: 15_000},
		},
		Totals:    order.Totals{Lines: 515_000, Goods: 515_000, ShippingFee: 30_000, Due: 545_000},
		OrderedAt: time.Date(2025, 9, 15, 3, 4, 4, 123_456_000, time.UTC),
		UpdatedAt: time.Date(2025, 9, 15, 3, 4, 4, 0, time.UTC),
	}
	for _, c := range change {
		c(&state)
	}
	return state
}

func quantity(text string) order.Quantity {
	q, err := order.ParseQuantity(text)
	if err != nil {
		panic(err)
	}
	return q
}

func phones(phones ...string) func(*order.State) {
	return func(s *order.State) { s.Buyer.Phones = phones }
}

func emails(emails ...string) func(*order.State) {
	return func(s *order.State) { s.Buyer.Emails = emails }
}

func buyer(id string) func(*order.State) {
	return func(s *order.State) { s.Buyer.ExternalID = id }
}

func status(code int) func(*order.State) {
	return func(s *order.State) { s.Status = order.NewStatus(code) }
}

func updatedAfter(d time.Duration) func(*order.State) {
	return func(s *order.State) { s.UpdatedAt = s.UpdatedAt.Add(d) }
}

func bodyOf(state order.State) []byte {
	body, err := json.Marshal(state)
	if err != nil {
		panic(err)
	}
	return body
}

// receivedBody is a delivery as the door appends it.
func receivedBody(workspaceID uuid.UUID, id string, body []byte) event.New {
	deliveryID := event.NewID()
	return event.New{
		ID: event.NewID(), WorkspaceID: workspaceID, Stream: event.DeliveryStream(deliveryID), Version: 1,
		Actor: event.ActorWebhook, CorrelationID: deliveryID, Body: body,
		Payload: delivery.OrderReceived{
			ShopID: shopID, OrderID: id, OrderCode: order.DefaultCodeTemplate.Code(shopID, id), EventType: "create", ReceivedAt: now(),
			Request: delivery.Request{Bytes: len(body)},
		},
	}
}

// rejectedBody is a delivery as the door appends it when it refuses it.
func rejectedBody(workspaceID uuid.UUID, reason string, body []byte) event.New {
	rejected := receivedBody(workspaceID, "", body)
	rejected.Payload = delivery.DeliveryRejected{
		Reason: reason, Detail: "…", ShopIDs: []string{"2"}, ReceivedAt: now(), Request: delivery.Request{Bytes: len(body)},
	}
	return rejected
}

func received(workspaceID uuid.UUID, state order.State) event.New {
	return receivedBody(workspaceID, state.ExternalID, bodyOf(state))
}

// deliver appends deliveries of orders.
func (b *bundle) deliver(t testing.TB, log *postgres.Log, states ...order.State) {
	t.Helper()
	for _, state := range states {
		if err := log.Append(t.Context(), received(b.workspaceID, state)); err != nil {
			t.Fatal("deliver:", err)
		}
	}
}

// ingest takes in the deliveries of a slice in a transaction of its own, as the policy does.
func (b *bundle) ingest(ctx context.Context, consumer string, after, upto int64) error {
	return pgx.BeginFunc(ctx, b.db.Consumers(), func(tx pgx.Tx) error {
		events, err := postgres.ReceivedOrders(ctx, tx, after, upto)
		if err != nil {
			return err
		}
		return ingestHandler().Handle(ctx, postgres.NewIngestion(tx, consumer, upto), command.IngestOrder{Received: events})
	})
}

// ingestNew delivers orders and takes them in, all in one slice, and returns what came of it.
func (b *bundle) ingestNew(t testing.TB, log *postgres.Log, states ...order.State) []event.Recorded {
	t.Helper()
	before := b.head(t)
	b.deliver(t, log, states...)
	if err := b.ingest(t.Context(), "test", before, b.head(t)); err != nil {
		t.Fatal("ingest:", err)
	}
	return b.events(t)[before:]
}

// foldAll folds what is new in the log into every projection.
func (b *bundle) foldAll(t testing.TB) {
	t.Helper()
	for _, p := range postgres.Projections() {
		if err := b.db.FoldRest(t.Context(), p); err != nil {
			t.Fatal("fold:", err)
		}
	}
}

// addCustomer adds a customer as an operator does.
func (b *bundle) addCustomer(ctx context.Context, by command.By, details customer.Details) (customer.State, error) {
	stored, err := command.NewAddCustomerHandler(postgres.NewCustomers(b.db), now).Handle(ctx, command.AddCustomer{By: by, Details: details})
	return stored.State, err
}

func (b *bundle) mustAddCustomer(t testing.TB, details customer.Details) customer.State {
	t.Helper()
	state, err := b.addCustomer(t.Context(), b.by, details)
	if err != nil {
		t.Fatal("add customer:", err)
	}
	return state
}

// editCustomer changes a customer as an operator does.
func (b *bundle) editCustomer(ctx context.Context, id uuid.UUID, edit customer.Edit) (command.Stored[customer.State], error) {
	handler := command.NewEditCustomerHandler(postgres.NewCustomers(b.db), now)
	return handler.Handle(ctx, command.EditCustomer{By: b.by, ID: id, Edit: edit})
}

func (b *bundle) mustEditCustomer(t testing.TB, id uuid.UUID, edit customer.Edit) command.Stored[customer.State] {
	t.Helper()
	stored, err := b.editCustomer(t.Context(), id, edit)
	if err != nil {
		t.Fatal("edit customer:", err)
	}
	return stored
}

func (b *bundle) setStatus(t testing.TB, id uuid.UUID, to customer.Status) {
	t.Helper()
	handler := command.NewChangeCustomerStatusHandler(postgres.NewCustomers(b.db))
	if _, err := handler.Handle(t.Context(), command.ChangeCustomerStatus{By: b.by, ID: id, Status: to}); err != nil {
		t.Fatal("change status:", err)
	}
}

func (b *bundle) setRule(t testing.TB, rule customer.MatchRule) {
	t.Helper()
	handler := command.NewChangeSettingsHandler(postgres.NewWorkspaces(b.db))
	edit := workspace.SettingsEdit{MatchRule: new(string(rule))}
	if _, err := handler.Handle(t.Context(), command.ChangeSettings{By: b.by, Edit: edit}); err != nil {
		t.Fatal("set match rule:", err)
	}
}

// quiet is a logger for what is not looked at.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// all reads a list page by page.
func all[T any](t testing.TB, limit int, read func(query.Page) (query.List[T], error)) []T {
	t.Helper()
	var items []T
	cursor := ""
	for range 1000 {
		page, err := query.ParsePage(&limit, cursor)
		if err != nil {
			t.Fatal("parse page:", err)
		}
		list, err := read(page)
		if err != nil {
			t.Fatal("read page:", err)
		}
		if len(list.Items) > limit {
			t.Fatalf("a page of %d has %d entries", limit, len(list.Items))
		}
		items = append(items, list.Items...)
		if list.NextCursor == nil {
			return items
		}
		cursor = *list.NextCursor
	}
	t.Fatal("the list has no end")
	return nil
}

func creator(phone, email string) func(*order.State) {
	return func(s *order.State) { s.Creator = order.Person{Name: "Mai Phương", Phone: phone, Email: email} }
}

func details(name string, phones ...string) customer.Details {
	return customer.Details{Name: name, Phones: phones}
}
