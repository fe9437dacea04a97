package postgres_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"orderbridge/adapters/postgres"
)

// waited is how long giving way takes.
func waited(t *testing.T, crowd *postgres.Crowd) time.Duration {
	t.Helper()
	began := time.Now()
	crowd.GiveWay(t.Context())
	return time.Since(began)
}

func TestCallersComeFirst(t *testing.T) {
	t.Parallel()
	// busy lets many append over and over, as long as it is not stopped.
	busy := func(crowd *postgres.Crowd) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for ctx.Err() == nil {
				crowd.Append(32)
				time.Sleep(2 * time.Millisecond)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		return func() {
			cancel()
			<-stopped
		}
	}

	t.Run("nobody waits for few", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var crowd postgres.Crowd
			crowd.Follows("a", time.Minute)
			if !crowd.Away() || waited(t, &crowd) != 0 {
				t.Error("somebody waits for nobody")
			}
			for range 100 {
				crowd.Append(3)
			}
			if got := waited(t, &crowd); got != 0 || crowd.Away() {
				t.Errorf("waits %s for three at a time", got)
			}
			time.Sleep(postgres.Forgotten + time.Millisecond)
			if !crowd.Away() {
				t.Error("callers are about long after the last one")
			}
		})
	})

	t.Run("many are waited for, a while at a time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var crowd postgres.Crowd
			stop := busy(&crowd)
			crowd.Follows("a", 0)
			crowd.Follows("b", 200*time.Millisecond)
			if got := waited(t, &crowd); got != 0 {
				t.Errorf("waits %s while all follow closely", got)
			}
			crowd.Follows("b", 2*time.Second)
			for range 3 {
				if got := waited(t, &crowd); got < postgres.GiveWayAtMost || got > postgres.GiveWayAtMost+time.Second {
					t.Errorf("waits %s", got)
				}
			}
			stop()
			if got := waited(t, &crowd); got > 2*postgres.Forgotten {
				t.Errorf("waits %s for callers who went away", got)
			}
		})
	})

	t.Run("a slow append does not make the others forgotten", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var crowd postgres.Crowd
			crowd.Follows("a", time.Minute)
			stop := busy(&crowd)
			stop()
			crowd.Come()
			time.Sleep(10 * postgres.Forgotten)
			if got := waited(t, &crowd); got < postgres.GiveWayAtMost || crowd.Away() {
				t.Errorf("waits %s for one who has waited for long", got)
			}
		})
	})

	t.Run("nobody waits for ever", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var crowd postgres.Crowd
			crowd.Follows("a", time.Minute)
			stop := busy(&crowd)
			defer stop()
			time.Sleep(postgres.FairAfter)
			if got := waited(t, &crowd); got != 0 {
				t.Errorf("waits %s for a crowd that does not end", got)
			}
			stopping, cancel := context.WithCancel(t.Context())
			cancel()
			began := time.Now()
			crowd.GiveWay(stopping)
			if got := time.Since(began); got != 0 {
				t.Errorf("waits %s while stopping", got)
			}
		})
	})
}
