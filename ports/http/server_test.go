package http_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"orderbridge/app"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
	porthttp "orderbridge/ports/http"
	"orderbridge/ports/http/contracttest"
)

const (
	host        = "version6.example.com"
	shopID      = "1635294032"
	headerKey   = "X-Pancake-Key"
	headerValue = "s3cret-header-value"
	token       = "obt_s3cret-token"
	orderCode   = "Pancake_1635294032_2051"
	buyerName   = "Nguyễn Thị Riêng Tư"

	orderBody = `{"type":"orders","event_type":"create","shop_id":1635294032,"id":2051,` +
		`"bill_full_name":"` + buyerName + `","bill_phone_number":"0912 000 451","bill_email":"Lan.Pham@Example.com"}`
)

var (
	workspaceID = uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a00")
	customerID  = uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a02")
	deliveryID  = uuid.MustParse("01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11")
	userID      = uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a03")
	sourceID    = uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a01")
	at          = time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC)
	secretKey   = workspace.NewSecretKey()
)

// mustNotBeLogged is what the tests send and get of secrets and personal data. Their logs hold none of it.
var mustNotBeLogged = []string{
	headerValue, "wrong-value", token, "obt_", "912000451", "912 000 451", "lan.pham", "riêng tư", strings.ToLower(orderCode), "version6",
}

type testBundle struct {
	server *httptest.Server
	shops  *fakeShops
	log    *fakeLog
	reader *fakeReader
	read   *fakeRead
	// attempts are calls that were not taken and that the log holds nothing of.
	attempts *fakeAttempts
	// customers and answers are what commands change.
	customers *fakeCustomers
	answers   *fakeAnswers
	logs      *logBuffer
	ready     func(ctx context.Context) error
	readable  func() error
	registry  *prometheus.Registry
	// appended wakes those who wait for events, closing tells them that the service stops.
	appended *fakeAppended
	closing  chan struct{}
}

// setup starts a server of fakes, on a network address of its own.
func setup(t *testing.T, configure ...func(*httptest.Server)) *testBundle {
	t.Helper()
	return setupWithin(t, porthttp.Config{}, configure...)
}

// setupWithin is setup with other limits for deliveries.
func setupWithin(t *testing.T, limits porthttp.Config, configure ...func(*httptest.Server)) *testBundle {
	t.Helper()
	bundle := &testBundle{
		shops: &fakeShops{connections: map[string]command.Connections{host: {
			WorkspaceID: workspaceID, CodeTemplate: order.DefaultCodeTemplate,
			Shops: []command.Connection{{ShopID: shopID, HeaderKey: headerKey, HeaderHash: secretKey.Hash(headerValue)}},
		}}},
		log:      &fakeLog{},
		reader:   &fakeReader{},
		read:     &fakeRead{},
		attempts: &fakeAttempts{},
		answers:  &fakeAnswers{},
		logs:     &logBuffer{},
		registry: prometheus.NewPedanticRegistry(),
		appended: &fakeAppended{},
		closing:  make(chan struct{}),
	}
	bundle.customers = &fakeCustomers{answers: bundle.answers}
	clock := func() time.Time { return at }
	application := app.Application{
		Commands: app.Commands{
			AuthenticateDelivery: command.NewAuthenticateDeliveryHandler(bundle.shops, bundle.attempts, secretKey, clock),
			ReceiveOrder:         command.NewReceiveOrderHandler(bundle.log, bundle.reader, bundle.attempts, clock),
			AddCustomer:          command.NewAddCustomerHandler(bundle.customers, clock),
			EditCustomer:         command.NewEditCustomerHandler(bundle.customers, clock),
			ChangeCustomerStatus: command.NewChangeCustomerStatusHandler(bundle.customers),
		},
		Answers: bundle.answers,
		Queries: app.Queries{
			ReadModel: bundle.read, ExplainDelivery: query.NewExplainDeliveryHandler(bundle.read, clock),
			Timeline:   query.NewTimelineHandler(bundle.read, fakeHistory{bundle.read}, clock),
			Duplicates: query.NewDuplicatesHandler(bundle.read, workspace.NewSecretKey()),
		},
	}
	logger := slog.New(slog.NewJSONHandler(bundle.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	handler := porthttp.NewServer(logger, application, porthttp.Config{
		Readiness: func(ctx context.Context) error {
			if bundle.ready == nil {
				return nil
			}
			return bundle.ready(ctx)
		},
		Readable: func() error {
			if bundle.readable == nil {
				return nil
			}
			return bundle.readable()
		},
		Registerer: bundle.registry,
		Gatherer:   bundle.registry,
		Appended:   bundle.appended.watch,
		Closing:    bundle.closing,
		Heartbeat:  cmp.Or(limits.Heartbeat, 20*time.Millisecond), SendTimeout: 200 * time.Millisecond,
		MaxBodyBytes: limits.MaxBodyBytes, MaxDeliveries: limits.MaxDeliveries, MaxDeliveryBytes: limits.MaxDeliveryBytes,
	})
	bundle.server = httptest.NewUnstartedServer(handler)
	bundle.server.Config = porthttp.NewHTTPServer("", handler, logger)
	for _, change := range configure {
		change(bundle.server)
	}
	bundle.server.Start()
	t.Cleanup(func() {
		bundle.server.Close()
		logged := strings.ToLower(bundle.logs.String())
		for _, secret := range mustNotBeLogged {
			if strings.Contains(logged, secret) {
				t.Errorf("the log holds %q:\n%s", secret, logged)
			}
		}
	})
	return bundle
}

// request is one to the workspace's host.
func (b *testBundle) request(method, path string, body io.Reader) *http.Request {
	request, err := http.NewRequest(method, b.server.URL+path, body)
	if err != nil {
		panic(err)
	}
	request.Host = host
	return request
}

func (b *testBundle) get(path string) *http.Request {
	request := b.request(http.MethodGet, path, nil)
	request.Header.Set("Authorization", "Bearer "+token)
	return request
}

func (b *testBundle) delivery(body string) *http.Request {
	request := b.request(http.MethodPost, "/api/pancake/webhook", strings.NewReader(body))
	request.Header.Set(headerKey, headerValue)
	request.Header.Set("Content-Type", "application/json")
	return request
}

// do sends a request and holds it and its answer against the contract.
func (b *testBundle) do(t *testing.T, request *http.Request) *answer {
	t.Helper()
	response, err := contracttest.Client(t, b.server.Client().Transport).Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read answer to %s %s: %v", request.Method, request.URL, err)
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body}
}

// waitForLog waits for a line of the log: it is written after the answer.
func (b *testBundle) waitForLog(t *testing.T, parts ...string) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	lines:
		for line := range strings.Lines(b.logs.String()) {
			for _, part := range parts {
				if !strings.Contains(line, part) {
					continue lines
				}
			}
			return line
		}
	}
	t.Fatalf("no line of the log has %q:\n%s", parts, b.logs)
	return ""
}

type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// fakeAppended wakes those who wait for events.
type fakeAppended struct {
	mu      sync.Mutex
	waiting map[chan struct{}][]string
}

func (f *fakeAppended) watch(types ...string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = map[chan struct{}][]string{}
	}
	f.waiting[wake] = types
	return wake, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.waiting, wake)
	}
}

// wakeAll wakes everybody who waits, and returns how many these are.
func (f *fakeAppended) wakeAll() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for wake := range f.waiting {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return len(f.waiting)
}

type fakeShops struct {
	connections map[string]command.Connections
	err         error
	// before runs before a host is looked up.
	before func(host string)

	mu    sync.Mutex
	asked []string
}

func (f *fakeShops) Connections(_ context.Context, host string, _ bool) (command.Connections, error) {
	if f.before != nil {
		f.before(host)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, host)
	return f.connections[host], f.err
}

type fakeAttempts struct {
	mu    sync.Mutex
	noted []delivery.Attempt
}

func (f *fakeAttempts) Note(of uuid.UUID, attempt delivery.Attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if of != workspaceID {
		attempt.Reason = "of another workspace"
	}
	f.noted = append(f.noted, attempt)
}

func (f *fakeAttempts) all() []delivery.Attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.noted)
}

type fakeLog struct {
	// before runs before each append; its error is the append's.
	before func(ctx context.Context) error

	mu     sync.Mutex
	events []event.New
}

func (f *fakeLog) Append(ctx context.Context, events ...event.New) error {
	if f.before != nil {
		if err := f.before(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, events...)
	return nil
}

func (f *fakeLog) all() []event.New {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.events
}

// fakeReader reads what the tests need of a body. The real one is in adapters/pancake.
type fakeReader struct{ panics bool }

func (f *fakeReader) ReadEnvelope(body []byte) (command.Envelope, error) {
	if f.panics {
		panic("the reader broke")
	}
	var read struct {
		Type   string      `json:"type"`
		ShopID json.Number `json:"shop_id"`
		ID     json.Number `json:"id"`
	}
	if err := json.Unmarshal(body, &read); err != nil {
		return command.Envelope{}, problem.Malformed("body-not-json", "the body is not JSON").Because(err)
	}
	envelope := command.Envelope{Kind: read.Type, ShopID: read.ShopID.String(), OrderID: read.ID.String()}
	if envelope.OrderID == "" && (envelope.Kind == "" || envelope.Kind == "orders") {
		return envelope, problem.Invalid("order-id-missing", "the order has no id")
	}
	return envelope, nil
}

// fakeRead has one record of each kind, in one workspace.
type fakeRead struct {
	query.ReadModel // what the API does not ask

	err error
	// workspaceID is that of the token, unless it is the zero UUID; role is owner unless it is another.
	workspaceID uuid.UUID
	role        workspace.Role
	// customer is the one of the tests' own, unless it is nil.
	customer *query.Customer

	mu    sync.Mutex
	asked any
	page  query.Page
	// waitedFor is the position that was waited for last.
	waitedFor int64
	// events are those of the log; reading it fails behind eventsEndAt, unless that is 0.
	events      []query.Event
	eventsEndAt int64
	// revoked tells that the token is known no more.
	revoked bool
}

func answerOf[T any](f *fakeRead, asked any, page query.Page, record T) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.page = asked, page
	var none T
	if f.err != nil {
		return none, f.err
	}
	return record, nil
}

func listOf[T any](f *fakeRead, workspace uuid.UUID, asked any, page query.Page, record T) (query.List[T], error) {
	list := query.List[T]{Items: []T{}}
	if workspace == workspaceID {
		next := query.Cursor(7)
		list = query.List[T]{Items: []T{record}, NextCursor: &next}
	}
	return answerOf(f, asked, page, list)
}

func recordOf[T any](f *fakeRead, workspace uuid.UUID, asked any, found bool, record T) (T, error) {
	if workspace != workspaceID || !found {
		var none T
		return none, problem.NotFound("record-unknown", "there is no such record")
	}
	return answerOf(f, asked, query.Page{}, record)
}

func (f *fakeRead) CallerOf(_ context.Context, sent string) (query.Caller, error) {
	if f.err != nil {
		return query.Caller{}, f.err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if sent != token || f.revoked {
		return query.Caller{}, problem.Unauthorized("token-unknown", "no such token")
	}
	caller := query.Caller{WorkspaceID: workspaceID, TokenName: "test", Role: cmp.Or(f.role, workspace.RoleOwner)}
	if f.workspaceID != uuid.Nil {
		caller.WorkspaceID = f.workspaceID
	}
	return caller, nil
}

func (f *fakeRead) WaitFor(_ context.Context, position int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitedFor = position
	return f.err
}

func (f *fakeRead) Order(_ context.Context, workspace uuid.UUID, code string) (query.OrderDetail, error) {
	return recordOf(f, workspace, code, code == orderCode || strings.HasSuffix(code, "/odd id"), anOrderDetail())
}

func (f *fakeRead) Orders(_ context.Context, workspace uuid.UUID, filter query.OrderFilter, page query.Page) (query.List[query.Order], error) {
	return listOf(f, workspace, filter, page, anOrder())
}

func (f *fakeRead) Customer(_ context.Context, workspace, id uuid.UUID) (query.Customer, error) {
	return recordOf(f, workspace, id, id == customerID, f.aCustomer())
}

func (f *fakeRead) SharedKeys(_ context.Context, workspace uuid.UUID, _ contact.Key, _ int) ([]query.Duplicate, *contact.Key, error) {
	customer := query.Reference{ID: customerID, Name: f.aCustomer().Name}
	shared, err := answerOf(f, workspace, query.Page{}, []query.Duplicate{{
		Key: contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}, Count: 2, Customers: []query.Reference{customer, customer},
	}})
	return shared, nil, err
}

func (f *fakeRead) Customers(_ context.Context, workspace uuid.UUID, filter query.CustomerFilter, page query.Page) (query.List[query.Customer], error) {
	return listOf(f, workspace, filter, page, f.aCustomer())
}

func (f *fakeRead) Sources(_ context.Context, workspace uuid.UUID, page query.Page) (query.List[query.Source], error) {
	return listOf(f, workspace, nil, page, query.Source{ID: sourceID, Name: "Pancake", CreatedAt: at})
}

func (f *fakeRead) User(_ context.Context, workspace, id uuid.UUID) (query.UserDetail, error) {
	return recordOf(f, workspace, id, id == userID, query.UserDetail{User: aUser(), Staff: []query.Staff{{Key: "u-1"}}, Version: 7})
}

func (f *fakeRead) Users(_ context.Context, workspace uuid.UUID, filter query.UserFilter, page query.Page) (query.List[query.User], error) {
	return listOf(f, workspace, filter, page, aUser())
}

func (f *fakeRead) UnmappedStaff(_ context.Context, _ uuid.UUID, limit int) (query.UnmappedStaffList, error) {
	return answerOf(f, limit, query.Page{}, query.UnmappedStaffList{Total: 1, Items: []query.UnmappedStaff{{
		Key: "u-1", Name: new("Mai"), Orders: 1, OldestAt: at, NewestAt: at, SampleOrders: []string{orderCode},
	}}})
}

func aUser() query.User {
	return query.User{ID: userID, Name: "Phương Mai", Phone: new("+84904000321"), Active: true}
}

func (f *fakeRead) Delivery(_ context.Context, workspace, id uuid.UUID) (query.Delivery, error) {
	return recordOf(f, workspace, id, id == deliveryID, aDelivery())
}

func (f *fakeRead) Deliveries(_ context.Context, workspace uuid.UUID, filter query.DeliveryFilter, page query.Page) (query.List[query.Delivery], error) {
	return listOf(f, workspace, filter, page, aDelivery())
}

func (f *fakeRead) DeliveryCounts(_ context.Context, _ uuid.UUID, filter query.DeliveryFilter) (query.DeliveryCounts, error) {
	return answerOf(f, filter, query.Page{}, query.DeliveryCounts{Items: []query.OutcomeCount{{Outcome: query.OutcomeCreated, Count: 10_000, Capped: true}}})
}

func (f *fakeRead) DeliveryBody(_ context.Context, workspace, id uuid.UUID) ([]byte, error) {
	return recordOf(f, workspace, id, id == deliveryID, []byte("{\"id\":\xff"))
}

// Events gives the events that there are behind a position, one at a time.
func (f *fakeRead) Events(_ context.Context, workspace uuid.UUID, filter query.EventFilter) (query.EventPage, error) {
	f.mu.Lock()
	events, endAt := f.events, f.eventsEndAt
	f.mu.Unlock()
	if endAt > 0 && filter.After >= endAt {
		return query.EventPage{}, errBroken
	}
	page := query.EventPage{Items: []query.Event{}, NextAfter: filter.After, Head: int64(len(events))}
	if filter.After < page.Head && workspace == workspaceID {
		page.Items, page.NextAfter = events[filter.After:filter.After+1], filter.After+1
	}
	return answerOf(f, filter, query.Page{}, page)
}

func (*fakeRead) EventTypes() []string { return []string{"OrderCreated", "OrderUpdated", "ShopPaused"} }

func (f *fakeRead) Correlated(context.Context, uuid.UUID, uuid.UUID) ([]event.Recorded, error) {
	payload := order.SourceEnsured{SourceID: sourceID, Name: "Pancake", Created: true}
	stored, err := json.Marshal(payload)
	return []event.Recorded{{New: event.New{Payload: payload}, Position: 12, RecordedAt: at, Stored: stored}}, err
}

func (f *fakeRead) Settings(context.Context, uuid.UUID) (query.Settings, error) {
	return query.Settings{OrderCodeTemplate: order.DefaultCodeTemplate.String()}, f.err
}

// fakeHistory is a log in which one thing happened to everything.
type fakeHistory struct{ read *fakeRead }

func (f fakeHistory) events() ([]event.Recorded, error) {
	return f.read.Correlated(context.Background(), workspaceID, deliveryID)
}

func (f fakeHistory) Whole(context.Context, uuid.UUID, event.Stream) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) Stream(context.Context, uuid.UUID, event.Stream, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) OfOrder(context.Context, uuid.UUID, event.Stream, []string, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) OfCustomer(context.Context, uuid.UUID, uuid.UUID, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) OfProjection(context.Context, string, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) OfUser(context.Context, uuid.UUID, uuid.UUID, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) OfActor(context.Context, uuid.UUID, event.Actor, int64, int) ([]event.Recorded, error) {
	return f.events()
}

func (f fakeHistory) Unsettled(context.Context, uuid.UUID, []string) ([]event.Recorded, error) {
	payload := delivery.OrderReceived{ShopID: shopID, OrderID: "2051"}
	stored, err := json.Marshal(payload)
	asked := event.New{ID: userID, Stream: event.DeliveryStream(sourceID), CorrelationID: sourceID, Payload: payload}
	return []event.Recorded{{New: asked, Position: 11, RecordedAt: at, Stored: stored}}, err
}

func (f fakeHistory) OrderOrigin(_ context.Context, _ uuid.UUID, code string) (query.OrderOrigin, error) {
	if code != orderCode {
		return query.OrderOrigin{}, problem.NotFound("order-unknown", "no order has this code")
	}
	return query.OrderOrigin{
		ShopID: shopID, ExternalID: "2051", Status: "new", Customer: query.Reference{ID: customerID, Name: buyerName}, ReceivedAt: at, CreatedAt: at,
	}, f.read.err
}

func (f fakeHistory) LastOutcome(context.Context, uuid.UUID, string) (query.Outcome, error) {
	return "", problem.NotFound("order-unknown", "no order has this code")
}

func (f fakeHistory) Head(context.Context) (int64, error) { return 12, f.read.err }

func (f *fakeRead) lastAsked() (any, query.Page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.page
}

func anOrder() query.Order {
	quantity, err := order.ParseQuantity("2.5")
	if err != nil {
		panic(err)
	}
	return query.Order{
		Code: orderCode, ShopID: shopID, ExternalID: "2051",
		Source:         query.Reference{ID: sourceID, Name: "Pancake"},
		Customer:       query.OrderCustomer{ID: customerID, Name: buyerName, Phone: new("+84912000451")},
		AssigneeReason: order.AssignedToNobody, Status: order.NewStatus(0), Currency: "VND",
		Lines: []query.OrderLine{{
			ProductCode: "AT01-DO-M", ProductName: "Áo <thun>", Quantity: quantity, UnitPrice: 250000, Amount: 625000,
		}},
		Totals:    order.Totals{Lines: 625000, Goods: 625000, ShippingFee: 30000, Due: 655000},
		OrderedAt: at,
	}
}

func anOrderDetail() query.OrderDetail {
	return query.OrderDetail{
		Order: anOrder(), UpdatedAt: at, Channel: new("Facebook"), Tags: []string{"gấp"}, Note: new("gọi trước"),
		Buyer:    query.BuyerOf(order.Buyer{Name: buyerName, Phones: []string{"+84912000451"}}),
		Shipping: query.ShippingOf(order.Shipping{Partner: "GHTK"}), Payments: query.OrderPayments{COD: 655000},
		Creator: query.ShopStaffOf("1635294032", order.Person{ExternalID: "d6d1a3f9", Name: "Mai Phương"}),
		StatusHistory: []query.StatusChange{
			query.StatusChangeOf(order.StatusChange{Status: order.NewStatus(17)}),
			query.StatusChangeOf(order.StatusChange{Status: order.NewStatus(0), Previous: order.NewStatus(17), At: at, Editor: "Mai Phương"}),
		},
		History: []query.OrderEvent{
			{Position: 12, At: at, Event: "OrderCreated", Actor: event.ActorPolicy, DeliveryID: &deliveryID, Status: order.NewStatus(17), CustomerID: customerID, Changes: []order.Change{}},
			{
				Position: 15, At: at, Event: "OrderReassigned", Actor: "api:test", Reason: new("newer"), Status: order.NewStatus(0), CustomerID: customerID,
				Changes: []order.Change{
					{Field: "totals.due", Before: json.RawMessage(`null`), After: json.RawMessage(`655000`)},
					{Field: "lines", Before: json.RawMessage(`[]`), After: json.RawMessage(`[{"product_code":"AT01-DO-M"}]`)},
					{Field: "note", Before: json.RawMessage(`"gọi"`), After: json.RawMessage(`"gọi trước"`)},
					{Field: "buyer.masked", Before: json.RawMessage(`true`), After: json.RawMessage(`false`)},
					{Field: "status", Before: json.RawMessage(`{"code":17,"name":"waiting_for_confirmation"}`), After: json.RawMessage(`{"code":0,"name":"new"}`)},
				},
			},
		},
	}
}

func (f *fakeRead) aCustomer() query.Customer {
	if f.customer != nil {
		return *f.customer
	}
	return query.Customer{
		ID: customerID, Name: buyerName, Phones: []string{"+84912000451"}, Emails: []string{}, Tags: []string{},
		Status: "active", CreatedAt: at, Version: 3,
	}
}

func aDelivery() query.Delivery {
	return query.Delivery{
		ID: deliveryID, ReceivedAt: at, ShopID: new(shopID), OrderCode: new(orderCode), Outcome: query.OutcomeCreated,
	}
}

var errBroken = errors.New("a cog is loose")
