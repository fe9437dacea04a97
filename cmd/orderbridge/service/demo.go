package service

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// The demo shop. Its header's value is no secret: it is connected to empty databases only, for trying things out.
const (
	demoShopID      = "1635294032"
	demoShopName    = "Shop Demo"
	demoHeaderKey   = "X-Pancake-Key"
	demoHeaderValue = "orderbridge-demo"
)

// demoOrder is a webhook body as Pancake sends it, cut down to what an order needs, on one line without single quotes.
//
//go:embed demo_order.json
var demoOrder string

// ConnectDemo connects the demo shop to the default workspace when that has no shop yet, and tells whether the demo
// shop can deliver.
func (s *Service) ConnectDemo(ctx context.Context) (bool, error) {
	workspaceID, err := s.Queries.WorkspaceNamed(ctx, "")
	if err != nil {
		return false, err
	}
	shops, err := s.Queries.Shops(ctx, workspaceID)
	if err != nil {
		return false, err
	}
	if len(shops) == 0 {
		err := s.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
			By:          command.By{WorkspaceID: workspaceID, Actor: event.ActorSystem},
			Shop:        workspace.Shop{ID: demoShopID, Name: demoShopName, HeaderKey: demoHeaderKey},
			HeaderValue: demoHeaderValue,
		})
		if err != nil {
			return false, fmt.Errorf("connect demo shop: %w", err)
		}
	}
	_, err = s.Commands.AuthenticateDelivery.Handle(ctx, command.AuthenticateDelivery{Header: func(name string) string {
		if name == demoHeaderKey {
			return demoHeaderValue
		}
		return ""
	}})
	if errors.Is(err, command.ErrUnknownSender) {
		return false, nil
	}
	return err == nil, err
}

// printDemo says where everything is and how to deliver a sample order. Program is how the program has to be called.
func printDemo(out io.Writer, baseURL, program string, connected bool) {
	fmt.Fprintf(out, `
  webhook   %[1]s/api/pancake/webhook
  API       %[1]s/api/v1   (make a token: %[2]s token create --name me)
`, baseURL, program)
	if !connected {
		fmt.Fprintf(out, "\nOther shops are connected, so there is no demo shop. See them: %s shop list\n\n", program)
		return
	}
	fmt.Fprintf(out, `
Deliver a sample order of the demo shop:

curl -sS %[1]s/api/pancake/webhook -H '%[2]s: %[3]s' --data-binary '%[4]s'

Then look at it:

%[5]s order list
%[5]s delivery list

`, baseURL, demoHeaderKey, demoHeaderValue, demoOrder, program)
}
