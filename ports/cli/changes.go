package cli

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
)

// showChanges puts on the page what an event changed, field by field: what it was, and what it is. The currency is that of the order
// now.
func (w words) showChanges(p *page, s Session, indent int, currency string, changes []event.Change) {
	currencyBefore := currency
	for _, change := range changes {
		if change.Field == "currency" {
			currencyBefore = cmp.Or(textIn(change.Before), currency)
		}
	}
	for _, change := range changes {
		if change.Field == "lines" {
			for _, line := range w.lineChanges(change, currencyBefore, currency) {
				p.paragraph(indent, line)
			}
			continue
		}
		before, after := w.value(s, change.Field, change.Before, currencyBefore), w.value(s, change.Field, change.After, currency)
		p.paragraph(indent, w.fieldOf(change.Field)+": "+before+" → "+after)
	}
}

// value is one side of a change as people read it. What has another shape than the field has today is shown as JSON has it.
func (w words) value(s Session, field string, raw json.RawMessage, currency string) string {
	if text := string(raw); text == "null" || text == "[]" || text == "" {
		return nothing
	}
	if strings.HasPrefix(field, "totals.") || strings.HasPrefix(field, "payments.") {
		return shownAs(raw, func(units int64) string { return money.Display(units, currency) })
	}
	switch field {
	case "status":
		return shownAs(raw, func(status order.Status) string { return w.stateOf(status.Name) })
	case "status_history":
		return shownAs(raw, func(steps []order.StatusChange) string {
			names := make([]string, 0, len(steps))
			for _, step := range steps {
				names = append(names, w.stateOf(step.Status.Name))
			}
			return strings.Join(names, ", ")
		})
	case "assignee":
		return shownAs(raw, func(assignee order.Assignee) string { return cmp.Or(assignee.Name, w.nobody) })
	case "creator", "first_editor":
		return shownAs(raw, func(p order.Person) string { return cmp.Or(p.Name, p.Email, phone(p.Phone), p.ExternalID) })
	case "ordered_at":
		return shownAs(raw, s.second)
	case "buyer.birthday", "birthday":
		return shownAs(raw, day)
	case "buyer.phones", "phones":
		return shownAs(raw, phones)
	case "shipping.receiver_phone", "phone":
		return shownAs(raw, phone)
	case "buyer.emails", "emails", "buyer.tags", "tags":
		return shownAs(raw, func(texts []string) string { return strings.Join(texts, ", ") })
	case "buyer.masked", "skip_cancelled":
		return shownAs(raw, func(is bool) string {
			if is {
				return w.yes
			}
			return w.no
		})
	default:
		return shownAs(raw, func(text string) string { return text })
	}
}

// shownAs reads a value and shows it, in short.
func shownAs[T any](raw json.RawMessage, show func(T) string) string {
	const limit = 200
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return clip(string(raw), limit)
	}
	return clip(orNothing(show(value)), limit)
}

func textIn(raw json.RawMessage) string {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "" // nothing
	}
	return text
}

// day is a day as people in Vietnam write it.
func day(date string) string {
	parsed, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return parsed.Format("02/01/2006")
}

// lineChanges tells which lines of an order went, came or are others now. Lines have no identity that outlives every edit, so that one
// with the same product as before counts as the same.
func (w words) lineChanges(change event.Change, currencyBefore, currency string) []string {
	var before, after []order.Line
	if json.Unmarshal(change.Before, &before) != nil || json.Unmarshal(change.After, &after) != nil {
		return []string{w.fieldOf(change.Field)}
	}
	var told []string
	for _, line := range after {
		at := slices.IndexFunc(before, func(other order.Line) bool {
			return other.ProductCode == line.ProductCode && other.ProductName == line.ProductName && other.Variant == line.Variant
		})
		if at < 0 {
			told = append(told, w.lineAdded+": "+w.line(line, currency))
			continue
		}
		if was, is := w.line(before[at], currencyBefore), w.line(line, currency); was != is {
			told = append(told, w.lineChanged+": "+was+" → "+is)
		}
		before = slices.Delete(before, at, at+1)
	}
	for _, line := range before {
		told = append(told, w.lineRemoved+": "+w.line(line, currencyBefore))
	}
	if len(told) == 0 {
		told = append(told, w.linesOtherwise)
	}
	return told
}

// line is a line of an order in short: "2 × Áo thun (Đỏ), 500.000 ₫".
func (w words) line(line order.Line, currency string) string {
	shown := query.LinesOf([]order.Line{line})[0]
	return quantity(shown.Quantity) + " × " + lineName(shown, w.gift) + ", " + money.Display(shown.Amount, currency)
}
