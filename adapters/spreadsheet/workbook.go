package spreadsheet

import (
	"archive/zip"
	"errors"
	"io"
	"math/big"
	"regexp"
	"strings"

	"github.com/xuri/excelize/v2"

	"orderbridge/domain/problem"
)

// A workbook is compressed. What comes out of it is bounded too, and all but the sheets and their texts, which are unpacked to files, is
// kept in memory: pictures, most of all.
const (
	maxUnpackedBytes = 512 << 20
	maxInMemoryBytes = 32 << 20
	maxInMemoryPart  = 1 << 20 // of sheets and their texts
)

var (
	errBrokenWorkbook = problem.Malformed("file-unreadable",
		"the file looks like an Excel workbook and cannot be read as one; save it again as .xlsx")
	errUnpacksToMuch = problem.TooLarge("file-too-large",
		"the workbook holds more than 512 MiB, or pictures of more than 32 MiB; copy the rows alone into a new one, or split it")
	errNoSheet = problem.Malformed("file-empty", "the workbook has no visible sheet with rows")
)

// workbookRows are those of the first visible sheet of a workbook.
type workbookRows struct {
	book *excelize.File
	rows *excelize.Rows
	line int
}

func openWorkbook(file io.ReaderAt, size int64) (*workbookRows, error) {
	if err := checkUnpacked(file, size); err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(io.NewSectionReader(file, 0, size), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnpackedBytes, UnzipXMLSizeLimit: maxInMemoryPart,
	})
	if err != nil {
		return nil, errBrokenWorkbook.Because(err)
	}
	for _, sheet := range book.GetSheetList() {
		visible, err := book.GetSheetVisible(sheet)
		if err != nil || !visible {
			continue
		}
		rows, err := book.Rows(sheet)
		if err != nil {
			return nil, errors.Join(errBrokenWorkbook.Because(err), book.Close())
		}
		return &workbookRows{book: book, rows: rows}, nil
	}
	return nil, errors.Join(errNoSheet, book.Close())
}

// checkUnpacked looks at what the workbook says of its parts. One that says too little cannot be unpacked.
func checkUnpacked(file io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return errBrokenWorkbook.Because(err)
	}
	var all, inMemory uint64
	for _, part := range archive.File {
		all += part.UncompressedSize64
		name := strings.ToLower(part.Name)
		if part.UncompressedSize64 <= maxInMemoryPart || !strings.HasPrefix(name, "xl/worksheets/sheet") && name != "xl/sharedstrings.xml" {
			inMemory += part.UncompressedSize64
		}
		if all > maxUnpackedBytes || inMemory > maxInMemoryBytes {
			return errUnpacksToMuch
		}
	}
	return nil
}

func (w *workbookRows) next() (cells []string, line int, err error) {
	if !w.rows.Next() {
		if err := w.rows.Error(); err != nil {
			return nil, 0, errBrokenWorkbook.Because(err)
		}
		return nil, 0, io.EOF
	}
	w.line++
	if cells, err = w.rows.Columns(); err != nil {
		return nil, 0, errBrokenWorkbook.Because(err)
	}
	for i, cell := range cells {
		cells[i] = inDigits(cell)
	}
	return cells, w.line, nil
}

func (w *workbookRows) close() error { return errors.Join(w.rows.Close(), w.book.Close()) }

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
