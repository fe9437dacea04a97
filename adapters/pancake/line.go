package pancake

import (
	"fmt"

	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

const (
	// madeUpCode begins the code of a product that has none.
	madeUpCode = "PANCAKE-"
	// namelessProduct is what a product is called that has neither name nor code.
	namelessProduct = "Sản phẩm Pancake"
)

var (
	errItemsUnreadable = problem.Invalid("items-unreadable", "the items of the order cannot be read")
	errTooManyItems    = problem.Invalid("items-too-many", "the order has more than %d items", maxValues)
)

// belongsToCombo holds for lines that only say what a combo holds: the combo's own line was paid for, so they are no
// lines of the order (§5.1).
func belongsToCombo(item *wireItem) bool {
	id := item.CompositeItemID.line(maxCode)
	return id != "" && id != "0"
}

// lineTerms reads what was agreed on for one product (§8).
func lineTerms(item *wireItem, index int, path string) (order.LineTerms, error) {
	switch item.VariationInfo.kind {
	case 0, 'n', '{':
	default: // the price is in there
		return order.LineTerms{}, at(path+".variation_info", errItemsUnreadable)
	}
	variation := &item.VariationInfo.value

	terms := order.LineTerms{ExternalID: item.ID.line(maxCode)}
	code := firstOf(
		variation.DisplayID.line(maxCode), variation.ProductDisplayID.line(maxCode), variation.Barcode.line(maxCode),
		variation.CustomID.line(maxCode), item.VariationID.line(maxCode), item.ProductID.line(maxCode),
	)
	if terms.ProductCode = code; code == "" {
		terms.ProductCode = madeUpCode + firstOf(terms.ExternalID, fmt.Sprint(index+1))
	}
	detail := variation.Detail.line(maxProduct)
	if terms.ProductName = variation.Name.line(maxProduct); terms.ProductName != "" {
		terms.Variant = detail
	} else {
		terms.ProductName = firstOf(detail, item.NoteProduct.line(maxProduct), code, namelessProduct)
	}

	var err error
	if terms.Quantity, err = item.Quantity.quantity(path + ".quantity"); err != nil {
		return order.LineTerms{}, err
	}
	price := field{path + ".variation_info.retail_price", variation.RetailPrice}
	if price.value.isNothing() {
		price = field{path + ".variation_info.exact_price", variation.ExactPrice}
	}
	if terms.UnitPrice, err = price.value.amount(price.path); err != nil {
		return order.LineTerms{}, err
	}
	if terms.Discount, err = discount(item, path); err != nil {
		return order.LineTerms{}, err
	}
	if terms.Gift, err = item.IsBonusProduct.flag(path + ".is_bonus_product"); err != nil {
		return order.LineTerms{}, err
	}
	return terms, nil
}

// discount is that of the whole line when Pancake says it, else that of one unit (§5.1). Only what is used is read.
func discount(item *wireItem, path string) (order.Discount, error) {
	if !item.TotalDiscount.isNothing() {
		total, err := item.TotalDiscount.amount(path + ".total_discount")
		if err != nil {
			return order.Discount{}, err
		}
		if total >= 0 {
			return order.LineDiscount(total), nil
		}
	}
	if item.DiscountEachProduct.isNothing() {
		return order.Discount{}, nil
	}
	isPercent, err := item.IsDiscountPercent.flag(path + ".is_discount_percent")
	if err != nil {
		return order.Discount{}, err
	}
	each := field{path + ".discount_each_product", item.DiscountEachProduct}
	if isPercent {
		percent, err := each.value.percent(each.path)
		if err != nil {
			return order.Discount{}, err
		}
		return order.PercentDiscount(percent), nil
	}
	amount, err := each.value.amount(each.path)
	if err != nil {
		return order.Discount{}, err
	}
	return order.UnitDiscount(amount), nil
}
