package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"orderbridge/app/command"
	"orderbridge/domain/order"
	"orderbridge/domain/workspace"
)

const (
	// connectionsKept is how long connections are remembered when nothing says that they changed.
	connectionsKept = 2 * time.Second
	// connectionsFresh is how old an answer may be that was asked for fresh, so that strangers who guess at headers
	// cannot keep the database busy.
	connectionsFresh = 50 * time.Millisecond

	// maxHostsRemembered bounds what strangers who make up hosts can fill.
	maxHostsRemembered = 1000
)

// ShopDirectory remembers which shops may deliver, because every delivery asks. Changes on any instance make it forget.
type ShopDirectory struct {
	db      *Database
	changed <-chan struct{}
	loads   singleflight.Group

	mu     sync.Mutex
	byHost map[string]rememberedConnections
}

type rememberedConnections struct {
	connections command.Connections
	at          time.Time
}

var _ command.ShopDirectory = (*ShopDirectory)(nil)

// NewShopDirectory makes the directory. It forgets when the listener hears of a change.
func NewShopDirectory(db *Database, listener *Listener) *ShopDirectory {
	return &ShopDirectory{
		db: db, changed: listener.Subscribe("ShopConnected", "ShopDisconnected", "ShopKeyRotated", "SettingsChanged",
			"WorkspaceCreated", "WorkspaceHostsChanged", "WorkspaceDefaultChanged"),
		byHost: map[string]rememberedConnections{},
	}
}

// Connections returns the connected shops of the workspace that a host belongs to.
func (d *ShopDirectory) Connections(ctx context.Context, host string, fresh bool) (command.Connections, error) {
	keep := connectionsKept
	if fresh {
		keep = connectionsFresh
	}
	if known, ok := d.remembered(host, keep); ok {
		return known, nil
	}
	loaded, err, _ := d.loads.Do(host, func() (any, error) { return d.load(context.WithoutCancel(ctx), host) })
	if err != nil {
		return command.Connections{}, unavailable(err)
	}
	return loaded.(command.Connections), nil
}

func (d *ShopDirectory) remembered(host string, keep time.Duration) (command.Connections, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.changed:
		clear(d.byHost)
	default:
	}
	known, ok := d.byHost[host]
	if !ok || time.Since(known.at) > keep {
		return command.Connections{}, false
	}
	return known.connections, true
}

func (d *ShopDirectory) load(ctx context.Context, host string) (command.Connections, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	at := time.Now() // before the read: what changes during it must not be remembered as newer
	rows, err := queries.Connections(ctx, d.db.requests, host)
	if err != nil {
		return command.Connections{}, err
	}
	var found command.Connections
	for _, row := range rows {
		found.WorkspaceID = row.WorkspaceID
		if found.CodeTemplate, err = order.ParseCodeTemplate(row.OrderCodeTemplate); err != nil {
			return command.Connections{}, fmt.Errorf("read the order-code template of workspace %s: %w", row.WorkspaceID, err)
		}
		if row.ShopID == nil {
			continue // a workspace without shops
		}
		found.Shops = append(found.Shops, command.Connection{
			ShopID: *row.ShopID, HeaderKey: *row.HeaderKey, HeaderHash: workspace.HeaderHash(row.HeaderHash),
		})
		if row.PreviousValidUntil != nil {
			found.Shops = append(found.Shops, command.Connection{
				ShopID: *row.ShopID, HeaderKey: valueOf(row.PreviousHeaderKey),
				HeaderHash: workspace.HeaderHash(row.PreviousHeaderHash), ValidUntil: *row.PreviousValidUntil,
			})
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.byHost) >= maxHostsRemembered {
		clear(d.byHost)
	}
	d.byHost[host] = rememberedConnections{connections: found, at: at}
	return found, nil
}
