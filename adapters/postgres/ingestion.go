package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/order"
)

// ReceivedOrders reads the orders that were received, or are to be tried again, in a slice (after, upto].
func ReceivedOrders(ctx context.Context, tx dbsqlc.DBTX, after, upto int64) ([]command.ReceivedOrder, error) {
	rows, err := queries.ReceivedOrders(ctx, tx, dbsqlc.ReceivedOrdersParams{After: after, Upto: upto})
	if err != nil {
		return nil, fmt.Errorf("read received orders in (%d, %d]: %w", after, upto, err)
	}
	orders := make([]command.ReceivedOrder, 0, len(rows))
	for _, row := range rows {
		cause, err := recorded(dbsqlc.StreamRow{
			Position: row.Position, WorkspaceID: row.WorkspaceID, Stream: row.Stream, Version: row.Version, ID: row.ID,
			Type: row.Type, SchemaVersion: row.SchemaVersion, RecordedAt: row.RecordedAt, CorrelationID: row.CorrelationID,
			CausationID: row.CausationID, Actor: row.Actor, Payload: row.Payload,
		})
		if err != nil {
			return nil, err
		}
		received := cause.Payload
		if row.FirstType != "" {
			if received, err = decodePayload(row.FirstType, []byte(row.FirstPayload)); err != nil {
				return nil, fmt.Errorf("what event %d tries again: %w", row.Position, err)
			}
		}
		in := command.ReceivedOrder{
			Cause: cause, Body: row.Body, DeliveryID: row.DeliveryID, StreamVersion: int(row.StreamVersion), Failures: int(row.Failures),
		}
		switch first := received.(type) {
		case delivery.OrderReceived:
			in.Received = first
		case delivery.DeliveryRejected:
			in.Refused = &first
		default:
			return nil, fmt.Errorf("what event %d tries again is in a %T", row.Position, received)
		}
		orders = append(orders, in)
	}
	return orders, nil
}

// Ingestion is the store for one slice of received orders, in the consumer's transaction. What it records moves the
// consumer's cursor in the same round trip.
type Ingestion struct {
	tx       batchSender
	consumer string
	upto     int64
	// readsOnly tells that the transaction can record nothing, nor lock.
	readsOnly bool
}

var _ command.Ingestion = Ingestion{}

// NewIngestion makes the store for a consumer's slice that ends at upto.
func NewIngestion(tx batchSender, consumer string, upto int64) Ingestion {
	return Ingestion{tx: tx, consumer: consumer, upto: upto}
}

// Facts answers the questions as of now.
func (s Ingestion) Facts(ctx context.Context, asked command.Questions) (*command.Facts, error) {
	facts := &command.Facts{
		Settings: map[uuid.UUID]command.IngestionSettings{}, Sources: map[uuid.UUID]uuid.UUID{},
		Paused: map[command.ShopKey]struct{}{}, Connected: map[command.ShopKey]struct{}{}, Orders: map[command.OrderKey]command.OrderHead{},
		Holders: map[command.ContactKey]customer.Holders{}, Bindings: map[command.BuyerKey]uuid.UUID{},
		Staff: map[command.ContactKey]order.Staff{}, Mapped: map[command.StaffKey]order.Staff{},
		DefaultAssignees: map[command.ShopKey]order.Staff{},
	}
	type lookUp struct {
		what string
		fill func(context.Context, dbsqlc.DBTX, command.Questions, *command.Facts) error
	}
	inOneRoundTrip := func(lookUps ...lookUp) error {
		asking := make([]func(dbsqlc.DBTX) error, 0, len(lookUps))
		for _, one := range lookUps {
			asking = append(asking, func(db dbsqlc.DBTX) error {
				if err := one.fill(ctx, db, asked, facts); err != nil {
					return fmt.Errorf("look up %s: %w", one.what, err)
				}
				return nil
			})
		}
		return together(ctx, s.tx, asking...)
	}
	aboutPeople := []lookUp{
		{"customers", s.fillHolders}, {"buyers", s.fillBindings}, {"staff", s.fillStaff}, {"mapped staff", s.fillMapped},
	}
	before := asked.People()
	if err := inOneRoundTrip(append(aboutPeople,
		lookUp{"paused shops", s.fillPaused}, lookUp{"connected shops", s.fillConnected}, lookUp{"settings", s.fillSettings},
		lookUp{"sources", s.fillSources}, lookUp{"orders", s.fillOrders}, lookUp{"default assignees", s.fillDefaultAssignees})...); err != nil {
		return nil, err
	}
	if asked.People() == before {
		return facts, nil
	}
	return facts, inOneRoundTrip(aboutPeople...) // once more: orders that were skipped ask for others
}

func (s Ingestion) fillPaused(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Shops))
	var params dbsqlc.PausedShopsParams
	params.WorkspaceIds, params.ShopIds = shopColumns(keys)
	read := queries.PausedShops
	if s.readsOnly {
		read = func(ctx context.Context, db dbsqlc.DBTX, params dbsqlc.PausedShopsParams) ([]int32, error) {
			return queries.PausedShopsNow(ctx, db, dbsqlc.PausedShopsNowParams(params))
		}
	}
	ordinals, err := read(ctx, db, params)
	if err != nil {
		return err
	}
	for _, ordinal := range ordinals {
		facts.Paused[keys[ordinal-1]] = struct{}{}
	}
	return nil
}

func (s Ingestion) fillConnected(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Connected) == 0 { // as nearly always
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Connected))
	var params dbsqlc.ConnectedShopsParams
	params.WorkspaceIds, params.ShopIds = shopColumns(keys)
	ordinals, err := queries.ConnectedShops(ctx, db, params)
	if err != nil {
		return err
	}
	for _, ordinal := range ordinals {
		facts.Connected[keys[ordinal-1]] = struct{}{}
	}
	return nil
}

func (s Ingestion) fillSettings(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	settings, err := queries.IngestionSettings(ctx, db, slices.Collect(maps.Keys(asked.Workspaces)))
	if err != nil {
		return err
	}
	for _, row := range settings {
		template, err := order.ParseCodeTemplate(row.OrderCodeTemplate)
		if err != nil {
			return err
		}
		facts.Settings[row.ID] = command.IngestionSettings{
			Version: int(row.SettingsVersion), MatchRule: customer.MatchRule(row.MatchRule), CodeTemplate: template,
			SkipCancelled: row.SkipCancelled,
		}
	}
	return nil
}

func (s Ingestion) fillSources(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	sources, err := queries.SourcesNamed(ctx, db, dbsqlc.SourcesNamedParams{
		WorkspaceIds: slices.Collect(maps.Keys(asked.Workspaces)), Name: command.SourceName,
	})
	if err != nil {
		return err
	}
	for _, row := range sources {
		facts.Sources[row.WorkspaceID] = row.ID
	}
	return nil
}

func (s Ingestion) fillOrders(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Orders) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Orders))
	var params dbsqlc.OrderHeadsParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.OrderIds = append(params.OrderIds, key.OrderID)
	}
	rows, err := queries.OrderHeads(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		head := command.OrderHead{
			StreamVersion: int(row.StreamVersion), StateVersion: int(row.StateVersion),
			Known: order.Known{UpdatedAt: row.UpdatedAt.UTC(), BuyerUpdatedAt: row.BuyerUpdatedAt.UTC()},
		}
		key := keys[row.Ordinal-1]
		if row.StateType != "" {
			if err := readOrder(&head.Known, row.StateType, []byte(row.State)); err != nil {
				return err
			}
		}
		if head.Known.Skipped != nil {
			asked.AskWho(key.WorkspaceID, *head.Known.Skipped)
		}
		facts.Orders[key] = head
	}
	return nil
}

// readOrder reads what is known of an order from the event that holds it.
func readOrder(known *order.Known, eventType string, stored []byte) error {
	payload, err := decodePayload(eventType, stored)
	if err != nil {
		return err
	}
	switch e := payload.(type) {
	case order.OrderSkipped:
		known.Skipped = e.Order
	case interface{ Record() order.Record }:
		record := e.Record()
		known.Record = &record
	default:
		return fmt.Errorf("an order's state is not in a %s", eventType)
	}
	return nil
}

func (s Ingestion) fillHolders(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Customers) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Customers))
	params := dbsqlc.KeyHoldersParams{AtMost: customer.MaxCandidates}
	params.WorkspaceIds, params.Kinds, params.Values = contactColumns(keys)
	rows, err := queries.KeyHolders(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Holders[keys[row.Ordinal-1]] = customer.Holders{Oldest: row.Oldest, Count: int(row.Count)}
	}
	return nil
}

func (s Ingestion) fillBindings(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Buyers) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Buyers))
	var params dbsqlc.BoundBuyersParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.ShopIds = append(params.ShopIds, key.ShopID)
		params.BuyerIds = append(params.BuyerIds, key.BuyerID)
	}
	rows, err := queries.BoundBuyers(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Bindings[keys[row.Ordinal-1]] = row.CustomerID
	}
	return nil
}

func (s Ingestion) fillStaff(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Staff) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Staff))
	var params dbsqlc.ActiveStaffParams
	params.WorkspaceIds, params.Kinds, params.Values = contactColumns(keys)
	rows, err := queries.ActiveStaff(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Staff[keys[row.Ordinal-1]] = order.Staff{ID: row.ID, Name: row.Name}
	}
	return nil
}

func (s Ingestion) fillMapped(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	if len(asked.Mapped) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Keys(asked.Mapped))
	var params dbsqlc.MappedStaffParams
	for _, key := range keys {
		params.WorkspaceIds = append(params.WorkspaceIds, key.WorkspaceID)
		params.StaffKeys = append(params.StaffKeys, key.Key)
	}
	rows, err := queries.MappedStaff(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.Mapped[keys[row.Ordinal-1]] = order.Staff{ID: row.ID, Name: row.Name}
	}
	return nil
}

func (s Ingestion) fillDefaultAssignees(ctx context.Context, db dbsqlc.DBTX, asked command.Questions, facts *command.Facts) error {
	keys := slices.Collect(maps.Keys(asked.Shops))
	var params dbsqlc.DefaultAssigneesParams
	params.WorkspaceIds, params.ShopIds = shopColumns(keys)
	rows, err := queries.DefaultAssignees(ctx, db, params)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts.DefaultAssignees[keys[row.Ordinal-1]] = order.Staff{ID: row.ID, Name: row.Name}
	}
	return nil
}

func shopColumns(keys []command.ShopKey) (workspaceIDs []uuid.UUID, shopIDs []string) {
	for _, key := range keys {
		workspaceIDs = append(workspaceIDs, key.WorkspaceID)
		shopIDs = append(shopIDs, key.ShopID)
	}
	return workspaceIDs, shopIDs
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
		queueCustomers, queueBindings, queueSources, queueHeld, queueOrderHeads,
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

func queueHeld(ctx context.Context, p *pipeline, decided command.Decided) error {
	if len(decided.Held) == 0 {
		return nil
	}
	var params dbsqlc.RecordHeldDeliveriesParams
	for _, held := range decided.Held {
		params.WorkspaceIds = append(params.WorkspaceIds, held.Shop.WorkspaceID)
		params.ShopIds = append(params.ShopIds, held.Shop.ShopID)
		params.Positions = append(params.Positions, held.Position)
		params.DeliveryIds = append(params.DeliveryIds, held.DeliveryID)
	}
	return queries.RecordHeldDeliveries(ctx, p, params)
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
		params.BuyerUpdatedAts = append(params.BuyerUpdatedAts, head.Known.BuyerUpdatedAt)
	}
	return queries.RecordOrderHeads(ctx, p, params)
}
