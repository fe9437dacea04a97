package query

import (
	"slices"
	"strings"
	"unicode"

	"orderbridge/domain/contact"
)

// CustomerSearch is what somebody typed to find a customer by: a phone, an email, or words of the name.
type CustomerSearch struct {
	// Given tells that something was typed. When nothing of it can be looked for, nobody is found.
	Given bool
	// Phone is E.164, Email lower case.
	Phone, Email string
	// Words are parted by blanks, in lower case and without diacritics. Each begins a word of the name.
	Words string
}

// maxSearchWords is more than any name has.
const maxSearchWords = 20

// ParseCustomerSearch reads what was typed. Any text is read: one that is neither a phone nor an email is words.
func ParseCustomerSearch(raw string) CustomerSearch {
	search := CustomerSearch{Given: strings.TrimSpace(raw) != ""}
	if phone, err := contact.ParsePhone(raw); err == nil {
		search.Phone = phone.E164()
		return search
	}
	if email, err := contact.ParseEmail(raw); err == nil {
		search.Email = email.String()
		return search
	}
	words := contact.WordsOf(raw)
	search.Words = strings.Join(words[:min(len(words), maxSearchWords)], " ")
	return search
}

// Masked is the search by those who may not know phones: it passes over words that hold digits, since by parts of it a phone
// that stands in a name could be guessed.
func (s CustomerSearch) Masked() CustomerSearch {
	words := slices.DeleteFunc(strings.Fields(s.Words), func(word string) bool { return strings.ContainsFunc(word, unicode.IsDigit) })
	s.Words = strings.Join(words, " ")
	return s
}
