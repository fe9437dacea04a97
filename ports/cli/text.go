package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// isUnsafe holds for what a terminal might obey or use to show another text than there is: control characters, marks of
// writing direction, line separators. Joiners within words and emoji are left alone.
func isUnsafe(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	if r == nonJoiner || r == joiner {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// printable is text in which unsafe characters are spelled out, as Go spells them. Bytes that are no text become �.
func printable(text string) string {
	return escape(text, isUnsafe, escapedInText)
}

// escape replaces the unsafe characters of a text.
func escape(text string, unsafe func(rune) bool, escaped func(rune) string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unsafe) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafe(r) {
			b.WriteString(escaped(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func escapedInText(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

func escapedInJSON(r rune) string {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// columns is how many columns of a terminal a text takes. Vietnamese letters may be one character or a letter and its
// marks (NFC, NFD): both take one column. Chinese, Japanese and Korean letters and most emoji take two.
func columns(text string) int {
	total := 0
	for _, r := range text {
		total += columnsOf(r)
	}
	return total
}

func columnsOf(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	const jungseong, jongseongEnd = '\u1160', '\u11ff' // Korean vowels and finals, drawn into the letter before them
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= jungseong && r <= jongseongEnd {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// clip shortens a text to a number of columns. A letter keeps its marks.
func clip(text string, limit int) string {
	if columns(text) <= limit {
		return text
	}
	taken := 0
	for i, r := range text {
		if taken += columnsOf(r); taken > limit-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// pad fills a text up to a number of columns, in front of it when it is to stand at the right.
func pad(text string, limit int, right bool) string {
	space := strings.Repeat(" ", max(0, limit-columns(text)))
	if right {
		return space + text
	}
	return text + space
}

// wrap breaks a text between words into lines of a number of columns. A longer word gets a line of its own.
func wrap(text string, limit int) []string {
	var lines []string
	var line strings.Builder
	taken := 0
	for word := range strings.FieldsSeq(text) {
		wide := columns(word)
		if line.Len() > 0 && taken+1+wide > limit {
			lines = append(lines, line.String())
			line.Reset()
			taken = 0
		}
		if line.Len() > 0 {
			line.WriteByte(' ')
			taken++
		}
		line.WriteString(word)
		taken += wide
	}
	if line.Len() > 0 {
		lines = append(lines, line.String())
	}
	return lines
}
