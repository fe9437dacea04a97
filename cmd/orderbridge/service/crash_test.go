package service_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"orderbridge/app/query"
)

// process is the service as a process of its own, which can be killed.
type process struct {
	command *exec.Cmd
	baseURL string
}

// spawn starts the test program again, as the orderbridge program.
func spawn(t *testing.T, dsn, dataDir string) *process {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	command := exec.Command(program, "serve", "--addr", "127.0.0.1:0", "--data-dir", dataDir)
	command.Env = append(os.Environ(), asProgram+"=1", "DATABASE_URL="+dsn)
	command.Stderr = testLog{t}
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	p := &process{command: command}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "listens on "); ok {
			p.baseURL = url
			go io.Copy(io.Discard, output) //nolint:errcheck // the rest is of no interest
			return p
		}
	}
	t.Fatalf("the service ended before it listened: %v", command.Wait())
	return nil
}

// kill ends the process without any chance to clean up.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may be gone already
	_ = p.command.Wait()         // a killed process is no success, and need not be one
}

// point the bridge at a process instead of the service that it runs itself.
func (b *bridge) use(p *process) { b.baseURL = p.baseURL }

func TestAKilledServiceLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	body := "order-new-customer.json"
	for _, kill := range []struct {
		when  string
		block func(t *testing.T, dsn string) (reached func() bool, release func())
	}{
		{"between receiving and ingesting", blockCursor},
		{"between deciding and appending", blockAppend},
		{"between appending and committing the cursor", blockCommit},
	} {
		t.Run(kill.when, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			b.stop()
			reached, release := kill.block(t, b.dsn)
			defer release()

			first := spawn(t, b.dsn, b.dataDir)
			b.use(first)
			answered := make(chan answer, 1)
			killed, order := *b, fixture(t, body)
			go func() {
				got, _ := killed.tryPost(shopA, order) // it may get no answer
				answered <- got
			}()
			eventually(t, "the service is "+kill.when, reached)
			first.kill()
			release()

			second := spawn(t, b.dsn, b.dataDir)
			b.use(second)
			if got := <-answered; got.status == http.StatusOK { // it was acknowledged, so it must be there
				if got := b.settled(got.deliveryID(t)); got.Outcome != query.OutcomeCreated {
					t.Errorf("delivery is %+v", got.Delivery)
				}
			} else { // it was not, and Pancake delivers again
				b.settled(b.deliver(shopA, fixture(t, body)))
			}
			checkCounts(t, b, 1, 1)
		})
	}
}

// blockCursor keeps the policy from starting: another transaction holds its cursor.
func blockCursor(t *testing.T, dsn string) (reached func() bool, release func()) {
	t.Helper()
	conn := connect(t, dsn)
	holding, err := conn.Begin(t.Context())
	must(t, err)
	_, err = holding.Exec(t.Context(), `SELECT FROM cursors WHERE consumer = 'policy:on_order_received' FOR UPDATE`)
	must(t, err)
	watching := connect(t, dsn)
	reached = func() bool {
		return count(t, watching, `SELECT count(*) FROM events WHERE type = 'OrderReceived'`) == 1
	}
	return reached, func() { _ = holding.Rollback(context.Background()) }
}

// blockAppend stops the policy where everything is decided and written but its events.
func blockAppend(t *testing.T, dsn string) (reached func() bool, release func()) {
	t.Helper()
	return blockInsert(t, dsn, "BEFORE", "events", "NEW.type = 'CustomerCreated'")
}

// blockCommit stops the policy where its last event is inserted, before the commit.
func blockCommit(t *testing.T, dsn string) (reached func() bool, release func()) {
	t.Helper()
	return blockInsert(t, dsn, "AFTER", "events", "NEW.type = 'OrderCreated'")
}

// blockInsert makes the insert of a row of a kind wait for a lock that the test holds.
func blockInsert(t *testing.T, dsn, when, table, kind string) (reached func() bool, release func()) {
	t.Helper()
	const lock = 4711
	holder := connect(t, dsn)
	_, err := holder.Exec(t.Context(), fmt.Sprintf(`
		CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN NEW; END';
		CREATE TRIGGER wait_for_test %s INSERT ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION wait_for_test();
		SELECT pg_advisory_lock(%d)`, lock, when, table, kind, lock))
	must(t, err)
	watching := connect(t, dsn)
	reached = func() bool {
		return count(t, watching, `SELECT count(*) FROM pg_locks l
			WHERE l.locktype = 'advisory' AND l.objid = $1 AND NOT l.granted
				AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lock) > 0
	}
	return reached, func() { _, _ = holder.Exec(context.Background(), `SELECT pg_advisory_unlock_all()`) }
}

func count(t *testing.T, conn *pgx.Conn, sql string, args ...any) int {
	t.Helper()
	var n int
	must(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
