// Package money is about amounts: whole units of a currency in an int64, never a float. What does not fit, or is not
// whole, is a problem and never a rounded or wrapped number.
package money

import (
	"math"
	"math/bits"
	"strings"

	"github.com/shopspring/decimal"

	"orderbridge/domain/problem"
)

// Currency is an ISO 4217 code. The zero Currency is VND.
type Currency struct{ code string }

const vnd = "VND"

var (
	errCurrencyUnreadable = problem.Invalid("currency-unreadable", "the currency is not a code of three letters")
	errUnreadable         = problem.Invalid("money-unreadable", "the amount is not a whole number")
	errOverflow           = problem.Invalid("money-overflow", "the amount is too large")
)

// ParseCurrency reads a code of three letters; an empty one is VND. It knows no list of currencies: a shop's currency
// that is new to us must not be booked as another.
func ParseCurrency(raw string) (Currency, error) {
	code := strings.ToUpper(strings.TrimSpace(raw))
	if code == "" {
		return Currency{}, nil
	}
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return Currency{}, errCurrencyUnreadable
	}
	if code == vnd {
		return Currency{}, nil // one currency, one value
	}
	return Currency{code: code}, nil
}

// String is the code, such as "VND".
func (c Currency) String() string {
	if c.code == "" {
		return vnd
	}
	return c.code
}

// Add is a + b.
func Add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, errOverflow
	}
	return sum, nil
}

// Sub is a − b.
func Sub(a, b int64) (int64, error) {
	difference := a - b
	if (difference < a) != (b > 0) {
		return 0, errOverflow
	}
	return difference, nil
}

// Sum adds up amounts.
func Sum(amounts ...int64) (int64, error) {
	var total int64
	for _, amount := range amounts {
		var err error
		if total, err = Add(total, amount); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// MulDiv is a × b / c, rounded half up, for a and b not negative and c positive. The product may exceed an int64; the
// result may not.
func MulDiv(a, b, c int64) (int64, error) {
	if a < 0 || b < 0 || c <= 0 {
		return 0, errOverflow
	}
	high, low := bits.Mul64(uint64(a), uint64(b))
	low, carry := bits.Add64(low, uint64(c)/2, 0)
	high += carry
	if high >= uint64(c) {
		return 0, errOverflow
	}
	quotient, _ := bits.Div64(high, low, uint64(c))
	if quotient > math.MaxInt64 {
		return 0, errOverflow
	}
	return int64(quotient), nil
}

// PercentOf is the percentage of an amount (not negative), rounded half away from zero. The percentage is held
// between 0 and 100, so the result is never below 0 nor above the amount.
func PercentOf(amount int64, percent decimal.Decimal) int64 {
	hundred := decimal.NewFromInt(100)
	switch {
	case amount <= 0 || percent.Sign() <= 0:
		return 0
	case percent.GreaterThanOrEqual(hundred):
		return amount
	}
	return decimal.NewFromInt(amount).Mul(percent).DivRound(hundred, 0).IntPart()
}

// Parse reads a whole amount from a number's text: "250000", "250000.0", "2.5e5". A fraction other than zero is a
// problem, because rounding somebody's money is a guess.
func Parse(text string) (int64, error) {
	amount, ok := ParseDecimal(text)
	if !ok || !amount.IsInteger() {
		return 0, errUnreadable
	}
	whole := amount.BigInt()
	if !whole.IsInt64() {
		return 0, errOverflow
	}
	return whole.Int64(), nil
}

// ParseDecimal reads a number's text exactly. It refuses what no shop writes and what would cost memory out of all
// proportion to its length: more than 64 characters, or an exponent beyond 30.
func ParseDecimal(text string) (decimal.Decimal, bool) {
	const maxLength, maxExponent = 64, 30
	if text == "" || len(text) > maxLength || strings.Trim(text, "0123456789+-.eE") != "" {
		return decimal.Decimal{}, false
	}
	number, err := decimal.NewFromString(text)
	if err != nil || number.Exponent() > maxExponent || number.Exponent() < -(maxLength+maxExponent) {
		return decimal.Decimal{}, false
	}
	return number, true
}
