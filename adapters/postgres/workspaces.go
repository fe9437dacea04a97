package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// Workspaces stores workspaces: their events, and the directories of shops, rules, tokens and accounts.
type Workspaces struct{ db *Database }

var _ command.Workspaces = Workspaces{}

// NewWorkspaces makes the store.
func NewWorkspaces(db *Database) Workspaces { return Workspaces{db: db} }

// Update loads a workspace, lets decide change it, and stores the outcome.
func (s Workspaces) Update(ctx context.Context, by command.By, decide func(*workspace.Workspace) error) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		w, err := lockedWorkspace(ctx, tx, by.WorkspaceID)
		if err != nil {
			return nil, err
		}
		return changeWorkspace(ctx, tx, p, by, w, decide)
	})
}

// lockedWorkspace loads a workspace that nobody else changes until the transaction ends.
func lockedWorkspace(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*workspace.Workspace, error) {
	if err := queries.LockWorkspace(ctx, tx, id); err != nil {
		return nil, err
	}
	history, err := loadStream(ctx, tx, id, event.WorkspaceStream)
	if err != nil {
		return nil, fmt.Errorf("load workspace %s: %w", id, err)
	}
	if len(history) == 0 {
		return nil, errWorkspaceUnknown
	}
	return workspace.Rehydrate(history), nil
}

func changeWorkspace(
	ctx context.Context, tx pgx.Tx, p *pipeline, by command.By, w *workspace.Workspace, decide func(*workspace.Workspace) error,
) ([]event.New, error) {
	if err := decide(w); err != nil {
		return nil, err
	}
	events := pendingEvents(by, event.WorkspaceStream, w.Version(), w.Pending())
	also, err := changeDirectories(ctx, tx, p, w, events)
	return append(events, also...), err
}

// Create stores a workspace that is new.
func (s Workspaces) Create(ctx context.Context, by command.By, w *workspace.Workspace) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		return createWorkspace(ctx, tx, p, by, w)
	})
}

func createWorkspace(ctx context.Context, tx pgx.Tx, p *pipeline, by command.By, w *workspace.Workspace) ([]event.New, error) {
	if err := refuseTakenHosts(ctx, tx, by.WorkspaceID, w.Name(), w.Hosts()); err != nil {
		return nil, err
	}
	var also []event.New
	if w.IsDefault() {
		var err error
		if also, err = endDefault(ctx, tx, p, by); err != nil {
			return nil, err
		}
	}
	if err := queries.AddWorkspace(ctx, p, dbsqlc.AddWorkspaceParams{
		ID: by.WorkspaceID, Name: w.Name(), IsDefault: w.IsDefault(), MatchRule: string(w.Settings().MatchRule),
	}); err != nil {
		return nil, err
	}
	if err := queries.SetHosts(ctx, p, dbsqlc.SetHostsParams{WorkspaceID: by.WorkspaceID, Hosts: w.Hosts()}); err != nil {
		return nil, err
	}
	return append(also, pendingEvents(by, event.WorkspaceStream, w.Version(), w.Pending())...), nil
}

// refuseTakenHosts says which other workspace has a name or a host. Constraints refuse whoever comes at the same moment,
// and the next try finds the name or host taken here.
func refuseTakenHosts(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string, hosts []string) error {
	claims, err := queries.WorkspaceClaims(ctx, tx, dbsqlc.WorkspaceClaimsParams{Name: name, Hosts: hosts, WorkspaceID: id})
	switch {
	case err != nil:
		return err
	case claims.NameTaken:
		return problem.Conflict("workspace-name-taken", "a workspace with this name exists already; see: orderbridge workspace list")
	case claims.TakenHost != "":
		return problem.Conflict("host-taken", "the host %s belongs to the workspace %q; remove it there first",
			claims.TakenHost, claims.TakenBy)
	}
	return nil
}

// endDefault makes the default workspace an ordinary one, for another to take its place.
func endDefault(ctx context.Context, tx pgx.Tx, p *pipeline, by command.By) ([]event.New, error) {
	id, err := queries.DefaultWorkspace(ctx, tx)
	if errors.Is(err, pgx.ErrNoRows) || id == by.WorkspaceID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := queries.SetDefaultWorkspace(ctx, p, dbsqlc.SetDefaultWorkspaceParams{ID: id, IsDefault: false}); err != nil {
		return nil, err
	}
	history, err := loadStream(ctx, tx, id, event.WorkspaceStream)
	if err != nil {
		return nil, fmt.Errorf("load workspace %s: %w", id, err)
	}
	w := workspace.Rehydrate(history)
	w.SetDefault(false)
	by.WorkspaceID = id
	return pendingEvents(by, event.WorkspaceStream, w.Version(), w.Pending()), nil
}

// changeDirectories changes the directories as a workspace's pending events say, and returns what else has to happen.
func changeDirectories(ctx context.Context, tx pgx.Tx, p *pipeline, w *workspace.Workspace, pending []event.New) ([]event.New, error) {
	var also []event.New
	for _, happened := range pending {
		id, version := happened.WorkspaceID, int32(happened.Version) //nolint:gosec // a stream never has two billion events
		var more []event.New
		var err error
		switch e := happened.Payload.(type) {
		case workspace.WorkspaceHostsChanged:
			if err = refuseTakenHosts(ctx, tx, id, "", e.After); err == nil {
				err = queries.SetHosts(ctx, p, dbsqlc.SetHostsParams{WorkspaceID: id, Hosts: e.After})
			}
		case workspace.WorkspaceDefaultChanged:
			more, err = endDefault(ctx, tx, p, command.By{WorkspaceID: id, Actor: happened.Actor})
			if err == nil {
				err = queries.SetDefaultWorkspace(ctx, p, dbsqlc.SetDefaultWorkspaceParams{ID: id, IsDefault: e.IsDefault})
			}
		case workspace.MatchRuleChanged, workspace.SettingsChanged:
			err = setSettings(ctx, p, id, w)
		case workspace.ShopConnected:
			hash := w.HeaderHash(e.Shop.ID)
			err = queries.AddShop(ctx, p, dbsqlc.AddShopParams{
				WorkspaceID: id, ShopID: e.Shop.ID, Name: e.Shop.Name, HeaderKey: e.Shop.HeaderKey, HeaderHash: hash[:],
				DefaultAssigneeID: nullable(e.Shop.DefaultAssigneeID), Version: version,
			})
		case workspace.ShopUpdated:
			err = setShop(ctx, p, id, e.Shop, version)
		case workspace.ShopPaused:
			err = setShop(ctx, p, id, e.Shop, version)
		case workspace.ShopResumed:
			// An ingestion that holds a delivery of the shop holds its row too, and has written down what it holds when this has
			// waited for it. So what waits is complete once the shop is resumed.
			err = setShop(ctx, p, id, e.Shop, version)
		case workspace.ShopKeyRotated:
			hash := w.HeaderHash(e.Shop.ID)
			err = queries.RotateShopKey(ctx, p, dbsqlc.RotateShopKeyParams{
				WorkspaceID: id, ShopID: e.Shop.ID, HeaderKey: e.Shop.HeaderKey, HeaderHash: hash[:], Version: version,
				PreviousValidUntil: nullableTime(e.PreviousValidUntil),
			})
		case workspace.ShopAPIKeySet:
			err = queries.SetSealedAPIKey(ctx, p, dbsqlc.SetSealedAPIKeyParams{
				Sealed: w.SealedAPIKey(e.Shop.ID), Version: version, WorkspaceID: id, ShopID: e.Shop.ID,
			})
		case workspace.ShopAPIKeyRemoved:
			err = queries.SetSealedAPIKey(ctx, p, dbsqlc.SetSealedAPIKeyParams{Version: version, WorkspaceID: id, ShopID: e.Shop.ID})
		case workspace.ShopDisconnected:
			err = queries.RemoveShop(ctx, p, dbsqlc.RemoveShopParams{WorkspaceID: id, ShopID: e.ShopID})
		case workspace.TokenCreated:
			hash := w.TokenHash(e.TokenID)
			err = queries.AddToken(ctx, p, dbsqlc.AddTokenParams{
				ID: e.TokenID, WorkspaceID: id, Name: e.Name, Role: string(e.Role), TokenHash: hash[:],
			})
		case workspace.TokenRevoked:
			err = queries.RevokeToken(ctx, p, dbsqlc.RevokeTokenParams{ID: e.TokenID, WorkspaceID: id})
		default:
			err = changeAccounts(ctx, p, w, id, happened.Payload)
		}
		if err != nil {
			return nil, err
		}
		also = append(also, more...)
	}
	return also, nil
}

func setSettings(ctx context.Context, db dbsqlc.DBTX, id uuid.UUID, w *workspace.Workspace) error {
	settings := w.Settings()
	return queries.SetSettings(ctx, db, dbsqlc.SetSettingsParams{
		ID: id, MatchRule: string(settings.MatchRule), OrderCodeTemplate: settings.OrderCodeTemplate, TimeZone: settings.TimeZone,
		SkipCancelled: settings.SkipCancelled, ShopLimit: int32(settings.ShopLimit), //nolint:gosec // at most workspace.MaxShopLimit
		SettingsVersion: int32(w.SettingsVersion()), //nolint:gosec // a stream never has two billion events
	})
}

func setShop(ctx context.Context, db dbsqlc.DBTX, id uuid.UUID, shop workspace.Shop, version int32) error {
	return queries.SetShop(ctx, db, dbsqlc.SetShopParams{
		WorkspaceID: id, ShopID: shop.ID, Name: shop.Name, DefaultAssigneeID: nullable(shop.DefaultAssigneeID), Paused: shop.Paused,
		Version: version,
	})
}

// releaseAtMost bounds how many deliveries are let in within one transaction: the append lock is held for all of them.
const releaseAtMost = 1000

// Release lets deliveries in that waited for a shop which is not paused any more, and returns how many: the policy that
// ingests orders takes each of them again. It is called until there are none left.
func (s Workspaces) Release(ctx context.Context, workspaceID uuid.UUID, shopID string) (released int, position int64, err error) {
	position, err = s.db.update(ctx, command.By{}, func(tx pgx.Tx, _ *pipeline) ([]event.New, error) {
		paused, err := queries.LockShop(ctx, tx, dbsqlc.LockShopParams{WorkspaceID: workspaceID, ShopID: shopID})
		if errors.Is(err, pgx.ErrNoRows) || paused {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		because, err := queries.LetInBy(ctx, tx, dbsqlc.LetInByParams{WorkspaceID: workspaceID, ShopID: shopID})
		if err != nil {
			return nil, fmt.Errorf("find who let shop %s deliver: %w", shopID, err)
		}
		held, err := queries.TakeHeldDeliveries(ctx, tx, dbsqlc.TakeHeldDeliveriesParams{
			WorkspaceID: workspaceID, ShopID: shopID, AtMost: releaseAtMost,
		})
		if err != nil {
			return nil, err
		}
		retried := make([]event.New, 0, len(held))
		for _, row := range held {
			retried = append(retried, event.New{
				ID: event.NewID(), WorkspaceID: workspaceID, Stream: event.DeliveryStream(row.DeliveryID),
				Version: int(row.Version) + 1, Actor: event.Actor(because.Actor), CorrelationID: row.DeliveryID, CausationID: because.ID,
				Payload: delivery.IngestionRetried{Reason: delivery.RetriedShopResumed},
			})
		}
		released = len(retried)
		return retried, nil
	})
	return released, position, err
}

// ToRelease are the shops whose deliveries wait and need not any more.
func (s Workspaces) ToRelease(ctx context.Context) ([]command.ShopKey, error) {
	rows, err := queries.ShopsToRelease(ctx, s.db.requests)
	if err != nil {
		return nil, unavailable(err)
	}
	shops := make([]command.ShopKey, 0, len(rows))
	for _, row := range rows {
		shops = append(shops, command.ShopKey{WorkspaceID: row.WorkspaceID, ShopID: row.ShopID})
	}
	return shops, nil
}

// ensureDefaultWorkspace makes the first workspace of an empty database.
func (db *Database) ensureDefaultWorkspace(ctx context.Context) error {
	_, err := db.update(ctx, command.By{}, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		exists, err := queries.AnyWorkspace(ctx, tx)
		if err != nil || exists {
			return nil, err
		}
		w, err := workspace.Create(DefaultWorkspace, nil, true)
		if err != nil {
			return nil, err
		}
		return createWorkspace(ctx, tx, p, command.By{WorkspaceID: event.NewID(), Actor: event.ActorSystem}, w)
	})
	return err
}

// DefaultWorkspace is the name of the workspace that a new database starts with.
const DefaultWorkspace = "default"

func nullable(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

func nullableTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
