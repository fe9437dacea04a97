// Package spreadsheet reads files that people keep their customers and their staff in: CSV as spreadsheets write it, in the encodings
// that are met in Vietnam, and Excel workbooks.
//
//	spreadsheet.go            what kind of file it is, and its rows one by one
//	text.go encoding.go       CSV
//	workbook.go markup.go     Excel workbooks (.xlsx): their parts, as streams of XML
//	sheet.go sharedtexts.go   the rows of a sheet, and the texts that its cells refer to
//	header.go                 which column is what, by its title in English or Vietnamese
//	users.go customers.go     what rows of staff and of customers say
//
// It holds one row at a time, and judges no more than that a row can be read.
package spreadsheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"orderbridge/domain/problem"
)

// Limits bound a file.
type Limits struct {
	// Bytes is the size of the file, as it is stored.
	Bytes int64
	// Rows is how many rows with something in them there may be below the header.
	Rows int
}

// Rows are those of a file that have something in them. The first is the header.
type Rows struct {
	source interface {
		// next reads the next row, whether something is in it or not, and where it begins, from 1.
		next() (cells []string, line int, err error)
		close() error
	}
	limits Limits
	read   int
	// dayOf reads a day that is written as a number, as in a workbook; nil where there are none.
	dayOf func(serial float64) (time.Time, error)
}

var (
	errEmpty    = problem.Malformed("file-empty", "the file is empty; it wants a header row, and a row below it for each record")
	errWorkbook = problem.Malformed("file-type-unknown",
		"the file is neither CSV nor an Excel workbook (.xlsx); save it as one of them (an old .xls too)")
)

const megabyte = 1 << 20

// Open finds out what kind of file it is, whatever its name says. The file is read until Close.
func Open(file io.ReaderAt, size int64, limits Limits) (*Rows, error) {
	if size > limits.Bytes {
		return nil, problem.TooLarge("file-too-large", "the file has more than %d MiB; split it", limits.Bytes/megabyte)
	}
	beginning := make([]byte, min(size, 8))
	if _, err := file.ReadAt(beginning, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	rows := &Rows{limits: limits}
	var err error
	switch {
	case len(beginning) == 0:
		return nil, errEmpty
	case bytes.HasPrefix(beginning, []byte("PK")):
		var book *workbookRows
		if book, err = openWorkbook(file, size); err == nil {
			rows.source, rows.dayOf = book, book.dayOf
		}
	case bytes.HasPrefix(beginning, []byte{0xD0, 0xCF, 0x11, 0xE0}), // .xls, and workbooks with a password
		bytes.HasPrefix(beginning, []byte("%PDF")), bytes.HasPrefix(beginning, []byte{0x1F, 0x8B}):
		return nil, errWorkbook
	default:
		rows.source, err = openText(file, size)
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// header reads the first row, without which there is no file.
func (r *Rows) header() ([]string, error) {
	titles, _, err := r.Next()
	if errors.Is(err, io.EOF) {
		return nil, errEmpty
	}
	return titles, err
}

// Next reads the next row with something in it, and where it begins in the file, from 1. It fails with io.EOF behind the last.
func (r *Rows) Next() (cells []string, line int, err error) {
	for {
		cells, line, err = r.source.next()
		if err != nil {
			return nil, 0, err
		}
		if isBlank(cells) {
			continue
		}
		if r.read++; r.read > r.limits.Rows+1 {
			return nil, 0, problem.TooLarge("file-too-long", "the file has more than %d rows; split it", r.limits.Rows)
		}
		return cells, line, nil
	}
}

// Close lets the file go.
func (r *Rows) Close() error { return r.source.close() }

func isBlank(cells []string) bool {
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}
