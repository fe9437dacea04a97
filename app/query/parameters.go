package query

import (
	"slices"
	"strings"
	"unicode"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// Parameters reads what a list is narrowed by, as somebody wrote it, and collects what is wrong with it, so that they learn
// of several mistakes at once. A text that is empty is as good as not given. The zero Parameters is ready to use.
type Parameters struct{ invalid []problem.Field }

// Problem tells everything that is wrong; nil when nothing is.
func (p *Parameters) Problem() error {
	if len(p.invalid) == 0 {
		return nil
	}
	return problem.InvalidFields("parameters-invalid", p.invalid...)
}

// Refuse notes that a parameter is wrong.
func (p *Parameters) Refuse(path, message string) {
	p.invalid = append(p.invalid, problem.Field{Path: path, Message: message})
}

// Page reads which part of the list is asked for, as ParsePage does.
func (p *Parameters) Page(limit *int, cursor string) Page {
	page, err := ParsePage(limit, cursor)
	if known, ok := problem.Of(err); ok {
		p.invalid = append(p.invalid, known.Fields()...)
	}
	return page
}

// IDPage reads which part of a list of records without positions is asked for.
func (p *Parameters) IDPage(limit *int, cursor string) IDPage {
	page, err := ParseIDPage(limit, cursor)
	if known, ok := problem.Of(err); ok {
		p.invalid = append(p.invalid, known.Fields()...)
	}
	return page
}

// Phone reads a phone number as people write it, and returns it in E.164.
func (p *Parameters) Phone(raw string) string {
	return parsed(p, "phone", raw, contact.ParsePhone).E164()
}

// Email reads an email address, and returns it in lower case.
func (p *Parameters) Email(raw string) string {
	return parsed(p, "email", raw, contact.ParseEmail).String()
}

// Tag reads a tag.
func (p *Parameters) Tag(raw string) string { return parsed(p, "tag", raw, contact.ParseTag) }

// OrderStatus reads a status by its name or by Pancake's number for it.
func (p *Parameters) OrderStatus(raw string) order.Status {
	return parsed(p, "status", raw, order.ParseStatus)
}

// maxShopIDDigits is how many digits the largest number has that a shop can have.
const maxShopIDDigits = 20

// ShopID reads the number of a shop.
func (p *Parameters) ShopID(raw string) string {
	if strings.Trim(raw, "0123456789") != "" || len(raw) > maxShopIDDigits {
		p.Refuse("shop_id", "a shop id is the number in pos.pancake.vn/shop/<number>/overview")
	}
	return raw
}

// maxTextRunes is how long a text may be that is looked for.
const maxTextRunes = 200

// isVisible tells that a text that is looked for is short enough, and can be seen and stored.
func isVisible(text string) bool {
	invisible := func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
	return len([]rune(text)) <= maxTextRunes && !strings.ContainsFunc(text, invisible)
}

// Actor reads who caused an event.
func (p *Parameters) Actor(raw string) event.Actor {
	if !isVisible(raw) {
		p.Refuse("actor", "an actor is at most 200 visible characters, such as account:lan")
	}
	return event.Actor(raw)
}

// OrderCode reads an order's code, or the beginning of some with a * behind it.
func (p *Parameters) OrderCode(raw string) (code, prefix string) {
	if !isVisible(raw) {
		p.Refuse("order_code", "an order code is at most 200 visible characters, such as Pancake_1635294032_2051")
		return "", ""
	}
	if prefix, isPrefix := strings.CutSuffix(raw, "*"); isPrefix {
		return "", prefix
	}
	return raw, ""
}

// Reason reads the code of why a delivery came out so.
func (p *Parameters) Reason(raw string) string {
	if strings.Trim(raw, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(raw) > maxTextRunes {
		p.Refuse("reason", "a reason is a code such as money-unreadable; the list of deliveries shows it")
	}
	return raw
}

// Outcomes reads outcomes, of which only some may be meant.
func (p *Parameters) Outcomes(raw string, allowed ...Outcome) []Outcome {
	if raw == "" {
		return nil
	}
	if !slices.Contains(allowed, Outcome(raw)) {
		words := make([]string, 0, len(allowed))
		for _, outcome := range allowed {
			words = append(words, string(outcome))
		}
		p.Refuse("outcome", "this is one of: "+strings.Join(words, ", "))
	}
	return []Outcome{Outcome(raw)}
}

func parsed[T any](p *Parameters, path, raw string, parse func(string) (T, error)) T {
	if raw == "" {
		var none T
		return none
	}
	value, err := parse(raw)
	if err != nil {
		p.Refuse(path, err.Error())
	}
	return value
}
