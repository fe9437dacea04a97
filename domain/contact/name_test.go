package contact_test

import (
	"strings"
	"testing"

	"orderbridge/domain/contact"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want, code string }{
		"a name is trimmed":               {" Nguyễn Thị Hạnh ", "Nguyễn Thị Hạnh", ""},
		"accents are put together":        {"Hạnh", "Hạnh", ""},
		"two hundred letters are a name":  {strings.Repeat("ạ", 200), strings.Repeat("ạ", 200), ""},
		"one more is none":                {strings.Repeat("ạ", 201), "", "name-too-long"},
		"spaces are none":                 {" \t", "", "name-missing"},
		"what nobody sees is none":        {"\u200b\ufeff \u2060", "", "name-missing"},
		"what nobody sees may join":       {"👩\u200d🔬", "👩\u200d🔬", ""},
		"a character of control is wrong": {"A\x00B", "", "name-unreadable"},
		"a line break is wrong":           {"A\nB", "", "name-unreadable"},
		"broken text is wrong":            {"A\xffB", "", "name-unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := contact.ParseName(c.raw)
			if got != c.want || codeOf(err) != c.code {
				t.Errorf("%q gives %q (%v), want %q (%s)", c.raw, got, err, c.want, c.code)
			}
		})
	}
}

func TestParseNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want, code string }{
		"lines stay":                       {" Gọi trước.\n\tGiao chiều.\n", "Gọi trước.\n\tGiao chiều.", ""},
		"lines of other systems":           {"a\r\nb\rc", "a\nb\nc", ""},
		"accents are put together":         {"Ha\u0323nh", "Hạnh", ""},
		"no words are no note":             {" \n\t", "", ""},
		"nothing is no note":               {"", "", ""},
		"four thousand letters are a note": {strings.Repeat("ạ", 4000), strings.Repeat("ạ", 4000), ""},
		"one more is none":                 {strings.Repeat("ạ", 4001), "", "note-too-long"},
		"a character of control is wrong":  {"A\x00B", "", "note-unreadable"},
		"a colour of a terminal is wrong":  {"\x1b[31mA", "", "note-unreadable"},
		"what is no text is wrong":         {"A\xffB", "", "note-unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := contact.ParseNote(c.raw)
			if got != c.want || codeOf(err) != c.code {
				t.Errorf("%q gives %q (%v), want %q (%s)", c.raw, got, err, c.want, c.code)
			}
		})
	}
}

func TestParseTag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want, code string }{
		"a tag is trimmed":                {" khách sỉ ", "khách sỉ", ""},
		"a hundred letters are a tag":     {strings.Repeat("ạ", 100), strings.Repeat("ạ", 100), ""},
		"one more is none":                {strings.Repeat("ạ", 101), "", "tag-too-long"},
		"spaces are none":                 {" ", "", "tag-missing"},
		"a character of control is wrong": {"A\x00B", "", "tag-unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := contact.ParseTag(c.raw)
			if got != c.want || codeOf(err) != c.code {
				t.Errorf("%q gives %q (%v), want %q (%s)", c.raw, got, err, c.want, c.code)
			}
		})
	}
}
