package web

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/delivery"
)

// watchView is what has arrived of a shop since it was connected.
type watchView struct {
	Shop query.Shop
	// Last is the last delivery that was taken, Order the order that it is about when that can be read.
	Last  *query.Delivery
	Order *query.OrderDetail
	// Refused are deliveries that were not taken since then, and Attempts calls that the log holds nothing of; both the latest first.
	Refused  []query.Delivery
	Attempts []query.RefusedAttempt
}

const (
	// watchedFor is for how long it is told that something was not taken.
	watchedFor = time.Hour
	// shownRefused is how many deliveries that were not taken are told of.
	shownRefused = 3
)

// takenOutcomes are those of deliveries that were taken.
func takenOutcomes() []query.Outcome {
	return slices.DeleteFunc(query.Outcomes(), func(outcome query.Outcome) bool { return outcome == query.OutcomeRejected })
}

// watch looks for what has arrived of a shop since it was connected.
func (s *server) watch(ctx context.Context, shop query.Shop) (watchView, error) {
	v, workspaceID, since := watchView{Shop: shop}, viewOf(ctx).WorkspaceID, shop.ConnectedAt
	taken, err := s.app.Queries.Deliveries(ctx, workspaceID, query.DeliveryFilter{
		ShopID: shop.ID, Outcomes: takenOutcomes(), ReceivedFrom: since,
	}, query.Page{Limit: 1})
	if err != nil {
		return v, err
	}
	if len(taken.Items) > 0 {
		v.Last = &taken.Items[0]
		since = v.Last.ReceivedAt
		if v.Order, err = s.orderOf(ctx, *v.Last); err != nil {
			return v, err
		}
	}
	if hourAgo := time.Now().Add(-watchedFor); since.Before(hourAgo) {
		since = hourAgo
	}
	refused, err := s.app.Queries.Deliveries(ctx, workspaceID, query.DeliveryFilter{
		ShopID: shop.ID, Outcomes: []query.Outcome{query.OutcomeRejected}, ReceivedFrom: since,
	}, query.Page{Limit: shownRefused})
	if err != nil {
		return v, err
	}
	v.Refused = refused.Items
	attempts, err := s.app.Queries.RefusedAttempts(ctx, workspaceID)
	v.Attempts = slices.DeleteFunc(attempts, func(one query.RefusedAttempt) bool { return one.LastAt.Before(since) || !v.concerns(one) })
	return v, err
}

// concerns tells whether a call that was not taken may be one of the shop's. One without a header that is known may be anybody's: it is of
// interest as long as nothing has come.
func (v watchView) concerns(one query.RefusedAttempt) bool {
	switch one.Reason {
	case delivery.AttemptHeaderMissing:
		return v.Last == nil
	case delivery.AttemptHeaderWrong:
		return one.HeaderKey == v.Shop.HeaderKey || v.Shop.PreviousHeaderKey != nil && one.HeaderKey == *v.Shop.PreviousHeaderKey
	default:
		return one.ShopID == v.Shop.ID
	}
}

// orderOf is the order of a delivery that made or changed one; nil while it cannot be read.
func (s *server) orderOf(ctx context.Context, one query.Delivery) (*query.OrderDetail, error) {
	if !hasOrder(one) {
		return nil, nil //nolint:nilnil // there is none
	}
	found, err := s.app.Queries.Order(ctx, viewOf(ctx).WorkspaceID, *one.OrderCode)
	if isUnknown(err) {
		return nil, nil //nolint:nilnil // not yet
	}
	if err != nil {
		return nil, err
	}
	return new(seen(ctx, found)), nil
}

// hasOrder tells that there is an order after a delivery.
func hasOrder(one query.Delivery) bool {
	return one.OrderCode != nil && slices.Contains([]query.Outcome{query.OutcomeCreated, query.OutcomeUpdated, query.OutcomeUnchanged}, one.Outcome)
}

// waits tells that there is more to come: no delivery has, or what becomes of it is not known yet.
func (v watchView) waits() bool {
	return v.Last == nil || v.Last.Outcome == query.OutcomePending || hasOrder(*v.Last) && v.Order == nil
}

// mark tells what is shown from what was shown before.
func (v watchView) mark() string {
	hash := fnv.New64a()
	if v.Last != nil {
		fmt.Fprint(hash, v.Last.ID, v.Last.Outcome, v.Order != nil)
	}
	for _, one := range v.Refused {
		fmt.Fprint(hash, one.ID)
	}
	for _, one := range v.Attempts {
		fmt.Fprint(hash, one.Attempt, one.Attempts, one.LastAt.UnixNano())
	}
	return strconv.FormatUint(hash.Sum64(), 36)
}

// watchShop is what has arrived of a shop by now: nothing when that is what is shown already.
func (s *server) watchShop(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	shop, err := s.app.Queries.Shop(ctx, viewOf(ctx).WorkspaceID, r.PathValue("shop"))
	if err != nil {
		return err
	}
	v, err := s.watch(ctx, shop)
	if err != nil {
		return err
	}
	if v.mark() == r.URL.Query().Get("shown") {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return show(w, r, watchPart(v))
}

// attemptTitle says what was wrong with a call that was not taken.
func attemptTitle(ctx context.Context, one query.RefusedAttempt) string {
	if one.Reason == delivery.AttemptHeaderWrong {
		return t(ctx, "attempt.header-wrong.of", "Key", one.HeaderKey)
	}
	return t(ctx, "attempt."+string(one.Reason))
}
