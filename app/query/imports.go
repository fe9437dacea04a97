package query

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// CustomerImport is a file of customers, and how far it is on its way into the CRM.
type CustomerImport struct {
	ID       uuid.UUID   `json:"id"`
	FileName string      `json:"file_name"`
	State    ImportState `json:"state"`
	// UnknownColumns are the titles of columns that are left out.
	UnknownColumns []string `json:"unknown_columns"`
	// Rows is how many there are in all.
	Rows     int `json:"rows"`
	New      int `json:"new"`
	Existing int `json:"existing"`
	Repeated int `json:"repeated"`
	Invalid  int `json:"invalid"`
	Imported int `json:"imported"`
	// AskedBy checked the file, ConfirmedBy let it be brought in.
	AskedBy     string     `json:"asked_by"`
	ConfirmedBy *string    `json:"confirmed_by"`
	CreatedAt   time.Time  `json:"created_at"`
	ConfirmedAt *time.Time `json:"confirmed_at"`
	FinishedAt  *time.Time `json:"finished_at"`
}

// ImportState is how far an import is.
type ImportState string

// The states of an import. They are stored data.
const (
	ImportReading   ImportState = "reading"
	ImportChecked   ImportState = "checked"
	ImportImporting ImportState = "importing"
	ImportDone      ImportState = "done"
	ImportCancelled ImportState = "cancelled"
)

// ImportRow is a row of an import and what became of it, or would.
type ImportRow struct {
	Line    int    `json:"line"`
	Outcome string `json:"outcome"`
	// Name, Phones and Emails are who a row speaks of that is not in the CRM yet.
	Name   *string  `json:"name"`
	Phones []string `json:"phones"`
	Emails []string `json:"emails"`
	// CustomerID is who exists already, or was made of the row.
	CustomerID *uuid.UUID `json:"customer_id"`
	// SameAs is the line that says the same.
	SameAs  *int           `json:"same_as"`
	Reasons []ImportReason `json:"reasons"`
}

// Why are the reasons in one line.
func (r ImportRow) Why() string {
	reasons := make([]string, 0, len(r.Reasons))
	for _, reason := range r.Reasons {
		reasons = append(reasons, reason.Field+": "+reason.Message)
	}
	return strings.Join(reasons, "; ")
}

// ImportReason is why a row has its outcome: what is wrong with which field, or what is known.
type ImportReason struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// ImportRows is a part of an import's rows.
type ImportRows struct {
	Items []ImportRow `json:"items"`
	// NextAfterLine is the line behind which the part begins that follows; nil at the end.
	NextAfterLine *int `json:"next_after_line"`
}

// ImportRowsOf cuts rows that were read with one more than are asked for.
func ImportRowsOf(rows []ImportRow, limit int) ImportRows {
	if len(rows) <= limit {
		return ImportRows{Items: rows}
	}
	return ImportRows{Items: rows[:limit], NextAfterLine: &rows[limit-1].Line}
}
