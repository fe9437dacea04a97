package order

import (
	"github.com/shopspring/decimal"

	"orderbridge/domain/money"
	"orderbridge/domain/problem"
)

// Discount is what a line is reduced by, in one of the ways in which a shop says it. The zero Discount is none.
type Discount struct {
	kind    discountKind
	amount  int64
	percent decimal.Decimal
}

type discountKind int

const (
	discountOfLine discountKind = iota // the zero Discount: 0 off the line
	discountPerUnit
	discountPercentPerUnit
)

// LineDiscount is an amount off the whole line. A negative one is none.
func LineDiscount(amount int64) Discount {
	return Discount{kind: discountOfLine, amount: max(0, amount)}
}

// UnitDiscount is an amount off every unit. A negative one is none.
func UnitDiscount(amount int64) Discount {
	return Discount{kind: discountPerUnit, amount: max(0, amount)}
}

// PercentDiscount is a percentage off the price of every unit; it counts as 0 below 0 and as 100 above 100. What a unit
// is reduced by is rounded to a whole amount before it is multiplied, as Pancake's own line discounts are
// quantity × discount of one.
func PercentDiscount(percent decimal.Decimal) Discount {
	return Discount{kind: discountPercentPerUnit, percent: percent}
}

// of is the discount of a line, before it is held to the line's gross.
func (d Discount) of(quantity Quantity, unitPrice int64) (int64, error) {
	switch d.kind {
	case discountPerUnit:
		return quantity.of(d.amount)
	case discountPercentPerUnit:
		return quantity.of(money.PercentOf(unitPrice, d.percent))
	default:
		return d.amount, nil
	}
}

// LineTerms are what a shop agreed on for one product of an order, before it is priced.
type LineTerms struct {
	ExternalID  string
	ProductCode string
	ProductName string
	Variant     string
	Quantity    Quantity
	UnitPrice   int64
	Discount    Discount
	Gift        bool
}

var errUnitPriceNegative = problem.Invalid("unit-price-negative", "the unit price is negative")

// PriceLine works out a line: Quantity × UnitPrice − Discount = Amount, the discount never being more than what it
// reduces. A gift amounts to 0 whatever its price. Amounts that do not fit are a problem, and so is a negative price.
func PriceLine(terms LineTerms) (Line, error) {
	if terms.UnitPrice < 0 {
		return Line{}, errUnitPriceNegative
	}
	gross, err := terms.Quantity.of(terms.UnitPrice)
	if err != nil {
		return Line{}, err
	}
	discount, err := terms.Discount.of(terms.Quantity, terms.UnitPrice)
	if err != nil {
		return Line{}, err
	}
	discount = min(discount, gross)
	line := Line{
		ExternalID: terms.ExternalID, ProductCode: terms.ProductCode, ProductName: terms.ProductName,
		Variant: terms.Variant, Quantity: terms.Quantity, UnitPrice: terms.UnitPrice,
		Discount: discount, Amount: gross - discount, Gift: terms.Gift,
	}
	if line.Gift {
		line.Amount = 0
	}
	return line, nil
}
