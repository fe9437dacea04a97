// Package projection holds what is decided about read tables. Whatever else happens to them can be done again and is in no
// event.
package projection

// EventSkipped: a projection passes over an event that it cannot fold, from now on and in every rebuild.
type EventSkipped struct {
	Projection string `json:"projection"`
	Position   int64  `json:"position"`
	// EventType is the type of the event that is passed over.
	EventType string `json:"event_type"`
	// Reason is why it could not be folded, in PostgreSQL's words. These may quote what the event says.
	Reason string `json:"reason"`
}

func (EventSkipped) EventName() string { return "ProjectionEventSkipped" }
func (EventSkipped) EventVersion() int { return 1 }

// PersonalFields implements event.Personal.
func (EventSkipped) PersonalFields() []string { return []string{"reason"} }
