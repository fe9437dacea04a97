//nolint:gosmopolitan // words of other scripts are words too
package contact_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"orderbridge/domain/contact"
)

func TestWordsOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"diacritics go", "Nguyễn Thị Ánh", []string{"nguyen", "thi", "anh"}},
		{"decomposed ones too", norm.NFD.String("Nguyễn Thị Ánh"), []string{"nguyen", "thi", "anh"}},
		{"đ is a d", "ĐẶNG đức", []string{"dang", "duc"}},
		{"punctuation parts words", "Lan-Anh (chị_Hai) O'Neil a.b@c", []string{"lan", "anh", "chi", "hai", "o", "neil", "a", "b", "c"}},
		{"signs of a text search are none of a name", `a:* & b | !c <-> 'd' \\e \x00`, []string{"a", "b", "c", "d", "e", "x00"}},
		{"digits are words", "Lan 0912 451", []string{"lan", "0912", "451"}},
		{"wide letters are letters", "Ｌａｎ", []string{"lan"}},
		{"other scripts stay", "Яна 客户", []string{"яна", "客户"}},
		{"blanks of every sort", "a\u00a0b\u2009c\u3000d\te\n", []string{"a", "b", "c", "d", "e"}},
		{"what nobody sees", "Lan\u200b\ufeff Anh", []string{"lan", "anh"}},
		{"bytes that are no text", "a\xffb\x00", []string{"a", "b"}},
		{"a word without end is cut off", strings.Repeat("a", 150), []string{strings.Repeat("a", 100)}},
		{"nothing", " -- ", []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := contact.WordsOf(test.text); !slices.Equal(got, test.want) {
				t.Errorf("%q has the words %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestWordsOfAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		for _, word := range contact.WordsOf(text) {
			if word == "" || strings.ContainsAny(word, "&|!:'\"\\()<>*\x00") || strings.ContainsFunc(word, unicode.IsControl) {
				t.Fatalf("%q has the word %q", text, word)
			}
			if again := contact.WordsOf(word); len(again) != 1 || again[0] != word {
				t.Fatalf("the word %q has the words %q", word, again)
			}
		}
	})
}
