package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"orderbridge/adapters/eventbus"
	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

const (
	// maxQueuedAppends bounds who waits; beyond it callers are refused at once, so that they know while it is of use to them.
	maxQueuedAppends = 1024
	// One round trip takes at most this much.
	maxCoalescedEvents = 256
	maxCoalescedBytes  = 8 << 20

	appendTimeout = 15 * time.Second

	// Where there were several callers a moment ago, they are waited for so long.
	severalCallers = 4
	returnTime     = time.Millisecond
)

// errLogClosed is what a caller sees while the service stops.
var errLogClosed = problem.Unavailable("stopping", "the service is stopping; try again in some seconds")

// Log appends events that need nothing else stored with them. Callers who come while an append is under way join the
// next one: one insert and one fsync for all of them, because the append lock is held across the commit.
type Log struct {
	db       *Database
	requests chan *appendRequest
	stopped  chan struct{}
	callers  callers
	closing  context.Context //nolint:containedctx // the life of the writer, not of a request
	close    context.CancelFunc
}

type appendRequest struct {
	ctx    context.Context //nolint:containedctx // the caller's: whoever gave up is left out
	events encodedEvents
	bytes  int
	done   chan error
	// taken tells that it is decided whether the writer appends it or the caller has given it up: whoever sets it, decides.
	taken atomic.Bool
}

// NewLog starts the writer. Close ends it.
func NewLog(db *Database) *Log {
	closing, cancel := context.WithCancel(context.Background())
	log := &Log{
		db: db, requests: make(chan *appendRequest, maxQueuedAppends), stopped: make(chan struct{}),
		closing: closing, close: cancel,
	}
	go log.write()
	return log
}

// Append puts events into the log, in this order and without others between them, and returns when they are durable.
// It fails with ErrVersionConflict when a stream has an event of such a version already, and with command.ErrOverloaded when as
// many callers wait as may. A caller whose time is up while it waits has nothing in the log; one whose append was under way may.
func (l *Log) Append(ctx context.Context, events ...event.New) error {
	encoded, err := encode(events)
	if err != nil {
		return err
	}
	request := &appendRequest{ctx: ctx, events: encoded, done: make(chan error, 1)}
	for i := range encoded.IDs {
		request.bytes += len(encoded.Payloads[i]) + len(encoded.Bodies[i])
	}
	if l.closing.Err() != nil {
		return errLogClosed
	}
	l.callers.came()
	defer l.callers.left()
	select {
	case l.requests <- request:
	default:
		return command.ErrOverloaded
	}
	select {
	case err := <-request.done:
		return unavailable(err)
	case <-ctx.Done():
		request.giveUp()
		err = unavailable(fmt.Errorf("wait to append: %w", ctx.Err()))
	case <-l.stopped:
		err = errLogClosed
	}
	select { // it may have been answered last
	case answered := <-request.done:
		return unavailable(answered)
	default:
		return err
	}
}

// giveUp keeps the writer from appending what still waits. The request keeps its place until the writer comes to it, and nothing
// that is large.
func (r *appendRequest) giveUp() {
	if r.taken.CompareAndSwap(false, true) {
		clear(r.events.Payloads)
		clear(r.events.Bodies)
	}
}

// Callers are those who append.
func (l *Log) Callers() eventbus.Callers { return &l.callers }

// Close lets the append under way finish and stops the writer.
func (l *Log) Close() {
	l.close()
	<-l.stopped
}

func (l *Log) write() {
	defer close(l.stopped)
	for {
		select {
		case first := <-l.requests:
			l.appendAll(l.collect(first))
		case <-l.closing.Done():
			return
		}
	}
}

// collect takes those who are waiting already, up to what one round trip should carry. Where there were many a moment ago, they are
// about to come back, and are waited for a little: or the first of them would have a commit for themselves, and all others would
// wait for it.
func (l *Log) collect(first *appendRequest) []*appendRequest {
	batch, events, bytes := []*appendRequest{first}, len(first.events.IDs), first.bytes
	expected := l.callers.expected()
	var late <-chan time.Time
	for events < maxCoalescedEvents && bytes < maxCoalescedBytes {
		var next *appendRequest
		select {
		case next = <-l.requests:
		default:
			if len(batch) >= expected || expected < severalCallers {
				return batch
			}
			if late == nil {
				late = time.After(returnTime)
			}
			select {
			case next = <-l.requests:
			case <-late:
				return batch
			}
		}
		batch = append(batch, next)
		events += len(next.events.IDs)
		bytes += next.bytes
	}
	return batch
}

func (l *Log) appendAll(batch []*appendRequest) {
	waiting := make([]*appendRequest, 0, len(batch))
	for _, request := range batch {
		if request.ctx.Err() != nil || !request.taken.CompareAndSwap(false, true) {
			continue // its caller knows
		}
		waiting = append(waiting, request)
	}
	if len(waiting) == 0 {
		return
	}
	err := l.appendTogether(waiting)
	if err == nil || len(waiting) == 1 || isUnavailable(err) {
		for _, request := range waiting {
			request.done <- err
		}
		return
	}
	for _, request := range waiting { // one of them is at fault, and the others must not suffer for it
		request.done <- l.appendTogether([]*appendRequest{request})
	}
}

func (l *Log) appendTogether(batch []*appendRequest) error {
	parts := make([]encodedEvents, 0, len(batch))
	for _, request := range batch {
		parts = append(parts, request.events)
	}
	l.callers.served(len(batch) + len(l.requests))
	// Not the callers' context: one who gives up must not undo the append of the others.
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	events := merge(parts)
	var p pipeline
	if err := queueAppend(ctx, &p, events); err != nil {
		return err
	}
	if err := p.send(ctx, l.db.appends); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errUnavailable.Because(err)
		}
		return fmt.Errorf("append %d events: %w", len(events.IDs), err)
	}
	return nil
}
