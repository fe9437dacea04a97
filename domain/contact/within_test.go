package contact_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"orderbridge/domain/contact"
)

func TestMaskWithin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no contact", "Nguyễn Thị Ánh, 90 Pasteur, Q.1", "Nguyễn Thị Ánh, 90 Pasteur, Q.1"},
		{"a name that is a phone", "0912000451", "•••"},
		{"a phone in a sentence", "Gọi 0912 000 451 trước khi giao.", "Gọi ••• trước khi giao."},
		{"international", "(+84) 912-000-451!", "(+•••!"},
		{"two phones", "A: 0912.000.451, B: 0987 000 102", "A: •••, B: •••"},
		{"over two lines", "Lan\n0912\n000451\nHuế", "Lan\n•••\nHuế"},
		{"commas and underscores", "0912,000,451 và 0987_000_102", "••• và •••"},
		{"on keys", "0\ufe0f\u20e39\ufe0f\u20e31\ufe0f\u20e32000451", "•••"},
		{"in circles", "⓪⑨①②⓪⓪⓪④⑤①", "•••"},
		{"of another script", "٠٩١٢٣٤٥٦٧٨", "•••"},
		{"seven digits are none", "123.45.67", "123.45.67"},
		{"eight are", "123.45.678", "•••"},
		{"letters end a number", "1234a5678", "1234a5678"},
		{"a date", "Giao ngày 15/09/2025, gọi trước.", "Giao ngày 15/09/2025, gọi trước."},
		{"a date as machines write it", "(2025-09-15)", "(2025-09-15)"},
		{"a time as machines write it", "2025-09-15T10:04:38Z", "2025-09-15T10:04:38Z"},
		{"a date beside a phone", "15/09/2025 0912000451", "•••"},
		{"a phone behind a date", "15/09/2025: 0912000451", "15/09/2025: •••"},
		{"digits that follow a date", "09/12/2000 451", "•••"},
		{"digits before a date", "0 2025-09-15", "•••"},
		{"a date that begins as a foreign phone", "+2025-09-15", "+•••"},
		{"also with a blank", "+ (2025-09-15)", "+ (•••)"},
		{"no day of any year", "31/02/2025, 2025-13-01", "•••"},
		{"no year of ours", "12/09/0451", "•••"},
		{"another order than people write", "2025/09/15", "•••"},
		{"an email", "viết cho lan.pham+shop@example.com nhé", "viết cho ••• nhé"},
		{"in brackets", "Lan <lan@example.com>, (b@c.vn)", "Lan <•••>, (•••)"},
		{"with blanks", "lan @ example.com", "•••"},
		{"a wide at sign", "lan＠example.com", "•••"},
		{"letters of the country", "lân@ví-dụ.vn", "•••"},
		{"an email of digits", "0912000451@gmail.com", "•••"},
		{"a name on Instagram", "@lan.pham", "@lan.pham"},
		{"a place", "giao @ Huế", "giao @ Huế"},
		{"a message before it ends", "mail:a@b.c;0912000451", "mail:•••;•••"},
		{"bytes that are no text", "\xff0912000451\xff", "\xff•••\xff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := contact.MaskWithin(test.text); got != test.want {
				t.Errorf("%q is shown as %q, want %q", test.text, got, test.want)
			}
		})
	}
}

// TestNoPhoneSurvivesWithinAText: however a phone is spelt and whatever stands around it, what is shown holds no eight
// digits in a row, and nothing that reads as the phone.
func TestNoPhoneSurvivesWithinAText(t *testing.T) {
	t.Parallel()
	around := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " ", "\n", "gọi ", "số:", "(", "+", "x", "12", "đ/c 45, ", "15/09/2025", "2025-09-15 "}))
	rapid.Check(t, func(t *rapid.T) {
		subscriber := rapid.StringMatching(`[35789][0-9]{8}`).Draw(t, "subscriber")
		prefix := rapid.SampledFrom([]string{"0", "+84", "84", "0084", "+840", ""}).Draw(t, "prefix")
		spelt := separate(t, prefix+subscriber)
		text := around.Draw(t, "before") + spelt + around.Draw(t, "after")
		shown := contact.MaskWithin(text)
		if digits := digitsOf(shown); strings.Contains(digits, subscriber) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
		for _, word := range strings.FieldsFunc(shown, unicode.IsLetter) {
			if phone, err := contact.ParsePhone(word); err == nil {
				t.Fatalf("%q is shown as %q, which has the phone %s", text, shown, phone.E164())
			}
		}
	})
}

// digitsOf are the digits of a text, wide ones too.
func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '０' && r <= '９' {
			return r - '０' + '0'
		}
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

func TestNoEmailSurvivesWithinAText(t *testing.T) {
	t.Parallel()
	around := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " ", "\u00a0", "mail:", "<", "(", ",", "."}))
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z][a-z0-9._+-]{0,20}@[a-z0-9-]{1,10}(\.[a-z]{2,6}){1,2}`).Draw(t, "address")
		text := fmt.Sprint(around.Draw(t, "before"), address, around.Draw(t, "after"))
		if shown := contact.MaskWithin(text); strings.Contains(shown, address) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}
