package cli

import (
	"cmp"
	"encoding"
	"errors"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// recordID is the id of a record, as an operator types it.
type recordID uuid.UUID

var _ encoding.TextUnmarshaler = (*recordID)(nil)

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *recordID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err != nil {
		return errors.New("an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11")
	}
	*id = recordID(parsed)
	return nil
}

// maybe is the id of what a list is narrowed to, if it was given.
func (id recordID) maybe() uuid.NullUUID {
	return uuid.NullUUID{UUID: uuid.UUID(id), Valid: id != recordID(uuid.Nil)}
}

// paging is embedded by lists that may be long.
type paging struct {
	Limit  int    `default:"${default_limit}" help:"How many entries to show, 1 to ${max_limit}." placeholder:"${default_limit}"`
	Cursor string `help:"Show what follows: the next_cursor of an earlier answer." placeholder:"CURSOR"`
}

// narrowing reads what a list is narrowed by, and collects what is wrong with it, so that an operator learns of several
// mistakes at once.
type narrowing struct{ invalid []problem.Field }

func (n *narrowing) problem() error {
	if len(n.invalid) == 0 {
		return nil
	}
	return problem.InvalidFields("parameters-invalid", n.invalid...)
}

func (n *narrowing) page(p paging) query.Page {
	page, err := query.ParsePage(cmp.Or(p.Limit, -1), p.Cursor) // 0 would be taken for "as usual"
	if known, ok := problem.Of(err); ok {
		n.invalid = append(n.invalid, known.Fields()...)
	}
	return page
}

func (n *narrowing) phone(raw string) string {
	if raw == "" {
		return ""
	}
	phone, err := contact.ParsePhone(raw)
	if err != nil {
		n.invalid = append(n.invalid, problem.Field{Path: "phone", Message: err.Error()})
	}
	return phone.E164()
}

func (n *narrowing) email(raw string) string {
	if raw == "" {
		return ""
	}
	email, err := contact.ParseEmail(raw)
	if err != nil {
		n.invalid = append(n.invalid, problem.Field{Path: "email", Message: err.Error()})
	}
	return email.String()
}

func (n *narrowing) tag(raw string) string {
	if raw == "" {
		return ""
	}
	tag, err := contact.ParseTag(raw)
	if err != nil {
		n.invalid = append(n.invalid, problem.Field{Path: "tag", Message: err.Error()})
	}
	return tag
}

func (n *narrowing) shopID(raw string) string {
	if strings.Trim(raw, "0123456789") != "" {
		n.invalid = append(n.invalid, problem.Field{
			Path: "shop_id", Message: "a shop id is the number in pos.pancake.vn/shop/<number>/overview",
		})
	}
	return raw
}

func (n *narrowing) orderStatus(raw string) order.Status {
	if raw == "" {
		return order.Status{}
	}
	status, err := order.ParseStatus(raw)
	if err != nil {
		n.invalid = append(n.invalid, problem.Field{Path: "status", Message: err.Error()})
	}
	return status
}

// showList prints a part of a list. What is said about it beside the entries goes to standard error, so that counting
// the lines of the output counts the entries and their titles.
func showList[T any](rt *Runtime, asJSON bool, list query.List[T], noun string, shape []column, row func(T) []string) error {
	if list.Items == nil {
		list.Items = []T{}
	}
	if err := rt.show(asJSON, list, func(p *page) {
		if len(list.Items) == 0 {
			return
		}
		rows := make([][]string, 0, len(list.Items))
		for _, item := range list.Items {
			rows = append(rows, row(item))
		}
		p.table(shape, rows)
	}); err != nil || asJSON {
		return err
	}
	if len(list.Items) == 0 {
		rt.notef("No %s.", noun)
	}
	if list.NextCursor != nil {
		rt.notef("There are more. For those that follow, add: --cursor %s", *list.NextCursor)
	}
	return nil
}
