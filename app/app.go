// Package app is what Orderbridge can be asked to do: the whole menu on one screen.
package app

import (
	"orderbridge/app/command"
	"orderbridge/app/query"
)

// Application is the menu.
type Application struct {
	Commands Commands
	Queries  Queries
	// Answers are those to requests that must not be done twice.
	Answers command.Answers
}

// Commands change something.
type Commands struct {
	AuthenticateDelivery command.AuthenticateDeliveryHandler
	ReceiveOrder         command.ReceiveOrderHandler
	ConnectShop          command.ConnectShopHandler
	DisconnectShop       command.DisconnectShopHandler
	SetMatchRule         command.SetMatchRuleHandler
	CreateToken          command.CreateTokenHandler
	AddCustomer          command.AddCustomerHandler
	EditCustomer         command.EditCustomerHandler
	ChangeCustomerStatus command.ChangeCustomerStatusHandler
	AddUser              command.AddUserHandler
}

// Queries ask something.
type Queries struct {
	// ReadModel answers every plain question.
	query.ReadModel
	// ExplainDelivery tells every step of a delivery in plain words.
	ExplainDelivery query.ExplainDeliveryHandler
}
