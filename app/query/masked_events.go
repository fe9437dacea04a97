package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Masked is the step with all masked that its event declares as personal, and told from that. What cannot be masked is
// not shown.
func (s Step) Masked() Step {
	if s.payload == nil { // it has not happened, and says nothing about anybody
		return s
	}
	s.Actor = event.Actor(contact.MaskWithin(string(s.Actor))) // a token may be named after somebody
	fields := maskedFields(s.Stream, s.payload)
	payload, errPayload := maskPayload(s.payload, fields)
	data, errData := maskJSON(s.Data, fields)
	if errPayload != nil || errData != nil {
		s.Summary, s.SummaryVI, s.Data, s.payload = s.Event+".", s.Event+".", json.RawMessage("{}"), nil
		return s
	}
	s.Data, s.payload = data, payload
	return s.told()
}

// chosenNames are fields of the events of settings and accounts in which operators write names of their choice: no record of a person, and
// masked wherever these names are shown.
var chosenNames = []string{"name", "account_name", "shop.name", changesField}

// maskedFields are those of an event that may hold phones and emails.
func maskedFields(stream event.Stream, payload event.Payload) []string {
	switch payload := payload.(type) {
	case event.Personal:
		return payload.PersonalFields()
	case workspace.AccountSignedIn, workspace.AccountLocked, workspace.ContactRevealed:
		return chosenNames
	}
	if stream == event.WorkspaceStream {
		return chosenNames
	}
	return nil
}

// maskPayload goes by way of JSON, as that is what personal fields are declared in.
func maskPayload(payload event.Payload, fields []string) (event.Payload, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", payload, err)
	}
	raw, err = maskJSON(raw, fields)
	if err != nil {
		return nil, err
	}
	masked := reflect.New(reflect.TypeOf(payload))
	if err := json.Unmarshal(raw, masked.Interface()); err != nil {
		return nil, fmt.Errorf("decode masked %T: %w", payload, err)
	}
	return masked.Elem().Interface().(event.Payload), nil //nolint:forcetypeassert // it has the payload's own type
}

// changesField is where events list what changed. Only some of that is personal.
const changesField = "changes"

// maskJSON masks every text within the personal fields of an event.
func maskJSON(raw []byte, personal []string) ([]byte, error) {
	node, err := decodeJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	document, _ := node.(map[string]any)
	for _, path := range personal {
		if path != changesField {
			maskAt(document, path)
			continue
		}
		changes, _ := document[changesField].([]any)
		for _, entry := range changes {
			change, _ := entry.(map[string]any)
			if field, _ := change["field"].(string); isPersonalChange(field, personal) {
				change["before"], change["after"] = maskNode(lastName(field), change["before"]), maskNode(lastName(field), change["after"])
			}
		}
	}
	return json.Marshal(document)
}

// maskAt masks what stands at a path, if anything does.
func maskAt(object map[string]any, path string) {
	name, rest, deeper := strings.Cut(path, ".")
	value, there := object[name]
	switch inner, _ := value.(map[string]any); {
	case !there:
	case deeper:
		maskAt(inner, rest)
	default:
		object[name] = maskNode(name, value)
	}
}

// maskNode masks every text of a value that stands under a name.
func maskNode(name string, node any) any {
	switch value := node.(type) {
	case string:
		if name == "external_id" || name == "buyer_id" || name == "key" { // as shops call people
			return maskID(value)
		}
		return maskValue(value)
	case []any:
		return maskEach(value, func(item any) any { return maskNode(name, item) })
	case map[string]any:
		for inner := range value {
			value[inner] = maskNode(inner, value[inner])
		}
	}
	return node
}

// maskChange masks a change of a personal field.
func maskChange(change event.Change, personal []string) event.Change {
	if isPersonalChange(change.Field, personal) {
		change.Before, change.After = maskChanged(change.Field, change.Before), maskChanged(change.Field, change.After)
	}
	return change
}

func maskChanged(field string, raw json.RawMessage) json.RawMessage {
	node, err := decodeJSON(raw)
	if err != nil {
		return json.RawMessage("null")
	}
	masked, err := json.Marshal(maskNode(lastName(field), node))
	if err != nil {
		return json.RawMessage("null")
	}
	return masked
}

// isPersonalChange tells that a changed field is personal, holds something personal or is part of something personal. Its
// path is that in the record's state, which is a field of the event ("order.buyer"), or that in the event ("assignee").
func isPersonalChange(field string, personal []string) bool {
	return slices.ContainsFunc(personal, func(path string) bool {
		_, inState, _ := strings.Cut(path, ".")
		return isWithin(field, path) || isWithin(path, field) || isWithin(field, inState) || isWithin(inState, field)
	})
}

// isWithin tells that a path is another one, or leads on from it.
func isWithin(path, outer string) bool {
	return outer != "" && path != "" && (path == outer || strings.HasPrefix(path, outer+"."))
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// decodeJSON leaves amounts as exact as they are written.
func decodeJSON(raw []byte) (node any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	err = decoder.Decode(&node)
	return node, err
}
