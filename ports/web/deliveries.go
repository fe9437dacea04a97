package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/delivery"
	"orderbridge/domain/problem"
)

func (s *server) deliveryRoutes(r routes) {
	r.viewer("GET /deliveries", s.deliveries)
	r.viewer("POST /deliveries", s.deliveries) // a search: what is typed in may be somebody's phone
	r.viewer("GET /deliveries/latest", s.latestDeliveries)
	r.viewer("GET /deliveries/{id}", s.delivery)
	r.viewer("GET /deliveries/{id}/live", s.deliveryLive)
	r.operator("GET /deliveries/{id}/body", s.deliveryBody)
	r.operator("POST /deliveries/{id}/retry", s.retryDelivery)
	r.operator("GET /deliveries/retry", s.askToRetryDeliveries)
	r.operator("POST /deliveries/retry/preview", s.askToRetryDeliveries) // of what was searched for
	r.operator("POST /deliveries/retry", s.retryDeliveries)
}

// sessionRetried holds what trying many again came to, until it was told.
const sessionRetried = "retried"

// deliveriesAsked is what a list of deliveries is narrowed by, as it was sent. All but Search may stand in an address.
type deliveriesAsked struct{ Outcome, ShopID, Reason, From, To, Code, Search string }

func askedDeliveries(r *http.Request) deliveriesAsked {
	return deliveriesAsked{
		Outcome: r.FormValue("outcome"), ShopID: r.FormValue("shop"), Reason: r.FormValue("reason"),
		From: r.FormValue("from"), To: r.FormValue("to"), Code: strings.TrimSpace(r.FormValue("code")),
		Search: strings.TrimSpace(r.PostFormValue("q")),
	}
}

func (a deliveriesAsked) narrowed() bool { return a != deliveriesAsked{} }

func (a deliveriesAsked) searched() bool { return a.Search != "" }

// retryable tells that the list is one of what can be tried again.
func (a deliveriesAsked) retryable() bool {
	return slices.Contains(query.RetryableOutcomes(), query.Outcome(a.Outcome))
}

// of is the same list of another outcome, or of all.
func (a deliveriesAsked) of(outcome query.Outcome) deliveriesAsked {
	a.Outcome = string(outcome)
	return a
}

// address is that of the list under a path, without what was searched for.
func (a deliveriesAsked) address(path, cursor string) string {
	return address(path, "outcome", a.Outcome, "shop", a.ShopID, "reason", a.Reason, "from", a.From, "to", a.To, "code", a.Code, "cursor", cursor)
}

func (a deliveriesAsked) filter(ctx context.Context, check *query.Parameters, outcomes ...query.Outcome) query.DeliveryFilter {
	filter := query.DeliveryFilter{
		Outcomes: check.Outcomes(a.Outcome, outcomes...), ShopID: check.ShopID(a.ShopID), Reason: check.Reason(a.Reason),
		Search: query.ParseDeliverySearch(a.Search),
	}
	filter.OrderCode, filter.OrderCodePrefix = check.OrderCode(a.Code)
	filter.ReceivedFrom, filter.ReceivedTo = days(ctx, check, a.From, a.To)
	if !seesContacts(ctx) {
		filter.Search = filter.Search.Masked()
	}
	return filter
}

// deliveryList is what the page of deliveries shows.
type deliveryList struct {
	Deliveries query.List[query.Delivery]
	Counts     query.DeliveryCounts
	Shops      []query.Shop
	Asked      deliveriesAsked
	// Live tells that the list begins at its beginning, and follows what arrives.
	Live bool
	// Retried tells what was done last, if anything was.
	Retried string
}

// shopName is what a shop is called; its id when it is not connected.
func (l deliveryList) shopName(id string) string { return shopName(l.Shops, id) }

func shopName(shops []query.Shop, id string) string {
	for _, shop := range shops {
		if shop.ID == id {
			return shop.Name
		}
	}
	return id
}

// outcomeCount is how many deliveries there are of an outcome, which need not have been counted.
func outcomeCount(counts query.DeliveryCounts, outcome query.Outcome) query.OutcomeCount {
	for _, one := range counts.Items {
		if one.Outcome == outcome {
			return one
		}
	}
	return query.OutcomeCount{Outcome: outcome}
}

// countOf is that number in words.
func countOf(counts query.DeliveryCounts, outcome query.Outcome) string {
	one := outcomeCount(counts, outcome)
	return countText(one.Count, one.Capped)
}

// shown stands for what can be seen of the list, so that a page which shows just that is left as it is.
func (l deliveryList) shown() string {
	seen, err := json.Marshal([]any{l.Deliveries, l.Counts, l.Shops})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(seen)
	return hex.EncodeToString(sum[:8])
}

func (s *server) deliveries(w http.ResponseWriter, r *http.Request) error {
	list, err := s.deliveryList(r)
	if err != nil {
		return err
	}
	list.Retried = s.sessions.PopString(r.Context(), sessionRetried)
	return show(w, r, deliveriesPage(list))
}

// latestDeliveries is the beginning of the list again; nothing when the page shows it already.
func (s *server) latestDeliveries(w http.ResponseWriter, r *http.Request) error {
	list, err := s.deliveryList(r)
	if err != nil {
		return err
	}
	if r.FormValue("shown") == list.shown() {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return show(w, r, deliveriesPart(list))
}

func (s *server) deliveryList(r *http.Request) (deliveryList, error) {
	ctx, v := r.Context(), viewOf(r.Context())
	list := deliveryList{Asked: askedDeliveries(r)}
	cursor := r.FormValue("cursor")
	list.Live = cursor == "" && !list.Asked.searched()
	var check query.Parameters
	filter := list.Asked.filter(ctx, &check, query.Outcomes()...)
	page := check.Page(new(listSize), cursor)
	err := check.Problem()
	if err != nil {
		return list, err
	}
	if list.Deliveries, err = s.app.Queries.Deliveries(ctx, v.WorkspaceID, filter, page); err != nil {
		return list, err
	}
	filter.Outcomes = nil
	if list.Counts, err = s.app.Queries.DeliveryCounts(ctx, v.WorkspaceID, filter); err != nil {
		return list, err
	}
	list.Shops, err = s.shopsSeen(ctx)
	return list, err
}

func (s *server) shopsSeen(ctx context.Context) ([]query.Shop, error) {
	shops, err := s.app.Queries.Shops(ctx, viewOf(ctx).WorkspaceID)
	return seenList(ctx, query.List[query.Shop]{Items: shops}).Items, err
}

// deliveryShown is what the page of a delivery shows.
type deliveryShown struct {
	query.DeliveryDetail
	// Shop is the shop that it came from, nil when that is not connected.
	Shop *query.Shop
	// Order is the order in the CRM that it was about, nil when there is none.
	Order *query.OrderDetail
	// Body is what was received, nil for those who may not see it.
	Body *receivedBody
	// Refused is why what was asked for was not done.
	Refused string
}

// changing tells that something is still to come of it.
func (d deliveryShown) changing() bool {
	return d.Outcome == query.OutcomePending || d.Outcome == query.OutcomeHeld
}

func (d deliveryShown) retryable() bool { return slices.Contains(query.RetryableOutcomes(), d.Outcome) }

func (d deliveryShown) path() string { return "/deliveries/" + d.ID.String() }

func (d deliveryShown) code() string { return orEmpty(d.OrderCode) }

func (d deliveryShown) reason() string { return orEmpty(d.Reason) }

// shown stands for how the delivery stands, so that a page which shows just that is left as it is.
func (d deliveryShown) shown() string {
	return string(d.Outcome) + " " + strconv.FormatInt(lastPosition(d.Steps), 10)
}

// tookMS is the time from the moment it was received until its outcome, in milliseconds; ok is false while there is none.
func (d deliveryShown) tookMS() (ms int64, ok bool) {
	if len(d.Steps) == 0 || d.changing() {
		return 0, false
	}
	return max(0, d.Steps[len(d.Steps)-1].At.Sub(d.ReceivedAt).Milliseconds()), true
}

func lastPosition(steps []query.Step) int64 {
	last := int64(0)
	for _, step := range steps {
		last = max(last, step.Position)
	}
	return last
}

// detail is what the last failure says of itself, in the words of the log.
func (d deliveryShown) detail() string {
	var fault struct {
		Detail string `json:"detail"`
	}
	for _, step := range d.Steps {
		if step.State == query.StepFailed {
			_ = json.Unmarshal(step.Data, &fault) // else nothing is known of it
		}
	}
	return fault.Detail
}

// ownSteps are the steps of a page that is a delivery's own: none leads to it.
func ownSteps(steps []query.Step) []query.Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].DeliveryID = nil
	}
	return steps
}

func (s *server) delivery(w http.ResponseWriter, r *http.Request) error {
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	return s.showDelivery(w, r, id, nil)
}

// showDelivery shows a delivery, and why what was asked for was not done, if anything was.
func (s *server) showDelivery(w http.ResponseWriter, r *http.Request, id uuid.UUID, refusal *problem.Error) error {
	ctx := r.Context()
	one, err := s.deliveryShown(ctx, id)
	if err != nil {
		return err
	}
	if seesContacts(ctx) { // it cannot be masked
		if one.Body, err = s.receivedBody(ctx, id); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if refusal != nil {
		one.Refused, status = sayProblem(ctx, refusal), statusOf(refusal)
	}
	render(w, r, status, deliveryPage(one))
	return nil
}

// deliveryLive is what may have changed on the page of a delivery; nothing when that shows it already.
func (s *server) deliveryLive(w http.ResponseWriter, r *http.Request) error {
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	one, err := s.deliveryShown(r.Context(), id)
	if err != nil {
		return err
	}
	if r.FormValue("shown") == one.shown() {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return show(w, r, deliveryPart(one))
}

func (s *server) deliveryShown(ctx context.Context, id uuid.UUID) (deliveryShown, error) {
	workspaceID := viewOf(ctx).WorkspaceID
	found, err := s.app.Queries.ExplainDelivery.Handle(ctx, workspaceID, id)
	if err != nil {
		return deliveryShown{}, err
	}
	one := deliveryShown{DeliveryDetail: seen(ctx, found)}
	s.settle(ctx, lastPosition(one.Steps)) // so that the order is there that the steps tell of
	if one.ShopID != nil {
		shop, err := s.app.Queries.Shop(ctx, workspaceID, *one.ShopID)
		switch {
		case err == nil:
			one.Shop = new(seen(ctx, shop))
		case !isUnknown(err):
			return one, err
		}
	}
	if one.OrderCode != nil {
		order, err := s.app.Queries.Order(ctx, workspaceID, *one.OrderCode)
		switch {
		case err == nil:
			one.Order = new(seen(ctx, order))
		case !isUnknown(err):
			return one, err
		}
	}
	return one, nil
}

// shownBytes is how much of a body a page shows. An order has 4 to 10 KB.
const shownBytes = 256 << 10

// receivedBody is what a delivery brought, for reading.
type receivedBody struct {
	// Missing says why there is none.
	Missing string
	Bytes   int
	// Exact is the text as it was received, Formatted the same as JSON for people, empty when it is none.
	Exact, Formatted string
	// Whole tells that nothing is left out, Text that every byte of it is text.
	Whole, Text bool
}

func newReceivedBody(raw []byte) *receivedBody {
	body := &receivedBody{Bytes: len(raw), Whole: len(raw) <= shownBytes, Text: utf8.Valid(raw)}
	if !body.Whole {
		raw = raw[:shownBytes]
	} else if json.Valid(raw) {
		body.Formatted = indented(raw)
	}
	body.Exact = strings.ToValidUTF8(string(raw), "\uFFFD")
	return body
}

func (s *server) receivedBody(ctx context.Context, id uuid.UUID) (*receivedBody, error) {
	raw, err := s.app.Queries.DeliveryBody(ctx, viewOf(ctx).WorkspaceID, id)
	if missing, ok := problem.Of(err); ok && missing.Kind() == problem.KindNotFound {
		return &receivedBody{Missing: sayProblem(ctx, missing)}, nil
	}
	if err != nil {
		return nil, err
	}
	return newReceivedBody(raw), nil
}

// deliveryBody gives the exact bytes as a file: no browser is to make anything else of them.
func (s *server) deliveryBody(w http.ResponseWriter, r *http.Request) error {
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	raw, err := s.app.Queries.DeliveryBody(r.Context(), viewOf(r.Context()).WorkspaceID, id)
	if err != nil {
		return err
	}
	ending := "txt"
	if json.Valid(raw) {
		ending = "json"
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="delivery-%s.%s"`, id, ending))
	_, _ = w.Write(raw) //nolint:gosec // no browser takes it for a page: it is an attachment of bytes, and nothing sniffs at it
	return nil
}

func deliveryID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return uuid.Nil, delivery.ErrUnknown
	}
	return id, nil
}

func (s *server) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := deliveryID(r)
	if err != nil {
		return err
	}
	position, err := s.app.Commands.RetryDelivery.Handle(ctx, command.RetryDelivery{By: by(ctx), ID: id})
	if refusal, ok := problem.Of(err); ok && refusal.Kind() == problem.KindConflict {
		return s.showDelivery(w, r, id, refusal)
	}
	if err != nil {
		return err
	}
	s.settle(ctx, position)
	seeOther(w, r, "/deliveries/"+id.String())
	return nil
}

// deliveriesToRetry is what is asked before many are tried again.
type deliveriesToRetry struct {
	Asked  deliveriesAsked
	Shops  []query.Shop
	Count  int
	Capped bool
}

func (s *server) askToRetryDeliveries(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	asked := askedDeliveries(r)
	found, err := s.retryDeliveriesAsked(ctx, asked, true)
	if err != nil {
		return err
	}
	shops, err := s.shopsSeen(ctx)
	if err != nil {
		return err
	}
	return show(w, r, retryPage(deliveriesToRetry{Asked: asked, Shops: shops, Count: found.Matched, Capped: found.Capped}))
}

func (s *server) retryDeliveries(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	asked := askedDeliveries(r)
	done, err := s.retryDeliveriesAsked(ctx, asked, false)
	if err != nil {
		return err
	}
	s.settle(ctx, done.Position)
	said := t(ctx, "deliveries.retried", "Count", done.Retried, "Many", grouped(done.Retried))
	if done.NextCursor != nil {
		said += " " + t(ctx, "deliveries.retried.more")
	}
	s.sessions.Put(ctx, sessionRetried, said)
	// They have another outcome and reason by now, or will have.
	asked.Outcome, asked.Reason = "", ""
	seeOther(w, r, asked.address("/deliveries", ""))
	return nil
}

func (s *server) retryDeliveriesAsked(ctx context.Context, asked deliveriesAsked, dryRun bool) (command.RetriedDeliveries, error) {
	var check query.Parameters
	filter := asked.filter(ctx, &check, query.RetryableOutcomes()...)
	if err := check.Problem(); err != nil {
		return command.RetriedDeliveries{}, err
	}
	return s.app.Commands.RetryDeliveries.Handle(ctx, command.RetryDeliveries{By: by(ctx), Filter: filter, DryRun: dryRun})
}

// titleOf is what a delivery is called: by the order that it brought.
func titleOf(ctx context.Context, one deliveryShown) string {
	if one.code() == "" {
		return t(ctx, "delivery.nameless")
	}
	return one.code()
}

// reasonText is why a delivery came out as it did, in words, or else what became of it.
func reasonText(ctx context.Context, one deliveryShown) string {
	return tOr(ctx, "delivery.reason."+one.reason(), cmp.Or(one.reason(), t(ctx, "delivery.outcome."+string(one.Outcome)+".about")))
}

// shopPath is the page of a connected shop.
func shopPath(id string) string { return "/settings/pancake/shops/" + url.PathEscape(id) }

// tabClass shows which of several lists is shown.
func tabClass(chosen bool) string {
	if chosen {
		return "btn-primary"
	}
	return "border-base-300 bg-base-100"
}

// outcomeTone says at a glance what became of a delivery.
func outcomeTone(outcome query.Outcome) string {
	switch outcome {
	case query.OutcomeCreated, query.OutcomeUpdated:
		return "success"
	case query.OutcomeFailed, query.OutcomeRejected:
		return "error"
	case query.OutcomePending:
		return "info"
	case query.OutcomeHeld:
		return "warning"
	default:
		return "neutral"
	}
}

// reasonsWith are those that a list is narrowed by, and the one that it is narrowed by already.
func reasonsWith(chosen string) []string {
	reasons := deliveryReasons()
	if chosen != "" && !slices.Contains(reasons, chosen) {
		reasons = append(reasons, chosen)
	}
	return reasons
}

// deliveryReasons are why a delivery came out as it did, those that a shop operator has to do something about first. They are stable
// codes, of which an unknown one is shown as it is.
func deliveryReasons() []string {
	return []string{
		// Refused at the door, or when it was tried again.
		"shop-mismatch", "shop-not-connected", "body-not-json", "body-not-object", "order-id-missing", "order-id-invalid", "shop-id-missing",
		"not-an-order", "encoding-unsupported", "body-incomplete", "body-too-large", "body-not-kept",
		// The order cannot be understood.
		"money-unreadable", "money-overflow", "unit-price-negative", "currency-unreadable", "quantity-unreadable", "items-unreadable",
		"items-too-many", "flag-unreadable", "order-unreadable", "internal-error",
		// It waits, or there was nothing to do.
		"shop-paused", "cancelled", "deleted", "identical", "older",
		// The order was changed or created, and how that came.
		"newer", "same_version", "buyer_revealed", "was_live",
	}
}
