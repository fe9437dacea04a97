package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

func (s *server) overviewRoutes(r routes) {
	r.viewer("GET /{$}", s.overview)
	r.viewer("GET /overview/figures", s.overviewFigures)
	r.viewer("GET /overview/deliveries.json", s.deliveriesChart)
	r.viewer("GET /overview/processing.json", s.processingChart)
	r.viewer("GET /overview/customers", s.customersMet)
}

const (
	// chartTime is how far charts go back.
	chartTime = time.Hour
	// silentHours is from how many hours on it is said that a shop delivers nothing.
	silentHours = 24
)

// overviewFigures is what the overview shows, apart from its charts.
type overviewFigures struct {
	Day   query.Day
	Today query.Today
	Shops []query.Shop
	// Refused are the deliveries of today that failed or were rejected, Waiting those of any day that wait.
	Refused, Waiting query.DeliveryCounts
	Times            query.ProcessingTimes
	Now              time.Time
}

// orders is how many were placed today, however they stand.
func (f overviewFigures) orders() (placed, cancelled int64) {
	for _, sales := range f.Today.Sales {
		placed += sales.Orders + sales.Cancelled
		cancelled += sales.Cancelled
	}
	return placed, cancelled
}

// goods is what the goods of today's orders come to, each currency for itself.
func (f overviewFigures) goods() string {
	var amounts []string
	for _, sales := range f.Today.Sales {
		if sales.Orders > 0 {
			amounts = append(amounts, money(sales.Goods, sales.Currency))
		}
	}
	if len(amounts) == 0 {
		return money(0, "")
	}
	return strings.Join(amounts, " + ")
}

// silence is for how many whole hours nothing has come from a shop: since its last delivery, or since it was connected.
func (f overviewFigures) silence(shop query.Shop) int {
	since := shop.ConnectedAt
	if last, ok := f.Today.LastDeliveries[shop.ID]; ok {
		since = last.ReceivedAt
	}
	return int(f.Now.Sub(since).Hours())
}

func (s *server) overview(w http.ResponseWriter, r *http.Request) error {
	figures, err := s.figures(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, overviewPage(figures))
}

// overviewFigures shows the figures again.
func (s *server) overviewFigures(w http.ResponseWriter, r *http.Request) error {
	figures, err := s.figures(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, overviewPart(figures))
}

func (s *server) figures(ctx context.Context) (overviewFigures, error) {
	v := viewOf(ctx)
	f := overviewFigures{Now: time.Now()}
	f.Day = query.DayOf(f.Now, v.Zone)
	var err error
	if f.Shops, err = s.shopsSeen(ctx); err != nil {
		return f, err
	}
	if f.Today, err = s.app.Queries.Overview.Today(ctx, v.WorkspaceID, f.Day); err != nil {
		return f, err
	}
	if f.Refused, err = s.app.Queries.DeliveryCounts(ctx, v.WorkspaceID, query.DeliveryFilter{
		Outcomes: []query.Outcome{query.OutcomeFailed, query.OutcomeRejected}, ReceivedFrom: f.Day.Begin,
	}); err != nil {
		return f, err
	}
	if f.Waiting, err = s.app.Queries.DeliveryCounts(ctx, v.WorkspaceID, query.DeliveryFilter{
		Outcomes: []query.Outcome{query.OutcomePending, query.OutcomeHeld},
	}); err != nil {
		return f, err
	}
	f.Times, err = s.app.Queries.Overview.ProcessingTimes(ctx, v.WorkspaceID, f.Now.Add(-chartTime))
	return f, err
}

// chart is what console.js draws: x in seconds since 1970, and values for each, of which null is none.
type chart struct {
	X      []int64       `json:"x"`
	Series []chartSeries `json:"series"`
}

type chartSeries struct {
	Label  string     `json:"label"`
	Values []*float64 `json:"values"`
}

// lastHour are the minutes of a chart, up to the present one.
func lastHour(now time.Time) []time.Time {
	last := now.Truncate(time.Minute)
	var minutes []time.Time
	for at := last.Add(time.Minute - chartTime); !at.After(last); at = at.Add(time.Minute) {
		minutes = append(minutes, at)
	}
	return minutes
}

// newChart draws what is known of some minutes, and what there is where nothing is known of one: nil for nothing.
func newChart(ctx context.Context, minutes []time.Time, otherwise *float64, labels ...string) chart {
	c := chart{X: make([]int64, 0, len(minutes))}
	for _, minute := range minutes {
		c.X = append(c.X, minute.Unix())
	}
	for _, label := range labels {
		c.Series = append(c.Series, chartSeries{Label: t(ctx, label), Values: slices.Repeat([]*float64{otherwise}, len(minutes))})
	}
	return c
}

// set says the values of a minute, one a series. One that is not on the chart is left out.
func (c chart) set(minute time.Time, values ...float64) {
	if i := slices.Index(c.X, minute.Unix()); i >= 0 {
		for series := range values {
			c.Series[series].Values[i] = &values[series]
		}
	}
}

func (s *server) deliveriesChart(w http.ResponseWriter, r *http.Request) error {
	ctx, minutes := r.Context(), lastHour(time.Now())
	found, err := s.app.Queries.Overview.DeliveriesByMinute(ctx, viewOf(ctx).WorkspaceID, minutes[0])
	if err != nil {
		return err
	}
	c := newChart(ctx, minutes, new(0.0), "overview.chart.deliveries")
	for _, one := range found {
		c.set(one.Minute, float64(one.Received))
	}
	return showJSON(w, c)
}

func (s *server) processingChart(w http.ResponseWriter, r *http.Request) error {
	ctx, minutes := r.Context(), lastHour(time.Now())
	times, err := s.app.Queries.Overview.ProcessingTimes(ctx, viewOf(ctx).WorkspaceID, minutes[0])
	if err != nil {
		return err
	}
	c := newChart(ctx, minutes, nil, "overview.chart.p50", "overview.chart.p95")
	for _, one := range times.Minutes {
		c.set(one.Minute, one.P50, one.P95)
	}
	return showJSON(w, c)
}

func showJSON(w http.ResponseWriter, value any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(value)
}

// metList is the list behind how many customers were found, and how.
type metList struct {
	Found     query.CustomerFound
	Date      string
	Customers query.List[query.CustomerMet]
}

func (l metList) next() string {
	return address("/overview/customers", "found", string(l.Found), "day", l.Date, "cursor", *l.Customers.NextCursor)
}

func (s *server) customersMet(w http.ResponseWriter, r *http.Request) error {
	ctx, v, asked := r.Context(), viewOf(r.Context()), r.URL.Query()
	list := metList{Found: query.CustomerFound(asked.Get("found")), Date: asked.Get("day")}
	if list.Found != query.CustomerCreated && list.Found != query.CustomerMatched {
		return errPageUnknown
	}
	day := query.DayOf(time.Now(), v.Zone)
	if list.Date != "" {
		at, err := time.ParseInLocation(time.DateOnly, list.Date, v.Zone)
		if err != nil {
			return problem.InvalidFields("parameters-invalid", problem.Field{Path: "day", Message: t(ctx, "problem.day-unreadable")})
		}
		day = query.DayOf(at, v.Zone)
	}
	list.Date = day.Date
	page, err := query.ParsePage(new(listSize), asked.Get("cursor"))
	if err != nil {
		return err
	}
	found, err := s.app.Queries.Overview.CustomersMet(ctx, v.WorkspaceID, list.Found, day, page)
	if err != nil {
		return err
	}
	list.Customers = seenList(ctx, found)
	return show(w, r, customersMetPage(list))
}

func metTitle(ctx context.Context, list metList) string {
	return t(ctx, "overview.met."+string(list.Found))
}
