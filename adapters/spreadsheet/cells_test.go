package spreadsheet_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// hostile are texts that begin as formulas do, with and without the mark of a text, or with a part of either.
func hostile() *rapid.Generator[string] {
	sign := rapid.SampledFrom([]string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'", "''", "'=", "\"", ";", ",", "a", " ", "’", ""})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(sign, 0, 4).Draw(t, "signs"), "") + rapid.String().Draw(t, "text")
	})
}

func TestTextsAreMarkedAndUnmarkedExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := hostile().Draw(t, "text")
		written := spreadsheet.Harmless(text)
		if strings.ContainsAny(written[:min(len(written), 1)], "=+-@\t\r\n") || strings.HasPrefix(written, "＝") {
			t.Fatalf("%q is written as %q, which a spreadsheet takes for a formula", text, written)
		}
		if read := spreadsheet.Unmarked(written); read != text {
			t.Fatalf("%q is written as %q and read as %q", text, written, read)
		}
	})
}

// TestNamesSurviveAnExportAndAnImport writes a file of customers and reads it as one.
func TestNamesSurviveAnExportAndAnImport(t *testing.T) {
	t.Parallel()
	for _, format := range []query.SheetFormat{query.SheetCSV, query.SheetXLSX} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			names := []string{"'=Lan", "''=Lan", "'Lan", "''", "=1+1", "+84", "-x", "@lan", "＝Lan", "'＝Lan", "'", "'+", "Lan \"bé\"", "a;b,c", "sep=;"}
			generated := rapid.Custom(func(t *rapid.T) string {
				name := hostile().Draw(t, "name")
				return "x" + strings.Map(func(r rune) rune {
					if r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff || r == 0x85 || r == '\u2028' || r == '\u2029' { // which no name has
						return -1
					}
					return r
				}, name)
			})
			for seed := range 200 {
				names = append(names, generated.Example(seed)[1:])
			}
			names = slices.DeleteFunc(names, func(name string) bool { return strings.TrimSpace(name) == "" })
			var out bytes.Buffer
			sheet, err := spreadsheet.Sheets{}.New(&out, format, []string{"Tên khách hàng", "Điện thoại"})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if err := sheet.Row(name, "0912000451"); err != nil {
					t.Fatal(err)
				}
			}
			if err := sheet.Close(); err != nil {
				t.Fatal(err)
			}
			rows, _, err := readCustomers(out.Bytes())
			if err != nil || len(rows) != len(names) {
				t.Fatalf("%d rows of %d, %v", len(rows), len(names), err)
			}
			for i, name := range names {
				if rows[i].Details.Name != name {
					t.Errorf("%q came back as %q", name, rows[i].Details.Name)
				}
			}
		})
	}
}

func TestCellsOfSeveralLines(t *testing.T) {
	t.Parallel()
	const name, address, note = "Nguyễn Thị\nLan \n\n Anh", "12 Lê Lợi,\nPhường 1 \nHuế", "gọi trước\ngiao chiều"
	for kind, file := range map[string][]byte{
		"CSV":        []byte("name,address,note\r\n\"" + strings.ReplaceAll(name, "\n", "\r\n") + "\",\"" + address + "\",\"" + note + "\"\r\n"),
		"a workbook": workbook(t, []any{"name", "address", "note"}, []any{name, address, note}),
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rows, _, err := readCustomers(file)
			if err != nil || len(rows) != 1 {
				t.Fatal(rows, err)
			}
			read := rows[0].Details
			if read.Name != "Nguyễn Thị Lan Anh" || read.Address != "12 Lê Lợi, Phường 1, Huế" || read.Note != note {
				t.Errorf("read as %q, %q, %q", read.Name, read.Address, read.Note)
			}
		})
	}
	users, err := spreadsheet.Users{}.ReadUsers([]byte("name,phone\n\"Mai\nca sáng\",0904000321\n"))
	if err != nil || len(users) != 1 || users[0].Details.Name != "Mai ca sáng" {
		t.Errorf("a user is read as %+v, %v", users, err)
	}
}

func TestWhereAFileIsBroken(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("An,1\n", 1000)
	for name, tc := range map[string]struct {
		file        []byte
		says, never string
	}{
		"a quotation mark that is not closed":             {[]byte("name,phone\n" + many + "\"Bo,2\n" + many), "line 1002: a quotation mark is opened in this row and not closed", "line 2"},
		"one that the next closes":                        {[]byte("name,address\n" + many + "\"Bo,2\nChi,3\nDu,\"4 Lê Lợi, Huế\"\n"), "line 1002: a quotation mark is opened in this row and not closed", "line 1004:"},
		"one in the last row":                             {[]byte("name,phone\nAn,1\n\"Bo,2"), "line 3: a quotation mark is in the wrong place, or not closed", "line 2"},
		"one in a text":                                   {[]byte("name,phone\nAn,1\nBo \"bé\",2\n"), "line 3: a quotation mark is in the wrong place", "line 2"},
		"one behind a text":                               {[]byte("name,phone\nAn,1\n\"Bo\" bé,2\n"), "line 3: a quotation mark is in the wrong place", "line 2"},
		"a first row without end":                         {[]byte("\"name,phone\n" + strings.Repeat("An,1\n", 300_000)), "the first row has more than 1 MiB; a quotation mark may have been opened in it and not closed", "line"},
		"a row without end":                               {[]byte("name,phone\n\"An,1\n" + strings.Repeat("An,1\n", 300_000)), "the row behind line 1 has more than 1 MiB", "line 0"},
		"UTF-16 that was cut off":                         {wide("name\nAn\n", false)[:len(wide("name\nAn\n", false))-1], "the last letter of this UTF-16 file is cut off", "line"},
		"UTF-16 that was cut off, with the big end first": {append(wide("name\nAn\n", true), 0), "the last letter of this UTF-16 file is cut off", "line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readCustomers(tc.file)
			refused, ok := problem.Of(err)
			if !ok || refused.Code() != "file-unreadable" || !strings.Contains(refused.Error(), tc.says) || strings.Contains(refused.Error(), tc.never) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func TestCellsBesideTheColumns(t *testing.T) {
	t.Parallel()
	for kind, tc := range map[string]struct {
		file []byte
		says string
	}{
		"CSV":        {[]byte("name,phone\nAn,1,2\n"), "put quotation marks around a text that holds the separator"},
		"a workbook": {workbook(t, []any{"name", "phone"}, []any{"An", "1", nil, "2"}), "column D has something in it and no title; give it one in the first row, or empty the cell"},
	} {
		rows, _, err := readCustomers(tc.file)
		if err != nil || len(rows) != 1 || len(rows[0].Invalid) != 1 || !strings.Contains(rows[0].Invalid[0].Message, tc.says) {
			t.Errorf("%s: %+v, %v", kind, rows, err)
		}
		_, err = spreadsheet.Users{}.ReadUsers(tc.file)
		if refused, ok := problem.Of(err); !ok || len(refused.Fields()) != 1 || !strings.Contains(refused.Fields()[0].Message, tc.says) {
			t.Errorf("%s of users: %v", kind, err)
		}
	}
}
