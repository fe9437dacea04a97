package eventbus

import "time"

// SetStoppedRetry shortens how long a stopped consumer waits before it tries again.
func (c *Consumer) SetStoppedRetry(d time.Duration) { c.stoppedRetry = d }

// MaxConflicts is how often in a row a conflict is taken for a coincidence.
const MaxConflicts = maxConflicts

// SafetyPoll is how long a consumer waits at most without looking for itself.
const SafetyPoll = safetyPoll
