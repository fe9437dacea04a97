package event

import "encoding/json"

// Change is one field of a record that has another value than before. Before and After are JSON as the record's state
// has it (null for nothing), so that what was stored reads back exactly, large amounts included.
type Change struct {
	// Field is the JSON path in the record's state, such as "totals.due".
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}
