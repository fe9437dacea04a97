package service

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// The demo shop. Its header's value is random, and kept in a file so that the next start can show it again.
const (
	demoShopID    = "1000000001"
	demoShopName  = "Shop Demo"
	demoHeaderKey = "X-Pancake-Key"
	demoKeyFile   = "demo.key"

	// When the demo order was placed, as its file has it.
	demoPlacedAt   = "2025-09-15T03:04:38"
	demoTimeFormat = "2006-01-02T15:04:05"
)

// demoOrder is a webhook body as Pancake sends it, cut down to what an order needs, on one line without single quotes.
//
//go:embed demo_order.json
var demoOrder string

// ConnectDemo connects the demo shop to the default workspace when that has no shop yet, and returns the header value
// with which it can deliver: empty when other shops are connected and the demo shop is not.
func (s *Service) ConnectDemo(ctx context.Context, dataDir string) (headerValue string, err error) {
	workspaceID, err := s.Queries.WorkspaceNamed(ctx, "")
	if err != nil {
		return "", err
	}
	shops, err := s.Queries.Shops(ctx, workspaceID)
	if err != nil {
		return "", err
	}
	keyFile := filepath.Join(dataDir, demoKeyFile)
	if len(shops) == 0 {
		if err := keepSecret(keyFile, workspace.NewHeaderValue()); err != nil {
			return "", fmt.Errorf("keep the demo shop's header value: %w", err)
		}
	}
	kept, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the demo shop's header value: %w", err)
	}
	headerValue = strings.TrimSpace(string(kept))
	if len(shops) == 0 {
		_, err := s.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
			By:          command.By{WorkspaceID: workspaceID, Actor: event.ActorSystem},
			Shop:        workspace.Shop{ID: demoShopID, Name: demoShopName, HeaderKey: demoHeaderKey},
			HeaderValue: headerValue,
		})
		if known, ok := problem.Of(err); err != nil && (!ok || known.Kind() != problem.KindConflict) {
			return "", fmt.Errorf("connect demo shop: %w", err) // a conflict: another instance was first
		}
	}
	_, err = s.Commands.AuthenticateDelivery.Handle(ctx, command.AuthenticateDelivery{Header: func(name string) string {
		if name == demoHeaderKey {
			return headerValue
		}
		return ""
	}})
	if errors.Is(err, command.ErrUnknownSender) {
		return "", nil
	}
	return headerValue, err
}

// printDemo says where everything is and how to deliver a sample order. Program is how the program has to be called.
func printDemo(out io.Writer, baseURL, program, headerValue string) {
	fmt.Fprintf(out, `
  console   %[1]s
  webhook   %[1]s/api/pancake/webhook
  API       %[1]s/api/v1   (make a token: %[2]s token create --name me)
`, baseURL, program)
	if headerValue == "" {
		fmt.Fprintf(out, "\nOther shops are connected, so there is no demo shop. See them: %s shop list\n\n", program)
		return
	}
	fmt.Fprintf(out, `
Deliver a sample order of the demo shop:

%[1]s

Then look at it in the browser, or:

%[2]s order list
%[2]s delivery list

`, deliverSample(baseURL+"/api/pancake/webhook", demoHeaderKey, headerValue, demoShopID), program)
}

// deliverSample is a shell command that delivers a sample order of a shop, which is placed now.
func deliverSample(webhookURL, headerKey, headerValue, shopID string) string {
	body := strings.NewReplacer(demoShopID, shopID, demoPlacedAt, time.Now().UTC().Format(demoTimeFormat)).Replace(demoOrder)
	return fmt.Sprintf("curl -sS %s -H %s --data-binary %s", webhookURL, quoted(headerKey+": "+headerValue), quoted(body))
}
