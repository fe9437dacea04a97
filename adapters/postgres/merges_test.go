package postgres_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/order"
	"orderbridge/domain/workspace"
)

// ordersOf are the codes of the orders that are shown with a customer.
func (b *bundle) ordersOf(t *testing.T, id uuid.UUID) []string {
	t.Helper()
	return list[string](t, b, "SELECT external_id FROM crm_orders WHERE customer_id = $1 ORDER BY external_id", id)
}

func (b *bundle) matched(t *testing.T, log *postgres.Log, states ...order.State) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for _, created := range payloadsOf[order.OrderCreated](b.ingestNew(t, log, states...)) {
		ids = append(ids, created.CustomerID)
	}
	b.foldAll(t)
	return ids
}

func TestMergedCustomersLeadToTheSurvivor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	merging := command.NewMergeCustomersHandler(postgres.NewCustomers(b.db))
	read := postgres.NewReadModel(b.db)
	customers := map[string]uuid.UUID{}
	for i, name := range []string{"A", "B", "C"} {
		customers[name] = b.mustAddCustomer(t, customer.Details{Name: name, Phones: []string{fmt.Sprintf("091200045%d", i)}}).ID
	}
	phoneOf := func(i int) func(*order.State) { return phones(fmt.Sprintf("+8491200045%d", i)) }
	for i := range 3 {
		b.matched(t, log, anOrder(fmt.Sprint("before-", i), phoneOf(i)))
	}
	unkeyed := b.matched(t, log, anOrder("unkeyed-1", phones(), emails(), buyer("B-7")))[0] // known by the shop's id alone
	merge := func(survivor, merged uuid.UUID) {
		t.Helper()
		if _, err := merging.Handle(t.Context(), command.MergeCustomers{By: b.by, Survivor: survivor, Merged: merged}); err != nil {
			t.Fatal(err)
		}
		b.foldAll(t)
	}
	unmerge := func(merged uuid.UUID) {
		t.Helper()
		if _, err := merging.Unmerge(t.Context(), command.UnmergeCustomer{By: b.by, Merged: merged}); err != nil {
			t.Fatal(err)
		}
		b.foldAll(t)
	}
	wantOrders := func(id uuid.UUID, want ...string) {
		t.Helper()
		if got := b.ordersOf(t, id); !slices.Equal(got, want) {
			t.Errorf("orders %q, want %q", got, want)
		}
	}
	leadsTo := func(id, survivor uuid.UUID) {
		t.Helper()
		if found, err := read.Customer(t.Context(), b.workspaceID, id); err != nil || found.ID != survivor {
			t.Errorf("%s leads to %s, want %s; %v", id, found.ID, survivor, err)
		}
	}
	a, bo, c := customers["A"], customers["B"], customers["C"]
	preview, err := merging.Handle(t.Context(), command.MergeCustomers{By: b.by, Survivor: a, Merged: bo, DryRun: true})
	if err != nil || len(preview.Survivor.Phones) != 2 || len(preview.Before.Phones) != 1 || preview.Position != 0 {
		t.Fatalf("the preview is %+v, %v", preview, err)
	}
	wantOrders(a, "before-0")

	merge(bo, unkeyed) // whom a shop knows by an id of its own
	merge(a, bo)       // and with them
	wantOrders(a, "before-0", "before-1", "unkeyed-1")
	wantOrders(bo)
	leadsTo(bo, a)
	leadsTo(unkeyed, a)
	if list, err := read.Customers(t.Context(), b.workspaceID, query.CustomerFilter{}, query.Page{Limit: 10}); err != nil || len(list.Items) != 2 {
		t.Errorf("%d customers are listed, %v", len(list.Items), err)
	}
	if got := b.matched(t, log, anOrder("between-1", phoneOf(1)), anOrder("between-2", phones(), emails(), buyer("B-7"))); !slices.Equal(got, []uuid.UUID{a, a}) {
		t.Errorf("orders in between went to %s, want %s", got, a)
	}
	b.ingestNew(t, log, anOrder("before-1", phoneOf(1), updatedAfter(1))) // an older order says something new
	b.foldAll(t)
	wantOrders(a, "before-0", "before-1", "between-1", "between-2", "unkeyed-1")

	merge(c, a)
	wantOrders(c, "before-0", "before-1", "before-2", "between-1", "between-2", "unkeyed-1")
	leadsTo(unkeyed, c)
	if _, err := merging.Unmerge(t.Context(), command.UnmergeCustomer{By: b.by, Merged: bo}); err == nil {
		t.Error("a merge within a merged customer was taken back")
	}
	unmerge(a)
	wantOrders(c, "before-2")
	leadsTo(unkeyed, a)
	unmerge(bo)
	wantOrders(a, "before-0", "between-1", "between-2")
	wantOrders(bo, "before-1", "unkeyed-1")
	unmerge(unkeyed)
	wantOrders(bo, "before-1")
	wantOrders(unkeyed, "unkeyed-1")
	if got := b.matched(t, log, anOrder("after-0", phoneOf(0)), anOrder("after-1", phoneOf(1)), anOrder("after-2", phoneOf(2)), anOrder("after-3", phones(), emails(), buyer("B-7"))); !slices.Equal(got, []uuid.UUID{a, bo, c, unkeyed}) {
		t.Errorf("afterwards orders went to %s, want %s", got, []uuid.UUID{a, bo, c, unkeyed})
	}
	if left := scan[int64](t, b, "SELECT count(*) FROM crm_merged"); left != 0 {
		t.Errorf("%d are still merged", left)
	}
	head := b.head(t)
	wantSame(t, "in one slice", folded(t, b, head), folded(t, b, everySlice(head, 1)...))
	wantSame(t, "in slices of seven", folded(t, b, head), folded(t, b, everySlice(head, 7)...))
}

// TestOrdersAcrossMerges: orders, edits, merges and unmerges in any order, then unmerges of all that are left, end as if nobody had ever
// been merged. What stays is what came in between: orders are with whom they matched then, and edits are with whom they were made to.
func TestOrdersAcrossMerges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	merging := command.NewMergeCustomersHandler(postgres.NewCustomers(b.db))
	read := postgres.NewReadModel(b.db)
	type person struct {
		id          uuid.UUID
		name, phone string
		into        *person
		orders      []string
	}
	made := 0 // of phones, names and orders, over all that is drawn: each is there once
	rapid.Check(t, func(rt *rapid.T) {
		people := make([]*person, 3)
		for i := range people {
			made++
			p := &person{name: fmt.Sprint("Khách ", made), phone: fmt.Sprintf("+8491%07d", made)}
			p.id = b.mustAddCustomer(t, customer.Details{Name: p.name, Phones: []string{p.phone}}).ID
			people[i] = p
		}
		standsFor := func(p *person) *person {
			for p.into != nil {
				p = p.into
			}
			return p
		}
		some := func(which func(*person) bool, label string) *person {
			found := slices.DeleteFunc(slices.Clone(people), func(p *person) bool { return !which(p) })
			if len(found) == 0 {
				return nil
			}
			return found[rapid.IntRange(0, len(found)-1).Draw(rt, label)]
		}
		stands := func(p *person) bool { return p.into == nil }
		canLeave := func(p *person) bool { return p.into != nil && p.into.into == nil }
		unmerge := func(p *person) {
			if _, err := merging.Unmerge(t.Context(), command.UnmergeCustomer{By: b.by, Merged: p.id}); err != nil {
				rt.Fatal("unmerge:", err)
			}
			p.into = nil
		}
		check := func() {
			b.foldAll(t)
			for _, p := range people {
				var want []string
				for _, other := range people {
					if standsFor(other) == p {
						want = append(want, other.orders...)
					}
				}
				if got := b.ordersOf(t, p.id); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
					rt.Fatalf("%s has the orders %q, want %q", p.name, got, want)
				}
				if found, err := read.Customer(t.Context(), b.workspaceID, p.id); err != nil || found.ID != standsFor(p).id {
					rt.Fatalf("%s leads to %s, want %s; %v", p.name, found.ID, standsFor(p).id, err)
				}
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			made++
			switch rapid.SampledFrom([]string{"order", "order", "merge", "merge", "unmerge", "edit"}).Draw(rt, "step") {
			case "order":
				p := people[rapid.IntRange(0, 2).Draw(rt, "buyer")]
				code := fmt.Sprintf("%08d", made)
				b.ingestNew(t, log, anOrder(code, phones(p.phone)))
				standsFor(p).orders = append(standsFor(p).orders, code)
			case "merge":
				survivor := some(stands, "survivor")
				merged := some(func(p *person) bool { return stands(p) && p != survivor }, "merged")
				if merged == nil {
					continue
				}
				take := rapid.SampledFrom([][]string{nil, {"name"}}).Draw(rt, "take")
				merge := command.MergeCustomers{By: b.by, Survivor: survivor.id, Merged: merged.id, Take: take}
				if _, err := merging.Handle(t.Context(), merge); err != nil {
					rt.Fatal("merge:", err)
				}
				merged.into = survivor
			case "unmerge":
				p := some(canLeave, "leaves")
				if p == nil {
					continue
				}
				unmerge(p)
			case "edit":
				p := some(stands, "edited")
				p.name = fmt.Sprint("Khách ", made)
				if _, err := b.editCustomer(t.Context(), p.id, customer.Edit{Name: &p.name}); err != nil {
					rt.Fatal("edit:", err)
				}
			}
			check()
		}
		for p := some(canLeave, "leaves"); p != nil; p = some(canLeave, "leaves") {
			unmerge(p)
		}
		check()
		for _, p := range people {
			found, err := read.Customer(t.Context(), b.workspaceID, p.id)
			if err != nil || found.Name != p.name || !slices.Equal(found.Phones, []string{p.phone}) || found.Status != string(customer.StatusActive) {
				rt.Errorf("ends as %+v, want %s with %s; %v", found, p.name, p.phone, err)
			}
		}
	})
	head := b.head(t)
	wantSame(t, "in slices of seven", folded(t, b, everySlice(head, 7)...), folded(t, b, head))
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	duplicates := query.NewDuplicatesHandler(postgres.NewReadModel(b.db), workspace.NewSecretKey())
	var ids []uuid.UUID
	for _, details := range []customer.Details{
		{Name: "A", Phones: []string{"0912000451"}, Emails: []string{"a@example.vn"}},
		{Name: "B", Phones: []string{"0912000451"}},
		{Name: "C", Emails: []string{"a@example.vn"}},
		{Name: "D", Phones: []string{"0912000451"}, Status: customer.StatusArchived},
		{Name: "E", Phones: []string{"0904000321"}},
	} {
		ids = append(ids, b.mustAddCustomer(t, details).ID)
	}
	b.foldAll(t)
	var found []query.Duplicate
	for cursor := ""; ; {
		part, err := duplicates.Handle(t.Context(), b.workspaceID, cursor, 1)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, part.Items...)
		if part.NextCursor == nil {
			break
		}
		cursor = *part.NextCursor
		if _, err := duplicates.Handle(t.Context(), uuid.New(), cursor, 1); err == nil {
			t.Error("a cursor is taken in another workspace")
		}
		if raw, _ := base64.RawURLEncoding.DecodeString(cursor); bytes.Contains(raw, []byte("example.vn")) {
			t.Error("the cursor shows an email")
		}
	}
	if len(found) != 2 || found[0].Key.Value != "a@example.vn" || found[0].Count != 2 || found[0].Customers[0].ID != ids[0] ||
		found[0].Customers[1].Name != "C" || found[1].Key.Value != "+84912000451" || found[1].Count != 2 {
		t.Errorf("%+v", found)
	}
}

// TestDuplicatesAmongManyCustomers: a part of the list looks at a part of all keys, and misses none at its end.
func TestDuplicatesAmongManyCustomers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const keys = 25_000
	b.exec(t, `INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
		SELECT $1, 'phone', '+849' || lpad(n::text, 8, '0'), gen_random_uuid(), true, false FROM generate_series(1, $2::int) n`, b.workspaceID, keys)
	// The holders of the 10,000th key lie on both sides of where the first part ends.
	shared := []int{9_999, 10_000, 10_001, 24_999}
	for _, n := range shared {
		b.exec(t, `INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
			SELECT $1, 'phone', '+849' || lpad($2::int::text, 8, '0'), gen_random_uuid(), true, false`, b.workspaceID, n)
	}
	duplicates := query.NewDuplicatesHandler(postgres.NewReadModel(b.db), workspace.NewSecretKey())
	var found []int
	parts := 0
	for cursor := ""; ; parts++ {
		part, err := duplicates.Handle(t.Context(), b.workspaceID, cursor, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range part.Items {
			n, _ := strconv.Atoi(strings.TrimPrefix(one.Key.Value, "+849"))
			if found = append(found, n); one.Count != 2 {
				t.Errorf("%d have %s", one.Count, one.Key.Value)
			}
		}
		if part.NextCursor == nil {
			break
		}
		cursor = *part.NextCursor
	}
	if !slices.Equal(found, shared) || parts < 2 {
		t.Errorf("found %v in %d parts, want %v", found, parts, shared)
	}
	all, err := duplicates.Find(t.Context(), b.workspaceID, "", 3)
	if err != nil || len(all.Items) != 3 || all.NextCursor == nil {
		t.Errorf("%d of 3 were found, %v", len(all.Items), err)
	}
}
