package command_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

// staff stores nothing, and knows the active users of a test.
type staff struct {
	command.Users

	active []user.State
}

func (s staff) Import(_ context.Context, _ command.By, decide func([]user.State) ([]*user.User, error)) (int64, error) {
	_, err := decide(s.active)
	return 7, err
}

// rows are those of a file: name, phone and email between bars, a row a line.
type rows struct{}

func (rows) ReadUsers(file []byte) ([]command.UserRow, error) {
	var read []command.UserRow
	for line := range strings.Lines(string(file)) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		read = append(read, command.UserRow{Line: len(read) + 2, Details: user.Details{Name: fields[0], Phone: fields[1], Email: fields[2]}})
	}
	return read, nil
}

func TestImportUsers(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a03")
	active := []user.State{
		{ID: id, Name: "Mai", Phone: "+84904000321", Email: "mai@example.vn", Active: true},
		{ID: id, Name: "Huy", Active: true},
	}
	const holder = " (01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a03) has this "
	for name, tc := range map[string]struct {
		file  string
		added string
		same  int
		wrong []string // a part of each field's message, by its path
	}{
		"new ones are added":                       {"Lan|0904000322|\nAn||an@example.vn\nBình||", "Lan An Bình", 0, nil},
		"equal ones are there already":             {"Mai|0904 000 321|MAI@example.vn\nHuy||", "", 2, nil},
		"what a row leaves out it does not say":    {"mai|0904000321|\nLan||lan@example.vn", "Lan", 1, nil},
		"a name alone may be anybody of that name": {"Mai||", "", 1, nil},
		"another name contradicts":                 {"Lan|0904000321|", "", 0, []string{"rows[0].phone: line 2: Mai" + holder + "phone"}},
		"another email contradicts":                {"Mai|0904000321|lan@example.vn", "", 0, []string{"rows[0].phone: line 2: Mai" + holder + "phone"}},
		"another phone contradicts":                {"Mai|0904000322|mai@example.vn", "", 0, []string{"rows[0].email: line 2: Mai" + holder + "email"}},
		"two rows with one phone, one email, one name": {
			"A|0904000322|a@example.vn\nB|+84904000322|A@example.vn\nC||\nc||", "", 0,
			[]string{"rows[1].phone: line 3: line 2 has the same phone", "rows[1].email: line 3: line 2 has", "rows[3].name: line 5: line 4 has"},
		},
		"everything that is wrong with any row": {
			"|12|x\nB|0904000322|y\nC|0904000322|", "", 0,
			[]string{"rows[0].name: line 2: ", "rows[0].phone: line 2: ", "rows[0].email: line 2: ", "rows[1].email: line 3: ", "rows[2].phone: line 4: line 3 has"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := command.NewImportUsersHandler(staff{active: active}, rows{})
			got, err := handler.Handle(t.Context(), command.ImportUsers{File: []byte(tc.file)})
			var names []string
			for _, state := range got.Added {
				names = append(names, state.Name)
			}
			if strings.Join(names, " ") != tc.added || got.Unchanged != tc.same {
				t.Errorf("added %q and left %d, want %q and %d", names, got.Unchanged, tc.added, tc.same)
			}
			var fields []problem.Field
			if known, ok := problem.Of(err); ok {
				fields = known.Fields()
			} else if err != nil {
				t.Fatal(err)
			}
			if len(fields) != len(tc.wrong) {
				t.Fatalf("wrong are %+v, want %q", fields, tc.wrong)
			}
			for i, part := range tc.wrong {
				if told := fmt.Sprintf("%s: %s", fields[i].Path, fields[i].Message); !strings.HasPrefix(told, part) {
					t.Errorf("told %q, want %q", told, part)
				}
			}
		})
	}
}
