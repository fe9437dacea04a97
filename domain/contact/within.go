package contact

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// minMaskedDigits is from how many digits on a number may be somebody's phone: no shorter one reaches a subscriber.
const minMaskedDigits = 8

// emailWithin finds addresses in a text: word characters of either side, and a dot in the domain. One blank beside the at
// sign hides nobody.
var emailWithin = func() *regexp.Regexp {
	const letter, blank = `[^\s\p{Z}<>()\[\],;:"\\@＠]`, `[\s\p{Z}]?`
	return regexp.MustCompile(letter + `+` + blank + `[@＠]` + blank + letter + `+\.` + letter + `+`)
}()

// MaskWithin hides the phones and emails that stand in a text, for showing it to people who may not know them. It would
// rather hide too much: any eight digits or more are taken for a phone, whatever people put between them. Only a date of
// eight digits that stands alone, 2025-09-15 or 15/09/2025, is none.
func MaskWithin(text string) string {
	return maskDigits(emailWithin.ReplaceAllString(text, dots))
}

// maskDigits replaces each run of digits and of what stands between them, when it has enough digits.
func maskDigits(text string) string {
	var b strings.Builder
	kept := 0 // where what is not written yet begins
	start, end, digits := -1, 0, 0
	finish := func() {
		if digits >= minMaskedDigits && (!isDate(text[start:end]) || followsPlus(text[:start])) {
			b.WriteString(text[kept:start])
			b.WriteString(dots)
			kept = end
		}
		start, digits = -1, 0
	}
	for i, r := range text {
		size := len(string(r))
		switch {
		case unicode.IsNumber(r): // also those in circles, on keys and of other scripts
			if start < 0 {
				start = i
			}
			end = i + size
			digits++
		case !standsBetweenDigits(r):
			finish()
		}
	}
	finish()
	b.WriteString(text[kept:])
	return b.String()
}

// isDate takes dates as machines and as Vietnamese people write them, from a century that a note may be about. They have
// eight digits, fewer than any phone of the country.
func isDate(text string) bool {
	for _, layout := range []string{time.DateOnly, "02/01/2006"} {
		if date, err := time.Parse(layout, text); err == nil && len(text) == len(layout) {
			return date.Year() >= 1900 && date.Year() < 2100
		}
	}
	return false
}

// followsPlus tells that what comes next is dialled with a country's code: there are foreign phones of eight digits.
func followsPlus(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(before, func(r rune) bool { return isSeparator(halfWidth(r)) }))
	return halfWidth(r) == '+'
}

// standsBetweenDigits is wider than what ParsePhones takes: a text is for people, who read past much.
func standsBetweenDigits(r rune) bool {
	r = halfWidth(r)
	return isSeparator(r) || strings.ContainsRune("+~*•", r) || unicode.In(r, unicode.Mn, unicode.Me)
}

// halfWidth turns the wide digits and signs of East Asian keyboards into ordinary ones.
func halfWidth(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
