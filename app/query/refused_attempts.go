package query

import (
	"time"

	"orderbridge/domain/delivery"
)

// RefusedAttempt is a way in which calls of the webhook were not taken lately, and of which the log holds nothing.
type RefusedAttempt struct {
	delivery.Attempt

	// Attempts is how often, in the last hour or since it began if it goes on for longer.
	Attempts int64
	LastAt   time.Time
}
