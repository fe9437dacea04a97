package query

import (
	"fmt"
	"strings"

	"orderbridge/domain/delivery"
)

// reasonsInVietnamese say why a delivery was refused or could not be brought in, by the code of the reason.
var reasonsInVietnamese = map[string]string{
	"body-incomplete":      "nội dung bị ngắt giữa chừng hoặc đến quá chậm; hãy gửi lại",
	"body-not-json":        "nội dung không phải là một giá trị JSON trọn vẹn theo UTF-8",
	"body-not-object":      "nội dung không phải là một đối tượng JSON",
	delivery.BodyNotKept:   "nội dung bị từ chối trước khi được đọc nên không có gì để đưa vào",
	"body-too-large":       "nội dung lớn hơn mức cho phép",
	"currency-unreadable":  "tiền tệ không phải là mã gồm ba chữ cái",
	"encoding-unsupported": "nội dung được gửi dưới dạng nén; hãy gửi nguyên dạng, không dùng Content-Encoding",
	"flag-unreadable":      "giá trị không phải là đúng hoặc sai",
	"internal-error":       "đơn đã được lưu nhưng không xử lý được; nhật ký của dịch vụ ghi rõ nguyên nhân",
	"items-too-many":       "đơn hàng có quá nhiều sản phẩm",
	"items-unreadable":     "không đọc được các sản phẩm của đơn hàng",
	"money-overflow":       "số tiền quá lớn",
	"money-unreadable":     "số tiền không phải là một số đọc được",
	"not-an-order":         "nội dung không phải là đơn hàng",
	"order-id-invalid":     "mã của đơn hàng không phải là chuỗi từ 1 đến 64 ký tự in được hoặc một số nguyên",
	"order-id-missing":     "đơn hàng không có cả id lẫn system_id",
	"quantity-unreadable":  "số lượng không phải là số từ 0 đến 1000000000 với nhiều nhất 6 chữ số thập phân",
	"shop-id-missing":      "đơn hàng không có shop_id gồm 1 đến 20 chữ số",
	"shop-mismatch":        "header thuộc về cửa hàng khác với cửa hàng của đơn; hãy kiểm tra webhook của cửa hàng nào dùng khóa và giá trị này",
	"shop-not-connected":   "cửa hàng của đơn chưa được kết nối với không gian làm việc này; nếu đó là cửa hàng của bạn, hãy kết nối rồi thử lại",
	"unit-price-negative":  "đơn giá là số âm",
}

// reasonInVietnamese says why, with the place in the order that the detail begins with where it names one. What has no translation is
// told by its detail as it was recorded.
func reasonInVietnamese(reason, detail string) string {
	told, ok := reasonsInVietnamese[reason]
	if !ok {
		return fmt.Sprintf("lý do %s (%s)", reason, strings.TrimSuffix(detail, "."))
	}
	if place, _, named := strings.Cut(detail, ": "); named && !strings.Contains(place, " ") {
		return place + ": " + told
	}
	return told
}
