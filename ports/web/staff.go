package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

func (s *server) staffRoutes(r routes) {
	r.viewer("GET /staff", s.staff)
	r.viewer("POST /staff", s.staff) // a search is sent, so that no address says who is looked for
	r.operator("GET /staff/new", s.newUserPage)
	r.operator("POST /staff/new", s.addUser)
	r.viewer("GET /staff/unmapped", s.unmappedPage)
	r.operator("POST /staff/unmapped", s.mapStaff)
	r.viewer("GET /staff/{id}", s.user)
	r.viewer("GET /staff/{id}/timeline", s.userTimeline)
	r.operator("GET /staff/{id}/edit", s.editUserPage)
	r.operator("POST /staff/{id}/edit", s.editUser)
	r.operator("POST /staff/{id}/deactivate", s.setUserActive(false))
	r.operator("POST /staff/{id}/activate", s.setUserActive(true))
	r.operator("POST /staff/{id}/past", s.assignPast)
	r.operator("POST /staff/{id}/unmap", s.unmapStaff)
}

func staffPath(id uuid.UUID, part string) string {
	if part == "" {
		return "/staff/" + id.String()
	}
	return "/staff/" + id.String() + "/" + part
}

// userList is what the page of staff shows.
type userList struct {
	Users query.List[query.User]
	// What was asked for. Search is in no address; Active is yes, no, or empty for all.
	Search, Active string
}

func (l userList) narrowed() bool { return l.Search+l.Active != "" }

// address is that of the list without what was searched for; cursor is where a part of it begins.
func (l userList) address(cursor string) string {
	return address("/staff", "active", l.Active, "cursor", cursor)
}

func (s *server) staff(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list := userList{Search: strings.TrimSpace(r.PostFormValue("q")), Active: r.FormValue("active")}
	filter := query.UserFilter{Text: list.Search, WholeContacts: !seesContacts(ctx)}
	var check query.Parameters
	switch list.Active {
	case "":
	case "yes":
		filter.Active = new(true)
	case "no":
		filter.Active = new(false)
	default:
		check.Refuse("active", t(ctx, "problem.status-unknown"))
	}
	page := check.Page(new(listSize), r.FormValue("cursor"))
	if err := check.Problem(); err != nil {
		return err
	}
	found, err := s.app.Queries.Users(ctx, viewOf(ctx).WorkspaceID, filter, page)
	if err != nil {
		return err
	}
	list.Users = seenList(ctx, found)
	if r.Method == http.MethodPost {
		w.Header().Set("HX-Replace-Url", list.address(""))
	}
	return show(w, r, staffPage(list))
}

// userView is what the page of a member of staff shows.
type userView struct {
	User            query.UserDetail
	Timeline        query.Timeline
	Notice, Refused string
}

func (s *server) userViewOf(ctx context.Context, id uuid.UUID) (userView, error) {
	found, err := s.app.Queries.User(ctx, viewOf(ctx).WorkspaceID, id)
	if err != nil {
		return userView{}, err
	}
	timeline, err := s.timelineOfUser(ctx, id, "")
	return userView{User: seen(ctx, found), Timeline: timeline}, err
}

func (s *server) user(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	v, err := s.userViewOf(ctx, id)
	if err != nil {
		return err
	}
	switch asked := r.URL.Query(); asked.Get("done") {
	case "added":
		v.Notice = t(ctx, "staff.added")
	case "edited":
		v.Notice = t(ctx, "staff.edited")
	case "deactivated":
		v.Notice = t(ctx, "staff.deactivated")
	case "activated":
		v.Notice = t(ctx, "staff.activated")
	case "unmapped":
		v.Notice = t(ctx, "staff.unmapped.done")
	case "past":
		v.Notice = pastNotice(ctx, asked.Get("changed"), asked.Get("remaining"))
	}
	return show(w, r, userPage(v))
}

// pastNotice says how many past orders were given to somebody, and how many are left.
func pastNotice(ctx context.Context, changed, remaining string) string {
	done, _ := strconv.Atoi(changed) // as the address was made here
	left, _ := strconv.Atoi(remaining)
	said := t(ctx, "staff.past.done", "Count", done)
	if left > 0 {
		said += " " + t(ctx, "staff.past.left", "Count", left)
	}
	return said
}

// userTimeline is the part of the timeline of a member of staff that follows.
func (s *server) userTimeline(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	timeline, err := s.timelineOfUser(r.Context(), id, r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	return show(w, r, timelinePart(timeline, staffPath(id, "timeline")))
}

func (s *server) timelineOfUser(ctx context.Context, id uuid.UUID, cursor string) (query.Timeline, error) {
	return timelineOf(ctx, s.app.Queries.Timeline.OfUser, id, cursor)
}

// userForm is what was typed of a member of staff.
type userForm struct {
	ID      uuid.UUID // nil for somebody new
	Version int

	Name, Phone, Email string

	Refused string
	// Meanwhile is what they have by now, when somebody else changed them while this was typed; nil when nobody did.
	Meanwhile *userForm
}

func (f userForm) path() string {
	if f.ID == uuid.Nil {
		return "/staff/new"
	}
	return staffPath(f.ID, "edit")
}

func userFormOf(u query.UserDetail) userForm {
	return userForm{ID: u.ID, Version: u.Version, Name: u.Name, Phone: phone(orEmpty(u.Phone)), Email: orEmpty(u.Email)}
}

func readUserForm(r *http.Request) userForm {
	version, _ := strconv.Atoi(r.PostFormValue("version")) // a missing one is refused below
	return userForm{Version: version, Name: r.PostFormValue("name"), Phone: r.PostFormValue("phone"), Email: r.PostFormValue("email")}
}

func (s *server) newUserPage(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, userFormPage(userForm{}))
}

func (s *server) addUser(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readUserForm(r)
	added, err := s.app.Commands.AddUser.Handle(ctx, command.AddUser{By: by(ctx), Name: form.Name, Phone: form.Phone, Email: form.Email})
	if refused, ok := isRefused(err); ok {
		form.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, userFormPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, added.Position)
	seeOther(w, r, staffPath(added.State.ID, "")+"?done=added")
	return nil
}

func (s *server) editUserPage(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	found, err := s.app.Queries.User(r.Context(), viewOf(r.Context()).WorkspaceID, id)
	if err != nil {
		return err
	}
	return show(w, r, userFormPage(userFormOf(found)))
}

func (s *server) editUser(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readUserForm(r)
	var err error
	if form.ID, err = idOf(r); err != nil {
		return err
	}
	if form.Version <= 0 {
		return errFormBroken
	}
	edited, err := s.app.Commands.EditUser.Handle(ctx, command.EditUser{
		By: by(ctx), ID: form.ID, IfVersion: command.IfVersion(form.Version),
		Edit: user.Edit{Name: &form.Name, Phone: &form.Phone, Email: &form.Email},
	})
	if refused, ok := refusalOf(err); ok {
		form.Refused = sayWhole(ctx, refused)
		if refused.Kind() == problem.KindStale {
			found, err := s.app.Queries.User(ctx, viewOf(ctx).WorkspaceID, form.ID)
			if err != nil {
				return err
			}
			form.Meanwhile, form.Version = new(userFormOf(found)), found.Version
		}
		render(w, r, http.StatusUnprocessableEntity, userFormPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, edited.Position)
	seeOther(w, r, staffPath(form.ID, "")+"?done=edited")
	return nil
}

// setUserActive takes a member of staff out of use or back into it.
func (s *server) setUserActive(active bool) handler {
	done := "deactivated"
	if active {
		done = "activated"
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		id, version, err := versionOf(r)
		if err != nil {
			return err
		}
		changed, err := s.app.Commands.SetUserActive.Handle(ctx, command.SetUserActive{By: by(ctx), ID: id, IfVersion: version, Active: active})
		if err != nil {
			return s.userRefused(w, r, id, err)
		}
		s.settle(ctx, changed.Position)
		seeOther(w, r, staffPath(id, "")+"?done="+done)
		return nil
	}
}

// userRefused shows the member of staff as they are now, and why nothing was done to them.
func (s *server) userRefused(w http.ResponseWriter, r *http.Request, id uuid.UUID, err error) error {
	refused, ok := isRefused(err)
	if !ok {
		return err
	}
	v, err := s.userViewOf(r.Context(), id)
	if err != nil {
		return err
	}
	v.Refused = sayWhole(r.Context(), refused)
	render(w, r, http.StatusUnprocessableEntity, userPage(v))
	return nil
}

// assignPast gives past orders of a member of a shop's staff to the user whom they are mapped to: those that were left when it was asked
// for, or that nobody asked for.
func (s *server) assignPast(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	mapped, err := s.app.Commands.MapStaff.Handle(ctx, command.MapStaff{By: by(ctx), UserID: id, StaffKey: r.PostFormValue("key"), Past: true})
	if err != nil {
		return s.userRefused(w, r, id, err)
	}
	s.settle(ctx, mapped.User.Position)
	to := address(staffPath(id, ""), "done", "past", "changed", strconv.Itoa(mapped.Changed), "remaining", strconv.Itoa(mapped.Remaining))
	seeOther(w, r, to)
	return nil
}

func (s *server) unmapStaff(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, version, err := versionOf(r)
	if err != nil {
		return err
	}
	unmapped, err := s.app.Commands.UnmapStaff.Handle(ctx, command.UnmapStaff{
		By: by(ctx), UserID: uuid.NullUUID{UUID: id, Valid: true}, IfVersion: version, StaffKey: r.PostFormValue("key"),
	})
	if err != nil {
		return s.userRefused(w, r, id, err)
	}
	s.settle(ctx, unmapped.Position)
	seeOther(w, r, staffPath(id, "")+"?done=unmapped")
	return nil
}

// unmappedView is what the page shows on which members of shops' staff are mapped.
type unmappedView struct {
	Staff query.UnmappedStaffList
	// Users are those whom somebody can be mapped to.
	Users           []query.User
	Notice, Refused string
	// Mapped is who was just mapped to.
	Mapped uuid.UUID
}

// suggested is the user whose name somebody has, without regard to diacritics; the nil id when that is none, or not the only one.
func (v unmappedView) suggested(staff query.UnmappedStaff) uuid.UUID {
	name := strings.Join(contact.WordsOf(orEmpty(staff.Name)), " ")
	var id uuid.UUID
	for _, one := range v.Users {
		if name == "" || strings.Join(contact.WordsOf(one.Name), " ") != name {
			continue
		}
		if id != uuid.Nil {
			return uuid.Nil
		}
		id = one.ID
	}
	return id
}

func (s *server) unmappedViewOf(ctx context.Context) (unmappedView, error) {
	found, err := s.app.Queries.UnmappedStaff(ctx, viewOf(ctx).WorkspaceID, query.DefaultLimit)
	if err != nil {
		return unmappedView{}, err
	}
	v := unmappedView{Staff: seen(ctx, found)}
	v.Users, err = s.staffToChoose(ctx, query.UserFilter{Active: new(true)})
	return v, err
}

// chosenFrom bounds how many members of staff a list to choose from has.
const chosenFrom = 1000

// firstUsers are members of staff, for a list to choose one from.
func (s *server) firstUsers(ctx context.Context, filter query.UserFilter) ([]query.User, error) {
	var users []query.User
	page := query.Page{Limit: query.MaxLimit}
	for len(users) < chosenFrom {
		found, err := s.app.Queries.Users(ctx, viewOf(ctx).WorkspaceID, filter, page)
		if err != nil {
			return nil, err
		}
		users = append(users, seenList(ctx, found).Items...)
		if found.NextCursor == nil {
			break
		}
		if page, err = query.ParsePage(new(query.MaxLimit), *found.NextCursor); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// staffToChoose are those of firstUsers by name.
func (s *server) staffToChoose(ctx context.Context, filter query.UserFilter) ([]query.User, error) {
	users, err := s.firstUsers(ctx, filter)
	slices.SortStableFunc(users, func(a, b query.User) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return users, err
}

// staffChoice is a member of staff in a list to choose from.
func staffChoice(ctx context.Context, one query.User) string {
	if one.Active {
		return one.Name
	}
	return one.Name + " (" + t(ctx, "staff.state.inactive") + ")"
}

func (s *server) unmappedPage(w http.ResponseWriter, r *http.Request) error {
	ctx, asked := r.Context(), r.URL.Query()
	v, err := s.unmappedViewOf(ctx)
	if err != nil {
		return err
	}
	if id, err := uuid.Parse(asked.Get("mapped")); err == nil {
		to, err := s.app.Queries.User(ctx, viewOf(ctx).WorkspaceID, id)
		if err != nil {
			return err
		}
		v.Mapped, v.Notice = id, t(ctx, "staff.mapped", "Name", seen(ctx, to).Name)
		if asked.Has("changed") {
			v.Notice += " " + pastNotice(ctx, asked.Get("changed"), asked.Get("remaining"))
		}
	}
	return show(w, r, unmappedStaffPage(v))
}

func (s *server) mapStaff(w http.ResponseWriter, r *http.Request) error {
	ctx, past := r.Context(), r.PostFormValue("past") != ""
	id, err := uuid.Parse(r.PostFormValue("user"))
	if err != nil {
		return errFormBroken
	}
	mapped, err := s.app.Commands.MapStaff.Handle(ctx, command.MapStaff{
		By: by(ctx), UserID: id, StaffKey: r.PostFormValue("key"), StaffName: r.PostFormValue("name"), Past: past,
	})
	if refused, ok := isRefused(err); ok {
		v, err := s.unmappedViewOf(ctx)
		if err != nil {
			return err
		}
		v.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, unmappedStaffPage(v))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, mapped.User.Position)
	to := address("/staff/unmapped", "mapped", id.String())
	if past {
		to = address("/staff/unmapped", "mapped", id.String(), "changed", strconv.Itoa(mapped.Changed), "remaining", strconv.Itoa(mapped.Remaining))
	}
	seeOther(w, r, to)
	return nil
}

func userFormTitle(ctx context.Context, form userForm) string {
	if form.ID == uuid.Nil {
		return t(ctx, "staff.add")
	}
	return t(ctx, "staff.edit.title")
}

// staffName is what a shop calls a member of its staff, or their key when it does not say.
func staffName(name *string, key string) string {
	return cmp.Or(orEmpty(name), key)
}
