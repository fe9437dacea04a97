package cli

import "io"

// Texts is for tests that look at the grammar itself.
var Texts = texts

// Ask asks a question and reads the answer.
var Ask = (*Runtime).ask

// Progress is progress on a terminal that is a writer.
type Progress = progress

// NewProgress begins to show it.
func NewProgress(terminal io.Writer, name, unit string) *Progress {
	return &progress{name: name, unit: unit, terminal: terminal}
}

// Show shows how far it is.
func (p *progress) Show(phase string, done, all int64, figures ...string) {
	p.show(phase, done, all, figures...)
}

// End takes it off the terminal.
func (p *progress) End() { p.end() }
