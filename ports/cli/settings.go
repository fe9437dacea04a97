package cli

import (
	"context"
	"fmt"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

type settingsCommands struct {
	Set  settingsSet  `cmd:"" help:"Change a setting."`
	Show settingsShow `cmd:"" help:"Show the settings."`
}

type settingsSet struct {
	MatchBy string `enum:"phone,email,phone_or_email" help:"${match_by_help}" placeholder:"RULE" required:""`
	Output  output `embed:""`
}

// Help implements kong.HelpProvider.
func (*settingsSet) Help() string {
	return `The rule is in force for every order that is decided on from now. Orders that were brought in keep their customers.

Example:

    orderbridge settings set --match-by phone_or_email`
}

// Run changes the setting.
func (c *settingsSet) Run(ctx context.Context, rt *Runtime) error {
	rule, err := customer.ParseMatchRule(c.MatchBy)
	if err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		if err := s.Commands.SetMatchRule.Handle(ctx, command.SetMatchRule{By: s.by(), Rule: rule}); err != nil {
			return err
		}
		if c.Output.JSON {
			settings, err := s.Queries.Settings(ctx, s.WorkspaceID)
			if err != nil {
				return fmt.Errorf("the rule was set; look it up: %w", err)
			}
			return rt.show(true, settings, nil)
		}
		return rt.show(false, nil, func(p *page) {
			p.linef("Customers are matched by %s from now on.", matchRule(c.MatchBy))
		})
	})
}

type settingsShow struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*settingsShow) Help() string {
	return `Examples:

    orderbridge settings show
    orderbridge settings show --json | jq -r .match_by`
}

// Run shows the settings.
func (c *settingsShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		settings, err := s.Queries.Settings(ctx, s.WorkspaceID)
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, settings, func(p *page) { showSettings(p, settings) })
	})
}

func showSettings(p *page, settings query.Settings) {
	p.fields(
		[2]string{"Workspace", settings.Workspace},
		[2]string{"Match by", matchRule(settings.MatchBy)},
		[2]string{"Shops", fmt.Sprintf("%d of at most %d", settings.Shops, settings.ShopLimit)},
	)
}

func matchRule(rule string) string {
	if rule == string(customer.MatchByPhoneOrEmail) {
		return "phone, then email"
	}
	return rule
}
