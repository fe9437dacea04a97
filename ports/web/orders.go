package web

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

func (s *server) orderRoutes(r routes) {
	r.viewer("GET /orders", s.orders)
	r.viewer("GET /orders/{code}", s.order)
	r.viewer("GET /orders/{code}/timeline", s.orderTimeline)
	r.viewer("POST /orders/{code}/reveal", s.revealOrder)
}

// orderPath is the address of an order's page, or of a part of it. A code may hold anything that a shop's order id does.
func orderPath(code, part string) string {
	path := "/orders/" + url.PathEscape(code)
	if part != "" {
		path += "/" + part
	}
	return path
}

// listSize is how many entries a page of a list has.
const listSize = 30

// orderList is what the page of orders shows.
type orderList struct {
	Orders query.List[query.Order]
	Shops  []query.Shop
	Staff  []query.User
	// Customer is whose orders these are; nil for those of all.
	Customer *query.Customer
	// What was asked for. An order that has the code is shown at once, so Code is one that none has.
	ShopID, Status, AssigneeID, CustomerID, From, To, Code string
}

func (l orderList) narrowed() bool {
	return l.ShopID+l.Status+l.AssigneeID+l.CustomerID+l.From+l.To+l.Code != ""
}

// next is the address of the part that follows.
func (l orderList) next() string {
	return address("/orders", "shop", l.ShopID, "status", l.Status, "assignee", l.AssigneeID, "customer", l.CustomerID,
		"from", l.From, "to", l.To, "cursor", *l.Orders.NextCursor)
}

func (s *server) orders(w http.ResponseWriter, r *http.Request) error {
	ctx, v, asked := r.Context(), viewOf(r.Context()), r.URL.Query()
	list := orderList{
		ShopID: asked.Get("shop"), Status: asked.Get("status"), AssigneeID: asked.Get("assignee"), CustomerID: asked.Get("customer"),
		From: asked.Get("from"), To: asked.Get("to"), Code: strings.TrimSpace(asked.Get("code")),
	}
	if list.Code != "" {
		found, err := s.app.Queries.Order(ctx, v.WorkspaceID, list.Code)
		if err == nil {
			seeOther(w, r, orderPath(found.Code, ""))
			return nil
		}
		if !isUnknown(err) {
			return err
		}
	}
	filter, err := orderFilter(ctx, asked.Get)
	if err != nil {
		return err
	}
	page, err := query.ParsePage(new(listSize), asked.Get("cursor"))
	if err != nil {
		return err
	}
	if list.Code == "" {
		found, err := s.app.Queries.Orders(ctx, v.WorkspaceID, filter, page)
		if err != nil {
			return err
		}
		list.Orders = seenList(ctx, found)
	}
	if list.Shops, err = s.app.Queries.Shops(ctx, v.WorkspaceID); err != nil {
		return err
	}
	if list.Staff, err = s.staffToChoose(ctx, query.UserFilter{}); err != nil {
		return err
	}
	if filter.CustomerID.Valid {
		customer, err := s.app.Queries.Customer(ctx, v.WorkspaceID, filter.CustomerID.UUID)
		if err != nil {
			return err
		}
		list.Customer = new(seen(ctx, customer))
	}
	return show(w, r, ordersPage(list))
}

// orderFilter reads what orders are narrowed by.
func orderFilter(ctx context.Context, asked func(name string) string) (query.OrderFilter, error) {
	var check query.Parameters
	filter := query.OrderFilter{ShopID: check.ShopID(asked("shop"))}
	if status := asked("status"); status != "" {
		filter.Status = check.OrderStatus(status)
	}
	filter.CustomerID = recordID(ctx, &check, "customer", asked("customer"))
	filter.AssigneeID = recordID(ctx, &check, "assignee", asked("assignee"))
	filter.OrderedFrom, filter.OrderedTo = days(ctx, &check, asked("from"), asked("to"))
	return filter, check.Problem()
}

// recordID reads the id of a record that a list is narrowed by; none for an empty one.
func recordID(ctx context.Context, check *query.Parameters, path, raw string) uuid.NullUUID {
	id, err := uuid.Parse(raw)
	if err != nil && raw != "" {
		check.Refuse(path, t(ctx, "problem.id-unreadable"))
	}
	return uuid.NullUUID{UUID: id, Valid: err == nil}
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

// orderView is what the page of an order shows.
type orderView struct {
	Order    query.OrderDetail
	Timeline query.Timeline
	// At is the moment as of which the order is shown, as it was asked for; empty for now.
	At string
	// Revealed tells that a contact was just revealed to somebody who is shown it masked otherwise.
	Revealed bool
	// Refused says why the order cannot be shown as of a moment.
	Refused string
}

func (s *server) order(w http.ResponseWriter, r *http.Request) error {
	ctx, code, at := r.Context(), r.PathValue("code"), r.URL.Query().Get("at")
	if at != "" {
		found, err := s.app.Queries.AsOf.Order(ctx, viewOf(ctx).WorkspaceID, code, momentAsked(ctx, at, time.Now()))
		if refused, ok := problem.Of(err); ok && (refused.Kind() == problem.KindInvalid || refused.Code() == codeOrderNotYet) {
			v, err := s.orderViewOf(ctx, code)
			if err != nil {
				return err
			}
			v.Refused = sayWhole(ctx, refused)
			render(w, r, statusOf(refused), orderPage(v))
			return nil
		}
		if err != nil {
			return err
		}
		return show(w, r, orderPage(orderView{Order: seen(ctx, found), At: at}))
	}
	v, err := s.orderViewOf(ctx, code)
	if err != nil {
		return err
	}
	return show(w, r, orderPage(v))
}

// codeOrderNotYet is what an order is that was not there yet at a moment.
const codeOrderNotYet = "order-not-yet"

func (s *server) orderViewOf(ctx context.Context, code string) (orderView, error) {
	found, err := s.app.Queries.Order(ctx, viewOf(ctx).WorkspaceID, code)
	if err != nil {
		return orderView{}, err
	}
	timeline, err := s.timelineOfOrder(ctx, found.Code, "")
	return orderView{Order: seen(ctx, found), Timeline: timeline}, err
}

// browserMinute is how a browser sends a day and a time on the clock.
const browserMinute = "2006-01-02T15:04"

// momentAsked is a moment that somebody asks for as the query reads it. A browser sends a minute of the workspace's clock: it stands for
// its end, so that what happened in that minute is seen, and the one that it is now stands for now. A position in the log stays as it is.
func momentAsked(ctx context.Context, raw string, now time.Time) string {
	at, err := time.ParseInLocation(browserMinute, raw, viewOf(ctx).Zone)
	if err != nil {
		return raw
	}
	if end := at.Add(time.Minute - time.Microsecond); at.After(now) || !end.After(now) {
		return end.Format(time.RFC3339Nano)
	}
	return now.Format(time.RFC3339Nano)
}

// momentShown says as of which moment an order is shown.
func momentShown(ctx context.Context, raw string) string {
	if at, err := time.ParseInLocation(browserMinute, raw, viewOf(ctx).Zone); err == nil {
		return moment(ctx, at)
	}
	return "#" + raw
}

// minuteTyped is what the field for a moment holds: nothing for a position, which is no minute.
func minuteTyped(raw string) string {
	if _, err := time.Parse(browserMinute, raw); err != nil {
		return ""
	}
	return raw
}

// revealOrder shows the order unmasked, this once. Its timeline stays masked.
func (s *server) revealOrder(w http.ResponseWriter, r *http.Request) error {
	ctx, code := r.Context(), r.PathValue("code")
	asked := command.RevealContact{By: by(ctx), AccountID: viewOf(ctx).Account.ID, OrderCode: code}
	if err := s.app.Commands.RevealContact.Handle(ctx, asked); err != nil {
		return err
	}
	v, err := s.orderViewOf(ctx, code)
	if err != nil {
		return err
	}
	if v.Order, err = s.app.Queries.Order(ctx, viewOf(ctx).WorkspaceID, code); err != nil {
		return err
	}
	v.Revealed = true
	return show(w, r, orderPage(v))
}

// amountShown is an amount with what it is.
type amountShown struct {
	Key    string
	Amount int64
}

// paymentsOf are those amounts of an order's payments that there are.
func paymentsOf(p query.OrderPayments) []amountShown {
	return present(
		amountShown{"cod", p.COD}, amountShown{"cash", p.Cash}, amountShown{"prepaid", p.Prepaid}, amountShown{"bank_transfer", p.BankTransfer},
		amountShown{"card", p.Card}, amountShown{"e_wallet", p.EWallet},
	)
}

func present(amounts ...amountShown) []amountShown {
	return slices.DeleteFunc(amounts, func(a amountShown) bool { return a.Amount == 0 })
}

// shownVersions bounds how many versions of an order its page lists: the newest.
const shownVersions = 50

// versionsOf is what was done to an order, the latest first.
func versionsOf(history []query.OrderEvent) []query.OrderEvent {
	latest := slices.Clone(history)
	slices.Reverse(latest)
	return latest[:min(len(latest), shownVersions)]
}

// changeShown is one side of a change, as people read it. What is too long is cut.
func changeShown(ctx context.Context, change order.Change, side json.RawMessage, currency string) string {
	var value any
	if err := json.Unmarshal(side, &value); err != nil || value == nil {
		return "–"
	}
	switch value := value.(type) {
	case float64:
		if strings.HasPrefix(change.Field, "totals.") || strings.HasPrefix(change.Field, "payments.") {
			var amount int64
			if err := json.Unmarshal(side, &amount); err == nil {
				return money(amount, currency)
			}
		}
	case string:
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return moment(ctx, at)
		}
		return phone(value)
	case map[string]any:
		if name, ok := value["name"].(string); ok {
			if change.Field == "status" {
				return tOr(ctx, "order.status."+name, name)
			}
			return name
		}
	case []any:
		entries := make([]string, 0, len(value))
		for _, entry := range value {
			text, isText := entry.(string)
			if !isText {
				return t(ctx, "order.entries", "Count", len(value))
			}
			entries = append(entries, phone(text))
		}
		return cmp.Or(strings.Join(entries, ", "), "–")
	}
	const limit = 200
	if text := []rune(string(side)); len(text) > limit {
		return string(text[:limit]) + "…"
	}
	return string(side)
}

// orderTimeline is the part of an order's timeline that follows.
func (s *server) orderTimeline(w http.ResponseWriter, r *http.Request) error {
	timeline, err := s.timelineOfOrder(r.Context(), r.PathValue("code"), r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	return show(w, r, timelinePart(timeline, orderPath(r.PathValue("code"), "timeline")))
}

func (s *server) timelineOfOrder(ctx context.Context, code, cursor string) (query.Timeline, error) {
	return timelineOf(ctx, s.app.Queries.Timeline.OfOrder, code, cursor)
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
