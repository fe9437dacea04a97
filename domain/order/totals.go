package order

import "orderbridge/domain/money"

// Sum works out an order's totals. Goods are never below 0; a negative order discount is kept, and so adds to them, as
// shops use it for a surcharge. Shipping that is free costs 0 whatever the shop says it would have cost. Sums that do
// not fit are a problem.
func Sum(lines []Line, discount, shippingFee int64, freeShipping bool, surcharge, tax int64) (Totals, error) {
	totals := Totals{Discount: discount, ShippingFee: shippingFee, Surcharge: surcharge, Tax: tax}
	if freeShipping {
		totals.ShippingFee = 0
	}
	var err error
	for _, line := range lines {
		if totals.Lines, err = money.Add(totals.Lines, line.Amount); err != nil {
			return Totals{}, err
		}
	}
	if totals.Goods, err = money.Sub(totals.Lines, totals.Discount); err != nil {
		return Totals{}, err
	}
	totals.Goods = max(0, totals.Goods)
	if totals.Due, err = money.Sum(totals.Goods, totals.ShippingFee, totals.Surcharge, totals.Tax); err != nil {
		return Totals{}, err
	}
	return totals, nil
}
