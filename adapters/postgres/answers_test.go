package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func once(key, body string) command.Once {
	return command.Once{Caller: "caller", Key: key, Fingerprint: sha256.Sum256([]byte(body))}
}

// addOnce adds a customer under the name of a request.
func (b *bundle) addOnce(ctx context.Context, name command.Once) (customer.State, error) {
	by := b.by
	by.Once = &name
	return b.addCustomer(ctx, by, details("Lan"))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	answer := command.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`, "Location": "/x"}, Body: []byte{0xff, 0, '{'}}
	// age makes all requests so much older.
	age := func(t *testing.T, b *bundle, interval string) {
		t.Helper()
		b.exec(t, "UPDATE idempotency_keys SET created_at = created_at - $1::interval", interval)
	}

	t.Run("a request is found from when it was done, and answered from when its answer is there", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		answers := postgres.NewAnswers(b.db, workspace.NewSecretKey())
		if found, err := answers.Find(t.Context(), b.workspaceID, once("a", "x")); found != nil || err != nil {
			t.Errorf("before it was done: %+v, %v", found, err)
		}
		if _, err := b.addOnce(t.Context(), once("a", "x")); err != nil {
			t.Fatal(err)
		}
		_, err := answers.Find(t.Context(), b.workspaceID, once("a", "x"))
		wantProblem(t, err, problem.KindConflict, "idempotency-key-in-use")
		if err := answers.Keep(t.Context(), b.workspaceID, once("a", "x"), answer); err != nil {
			t.Fatal(err)
		}
		found, err := answers.Find(t.Context(), b.workspaceID, once("a", "x"))
		if err != nil || found.Status != 201 || !maps.Equal(found.Header, answer.Header) || !slices.Equal(found.Body, answer.Body) {
			t.Errorf("found %+v, %v", found, err)
		}
		_, err = answers.Find(t.Context(), b.workspaceID, once("a", "y"))
		wantProblem(t, err, problem.KindInvalid, "idempotency-key-reused")
		if _, err := b.addOnce(t.Context(), once("a", "x")); !errors.Is(err, command.ErrOnceTaken) {
			t.Errorf("doing it again: %v", err)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM events WHERE type = 'CustomerImported'"); got != 1 {
			t.Errorf("it was done %d times", got)
		}
		other := once("a", "x")
		other.Caller = "another caller"
		if found, err := answers.Find(t.Context(), b.workspaceID, other); found != nil || err != nil {
			t.Errorf("another caller finds %+v, %v", found, err)
		}
		if found, err := answers.Find(t.Context(), b.addWorkspace(t, "other", customer.MatchByPhone), once("a", "x")); found != nil || err != nil {
			t.Errorf("another workspace finds %+v, %v", found, err)
		}
	})

	t.Run("of a request that may be done twice the first answer is kept, and no other takes its place", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		answers := postgres.NewAnswers(b.db, workspace.NewSecretKey())
		other := once("a", "x")
		other.Fingerprint[0]++
		late := command.Answer{Status: 200, Header: map[string]string{}, Body: []byte("late")}
		for _, kept := range []struct {
			once   command.Once
			answer command.Answer
		}{{once("a", "x"), answer}, {once("a", "x"), late}, {other, late}} {
			if err := answers.Keep(t.Context(), b.workspaceID, kept.once, kept.answer); err != nil {
				t.Fatal(err)
			}
		}
		if found, err := answers.Find(t.Context(), b.workspaceID, once("a", "x")); err != nil || !reflect.DeepEqual(*found, answer) {
			t.Errorf("found %+v, %v", found, err)
		}
	})

	t.Run("fingerprints are keyed", func(t *testing.T) {
		t.Parallel()
		key := workspace.NewSecretKey()
		one, same, other := postgres.NewAnswers(nil, key), postgres.NewAnswers(nil, key), postgres.NewAnswers(nil, workspace.NewSecretKey())
		if one.Fingerprint("POST /x") != same.Fingerprint("POST /x") || one.Fingerprint("POST /x") == one.Fingerprint("POST /y") ||
			one.Fingerprint("POST /x") == other.Fingerprint("POST /x") {
			t.Error("a fingerprint does not depend on request and key")
		}
	})

	t.Run("a change that changed nothing was done all the same", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lan := b.mustAddCustomer(t, details("Lan"))
		by, name := b.by, once("a", "x")
		by.Once = &name
		handler := command.NewChangeCustomerStatusHandler(postgres.NewCustomers(b.db))
		restore := command.ChangeCustomerStatus{By: by, ID: lan.ID, Status: customer.StatusActive}
		if stored, err := handler.Handle(t.Context(), restore); err != nil || stored.Position != 0 || stored.Version != 1 {
			t.Errorf("%+v, %v", stored, err)
		}
		if _, err := handler.Handle(t.Context(), restore); !errors.Is(err, command.ErrOnceTaken) {
			t.Errorf("again: %v", err)
		}
	})

	t.Run("of many who do one request at once, one does it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		start := make(chan struct{})
		var group sync.WaitGroup
		results := make([]error, 12)
		for i := range results {
			group.Go(func() {
				<-start
				by, name := b.by, once("a", "x")
				by.Once = &name
				// The same phone, so that they also meet at the claim of it.
				_, results[i] = b.addCustomer(t.Context(), by, details("Lan", "0912000451"))
			})
		}
		close(start)
		group.Wait()
		done := 0
		for _, err := range results {
			if err == nil {
				done++
			} else if !errors.Is(err, command.ErrOnceTaken) {
				t.Errorf("one got %v", err)
			}
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM customer_heads"); done != 1 || got != 1 {
			t.Errorf("%d did it, and made %d customers", done, got)
		}
	})

	t.Run("a day later a request is forgotten, and its name may be used again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		answers := postgres.NewAnswers(b.db, workspace.NewSecretKey())
		if _, err := b.addOnce(t.Context(), once("a", "x")); err != nil {
			t.Fatal(err)
		}
		if err := answers.Keep(t.Context(), b.workspaceID, once("a", "x"), answer); err != nil {
			t.Fatal(err)
		}
		age(t, b, "23 hours 59 minutes")
		if found, err := answers.Find(t.Context(), b.workspaceID, once("a", "x")); found == nil || err != nil {
			t.Errorf("within the day: %+v, %v", found, err)
		}
		age(t, b, "1 minute")
		if found, err := answers.Find(t.Context(), b.workspaceID, once("a", "y")); found != nil || err != nil {
			t.Errorf("a day later: %+v, %v", found, err)
		}
		// Older ones than this, more than are forgotten at a time.
		b.exec(t, `INSERT INTO idempotency_keys (workspace_id, caller, key, fingerprint, created_at)
			SELECT $1, 'caller', 'old ' || n, sha256('x'), clock_timestamp() - interval '30 hours' FROM generate_series(1, 25) n`, b.workspaceID)
		if _, err := b.addOnce(t.Context(), once("a", "y")); err != nil {
			t.Errorf("its name is used again: %v", err)
		}
		if got := scan[int64](t, b, "SELECT count(*) FROM idempotency_keys"); got != 16 {
			t.Errorf("%d requests are remembered, want this one and 15 that are forgotten with the next ones", got)
		}
		_, err := answers.Find(t.Context(), b.workspaceID, once("a", "x"))
		wantProblem(t, err, problem.KindInvalid, "idempotency-key-reused")
	})

	t.Run("those who forget at once do not wait for each other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `INSERT INTO idempotency_keys (workspace_id, caller, key, fingerprint, created_at)
			SELECT $1, 'caller', 'old ' || n, sha256('x'), clock_timestamp() - interval '30 hours' FROM generate_series(1, 100) n`, b.workspaceID)
		tx, err := b.admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing is to stay of it
		if _, err := tx.Exec(t.Context(), "SELECT FROM idempotency_keys FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := b.addOnce(ctx, once("a", "x")); err != nil {
			t.Error(err)
		}
	})

	t.Run("while the database is away, that is what is said", func(t *testing.T) {
		t.Parallel()
		db, err := postgres.Connect(t.Context(), setup(t).dsn)
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		answers := postgres.NewAnswers(db, workspace.NewSecretKey())
		_, err = answers.Find(t.Context(), event.NewID(), once("a", "x"))
		wantProblem(t, err, problem.KindUnavailable, "database-unavailable")
		wantProblem(t, answers.Keep(t.Context(), uuid.Nil, once("a", "x"), answer), problem.KindUnavailable, "database-unavailable")
	})
}
