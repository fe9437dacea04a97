package query

import (
	"strconv"
	"strings"
	"time"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// ZoneNamed is the zone of an IANA name. In place of one that this system does not know it is Vietnam's, which has had no
// summer time since 1975, so that the offset is as good as the name.
func ZoneNamed(name string) *time.Location {
	const vietnam = 7 * 60 * 60
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.FixedZone("+07", vietnam)
	}
	return zone
}

// Moment is a place in the past: a position in the log, or else a time.
type Moment struct {
	Position int64
	Time     time.Time
}

// includes tells that an event had happened by then.
func (m Moment) includes(e event.Recorded) bool {
	if m.Position > 0 {
		return e.Position <= m.Position
	}
	return !e.RecordedAt.After(m.Time)
}

const (
	codeMomentInvalid = "at-invalid"
	// dayLayout and minuteLayout are how people in Vietnam write days and times.
	dayLayout    = "02/01/2006"
	minuteLayout = "02/01/2006 15:04"
)

// parseMoment reads a moment as somebody wrote it: a bare number is a position; a time is RFC 3339; what people write in a zone, a day,
// a minute or a second, is the end of that, and now while it lasts. What is yet to come is refused.
func parseMoment(raw string, zone *time.Location, now time.Time, head int64) (Moment, error) {
	refuse := func(message string) (Moment, error) {
		return Moment{}, problem.InvalidFields(codeMomentInvalid, problem.Field{Path: "at", Message: message})
	}
	raw = strings.TrimSpace(raw)
	if strings.Trim(raw, "0123456789") == "" && raw != "" {
		position, err := strconv.ParseInt(raw, 10, 64)
		switch {
		case err == nil && position == 0:
			return refuse("positions begin with 1")
		case err != nil || position > head:
			return refuse("the log has no such position yet; its last one is " + strconv.FormatInt(head, 10))
		}
		return Moment{Position: position}, nil
	}
	begins, ends, ok := parseTime(raw, zone)
	if !ok {
		return refuse("this is a position in the log such as 1024, a time such as 2025-09-15T03:04:38Z or 15/09/2025 10:04, " +
			"or a date such as 15/09/2025 or 2025-09-15")
	}
	if begins.After(now) {
		return refuse("this is in the future; it is " + now.In(zone).Format(minuteLayout) + " now")
	}
	if ends.After(now) {
		ends = now
	}
	return Moment{Time: ends}, nil
}

// parseTime reads a time, which begins and ends with itself, or a day, a minute or a second of a zone.
func parseTime(raw string, zone *time.Location) (begins, ends time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, raw); err == nil {
		return at, at, true
	}
	for _, form := range []struct {
		layout   string
		days     int
		duration time.Duration
	}{
		{minuteLayout, 0, time.Minute},
		{"02/01/2006 15:04:05", 0, time.Second},
		{dayLayout, 1, 0},
		{time.DateOnly, 1, 0},
	} {
		if at, err := time.ParseInLocation(form.layout, raw, zone); err == nil {
			return at, at.AddDate(0, 0, form.days).Add(form.duration - time.Microsecond), true // as exact as the database
		}
	}
	return time.Time{}, time.Time{}, false
}
