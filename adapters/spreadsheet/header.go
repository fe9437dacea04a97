package spreadsheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/problem"
)

// titles are what people call the columns of a field, in the form of folded.
type titles[F comparable] map[string]F

// header is where in a row each field stands: in no column, in one, or in several, such as a customer's phones.
type header[F comparable] struct {
	columns map[F][]int
	width   int
	// unknown are the titles of columns that are no field's.
	unknown []string
}

// readHeader reads which column is what.
func readHeader[F comparable](row []string, known titles[F]) header[F] {
	h := header[F]{columns: map[F][]int{}, width: len(row)}
	for i, title := range row {
		if strings.TrimSpace(title) == "" {
			continue
		}
		if field, ok := known[withoutNumber(folded(title))]; ok {
			h.columns[field] = append(h.columns[field], i)
		} else {
			h.unknown = append(h.unknown, norm.NFC.String(strings.Join(strings.Fields(title), " ")))
		}
	}
	return h
}

// withoutNumber is a title without the number of one of several columns: "phone 2".
func withoutNumber(title string) string {
	return strings.TrimRight(title, " 0123456789")
}

// all are what stands in the columns of a field.
func (h header[F]) all(cells []string, field F) []string {
	var found []string
	for _, column := range h.columns[field] {
		if column < len(cells) && strings.TrimSpace(cells[column]) != "" {
			found = append(found, cells[column])
		}
	}
	return found
}

// one is what stands in the first column of a field that holds something.
func (h header[F]) one(cells []string, field F) string {
	if found := h.all(cells, field); len(found) > 0 {
		return found[0]
	}
	return ""
}

// spills tells what is wrong with a row that has more in it than the header has columns for; nothing of one that has not.
func (h header[F]) spills(cells []string, ofWorkbook bool) string {
	beside := slices.IndexFunc(cells[min(h.width, len(cells)):], func(cell string) bool { return !isBlank([]string{cell}) })
	switch {
	case beside < 0:
		return ""
	case ofWorkbook:
		column, err := excelize.ColumnNumberToName(h.width + beside + 1)
		if err != nil {
			column = strconv.Itoa(h.width + beside + 1)
		}
		return fmt.Sprintf("column %s has something in it and no title; give it one in the first row, or empty the cell", column)
	default:
		return "the row has more columns than the header; put quotation marks around a text that holds the separator"
	}
}

// ofWorkbook tells rows of a workbook from those of a text.
func (r *Rows) ofWorkbook() bool { return r.dayOf != nil }

// refuseTwice tells of fields that stand in several columns and may not.
func (h header[F]) refuseTwice(except ...F) []problem.Field {
	var invalid []problem.Field
	for field, columns := range h.columns {
		if len(columns) > 1 && !slices.Contains(except, field) {
			invalid = append(invalid, problem.Field{
				Path: "header", Message: fmt.Sprintf("columns %d and %d are the same", columns[0]+1, columns[1]+1),
			})
		}
	}
	slices.SortFunc(invalid, func(a, b problem.Field) int { return strings.Compare(a.Message, b.Message) })
	return invalid
}

// onOneLine is a cell that was written on several lines, such as with Alt and Enter, with something else between them.
func onOneLine(cell, between string) string {
	var lines []string
	for line := range strings.FieldsFuncSeq(cell, isLineBreak) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) < 2 { //nolint:mnd // one line stays as it is
		return strings.TrimFunc(cell, isLineBreak)
	}
	for i := range lines[:len(lines)-1] {
		lines[i] = strings.TrimRight(lines[i], between)
	}
	return strings.Join(lines, between)
}

func isLineBreak(r rune) bool { return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r) }

// folded is a title without case, marks and punctuation: "Số điện-thoại:" is "so dien thoai".
func folded(title string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
			return -1
		case r == 'đ', r == 'Đ':
			return 'd'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '&':
			return unicode.ToLower(r)
		default:
			return ' '
		}
	}, norm.NFD.String(title))
	return strings.Join(strings.Fields(plain), " ")
}
