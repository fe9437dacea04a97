package spreadsheet

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// Customers reads files of customers.
type Customers struct{}

var _ command.CustomerFileReader = Customers{}

// customerLimits are above what any shop has in one file.
var customerLimits = Limits{Bytes: 64 * megabyte, Rows: 500_000}

type customerField int

const (
	customerName customerField = iota
	customerPhone
	customerEmail
	customerAddress
	customerGender
	customerBirthday
	customerTags
	customerNote
)

// customerTitles are the titles that people and other CRMs give to columns of customers.
var customerTitles = titles[customerField]{
	"name": customerName, "full name": customerName, "fullname": customerName, "customer": customerName, "customer name": customerName,
	"account name": customerName, "ten": customerName, "ho ten": customerName, "ho va ten": customerName, "ho & ten": customerName,
	"khach hang": customerName, "ten khach hang": customerName, "ten kh": customerName, "nguoi mua": customerName,

	"phone": customerPhone, "phone number": customerPhone, "telephone": customerPhone, "tel": customerPhone, "mobile": customerPhone,
	"mobile phone": customerPhone, "dien thoai": customerPhone, "so dien thoai": customerPhone, "sdt": customerPhone,
	"so dt": customerPhone, "dt": customerPhone, "di dong": customerPhone, "so di dong": customerPhone, "dien thoai di dong": customerPhone,
	"dien thoai khac": customerPhone, "sdt khac": customerPhone, "other phone": customerPhone, "phones": customerPhone,

	"email": customerEmail, "e mail": customerEmail, "mail": customerEmail, "email address": customerEmail, "emails": customerEmail,
	"thu dien tu": customerEmail, "dia chi email": customerEmail, "hop thu": customerEmail, "email khac": customerEmail,

	"address": customerAddress, "street address": customerAddress, "dia chi": customerAddress, "dia chi khach hang": customerAddress,
	"dia chi nhan hang": customerAddress, "dia chi giao hang": customerAddress,

	"gender": customerGender, "sex": customerGender, "gioi tinh": customerGender,

	"birthday": customerBirthday, "date of birth": customerBirthday, "birth date": customerBirthday, "dob": customerBirthday,
	"ngay sinh": customerBirthday, "sinh nhat": customerBirthday,

	"tags": customerTags, "tag": customerTags, "labels": customerTags, "nhan": customerTags, "the": customerTags,
	"nhom khach hang": customerTags, "phan loai": customerTags,

	"note": customerNote, "notes": customerNote, "ghi chu": customerNote, "mo ta": customerNote, "description": customerNote,
}

// OpenCustomers reads the header of a file of customers. A customer has phones and emails in as many columns as there are, or several
// in one cell; all other fields have one column. What is no field's is left out and told.
func (Customers) OpenCustomers(file io.ReaderAt, size int64) (command.CustomerFile, error) {
	rows, err := Open(file, size, customerLimits)
	if err != nil {
		return nil, err
	}
	opened, err := openCustomers(rows)
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return opened, nil
}

func openCustomers(rows *Rows) (*customerRows, error) {
	first, err := rows.header()
	if err != nil {
		return nil, err
	}
	header := readHeader(first, customerTitles)
	invalid := header.refuseTwice(customerPhone, customerEmail, customerTags)
	if len(header.columns[customerName]) == 0 {
		invalid = append(invalid, problem.Field{Path: "header", Message: "there is no column name (or tên khách hàng)"})
	}
	if len(invalid) > 0 {
		return nil, problem.InvalidFields("file-invalid", invalid...)
	}
	return &customerRows{rows: rows, header: header}, nil
}

// customerRows are those of a file of customers.
type customerRows struct {
	rows   *Rows
	header header[customerField]
}

// Unknown are the titles of columns that are left out.
func (c *customerRows) Unknown() []string { return c.header.unknown }

// Close lets the file go.
func (c *customerRows) Close() error { return c.rows.Close() }

// Next reads the next row.
func (c *customerRows) Next() (command.CustomerRow, error) {
	cells, line, err := c.rows.Next()
	if err != nil {
		return command.CustomerRow{}, err
	}
	row := command.CustomerRow{Line: line}
	if spilled := c.header.spills(cells, c.rows.ofWorkbook()); spilled != "" {
		row.Invalid = []problem.Field{{Path: "row", Message: spilled}}
		return row, nil
	}
	row.Details = customer.Details{
		Name: onOneLine(c.header.one(cells, customerName), " "), Note: c.header.one(cells, customerNote),
		Address: onOneLine(c.header.one(cells, customerAddress), ", "), // as its parts are told apart that stand on one line
		Phones:  c.header.all(cells, customerPhone), Emails: apart(c.header.all(cells, customerEmail), ",;| \n"),
		Tags: apart(c.header.all(cells, customerTags), ",;|\n"), Gender: genderOf(c.header.one(cells, customerGender)),
		Birthday: c.birthdayOf(c.header.one(cells, customerBirthday)),
	}
	return row, nil
}

// apart are the several values that stand in cells.
func apart(cells []string, separators string) []string {
	var values []string
	for _, cell := range cells {
		for value := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			if value = strings.TrimSpace(value); value != "" {
				values = append(values, value)
			}
		}
	}
	return values
}

// genders are those that people write, in the form of folded.
var genders = map[string]string{
	"nam": "male", "male": "male", "m": "male", "anh": "male", "ong": "male",
	"nu": "female", "female": "female", "f": "female", "chi": "female", "ba": "female",
	"khac": "other", "other": "other",
}

// genderOf leaves what it does not know to whoever judges the row.
func genderOf(cell string) string {
	if gender, ok := genders[folded(cell)]; ok {
		return gender
	}
	return strings.TrimSpace(cell)
}

// dayLayouts are how people write a day: in Vietnam the day comes first.
var dayLayouts = []string{time.DateOnly, "2/1/2006", "2-1-2006", "2.1.2006", "2006/1/2", time.DateTime, time.RFC3339}

// birthdayOf leaves what it cannot read to whoever judges the row.
func (c *customerRows) birthdayOf(cell string) string {
	cell = strings.TrimSpace(cell)
	for _, layout := range dayLayouts {
		if day, err := time.Parse(layout, cell); err == nil {
			return day.Format(time.DateOnly)
		}
	}
	if serial, err := strconv.ParseFloat(cell, 64); err == nil && c.rows.dayOf != nil {
		if day, err := c.rows.dayOf(serial); err == nil {
			return day.Format(time.DateOnly)
		}
	}
	return cell
}
