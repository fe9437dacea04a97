package postgres_test

import (
	"context"
	"testing"
	"time"

	"orderbridge/adapters/postgres"
	"orderbridge/domain/order"
	"orderbridge/domain/workspace"
)

// listening runs a listener until the test ends, and returns once it listens.
func (b *bundle) listening(t *testing.T, listener *postgres.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		listener.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	b.untilListening(t)
}

const whoListens = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'`

func (b *bundle) untilListening(t *testing.T) (pid int32) {
	t.Helper()
	eventually(t, "somebody listens", func() bool {
		pids := list[int32](t, b, whoListens)
		if len(pids) == 1 {
			pid = pids[0]
		}
		return len(pids) == 1
	})
	return pid
}

// woken tells whether a wake-up comes.
func woken(t *testing.T, wake <-chan struct{}) {
	t.Helper()
	select {
	case <-wake:
	case <-time.After(20 * time.Second):
		t.Fatal("never woken")
	}
}

// drain takes the wake-up that is there, if one is.
func drain(wake <-chan struct{}) bool {
	select {
	case <-wake:
		return true
	default:
		return false
	}
}

func TestListener(t *testing.T) {
	t.Parallel()

	t.Run("an append on another connection wakes those who wait for its types, and nobody else", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		orders, updates, either, every := listener.Subscribe("OrderCreated"), listener.Subscribe("OrderUpdated"),
			listener.Subscribe("OrderUpdated", "ShopDisconnected"), listener.Subscribe()
		b.listening(t, listener)
		for _, wake := range []<-chan struct{}{orders, updates, either, every} {
			woken(t, wake) // for what was appended while nobody listened
		}
		log := postgres.NewLog(connect(t, b.dsn)) // another instance
		t.Cleanup(log.Close)

		if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 3)...); err != nil { // ShopDisconnected
			t.Fatal(err)
		}
		woken(t, every)
		woken(t, either)
		e := numbered(b.workspaceID, newStream(), 1, 1)[0]
		e.Payload = order.OrderCreated{}
		mixed := append(numbered(b.workspaceID, newStream(), 1, 2), e)
		if err := log.Append(t.Context(), mixed...); err != nil {
			t.Fatal(err)
		}
		woken(t, orders) // by the second append, so the first one's notification is through
		woken(t, every)
		woken(t, either)
		if drain(updates) {
			t.Error("who waits for updates was woken by other events")
		}
		if drain(orders) {
			t.Error("who waits for created orders was woken by the first append too")
		}
	})

	t.Run("events of other types wake those whom they concern soon, once for all of them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		const soon = 200 * time.Millisecond
		wake, every := listener.SubscribeSoon(soon, "OrderCreated"), listener.Subscribe()
		b.listening(t, listener)
		woken(t, wake)
		woken(t, every)
		log := b.newLog(t)
		began := time.Now()
		for range 3 {
			if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil { // ShopDisconnected
				t.Fatal(err)
			}
		}
		woken(t, every)
		woken(t, wake)
		if took := time.Since(began); took < soon {
			t.Errorf("woken after %s", took)
		}
		created := numbered(b.workspaceID, newStream(), 1, 1)[0]
		created.Payload = order.OrderCreated{}
		for range 50 { // if each of these waited, they would take ten seconds together
			began = time.Now()
			if err := log.Append(t.Context(), created); err != nil {
				t.Fatal(err)
			}
			woken(t, wake)
			if time.Since(began) < soon {
				return
			}
			created = numbered(b.workspaceID, newStream(), 1, 1)[0]
			created.Payload = order.OrderCreated{}
		}
		t.Error("events that are waited for never woke at once")
	})

	t.Run("wake-ups do not pile up", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		wake, last := listener.Subscribe("ShopDisconnected"), listener.Subscribe("ShopConnected")
		b.listening(t, listener)
		woken(t, wake)
		woken(t, last)
		log := b.newLog(t)
		for range 20 {
			if err := log.Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil {
				t.Fatal(err)
			}
		}
		end := numbered(b.workspaceID, newStream(), 1, 1)[0]
		end.Payload = workspace.ShopConnected{}
		if err := log.Append(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		woken(t, last) // after all the others
		if !drain(wake) || drain(wake) {
			t.Error("twenty appends are not one wake-up")
		}
	})

	t.Run("who left is not woken any more", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		stays, leave := listener.Watch("ShopDisconnected")
		defer leave()
		left, stop := listener.Watch("ShopDisconnected")
		stop()
		stop() // of which once is enough
		b.listening(t, listener)
		woken(t, stays)
		if err := b.newLog(t).Append(t.Context(), numbered(b.workspaceID, newStream(), 1, 1)...); err != nil {
			t.Fatal(err)
		}
		woken(t, stays)
		if drain(left) {
			t.Error("it was woken")
		}
	})

	t.Run("when its connection breaks it wakes everybody and listens again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		wake := listener.Subscribe("OrderUpdated")
		b.listening(t, listener)
		woken(t, wake)
		pid := b.untilListening(t)
		b.exec(t, "SELECT pg_terminate_backend($1)", pid)
		woken(t, wake) // something may have been missed
		eventually(t, "it listens again, on another connection", func() bool {
			pids := list[int32](t, b, whoListens)
			return len(pids) == 1 && pids[0] != pid
		})
		woken(t, wake) // for what was appended in between
		e := numbered(b.workspaceID, newStream(), 1, 1)[0]
		e.Payload = order.OrderUpdated{}
		if err := b.newLog(t).Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		woken(t, wake)
	})

	t.Run("it ends with its context, and takes its connection with it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		listener := postgres.NewListener(b.db, quiet())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			listener.Run(ctx)
		}()
		b.untilListening(t)
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("it does not end")
		}
		eventually(t, "nobody listens", func() bool { return len(list[int32](t, b, whoListens)) == 0 })
	})
}
