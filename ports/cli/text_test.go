//nolint:gosmopolitan // wide letters are what is tested here
package cli

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"orderbridge/app/query"
	"orderbridge/domain/order"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"Pham Dung", 9},
		{"Phạm Dũng", 9},
		{norm.NFD.String("Phạm Dũng"), 9},
		{norm.NFD.String("Nguyễn Thị Ế"), 12},
		{"1.250.000 ₫", 11},
		{"客户", 4},
		{"Ｌａｎ", 6},
		{"고객", 4},
		{norm.NFD.String("고객"), 4},
		{"🎁 quà", 6},
		{"a\u200db", 2},
	} {
		if got := columns(test.text); got != test.want {
			t.Errorf("%q takes %d columns, want %d", test.text, got, test.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"plain", "Phạm Dũng 客户 🎁", "Phạm Dũng 客户 🎁"},
		{"decomposed", norm.NFD.String("Phạm Dũng"), norm.NFD.String("Phạm Dũng")},
		{"colour", "\x1b[31mLan\x1b[0m", `\x1b[31mLan\x1b[0m`},
		{"window title", "\x1b]0;owned\a", `\x1b]0;owned\x07`},
		{"C1 control sequence introducer", "\u009b31mLan", `\u009b31mLan`},
		{"line breaks", "a\r\nb\tc", `a\r\nb\tc`},
		{"other line breaks", "a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`},
		{"right to left override", "Lan\u202egnp.exe", `Lan\u202egnp.exe`},
		{"byte order mark", "\ufeffLan", `\ufeffLan`},
		{"invisible tags", "Lan\U000e0041", `Lan\U000e0041`},
		{"delete", "a\x7f", `a\x7f`},
		{"joiners stay", "👨\u200d👩", "👨\u200d👩"},
		{"bytes that are no text", "a\xffb", "a\ufffdb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := printable(test.text); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"Phạm Dũng", 9, "Phạm Dũng"},
		{"Phạm Dũng", 8, "Phạm Dũ…"},
		{norm.NFD.String("Phạm Dũng"), 8, norm.NFD.String("Phạm Dũ") + "…"},
		{"客户客户", 6, "客户…"},
		{"", 3, ""},
	} {
		if got := clip(test.text, test.limit); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	got := wrap("Khớp khách hàng  đã có: số điện thoại 0912000451000000000 thuộc về một người.", 20)
	want := []string{"Khớp khách hàng đã", "có: số điện thoại", "0912000451000000000", "thuộc về một người."}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := wrap(" \n ", 20); got != nil {
		t.Errorf("%q", got)
	}
}

func TestTextOfAnySort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		text := printable(raw)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, isUnsafe) || printable(text) != text {
			t.Fatalf("%q became %q", raw, text)
		}
		limit := rapid.IntRange(2, 60).Draw(t, "limit")
		if clipped := clip(text, limit); columns(clipped) > limit || !utf8.ValidString(clipped) {
			t.Fatalf("%q clipped to %q", text, clipped)
		}
		if padded := pad(clip(text, limit), limit, true); columns(padded) != limit {
			t.Fatalf("%q padded to %q", text, padded)
		}
		lines := wrap(text, limit)
		if !slices.Equal(strings.Fields(strings.Join(lines, " ")), strings.Fields(text)) {
			t.Fatalf("%q wrapped to %q", text, lines)
		}
		for _, line := range lines {
			if columns(line) > limit && strings.Contains(line, " ") {
				t.Fatalf("%q is wider than %d", line, limit)
			}
		}
	})
}

// TestTableIsAligned: whatever is in the cells, every column begins at the same place in every line.
func TestTableIsAligned(t *testing.T) {
	t.Parallel()
	p := &page{width: pageWidth}
	p.table([]column{{title: "NAME"}, {title: "DUE", right: true}, {title: "STATUS"}}, [][]string{
		{"Phạm Dũng", "1.250.000 ₫", "new"},
		{norm.NFD.String("Nguyễn Thị Ế"), "0 ₫", "new"},
		{"客户 🎁", "30.000 ₫", "new"},
		{"", "", "new"},
		{"evil\x1b[2J", "1 ₫", "new"},
	})
	want := strings.Join([]string{
		`NAME                  DUE  STATUS`,
		`Phạm Dũng     1.250.000 ₫  new`,
		norm.NFD.String(`Nguyễn Thị Ế`) + `          0 ₫  new`,
		`客户 🎁          30.000 ₫  new`,
		`-                       -  new`,
		`evil\x1b[2J           1 ₫  new`,
		"",
	}, "\n")
	if got := p.text.String(); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(p.text.String()) {
		last := max(strings.Index(line, "new"), strings.Index(line, "STATUS"))
		if begin := columns(line[:last]); begin != 27 {
			t.Errorf("the last column of %q begins at %d", line, begin)
		}
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"2": "2", "0.5": "0,5", "1250": "1.250", "1250.25": "1.250,25", "2.0": "2"} {
		parsed, err := order.ParseQuantity(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := quantity(parsed); got != want {
			t.Errorf("%s is %q, want %q", raw, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 9, 15, 17, 4, 38, 0, time.UTC)
	for zone, want := range map[string]string{
		"Asia/Ho_Chi_Minh": "16/09/2025 00:04", "Asia/Tokyo": "16/09/2025 02:04", "America/New_York": "15/09/2025 13:04",
		"Asia/Nowhere": "16/09/2025 00:04",
	} {
		session := Session{Zone: query.ZoneNamed(zone)}
		if got := session.moment(at); got != want || session.maybeMoment(&at) != want {
			t.Errorf("in %s it is %q, want %q", zone, got, want)
		}
		if got := session.moment(time.Time{}) + session.maybeMoment(nil); got != "" {
			t.Errorf("no time in %s is %q", zone, got)
		}
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"+84912345678": "0912 345 678", "+842435000111": "024 3500 0111", "+12025550123": "+12025550123", "odd": "odd", "": "",
	} {
		if got := phone(raw); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := phones([]string{"+84912345678", "+84987000102"}); got != "0912 345 678, 0987 000 102" {
		t.Error(got)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text, want string
		secrets          []string
	}{
		{name: "nothing to hide", text: "dial tcp 10.0.0.1:5432: connection refused", want: "dial tcp 10.0.0.1:5432: connection refused"},
		{name: "a password in a URL", text: "parse postgres://u:hunter2@h/db: bad", want: "parse postgres://u:•••@h/db: bad"},
		{name: "a password with an @", text: "parse postgres://u:hun@ter2@h/db", want: "parse postgres://u:•••@h/db"},
		{name: "a password as a setting", text: "host=h password=hunter2 user=u", want: "host=h password=••• user=u"},
		{name: "a quoted password", text: "password = 'hunter 2' user=u", want: "password = ••• user=u"},
		{name: "a password as a parameter", text: "postgres://h/db?password=hunter2&sslmode=off", want: "postgres://h/db?password=•••&sslmode=off"},
		{name: "a secret", text: "value s3cret refused", secrets: []string{"s3cret"}, want: "value ••• refused"},
		{name: "a quoted secret", text: `value "s3\"cret" refused`, secrets: []string{`s3"cret`}, want: `value "•••" refused`},
		{name: "too short for a secret", text: "a cat", secrets: []string{"a", ""}, want: "a cat"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := redact(hidePasswords(test.text), test.secrets); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestEncodeEscapesWhatATerminalMightObey(t *testing.T) {
	t.Parallel()
	got, err := encode(map[string]string{"name": "Phạm <b>\u009b\u202e\x7f\x1b\U000e0041\u2028"})
	if want := "{\n  \"name\": \"Phạm <b>\\u009b\\u202e\\u007f\\u001b\\udb40\\udc41\\u2028\"\n}\n"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
