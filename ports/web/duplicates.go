package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

func (s *server) duplicateRoutes(r routes) {
	r.viewer("GET /customers/duplicates", s.duplicates)
	r.viewer("GET /customers/duplicates/more", s.moreDuplicates)
	r.operator("GET /customers/{id}/merge", s.mergePage)
	r.operator("POST /customers/{id}/merge", s.merge)
	r.operator("POST /customers/{id}/merge/search", s.mergeSearch)
	r.operator("POST /customers/{id}/unmerge", s.unmerge)
}

// duplicateList is a part of the list of duplicates, and how many of the page stand before it.
type duplicateList struct {
	query.List[query.Duplicate]

	before int
}

func (l duplicateList) shown() int { return l.before + len(l.Items) }

func (s *server) findDuplicates(r *http.Request, before int) (duplicateList, error) {
	ctx := r.Context()
	found, err := s.app.Queries.Duplicates.Handle(ctx, viewOf(ctx).WorkspaceID, r.URL.Query().Get("cursor"), listSize-before)
	return duplicateList{List: seenList(ctx, found), before: before}, err
}

func (s *server) duplicates(w http.ResponseWriter, r *http.Request) error {
	list, err := s.findDuplicates(r, 0)
	if err != nil {
		return err
	}
	return show(w, r, duplicatesPage(list))
}

// moreDuplicates goes on with a page that is not full yet, where so far there was looked at a part of all customers.
func (s *server) moreDuplicates(w http.ResponseWriter, r *http.Request) error {
	before, err := strconv.Atoi(r.URL.Query().Get("shown"))
	if err != nil || before < 0 || before >= listSize {
		return errPageUnknown
	}
	list, err := s.findDuplicates(r, before)
	if err != nil {
		return err
	}
	return show(w, r, duplicatesPart(list))
}

// keyShown is a phone or an email as people read it.
func keyShown(key contact.Key) string {
	if key.Kind == contact.KindPhone {
		return phone(key.Value)
	}
	return key.Value
}

// mergeView is what the page shows on which two customers are merged.
type mergeView struct {
	Survivor query.Customer
	// Search is what was typed to find the other one, Found who was found by it or shares a phone or email.
	Search string
	Found  []query.Customer
	// Other is who is merged into the survivor, Take the fields of theirs that win, and Preview what comes of it; nil until another is
	// chosen, or when they cannot be merged.
	Other   *query.Customer
	Take    []string
	Preview *query.Merge
	// Orders is how many orders the other one has, at most countedOrders; MoreOrders tells that there are more.
	Orders     int
	MoreOrders bool
	Refused    string
}

// countedOrders bounds how many orders are counted before two customers are merged.
const countedOrders = 100

// takes tells that the other one's value of a field wins.
func (v mergeView) takes(field string) bool { return slices.Contains(v.Take, field) }

// mergeRow is a field that one of two customers has, and what they become.
type mergeRow struct {
	Name, Survivor, Other, Together string
	// Takeable is the field's name when it has to be chosen whose value wins; empty when both are joined, or one has none.
	Takeable string
}

func mergeRows(ctx context.Context, v mergeView) []mergeRow {
	before, other, after := v.Preview.Before, *v.Other, v.Preview.Survivor
	row := func(name string, of func(query.Customer) string) mergeRow {
		return mergeRow{Name: name, Survivor: of(before), Other: of(other), Together: of(after)}
	}
	single := func(field, name string, of func(query.Customer) string) mergeRow {
		one := row(name, of)
		if one.Survivor != "" && one.Other != "" && one.Survivor != one.Other {
			one.Takeable = field
		}
		return one
	}
	rows := []mergeRow{
		single("name", t(ctx, "customer.name"), func(c query.Customer) string { return c.Name }),
		row(t(ctx, "customer.phone"), func(c query.Customer) string { return phones(c.Phones) }),
		row(t(ctx, "customer.email"), func(c query.Customer) string { return strings.Join(c.Emails, "\n") }),
		single("address", t(ctx, "customer.address"), func(c query.Customer) string { return orEmpty(c.Address) }),
		single("gender", t(ctx, "customer.gender"), func(c query.Customer) string { return gender(ctx, c.Gender) }),
		single("birthday", t(ctx, "customer.birthday"), func(c query.Customer) string { return day(orEmpty(c.Birthday)) }),
		row(t(ctx, "customer.tags"), func(c query.Customer) string { return strings.Join(c.Tags, "\n") }),
		row(t(ctx, "customer.note"), func(c query.Customer) string { return orEmpty(c.Note) }),
	}
	return slices.DeleteFunc(rows, func(r mergeRow) bool { return r.Survivor == "" && r.Other == "" })
}

// phones are some of them, a line for each.
func phones(stored []string) string {
	shown := make([]string, 0, len(stored))
	for _, one := range stored {
		shown = append(shown, phone(one))
	}
	return strings.Join(shown, "\n")
}

// gender is a gender in a word; empty for none.
func gender(ctx context.Context, stored *string) string {
	if stored == nil {
		return ""
	}
	return tOr(ctx, "customer.gender."+*stored, *stored)
}

// mergePage shows what comes of merging, or who could be merged while nobody is chosen.
func (s *server) mergePage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.mergeViewOf(r, r.URL.Query().Get("other"), r.URL.Query()["take"])
	if err != nil {
		return err
	}
	return show(w, r, mergeCustomersPage(v))
}

func (s *server) mergeViewOf(r *http.Request, otherID string, take []string) (mergeView, error) {
	ctx := r.Context()
	workspaceID := viewOf(ctx).WorkspaceID
	id, err := idOf(r)
	if err != nil {
		return mergeView{}, err
	}
	v := mergeView{Take: take}
	if v.Survivor, err = s.app.Queries.Customer(ctx, workspaceID, id); err != nil {
		return mergeView{}, err
	}
	if otherID == "" {
		v.Found, err = s.sharing(ctx, v.Survivor)
		return v, err
	}
	chosen, err := uuid.Parse(otherID)
	if err != nil {
		return mergeView{}, errPageUnknown
	}
	// The id of somebody who was merged leads to who stands for them.
	other, err := s.app.Queries.Customer(ctx, workspaceID, chosen)
	if err != nil {
		return mergeView{}, err
	}
	v.Other = &other
	done, err := s.app.Commands.MergeCustomers.Handle(ctx, command.MergeCustomers{
		By: by(ctx), Survivor: v.Survivor.ID, Merged: other.ID, Take: take, DryRun: true,
	})
	if refused, ok := problem.Of(err); ok && (refused.Kind() == problem.KindInvalid || refused.Kind() == problem.KindConflict) {
		v.Refused = sayWhole(ctx, refused)
		return v, nil
	}
	if err != nil {
		return mergeView{}, err
	}
	v.Preview = new(query.MergeOf(done.Before, done.Survivor, done.Other, true))
	orders, err := s.app.Queries.Orders(ctx, workspaceID, query.OrderFilter{CustomerID: uuid.NullUUID{UUID: other.ID, Valid: true}},
		query.Page{Limit: countedOrders})
	v.Orders, v.MoreOrders = len(orders.Items), orders.NextCursor != nil
	return v, err
}

// sharedKeys bounds by how many of a customer's phones and emails others are looked for who have them too.
const sharedKeys = 6

// sharing are other customers in use who have a phone or an email of a customer.
func (s *server) sharing(ctx context.Context, with query.Customer) ([]query.Customer, error) {
	var filters []query.CustomerFilter
	for _, stored := range with.Phones {
		filters = append(filters, query.CustomerFilter{Phone: stored})
	}
	for _, stored := range with.Emails {
		filters = append(filters, query.CustomerFilter{Email: stored})
	}
	var found []query.Customer
	for _, filter := range filters[:min(len(filters), sharedKeys)] {
		part, err := s.others(ctx, with, filter)
		if err != nil {
			return nil, err
		}
		for _, one := range part {
			if !slices.ContainsFunc(found, func(c query.Customer) bool { return c.ID == one.ID }) {
				found = append(found, one)
			}
		}
	}
	return found, nil
}

// others are the first of some customers, without one.
func (s *server) others(ctx context.Context, without query.Customer, filter query.CustomerFilter) ([]query.Customer, error) {
	const shown = 10
	found, err := s.app.Queries.Customers(ctx, viewOf(ctx).WorkspaceID, filter, query.Page{Limit: shown})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found.Items, func(c query.Customer) bool { return c.ID == without.ID }), nil
}

// mergeSearch looks for whom to merge.
func (s *server) mergeSearch(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v, err := s.mergeViewOf(r, "", nil)
	if err != nil {
		return err
	}
	if v.Search = strings.TrimSpace(r.PostFormValue("q")); v.Search != "" {
		if v.Found, err = s.others(ctx, v.Survivor, query.CustomerFilter{Search: query.ParseCustomerSearch(v.Search)}); err != nil {
			return err
		}
	}
	return show(w, r, mergeCustomersPage(v))
}

func (s *server) merge(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, version, err := versionOf(r)
	if err != nil {
		return err
	}
	other, err := uuid.Parse(r.PostFormValue("other"))
	if err != nil {
		return errFormBroken
	}
	take := r.PostForm["take"]
	done, err := s.app.Commands.MergeCustomers.Handle(ctx, command.MergeCustomers{
		By: by(ctx), IfVersion: version, Survivor: id, Merged: other, Take: take,
	})
	if refused, ok := refusalOf(err); ok {
		v, err := s.mergeViewOf(r, other.String(), take)
		if err != nil {
			return err
		}
		v.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, mergeCustomersPage(v))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, done.Position)
	seeOther(w, r, address(customerPath(id, ""), "done", "merged", "other", other.String()))
	return nil
}

// unmergePreview is what taking a merge back would make of both, or why it cannot be taken back.
func (s *server) unmergePreview(ctx context.Context, merged uuid.UUID) (_ *query.Merge, refusal string, _ error) {
	done, err := s.app.Commands.MergeCustomers.Unmerge(ctx, command.UnmergeCustomer{By: by(ctx), Merged: merged, DryRun: true})
	if refused, ok := problem.Of(err); ok && refused.Kind() == problem.KindConflict {
		if refused.Code() == customer.ErrNotMerged.Code() {
			return nil, "", nil // somebody has just taken it back
		}
		return nil, t(ctx, "merge.chain"), nil
	}
	if err != nil {
		return nil, "", err
	}
	return new(query.MergeOf(done.Before, done.Survivor, done.Other, true)), "", nil
}

func (s *server) unmerge(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, version, err := versionOf(r)
	if err != nil {
		return err
	}
	done, err := s.app.Commands.MergeCustomers.Unmerge(ctx, command.UnmergeCustomer{By: by(ctx), IfVersion: version, Merged: id})
	if err != nil {
		return s.customerRefused(w, r, id, err)
	}
	s.settle(ctx, done.Position)
	seeOther(w, r, customerPath(id, "")+"?done=unmerged")
	return nil
}
