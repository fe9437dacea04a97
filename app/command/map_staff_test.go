package command_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
)

// oneUser stores one user, and nothing of what is decided.
type oneUser struct {
	command.Users

	user *user.User
}

func (s oneUser) Update(_ context.Context, _ command.By, _ uuid.UUID, decide func(*user.User) error) (int64, error) {
	return 3, decide(s.user)
}

// pastOrders are a number of orders of one member of staff, each decided on as it is.
type pastOrders struct {
	orders int
	chunks []int
	once   bool
}

func (*pastOrders) CatchUp(context.Context) error { return nil }

func (p *pastOrders) Count(context.Context, uuid.UUID, string) (int, error) { return p.orders, nil }

func (p *pastOrders) Of(_ context.Context, _ uuid.UUID, _ string, after int64, atMost int) ([]command.PastOrder, error) {
	var found []command.PastOrder
	for position := after + 1; position <= int64(p.orders) && len(found) < atMost; position++ {
		found = append(found, command.PastOrder{Position: position})
	}
	return found, nil
}

func (p *pastOrders) Reassign(
	_ context.Context, by command.By, orders []command.PastOrder, decide func(order.Record) (order.OrderReassigned, bool),
) (changed int, position int64, err error) {
	p.chunks, p.once = append(p.chunks, len(orders)), p.once || by.Once != nil
	for _, past := range orders {
		record := order.Record{Assignee: order.Assignee{Reason: order.AssignedToNobody}, State: order.State{Creator: order.Person{ExternalID: "u-1"}}}
		if past.Position == 1 { // somebody was faster
			record.Assignee.Reason = order.AssignedByCreatorPhone
		}
		if _, ok := decide(record); ok {
			changed++
		}
	}
	return changed, 100 + orders[len(orders)-1].Position, nil
}

func TestMapStaffChangesPastOrdersInChunks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		time   time.Duration
		past   bool
		want   command.MappedStaff
		chunks []int
	}{
		"all of them, save the one that somebody was faster with": {
			time.Hour, true, command.MappedStaff{Found: 450, Changed: 449, User: command.Stored[user.State]{Position: 550}}, []int{200, 200, 50},
		},
		"none when the caller cannot wait": {time.Second, true, command.MappedStaff{Found: 450, Remaining: 450, User: command.Stored[user.State]{Position: 3}}, nil},
		"none when they are not asked for": {time.Hour, false, command.MappedStaff{Found: 450, Remaining: 450, User: command.Stored[user.State]{Position: 3}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mai, err := user.Add(uuid.New(), user.Details{Name: "Mai"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), tc.time)
			defer cancel()
			past := &pastOrders{orders: 450}
			got, err := command.NewMapStaffHandler(oneUser{user: mai}, past).Handle(ctx, command.MapStaff{
				By: command.By{Once: &command.Once{Key: "once"}}, StaffKey: "u-1", Past: tc.past,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Found != tc.want.Found || got.Changed != tc.want.Changed || got.Remaining != tc.want.Remaining ||
				got.User.Position != tc.want.User.Position || got.User.State.Name != "Mai" {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if len(past.chunks) != len(tc.chunks) || past.once {
				t.Errorf("chunks of %v, under the request's name: %t", past.chunks, past.once)
			}
		})
	}
}
