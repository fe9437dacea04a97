package query_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// oneCustomer is a read model and a log of one customer, who has another name with each event.
type oneCustomer struct {
	query.ReadModel
	query.History

	events []event.Recorded
}

func (oneCustomer) Settings(context.Context, uuid.UUID) (query.Settings, error) {
	return query.Settings{TimeZone: "Asia/Ho_Chi_Minh"}, nil
}

func (oneCustomer) Customer(context.Context, uuid.UUID, uuid.UUID) (query.Customer, error) {
	return query.Customer{}, nil
}

func (oneCustomer) Head(context.Context) (int64, error) { return 9, nil }

func (c oneCustomer) Whole(context.Context, uuid.UUID, event.Stream) ([]event.Recorded, error) {
	return c.events, nil
}

// TestAMomentLastsAsLongAsItIsNamed: a minute means its end, as a day does, and so does a second; what is not over yet means now.
func TestAMomentLastsAsLongAsItIsNamed(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 11, 25, 13, 25, 24, 101_000_000, time.UTC) // 20:25:24 in Vietnam
	var log oneCustomer
	for i, name := range []string{"at 20:25:24.101", "at 20:25:25", "at 20:26:00", "at 20:27:30"} {
		at := begun.Add([]time.Duration{0, 899 * time.Millisecond, 35*time.Second + 899*time.Millisecond, 2*time.Minute + 6*time.Second}[i])
		log.events = append(log.events, event.Recorded{
			New: event.New{Payload: customer.CustomerImported{Customer: customer.State{Name: name}}}, Position: int64(i + 1), RecordedAt: at,
		})
	}
	now := begun.Add(2*time.Minute + 3*time.Second) // 20:27:27
	for at, want := range map[string]string{
		"25/11/2026 20:25":     "at 20:25:25",
		"25/11/2026 20:26":     "at 20:26:00",
		"25/11/2026 20:27":     "at 20:26:00",
		"25/11/2026 20:25:24":  "at 20:25:24.101",
		"25/11/2026":           "at 20:26:00",
		"2026-11-25T13:25:25Z": "at 20:25:25",
	} {
		shown, err := query.NewAsOfHandler(log, log, func() time.Time { return now }).Customer(t.Context(), uuid.New(), uuid.New(), at)
		if err != nil || shown.Name != want {
			t.Errorf("at %s: %q, %v; want %q", at, shown.Name, err, want)
		}
	}
}
