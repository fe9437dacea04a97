package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

// UserFileReader reads a file of users. Its problems say what is wrong with the file and what to do about it; it does not
// judge what stands in the rows.
type UserFileReader interface {
	ReadUsers(file []byte) ([]UserRow, error)
}

// UserRow is one row of a file of users.
type UserRow struct {
	// Line is where the row begins in the file, from 1.
	Line    int
	Details user.Details
}

// ImportUsers adds the users of a file, all or none. A row that says the same as an active user is there already, so a
// file may be imported again.
type ImportUsers struct {
	By   By
	File []byte
	// DryRun changes nothing and tells what would change.
	DryRun bool
}

// ImportedUsers is what ImportUsers left behind.
type ImportedUsers struct {
	Added     []user.State
	Unchanged int
	// Position is where the last event stands in the log; 0 when nobody was added.
	Position int64
}

// ImportUsersHandler handles ImportUsers.
type ImportUsersHandler struct {
	users  Users
	reader UserFileReader
}

// NewImportUsersHandler makes the handler.
func NewImportUsersHandler(users Users, reader UserFileReader) ImportUsersHandler {
	return ImportUsersHandler{users: users, reader: reader}
}

// Handle imports the file.
func (h ImportUsersHandler) Handle(ctx context.Context, cmd ImportUsers) (ImportedUsers, error) {
	rows, err := h.reader.ReadUsers(cmd.File)
	if err != nil {
		return ImportedUsers{}, err
	}
	var imported ImportedUsers
	decide := func(active []user.State) ([]*user.User, error) {
		added, err := decideImport(rows, active)
		if err != nil {
			return nil, err
		}
		imported = ImportedUsers{Unchanged: len(rows) - len(added)}
		for _, u := range added {
			imported.Added = append(imported.Added, u.State())
		}
		return added, nil
	}
	if cmd.DryRun {
		active, err := h.users.Active(ctx, cmd.By.WorkspaceID)
		if err != nil {
			return ImportedUsers{}, fmt.Errorf("list active users: %w", err)
		}
		_, err = decide(active)
		return imported, err
	}
	position, err := h.users.Import(ctx, cmd.By, decide)
	if err != nil {
		return ImportedUsers{}, err
	}
	imported.Position = position
	return imported, nil
}

// decideImport makes users of the rows that say something new, and tells everything that is wrong with any row.
func decideImport(rows []UserRow, active []user.State) ([]*user.User, error) {
	holders := map[mark]user.State{}
	for _, state := range active {
		for _, key := range state.Keys() {
			holders[mark{column: string(key.Kind), value: key.Value}] = state
		}
		holders[mark{column: "name", value: folded(state.Name)}] = state
	}
	var added []*user.User
	var invalid []problem.Field
	lines := map[mark]int{} // where a mark stood first
	for i, row := range rows {
		refuse := func(field, message string) {
			invalid = append(invalid, problem.Field{
				Path: fmt.Sprintf("rows[%d].%s", i, field), Message: fmt.Sprintf("line %d: %s", row.Line, message),
			})
		}
		before := len(invalid)
		u, err := user.Add(event.NewID(), row.Details)
		if known, ok := problem.Of(err); ok {
			for _, field := range known.Fields() {
				refuse(field.Path, field.Message)
			}
		} else if err != nil {
			return nil, err
		}
		marks := marksOf(row.Details)
		for _, mark := range marks {
			if first, ok := lines[mark]; ok {
				refuse(mark.column, fmt.Sprintf("line %d has the same %s", first, mark.column))
				continue
			}
			lines[mark] = row.Line
		}
		if len(invalid) > before {
			continue
		}
		held := slices.IndexFunc(marks, func(mark mark) bool { return holders[mark].ID != uuid.Nil })
		if held < 0 {
			added = append(added, u)
			continue
		}
		field, holder := marks[held].column, holders[marks[held]]
		if contradicts(u.State(), holder) {
			refuse(field, fmt.Sprintf("%s (%s) has this %s, and another name, phone or email; make the row and the user the same",
				holder.Name, holder.ID, field))
		}
	}
	if len(invalid) > 0 {
		return nil, problem.InvalidFields("file-invalid", invalid...)
	}
	return added, nil
}

// mark is what a user is told apart by.
type mark struct{ column, value string }

// marksOf are a row's phone and email, as far as they can be read; of a row without either, the name.
func marksOf(row user.Details) []mark {
	name, _ := contact.ParseName(row.Name) // what cannot be read is told elsewhere
	phone, _ := contact.ParsePhone(row.Phone)
	email, _ := contact.ParseEmail(row.Email)
	var marks []mark
	if !phone.IsZero() {
		marks = append(marks, mark{column: "phone", value: phone.E164()})
	}
	if !email.IsZero() {
		marks = append(marks, mark{column: "email", value: email.String()})
	}
	if name != "" && strings.TrimSpace(row.Phone) == "" && strings.TrimSpace(row.Email) == "" {
		marks = append(marks, mark{column: "name", value: folded(name)})
	}
	return marks
}

// contradicts tells that a row says something of a user that is not so; what it leaves out it does not say.
func contradicts(row, holder user.State) bool {
	return folded(row.Name) != folded(holder.Name) || row.Phone != "" && row.Phone != holder.Phone ||
		row.Email != "" && row.Email != holder.Email
}

// folded is a name as two of them are compared.
func folded(name string) string { return strings.ToLower(name) }
