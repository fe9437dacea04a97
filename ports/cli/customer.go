package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

type customerCommands struct {
	Add        customerAdd        `cmd:"" help:"Add a customer."`
	Edit       customerEdit       `cmd:"" help:"Change a customer."`
	List       customerList       `cmd:"" help:"List customers, the newest first."`
	Show       customerShow       `cmd:"" help:"Show a customer."`
	Archive    customerArchive    `cmd:"" help:"Take a customer out of use: orders no longer match them."`
	Restore    customerRestore    `cmd:"" help:"Bring an archived customer back into use."`
	Import     customerImport     `cmd:"" help:"Add the customers of a CSV file or an Excel workbook."`
	Duplicates customerDuplicates `cmd:"" help:"List phones and emails that several customers have."`
	Merge      customerMerge      `cmd:"" help:"Merge two records of one person; this can be taken back."`
	Unmerge    customerUnmerge    `cmd:"" help:"Take a merge back: both customers are as if it had never been."`
	Template   customerTemplate   `cmd:"" help:"Write a file to begin an import with."`
	Export     customerExport     `cmd:"" help:"Write customers to a CSV file or an Excel workbook."`
}

type customerAdd struct {
	Name     string   `help:"Name of the customer." placeholder:"NAME" required:""`
	Phones   []string `name:"phone" help:"Phone number, the primary one first. May be repeated." placeholder:"NUMBER" sep:"none"`
	Emails   []string `name:"email" help:"Email address, the primary one first. May be repeated." placeholder:"ADDRESS" sep:"none"`
	Address  string   `help:"Postal address." placeholder:"TEXT"`
	Gender   string   `help:"male, female or other." placeholder:"GENDER"`
	Birthday string   `help:"Birthday, as YYYY-MM-DD." placeholder:"DATE"`
	Tags     []string `name:"tag" help:"Tag. May be repeated." placeholder:"TAG" sep:"none"`
	Note     string   `help:"What to know about the customer. May have several lines." placeholder:"TEXT"`
	Status   string   `default:"active" enum:"active,archived" help:"active or archived. Only active ones match orders." placeholder:"active"`
	Output   output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerAdd) Help() string {
	return `Phone numbers are read as people write them, and stored as +84….

Examples:

    orderbridge customer add --name "Phạm Dung" --phone 0987000102
    orderbridge customer add --name "Trần Lan" --phone "0912 000 451" \
        --phone 0904000321 --email lan@example.vn --status archived
    id=$(orderbridge customer add --name "Lê An" --json | jq -r .id)`
}

// Run adds the customer.
func (c *customerAdd) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		added, err := s.Commands.AddCustomer.Handle(ctx, command.AddCustomer{By: s.by(), Details: customer.Details{
			Name: c.Name, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Gender: c.Gender, Birthday: c.Birthday,
			Tags: c.Tags, Note: c.Note, Status: customer.Status(c.Status),
		}})
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, query.CustomerOf(added.State, added.Version), func(p *page) {
			p.linef("Customer %s was added with the id %s.", added.State.Name, added.State.ID)
		})
	})
}

type customerEdit struct {
	ID          recordID `arg:"" help:"Id of the customer, see: orderbridge customer list."`
	Name        *string  `help:"Name of the customer." placeholder:"NAME"`
	Phones      []string `name:"phone" help:"Phone, in place of all there are. May be repeated." placeholder:"NUMBER" sep:"none" xor:"phones"`
	ClearPhones bool     `help:"Take all phone numbers away." xor:"phones"`
	Emails      []string `name:"email" help:"Email, in place of all there are. May be repeated." placeholder:"ADDRESS" sep:"none" xor:"emails"`
	ClearEmails bool     `help:"Take all email addresses away." xor:"emails"`
	Address     *string  `help:"Postal address." placeholder:"TEXT"`
	Gender      *string  `help:"male, female or other." placeholder:"GENDER"`
	Birthday    *string  `help:"Birthday, as YYYY-MM-DD." placeholder:"DATE"`
	Tags        []string `name:"tag" help:"Tag, in place of all there are. May be repeated." placeholder:"TAG" sep:"none" xor:"tags"`
	ClearTags   bool     `help:"Take all tags away." xor:"tags"`
	Note        *string  `help:"What to know about the customer. May have several lines." placeholder:"TEXT"`
	IfVersion   uint32   `help:"Only if this is the version that orderbridge customer show tells." placeholder:"N"`
	Output      output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerEdit) Help() string {
	return `What is not given stays as it is. An empty text takes away what was there.

Examples:

    id=01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
    orderbridge customer edit $id --phone 0987000102 --phone 0912000451
    orderbridge customer edit $id --note "Gọi trước khi giao" --if-version 3
    orderbridge customer edit $id --clear-emails --address ""`
}

// Run changes the customer.
func (c *customerEdit) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		edited, err := s.Commands.EditCustomer.Handle(ctx, command.EditCustomer{
			By: s.by(), ID: uuid.UUID(c.ID), IfVersion: command.IfVersion(c.IfVersion), Edit: customer.Edit{
				Name: c.Name, Phones: listOrNil(c.Phones, c.ClearPhones), Emails: listOrNil(c.Emails, c.ClearEmails),
				Address: c.Address, Gender: c.Gender, Birthday: c.Birthday, Tags: listOrNil(c.Tags, c.ClearTags), Note: c.Note,
			},
		})
		if err != nil {
			return err
		}
		shown := query.CustomerOf(edited.State, edited.Version)
		return rt.show(c.Output.JSON, shown, func(p *page) { showCustomer(p, s, shown) })
	})
}

// listOrNil is a list that was given or cleared; nil when neither.
func listOrNil(values []string, cleared bool) *[]string {
	if len(values) == 0 && !cleared {
		return nil
	}
	return &values
}

// customerFilter narrows customers, for commands to embed.
type customerFilter struct {
	Query  string  `name:"q" help:"Only customers found by this: a phone, an email, or beginnings of words of the name." placeholder:"TEXT"`
	Phone  string  `help:"Only customers with this phone number." placeholder:"NUMBER"`
	Email  string  `help:"Only customers with this email address." placeholder:"ADDRESS"`
	Status *string `enum:"active,archived,merged" help:"Only customers of this status: active, archived or merged." placeholder:"STATUS"`
	Tag    string  `help:"Only customers with this tag." placeholder:"TAG"`
}

func (f customerFilter) read(narrow *query.Parameters) query.CustomerFilter {
	return query.CustomerFilter{
		Phone: narrow.Phone(f.Phone), Email: narrow.Email(f.Email), Status: valueOf(f.Status), Tag: narrow.Tag(f.Tag),
		Search: query.ParseCustomerSearch(f.Query),
	}
}

type customerList struct {
	Filter customerFilter `embed:""`
	Paging paging         `embed:""`
	Output output         `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerList) Help() string {
	return `Diacritics, capitals and the order of words do not matter to --q.

Examples:

    orderbridge customer list --q "dung pham"
    orderbridge customer list --status active
    orderbridge customer list --phone "0912 000 451"
    orderbridge customer list --limit 200 --json | jq -r .next_cursor`
}

// Run lists the customers.
func (c *customerList) Run(ctx context.Context, rt *Runtime) error {
	var narrow query.Parameters
	filter := c.Filter.read(&narrow)
	page := narrow.Page(&c.Paging.Limit, c.Paging.Cursor)
	if err := narrow.Problem(); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		list, err := s.Queries.Customers(ctx, s.WorkspaceID, filter, page)
		if err != nil {
			return err
		}
		shape := []column{
			{title: "ID"},
			{title: "NAME", limit: 40},
			{title: "PHONE", limit: 40},
			{title: "EMAIL", limit: 40},
			{title: "STATUS"},
			{title: "CREATED"},
		}
		return showList(rt, c.Output.JSON, list, "customers", shape, func(found query.Customer) []string {
			return []string{
				found.ID.String(), found.Name, phones(found.Phones), strings.Join(found.Emails, ", "), found.Status,
				s.moment(found.CreatedAt),
			}
		})
	})
}

type customerShow struct {
	ID     recordID `arg:"" help:"Id of the customer, see: orderbridge customer list."`
	At     *string  `help:"${at_help}" placeholder:"TIME"`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerShow) Help() string {
	return `Examples:

    orderbridge customer show 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
    id=01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11
    orderbridge customer show $id --at 15/09/2025`
}

// Run shows the customer.
func (c *customerShow) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		read := s.Queries.Customer
		if c.At != nil {
			read = func(ctx context.Context, workspaceID, id uuid.UUID) (query.Customer, error) {
				return s.Queries.AsOf.Customer(ctx, workspaceID, id, *c.At)
			}
		}
		found, err := read(ctx, s.WorkspaceID, uuid.UUID(c.ID))
		if err != nil {
			return err
		}
		return rt.show(c.Output.JSON, found, func(p *page) { showCustomer(p, s, found) })
	})
}

func showCustomer(p *page, s Session, found query.Customer) {
	p.fields(
		[2]string{"Customer", found.Name},
		[2]string{"Id", found.ID.String()},
		[2]string{"Status", found.Status},
		[2]string{"Phone", phones(found.Phones)},
		[2]string{"Email", strings.Join(found.Emails, ", ")},
		[2]string{"Address", valueOf(found.Address)},
		[2]string{"Gender", valueOf(found.Gender)},
		[2]string{"Birthday", birthday(valueOf(found.Birthday))},
		[2]string{"Tags", strings.Join(found.Tags, ", ")},
		[2]string{"Created", s.moment(found.CreatedAt)},
		[2]string{"Version", strconv.Itoa(found.Version)},
	)
	if found.Note == nil {
		return
	}
	p.linef("")
	for line := range strings.SplitSeq(*found.Note, "\n") {
		p.paragraph(0, line)
	}
}

// birthday is a date as people in Vietnam write it.
func birthday(stored string) string {
	date, err := time.Parse(time.DateOnly, stored)
	if err != nil {
		return stored
	}
	return date.Format("02/01/2006")
}

type customerArchive struct {
	ID     recordID `arg:"" help:"Id of the customer, see: orderbridge customer list."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerArchive) Help() string {
	return `The customer and their orders stay. An order that would have matched them finds another customer or makes a new one.
Archiving twice changes nothing.

Example:

    orderbridge customer archive 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run archives the customer.
func (c *customerArchive) Run(ctx context.Context, rt *Runtime) error {
	return changeCustomerStatus(ctx, rt, c.Output.JSON, c.ID, customer.StatusArchived, "is archived: orders no longer match them")
}

type customerRestore struct {
	ID     recordID `arg:"" help:"Id of the customer, see: orderbridge customer list --status archived."`
	Output output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*customerRestore) Help() string {
	return `Orders match the customer again. Restoring twice changes nothing.

Example:

    orderbridge customer restore 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run restores the customer.
func (c *customerRestore) Run(ctx context.Context, rt *Runtime) error {
	return changeCustomerStatus(ctx, rt, c.Output.JSON, c.ID, customer.StatusActive, "is active: orders match them")
}

func changeCustomerStatus(ctx context.Context, rt *Runtime, asJSON bool, id recordID, status customer.Status, outcome string) error {
	return rt.inSession(ctx, func(s Session) error {
		changed, err := s.Commands.ChangeCustomerStatus.Handle(ctx, command.ChangeCustomerStatus{
			By: s.by(), ID: uuid.UUID(id), Status: status,
		})
		if err != nil {
			return err
		}
		return rt.show(asJSON, query.CustomerOf(changed.State, changed.Version), func(p *page) {
			p.linef("Customer %s %s.", changed.State.Name, outcome)
		})
	})
}
