package contact

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

// How long each text may be, in characters. A longer one is a mistake in the input.
const (
	maxNameRunes    = 200
	maxAddressRunes = 500
	maxTagRunes     = 100
	maxNoteRunes    = 4000
)

// ParseAddress reads what an operator entered as an address, on one line.
func ParseAddress(raw string) (string, error) {
	return parseText("address", raw, maxAddressRunes)
}

// ParseName reads what an operator entered as the name of a person or a thing: trimmed, in one Unicode form, and
// without characters that cannot be seen or stored.
func ParseName(raw string) (string, error) {
	return parseText("name", raw, maxNameRunes)
}

// ParseTag reads what an operator entered as a tag.
func ParseTag(raw string) (string, error) {
	return parseText("tag", raw, maxTagRunes)
}

// ParseNote reads what an operator wrote down about somebody. It may have many lines, and each ends with a line feed
// alone; a note without words is the empty one.
func ParseNote(raw string) (string, error) {
	text := norm.NFC.String(strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(raw)))
	isForeign := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if err := checkText("note", text, maxNoteRunes, isForeign); err != nil {
		return "", err
	}
	return text, nil
}

func parseText(what, raw string, maxRunes int) (string, error) {
	text := norm.NFC.String(strings.TrimSpace(raw))
	if strings.TrimFunc(text, isInvisible) == "" {
		return "", problem.Invalid(what+"-missing", "the %s is missing", what)
	}
	if err := checkText(what, text, maxRunes, unicode.IsControl); err != nil {
		return "", err
	}
	return text, nil
}

// isInvisible holds for what leaves no mark on a screen, such as zero-width spaces: a name of that alone is none.
func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

func checkText(what, text string, maxRunes int, isForeign func(rune) bool) error {
	switch {
	case utf8.RuneCountInString(text) > maxRunes:
		return problem.Invalid(what+"-too-long", "the %s has more than %d characters", what, maxRunes)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, isForeign):
		return problem.Invalid(what+"-unreadable", "the %s has control characters or is not UTF-8", what)
	default:
		return nil
	}
}
