package spreadsheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"orderbridge/domain/problem"
)

// A workbook is a zip archive of XML parts. What is read of it is one sheet and the texts that its cells refer to, and both as a stream:
// styles, pictures and all else, which may unpack to anything, stay packed.
const (
	maxUnpackedBytes = 512 << 20
	// maxIndexBytes and maxIndexElements bound the parts that say where the others are, of which something is kept.
	maxIndexBytes    = 8 << 20
	maxIndexElements = 50_000
	// maxParts bounds what the archive's directory takes. A workbook has some dozens of parts, with pictures some hundreds.
	maxParts = 10_000
)

var (
	errBrokenWorkbook = problem.Malformed("file-unreadable",
		"the file looks like an Excel workbook and cannot be read as one; save it again as .xlsx")
	errUnpacksTooMuch = problem.TooLarge("file-too-large",
		"the workbook's rows unpack to more than 512 MiB; copy the rows alone into a new one, or split it")
	errTooManyParts = problem.TooLarge("file-too-large",
		"the workbook is made of too many parts; copy the rows alone into a new one")
	errNoSheet = problem.Malformed("file-empty", "the workbook has no visible sheet with rows")
)

// workbookRows are those of the first visible sheet of a workbook.
type workbookRows struct {
	*sheet
	texts *sharedTexts
	// epoch1904 tells that days are counted from 1904, as workbooks of old Macs do.
	epoch1904 bool
}

func openWorkbook(file io.ReaderAt, size int64) (_ *workbookRows, err error) {
	archive, err := openArchive(file, size)
	if err != nil {
		return nil, err
	}
	main, err := archive.related("", "officeDocument")
	if err != nil {
		return nil, err
	}
	if len(main) == 0 {
		return nil, errBrokenWorkbook
	}
	contents, err := archive.contents(main[0].target)
	if err != nil {
		return nil, err
	}
	sheets, err := archive.related(main[0].target, "worksheet")
	if err != nil {
		return nil, err
	}
	rows := &workbookRows{epoch1904: contents.epoch1904}
	shared, err := archive.related(main[0].target, "sharedStrings")
	if err != nil {
		return nil, err
	}
	for _, id := range contents.visible {
		for _, candidate := range sheets {
			if candidate.id != id {
				continue // or it is a sheet that is one chart
			}
			if rows.texts, err = archive.sharedTexts(shared); err != nil {
				return nil, err
			}
			if rows.sheet, err = archive.sheet(candidate.target, rows.texts); err != nil {
				return nil, errors.Join(err, rows.texts.close())
			}
			return rows, nil
		}
	}
	return nil, errNoSheet
}

// dayOf reads the number of a day.
func (w *workbookRows) dayOf(serial float64) (time.Time, error) {
	return excelize.ExcelDateToTime(serial, w.epoch1904)
}

func (w *workbookRows) close() error { return errors.Join(w.sheet.close(), w.texts.close()) }

// archive is what a workbook is packed in.
type archive struct {
	parts map[string]*zip.File
	left  int // bytes that may still be unpacked
}

func openArchive(file io.ReaderAt, size int64) (*archive, error) {
	if err := checkParts(file, size); err != nil {
		return nil, err
	}
	opened, err := zip.NewReader(file, size)
	if err != nil {
		return nil, errBrokenWorkbook.Because(err)
	}
	a := &archive{parts: make(map[string]*zip.File, len(opened.File)), left: maxUnpackedBytes}
	for _, part := range opened.File {
		a.parts[partName(part.Name)] = part
	}
	return a, nil
}

// partName is how a part is found: programs differ in letters of either case, and some write the separator of Windows.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// checkParts counts the entries of the directory before it is read, which keeps some hundred bytes for each. The mark of an entry may
// stand in packed data by chance, but hardly twice.
func checkParts(file io.ReaderAt, size int64) error {
	mark := []byte("PK\x01\x02")
	buffer := make([]byte, 64<<10)
	parts := 0
	for offset := int64(0); offset < size; offset += int64(len(buffer) - len(mark) + 1) {
		n, err := file.ReadAt(buffer, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return errBrokenWorkbook.Because(err)
		}
		if parts += bytes.Count(buffer[:n], mark); parts > maxParts {
			return errTooManyParts
		}
	}
	return nil
}

// open unpacks a part as it is read.
func (a *archive) open(name string) (*markup, error) {
	part, ok := a.parts[partName(name)]
	if !ok {
		return nil, errBrokenWorkbook
	}
	if part.UncompressedSize64 > maxUnpackedBytes {
		return nil, errUnpacksTooMuch
	}
	unpacked, err := part.Open()
	if err != nil {
		return nil, errBrokenWorkbook.Because(err)
	}
	return newMarkup(unpacked, &a.left), nil
}

// each reads a part that says where others are from its beginning to its end, and calls visit with each of its elements.
func (a *archive) each(name string, visit func(element)) (err error) {
	if index, ok := a.parts[partName(name)]; ok && index.UncompressedSize64 > maxIndexBytes {
		return errTooManyParts
	}
	part, err := a.open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.close()) }()
	for elements := 0; ; {
		switch node, err := part.next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case node.begins:
			if elements++; elements > maxIndexElements {
				return errTooManyParts
			}
			visit(node.element)
		}
	}
}

// relation is what one part says of another.
type relation struct {
	id, target string
}

// related are the parts of one kind that a part relates to, or the archive itself, which is the part "".
func (a *archive) related(from, kind string) ([]relation, error) {
	folder, name := path.Split(from)
	relations := folder + "_rels/" + name + ".rels"
	var found []relation
	err := a.each(relations, func(e element) {
		// The kind is a URI that begins differently in the strict form of the format.
		if e.name != "Relationship" || path.Base(e.attribute("Type")) != kind {
			return
		}
		target := e.attribute("Target")
		if !path.IsAbs(target) {
			target = path.Join("/", folder, target)
		}
		found = append(found, relation{e.attribute("Id"), target})
	})
	return found, err
}

// contents is what a workbook says of itself.
type contents struct {
	visible   []string // ids of the sheets that are shown, in their order
	epoch1904 bool
}

func (a *archive) contents(name string) (contents, error) {
	var c contents
	err := a.each(name, func(e element) {
		switch {
		case e.name == "sheet" && e.attribute("state") != "hidden" && e.attribute("state") != "veryHidden":
			c.visible = append(c.visible, e.attribute("id"))
		case e.name == "workbookPr":
			c.epoch1904 = e.attribute("date1904") == "1" || e.attribute("date1904") == "true"
		}
	})
	return c, err
}
