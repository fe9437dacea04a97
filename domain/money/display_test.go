package money_test

import (
	"math"
	"testing"

	"orderbridge/domain/money"
)

func TestDisplay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		units    int64
		currency string
		want     string
	}{
		{0, "VND", "0 ₫"},
		{999, "VND", "999 ₫"},
		{1_250_000, "VND", "1.250.000 ₫"},
		{1_250_000, "", "1.250.000 ₫"},
		{-20_000, "VND", "-20.000 ₫"},
		{1_250, "USD", "1.250 USD"},
		{math.MinInt64, "VND", "-9.223.372.036.854.775.808 ₫"},
	} {
		if got := money.Display(c.units, c.currency); got != c.want {
			t.Errorf("%d %s is shown as %q, want %q", c.units, c.currency, got, c.want)
		}
	}
	for number, want := range map[string]string{"2": "2", "0.5": "0,5", "1250.75": "1.250,75", "-1000": "-1.000"} {
		if got := money.Group(number); got != want {
			t.Errorf("%s is written %q, want %q", number, got, want)
		}
	}
}
