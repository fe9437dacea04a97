package order_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

func codeOf(err error) string {
	if found, ok := problem.Of(err); ok {
		return found.Code()
	}
	return ""
}

func quantity(text string) order.Quantity {
	q, err := order.ParseQuantity(text)
	if err != nil {
		panic(err)
	}
	return q
}

func percent(text string) order.Discount {
	return order.PercentDiscount(decimal.RequireFromString(text))
}

func TestPriceLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name             string
		quantity         string
		price            int64
		discount         order.Discount
		gift             bool
		reduced, amounts int64
		code             string
	}{
		{"no discount", "2", 250000, order.Discount{}, false, 0, 500000, ""},
		{"off the line", "1", 420000, order.LineDiscount(20000), false, 20000, 400000, ""},
		{"off each unit", "3", 180000, order.UnitDiscount(15000), false, 45000, 495000, ""},
		{"a percentage", "3", 199000, percent("10"), false, 59700, 537300, ""},
		{"a percentage is rounded for one unit", "2", 333333, percent("15"), false, 100000, 566666, ""},
		{"half a unit of money counts as one", "2", 1, percent("50"), false, 2, 0, ""},
		{"100 percent", "1", 50000, percent("100"), false, 50000, 0, ""},
		{"over 100 percent", "1", 50000, percent("250.5"), false, 50000, 0, ""},
		{"a negative percentage", "1", 50000, percent("-10"), false, 0, 50000, ""},
		{"above the price", "2", 100, order.LineDiscount(900), false, 200, 0, ""},
		{"above the price, each", "2", 100, order.UnitDiscount(900), false, 200, 0, ""},
		{"a negative amount off the line", "2", 100, order.LineDiscount(-5), false, 0, 200, ""},
		{"a negative amount off each", "2", 100, order.UnitDiscount(-5), false, 0, 200, ""},
		{"a gift", "1", 60000, order.Discount{}, true, 0, 0, ""},
		{"a gift with a discount", "1", 60000, order.LineDiscount(60), true, 60, 0, ""},
		{"nothing ordered", "0", 60000, order.LineDiscount(60), false, 0, 0, ""},
		{"half of an odd price", "0.5", 15001, order.Discount{}, false, 0, 7501, ""},
		{"a third, off each", "0.333333", 30000, order.UnitDiscount(3000), false, 1000, 9000, ""},
		{"free", "5", 0, order.UnitDiscount(10), false, 0, 0, ""},
		{"the largest", "1", math.MaxInt64, order.Discount{}, false, 0, math.MaxInt64, ""},
		{"too large", "2", math.MaxInt64, order.Discount{}, false, 0, 0, "money-overflow"},
		{"a discount too large", "1000000000", 1, order.UnitDiscount(math.MaxInt64), false, 0, 0, "money-overflow"},
		{"a negative price", "1", -1, order.Discount{}, false, 0, 0, "unit-price-negative"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			line, err := order.PriceLine(order.LineTerms{Quantity: quantity(test.quantity), UnitPrice: test.price, Discount: test.discount, Gift: test.gift})
			if line.Discount != test.reduced || line.Amount != test.amounts || codeOf(err) != test.code {
				t.Errorf("%s × %d − %d = %d, %v, want − %d = %d, %q", test.quantity, test.price, line.Discount, line.Amount, err, test.reduced, test.amounts, test.code)
			}
		})
	}
	t.Run("WordsAreKept", func(t *testing.T) {
		t.Parallel()
		line, err := order.PriceLine(order.LineTerms{ExternalID: "1", ProductCode: "A", ProductName: "B", Variant: "C", Quantity: quantity("1"), UnitPrice: 2})
		want := order.Line{ExternalID: "1", ProductCode: "A", ProductName: "B", Variant: "C", Quantity: quantity("1"), UnitPrice: 2, Amount: 2}
		if err != nil || line != want {
			t.Errorf("%+v, %v", line, err)
		}
	})
}

// drawDiscount draws a discount of any sort, sensible or not.
func drawDiscount(t *rapid.T) order.Discount {
	amount := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1_000_000)).Draw(t, "discount")
	switch rapid.IntRange(0, 3).Draw(t, "kind of discount") {
	case 0:
		return order.LineDiscount(amount)
	case 1:
		return order.UnitDiscount(amount)
	case 2:
		return order.PercentDiscount(decimal.New(amount, -int32(rapid.IntRange(0, 20).Draw(t, "decimals"))))
	default:
		return order.Discount{}
	}
}

func drawQuantity(t *rapid.T) order.Quantity {
	millionths := rapid.OneOf(rapid.Int64Range(0, 1_000_000_000_000_000), rapid.Map(rapid.Int64Range(0, 100), func(n int64) int64 { return n * 1_000_000 })).Draw(t, "quantity")
	return quantity(decimal.New(millionths, -6).String())
}

// TestLinesAddUp: every line either adds up or is refused.
func TestLinesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		terms := order.LineTerms{
			Quantity: drawQuantity(t), Discount: drawDiscount(t), Gift: rapid.Bool().Draw(t, "gift"),
			UnitPrice: rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 10_000_000)).Draw(t, "price"),
		}
		line, err := order.PriceLine(terms)
		exact := terms.Quantity.Decimal().Mul(decimal.NewFromInt(terms.UnitPrice)).Round(0)
		if err != nil {
			if codeOf(err) == "" || line != (order.Line{}) {
				t.Fatalf("%+v, %v", line, err)
			}
			if codeOf(err) == "unit-price-negative" && terms.UnitPrice >= 0 {
				t.Fatalf("refused the price %d", terms.UnitPrice)
			}
			return
		}
		if !exact.BigInt().IsInt64() {
			t.Fatalf("%s does not fit and was taken", exact)
		}
		gross := exact.IntPart()
		switch {
		case line.Amount < 0, line.Discount < 0, line.Discount > gross:
			t.Fatalf("%+v of %d", line, gross)
		case line.Gift && line.Amount != 0:
			t.Fatalf("a gift of %d", line.Amount)
		case !line.Gift && line.Amount != gross-line.Discount:
			t.Fatalf("%d − %d ≠ %d", gross, line.Discount, line.Amount)
		}
	})
}

func TestSum(t *testing.T) {
	t.Parallel()
	lines := func(amounts ...int64) (lines []order.Line) {
		for _, amount := range amounts {
			lines = append(lines, order.Line{Amount: amount})
		}
		return lines
	}
	for _, test := range []struct {
		name                               string
		lines                              []order.Line
		discount, shipping, surcharge, tax int64
		free                               bool
		want                               order.Totals
		code                               string
	}{
		{"nothing", nil, 0, 0, 0, 0, false, order.Totals{}, ""},
		{"all of it", lines(500, 400), 100, 30, 20, 10, false, order.Totals{Lines: 900, Discount: 100, Goods: 800, ShippingFee: 30, Surcharge: 20, Tax: 10, Due: 860}, ""},
		{"free shipping", lines(500), 0, 30, 0, 0, true, order.Totals{Lines: 500, Goods: 500, Due: 500}, ""},
		{"a discount above all", lines(500), 900, 30, 0, 0, false, order.Totals{Lines: 500, Discount: 900, ShippingFee: 30, Due: 30}, ""},
		{"a negative discount", lines(500), -100, 0, 0, 0, false, order.Totals{Lines: 500, Discount: -100, Goods: 600, Due: 600}, ""},
		{"too many lines", lines(math.MaxInt64, 1), 0, 0, 0, 0, false, order.Totals{}, "money-overflow"},
		{"too much discounted the wrong way", lines(math.MaxInt64), -1, 0, 0, 0, false, order.Totals{}, "money-overflow"},
		{"the least discount", lines(1), math.MinInt64, 0, 0, 0, false, order.Totals{}, "money-overflow"},
		{"too much due", lines(math.MaxInt64), 0, 1, 0, 0, false, order.Totals{}, "money-overflow"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			totals, err := order.Sum(test.lines, test.discount, test.shipping, test.free, test.surcharge, test.tax)
			if totals != test.want || codeOf(err) != test.code {
				t.Errorf("%+v, %v, want %+v, %q", totals, err, test.want, test.code)
			}
		})
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want, code string }{
		{"2", "2", ""},
		{"2.0", "2", ""},
		{"0.5", "0.5", ""},
		{"0", "0", ""},
		{"1e3", "1000", ""},
		{"0.000001", "0.000001", ""},
		{"1.2345670000", "1.234567", ""},
		{"1000000000", "1000000000", ""},
		{"-0", "0", ""},
		{"1000000000.000001", "0", "quantity-unreadable"},
		{"0.0000001", "0", "quantity-unreadable"},
		{"-1", "0", "quantity-unreadable"},
		{"", "0", "quantity-unreadable"},
		{"two", "0", "quantity-unreadable"},
		{"NaN", "0", "quantity-unreadable"},
		{"1e999999999", "0", "quantity-unreadable"},
	} {
		q, err := order.ParseQuantity(test.text)
		if q.String() != test.want || codeOf(err) != test.code {
			t.Errorf("ParseQuantity(%q) = %s, %v", test.text, q, err)
		}
	}
	if !quantity("2").Equal(quantity("2.000")) || quantity("2").Equal(quantity("3")) {
		t.Error("quantities are not compared by value")
	}
}

func TestQuantityInJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2", "0.5", "0", "123456789.123456"} {
		raw, err := json.Marshal(order.Line{Quantity: quantity(text)})
		if err != nil {
			t.Fatal(err)
		}
		var line struct {
			Quantity json.RawMessage `json:"quantity"`
		}
		if err := json.Unmarshal(raw, &line); err != nil || string(line.Quantity) != text {
			t.Errorf("%s is written as %s", text, raw)
		}
		var loaded order.Line
		if err := json.Unmarshal(raw, &loaded); err != nil || loaded.Quantity != quantity(text) {
			t.Errorf("%s is read as %s, %v", raw, loaded.Quantity, err)
		}
	}
	for _, raw := range []string{`"2"`, `-1`, `{}`, `true`} {
		var q order.Quantity
		if err := json.Unmarshal([]byte(raw), &q); err == nil {
			t.Errorf("%s was read as %s", raw, q)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuantity(t)
		raw, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var loaded order.Quantity
		if err := json.Unmarshal(raw, &loaded); err != nil || loaded != q {
			t.Fatalf("%s: %v", raw, err)
		}
	})
}

func ExamplePriceLine() {
	line, _ := order.PriceLine(order.LineTerms{
		Quantity: quantity("2"), UnitPrice: 333333, Discount: order.PercentDiscount(decimal.NewFromInt(15)),
	})
	fmt.Println(line.Quantity, "×", line.UnitPrice, "−", line.Discount, "=", line.Amount)
	// Output: 2 × 333333 − 100000 = 566666
}
