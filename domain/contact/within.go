package contact

import (
	"regexp"
	"strings"
	"unicode"
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
// rather hide too much: any eight digits or more are taken for a phone, whatever people put between them.
func MaskWithin(text string) string {
	return maskDigits(emailWithin.ReplaceAllString(text, dots))
}

// maskDigits replaces each run of digits and of what stands between them, when it has enough digits.
func maskDigits(text string) string {
	var b strings.Builder
	kept := 0 // where what is not written yet begins
	start, end, digits := -1, 0, 0
	finish := func() {
		if digits >= minMaskedDigits {
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

// standsBetweenDigits is wider than what ParsePhone takes: a text is for people, who read past much.
func standsBetweenDigits(r rune) bool {
	r = halfWidth(r)
	return isSeparator(r) || strings.ContainsRune("+,_~·'’*•", r) || unicode.In(r, unicode.Mn, unicode.Me)
}
