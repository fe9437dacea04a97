// Package eventbus lets Watermill drive the consumers of the event log: one message is one slice of the log, and one
// slice is one transaction.
//
//	watermill-sql begins a transaction
//	    ─▶ schemaAdapter    selects the next slice (after, upto], and locks the consumer's cursor
//	    ─▶ Consumer         handles the slice in a savepoint, and moves the cursor with its last statement
//	    ─▶ offsetsAdapter   acknowledges: only looks at the cursor, since it was moved already
//	watermill-sql commits
//
// What it promises: events are handled in the order of the log, once, and everything that handling a slice wrote is
// committed together with the cursor or not at all. A consumer runs on one instance at a time; when that dies, another
// takes over. Consumers are woken by appends, and look for themselves now and then in case a wake-up was lost.
//
// A slice that fails for a passing reason is tried again for as long as it takes. One that fails otherwise is halved
// until the one event at fault stands alone: a policy parks that event and goes on, a projection stops there and says
// so.
//
// Five habits of watermill-sql v4 shape the code: a Nack keeps the transaction open, so handlers never nack; a commit that
// fails is only logged, and a select that fails looks like one that found nothing, so transactions tell the consumer of
// both, and nothing is remembered of a slice before its commit; HandleError is called between polls, so that is where a
// consumer waits; and a subscriber that is closed ends the transaction without waiting for the handler, so transactions
// wait for it themselves.
package eventbus
