package postgres

import (
	"context"
	"sync"
	"time"

	"orderbridge/app/policy"
)

const (
	// many is how many callers to an append, on the average of the last ones, tell that they are pressed for time.
	many = 8
	// noBurst is for how long nobody gives way any more after a crowd dispersed as soon as somebody did: fewer came than can be
	// handled, and they only had to wait for who was handling them.
	noBurst = 3 * time.Second
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

	// Projections give way to the policy too, from when it is so late, and for so long at a time: what it has not decided yet they
	// would fold for little, and once more when it has.
	policyLateFrom        = 250 * time.Millisecond
	giveWayToPolicyAtMost = 250 * time.Millisecond
)

// callers knows of those who append to the log whether many are about.
type callers struct {
	mu      sync.Mutex
	waiting int       // of them, for their append
	last    time.Time // when the last of them was answered
	average float64   // how many there were to an append
	pressed time.Time // since when they are pressed for time; zero when they are not
	// dispersed is when they were not pressed any more while somebody gave way.
	dispersed time.Time
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

// comeFirst tells whether they are pressed for time while some consumer is behind, unless they have been for so long that they have to
// share, or the last crowd was no burst.
func (c *callers) comeFirst() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.forget(now)
	return !c.pressed.IsZero() && now.Sub(c.pressed) < fairAfter && now.Sub(c.dispersed) > noBurst && c.furthest() > behind
}

// disperse notes that a crowd is none any more, if it is not that they all went away.
func (c *callers) disperse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.pressed.IsZero() && !c.areAway(now) {
		c.dispersed = now
	}
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

// GiveWay waits while callers are pressed for time, or the policy is, but not for ever. Who handles the log calls it before each
// slice: callers have to be answered, and consumers can catch up.
func (c *callers) GiveWay(ctx context.Context, consumer string) {
	c.giveWayToCallers(ctx)
	if consumer == policy.OnOrderReceivedName {
		return
	}
	for began := time.Now(); time.Since(began) < giveWayToPolicyAtMost && c.policyIsLate(); {
		if pause(ctx, giveWayPoll) != nil {
			return
		}
	}
}

func (c *callers) giveWayToCallers(ctx context.Context) {
	if !c.comeFirst() {
		return
	}
	for began := time.Now(); time.Since(began) < giveWayAtMost; {
		if pause(ctx, giveWayPoll) != nil {
			return
		}
		if !c.comeFirst() {
			c.disperse()
			return
		}
	}
}

func (c *callers) policyIsLate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follows[policy.OnOrderReceivedName] > policyLateFrom
}

// Away tells that none were there for a while.
func (c *callers) Away() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.areAway(time.Now())
}
