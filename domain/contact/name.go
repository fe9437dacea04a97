package contact

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

// maxNameRunes is how long a name may be; a longer one is a mistake in the input.
const maxNameRunes = 200

// maxAddressRunes is how long an address may be.
const maxAddressRunes = 500

// ParseAddress reads what an operator entered as an address, on one line.
func ParseAddress(raw string) (string, error) {
	return parseText("address", raw, maxAddressRunes)
}

// ParseName reads what an operator entered as the name of a person or a thing: trimmed, in one Unicode form, and
// without characters that cannot be seen or stored.
func ParseName(raw string) (string, error) {
	return parseText("name", raw, maxNameRunes)
}

func parseText(what, raw string, maxRunes int) (string, error) {
	text := norm.NFC.String(strings.TrimSpace(raw))
	switch {
	case text == "":
		return "", problem.Invalid(what+"-missing", "the %s is missing", what)
	case utf8.RuneCountInString(text) > maxRunes:
		return "", problem.Invalid(what+"-too-long", "the %s has more than %d characters", what, maxRunes)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", problem.Invalid(what+"-unreadable", "the %s has control characters or is not UTF-8", what)
	}
	return text, nil
}
