package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres"
	"orderbridge/adapters/spreadsheet"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
	"orderbridge/domain/user"
)

func (b *bundle) addUser(t testing.TB, details user.Details) (user.State, error) {
	t.Helper()
	stored, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{
		By: b.by, Name: details.Name, Phone: details.Phone, Email: details.Email,
	})
	return stored.State, err
}

func (b *bundle) mustAddUser(t testing.TB, details user.Details) user.State {
	t.Helper()
	state, err := b.addUser(t, details)
	if err != nil {
		t.Fatal("add user:", err)
	}
	return state
}

func (b *bundle) changeUser(t testing.TB, id uuid.UUID, change func(*user.User) error) error {
	t.Helper()
	_, err := postgres.NewUsers(b.db).Update(t.Context(), b.by, id, change)
	return err
}

func (b *bundle) mustChangeUser(t testing.TB, id uuid.UUID, change func(*user.User) error) {
	t.Helper()
	if err := b.changeUser(t, id, change); err != nil {
		t.Fatal("change user:", err)
	}
}

// mapStaff maps as an operator does.
func (b *bundle) mapStaff(t testing.TB, cmd command.MapStaff) (command.MappedStaff, error) {
	t.Helper()
	cmd.By = b.by
	return command.NewMapStaffHandler(postgres.NewUsers(b.db), postgres.NewPastOrders(b.db)).Handle(t.Context(), cmd)
}

func (b *bundle) mustMapStaff(t testing.TB, cmd command.MapStaff) command.MappedStaff {
	t.Helper()
	mapped, err := b.mapStaff(t, cmd)
	if err != nil {
		t.Fatal("map staff:", err)
	}
	return mapped
}

// mustReassign assigns one order of the shop.
func (b *bundle) mustReassign(t testing.TB, id, staffKey string, to order.Staff) {
	t.Helper()
	past := []command.PastOrder{{Key: command.OrderKey{WorkspaceID: b.workspaceID, ShopID: shopID, OrderID: id}}}
	changed, _, err := postgres.NewPastOrders(b.db).Reassign(t.Context(), b.by, past, func(record order.Record) (order.OrderReassigned, bool) {
		return record.AssignMapped(staffKey, to)
	})
	if err != nil || changed != 1 {
		t.Fatalf("reassign: %d, %v", changed, err)
	}
}

// madeBy is an order whose creator has this id in the shop's system.
func madeBy(externalID string) func(*order.State) {
	return func(s *order.State) {
		s.Creator = order.Person{ExternalID: externalID, Name: "Nhân viên " + externalID}
	}
}

func TestUsersShareNoPhoneAndNoEmail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mai := b.mustAddUser(t, user.Details{Name: "Mai", Phone: "0904000321", Email: "mai@example.vn"})
	huy := b.mustAddUser(t, user.Details{Name: "Huy", Phone: "0904000322"})
	refused := func(t *testing.T, err error, code string) {
		t.Helper()
		wantProblem(t, err, problem.KindConflict, code)
		if want := "Mai (" + mai.ID.String() + ")"; !contains(err, want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	_, err := b.addUser(t, user.Details{Name: "Lan", Phone: "+84 904 000 321"})
	refused(t, err, "user-phone-taken")
	_, err = b.addUser(t, user.Details{Name: "Lan", Email: "MAI@example.vn"})
	refused(t, err, "user-email-taken")
	refused(t, b.changeUser(t, huy.ID, func(u *user.User) error { return u.Edit(user.Edit{Phone: new("0904000321")}) }), "user-phone-taken")

	// Whoever is not active holds nothing, and comes back only where nobody took their place.
	b.mustChangeUser(t, mai.ID, func(u *user.User) error { u.Deactivate(); return nil })
	lan := b.mustAddUser(t, user.Details{Name: "Lan", Phone: "0904000321"})
	err = b.changeUser(t, mai.ID, func(u *user.User) error { u.Reactivate(); return nil })
	wantProblem(t, err, problem.KindConflict, "user-phone-taken")
	if !contains(err, lan.ID.String()) {
		t.Errorf("%v does not name who took the phone", err)
	}
	b.mustChangeUser(t, mai.ID, func(u *user.User) error { return u.Edit(user.Edit{Phone: new("")}) })
	b.mustChangeUser(t, mai.ID, func(u *user.User) error { u.Reactivate(); return nil })

	// Two with one phone, from before it was refused, can be edited and keep it.
	twin := event.NewID()
	b.exec(t, "INSERT INTO users (workspace_id, id, name, phone, active) VALUES ($1, $2, 'Trùng', '+84904000322', true)", b.workspaceID, twin)
	b.mustChangeUser(t, huy.ID, func(u *user.User) error { return u.Edit(user.Edit{Name: new("Quốc Huy")}) })
	if got := scan[string](t, b, "SELECT name FROM users WHERE id = $1", huy.ID); got != "Quốc Huy" {
		t.Errorf("the directory has %q", got)
	}

	wantProblem(t, b.changeUser(t, event.NewID(), func(*user.User) error { return nil }), problem.KindNotFound, "user-unknown")
	other := b.addWorkspace(t, "other", "phone")
	if _, err := command.NewAddUserHandler(postgres.NewUsers(b.db)).Handle(t.Context(), command.AddUser{
		By: command.By{WorkspaceID: other, Actor: event.ActorCommandLine}, Name: "Mai", Phone: "0904000321", Email: "mai@example.vn",
	}); err != nil {
		t.Errorf("in another workspace the phone is free: %v", err)
	}
}

func contains(err error, part string) bool {
	return err != nil && strings.Contains(err.Error(), part)
}

// TestUsersAtTheSameTime: of many who want one phone, one staff key, or one way back, one gets it.
func TestUsersAtTheSameTime(t *testing.T) {
	t.Parallel()
	const writers = 12
	atOnce := func(do func(i int) error) (done int, refused []error) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range writers {
			wg.Go(func() {
				<-start
				err := do(i)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else {
					refused = append(refused, err)
				}
			})
		}
		close(start)
		wg.Wait()
		return done, refused
	}
	check := func(t *testing.T, done int, refused []error, code string) {
		t.Helper()
		if done != 1 || len(refused) != writers-1 {
			t.Fatalf("%d succeeded, %d were refused", done, len(refused))
		}
		for _, err := range refused {
			wantProblem(t, err, problem.KindConflict, code)
		}
	}

	t.Run("adding one phone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		done, refused := atOnce(func(i int) error {
			_, err := b.addUser(t, user.Details{Name: fmt.Sprint("Mai ", i), Phone: "0904000321"})
			return err
		})
		check(t, done, refused, "user-phone-taken")
		if got := scan[int64](t, b, "SELECT count(*) FROM users"); got != 1 {
			t.Errorf("%d users", got)
		}
	})

	t.Run("changing to one email", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var ids []uuid.UUID
		for i := range writers {
			ids = append(ids, b.mustAddUser(t, user.Details{Name: fmt.Sprint("Mai ", i)}).ID)
		}
		done, refused := atOnce(func(i int) error {
			return b.changeUser(t, ids[i], func(u *user.User) error { return u.Edit(user.Edit{Email: new("mai@example.vn")}) })
		})
		check(t, done, refused, "user-email-taken")
	})

	t.Run("mapping one staff key", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var ids []uuid.UUID
		for i := range writers {
			ids = append(ids, b.mustAddUser(t, user.Details{Name: fmt.Sprint("Mai ", i)}).ID)
		}
		done, refused := atOnce(func(i int) error {
			return b.changeUser(t, ids[i], func(u *user.User) error { return u.Map(user.Staff{Key: "u-1"}) })
		})
		check(t, done, refused, "staff-key-mapped")
		if got := scan[int64](t, b, "SELECT count(*) FROM staff_mappings"); got != 1 {
			t.Errorf("%d mappings", got)
		}
	})

	t.Run("importing one file", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		handler := command.NewImportUsersHandler(postgres.NewUsers(b.db), spreadsheet.Users{})
		var mu sync.Mutex
		added := 0
		done, refused := atOnce(func(int) error {
			imported, err := handler.Handle(t.Context(), command.ImportUsers{By: b.by, File: []byte("name,phone\nMai,0904000321\nHuy,0904000322\nLan,\n")})
			mu.Lock()
			defer mu.Unlock()
			added += len(imported.Added)
			return err
		})
		if done != writers || added != 3 || scan[int64](t, b, "SELECT count(*) FROM users") != 3 {
			t.Errorf("%d succeeded and added %d: %v", done, added, refused)
		}
	})
}

func TestStaffMappings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mai, huy := b.mustAddUser(t, user.Details{Name: "Mai"}), b.mustAddUser(t, user.Details{Name: "Huy"})
	preview := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", IfVersion: 1, DryRun: true})
	if preview.User.State != mai || preview.User.Version != 1 || preview.User.Position != 0 {
		t.Errorf("a preview leaves behind %+v", preview)
	}
	mapped := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: " u-1 ", StaffName: "Mai ở quầy", IfVersion: 1})
	if mapped.Staff != (user.Staff{Key: "u-1", Name: "Mai ở quầy"}) || mapped.User.State != mai || mapped.User.Version != 2 || mapped.User.Position != b.head(t) {
		t.Errorf("%+v", mapped)
	}
	if again := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1"}); again.User.Position != 0 || again.User.Version != 2 {
		t.Errorf("mapping twice says something new: %+v", again)
	}
	_, err := b.mapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-2", IfVersion: 1})
	wantProblem(t, err, problem.KindStale, "version-stale")
	_, err = b.mapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-2", IfVersion: 1, DryRun: true})
	wantProblem(t, err, problem.KindStale, "version-stale")
	_, err = b.mapStaff(t, command.MapStaff{UserID: huy.ID, StaffKey: "u-1", DryRun: true})
	wantProblem(t, err, problem.KindConflict, "staff-key-mapped")
	_, err = b.mapStaff(t, command.MapStaff{UserID: huy.ID, StaffKey: "u-1"})
	wantProblem(t, err, problem.KindConflict, "staff-key-mapped")
	if !contains(err, "Mai ("+mai.ID.String()+")") {
		t.Errorf("%v does not name who has the key", err)
	}
	_, err = b.mapStaff(t, command.MapStaff{UserID: event.NewID(), StaffKey: "u-2"})
	wantProblem(t, err, problem.KindNotFound, "user-unknown")
	_, err = b.mapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "\x00"})
	wantProblem(t, err, problem.KindInvalid, "staff-invalid")

	b.mustChangeUser(t, mai.ID, func(u *user.User) error { u.Deactivate(); return nil })
	_, err = b.mapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-2"})
	wantProblem(t, err, problem.KindInvalid, "user-inactive")
	if got := list[string](t, b, "SELECT staff_key FROM staff_mappings WHERE user_id = $1", mai.ID); len(got) != 1 {
		t.Errorf("who is deactivated has the mappings %q", got)
	}
	b.mustChangeUser(t, mai.ID, func(u *user.User) error { u.Reactivate(); return nil })

	ofMai := uuid.NullUUID{UUID: mai.ID, Valid: true}
	unmap := command.NewUnmapStaffHandler(postgres.NewUsers(b.db))
	if _, err := unmap.Handle(t.Context(), command.UnmapStaff{By: b.by, UserID: ofMai, StaffKey: "u-1", IfVersion: 1}); err == nil {
		t.Error("a version that is no longer was taken")
	}
	if _, err := unmap.Handle(t.Context(), command.UnmapStaff{By: b.by, UserID: ofMai, StaffKey: "u-1"}); err != nil {
		t.Fatal(err)
	}
	_, err = unmap.Handle(t.Context(), command.UnmapStaff{By: b.by, UserID: ofMai, StaffKey: "u-1"})
	wantProblem(t, err, problem.KindNotFound, "staff-not-mapped")
	_, err = unmap.Handle(t.Context(), command.UnmapStaff{By: b.by, StaffKey: "u-1"})
	wantProblem(t, err, problem.KindNotFound, "staff-not-mapped")
	b.mustMapStaff(t, command.MapStaff{UserID: huy.ID, StaffKey: "u-1"})
	_, err = unmap.Handle(t.Context(), command.UnmapStaff{By: command.By{WorkspaceID: event.NewID(), Actor: b.by.Actor}, StaffKey: "u-1"})
	wantProblem(t, err, problem.KindNotFound, "staff-not-mapped")
	if unmapped, err := unmap.Handle(t.Context(), command.UnmapStaff{By: b.by, StaffKey: " u-1 "}); err != nil || unmapped.State != huy {
		t.Errorf("unmapped %+v, %v", unmapped, err)
	}
	b.mustMapStaff(t, command.MapStaff{UserID: huy.ID, StaffKey: "u-1"})
	if got := scan[uuid.UUID](t, b, "SELECT user_id FROM staff_mappings WHERE staff_key = 'u-1'"); got != huy.ID {
		t.Errorf("the key is mapped to %s", got)
	}
	b.foldAll(t)
	detail, err := postgres.NewReadModel(b.db).User(t.Context(), b.workspaceID, huy.ID)
	if err != nil || len(detail.Staff) != 1 || detail.Staff[0].Key != "u-1" || detail.Staff[0].Name != nil || detail.Version != 4 {
		t.Errorf("%+v, %v", detail, err)
	}
}

func TestUnmappedStaff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	read := postgres.NewReadModel(b.db)
	later := func(hours int) func(*order.State) {
		return func(s *order.State) { s.OrderedAt = s.OrderedAt.Add(time.Duration(hours) * time.Hour) }
	}
	editor := func(s *order.State) { s.FirstEditor = order.Person{Name: "Chỉ có tên"} }
	person := func(p order.Person) func(*order.State) { return func(s *order.State) { s.Creator = p } }
	for i := range 7 {
		b.ingestNew(t, log, anOrder(fmt.Sprint("1-", i), person(order.Person{
			ExternalID: "u-1", Name: fmt.Sprint("Mai ", i), Phone: "+84904000321", Email: "mai@example.vn",
		}), later(i), editor))
	}
	b.ingestNew(t, log, anOrder("2-0", editor), anOrder("2-1", editor), anOrder("3-0", creator("", "huy@example.vn")), anOrder("4-0"),
		anOrder("2-2", editor, func(s *order.State) { s.ShopID = "99" })) // a namesake

	unmapped := func(limit int) query.UnmappedStaffList {
		b.foldAll(t)
		got, err := read.UnmappedStaff(t.Context(), b.workspaceID, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	keys := func(l query.UnmappedStaffList) string {
		words := []string{fmt.Sprint(l.Total, ":")}
		for _, staff := range l.Items {
			words = append(words, fmt.Sprintf("%s=%d", staff.Key, staff.Orders))
		}
		return strings.Join(words, " ")
	}
	got := unmapped(50)
	if want := "4: u-1=7 name:" + shopID + ":Chỉ có tên=2 huy@example.vn=1 name:99:Chỉ có tên=1"; keys(got) != want {
		t.Fatalf("got %s, want %s", keys(got), want)
	}
	first := got.Items[0]
	if *first.Name != "Mai 6" || *first.Phone != "+84904000321" || *first.Email != "mai@example.vn" || first.NewestAt.Sub(first.OldestAt) != 6*time.Hour ||
		len(first.SampleOrders) != query.MaxSampleOrders || first.SampleOrders[0] != order.DefaultCodeTemplate.Code(shopID, "1-6") {
		t.Errorf("%+v", first)
	}
	if second := got.Items[1]; *second.Name != "Chỉ có tên" || second.Phone != nil || second.Email != nil {
		t.Errorf("%+v", second)
	}
	if cut := keys(unmapped(1)); cut != "4: u-1=7" {
		t.Errorf("the first of them are %s", cut)
	}
	other := b.addWorkspace(t, "other", "phone")
	if foreign, err := read.UnmappedStaff(t.Context(), other, 50); err != nil || len(foreign.Items) != 0 || foreign.Total != 0 {
		t.Errorf("another workspace sees %+v, %v", foreign, err)
	}

	// Who is known by now is left out: by a mapping, by email. Who is no longer active is unknown again.
	mai := b.mustAddUser(t, user.Details{Name: "Mai"})
	b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1"})
	b.mustAddUser(t, user.Details{Name: "Huy", Email: "huy@example.vn"})
	if got := keys(unmapped(50)); got != "2: name:"+shopID+":Chỉ có tên=2 name:99:Chỉ có tên=1" {
		t.Errorf("got %s", got)
	}
	b.mustChangeUser(t, mai.ID, func(u *user.User) error { u.Deactivate(); return nil })
	if got := keys(unmapped(50)); got != "3: u-1=7 name:"+shopID+":Chỉ có tên=2 name:99:Chỉ có tên=1" {
		t.Errorf("got %s", got)
	}
	namesake := b.mustMapStaff(t, command.MapStaff{UserID: b.mustAddUser(t, user.Details{Name: "Tên"}).ID, StaffKey: "name:99:Chỉ có tên", Past: true})
	if got := keys(unmapped(50)); namesake.Changed != 1 || got != "2: u-1=7 name:"+shopID+":Chỉ có tên=2" {
		t.Errorf("a name that is mapped in one shop: %+v, leaves %s", namesake, got)
	}
}

func TestPastOrders(t *testing.T) {
	t.Parallel()

	t.Run("past orders of the member of staff go to the user, and no others", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		log := b.newLog(t)
		mai, known, desk := b.mustAddUser(t, user.Details{Name: "Mai"}), b.mustAddUser(t, user.Details{Name: "Quen", Phone: "0904000999"}), b.mustAddUser(t, user.Details{Name: "Quầy"})
		editor := func(key string) func(*order.State) {
			return func(s *order.State) { s.FirstEditor = order.Person{ExternalID: key} }
		}
		b.ingestNew(t, log, anOrder("1", madeBy("u-1")), anOrder("2", editor("u-1")), anOrder("3", madeBy("u-2"), editor("u-1")),
			anOrder("4", func(s *order.State) { s.Creator = order.Person{ExternalID: "u-1", Phone: "+84904000999"} }), anOrder("5"))
		b.connectShop(t, shopID, desk.ID)
		b.ingestNew(t, log, anOrder("6", madeBy("u-1")))

		before := b.head(t)
		preview := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", Past: true, DryRun: true})
		if preview.Found != 3 || preview.Changed != 0 || preview.Remaining != 3 || b.head(t) != before || scan[int64](t, b, "SELECT count(*) FROM staff_mappings") != 0 {
			t.Errorf("the preview says %+v", preview)
		}
		if only := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1"}); only.Found != 3 || only.Changed != 0 || b.head(t) != before+1 {
			t.Errorf("without past orders: %+v", only)
		}
		mapped := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", Past: true})
		if mapped.Found != 3 || mapped.Changed != 3 || mapped.Remaining != 0 || mapped.User.Position != b.head(t) {
			t.Errorf("%+v", mapped)
		}
		again := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", Past: true})
		if again.Found != 0 || again.Changed != 0 || again.User.Position != 0 {
			t.Errorf("again: %+v", again)
		}
		b.foldAll(t)
		read := postgres.NewReadModel(b.db)
		for id, want := range map[string]struct {
			to     uuid.UUID
			reason order.AssigneeReason
		}{
			"1": {mai.ID, order.AssignedByCreatorMapped}, "2": {mai.ID, order.AssignedByFirstEditorMapped}, "3": {uuid.Nil, order.AssignedToNobody},
			"4": {known.ID, order.AssignedByCreatorPhone}, "5": {uuid.Nil, order.AssignedToNobody}, "6": {mai.ID, order.AssignedByCreatorMapped},
		} {
			got, err := read.Order(t.Context(), b.workspaceID, order.DefaultCodeTemplate.Code(shopID, id))
			if err != nil || got.AssigneeReason != want.reason || (got.Assignee == nil) != (want.to == uuid.Nil) || got.Assignee != nil && got.Assignee.ID != want.to {
				t.Errorf("order %s went to %+v (%s), %v", id, got.Assignee, got.AssigneeReason, err)
			}
		}
		reassigned := payloadsOf[order.OrderReassigned](b.events(t))
		var was order.Assignee
		if err := json.Unmarshal(reassigned[2].Changes[0].Before, &was); err != nil || reassigned[2].Changes[0].Field != "assignee" ||
			was != (order.Assignee{UserID: desk.ID, Name: "Quầy", Reason: order.AssignedByShopDefault}) {
			t.Errorf("what changed is told as %+v, was %+v", reassigned[2].Changes, was)
		}

		// What the shop says next is held against the order as it is now.
		updated := b.ingestNew(t, log, anOrder("1", madeBy("u-1"), status(1), updatedAfter(time.Minute)))
		if got := payloadsOf[order.OrderUpdated](updated); len(got) != 1 || got[0].Assignee.UserID != mai.ID {
			t.Errorf("%+v", got)
		}
	})

	t.Run("more than a chunk of them, while the shop goes on delivering", func(t *testing.T) {
		t.Parallel()
		const orders = 450
		b := setup(t)
		log := b.newLog(t)
		mai := b.mustAddUser(t, user.Details{Name: "Mai"})
		for first := 0; first < orders; first += 90 {
			var states []order.State
			for i := range 90 {
				states = append(states, anOrder(fmt.Sprint(first+i), madeBy("u-1")))
			}
			b.ingestNew(t, log, states...)
		}
		b.foldAll(t)

		done := make(chan struct{})
		delivering := make(chan error, 1)
		go func() { delivering <- b.redeliver(t, log, orders, done) }()
		mapped := b.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "u-1", Past: true})
		close(done)
		if err := <-delivering; err != nil {
			t.Fatal(err)
		}
		if mapped.Found != orders || mapped.Changed != orders || mapped.Remaining != 0 {
			t.Errorf("found %d, changed %d, remaining %d", mapped.Found, mapped.Changed, mapped.Remaining)
		}
		b.foldAll(t)
		if got := scan[int64](t, b, "SELECT count(*) FROM crm_orders WHERE assignee_id = $1 AND assignee_reason = 'creator_mapped'", mai.ID); got != orders {
			t.Errorf("%d orders are assigned to the user", got)
		}
		if wrong := scan[int64](t, b, `SELECT count(*) FROM order_heads h WHERE h.stream_version <> (
			SELECT max(e.version) FROM events e WHERE e.stream = 'order/' || h.shop_id || '/' || h.order_id)`); wrong != 0 {
			t.Errorf("%d heads do not stand at the end of their streams", wrong)
		}
	})
}

// redeliver delivers newer versions of orders, a slice at a time, until it is done. A slice that another writer was
// faster than is decided again, as the consumer does.
func (b *bundle) redeliver(t testing.TB, log *postgres.Log, orders int, done <-chan struct{}) error {
	t.Helper()
	consumer := postgres.PolicyConsumer(b.db, postgres.NewListener(b.db, quiet()), policy.NewOnOrderReceived(ingestHandler()))
	for round := 1; ; round++ {
		select {
		case <-done:
			return nil
		default:
		}
		var batch []event.New
		for i := range 30 {
			batch = append(batch, received(b.workspaceID, anOrder(fmt.Sprint((round*30+i)%orders), madeBy("u-1"), updatedAfter(time.Duration(round)*time.Minute))))
		}
		after := int64(0)
		if err := b.db.Requests().QueryRow(t.Context(), "SELECT max(position) FROM events").Scan(&after); err != nil {
			return err
		}
		if err := log.Append(t.Context(), batch...); err != nil {
			return err
		}
		for {
			err := pgx.BeginFunc(t.Context(), b.db.Consumers(), func(tx pgx.Tx) error {
				var upto int64
				if err := tx.QueryRow(t.Context(), "SELECT max(position) FROM events WHERE type = 'OrderReceived'").Scan(&upto); err != nil {
					return err
				}
				return consumer.Handle(t.Context(), tx, eventbus.Slice{After: after, Upto: upto})
			})
			if err == nil {
				break
			}
			if !consumer.IsConflict(err) && !consumer.IsTransient(err) {
				return errors.Join(errors.New("ingest"), err)
			}
		}
	}
}
