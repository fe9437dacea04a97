package cli

import (
	"strconv"
	"strings"
	"time"

	"orderbridge/domain/contact"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
)

// moment is a time as people in Vietnam write it, in the workspace's zone: "15/09/2025 10:04".
func (s Session) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.Zone).Format("02/01/2006 15:04")
}

// second is a moment to the second.
func (s Session) second(t time.Time) string { return t.In(s.Zone).Format("02/01/2006 15:04:05") }

// maybeMoment is a time that may be missing.
func (s Session) maybeMoment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return s.moment(*t)
}

// quantity is a quantity as people in Vietnam write it: "1.250,5".
func quantity(q order.Quantity) string { return money.Group(q.String()) }

// phone is a stored number for reading: "0912 345 678". What an older rule accepted is shown as it is.
func phone(e164 string) string {
	parsed, err := contact.ParsePhone(e164)
	if err != nil {
		return e164
	}
	return parsed.Display()
}

// phones are stored numbers for reading.
func phones(e164 []string) string {
	shown := make([]string, 0, len(e164))
	for _, one := range e164 {
		shown = append(shown, phone(one))
	}
	return strings.Join(shown, ", ")
}

// valueOf is a text that may be missing.
func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// count is a number, and what is said of one or of many: "1 customer was added", "2 customers were added".
func count(n int, one, many string) string { return strconv.Itoa(n) + " " + agree(int64(n), one, many) }

// agree is what is said of one, or of many.
func agree(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// some are the first of a list: "a, b and 3 more".
func some(list []string, atMost int) string {
	more := len(list) - atMost
	if more <= 0 {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:atMost], ", ") + " and " + strconv.Itoa(more) + " more"
}
