// Package usercsv reads files of users as spreadsheets write them: CSV with a header row, separated by commas, semicolons
// or tabs, with column names in English or Vietnamese.
package usercsv

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

// The limits of a file: far above any staff, and low enough to be stored in one transaction.
const (
	maxBytes = 1 << 20
	maxRows  = 5000
)

// Reader reads CSV.
type Reader struct{}

var _ command.UserFileReader = Reader{}

const saveAsUTF8 = `in Excel choose Save As, "CSV UTF-8 (Comma delimited)"; in Google Sheets, File, Download, "Comma-separated values"`

var (
	errTooLarge = problem.TooLarge("file-too-large", "the file has more than 1 MiB; split it")
	errTooLong  = problem.TooLarge("file-too-long", "the file has more than %d rows; split it", maxRows)
	errNotUTF8  = problem.Malformed("file-not-utf8", "the file is not UTF-8 text; save it again: "+saveAsUTF8)
	errEmpty    = problem.Malformed("file-empty",
		"the file has no rows; it wants a header row with the columns name, phone and email, and a row for each user")
)

// ReadUsers reads a file. Rows with nothing in them are no rows.
func (Reader) ReadUsers(file []byte) ([]command.UserRow, error) {
	if len(file) > maxBytes {
		return nil, errTooLarge
	}
	// A spreadsheet's "Unicode text" is UTF-16, which is full of zero bytes.
	if !utf8.Valid(file) || bytes.IndexByte(file, 0) >= 0 {
		return nil, errNotUTF8
	}
	file = withLineFeeds(bytes.TrimPrefix(file, []byte("\uFEFF")))
	declared, file := declaredSeparator(file)
	reader := csv.NewReader(bytes.NewReader(file))
	reader.Comma = cmp.Or(declared, separatorOf(file))
	reader.FieldsPerRecord = -1 // rows of another length are told by their line, all of them
	header, _, err := nextRecord(reader)
	if errors.Is(err, io.EOF) {
		return nil, errEmpty
	}
	if err != nil {
		return nil, err
	}
	columns, err := columnsOf(header)
	if err != nil {
		return nil, err
	}
	var rows []command.UserRow
	var invalid []problem.Field
	for {
		record, line, err := nextRecord(reader)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(rows) == maxRows {
			return nil, errTooLong
		}
		if len(record) > len(header) && !isBlank(record[len(header):]) {
			invalid = append(invalid, problem.Field{Path: fmt.Sprintf("rows[%d]", len(rows)), Message: fmt.Sprintf(
				"line %d: the row has more columns than the header; put quotation marks around a text that holds the separator", line)})
		}
		rows = append(rows, command.UserRow{Line: line, Details: columns.read(record)})
	}
	switch {
	case len(invalid) > 0:
		return nil, problem.InvalidFields("file-invalid", invalid...)
	case len(rows) == 0:
		return nil, errEmpty
	}
	return rows, nil
}

// nextRecord reads the next record that holds something, and where it begins.
func nextRecord(reader *csv.Reader) (record []string, line int, err error) {
	for {
		record, err := reader.Read()
		if broken, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, 0, problem.Malformed("file-unreadable",
				"line %d: a quotation mark is in the wrong place; put a text that holds one between quotation marks, and write it twice", broken.Line)
		}
		if err != nil {
			return nil, 0, err
		}
		if !isBlank(record) {
			line, _ := reader.FieldPos(0)
			return record, line, nil
		}
	}
}

func isBlank(fields []string) bool {
	for _, field := range fields {
		if strings.TrimSpace(field) != "" {
			return false
		}
	}
	return true
}

// withLineFeeds ends lines as everybody does where all of them end with a carriage return alone, as Excel for Mac writes them.
func withLineFeeds(file []byte) []byte {
	if bytes.IndexByte(file, '\n') >= 0 {
		return file
	}
	return bytes.ReplaceAll(file, []byte("\r"), []byte("\n"))
}

// declaredSeparator reads the line sep=; that some programs write before the header, for Excel, and leaves an empty one in its
// place.
func declaredSeparator(file []byte) (rune, []byte) {
	first, _, _ := bytes.Cut(file, []byte("\n"))
	declared, found := bytes.CutPrefix(bytes.ToLower(bytes.TrimRight(first, "\r")), []byte("sep="))
	separator, size := utf8.DecodeRune(declared)
	if !found || size != len(declared) || !slices.Contains(separators, separator) {
		return 0, file
	}
	return separator, file[len(first):]
}

// separators are those that spreadsheets write.
var separators = []rune{',', ';', '\t'}

// separatorOf finds the separator by which the header has the most columns that are known.
func separatorOf(file []byte) rune {
	best, most := ',', 0
	header, _, _ := bytes.Cut(bytes.TrimLeft(file, "\r\n"), []byte("\n"))
	for _, separator := range separators {
		known := 0
		for title := range strings.SplitSeq(string(header), string(separator)) {
			if _, ok := fieldOf[folded(strings.Trim(title, "\" \r"))]; ok {
				known++
			}
		}
		if known > most {
			best, most = separator, known
		}
	}
	return best
}

// columns is where in a row each field stands.
type columns map[field]int

func (c columns) read(record []string) user.Details {
	at := func(f field) string {
		i, ok := c[f]
		if !ok || i >= len(record) {
			return ""
		}
		return record[i]
	}
	return user.Details{Name: at(fieldName), Phone: at(fieldPhone), Email: at(fieldEmail)}
}

// columnsOf reads the header. A column that is not known is refused: it may be a known one, misspelt.
func columnsOf(header []string) (columns, error) {
	found := columns{}
	var invalid []problem.Field
	refuse := func(format string, args ...any) {
		invalid = append(invalid, problem.Field{Path: "header", Message: fmt.Sprintf(format, args...)})
	}
	for i, title := range header {
		if strings.TrimSpace(title) == "" {
			continue
		}
		name, known := fieldOf[folded(title)]
		first, twice := found[name]
		switch {
		case !known:
			refuse("column %d is not known; the columns are name, phone and email (or tên, điện thoại, email), and no others", i+1)
		case twice:
			refuse("columns %d and %d are the same", first+1, i+1)
		default:
			found[name] = i
		}
	}
	if _, ok := found[fieldName]; !ok {
		refuse("there is no column name (or tên)")
	}
	if len(invalid) > 0 {
		return nil, problem.InvalidFields("file-invalid", invalid...)
	}
	return found, nil
}

type field int

const (
	fieldName field = iota
	fieldPhone
	fieldEmail
)

// fieldOf knows the titles that people give to columns, in the form of folded.
var fieldOf = map[string]field{
	"name": fieldName, "full name": fieldName, "fullname": fieldName, "staff": fieldName, "staff name": fieldName, "user": fieldName,
	"ten": fieldName, "ho ten": fieldName, "ho va ten": fieldName, "ho & ten": fieldName, "nhan vien": fieldName,
	"ten nhan vien": fieldName, "nguoi dung": fieldName, "ten nguoi dung": fieldName,

	"phone": fieldPhone, "phone number": fieldPhone, "telephone": fieldPhone, "tel": fieldPhone, "mobile": fieldPhone,
	"mobile phone": fieldPhone, "dien thoai": fieldPhone, "so dien thoai": fieldPhone, "sdt": fieldPhone, "so dt": fieldPhone,
	"dt": fieldPhone, "di dong": fieldPhone, "so di dong": fieldPhone,

	"email": fieldEmail, "e mail": fieldEmail, "mail": fieldEmail, "email address": fieldEmail, "thu dien tu": fieldEmail,
	"dia chi email": fieldEmail, "hop thu": fieldEmail,
}

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
