// Package contact is about how a person can be reached, and so be recognised: phones and emails, each in one spelling.
// What cannot be read, or was hidden on purpose, is no contact at all: it cannot be built here, so nothing can be
// matched on it. Logs never carry a contact in clear.
package contact

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// KeyKind is what sort of contact a key is.
type KeyKind string

// The kinds of key. They are stored data.
const (
	KindPhone KeyKind = "phone"
	KindEmail KeyKind = "email"
)

// Key is what a customer can be found by: a phone in E.164 or an email in lower case.
type Key struct {
	Kind  KeyKind `json:"kind"`
	Value string  `json:"value"`
}

// Masked is the key for showing to people who need to tell keys apart, not to know them: "+84912•••451",
// "l•••@example.com".
func (k Key) Masked() string {
	if k.Kind == KindEmail {
		return maskEmail(k.Value)
	}
	return maskPhone(k.Value)
}

// String is masked, so that a key which strays into a message says little.
func (k Key) String() string { return k.Masked() }

// LogValue is masked further than Masked: a log line is for telling two keys apart.
func (k Key) LogValue() slog.Value {
	if k.Kind == KindEmail {
		return slog.StringValue(maskEmail(k.Value))
	}
	return slog.StringValue(hidePhone(k.Value))
}

const dots = "•••"

// maskPhone hides the middle of a number, never less than half of a short one.
func maskPhone(e164 string) string {
	const tail, hidden = 3, 3
	if len(e164) < tail+hidden {
		return dots
	}
	head := min(len("+84912"), len(e164)-tail-hidden)
	return e164[:head] + dots + e164[len(e164)-tail:]
}

// hidePhone leaves the last three digits, and whether the number is Vietnamese.
func hidePhone(e164 string) string {
	const tail = 3
	switch {
	case e164 == "":
		return ""
	case len(e164) < 2*tail:
		return dots
	case strings.HasPrefix(e164, vietnam):
		return vietnam + dots + e164[len(e164)-tail:]
	default:
		return dots + e164[len(e164)-tail:]
	}
}

// maskEmail leaves the first letter and the domain.
func maskEmail(address string) string {
	if address == "" {
		return ""
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return dots
	}
	_, size := utf8.DecodeRuneInString(address)
	if size >= at { // a local part of one letter is hidden whole
		return dots + address[at:]
	}
	return address[:size] + dots + address[at:]
}

// isFormat holds for what copying and pasting leaves behind and nobody sees: zero-width characters, marks of writing
// direction, byte order marks.
func isFormat(r rune) bool { return unicode.Is(unicode.Cf, r) }
