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
