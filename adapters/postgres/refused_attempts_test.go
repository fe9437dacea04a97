package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres"
	"orderbridge/domain/delivery"
)

func TestRefusedAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attempts, read := postgres.NewRefusedAttempts(b.db), postgres.NewReadModel(b.db)
	wrong := delivery.Attempt{Reason: delivery.AttemptHeaderWrong, HeaderKey: "X-Pancake-Key"}
	missing := delivery.Attempt{Reason: delivery.AttemptHeaderMissing}
	told := func(want ...string) {
		t.Helper()
		got, err := read.RefusedAttempts(t.Context(), b.workspaceID)
		if err != nil {
			t.Fatal(err)
		}
		said := make([]string, 0, len(got))
		for _, one := range got {
			if age := time.Since(one.LastAt); age < -time.Second || age > time.Minute {
				t.Errorf("the last was at %s", one.LastAt)
			}
			said = append(said, fmt.Sprint(one.Attempts, one.Attempt))
		}
		if fmt.Sprint(said) != fmt.Sprint(want) {
			t.Errorf("told %q, want %q", said, want)
		}
	}
	write := func() {
		t.Helper()
		if err := attempts.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	write()
	told()
	for range 500 {
		attempts.Note(b.workspaceID, wrong)
	}
	attempts.Note(b.workspaceID, missing)
	told() // whoever notes writes nothing
	write()
	told(fmt.Sprint(1, missing), fmt.Sprint(500, wrong))
	write() // and nothing twice
	other := postgres.NewRefusedAttempts(b.db)
	other.Note(b.workspaceID, wrong) // another instance
	if err := other.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	told(fmt.Sprint(501, wrong), fmt.Sprint(1, missing))

	if elsewhere, err := read.RefusedAttempts(t.Context(), uuid.New()); err != nil || len(elsewhere) != 0 {
		t.Errorf("another workspace is told %+v, %v", elsewhere, err)
	}

	// What is older than an hour is not told, and begins anew.
	b.exec(t, "UPDATE refused_attempts SET last_at = last_at - interval '61 minutes' WHERE reason = 'header-wrong'")
	told(fmt.Sprint(1, missing))
	attempts.Note(b.workspaceID, wrong)
	write()
	told(fmt.Sprint(1, wrong), fmt.Sprint(1, missing))
}

func TestRefusedAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attempts := postgres.NewRefusedAttempts(b.db)
	for n := range 3000 {
		attempts.Note(b.workspaceID, delivery.Attempt{Reason: delivery.AttemptOtherData, ShopID: fmt.Sprint(n)})
	}
	if err := attempts.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept := scan[int](t, b, "SELECT count(*) FROM refused_attempts"); kept != 1000 {
		t.Errorf("%d are kept", kept)
	}
	if told, err := postgres.NewReadModel(b.db).RefusedAttempts(t.Context(), b.workspaceID); err != nil || len(told) != 20 {
		t.Errorf("%d are told, %v", len(told), err)
	}
}

func TestNoAttemptIsLostBetweenTwoWrites(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attempts := postgres.NewRefusedAttempts(b.db)
	const each, callers = 200, 4
	var noting sync.WaitGroup
	for range callers {
		noting.Go(func() {
			for range each {
				attempts.Note(b.workspaceID, delivery.Attempt{Reason: delivery.AttemptHeaderMissing})
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		noting.Wait()
	}()
	for noted := false; !noted; { // also when there is nothing to write
		select {
		case <-done:
			noted = true
		default:
		}
		if err := attempts.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if kept := scan[int](t, b, "SELECT attempts FROM refused_attempts"); kept != each*callers {
		t.Errorf("%d attempts are kept, of %d", kept, each*callers)
	}
}
