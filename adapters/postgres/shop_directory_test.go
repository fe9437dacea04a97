package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// directoryBundle is a directory whose every look at the database is counted.
type directoryBundle struct {
	*bundle

	directory *postgres.ShopDirectory
	seen      *statements
}

func setupDirectory(t *testing.T) *directoryBundle {
	t.Helper()
	b := &directoryBundle{bundle: setup(t), seen: &statements{}}
	db, err := b.db.Traced(t.Context(), b.seen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	b.directory = postgres.NewShopDirectory(db, postgres.NewListener(db, quiet()))
	return b
}

// looks is how often the directory looked since the last call.
func (b *directoryBundle) looks() int {
	return len(slices.DeleteFunc(b.seen.take(), func(s statement) bool { return s.name() != "Connections" }))
}

func (b *directoryBundle) connections(t *testing.T, host string, fresh bool) command.Connections {
	t.Helper()
	connections, err := b.directory.Connections(t.Context(), host, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return connections
}

// addShop connects a shop behind the directory's back.
func (b *directoryBundle) addShop(t *testing.T, id string) {
	t.Helper()
	b.exec(t, `INSERT INTO shops (workspace_id, shop_id, name, header_key, header_hash, connected_at)
		VALUES ($1, $2, 'Shop', 'X-Key', sha256('x'), now())`, b.workspaceID, id)
}

func TestShopDirectory(t *testing.T) {
	t.Parallel()

	t.Run("it remembers, and forgets when another instance changes a shop", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		directory := postgres.NewShopDirectory(b.db, listener)
		b.listening(t, listener)
		shops := func() int {
			connections, err := directory.Connections(t.Context(), "shop.example.com", false)
			if err != nil {
				t.Fatal(err)
			}
			return len(connections.Shops)
		}
		if got := shops(); got != 0 {
			t.Fatalf("%d shops", got)
		}
		other := &bundle{dsn: b.dsn, db: connect(t, b.dsn), workspaceID: b.workspaceID, by: b.by}
		for i := range 3 {
			other.connectShop(t, fmt.Sprint(i+1), uuid.Nil)
			start := time.Now()
			eventually(t, "the shop is seen", func() bool { return shops() == i+1 })
			if waited := time.Since(start); waited > time.Second { // far below the time for which answers are kept
				t.Errorf("a change was seen after %s", waited)
			}
		}
		handler := command.NewDisconnectShopHandler(postgres.NewWorkspaces(other.db))
		if _, err := handler.Handle(t.Context(), command.DisconnectShop{By: b.by, ShopID: "2"}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the shop is gone", func() bool { return shops() == 2 })
	})

	t.Run("it answers from memory for a while, and then looks again", func(t *testing.T) {
		t.Parallel()
		b := setupDirectory(t)
		start := time.Now()
		for range 100 {
			b.connections(t, "a.example.com", false)
		}
		if looks := b.looks(); looks != 1 && time.Since(start) < time.Second {
			t.Errorf("it looked %d times", looks)
		}
		b.addShop(t, "1")
		eventually(t, "it looks again though nothing told it to", func() bool {
			return len(b.connections(t, "a.example.com", false).Shops) == 1
		})
	})

	t.Run("asked for fresh connections it looks again, but not as often as strangers ask", func(t *testing.T) {
		t.Parallel()
		b := setupDirectory(t)
		b.connections(t, "a.example.com", false)
		b.addShop(t, "1")
		start := time.Now()
		eventually(t, "the new shop is seen", func() bool { return len(b.connections(t, "a.example.com", true).Shops) == 1 })
		if waited := time.Since(start); waited > time.Second {
			t.Errorf("it was seen after %s", waited)
		}
		if got := b.connections(t, "a.example.com", false); len(got.Shops) != 1 {
			t.Error("and forgotten again")
		}
		b.looks()
		start = time.Now()
		for range 200 {
			b.connections(t, "a.example.com", true)
		}
		if looks, most := b.looks(), 1+int(time.Since(start)/(50*time.Millisecond)); looks > most {
			t.Errorf("it looked %d times, want at most %d", looks, most)
		}
	})

	t.Run("many who ask at once cause one look", func(t *testing.T) {
		t.Parallel()
		b := setupDirectory(t)
		lock, err := b.admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lock.Exec(t.Context(), "LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { b.connections(t, "a.example.com", false) })
		}
		eventually(t, "the look waits", func() bool {
			return scan[bool](t, b.bundle, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
		})
		if err := lock.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		if looks := b.looks(); looks != 1 {
			t.Errorf("it looked %d times", looks)
		}
	})

	t.Run("a host finds its workspace, any other host the default one, and nothing when there is none", func(t *testing.T) {
		t.Parallel()
		b := setupDirectory(t)
		other := b.addWorkspace(t, "other", customer.MatchByPhone)
		b.exec(t, "INSERT INTO workspace_hosts VALUES ('other.example.com', $1)", other)
		b.addShop(t, "1")
		if got := b.connections(t, "other.example.com", false); got.WorkspaceID != other || len(got.Shops) != 0 {
			t.Errorf("its own host finds %+v", got)
		}
		for _, host := range []string{"unknown.example.com", "", "127.0.0.1:8080"} {
			got := b.connections(t, host, false)
			if got.WorkspaceID != b.workspaceID || len(got.Shops) != 1 || got.Shops[0].ShopID != "1" || got.Shops[0].HeaderKey != "X-Key" {
				t.Errorf("host %q finds %+v", host, got)
			}
		}
		b.exec(t, "UPDATE workspaces SET is_default = false")
		if got := b.connections(t, "somebody.example.com", false); got.WorkspaceID != uuid.Nil || len(got.Shops) != 0 {
			t.Errorf("without a default workspace: %+v", got)
		}
	})

	t.Run("hosts that strangers make up do not fill the memory", func(t *testing.T) {
		t.Parallel()
		b := setupDirectory(t)
		for i := range postgres.MaxHostsRemembered + 300 {
			b.connections(t, fmt.Sprintf("%d.example.com", i), false)
			if remembered := b.directory.Remembered(); remembered > postgres.MaxHostsRemembered {
				t.Fatalf("%d hosts are remembered", remembered)
			}
		}
		if b.directory.Remembered() == 0 {
			t.Error("nothing is remembered")
		}
	})

	t.Run("while the database is away the sender is told to try again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		db, err := postgres.Connect(t.Context(), b.dsn)
		if err != nil {
			t.Fatal(err)
		}
		directory := postgres.NewShopDirectory(db, postgres.NewListener(db, quiet()))
		db.Close()
		_, err = directory.Connections(t.Context(), "a.example.com", false)
		wantProblem(t, err, problem.KindUnavailable, "database-unavailable")
	})
}
