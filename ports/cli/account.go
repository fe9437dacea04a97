package cli

import (
	"context"
	"encoding"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

type accountCommands struct {
	List          accountList          `cmd:"" help:"List who may sign in to the console."`
	Invite        accountInvite        `cmd:"" help:"Make an account, and a link by which its holder sets a password."`
	Role          accountRole          `cmd:"" help:"Give an account another role."`
	Remove        accountRemove        `cmd:"" help:"End an account: nobody can sign in to it from then on."`
	ResetPassword accountResetPassword `cmd:"" help:"Make a link by which an account's password is set anew."`
	EndSessions   accountEndSessions   `cmd:"" help:"End all sessions of an account: whoever has one signs in again."`
	SetupLink     accountSetupLink     `cmd:"" help:"Make a link by which the first owner makes their account."`
}

type accountList struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*accountList) Help() string {
	return `Accounts are of people who sign in to the console, and not the same as users, to whom orders are assigned. One that is invited
has no password yet; one that is locked takes none for 15 minutes, after 5 wrong ones in a row.

Examples:

    orderbridge account list
    orderbridge account list --json | jq -r '.items[].name'`
}

// Run lists the accounts.
func (c *accountList) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		accounts, err := s.Queries.Accounts(ctx, s.WorkspaceID)
		if err != nil {
			return err
		}
		shape := []column{{title: "ID"}, {title: "NAME", limit: 40}, {title: "ROLE"}, {title: "STATE"}, {title: "CREATED"}, {title: "LAST SIGN-IN"}}
		return showList(rt, c.Output.JSON, query.List[query.Account]{Items: accounts}, "accounts", shape, func(account query.Account) []string {
			return []string{
				account.ID.String(), account.Name, string(account.Role), s.accountState(account), s.moment(account.CreatedAt),
				s.maybeMoment(account.LastSignInAt),
			}
		})
	})
}

func (s Session) accountState(account query.Account) string {
	switch {
	case account.LockedUntil != nil:
		return "locked until " + s.moment(*account.LockedUntil)
	case account.Invited:
		return "invited"
	default:
		return "active"
	}
}

// baseURL is where the console is.
type baseURL string

var _ encoding.TextUnmarshaler = (*baseURL)(nil)

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *baseURL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return errors.New("an address is like https://crm.example.com")
	}
	*u = baseURL(strings.TrimSuffix(string(text), "/"))
	return nil
}

func (u baseURL) linkWith(token string) string { return string(u) + "/setup/" + token }

type accountInvite struct {
	Name    string  `help:"What they sign in by: 2 to 64 letters, digits, or . _ - @." placeholder:"NAME" required:""`
	Role    string  `enum:"owner,operator,viewer" help:"${account_role_help}" placeholder:"ROLE" required:""`
	BaseURL baseURL `default:"http://127.0.0.1:8080" help:"${base_url_help}" name:"base-url" placeholder:"URL"`
	Output  output  `embed:""`
}

// Help implements kong.HelpProvider.
func (*accountInvite) Help() string {
	return `The link is printed alone on standard output (with --json also the account's id), and only this once. It can be used once, for 72 hours;
give it to nobody but the person whose account it is. The name stands in every event of what they do: choose none that says more of
somebody than it has to.

Examples:

    orderbridge account invite --name lan --role operator
    orderbridge account invite --name mai --role viewer \
        --base-url https://crm.example.com`
}

// Run makes the account.
func (c *accountInvite) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		invited, err := s.Commands.InviteAccount.Handle(ctx, command.InviteAccount{By: s.by(), Name: c.Name, Role: workspace.Role(c.Role)})
		if err != nil {
			return err
		}
		return rt.showLink(s, c.Output.JSON, c.BaseURL, invited)
	})
}

func (rt *Runtime) showLink(s Session, asJSON bool, base baseURL, invited command.InvitedAccount) error {
	shown := query.ShownInvitation{
		ID: invited.ID, Name: invited.Name, Role: invited.Role, Link: base.linkWith(invited.Token), ExpiresAt: invited.ExpiresAt,
	}
	if err := rt.show(asJSON, shown, func(p *page) { p.linef("%s", shown.Link) }); err != nil {
		return err
	}
	rt.notef("This is the only time that the link is shown. It can be used once, until %s.", s.moment(shown.ExpiresAt))
	return nil
}

type accountRole struct {
	ID   recordID `arg:"" help:"Id of the account, see: orderbridge account list."`
	Role string   `enum:"owner,operator,viewer" help:"${account_role_help}" placeholder:"ROLE" required:""`
}

// Help implements kong.HelpProvider.
func (*accountRole) Help() string {
	return `It is in force at once, also for whoever is signed in. The last owner who can sign in stays one.

Example:

    orderbridge account role 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 --role viewer`
}

// Run changes the role.
func (c *accountRole) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		changed, err := s.Commands.ChangeAccountRole.Handle(ctx, command.ChangeAccountRole{
			By: s.by(), AccountID: uuid.UUID(c.ID), Role: workspace.Role(c.Role),
		})
		if err != nil {
			return err
		}
		return rt.show(false, nil, func(p *page) { p.linef("Account %s has the role %s.", changed.Name, changed.Role) })
	})
}

type accountRemove struct {
	ID recordID `arg:"" help:"Id of the account, see: orderbridge account list."`
}

// Help implements kong.HelpProvider.
func (*accountRemove) Help() string {
	return `Its sessions and links end at once, and its name is free for another account. What it did stays in the log. The last owner who can sign
in cannot be removed. Removing twice changes nothing.

Example:

    orderbridge account remove 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run removes the account.
func (c *accountRemove) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if err := s.Commands.RemoveAccount.Handle(ctx, command.RemoveAccount{By: s.by(), AccountID: uuid.UUID(c.ID)}); err != nil {
			return err
		}
		return rt.show(false, nil, func(p *page) { p.linef("Account %s is removed.", uuid.UUID(c.ID)) })
	})
}

type accountResetPassword struct {
	ID      recordID `arg:"" help:"Id of the account, see: orderbridge account list."`
	BaseURL baseURL  `default:"http://127.0.0.1:8080" help:"${base_url_help}" name:"base-url" placeholder:"URL"`
	Output  output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*accountResetPassword) Help() string {
	return `For somebody who forgot their password, whose account is locked, or whose first link has expired: earlier links end. The password from
before holds until the link is used, and then ends with all sessions. To shut somebody out at once, remove the account.

Example:

    orderbridge account reset-password 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run makes the link.
func (c *accountResetPassword) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		invited, err := s.Commands.InviteAccount.Reset(ctx, command.ResetPassword{By: s.by(), AccountID: uuid.UUID(c.ID)})
		if err != nil {
			return err
		}
		return rt.showLink(s, c.Output.JSON, c.BaseURL, invited)
	})
}

type accountEndSessions struct {
	ID recordID `arg:"" help:"Id of the account, see: orderbridge account list."`
}

// Help implements kong.HelpProvider.
func (*accountEndSessions) Help() string {
	return `For a device that was lost, for instance. Whoever knows the password can sign in again.

Example:

    orderbridge account end-sessions 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run ends the sessions.
func (c *accountEndSessions) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if err := s.Commands.EndSessions.Handle(ctx, command.EndSessions{By: s.by(), AccountID: uuid.UUID(c.ID)}); err != nil {
			return err
		}
		return rt.show(false, nil, func(p *page) { p.linef("All sessions of account %s are ended.", uuid.UUID(c.ID)) })
	})
}

type accountSetupLink struct {
	BaseURL baseURL `default:"http://127.0.0.1:8080" help:"${base_url_help}" name:"base-url" placeholder:"URL"`
}

// Help implements kong.HelpProvider.
func (*accountSetupLink) Help() string {
	return `For a workspace in which no owner can sign in yet; the service prints one for the default workspace when it starts. It can be used once,
for 24 hours, and whoever has it becomes an owner.

Examples:

    orderbridge account setup-link
    orderbridge --workspace shop-b account setup-link \
        --base-url https://b.example.com`
}

// Run makes the link.
func (c *accountSetupLink) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		token, needed, err := s.Commands.SetUpLink.EnsureSetUpLink(ctx, s.WorkspaceID)
		if err != nil {
			return err
		}
		if !needed {
			return workspace.ErrSetUpDone
		}
		if err := rt.show(false, nil, func(p *page) { p.linef("%s", c.BaseURL.linkWith(token)) }); err != nil {
			return err
		}
		rt.notef("This is the only time that the link is shown. It can be used once, within %d hours.", workspace.SetUpLinkTime/time.Hour)
		return nil
	})
}
