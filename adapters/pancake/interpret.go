package pancake

import (
	"fmt"
	"math"
	"strconv"

	"orderbridge/domain/money"
	"orderbridge/domain/order"
)

// noStatus is kept as the code of an order whose status is missing or no number, so that it counts as unknown. Pancake
// has used small negative codes, hence the distance.
const noStatus = -99

// Interpret reads an order whole. The result depends on the bytes only; times that they lack are zero.
func (Interpreter) Interpret(body []byte) (order.State, error) {
	envelope, object, err := open(body)
	if err != nil {
		return order.State{}, err
	}
	if envelope.Kind != "" && envelope.Kind != kindOrders {
		return order.State{}, errNotAnOrder
	}
	wire, err := decodeOrder(object)
	if err != nil {
		return order.State{}, errNotJSON.Because(err)
	}

	state := order.State{
		ShopID: envelope.ShopID, ExternalID: envelope.OrderID,
		Status:      status(wire.Status),
		Buyer:       buyer(&wire),
		Channel:     channel(&wire),
		Tags:        tags(wire.Tags),
		Note:        wire.Note.note(),
		Shipping:    shipping(&wire),
		Creator:     person(wire.Creator),
		FirstEditor: firstEditor(wire.StatusHistory),
		OrderedAt:   wire.InsertedAt.instant(),
		UpdatedAt:   wire.UpdatedAt.instant(),

		StatusHistory: statusHistory(wire.StatusHistory),
	}
	if state.Currency, err = currency(wire.OrderCurrency); err != nil {
		return order.State{}, err
	}
	if state.Lines, err = lines(wire.Items); err != nil {
		return order.State{}, err
	}
	if state.Totals, err = totals(&wire, state.Lines); err != nil {
		return order.State{}, err
	}
	if state.Payments, err = payments(&wire); err != nil {
		return order.State{}, err
	}
	return state, nil
}

// status decides on the number alone: which slug goes with which status is not certain (§3). An order without a
// readable status is kept, as unknown.
func status(value scalar) order.Status {
	code, err := money.Parse(value.number())
	if err != nil || code < math.MinInt16 || code > math.MaxInt16 {
		code = noStatus
	}
	return order.NewStatus(int(code))
}

// statusHistory is how the order got where it stands (§7.6): of a long history the newest part. What is no entry is left
// out.
func statusHistory(history list[object[wireStatusHistory]]) []order.StatusChange {
	var changes []order.StatusChange
	for i := range history.values {
		if history.values[i].kind != '{' {
			continue
		}
		entry := &history.values[i].value
		change := order.StatusChange{
			Status: status(entry.Status), At: entry.UpdatedAt.instant(),
			Editor: firstOf(entry.Editor.value.Name.line(maxName), entry.Name.line(maxName)),
		}
		if !entry.OldStatus.isNothing() {
			change.Previous = status(entry.OldStatus)
		}
		changes = append(changes, change)
	}
	return changes[max(0, len(changes)-maxHistory):]
}

// currency is VND where nothing is said. What is said and unreadable is a problem: no order is booked in a currency
// that was guessed.
func currency(value scalar) (string, error) {
	const path = "order_currency"
	text := value.text
	if !value.isNothing() && value.kind != '"' {
		text = "?" // no text at all, so no code
	}
	parsed, err := money.ParseCurrency(text)
	if err != nil {
		return "", at(path, err)
	}
	return parsed.String(), nil
}

// totals are worked out from the lines (§6). Pancake's own sums are not used: after-discount figures include shipping
// for some channels and marketplace fees for others.
func totals(wire *wireOrder, lines []order.Line) (order.Totals, error) {
	free, err := wire.IsFreeShipping.flag("is_free_shipping")
	if err != nil {
		return order.Totals{}, err
	}
	fee := wire.ShippingFee
	if free {
		fee = scalar{} // costs nothing, whatever it says
	}
	amounts, err := readAmounts(
		field{"total_discount", wire.TotalDiscount}, field{"shipping_fee", fee},
		field{"surcharge", wire.Surcharge}, field{"tax", wire.Tax},
	)
	if err != nil {
		return order.Totals{}, err
	}
	sums, err := order.Sum(lines, amounts[0], amounts[1], free, amounts[2], amounts[3])
	if err != nil {
		return order.Totals{}, at("items", err)
	}
	return sums, nil
}

// payments are what was paid by channel (§6). Points, vouchers and what marketplaces keep are no payments of the buyer.
func payments(wire *wireOrder) (order.Payments, error) {
	cod := field{"cod", wire.COD}
	if wire.COD.isNothing() {
		cod = field{"money_to_collect", wire.MoneyToCollect}
	}
	amounts, err := readAmounts(
		cod, field{"cash", wire.Cash}, field{"prepaid", wire.Prepaid},
		field{"transfer_money", wire.TransferMoney}, field{"charged_by_card", wire.ChargedByCard},
	)
	if err != nil {
		return order.Payments{}, err
	}
	wallets, err := readAmounts(
		field{"charged_by_momo", wire.ChargedByMomo}, field{"charged_by_qrpay", wire.ChargedByQRPay},
		field{"charged_by_vnpay", wire.ChargedByVNPay}, field{"charged_by_kredivo", wire.ChargedByKredivo},
		field{"charged_by_fundiin", wire.ChargedByFundiin}, field{"charged_by_onepay", wire.ChargedByOnePay},
	)
	if err != nil {
		return order.Payments{}, err
	}
	wallet, err := money.Sum(wallets...)
	if err != nil {
		return order.Payments{}, at("charged_by_momo", err)
	}
	return order.Payments{
		COD: amounts[0], Cash: amounts[1], Prepaid: amounts[2], BankTransfer: amounts[3], Card: amounts[4],
		EWallet: wallet,
	}, nil
}

type field struct {
	path  string
	value scalar
}

func readAmounts(fields ...field) ([]int64, error) {
	amounts := make([]int64, len(fields))
	for i, f := range fields {
		var err error
		if amounts[i], err = f.value.amount(f.path); err != nil {
			return nil, err
		}
	}
	return amounts, nil
}

// marketplaces names Pancake's codes of sources (§7.2).
var marketplaces = map[string]string{
	"-1": "Facebook", "-2": "Tiki", "-3": "Shopee", "-4": "Lazada", "-9": "TikTok", "-16": "WooCommerce",
	"-17": "Shopify", "-20": "Line", "-25": "Tokopedia", "-27": "Mercado Libre", "-28": "Tiendanube",
}

// channel is where the shop sold the order: by name, else by code. A source that is no number is a name itself
// ("Webcake").
func channel(wire *wireOrder) string {
	if name := wire.OrderSourcesName.line(maxShort); name != "" {
		return name
	}
	for _, source := range []scalar{wire.OrderSources, wire.MarketplaceID} {
		code := source.line(maxShort)
		if name, known := marketplaces[code]; known {
			return name
		}
		if _, err := strconv.ParseFloat(code, 64); code != "" && err != nil {
			return code
		}
	}
	return ""
}

// couriers names Pancake's codes of couriers, for when it gives no name (§7.4).
var couriers = map[string]string{
	"1": "GHTK", "3": "Viettel Post", "5": "GHN", "11": "Ahamove", "15": "J&T", "17": "VNPost", "19": "Ninja Van",
	"36": "Nhất Tín", "42": "Shopee Xpress",
}

// shipping is where the order goes and who carries it. The receiver may be somebody else than the buyer.
func shipping(wire *wireOrder) order.Shipping {
	to, partner := &wire.ShippingAddress.value, &wire.Partner.value
	return order.Shipping{
		ReceiverName:  to.FullName.line(maxName),
		ReceiverPhone: phoneForDisplay(to.PhoneNumber),
		Address:       address(to),
		Partner:       firstOf(partner.PartnerName.line(maxShort), couriers[partner.PartnerID.line(maxShort)]),
		PartnerStatus: partner.PartnerStatus.line(maxShort),
		TrackingCode:  partner.ExtendCode.line(maxCode),
	}
}

// lines prices what was ordered (§5). No items at all are legal: chats save orders before anything is chosen.
func lines(items list[object[wireItem]]) ([]order.Line, error) {
	const path = "items"
	switch items.kind {
	case 0, 'n', '[':
	default:
		return nil, at(path, errItemsUnreadable)
	}
	if items.more {
		return nil, at(path, errTooManyItems)
	}
	priced := make([]order.Line, 0, len(items.values))
	for i := range items.values {
		item, path := &items.values[i], fmt.Sprintf("%s[%d]", path, i)
		if item.kind != '{' {
			return nil, at(path, errItemsUnreadable)
		}
		if belongsToCombo(&item.value) {
			continue
		}
		terms, err := lineTerms(&item.value, i, path)
		if err != nil {
			return nil, err
		}
		line, err := order.PriceLine(terms)
		if err != nil {
			return nil, at(path, err)
		}
		priced = append(priced, line)
	}
	return priced, nil
}
