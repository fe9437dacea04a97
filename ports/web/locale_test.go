package web

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// textsOf reads all files of a language: what each key says, as it is written.
func textsOf(t *testing.T, in Language) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	files, err := filepath.Glob("locales/*." + string(in) + ".json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]json.RawMessage
		if err := json.Unmarshal(raw, &texts); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for key, text := range texts {
			if _, twice := all[key]; twice {
				t.Errorf("%s is in two files of %s", key, in)
			}
			all[key] = text
		}
	}
	return all
}

var (
	// said is a key that pages and their code say literally; begun the beginning of one whose end is a word of data.
	said   = regexp.MustCompile(`\b(?:t|tOr)\(ctx, "([^"]+)"[,)]`)
	begun  = regexp.MustCompile(`\b(?:t|tOr)\(ctx, "([^"]+)" ?\+`)
	placed = regexp.MustCompile(`\{\{ ?\.(\w+) ?\}\}`)
)

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	t.Parallel()
	vietnamese, english := textsOf(t, Vietnamese), textsOf(t, English)
	for _, key := range slices.Sorted(maps.Keys(vietnamese)) {
		if _, ok := english[key]; !ok {
			t.Errorf("%s has no English", key)
			continue
		}
		if a, b := placesOf(vietnamese[key]), placesOf(english[key]); !slices.Equal(a, b) {
			t.Errorf("%s has places for %q in Vietnamese and for %q in English", key, a, b)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(english)) {
		if _, ok := vietnamese[key]; !ok {
			t.Errorf("%s has no Vietnamese", key)
		}
	}
}

// placesOf are the names of what stands in a text, in whatever order the language has them.
func placesOf(text json.RawMessage) []string {
	names := map[string]bool{}
	for _, place := range placed.FindAllSubmatch(text, -1) {
		names[string(place[1])] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func TestEveryTextThatIsSaidIsThere(t *testing.T) {
	t.Parallel()
	texts := textsOf(t, Vietnamese)
	var sources []string
	for _, pattern := range []string{"*.templ", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, files...)
	}
	uses := 0
	for _, file := range sources {
		if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range said.FindAllSubmatch(source, -1) {
			uses++
			if _, ok := texts[string(use[1])]; !ok {
				t.Errorf("%s says %s, which has no text", file, use[1])
			}
		}
		for _, use := range begun.FindAllSubmatch(source, -1) {
			uses++
			begins := func(key string) bool { return strings.HasPrefix(key, string(use[1])) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(texts)), begins) {
				t.Errorf("%s says something that begins with %s, and nothing does", file, use[1])
			}
		}
	}
	if uses < 50 {
		t.Errorf("only %d texts are said: is it looked for in the right way?", uses)
	}
}

func TestTextsFitTheirLanguages(t *testing.T) {
	t.Parallel()
	texts := mustLoadTexts()
	for _, tc := range []struct {
		in   Language
		key  string
		n    int
		want string
	}{
		{Vietnamese, "time.minutes", 1, "1 phút trước"},
		{Vietnamese, "time.minutes", 5, "5 phút trước"},
		{English, "time.minutes", 1, "1 minute ago"},
		{English, "time.minutes", 5, "5 minutes ago"},
	} {
		if got := texts.say(tc.in, tc.key, "Count", tc.n); got != tc.want {
			t.Errorf("%s %s of %d: %q, want %q", tc.in, tc.key, tc.n, got, tc.want)
		}
	}
	if got := texts.say(Vietnamese, "no.such.key"); got != "no.such.key" {
		t.Errorf("a missing text says %q", got)
	}
}
