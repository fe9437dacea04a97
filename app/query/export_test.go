package query_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/order"
)

// ordersToRead is a read model that has nothing but orders.
type ordersToRead struct {
	query.ReadModel

	orders []query.Order
}

func (r ordersToRead) Orders(context.Context, uuid.UUID, query.OrderFilter, query.Page) (query.List[query.Order], error) {
	return query.List[query.Order]{Items: r.orders}, nil
}

// sheet keeps what is written to it, the titles first.
type sheet struct{ rows [][]query.Cell }

func (s *sheet) New(_ io.Writer, _ query.SheetFormat, titles []string) (query.Sheet, error) {
	row := make([]query.Cell, 0, len(titles))
	for _, title := range titles {
		row = append(row, title)
	}
	s.rows = append(s.rows, row)
	return s, nil
}

func (s *sheet) Row(cells ...query.Cell) error {
	s.rows = append(s.rows, cells)
	return nil
}

func (*sheet) Close() error { return nil }

// TestRowsOfExportedOrdersAreEquallyLong: programs that read a table refuse rows of another length than its titles.
func TestRowsOfExportedOrdersAreEquallyLong(t *testing.T) {
	t.Parallel()
	totals := order.Totals{Due: 930000}
	read := ordersToRead{orders: []query.Order{
		{Code: "P_1", Totals: totals, Lines: []query.OrderLine{{ProductCode: "A"}, {ProductCode: "B"}, {ProductCode: "C"}}},
		{Code: "P_2", Totals: totals},
	}}
	var written sheet
	if err := query.NewExportHandler(read, &written).Orders(t.Context(), query.Export{Zone: time.UTC}, query.OrderFilter{}); err != nil {
		t.Fatal(err)
	}
	if len(written.rows) != 5 {
		t.Fatalf("%d rows", len(written.rows))
	}
	last := len(written.rows[0]) - 1
	for i, row := range written.rows {
		if len(row) != last+1 {
			t.Errorf("row %d has %d cells, want %d", i, len(row), last+1)
			continue
		}
		want := map[int]query.Cell{0: "Phải thu", 1: query.Money(930000), 4: query.Money(930000)}[i]
		if row[last] != want {
			t.Errorf("row %d ends with %v, want %v", i, row[last], want)
		}
	}
}
