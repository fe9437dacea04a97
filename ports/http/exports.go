package http

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"orderbridge/app/query"
)

// ExportCustomers gives customers as a file.
func (c api) ExportCustomers(ctx context.Context, request ExportCustomersRequestObject) (ExportCustomersResponseObject, error) {
	var check query.Parameters
	p := request.Params
	filter := customerNarrowing{phone: p.Phone, email: p.Email, status: p.Status, tag: p.Tag, q: p.Q}.filter(ctx, &check)
	return c.download(ctx, &check, "customers", p.Format, func(export query.Export) error {
		return c.queries.Export.Customers(ctx, export, filter)
	})
}

// ExportOrders gives orders as a file.
func (c api) ExportOrders(ctx context.Context, request ExportOrdersRequestObject) (ExportOrdersResponseObject, error) {
	var check query.Parameters
	p := request.Params
	filter := orderNarrowing{
		shopID: p.ShopID, customerID: p.CustomerID, status: p.Status, assigneeID: p.AssigneeID, from: p.OrderedFrom, to: p.OrderedTo,
	}.filter(&check)
	return c.download(ctx, &check, "orders", p.Format, func(export query.Export) error {
		return c.queries.Export.Orders(ctx, export, filter)
	})
}

// ExportDeliveries gives deliveries as a file.
func (c api) ExportDeliveries(ctx context.Context, request ExportDeliveriesRequestObject) (ExportDeliveriesResponseObject, error) {
	var check query.Parameters
	p := request.Params
	filter := deliveryNarrowing{
		outcome: (*string)(p.Outcome), reason: p.Reason, shopID: p.ShopID, orderCode: p.OrderCode, phone: p.Phone, q: p.Q,
		from: p.ReceivedFrom, to: p.ReceivedTo,
	}.filter(ctx, &check, query.Outcomes()...)
	return c.download(ctx, &check, "deliveries", p.Format, func(export query.Export) error {
		return c.queries.Export.Deliveries(ctx, export, filter)
	})
}

// GetImportTemplate gives a file to fill in.
func (c api) GetImportTemplate(ctx context.Context, request GetImportTemplateRequestObject) (GetImportTemplateResponseObject, error) {
	var check query.Parameters
	return c.download(ctx, &check, "customers", request.Params.Format, func(export query.Export) error {
		return c.queries.Export.CustomerTemplate(export.Format, export.To)
	})
}

// GetImportResult gives what became of each row of an import.
func (c api) GetImportResult(ctx context.Context, request GetImportResultRequestObject) (GetImportResultResponseObject, error) {
	var check query.Parameters
	if _, err := c.queries.CustomerImport(ctx, workspaceOf(ctx), request.ID); err != nil {
		return nil, err
	}
	return c.download(ctx, &check, "import-"+request.ID.String(), request.Params.Format, func(export query.Export) error {
		return c.queries.Export.ImportResult(ctx, export, request.ID)
	})
}

// download is a file that is given as it is read.
type download struct {
	*stream

	disposition string
	export      query.Export
	write       func(query.Export) error
	begun       bool
}

// download gives a file, unless the check found a parameter to be wrong.
func (c api) download(
	ctx context.Context, check *query.Parameters, name string, format *query.SheetFormat, write func(query.Export) error,
) (*download, error) {
	chosen := query.SheetCSV
	if format != nil {
		chosen = oneOf(check, "format", format, query.SheetCSV, query.SheetXLSX)
	}
	if err := check.Problem(); err != nil {
		return nil, err
	}
	settings, err := c.queries.Settings(ctx, workspaceOf(ctx))
	if err != nil {
		return nil, err
	}
	streamed, _ := ctx.Value(streamKey).(*stream)
	streamed.ctx = ctx
	return &download{
		stream: streamed, disposition: fmt.Sprintf("attachment; filename=%q", name+"."+string(chosen)), write: write,
		export: query.Export{WorkspaceID: workspaceOf(ctx), Format: chosen, Zone: query.ZoneNamed(settings.TimeZone)},
	}, nil
}

func (d *download) visit(w http.ResponseWriter) error {
	if err := d.begin(w); err != nil {
		return err
	}
	d.export.To = downloadTo{download: d, to: w}
	err := d.write(d.export) // before it is asked whether it has begun
	return d.ended(err, d.begun)
}

// downloadTo writes to whoever downloads. What fails before the first byte is answered like any other failure.
type downloadTo struct {
	*download

	to http.ResponseWriter
}

var _ io.Writer = downloadTo{}

// Write writes.
func (d downloadTo) Write(data []byte) (int, error) {
	if d.isClosing() {
		return 0, errClosing
	}
	if !d.begun {
		d.begun = true
		d.to.Header().Set("Content-Type", d.export.Format.MediaType())
		d.to.Header().Set("Content-Disposition", d.disposition)
		d.to.WriteHeader(http.StatusOK)
	}
	return len(data), d.send(d.to, data)
}

// VisitExportCustomersResponse gives the answer.
func (d *download) VisitExportCustomersResponse(w http.ResponseWriter) error { return d.visit(w) }

// VisitExportOrdersResponse gives the answer.
func (d *download) VisitExportOrdersResponse(w http.ResponseWriter) error { return d.visit(w) }

// VisitExportDeliveriesResponse gives the answer.
func (d *download) VisitExportDeliveriesResponse(w http.ResponseWriter) error { return d.visit(w) }

// VisitGetImportTemplateResponse gives the answer.
func (d *download) VisitGetImportTemplateResponse(w http.ResponseWriter) error { return d.visit(w) }

// VisitGetImportResultResponse gives the answer.
func (d *download) VisitGetImportResultResponse(w http.ResponseWriter) error { return d.visit(w) }
