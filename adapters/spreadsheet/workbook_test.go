package spreadsheet_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"orderbridge/adapters/spreadsheet"
	"orderbridge/domain/problem"
)

// The parts that every workbook has.
const (
	packageRelations = `<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"` +
		` Target="xl/workbook.xml"/></Relationships>`
	workbookPart = `<workbook xmlns:r="x"><sheets><sheet name="hidden" state="hidden" r:id="rId9"/><sheet name="S" r:id="rId2"/></sheets></workbook>`
	relations    = `<Relationships><Relationship Id="rId9" Type="x/worksheet" Target="worksheets/hidden.xml"/>` +
		`<Relationship Id="rId2" Type="x/worksheet" Target="/xl/worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId3" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
	sheetHead = `<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>`
	sheetTail = `</sheetData></worksheet>`
	headerRow = `<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="inlineStr"><is><t>phone</t></is></c></row>`
)

// part is one of a workbook: a beginning, what comes again and again, and an end.
type part struct {
	name, head, again string
	times             int
	tail              string
	// claimed is the size that the archive claims, when it is not that of the part.
	claimed uint64
}

// packed makes a workbook of parts, beside those that it needs and that are not among them.
func packed(t testing.TB, parts ...part) []byte {
	t.Helper()
	for name, content := range map[string]string{
		"_rels/.rels": packageRelations, "xl/workbook.xml": workbookPart, "xl/_rels/workbook.xml.rels": relations,
		"xl/sharedStrings.xml": "<sst/>", "xl/worksheets/sheet1.xml": sheetHead + headerRow + sheetTail,
	} {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			parts = append(parts, part{name: name, head: content})
		}
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, p := range parts {
		var claimed *zip.FileHeader
		w, err := archive.Create(p.name)
		if p.claimed != 0 {
			content := []byte(p.head + strings.Repeat(p.again, p.times) + p.tail)
			claimed = &zip.FileHeader{
				Name: p.name, UncompressedSize64: p.claimed, CompressedSize64: uint64(len(content)), CRC32: crc32.ChecksumIEEE(content),
			}
			w, err = archive.CreateRaw(claimed)
		}
		if err != nil {
			t.Fatal(err)
		}
		block := strings.Repeat(p.again, max(1, min(p.times, 1<<16/max(1, len(p.again)))))
		if _, err := io.WriteString(w, p.head); err != nil {
			t.Fatal(err)
		}
		for left := p.times * len(p.again); left > 0; left -= len(block) {
			if _, err := io.WriteString(w, block[:min(left, len(block))]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.WriteString(w, p.tail); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readsFile is set, to a file, for the process that TestWorkbooksAreReadInBoundedMemory measures.
const readsFile = "ORDERBRIDGE_TEST_READS_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(readsFile); path != "" {
		outcome := outcomeOf(path)
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		fmt.Println(memory.Sys, outcome) // which does not shrink
		return
	}
	os.Exit(m.Run())
}

// outcomeOf reads a file and says what came of it.
func outcomeOf(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err.Error()
	}
	rows, err := spreadsheet.Customers{}.OpenCustomers(file, info.Size())
	for read := 0; err == nil; read++ {
		if _, err = rows.Next(); errors.Is(err, io.EOF) {
			return fmt.Sprintf("%d rows", read)
		}
	}
	if refused, ok := problem.Of(err); ok {
		return refused.Code() + ": " + refused.Error()
	}
	return err.Error()
}

// TestWorkbooksAreReadInBoundedMemory reads workbooks that unpack to much more than they are, each in a process of its own.
func TestWorkbooksAreReadInBoundedMemory(t *testing.T) {
	t.Parallel()
	const (
		long      = 32 << 20  // bytes of one text
		many      = 8 << 20   // bytes of elements, which take many times as much in memory
		maxMemory = 128 << 20 // of the whole program, with the race detector
		broken    = "file-unreadable: the file looks like an Excel workbook"
		tooMany   = "file-too-large: the workbook is made of too many parts"
		tooLong   = "file-unreadable: the workbook has a cell with more than 32767 letters"
	)
	size := func(again string) int {
		if len(again) == 1 {
			return long
		}
		return many / len(again)
	}
	sheet := func(head, again, tail string) part {
		return part{"xl/worksheets/sheet1.xml", sheetHead + headerRow + head, again, size(again), tail, 0}
	}
	for name, tc := range map[string]struct {
		part part
		want string
	}{
		"styles":               {part{"xl/styles.xml", "<styleSheet><cellXfs>", "<xf/>", many / 5, "</cellXfs></styleSheet>", 0}, "0 rows"},
		"a picture":            {part{"xl/media/image1.png", "", "\x00", long, "", 0}, "0 rows"},
		"a cell":               {sheet(`<row><c t="inlineStr"><is><t>`, "x", "</t></is></c></row>"+sheetTail), tooLong},
		"a cell with comments": {sheet(`<row><c t="inlineStr"><is><t>`, "xxxxxxxx<!-- -->", "</t></is></c></row>"+sheetTail), tooLong},
		"a cell of runs":       {sheet(`<row><c t="inlineStr"><is>`, "<r><t>xxxxxxxx</t></r>", "</is></c></row>"+sheetTail), tooLong},
		"a number":             {sheet(`<row><c><v>`, "1", "</v></c></row>"+sheetTail), tooLong},
		"a row": {
			sheet(`<row>`, `<c t="inlineStr"><is><t>`+strings.Repeat("x", 2000)+`</t></is></c>`, "</row>"+sheetTail),
			"file-unreadable: the workbook has a row with more than 1 MiB",
		},
		"names": {
			part{"xl/workbook.xml", "<workbook><definedNames>", `<definedName name="` + strings.Repeat("x", 1<<19) + `"/>`, 17, "</definedNames></workbook>", 0},
			tooMany,
		},
		"a row's cells":         {sheet(`<row>`, "<c/>", "</row>"+sheetTail), broken},
		"rows":                  {sheet("", "<row/>", sheetTail), broken},
		"attributes":            {sheet("<row ", `a="b" `, "/>"+sheetTail), tooLong},
		"elements in others":    {sheet("", "<a>", sheetTail), broken},
		"ends without elements": {sheet("", "</a>", sheetTail), broken},
		"zeroes":                {part{"xl/worksheets/sheet1.xml", "", "\x00", long, "", 0}, broken},
		"shared texts":          {part{"xl/sharedStrings.xml", "<sst>", "<si/>", many / 5, "</sst>", 0}, "0 rows"},
		"a shared text":         {part{"xl/sharedStrings.xml", "<sst><si><t>", "x", long, "</t></si></sst>", 0}, tooLong},
		"sheets":                {part{"xl/workbook.xml", "<workbook><sheets>", `<sheet r:id="rId7"/>`, many / 20, "</sheets></workbook>", 0}, tooMany},
		"relations": {
			part{
				"xl/_rels/workbook.xml.rels", "<Relationships>", `<Relationship Type="x/worksheet" Id="rId7" Target="/a"/>`,
				many / 56, "</Relationships>", 0,
			}, tooMany,
		},
		"a size that is more than there may be": {
			part{"xl/worksheets/sheet1.xml", sheetHead, "", 0, sheetTail, 600 << 20},
			"file-too-large: the workbook's rows unpack to more than 512 MiB",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectOutcome(t, packed(t, tc.part), tc.want, maxMemory)
		})
	}
	t.Run("parts", func(t *testing.T) {
		t.Parallel()
		parts := make([]part, 10_001)
		for i := range parts {
			parts[i].name = fmt.Sprint("x/", i)
		}
		expectOutcome(t, packed(t, parts...), tooMany, maxMemory)
	})
}

// expectOutcome reads a file in a process of its own, which may take so much memory, in bytes.
func expectOutcome(t *testing.T, file []byte, want string, maxMemory int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "workbook.xlsx")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := exec.CommandContext(t.Context(), os.Args[0])
	reader.Env = append(os.Environ(), readsFile+"="+path)
	out, err := reader.CombinedOutput()
	took, outcome, _ := strings.Cut(string(out), " ")
	memory, broken := strconv.ParseInt(took, 10, 64)
	if err := errors.Join(err, broken); err != nil || !strings.HasPrefix(outcome, want) {
		t.Fatalf("%s, %v, want %s", out, err, want)
	}
	if memory > maxMemory {
		t.Errorf("a workbook of %d KiB took %d MiB", len(file)>>10, memory>>20)
	}
}

func TestWorkbooksThatAreRead(t *testing.T) {
	t.Parallel()
	sheet := func(rows string) part {
		return part{name: "xl/worksheets/sheet1.xml", head: sheetHead + headerRow + rows + sheetTail}
	}
	for name, tc := range map[string]struct {
		parts []part
		want  []string // the second row
		line  int
	}{
		"gaps":           {[]part{sheet(`<row r="7"><c r="C7"><v>1</v></c><c><v>2</v></c><c r="F7"><v>3</v></c></row>`)}, []string{"", "", "1", "2", "", "3"}, 7},
		"no references":  {[]part{sheet(`<row><c><v>1</v></c><c><v>2</v></c></row>`)}, []string{"1", "2"}, 2},
		"prefixes":       {[]part{{name: "xl/worksheets/sheet1.xml", head: `<x:worksheet xmlns:x="x"><x:sheetData><x:row><x:c><x:v>1</x:v></x:c></x:row><x:row><x:c><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>`}}, []string{"2"}, 2},
		"a formula":      {[]part{sheet(`<row><c t="str"><f>A1&amp;"x"</f><v>An x</v></c></row>`)}, []string{"An x"}, 2},
		"types":          {[]part{sheet(`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="n"><v>9.12000451E+8</v></c><c t="str"><v>9E3</v></c></row>`)}, []string{"1", "#N/A", "912000451", "9E3"}, 2},
		"escapes":        {[]part{sheet(`<row><c t="str"><v>a_x000D_b_x005F_x0041__xD83D__xDE00_&#10;&lt;</v></c></row>`)}, []string{"a\rb_x0041_😀\n<"}, 2},
		"hidden columns": {[]part{sheet(`<row hidden="1"><c><v>1</v></c></row>`)}, []string{"1"}, 2},
		"shared texts": {[]part{
			{name: `XL\SharedStrings.xml`, head: `<sst><si><t>An</t></si><si><r><rPr><b/></rPr><t>B</t></r><r><t xml:space="preserve"> o</t></r><rPh sb="0" eb="1"><t>x</t></rPh></si><si/></sst>`},
			{name: "xl/sharedStrings.xml.bak", head: "x"},
			sheet(`<row><c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v>0</v></c></row>`),
		}, []string{"B o", "", "An"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := packed(t, tc.parts...)
			if name == "shared texts" { // under another spelling of its name only
				file = bytes.ReplaceAll(file, []byte("xl/sharedStrings.xml"), []byte("xl/sharedstringz.xml"))
			}
			rows, err := spreadsheet.Open(bytes.NewReader(file), int64(len(file)), spreadsheet.Limits{Bytes: 1 << 20, Rows: 100})
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			if _, _, err := rows.Next(); err != nil {
				t.Fatal(err)
			}
			cells, line, err := rows.Next()
			if err != nil || line != tc.line || !slices.Equal(cells, tc.want) {
				t.Errorf("row %d is %q, %v, want %d, %q", line, cells, err, tc.line, tc.want)
			}
			if _, _, err := rows.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after it comes %v", err)
			}
		})
	}
	t.Run("days since 1904", func(t *testing.T) {
		t.Parallel()
		rows, _, err := readCustomers(packed(t,
			part{name: "xl/workbook.xml", head: strings.Replace(workbookPart, "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1)},
			part{name: "xl/worksheets/sheet1.xml", head: sheetHead + strings.ReplaceAll(headerRow, "phone", "birthday") +
				`<row><c t="inlineStr"><is><t>An</t></is></c><c><v>31776</v></c></row>` + sheetTail}))
		if err != nil || len(rows) != 1 || rows[0].Details.Birthday != "1990-12-31" {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestDamagedWorkbooksAreToldFromEmptyOnes(t *testing.T) {
	t.Parallel()
	row := `<row><c><v>1</v></c></row>`
	for name, p := range map[string]part{
		"a size that is too small":   {"xl/worksheets/sheet1.xml", sheetHead + headerRow, row, 10, sheetTail, 20},
		"a size that is too large":   {"xl/worksheets/sheet1.xml", sheetHead + headerRow, row, 10, sheetTail, 2000},
		"a sheet that breaks off":    {"xl/worksheets/sheet1.xml", sheetHead + headerRow, row, 10, "", 0},
		"a sheet of something else":  {"xl/worksheets/sheet1.xml", "<html/>", "", 0, "", 0},
		"a text that is not there":   {"xl/worksheets/sheet1.xml", sheetHead + headerRow, `<row><c t="s"><v>0</v></c></row>`, 1, sheetTail, 0},
		"rows in no order":           {"xl/worksheets/sheet1.xml", sheetHead + headerRow, `<row r="2"/>`, 2, sheetTail, 0},
		"cells in no order":          {"xl/worksheets/sheet1.xml", sheetHead + headerRow, `<row><c r="B2"/><c r="B2"/></row>`, 1, sheetTail, 0},
		"a column that is none":      {"xl/worksheets/sheet1.xml", sheetHead + headerRow, `<row><c r="ZZZZZZZZZZZZZZ2"/></row>`, 1, sheetTail, 0},
		"a workbook without a sheet": {"xl/_rels/workbook.xml.rels", "<Relationships/>", "", 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readCustomers(packed(t, p))
			want := "file-unreadable"
			if name == "a workbook without a sheet" {
				want = "file-empty"
			}
			if refused, ok := problem.Of(err); !ok || refused.Code() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	t.Run("a bit that fell over", func(t *testing.T) {
		t.Parallel()
		file := workbook(t, []any{"name", "phone"}, []any{"An", "0912000451"})
		archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, damaged := range archive.File {
			if damaged.Name != "xl/worksheets/sheet1.xml" {
				continue
			}
			at, err := damaged.DataOffset()
			if err != nil {
				t.Fatal(err)
			}
			file[at+int64(damaged.CompressedSize64)/2] ^= 0x10
		}
		if _, _, err := readCustomers(file); err == nil {
			t.Error("nobody noticed")
		}
	})
}

// TestWorkbooksSayWhatWasWritten reads what another program writes.
func TestWorkbooksSayWhatWasWritten(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ _xA-F0-9\n\t'=]{0,12}`), rapid.SampledFrom([]string{"", " ", "_x0041_", "_x005F_x0041_", "😀", "a\r\nb"}))
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.SliceOfN(rapid.SliceOfN(text, 1, 5), 1, 8).Draw(t, "rows")
		streamed := rapid.Bool().Draw(t, "streamed")
		book := excelize.NewFile()
		defer book.Close()
		var stream *excelize.StreamWriter
		var err error
		if streamed {
			if stream, err = book.NewStreamWriter("Sheet1"); err != nil {
				t.Fatal(err)
			}
		}
		for i, row := range written {
			cells := make([]any, len(row))
			for j, cell := range row {
				cells[j] = strings.Map(func(r rune) rune { // but for what XML cannot hold, and what the library writes wrong
					if r == '_' && !streamed || r == '\r' || r < ' ' && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
						return -1
					}
					return r
				}, cell)
				row[j] = cells[j].(string)
			}
			at := fmt.Sprint("A", i+1)
			if streamed {
				err = stream.SetRow(at, cells)
			} else {
				err = book.SetSheetRow("Sheet1", at, &cells)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if streamed {
			if err := stream.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := book.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		rows, err := spreadsheet.Open(bytes.NewReader(out.Bytes()), int64(out.Len()), spreadsheet.Limits{Bytes: 1 << 20, Rows: 100})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for i, row := range written {
			if strings.TrimSpace(strings.Join(row, "")) == "" {
				continue
			}
			cells, line, err := rows.Next()
			if err != nil || line != i+1 {
				t.Fatalf("row %d: %d, %v", i+1, line, err)
			}
			for j, cell := range row {
				read := ""
				if j < len(cells) {
					read = cells[j]
				}
				if read != cell {
					t.Fatalf("%q came back as %q", cell, read)
				}
			}
		}
	})
}

func FuzzWorkbook(f *testing.F) {
	f.Add([]byte(sheetHead+headerRow+`<row r="3"><c t="s"><v>0</v></c></row>`+sheetTail), []byte("<sst><si><t>An</t></si></sst>"))
	f.Fuzz(func(t *testing.T, sheet, texts []byte) {
		file := packed(t, part{name: "xl/worksheets/sheet1.xml", head: string(sheet)}, part{name: "xl/sharedStrings.xml", head: string(texts)})
		_, _, err := readCustomers(file)
		if _, ok := problem.Of(err); err != nil && !ok {
			t.Errorf("a failure that says nothing to whoever sent the file: %v", err)
		}
	})
}

// BenchmarkWorkbook reads a workbook of 10,000 rows of five cells.
func BenchmarkWorkbook(b *testing.B) {
	rows := [][]any{{"name", "phone", "birthday", "email", "note"}}
	for i := range 10_000 {
		rows = append(rows, []any{
			fmt.Sprint("Nguyễn Thị ", i), fmt.Sprintf("09%08d", i), time.Date(1990, 1, i%300, 0, 0, 0, 0, time.UTC), fmt.Sprint(i, "@example.vn"), "hay gọi",
		})
	}
	file := workbook(b, rows...)
	b.ReportAllocs()
	for b.Loop() {
		if read, _, err := readCustomers(file); err != nil || len(read) != 10_000 {
			b.Fatal(len(read), err)
		}
	}
}
