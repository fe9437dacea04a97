package delivery

import "orderbridge/domain/problem"

// Head is where a delivery stands. The zero Head is that of a delivery that does not exist.
type Head struct {
	// Version is that of the last event of the delivery's stream.
	Version int
	// LastEvent is the name of the last event, in any stream, that says what became of the delivery.
	LastEvent string
	// Attempts is how often it was tried to bring it in, to no avail: being refused at the door counts.
	Attempts int
}

// ErrUnknown: there is no such delivery.
var ErrUnknown = problem.NotFound("delivery-unknown", "no delivery has this id")

// Retry asks for one more attempt to bring the delivery in. Only a delivery that failed or was rejected can be tried again: any
// other was brought in, or will be.
func (h Head) Retry() (IngestionRetried, error) {
	switch h.LastEvent {
	case IngestionFailed{}.EventName(), DeliveryRejected{}.EventName():
		return IngestionRetried{Reason: RetriedOnRequest, Attempt: h.Attempts + 1}, nil
	case "":
		return IngestionRetried{}, ErrUnknown
	default:
		return IngestionRetried{}, problem.Conflict("delivery-not-retryable",
			"only a delivery that failed or was rejected is tried again, and this one %s", states[h.LastEvent])
	}
}

// states say what became of a delivery, by the event that says so last. The names in quotes are those of the outcomes.
var states = map[string]string{
	"OrderReceived":    `is "pending": it is about to be looked at`,
	"IngestionRetried": `is "pending": it is about to be looked at again`,
	"IngestionHeld":    `is "held": it is brought in when its shop is resumed`,
	"OrderCreated":     `is "created": its order was brought in`,
	"OrderUpdated":     `is "updated": its order was changed by it`,
	"OrderUnchanged":   `is "unchanged": it said nothing new of its order`,
	"OrderSkipped":     `is "skipped": its order was not to be brought over`,
}

// SaysOutcome are the names of the events that say what became of a delivery, or that it is looked at again.
func SaysOutcome() []string {
	return []string{
		"OrderReceived", "DeliveryRejected", "IngestionHeld", "IngestionRetried", "IngestionFailed",
		"OrderCreated", "OrderUpdated", "OrderUnchanged", "OrderSkipped",
	}
}
