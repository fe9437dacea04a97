package web

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is one that the console speaks.
type Language string

// The languages. Vietnamese is what somebody sees who chose none.
const (
	Vietnamese Language = "vi"
	English    Language = "en"
)

//go:embed locales/*.json
var localeFiles embed.FS

type texts struct{ of map[Language]*i18n.Localizer }

func mustLoadTexts() *texts {
	bundle := i18n.NewBundle(language.Vietnamese)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	files, err := localeFiles.ReadDir("locales")
	if err != nil {
		panic(fmt.Sprintf("ports/web: %v", err))
	}
	for _, file := range files {
		if _, err := bundle.LoadMessageFileFS(localeFiles, "locales/"+file.Name()); err != nil {
			panic(fmt.Sprintf("ports/web: %v", err))
		}
	}
	return &texts{of: map[Language]*i18n.Localizer{
		Vietnamese: i18n.NewLocalizer(bundle, string(Vietnamese)), English: i18n.NewLocalizer(bundle, string(English)),
	}}
}

// languageOf is what a request asks for: by the switch on the page, which sets a cookie.
func languageOf(r *http.Request) Language {
	if chosen, err := r.Cookie(languageCookie); err == nil && slices.Contains([]Language{Vietnamese, English}, Language(chosen.Value)) {
		return Language(chosen.Value)
	}
	return Vietnamese
}

// t is a text in the language of the page. What stands in it is given as name, value, name, value …; a value named Count decides on the
// form of the text.
func t(ctx context.Context, key string, values ...any) string {
	v := viewOf(ctx)
	return v.texts.say(v.Language, key, values...)
}

func (x *texts) say(in Language, key string, values ...any) string {
	config := &i18n.LocalizeConfig{MessageID: key}
	if len(values) > 0 {
		data := make(map[string]any, len(values)/2)
		for i := 0; i+1 < len(values); i += 2 {
			name := values[i].(string)
			data[name] = values[i+1]
			if name == "Count" {
				config.PluralCount = values[i+1]
			}
		}
		config.TemplateData = data
	}
	text, _ := x.of[in].Localize(config) // a text without the form of a number is said in the form that it has
	return cmp.Or(text, key)             // a test finds every key that has no text
}

// known tells whether there is a text, for what is named by data.
func known(ctx context.Context, key string) bool {
	v := viewOf(ctx)
	_, err := v.texts.of[v.Language].Localize(&i18n.LocalizeConfig{MessageID: key})
	return err == nil
}

// tOr is a text of a word that data holds, such as a reason, or the word itself when there is none.
func tOr(ctx context.Context, key, word string) string {
	if known(ctx, key) {
		return t(ctx, key)
	}
	return word
}
