package web

import (
	"context"
	"strconv"
	"strings"
	"time"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
)

// money is an amount as people in Vietnam write it: 1.250.000 ₫.
func money(amount int64, currency string) string {
	if currency == "" || currency == "VND" {
		return grouped(amount) + " ₫"
	}
	return grouped(amount) + " " + currency
}

// grouped is a number with a dot before each three digits.
func grouped[N int | int64](number N) string {
	digits := strconv.FormatInt(int64(number), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	var out strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte('.')
		}
		out.WriteRune(digit)
	}
	return sign + out.String()
}

// countText is a number that may be as far as there was counted.
func countText(count int, capped bool) string {
	if capped {
		return grouped(count) + "+"
	}
	return grouped(count)
}

// moment is a time on the workspace's clock: 15/09/2025 17:30.
func moment(ctx context.Context, at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	return at.In(viewOf(ctx).Zone).Format("02/01/2006 15:04")
}

// momentToSecond is a time to the second: 15/09/2025 17:30:05.
func momentToSecond(ctx context.Context, at time.Time) string {
	return at.In(viewOf(ctx).Zone).Format("02/01/2006 15:04:05")
}

// momentExact is a time to the millisecond, for where order matters.
func momentExact(ctx context.Context, at time.Time) string {
	return at.In(viewOf(ctx).Zone).Format("02/01/2006 15:04:05.000")
}

// ago is how long something is past, in words.
func ago(ctx context.Context, at time.Time) string {
	passed := max(0, time.Since(at))
	switch {
	case passed < time.Minute:
		return t(ctx, "time.seconds", "Count", int(passed.Seconds()))
	case passed < time.Hour:
		return t(ctx, "time.minutes", "Count", int(passed.Minutes()))
	case passed < 48*time.Hour:
		return t(ctx, "time.hours", "Count", int(passed.Hours()))
	default:
		return t(ctx, "time.days", "Count", int(passed.Hours()/24))
	}
}

// took is a duration in milliseconds, in words.
func took(ctx context.Context, ms int64) string {
	switch d := time.Duration(ms) * time.Millisecond; {
	case d < time.Second:
		return strconv.FormatInt(ms, 10) + " ms"
	case d < time.Minute:
		return strings.Replace(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".", ",", 1) + " s"
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	default:
		return t(ctx, "time.span.days", "Count", int(d.Hours()/24))
	}
}

// phone is a stored phone as people read it: 0912 345 678. What is masked or no phone stays as it is.
func phone(stored string) string {
	parsed, err := contact.ParsePhone(stored)
	if err != nil {
		return stored
	}
	return parsed.Display()
}

// day is a day that is stored as 2025-09-15.
func day(stored string) string {
	at, err := time.Parse(time.DateOnly, stored)
	if err != nil {
		return stored
	}
	return at.Format("02/01/2006")
}

// actor says who did something.
func actor(ctx context.Context, who event.Actor) string {
	kind, name, named := strings.Cut(string(who), ":")
	if named {
		return t(ctx, "actor."+kind, "Name", name)
	}
	return tOr(ctx, "actor."+kind+".nameless", kind)
}

// orDash stands for what nobody said.
func orDash[T ~string](text *T) string {
	if text == nil || *text == "" {
		return "–"
	}
	return string(*text)
}

// asIs shows a value as it is stored.
func asIs(value string) string { return value }
