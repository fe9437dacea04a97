package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// importing is the menu of imports on a database.
type importing struct {
	*bundle

	check    command.CheckCustomerFileHandler
	confirm  command.ConfirmCustomerImportHandler
	cancel   command.CancelCustomerImportHandler
	discard  command.DiscardCustomerImportHandler
	bringsIn command.ImportCustomersHandler
	read     postgres.ReadModel
}

func setupImports(t *testing.T) importing {
	t.Helper()
	b := setup(t)
	store := postgres.NewCustomerImports(b.db)
	return importing{
		bundle: b, check: command.NewCheckCustomerFileHandler(store, spreadsheet.Customers{}, time.Now),
		confirm: command.NewConfirmCustomerImportHandler(store), cancel: command.NewCancelCustomerImportHandler(store),
		discard:  command.NewDiscardCustomerImportHandler(store),
		bringsIn: command.NewImportCustomersHandler(store, time.Now), read: postgres.NewReadModel(b.db),
	}
}

// checked checks a file.
func (i importing) checked(t *testing.T, file string) uuid.UUID {
	t.Helper()
	id, err := i.check.Handle(t.Context(), command.CheckCustomerFile{
		By: i.by, File: strings.NewReader(file), Size: int64(len(file)), Name: "/home/somebody/khách.csv",
	})
	if err != nil {
		t.Fatal("check:", err)
	}
	return id
}

// all brings everything in that was confirmed.
func (i importing) all(ctx context.Context, t *testing.T, id uuid.UUID) (imported int) {
	t.Helper()
	for after := 0; ; {
		done, err := i.bringsIn.Next(ctx, id, after)
		after = max(after, done.Line)
		if err != nil {
			t.Error("bring in:", err)
			return imported
		}
		imported += done.Imported
		if done.Done {
			return imported
		}
		if done.Busy {
			time.Sleep(time.Millisecond) // another is at it, and this one has nothing else to look at
		}
	}
}

// imported imports a file.
func (i importing) imported(t *testing.T, file string) query.CustomerImport {
	t.Helper()
	id := i.checked(t, file)
	if err := i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal("confirm:", err)
	}
	i.all(t.Context(), t, id)
	return i.state(t, id)
}

func (i importing) state(t *testing.T, id uuid.UUID) query.CustomerImport {
	t.Helper()
	found, err := i.read.CustomerImport(t.Context(), i.workspaceID, id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (i importing) outcomes(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	rows, err := i.read.ImportRows(t.Context(), i.workspaceID, id, "", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []string
	for _, row := range rows {
		told := []string{fmt.Sprint(row.Line), row.Outcome}
		for _, reason := range row.Reasons {
			told = append(told, reason.Field+":", reason.Message)
		}
		outcomes = append(outcomes, strings.Join(told, " "))
	}
	return outcomes
}

func (i importing) customers(t *testing.T) int {
	t.Helper()
	return int(scan[int64](t, i.bundle, "SELECT count(*) FROM customer_heads"))
}

func TestImportingCustomers(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	lan := i.mustAddCustomer(t, customer.Details{Name: "Lan", Phones: []string{"0912000451"}})
	gone := i.mustAddCustomer(t, customer.Details{Name: "Cũ", Emails: []string{"cu@example.vn"}, Status: customer.StatusArchived})
	const file = "Tên;Điện thoại;Email;Mã\n" +
		"An;0912 000 001;;1\n" + // new
		"Lan 2;0912000451;;2\n" + // Lan has it
		"Bo;;bo@example.vn;3\n" + // new
		"An nữa;84912000001;an@example.vn;4\n" + // as the first
		"Chi;;an@example.vn;5\n" + // new: line 5 is left out, and so its email is free
		"Cũ;;CU@example.vn;6\n" + // archived
		"Dũng;không có;;7\n" + // invalid
		"Không tên gì;;;8\n" + // new, without anything to be found by
		"Không tên gì;;;9\n" // the same again
	before := i.head(t)
	id := i.checked(t, file)
	want := []string{
		"2 new", "3 existing phone: a customer has it", "4 new", "5 repeated phone: line 2 has it", "6 new", "7 existing email: a customer has it",
		"8 invalid phones[0]: the phone number cannot be read", "9 new", "10 repeated row: line 9 says the same, without phone and email",
	}
	if got := i.outcomes(t, id); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the rows are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if i.customers(t) != 2 || i.head(t) != before {
		t.Error("something was saved before it was confirmed")
	}
	if got := i.state(t, id); got.State != query.ImportChecked || got.New != 4 || got.Existing != 2 || got.Repeated != 2 || got.Invalid != 1 ||
		got.Rows != 9 || got.FileName != "khách.csv" || len(got.UnknownColumns) != 1 {
		t.Errorf("checked: %+v", got)
	}
	if done, err := i.bringsIn.Next(t.Context(), id, 0); err != nil || !done.Done || done.Imported != 0 {
		t.Errorf("without a confirmation %+v was brought in, %v", done, err)
	}
	if err := i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal(err)
	}
	if imported := i.all(t.Context(), t, id); imported != 4 || i.customers(t) != 6 {
		t.Errorf("%d were imported, %d customers", imported, i.customers(t))
	}
	if got := i.state(t, id); got.State != query.ImportDone || got.Imported != 4 || got.New != 0 || got.Rows != 9 {
		t.Errorf("done: %+v", got)
	}
	for what, err := range map[string]error{
		"confirm again": i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := i.cancel.Handle(t.Context(), command.CancelCustomerImport{By: i.by, ID: id}); err == nil {
		t.Error("what is done was given up")
	}
	i.foldAll(t)
	rows, err := i.read.ImportRows(t.Context(), i.workspaceID, id, "imported", 0, 10)
	if err != nil || len(rows) != 4 {
		t.Fatal(rows, err)
	}
	for _, row := range rows {
		if row.Name != nil || len(row.Phones) > 0 {
			t.Errorf("line %d is kept with who it speaks of: %+v", row.Line, row)
		}
		if _, err := i.read.Customer(t.Context(), i.workspaceID, *row.CustomerID); err != nil {
			t.Errorf("line %d: %v", row.Line, err)
		}
	}
	// Whatever was there is as it was.
	for _, state := range []customer.State{lan, gone} {
		if found, err := i.read.Customer(t.Context(), i.workspaceID, state.ID); err != nil || found.Name != state.Name || found.Version != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	}
	// The same file again has nothing new.
	if again := i.imported(t, file); again.Imported != 0 || again.Existing != 8 || i.customers(t) != 6 {
		t.Errorf("imported again: %+v", again)
	}
	// An order finds who was imported, in any spelling.
	log := i.newLog(t)
	for n, phone := range []string{"+84912000001", "0912.000.001", "84 912 000 001"} {
		events := i.ingestNew(t, log, anOrder(fmt.Sprint(n), phones("+84912000001"), func(s *order.State) { s.Buyer.Name = phone }))
		if matched := payloadsOf[order.CustomerMatched](events); len(matched) != 1 || matched[0].CustomerID != *rows[0].CustomerID {
			t.Errorf("an order with %s: %+v", phone, matched)
		}
	}
}

func TestImportsThatAreInterrupted(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	const customers = 1500
	var file bytes.Buffer
	file.WriteString("name,phone\n")
	for n := range customers {
		fmt.Fprintf(&file, "Khách %d,09%08d\n", n, n)
	}
	id := i.checked(t, file.String())
	if err := i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal(err)
	}
	// Several are at it at once, some give up in the middle, and orders come from the same people.
	log := i.newLog(t)
	var all sync.WaitGroup
	for worker := range 3 {
		all.Go(func() {
			for round := range 4 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+10*worker+7*round)*time.Millisecond)
				_, _ = i.bringsIn.Next(ctx, id, 0)
				cancel()
			}
		})
	}
	for n := 0; n < customers; n += 100 {
		i.ingestNew(t, log, anOrder(fmt.Sprint(n), phones(fmt.Sprintf("+849%08d", n))))
	}
	all.Wait()
	i.all(t.Context(), t, id)
	if got := i.customers(t); got != customers {
		t.Errorf("%d customers of %d", got, customers)
	}
	if shared := scan[int64](t, i.bundle, "SELECT count(*) FROM (SELECT value FROM customer_keys WHERE active GROUP BY value HAVING count(*) > 1) s"); shared != 0 {
		t.Errorf("%d phones are of several customers", shared)
	}
	got := i.state(t, id)
	if got.State != query.ImportDone || got.Imported+got.Existing != customers || got.New != 0 {
		t.Errorf("ends as %+v", got)
	}
	if made := scan[int64](t, i.bundle, "SELECT count(*) FROM events WHERE type = 'CustomerImported'"); made != int64(got.Imported) {
		t.Errorf("%d customers were made of %d rows", made, got.Imported)
	}
}

func TestImportsThatAreGivenUp(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	id := i.checked(t, "name\nAn\n")
	if err := i.cancel.Handle(t.Context(), command.CancelCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"import-cancelled": i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}),
		"import-unknown":   i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: uuid.New()}),
	} {
		if refused, ok := problem.Of(err); !ok || refused.Code() != what {
			t.Errorf("got %v, want %s", err, what)
		}
	}
	other := i.by
	other.WorkspaceID = i.addWorkspace(t, "other", "phone")
	if err := i.cancel.Handle(t.Context(), command.CancelCustomerImport{By: other, ID: id}); err == nil {
		t.Error("an import of another workspace was found")
	}
	if _, err := i.read.CustomerImport(t.Context(), other.WorkspaceID, id); err == nil {
		t.Error("an import of another workspace is shown")
	}
	_, err := i.check.Handle(t.Context(), command.CheckCustomerFile{By: i.by, File: strings.NewReader("phone\n1\n"), Size: 8, Name: "x"})
	if refused, ok := problem.Of(err); !ok || refused.Code() != "file-invalid" {
		t.Errorf("got %v", err)
	}
	broken := "name\nAn\n\"Bo\n"
	if _, err := i.check.Handle(t.Context(), command.CheckCustomerFile{By: i.by, File: strings.NewReader(broken), Size: int64(len(broken))}); err == nil {
		t.Error("a broken file was checked")
	}
	if reading := scan[int64](t, i.bundle, "SELECT count(*) FROM imports WHERE state NOT IN ('cancelled')"); reading != 0 {
		t.Errorf("%d imports are left of files that were refused", reading)
	}
	// What was read is gone with it, but for who was brought in.
	if kept := i.kept(t); kept != 0 {
		t.Errorf("%d rows are kept of imports that were given up", kept)
	}
	// Whoever was reading this one is gone, and has kept a row meanwhile.
	store, abandoned := postgres.NewCustomerImports(i.db), uuid.New()
	if err := store.Begin(t.Context(), i.by, abandoned, "x.csv", nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Keep(t.Context(), i.by, abandoned, []command.CheckedRow{
		{Line: 2, Outcome: command.RowNew, Customer: &customer.State{Name: "An", Phones: []string{"+84912000001"}}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := store.GiveUpAbandoned(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if kept := i.kept(t); kept != 0 {
		t.Errorf("%d rows are kept of an import that nobody reads any more", kept)
	}
	if found, err := i.read.CustomerImport(t.Context(), i.by.WorkspaceID, abandoned); err != nil || found.State != query.ImportCancelled {
		t.Errorf("the abandoned import is %+v, %v", found, err)
	}
	if err := store.Forget(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if kept := i.kept(t) + scan[int64](t, i.bundle, "SELECT count(*) FROM imports"); kept != 0 {
		t.Errorf("%d rows are kept", kept)
	}
}

// kept is how many rows there are of what imports keep.
func (i importing) kept(t *testing.T) int64 {
	t.Helper()
	return scan[int64](t, i.bundle, "SELECT (SELECT count(*) FROM import_rows) + (SELECT count(*) FROM import_keys)")
}

func TestImportsForgetWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	var file bytes.Buffer
	file.WriteString("name,phone\n")
	for n := range 250 {
		fmt.Fprintf(&file, "Khách %d,09%08d\n", n, n)
	}
	file.WriteString("Trùng,0900000001\n")
	id := i.checked(t, file.String())
	if keys := scan[int64](t, i.bundle, "SELECT count(*) FROM import_keys"); keys != 0 {
		t.Errorf("%d keys are kept of a file that was read", keys)
	}
	if err := i.confirm.Handle(t.Context(), command.ConfirmCustomerImport{By: i.by, ID: id}); err != nil {
		t.Fatal(err)
	}
	if refused, ok := problem.Of(i.discard.Handle(t.Context(), command.DiscardCustomerImport{By: i.by, ID: id})); !ok || refused.Code() != "import-confirmed" {
		t.Errorf("what is being brought in was discarded: %v", refused)
	}
	first, err := i.bringsIn.Next(t.Context(), id, 0)
	if err != nil || first.Imported == 0 || first.Imported == 250 {
		t.Fatalf("%+v, %v", first, err)
	}
	for range 2 { // the second says nothing new
		if err := i.cancel.Handle(t.Context(), command.CancelCustomerImport{By: i.by, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := i.read.ImportRows(t.Context(), i.workspaceID, id, "", 0, 1000); err != nil || len(rows) != first.Imported || rows[0].Outcome != "imported" {
		t.Errorf("%d rows are kept, and %d were brought in; %v", len(rows), first.Imported, err)
	}
	if found := i.state(t, id); found.State != query.ImportCancelled || found.Imported != first.Imported || found.Repeated != 1 {
		t.Errorf("given up: %+v", found)
	}
	again := i.checked(t, file.String())
	other := i.by
	other.WorkspaceID = i.addWorkspace(t, "other", "phone")
	if refused, ok := problem.Of(i.discard.Handle(t.Context(), command.DiscardCustomerImport{By: other, ID: again})); !ok || refused.Code() != "import-unknown" {
		t.Errorf("an import of another workspace was discarded: %v", refused)
	}
	if err := i.discard.Handle(t.Context(), command.DiscardCustomerImport{By: i.by, ID: again}); err != nil {
		t.Fatal(err)
	}
	if left := scan[int64](t, i.bundle, "SELECT (SELECT count(*) FROM imports WHERE id = $1) + (SELECT count(*) FROM import_rows WHERE import_id = $1)", again); left != 0 {
		t.Errorf("%d rows are left of an import that was discarded", left)
	}
}

func TestFilesThatCannotBeReadToTheEndAreNotBegun(t *testing.T) {
	t.Parallel()
	i := setupImports(t)
	rows := strings.Repeat("An\n", 1000)
	for code, file := range map[string]string{
		"file-too-long":   "name\n" + strings.Repeat(rows, 500) + "Bo\n",
		"file-unreadable": "name\n" + rows + "\"Bo\n",
		"file-empty":      "name\n",
	} {
		_, err := i.check.Handle(t.Context(), command.CheckCustomerFile{By: i.by, File: strings.NewReader(file), Size: int64(len(file)), Name: "x.csv"})
		if refused, ok := problem.Of(err); !ok || refused.Code() != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	if begun := scan[int64](t, i.bundle, "SELECT count(*) FROM imports"); begun != 0 {
		t.Errorf("%d imports were begun", begun)
	}
}
