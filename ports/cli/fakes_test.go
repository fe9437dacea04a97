package cli_test

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/workspace"
)

// What commands about files, Pancake's own API and moves of orders need. They only tell that the database is away: what these
// commands do is tested on a real one.

type fakeImports struct {
	command.CustomerImports // what is not reached

	err *error
}

func (f fakeImports) Begin(context.Context, command.By, uuid.UUID, string, []string) error {
	return *f.err
}

func (f fakeImports) Cancel(context.Context, command.By, uuid.UUID) error { return *f.err }

type fakeCustomerFiles struct{}

func (fakeCustomerFiles) OpenCustomers(io.ReaderAt, int64) (command.CustomerFile, error) {
	return &fakeCustomerFile{}, nil
}

// fakeCustomerFile has one row.
type fakeCustomerFile struct{ read bool }

func (*fakeCustomerFile) Unknown() []string { return nil }

func (f *fakeCustomerFile) Next() (command.CustomerRow, error) {
	if f.read {
		return command.CustomerRow{}, io.EOF
	}
	f.read = true
	return command.CustomerRow{}, nil
}

func (*fakeCustomerFile) Close() error { return nil }

type fakeBackfills struct {
	command.Backfills // what is not reached

	err *error
}

func (f fakeBackfills) Source(context.Context, uuid.UUID, string) (command.BackfillSource, error) {
	return command.BackfillSource{}, *f.err
}

type fakeAccounts struct {
	command.Accounts // what is not reached

	workspaces *fakeWorkspaces
}

func (f fakeAccounts) AddSetUpLink(_ context.Context, _ uuid.UUID, link workspace.Invitation, _ time.Time) (bool, error) {
	if f.workspaces.err != nil || f.workspaces.workspace.HasOwner() {
		return false, f.workspaces.err
	}
	f.workspaces.link = link
	return true, nil
}

type fakeRelinks struct {
	command.Relinks // what is not reached

	err *error
}

func (f fakeRelinks) CatchUp(context.Context) error { return *f.err }

type fakeSheets struct{}

func (fakeSheets) New(to io.Writer, _ query.SheetFormat, _ []string) (query.Sheet, error) {
	return fakeSheet{to}, nil
}

type fakeSheet struct{ to io.Writer }

func (s fakeSheet) Row(...query.Cell) error {
	_, err := io.WriteString(s.to, "row\n")
	return err
}

func (fakeSheet) Close() error { return nil }

func (f *fakeCustomers) UpdateBoth(context.Context, command.By, uuid.UUID, uuid.UUID, func(one, other *customer.Customer) error) (int64, error) {
	return 0, f.err
}
