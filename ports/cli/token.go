package cli

import (
	"context"

	"orderbridge/app/command"
	"orderbridge/domain/workspace"
)

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Make a token for the API."`
}

type tokenCreate struct {
	Name string `help:"Who the token is for, so that events can say who acted." placeholder:"NAME" required:""`
	Role string `default:"viewer" enum:"owner,operator,viewer" help:"${role_help}" placeholder:"viewer"`
}

// Help implements kong.HelpProvider.
func (*tokenCreate) Help() string {
	return `The token is printed alone on standard output, and only this once: what is kept of it is a hash.

Examples:

    orderbridge token create --name reporting > token
    curl -H "Authorization: Bearer $(cat token)" \
        http://127.0.0.1:8080/api/v1/orders`
}

// Run makes the token.
func (c *tokenCreate) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		token, err := s.Commands.CreateToken.Handle(ctx, command.CreateToken{By: s.by(), Name: c.Name, Role: workspace.Role(c.Role)})
		if err != nil {
			return err
		}
		if err := rt.print(token + "\n"); err != nil {
			return err
		}
		rt.notef("This is the only time that the token is shown. It goes into the header Authorization, after the word Bearer.")
		return nil
	})
}
