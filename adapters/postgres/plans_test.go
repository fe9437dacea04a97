package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"orderbridge/adapters/eventbus"
	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/policy"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// statement is one that the service sent, with its arguments.
type statement struct {
	sql        string
	args       []any
	searchPath string // of a fold
	kept       bool   // sent on a connection that keeps plans
	begin      string // what its transaction began with, if that says how to read
}

var (
	nameOfQuery = regexp.MustCompile(`-- name: (\w+)`)
	// projectionSelected is how the next slice of a projection is looked for, which lets names mean its tables.
	projectionSelected = regexp.MustCompile(`set_config\('search_path', format\('(\w+)_v%s`)
)

// name is that of a query in queries/*.sql, else the statement's first words.
func (s statement) name() string {
	if found := nameOfQuery.FindStringSubmatch(s.sql); found != nil {
		return found[1]
	}
	if projectionSelected.MatchString(s.sql) {
		return "selectFolding"
	}
	return strings.Join(strings.Fields(s.sql)[:min(4, len(strings.Fields(s.sql)))], " ")
}

// statements collects what is sent through a connection: every statement that really runs, and only those.
type statements struct {
	mu        sync.Mutex
	collected []statement
	// searchPaths are those that transactions have set which are not at their end yet, begins what they
	// began with, if that says how to read.
	searchPaths map[*pgx.Conn]string
	begins      map[*pgx.Conn]string
}

func (s *statements) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case data.SQL == postgres.BeginInOrder, data.SQL == postgres.BeginByIndex:
		if s.begins == nil {
			s.begins = map[*pgx.Conn]string{}
		}
		s.begins[conn] = data.SQL
		return ctx
	case data.SQL == "commit", data.SQL == "rollback":
		delete(s.searchPaths, conn)
		delete(s.begins, conn)
		return ctx
	}
	s.collected = append(s.collected, statement{
		sql: data.SQL, args: data.Args, searchPath: s.searchPaths[conn], kept: keepsPlans(conn), begin: s.begins[conn],
	})
	if selected := projectionSelected.FindStringSubmatch(data.SQL); selected != nil { // in a new database, of which the first version is shown
		s.searchPaths[conn] = selected[1] + "_v1, public"
	}
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// keepsPlans tells connections of consumers and of look-ups.
func keepsPlans(conn *pgx.Conn) bool {
	return conn.Config().RuntimeParams["enable_seqscan"] == "off"
}

func (s *statements) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queued := range data.Batch.QueuedQueries {
		s.collected = append(s.collected, statement{
			sql: queued.SQL, args: queued.Arguments, searchPath: s.searchPaths[conn], kept: keepsPlans(conn),
		})
	}
	return ctx
}

func (*statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// take returns what was collected since the last call and can be explained.
func (s *statements) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := slices.DeleteFunc(s.collected, func(st statement) bool {
		first, _, _ := strings.Cut(strings.ToUpper(st.sql), " ")
		return slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK", "SET", "SAVEPOINT", "RELEASE", ";"}, strings.TrimSpace(first)) ||
			strings.HasPrefix(st.sql, "begin") || st.sql == ""
	})
	s.collected = nil
	return taken
}

// plan is a node of a plan as EXPLAIN shows it.
type plan struct {
	NodeType  string   `json:"Node Type"`       //nolint:tagliatelle // PostgreSQL's spelling
	Relation  string   `json:"Relation Name"`   //nolint:tagliatelle // PostgreSQL's spelling
	IndexName string   `json:"Index Name"`      //nolint:tagliatelle // PostgreSQL's spelling
	IndexCond string   `json:"Index Cond"`      //nolint:tagliatelle // PostgreSQL's spelling
	Filter    string   `json:"Filter"`          //nolint:tagliatelle // PostgreSQL's spelling
	SortKey   []string `json:"Sort Key"`        //nolint:tagliatelle // PostgreSQL's spelling
	Operation string   `json:"Operation"`       //nolint:tagliatelle // PostgreSQL's spelling
	Plans     []plan   `json:"Plans,omitempty"` //nolint:tagliatelle // PostgreSQL's spelling
}

// each visits a node and all below it.
func (p plan) each(visit func(plan)) {
	visit(p)
	for _, inner := range p.Plans {
		inner.each(visit)
	}
}

// rangesRead are the scans of a range of events that are made once for each row of something else: a slice for each of its own.
func (p plan) rangesRead(again bool) []plan {
	var found []plan
	if again && p.Relation == "events" && !strings.Contains(p.IndexCond, " = ") {
		found = append(found, p)
	}
	for i, inner := range p.Plans {
		found = append(found, inner.rangesRead(p.NodeType != "Materialize" && (again || p.NodeType == "Nested Loop" && i == 1))...)
	}
	return found
}

// explain asks for the plan that a statement gets, in a transaction that is undone.
func explain(t *testing.T, db *postgres.Database, st statement) (plan, string) {
	t.Helper()
	var stored []byte
	undo, pool := errors.New("undo"), db.Requests()
	if st.kept {
		pool = db.Consumers()
	}
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if st.searchPath != "" {
			if _, err := tx.Exec(t.Context(), "SELECT set_config('search_path', $1, true)", st.searchPath); err != nil {
				return err
			}
		}
		if _, settings, found := strings.Cut(st.begin, "; "); found {
			if _, err := tx.Exec(t.Context(), settings); err != nil {
				return err
			}
		}
		if st.kept { // which keeps the plan for any arguments
			lines, err := explainKept[[]byte](t.Context(), tx.Conn(), "(FORMAT JSON)", st.sql)
			if err != nil {
				return err
			}
			stored = lines[0]
			return undo
		}
		if err := tx.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+st.sql, st.args...).Scan(&stored); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatalf("explain %s: %v", st.name(), err)
	}
	var plans []struct {
		Plan plan `json:"Plan"` //nolint:tagliatelle // PostgreSQL's spelling
	}
	if err := json.Unmarshal(stored, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan, string(stored)
}

// explainKept asks for the plan that is kept for a statement on a connection that keeps plans.
func explainKept[Line any](ctx context.Context, conn *pgx.Conn, options, sql string) ([]Line, error) {
	prepared, err := conn.Prepare(ctx, "kept", sql)
	if err != nil {
		return nil, err
	}
	defer conn.Deallocate(context.WithoutCancel(ctx), "kept") //nolint:errcheck // undoing a transaction does not, and else the connection ends
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(prepared.ParamOIDs)), ", ")
	if nulls != "" {
		nulls = "(" + nulls + ")"
	}
	rows, err := conn.Query(ctx, "EXPLAIN "+options+" EXECUTE kept"+nulls, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[Line])
}

// largeTables grow without bound: reading one whole, once a slice, stops the service.
var largeTables = []string{
	"events", "customer_keys", "customer_heads", "order_heads", "buyer_bindings",
	"crm_customers", "crm_orders", "crm_order_lines", "crm_order_history", "deliveries",
	"deliveries_minutes", "daily_sales", "daily_sales_orders", "daily_sales_customers",
}

// sortsFew are statements that sort what is few: the types of a slice, the lines of some orders, the steps of a delivery, and parts of
// timelines that are merged.
var sortsFew = []string{"selectFolding", "OrderLines", "Correlated", "OrderTimeline", "CustomerTimeline", "UserTimeline", "ProjectionTimeline", "UnsettledDeliveries"}

// checkPlan holds a statement to what it may cost: no large table read whole, nothing sorted that an index keeps sorted.
func checkPlan(t *testing.T, db *postgres.Database, st statement) {
	t.Helper()
	top, text := explain(t, db, st)
	fold := st.searchPath != "" && st.name() != "MoveCursor"
	// A large slice may be joined with all of a read table, which is then not much larger.
	large := fold && st.args[1].(int64)-st.args[0].(int64) > 100
	var faults []string
	top.each(func(node plan) {
		switch {
		case node.NodeType == "Seq Scan" && node.Relation == "events",
			node.NodeType == "Seq Scan" && slices.Contains(largeTables, node.Relation) && !large:
			faults = append(faults, "reads all of "+node.Relation)
		case strings.Contains(node.NodeType, "Scan") && strings.HasPrefix(node.IndexName, "events_") && node.IndexCond == "":
			faults = append(faults, "reads "+node.IndexName+" from end to end")
		case node.IndexName == "events_stream_version" && !strings.Contains(node.IndexCond, "stream"):
			faults = append(faults, "reads all events where "+node.IndexCond)
		case node.IndexName == "events_pkey" && strings.Contains(node.IndexCond, "position") && strings.Contains(node.IndexCond, " >= "):
			faults = append(faults, "reads all events where "+node.IndexCond)
		case fold && node.IndexName == "events_stream_version" && strings.Contains(node.IndexCond, "stream = ") &&
			strings.Contains(node.IndexCond, "version >= "): // some of the last events of one order
		case fold && strings.HasPrefix(node.IndexName, "events_") && !strings.Contains(node.IndexCond, `"position" > `):
			faults = append(faults, "reads events where "+node.IndexCond+", and not a range of positions")
		case node.NodeType == "Sort" && !fold && !slices.Contains(sortsFew, st.name()):
			faults = append(faults, fmt.Sprint("sorts by ", node.SortKey))
		}
	})
	if len(faults) > 0 {
		t.Errorf("%s %s:\n%s\n%s", st.name(), strings.Join(faults, ", "), st.sql, text)
	}
}

// TestPlansOnTablesThatWereNeverAnalysed explains everything that the service does to the log and to the directories,
// on tables that just became large: the statistics of a new installation, or after a restore.
func TestPlansOnTablesThatWereNeverAnalysed(t *testing.T) { //nolint:tparallel // the statements are collected in one place
	t.Parallel()
	b := setup(t)
	for _, table := range list[string](t, b, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname IN ('public', 'crm_v1', 'deliveries_v1', 'daily_sales_v1')`) {
		b.exec(t, "ALTER TABLE "+table+" SET (autovacuum_enabled = false)")
	}
	collected := &statements{searchPaths: map[*pgx.Conn]string{}}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	log := postgres.NewLog(db)
	t.Cleanup(log.Close)
	head := fillLog(t, b, 3000)
	if analysed := scan[int64](t, b, "SELECT count(*) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid WHERE c.relname = ANY($1)", largeTables); analysed != 0 {
		t.Fatal("the tables were analysed")
	}
	collected.take()

	explained := map[string]bool{}
	check := func(t *testing.T, what string) {
		t.Helper()
		taken := collected.take()
		if len(taken) == 0 {
			t.Errorf("%s: no statement was seen", what)
		}
		for _, st := range taken {
			explained[st.name()] = true
			checkPlan(t, b.db, st)
		}
	}

	listener := postgres.NewListener(db, quiet())
	ingesting := postgres.PolicyConsumer(db, listener, policy.NewOnOrderReceived(ingestHandler()))
	consumers := []eventbus.Config{ingesting}
	for _, p := range postgres.Projections() {
		consumers = append(consumers, postgres.ProjectionConsumer(db, listener, p))
	}
	for _, consumer := range consumers {
		t.Run(consumer.Name, func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
			head := b.head(t) // ingesting makes it grow
			for _, cursor := range []int64{0, head / 2, head - 50, head} {
				b.exec(t, `INSERT INTO cursors (consumer, position) VALUES ($1, $2)
					ON CONFLICT (consumer) DO UPDATE SET position = excluded.position`, consumer.Name, cursor)
				err := pgx.BeginFunc(t.Context(), db.Consumers(), func(tx pgx.Tx) error {
					slice, err := consumer.Select.Next(t.Context(), tx, consumer.Name, consumer.Size)
					check(t, "select")
					if errors.Is(err, pgx.ErrNoRows) {
						if cursor == 0 {
							t.Error("nothing to do")
						}
						return nil
					}
					if err != nil {
						return err
					}
					if err := consumer.Handle(t.Context(), tx, slice); err != nil {
						return err
					}
					check(t, "handle")
					return nil
				})
				if err != nil {
					t.Fatalf("at %d: %v", cursor, err)
				}
			}
		})
	}

	t.Run("the log", func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
		if err := log.Append(t.Context(), received(b.workspaceID, anOrder("new"))); err != nil {
			t.Fatal(err)
		}
		check(t, "append")
		if _, err := db.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(t, "head")
		if _, err := db.EventTypeAt(t.Context(), head/2); err != nil {
			t.Fatal(err)
		}
		check(t, "type at")
		metrics := make(chan prometheus.Metric, 100)
		postgres.NewConsumerMetrics(db).Collect(metrics)
		if len(metrics) < 4 {
			t.Fatalf("%d metrics", len(metrics))
		}
		check(t, "metrics")
		events, err := postgres.NewReadModel(db).Correlated(t.Context(), b.workspaceID, scan[uuid.UUID](t, b, "SELECT correlation_id FROM events WHERE position = $1", head/2))
		if err != nil || len(events) == 0 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		check(t, "correlated")
		read := postgres.NewReadModel(db)
		if page, err := read.Events(t.Context(), b.workspaceID, query.EventFilter{After: head / 2, Limit: 100, Types: []string{"OrderCreated"}}); err != nil || len(page.Items) == 0 {
			t.Fatalf("%d events, %v", len(page.Items), err)
		}
		check(t, "events of a workspace")
		for _, filter := range []query.EventFilter{{Actor: "account:lan", Limit: 100}, {Actor: "account:lan", Limit: 100, Types: []string{"TokenCreated"}}} {
			if page, err := read.Events(t.Context(), b.workspaceID, filter); err != nil || page.NextAfter != page.Head {
				t.Fatalf("up to %d of %d, %v", page.NextAfter, page.Head, err)
			}
			check(t, "events of an operator")
		}
		if _, err := postgres.NewHistory(db).OfActor(t.Context(), b.workspaceID, "account:lan", 0, 52); err != nil {
			t.Fatal(err)
		}
		check(t, "what an operator did")
		if _, err := read.DeliveryBody(t.Context(), b.workspaceID, events[0].CorrelationID); err != nil {
			t.Fatal(err)
		}
		check(t, "body")
		if history, err := db.History(t.Context(), b.workspaceID, event.OrderStream(shopID, "17")); err != nil || len(history) == 0 {
			t.Fatalf("%d events, %v", len(history), err)
		}
		check(t, "stream")
	})

	t.Run("timelines", func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
		b.foldAll(t)
		history := postgres.NewHistory(db)
		known := scan[uuid.UUID](t, b, "SELECT customer_id FROM crm_orders WHERE workspace_id = $1 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1", b.workspaceID)
		const code = "Pancake_" + shopID + "_17"
		for _, from := range []int64{0, head / 2, head} {
			if events, err := history.Stream(t.Context(), b.workspaceID, event.OrderStream(shopID, "17"), from, 52); err != nil || from == 0 && len(events) == 0 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			check(t, "a stream from a position on")
			events, err := history.OfOrder(t.Context(), b.workspaceID, event.OrderStream(shopID, "17"), []string{code, "DH-17"}, from, 52)
			if err != nil || from == 0 && len(events) < 4 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			check(t, "an order")
			if events, err := history.OfCustomer(t.Context(), b.workspaceID, known, from, 52); err != nil || from == 0 && len(events) < 2 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			check(t, "a customer")
			ofCustomer := query.OrderFilter{CustomerID: uuid.NullUUID{UUID: known, Valid: true}}
			if orders, err := postgres.NewReadModel(db).Orders(t.Context(), b.workspaceID, ofCustomer, query.Page{Limit: 50}); err != nil || len(orders.Items) == 0 {
				t.Fatalf("%d orders, %v", len(orders.Items), err)
			}
			check(t, "a customer's orders")
			if _, err := history.OfUser(t.Context(), b.workspaceID, event.NewID(), from, 52); err != nil {
				t.Fatal(err)
			}
			check(t, "a user")
			if _, err := history.OfProjection(t.Context(), "crm", from, 52); err != nil {
				t.Fatal(err)
			}
			check(t, "a projection")
		}
		if _, err := history.Unsettled(t.Context(), b.workspaceID, []string{code, "DH-17"}); err != nil {
			t.Fatal(err)
		}
		check(t, "what is not settled")
		if _, err := history.OrderOrigin(t.Context(), b.workspaceID, code); err != nil {
			t.Fatal(err)
		}
		check(t, "an order's origin")
		if _, err := history.LastOutcome(t.Context(), b.workspaceID, code); err != nil {
			t.Fatal(err)
		}
		check(t, "an order's last delivery")
		err := postgres.NewRehearsal(db).Rehearse(t.Context(), func(store command.Ingestion) error {
			return ingestHandler().Handle(t.Context(), rehearsed{store}, command.IngestOrder{Received: []command.ReceivedOrder{{
				Cause:    event.Recorded{New: received(b.workspaceID, anOrder("17"))},
				Received: received(b.workspaceID, anOrder("17")).Payload.(delivery.OrderReceived), Body: received(b.workspaceID, anOrder("17")).Body,
			}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "rehearsal")
	})

	t.Run("operators' commands", func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
		traced := *b
		traced.db = db
		known := scan[uuid.UUID](t, b, "SELECT id FROM customer_heads LIMIT 1")
		traced.setStatus(t, known, "archived")
		check(t, "archive")
		traced.mustAddCustomer(t, details("Trần Văn Nam", "0912000451"))
		check(t, "add customer")
		b.foldAll(t)
		mai := b.mustAddUser(t, user.Details{Name: "Mai", Phone: "0904000777"})
		b.exec(t, "DELETE FROM staff_mappings") // of whom it is now
		mapped := traced.mustMapStaff(t, command.MapStaff{UserID: mai.ID, StaffKey: "mai@example.vn", Past: true})
		if mapped.Changed == 0 {
			t.Error("no past order changed")
		}
		check(t, "map staff")
		traced.mustEditCustomer(t, known, customer.Edit{Phones: &[]string{"0987000102", "0987000103"}, Emails: &[]string{}})
		check(t, "edit customer")
	})

	t.Run("accounts", func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
		accounts := (&accountsBundle{bundle: b, looked: &atomic.Int64{}, elapsed: &atomic.Int64{}}).instance(t, db)
		account := accounts.mustHave(t, "lan", workspace.RoleViewer)
		check(t, "invite and accept")
		if _, err := accounts.signInAs(t.Context(), "lan", "a wrong password"); err == nil {
			t.Fatal("signed in with a wrong password")
		}
		accounts.mustSignIn(t, "lan", password)
		check(t, "sign in")
		known := scan[uuid.UUID](t, b, "SELECT id FROM customer_heads LIMIT 1")
		if err := accounts.reveal.Handle(t.Context(), command.RevealContact{By: b.by, AccountID: account.ID, CustomerID: known}); err != nil {
			t.Fatal(err)
		}
		check(t, "reveal a contact")
	})

	t.Run("deliveries that are tried again", func(t *testing.T) { //nolint:paralleltest // the statements are collected in one place
		ids := list[uuid.UUID](t, b, "SELECT correlation_id FROM events WHERE type = 'OrderReceived' ORDER BY position LIMIT 200")
		_, _, err := postgres.NewDeliveries(db).Retry(t.Context(), b.by, ids, func(head delivery.Head) (*delivery.IngestionRetried, error) {
			return &delivery.IngestionRetried{Reason: delivery.RetriedOnRequest, Attempt: head.Attempts + 1}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "retry")
	})

	t.Run("every query of the log and of the ingestion was explained", func(t *testing.T) { //nolint:paralleltest // looks at the ones before
		for _, file := range []string{"log.sql", "ingestion.sql", "consumers.sql", "audit.sql"} {
			for _, name := range queryNames(t, file) {
				if !explained[name] && !slices.Contains([]string{
					"NotifyAppended",                                                      // no table
					"EnsureCursor", "Cursor", "Cursors", "NoteStop", "LaggingProjections", // a handful of rows
				}, name) {
					t.Errorf("%s: %s was not explained; make the service use it above", file, name)
				}
			}
		}
	})
}

// TestPlansOfConsumersAndLookUps explains what consumers do, and what is looked up by key, as it is planned in a new database, in which the tables have nothing to
// plan by, and is kept.
func TestPlansOfConsumersAndLookUps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	collected := &statements{searchPaths: map[*pgx.Conn]string{}}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	listener := postgres.NewListener(db, quiet())
	consumers := []eventbus.Config{postgres.PolicyConsumer(db, listener, policy.NewOnOrderReceived(ingestHandler()))}
	for _, p := range postgres.Projections() {
		consumers = append(consumers, postgres.ProjectionConsumer(db, listener, p))
	}
	explained := map[string]bool{}
	check := func(kept []statement) {
		for _, st := range kept {
			explained[st.name()] = true
			top, text := explain(t, b.db, st)
			for _, node := range top.rangesRead(false) {
				t.Errorf("%s reads %s %s again and again\n%s", st.name(), node.IndexName, node.IndexCond, text)
			}
			top.each(func(node plan) {
				if slices.Contains(largeTables, node.Relation) && strings.Contains(node.NodeType, "Scan") && node.IndexCond == "" && node.NodeType != "Tid Scan" {
					t.Errorf("%s reads all of %s by %s %s\n%s", st.name(), node.Relation, node.NodeType, node.IndexName, text)
				}
				if strings.Contains(node.NodeType, "Hash Join") || strings.Contains(node.NodeType, "Merge Join") {
					t.Errorf("%s reads both sides of a %s\n%s", st.name(), node.NodeType, text)
				}
			})
		}
	}
	read := postgres.NewReadModel(db)
	changed := func(s *order.State) { s.UpdatedAt, s.Lines = s.UpdatedAt.Add(time.Hour), nil }
	for _, version := range []order.State{
		anOrder("1", phones("+84912000001"), buyer("B-1"), creator("+84904000321", "mai@example.vn")),
		anOrder("1", changed), anOrder("1", changed),
	} {
		if err := b.newLog(t).Append(t.Context(), received(b.workspaceID, version)); err != nil {
			t.Fatal(err)
		}
		for _, consumer := range consumers {
			b.exec(t, "INSERT INTO cursors (consumer, position) VALUES ($1, 0) ON CONFLICT DO NOTHING", consumer.Name)
			err := pgx.BeginFunc(t.Context(), db.Consumers(), func(tx pgx.Tx) error {
				slice, err := consumer.Select.Next(t.Context(), tx, consumer.Name, consumer.Size)
				if err != nil {
					return err
				}
				return consumer.Handle(t.Context(), tx, slice)
			})
			if err != nil {
				t.Fatalf("%s: %v", consumer.Name, err)
			}
		}
		listed, err := read.Orders(t.Context(), b.workspaceID, query.OrderFilter{}, query.Page{Limit: 1})
		if err != nil || len(listed.Items) != 1 {
			t.Fatalf("%d orders, %v", len(listed.Items), err)
		}
		if _, err := read.Order(t.Context(), b.workspaceID, listed.Items[0].Code); err != nil {
			t.Fatal(err)
		}
		if _, err := read.CallerOf(t.Context(), "obt_guess"); err == nil {
			t.Fatal("a token that nobody has was known")
		}
		if _, err := read.Account(t.Context(), b.workspaceID, event.NewID()); err == nil {
			t.Fatal("an account that nobody has was known")
		}
		if _, ok, err := postgres.NewSessions(db).Find("guess"); ok || err != nil {
			t.Fatalf("a session that nobody has was known: %v", err)
		}
		taken := slices.DeleteFunc(collected.take(), func(st statement) bool { return !st.kept })
		check(taken)
		// Tables that have hardly a row when they are counted have thousands before they are counted again.
		b.exec(t, "ANALYZE")
		check(taken)
	}
	for _, name := range []string{
		"ReceivedOrders", "OrderHeads", "KeyHolders", "BoundBuyers", "ActiveStaff", "selectFolding", "INSERT INTO crm_orders (workspace_id,",
		"UPDATE crm_orders o SET", "DELETE FROM crm_order_lines l",
		"Order", "OrderLines", "OrderHistory", "CustomersNamed", "SourcesWithID", "CallerOf", "Account", "Session",
	} {
		if !explained[name] {
			t.Errorf("%s was not seen", name)
		}
	}
}

// TestPlansThatAreKept: a plan for any arguments, made while tables are empty, must not be one that reads them whole.
func TestPlansThatAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	collected := &statements{searchPaths: map[*pgx.Conn]string{}}
	db, err := b.db.Traced(t.Context(), collected)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	log := postgres.NewLog(db)
	t.Cleanup(log.Close)
	if err := log.Append(t.Context(), received(b.workspaceID, anOrder("1"))); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.NewReadModel(db).Correlated(t.Context(), b.workspaceID, event.NewID()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.History(t.Context(), b.workspaceID, event.WorkspaceStream); err != nil {
		t.Fatal(err)
	}
	for _, st := range collected.take() {
		if strings.Contains(st.sql, "pg_notify") || strings.Contains(st.sql, "lock_log") { // reads nothing but in lock_log, as Head does
			continue
		}
		t.Run(st.name(), func(t *testing.T) {
			t.Parallel()
			conn, err := b.admin.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
				t.Fatal(err)
			}
			lines, err := explainKept[string](t.Context(), conn.Conn(), "", st.sql)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(lines, "\n")
			if strings.Contains(text, "Seq Scan on events") {
				t.Errorf("%s reads all of events\n%s", st.name(), text)
			}
			if !strings.Contains(text, "Index") {
				t.Errorf("%s uses no index\n%s", st.name(), text)
			}
		})
	}
}

// rehearsed is a store that records nothing.
type rehearsed struct{ command.Ingestion }

func (rehearsed) Record(context.Context, command.Decided) error { return nil }

// queryNames are those of the queries in a file.
func queryNames(t *testing.T, file string) []string {
	t.Helper()
	content, err := fs.ReadFile(os.DirFS("queries"), filepath.Base(file))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range nameOfQuery.FindAllStringSubmatch(string(content), -1) {
		names = append(names, found[1])
	}
	if len(names) == 0 {
		t.Fatalf("%s has no queries", file)
	}
	return names
}

// fillLog delivers and takes in orders, in few large appends, and folds nothing. It returns the head.
func fillLog(t *testing.T, b *bundle, orders int) int64 {
	t.Helper()
	log := b.newLog(t)
	for first := 0; first < orders; first += 100 {
		before := b.head(t)
		var batch []event.New
		for i := first; i < first+100; i++ {
			state := anOrder(fmt.Sprint(i), phones(fmt.Sprintf("+849120%05d", i%1000)), emails(fmt.Sprintf("lan.%d@example.com", i%1000)), buyer(fmt.Sprint("B-", i)))
			batch = append(batch, received(b.workspaceID, state))
		}
		if err := log.Append(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		if err := b.ingest(t.Context(), "fill", before, b.head(t)); err != nil {
			t.Fatal(err)
		}
	}
	// What comes again is looked up: by its order, its buyer, its creator.
	var again []event.New
	for i := range 100 {
		again = append(again, received(b.workspaceID, anOrder(fmt.Sprint(i), buyer(fmt.Sprint("B-", i)), creator("+84904000321", "mai@example.vn"))))
	}
	// So is what waits for a paused shop, what is tried again, and who is mapped to whom.
	paused := receivedBody(b.workspaceID, "1", nil)
	waiting := paused.Payload.(delivery.OrderReceived)
	waiting.ShopID = "1635294099"
	paused.Payload = waiting
	b.exec(t, `INSERT INTO shops (workspace_id, shop_id, name, header_key, header_hash, connected_at, paused)
		VALUES ($1, '1635294099', 'Paused', 'X-Key', sha256('x'), now(), true)`, b.workspaceID)
	b.exec(t, "INSERT INTO staff_mappings (workspace_id, staff_key, user_id) VALUES ($1, 'mai@example.vn', $2)", b.workspaceID, event.NewID())
	first := scan[uuid.UUID](t, b, "SELECT correlation_id FROM events WHERE type = 'OrderReceived' ORDER BY position LIMIT 1")
	rejected := rejectedBody(b.workspaceID, "shop-mismatch", bodyOf(anOrder("1")))
	if err := log.Append(t.Context(), rejected); err != nil {
		t.Fatal(err)
	}
	again = append(again, paused, retried(t, b, first), retried(t, b, rejected.CorrelationID))
	other := b.addWorkspace(t, "other", customer.MatchByPhone) // where nothing was made yet
	for i := range 10 {
		again = append(again, received(other, anOrder(fmt.Sprint(i), buyer(fmt.Sprint("B-", i)))))
	}
	if err := log.Append(t.Context(), again...); err != nil {
		t.Fatal(err)
	}
	return b.head(t)
}

// TestPlansAreMadeAnew lets a table grow under a plan that is kept.
func TestPlansAreMadeAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE growing AS SELECT 1 AS n; GRANT SELECT ON growing TO "+postgres.ServiceRole)
	const plan = "EXPLAIN EXECUTE growing"
	planned := func(before func(*pgx.Conn)) (text string) {
		t.Helper()
		err := b.db.Consumers().AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
			before(conn.Conn())
			return conn.QueryRow(t.Context(), plan, pgx.QueryExecModeSimpleProtocol).Scan(&text)
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	nothing := func(*pgx.Conn) {}
	first := planned(func(conn *pgx.Conn) {
		if _, err := conn.Exec(t.Context(), "PREPARE growing AS SELECT n FROM growing"); err != nil {
			t.Fatal(err)
		}
	})
	b.exec(t, "INSERT INTO growing SELECT generate_series(1, 100000)")
	if kept := planned(nothing); kept != first {
		t.Fatalf("the plan was not kept: %s, then %s", first, kept)
	}
	long := postgres.PlansLifetime + time.Second
	planned(func(conn *pgx.Conn) { conn.PgConn().CustomData()[postgres.PlannedSince] = time.Now().Add(-long) })
	if anew := planned(nothing); anew == first {
		t.Errorf("after %s the plan is still %s", long, anew)
	}
	if again := planned(nothing); again == first {
		t.Errorf("then it is %s", again)
	}
}
