package eventbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Selection is the query that names a consumer's next slice: from the consumer's name ($1) and the size of a slice ($2)
// to one row (after, upto, full, age in seconds, and what the handler wants to know of the slice, as JSON), or none. It locks the
// cursor, and skips one that is locked.
type Selection string

// Next locks the consumer's cursor and names its next slice, for who handles one without a subscriber. It fails with
// pgx.ErrNoRows when there is none.
func (s Selection) Next(ctx context.Context, tx Tx, consumer string, size int64) (Slice, error) {
	return scanSlice(tx.QueryRow(ctx, string(s), consumer, size))
}

const (
	// safetyPoll is how long a consumer waits at most without looking for itself.
	safetyPoll = 2 * time.Second
	// sliceTimeout bounds the handling of one slice; one that takes longer is rolled back, and half of it is tried.
	sliceTimeout = 2 * time.Minute

	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 5 * time.Second
	stoppedRetry = 30 * time.Second
	noteTimeout  = 5 * time.Second
	undoTimeout  = 5 * time.Second
	// maxConflicts is how often in a row others may come in between before it is no coincidence.
	maxConflicts = 5

	// A consumer that is late rests for as long as it worked, up to maxRest, to let events gather. One is not late while the oldest
	// event of a slice is younger than onTime.
	maxRest = 100 * time.Millisecond
	onTime  = 20 * time.Millisecond
	// One that is unhurried always rests, for longRest times as long as it worked, within these bounds.
	longRest    = 5
	minLongRest = 50 * time.Millisecond
	maxLongRest = 500 * time.Millisecond

	aliveDeadline = sliceTimeout + stoppedRetry + safetyPoll
)

// Config is what makes a consumer.
type Config struct {
	// Name is the consumer's name in the cursors. It is stored data.
	Name string
	// Select names the next slice, Size bounds it. IdleSize, where there is one, bounds it while no callers are about.
	Select         Selection
	Size, IdleSize int64
	// SliceTimeout bounds the handling of one slice; 0 stands for two minutes.
	SliceTimeout time.Duration
	// Wake gets a value when there may be something to do.
	Wake <-chan struct{}
	// Unhurried tells that what it does is seldom waited for, so that it may handle more at once, and later.
	Unhurried bool
	// Callers come first. It may be nil, when there are none.
	Callers Callers
	// Mended gets a value when a consumer that stopped may go on; nil when nobody says so.
	Mended <-chan struct{}
	// Handle handles a slice and moves the cursor to its end. It may be called again for the same slice, or for a
	// part of it, after what it did was rolled back.
	Handle func(ctx context.Context, tx Tx, slice Slice) error
	// Park takes the one event of the slice out of the way and moves the cursor past it. Without it the consumer
	// stops at an event that it cannot handle.
	Park func(ctx context.Context, tx Tx, slice Slice) error
	// IsTransient tells whether the cause passes by itself, such as a database that is away: it is tried again for ever.
	IsTransient func(error) bool
	// IsConflict tells whether another writer came in between: it is tried again a few times.
	IsConflict func(error) bool
	// Note keeps the reason for not moving on where operators see it, until the cursor moves: whoever moves it clears the
	// reason with it, since that may be another instance than the one that noted it.
	Note func(ctx context.Context, stop Stop) error
}

// Stop says why a consumer does not move on.
type Stop struct {
	// Category is "retrying" while the cause may pass, "stopped" when it will not.
	Category string
	// Position is that of the first event that is not handled; 0 when it is not about a particular one.
	Position int64
	Reason   string
}

// Callers are those who wait for an answer while the log is handled.
type Callers interface {
	// Follows tells how old the events are that a consumer has just handled; 0 when it has handled all there are.
	Follows(consumer string, age time.Duration)
	// GiveWay waits while they are pressed for time, or a consumer is that goes before this one, but not for ever.
	GiveWay(ctx context.Context, consumer string)
	// Away tells that none were there for a while.
	Away() bool
}

// Consumer handles the slices of the log for one policy or projection.
type Consumer struct {
	config Config
	logger *slog.Logger
	ctx    context.Context //nolint:containedctx // the consumer's life: watermill's HandleError gets none

	stoppedRetry time.Duration // tests do not wait for half a minute

	mu       sync.Mutex
	lastSeen time.Time

	// handling is held while a slice is handled, and while its transaction ends: a subscriber that is closed gives up
	// waiting for the handler, and must not end the transaction under its hands. It guards what follows.
	handling  sync.Mutex
	window    int64         // how many events to try at once; 0 for as many as the slice has
	failures  int           // in a row
	conflicts int           // in a row
	wait      time.Duration // before the next poll
	noted     bool
	handled   *Slice    // since the last poll, if it was committed
	began     time.Time // when handling it began
	trouble   error     // that watermill-sql keeps to itself, since the last poll
}

// NewConsumer makes a consumer that lives as long as ctx.
func NewConsumer(ctx context.Context, config Config, logger *slog.Logger) *Consumer {
	return &Consumer{
		config: config, logger: logger.With("consumer", config.Name), ctx: ctx, stoppedRetry: stoppedRetry, lastSeen: time.Now(),
	}
}

// Name is the consumer's name.
func (c *Consumer) Name() string { return c.config.Name }

// Subscriber makes the Watermill subscriber that feeds the consumer.
func (c *Consumer) Subscriber(pool *pgxpool.Pool) (message.Subscriber, error) {
	noDeadline := time.Duration(0) // an expired one would commit what a handler has half done
	beginner := guardedBeginner{Beginner: sql.BeginnerFromPgx(pool), pool: pool, consumer: c}
	subscriber, err := sql.NewSubscriber(beginner, sql.SubscriberConfig{
		ConsumerGroup:  c.config.Name,
		AckDeadline:    &noDeadline,
		BackoffManager: c,
		SchemaAdapter:  schemaAdapter{consumer: c.config.Name, selection: c.config.Select, size: c.size},
		OffsetsAdapter: offsetsAdapter{consumer: c.config.Name},
	}, watermillLogger(c.logger))
	if err != nil {
		return nil, fmt.Errorf("make subscriber of %s: %w", c.config.Name, err)
	}
	return patientSubscriber{Subscriber: subscriber, consumer: c}, nil
}

// patientSubscriber subscribes again when the database was away for the moment: it may go at any time, also while a service starts.
type patientSubscriber struct {
	message.Subscriber

	consumer *Consumer
}

// Subscribe subscribes.
func (s patientSubscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	for wait := firstBackoff; ; wait = min(2*wait, maxBackoff) {
		messages, err := s.Subscriber.Subscribe(ctx, topic)
		if err == nil || ctx.Err() != nil || !s.consumer.config.IsTransient(err) {
			return messages, err
		}
		s.consumer.seen()
		s.consumer.logger.WarnContext(ctx, "could not begin and tries again", "wait", wait, "error", err)
		s.consumer.sleep(wait, nil)
	}
}

// size is how large a slice may be now.
func (c *Consumer) size() int64 {
	if c.config.IdleSize > 0 && (c.config.Callers == nil || c.config.Callers.Away()) {
		return c.config.IdleSize
	}
	return c.config.Size
}

// watermillLogger passes on what Watermill logs. What it calls information is of interest to its developers.
func watermillLogger(logger *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
}

// Alive tells whether the consumer still polls the log, and if not, since when.
func (c *Consumer) Alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := time.Since(c.lastSeen); since > aliveDeadline {
		return fmt.Errorf("consumer %s has not looked at the log for %s", c.config.Name, since.Round(time.Second))
	}
	return nil
}

func (c *Consumer) seen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastSeen = time.Now()
}

// HandleMessage handles a slice in the subscriber's transaction. It never returns an error: a Nack would keep the
// transaction open. Whatever fails is rolled back to before the handler, and the slice is selected again.
func (c *Consumer) HandleMessage(msg *message.Message) error {
	c.handling.Lock()
	defer c.handling.Unlock()
	c.seen()
	c.began = time.Now()
	tx, slice, err := unwrap(msg)
	if err != nil {
		c.retryLater(slice, err)
		return nil
	}
	if c.window > 0 && slice.Len() > c.window {
		slice.Upto, slice.Full = slice.After+c.window, true
	}
	ctx, cancel := context.WithTimeout(msg.Context(), cmp.Or(c.config.SliceTimeout, sliceTimeout))
	defer cancel()
	err = c.inSavepoint(ctx, tx, slice, c.config.Handle)
	switch {
	case err == nil:
		c.handled = &slice
	case msg.Context().Err() == nil && ctx.Err() != nil && slice.Len() > 1: // it took too long, and would again
		c.window = slice.Len() / 2
		c.retryLater(slice, err)
	case ctx.Err() != nil || c.config.IsTransient(err):
		c.retryLater(slice, err)
	case c.config.IsConflict(err) && c.conflicts < maxConflicts:
		c.conflicts++
		c.retryLater(slice, err)
	case slice.Len() > 1:
		if c.window = slice.Len() / 2; c.window == 1 {
			c.conflicts, c.failures = 0, 0 // an event is not parked for what came in between a slice of many
		}
		c.logger.WarnContext(ctx, "slice failed and is halved", "after", slice.After, "upto", slice.Upto, "error", err)
	default:
		c.isolated(ctx, tx, slice, err)
	}
	return nil
}

// isolated deals with the one event that cannot be handled.
func (c *Consumer) isolated(ctx context.Context, tx Tx, slice Slice, cause error) {
	if c.config.Park == nil {
		c.stop(slice, cause)
		return
	}
	c.logger.ErrorContext(ctx, "event cannot be handled and is parked", "position", slice.Upto, "error", cause)
	if err := c.inSavepoint(ctx, tx, slice, c.config.Park); err != nil {
		if ctx.Err() != nil || c.config.IsTransient(err) {
			c.retryLater(slice, err)
			return
		}
		c.stop(slice, errors.Join(cause, fmt.Errorf("park: %w", err)))
		return
	}
	c.handled = &slice
}

// inSavepoint undoes what a handler did that fails. The savepoint was set when the slice was selected.
func (c *Consumer) inSavepoint(
	ctx context.Context, tx Tx, slice Slice, handle func(context.Context, Tx, Slice) error,
) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("panic: %v\n%s", recovered, debug.Stack())
		}
		if err == nil {
			return
		}
		// Also when time is up: what is undone here must not be committed. A connection that cannot do it is one that is lost.
		undoing, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		if _, failure := tx.Exec(undoing, "ROLLBACK TO SAVEPOINT "+savepoint); failure != nil {
			err = errors.Join(err, fmt.Errorf("undo: %w", failure))
		}
	}()
	return handle(ctx, tx, slice)
}

// succeeded forgets earlier trouble, once the slice is committed.
func (c *Consumer) succeeded(slice Slice) {
	c.failures, c.conflicts, c.wait = 0, 0, 0
	if c.window > 0 {
		if c.window *= 2; c.window >= max(c.config.Size, c.config.IdleSize) {
			c.window = 0
		}
	}
	if c.noted {
		c.logger.Info("moving on again", "position", slice.Upto)
		c.noted = false
	}
}

// retryLater tries the same slice again after a while: whatever was in the way may be gone by then.
func (c *Consumer) retryLater(slice Slice, cause error) {
	c.failures++
	c.wait = min(firstBackoff<<min(c.failures-1, 10), maxBackoff)
	if c.ctx.Err() != nil {
		return // stopping
	}
	c.logger.Warn("slice failed and is tried again", "after", slice.After, "upto", slice.Upto, "attempt", c.failures,
		"wait", c.wait, "error", cause)
	if c.failures > 2 {
		stop := Stop{Category: "retrying", Reason: cause.Error()}
		if slice.Len() > 0 {
			stop.Position = slice.After + 1
		}
		c.note(stop)
	}
}

// stop stays at an event that cannot be handled. It is tried again now and then, since a new version of the program
// may be able to.
func (c *Consumer) stop(slice Slice, cause error) {
	c.wait = c.stoppedRetry
	c.logger.Error("stopped at an event that cannot be handled", "position", slice.Upto, "error", cause)
	c.note(Stop{Category: "stopped", Position: slice.Upto, Reason: cause.Error()})
}

func (c *Consumer) note(stop Stop) {
	ctx, cancel := context.WithTimeout(c.ctx, noteTimeout)
	defer cancel()
	if err := c.config.Note(ctx, stop); err != nil {
		c.logger.Warn("reason for not moving on could not be kept", "error", err)
		return
	}
	c.noted = true
}

// HandleError is where the consumer waits: until something was appended when there was nothing to do, for a while after
// trouble, else for a rest, and for callers who come first. It implements watermill-sql's BackoffManager.
func (c *Consumer) HandleError(_ watermill.LoggerAdapter, noMessage bool, err error) time.Duration {
	next := c.after(err)
	c.follows(next.age)
	switch {
	case next.wait > 0:
		c.sleep(next.wait, c.config.Mended)
	case noMessage:
		c.sleep(safetyPoll, c.config.Wake)
	case next.done:
		c.sleep(next.rest, nil)
		c.untilWoken()
	}
	if c.config.Callers != nil {
		c.config.Callers.GiveWay(c.ctx, c.config.Name)
	}
	c.seen()
	return 0
}

// next is what to do before the next poll.
type next struct {
	wait time.Duration // for the trouble of the last slice, or of polling itself, to pass
	age  time.Duration // of the events that were handled
	// done tells that the slice held all there was when it was selected, so that there is more only if something was appended
	// since, which wakes the consumer up.
	done bool
	rest time.Duration
}

// after tells what to do after a slice, or after looking for one. When all went well and the slice was not full, the consumer may
// rest.
func (c *Consumer) after(err error) next {
	c.handling.Lock()
	defer c.handling.Unlock()
	c.seen()
	err = errors.Join(err, c.trouble)
	var then next
	switch {
	case err != nil && c.ctx.Err() == nil:
		c.retryLater(Slice{}, err)
	case err == nil && c.handled != nil:
		then.age = c.handled.Age
		if then.done = !c.handled.Full; then.done {
			then.rest = c.rest(then.age, time.Since(c.began))
		}
		c.succeeded(*c.handled)
	}
	then.wait = c.wait
	c.wait, c.handled, c.trouble = 0, nil, nil
	return then
}

// rest is how long to let events gather after a slice: many small slices cost far more than few large ones. When they follow each
// other so closely that the consumer is late, it is the machine that is short of time.
func (c *Consumer) rest(age, worked time.Duration) time.Duration {
	switch {
	case c.config.Unhurried:
		return min(max(longRest*worked, minLongRest), maxLongRest)
	case age < onTime:
		return 0
	default:
		return min(worked, maxRest)
	}
}

// follows tells callers how old the events are that were handled; 0 when there are no more.
func (c *Consumer) follows(age time.Duration) {
	if c.config.Callers != nil {
		c.config.Callers.Follows(c.config.Name, age)
	}
}

// untilWoken waits for something to be appended, unless that happened since the last slice was selected. To look for it would be
// three round trips, which at some hundred orders a second would be in the way of every other consumer.
func (c *Consumer) untilWoken() {
	select {
	case <-c.config.Wake:
	default:
		c.follows(0)
		c.sleep(safetyPoll, c.config.Wake)
	}
}

func (c *Consumer) sleep(d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-c.ctx.Done():
	}
}
