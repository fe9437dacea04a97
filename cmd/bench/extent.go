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
	patience  float64       // how many times as long a lag as is allowed is bearable, where the time is too short to tell
	visible   time.Duration
	list      time.Duration

	backlog     int           // orders
	catchUpRate float64       // orders a second, offered beside it
	catchUp     time.Duration // at most

	logFiles int // of the write-ahead log, which the server has at hand

	orders int // for rebuilding and for lists
	events int // in the log, for growth
}

var fullExtent = extent{
	rounds: 3, rebuildRounds: 3, clients: 32,
	reference: 10 * time.Second, burst: 15 * time.Second, search: 15 * time.Second, sustain: time.Minute, patience: 1,
	visible: 20 * time.Second, list: 20 * time.Second,
	backlog: 50_000, catchUpRate: 1000, catchUp: 2 * time.Minute, logFiles: 250,
	orders: 1_000_000, events: 10_000_000,
}

// quickExtent is only to see that all of it works.
var quickExtent = extent{
	rounds: 1, rebuildRounds: 1, clients: 32,
	reference: time.Second, burst: 2 * time.Second, search: 3 * time.Second, sustain: 3 * time.Second, patience: 20,
	visible: 2 * time.Second, list: 2 * time.Second,
	backlog: 1000, catchUpRate: 100, catchUp: 10 * time.Second, logFiles: 10,
	orders: 2000, events: 16_000,
}

// usualThrough is about how many orders a second come through, to tell how long something will take.
const usualThrough = 2000

// roundTakes is about how long a round of the core takes.
func (e extent) roundTakes() time.Duration {
	working := time.Duration(float64(e.backlog) / usualThrough * float64(time.Second)) // off a backlog
	return (2*e.reference + e.search + 5*e.sustain/2 + e.visible + 3*working + 2*e.burst + 15*time.Second).Round(time.Second)
}

// growthTakes is about how long it takes to find what is kept up with once more.
func (e extent) growthTakes() time.Duration {
	return 2*e.reference + e.search + 5*e.sustain/2 + 30*time.Second
}
