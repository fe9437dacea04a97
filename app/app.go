// Package app is what Orderbridge can be asked to do: the whole menu on one screen.
package app

import (
	"orderbridge/app/command"
	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/app/rehearsal"
)

// Application is the menu.
type Application struct {
	Commands Commands
	Queries  Queries
	// Projections looks after the read tables.
	Projections projection.Keeper
	// Answers are those to requests that must not be done twice.
	Answers command.Answers
}

// Commands change something.
type Commands struct {
	AuthenticateDelivery command.AuthenticateDeliveryHandler
	ReceiveOrder         command.ReceiveOrderHandler
	ConnectShop          command.ConnectShopHandler
	DisconnectShop       command.DisconnectShopHandler
	UpdateShop           command.UpdateShopHandler
	RotateShopKey        command.RotateShopKeyHandler
	PauseShop            command.PauseShopHandler
	ReleaseHeld          command.ReleaseHeldHandler
	ChangeSettings       command.ChangeSettingsHandler
	CreateWorkspace      command.CreateWorkspaceHandler
	UpdateWorkspace      command.UpdateWorkspaceHandler
	CreateToken          command.CreateTokenHandler
	RevokeToken          command.RevokeTokenHandler
	AddCustomer          command.AddCustomerHandler
	EditCustomer         command.EditCustomerHandler
	ChangeCustomerStatus command.ChangeCustomerStatusHandler
	// A file of customers is checked, then confirmed, then brought in.
	CheckCustomerFile     command.CheckCustomerFileHandler
	ConfirmCustomerImport command.ConfirmCustomerImportHandler
	CancelCustomerImport  command.CancelCustomerImportHandler
	DiscardCustomerImport command.DiscardCustomerImportHandler
	ImportCustomers       command.ImportCustomersHandler
	MergeCustomers        command.MergeCustomersHandler
	// Orders can be read from Pancake's own API.
	SetAPIKey       command.SetAPIKeyHandler
	Relink          command.RelinkHandler
	Backfill        command.BackfillHandler
	Reconcile       command.ReconcileHandler
	AddUser         command.AddUserHandler
	EditUser        command.EditUserHandler
	SetUserActive   command.SetUserActiveHandler
	ImportUsers     command.ImportUsersHandler
	MapStaff        command.MapStaffHandler
	UnmapStaff      command.UnmapStaffHandler
	RetryDelivery   command.RetryDeliveryHandler
	RetryDeliveries command.RetryDeliveriesHandler
	// Accounts of people who sign in to the console. Invite also makes links that set a password anew.
	SetUpLink         command.SetUpLinkHandler
	InviteAccount     command.InviteAccountHandler
	AcceptInvitation  command.AcceptInvitationHandler
	ChangeAccountRole command.ChangeAccountRoleHandler
	RemoveAccount     command.RemoveAccountHandler
	EndSessions       command.EndSessionsHandler
	SignIn            command.SignInHandler
	ChangePassword    command.ChangePasswordHandler
	RevealContact     command.RevealContactHandler
}

// Queries ask something.
type Queries struct {
	// ReadModel answers every plain question.
	query.ReadModel
	// Overview tells what goes on just now.
	Overview query.Overview
	// ExplainDelivery tells every step of a delivery in plain words.
	ExplainDelivery query.ExplainDeliveryHandler
	// Timeline tells what happened to an order, a customer, a user, a delivery or the settings, and what an operator did.
	Timeline query.TimelineHandler
	// Interpret tells what a delivered body would do, and does nothing.
	Interpret rehearsal.InterpretHandler
	// Duplicates lists what customers share.
	Duplicates query.DuplicatesHandler
	// Export writes lists to files.
	Export query.ExportHandler
	// AsOf shows orders and customers as they were.
	AsOf query.AsOfHandler
}
