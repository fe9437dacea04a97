package spreadsheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

// Users reads files of users.
type Users struct{}

var _ command.UserFileReader = Users{}

// userLimits are far above any staff, and low enough to be stored in one transaction.
var userLimits = Limits{Bytes: megabyte, Rows: 5000}

type userField int

const (
	userName userField = iota
	userPhone
	userEmail
)

// userTitles are the titles that people give to columns of staff.
var userTitles = titles[userField]{
	"name": userName, "full name": userName, "fullname": userName, "staff": userName, "staff name": userName, "user": userName,
	"ten": userName, "ho ten": userName, "ho va ten": userName, "ho & ten": userName, "nhan vien": userName,
	"ten nhan vien": userName, "nguoi dung": userName, "ten nguoi dung": userName,

	"phone": userPhone, "phone number": userPhone, "telephone": userPhone, "tel": userPhone, "mobile": userPhone,
	"mobile phone": userPhone, "dien thoai": userPhone, "so dien thoai": userPhone, "sdt": userPhone, "so dt": userPhone,
	"dt": userPhone, "di dong": userPhone, "so di dong": userPhone,

	"email": userEmail, "e mail": userEmail, "mail": userEmail, "email address": userEmail, "thu dien tu": userEmail,
	"dia chi email": userEmail, "hop thu": userEmail,
}

// ReadUsers reads a file whole. A column that is not known is refused: it may be a known one, misspelt.
func (Users) ReadUsers(file []byte) ([]command.UserRow, error) {
	rows, err := Open(bytes.NewReader(file), int64(len(file)), userLimits)
	if err != nil {
		return nil, err
	}
	read, err := readUsers(rows)
	return read, errors.Join(err, rows.Close())
}

func readUsers(rows *Rows) ([]command.UserRow, error) {
	first, err := rows.header()
	if err != nil {
		return nil, err
	}
	header := readHeader(first, userTitles)
	if err := checkUserHeader(first, header); err != nil {
		return nil, err
	}
	var read []command.UserRow
	var invalid []problem.Field
	for {
		cells, line, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if spilled := header.spills(cells, rows.ofWorkbook()); spilled != "" {
			invalid = append(invalid, problem.Field{Path: fmt.Sprintf("rows[%d]", len(read)), Message: fmt.Sprintf("line %d: %s", line, spilled)})
		}
		read = append(read, command.UserRow{Line: line, Details: user.Details{
			Name: onOneLine(header.one(cells, userName), " "), Phone: header.one(cells, userPhone), Email: header.one(cells, userEmail),
		}})
	}
	switch {
	case len(invalid) > 0:
		return nil, problem.InvalidFields("file-invalid", invalid...)
	case len(read) == 0:
		return nil, errEmpty
	}
	return read, nil
}

func checkUserHeader(row []string, h header[userField]) error {
	var invalid []problem.Field
	refuse := func(format string, args ...any) {
		invalid = append(invalid, problem.Field{Path: "header", Message: fmt.Sprintf(format, args...)})
	}
	known := map[int]bool{}
	for _, columns := range h.columns {
		for _, column := range columns {
			known[column] = true
		}
	}
	for i := range row {
		if !known[i] && !isBlank(row[i:i+1]) {
			refuse("column %d is not known; the columns are name, phone and email (or tên, điện thoại, email), and no others", i+1)
		}
	}
	invalid = append(invalid, h.refuseTwice()...)
	if len(h.columns[userName]) == 0 {
		refuse("there is no column name (or tên)")
	}
	if len(invalid) > 0 {
		return problem.InvalidFields("file-invalid", invalid...)
	}
	return nil
}
