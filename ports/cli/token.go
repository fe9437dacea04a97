package cli

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Make a token for the API."`
	List   tokenList   `cmd:"" help:"List the tokens, the newest first."`
	Revoke tokenRevoke `cmd:"" help:"End a token: whoever sends it is refused from then on."`
}

type tokenCreate struct {
	Name   string `help:"Who the token is for, so that events can say who acted." placeholder:"NAME" required:""`
	Output output `embed:""`

	Role string `default:"viewer" enum:"owner,operator,viewer" help:"${role_help}" placeholder:"viewer"`
}

// Help implements kong.HelpProvider.
func (*tokenCreate) Help() string {
	return `The token is printed alone on standard output (with --json also its id), and only this once: what is kept of it is a hash.

Examples:

    orderbridge token create --name reporting > token
    orderbridge token create --name console --role owner
    curl -H "Authorization: Bearer $(cat token)" \
        http://127.0.0.1:8080/api/v1/orders`
}

// Run makes the token.
func (c *tokenCreate) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		created, err := s.Commands.CreateToken.Handle(ctx, command.CreateToken{By: s.by(), Name: c.Name, Role: workspace.Role(c.Role)})
		if err != nil {
			return err
		}
		shown := query.ShownToken{ID: created.ID, Name: created.Name, Role: created.Role, Secret: created.Secret}
		if err := rt.show(c.Output.JSON, shown, func(p *page) { p.linef("%s", shown.Secret) }); err != nil {
			return err
		}
		rt.notef("This is the only time that the token is shown. It goes into the header Authorization, after the word Bearer.")
		return nil
	})
}

type tokenList struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*tokenList) Help() string {
	return `The tokens themselves are not shown: they are not kept. When a token was used last is noted once a minute.

Examples:

    orderbridge token list
    orderbridge token list --json | jq -r '.items[].name'`
}

// Run lists the tokens.
func (c *tokenList) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		tokens, err := s.Queries.Tokens(ctx, s.WorkspaceID)
		if err != nil {
			return err
		}
		shape := []column{{title: "ID"}, {title: "NAME", limit: 40}, {title: "ROLE"}, {title: "CREATED"}, {title: "LAST USED"}, {title: "REVOKED"}}
		return showList(rt, c.Output.JSON, query.List[query.Token]{Items: tokens}, "tokens", shape, func(token query.Token) []string {
			return []string{
				token.ID.String(), token.Name, string(token.Role), s.moment(token.CreatedAt), s.maybeMoment(token.LastUsedAt),
				s.maybeMoment(token.RevokedAt),
			}
		})
	})
}

type tokenRevoke struct {
	ID recordID `arg:"" help:"Id of the token, see: orderbridge token list."`
}

// Help implements kong.HelpProvider.
func (*tokenRevoke) Help() string {
	return `Its next request is refused. Revoking twice changes nothing.

Example:

    orderbridge token revoke 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run revokes the token.
func (c *tokenRevoke) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.RevokeToken.Handle(ctx, command.RevokeToken{By: s.by(), ID: uuid.UUID(c.ID)}); err != nil {
			return err
		}
		return rt.show(false, nil, func(p *page) { p.linef("Token %s is revoked.", uuid.UUID(c.ID)) })
	})
}
