package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

const (
	// maxTransfers is how many files are given, and how many are taken, at once.
	maxTransfers = 4
	// exportTimeout is more than writing everything takes, sendTimeout what a reader may take for a part of it.
	exportTimeout = 30 * time.Minute
	sendTimeout   = 30 * time.Second
)

var errTooManyTransfers = problem.Unavailable("transfers-exhausted",
	"as many files are being written or read as there may be; try again in some seconds")

func (s *server) exportRoutes(r routes) {
	r.operator("POST /orders/export", s.exportOrders)
	r.operator("POST /customers/export", s.exportCustomers)
	r.operator("POST /deliveries/export", s.exportDeliveries)
}

// exported is the value of a field that a list was narrowed by; empty when all is to be exported.
func exported(r *http.Request, name string) string {
	if r.PostFormValue("scope") == "all" {
		return ""
	}
	return r.PostFormValue(name)
}

func (s *server) exportOrders(w http.ResponseWriter, r *http.Request) error {
	filter, err := orderFilter(r.Context(), func(name string) string { return exported(r, name) })
	if err != nil {
		return err
	}
	return s.download(w, r, "orders", func(ctx context.Context, export query.Export) error {
		return s.app.Queries.Export.Orders(ctx, export, filter)
	})
}

func (s *server) exportCustomers(w http.ResponseWriter, r *http.Request) error {
	var check query.Parameters
	filter := query.CustomerFilter{
		Phone: check.Phone(exported(r, "phone")), Email: check.Email(exported(r, "email")), Tag: check.Tag(exported(r, "tag")),
		Status: exported(r, "status"), Search: query.ParseCustomerSearch(exported(r, "q")),
	}
	if err := check.Problem(); err != nil {
		return err
	}
	return s.download(w, r, "customers", func(ctx context.Context, export query.Export) error {
		return s.app.Queries.Export.Customers(ctx, export, filter)
	})
}

func (s *server) exportDeliveries(w http.ResponseWriter, r *http.Request) error {
	var check query.Parameters
	filter := deliveriesAsked{
		Outcome: exported(r, "outcome"), ShopID: exported(r, "shop"), Reason: exported(r, "reason"), From: exported(r, "from"), To: exported(r, "to"),
		Code: exported(r, "code"), Search: exported(r, "q"),
	}.filter(r.Context(), &check, query.Outcomes()...)
	if err := check.Problem(); err != nil {
		return err
	}
	return s.download(w, r, "deliveries", func(ctx context.Context, export query.Export) error {
		return s.app.Queries.Export.Deliveries(ctx, export, filter)
	})
}

// download gives a file as it is written, in the format that is asked for, for as long as its reader takes it.
func (s *server) download(w http.ResponseWriter, r *http.Request, name string, write func(context.Context, query.Export) error) error {
	format, err := query.ParseSheetFormat(r.FormValue("format"))
	if err != nil {
		return err
	}
	leave, err := enter(s.downloads)
	if err != nil {
		return err
	}
	defer leave()
	connection := http.NewResponseController(w)
	// Waiting for more of the request would end the answer at the time that it had.
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("keep connection open: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exportTimeout)
	defer cancel()
	to := &download{to: w, connection: connection, media: format.MediaType(), name: name + "." + string(format)}
	err = write(ctx, query.Export{WorkspaceID: viewOf(ctx).WorkspaceID, Format: format, To: to, Zone: viewOf(ctx).Zone})
	if err != nil && to.begun {
		s.logger.WarnContext(ctx, "file broke off", "request_id", exchangeOf(ctx).id, "error", err)
		panic(http.ErrAbortHandler) // nobody may take a part of it for the whole
	}
	return err
}

// enter takes one of some places, or tells that there is none.
func enter(places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, errTooManyTransfers
	}
}

// download writes to whoever downloads. What fails before the first byte is answered like any other failure.
type download struct {
	to          http.ResponseWriter
	connection  *http.ResponseController
	media, name string
	begun       bool
}

var _ io.Writer = (*download)(nil)

// Write writes.
func (d *download) Write(data []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.to.Header().Set("Content-Type", d.media)
		d.to.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", d.name))
		d.to.WriteHeader(http.StatusOK)
	}
	if err := d.connection.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return 0, fmt.Errorf("limit time to write: %w", err)
	}
	n, err := d.to.Write(data)
	if err != nil {
		return n, fmt.Errorf("write file: %w", err)
	}
	return n, nil
}
