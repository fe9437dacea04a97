package pancake_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"orderbridge/adapters/pancake"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// interpret reads an order that has these keys besides its ids.
func interpret(t *testing.T, keys string) (order.State, error) {
	t.Helper()
	if keys != "" {
		keys = "," + keys
	}
	return pancake.Interpreter{}.Interpret([]byte(`{"id":1,"shop_id":7` + keys + `}`))
}

func mustInterpret(t *testing.T, keys string) order.State {
	t.Helper()
	state, err := interpret(t, keys)
	if err != nil {
		t.Fatalf("%s: %v", keys, err)
	}
	return state
}

// reading is one row of a table: these keys give that value.
type reading struct {
	name string
	keys string
	want any
}

func check(t *testing.T, rows []reading, got func(order.State) any) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if value := got(mustInterpret(t, row.keys)); !reflect.DeepEqual(value, row.want) {
				t.Errorf("%s\n got %#v\nwant %#v", row.keys, value, row.want)
			}
		})
	}
}

func TestBarestOrder(t *testing.T) {
	t.Parallel()
	want := order.State{
		ShopID: "7", ExternalID: "1", Status: order.Status{Code: -99, Name: "unknown"}, Currency: "VND",
		Buyer: order.Buyer{Name: "Khách hàng Pancake"}, Lines: []order.Line{},
	}
	if got := mustInterpret(t, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestStatusHistory(t *testing.T) {
	t.Parallel()
	type changes = []order.StatusChange
	at := time.Date(2025, 9, 15, 3, 4, 38, 500_000_000, time.UTC)
	check(t, []reading{
		{"none", `"status_history":[]`, changes(nil)},
		{"no list", `"status_history":"new"`, changes(nil)},
		{
			"a beginning and a step", `"status_history":[{"status":0,"old_status":null,"editor":{"name":" Mai "}},` +
				`{"status":"1","old_status":0,"editor":null,"name":"Huy","updated_at":"2025-09-15T03:04:38.5"}]`,
			changes{{Status: order.NewStatus(0), Editor: "Mai"}, {Status: order.NewStatus(1), Previous: order.NewStatus(0), At: at, Editor: "Huy"}},
		},
		{"what cannot be read", `"status_history":[null,7,{"status":"gone","updated_at":12}]`, changes{{Status: order.NewStatus(-99)}}},
	}, func(s order.State) any { return s.StatusHistory })

	t.Run("the newest part of a long one", func(t *testing.T) {
		t.Parallel()
		var entries []string
		for i := range 150 {
			entries = append(entries, fmt.Sprintf(`{"status":0,"name":"%d"}`, i))
		}
		got := mustInterpret(t, `"status_history":[`+strings.Join(entries, ",")+`]`).StatusHistory
		if len(got) != 100 || got[0].Editor != "50" || got[99].Editor != "149" {
			t.Errorf("%d entries, from %+v", len(got), got[0])
		}
	})
}

func TestWrappedOrderIsTheSameOrder(t *testing.T) {
	t.Parallel()
	body := readFile(t, "order-new-customer.json")
	want, err := pancake.Interpreter{}.Interpret(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrapper := range []string{`{"data":%s}`, `{"data":{"order":%s}}`, `{"success":true,"type":"orders","data":{"order":%s}}`} {
		got, err := pancake.Interpreter{}.Interpret(fmt.Appendf(nil, wrapper, body))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("in %s: %+v, %v", wrapper, got, err)
		}
	}
}

func TestInterpretRefusesWhatIsNoOrder(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"bad-not-json.txt": "body-not-json", "bad-missing-id.json": "order-id-missing", "other-customer-event.json": "not-an-order",
	} {
		if _, err := (pancake.Interpreter{}).Interpret(readFile(t, name)); codeOf(err) != code {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"a number", `"status":6`, order.Status{Code: 6, Name: "cancelled"}},
		{"a text", `"status":"7"`, order.Status{Code: 7, Name: "deleted"}},
		{"a float", `"status":3.0`, order.Status{Code: 3, Name: "received"}},
		{"one that nobody documented", `"status":-2`, order.Status{Code: -2, Name: "unknown"}},
		{"null", `"status":null`, order.Status{Code: -99, Name: "unknown"}},
		{"an object", `"status":{"id":1}`, order.Status{Code: -99, Name: "unknown"}},
		{"one too large to store", `"status":1e20`, order.Status{Code: -99, Name: "unknown"}},
		{"a flag", `"status":true`, order.Status{Code: -99, Name: "unknown"}},
	}, func(s order.State) any { return s.Status })
}

func TestPhones(t *testing.T) {
	t.Parallel()
	const shipping = `"shipping_address":{"phone_number":"0987000102"}`
	const listed = `"customer":{"phone_numbers":["0****70","0968000588","+84 358 000 588","0968.000.588"]}`
	check(t, []reading{
		{"the bill's phone", `"bill_phone_number":"0912000451"`, []string{"+84912000451"}},
		{"as a number, which lost its zero", `"bill_phone_number":912000451`, []string{"+84912000451"}},
		{"the bill's, not the receiver's", `"bill_phone_number":"0912000451",` + shipping, []string{"+84912000451"}},
		{"the receiver's when there is no other", `"bill_phone_number":null,` + shipping, []string{"+84987000102"}},
		{"the receiver's when the bill's is masked", `"bill_phone_number":"0****51",` + shipping, []string{"+84987000102"}},
		{"the receiver's when the bill's is unusable", `"bill_phone_number":"không có",` + shipping, []string{"+84987000102"}},
		{"then the customer's, each once", `"bill_phone_number":"0968 000 588",` + shipping + `,` + listed, []string{"+84968000588", "+84358000588"}},
		{"the customer's alone", listed, []string{"+84968000588", "+84358000588"}},
		{"several on the bill, then the customer's", `"bill_phone_number":"0912 000 451 (Lan) / 0968000588",` + shipping + `,` + listed, []string{"+84912000451", "+84968000588", "+84358000588"}},
		{"the receiver's behind a label", `"shipping_address":{"phone_number":"SĐT: 0987000102"}`, []string{"+84987000102"}},
		{"one of two that is clear", `"bill_phone_number":"0****51 / 0912000451",` + shipping, []string{"+84912000451"}},
		{"none", `"bill_phone_number":"","customer":{"phone_numbers":null}`, []string(nil)},
		{"phone_numbers that is no list", `"customer":{"phone_numbers":"0912000451"}`, []string(nil)},
		{"a list of other things", `"customer":{"phone_numbers":[null,{},[],true,"",912000451]}`, []string{"+84912000451"}},
		{"the warehouse's and the courier's are not the buyer's", `"warehouse_info":{"phone_number":"02435000111"},"partner":{"delivery_tel":"0399000990"}`, []string(nil)},
	}, func(s order.State) any { return s.Buyer.Phones })

	t.Run("MaskedIsNoted", func(t *testing.T) {
		t.Parallel()
		check(t, []reading{
			{"on the bill", `"bill_phone_number":"0****70"`, true},
			{"in the list", listed, true},
			{"an email", `"bill_email":"l***@example.com"`, true},
			{"beside a clear one", `"bill_phone_number":"0912000451; 0****70"`, true},
			{"unreadable is not masked", `"bill_phone_number":"abc","bill_email":"abc"`, false},
			{"the receiver's is not the buyer's", `"bill_phone_number":"0912000451","shipping_address":{"phone_number":"0****70"}`, false},
		}, func(s order.State) any { return s.Buyer.Masked })
	})
	t.Run("NotWithoutEnd", func(t *testing.T) {
		t.Parallel()
		var numbers []string
		for i := range 100 {
			numbers = append(numbers, fmt.Sprintf(`"09120004%02d"`, i))
		}
		state := mustInterpret(t, `"customer":{"phone_numbers":[`+strings.Join(numbers, ",")+`]}`)
		if len(state.Buyer.Phones) != 20 {
			t.Errorf("%d phones", len(state.Buyer.Phones))
		}
	})
}

func TestEmails(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"the bill's", `"bill_email":" Lan.Pham@Example.com "`, []string{"lan.pham@example.com"}},
		{"then the customer's, each once", `"bill_email":"a@example.com","customer":{"emails":["A@example.com","b@example.com"]}`, []string{"a@example.com", "b@example.com"}},
		{"neither made-up nor masked ones", `"customer":{"emails":["100000000000588@facebook.com","n***@example.com","nghia.nguyen@example.com"]}`, []string{"nghia.nguyen@example.com"}},
		{"emails that is an object", `"customer":{"emails":{"0":"a@example.com"}}`, []string(nil)},
	}, func(s order.State) any { return s.Buyer.Emails })
}

func TestBuyerName(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"trimmed", `"bill_full_name":" Nguyễn Thị Hạnh "`, "Nguyễn Thị Hạnh"},
		{"decomposed letters are composed", `"bill_full_name":"Nguye\u0302\u0303n"`, "Nguyễn"},
		{"emoji stay", `"bill_full_name":"Bích 🌸"`, "Bích 🌸"},
		{"half an emoji is replaced", `"bill_full_name":"Bích \ud83c"`, "Bích \uFFFD"},
		{"NUL goes", `"bill_full_name":"Bích\u0000 Ngọc\u0000"`, "Bích Ngọc"},
		{"line breaks are blanks", `"bill_full_name":"Bích\nNgọc"`, "Bích Ngọc"},
		{"else the customer's", `"bill_full_name":" ","customer":{"name":"Lan"},"shipping_address":{"full_name":"Cô Sáu"}`, "Lan"},
		{"else the receiver's", `"customer":null,"shipping_address":{"full_name":"Cô Sáu"}`, "Cô Sáu"},
		{"a clear name before a masked one", `"bill_full_name":"K******h","customer":{"name":"Khánh"}`, "Khánh"},
		{"a masked name before the receiver's", `"bill_full_name":"K******h","customer":{"name":"K******h"},"shipping_address":{"full_name":"Cô Sáu"}`, "K******h"},
		{"else the phone", `"bill_phone_number":"84912000451","bill_email":"a@example.com"`, "0912000451"},
		{"else the email", `"bill_phone_number":"0****51","bill_email":"a@example.com"`, "a@example.com"},
		{"else a stand-in", `"bill_full_name":{},"customer":[]`, "Khách hàng Pancake"},
		{"cut at 200 characters", `"bill_full_name":"` + strings.Repeat("ế", 300) + `"`, strings.Repeat("ế", 200)},
	}, func(s order.State) any { return s.Buyer.Name })
}

func TestAddress(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"in full", `"shipping_address":{"full_address":"A, B","new_full_address":"A, C","render_type":"old"}`, "A, B"},
		{"in two levels when entered so", `"shipping_address":{"full_address":"A, B","new_full_address":"A, C","render_type":"new"}`, "A, C"},
		{"in two levels but not filled", `"shipping_address":{"full_address":"A, B","new_full_address":"","render_type":"new"}`, "A, B"},
		{"its parts", `"shipping_address":{"address":"18 Mabini","commune_name":"Ermita","district_name":null,"province_name":"Metro Manila"}`, "18 Mabini, Ermita, Metro Manila"},
		{"its parts, one misspelt", `"shipping_address":{"address":"A","commnue_name":"B"}`, "A, B"},
		{"else the customer's first", `"shipping_address":{"address":null},"customer":{"shop_customer_addresses":[{"full_address":"D"},{"full_address":"E"}]}`, "D"},
		{"else none", `"shipping_address":"A","customer":{"shop_customer_addresses":[]}`, ""},
	}, func(s order.State) any { return s.Buyer.Address })
}

func TestBuyerDetails(t *testing.T) {
	t.Parallel()
	got := mustInterpret(t, `"customer":{"id":"c-1","gender":"Female","date_of_birth":"1988-04-12","tags":["Khách quen",{"id":3,"name":"VIP"},9],"fb_id":"1_2","username":"u"}`)
	want := order.Buyer{
		Name: "Khách hàng Pancake", Gender: "female", Birthday: "1988-04-12", Tags: []string{"Khách quen", "VIP", "9"},
		ExternalID: "c-1", FacebookID: "1_2", Username: "u",
	}
	if !reflect.DeepEqual(got.Buyer, want) {
		t.Errorf("got %+v, want %+v", got.Buyer, want)
	}
	check(t, []reading{
		{"a day that is none", `"customer":{"date_of_birth":"1988-02-30"}`, ""},
		{"a day with a time", `"customer":{"date_of_birth":"1988-04-12T00:00:00"}`, "1988-04-12"},
		{"as customer events call it", `"customer":{"birthday":"1994-10-20"}`, "1994-10-20"},
		{"a number", `"customer":{"date_of_birth":19880412}`, ""},
		{"text behind it", `"customer":{"date_of_birth":"1988-04-12abc"}`, ""},
	}, func(s order.State) any { return s.Buyer.Birthday })
}

func TestLines(t *testing.T) {
	t.Parallel()
	quantity := func(text string) order.Quantity {
		q, err := order.ParseQuantity(text)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	item := func(keys string) string {
		return `"items":[{"id":11,"variation_info":{"display_id":"A","name":"N","retail_price":100000}` + keys + `}]`
	}
	line := func(change func(*order.Line)) []order.Line {
		l := order.Line{ExternalID: "11", ProductCode: "A", ProductName: "N", Quantity: quantity("3"), UnitPrice: 100000, Amount: 300000}
		change(&l)
		return []order.Line{l}
	}
	discounted := func(discount, amount int64) []order.Line {
		return line(func(l *order.Line) { l.Discount, l.Amount = discount, amount })
	}
	check(t, []reading{
		{"null", `"items":null`, []order.Line{}},
		{"empty", `"items":[]`, []order.Line{}},
		{"quantity as text", item(`,"quantity":"3"`), line(func(*order.Line) {})},
		{"quantity as a float", item(`,"quantity":3.0`), line(func(*order.Line) {})},
		{"no quantity", item(``), line(func(l *order.Line) { l.Quantity, l.Amount = quantity("0"), 0 })},
		{"a quantity of 0", item(`,"quantity":0,"total_discount":500`), line(func(l *order.Line) { l.Quantity, l.Amount = quantity("0"), 0 })},
		{"half of one", item(`,"quantity":0.5`), line(func(l *order.Line) { l.Quantity, l.Amount = quantity("0.5"), 50000 })},
		{"the line's discount before the unit's", item(`,"quantity":3,"total_discount":1,"discount_each_product":"?"`), discounted(1, 299999)},
		{"a negative discount of the line is not one", item(`,"quantity":3,"total_discount":-1,"discount_each_product":10000`), discounted(30000, 270000)},
		{"the unit's discount", item(`,"quantity":3,"discount_each_product":"10000","is_discount_percent":"false"`), discounted(30000, 270000)},
		{"a negative discount of the unit is 0", item(`,"quantity":3,"discount_each_product":-5`), discounted(0, 300000)},
		{"a percentage", item(`,"quantity":3,"discount_each_product":12.5,"is_discount_percent":true`), discounted(37500, 262500)},
		{"a percentage, flagged by 1", item(`,"quantity":3,"discount_each_product":"10","is_discount_percent":1`), discounted(30000, 270000)},
		{"over 100 percent", item(`,"quantity":3,"discount_each_product":150,"is_discount_percent":true`), discounted(300000, 0)},
		{"a discount above the price", item(`,"quantity":3,"total_discount":900000`), discounted(300000, 0)},
		{"no discount, with a strange flag", item(`,"quantity":3,"is_discount_percent":{}`), line(func(*order.Line) {})},
		{"a gift with a price", item(`,"quantity":3,"is_bonus_product":true`), line(func(l *order.Line) { l.Gift, l.Amount = true, 0 })},
		{"a gift in a text", item(`,"quantity":3,"is_bonus_product":"TRUE"`), line(func(l *order.Line) { l.Gift, l.Amount = true, 0 })},
		{"what a combo holds", `"items":[{"id":11,"quantity":3,"is_composite":true,"components":[{"quantity":2,"variation_info":{"retail_price":5}}],"variation_info":{"display_id":"A","name":"N","retail_price":100000}},{"id":12,"composite_item_id":11,"quantity":"?","variation_info":{"retail_price":60000}}]`, line(func(*order.Line) {})},
		{"exact_price when there is no retail_price", `"items":[{"id":11,"quantity":3,"variation_info":{"display_id":"A","name":"N","retail_price":null,"exact_price":"100000"}}]`, line(func(*order.Line) {})},
		{"a retail_price of 0 is one", `"items":[{"id":11,"quantity":3,"variation_info":{"display_id":"A","name":"N","retail_price":0,"exact_price":5}}]`, line(func(l *order.Line) { l.UnitPrice, l.Amount = 0, 0 })},
	}, func(s order.State) any { return s.Lines })

	t.Run("AsManyAsAreTaken", func(t *testing.T) {
		t.Parallel()
		if state := mustInterpret(t, `"items":[`+strings.Repeat("{},", 1999)+`{}]`); len(state.Lines) != 2000 {
			t.Errorf("%d lines", len(state.Lines))
		}
	})
	t.Run("CodesAndNames", func(t *testing.T) {
		t.Parallel()
		check(t, []reading{
			{"all there", `"items":[{"id":11,"variation_info":{"display_id":1002,"name":"Áo","detail":"Đỏ, M"}}]`, [3]string{"1002", "Áo", "Đỏ, M"}},
			{"the product's code", `"items":[{"variation_info":{"display_id":" ","product_display_id":"P"}}]`, [3]string{"P", "P", ""}},
			{"the barcode", `"items":[{"variation_id":"v","variation_info":{"barcode":"893","custom_id":"c"}}]`, [3]string{"893", "893", ""}},
			{"the shop's own code", `"items":[{"variation_id":"v","variation_info":{"custom_id":"c"}}]`, [3]string{"c", "c", ""}},
			{"the variation", `"items":[{"variation_id":"v","product_id":"p","variation_info":null}]`, [3]string{"v", "v", ""}},
			{"the product", `"items":[{"product_id":"p"}]`, [3]string{"p", "p", ""}},
			{"made up of the line", `"items":[{"id":12187295407,"variation_info":{"name":"Gói quà"}}]`, [3]string{"PANCAKE-12187295407", "Gói quà", ""}},
			{"made up of the place", `"items":[{}]`, [3]string{"PANCAKE-1", "Sản phẩm Pancake", ""}},
			{"named by its detail", `"items":[{"note_product":"x","variation_info":{"display_id":"A","detail":"Đỏ"}}]`, [3]string{"A", "Đỏ", ""}},
			{"named by its note", `"items":[{"note_product":" thêu tên ","variation_info":{"display_id":"A"}}]`, [3]string{"A", "thêu tên", ""}},
		}, func(s order.State) any {
			l := s.Lines[0]
			return [3]string{l.ProductCode, l.ProductName, l.Variant}
		})
	})
}

func TestMoneyOnTheOrder(t *testing.T) {
	t.Parallel()
	const items = `"items":[{"quantity":1,"variation_info":{"retail_price":100}}],`
	check(t, []reading{
		{"everything", items + `"total_discount":"10","shipping_fee":5.0,"surcharge":2,"tax":1`, order.Totals{Lines: 100, Discount: 10, Goods: 90, ShippingFee: 5, Surcharge: 2, Tax: 1, Due: 98}},
		{"nothing", items + `"total_discount":null,"shipping_fee":""`, order.Totals{Lines: 100, Goods: 100, Due: 100}},
		{"free shipping", items + `"shipping_fee":"?","is_free_shipping":true`, order.Totals{Lines: 100, Goods: 100, Due: 100}},
		{"a discount above the goods", items + `"total_discount":500,"shipping_fee":5`, order.Totals{Lines: 100, Discount: 500, ShippingFee: 5, Due: 5}},
		{"a negative discount is kept", items + `"total_discount":-50`, order.Totals{Lines: 100, Discount: -50, Goods: 150, Due: 150}},
		{"Pancake's own sums are not used", items + `"total_price":7,"total_price_after_sub_discount":8,"discount":9,"fee_marketplace":3`, order.Totals{Lines: 100, Goods: 100, Due: 100}},
	}, func(s order.State) any { return s.Totals })
	check(t, []reading{
		{"by channel", `"cod":1,"cash":2,"prepaid":3,"transfer_money":4,"charged_by_card":5,"charged_by_momo":6,"charged_by_qrpay":7,"charged_by_vnpay":null,"charged_by_onepay":"8"`, order.Payments{COD: 1, Cash: 2, Prepaid: 3, BankTransfer: 4, Card: 5, EWallet: 21}},
		{"a negative cod is kept", `"cod":-20000`, order.Payments{COD: -20000}},
		{"money_to_collect when there is no cod", `"cod":null,"money_to_collect":9`, order.Payments{COD: 9}},
	}, func(s order.State) any { return s.Payments })
	check(t, []reading{
		{"other money stays other money", `"order_currency":"php"`, "PHP"},
		{"none is VND", `"order_currency":null`, "VND"},
	}, func(s order.State) any { return s.Currency })
}

func TestUnreadableMoneyIsAProblem(t *testing.T) {
	t.Parallel()
	item := func(keys string) string { return `"items":[{},{"id":11,"quantity":1,` + keys + `}]` }
	price := func(value string) string { return item(`"variation_info":{"retail_price":` + value + `}`) }
	for _, test := range []struct{ name, keys, code, path string }{
		{"a price in words", price(`"Liên hệ"`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price with a fraction", price(`99.5`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price in parted thousands", price(`"250.000"`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price with commas", price(`"250,000"`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price that is an object", price(`{"amount":1}`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price that is a flag", price(`true`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price in hexadecimal", price(`"0x10"`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price that is not a number", price(`"NaN"`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a price too large", price(`9223372036854775808`), "money-overflow", "items[1].variation_info.retail_price"},
		{"a price with a monstrous exponent", price(`1e999999999`), "money-unreadable", "items[1].variation_info.retail_price"},
		{"a negative price", price(`-1`), "unit-price-negative", "items[1]"},
		{"an exact price that is used", item(`"variation_info":{"exact_price":"x"}`), "money-unreadable", "items[1].variation_info.exact_price"},
		{"a line that overflows", `"items":[{"quantity":1000000000,"variation_info":{"retail_price":9223372036854775807}}]`, "money-overflow", "items[0]"},
		{"a sum that overflows", `"items":[{"quantity":1,"variation_info":{"retail_price":9223372036854775807}},{"quantity":1,"variation_info":{"retail_price":1}}]`, "money-overflow", "items"},
		{"a line discount in words", item(`"total_discount":"x"`), "money-unreadable", "items[1].total_discount"},
		{"a unit discount in words", item(`"discount_each_product":"x"`), "money-unreadable", "items[1].discount_each_product"},
		{"a percentage in words", item(`"discount_each_product":"x","is_discount_percent":true`), "money-unreadable", "items[1].discount_each_product"},
		{"a percent flag in words", item(`"discount_each_product":5,"is_discount_percent":"maybe"`), "flag-unreadable", "items[1].is_discount_percent"},
		{"a gift flag in words", item(`"is_bonus_product":"maybe"`), "flag-unreadable", "items[1].is_bonus_product"},
		{"a negative quantity", `"items":[{"quantity":-1}]`, "quantity-unreadable", "items[0].quantity"},
		{"a quantity in words", `"items":[{"quantity":"two"}]`, "quantity-unreadable", "items[0].quantity"},
		{"a quantity of seven decimals", `"items":[{"quantity":0.0000001}]`, "quantity-unreadable", "items[0].quantity"},
		{"a quantity too large", `"items":[{"quantity":1000000001}]`, "quantity-unreadable", "items[0].quantity"},
		{"a quantity that is a list", `"items":[{"quantity":[1]}]`, "quantity-unreadable", "items[0].quantity"},
		{"items that are an object", `"items":{"0":{}}`, "items-unreadable", "items"},
		{"items that are a text", `"items":"[]"`, "items-unreadable", "items"},
		{"items without end", `"items":[` + strings.Repeat("{},", 2000) + `{}]`, "items-too-many", "items"},
		{"an item that is null", `"items":[null]`, "items-unreadable", "items[0]"},
		{"a variation that is a text", `"items":[{"variation_info":"A"}]`, "items-unreadable", "items[0].variation_info"},
		{"an order discount in words", `"total_discount":"x"`, "money-unreadable", "total_discount"},
		{"a shipping fee that is a list", `"shipping_fee":[]`, "money-unreadable", "shipping_fee"},
		{"a free-shipping flag in words", `"is_free_shipping":"maybe"`, "flag-unreadable", "is_free_shipping"},
		{"a tax that is an object", `"tax":{}`, "money-unreadable", "tax"},
		{"a cod in words", `"cod":"x"`, "money-unreadable", "cod"},
		{"a currency in words", `"order_currency":"đồng"`, "currency-unreadable", "order_currency"},
		{"a currency that is a number", `"order_currency":704`, "currency-unreadable", "order_currency"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := interpret(t, test.keys)
			found, ok := problem.Of(err)
			if !ok {
				t.Fatalf("no problem but %v", err)
			}
			if found.Code() != test.code || found.Kind() != problem.KindInvalid || len(found.Fields()) != 1 || found.Fields()[0].Path != test.path {
				t.Errorf("%s %q at %+v, want %q at %s", found.Kind(), found.Code(), found.Fields(), test.code, test.path)
			}
		})
	}
}

// TestWrongTypesNeverFailAnOrder: whatever stands in a field that no amount depends on, the order is read.
func TestWrongTypesNeverFailAnOrder(t *testing.T) {
	t.Parallel()
	values := []string{`null`, `true`, `5`, `-1.5e300`, `"x"`, `""`, `[]`, `{}`, `[null,1,"x",[],{}]`, `{"id":{},"name":[],"0":1}`}
	for _, field := range []string{
		"status", "inserted_at", "updated_at", "bill_full_name", "bill_phone_number", "bill_email", "customer", "shipping_address",
		"creator", "status_history", "order_sources", "order_sources_name", "marketplace_id", "tags", "note", "partner",
		"histories", "a_key_of_tomorrow",
	} {
		for _, value := range values {
			if _, err := interpret(t, fmt.Sprintf(`"%s":%s`, field, value)); err != nil {
				t.Errorf("%s = %s: %v", field, value, err)
			}
		}
	}
	for _, field := range []string{"id", "name", "phone_numbers", "emails", "gender", "date_of_birth", "tags", "fb_id", "username", "shop_customer_addresses"} {
		for _, value := range values {
			if _, err := interpret(t, fmt.Sprintf(`"customer":{"%s":%s}`, field, value)); err != nil {
				t.Errorf("customer.%s = %s: %v", field, value, err)
			}
		}
	}
	for _, field := range []string{"id", "product_id", "variation_id", "note_product"} {
		for _, value := range values {
			if _, err := interpret(t, fmt.Sprintf(`"items":[{"%s":%s}]`, field, value)); err != nil {
				t.Errorf("items[0].%s = %s: %v", field, value, err)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	check(t, []reading{
		{"naive, with six digits", `"inserted_at":"2025-09-15T03:04:38.590469"`, at("2025-09-15T03:04:38.590469Z")},
		{"naive, without a fraction", `"inserted_at":"2025-09-15T03:04:38"`, at("2025-09-15T03:04:38Z")},
		{"one digit", `"inserted_at":"2025-09-15T03:04:38.5"`, at("2025-09-15T03:04:38.5Z")},
		{"nine digits", `"inserted_at":"2025-09-15T03:04:38.123456789"`, at("2025-09-15T03:04:38.123456Z")},
		{"a blank for the T", `"inserted_at":"2025-09-15 03:04:38.590469"`, at("2025-09-15T03:04:38.590469Z")},
		{"Z", `"inserted_at":"2025-09-15T03:04:38Z"`, at("2025-09-15T03:04:38Z")},
		{"an offset", `"inserted_at":"2025-09-15T10:04:38+07:00"`, at("2025-09-15T03:04:38Z")},
		{"an offset without a colon", `"inserted_at":"2025-09-15 10:04:38 +0700"`, at("2025-09-15T03:04:38Z")},
		{"a day that is none", `"inserted_at":"2025-02-30T00:00:00"`, time.Time{}},
		{"words", `"inserted_at":"hôm qua, khoảng chín giờ sáng"`, time.Time{}},
		{"an epoch", `"inserted_at":1757900000123`, time.Time{}},
		{"the year 1", `"inserted_at":"0001-01-01T00:00:00"`, time.Time{}},
		{"the end of time", `"inserted_at":"9999-12-31T23:59:59-14:00"`, time.Time{}},
		{"none", `"inserted_at":null`, time.Time{}},
	}, func(s order.State) any { return s.OrderedAt })
	check(t, []reading{
		{"a version", `"updated_at":"2025-09-15T03:04:38"`, at("2025-09-15T03:04:38Z")},
		{"no version", `"updated_at":null`, time.Time{}},
		{"an unreadable version", `"updated_at":"x"`, time.Time{}},
	}, func(s order.State) any { return s.UpdatedAt })
}

func TestPeople(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"none", `"creator":null`, order.Person{}},
		{"with phone and email", `"creator":{"id":"u","name":"Mai","email":"Mai@Example.vn","phone_number":"0904 000 321"}`, order.Person{ExternalID: "u", Name: "Mai", Phone: "+84904000321", Email: "mai@example.vn"}},
		{"a made-up email", `"creator":{"id":"u","name":"Hà","email":"100000000000321@facebook.com","phone_number":null}`, order.Person{ExternalID: "u", Name: "Hà"}},
	}, func(s order.State) any { return s.Creator })
	check(t, []reading{
		{"the first", `"status_history":[{"editor":{"id":"a","phone_number":"0904000321"}},{"editor":{"id":"b"}}]`, order.Person{ExternalID: "a", Phone: "+84904000321"}},
		{"nobody at first", `"status_history":[{"editor":null},{"editor":{"id":"b"}}]`, order.Person{}},
		{"no history", `"status_history":{}`, order.Person{}},
	}, func(s order.State) any { return s.FirstEditor })
}

func TestChannelTagsAndCourier(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"by name", `"order_sources_name":"Shopee","order_sources":-1`, "Shopee"},
		{"by number", `"order_sources_name":"","order_sources":-3`, "Shopee"},
		{"by number in a text", `"order_sources":"-1"`, "Facebook"},
		{"by the marketplace", `"order_sources":null,"marketplace_id":"-9"`, "TikTok"},
		{"a word for a code", `"order_sources":"Webcake"`, "Webcake"},
		{"a code of no meaning", `"order_sources":"123456"`, ""},
		{"none", `"order_sources_name":null`, ""},
	}, func(s order.State) any { return s.Channel })
	check(t, []reading{
		{"names", `"tags":["Khách sỉ"," Khách sỉ ",""]`, []string{"Khách sỉ"}},
		{"ids", `"tags":[61,62]`, []string{"61", "62"}},
		{"objects", `"tags":[{"id":61,"name":"Đã gọi"},{"id":62},{}]`, []string{"Đã gọi", "62"}},
		{"an object", `"tags":{"61":"x"}`, []string(nil)},
	}, func(s order.State) any { return s.Tags })
	check(t, []reading{
		{"a courier", `"partner":{"partner_id":15,"partner_name":"J&T Express","partner_status":"picked_up","extend_code":"800"}`, order.Shipping{Partner: "J&T Express", PartnerStatus: "picked_up", TrackingCode: "800"}},
		{"a courier by number", `"partner":{"partner_id":"5","partner_name":null,"extend_code":12345678901234567890}`, order.Shipping{Partner: "GHN", TrackingCode: "12345678901234567890"}},
		{"a courier that is a text", `"partner":"GHN"`, order.Shipping{}},
		{"a receiver", `"shipping_address":{"full_name":"Cô Sáu","phone_number":"01245000126","full_address":"Ấp 3"}`, order.Shipping{ReceiverName: "Cô Sáu", ReceiverPhone: "+84845000126", Address: "Ấp 3"}},
		{"a masked receiver", `"shipping_address":{"phone_number":"0****70"}`, order.Shipping{ReceiverPhone: "0****70"}},
	}, func(s order.State) any { return s.Shipping })
}

func TestNote(t *testing.T) {
	t.Parallel()
	check(t, []reading{
		{"line breaks stay", `"note":" a\r\n\tb\u0000\u0007c "`, "a\n\tb c"},
		{"cut", `"note":"` + strings.Repeat("x", 5000) + `"`, strings.Repeat("x", 4000)},
	}, func(s order.State) any { return s.Note })
}

// TestStateCanBeStored: what was interpreted goes through JSON and back without a change.
func TestStateCanBeStored(t *testing.T) {
	t.Parallel()
	for name, body := range bodies(t) {
		state, err := pancake.Interpreter{}.Interpret(body)
		if err != nil {
			continue
		}
		stored, err := json.Marshal(state)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var loaded order.State
		if err := json.Unmarshal(stored, &loaded); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !order.SameContent(state, loaded) || !state.UpdatedAt.Equal(loaded.UpdatedAt) {
			t.Errorf("%s: %+v", name, order.Changes(state, loaded))
		}
	}
}

// TestProblemsKeepPersonalDataOut: what a person wrote never comes back in a message.
func TestProblemsKeepPersonalDataOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"bill_phone_number", "total_discount", "cod", "order_currency", "items", "shipping_fee"} {
		_, err := interpret(t, fmt.Sprintf(`"%s":"Hạnh 0912000451 hanh@example.com"`, path))
		if err != nil && slices.ContainsFunc([]string{"Hạnh", "0912", "hanh@"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
