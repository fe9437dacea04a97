package query

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
)

// SheetFormat is what kind of file an export is.
type SheetFormat string

// The kinds of file.
const (
	SheetCSV  SheetFormat = "csv"
	SheetXLSX SheetFormat = "xlsx"
)

// MediaType is that of a file of this kind.
func (f SheetFormat) MediaType() string {
	if f == SheetXLSX {
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "text/csv; charset=utf-8"
}

// ParseSheetFormat reads the kind of file from what somebody typed: the name of a kind, or of a file.
func ParseSheetFormat(raw string) (SheetFormat, error) {
	kind := strings.ToLower(raw[strings.LastIndexByte(raw, '.')+1:])
	if format := SheetFormat(kind); format == SheetCSV || format == SheetXLSX {
		return format, nil
	}
	return "", problem.Invalid("format-unknown", "a file ends with .csv or .xlsx")
}

// Cell is what stands in one place of an export: a text, a whole number of a currency, a number, or a time.
type Cell any

// Money is a cell with an amount in whole units of a currency.
type Money int64

// Number is a cell with a number, in digits.
type Number string

// Sheet is a file that is written row by row. Nothing of it is kept in memory.
type Sheet interface {
	// Row writes a row of text, Money, Number, and time.Time, which is shown in its own zone. Nil stands for an empty cell.
	Row(cells ...Cell) error
	// Close writes what is left.
	Close() error
}

// Sheets makes files.
type Sheets interface {
	// New makes a file whose first row has the titles.
	New(to io.Writer, format SheetFormat, titles []string) (Sheet, error)
}

// ExportHandler writes lists to files.
type ExportHandler struct {
	read   ReadModel
	sheets Sheets
}

// NewExportHandler makes the handler.
func NewExportHandler(read ReadModel, sheets Sheets) ExportHandler {
	return ExportHandler{read: read, sheets: sheets}
}

// Export says what to write where.
type Export struct {
	WorkspaceID uuid.UUID
	Format      SheetFormat
	To          io.Writer
	// Zone is that in which times are written.
	Zone *time.Location
	// Progress is told how many records were written; it may be nil.
	Progress func(records int)
}

// exportedAtOnce is how many records are in memory at once.
const exportedAtOnce = 500

// customerColumns are titles that an import knows, so that what was exported can be imported.
var customerColumns = []string{
	"ID", "Tên khách hàng", "Điện thoại", "Email", "Địa chỉ", "Giới tính", "Ngày sinh", "Nhãn", "Ghi chú", "Trạng thái", "Ngày tạo",
}

// CustomerTemplate writes a file to begin an import with: the titles, and a row that shows what they mean.
func (h ExportHandler) CustomerTemplate(format SheetFormat, to io.Writer) error {
	sheet, err := h.sheets.New(to, format, []string{
		"Tên khách hàng", "Điện thoại", "Điện thoại 2", "Email", "Địa chỉ", "Giới tính", "Ngày sinh", "Nhãn", "Ghi chú",
	})
	if err != nil {
		return fmt.Errorf("begin file: %w", err)
	}
	if err := sheet.Row("Nguyễn Thị Lan (ví dụ, hãy xóa)", "0912000451", nil, "lan@example.vn", "12 Lê Lợi, Huế", "Nữ", "31/12/1990", "VIP; khách sỉ",
		"Gọi trước khi giao"); err != nil {
		return fmt.Errorf("write row: %w", err)
	}
	if err := sheet.Close(); err != nil {
		return fmt.Errorf("end file: %w", err)
	}
	return nil
}

var importColumns = []string{"Dòng", "Kết quả", "ID khách hàng", "Lý do"}

// importRowsAtOnce is how many rows of an import are in memory at once.
const importRowsAtOnce = 1000

// ImportResult writes what became of each row of an import, and why. It holds nothing of the rows but where they stand.
func (h ExportHandler) ImportResult(ctx context.Context, export Export, id uuid.UUID) error {
	return write(ctx, h, export, importColumns, func(page Page) (List[ImportRow], error) {
		rows, err := h.read.ImportRows(ctx, export.WorkspaceID, id, "", int(page.Before), importRowsAtOnce)
		part := List[ImportRow]{Items: rows}
		if len(rows) == importRowsAtOnce {
			part.NextCursor = new(Cursor(int64(rows[len(rows)-1].Line)))
		}
		return part, err
	}, func(row ImportRow) [][]Cell {
		var customerID Cell
		if row.CustomerID != nil {
			customerID = row.CustomerID.String()
		}
		return [][]Cell{{Number(strconv.Itoa(row.Line)), row.Outcome, customerID, row.Why()}}
	})
}

// Customers writes the customers that a filter finds, the newest first.
func (h ExportHandler) Customers(ctx context.Context, export Export, filter CustomerFilter) error {
	return write(ctx, h, export, customerColumns, func(page Page) (List[Customer], error) {
		return h.read.Customers(ctx, export.WorkspaceID, filter, page)
	}, func(c Customer) [][]Cell {
		return [][]Cell{{
			c.ID.String(), c.Name, local(c.Phones), strings.Join(c.Emails, "; "), text(c.Address), genderInVietnamese(c.Gender),
			birthday(c.Birthday), strings.Join(c.Tags, "; "), text(c.Note), c.Status, c.CreatedAt.In(export.Zone),
		}}
	})
}

var orderColumns = []string{
	"Mã đơn hàng", "Shop", "Mã đơn của shop", "Nguồn", "ID khách hàng", "Tên khách hàng", "Điện thoại", "Email", "Người phụ trách",
	"Trạng thái", "Ngày đặt", "Tiền tệ", "Mã sản phẩm", "Tên sản phẩm", "Phân loại", "Số lượng", "Đơn giá", "Giảm giá dòng", "Thành tiền",
	"Tiền hàng", "Giảm giá đơn", "Phí vận chuyển", "Phụ thu", "Thuế", "Phải thu",
}

// Orders writes the orders that a filter finds, the newest first: a row for each line of an order, and one for an order without
// lines. What is the order's stands in each of them; its totals in the first. Rows are equally long, as strict readers want them.
func (h ExportHandler) Orders(ctx context.Context, export Export, filter OrderFilter) error {
	return write(ctx, h, export, orderColumns, func(page Page) (List[Order], error) {
		return h.read.Orders(ctx, export.WorkspaceID, filter, page)
	}, func(o Order) [][]Cell {
		assignee := ""
		if o.Assignee != nil {
			assignee = o.Assignee.Name
		}
		order := []Cell{
			o.Code, o.ShopID, o.ExternalID, o.Source.Name, o.Customer.ID.String(), o.Customer.Name, local(list(o.Customer.Phone)),
			text(o.Customer.Email), assignee, o.Status.Name, o.OrderedAt.In(export.Zone), o.Currency,
		}
		totals := []Cell{
			Money(o.Totals.Goods), Money(o.Totals.Discount), Money(o.Totals.ShippingFee), Money(o.Totals.Surcharge), Money(o.Totals.Tax),
			Money(o.Totals.Due),
		}
		rows := make([][]Cell, 0, len(o.Lines)+1)
		for _, line := range o.Lines {
			row := append(append([]Cell{}, order...), line.ProductCode, line.ProductName, text(line.Variant),
				Number(line.Quantity.Decimal().String()), Money(line.UnitPrice), Money(line.Discount), Money(line.Amount))
			rows = append(rows, append(row, totals...))
			totals = make([]Cell, len(totals))
		}
		if len(rows) == 0 {
			const ofLines = 7
			rows = append(rows, append(append(order, make([]Cell, ofLines)...), totals...))
		}
		return rows
	})
}

var deliveryColumns = []string{"ID", "Nhận lúc", "Shop", "Mã đơn hàng", "Kết quả", "Lý do"}

// Deliveries writes the deliveries that a filter finds, the last to arrive first.
func (h ExportHandler) Deliveries(ctx context.Context, export Export, filter DeliveryFilter) error {
	return write(ctx, h, export, deliveryColumns, func(page Page) (List[Delivery], error) {
		return h.read.Deliveries(ctx, export.WorkspaceID, filter, page)
	}, func(d Delivery) [][]Cell {
		return [][]Cell{{d.ID.String(), d.ReceivedAt.In(export.Zone), text(d.ShopID), text(d.OrderCode), string(d.Outcome), text(d.Reason)}}
	})
}

// write writes a list part by part.
func write[T any](
	ctx context.Context, h ExportHandler, export Export, titles []string, read func(Page) (List[T], error), rowsOf func(T) [][]Cell,
) error {
	sheet, err := h.sheets.New(export.To, export.Format, titles)
	if err != nil {
		return fmt.Errorf("begin file: %w", err)
	}
	page, written := Page{Limit: exportedAtOnce}, 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		part, err := read(page)
		if err != nil {
			return err
		}
		for _, item := range part.Items {
			for _, row := range rowsOf(item) {
				if err := sheet.Row(row...); err != nil {
					return fmt.Errorf("write row: %w", err)
				}
			}
		}
		if written += len(part.Items); export.Progress != nil {
			export.Progress(written)
		}
		if part.NextCursor == nil {
			break
		}
		page.Before, _ = parseCursor(*part.NextCursor) // which is ours
	}
	if err := sheet.Close(); err != nil {
		return fmt.Errorf("end file: %w", err)
	}
	return nil
}

func text(value *string) Cell {
	if value == nil {
		return nil
	}
	return *value
}

func list(value *string) []string {
	if value == nil {
		return nil
	}
	return []string{*value}
}

// local are phones as they are dialled in Vietnam.
func local(phones []string) Cell {
	shown := make([]string, 0, len(phones))
	for _, stored := range phones {
		if phone, err := contact.ParsePhone(stored); err == nil {
			stored = phone.Local()
		}
		shown = append(shown, stored)
	}
	return strings.Join(shown, "; ")
}

func genderInVietnamese(gender *string) Cell {
	switch {
	case gender == nil:
		return nil
	case *gender == "male":
		return "Nam"
	case *gender == "female":
		return "Nữ"
	default:
		return "Khác"
	}
}

// birthday is a day as Vietnamese write it, which a workbook has no zone to move to another.
func birthday(day *string) Cell {
	if day == nil {
		return nil
	}
	parsed, err := time.Parse(time.DateOnly, *day)
	if err != nil {
		return *day
	}
	return parsed.Format("02/01/2006")
}
