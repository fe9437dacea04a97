package pancake

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"orderbridge/domain/money"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// line is one line of text of at most limit characters; numbers are taken as their digits.
func (s scalar) line(limit int) string { return cut(cleanLine(s.text), limit) }

// note is text of several lines.
func (s scalar) note() string { return cut(cleanNote(s.text), maxNote) }

// isNothing holds for a value that is absent, null or blank.
func (s scalar) isNothing() bool {
	return s.kind == 0 || s.kind == 'n' || s.kind == '"' && strings.TrimSpace(s.text) == ""
}

// number is the text of a number, in quotes or not; empty when it cannot be one.
func (s scalar) number() string {
	if s.kind != '0' && s.kind != '"' {
		return ""
	}
	return strings.TrimSpace(s.text)
}

// amount reads money: nothing is 0, and what is there but unreadable is a problem (§6).
func (s scalar) amount(path string) (int64, error) {
	if s.isNothing() {
		return 0, nil
	}
	if s.kind == '"' && groupedByDot.MatchString(s.number()) {
		return 0, problem.InvalidFields("money-unreadable", problem.Field{Path: path, Message: "the dot may be a decimal point or part thousands"})
	}
	amount, err := money.Parse(s.number())
	if err != nil {
		return 0, at(path, err)
	}
	return amount, nil
}

// groupedByDot is "250.000": in Vietnam that is a quarter of a million, to a program it is 250. Text of that form is
// not guessed at.
var groupedByDot = regexp.MustCompile(`^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$`)

// percent reads a percentage.
func (s scalar) percent(path string) (decimal.Decimal, error) {
	if s.isNothing() {
		return decimal.Zero, nil
	}
	percent, ok := money.ParseDecimal(s.number())
	if !ok {
		return decimal.Zero, problem.InvalidFields("money-unreadable", problem.Field{Path: path, Message: "the percentage is not a number"})
	}
	return percent, nil
}

// quantity reads how much was ordered; nothing is 0.
func (s scalar) quantity(path string) (order.Quantity, error) {
	if s.isNothing() {
		return order.Quantity{}, nil
	}
	quantity, err := order.ParseQuantity(s.number())
	if err != nil {
		return order.Quantity{}, at(path, err)
	}
	return quantity, nil
}

// flag reads a flag that an amount depends on; nothing is false.
func (s scalar) flag(path string) (bool, error) {
	switch {
	case s.isNothing(), s.kind == 'f':
		return false, nil
	case s.kind == 't':
		return true, nil
	}
	switch text := strings.ToLower(strings.TrimSpace(s.text)); {
	case text == "false", text == "0":
		return false, nil
	case text == "true", text == "1":
		return true, nil
	default:
		return false, problem.InvalidFields("flag-unreadable", problem.Field{Path: path, Message: "the flag is neither true nor false"})
	}
}

// instantLayouts are how Pancake and those around it write times. Any of them may have a fraction of a second, which
// Go's parser takes unasked.
var instantLayouts = []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700"}

// instant reads a time; without a zone it is UTC (§7.5). The zero time when there is none that makes sense: outside of
// this century it is a mistake, and years of five digits could not even be stored.
func (s scalar) instant() time.Time {
	text := strings.TrimSpace(s.text)
	if s.kind != '"' || len(text) < len("2006-01-02 15:04:05") {
		return time.Time{}
	}
	if date, clock := text[:len("2006-01-02")], text[len("2006-01-02")+1:]; text[len(date)] == ' ' {
		text = date + "T" + strings.Replace(clock, " ", "", 1) // also "2026-05-07 11:04:38 +0700"
	}
	for _, layout := range instantLayouts {
		if instant, err := time.Parse(layout, text); err == nil {
			if instant = microseconds(instant); instant.Year() < 2000 || instant.Year() >= 2100 {
				return time.Time{}
			}
			return instant
		}
	}
	return time.Time{}
}

// microseconds is a time as Postgres can keep it.
func microseconds(instant time.Time) time.Time { return instant.UTC().Truncate(time.Microsecond) }

// date reads a day, with or without a time behind it; empty when there is none.
func (s scalar) date() string {
	text := strings.TrimSpace(s.text)
	if s.kind != '"' || len(text) < len(time.DateOnly) {
		return ""
	}
	if text = text[:len(time.DateOnly)]; len(s.text) > len(text) && !strings.ContainsAny(s.text, "T ") {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return ""
	}
	return text
}

// at says where in the order a problem is.
func at(path string, err error) error {
	if found, ok := problem.Of(err); ok {
		return problem.InvalidFields(found.Code(), problem.Field{Path: path, Message: found.Error()})
	}
	return fmt.Errorf("%s: %w", path, err)
}

// firstOf is the first text that says something.
func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
