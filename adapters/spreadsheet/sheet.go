package spreadsheet

import (
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"orderbridge/domain/problem"
)

// The format's own limits (ECMA-376, part 1, and "Excel specifications and limits").
const (
	maxSheetRows    = 1_048_576
	maxSheetColumns = 16_384
	maxCellLetters  = 32_767
)

var (
	errCellTooLong = problem.TooLarge("file-unreadable", "the workbook has a cell with more than %d letters; shorten it", maxCellLetters)
	errRowTooWide  = problem.TooLarge("file-unreadable", "the workbook has a row with more than 1 MiB of text; shorten it")
)

// sheet is one of a workbook, whose rows are read one by one.
type sheet struct {
	markup *markup
	texts  *sharedTexts
	line   int
	cells  []string // of one row after the other
}

// sheet opens the sheet in a part.
func (a *archive) sheet(part string, texts *sharedTexts) (*sheet, error) {
	markup, err := a.open(part)
	if err != nil {
		return nil, err
	}
	return &sheet{markup: markup, texts: texts}, nil
}

func (s *sheet) close() error { return s.markup.close() }

// next reads the next row that the sheet has something to say of. The cells are valid until the next call.
func (s *sheet) next() (cells []string, line int, err error) {
	for {
		node, err := s.markup.next()
		switch {
		case err != nil:
			return nil, 0, unreadable(err) // also at the end, which comes behind the rows
		case node.begins && node.name == "row":
			return s.row(node.element)
		case node.ends && node.name == "sheetData":
			if err := s.markup.drain(); err != nil {
				return nil, 0, err
			}
			return nil, 0, io.EOF
		}
	}
}

func (s *sheet) row(row element) (cells []string, line int, err error) {
	if line, err = numbered(row.attribute("r"), s.line, maxSheetRows); err != nil {
		return nil, 0, err
	}
	s.line = line
	clear(s.cells)
	s.cells = s.cells[:0]
	for size := 0; ; {
		node, err := s.markup.next()
		switch {
		case err != nil:
			return nil, 0, unreadable(err)
		case node.ends && node.name == "row":
			return s.cells, s.line, nil
		case node.begins && node.name == "c":
			column, err := numbered(columnOf(node.attribute("r")), len(s.cells), maxSheetColumns)
			if err != nil {
				return nil, 0, err
			}
			cell, err := s.cell(node.attribute("t"))
			if err != nil {
				return nil, 0, err
			}
			if size += len(cell); size > maxRowBytes {
				return nil, 0, errRowTooWide
			}
			for len(s.cells) < column-1 {
				s.cells = append(s.cells, "")
			}
			s.cells = append(s.cells, cell)
		}
	}
}

// numbered is the number of a row or a cell, from 1, which comes behind the one before it and may be left out.
func numbered(number string, before, most int) (int, error) {
	at := before + 1
	if number != "" {
		var err error
		if at, err = strconv.Atoi(number); err != nil {
			return 0, errBrokenWorkbook.Because(err)
		}
	}
	if at <= before || at > most {
		return 0, errBrokenWorkbook
	}
	return at, nil
}

// columnOf is the number of the column of a cell such as AB12, which is 28.
func columnOf(reference string) string {
	letters := strings.TrimRight(reference, "0123456789")
	if letters == "" {
		return ""
	}
	column := 0
	for _, letter := range strings.ToUpper(letters) {
		if column = column*26 + int(letter-'A') + 1; letter < 'A' || letter > 'Z' || column > maxSheetColumns {
			return "0"
		}
	}
	return strconv.Itoa(column)
}

// cell reads what a cell of a type holds: for the programs that write a formula, what comes out of it.
func (s *sheet) cell(kind string) (string, error) {
	var value, inline string
	for {
		node, err := s.markup.next()
		switch {
		case err != nil:
			return "", unreadable(err)
		case node.begins && node.name == "v":
			value, err = s.markup.text()
		case node.begins && node.name == "is":
			inline, err = s.markup.text()
		case node.begins:
			err = s.markup.skip()
		case node.ends && node.name == "c":
			switch kind {
			case "s":
				return s.texts.at(value)
			case "inlineStr":
				return unescaped(inline), nil
			case "str":
				return unescaped(value), nil
			case "", "n":
				return inDigits(value), nil
			default: // truths, errors, days that are written out
				return value, nil
			}
		}
		if err != nil {
			return "", err
		}
	}
}

// escape is how a workbook writes a character that XML cannot hold: as _x000D_.
var escape = regexp.MustCompile(`(?:_x[0-9A-Fa-f]{4}_)+`)

// unescaped is a text without escapes.
func unescaped(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return escape.ReplaceAllStringFunc(text, func(escapes string) string {
		var units []uint16
		for ; escapes != ""; escapes = escapes[len("_x000D_"):] {
			unit, _ := strconv.ParseUint(escapes[2:6], 16, 16)
			units = append(units, uint16(unit))
		}
		return string(utf16.Decode(units))
	})
}

// scientific is how a workbook may store a long number, such as a phone that somebody typed as one.
var scientific = regexp.MustCompile(`^[1-9](\.\d+)?[eE]\+?\d{1,2}$`)

// inDigits writes a whole number in digits.
func inDigits(cell string) string {
	if !scientific.MatchString(cell) {
		return cell
	}
	number, ok := new(big.Rat).SetString(cell)
	if !ok || !number.IsInt() {
		return cell
	}
	return number.Num().String()
}
