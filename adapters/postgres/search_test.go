//nolint:gosmopolitan // names of other scripts are searched here too
package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// importAll brings customers in as bare events, many at once, and folds them.
func (b *bundle) importAll(t testing.TB, states []customer.State) {
	t.Helper()
	log := b.newLog(t)
	for chunk := range slices.Chunk(states, 500) {
		var events []event.New
		for _, state := range chunk {
			events = append(events, event.New{
				ID: event.NewID(), WorkspaceID: b.workspaceID, Stream: event.CustomerStream(state.ID), Version: 1, Actor: event.ActorCommandLine,
				CorrelationID: event.NewID(), Payload: customer.CustomerImported{Customer: state, Origin: "import"},
			})
		}
		if err := log.Append(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
	}
	b.foldAll(t)
}

func named(name string) customer.State {
	return customer.State{ID: event.NewID(), Name: name, Phones: []string{}, Emails: []string{}, Status: customer.StatusActive, CreatedAt: now()}
}

// namesFound are those of the customers whom a search finds, sorted.
func (b *bundle) namesFound(t testing.TB, filter query.CustomerFilter) []string {
	t.Helper()
	names := []string{}
	for _, found := range all(t, 200, func(p query.Page) (query.List[query.Customer], error) {
		return postgres.NewReadModel(b.db).Customers(t.Context(), b.workspaceID, filter, p)
	}) {
		names = append(names, found.Name)
	}
	slices.Sort(names)
	return names
}

func TestSearchingCustomers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hoang := named("Hoàng Đăng Hạ")
	hoang.Phones, hoang.Emails, hoang.Tags = []string{"+84912000451"}, []string{"ha@example.com"}, []string{"VIP", "khách sỉ"}
	archived := named("Nguyễn Thị Hà")
	archived.Status, archived.Tags, archived.Phones = customer.StatusArchived, []string{"VIP"}, []string{"+84912000451"}
	b.importAll(t, []customer.State{
		hoang, archived, named(norm.NFD.String("Đặng Thị Hà")), named("O'Neil Ha-Linh"), named("0912000451"), named("客户 Яна"),
		named("lan@example.com"), named("''"),
	})
	for _, test := range []struct {
		name, q string
		want    []string
	}{
		{"nothing finds everybody", "", []string{"''", "0912000451", "Hoàng Đăng Hạ", "Nguyễn Thị Hà", "O'Neil Ha-Linh", "lan@example.com", norm.NFD.String("Đặng Thị Hà"), "客户 Яна"}},
		{"blanks are nothing", " \t", []string{"''", "0912000451", "Hoàng Đăng Hạ", "Nguyễn Thị Hà", "O'Neil Ha-Linh", "lan@example.com", norm.NFD.String("Đặng Thị Hà"), "客户 Яна"}},
		{"a word without diacritics", "ha", []string{"Hoàng Đăng Hạ", "Nguyễn Thị Hà", "O'Neil Ha-Linh", norm.NFD.String("Đặng Thị Hà")}},
		{"other diacritics find the same", "HẢ", []string{"Hoàng Đăng Hạ", "Nguyễn Thị Hà", "O'Neil Ha-Linh", norm.NFD.String("Đặng Thị Hà")}},
		{"all words have to be there, in any order", "ha dang", []string{"Hoàng Đăng Hạ", norm.NFD.String("Đặng Thị Hà")}},
		{"as it is written", "Đặng Thị Hà", []string{norm.NFD.String("Đặng Thị Hà")}},
		{"taken apart", norm.NFD.String("Hoàng Đăng"), []string{"Hoàng Đăng Hạ"}},
		{"beginnings of words", "ho đ h", []string{"Hoàng Đăng Hạ"}},
		{"the end of a word is none", "oang", []string{}},
		{"a hyphen and an apostrophe", "linh o'n", []string{"O'Neil Ha-Linh"}},
		{"other scripts", "ЯН 客", []string{"客户 Яна"}},
		{"a phone", "0912 000 451", []string{"Hoàng Đăng Hạ", "Nguyễn Thị Hà"}},
		{"a phone in another spelling", "(+84) 912.000.451", []string{"Hoàng Đăng Hạ", "Nguyễn Thị Hà"}},
		{"a phone that nobody has", "0987000102", []string{}},
		{"a part of a phone is a word", "0912", []string{"0912000451"}},
		{"an email", " HA@Example.com", []string{"Hoàng Đăng Hạ"}},
		{"half an email is words", "lan@exam", []string{"lan@example.com"}},
		{"nothing to look for finds nobody", "''", []string{}},
		{"signs only", "& | ! : * ( ) <-> \\", []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			slices.Sort(test.want)
			if got := b.namesFound(t, query.CustomerFilter{Search: query.ParseCustomerSearch(test.q)}); !slices.Equal(got, test.want) {
				t.Errorf("%q finds %q, want %q", test.q, got, test.want)
			}
		})
	}

	t.Run("a search goes with the other filters", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			filter query.CustomerFilter
			want   []string
		}{
			{query.CustomerFilter{Tag: "VIP"}, []string{"Hoàng Đăng Hạ", "Nguyễn Thị Hà"}},
			{query.CustomerFilter{Tag: "vip"}, []string{}},
			{query.CustomerFilter{Tag: "VIP", Search: query.ParseCustomerSearch("ha nguy")}, []string{"Nguyễn Thị Hà"}},
			{query.CustomerFilter{Status: "active", Search: query.ParseCustomerSearch("0912000451")}, []string{"Hoàng Đăng Hạ"}},
			{query.CustomerFilter{Phone: "+84912000451", Search: query.ParseCustomerSearch("thi")}, []string{"Nguyễn Thị Hà"}},
			{query.CustomerFilter{Phone: "+84987000102", Search: query.ParseCustomerSearch("0912000451")}, []string{}},
			{query.CustomerFilter{Email: "ha@example.com", Search: query.ParseCustomerSearch("0912000451")}, []string{"Hoàng Đăng Hạ"}},
		} {
			if got := b.namesFound(t, test.filter); !slices.Equal(got, test.want) {
				t.Errorf("%+v finds %q, want %q", test.filter, got, test.want)
			}
		}
	})

	t.Run("an edit of the name changes what finds them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lan := b.mustAddCustomer(t, details("Trần Lan"))
		b.mustEditCustomer(t, lan.ID, customer.Edit{Name: new("Trần Mai")})
		b.foldAll(t)
		if got := b.namesFound(t, query.CustomerFilter{Search: query.ParseCustomerSearch("mai")}); !slices.Equal(got, []string{"Trần Mai"}) {
			t.Errorf("the new name finds %q", got)
		}
		if got := b.namesFound(t, query.CustomerFilter{Search: query.ParseCustomerSearch("lan")}); len(got) > 0 {
			t.Errorf("the old name finds %q", got)
		}
	})

	t.Run("no text is an error", func(t *testing.T) {
		t.Parallel()
		read := postgres.NewReadModel(b.db)
		rapid.Check(t, func(t *rapid.T) {
			part := rapid.OneOf(
				rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(raw []byte) string { return string(raw) }),
				rapid.SampledFrom([]string{"&", "|", "!", ":*", "'", `\`, "<->", "<2>", "()", "\x00", "a:B", "--", "$1", "%", "\u1680", strings.Repeat("ế", 3000)}),
			)
			q := strings.Join(rapid.SliceOfN(part, 0, 40).Draw(t, "parts"), rapid.SampledFrom([]string{"", " "}).Draw(t, "blank"))
			filter := query.CustomerFilter{Search: query.ParseCustomerSearch(q)}
			if _, err := read.Customers(context.Background(), b.workspaceID, filter, query.Page{Limit: 1}); err != nil {
				t.Fatalf("%q: %v", q, err)
			}
		})
	})
}

// TestNamesAreTakenApartInOneWay: what the fold keeps of a name is what a search looks for, so every word of a name finds
// its customer.
func TestNamesAreTakenApartInOneWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const alphabet = "aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ"
	letters := []rune(alphabet + strings.ToUpper(alphabet) + "fjwzFJWZ0123456789 \t.,'-()/&|!:*\\\"<>@_·\u00a0\u2009\u200b\u3000ÆØÅßñÑçïЯжΣσ客\U0001f338Ｌ①")
	random := rand.New(rand.NewPCG(1, 2))
	var states []customer.State
	for i := range 1500 {
		name := make([]rune, 1+random.IntN(40))
		for n := range name {
			name[n] = letters[random.IntN(len(letters))]
		}
		text := string(name)
		if i%2 == 1 {
			text = norm.NFD.String(text)
		}
		states = append(states, named(text))
	}
	states = append(states, named(strings.Repeat("ế", 200)), named(strings.Repeat("\U0001f338", 200)), named(""), named("\ufeffLan\ufffd"))
	b.importAll(t, states)

	rows, err := b.admin.Query(t.Context(), "SELECT id, tsvector_to_array(search) FROM crm_customers")
	if err != nil {
		t.Fatal(err)
	}
	kept := map[uuid.UUID][]string{}
	for rows.Next() {
		var id uuid.UUID
		var words []string
		if err := rows.Scan(&id, &words); err != nil {
			t.Fatal(err)
		}
		slices.Sort(words)
		kept[id] = words
	}
	if err := rows.Err(); err != nil || len(kept) != len(states) {
		t.Fatalf("%d customers, %v", len(kept), err)
	}
	for _, state := range states {
		want := contact.WordsOf(state.Name)
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(kept[state.ID], want) {
			t.Errorf("%q is kept as %q, and looked for as %q", state.Name, kept[state.ID], want)
		}
	}
}

// TestPagesOfCustomersUnderWrites: whoever reads a list page by page while customers come, go and change gets nobody twice,
// and misses nobody who was in the list all the time.
func TestPagesOfCustomersUnderWrites(t *testing.T) { //nolint:tparallel // the parts write to one list
	t.Parallel()
	b := setup(t)
	read := postgres.NewReadModel(b.db)
	var states []customer.State
	for i := range 60 {
		state := named(fmt.Sprint("Lan ", i))
		state.Tags = []string{"VIP"}
		states = append(states, state)
	}
	b.importAll(t, states)
	for name, filter := range map[string]query.CustomerFilter{
		"all": {}, "found by name": {Search: query.ParseCustomerSearch("lan")}, "of a tag": {Tag: "VIP"}, "active": {Status: "active"},
	} {
		t.Run(name, func(t *testing.T) {
			turn := 0
			touched := map[uuid.UUID]bool{}
			found := all(t, 7, func(p query.Page) (query.List[query.Customer], error) {
				list, err := read.Customers(t.Context(), b.workspaceID, filter, p)
				// Between two pages one comes, one is edited out of the list or into it, and one is archived or restored.
				turn++
				b.mustAddCustomer(t, customer.Details{Name: fmt.Sprint("Lan new ", turn), Tags: []string{"VIP"}})
				edited, changed := states[(turn*17)%60].ID, states[(turn*23+5)%60].ID
				touched[edited], touched[changed] = true, true
				b.mustEditCustomer(t, edited, customer.Edit{Name: new(fmt.Sprint([]string{"Mai ", "Lan "}[turn%2], turn)), Tags: &[]string{fmt.Sprint(turn)}})
				b.setStatus(t, changed, []customer.Status{customer.StatusArchived, customer.StatusActive}[turn%2])
				b.foldAll(t)
				return list, err
			})
			seen := map[uuid.UUID]bool{}
			for _, one := range found {
				if seen[one.ID] {
					t.Errorf("%s is there twice", one.Name)
				}
				seen[one.ID] = true
			}
			throughout := 0
			for _, state := range states {
				if !touched[state.ID] && inList(t, b, filter, state.ID) {
					throughout++
					if !seen[state.ID] {
						t.Errorf("%s was there all the time and is missing", state.Name)
					}
				}
			}
			if throughout < 10 || turn < 5 {
				t.Errorf("%d customers stayed over %d pages, so this shows little", throughout, turn)
			}
		})
	}
}

// inList tells whether a customer is in a list now.
func inList(t testing.TB, b *bundle, filter query.CustomerFilter, id uuid.UUID) bool {
	t.Helper()
	return slices.ContainsFunc(all(t, 200, func(p query.Page) (query.List[query.Customer], error) {
		return postgres.NewReadModel(b.db).Customers(t.Context(), b.workspaceID, filter, p)
	}), func(one query.Customer) bool { return one.ID == id })
}

// TestPlansOfCustomerLists explains the lists on a table that just became large: before it was ever analysed, and after.
func TestPlansOfCustomerLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "ALTER TABLE crm_v1.crm_customers SET (autovacuum_enabled = false)")
	var states []customer.State
	for i := range 5000 {
		state := named(fmt.Sprintf("Lan %05d", i))
		state.Phones, state.Emails = []string{fmt.Sprintf("+849120%05d", i)}, []string{fmt.Sprintf("lan.%d@example.com", i)}
		state.Tags = []string{fmt.Sprint("tag ", i)}
		states = append(states, state)
	}
	b.importAll(t, states)
	collected := &statements{}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	read := postgres.NewReadModel(db)
	const list, keys = "crm_customers_list", "crm_customers_found"
	for _, analysed := range []bool{false, true} {
		if analysed {
			b.exec(t, "ANALYZE crm_v1.crm_customers")
		}
		for _, test := range []struct {
			name                 string
			filter               query.CustomerFilter
			unanalysed, analysed string
		}{
			{"all", query.CustomerFilter{}, list, list},
			{"a phone", query.CustomerFilter{Phone: "+84912000451"}, keys, keys},
			{"an email", query.CustomerFilter{Email: "lan.451@example.com"}, keys, keys},
			{"a tag", query.CustomerFilter{Tag: "tag 451"}, list, keys},
			{"a rare word", query.CustomerFilter{Search: query.ParseCustomerSearch("Lan 00451")}, list, keys},
			{"a word that all have", query.CustomerFilter{Search: query.ParseCustomerSearch("la")}, list, list},
			{"a search by phone", query.CustomerFilter{Search: query.ParseCustomerSearch("0912000451")}, keys, keys},
			{"a search by email", query.CustomerFilter{Search: query.ParseCustomerSearch("lan.451@example.com")}, keys, keys},
		} {
			found, err := read.Customers(t.Context(), b.workspaceID, test.filter, query.Page{Limit: 50})
			if err != nil || len(found.Items) == 0 {
				t.Fatalf("%s: %d customers, %v", test.name, len(found.Items), err)
			}
			want := test.unanalysed
			if analysed {
				want = test.analysed
			}
			taken := collected.take()
			top, text := explain(t, db, taken[len(taken)-1])
			collected.take()
			used := map[string]bool{}
			reads, narrowed := 0, 0
			top.each(func(node plan) {
				used[node.IndexName] = true
				if node.NodeType == "Seq Scan" {
					t.Errorf("%s reads all of %s\n%s", test.name, node.Relation, text)
				}
				if node.Relation != "" {
					reads++
				}
				if strings.Contains(node.IndexCond+node.Filter, "workspace_id = ") {
					narrowed++
				}
			})
			if narrowed < reads {
				t.Errorf("%s reads %d times, and %d times of one workspace\n%s", test.name, reads, narrowed, text)
			}
			if !used[want] {
				t.Errorf("%s (analysed: %t) does not use %s\n%s", test.name, analysed, want, text)
			}
		}
	}
	// These are plans for the arguments. The server would keep one for any arguments, if it were left to it.
	for _, conn := range db.Requests().AcquireAllIdle(t.Context()) {
		var generic int64
		err := conn.QueryRow(t.Context(), "SELECT coalesce(sum(generic_plans), 0)::bigint FROM pg_prepared_statements WHERE statement LIKE $1", "%CustomersPage%").Scan(&generic)
		conn.Release()
		if err != nil || generic > 0 {
			t.Errorf("%d times a plan was kept, %v", generic, err)
		}
	}
}
