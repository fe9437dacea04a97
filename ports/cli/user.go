package cli

import (
	"context"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

type userCommands struct {
	Add  userAdd  `cmd:"" help:"Add a member of staff."`
	List userList `cmd:"" help:"List the staff, the newest first."`
}

type userAdd struct {
	Name   string `help:"Name of the user." placeholder:"NAME" required:""`
	Phone  string `help:"Phone number, as the shop's system has it for this person." placeholder:"NUMBER"`
	Email  string `help:"Email address, as the shop's system has it for this person." placeholder:"ADDRESS"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userAdd) Help() string {
	return `Orders whose creator has the user's phone or email are assigned to the user.

Example:

    orderbridge user add --name "Phương Mai" --phone 0904000321 \
        --email phuongmai.sale@example.vn`
}

// Run adds the user.
func (c *userAdd) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		stored, err := s.Commands.AddUser.Handle(ctx, command.AddUser{By: s.by(), Name: c.Name, Phone: c.Phone, Email: c.Email})
		if err != nil {
			return err
		}
		added := query.UserOf(stored.State)
		return rt.show(c.Output.JSON, added, func(p *page) { p.linef("User %s was added with the id %s.", added.Name, added.ID) })
	})
}

type userList struct {
	Paging paging `embed:""`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userList) Help() string {
	return `Examples:

    orderbridge user list
    orderbridge user list --json | jq -r '.items[] | [.id, .name] | @tsv'`
}

// Run lists the users.
func (c *userList) Run(ctx context.Context, rt *Runtime) error {
	var narrow narrowing
	page := narrow.page(c.Paging)
	if err := narrow.problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Users(ctx, s.WorkspaceID, page)
		if err != nil {
			return err
		}
		shape := []column{{title: "ID"}, {title: "NAME", limit: 40}, {title: "PHONE"}, {title: "EMAIL", limit: 60}, {title: "ACTIVE"}}
		return showList(rt, c.Output.JSON, list, "users", shape, func(user query.User) []string {
			return []string{user.ID.String(), user.Name, phone(valueOf(user.Phone)), valueOf(user.Email), yesNo(user.Active)}
		})
	})
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
