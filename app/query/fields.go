package query

import (
	"strings"

	"orderbridge/domain/event"
)

// fieldNames are what the fields of changes are called, in English and in Vietnamese.
var fieldNames = map[string]struct{ english, vietnamese string }{
	"customer_id": {"customer", "khách hàng"}, "assignee": {"assignee", "người thực hiện"}, "status": {"status", "trạng thái"},
	"currency": {"currency", "tiền tệ"}, "lines": {"lines", "dòng hàng"}, "channel": {"channel", "kênh bán"}, "tags": {"tags", "thẻ"},
	"note": {"note", "ghi chú"}, "ordered_at": {"time of the order", "ngày đặt"}, "creator": {"creator", "người tạo"},
	"first_editor": {"first editor", "người sửa đầu tiên"}, "status_history": {"status history", "lịch sử trạng thái"},
	"shop_id": {"shop", "cửa hàng"}, "external_id": {"number in the shop", "mã đơn của cửa hàng"},

	"buyer.name": {"buyer's name", "tên người mua"}, "buyer.phones": {"buyer's phones", "số điện thoại người mua"},
	"buyer.emails": {"buyer's emails", "email người mua"}, "buyer.address": {"buyer's address", "địa chỉ người mua"},
	"buyer.gender": {"buyer's gender", "giới tính người mua"}, "buyer.birthday": {"buyer's birthday", "ngày sinh người mua"},
	"buyer.tags": {"buyer's tags", "thẻ người mua"}, "buyer.external_id": {"buyer's id in the shop", "mã người mua"},
	"buyer.facebook_id": {"buyer's Facebook id", "Facebook người mua"}, "buyer.username": {"buyer's username", "tên tài khoản người mua"},
	"buyer.masked": {"buyer hidden by the shop", "thông tin người mua bị che"},

	"totals.lines": {"sum of the lines", "tổng dòng hàng"}, "totals.discount": {"discount", "giảm giá"}, "totals.goods": {"goods", "tiền hàng"},
	"totals.shipping_fee": {"shipping fee", "phí vận chuyển"}, "totals.surcharge": {"surcharge", "phụ thu"}, "totals.tax": {"tax", "thuế"},
	"totals.due": {"due", "phải thu"},

	"shipping.receiver_name":  {"receiver's name", "tên người nhận"},
	"shipping.receiver_phone": {"receiver's phone", "số điện thoại người nhận"},
	"shipping.address":        {"delivery address", "địa chỉ giao hàng"}, "shipping.partner": {"courier", "đơn vị vận chuyển"},
	"shipping.partner_status": {"courier's state", "trạng thái vận chuyển"}, "shipping.tracking_code": {"tracking code", "mã vận đơn"},

	"payments.cod": {"to collect", "thu hộ"}, "payments.cash": {"cash", "tiền mặt"}, "payments.prepaid": {"prepaid", "trả trước"},
	"payments.bank_transfer": {"bank transfer", "chuyển khoản"}, "payments.card": {"card", "thẻ ngân hàng"},
	"payments.e_wallet": {"e-wallet", "ví điện tử"},

	"name": {"name", "tên"}, "phone": {"phone", "số điện thoại"}, "phones": {"phones", "số điện thoại"}, "email": {"email", "email"},
	"emails": {"emails", "email"}, "address": {"address", "địa chỉ"}, "gender": {"gender", "giới tính"}, "birthday": {"birthday", "ngày sinh"},

	"order_code_template": {"template of order codes", "mẫu mã đơn hàng"}, "time_zone": {"time zone", "múi giờ"},
	"skip_cancelled": {"skip cancelled orders", "bỏ qua đơn đã hủy"}, "shop_limit": {"limit of shops", "số cửa hàng tối đa"},
	"default_assignee_id": {"default assignee", "người thực hiện mặc định"},
}

// FieldInEnglish is what people call a field that changed.
func FieldInEnglish(field string) string {
	if name, ok := fieldNames[field]; ok {
		return name.english
	}
	return field
}

// FieldInVietnamese is what people call a field that changed.
func FieldInVietnamese(field string) string {
	if name, ok := fieldNames[field]; ok {
		return name.vietnamese
	}
	return field
}

// fieldsIn lists what changed, by the names of a language.
func fieldsIn(name func(string) string, changes []event.Change) string {
	fields := make([]string, 0, len(changes))
	for _, change := range changes {
		fields = append(fields, name(change.Field))
	}
	return strings.Join(fields, ", ")
}
