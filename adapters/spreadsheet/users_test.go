package spreadsheet_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

func TestUserFilesThatAreRead(t *testing.T) {
	t.Parallel()
	both := []command.UserRow{
		{Line: 2, Details: user.Details{Name: "Phương Mai", Phone: "0904000321", Email: "mai@example.vn"}},
		{Line: 3, Details: user.Details{Name: "Huy"}},
	}
	for name, tc := range map[string]struct {
		file string
		want []command.UserRow
	}{
		"commas": {"name,phone,email\nPhương Mai,0904000321,mai@example.vn\nHuy,,\n", both},
		"semicolons, as Excel in Vietnam writes them": {"Họ tên;Số điện thoại;Thư điện tử\r\nPhương Mai;0904000321;mai@example.vn\r\nHuy;;\r\n", both},
		"tabs":                       {"Tên\tSĐT\tEmail\nPhương Mai\t0904000321\tmai@example.vn\nHuy\n", both},
		"any order and case":         {"EMAIL,Điện Thoại,HỌ VÀ TÊN\nmai@example.vn,0904000321,Phương Mai\n,,Huy", both},
		"a byte order mark":          {"\uFEFFname,phone,email\nPhương Mai,0904000321,mai@example.vn\nHuy,,\n", both},
		"letters in parts, no marks": {"ho te\u0302n,dien thoai,e-mail\nPhương Mai,0904000321,mai@example.vn\nHuy,,\n", both},
		"quotation marks":            {"\"name\",\"phone\",\"email\"\n\"Phương Mai\",\"0904000321\",\"mai@example.vn\"\n\"Huy\",\"\",\"\"\n", both},
		"columns without a title and with nothing in them": {"name,phone,email,,\nPhương Mai,0904000321,mai@example.vn,,\nHuy,,,,\n", both},
		"lines that end as on an old Mac":                  {"name,phone,email\rPhương Mai,0904000321,mai@example.vn\rHuy,,\r", both},
		"a line that names the separator": {"\uFEFFsep=;\r\nname;phone;email\r\nPhương Mai;0904000321;mai@example.vn\r\n", []command.UserRow{
			{Line: 3, Details: user.Details{Name: "Phương Mai", Phone: "0904000321", Email: "mai@example.vn"}},
		}},
		"names alone": {"Tên\nHuy\n", []command.UserRow{{Line: 2, Details: user.Details{Name: "Huy"}}}},
		"rows with nothing in them, and a text of two lines": {
			"\n\nname;phone\n;\n\"Mai; ở\nquầy\";1\n\n  ; \nHuy;2\n",
			[]command.UserRow{{Line: 5, Details: user.Details{Name: "Mai; ở quầy", Phone: "1"}}, {Line: 9, Details: user.Details{Name: "Huy", Phone: "2"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := spreadsheet.Users{}.ReadUsers([]byte(tc.file))
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("read %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func TestUserFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune("name\tphone\nMai\t1\n")) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for name, tc := range map[string]struct {
		file string
		code string
		says []string
	}{
		"UTF-16 without its mark":    {string(wide[2:]), "file-not-utf8", []string{"CSV UTF-8"}},
		"a Vietnamese code page":     {"name\nPh\xfd\xf5ng\n", "file-not-utf8", []string{"CSV UTF-8"}},
		"nothing":                    {"", "file-empty", []string{"header row"}},
		"a header alone":             {"name,phone\n\n", "file-empty", nil},
		"too many bytes":             {"name\n" + strings.Repeat("x", 1<<20), "file-too-large", []string{"1 MiB"}},
		"too many rows":              {"name\n" + strings.Repeat("x\n", 5001), "file-too-long", []string{"5000"}},
		"a quotation mark too many":  {"name,phone\nMai,1\n\"Huy,2\n", "file-unreadable", []string{"line"}},
		"columns that are not known": {"name,phnoe,salary\nMai,1,2\n", "file-invalid", []string{"column 2 is not known", "column 3 is not known"}},
		"a column twice":             {"name,tên\nMai,Huy\n", "file-invalid", []string{"columns 1 and 2 are the same"}},
		"no names":                   {"phone\n1\n", "file-invalid", []string{"no column name"}},
		"no header":                  {"Mai,0904000321\n", "file-invalid", []string{"column 1 is not known", "column 2 is not known", "no column name"}},
		"rows that are too long":     {"name,phone\nMai,1\nHuy,2,3\nLan,4,5\n", "file-invalid", []string{"line 3: ", "line 4: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := spreadsheet.Users{}.ReadUsers([]byte(tc.file))
			known, ok := problem.Of(err)
			if !ok || known.Code() != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			lines := []string{known.Error()}
			for _, field := range known.Fields() {
				lines = append(lines, field.Path+": "+field.Message)
			}
			told := strings.Join(lines, "\n")
			for _, part := range tc.says {
				if !strings.Contains(told, part) {
					t.Errorf("%q is not told in\n%s", part, told)
				}
			}
		})
	}
}

// FuzzReadUsers: no file breaks the reader, what it refuses is a problem, and what it reads is in the file.
func FuzzReadUsers(f *testing.F) {
	for _, seed := range []string{
		"name,phone,email\nMai,0904000321,mai@example.vn\n", "\uFEFFHọ tên;SĐT\n\"a\"\"b\";1\n", "tên\t\tphone\n\t\t\n", "\xff\xfen\x00", "\"", "name\n\"a\nb\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := spreadsheet.Users{}.ReadUsers(file)
		if err != nil {
			if _, ok := problem.Of(err); !ok {
				t.Fatalf("an error that says nothing to the operator: %v", err)
			}
			return
		}
		lines := strings.Count(string(file), "\n") + 1
		last := 0
		for i, row := range rows {
			if row.Line <= last || row.Line > lines {
				t.Fatalf("row %d is on line %d of %d, the one before on %d", i, row.Line, lines, last)
			}
			last = row.Line
		}
	})
}
