package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// tinyExtent is as little as still has all figures.
var tinyExtent = extent{
	rounds: 1, rebuildRounds: 1, clients: 8,
	reference: time.Second, burst: 500 * time.Millisecond, search: time.Second, sustain: time.Second, patience: 1000,
	visible: time.Second, list: time.Second,
	backlog: 100, catchUpRate: 20, catchUp: 5 * time.Second,
	orders: 200, events: 1200,
}

// TestBench runs the benchmarks with few orders, so that they work when they are wanted.
func TestBench(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program and starts servers")
	}
	program := filepath.Join(t.TempDir(), "orderbridge")
	building := exec.CommandContext(t.Context(), "go", "build", "-o", program, "orderbridge/cmd/orderbridge")
	if built, err := building.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, built)
	}
	onLinux := func(t *testing.T) {
		t.Helper()
		if runtime.GOOS != "linux" {
			t.Skip("what processes use is read from /proc")
		}
	}

	t.Run("Run", func(t *testing.T) {
		t.Parallel()
		onLinux(t)
		file := filepath.Join(t.TempDir(), "figures.json")
		wanted, err := wantedOf(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := (runBench{Output: output{Program: program, JSON: file}}).measure(t.Context(), tinyExtent, wanted); err != nil {
			t.Fatal(err)
		}
		found := readFigures[map[string]any](t, file)
		// What no machine gets beyond; a second is the longest that anything takes that is measured here, but for a busy machine.
		for key, most := range map[string]float64{
			"reference_rows_per_second": 1e6, "ack_ratio": 10, "e2e_ratio": 10, "visible_p50_ms": 10_000, "visible_p99_ms": 10_000,
			"catchup_ack_p99_ms": 10_000, "burst_drain_ratio": 10, "rebuild_ratio": 1000, "rss_mb": 1000, "growth_ratio": 100,
			"list_p99_ms": 10_000, "page_p99_ms": 10_000, "cpu_ms_per_order": 1000, "cpu_service_ms_per_order": 1000, "cpu_postgres_ms_per_order": 1000,
		} {
			if value, ok := found[key].(float64); !ok || value <= 0 || value > most {
				t.Errorf("%s is %v", key, found[key])
			}
		}
		if measures, ok := found["measures"].([]any); !ok || len(measures) != len(definitions) {
			t.Errorf("there are %d measures, want %d: %v", len(measures), len(definitions), found["measures"])
		}
	})

	t.Run("Rebuild", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "figures.json")
		const orders = 500
		if err := (rebuildBench{Orders: orders, Rounds: 1, Output: output{Program: program, JSON: file}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := readFigures[rebuildFigures](t, file)
		if found.Orders != orders || found.Events < 4*orders || found.Ratio <= 0 || found.EventsPerSecond <= 0 || found.PeakRSSMB <= 0 ||
			found.ReadersWaitedMS <= 0 || found.LongestLockMS < found.ReadersWaitedMS || found.SlowestReadMS <= 0 || found.SlowestQuietReadMS <= 0 {
			t.Errorf("the figures are %+v", found)
		}
	})

	t.Run("Soak", func(t *testing.T) {
		t.Parallel()
		onLinux(t)
		file := filepath.Join(t.TempDir(), "figures.json")
		const minutes = 5
		err := soakBench{Minutes: minutes, Rate: 20, Output: output{Program: program, JSON: file}}.soak(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		found := readFigures[soakFigures](t, file)
		if len(found.Minutes) != minutes || len(found.Trends) == 0 {
			t.Fatalf("the figures are %+v", found)
		}
		for _, minute := range found.Minutes {
			if minute.Taken <= 0 || minute.AckP50MS <= 0 || minute.AckP99MS <= 0 || minute.VisibleP50MS <= 0 || minute.VisibleP99MS <= 0 ||
				minute.RSSMB <= 0 || minute.HeapMB <= 0 || minute.Goroutines <= 0 || minute.Connections <= 0 {
				t.Errorf("minute %d is %+v", minute.Minute, minute)
			}
		}
	})

	// A log that is made by copies has to be one that the service could have written: it knows the orders, and their customers.
	t.Run("CopiedOrdersAreKnown", func(t *testing.T) {
		t.Parallel()
		onLinux(t)
		b := openBench(t)
		if err := b.takeIn(t.Context(), program); err != nil {
			t.Fatal(err)
		}
		const copied = 50
		if err := b.multiply(t.Context(), copied, newProgress(t.Output())); err != nil {
			t.Fatal(err)
		}
		if err := b.fill(t.Context(), program, newProgress(t.Output())); err != nil {
			t.Fatal(err)
		}
		counts := func() (orders, customers, known int) {
			t.Helper()
			if err := b.pool.QueryRow(t.Context(), `
				SELECT (SELECT count(*) FROM crm_orders), (SELECT count(*) FROM crm_customers),
					(SELECT count(*) FROM deliveries WHERE outcome = 'created')`).Scan(&orders, &customers, &known); err != nil {
				t.Fatal(err)
			}
			return orders, customers, known
		}
		if orders, customers, known := counts(); orders != copied || customers != copied || known != copied {
			t.Fatalf("%d orders, %d customers, %d deliveries, want %d of each", orders, customers, known, copied)
		}
		if _, err := b.serving(t.Context(), program, tinyExtent, newProgress(t.Output()), func(ctx context.Context, m *measuring) error {
			c := newClient(m.program.address)
			defer c.close()
			for _, n := range []int64{0, 1, copied / 2, copied - 1, firstDelivered} {
				if err := m.sender.deliver(c, n); err != nil {
					return err
				}
			}
			return m.drained(ctx)
		}); err != nil {
			t.Fatal(err)
		}
		if orders, customers, known := counts(); orders != copied+1 || customers != copied+1 || known != copied+1 {
			t.Errorf("%d orders, %d customers, %d deliveries that made one: all but one of those that were delivered are known", orders, customers,
				known)
		}
	})
}

func openBench(t *testing.T) *bench {
	t.Helper()
	b, err := open(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return b
}

func readFigures[T any](t *testing.T, file string) T {
	t.Helper()
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found T
	if err := json.Unmarshal(written, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOfferEndsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	s := &sender{address: "127.0.0.1:1"} // nobody listens there
	_, err := s.offer(t.Context(), func() float64 { return 1000 }, func() bool { return true }, nil)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("orders that nobody takes end with %v", err)
	}
}

func TestSoakTellsWhatGrows(t *testing.T) {
	t.Parallel()
	figures := soakFigures{Rate: 100}
	for minute := range 20 {
		figures.Minutes = append(figures.Minutes, soakMinute{Minute: minute + 1, RSSMB: 60 + float64(minute), Goroutines: 40})
	}
	figures.judge()
	for _, trend := range figures.Trends {
		if grows := trend.What == "RSS, MiB"; trend.Flat == grows {
			t.Errorf("%s from %.0f to %.0f is told to be flat: %t", trend.What, trend.First, trend.Last, trend.Flat)
		}
	}
	if figures.Flat {
		t.Error("memory grows, and the verdict is that nothing does")
	}
}
