package postgres

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// listenRetry is how long to wait before listening again after the connection broke. Whoever waits is woken then, and
// looks for itself.
const listenRetry = time.Second

// switched is notified like the type of an event when other read tables are shown: a consumer that could not fold into those
// before may go on.
const switched = "read tables switched"

// Listener wakes those who wait for new events, on whichever instance these were appended.
type Listener struct {
	logger *slog.Logger
	pool   *pgxpool.Pool

	mu      sync.Mutex
	waiting []subscription
}

type subscription struct {
	types []string
	wake  chan struct{}
	// soon is how long events of other types may wait; 0 when they are of no concern.
	soon    time.Duration
	delayed *atomic.Bool // while they do
}

func (s subscription) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default: // woken already
	}
}

// NewListener makes a listener. Run makes it listen.
func NewListener(db *Database, logger *slog.Logger) *Listener {
	return &Listener{pool: db.requests, logger: logger}
}

// Subscribe returns a channel that gets a value when events of these types were appended (of any type, when none is
// given). Values do not pile up: one stands for any number of appends.
func (l *Listener) Subscribe(types ...string) <-chan struct{} {
	return l.add(subscription{types: types})
}

// SubscribeSoon is Subscribe for those whom events of other types concern too, but not at once.
func (l *Listener) SubscribeSoon(soon time.Duration, types ...string) <-chan struct{} {
	return l.add(subscription{types: types, soon: soon, delayed: &atomic.Bool{}})
}

func (l *Listener) add(s subscription) <-chan struct{} {
	s.wake = make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, s)
	return s.wake
}

// Watch is Subscribe for those who come and go: stop has to be called when they do.
func (l *Listener) Watch(types ...string) (wake <-chan struct{}, stop func()) {
	wake = l.Subscribe(types...)
	return wake, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = slices.DeleteFunc(l.waiting, func(s subscription) bool { return s.wake == wake })
	}
}

// Run listens until the context ends.
func (l *Listener) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		l.logger.WarnContext(ctx, "listening for appended events broke off", "error", err)
		l.wakeAll()
		select {
		case <-time.After(listenRetry):
		case <-ctx.Done():
		}
	}
}

func (l *Listener) listen(ctx context.Context) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // it listens for good, so it never goes back
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+appendedChannel); err != nil {
		return err
	}
	l.wakeAll() // for what was appended while nobody listened
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		l.wakeFor(strings.Split(notification.Payload, ","))
	}
}

func (l *Listener) wakeAll() { l.wakeFor(nil) }

// wakeFor wakes those who wait for one of the types; all of them, when no type is given.
func (l *Listener) wakeFor(types []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.waiting {
		concerned := slices.ContainsFunc(types, func(t string) bool { return slices.Contains(s.types, t) })
		switch {
		case concerned, len(types) == 0, len(s.types) == 0 && s.soon == 0:
			s.wakeUp()
		case s.soon > 0 && !s.delayed.Swap(true):
			time.AfterFunc(s.soon, func() {
				s.delayed.Store(false)
				s.wakeUp()
			})
		}
	}
}
