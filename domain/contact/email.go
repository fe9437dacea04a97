package contact

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

// Email is an address in one spelling: trimmed and in lower case. The zero Email means "none".
type Email struct{ address string }

// The limits of SMTP (RFC 5321), in bytes.
const (
	maxEmailBytes = 254
	maxLocalBytes = 64
)

// facebook is where Pancake makes up addresses for people who have none: their Facebook id and this domain.
const facebook = "facebook.com"

var (
	errEmailMasked     = problem.Invalid("email-masked", "the email address is masked")
	errEmailUnreadable = problem.Invalid("email-unreadable", "the email address cannot be read")
	errEmailSynthetic  = problem.Invalid("email-synthetic", "the email address is a made-up one")
)

// ParseEmail reads an address as people type it. The problem never says the address: "email-masked" when letters were
// hidden on purpose, "email-synthetic" for an address that Facebook login made up, "email-unreadable" for all else.
func ParseEmail(raw string) (Email, error) {
	if strings.ContainsAny(raw, "*•＊") {
		return Email{}, errEmailMasked
	}
	if !utf8.ValidString(raw) {
		return Email{}, errEmailUnreadable
	}
	address := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimFunc(raw, isBlank))))
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > maxEmailBytes || local == "" || len(local) > maxLocalBytes || !isDomain(domain) {
		return Email{}, errEmailUnreadable
	}
	if strings.ContainsFunc(address, isForeignToEmail) {
		return Email{}, errEmailUnreadable
	}
	if domain == facebook && strings.Trim(local, "0123456789") == "" {
		return Email{}, errEmailSynthetic
	}
	return Email{address: address}, nil
}

// isDomain demands two labels or more, and no second "@".
func isDomain(domain string) bool {
	if !strings.Contains(domain, ".") || strings.Contains(domain, "@") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" {
			return false
		}
	}
	return true
}

// isForeignToEmail holds for what never stands in an address that people use: it tells of two addresses in one field,
// of a name around the address, or of a sentence.
func isForeignToEmail(r rune) bool {
	return isBlank(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune(`,;:<>()[]"\`, r)
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || isFormat(r) }

// IsZero tells that there is no address.
func (e Email) IsZero() bool { return e.address == "" }

// String is the address itself: mind where it goes.
func (e Email) String() string { return e.address }

// LogValue is masked: logs never carry the address.
func (e Email) LogValue() slog.Value { return slog.StringValue(maskEmail(e.address)) }
