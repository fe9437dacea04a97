package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// ReadModel answers queries from the read tables and, for settings and access, from the directories.
type ReadModel struct{ db *Database }

var _ query.ReadModel = ReadModel{}

// NewReadModel makes the read model.
func NewReadModel(db *Database) ReadModel { return ReadModel{db: db} }

// found turns a row that is not there into a problem.
func found(err error, missing *problem.Error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return missing
	}
	return unavailable(err)
}

// before is the exclusive upper bound of a page.
func before(page query.Page) int64 {
	if page.Before == 0 {
		return math.MaxInt64
	}
	return page.Before
}

// atMost is a row more than the page, to know whether another follows.
func atMost(page query.Page) int32 { return int32(page.Limit) + 1 } //nolint:gosec // a page has at most query.MaxLimit

// historyLimit bounds how much of an order's history is shown: the newest part.
const historyLimit = 500

// Order returns one order with all that the CRM has of it.
func (r ReadModel) Order(ctx context.Context, workspaceID uuid.UUID, code string) (query.OrderDetail, error) {
	row, err := queries.Order(ctx, r.db.lookUps, dbsqlc.OrderParams{WorkspaceID: workspaceID, Code: code})
	if err != nil {
		return query.OrderDetail{}, found(err, errOrderUnknown)
	}
	detail, err := detailOf(row)
	if err != nil {
		return query.OrderDetail{}, fmt.Errorf("read order %s: %w", code, err)
	}
	orders, err := r.completeOrders(ctx, workspaceID, []dbsqlc.OrdersPageRow{{
		Code: row.Code, CreatedPosition: row.CreatedPosition, ShopID: row.ShopID, ExternalID: row.ExternalID,
		CustomerID: row.CustomerID, SourceID: row.SourceID, AssigneeID: row.AssigneeID, AssigneeName: row.AssigneeName,
		AssigneeReason: row.AssigneeReason, StatusCode: row.StatusCode, Currency: row.Currency, Totals: row.Totals,
		OrderedAt: row.OrderedAt,
	}}, func(db dbsqlc.DBTX) (err error) {
		detail.History, err = historyOf(ctx, db, workspaceID, code)
		return err
	})
	if err != nil {
		return query.OrderDetail{}, err
	}
	detail.Order = orders[0]
	return detail, nil
}

// detailOf is what only one order's page shows.
func detailOf(row dbsqlc.CrmOrder) (query.OrderDetail, error) {
	var (
		buyer                order.Buyer
		shipping             order.Shipping
		payments             order.Payments
		creator, firstEditor order.Person
		history              []order.StatusChange
	)
	for _, column := range []struct {
		stored []byte
		into   any
	}{
		{row.Buyer, &buyer},
		{row.Shipping, &shipping},
		{row.Payments, &payments},
		{row.Creator, &creator},
		{row.FirstEditor, &firstEditor},
		{row.StatusHistory, &history},
	} {
		if column.stored == nil {
			continue
		}
		if err := json.Unmarshal(column.stored, column.into); err != nil {
			return query.OrderDetail{}, err
		}
	}
	changes := make([]query.StatusChange, 0, len(history))
	for _, change := range history {
		changes = append(changes, query.StatusChangeOf(change))
	}
	return query.OrderDetail{
		UpdatedAt: row.UpdatedAt.In(time.UTC), Channel: row.Channel, Tags: row.Tags, Note: row.Note, Buyer: query.BuyerOf(buyer),
		Shipping: query.ShippingOf(shipping), Payments: query.OrderPayments(payments),
		Creator: query.ShopStaffOf(row.ShopID, creator), FirstEditor: query.ShopStaffOf(row.ShopID, firstEditor), StatusHistory: changes,
	}, nil
}

// historyOf is what was done to an order, oldest first.
func historyOf(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, code string) ([]query.OrderEvent, error) {
	rows, err := queries.OrderHistory(ctx, db, dbsqlc.OrderHistoryParams{
		WorkspaceID: workspaceID, Code: code, AtMost: historyLimit,
	})
	if err != nil {
		return nil, err
	}
	history := make([]query.OrderEvent, 0, len(rows))
	for _, row := range slices.Backward(rows) {
		e := query.OrderEvent{
			Position: row.Position, At: row.At.In(time.UTC), Event: row.Event, Actor: event.Actor(row.Actor), Reason: row.Reason,
			Status: order.NewStatus(int(row.StatusCode)), CustomerID: row.CustomerID, Changes: []order.Change{},
		}
		if row.DeliveryID.Valid {
			e.DeliveryID = &row.DeliveryID.UUID
		}
		if err := json.Unmarshal(row.Changes, &e.Changes); err != nil {
			return nil, fmt.Errorf("read changes of order %s at %d: %w", code, row.Position, err)
		}
		history = append(history, e)
	}
	return history, nil
}

// Orders returns a part of the list of orders, the last to be created first.
func (r ReadModel) Orders(ctx context.Context, workspaceID uuid.UUID, filter query.OrderFilter, page query.Page) (query.List[query.Order], error) {
	rows, err := queries.OrdersPage(ctx, r.db.requests, dbsqlc.OrdersPageParams{
		WorkspaceID: workspaceID, Before: before(page), ShopID: filter.ShopID, CustomerID: filter.CustomerID,
		StatusName: filter.Status.Name, StatusCode: int32(filter.Status.Code), //nolint:gosec // read as at most 16 bits
		AssigneeID: filter.AssigneeID, OrderedFrom: nullableTime(filter.OrderedFrom), OrderedTo: nullableTime(filter.OrderedTo),
		AtMost: atMost(page),
	})
	if err != nil {
		return query.List[query.Order]{}, unavailable(err)
	}
	list := query.ListOf(rows, page, func(row dbsqlc.OrdersPageRow) int64 { return row.CreatedPosition })
	orders, err := r.completeOrders(ctx, workspaceID, list.Items)
	if err != nil {
		return query.List[query.Order]{}, err
	}
	return query.List[query.Order]{Items: orders, NextCursor: list.NextCursor}, nil
}

// completeOrders adds lines, customers and sources to orders, a query for each kind, and looks other things up in the same round trip.
func (r ReadModel) completeOrders(
	ctx context.Context, workspaceID uuid.UUID, rows []dbsqlc.OrdersPageRow, others ...func(dbsqlc.DBTX) error,
) ([]query.Order, error) {
	if len(rows) == 0 && len(others) == 0 {
		return []query.Order{}, nil
	}
	codes := make([]string, 0, len(rows))
	customerIDs := make([]uuid.UUID, 0, len(rows))
	sourceIDs := make([]uuid.UUID, 0, len(rows))
	for _, row := range rows {
		codes = append(codes, row.Code)
		customerIDs = append(customerIDs, row.CustomerID)
		sourceIDs = append(sourceIDs, row.SourceID)
	}
	var (
		lines     map[string][]query.OrderLine
		customers map[uuid.UUID]query.OrderCustomer
		sources   map[uuid.UUID]query.Reference
	)
	if err := together(ctx, r.db.lookUps, append(others,
		func(db dbsqlc.DBTX) (err error) {
			lines, err = linesOf(ctx, db, workspaceID, codes)
			return err
		},
		func(db dbsqlc.DBTX) (err error) {
			customers, err = customersNamed(ctx, db, workspaceID, customerIDs)
			return err
		},
		func(db dbsqlc.DBTX) (err error) {
			sources, err = sourcesNamed(ctx, db, workspaceID, sourceIDs)
			return err
		},
	)...); err != nil {
		return nil, unavailable(err)
	}
	orders := make([]query.Order, 0, len(rows))
	for _, row := range rows {
		o := query.Order{
			Code: row.Code, ShopID: row.ShopID, ExternalID: row.ExternalID, Source: sources[row.SourceID],
			Customer: customers[row.CustomerID], AssigneeReason: order.AssigneeReason(row.AssigneeReason),
			Status: order.NewStatus(int(row.StatusCode)), Currency: row.Currency, Lines: lines[row.Code],
			OrderedAt: row.OrderedAt.In(time.UTC).Truncate(time.Second), // the API's precision; the log keeps the rest
		}
		if o.Lines == nil {
			o.Lines = []query.OrderLine{}
		}
		if row.AssigneeID.Valid {
			o.Assignee = &query.Reference{ID: row.AssigneeID.UUID, Name: valueOf(row.AssigneeName)}
		}
		if err := json.Unmarshal(row.Totals, &o.Totals); err != nil {
			return nil, fmt.Errorf("read totals of order %s: %w", row.Code, err)
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func linesOf(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, codes []string) (map[string][]query.OrderLine, error) {
	rows, err := queries.OrderLines(ctx, db, dbsqlc.OrderLinesParams{WorkspaceID: workspaceID, Codes: codes})
	if err != nil {
		return nil, err
	}
	lines := make(map[string][]query.OrderLine, len(codes))
	for _, row := range rows {
		quantity, err := order.ParseQuantity(row.Quantity)
		if err != nil {
			return nil, fmt.Errorf("read line %d of order %s: %w", row.Line, row.Code, err)
		}
		lines[row.Code] = append(lines[row.Code], query.OrderLine{
			ProductCode: row.ProductCode, ProductName: row.ProductName, Variant: row.Variant, Quantity: quantity,
			UnitPrice: row.UnitPrice, Discount: row.Discount, Amount: row.Amount, Gift: row.Gift,
		})
	}
	return lines, nil
}

func customersNamed(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]query.OrderCustomer, error) {
	rows, err := queries.CustomersNamed(ctx, db, dbsqlc.CustomersNamedParams{WorkspaceID: workspaceID, IDs: ids})
	if err != nil {
		return nil, err
	}
	named := make(map[uuid.UUID]query.OrderCustomer, len(rows))
	for _, row := range rows {
		named[row.ID] = query.OrderCustomer{ID: row.ID, Name: row.Name, Phone: query.FirstOrNull(row.Phones), Email: query.FirstOrNull(row.Emails)}
	}
	return named, nil
}

func sourcesNamed(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]query.Reference, error) {
	rows, err := queries.SourcesWithID(ctx, db, dbsqlc.SourcesWithIDParams{WorkspaceID: workspaceID, IDs: ids})
	if err != nil {
		return nil, err
	}
	named := make(map[uuid.UUID]query.Reference, len(rows))
	for _, row := range rows {
		named[row.ID] = query.Reference{ID: row.ID, Name: row.Name}
	}
	return named, nil
}

// Sources returns a part of the list of order sources.
func (r ReadModel) Sources(ctx context.Context, workspaceID uuid.UUID, page query.Page) (query.List[query.Source], error) {
	rows, err := queries.SourcesPage(ctx, r.db.requests, dbsqlc.SourcesPageParams{
		WorkspaceID: workspaceID, Before: before(page), AtMost: atMost(page),
	})
	if err != nil {
		return query.List[query.Source]{}, unavailable(err)
	}
	return listOf(rows, page, func(row dbsqlc.CrmSource) int64 { return row.CreatedPosition }, func(row dbsqlc.CrmSource) query.Source {
		return query.Source{ID: row.ID, Name: row.Name, CreatedAt: row.CreatedAt.In(time.UTC)}
	}), nil
}

// Shops returns all connected shops.
func (r ReadModel) Shops(ctx context.Context, workspaceID uuid.UUID) ([]query.Shop, error) {
	rows, err := queries.Shops(ctx, r.db.requests, workspaceID)
	if err != nil {
		return nil, unavailable(err)
	}
	shops := make([]query.Shop, 0, len(rows))
	for _, row := range rows {
		shop := query.Shop{
			ID: row.ShopID, Name: row.Name, HeaderKey: row.HeaderKey, Paused: row.Paused, Held: row.Held, HasAPIKey: row.HasApiKey,
			ConnectedAt: row.ConnectedAt.In(time.UTC), Version: int(row.Version),
		}
		if row.DefaultAssigneeID.Valid {
			shop.DefaultAssignee = &query.Reference{ID: row.DefaultAssigneeID.UUID, Name: valueOf(row.DefaultAssigneeName)}
		}
		if until := utc(row.PreviousValidUntil); until != nil && time.Now().Before(*until) {
			shop.PreviousHeaderKey, shop.PreviousValidUntil = row.PreviousHeaderKey, until
		}
		shops = append(shops, shop)
	}
	return shops, nil
}

// Shop returns one connected shop.
func (r ReadModel) Shop(ctx context.Context, workspaceID uuid.UUID, id string) (query.Shop, error) {
	shops, err := r.Shops(ctx, workspaceID) // they are few
	if err != nil {
		return query.Shop{}, err
	}
	at := slices.IndexFunc(shops, func(shop query.Shop) bool { return shop.ID == id })
	if at < 0 {
		return query.Shop{}, workspace.ErrShopUnknown
	}
	return shops[at], nil
}

// Settings returns a workspace's settings.
func (r ReadModel) Settings(ctx context.Context, workspaceID uuid.UUID) (query.Settings, error) {
	row, err := queries.Settings(ctx, r.db.requests, workspaceID)
	if err != nil {
		return query.Settings{}, found(err, errWorkspaceUnknown)
	}
	return query.Settings{
		Workspace: row.Name, MatchBy: row.MatchRule, OrderCodeTemplate: row.OrderCodeTemplate, TimeZone: row.TimeZone,
		SkipCancelled: row.SkipCancelled, Shops: int(row.Shops), ShopLimit: int(row.ShopLimit), Version: int(row.SettingsVersion),
	}, nil
}

// Workspaces returns all workspaces.
func (r ReadModel) Workspaces(ctx context.Context) ([]query.Workspace, error) {
	rows, err := queries.Workspaces(ctx, r.db.requests)
	if err != nil {
		return nil, unavailable(err)
	}
	workspaces := make([]query.Workspace, 0, len(rows))
	for _, row := range rows {
		workspaces = append(workspaces, query.Workspace{
			ID: row.ID, Name: row.Name, Hosts: row.Hosts, Default: row.IsDefault, Shops: int(row.Shops),
		})
	}
	return workspaces, nil
}

// Tokens returns a workspace's tokens, the newest first, with those that were revoked.
func (r ReadModel) Tokens(ctx context.Context, workspaceID uuid.UUID) ([]query.Token, error) {
	rows, err := queries.Tokens(ctx, r.db.requests, workspaceID)
	if err != nil {
		return nil, unavailable(err)
	}
	tokens := make([]query.Token, 0, len(rows))
	for _, row := range rows {
		tokens = append(tokens, query.Token{
			ID: row.ID, Name: row.Name, Role: workspace.Role(row.Role), CreatedAt: row.CreatedAt.In(time.UTC),
			LastUsedAt: utc(row.LastUsedAt), RevokedAt: utc(row.RevokedAt),
		})
	}
	return tokens, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.In(time.UTC))
}

// Correlated returns all that came of a delivery, in the order of the log, without bodies.
func (r ReadModel) Correlated(ctx context.Context, workspaceID, correlationID uuid.UUID) ([]event.Recorded, error) {
	rows, err := queries.Correlated(ctx, r.db.requests, dbsqlc.CorrelatedParams{CorrelationID: correlationID, WorkspaceID: workspaceID})
	return recordedAll(rows, err)
}

// CallerOf finds whom a token belongs to.
func (r ReadModel) CallerOf(ctx context.Context, token string) (query.Caller, error) {
	hash := workspace.TokenHash(token)
	row, err := queries.CallerOf(ctx, r.db.lookUps, hash[:])
	if err != nil {
		return query.Caller{}, found(err, errTokenUnknown)
	}
	if row.UseToNote {
		_ = queries.NoteTokenUse(ctx, r.db.requests, row.ID) // the next request notes it; this one need not fail for that
	}
	return query.Caller{
		WorkspaceID: row.WorkspaceID, TokenID: row.ID, TokenName: row.Name, Role: workspace.Role(row.Role),
	}, nil
}

// How often it is looked whether the read tables have got somewhere: they take milliseconds, unless they are late.
const (
	firstWaitPoll = 2 * time.Millisecond
	lastWaitPoll  = 50 * time.Millisecond
)

// WaitFor returns when the read tables show the log up to a position.
func (r ReadModel) WaitFor(ctx context.Context, position int64) error {
	var consumers []string
	for _, p := range answering() {
		consumers = append(consumers, p.ConsumerName())
	}
	head, err := queries.Head(ctx, r.db.requests)
	if err != nil {
		return unavailable(err)
	}
	if position > head { // nobody was told of it
		return ErrNotReadable
	}
	for poll := firstWaitPoll; ; poll = min(2*poll, lastWaitPoll) {
		lagging, err := queries.LaggingProjections(ctx, r.db.requests, dbsqlc.LaggingProjectionsParams{
			Consumers: consumers, Position: position,
		})
		switch {
		case err != nil && ctx.Err() != nil:
			return ErrNotReadable
		case err != nil:
			return unavailable(err)
		case lagging == 0:
			return nil
		}
		if pause(ctx, poll) != nil {
			return ErrNotReadable
		}
	}
}

// ErrNotReadable: the read tables do not show something yet.
var ErrNotReadable = problem.Unavailable("not-readable-yet",
	"what this waits for is in the log and not in the read tables yet; try again in some seconds")

// WorkspaceNamed finds a workspace; the empty name stands for the default one.
func (r ReadModel) WorkspaceNamed(ctx context.Context, name string) (uuid.UUID, error) {
	id, err := queries.WorkspaceByName(ctx, r.db.requests, name)
	return id, found(err, errWorkspaceUnknown)
}

var (
	errWorkspaceUnknown = problem.NotFound("workspace-unknown", "no workspace has this name")
	errHostUnknown      = problem.NotFound("workspace-unknown", "no workspace answers to this host, and none is the default one")
	errTokenUnknown     = problem.Unauthorized("token-unknown",
		"the API token is missing or not known; make one with: orderbridge token create --name NAME")
)

// listOf cuts a list and shows its entries.
func listOf[Row, Shown any](rows []Row, page query.Page, positionOf func(Row) int64, show func(Row) Shown) query.List[Shown] {
	list := query.ListOf(rows, page, positionOf)
	shown := make([]Shown, 0, len(list.Items))
	for _, row := range list.Items {
		shown = append(shown, show(row))
	}
	return query.List[Shown]{Items: shown, NextCursor: list.NextCursor}
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
