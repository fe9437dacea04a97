package cli

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// style is how a text looks on a terminal: the parameters of ECMA-48's SGR.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// styled is a text and how it looks.
type styled struct {
	style style
	text  string
}

// spans puts a line on the page whose parts look different, where the page has colours. Their texts are made printable like
// any other: what stands between them is all that a terminal obeys.
func (p *page) spans(parts ...styled) {
	var line strings.Builder
	for i, part := range parts {
		if i > 0 {
			line.WriteString(gap)
		}
		text := printable(part.text)
		if p.colours && part.style != plain {
			text = "\x1b[" + string(part.style) + "m" + text + "\x1b[0m"
		}
		line.WriteString(text)
	}
	p.text.WriteString(strings.TrimRight(line.String(), " "))
	p.text.WriteByte('\n')
}

// hasColours tells that the answer goes to a terminal whose user wants them (https://no-color.org).
func (rt *Runtime) hasColours() bool {
	file, isFile := rt.Stdout.(*os.File)
	return isFile && wantsColours(term.IsTerminal(int(file.Fd())), rt.getenv)
}

func wantsColours(isTerminal bool, getenv func(string) string) bool {
	return isTerminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}
