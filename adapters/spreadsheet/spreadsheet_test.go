package spreadsheet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// readCustomers reads a file whole.
func readCustomers(file []byte) (rows []command.CustomerRow, unknown []string, err error) {
	opened, err := spreadsheet.Customers{}.OpenCustomers(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	for {
		row, err := opened.Next()
		if errors.Is(err, io.EOF) {
			return rows, opened.Unknown(), nil
		}
		if err != nil {
			return rows, nil, err
		}
		rows = append(rows, row)
	}
}

// workbook makes a workbook of one sheet.
func workbook(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	for i, row := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprint("A", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := book.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wide is a text in UTF-16 with its mark.
func wide(text string, big bool) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
		if big {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

// codePage is a text as Vietnamese Windows wrote it: tones are letters behind the vowels.
func codePage(t testing.TB, text string) []byte {
	t.Helper()
	var apart strings.Builder
	for _, r := range norm.NFD.String(text) {
		apart.WriteRune(r)
	}
	// The vowels themselves are one letter each there: â, ê, ô, ă, ơ, ư.
	joined := strings.NewReplacer("a\u0302", "â", "e\u0302", "ê", "o\u0302", "ô", "a\u0306", "ă", "o\u031b", "ơ", "u\u031b", "ư",
		"A\u0302", "Â", "E\u0302", "Ê", "O\u0302", "Ô", "A\u0306", "Ă", "O\u031b", "Ơ", "U\u031b", "Ư").Replace(reordered(apart.String()))
	out, err := charmap.Windows1258.NewEncoder().Bytes([]byte(joined))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reordered puts a tone that stands before the mark of its vowel behind it: ệ is e, dot below, circumflex in the canonical order.
func reordered(text string) string {
	runes := []rune(text)
	for i := 0; i+1 < len(runes); i++ {
		if runes[i] == '\u0323' && slices.Contains([]rune{'\u0302', '\u0306', '\u031b'}, runes[i+1]) {
			runes[i], runes[i+1] = runes[i+1], runes[i]
		}
	}
	return string(runes)
}

func TestCustomerFilesThatAreRead(t *testing.T) {
	t.Parallel()
	full := []command.CustomerRow{
		{Line: 2, Details: customer.Details{
			Name: "Nguyễn Thị Hệ", Phones: []string{"0912000451", "0904000321"}, Emails: []string{"he@example.vn", "he2@example.vn"},
			Address: "12 Lê Lợi, Huế", Gender: "female", Birthday: "1990-12-31", Tags: []string{"VIP", "sỉ"}, Note: "hay gọi; buổi tối",
		}},
		{Line: 3, Details: customer.Details{Name: "Trần Đức Bộ"}},
	}
	const text = "Tên khách hàng;Điện thoại;Điện thoại 2;Email;Địa chỉ;Giới tính;Ngày sinh;Nhãn;Ghi chú;Mã KH\r\n" +
		"Nguyễn Thị Hệ;0912000451;0904000321;he@example.vn, he2@example.vn;12 Lê Lợi, Huế;Nữ;31/12/1990;VIP, sỉ;\"hay gọi; buổi tối\";KH1\r\n" +
		"Trần Đức Bộ;;;;;;;;;\r\n"
	for name, file := range map[string][]byte{
		"UTF-8":                      []byte(text),
		"UTF-8 with its mark":        []byte("\uFEFF" + text),
		"UTF-16, little end first":   wide(text, false),
		"UTF-16, big end first":      wide(text, true),
		"Windows-1258":               codePage(t, text),
		"letters in parts":           []byte(norm.NFD.String(text)),
		"lines as on an old Mac":     []byte(strings.ReplaceAll(text, "\r\n", "\r")),
		"a line that says separator": []byte("sep=;\r\n" + text),
		"a workbook": workbook(t,
			[]any{"Tên khách hàng", "Điện thoại", "Điện thoại 2", "Email", "Địa chỉ", "Giới tính", "Ngày sinh", "Nhãn", "Ghi chú", "Mã KH"},
			[]any{
				"Nguyễn Thị Hệ", 912000451, "0904000321", "he@example.vn, he2@example.vn", "12 Lê Lợi, Huế", "Nữ",
				time.Date(1990, 12, 31, 0, 0, 0, 0, time.UTC), "VIP, sỉ", "hay gọi; buổi tối", "KH1",
			},
			[]any{"Trần Đức Bộ"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, unknown, err := readCustomers(file)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(unknown, []string{"Mã KH"}) {
				t.Errorf("left out are %q", unknown)
			}
			if name == "a workbook" {
				rows[0].Details.Phones[0] = "0" + rows[0].Details.Phones[0] // whose zero a number does not have
			}
			if name == "a line that says separator" {
				for i := range rows {
					rows[i].Line--
				}
			}
			for i, want := range full {
				if name == "letters in parts" {
					rows[i].Details.Name, rows[i].Details.Address = norm.NFC.String(rows[i].Details.Name), norm.NFC.String(rows[i].Details.Address)
					rows[i].Details.Note = norm.NFC.String(rows[i].Details.Note)
					for j, tag := range rows[i].Details.Tags {
						rows[i].Details.Tags[j] = norm.NFC.String(tag)
					}
				}
				if len(rows) != len(full) || !reflect.DeepEqual(rows[i], want) {
					t.Errorf("row %d is\n%+v, want\n%+v", i, rows[i], want)
				}
			}
		})
	}
}

func TestPhonesAndDaysOfRows(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string][]string{
		"0912 000 451":          {"0912 000 451"},
		"0912000451/0904000321": {"0912000451/0904000321"}, // which are told apart where customers are made
		"'+84912000451":         {"+84912000451"},
		"":                      nil,
	} {
		rows, _, err := readCustomers([]byte("name;phone\nAn;\"" + cell + "\"\n"))
		if err != nil || len(rows) != 1 || !slices.Equal(rows[0].Details.Phones, want) {
			t.Errorf("%q is read as %+v, want %q; %v", cell, rows, want, err)
		}
	}
	for cell, want := range map[string]string{
		"1990-12-31": "1990-12-31", "31/12/1990": "1990-12-31", "1/2/1990": "1990-02-01", "1.2.1990": "1990-02-01", "33238": "33238",
		"ngày 1": "ngày 1",
	} {
		rows, _, err := readCustomers([]byte("name;birthday\nAn;" + cell + "\n"))
		if err != nil || len(rows) != 1 || rows[0].Details.Birthday != want {
			t.Errorf("%q is read as %+v, want %q; %v", cell, rows, want, err)
		}
	}
	rows, _, err := readCustomers(workbook(t, []any{"name", "phone", "birthday"}, []any{"An", 84912000451, 33238}, []any{}, []any{"Bo", 912345678.0}))
	if err != nil || len(rows) != 2 || rows[0].Details.Phones[0] != "84912000451" || rows[0].Details.Birthday != "1990-12-31" || rows[1].Line != 4 {
		t.Errorf("the workbook is read as %+v, %v", rows, err)
	}
}

func TestCustomerFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file []byte
		code string
		says string
	}{
		"nothing":                   {nil, "file-empty", "header row"},
		"blank lines":               {[]byte("\n \n\n"), "file-empty", "header row"},
		"no names":                  {[]byte("phone\n1\n"), "file-invalid", "no column name"},
		"a field twice":             {[]byte("name;tên khách hàng\nAn;Bo\n"), "file-invalid", "columns 1 and 2"},
		"an old workbook":           {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1xxxx"), "file-type-unknown", ".xlsx"},
		"a PDF":                     {[]byte("%PDF-1.7 …"), "file-type-unknown", ".xlsx"},
		"a zip that is no workbook": {[]byte("PK\x03\x04 and nothing more"), "file-unreadable", "Excel"},
		"UTF-16 without its mark":   {wide("name\nAn\n", false)[2:], "file-not-utf8", "CSV UTF-8"},
		"some other code page":      {[]byte("name\nNguy\xd4n Th\xcc\n"), "file-not-utf8", "CSV UTF-8"},
		"an endless row":            {[]byte("name\n\"" + strings.Repeat("x", 3<<20)), "file-unreadable", "line 1"},
		"an early quotation mark":   {[]byte("name\nAn \"Bo\n"), "file-unreadable", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readCustomers(tc.file)
			refused, ok := problem.Of(err)
			if !ok || refused.Code() != tc.code || !strings.Contains(refused.Error(), tc.says) {
				t.Errorf("got %v, want %s that says %q", err, tc.code, tc.says)
			}
		})
	}
	t.Run("a gigabyte, of which nothing is read", func(t *testing.T) {
		t.Parallel()
		_, err := spreadsheet.Customers{}.OpenCustomers(bytes.NewReader(nil), 1<<30)
		if refused, ok := problem.Of(err); !ok || refused.Code() != "file-too-large" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a row that is wider than the header is told, and the others are read", func(t *testing.T) {
		t.Parallel()
		rows, _, err := readCustomers([]byte("name;phone\nAn;1;2\nBo;0912000451\n"))
		if err != nil || len(rows) != 2 || len(rows[0].Invalid) != 1 || rows[1].Details.Name != "Bo" {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestWhatIsWrittenCanBeReadAgain(t *testing.T) {
	t.Parallel()
	hostile := []string{"=1+1", "+84912000451", "-x", "@sum(a1)", "a;b,\"c\"\nd", "'quoted", "đặng"}
	at := time.Date(2025, 9, 15, 17, 30, 0, 0, time.FixedZone("+7", 7*60*60))
	for _, format := range []query.SheetFormat{query.SheetCSV, query.SheetXLSX} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			sheet, err := spreadsheet.Sheets{}.New(&out, format, []string{"A", "B", "C", "D", "E"})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range hostile {
				if err := sheet.Row(text, query.Money(1_250_000), query.Number("0.5"), at, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := sheet.Close(); err != nil {
				t.Fatal(err)
			}
			rows, err := spreadsheet.Open(bytes.NewReader(out.Bytes()), int64(out.Len()), spreadsheet.Limits{Bytes: 1 << 20, Rows: 100})
			if err != nil {
				t.Fatal(err)
			}
			if header, _, err := rows.Next(); err != nil || !slices.Equal(header, []string{"A", "B", "C", "D", "E"}) {
				t.Fatalf("%q, %v", header, err)
			}
			for _, text := range hostile {
				cells, _, err := rows.Next()
				if err != nil || cells[0] != text || cells[1] != "1250000" || cells[2] != "0.5" {
					t.Errorf("%q came back as %q, %v", text, cells, err)
				}
			}
			if format == query.SheetCSV {
				for line := range strings.SplitSeq(out.String(), "\n") {
					if strings.ContainsAny(line[:min(len(line), 1)], "=+-@") {
						t.Errorf("a spreadsheet takes this for a formula: %s", line)
					}
				}
				return
			}
			book, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			defer book.Close()
			shown, err := book.GetCellValue("Sheet1", "D2")
			panes, failure := book.GetPanes("Sheet1")
			if err := errors.Join(err, failure); err != nil || shown != "15/09/2025 17:30" || !panes.Freeze || panes.YSplit != 1 {
				t.Errorf("the time is shown as %s, panes %+v, %v", shown, panes, err)
			}
			if kind, err := book.GetCellType("Sheet1", "A3"); err != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
				t.Errorf("a phone is of type %v, %v", kind, err)
			}
		})
	}
}
