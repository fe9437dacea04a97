package spreadsheet

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"orderbridge/app/query"
)

// Sheets makes files that spreadsheets open as they are meant.
type Sheets struct{}

var _ query.Sheets = Sheets{}

// New makes a file. Of a CSV file every row is written as it comes; a workbook is kept in a temporary file until it is closed.
func (Sheets) New(to io.Writer, format query.SheetFormat, titles []string) (query.Sheet, error) {
	if format == query.SheetXLSX {
		return newWorkbook(to, titles)
	}
	return newText(to, titles)
}

// dayAndTime is how Vietnamese write a time.
const dayAndTime = "02/01/2006 15:04"

// textSheet is a CSV file. It begins with a byte order mark, without which Excel takes it for another encoding.
type textSheet struct{ out *csv.Writer }

func newText(to io.Writer, titles []string) (*textSheet, error) {
	if _, err := io.WriteString(to, markUTF8); err != nil {
		return nil, err
	}
	s := &textSheet{out: csv.NewWriter(to)}
	return s, s.out.Write(titles)
}

// Row writes a row.
func (s *textSheet) Row(cells ...query.Cell) error {
	record := make([]string, 0, len(cells))
	for _, cell := range cells {
		switch value := cell.(type) {
		case nil:
			record = append(record, "")
		case query.Money:
			record = append(record, fmt.Sprint(int64(value)))
		case query.Number:
			record = append(record, string(value))
		case time.Time:
			record = append(record, value.Format(dayAndTime))
		case string:
			record = append(record, harmless(value))
		default:
			return fmt.Errorf("a cell cannot hold a %T", cell)
		}
	}
	return s.out.Write(record)
}

// Close writes what is left.
func (s *textSheet) Close() error {
	s.out.Flush()
	return s.out.Error()
}

const (
	// formulaSigns are those that a text begins with which a spreadsheet takes for a formula: also in their wide form, and behind what it
	// passes over.
	formulaSigns = "=+-@＝＋－＠\t\r\n"
	// markOfText is what a spreadsheet knows texts by that begin so.
	markOfText = "'"
)

// harmless keeps a spreadsheet from taking a text for a formula. A text that has the mark in front already gets another, so that unmarked
// gives back each text as it was.
func harmless(text string) string {
	if beginsAsFormula(strings.TrimLeft(text, markOfText)) {
		return markOfText + text
	}
	return text
}

// unmarked is a text without the mark that harmless made.
func unmarked(text string) string {
	if rest, marked := strings.CutPrefix(text, markOfText); marked && beginsAsFormula(strings.TrimLeft(rest, markOfText)) {
		return rest
	}
	return text
}

func beginsAsFormula(text string) bool {
	first, size := utf8.DecodeRuneInString(text)
	return size > 0 && strings.ContainsRune(formulaSigns, first)
}

// rowsOfSheet is how many rows a sheet has at most; the format allows 1,048,576.
const rowsOfSheet = 1_000_000

// workbookSheet is an Excel workbook, with as many sheets as it takes.
type workbookSheet struct {
	book   *excelize.File
	titles []any
	sheet  *excelize.StreamWriter
	sheets int
	row    int

	heading, day, money, number int // styles
}

func newWorkbook(to io.Writer, titles []string) (*workbookSheet, error) {
	s := &workbookSheet{book: excelize.NewFile()}
	// It would put the whole file together in memory otherwise.
	s.book.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(to) })
	for _, title := range titles {
		s.titles = append(s.titles, title)
	}
	days, amounts, numbers := "dd/mm/yyyy hh:mm", "#,##0", "#,##0.######"
	var failures [4]error
	s.heading, failures[0] = s.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	s.day, failures[1] = s.book.NewStyle(&excelize.Style{CustomNumFmt: &days})
	s.money, failures[2] = s.book.NewStyle(&excelize.Style{CustomNumFmt: &amounts})
	s.number, failures[3] = s.book.NewStyle(&excelize.Style{CustomNumFmt: &numbers})
	if err := errors.Join(failures[:]...); err != nil {
		return nil, errors.Join(err, s.book.Close())
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.book.Close())
	}
	return s, nil
}

// begin begins a sheet.
func (s *workbookSheet) begin() error {
	if s.sheet != nil {
		if err := s.sheet.Flush(); err != nil {
			return err
		}
	}
	s.sheets++
	s.row = 0
	name := fmt.Sprintf("Sheet%d", s.sheets)
	if s.sheets > 1 {
		if _, err := s.book.NewSheet(name); err != nil {
			return err
		}
	}
	var err error
	if s.sheet, err = s.book.NewStreamWriter(name); err != nil {
		return err
	}
	const usualWidth = 18
	if err := errors.Join(s.sheet.SetColWidth(1, len(s.titles), usualWidth), s.sheet.SetPanes(&excelize.Panes{
		Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
	})); err != nil {
		return err
	}
	return s.write(s.titles, excelize.RowOpts{StyleID: s.heading})
}

// Row writes a row.
func (s *workbookSheet) Row(cells ...query.Cell) error {
	if s.row == rowsOfSheet {
		if err := s.begin(); err != nil {
			return err
		}
	}
	values := make([]any, 0, len(cells))
	for _, cell := range cells {
		switch value := cell.(type) {
		case query.Money:
			values = append(values, excelize.Cell{StyleID: s.money, Value: int64(value)})
		case query.Number:
			values = append(values, excelize.Cell{StyleID: s.number, Value: numberOf(value)})
		case time.Time: // a workbook has no zones: what it shows is what the clock on the wall showed
			wall := time.Date(value.Year(), value.Month(), value.Day(), value.Hour(), value.Minute(), value.Second(), 0, time.UTC)
			values = append(values, excelize.Cell{StyleID: s.day, Value: wall})
		case nil, string:
			values = append(values, value)
		default:
			return fmt.Errorf("a cell cannot hold a %T", cell)
		}
	}
	return s.write(values)
}

func (s *workbookSheet) write(values []any, options ...excelize.RowOpts) error {
	s.row++
	first, err := excelize.CoordinatesToCellName(1, s.row)
	if err != nil {
		return err
	}
	return s.sheet.SetRow(first, values, options...)
}

// Close writes the file.
func (s *workbookSheet) Close() error {
	if err := s.sheet.Flush(); err != nil {
		return errors.Join(err, s.book.Close())
	}
	_, err := s.book.WriteToBuffer() // which stays empty: see newWorkbook
	return errors.Join(err, s.book.Close())
}

// numberOf is a number as a workbook stores it, which is not always exact.
func numberOf(number query.Number) any {
	if value, err := strconv.ParseFloat(string(number), 64); err == nil {
		return value
	}
	return string(number)
}
