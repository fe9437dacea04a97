package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

func (s *server) customerRoutes(r routes) {
	r.viewer("GET /customers", s.customers)
	r.viewer("POST /customers", s.customers) // a search is sent, so that no address says who is looked for
	r.operator("GET /customers/new", s.newCustomerPage)
	r.operator("POST /customers/new", s.addCustomer)
	r.viewer("GET /customers/{id}", s.customer)
	r.viewer("GET /customers/{id}/timeline", s.customerTimeline)
	r.viewer("POST /customers/{id}/reveal", s.revealCustomer)
	r.operator("GET /customers/{id}/edit", s.editCustomerPage)
	r.operator("POST /customers/{id}/edit", s.editCustomer)
	r.operator("POST /customers/{id}/archive", s.customerStatus(customer.StatusArchived))
	r.operator("POST /customers/{id}/restore", s.customerStatus(customer.StatusActive))
	s.duplicateRoutes(r)
}

// customerStatuses are those that a list is narrowed by.
func customerStatuses() []customer.Status {
	return []customer.Status{customer.StatusActive, customer.StatusArchived, customer.StatusMerged}
}

func customerTone(status string) string {
	switch customer.Status(status) {
	case customer.StatusActive:
		return "success"
	case customer.StatusMerged:
		return "info"
	default:
		return "neutral"
	}
}

// customerList is what the page of customers shows.
type customerList struct {
	Customers query.List[query.Customer]
	// What was asked for. Search is in no address.
	Search, Status, Tag string
}

func (l customerList) narrowed() bool { return l.Search+l.Status+l.Tag != "" }

// address is that of the list without what was searched for; cursor is where a part of it begins.
func (l customerList) address(cursor string) string {
	return address("/customers", "status", l.Status, "tag", l.Tag, "cursor", cursor)
}

func (s *server) customers(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list := customerList{Search: strings.TrimSpace(r.PostFormValue("q")), Status: r.FormValue("status"), Tag: strings.TrimSpace(r.FormValue("tag"))}
	var check query.Parameters
	filter := query.CustomerFilter{Tag: check.Tag(list.Tag), Search: seen(ctx, query.ParseCustomerSearch(list.Search))}
	for _, status := range customerStatuses() {
		if list.Status == string(status) {
			filter.Status = list.Status
		}
	}
	if filter.Status != list.Status {
		check.Refuse("status", t(ctx, "problem.status-unknown"))
	}
	page := check.Page(new(listSize), r.FormValue("cursor"))
	if err := check.Problem(); err != nil {
		return err
	}
	found, err := s.app.Queries.Customers(ctx, viewOf(ctx).WorkspaceID, filter, page)
	if err != nil {
		return err
	}
	list.Customers = seenList(ctx, found)
	if r.Method == http.MethodPost {
		w.Header().Set("HX-Replace-Url", list.address(""))
	}
	return show(w, r, customersPage(list))
}

// customerView is what the page of a customer shows.
type customerView struct {
	Customer query.Customer
	// Orders are the latest of theirs, Timeline what happened to them.
	Orders   query.List[query.Order]
	Timeline query.Timeline
	// Unmerge is what taking the merge of a merged customer back would make of both; nil where that cannot be, and Survivor who stands for
	// them until then.
	Unmerge  *query.Merge
	Survivor *query.Customer
	// Revealed tells that a contact was just revealed to somebody who is shown it masked otherwise.
	Revealed bool
	// Notice says what was just done, Refused why something was not.
	Notice, Refused string
	// Merged is who was just merged into this customer.
	Merged uuid.UUID
}

// path is the address of a part of the customer's page; empty for the page itself.
func (v customerView) path(part string) string { return customerPath(v.Customer.ID, part) }

func customerPath(id uuid.UUID, part string) string {
	if part == "" {
		return "/customers/" + id.String()
	}
	return "/customers/" + id.String() + "/" + part
}

// latestOrders is how many orders the page of a customer shows.
const latestOrders = 5

// customerRecord reads a customer. The id of one who was merged leads to who stands for them: then it is the record that was merged, as the
// log has it, and the survivor beside it.
func (s *server) customerRecord(ctx context.Context, id uuid.UUID) (_ query.Customer, survivor *query.Customer, _ error) {
	workspaceID := viewOf(ctx).WorkspaceID
	found, err := s.app.Queries.Customer(ctx, workspaceID, id)
	if err != nil || found.ID == id {
		return found, nil, err
	}
	merged, err := s.app.Queries.AsOf.Own(ctx, workspaceID, id)
	return merged, &found, err
}

// customerViewOf reads what the page of a customer shows.
func (s *server) customerViewOf(ctx context.Context, id uuid.UUID) (customerView, error) {
	found, survivor, err := s.customerRecord(ctx, id)
	if err != nil {
		return customerView{}, err
	}
	v := customerView{Customer: seen(ctx, found)}
	if v.Timeline, err = s.timelineOfCustomer(ctx, id, ""); err != nil {
		return customerView{}, err
	}
	if survivor != nil { // who has the orders, too
		v.Survivor = new(seen(ctx, *survivor))
		if seesContacts(ctx) {
			v.Unmerge, v.Refused, err = s.unmergePreview(ctx, id)
		}
		return v, err
	}
	orders, err := s.app.Queries.Orders(ctx, viewOf(ctx).WorkspaceID, query.OrderFilter{CustomerID: uuid.NullUUID{UUID: id, Valid: true}},
		query.Page{Limit: latestOrders})
	if err != nil {
		return customerView{}, err
	}
	v.Orders = seenList(ctx, orders)
	return v, nil
}

func (s *server) customer(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	v, err := s.customerViewOf(ctx, id)
	if err != nil {
		return err
	}
	switch asked := r.URL.Query(); asked.Get("done") {
	case "added":
		v.Notice = t(ctx, "customer.added")
	case "edited":
		v.Notice = t(ctx, "customer.edited")
	case "archived":
		v.Notice = t(ctx, "customer.archived")
	case "restored":
		v.Notice = t(ctx, "customer.restored")
	case "unmerged":
		v.Notice = t(ctx, "merge.unmerged")
	case "merged":
		v.Notice = t(ctx, "merge.merged")
		v.Merged, _ = uuid.Parse(asked.Get("other")) // without it, nothing leads there
	}
	return show(w, r, customerPage(v))
}

// customerTimeline is the part of a customer's timeline that follows.
func (s *server) customerTimeline(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	timeline, err := s.timelineOfCustomer(r.Context(), id, r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	return show(w, r, timelinePart(timeline, customerPath(id, "timeline")))
}

func (s *server) timelineOfCustomer(ctx context.Context, id uuid.UUID, cursor string) (query.Timeline, error) {
	return timelineOf(ctx, s.app.Queries.Timeline.OfCustomer, id, cursor)
}

// revealCustomer shows the customer's own record unmasked, this once. Their orders and timeline stay masked.
func (s *server) revealCustomer(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	asked := command.RevealContact{By: by(ctx), AccountID: viewOf(ctx).Account.ID, CustomerID: id}
	if err := s.app.Commands.RevealContact.Handle(ctx, asked); err != nil {
		return err
	}
	v, err := s.customerViewOf(ctx, id)
	if err != nil {
		return err
	}
	if v.Customer, _, err = s.customerRecord(ctx, id); err != nil {
		return err
	}
	v.Revealed = true
	return show(w, r, customerPage(v))
}

// customerForm is what was typed of a customer. Lists have a line for each entry.
type customerForm struct {
	ID      uuid.UUID // nil for somebody new
	Version int

	Name, Phones, Emails, Address, Gender, Birthday, Tags, Note string

	Refused string
	// Meanwhile is what the customer has by now, when somebody else changed them while this was typed; nil when nobody did.
	Meanwhile *customerForm
}

func (f customerForm) path() string {
	if f.ID == uuid.Nil {
		return "/customers/new"
	}
	return customerPath(f.ID, "edit")
}

// customerFormOf is a customer as one who edits them finds them.
func customerFormOf(c query.Customer) customerForm {
	phones := make([]string, 0, len(c.Phones))
	for _, stored := range c.Phones {
		phones = append(phones, phone(stored))
	}
	return customerForm{
		ID: c.ID, Version: c.Version, Name: c.Name, Phones: strings.Join(phones, "\n"), Emails: strings.Join(c.Emails, "\n"),
		Address: orEmpty(c.Address), Gender: orEmpty(c.Gender), Birthday: orEmpty(c.Birthday), Tags: strings.Join(c.Tags, "\n"),
		Note: orEmpty(c.Note),
	}
}

func readCustomerForm(r *http.Request) customerForm {
	text := func(name string) string { return strings.ReplaceAll(r.PostFormValue(name), "\r\n", "\n") }
	version, _ := strconv.Atoi(r.PostFormValue("version")) // a missing one is refused below
	return customerForm{
		Version: version, Name: text("name"), Phones: text("phones"), Emails: text("emails"), Address: text("address"), Gender: text("gender"),
		Birthday: text("birthday"), Tags: text("tags"), Note: text("note"),
	}
}

// lines are the lines of a text that say something.
func lines(text string) []string {
	all := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func (s *server) newCustomerPage(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, customerFormPage(customerForm{}))
}

func (s *server) addCustomer(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readCustomerForm(r)
	added, err := s.app.Commands.AddCustomer.Handle(ctx, command.AddCustomer{By: by(ctx), Details: customer.Details{
		Name: form.Name, Phones: lines(form.Phones), Emails: lines(form.Emails), Address: form.Address, Gender: form.Gender,
		Birthday: form.Birthday, Tags: lines(form.Tags), Note: form.Note,
	}})
	if refused, ok := problem.Of(err); ok && refused.Kind() == problem.KindInvalid {
		form.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, customerFormPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, added.Position)
	seeOther(w, r, customerPath(added.State.ID, "")+"?done=added")
	return nil
}

func (s *server) editCustomerPage(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	found, err := s.app.Queries.Customer(r.Context(), viewOf(r.Context()).WorkspaceID, id)
	if err != nil {
		return err
	}
	return show(w, r, customerFormPage(customerFormOf(found)))
}

func (s *server) editCustomer(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readCustomerForm(r)
	var err error
	if form.ID, err = idOf(r); err != nil {
		return err
	}
	if form.Version <= 0 {
		return errFormBroken
	}
	edited, err := s.app.Commands.EditCustomer.Handle(ctx, command.EditCustomer{
		By: by(ctx), ID: form.ID, IfVersion: command.IfVersion(form.Version), Edit: customer.Edit{
			Name: &form.Name, Phones: new(lines(form.Phones)), Emails: new(lines(form.Emails)), Address: &form.Address, Gender: &form.Gender,
			Birthday: &form.Birthday, Tags: new(lines(form.Tags)), Note: &form.Note,
		},
	})
	if refused, ok := refusalOf(err); ok {
		form.Refused = sayWhole(ctx, refused)
		if refused.Kind() == problem.KindStale {
			// What was typed stays, beside what there is by now. Sending it again insists on that.
			found, err := s.app.Queries.Customer(ctx, viewOf(ctx).WorkspaceID, form.ID)
			if err != nil {
				return err
			}
			form.Meanwhile, form.Version = new(customerFormOf(found)), found.Version
		}
		render(w, r, http.StatusUnprocessableEntity, customerFormPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, edited.Position)
	seeOther(w, r, customerPath(form.ID, "")+"?done=edited")
	return nil
}

// customerStatus takes a customer out of use or back into it.
func (s *server) customerStatus(to customer.Status) handler {
	done := "restored"
	if to == customer.StatusArchived {
		done = "archived"
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		id, version, err := versionOf(r)
		if err != nil {
			return err
		}
		changed, err := s.app.Commands.ChangeCustomerStatus.Handle(ctx, command.ChangeCustomerStatus{
			By: by(ctx), ID: id, IfVersion: version, Status: to,
		})
		if err != nil {
			return s.customerRefused(w, r, id, err)
		}
		s.settle(ctx, changed.Position)
		seeOther(w, r, customerPath(id, "")+"?done="+done)
		return nil
	}
}

// customerRefused shows the customer as they are now, and why nothing was done to them.
func (s *server) customerRefused(w http.ResponseWriter, r *http.Request, id uuid.UUID, err error) error {
	refused, ok := refusalOf(err)
	if !ok {
		return err
	}
	v, err := s.customerViewOf(r.Context(), id)
	if err != nil {
		return err
	}
	v.Refused = sayWhole(r.Context(), refused)
	render(w, r, http.StatusUnprocessableEntity, customerPage(v))
	return nil
}

func customerFormTitle(ctx context.Context, form customerForm) string {
	if form.ID == uuid.Nil {
		return t(ctx, "customers.add")
	}
	return t(ctx, "customer.edit.title")
}
