package cli

import "testing"

func TestColoursAreForTerminalsWhoseUserWantsThem(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		terminal bool
		env      map[string]string
		want     bool
	}{
		{"a terminal", true, map[string]string{"TERM": "xterm-256color"}, true},
		{"a pipe", false, map[string]string{"TERM": "xterm-256color"}, false},
		{"a terminal that shows text alone", true, map[string]string{"TERM": "dumb"}, false},
		{"somebody who wants none", true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{"an empty variable", true, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := wantsColours(test.terminal, func(name string) string { return test.env[name] }); got != test.want {
				t.Errorf("colours: %t", got)
			}
		})
	}
}

// TestStyledTextObeysNobody: what comes from outside cannot style anything, with colours or without.
func TestStyledTextObeysNobody(t *testing.T) {
	t.Parallel()
	for colours, want := range map[bool]string{
		true:  "\x1b[2m#9\x1b[0m  \x1b[31mfa\\x1b[32miled\x1b[0m  plain\n",
		false: "#9  fa\\x1b[32miled  plain\n",
	} {
		p := &page{width: pageWidth, colours: colours}
		p.spans(styled{dim, "#9"}, styled{red, "fa\x1b[32miled"}, styled{plain, "plain"})
		if got := p.text.String(); got != want {
			t.Errorf("with colours %t:\n%q\nwant\n%q", colours, got, want)
		}
	}
}
