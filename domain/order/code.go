package order

import (
	"strings"

	"orderbridge/domain/problem"
)

// CodeTemplate is what an order's code in the CRM is made by: text with the two placeholders {shop_id} and {order_id},
// each once. A template is only taken when no two orders can get the same code by it.
type CodeTemplate struct {
	// prefix, separator and suffix stand before, between and after the placeholders.
	prefix, separator, suffix string
	// orderFirst tells that {order_id} is the first of the two.
	orderFirst bool
}

const (
	shopIDPlaceholder  = "{shop_id}"
	orderIDPlaceholder = "{order_id}"

	maxCodeTemplate = 100
)

// DefaultCodeTemplate makes codes such as "Pancake_1635294032_2051" (Getfly's integration guide, section 4).
var DefaultCodeTemplate = CodeTemplate{prefix: "Pancake_", separator: "_"}

// ParseCodeTemplate reads a template from what an operator typed.
//
// A shop's id has digits only and an order's id may hold anything, so a code can be taken apart again, and therefore
// belongs to one order, exactly if the character next to the shop's id on the side of the order's id is no digit.
func ParseCodeTemplate(raw string) (CodeTemplate, error) {
	refuse := func(format string, args ...any) (CodeTemplate, error) {
		return CodeTemplate{}, problem.Invalid("order-code-template-invalid", format, args...)
	}
	if strings.Count(raw, shopIDPlaceholder) != 1 || strings.Count(raw, orderIDPlaceholder) != 1 {
		return refuse("the template holds %s and %s, each once, so that no two orders get one code: %s",
			shopIDPlaceholder, orderIDPlaceholder, DefaultCodeTemplate)
	}
	if len(raw) > maxCodeTemplate {
		return refuse("the template has at most %d characters", maxCodeTemplate)
	}
	t := CodeTemplate{orderFirst: strings.Index(raw, orderIDPlaceholder) < strings.Index(raw, shopIDPlaceholder)}
	first, second := shopIDPlaceholder, orderIDPlaceholder
	if t.orderFirst {
		first, second = second, first
	}
	var rest string
	t.prefix, rest, _ = strings.Cut(raw, first)
	t.separator, t.suffix, _ = strings.Cut(rest, second)
	if literals := t.prefix + t.separator + t.suffix; strings.ContainsFunc(literals, isForeignToCode) {
		return refuse("around its placeholders the template holds letters (a-z, A-Z), digits, and - _ . : # only")
	}
	next := t.separator
	if t.orderFirst && next != "" {
		next = next[len(next)-1:]
	}
	if next == "" || isDigit(next[0]) {
		return refuse("between %s and %s stands something that is no digit on the side of %s, or shop 12 with order 3 and shop 1 "+
			"with order 23 would get one code", first, second, shopIDPlaceholder)
	}
	return t, nil
}

func isForeignToCode(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-_.:#", r)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// String is the template as it was typed.
func (t CodeTemplate) String() string { return t.Code(shopIDPlaceholder, orderIDPlaceholder) }

// Code is the CRM's code of a shop's order.
func (t CodeTemplate) Code(shopID, orderID string) string {
	if t.orderFirst {
		shopID, orderID = orderID, shopID
	}
	return t.prefix + shopID + t.separator + orderID + t.suffix
}

// IsApartFrom tells that no code of one template can be one of the other, whichever the orders are. It may be wrong
// the other way: some templates are apart and it does not see it. Templates that are equal are not apart.
func (t CodeTemplate) IsApartFrom(other CodeTemplate) bool {
	if differsAhead(t.prefix, other.prefix, !t.orderFirst, !other.orderFirst) {
		return true
	}
	if !t.orderFirst && !other.orderFirst && t.prefix == other.prefix {
		// The shop's id ends where the digits end, so the separators begin at one place.
		return !strings.HasPrefix(t.separator, other.separator) && !strings.HasPrefix(other.separator, t.separator)
	}
	if t.orderFirst && other.orderFirst && t.suffix == other.suffix {
		return !strings.HasSuffix(t.separator, other.separator) && !strings.HasSuffix(other.separator, t.separator)
	}
	return differsAhead(reversed(t.suffix), reversed(other.suffix), t.orderFirst, other.orderFirst)
}

// differsAhead tells that texts which begin with a and b differ in any case. What follows a begins with a digit if
// digitAfterA is set, and may be anything if not; the same for b.
func differsAhead(a, b string, digitAfterA, digitAfterB bool) bool {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return digitAfterA && !isDigit(b[i])
		case i >= len(b):
			return digitAfterB && !isDigit(a[i])
		case a[i] != b[i]:
			return true
		}
	}
	return false
}

func reversed(text string) string {
	out := []byte(text)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}
