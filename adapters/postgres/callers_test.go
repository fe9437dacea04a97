package postgres_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"orderbridge/adapters/postgres"
	"orderbridge/app/policy"
)

// waited is how long giving way takes the policy.
func waited(t *testing.T, crowd *postgres.Crowd) time.Duration {
	t.Helper()
	return waitedAs(t, crowd, policy.OnOrderReceivedName)
}

func waitedAs(t *testing.T, crowd *postgres.Crowd, consumer string) time.Duration {
	t.Helper()
	began := time.Now()
	crowd.GiveWay(t.Context(), consumer)
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

	t.Run("a crowd that only waited for who gives way is no burst", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var crowd postgres.Crowd
			crowd.Follows("a", time.Minute)
			busy(&crowd)()
			dispersing := make(chan struct{})
			go func() {
				defer close(dispersing)
				for range 100 { // they still come, one by one
					crowd.Append(1)
					time.Sleep(time.Millisecond)
				}
			}()
			if got := waited(t, &crowd); got == 0 || got > 100*time.Millisecond {
				t.Errorf("waits %s for a crowd that disperses", got)
			}
			<-dispersing
			stop := busy(&crowd)
			defer stop()
			if got := waited(t, &crowd); got != 0 {
				t.Errorf("waits %s for the next crowd, though the last was no burst", got)
			}
			time.Sleep(postgres.NoBurst)
			if got := waited(t, &crowd); got < postgres.GiveWayAtMost {
				t.Errorf("waits %s for a crowd much later", got)
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
			crowd.GiveWay(stopping, policy.OnOrderReceivedName)
			if got := time.Since(began); got != 0 {
				t.Errorf("waits %s while stopping", got)
			}
		})
	})
}

func TestProjectionsGiveWayToThePolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var crowd postgres.Crowd
		for _, late := range []time.Duration{0, 100 * time.Millisecond, time.Minute} {
			crowd.Follows(policy.OnOrderReceivedName, late)
			crowd.Follows("projection:crm", time.Minute)
			if got := waited(t, &crowd); got != 0 {
				t.Errorf("the policy, %s late, waits for %s", late, got)
			}
			got := waitedAs(t, &crowd, "projection:crm")
			if waits := late == time.Minute; waits != (got > 0) || got > time.Second {
				t.Errorf("a projection waits for %s while the policy is %s late", got, late)
			}
		}
	})
}
