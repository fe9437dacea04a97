package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	jsonFlag = "json"

	// A page is pageWidth columns wide unless $COLUMNS says otherwise, within limits that leave it readable.
	pageWidth    = 100
	minPageWidth = 40
	maxPageWidth = 160

	// gap is what stands between two columns of a table.
	gap = "  "
	// nothing stands for a value that is not there.
	nothing = "-"
)

// output is embedded by commands that print data.
type output struct {
	JSON bool `help:"Print JSON, as the API gives it."`
}

// show prints an answer: as JSON when that was asked for, else as human puts it on a page.
func (rt *Runtime) show(asJSON bool, answer any, human func(*page)) error {
	if asJSON {
		text, err := encode(answer)
		if err != nil {
			return err
		}
		return rt.print(text)
	}
	p := &page{width: rt.width(), colours: rt.hasColours()}
	human(p)
	return rt.print(p.text.String())
}

// print writes to standard output. Unlike a message, an answer that cannot be written is an error.
func (rt *Runtime) print(text string) error {
	if _, err := io.WriteString(rt.Stdout, text); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// notef writes a line beside the answer, to standard error.
func (rt *Runtime) notef(format string, args ...any) {
	fmt.Fprintln(rt.Stderr, printable(fmt.Sprintf(format, args...)))
}

func (rt *Runtime) width() int {
	wanted, err := strconv.Atoi(rt.getenv("COLUMNS"))
	if err != nil {
		return pageWidth
	}
	return min(max(wanted, minPageWidth), maxPageWidth)
}

// page is an answer for people. Whatever is put on it is made printable, so no name of a customer can move the cursor.
type page struct {
	text  strings.Builder
	width int
	// colours tells that what is written goes to a terminal that has them.
	colours bool
}

// linef puts one line on the page.
func (p *page) linef(format string, args ...any) {
	p.text.WriteString(strings.TrimRight(printable(fmt.Sprintf(format, args...)), " "))
	p.text.WriteByte('\n')
}

// paragraph puts a text on the page, wrapped and indented.
func (p *page) paragraph(indent int, text string) {
	for _, line := range wrap(printable(text), p.width-indent) {
		p.linef("%s%s", strings.Repeat(" ", indent), line)
	}
}

// fields puts labels and their values on the page, one a line.
func (p *page) fields(pairs ...[2]string) {
	widest := 0
	for _, pair := range pairs {
		widest = max(widest, columns(pair[0]))
	}
	for _, pair := range pairs {
		p.linef("%s%s%s", pad(pair[0], widest, false), gap, orNothing(pair[1]))
	}
}

// column is one column of a table.
type column struct {
	title string
	// right is for numbers. limit is where longer texts are cut off; 0 for never.
	right bool
	limit int
}

// table puts rows under their titles.
func (p *page) table(shape []column, rows [][]string) {
	titles := make([]string, len(shape))
	widths := make([]int, len(shape))
	for i, column := range shape {
		titles[i] = column.title
		widths[i] = columns(column.title)
	}
	cells := make([][]string, 0, len(rows)+1)
	cells = append(cells, titles)
	for _, row := range rows {
		line := make([]string, len(shape))
		for i, column := range shape {
			line[i] = orNothing(printable(row[i]))
			if column.limit > 0 {
				line[i] = clip(line[i], column.limit)
			}
			widths[i] = max(widths[i], columns(line[i]))
		}
		cells = append(cells, line)
	}
	for _, row := range cells {
		line := make([]string, len(shape))
		for i, column := range shape {
			line[i] = pad(row[i], widths[i], column.right)
		}
		p.linef("%s", strings.Join(line, gap))
	}
}

func orNothing(text string) string {
	if text == "" {
		return nothing
	}
	return text
}
