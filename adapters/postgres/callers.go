package postgres

import (
	"context"
	"sync"
	"time"
)

const (
	// many is how many callers to an append, on the average of the last ones, tell that they are pressed for time.
	many = 8
	// forgotten is how long after the last caller nothing is known of how many there are any more.
	forgotten = 50 * time.Millisecond

	// behind is from which age of the events that a consumer handles on all consumers give way: who follows closely takes no more than it
	// needs, and who does not will not catch up while callers come.
	behind = 300 * time.Millisecond

	// giveWayAtMost bounds for how long others give way to callers at a time. After fairAfter in a row callers have to share: what
	// they bring has to be handled too.
	giveWayAtMost = 2 * time.Second
	giveWayPoll   = 5 * time.Millisecond
	fairAfter     = time.Minute
)

// callers knows of those who append to the log whether many are about.
type callers struct {
	mu      sync.Mutex
	waiting int       // of them, for their append
	last    time.Time // when the last of them was answered
	average float64   // how many there were to an append
	pressed time.Time // since when they are pressed for time; zero when they are not
	// follows are the ages of the events that consumers handled last.
	follows map[string]time.Duration
}

// came and left are called by each of them.
func (c *callers) came() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(time.Now())
	c.waiting++
}

func (c *callers) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	c.last = time.Now()
}

// served notes an append for some of them, with those who wait behind them.
func (c *callers) served(together int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const weight = 0.1
	c.average += weight * (float64(together) - c.average)
	switch {
	case c.average < many:
		c.pressed = time.Time{}
	case c.pressed.IsZero():
		c.pressed = time.Now()
	}
}

func (c *callers) forget(now time.Time) {
	if c.areAway(now) {
		c.average, c.pressed = 0, time.Time{}
	}
}

func (c *callers) areAway(now time.Time) bool { return c.waiting == 0 && now.Sub(c.last) > forgotten }

// expected is how many there usually are to an append.
func (c *callers) expected() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.average)
}

// comeFirst tells whether they are pressed for time, and have not been for so long that they have to share.
func (c *callers) comeFirst() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.forget(now)
	return !c.pressed.IsZero() && now.Sub(c.pressed) < fairAfter && c.furthest() > behind
}

func (c *callers) furthest() time.Duration {
	var furthest time.Duration
	for _, age := range c.follows {
		furthest = max(furthest, age)
	}
	return furthest
}

// Follows tells how old the events are that a consumer has just handled; 0 when it has handled all there are.
func (c *callers) Follows(consumer string, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follows == nil {
		c.follows = map[string]time.Duration{}
	}
	c.follows[consumer] = age
}

// GiveWay waits while callers are pressed for time, but not for ever. Who handles the log calls it before each slice: callers
// have to be answered, and consumers can catch up.
func (c *callers) GiveWay(ctx context.Context) {
	deadline := time.Now().Add(giveWayAtMost)
	for c.comeFirst() && time.Now().Before(deadline) {
		if pause(ctx, giveWayPoll) != nil {
			return
		}
	}
}

// Away tells that none were there for a while.
func (c *callers) Away() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.areAway(time.Now())
}
