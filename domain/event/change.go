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

// ChangeOf says that a field has another value than before.
func ChangeOf(field string, before, after any) Change {
	return Change{Field: field, Before: rawJSON(before), After: rawJSON(after)}
}

// OrNothing turns a zero value into nothing, for the fields of a state where that is what it means.
func OrNothing[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

// rawJSON writes a value of a state. States are plain data, so only a time that no calendar has could fail; it is
// written as nothing.
func rawJSON(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}
