package contact

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

var (
	errPhoneMasked     = problem.Invalid("phone-masked", "the phone number is masked")
	errPhoneUnreadable = problem.Invalid("phone-unreadable", "the phone number cannot be read")
	errPhoneSeveral    = problem.Invalid("phone-several", "these are several phone numbers, and one is asked for")
	errPhoneExtension  = problem.Invalid("phone-extension", "the phone number has an extension; many people share such a number, so it is nobody's")
)

// ParsePhone reads a field that holds one phone number, as ParsePhones does. It fails with "phone-several" when there are
// more.
func ParsePhone(raw string) (Phone, error) {
	phones, err := ParsePhones(raw)
	switch {
	case err != nil:
		return Phone{}, err
	case len(phones) > 1:
		return Phone{}, errPhoneSeveral
	default:
		return phones[0], nil
	}
}

// ParsePhones reads a field in which people and shops write phone numbers: one or several, each once and in their order,
// in any spelling, behind a label such as "SĐT:" and before a name such as "(Lan)". docs/adr/0006 has the cases. A part of the
// field that may be something else than a phone is not read.
//
// The problem tells of what was not read, and never says it: "phone-masked" for digits that were hidden on purpose,
// "phone-extension" for a number that many people share, "phone-unreadable" for all else. Phones may stand beside it, of the
// parts that were read; without a problem there is one at least.
func ParsePhones(field string) ([]Phone, error) {
	if phone, ok := numberIn(field); ok {
		return []Phone{phone}, nil
	}
	if len(field) > maxFieldBytes {
		return nil, errPhoneUnreadable
	}
	var f phoneField
	text := plain(field)
	if found := ofSomebodyElse.FindStringSubmatch(text); found != nil {
		f.refuse(errPhoneUnreadable)
		if found[1] != "" {
			f.err = errPhoneExtension
		}
	} else {
		for _, part := range divider.Split(text, -1) {
			f.read(part)
		}
	}
	if len(f.phones) == 0 {
		f.refuse(errPhoneUnreadable)
	}
	return f.phones, f.err
}

const (
	// maxFieldBytes is more than any field with phones has.
	maxFieldBytes = 2000
	// maxNameWords is from how many words on what stands behind a number is a sentence and not somebody's name.
	maxNameWords = 6
)

// What stands in fields beside digits, in the form of plain.
var (
	// divider stands between phones and never within one.
	divider = regexp.MustCompile(`[;|&\n]|\s(?:va|hoac|hay|or|and)\s`)

	// label says that a phone follows.
	label = regexp.MustCompile(`^(?:phone\s+(?:number|no)|(?:so\s+)?(?:dien\s+thoai(?:\s+di\s+dong)?|di\s+dong|zalo|hotline|phone|dtdd|dt)|` +
		`so\s+may|sdt|dd|telephone|tel|(?:mobile\s+|cell\s*)phone|mobile|cell|viber|whatsapp|telegram|lien\s+he|lh|[☎☏📞📱])` +
		`(?:\s?[1-9]\s?:)?`)

	// remark stands in brackets and begins with a letter.
	remark = regexp.MustCompile(`^(?:\(\s*\pL[^()]*\)|\[\s*\pL[^][]*\])`)

	// ofSomebodyElse tells of a number that is shared by those behind its extension, which it captures, or that is no phone and
	// may look like one: tax codes, bank accounts, identity cards.
	ofSomebodyElse = regexp.MustCompile(`\b(?:(ext|extension|may le|so le|may nhanh|noi bo)[\s.:=]*[0-9]|` +
		`(?:mst|ma so thue|stk|so tai khoan|cccd|cmnd|fax)\b)`)

	// betweenMasked is what may stand between a number and one that is masked.
	betweenMasked = regexp.MustCompile(`\s[,/]|[,/]\s`)
)

// plain is a text in lower case, without marks and accents, and with ordinary digits, signs and letters: "SĐT:" is "sdt:".
func plain(text string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			return -1
		case r == 'đ', r == 'Đ': // a letter of its own, which no decomposition takes apart
			return 'd'
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		default:
			return r
		}
	}, norm.NFKD.String(text)))
}

// phoneField is what was read of a field.
type phoneField struct {
	phones []Phone
	err    error
}

// refuse notes that a part was not read. That digits were hidden is told before all else.
func (f *phoneField) refuse(err error) {
	if f.err == nil || errors.Is(err, errPhoneMasked) {
		f.err = err
	}
}

// read reads what stands between dividers. Beside what is masked nothing is joined that a blank and a comma or slash part.
func (f *phoneField) read(text string) {
	if !isMasked(text) {
		f.readClear(text)
		return
	}
	for _, piece := range betweenMasked.Split(text, -1) {
		if isMasked(piece) {
			f.refuse(errPhoneMasked)
		} else {
			f.readClear(piece)
		}
	}
}

// part is a piece of a field: words, digits, words. The digits are of one number, or of several in a row.
type part struct {
	labelled bool     // it begins with a label
	words    int      // before the digits, which nobody knows
	groups   []string // of digits, with the plus that stands before them
	names    int      // words behind the digits
	// remarked tells that a remark in brackets ended it, parted that a comma, slash or dash with a blank stands behind the last word
	// or digit: what comes next may begin another.
	remarked, parted bool
	// strange tells that it has something which makes no sense in it.
	strange bool
}

// readClear takes a text apart and reads each part of it.
func (f *phoneField) readClear(text string) {
	text = strings.Trim(text, " \t\r\"'“”‘’")
	var p part
	plus := ""
	for before := ' '; text != ""; {
		next, size := utf8.DecodeRuneInString(text)
		token := text[:size]
		switch {
		case !isWordRune(before) && startsWithLabel(text):
			f.end(&p)
			p.labelled = true
			token = label.FindString(text)
		case isWordRune(next):
			token = text[:len(text)-len(strings.TrimLeftFunc(text, isWordRune))]
			f.word(&p, token, plus)
			plus = ""
		case next == ':' && p.words == 0 && len(p.groups) == 0: // behind a label
		case next == '+':
			p.strange = p.strange || plus != ""
			plus = "+"
		case (next == '(' || next == '[') && isRemark(text):
			token = remark.FindString(text)
			p.remarked = len(p.groups) > 0
		case isParting(next):
			after, _ := utf8.DecodeRuneInString(text[size:])
			p.parted = p.parted || unicode.IsSpace(before) || unicode.IsSpace(after)
		case !isSeparator(next):
			p.strange = true
		}
		text = text[len(token):]
		before, _ = utf8.DecodeLastRuneInString(token)
	}
	f.end(&p)
}

// word adds a word or a group of digits to a part, or ends the part before it.
func (f *phoneField) word(p *part, token, plus string) {
	digits := strings.Trim(token, "0123456789") == ""
	switch {
	case len(p.groups) == 0:
	case p.remarked, p.parted && !digits, p.parted && p.names > 0:
		f.end(p)
	}
	p.parted = false
	switch {
	case digits:
		p.strange = p.strange || p.names > 0
		p.groups = append(p.groups, plus+token)
	case len(p.groups) == 0:
		p.words++
	default:
		p.names++
		p.strange = p.strange || p.names > maxNameWords || plus != "" || strings.ContainsFunc(token, isDigit)
	}
}

// end reads a part, and begins the next. Words with fewer digits than a phone has are none of a phone, and beside words digits without
// a zero in front are so only where a label says it: they may be an amount.
func (f *phoneField) end(p *part) {
	switch digits := strings.Join(p.groups, ""); {
	case digits == "", p.words > 0 && len(digits) < minMaskedDigits:
	case p.words > 0, p.strange, (p.names > 0 || p.remarked) && !p.labelled && !isWhole(digits):
		f.refuse(errPhoneUnreadable)
	default:
		phones, ok := numbersIn(p.groups)
		if !ok {
			f.refuse(errPhoneUnreadable)
		}
		for _, phone := range phones {
			if !slices.Contains(f.phones, phone) {
				f.phones = append(f.phones, phone)
			}
		}
	}
	*p = part{}
}

// numbersIn makes numbers of groups of digits: one of all of them, else several, and then only where that can be done in one
// way alone. Of several each begins as numbers are written, or is one group: a zero that is missing is not looked for anywhere.
func numbersIn(groups []string) ([]Phone, bool) {
	if phone, ok := numberIn(strings.Join(groups, "")); ok {
		return []Phone{phone}, true
	}
	type split struct {
		ways  int // 2 stands for more
		phone Phone
		next  int
	}
	from := make([]split, len(groups)+1)
	from[len(groups)].ways = 1
	for i := len(groups) - 1; i >= 0; i-- {
		digits := ""
		for j := i + 1; j <= len(groups) && len(digits) <= maxForeignDigits+len("+00"); j++ {
			digits += groups[j-1]
			if phone, ok := numberIn(digits); ok && from[j].ways > 0 && (j == i+1 || isWhole(digits)) {
				from[i] = split{ways: min(from[i].ways+from[j].ways, 2), phone: phone, next: j} //nolint:mnd // see above
			}
		}
	}
	if from[0].ways != 1 {
		return nil, false
	}
	var phones []Phone
	for i := 0; i < len(groups); i = from[i].next {
		phones = append(phones, from[i].phone)
	}
	return phones, true
}

// isWhole tells that a number begins with a plus, a zero or the country's code, and not behind a zero that is missing.
func isWhole(digits string) bool {
	return digits[0] == '+' || digits[0] == '0' || strings.HasPrefix(digits, countryCode) && len(digits) >= len(countryCode)+len("912345678")
}

// isWordRune holds for what words and numbers consist of.
func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// startsWithLabel tells that a text begins with a label, and not with a longer word.
func startsWithLabel(text string) bool {
	found := label.FindString(text)
	next, _ := utf8.DecodeRuneInString(text[len(found):])
	return found != "" && !unicode.IsLetter(next)
}

// isRemark tells that a text begins with words in brackets in which no phone has room.
func isRemark(text string) bool {
	digits := 0
	for _, r := range remark.FindString(text) {
		if unicode.IsNumber(r) {
			digits++
		}
	}
	return digits < minMaskedDigits && remark.MatchString(text)
}

// isParting holds for what stands between two phones, or within one.
func isParting(r rune) bool { return r == ',' || r == '/' || r == '−' || unicode.Is(unicode.Pd, r) }

// isMasked tells whether digits of a phone number were hidden on purpose: "0****70", "0912xxx451". Such a number is
// unusable, not even for comparing its last digits. It takes a plain text.
func isMasked(text string) bool {
	// An x hides digits when it stands between them, or when several stand on either side of one ("0912345xxx").
	var before, xs rune // the last character that is no separator, and how many x stand before this one
	var digitBeforeXs bool
	for _, r := range text {
		switch {
		case r == '*' || r == '•' || r == '●':
			return true
		case isSeparator(r) || r == '+':
			continue
		case r == 'x':
			if xs == 0 {
				digitBeforeXs = isDigit(before)
			}
			xs++
			if digitBeforeXs && xs > 1 {
				return true
			}
		default:
			if isDigit(r) && xs > 0 && (digitBeforeXs || xs > 1) {
				return true
			}
			xs = 0
		}
		before = r
	}
	return false
}
