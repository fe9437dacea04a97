package spreadsheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"orderbridge/domain/problem"
)

// maxRowBytes bounds a row: what comes after a quotation mark that is never closed is one row to the end of the file.
const maxRowBytes = 1 << 20

// textRows are those of a CSV file.
type textRows struct {
	reader  *csv.Reader
	bounded *boundedReader
	line    int // where the last row begins
}

// openText reads CSV that is separated by commas, semicolons or tabs, whichever the header has most of titles with.
func openText(file io.ReaderAt, size int64) (*textRows, error) {
	text, err := decoded(file, size)
	if err != nil {
		return nil, err
	}
	const headerBytes = 64 << 10
	buffered := bufio.NewReaderSize(text, headerBytes)
	separator, err := separatorOf(buffered)
	if err != nil {
		return nil, err
	}
	rows := &textRows{bounded: &boundedReader{from: buffered}}
	rows.reader = csv.NewReader(rows.bounded)
	rows.reader.Comma = separator
	rows.reader.FieldsPerRecord = -1 // rows of another length are told by their line
	return rows, nil
}

func (t *textRows) next() (cells []string, line int, err error) {
	t.bounded.left = maxRowBytes
	cells, err = t.reader.Read()
	switch broken, ok := errors.AsType[*csv.ParseError](err); {
	case ok && errors.Is(broken.Err, errTooLong), errors.Is(err, errTooLong):
		if t.line == 0 {
			return nil, 0, problem.Malformed("file-unreadable",
				"the first row has more than 1 MiB; a quotation mark may have been opened in it and not closed")
		}
		return nil, 0, problem.Malformed("file-unreadable",
			"the row behind line %d has more than 1 MiB; a quotation mark may have been opened there and not closed", t.line)
	case ok && errors.Is(broken.Err, csv.ErrQuote) && broken.StartLine < broken.Line: // wherever reading stopped
		return nil, 0, problem.Malformed("file-unreadable",
			"line %d: a quotation mark is opened in this row and not closed; close it, and write one that stands in a text twice", broken.StartLine)
	case ok:
		return nil, 0, problem.Malformed("file-unreadable",
			"line %d: a quotation mark is in the wrong place, or not closed; put a text that holds one between quotation marks, and write it twice",
			broken.Line)
	case err != nil:
		return nil, 0, err
	}
	for i, cell := range cells {
		cells[i] = unmarked(cell)
	}
	t.line, _ = t.reader.FieldPos(0)
	return cells, t.line, nil
}

func (*textRows) close() error { return nil }

// boundedReader reads so much and no more, until it may read more.
type boundedReader struct {
	from io.Reader
	left int
}

var errTooLong = errors.New("a row or a cell is too long")

// Read reads.
func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p)
	b.left -= n
	return n, err
}

// separators are those that spreadsheets write.
var separators = []rune{',', ';', '\t'}

// separatorOf finds the separator: the one that the line sep=; declares, which some programs write before the header, for Excel, else
// the one by which the header has the most columns. It leaves an empty line in the place of a declaration.
func separatorOf(text *bufio.Reader) (rune, error) {
	beginning, err := text.Peek(text.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	first, _, _ := bytes.Cut(bytes.TrimLeft(beginning, "\r\n"), []byte("\n"))
	declared, found := bytes.CutPrefix(bytes.ToLower(bytes.TrimRight(first, "\r")), []byte("sep="))
	if separator, size := utf8.DecodeRune(declared); found && size == len(declared) && slices.Contains(separators, separator) {
		_, err := text.Discard(len(first))
		return separator, err
	}
	best, most := ',', 0
	for _, separator := range separators {
		if columns := strings.Count(unquoted(string(first)), string(separator)); columns > most {
			best, most = separator, columns
		}
	}
	return best, nil
}

// unquoted is a line without what stands between quotation marks.
func unquoted(line string) string {
	var outside strings.Builder
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 0 {
			outside.WriteString(part)
		}
	}
	return outside.String()
}
