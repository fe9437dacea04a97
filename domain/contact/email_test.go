package contact_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"orderbridge/domain/contact"
)

func TestParseEmail(t *testing.T) {
	t.Parallel()
	const masked, unreadable, synthetic = "email-masked", "email-unreadable", "email-synthetic"
	for _, test := range []struct{ name, raw, want, code string }{
		{"as it is", "lan.pham@example.com", "lan.pham@example.com", ""},
		{"blanks and capitals", " Lan.Pham@Example.com ", "lan.pham@example.com", ""},
		{"no-break blanks around", "\u00a0\u200ba@example.com\ufeff", "a@example.com", ""},
		{"a plus", "lan+shop@example.com", "lan+shop@example.com", ""},
		{"a domain of three parts", "a@mail.example.com.vn", "a@mail.example.com.vn", ""},
		{"letters of the country", "lân@ví-dụ.vn", "lân@ví-dụ.vn", ""},
		{"decomposed letters are composed", "la\u0302n@example.com", "lân@example.com", ""},
		{"a person at Facebook", "lan.pham@facebook.com", "lan.pham@facebook.com", ""},
		{"digits elsewhere", "0912345678@gmail.com", "0912345678@gmail.com", ""},

		{"made up of a Facebook id", "100000000000321@facebook.com", "", synthetic},
		{"made up, in capitals", " 100000000000321@FACEBOOK.COM", "", synthetic},
		{"masked", "l***@example.com", "", masked},
		{"masked domain", "lan@e******.com", "", masked},
		{"masked with dots", "l•••@example.com", "", masked},
		{"only stars", "****", "", masked},

		{"empty", "", "", unreadable},
		{"no at", "lan.example.com", "", unreadable},
		{"two ats", "lan@pham@example.com", "", unreadable},
		{"no local part", "@example.com", "", unreadable},
		{"no domain", "lan@", "", unreadable},
		{"no dot", "lan@localhost", "", unreadable},
		{"a dot at the end", "lan@example.", "", unreadable},
		{"a dot at the beginning", "lan@.example", "", unreadable},
		{"two dots", "lan@example..com", "", unreadable},
		{"a blank inside", "lan pham@example.com", "", unreadable},
		{"two addresses", "a@example.com,b@example.com", "", unreadable},
		{"a name around it", "Lan <lan@example.com>", "", unreadable},
		{"a NUL", "a\x00@example.com", "", unreadable},
		{"a line break", "a@example.com\nb", "", unreadable},
		{"bytes that are no text", "a\xff@example.com", "", unreadable},
		{"too long", strings.Repeat("a", 65) + "@example.com", "", unreadable},
		{"too long in all", "a@" + strings.Repeat("a.", 130) + "com", "", unreadable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			email, err := contact.ParseEmail(test.raw)
			if email.String() != test.want || codeOf(err) != test.code {
				t.Errorf("ParseEmail(%q) = %q, %q, want %q, %q", test.raw, email, codeOf(err), test.want, test.code)
			}
			if email.IsZero() != (test.want == "") {
				t.Error("IsZero and String disagree")
			}
		})
	}
}

func TestEmailsAreMaskedInLogs(t *testing.T) {
	t.Parallel()
	email, err := contact.ParseEmail("lan.pham@example.com")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("order", "email", email, "key", contact.Key{Kind: contact.KindEmail, Value: email.String()})
	if strings.Contains(log.String(), "pham") || strings.Count(log.String(), "l•••@example.com") != 2 {
		t.Error(log.String())
	}
}

func TestKeyMasked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key  contact.Key
		want string
	}{
		{contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}, "+84912•••451"},
		{contact.Key{Kind: contact.KindPhone, Value: "+842435000111"}, "+84243•••111"},
		{contact.Key{Kind: contact.KindPhone, Value: "+12345678"}, "+12•••678"},
		{contact.Key{Kind: contact.KindPhone, Value: "+12"}, "•••"},
		{contact.Key{Kind: contact.KindPhone}, "•••"},
		{contact.Key{Kind: contact.KindEmail, Value: "lan@example.com"}, "l•••@example.com"},
		{contact.Key{Kind: contact.KindEmail, Value: "ông@example.com"}, "ô•••@example.com"},
		{contact.Key{Kind: contact.KindEmail, Value: "l@example.com"}, "•••@example.com"},
		{contact.Key{Kind: contact.KindEmail, Value: "lan"}, "•••"},
		{contact.Key{Kind: contact.KindEmail}, ""},
	} {
		if got := test.key.Masked(); got != test.want || fmt.Sprint(test.key) != test.want {
			t.Errorf("masked %q, printed %v, want %q", got, test.key, test.want)
		}
	}
}

func TestEmailSpellingsAreOneAddress(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z][a-z0-9._+-]{0,20}@[a-z0-9-]{1,10}(\.[a-z]{2,6}){1,2}`).Draw(t, "address")
		spelt := rapid.SampledFrom([]string{"", " ", "\t", "\u00a0"}).Draw(t, "before") + strings.ToUpper(address) + " "
		email, err := contact.ParseEmail(spelt)
		if err != nil || email.String() != address {
			t.Fatalf("%q = %q, %v", spelt, email, err)
		}
	})
}

func FuzzParseEmail(f *testing.F) {
	for _, raw := range []string{
		" Lan.Pham@Example.com ", "dung.pham@example.com", "100000000000588@facebook.com", "maria.tran@example.com",
		"phuongmai.sale@example.vn", "l***@example.com", "", "a@b@c.d", "İ@example.com", "ﬁ@K.com",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		email, err := contact.ParseEmail(raw)
		if err != nil {
			if !email.IsZero() || codeOf(err) == "" {
				t.Fatalf("an email beside a problem, or no problem: %v", err)
			}
			return
		}
		address := email.String()
		if strings.Count(address, "@") != 1 || strings.TrimSpace(address) != address || strings.ContainsAny(address, "* \x00\n") {
			t.Fatalf("%q", address)
		}
		if again, err := contact.ParseEmail(address); err != nil || again != email {
			t.Fatalf("%q reads as %q, %v", address, again, err)
		}
	})
}
