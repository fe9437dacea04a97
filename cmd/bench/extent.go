package main

import "time"

// extent says how much is measured.
type extent struct {
	rounds        int
	rebuildRounds int
	clients       int // of bursts, and of the reference

	reference time.Duration // at each time
	burst     time.Duration
	search    time.Duration // for where to begin with rates that may be kept up with
	sustain   time.Duration // for how long a rate has to be
	visible   time.Duration
	list      time.Duration

	backlog     int           // orders
	catchUpRate float64       // orders a second, offered beside it
	catchUp     time.Duration // at most

	orders int // for rebuilding and for lists
	events int // in the log, for growth
}

var fullExtent = extent{
	rounds: 3, rebuildRounds: 2, clients: 32,
	reference: 10 * time.Second, burst: 15 * time.Second, search: 15 * time.Second, sustain: time.Minute, visible: 20 * time.Second,
	list:    20 * time.Second,
	backlog: 50_000, catchUpRate: 1000, catchUp: 2 * time.Minute,
	orders: 1_000_000, events: 10_000_000,
}

// quickExtent is only to see that all of it works.
var quickExtent = extent{
	rounds: 1, rebuildRounds: 1, clients: 32,
	reference: time.Second, burst: 2 * time.Second, search: 3 * time.Second, sustain: 3 * time.Second, visible: 2 * time.Second,
	list:    2 * time.Second,
	backlog: 1000, catchUpRate: 100, catchUp: 10 * time.Second,
	orders: 2000, events: 16_000,
}
