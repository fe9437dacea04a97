package contact_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
)

func codeOf(err error) string {
	if found, ok := problem.Of(err); ok {
		return found.Code()
	}
	return ""
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	const masked, unreadable, several = "phone-masked", "phone-unreadable", "phone-several"
	for _, test := range []struct{ name, raw, want, code string }{
		{"as it is dialled", "0912345678", "+84912345678", ""},
		{"E.164", "+84912345678", "+84912345678", ""},
		{"the code without a plus", "84912345678", "+84912345678", ""},
		{"the code dialled", "0084912345678", "+84912345678", ""},
		{"the code and the zero", "+84 0912 345 678", "+84912345678", ""},
		{"the code and the zero, without a plus", "840912345678", "+84912345678", ""},
		{"the code and the zero, in brackets", "(+84) (0)912-345-678", "+84912345678", ""},
		{"the code dialled, and the zero", "00840912345678", "+84912345678", ""},
		{"blanks, dots, dashes, slashes", " 0912.345-678/ ", "+84912345678", ""},
		{"no-break and thin blanks", "0912\u00a0345\u2009678\u202f", "+84912345678", ""},
		{"what copying leaves behind", "\u202a0912345678\u202c\ufeff\u200b", "+84912345678", ""},
		{"long dashes", "0912–345—678", "+84912345678", ""},
		{"wide digits", "０９１２３４５６７８", "+84912345678", ""},
		{"a wide plus and brackets", "（＋８４）９１２３４５６７８", "+84912345678", ""},
		{"a zero eaten", "912345678", "+84912345678", ""},
		{"a zero eaten, beginning with 84", "845000126", "+84845000126", ""},
		{"ten digits beginning with 084 are not the code", "0845000126", "+84845000126", ""},
		{"eleven digits beginning with 84", "84845000126", "+84845000126", ""},

		{"an old number", "01655809949", "+84355809949", ""},
		{"an old number with blanks", "0165 5000 949", "+84355000949", ""},
		{"an old number without its zero", "1655000949", "+84355000949", ""},
		{"an old number with the code", "+84 165 5000 949", "+84355000949", ""},
		{"an old number with the code, no plus", "841655000949", "+84355000949", ""},
		{"0124 becomes 084", "01245000126", "+84845000126", ""},
		{"0124 becomes 084 behind the code", "+841245000126", "+84845000126", ""},
		{"a prefix that never was", "01115000126", "", unreadable},
		{"an old prefix with too few digits", "0165500094", "", unreadable},

		{"a landline", "02435000111", "+842435000111", ""},
		{"a landline with the code", "+84 24 3500 0111", "+842435000111", ""},
		{"a landline of a province", "0225 350 0111", "+842253500111", ""},
		{"a landline too short", "0243500011", "", unreadable},
		{"a landline without its zero is not guessed", "2435000111", "", unreadable},

		{"a foreign number", "+63 917 000 1234", "+639170001234", ""},
		{"a foreign number, dialled", "0063 917 000 1234", "+639170001234", ""},
		{"a foreign number that looks local when squeezed", "+66 91 234 5678", "+66912345678", ""},
		{"a foreign number of 15 digits", "+123456789012345", "+123456789012345", ""},
		{"a foreign number of 16 digits", "+1234567890123456", "", unreadable},
		{"a foreign number of 7 digits", "+1234567", "", unreadable},
		{"a foreign number without a plus", "639170001234", "", unreadable},
		{"a country code of 0", "+0912345678", "", unreadable},

		{"empty", "", "", unreadable},
		{"blank", " \u00a0 ", "", unreadable},
		{"words", "không có", "", unreadable},
		{"a name before it", "Lan 0912345678", "", unreadable},
		{"two numbers", "0912345678 / 0987654321", "", several},
		{"two numbers with a comma", "0912345678,0987654321", "", several},
		{"a plus inside", "0912+345678", "", unreadable},
		{"two pluses", "++84912345678", "", unreadable},
		{"too short", "091234567", "", unreadable},
		{"too long", "09123456789", "", unreadable},
		{"a mobile prefix that is none", "0412345678", "", unreadable},
		{"a short number", "1900", "", unreadable},
		{"Thai digits are not read", "๐๙๑๒๓๔๕๖๗๘", "", unreadable},
		{"no end of digits", strings.Repeat("9", 100_000), "", unreadable},
		{"bytes that are no text", "091234567\xff", "", unreadable},

		{"masked with stars", "0****70", "", masked},
		{"masked with one star", "091234567*", "", masked},
		{"masked with wide stars", "0＊＊＊70", "", masked},
		{"masked with dots", "091•••678", "", masked},
		{"masked with an x between digits", "0912x45678", "", masked},
		{"masked with x", "0912xxx678", "", masked},
		{"masked with X and blanks", "0912 XXX 678", "", masked},
		{"masked at the end", "0912345xxx", "", masked},
		{"masked at the beginning", "xxxxxx5678", "", masked},
		{"one x at an end is a slip of the finger", "x0912345678", "", unreadable},
		{"a word with x", "max", "", unreadable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			phone, err := contact.ParsePhone(test.raw)
			if phone.E164() != test.want || codeOf(err) != test.code {
				t.Errorf("ParsePhone(%q) = %q, %q, want %q, %q", test.raw, phone.E164(), codeOf(err), test.want, test.code)
			}
			if phone.IsZero() != (test.want == "") {
				t.Error("IsZero and E164 disagree")
			}
		})
	}
}

// TestConversionOf2018 spells the published table out once more, so that a slip in the code's copy shows.
func TestConversionOf2018(t *testing.T) {
	t.Parallel()
	const table = `0162→032 0163→033 0164→034 0165→035 0166→036 0167→037 0168→038 0169→039
		0120→070 0121→079 0122→077 0126→076 0128→078 0123→083 0124→084 0125→085 0127→081 0129→082
		0186→056 0188→058 0199→059 0182→052`
	rows := strings.Fields(table)
	if len(rows) != 22 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		before, after, _ := strings.Cut(row, "→")
		for _, raw := range []string{before + "5000949", "+84" + before[1:] + "5000949", before[1:] + "5000949"} {
			phone, err := contact.ParsePhone(raw)
			if err != nil || phone.Local() != after+"5000949" {
				t.Errorf("%s = %s, %v, want %s", raw, phone.Local(), err, after+"5000949")
			}
		}
	}
}

func TestPhoneIsShown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ raw, local, display string }{
		{"+84912345678", "0912345678", "0912 345 678"},
		{"02435000111", "02435000111", "024 3500 0111"},
		{"02253500111", "02253500111", "0225 350 0111"},
		{"+639170001234", "+639170001234", "+639170001234"},
	} {
		phone, err := contact.ParsePhone(test.raw)
		if err != nil || phone.Local() != test.local || phone.Display() != test.display {
			t.Errorf("%s: %q, %q, %v", test.raw, phone.Local(), phone.Display(), err)
		}
	}
	if none := (contact.Phone{}); none.Local() != "" || none.Display() != "" || none.E164() != "" || none.String() != "" {
		t.Error("no phone is shown as one")
	}
}

func TestPhonesDoNotLeak(t *testing.T) {
	t.Parallel()
	phone, err := contact.ParsePhone("0912345678")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("order", "phone", phone, "key", contact.Key{Kind: contact.KindPhone, Value: phone.E164()})
	for _, text := range []string{
		fmt.Sprint(phone), fmt.Sprintf("%v %+v %s %q", phone, phone, phone, phone), fmt.Sprintf("%#v", phone),
		fmt.Sprintf("%v", struct{ P contact.Phone }{phone}), log.String(),
	} {
		if strings.Contains(text, "345") || strings.Contains(text, "912") || !strings.Contains(text, "+84•••678") {
			t.Errorf("leaks: %s", text)
		}
	}
	for _, raw := range []string{"0912345678999", "0912xx5678"} {
		if _, err := contact.ParsePhone(raw); strings.ContainsAny(err.Error(), "0123456789") {
			t.Errorf("the problem says the number: %v", err)
		}
	}
}

// TestAnySpellingIsOnePhone: a Vietnamese mobile, however it is written, is one number; and Google's library, as the
// oracle, reads the same one wherever it knows the spelling.
func TestAnySpellingIsOnePhone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subscriber := rapid.StringMatching(`[35789][0-9]{8}`).Draw(t, "subscriber")
		want := "+84" + subscriber
		prefix := rapid.SampledFrom([]string{"0", "+84", "84", "0084", "+840", "840", "00840", ""}).Draw(t, "prefix")
		spelt := separate(t, prefix+subscriber)
		phone, err := contact.ParsePhone(spelt)
		if err != nil || phone.E164() != want {
			t.Fatalf("%q = %q, %v, want %q", spelt, phone.E164(), err, want)
		}
		if again, err := contact.ParsePhone(phone.E164()); err != nil || again != phone {
			t.Fatalf("not idempotent: %q", again.E164())
		}
		if again, err := contact.ParsePhone(phone.Local()); err != nil || again != phone {
			t.Fatalf("the local form reads as %q", again.E164())
		}
		if again, err := contact.ParsePhone(phone.Display()); err != nil || again != phone {
			t.Fatalf("the displayed form reads as %q", again.E164())
		}
		if prefix == "0" || prefix == "+84" {
			number, err := phonenumbers.Parse(prefix+subscriber, "VN")
			if err != nil {
				t.Fatal(err)
			}
			if oracle := phonenumbers.Format(number, phonenumbers.E164); oracle != want {
				t.Fatalf("the oracle reads %q", oracle)
			}
		}
	})
}

// TestForeignNumbersAreKept compares with the oracle's example of every country but Vietnam.
func TestForeignNumbersAreKept(t *testing.T) {
	t.Parallel()
	compared := 0
	for region := range phonenumbers.GetSupportedRegions() {
		number := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE)
		if number == nil || region == "VN" {
			continue
		}
		want := phonenumbers.Format(number, phonenumbers.E164)
		if len(want) < len("+12345678") {
			continue // a few islands have shorter numbers than we take
		}
		for _, spelt := range []string{want, phonenumbers.Format(number, phonenumbers.INTERNATIONAL), "00" + want[1:]} {
			phone, err := contact.ParsePhone(spelt)
			if err != nil || phone.E164() != want {
				t.Errorf("%s: %q = %q, %v", region, spelt, phone.E164(), err)
			}
		}
		compared++
	}
	if compared < 200 {
		t.Errorf("only %d regions compared", compared)
	}
}

// separate strews what people put between digits, in ordinary or wide digits.
func separate(t *rapid.T, digits string) string {
	wide := rapid.Bool().Draw(t, "wide")
	separators := rapid.SampledFrom([]string{"", "", "", " ", ".", "-", "\u00a0", "(", ")", "/", "–", "\u200b"})
	var b strings.Builder
	for _, r := range digits {
		b.WriteString(separators.Draw(t, "separator"))
		if wide && r != '+' {
			r += '０' - '0'
		}
		b.WriteRune(r)
	}
	b.WriteString(separators.Draw(t, "separator"))
	return b.String()
}

func FuzzParsePhone(f *testing.F) {
	for _, raw := range []string{
		"0912000451", "+84 987 000 102", "0****70", "0358000206", "0165 5000 949", "01245000126", "+63 917 000 1234",
		"84912000861", "0912.000.262", "0938.000.764", "+84 358 000 588", "0904000321", "02435000111", "912345678", "",
		"００８４９１２３４５６７８", "0912xxx451", "+84 0912 345 678",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		phone, err := contact.ParsePhone(raw)
		if err != nil {
			if !phone.IsZero() || codeOf(err) == "" {
				t.Fatalf("a phone beside a problem, or no problem: %v", err)
			}
			return
		}
		e164 := phone.E164()
		if len(e164) < 9 || len(e164) > 16 || e164[0] != '+' || strings.Trim(e164[1:], "0123456789") != "" || e164[1] == '0' {
			t.Fatalf("%q is not E.164", e164)
		}
		if strings.HasPrefix(e164, "+84") && (len(e164) != 12 && len(e164) != 13 || e164[3] == '0' || e164[3] == '1') {
			t.Fatalf("%q is no number of today", e164)
		}
		for _, spelt := range []string{e164, phone.Local(), phone.Display()} {
			if again, err := contact.ParsePhone(spelt); err != nil || again != phone {
				t.Fatalf("%q reads as %q, %v", spelt, again.E164(), err)
			}
		}
	})
}
