package command

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// RevealContact lets an account that is shown phones and emails masked see those of one customer.
type RevealContact struct {
	By        By
	AccountID uuid.UUID
	// CustomerID or OrderCode says where: in a customer's record, or in an order of theirs.
	CustomerID uuid.UUID
	OrderCode  string
}

// ContactReader reads whose contacts they are. It is a part of query.ReadModel.
type ContactReader interface {
	AccountReader
	Order(ctx context.Context, workspaceID uuid.UUID, code string) (query.OrderDetail, error)
	Customer(ctx context.Context, workspaceID, id uuid.UUID) (query.Customer, error)
}

// RevealContactHandler handles RevealContact.
type RevealContactHandler struct {
	accounts Accounts
	read     ContactReader
}

// NewRevealContactHandler makes the handler.
func NewRevealContactHandler(accounts Accounts, read ContactReader) RevealContactHandler {
	return RevealContactHandler{accounts: accounts, read: read}
}

// Handle puts it into the log, in a stream beside the customer's. When it returns no error the record may be shown unmasked, once.
func (h RevealContactHandler) Handle(ctx context.Context, cmd RevealContact) error {
	account, err := h.read.Account(ctx, cmd.By.WorkspaceID, cmd.AccountID)
	if err != nil {
		return err
	}
	customerID := cmd.CustomerID
	if cmd.OrderCode != "" {
		order, err := h.read.Order(ctx, cmd.By.WorkspaceID, cmd.OrderCode)
		if err != nil {
			return err
		}
		customerID = order.Customer.ID
	} else if _, err := h.read.Customer(ctx, cmd.By.WorkspaceID, customerID); err != nil {
		return err
	}
	return h.accounts.Note(ctx, cmd.By, account.ID, event.ContactStream(customerID), workspace.ContactRevealed{
		AccountID: account.ID, AccountName: account.Name, CustomerID: customerID, OrderCode: cmd.OrderCode,
	})
}
