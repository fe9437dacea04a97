package contact

import (
	"log/slog"
	"strings"
	"unicode"
)

// Phone is a number that can be dialled, in one spelling. The zero Phone means "none".
type Phone struct{ e164 string }

const (
	vietnam     = "+84"
	countryCode = "84"

	// E.164 allows 15 digits. Fewer than 8 after a plus is no subscriber of any country.
	minForeignDigits = 8
	maxForeignDigits = 15
)

// converted is the conversion of 2018: numbers of 11 digits with these prefixes became numbers of 10 digits.
var converted = map[string]string{
	// Viettel
	"0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036", "0167": "037", "0168": "038", "0169": "039",
	// MobiFone
	"0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
	// VinaPhone; 084 is a prefix here, and not the country code
	"0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
	// Vietnamobile; 0182 had hardly any subscribers
	"0182": "052", "0186": "056", "0188": "058",
	// Gmobile
	"0199": "059",
}

// numberIn reads a text that is one number, and nothing else but what people put between its digits. Vietnamese numbers are
// brought to their present form (conversion of 2018 included); a number with another country's code is kept as it is.
func numberIn(text string) (Phone, bool) {
	digits, plus, ok := dialled(text)
	if !ok {
		return Phone{}, false
	}
	if local, ok := localForm(digits, plus); ok {
		local, ok = currentForm(local)
		if !ok {
			return Phone{}, false
		}
		return Phone{e164: vietnam + local[1:]}, true
	}
	if !plus { // 00 is how a plus is dialled; a number without either belongs to no country we could name
		if digits, plus = strings.CutPrefix(digits, "00"); !plus {
			return Phone{}, false
		}
	}
	if len(digits) < minForeignDigits || len(digits) > maxForeignDigits || digits[0] == '0' {
		return Phone{}, false
	}
	return Phone{e164: "+" + digits}, true
}

// dialled reduces what was typed to its digits and whether a plus stood before them.
func dialled(text string) (digits string, plus, ok bool) {
	var b strings.Builder
	for _, r := range text {
		switch {
		case isDigit(r):
			if b.Len() == maxForeignDigits+len("00") {
				return "", false, false
			}
			b.WriteRune(r)
		case r == '+':
			if plus || b.Len() > 0 {
				return "", false, false
			}
			plus = true
		case isSeparator(r):
		default:
			return "", false, false
		}
	}
	return b.String(), plus, b.Len() > 0
}

// localForm finds the Vietnamese numbers and puts their leading zero back: the country code goes, and so does the
// other zero of "+84 0912…". It tells whether the number claims to be Vietnamese, not whether it is valid.
func localForm(digits string, plus bool) (string, bool) {
	rest, coded := strings.CutPrefix(digits, countryCode)
	switch {
	case plus:
		if !coded {
			return "", false
		}
	case strings.HasPrefix(digits, "00"):
		if rest, coded = strings.CutPrefix(digits, "00"+countryCode); !coded {
			return "", false
		}
	case coded && (len(digits) == 11 || len(digits) == 12):
	case digits[0] == '0':
		return digits, true
	case len(digits) == 9 && strings.ContainsRune("35789", rune(digits[0])):
		return "0" + digits, true // a spreadsheet ate the zero
	case len(digits) == 10:
		_, old := converted["0"+digits[:3]]
		return "0" + digits, old
	default:
		return "", false
	}
	return "0" + strings.TrimPrefix(rest, "0"), true
}

// currentForm applies the conversion of 2018 and tells whether the result is a number of today.
func currentForm(local string) (string, bool) {
	if len(local) == 11 {
		if prefix, old := converted[local[:4]]; old {
			return prefix + local[4:], true
		}
	}
	switch {
	case len(local) == 10:
		return local, strings.ContainsRune("35789", rune(local[1])) // mobile
	case len(local) == 11:
		return local, local[1] == '2' // landline
	default:
		return "", false
	}
}

// isSeparator holds for what people put between digits. It takes half-width characters.
func isSeparator(r rune) bool {
	return strings.ContainsRune(".,-_()[]/\\·'‘’", r) || unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '−' || isFormat(r)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// IsZero tells that there is no number.
func (p Phone) IsZero() bool { return p.e164 == "" }

// E164 is the number for storing and matching: "+84912345678".
func (p Phone) E164() string { return p.e164 }

// Local is the number as it is dialled in Vietnam: "0912345678". A foreign number stays in E.164.
func (p Phone) Local() string {
	if rest, ok := strings.CutPrefix(p.e164, vietnam); ok {
		return "0" + rest
	}
	return p.e164
}

// Display is the number for reading: "0912 345 678", "024 3500 0111". A foreign number stays in E.164, as each country
// groups digits in its own way.
func (p Phone) Display() string {
	local := p.Local()
	switch {
	case len(local) == 10 && local[0] == '0':
		return local[:4] + " " + local[4:7] + " " + local[7:]
	case strings.HasPrefix(local, "024"), strings.HasPrefix(local, "028"): // Hà Nội and Hồ Chí Minh have short area codes
		return local[:3] + " " + local[3:7] + " " + local[7:]
	case len(local) == 11 && local[0] == '0':
		return local[:4] + " " + local[4:7] + " " + local[7:]
	default:
		return local
	}
}

// String is masked, so that a number which strays into a message says little. E164, Local and Display give it.
func (p Phone) String() string { return hidePhone(p.e164) }

// GoString is masked for the same reason.
func (p Phone) GoString() string { return "contact.Phone{" + hidePhone(p.e164) + "}" }

// LogValue is masked: logs never carry the number.
func (p Phone) LogValue() slog.Value { return slog.StringValue(hidePhone(p.e164)) }
