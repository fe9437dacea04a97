package money_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"orderbridge/domain/money"
	"orderbridge/domain/problem"
)

func codeOf(err error) string {
	if found, ok := problem.Of(err); ok {
		return found.Code()
	}
	return ""
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ raw, want, code string }{
		{"", "VND", ""},
		{" vnd ", "VND", ""},
		{"php", "PHP", ""},
		{"USD", "USD", ""},
		{"US", "VND", "currency-unreadable"},
		{"USDT", "VND", "currency-unreadable"},
		{"đồng", "VND", "currency-unreadable"},
		{"₫", "VND", "currency-unreadable"},
		{"12A", "VND", "currency-unreadable"},
	} {
		currency, err := money.ParseCurrency(test.raw)
		if currency.String() != test.want || codeOf(err) != test.code {
			t.Errorf("ParseCurrency(%q) = %s, %v", test.raw, currency, err)
		}
	}
	vnd, _ := money.ParseCurrency("VND")
	if vnd != (money.Currency{}) {
		t.Error("VND has two values")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int64
		code string
	}{
		{"0", 0, ""},
		{"250000", 250000, ""},
		{"250000.0", 250000, ""},
		{"-20000", -20000, ""},
		{"2.5e5", 250000, ""},
		{"1E3", 1000, ""},
		{"9223372036854775807", math.MaxInt64, ""},
		{"-9223372036854775808", math.MinInt64, ""},
		{"9007199254740993", 9007199254740993, ""}, // 2^53 + 1: no float was near
		{"9223372036854775808", 0, "money-overflow"},
		{"1e30", 0, "money-overflow"},
		{"1e31", 0, "money-unreadable"},
		{"1e999999999999", 0, "money-unreadable"},
		{"1e-400", 0, "money-unreadable"},
		{"0.5", 0, "money-unreadable"},
		{"", 0, "money-unreadable"},
		{"1,000", 0, "money-unreadable"},
		{"1_000", 0, "money-unreadable"},
		{"0x10", 0, "money-unreadable"},
		{"NaN", 0, "money-unreadable"},
		{"Infinity", 0, "money-unreadable"},
		{"1.2.3", 0, "money-unreadable"},
		{"--1", 0, "money-unreadable"},
		{"1-", 0, "money-unreadable"},
		{"e5", 0, "money-unreadable"},
		{"１００", 0, "money-unreadable"},
	} {
		amount, err := money.Parse(test.text)
		if amount != test.want || codeOf(err) != test.code {
			t.Errorf("Parse(%q) = %d, %v, want %d, %q", test.text, amount, err, test.want, test.code)
		}
	}
}

// TestSumsAreExactOrRefused compares with numbers that cannot overflow.
func TestSumsAreExactOrRefused(t *testing.T) {
	t.Parallel()
	edge := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}))
	same := func(t *rapid.T, got int64, err error, want *big.Int) {
		if want.IsInt64() != (err == nil) {
			t.Fatalf("%d, %v, want %s", got, err, want)
		}
		if err == nil && got != want.Int64() || err != nil && codeOf(err) != "money-overflow" {
			t.Fatalf("%d, %v, want %s", got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := edge.Draw(t, "a"), edge.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		sum, err := money.Add(a, b)
		same(t, sum, err, new(big.Int).Add(x, y))
		difference, err := money.Sub(a, b)
		same(t, difference, err, new(big.Int).Sub(x, y))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := edge.Draw(t, "a")&math.MaxInt64, edge.Draw(t, "b")&math.MaxInt64
		c := rapid.Int64Range(1, math.MaxInt64).Draw(t, "c")
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		quotient, err := money.MulDiv(a, b, c)
		same(t, quotient, err, new(big.Int).Div(product.Add(product, big.NewInt(c/2)), big.NewInt(c)))
	})
}

func TestPercentOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount  int64
		percent string
		want    int64
	}{
		{333333, "15", 50000},
		{199000, "10", 19900},
		{50000, "100", 50000},
		{100, "150", 100},
		{100, "-5", 0},
		{0, "50", 0},
		{1, "50", 1},
		{1, "49.999", 0},
		{250, "0.2", 1},
		{1000, "12.5", 125},
		{math.MaxInt64, "50", 4611686018427387904},
		{-100, "50", 0},
	} {
		if got := money.PercentOf(test.amount, decimal.RequireFromString(test.percent)); got != test.want {
			t.Errorf("%s%% of %d = %d, want %d", test.percent, test.amount, got, test.want)
		}
	}
}
