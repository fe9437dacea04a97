package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// ReceivedOrders reads the received orders of a slice (after, upto].
func ReceivedOrders(ctx context.Context, tx pgx.Tx, after, upto int64) ([]event.Recorded, error) {
	rows, err := queries.ReceivedOrders(ctx, tx, dbsqlc.ReceivedOrdersParams{After: after, Upto: upto})
	if err != nil {
		return nil, fmt.Errorf("read received orders in (%d, %d]: %w", after, upto, err)
	}
	events := make([]event.Recorded, 0, len(rows))
	for _, row := range rows {
		e, err := recorded(dbsqlc.StreamRow(row))
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Ingestion is the store for one slice of received orders, in the consumer's transaction. What it records moves the
// consumer's cursor in the same round trip.
type Ingestion struct {
	tx       pgx.Tx
	consumer string
	upto     int64
}

var _ command.Ingestion = Ingestion{}

// NewIngestion makes the store for a consumer's slice that ends at upto.
func NewIngestion(tx pgx.Tx, consumer string, upto int64) Ingestion {
	return Ingestion{tx: tx, consumer: consumer, upto: upto}
}

// Facts answers the questions as of now.
func (s Ingestion) Facts(ctx context.Context, asked command.Questions) (*command.Facts, error) {
	facts := &command.Facts{
		Rules: map[uuid.UUID]customer.MatchRule{}, Sources: map[uuid.UUID]uuid.UUID{},
		Orders: map[command.OrderKey]command.OrderHead{}, Holders: map[command.ContactKey]customer.Holders{},
		Bindings: map[command.BuyerKey]uuid.UUID{}, Staff: map[command.ContactKey]order.Staff{},
		DefaultAssignees: map[command.ShopKey]order.Staff{},
	}
	if len(asked.Workspaces) == 0 {
		return facts, nil
	}
	for _, answer := range []struct {
		what string
		fill func(context.Context, command.Questions, *command.Facts) error
	}{
		{"match rules and sources", s.fillWorkspaces},
		{"orders", s.fillOrders},
		{"customers", s.fillHolders},
		{"buyers", s.fillBindings},
		{"staff", s.fillStaff},
		{"default assignees", s.fillDefaultAssignees},
	} {
		if err := answer.fill(ctx, asked, facts); err != nil {
			return nil, fmt.Errorf("look up %s: %w", answer.what, err)
		}
	}
	return facts, nil
}

func (s Ingestion) fillWorkspaces(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	ids := slices.Collect(maps.Keys(asked.Workspaces))
	rules, err := queries.MatchRules(ctx, s.tx, ids)
	if err != nil {
		return err
	}
	for _, row := range rules {
		facts.Rules[row.ID] = customer.MatchRule(row.MatchRule)
	}
	sources, err := queries.SourcesNamed(ctx, s.tx, dbsqlc.SourcesNamedParams{WorkspaceIds: ids, Name: command.SourceName})
	if err != nil {
		return err
	}
	for _, row := range sources {
		facts.Sources[row.WorkspaceID] = row.ID
	}
	return nil
}

func (s Ingestion) fillOrders(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Orders))
	var params dbsqlc.OrderHeadsParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.OrderIds = append(params.OrderIds, key.OrderID)
	}
	rows, err := queries.OrderHeads(ctx, s.tx, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		head := command.OrderHead{
			StreamVersion: int(row.StreamVersion), StateVersion: int(row.StateVersion),
			Known: order.Known{UpdatedAt: row.UpdatedAt.UTC()},
		}
		if row.StateType != "" {
			if head.Known.Record, err = orderRecord(row.StateType, []byte(row.State)); err != nil {
				return err
			}
		}
		facts.Orders[keys[row.Ordinal-1]] = head
	}
	return nil
}

// orderRecord reads what the CRM has of an order from the event that holds it.
func orderRecord(eventType string, stored []byte) (*order.Record, error) {
	payload, err := decodePayload(eventType, stored)
	if err != nil {
		return nil, err
	}
	holder, ok := payload.(interface{ Record() order.Record })
	if !ok {
		return nil, fmt.Errorf("an order's state is not in a %s", eventType)
	}
	record := holder.Record()
	return &record, nil
}

func (s Ingestion) fillHolders(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Customers))
	params := dbsqlc.KeyHoldersParams{AtMost: customer.MaxCandidates}
	params.WorkspaceIds, params.Kinds, params.Values = contactColumns(keys)
	rows, err := queries.KeyHolders(ctx, s.tx, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Holders[keys[row.Ordinal-1]] = customer.Holders{Oldest: row.Oldest, Count: int(row.Count)}
	}
	return nil
}

func (s Ingestion) fillBindings(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Buyers))
	var params dbsqlc.BoundBuyersParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.BuyerIds = append(params.BuyerIds, key.BuyerID)
	}
	rows, err := queries.BoundBuyers(ctx, s.tx, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Bindings[keys[row.Ordinal-1]] = row.CustomerID
	}
	return nil
}

func (s Ingestion) fillStaff(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Staff))
	var params dbsqlc.ActiveStaffParams
	params.WorkspaceIds, params.Kinds, params.Values = contactColumns(keys)
	rows, err := queries.ActiveStaff(ctx, s.tx, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Staff[keys[row.Ordinal-1]] = order.Staff{ID: row.ID, Name: row.Name}
	}
	return nil
}

func (s Ingestion) fillDefaultAssignees(ctx context.Context, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Shops))
	var params dbsqlc.DefaultAssigneesParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
	}
	rows, err := queries.DefaultAssignees(ctx, s.tx, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.DefaultAssignees[keys[row.Ordinal-1]] = order.Staff{ID: row.ID, Name: row.Name}
	}
	return nil
}

func contactColumns(keys []command.ContactKey) (workspaceIDs []uuid.UUID, kinds, values []string) {
	for _, key := range keys {
		workspaceIDs = append(workspaceIDs, key.WorkspaceID)
		kinds = append(kinds, string(key.Key.Kind))
		values = append(values, key.Key.Value)
	}
	return workspaceIDs, kinds, values
}

// Record stores what was decided: directories and cursor first, the append last, all in one round trip.
func (s Ingestion) Record(ctx context.Context, decided command.Decided) error {
	encoded, err := encode(decided.Events)
	if err != nil {
		return err
	}
	var p pipeline
	for _, queue := range []func(context.Context, *pipeline, command.Decided) error{
		queueCustomers, queueBindings, queueSources, queueOrderHeads,
	} {
		if err := queue(ctx, &p, decided); err != nil {
			return err
		}
	}
	if err := queries.MoveCursor(ctx, &p, dbsqlc.MoveCursorParams{Consumer: s.consumer, Position: s.upto}); err != nil {
		return err
	}
	if err := queueAppend(ctx, &p, encoded); err != nil {
		return err
	}
	return p.send(ctx, s.tx)
}

func queueCustomers(ctx context.Context, p *pipeline, decided command.Decided) error {
	if len(decided.Customers) == 0 {
		return nil
	}
	var heads dbsqlc.RecordCustomerHeadsParams
	type keyRow struct {
		at      command.ContactKey
		id      uuid.UUID
		claimed bool
	}
	var rows []keyRow
	for _, made := range decided.Customers {
		heads.WorkspaceIds = append(heads.WorkspaceIds, made.WorkspaceID)
		heads.IDs = append(heads.IDs, made.State.ID)
		for _, key := range made.State.Keys() {
			rows = append(rows, keyRow{
				at: command.ContactKey{WorkspaceID: made.WorkspaceID, Key: key}, id: made.State.ID,
				claimed: slices.Contains(made.Claims, key),
			})
		}
	}
	if err := queries.RecordCustomerHeads(ctx, p, heads); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b keyRow) int { return compareContactKeys(a.at, b.at) })
	var keys dbsqlc.RecordCustomerKeysParams
	for _, row := range rows {
		keys.WorkspaceIds = append(keys.WorkspaceIds, row.at.WorkspaceID)
		keys.Kinds = append(keys.Kinds, string(row.at.Key.Kind))
		keys.Values = append(keys.Values, row.at.Key.Value)
		keys.CustomerIds = append(keys.CustomerIds, row.id)
		keys.Claimed = append(keys.Claimed, row.claimed)
	}
	return queries.RecordCustomerKeys(ctx, p, keys)
}

func compareContactKeys(a, b command.ContactKey) int {
	return cmp.Or(bytes.Compare(a.WorkspaceID[:], b.WorkspaceID[:]), compareKeys(a.Key, b.Key))
}

func compareKeys(a, b contact.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}

func queueBindings(ctx context.Context, p *pipeline, decided command.Decided) error {
	if len(decided.Bindings) == 0 {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(decided.Bindings), func(a, b command.BuyerKey) int {
		return cmp.Or(bytes.Compare(a.WorkspaceID[:], b.WorkspaceID[:]),
			cmp.Compare(a.ShopID, b.ShopID), cmp.Compare(a.BuyerID, b.BuyerID))
	})
	var params dbsqlc.RecordBindingsParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.BuyerIds = append(params.BuyerIds, key.BuyerID)
		params.CustomerIds = append(params.CustomerIds, decided.Bindings[key])
	}
	return queries.RecordBindings(ctx, p, params)
}

func queueSources(ctx context.Context, p *pipeline, decided command.Decided) error {
	if len(decided.Sources) == 0 {
		return nil
	}
	params := dbsqlc.RecordSourcesParams{Name: command.SourceName}
	for workspaceID, id := range decided.Sources {
		params.WorkspaceIds = append(params.WorkspaceIds, workspaceID)
		params.IDs = append(params.IDs, id)
	}
	return queries.RecordSources(ctx, p, params)
}

func queueOrderHeads(ctx context.Context, p *pipeline, decided command.Decided) error {
	if len(decided.Orders) == 0 {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(decided.Orders), compareOrderKeys)
	var params dbsqlc.RecordOrderHeadsParams
	for _, key := range keys {
		head := decided.Orders[key]
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.OrderIds = append(params.OrderIds, key.OrderID)
		params.StreamVersions = append(params.StreamVersions, int32(head.StreamVersion)) //nolint:gosec // never two billion
		params.StateVersions = append(params.StateVersions, int32(head.StateVersion))    //nolint:gosec // never two billion
		params.UpdatedAts = append(params.UpdatedAts, head.Known.UpdatedAt)
	}
	return queries.RecordOrderHeads(ctx, p, params)
}
