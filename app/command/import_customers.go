package command

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Customers are imported in two steps. First a file is read, and what would become of each of its rows is kept beside the CRM, where it
// can be looked at. Nothing is in the CRM until that is confirmed. Then the new rows are brought in, some at a time: whoever does so may
// die, and another goes on.

// CustomerFileReader reads files of customers. Its problems say what is wrong with the file and what to do about it; it does not judge
// what stands in the rows.
type CustomerFileReader interface {
	OpenCustomers(file io.ReaderAt, size int64) (CustomerFile, error)
}

// CustomerFile is a file of customers, of which the header was read.
type CustomerFile interface {
	// Unknown are the titles of columns that are left out.
	Unknown() []string
	// Next reads the next row. It fails with io.EOF behind the last.
	Next() (CustomerRow, error)
	io.Closer
}

// CustomerRow is one row of a file of customers.
type CustomerRow struct {
	// Line is where the row begins in the file, from 1.
	Line    int
	Details customer.Details
	// Invalid says why the row cannot be read at all.
	Invalid []problem.Field
}

// RowOutcome is what becomes of a row of an import.
type RowOutcome string

// The outcomes of rows. They are stored data.
const (
	// RowNew: a customer will be made of it.
	RowNew RowOutcome = "new"
	// RowExisting: a customer has one of its keys, or it was imported before. Nothing is done about it.
	RowExisting RowOutcome = "existing"
	// RowRepeated: an earlier row of the file has one of its keys. Nothing is done about it.
	RowRepeated RowOutcome = "repeated"
	// RowInvalid: it breaks a rule.
	RowInvalid RowOutcome = "invalid"
	// RowImported: a customer was made of it.
	RowImported RowOutcome = "imported"
)

// CheckedRow is a row of an import, and what becomes of it.
type CheckedRow struct {
	Line    int
	Outcome RowOutcome
	// Customer is who would be made of it; nil for an invalid row.
	Customer *customer.State
	// Digest tells rows apart that have no key.
	Digest [sha256.Size]byte
	// CustomerID is who exists already, or was made of it.
	CustomerID uuid.UUID
	// SameAs is the line that says the same.
	SameAs int
	// Reasons say what is wrong with it, or which key is known.
	Reasons []problem.Field
}

// KnownCustomers is what is known of keys, and of rows without any.
type KnownCustomers struct {
	// Holders are the oldest customers who have a key; those who are active come first.
	Holders map[contact.Key]uuid.UUID
	// Lines are those of the import's new rows that have it.
	Lines map[contact.Key]int
	// Imported are the customers whom rows without a key became before, and Repeated the lines of the import's rows.
	Imported map[[sha256.Size]byte]uuid.UUID
	Repeated map[[sha256.Size]byte]int
}

// CustomerImports keeps imports, and what becomes of their rows.
type CustomerImports interface {
	// Begin keeps an import whose rows are being read.
	Begin(ctx context.Context, by By, id uuid.UUID, fileName string, unknownColumns []string) error
	// Known looks up what is known of some rows, in the CRM and in the import.
	Known(ctx context.Context, by By, id uuid.UUID, rows []CheckedRow) (KnownCustomers, error)
	// Keep keeps rows of the import, in the order of the file.
	Keep(ctx context.Context, by By, id uuid.UUID, rows []CheckedRow) error
	// Checked notes that all rows are kept.
	Checked(ctx context.Context, by By, id uuid.UUID) error
	// Confirm lets the new rows be brought in. Confirming twice says nothing new. An unknown id is a problem of kind not found, an
	// import that was not checked or was given up one of kind conflict.
	Confirm(ctx context.Context, by By, id uuid.UUID) error
	// Cancel gives an import up, and forgets the rows that were not brought in. What it brought in already stays.
	Cancel(ctx context.Context, by By, id uuid.UUID) error
	// Discard forgets an import that was not confirmed. One that was, or of which the file is still being read, is a problem of kind
	// conflict.
	Discard(ctx context.Context, by By, id uuid.UUID) error
	// ImportNext brings in some of the rows of an import that was confirmed, behind a line up to which all are: those of whom decide
	// makes customers, given what is known of them by now. It returns what became of them; none when the import is done, or somebody
	// else is at it.
	ImportNext(ctx context.Context, id uuid.UUID, after, atMost int, decide func(*CheckedRow, KnownCustomers) (*customer.Customer, error)) (
		ImportedRows, error)
	// Unfinished are imports that were confirmed and are not done.
	Unfinished(ctx context.Context) ([]uuid.UUID, error)
	// GiveUpAbandoned gives up imports whose file is still being read, and which began before a time. It forgets their rows.
	GiveUpAbandoned(ctx context.Context, before time.Time) error
	// Forget forgets what finished imports, and those that nobody confirmed, keep of people.
	Forget(ctx context.Context, before time.Time) error
}

// ImportedRows is what became of some rows.
type ImportedRows struct {
	// Rows is how many there were, Imported of how many of them customers were made.
	Rows, Imported int
	// Line is where the last of them begins.
	Line int
	// Position is where the last event stands in the log; 0 without one.
	Position int64
	// Done tells that none are left; Busy that somebody else is at it.
	Done, Busy bool
}

// CheckCustomerFile reads a file, and keeps what would become of each row. The CRM is not changed.
type CheckCustomerFile struct {
	By   By
	File io.ReaderAt
	// Size is that of the file, in bytes.
	Size int64
	// Name is the file's, for people to recognise it.
	Name string
	// Progress is told how many rows were read; it may be nil.
	Progress func(rows int)
}

// CheckCustomerFileHandler handles CheckCustomerFile.
type CheckCustomerFileHandler struct {
	imports CustomerImports
	reader  CustomerFileReader
	now     func() time.Time
}

// NewCheckCustomerFileHandler makes the handler.
func NewCheckCustomerFileHandler(imports CustomerImports, reader CustomerFileReader, now func() time.Time) CheckCustomerFileHandler {
	return CheckCustomerFileHandler{imports: imports, reader: reader, now: now}
}

const (
	// checkedAtOnce and importedAtOnce are how many rows are in memory, and in a transaction. It is the log's lock that keeps the
	// latter low: orders wait for it.
	checkedAtOnce  = 500
	importedAtOnce = 200

	originImport = "import"

	maxFileName = 200
)

// Handle checks the file and returns the import's id.
func (h CheckCustomerFileHandler) Handle(ctx context.Context, cmd CheckCustomerFile) (_ uuid.UUID, err error) {
	if err := h.readThrough(ctx, cmd); err != nil {
		return uuid.Nil, err
	}
	file, err := h.reader.OpenCustomers(cmd.File, cmd.Size)
	if err != nil {
		return uuid.Nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	id := event.NewID()
	if err := h.imports.Begin(ctx, cmd.By, id, fileNameOf(cmd.Name), file.Unknown()); err != nil {
		return uuid.Nil, err
	}
	err = h.check(ctx, cmd, id, file)
	if err == nil {
		err = h.imports.Checked(ctx, cmd.By, id)
	}
	if err != nil {
		stopping := context.WithoutCancel(ctx)
		return uuid.Nil, errors.Join(err, h.imports.Cancel(stopping, cmd.By, id))
	}
	return id, nil
}

// readThrough reads a file to its end and keeps nothing, so that one which cannot be read, or is too long, is refused before anything of
// it is stored: that takes many times as long.
func (h CheckCustomerFileHandler) readThrough(ctx context.Context, cmd CheckCustomerFile) (err error) {
	file, err := h.reader.OpenCustomers(cmd.File, cmd.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for rows := 0; ; rows++ {
		_, err := file.Next()
		switch {
		case errors.Is(err, io.EOF) && rows == 0:
			return errNoRows
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func (h CheckCustomerFileHandler) check(ctx context.Context, cmd CheckCustomerFile, id uuid.UUID, file CustomerFile) error {
	read := 0
	for last := false; !last; {
		rows := make([]CheckedRow, 0, checkedAtOnce)
		for len(rows) < checkedAtOnce {
			row, err := file.Next()
			if last = errors.Is(err, io.EOF); last {
				break
			}
			if err != nil {
				return err
			}
			checked, err := checkRow(row, h.now())
			if err != nil {
				return err
			}
			rows = append(rows, checked)
		}
		if len(rows) == 0 {
			break
		}
		known, err := h.imports.Known(ctx, cmd.By, id, rows)
		if err != nil {
			return fmt.Errorf("look up %d rows: %w", len(rows), err)
		}
		for i := range rows {
			known.judge(&rows[i])
		}
		if err := h.imports.Keep(ctx, cmd.By, id, rows); err != nil {
			return fmt.Errorf("keep %d rows: %w", len(rows), err)
		}
		if read += len(rows); cmd.Progress != nil {
			cmd.Progress(read)
		}
	}
	return nil
}

var errNoRows = problem.Malformed("file-empty", "the file has a header and no rows below it")

// fileNameOf is a file's name without folders, as far as people need it.
func fileNameOf(name string) string {
	runes := []rune(name[strings.LastIndexAny(name, `/\`)+1:])
	return string(runes[:min(len(runes), maxFileName)])
}

// checkRow makes who a row speaks of, as far as the rules for customers allow.
func checkRow(row CustomerRow, now time.Time) (CheckedRow, error) {
	checked := CheckedRow{Line: row.Line, Outcome: RowInvalid, Reasons: row.Invalid}
	if len(row.Invalid) > 0 {
		return checked, nil
	}
	c, err := customer.Import(uuid.Nil, row.Details, originImport, now)
	if refused, ok := problem.Of(err); ok {
		checked.Reasons = refused.Fields()
		return checked, nil
	}
	if err != nil {
		return CheckedRow{}, err
	}
	state := c.State()
	checked.Outcome, checked.Customer = RowNew, &state
	said := state
	said.CreatedAt = time.Time{}
	encoded, err := json.Marshal(said)
	if err != nil {
		return CheckedRow{}, fmt.Errorf("encode row: %w", err)
	}
	checked.Digest = sha256.Sum256(encoded)
	return checked, nil
}

// judge tells whether a row that is valid is new, and knows of it from then on.
func (k KnownCustomers) judge(row *CheckedRow) {
	if row.Outcome != RowNew {
		return
	}
	keys := row.Customer.Keys()
	for _, key := range keys {
		if holder, held := k.Holders[key]; held {
			row.Outcome, row.CustomerID, row.Reasons = RowExisting, holder, []problem.Field{knownBy(key, "a customer has it")}
			return
		}
	}
	for _, key := range keys {
		if line, repeated := k.Lines[key]; repeated {
			row.Outcome, row.SameAs, row.Reasons = RowRepeated, line, []problem.Field{knownBy(key, fmt.Sprintf("line %d has it", line))}
			return
		}
	}
	if len(keys) > 0 {
		for _, key := range keys {
			k.Lines[key] = row.Line
		}
		return
	}
	if id, imported := k.Imported[row.Digest]; imported {
		row.Outcome, row.CustomerID = RowExisting, id
		row.Reasons = []problem.Field{{Path: "row", Message: "a row that says the same, without phone and email, was imported before"}}
	} else if line, repeated := k.Repeated[row.Digest]; repeated {
		row.Outcome, row.SameAs = RowRepeated, line
		row.Reasons = []problem.Field{{Path: "row", Message: fmt.Sprintf("line %d says the same, without phone and email", line)}}
	} else {
		k.Repeated[row.Digest] = row.Line
	}
}

func knownBy(key contact.Key, who string) problem.Field {
	return problem.Field{Path: string(key.Kind), Message: who}
}

// ConfirmCustomerImport lets the new rows of an import be brought in.
type ConfirmCustomerImport struct {
	By By
	ID uuid.UUID
}

// ConfirmCustomerImportHandler handles ConfirmCustomerImport.
type ConfirmCustomerImportHandler struct{ imports CustomerImports }

// NewConfirmCustomerImportHandler makes the handler.
func NewConfirmCustomerImportHandler(imports CustomerImports) ConfirmCustomerImportHandler {
	return ConfirmCustomerImportHandler{imports: imports}
}

// Handle confirms the import.
func (h ConfirmCustomerImportHandler) Handle(ctx context.Context, cmd ConfirmCustomerImport) error {
	return h.imports.Confirm(ctx, cmd.By, cmd.ID)
}

// CancelCustomerImport gives an import up. What it brought in already stays; its other rows are forgotten.
type CancelCustomerImport struct {
	By By
	ID uuid.UUID
}

// CancelCustomerImportHandler handles CancelCustomerImport.
type CancelCustomerImportHandler struct{ imports CustomerImports }

// NewCancelCustomerImportHandler makes the handler.
func NewCancelCustomerImportHandler(imports CustomerImports) CancelCustomerImportHandler {
	return CancelCustomerImportHandler{imports: imports}
}

// Handle gives the import up.
func (h CancelCustomerImportHandler) Handle(ctx context.Context, cmd CancelCustomerImport) error {
	return h.imports.Cancel(ctx, cmd.By, cmd.ID)
}

// DiscardCustomerImport forgets an import that was not confirmed, as if the file had never been checked.
type DiscardCustomerImport struct {
	By By
	ID uuid.UUID
}

// DiscardCustomerImportHandler handles DiscardCustomerImport.
type DiscardCustomerImportHandler struct{ imports CustomerImports }

// NewDiscardCustomerImportHandler makes the handler.
func NewDiscardCustomerImportHandler(imports CustomerImports) DiscardCustomerImportHandler {
	return DiscardCustomerImportHandler{imports: imports}
}

// Handle forgets the import.
func (h DiscardCustomerImportHandler) Handle(ctx context.Context, cmd DiscardCustomerImport) error {
	return h.imports.Discard(ctx, cmd.By, cmd.ID)
}

// ImportCustomersHandler brings in the rows of imports that were confirmed.
type ImportCustomersHandler struct {
	imports CustomerImports
	now     func() time.Time
}

// NewImportCustomersHandler makes the handler.
func NewImportCustomersHandler(imports CustomerImports, now func() time.Time) ImportCustomersHandler {
	return ImportCustomersHandler{imports: imports, now: now}
}

// Next brings in some rows of an import, behind the last line that an earlier call returned, from 0.
func (h ImportCustomersHandler) Next(ctx context.Context, id uuid.UUID, after int) (ImportedRows, error) {
	return h.imports.ImportNext(ctx, id, after, importedAtOnce, func(row *CheckedRow, known KnownCustomers) (*customer.Customer, error) {
		if known.judge(row); row.Outcome != RowNew {
			return nil, nil
		}
		made := customer.FromFile(event.NewID(), *row.Customer, originImport, id, row.Line, h.now())
		row.Outcome, row.CustomerID = RowImported, made.State().ID
		return made, nil
	})
}

// Unfinished are imports that were confirmed and are not done.
func (h ImportCustomersHandler) Unfinished(ctx context.Context) ([]uuid.UUID, error) {
	return h.imports.Unfinished(ctx)
}

// importKept is for how long it can be looked at what became of an import's rows.
const importKept = 7 * 24 * time.Hour

// readWithin is more than reading the largest file takes.
const readWithin = time.Hour

// Forget forgets what older imports keep of people, and gives up those whose reader is gone.
func (h ImportCustomersHandler) Forget(ctx context.Context) error {
	return errors.Join(h.imports.GiveUpAbandoned(ctx, h.now().Add(-readWithin)), h.imports.Forget(ctx, h.now().Add(-importKept)))
}
