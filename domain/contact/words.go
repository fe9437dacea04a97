package contact

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxWordRunes is how much of a word is looked at.
const maxWordRunes = 100

// WordsOf are the words of a name as names are looked for: in lower case and without diacritics, so that "Đặng" is
// "dang" however it was typed. They hold neither blanks nor punctuation. The read table of customers takes names apart
// in the same way; a test holds the two together.
func WordsOf(name string) []string {
	bare := strings.Map(func(r rune) rune {
		switch {
		case r >= '\u0300' && r <= '\u036f': // combining marks
			return -1
		case r == 'đ' || r == 'Đ': // a letter of its own, which no decomposition takes apart
			return 'd'
		default:
			return r
		}
	}, norm.NFKD.String(strings.ToValidUTF8(name, " ")))
	words := strings.FieldsFunc(strings.ToLower(bare), isBetweenWords)
	for i, word := range words {
		if letters := []rune(word); len(letters) > maxWordRunes {
			words[i] = string(letters[:maxWordRunes])
		}
	}
	return words
}

// isBetweenWords holds for blanks and punctuation, for what nobody sees, and for bytes that are no text.
func isBetweenWords(r rune) bool {
	switch {
	case r < '0', r > '9' && r < 'A', r > 'Z' && r < 'a', r > 'z' && r < '\u00c0', r == unicode.ReplacementChar:
		return true
	default: // general punctuation, East Asian punctuation, and the byte order mark
		return r >= '\u2000' && r <= '\u206f' || r >= '\u3000' && r <= '\u303f' || r == '\ufeff'
	}
}
