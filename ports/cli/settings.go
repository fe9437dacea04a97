package cli

import (
	"context"
	"fmt"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

type settingsCommands struct {
	Set  settingsSet  `cmd:"" help:"Change a setting."`
	Show settingsShow `cmd:"" help:"Show the settings."`
}

type settingsSet struct {
	MatchBy           *string `enum:"phone,email,phone_or_email" help:"${match_by_help}" placeholder:"RULE"`
	OrderCodeTemplate *string `help:"${code_template_help}" placeholder:"TEMPLATE"`
	TimeZone          *string `help:"Zone in which times are shown, by its IANA name." placeholder:"ZONE"`
	SkipCancelled     *bool   `help:"${skip_cancelled_help}" negatable:""`
	ShopLimit         *int    `help:"How many shops may be connected at once." placeholder:"N"`
	Output            output  `embed:""`
}

// Help implements kong.HelpProvider.
func (*settingsSet) Help() string {
	return `A setting is in force for every order that is decided on from now, on every running instance. Orders that were brought in
keep their customers and their codes.

Examples:

    orderbridge settings set --match-by phone_or_email
    orderbridge settings set --order-code-template 'DH-{shop_id}-{order_id}'
    orderbridge settings set --no-skip-cancelled --shop-limit 20`
}

// Run changes the settings.
func (c *settingsSet) Run(ctx context.Context, rt *Runtime) error {
	edit := workspace.SettingsEdit{
		MatchRule: c.MatchBy, OrderCodeTemplate: c.OrderCodeTemplate, TimeZone: c.TimeZone, SkipCancelled: c.SkipCancelled,
		ShopLimit: c.ShopLimit,
	}
	if edit == (workspace.SettingsEdit{}) {
		return errNothingToSet
	}
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.ChangeSettings.Handle(ctx, command.ChangeSettings{By: s.by(), Edit: edit}); err != nil {
			return err
		}
		settings, err := s.Queries.Settings(ctx, s.WorkspaceID)
		if err != nil {
			return fmt.Errorf("the settings were changed; look them up: %w", err)
		}
		return rt.show(c.Output.JSON, settings, func(p *page) { showSettings(p, settings) })
	})
}

var errNothingToSet = problem.Invalid("nothing-to-set", "say what to change, see: orderbridge settings set --help")

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
		[2]string{"Order codes", settings.OrderCodeTemplate},
		[2]string{"Time zone", settings.TimeZone},
		[2]string{"Skip cancelled", yesNo(settings.SkipCancelled)},
		[2]string{"Shops", fmt.Sprintf("%d of at most %d", settings.Shops, settings.ShopLimit)},
	)
}

func matchRule(rule string) string {
	if rule == string(customer.MatchByPhoneOrEmail) {
		return "phone, then email"
	}
	return rule
}
