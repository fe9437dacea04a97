package money

import (
	"strconv"
	"strings"
)

// Display is an amount as people in Vietnam write it: "1.250.000 ₫", "1.250 USD".
func Display(units int64, currency string) string {
	grouped := Group(strconv.FormatInt(units, 10))
	if currency == "VND" || currency == "" {
		return grouped + " ₫"
	}
	return grouped + " " + currency
}

// Group writes a decimal number as people in Vietnam do: a dot between thousands, a comma before decimals.
func Group(number string) string {
	digits, negative := strings.CutPrefix(number, "-")
	whole, decimals, hasDecimals := strings.Cut(digits, ".")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte('.')
		}
		b.WriteRune(digit)
	}
	if hasDecimals {
		b.WriteString("," + decimals)
	}
	return b.String()
}
