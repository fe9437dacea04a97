package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app"
	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/app/rehearsal"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
	"orderbridge/ports/cli"
)

// root is a grammar as cmd/orderbridge has one.
type root struct {
	cli.Globals
	cli.Commands

	Serve serveCommand `cmd:"" help:"Run the service."`
}

type serveCommand struct {
	Addr string `default:"127.0.0.1:8080" env:"ORDERBRIDGE_ADDR" help:"Where to listen." name:"addr" placeholder:"127.0.0.1:8080"`
}

// Help implements kong.HelpProvider.
func (*serveCommand) Help() string { return "Example:\n\n    orderbridge serve" }

func (c *serveCommand) Run(_ context.Context, rt *cli.Runtime, r *root) error {
	_, err := rt.Stdout.Write([]byte(c.Addr + " " + r.DatabaseURL + " " + r.DataDir + " " + r.LogFormat + " " + r.InWorkspace + "\n"))
	return err
}

var (
	workspaceID = uuid.MustParse("01994b0e-0000-7000-8000-000000000001")
	now         = time.Date(2025, 9, 15, 3, 4, 38, 123456789, time.UTC)
)

// testBundle is the world that commands run in: an application on fakes.
type testBundle struct {
	t          *testing.T
	read       *fakeReadModel
	workspaces *fakeWorkspaces
	customers  *fakeCustomers
	users      *fakeUsers
	past       *fakePastOrders
	retries    *fakeRetries
	// projections are the read tables.
	projections *fakeProjections
	env         map[string]string
	stdin       string
	openError   error
	closeError  error

	opened, closed int
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	w, err := workspace.Create("default", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return &testBundle{
		t: t, read: &fakeReadModel{}, workspaces: &fakeWorkspaces{workspace: w}, customers: &fakeCustomers{}, users: &fakeUsers{},
		past: &fakePastOrders{}, projections: &fakeProjections{}, retries: &fakeRetries{},
		env: map[string]string{},
	}
}

func (b *testBundle) open(context.Context) (cli.Session, error) {
	b.opened++
	if b.openError != nil {
		return cli.Session{}, b.openError
	}
	clock := func() time.Time { return now }
	return cli.Session{
		WorkspaceID: workspaceID,
		Zone:        query.ZoneNamed("Asia/Ho_Chi_Minh"),
		Application: app.Application{
			Commands: app.Commands{
				ConnectShop:          command.NewConnectShopHandler(b.workspaces, b.users, workspace.NewSecretKey()),
				DisconnectShop:       command.NewDisconnectShopHandler(b.workspaces),
				UpdateShop:           command.NewUpdateShopHandler(b.workspaces, b.users),
				RotateShopKey:        command.NewRotateShopKeyHandler(b.workspaces, workspace.NewSecretKey(), clock),
				PauseShop:            command.NewPauseShopHandler(b.workspaces),
				ChangeSettings:       command.NewChangeSettingsHandler(b.workspaces),
				CreateWorkspace:      command.NewCreateWorkspaceHandler(b.workspaces),
				UpdateWorkspace:      command.NewUpdateWorkspaceHandler(b.workspaces),
				RevokeToken:          command.NewRevokeTokenHandler(b.workspaces),
				CreateToken:          command.NewCreateTokenHandler(b.workspaces),
				AddCustomer:          command.NewAddCustomerHandler(b.customers, clock),
				EditCustomer:         command.NewEditCustomerHandler(b.customers, clock),
				ChangeCustomerStatus: command.NewChangeCustomerStatusHandler(b.customers),
				AddUser:              command.NewAddUserHandler(b.users),
				EditUser:             command.NewEditUserHandler(b.users),
				SetUserActive:        command.NewSetUserActiveHandler(b.users),
				ImportUsers:          command.NewImportUsersHandler(b.users, fakeUserFile{}),
				MapStaff:             command.NewMapStaffHandler(b.users, b.past),
				UnmapStaff:           command.NewUnmapStaffHandler(b.users),
				RetryDelivery:        command.NewRetryDeliveryHandler(b.retries),
				RetryDeliveries:      command.NewRetryDeliveriesHandler(b.retries, b.read),
				CheckCustomerFile:    command.NewCheckCustomerFileHandler(fakeImports{err: &b.read.err}, fakeCustomerFiles{}, clock),
				MergeCustomers:       command.NewMergeCustomersHandler(b.customers),
				SetAPIKey:            command.NewSetAPIKeyHandler(b.workspaces, workspace.NewSecretKey()),
				Backfill:             command.NewBackfillHandler(nil, fakeBackfills{err: &b.read.err}, nil, nil, clock),
				Relink:               command.NewRelinkHandler(fakeRelinks{err: &b.read.err}),
				SetUpLink:            command.NewSetUpLinkHandler(fakeAccounts{workspaces: b.workspaces}, clock),
				InviteAccount:        command.NewInviteAccountHandler(b.workspaces, clock),
				ChangeAccountRole:    command.NewChangeAccountRoleHandler(b.workspaces),
				RemoveAccount:        command.NewRemoveAccountHandler(b.workspaces),
				EndSessions:          command.NewEndSessionsHandler(b.workspaces),
			},
			Projections: b.projections,
			Queries: app.Queries{
				ReadModel: b.read, ExplainDelivery: query.NewExplainDeliveryHandler(b.read, clock),
				Timeline: query.NewTimelineHandler(b.read, fakeHistory{b.read}, clock),
				AsOf:     query.NewAsOfHandler(b.read, fakeHistory{b.read}, clock),
				Export:   query.NewExportHandler(b.read, fakeSheets{}), Duplicates: query.NewDuplicatesHandler(b.read, workspace.NewSecretKey()),
				Interpret: rehearsal.NewInterpretHandler(nil, command.IngestOrderHandler{}, nil, b.read, fakeHistory{b.read}, clock),
			},
		},
		Close: func() error {
			b.closed++
			return b.closeError
		},
	}, nil
}

// result is what a command left behind.
type result struct {
	t              *testing.T
	code           int
	stdout, stderr string
}

func (b *testBundle) run(args ...string) result {
	b.t.Helper()
	return b.runIn(b.t.Context(), args...)
}

func (b *testBundle) runIn(ctx context.Context, args ...string) result {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Execute(ctx, &root{}, args, &cli.Runtime{
		Stdin: strings.NewReader(b.stdin), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string { return b.env[name] }, Open: b.open, OpenAsIs: b.open,
	})
	if b.openError == nil && b.opened != b.closed {
		b.t.Errorf("opened %d and closed %d sessions", b.opened, b.closed)
	}
	return result{t: b.t, code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// exits checks the exit code.
func (r result) exits(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// prints checks the whole output, line by line, and what was said beside it.
func (r result) prints(stdout, stderr string) {
	r.t.Helper()
	if r.stdout != stdout {
		r.t.Errorf("stdout:\n%s\nwant:\n%s", r.stdout, stdout)
	}
	if r.stderr != stderr {
		r.t.Errorf("stderr:\n%s\nwant:\n%s", r.stderr, stderr)
	}
}

// isJSON checks that the output is a value as the API would give it, and nothing else is printed.
func (r result) isJSON(value any) {
	r.t.Helper()
	want, err := json.Marshal(value)
	if err != nil {
		r.t.Fatal(err)
	}
	var compact, escaped bytes.Buffer
	if err := json.Compact(&compact, []byte(r.stdout)); err != nil {
		r.t.Fatalf("%v in\n%s", err, r.stdout)
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	if escaped.String() != string(want) {
		r.t.Errorf("JSON %s\nwant %s", escaped.String(), want)
	}
	if r.stderr != "" {
		r.t.Errorf("stderr: %s", r.stderr)
	}
}

// fakeReadModel answers with what it holds, and remembers what it was asked.
type fakeReadModel struct {
	err error

	order      query.OrderDetail
	orders     query.List[query.Order]
	customer   query.Customer
	customers  query.List[query.Customer]
	user       query.UserDetail
	users      query.List[query.User]
	unmapped   query.UnmappedStaffList
	delivery   query.Delivery
	deliveries query.List[query.Delivery]
	counts     query.DeliveryCounts
	body       []byte
	events     []query.Event
	shops      []query.Shop
	settings   query.Settings
	tokens     []query.Token
	accounts   []query.Account
	workspaces []query.Workspace
	steps      []event.Recorded
	waiting    []event.Recorded
	origin     query.OrderOrigin

	workspaceID uuid.UUID
	asked       any
	page        query.Page
}

var _ query.ReadModel = (*fakeReadModel)(nil)

func (f *fakeReadModel) ask(workspaceID uuid.UUID, asked any, page query.Page) {
	f.workspaceID, f.asked, f.page = workspaceID, asked, page
}

func (f *fakeReadModel) Order(_ context.Context, workspaceID uuid.UUID, code string) (query.OrderDetail, error) {
	f.ask(workspaceID, code, query.Page{})
	return f.order, f.err
}

func (f *fakeReadModel) Orders(_ context.Context, workspaceID uuid.UUID, filter query.OrderFilter, page query.Page) (query.List[query.Order], error) {
	f.ask(workspaceID, filter, page)
	return f.orders, f.err
}

func (f *fakeReadModel) Customer(_ context.Context, workspaceID, id uuid.UUID) (query.Customer, error) {
	f.ask(workspaceID, id, query.Page{})
	return f.customer, f.err
}

func (f *fakeReadModel) Customers(_ context.Context, workspaceID uuid.UUID, filter query.CustomerFilter, page query.Page) (query.List[query.Customer], error) {
	f.ask(workspaceID, filter, page)
	return f.customers, f.err
}

func (f *fakeReadModel) Sources(context.Context, uuid.UUID, query.Page) (query.List[query.Source], error) {
	return query.List[query.Source]{}, errors.New("no command asks for sources")
}

func (f *fakeReadModel) User(_ context.Context, workspaceID, id uuid.UUID) (query.UserDetail, error) {
	f.ask(workspaceID, id, query.Page{})
	return f.user, f.err
}

func (f *fakeReadModel) Users(_ context.Context, workspaceID uuid.UUID, filter query.UserFilter, page query.Page) (query.List[query.User], error) {
	f.ask(workspaceID, filter, page)
	return f.users, f.err
}

func (f *fakeReadModel) UnmappedStaff(_ context.Context, workspaceID uuid.UUID, limit int) (query.UnmappedStaffList, error) {
	f.ask(workspaceID, limit, query.Page{})
	return f.unmapped, f.err
}

func (f *fakeReadModel) Delivery(_ context.Context, workspaceID, id uuid.UUID) (query.Delivery, error) {
	f.ask(workspaceID, id, query.Page{})
	return f.delivery, f.err
}

func (f *fakeReadModel) Deliveries(_ context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter, page query.Page) (query.List[query.Delivery], error) {
	f.ask(workspaceID, filter, page)
	return f.deliveries, f.err
}

func (f *fakeReadModel) RefusedAttempts(context.Context, uuid.UUID) ([]query.RefusedAttempt, error) {
	return nil, f.err
}

func (f *fakeReadModel) DeliveryCounts(_ context.Context, workspaceID uuid.UUID, filter query.DeliveryFilter) (query.DeliveryCounts, error) {
	f.ask(workspaceID, filter, f.page)
	return f.counts, f.err
}

func (f *fakeReadModel) DeliveryBody(_ context.Context, workspaceID, id uuid.UUID) ([]byte, error) {
	f.ask(workspaceID, id, query.Page{})
	return f.body, f.err
}

// Events gives two events at a time, of those behind a position.
func (f *fakeReadModel) Events(_ context.Context, workspaceID uuid.UUID, filter query.EventFilter) (query.EventPage, error) {
	f.ask(workspaceID, filter, query.Page{})
	head := int64(len(f.events))
	upto := min(filter.After+2, head)
	return query.EventPage{Items: f.events[filter.After:upto], NextAfter: upto, Head: head}, f.err
}

func (*fakeReadModel) EventTypes() []string { return []string{"OrderCreated", "OrderUpdated"} }

func (f *fakeReadModel) Shops(_ context.Context, workspaceID uuid.UUID) ([]query.Shop, error) {
	f.ask(workspaceID, nil, query.Page{})
	return f.shops, f.err
}

func (f *fakeReadModel) Shop(_ context.Context, workspaceID uuid.UUID, id string) (query.Shop, error) {
	f.ask(workspaceID, id, query.Page{})
	if f.err != nil {
		return query.Shop{}, f.err
	}
	for _, shop := range f.shops {
		if shop.ID == id {
			return shop, nil
		}
	}
	return query.Shop{}, workspace.ErrShopUnknown
}

func (f *fakeReadModel) Tokens(_ context.Context, workspaceID uuid.UUID) ([]query.Token, error) {
	f.ask(workspaceID, nil, query.Page{})
	return f.tokens, f.err
}

func (f *fakeReadModel) Accounts(_ context.Context, workspaceID uuid.UUID) ([]query.Account, error) {
	f.ask(workspaceID, nil, query.Page{})
	return f.accounts, f.err
}

func (f *fakeReadModel) Account(context.Context, uuid.UUID, uuid.UUID) (query.Account, error) {
	return query.Account{}, errors.New("no command asks for an account")
}

func (f *fakeReadModel) Invitation(context.Context, uuid.UUID, string) (query.Invitation, error) {
	return query.Invitation{}, errors.New("no command asks for a link")
}

func (f *fakeReadModel) WorkspaceAt(context.Context, string) (uuid.UUID, error) {
	return uuid.Nil, errors.New("no command asks for a host")
}

func (f *fakeReadModel) Workspaces(context.Context) ([]query.Workspace, error) {
	return f.workspaces, f.err
}

func (f *fakeReadModel) Settings(_ context.Context, workspaceID uuid.UUID) (query.Settings, error) {
	f.ask(workspaceID, nil, query.Page{})
	return f.settings, f.err
}

func (f *fakeReadModel) Correlated(context.Context, uuid.UUID, uuid.UUID) ([]event.Recorded, error) {
	return f.steps, f.err
}

func (f *fakeReadModel) CallerOf(context.Context, string) (query.Caller, error) {
	return query.Caller{}, errors.New("no command asks for callers")
}

func (f *fakeReadModel) WaitFor(context.Context, int64) error {
	return errors.New("no command waits")
}

func (f *fakeReadModel) WorkspaceNamed(_ context.Context, name string) (uuid.UUID, error) {
	if f.err != nil {
		return uuid.Nil, f.err
	}
	for _, w := range f.workspaces {
		if w.Name == name {
			return w.ID, nil
		}
	}
	return uuid.Nil, problem.NotFound("workspace-unknown", "no workspace has this name")
}

// fakeHistory is a log that holds the steps of the read model.
type fakeHistory struct{ read *fakeReadModel }

func (f fakeHistory) Whole(context.Context, uuid.UUID, event.Stream) ([]event.Recorded, error) {
	return f.read.steps, f.read.err
}

func (f fakeHistory) Stream(_ context.Context, _ uuid.UUID, _ event.Stream, from int64, atMost int) ([]event.Recorded, error) {
	var part []event.Recorded
	for _, step := range f.read.steps {
		if step.Position >= from && len(part) < atMost {
			part = append(part, step)
		}
	}
	return part, f.read.err
}

func (f fakeHistory) OfOrder(
	ctx context.Context, workspaceID uuid.UUID, stream event.Stream, _ []string, from int64, atMost int,
) ([]event.Recorded, error) {
	return f.Stream(ctx, workspaceID, stream, from, atMost)
}

func (f fakeHistory) OfCustomer(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error) {
	return f.Stream(ctx, workspaceID, event.CustomerStream(id), from, atMost)
}

func (f fakeHistory) OfUser(ctx context.Context, workspaceID, id uuid.UUID, from int64, atMost int) ([]event.Recorded, error) {
	return f.Stream(ctx, workspaceID, event.UserStream(id), from, atMost)
}

func (f fakeHistory) OfProjection(ctx context.Context, name string, from int64, atMost int) ([]event.Recorded, error) {
	return f.Stream(ctx, uuid.UUID{}, event.ProjectionStream(name), from, atMost)
}

func (f fakeHistory) OfActor(context.Context, uuid.UUID, event.Actor, int64, int) ([]event.Recorded, error) {
	return nil, errors.New("no command asks what somebody did")
}

func (f fakeHistory) Unsettled(context.Context, uuid.UUID, []string) ([]event.Recorded, error) {
	return f.read.waiting, f.read.err
}

func (f fakeHistory) OrderOrigin(context.Context, uuid.UUID, string) (query.OrderOrigin, error) {
	return f.read.origin, f.read.err
}

func (f fakeHistory) LastOutcome(context.Context, uuid.UUID, string) (query.Outcome, error) {
	return query.OutcomeFailed, f.read.err
}

func (f fakeHistory) Head(context.Context) (int64, error) { return 100, f.read.err }

// fakeWorkspaces holds one workspace.
type fakeWorkspaces struct {
	workspace *workspace.Workspace
	link      workspace.Invitation // for its first owner
	err       error
	by        command.By
}

func (f *fakeWorkspaces) Create(_ context.Context, by command.By, w *workspace.Workspace) (int64, error) {
	f.by, f.workspace = by, w
	return 1, f.err
}

func (f *fakeWorkspaces) Update(_ context.Context, by command.By, decide func(*workspace.Workspace) error) (int64, error) {
	f.by = by
	if f.err != nil {
		return 0, f.err
	}
	return 1, decide(f.workspace)
}

func (f *fakeWorkspaces) Release(context.Context, uuid.UUID, string) (int, int64, error) {
	return 0, 0, f.err
}

func (f *fakeWorkspaces) ToRelease(context.Context) ([]command.ShopKey, error) { return nil, f.err }

// last is what the workspace decided last.
func (f *fakeWorkspaces) last() event.Payload {
	pending := f.workspace.Pending()
	return pending[len(pending)-1]
}

// fakeCustomers holds one customer.
type fakeCustomers struct {
	customer *customer.Customer
	err      error
	by       command.By
	id       uuid.UUID
}

func (f *fakeCustomers) Add(_ context.Context, by command.By, c *customer.Customer) (int64, error) {
	f.by, f.customer = by, c
	return 1, f.err
}

func (f *fakeCustomers) Update(_ context.Context, by command.By, id uuid.UUID, decide func(*customer.Customer) error) (int64, error) {
	f.by, f.id = by, id
	if f.err != nil {
		return 0, f.err
	}
	if f.customer == nil {
		return 0, problem.NotFound("customer-unknown", "no customer has this id")
	}
	return 1, decide(f.customer)
}

// fakeUsers holds users.
type fakeUsers struct {
	added  []user.State
	user   *user.User // who is updated
	active []user.State
	mapped map[string]uuid.UUID
	exists bool
	err    error
	by     command.By
	id     uuid.UUID
}

func (f *fakeUsers) Add(_ context.Context, by command.By, added *user.User) (int64, error) {
	f.by = by
	f.added = append(f.added, added.State())
	return 1, f.err
}

func (f *fakeUsers) Import(_ context.Context, by command.By, decide func([]user.State) ([]*user.User, error)) (int64, error) {
	f.by = by
	if f.err != nil {
		return 0, f.err
	}
	added, err := decide(f.active)
	for _, u := range added {
		f.added = append(f.added, u.State())
	}
	return 1, err
}

func (f *fakeUsers) Update(ctx context.Context, by command.By, id uuid.UUID, decide func(*user.User) error) (int64, error) {
	return 1, f.Preview(ctx, by, id, decide)
}

func (f *fakeUsers) Preview(_ context.Context, by command.By, id uuid.UUID, decide func(*user.User) error) error {
	f.by, f.id = by, id
	if f.err != nil {
		return f.err
	}
	if f.user == nil {
		return user.ErrUnknown
	}
	return decide(f.user)
}

func (f *fakeUsers) Active(context.Context, uuid.UUID) ([]user.State, error) { return f.active, f.err }

func (f *fakeUsers) Mapped(_ context.Context, _ uuid.UUID, staffKey string) (uuid.UUID, error) {
	if f.err != nil {
		return uuid.Nil, f.err
	}
	id, ok := f.mapped[staffKey]
	if !ok {
		return uuid.Nil, user.ErrStaffUnmapped
	}
	return id, nil
}

func (f *fakeUsers) Exists(context.Context, uuid.UUID, uuid.UUID) (bool, error) {
	return f.exists, f.err
}

// fakeUserFile reads a name a line.
type fakeUserFile struct{}

func (fakeUserFile) ReadUsers(file []byte) ([]command.UserRow, error) {
	var rows []command.UserRow
	for name := range strings.Lines(string(file)) {
		rows = append(rows, command.UserRow{Line: len(rows) + 1, Details: user.Details{Name: strings.TrimSpace(name)}})
	}
	return rows, nil
}

// fakePastOrders holds a number of past orders, which all change.
type fakePastOrders struct{ orders, reassigned int }

func (f *fakePastOrders) CatchUp(context.Context) error { return nil }

func (f *fakePastOrders) Count(context.Context, uuid.UUID, string) (int, error) { return f.orders, nil }

func (f *fakePastOrders) Of(_ context.Context, _ uuid.UUID, _ string, after int64, atMost int) ([]command.PastOrder, error) {
	var past []command.PastOrder
	for position := after + 1; position <= int64(f.orders) && len(past) < atMost; position++ {
		past = append(past, command.PastOrder{Position: position})
	}
	return past, nil
}

func (f *fakePastOrders) Reassign(
	_ context.Context, _ command.By, orders []command.PastOrder, _ func(order.Record) (order.OrderReassigned, bool),
) (int, int64, error) {
	f.reassigned += len(orders)
	return len(orders), 1, nil
}

// byOperator is who gives every command of the command line.
var byOperator = command.By{WorkspaceID: workspaceID, Actor: event.ActorCommandLine}

// fakeProjections are read tables that stand where it says, and remember what they were told.
type fakeProjections struct {
	err      error
	states   []projection.Status
	verified projection.Verified
	told     []any
}

func (f *fakeProjections) List(context.Context) ([]projection.Status, error) { return f.states, f.err }

func (f *fakeProjections) Rebuild(_ context.Context, cmd projection.RebuildRequest, report func(projection.Rebuild)) (projection.Status, error) {
	f.told = append(f.told, cmd)
	report(projection.Rebuild{Phase: "filling", EventsDone: 1, EventsTotal: 2})
	return projection.Status{}, f.err
}

func (f *fakeProjections) StartRebuild(context.Context, projection.RebuildRequest) (projection.Status, error) {
	return projection.Status{}, errors.New("no command starts a rebuild and goes")
}

func (f *fakeProjections) CancelRebuild(_ context.Context, _ command.By, name string) error {
	f.told = append(f.told, "cancel "+name)
	return f.err
}

func (f *fakeProjections) DropPrevious(_ context.Context, _ command.By, name string) error {
	f.told = append(f.told, "drop "+name)
	return f.err
}

func (f *fakeProjections) Skip(_ context.Context, cmd projection.SkipRequest) (int64, error) {
	f.told = append(f.told, cmd)
	return 4712, f.err
}

func (f *fakeProjections) Verify(_ context.Context, cmd projection.VerifyRequest, _ func(projection.Rebuild)) (projection.Verified, error) {
	f.told = append(f.told, cmd)
	return f.verified, f.err
}

func (f *fakeProjections) StartVerify(command.By, string) error {
	return errors.New("no command starts a verification and goes")
}

func (f *fakeProjections) Verification(string) (projection.Verification, bool) {
	return projection.Verification{}, false
}

// fakeRetries lets every delivery be tried again that was told to have failed.
type fakeRetries struct {
	last string // the last event of every delivery; failed if empty
	ids  []uuid.UUID
	by   command.By
}

func (f *fakeRetries) Retry(
	_ context.Context, by command.By, ids []uuid.UUID, decide func(delivery.Head) (*delivery.IngestionRetried, error),
) (retried int, position int64, err error) {
	f.by = by
	for _, id := range ids {
		again, err := decide(delivery.Head{Version: 2, LastEvent: cmp.Or(f.last, "IngestionFailed"), Attempts: 1})
		if err != nil {
			return 0, 0, err
		}
		if again != nil {
			f.ids = append(f.ids, id)
			retried++
		}
	}
	return retried, 7, nil
}

func (f *fakeReadModel) SharedKeys(_ context.Context, workspaceID uuid.UUID, after contact.Key, _ int) ([]query.Duplicate, *contact.Key, error) {
	f.ask(workspaceID, after, query.Page{})
	return nil, nil, f.err
}

func (f *fakeReadModel) CustomerImports(_ context.Context, workspaceID uuid.UUID, _ query.IDPage) (query.List[query.CustomerImport], error) {
	f.ask(workspaceID, nil, query.Page{})
	return query.List[query.CustomerImport]{}, f.err
}

func (f *fakeReadModel) Reconciliations(
	_ context.Context, workspaceID uuid.UUID, shopID string, _ query.IDPage,
) (query.List[query.Reconciliation], error) {
	f.ask(workspaceID, shopID, query.Page{})
	return query.List[query.Reconciliation]{}, f.err
}

func (f *fakeReadModel) CustomerImport(_ context.Context, workspaceID, id uuid.UUID) (query.CustomerImport, error) {
	f.ask(workspaceID, id, query.Page{})
	return query.CustomerImport{}, f.err
}

func (f *fakeReadModel) ImportRows(_ context.Context, workspaceID, id uuid.UUID, _ string, _, _ int) ([]query.ImportRow, error) {
	f.ask(workspaceID, id, query.Page{})
	return nil, f.err
}
