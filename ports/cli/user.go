package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/user"
)

type userCommands struct {
	Add        userAdd        `cmd:"" help:"Add a member of staff."`
	Edit       userEdit       `cmd:"" help:"Change the name, phone or email of a user."`
	List       userList       `cmd:"" help:"List the staff, the newest first."`
	Show       userShow       `cmd:"" help:"Show a user, and which members of the shops' staff they are."`
	Deactivate userDeactivate `cmd:"" help:"Take a user out of use: no new order is assigned to them."`
	Reactivate userReactivate `cmd:"" help:"Bring a user back into use."`
	Import     userImport     `cmd:"" help:"Add the users of a CSV file, all or none."`
	Unmapped   userUnmapped   `cmd:"" help:"List the members of the shops' staff whom no user is and who made orders."`
	Map        userMap        `cmd:"" help:"Say which user a member of a shop's staff is."`
	Unmap      userUnmap      `cmd:"" help:"Take a mapping back."`
}

type userAdd struct {
	Name   string `help:"Name of the user." placeholder:"NAME" required:""`
	Phone  string `help:"Phone number, as the shop's system has it for this person." placeholder:"NUMBER"`
	Email  string `help:"Email address, as the shop's system has it for this person." placeholder:"ADDRESS"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userAdd) Help() string {
	return `Orders whose creator has the user's phone or email are assigned to the user. No two active users have one phone or email.

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

type userEdit struct {
	ID     recordID `arg:"" help:"Id of the user, see: orderbridge user list."`
	Name   *string  `help:"New name." placeholder:"NAME"`
	Phone  *string  `help:"New phone number; an empty one takes it away." placeholder:"NUMBER"`
	Email  *string  `help:"New email address; an empty one takes it away." placeholder:"ADDRESS"`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userEdit) Help() string {
	return `What is not given stays as it is. Orders that were assigned to the user keep the name that they had.

Example:

    orderbridge user edit 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 \
        --phone 0904000322 --email ''`
}

// Validate implements kong.Validatable.
func (c *userEdit) Validate() error {
	if c.Name == nil && c.Phone == nil && c.Email == nil {
		return errors.New("say what to change: --name, --phone or --email")
	}
	return nil
}

// Run changes the user.
func (c *userEdit) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		stored, err := s.Commands.EditUser.Handle(ctx, command.EditUser{
			By: s.by(), ID: uuid.UUID(c.ID), Edit: user.Edit{Name: c.Name, Phone: c.Phone, Email: c.Email},
		})
		return showStoredUser(rt, c.Output.JSON, stored, err, "is as you say.")
	})
}

// showStoredUser shows the user that a command left behind.
func showStoredUser(rt *Runtime, asJSON bool, stored command.Stored[user.State], err error, outcome string) error {
	if err != nil {
		return err
	}
	return rt.show(asJSON, query.UserOf(stored.State), func(p *page) { p.linef("User %s %s", stored.State.Name, outcome) })
}

type userList struct {
	Active   bool   `help:"Only users who are in use." xor:"active"`
	Inactive bool   `help:"Only users who are not in use." xor:"active"`
	Find     string `help:"Only users with this in their name, phone or email." placeholder:"TEXT"`
	Paging   paging `embed:""`
	Output   output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userList) Help() string {
	return `Examples:

    orderbridge user list --active
    orderbridge user list --find mai
    orderbridge user list --json | jq -r '.items[] | [.id, .name] | @tsv'`
}

// Run lists the users.
func (c *userList) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := query.UserFilter{Text: c.Find}
	if c.Active || c.Inactive {
		filter.Active = &c.Active
	}
	page := narrow.Page(&c.Paging.Limit, c.Paging.Cursor)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Users(ctx, s.WorkspaceID, filter, page)
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

type userShow struct {
	ID     recordID `arg:"" help:"Id of the user, see: orderbridge user list."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userShow) Help() string {
	return `Example:

    orderbridge user show 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run shows the user.
func (c *userShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		found, err := s.Queries.User(ctx, s.WorkspaceID, uuid.UUID(c.ID))
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) {
			fields := [][2]string{
				{"User", found.Name},
				{"Id", found.ID.String()},
				{"Active", yesNo(found.Active)},
				{"Phone", phone(valueOf(found.Phone))},
				{"Email", valueOf(found.Email)},
			}
			for _, staff := range found.Staff {
				fields = append(fields, [2]string{"Staff", staffLine(staff)})
			}
			p.fields(fields...)
		})
	})
}

// staffLine is a member of a shop's staff on one line: the key, to be copied, and the name.
func staffLine(staff query.Staff) string {
	if name := valueOf(staff.Name); name != "" {
		return staff.Key + " (" + name + ")"
	}
	return staff.Key
}

type userDeactivate struct {
	ID     recordID `arg:"" help:"Id of the user, see: orderbridge user list."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userDeactivate) Help() string {
	return `The user keeps their orders. Their mappings stay too, and count again when the user is reactivated. Deactivating twice
changes nothing.

Example:

    orderbridge user deactivate 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run deactivates the user.
func (c *userDeactivate) Run(ctx context.Context, rt *Runtime) error {
	return setUserActive(ctx, rt, c.Output.JSON, c.ID, false, "is no longer active: no new order is assigned to them.")
}

type userReactivate struct {
	ID     recordID `arg:"" help:"Id of the user, see: orderbridge user list --inactive."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userReactivate) Help() string {
	return `Orders are assigned to the user again. Reactivating twice changes nothing.

Example:

    orderbridge user reactivate 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run reactivates the user.
func (c *userReactivate) Run(ctx context.Context, rt *Runtime) error {
	return setUserActive(ctx, rt, c.Output.JSON, c.ID, true, "is active: orders are assigned to them.")
}

func setUserActive(ctx context.Context, rt *Runtime, asJSON bool, id recordID, active bool, outcome string) error {
	return rt.inSession(ctx, func(s Session) error {
		stored, err := s.Commands.SetUserActive.Handle(ctx, command.SetUserActive{By: s.by(), ID: uuid.UUID(id), Active: active})
		return showStoredUser(rt, asJSON, stored, err, outcome)
	})
}

type userImport struct {
	File   string `arg:"" help:"CSV file, or - for standard input." placeholder:"FILE.csv"`
	DryRun bool   `help:"Change nothing, and tell what would change."`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userImport) Help() string {
	return `The first row names the columns: name, phone and email in any order, in English or Vietnamese (Họ tên, Số điện thoại,
Email), separated by commas, semicolons or tabs. The file is UTF-8, at most 1 MiB and 5000 rows. A row that says the same as
an active user is there already, so that a file may be imported again.

Examples:

    orderbridge user import nhan-vien.csv --dry-run
    orderbridge user import nhan-vien.csv`
}

// maxImportBytes is a byte more than any file that is taken, so that a larger one is told and not cut off.
const maxImportBytes = 1<<20 + 1

// Run imports the users.
func (c *userImport) Run(ctx context.Context, rt *Runtime) error {
	file, err := rt.readFile(ctx, c.File, maxImportBytes)
	if err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		imported, err := s.Commands.ImportUsers.Handle(ctx, command.ImportUsers{By: s.by(), File: file, DryRun: c.DryRun})
		if err != nil {
			return err
		}
		result := query.UserImportOf(imported.Added, imported.Unchanged, c.DryRun)
		return rt.show(c.Output.JSON, result, func(p *page) {
			added := count(result.Added, "user was added", "users were added")
			if c.DryRun {
				added = count(result.Added, "user would be added", "users would be added")
			}
			p.linef("%s, %s there already.", added, count(result.Unchanged, "was", "were"))
			if len(result.Users) == 0 {
				return
			}
			rows := make([][]string, 0, len(result.Users))
			for _, user := range result.Users {
				rows = append(rows, []string{user.Name, phone(valueOf(user.Phone)), valueOf(user.Email)})
			}
			p.table([]column{{title: "NAME", limit: 40}, {title: "PHONE"}, {title: "EMAIL", limit: 60}}, rows)
		})
	})
}

type userUnmapped struct {
	Limit  int    `default:"${default_limit}" help:"How many to show, 1 to ${max_limit}." placeholder:"${default_limit}"`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*userUnmapped) Help() string {
	return `Their orders went to nobody or to the shop's default assignee. Those with most orders come first; whoever is mapped, or has
the phone or email of an active user, leaves the list.

Examples:

    orderbridge user unmapped
    orderbridge user unmapped --json | jq -r '.items[] | [.key, .orders] | @tsv'`
}

// Run lists them.
func (c *userUnmapped) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	limit := narrow.Page(&c.Limit, "").Limit
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.UnmappedStaff(ctx, s.WorkspaceID, limit)
		if err != nil {
			return err
		}
		if err := rt.show(c.Output.JSON, list, func(p *page) { showUnmapped(p, s, list) }); err != nil || c.Output.JSON {
			return err
		}
		switch more := list.Total - len(list.Items); {
		case list.Total == 0:
			rt.notef("No unmapped staff.")
		case more > 0:
			rt.notef("There %s %d more with fewer orders.", agree(int64(more), "is", "are"), more)
		}
		return nil
	})
}

func showUnmapped(p *page, s Session, list query.UnmappedStaffList) {
	if len(list.Items) == 0 {
		return
	}
	rows := make([][]string, 0, len(list.Items))
	for _, staff := range list.Items {
		rows = append(rows, []string{
			staff.Key, valueOf(staff.Name), phone(valueOf(staff.Phone)), valueOf(staff.Email), counted(staff.Orders, staff.MoreOrders),
			s.moment(staff.OldestAt), s.moment(staff.NewestAt), strings.Join(staff.SampleOrders, " "),
		})
	}
	p.table([]column{
		{title: "STAFF"},
		{title: "NAME", limit: 30},
		{title: "PHONE"},
		{title: "EMAIL", limit: 40},
		{title: "ORDERS", right: true},
		{title: "OLDEST"},
		{title: "NEWEST"},
		{title: "SUCH AS", limit: 40},
	}, rows)
}

type userMap struct {
	Staff  string   `help:"Staff key, see: orderbridge user unmapped." placeholder:"KEY" required:""`
	User   recordID `help:"Id of the user, see: orderbridge user list." placeholder:"ID" required:""`
	Name   string   `help:"What the shop calls them, for people to read." placeholder:"NAME"`
	Past   bool     `help:"Give the user past orders too."`
	DryRun bool     `help:"Change nothing, and tell what would change."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userMap) Help() string {
	return `Orders that they make are assigned to the user from now on, where neither phone nor email tells. With --past, so are those
that were brought in before and went to nobody or to the shop's default assignee; if that is interrupted, running it again
finishes it. A key belongs to one user.

Examples:

    orderbridge user map --staff 74e31138-b77d-5291-bf93-0244bc7ebd9b \
        --user 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 --past --dry-run
    orderbridge user map --staff "name:1635294032:Mai" \
        --user 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11 --past`
}

// Run maps the member of staff.
func (c *userMap) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		mapped, err := s.Commands.MapStaff.Handle(ctx, command.MapStaff{
			By: s.by(), UserID: uuid.UUID(c.User), StaffKey: c.Staff, StaffName: c.Name, Past: c.Past, DryRun: c.DryRun,
		})
		if err != nil {
			return err
		}
		past := query.PastOrders{Found: mapped.Found, Changed: mapped.Changed, Remaining: mapped.Remaining}
		result := query.MappedStaffOf(mapped.User.State, mapped.Staff, c.DryRun, past)
		return rt.show(c.Output.JSON, result, func(p *page) {
			if c.DryRun {
				p.linef("%s would be mapped to %s, and %s would change with --past.", staffLine(result.Staff), result.User.Name,
					count(past.Found, "past order", "past orders"))
				return
			}
			p.linef("%s is mapped to %s.", staffLine(result.Staff), result.User.Name)
			switch {
			case c.Past:
				p.linef("%s went to them.", count(past.Changed, "past order", "past orders"))
			case past.Found > 0:
				p.linef("%s; to change that, add --past.", count(past.Found, "past order stays as it is", "past orders stay as they are"))
			}
		})
	})
}

type userUnmap struct {
	Staff  string   `help:"Staff key, see: orderbridge user show ID." placeholder:"KEY" required:""`
	User   recordID `help:"Only if it is mapped to this user." placeholder:"ID"`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*userUnmap) Help() string {
	return `New orders no longer go to the user by it. Those that it assigned stay.

Example:

    orderbridge user unmap --staff "name:1635294032:Mai"`
}

// Run takes the mapping back.
func (c *userUnmap) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		stored, err := s.Commands.UnmapStaff.Handle(ctx, command.UnmapStaff{By: s.by(), UserID: c.User.maybe(), StaffKey: c.Staff})
		return showStoredUser(rt, c.Output.JSON, stored, err, fmt.Sprintf("is no longer %s.", c.Staff))
	})
}
