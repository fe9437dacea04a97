package pancake

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// How long texts may be, in characters, and lists; the rest is cut off.
const (
	maxName     = 200
	maxAddress  = 500
	maxNote     = 4000
	maxCode     = 100 // product codes, ids, tracking codes
	maxProduct  = 300 // product names and variants
	maxTag      = 100
	maxShort    = 100 // channels, couriers, states
	maxTags     = 50
	maxContacts = 20 // phones of a buyer, and emails
	maxHistory  = 100
)

// cleanLine makes text fit for one line: NFC, trimmed, what no line holds turned into blanks.
func cleanLine(text string) string {
	if isPlainASCII(text) {
		return strings.TrimSpace(text)
	}
	return clean(text, func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	})
}

// cleanNote keeps line breaks and tabs.
func cleanNote(text string) string {
	return clean(strings.ReplaceAll(text, "\r\n", "\n"), func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	})
}

func clean(text string, replace func(rune) rune) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return replace(r)
	}, text)
	return strings.TrimSpace(norm.NFC.String(text))
}

func isPlainASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// cut shortens text to a number of characters.
func cut(text string, limit int) string {
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	for i := range text {
		if limit == 0 {
			return strings.TrimSpace(text[:i])
		}
		limit--
	}
	return text
}
