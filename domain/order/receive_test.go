package order_test

import (
	"testing"
	"time"

	"orderbridge/domain/order"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	noon := time.Date(2025, 9, 15, 12, 0, 0, 0, time.UTC)
	version := func(at time.Time, status int, note string) order.State {
		return order.State{ShopID: "1", ExternalID: "2", Status: order.NewStatus(status), Note: note, UpdatedAt: at}
	}
	known := func(state order.State) *order.Known {
		return &order.Known{Record: &order.Record{State: state}, UpdatedAt: state.UpdatedAt}
	}
	skipped := &order.Known{UpdatedAt: noon}

	for name, c := range map[string]struct {
		known     *order.Known
		delivered order.State
		want      string
	}{
		"an order never heard of is created":                 {nil, version(noon, 0, ""), "created"},
		"in whatever status it begins":                       {nil, version(noon, 3, ""), "created"},
		"first heard of as cancelled it is skipped":          {nil, version(noon, 6, ""), "skipped: cancelled"},
		"first heard of as deleted it is skipped":            {nil, version(noon, 7, ""), "skipped: deleted"},
		"a skipped order that lives again is created":        {skipped, version(noon.Add(1), 1, ""), "created"},
		"a skipped order stays skipped while cancelled":      {skipped, version(noon.Add(1), 6, ""), "skipped: cancelled"},
		"an older version of a skipped order is skipped":     {skipped, version(noon.Add(-1), 0, ""), "skipped: older"},
		"a newer version with other content updates":         {known(version(noon, 0, "")), version(noon.Add(1), 1, ""), "updated"},
		"a newer version with the same content does not":     {known(version(noon, 0, "")), version(noon.Add(1), 0, ""), "unchanged: identical"},
		"the same version again does not":                    {known(version(noon, 0, "")), version(noon, 0, ""), "unchanged: identical"},
		"other content of the same moment updates":           {known(version(noon, 0, "")), version(noon, 0, "fee"), "updated"},
		"an older version changes nothing, whatever it says": {known(version(noon, 0, "")), version(noon.Add(-1), 1, "x"), "unchanged: older"},
		"a known order that is cancelled is updated":         {known(version(noon, 0, "")), version(noon.Add(1), 6, ""), "updated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := verdictOf(order.Judge(c.known, c.delivered)); got != c.want {
				t.Errorf("verdict is %q, want %q", got, c.want)
			}
		})
	}
}

func verdictOf(v order.Verdict) string {
	if reason, ok := v.Skips(); ok {
		return "skipped: " + string(reason)
	}
	if reason, ok := v.Unchanged(); ok {
		return "unchanged: " + string(reason)
	}
	switch {
	case v.Creates():
		return "created"
	case v.Updates():
		return "updated"
	default:
		return "nothing"
	}
}
