package query

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"orderbridge/domain/contact"
)

// Outcome is what became of a delivery.
type Outcome string

// The outcomes of a delivery.
const (
	OutcomePending   Outcome = "pending"
	OutcomeCreated   Outcome = "created"
	OutcomeUpdated   Outcome = "updated"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeSkipped   Outcome = "skipped"
	OutcomeHeld      Outcome = "held"
	OutcomeFailed    Outcome = "failed"
	OutcomeRejected  Outcome = "rejected"
)

// Outcomes are all that there are.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomePending, OutcomeCreated, OutcomeUpdated, OutcomeUnchanged, OutcomeSkipped, OutcomeHeld, OutcomeFailed, OutcomeRejected,
	}
}

// RetryableOutcomes are those of deliveries that can be tried again.
func RetryableOutcomes() []Outcome { return []Outcome{OutcomeFailed, OutcomeRejected} }

// DeliveryFilter narrows a list of deliveries; empty fields do not.
type DeliveryFilter struct {
	ShopID string
	// Outcomes are those that are looked for; none stand for all.
	Outcomes []Outcome
	// Reason is the stable code of why it came out so.
	Reason string
	// ReceivedFrom is the first moment, ReceivedTo the one behind the last.
	ReceivedFrom, ReceivedTo time.Time
	// OrderCode is an order's code, OrderCodePrefix the beginning of some.
	OrderCode, OrderCodePrefix string
	// Phone is one of the buyer's, in E.164.
	Phone string
	// Search is what somebody typed to find a delivery by.
	Search DeliverySearch
}

// DeliverySearch is what somebody typed to find a delivery by: a phone or an email of the order's buyer, or words of the
// buyer's name and of the order's code.
type DeliverySearch struct {
	// Given tells that something was typed. When nothing of it can be looked for, nothing is found.
	Given bool
	// Phone is E.164, Email lower case. What is a phone may be an order's number as well, and is in Words too.
	Phone, Email string
	// Words are in lower case and without diacritics. Each begins a word of the buyer's name or of the order's code.
	Words []string
	// DigitsInCodes: words with digits are looked for in codes alone.
	DigitsInCodes bool
}

// ParseDeliverySearch reads what was typed. Any text is read.
func ParseDeliverySearch(raw string) DeliverySearch {
	search := DeliverySearch{Given: strings.TrimSpace(raw) != ""}
	if email, err := contact.ParseEmail(raw); err == nil {
		search.Email = email.String()
		return search
	}
	if phone, err := contact.ParsePhone(raw); err == nil {
		search.Phone = phone.E164()
	}
	if words := contact.WordsOf(raw); len(words) > 0 {
		search.Words = words[:min(len(words), maxSearchWords)]
	}
	return search
}

// Masked is the search by those who may not know phones: words with digits find codes, which are no secret to them, and not
// names, since by parts of it a phone that stands in a name could be guessed.
func (s DeliverySearch) Masked() DeliverySearch {
	s.DigitsInCodes = true
	return s
}

// namingDigits is from how many characters on a word with digits is taken to be somebody's number and not, say, that of a shop's
// street.
const namingDigits = 8

// NamesOne tells whether what is looked for is one buyer's or one order's, most likely: by a phone, an email or a long number.
func (f DeliveryFilter) NamesOne() bool {
	return f.Phone != "" || f.Search.Phone != "" || f.Search.Email != "" || slices.ContainsFunc(f.Search.Words, func(word string) bool {
		return len(word) >= namingDigits && strings.ContainsFunc(word, unicode.IsDigit)
	})
}

// DeliveryCounts is how many deliveries there are of each outcome.
type DeliveryCounts struct {
	Items []OutcomeCount `json:"items"`
}

// OutcomeCount is how many deliveries there are of an outcome.
type OutcomeCount struct {
	Outcome Outcome `json:"outcome"`
	Count   int     `json:"count"`
	// Capped tells that there may be more: Count is as far as they are counted.
	Capped bool `json:"capped"`
}

// MaxCounted is how far the deliveries of an outcome are counted, so that counting takes no longer the more there are.
const MaxCounted = 10_000

// Total is how many there are of all outcomes, and whether there are more.
func (c DeliveryCounts) Total() (total int, capped bool) {
	for _, one := range c.Items {
		total += one.Count
		capped = capped || one.Capped
	}
	return total, capped
}

// Wants tells that deliveries of an outcome are looked for.
func (f DeliveryFilter) Wants(outcome Outcome) bool {
	return len(f.Outcomes) == 0 || slices.Contains(f.Outcomes, outcome)
}
