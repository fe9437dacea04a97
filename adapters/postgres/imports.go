package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// CustomerImports keeps files of customers row by row, beside the log until they are confirmed.
type CustomerImports struct{ db *Database }

var _ command.CustomerImports = CustomerImports{}

// NewCustomerImports makes the store.
func NewCustomerImports(db *Database) CustomerImports { return CustomerImports{db: db} }

// Begin keeps an import whose rows are being read.
func (s CustomerImports) Begin(ctx context.Context, by command.By, id uuid.UUID, fileName string, unknownColumns []string) error {
	return unavailable(queries.BeginImport(ctx, s.db.requests, dbsqlc.BeginImportParams{
		ID: id, WorkspaceID: by.WorkspaceID, FileName: storable(fileName), UnknownColumns: storableTexts(unknownColumns), AskedBy: string(by.Actor),
	}))
}

func storableTexts(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, storable(text))
	}
	return out
}

// keyOfRow is how a row without phone and email is found among those of its import.
const keyOfRow = "row"

// keysOf are what new rows are found by, with the row that each is of.
func keysOf(rows []command.CheckedRow) (kinds, values []string, of []int) {
	for i, row := range rows {
		if row.Outcome != command.RowNew {
			continue
		}
		keys := row.Customer.Keys()
		for _, key := range keys {
			kinds, values, of = append(kinds, string(key.Kind)), append(values, key.Value), append(of, i)
		}
		if len(keys) == 0 {
			kinds, values, of = append(kinds, keyOfRow), append(values, hex.EncodeToString(row.Digest[:])), append(of, i)
		}
	}
	return kinds, values, of
}

// Known looks up what is known of some rows.
func (s CustomerImports) Known(ctx context.Context, by command.By, id uuid.UUID, rows []command.CheckedRow) (command.KnownCustomers, error) {
	known, err := lookUpKnown(ctx, s.db.requests, by.WorkspaceID, id, rows)
	return known, unavailable(err)
}

func lookUpKnown(
	ctx context.Context, db dbsqlc.DBTX, workspaceID, importID uuid.UUID, rows []command.CheckedRow,
) (command.KnownCustomers, error) {
	known := command.KnownCustomers{
		Holders: map[contact.Key]uuid.UUID{}, Lines: map[contact.Key]int{},
		Imported: map[[sha256.Size]byte]uuid.UUID{}, Repeated: map[[sha256.Size]byte]int{},
	}
	kinds, values, of := keysOf(rows)
	held, err := queries.KnownKeys(ctx, db, dbsqlc.KnownKeysParams{Kinds: kinds, Values: values, WorkspaceID: workspaceID, ImportID: importID})
	if err != nil {
		return known, err
	}
	for _, row := range held {
		at := row.Ordinal - 1
		key := contact.Key{Kind: contact.KeyKind(kinds[at]), Value: values[at]}
		switch {
		case kinds[at] == keyOfRow:
			known.Repeated[rows[of[at]].Digest] = int(row.Line)
		case row.CustomerID != uuid.Nil:
			known.Holders[key] = row.CustomerID
		default:
			known.Lines[key] = int(row.Line)
		}
	}
	var digests [][]byte
	for at, kind := range kinds {
		if kind == keyOfRow {
			digests = append(digests, rows[of[at]].Digest[:])
		}
	}
	if len(digests) == 0 {
		return known, nil
	}
	imported, err := queries.ImportedDigests(ctx, db, dbsqlc.ImportedDigestsParams{Digests: digests, WorkspaceID: workspaceID})
	for _, row := range imported {
		known.Imported[[sha256.Size]byte(digests[row.Ordinal-1])] = row.CustomerID
	}
	return known, err
}

// Keep keeps rows of the import.
func (s CustomerImports) Keep(ctx context.Context, _ command.By, id uuid.UUID, rows []command.CheckedRow) error {
	kept := dbsqlc.KeepImportRowsParams{ImportID: id}
	counted := dbsqlc.CountImportRowsParams{ID: id}
	for _, row := range rows {
		var encoded []byte
		reasons, err := json.Marshal(row.Reasons)
		if err == nil && row.Customer != nil {
			encoded, err = json.Marshal(*row.Customer)
		}
		if err != nil {
			return fmt.Errorf("encode line %d: %w", row.Line, err)
		}
		kept.Lines = append(kept.Lines, int32(row.Line)) //nolint:gosec // a file is too small for so many
		kept.Outcomes = append(kept.Outcomes, string(row.Outcome))
		kept.Customers = append(kept.Customers, encoded)
		kept.Digests = append(kept.Digests, row.Digest[:])
		kept.Reasons = append(kept.Reasons, reasons)
		kept.SameAs = append(kept.SameAs, int32(row.SameAs)) //nolint:gosec // as above
		kept.CustomerIds = append(kept.CustomerIds, row.CustomerID)
		switch row.Outcome {
		case command.RowNew:
			counted.NewRows++
		case command.RowExisting:
			counted.ExistingRows++
		case command.RowRepeated:
			counted.RepeatedRows++
		case command.RowInvalid:
			counted.InvalidRows++
		case command.RowImported:
			return fmt.Errorf("line %d is imported before it is kept", row.Line)
		}
	}
	keys := dbsqlc.KeepImportKeysParams{ImportID: id}
	var of []int
	keys.Kinds, keys.Values, of = keysOf(rows)
	for _, row := range of {
		keys.Lines = append(keys.Lines, int32(rows[row].Line)) //nolint:gosec // as above
	}
	var p pipeline
	if err := errors.Join(queries.KeepImportRows(ctx, &p, kept), queries.KeepImportKeys(ctx, &p, keys),
		queries.CountImportRows(ctx, &p, counted)); err != nil {
		return err
	}
	return unavailable(p.send(ctx, s.db.requests))
}

var (
	errImportUnknown   = problem.NotFound("import-unknown", "no import has this id; what imports keep is forgotten after seven days")
	errImportReading   = problem.Conflict("import-unchecked", "the file is still being read; try again when it was checked")
	errImportGivenUp   = problem.Conflict("import-cancelled", "this import was given up; check the file again")
	errImportConfirmed = problem.Conflict("import-confirmed", "this import was confirmed, or its file is still being read, so it is kept")
	errImportFinished  = problem.Conflict("import-done", "this import is done; its customers can be archived one by one")
)

// Checked notes that all rows are kept. What later rows of the file were compared with is needed no more.
func (s CustomerImports) Checked(ctx context.Context, by command.By, id uuid.UUID) error {
	if err := s.setState(ctx, by, id, query.ImportChecked, query.ImportReading); err != nil {
		return err
	}
	return unavailable(queries.ForgetImportKeys(ctx, s.db.requests, id))
}

// Confirm lets the new rows be brought in.
func (s CustomerImports) Confirm(ctx context.Context, by command.By, id uuid.UUID) error {
	return s.setState(ctx, by, id, query.ImportImporting, query.ImportChecked)
}

// Cancel gives an import up, and forgets its rows; also those that were kept since it was given up before.
func (s CustomerImports) Cancel(ctx context.Context, by command.By, id uuid.UUID) error {
	if err := s.setState(ctx, by, id, query.ImportCancelled, query.ImportReading, query.ImportChecked, query.ImportImporting); err != nil {
		return err
	}
	return s.forgetRows(ctx, id)
}

func (s CustomerImports) forgetRows(ctx context.Context, id uuid.UUID) error {
	var p pipeline
	if err := errors.Join(queries.ForgetImportKeys(ctx, &p, id), queries.ForgetImportRows(ctx, &p, id)); err != nil {
		return err
	}
	return unavailable(p.send(ctx, s.db.requests))
}

// Discard forgets an import that was not confirmed.
func (s CustomerImports) Discard(ctx context.Context, by command.By, id uuid.UUID) error {
	_, err := queries.DiscardImport(ctx, s.db.requests, dbsqlc.DiscardImportParams{ID: id, WorkspaceID: by.WorkspaceID})
	if !errors.Is(err, pgx.ErrNoRows) {
		return unavailable(err)
	}
	_, err = queries.ImportState(ctx, s.db.requests, dbsqlc.ImportStateParams{ID: id, WorkspaceID: by.WorkspaceID})
	if err != nil {
		return found(err, errImportUnknown)
	}
	return errImportConfirmed
}

func (s CustomerImports) setState(ctx context.Context, by command.By, id uuid.UUID, state query.ImportState, from ...query.ImportState) error {
	params := dbsqlc.SetImportStateParams{State: string(state), Actor: string(by.Actor), ID: id, WorkspaceID: by.WorkspaceID}
	for _, one := range from {
		params.FromStates = append(params.FromStates, string(one))
	}
	_, err := queries.SetImportState(ctx, s.db.requests, params)
	if !errors.Is(err, pgx.ErrNoRows) {
		return unavailable(err)
	}
	stored, err := queries.ImportState(ctx, s.db.requests, dbsqlc.ImportStateParams{ID: id, WorkspaceID: by.WorkspaceID})
	switch is := query.ImportState(stored); {
	case errors.Is(err, pgx.ErrNoRows):
		return errImportUnknown
	case err != nil:
		return unavailable(err)
	case is == state, state == query.ImportImporting && is == query.ImportDone: // it was said before
		return nil
	case is == query.ImportReading:
		return errImportReading
	case is == query.ImportCancelled:
		return errImportGivenUp
	default:
		return errImportFinished
	}
}

// ImportNext brings in some of the rows of an import that was confirmed.
func (s CustomerImports) ImportNext(
	ctx context.Context, id uuid.UUID, after, atMost int,
	decide func(*command.CheckedRow, command.KnownCustomers) (*customer.Customer, error),
) (done command.ImportedRows, err error) {
	run, err := queries.ImportToRun(ctx, s.db.requests, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return command.ImportedRows{}, errImportUnknown
	}
	if err != nil {
		return command.ImportedRows{}, unavailable(err)
	}
	by := command.By{WorkspaceID: run.WorkspaceID, Actor: event.Actor(run.Actor)}
	position, err := s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		done = command.ImportedRows{}
		_, err := queries.LockImport(ctx, tx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			done.Busy = run.State == string(query.ImportImporting)
			done.Done = !done.Busy
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		rows, err := newRows(ctx, tx, id, after, atMost)
		if err != nil {
			return nil, err
		}
		if done.Rows = len(rows); done.Rows == 0 {
			done.Done = true
			_, err := queries.SetImportState(ctx, tx, dbsqlc.SetImportStateParams{
				State: string(query.ImportDone), Actor: run.Actor, ID: id, WorkspaceID: run.WorkspaceID,
				FromStates: []string{string(query.ImportImporting)},
			})
			return nil, err
		}
		done.Line = rows[len(rows)-1].Line
		known, err := lookUpKnown(ctx, tx, by.WorkspaceID, id, rows)
		if err != nil {
			return nil, err
		}
		clear(known.Lines) // which are those of these rows
		clear(known.Repeated)
		made := make([]*customer.Customer, 0, len(rows))
		for i := range rows {
			c, err := decide(&rows[i], known)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", rows[i].Line, err)
			}
			if c != nil {
				made = append(made, c)
			}
		}
		done.Imported = len(made)
		return queueImported(ctx, p, by, id, rows, made)
	})
	if err != nil {
		return command.ImportedRows{}, err
	}
	done.Position = position
	return done, nil
}

// newRows are the next rows that a customer may be made of.
func newRows(ctx context.Context, tx pgx.Tx, id uuid.UUID, after, atMost int) ([]command.CheckedRow, error) {
	stored, err := queries.NewImportRows(ctx, tx, dbsqlc.NewImportRowsParams{
		ImportID: id, After: int32(after), AtMost: int32(atMost), //nolint:gosec // lines and how many at once are small
	})
	if err != nil {
		return nil, err
	}
	rows := make([]command.CheckedRow, 0, len(stored))
	for _, row := range stored {
		checked := command.CheckedRow{Line: int(row.Line), Outcome: command.RowNew, Digest: [sha256.Size]byte(row.Digest)}
		if err := json.Unmarshal([]byte(row.Customer), &checked.Customer); err != nil {
			return nil, fmt.Errorf("read line %d: %w", row.Line, err)
		}
		rows = append(rows, checked)
	}
	return rows, nil
}

// queueImported stores the customers, that they can be found, and what became of the rows, and returns their events.
func queueImported(
	ctx context.Context, p *pipeline, by command.By, id uuid.UUID, rows []command.CheckedRow, made []*customer.Customer,
) ([]event.New, error) {
	settled := dbsqlc.SettleImportRowsParams{ImportID: id}
	digests := dbsqlc.KeepImportedDigestsParams{WorkspaceID: by.WorkspaceID}
	for _, row := range rows {
		reasons, err := json.Marshal(row.Reasons)
		if err != nil {
			return nil, fmt.Errorf("encode line %d: %w", row.Line, err)
		}
		settled.Lines = append(settled.Lines, int32(row.Line)) //nolint:gosec // a file is too small for so many
		settled.Outcomes = append(settled.Outcomes, string(row.Outcome))
		settled.CustomerIds = append(settled.CustomerIds, row.CustomerID)
		settled.Reasons = append(settled.Reasons, reasons)
		if row.Outcome == command.RowImported && len(row.Customer.Keys()) == 0 {
			digests.Digests = append(digests.Digests, row.Digest[:])
			digests.CustomerIds = append(digests.CustomerIds, row.CustomerID)
		}
	}
	imported := int32(len(made)) //nolint:gosec // small
	if err := errors.Join(queries.SettleImportRows(ctx, p, settled), queries.KeepImportedDigests(ctx, p, digests),
		queries.CountImported(ctx, p, dbsqlc.CountImportedParams{
			ID: id, ImportedRows: imported, ExistingRows: int32(len(rows)) - imported, //nolint:gosec // small
		})); err != nil {
		return nil, err
	}
	var decided command.Decided
	var events []event.New
	for _, c := range made {
		// Nobody has the keys, so they are claimed: of an order and a row that come at once one finds the other's customer.
		decided.Customers = append(decided.Customers, command.NewCustomer{
			WorkspaceID: by.WorkspaceID, State: c.State(), Claims: c.State().Keys(),
		})
		for i, payload := range c.Pending() {
			events = append(events, event.New{
				ID: event.NewID(), WorkspaceID: by.WorkspaceID, Stream: event.CustomerStream(c.State().ID),
				Version: c.Version() - len(c.Pending()) + i + 1, Actor: by.Actor, CorrelationID: id, Payload: payload,
			})
		}
	}
	return events, queueCustomers(ctx, p, decided)
}

// Unfinished are imports that were confirmed and are not done.
func (s CustomerImports) Unfinished(ctx context.Context) ([]uuid.UUID, error) {
	ids, err := queries.UnfinishedImports(ctx, s.db.requests)
	return slices.Clip(ids), unavailable(err)
}

// GiveUpAbandoned gives up imports whose file is still being read, and which began before a time.
func (s CustomerImports) GiveUpAbandoned(ctx context.Context, before time.Time) error {
	abandoned, err := queries.GiveUpAbandonedImports(ctx, s.db.requests, before)
	if err != nil {
		return unavailable(err)
	}
	for _, id := range abandoned {
		if err := s.forgetRows(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Forget forgets what imports keep of people.
func (s CustomerImports) Forget(ctx context.Context, before time.Time) error {
	return unavailable(queries.ForgetImports(ctx, s.db.requests, before))
}
