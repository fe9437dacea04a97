package web

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/order"
)

func (s *server) orderRoutes(r routes) {
	r.viewer("GET /orders", s.orders)
	r.viewer("GET /orders/{code}", s.order)
	r.viewer("GET /orders/{code}/timeline", s.orderTimeline)
}

// listSize is how many entries a page of a list has.
const listSize = 30

// orderList is what the page of orders shows.
type orderList struct {
	Orders query.List[query.Order]
	Shops  []query.Shop
	// What was asked for.
	ShopID, Status, CustomerID, From, To string
	First                                bool // nothing narrows the list, and it begins at its beginning
}

func (l orderList) narrowed() bool { return l.ShopID+l.Status+l.CustomerID+l.From+l.To != "" }

// next is the address of the part that follows.
func (l orderList) next() string {
	return address("/orders", "shop", l.ShopID, "status", l.Status, "customer", l.CustomerID, "from", l.From, "to", l.To, "cursor", *l.Orders.NextCursor)
}

func (s *server) orders(w http.ResponseWriter, r *http.Request) error {
	ctx, v, asked := r.Context(), viewOf(r.Context()), r.URL.Query()
	list := orderList{
		ShopID: asked.Get("shop"), Status: asked.Get("status"), CustomerID: asked.Get("customer"), From: asked.Get("from"), To: asked.Get("to"),
	}
	filter, err := orderFilter(ctx, asked.Get)
	if err != nil {
		return err
	}
	page, err := query.ParsePage(new(listSize), asked.Get("cursor"))
	if err != nil {
		return err
	}
	found, err := s.app.Queries.Orders(ctx, v.WorkspaceID, filter, page)
	if err != nil {
		return err
	}
	list.Orders = seenList(ctx, found)
	if list.Shops, err = s.app.Queries.Shops(ctx, v.WorkspaceID); err != nil {
		return err
	}
	return show(w, r, ordersPage(list))
}

// orderFilter reads what orders are narrowed by.
func orderFilter(ctx context.Context, asked func(name string) string) (query.OrderFilter, error) {
	var check query.Parameters
	filter := query.OrderFilter{ShopID: check.ShopID(asked("shop")), Status: check.OrderStatus(asked("status"))}
	if customer := asked("customer"); customer != "" {
		id, err := uuid.Parse(customer)
		if err != nil {
			check.Refuse("customer", t(ctx, "problem.id-unreadable"))
		}
		filter.CustomerID = uuid.NullUUID{UUID: id, Valid: true}
	}
	filter.OrderedFrom, filter.OrderedTo = days(ctx, &check, asked("from"), asked("to"))
	return filter, check.Problem()
}

// days reads the days from and to which a list goes, both with all of their hours on the workspace's clock.
func days(ctx context.Context, check *query.Parameters, from, to string) (first, behind time.Time) {
	read := func(path, raw string, add int) time.Time {
		if raw == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation(time.DateOnly, raw, viewOf(ctx).Zone)
		if err != nil {
			check.Refuse(path, t(ctx, "problem.day-unreadable"))
			return time.Time{}
		}
		return at.AddDate(0, 0, add)
	}
	return read("from", from, 0), read("to", to, 1)
}

func (s *server) order(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	found, err := s.app.Queries.Order(ctx, viewOf(ctx).WorkspaceID, r.PathValue("code"))
	if err != nil {
		return err
	}
	timeline, err := s.timelineOfOrder(ctx, found.Code, "")
	if err != nil {
		return err
	}
	return show(w, r, orderPage(seen(ctx, found), timeline))
}

// orderTimeline is the part of an order's timeline that follows.
func (s *server) orderTimeline(w http.ResponseWriter, r *http.Request) error {
	timeline, err := s.timelineOfOrder(r.Context(), r.PathValue("code"), r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	return show(w, r, timelinePart(timeline, "/orders/"+r.PathValue("code")+"/timeline"))
}

func (s *server) timelineOfOrder(ctx context.Context, code, cursor string) (query.Timeline, error) {
	page, err := query.ParsePage(new(listSize), cursor)
	if err != nil {
		return query.Timeline{}, err
	}
	timeline, err := s.app.Queries.Timeline.OfOrder(ctx, viewOf(ctx).WorkspaceID, code, page)
	if err != nil {
		return query.Timeline{}, err
	}
	return seen(ctx, timeline), nil
}

// statusTone says at a glance how an order stands.
func statusTone(status order.Status) string {
	switch status.Name {
	case "received", "money_collected":
		return "success"
	case "cancelled", "deleted":
		return "error"
	case "returning", "returned", "partially_returned":
		return "warning"
	case "new":
		return "info"
	default:
		return "neutral"
	}
}

// orderStatuses are those that a list is narrowed by.
func orderStatuses() []string {
	return []string{
		"new", "waiting_for_confirmation", "confirmed", "packaging", "waiting_for_printing", "printed", "waiting_for_pickup", "shipped", "received",
		"money_collected", "returning", "partially_returned", "returned", "restocking", "purchased", "cancelled", "deleted",
	}
}
