package order

import (
	"github.com/shopspring/decimal"

	"orderbridge/domain/money"
	"orderbridge/domain/problem"
)

// Quantity is how much of a product was ordered: 2, or 0.5 of something sold by weight. It is never negative. The zero
// Quantity is 0.
type Quantity struct {
	// millionths, so that a Quantity is exact, comparable and small. Six decimals are more than any scale shows.
	millionths int64
}

const (
	quantityScale = 6
	perUnit       = 1_000_000
	maxQuantity   = 1_000_000_000
)

var errQuantityUnreadable = problem.Invalid("quantity-unreadable", "the quantity is not a number between 0 and 1000000000 with at most 6 decimals")

// ParseQuantity reads a quantity from a number's text: "2", "2.0", "0.5".
func ParseQuantity(text string) (Quantity, error) {
	number, ok := money.ParseDecimal(text)
	if !ok || number.Sign() < 0 || number.GreaterThan(decimal.NewFromInt(maxQuantity)) {
		return Quantity{}, errQuantityUnreadable
	}
	millionths := number.Shift(quantityScale)
	if !millionths.IsInteger() {
		return Quantity{}, errQuantityUnreadable
	}
	return Quantity{millionths: millionths.IntPart()}, nil
}

// Decimal is the quantity as a number.
func (q Quantity) Decimal() decimal.Decimal { return decimal.New(q.millionths, -quantityScale) }

// Equal compares values: 2 equals 2.0.
func (q Quantity) Equal(other Quantity) bool { return q == other }

// IsZero tells that nothing was ordered.
func (q Quantity) IsZero() bool { return q.millionths == 0 }

// String is the quantity without needless zeros: "2", "0.5".
func (q Quantity) String() string {
	return q.Decimal().String()
}

// of is quantity × price, rounded to a whole unit, half away from zero. The price is not negative.
func (q Quantity) of(price int64) (int64, error) { return money.MulDiv(q.millionths, price, perUnit) }

// MarshalJSON writes a plain number.
func (q Quantity) MarshalJSON() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalJSON reads a number that was stored.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	quantity, err := ParseQuantity(string(data))
	if err != nil {
		return err
	}
	*q = quantity
	return nil
}
