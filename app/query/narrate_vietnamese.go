package query

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
	"orderbridge/domain/projection"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// NarrateVietnamese says in one plain Vietnamese sentence what Narrate says in English.
func NarrateVietnamese(payload event.Payload) string {
	switch e := payload.(type) {
	case delivery.OrderReceived:
		if e.Origin != "" {
			return fmt.Sprintf("Không webhook nào gửi phiên bản này của đơn hàng %s (cửa hàng %s): đơn được đọc từ API của Pancake (%d byte)"+
				" và được lưu nguyên vẹn.", e.OrderID, e.ShopID, e.Request.Bytes)
		}
		return fmt.Sprintf("Đơn hàng %s của cửa hàng %s đã đến (%d byte) và được lưu nguyên vẹn.", e.OrderID, e.ShopID, e.Request.Bytes)
	case delivery.DeliveryRejected:
		return fmt.Sprintf("Bị từ chối ngay khi nhận: %s.", reasonInVietnamese(e.Reason, e.Detail))
	case delivery.IngestionFailed:
		why, kept := reasonInVietnamese(e.Reason, e.Detail), "Nội dung đã nhận vẫn được lưu nguyên vẹn."
		if e.Reason == delivery.BodyNotKept {
			kept = "Không có nội dung nào được lưu."
		}
		if e.OrderID == "" {
			return fmt.Sprintf("Lần thử %d đưa vào CRM không thành công: %s. %s", e.Attempt, why, kept)
		}
		return fmt.Sprintf("Lần thử %d đưa đơn hàng %s của cửa hàng %s vào CRM không thành công: %s. %s", e.Attempt, e.OrderID, e.ShopID, why, kept)
	case delivery.IngestionHeld:
		return fmt.Sprintf("Đơn hàng %s của cửa hàng %s phải chờ vì cửa hàng đang tạm dừng. Đơn sẽ được đưa vào khi cửa hàng hoạt động lại.",
			e.OrderID, e.ShopID)
	case delivery.IngestionRetried:
		if e.Reason != delivery.RetriedShopResumed {
			return "Có người yêu cầu thử lại: những gì đã lưu của lần gửi được đọc lại."
		}
		return "Bây giờ đơn được đưa vào, vì cửa hàng đã hoạt động lại."
	case order.CustomerMatched:
		return moveInVietnamese(e.Decision, e.Relinked) + "Đã khớp với khách hàng có sẵn: " + decisionInVietnamese(e.Decision)
	case customer.CustomerCreated:
		return fmt.Sprintf("%sĐã tạo khách hàng mới %q: %s", moveInVietnamese(e.Decision, false), e.Customer.Name, decisionInVietnamese(e.Decision))
	case customer.CustomerImported:
		if e.Line > 0 {
			return fmt.Sprintf("Khách hàng %q đã được thêm từ dòng %d của lần nhập %s.", e.Customer.Name, e.Line, e.ImportID)
		}
		return fmt.Sprintf("Khách hàng %q đã được nhập tay.", e.Customer.Name)
	case customer.CustomerUpdated:
		return fmt.Sprintf("Khách hàng %q đã được sửa: %s.", e.Customer.Name, fieldsIn(FieldInVietnamese, e.Changes))
	case customer.CustomerArchived:
		return fmt.Sprintf("Khách hàng %q đã được lưu trữ; đơn hàng không còn khớp với khách này.", e.Customer.Name)
	case customer.CustomerRestored:
		return fmt.Sprintf("Khách hàng %q đã được khôi phục; đơn hàng lại khớp với khách này.", e.Customer.Name)
	case customer.CustomersMerged:
		return fmt.Sprintf("Khách hàng %q (%s) đã được gộp vào khách này; khách này bây giờ là %q.", e.Merged.Name, e.Merged.ID, e.Customer.Name)
	case customer.CustomerMergedInto:
		return fmt.Sprintf("Khách hàng %q (%s) đã được gộp vào %s; từ nay khách đó đại diện cho khách này.", e.Customer.Name, e.Customer.ID, e.Into)
	case customer.CustomersUnmerged:
		return fmt.Sprintf("Đã hủy gộp với khách hàng %s; khách này bây giờ là %q.", e.Unmerged, e.Customer.Name)
	case customer.CustomerUnmerged:
		return fmt.Sprintf("Khách hàng %q (%s) đã được tách khỏi %s và trở lại như trước khi gộp.", e.Customer.Name, e.Customer.ID, e.From)
	case order.SourceEnsured:
		if e.Created {
			return fmt.Sprintf("CRM chưa có nguồn đơn hàng %q nên nguồn này đã được tạo.", e.Name)
		}
		return fmt.Sprintf("Nguồn đơn hàng %q đã có sẵn.", e.Name)
	case order.OrderCreated:
		created := fmt.Sprintf("Đã tạo đơn hàng %s với %d dòng hàng, phải thu %s. %s", e.Code, len(e.Order.Lines),
			money.Display(e.Order.Totals.Due, e.Order.Currency), assigneeInVietnamese(e.Assignee))
		if e.Reason == order.CreatedWasLive {
			return created + fmt.Sprintf(" Trước đó đơn bị bỏ qua: phiên bản cũ hơn này cho thấy ban đầu đơn không ở trạng thái %s.",
				statusInVietnamese(e.Order.Status))
		}
		return created
	case order.OrderUpdated:
		return fmt.Sprintf("Đã cập nhật đơn hàng %s: %s thay đổi.%s", e.Code, fieldsIn(FieldInVietnamese, e.Changes), updateInVietnamese(e.Reason))
	case order.OrderReassigned:
		switch before, known := assigneeBefore(e.Changes); {
		case !known:
			return fmt.Sprintf("Đơn hàng %s đã được giao cho người thực hiện khác. %s", e.Code, assigneeInVietnamese(e.Assignee))
		case before == "":
			return fmt.Sprintf("Đơn hàng %s trước đó chưa giao cho ai. %s", e.Code, assigneeInVietnamese(e.Assignee))
		default:
			return fmt.Sprintf("Đơn hàng %s trước đó được giao cho %s. %s", e.Code, before, assigneeInVietnamese(e.Assignee))
		}
	case order.OrderUnchanged:
		if e.Reason == order.UnchangedOlder {
			return fmt.Sprintf("Đơn hàng %s giữ nguyên: đây là phiên bản cũ hơn phiên bản đang có.", e.Code)
		}
		return fmt.Sprintf("Đơn hàng %s giữ nguyên: phiên bản này không có gì mới.", e.Code)
	case order.OrderSkipped:
		if e.Reason == order.SkippedOlder {
			return fmt.Sprintf("Đơn hàng %s không được đưa vào: đây là phiên bản cũ hơn của một đơn đã bị bỏ qua.", e.Code)
		}
		return fmt.Sprintf("Đơn hàng %s không được đưa vào: lần đầu nhận được, đơn đã ở trạng thái %s.", e.Code, statusInVietnamese(e.Status))
	case user.UserAdded, user.UserUpdated, user.UserDeactivated, user.UserReactivated, user.StaffMapped, user.StaffUnmapped:
		return userInVietnamese(payload)
	default:
		return workspaceInVietnamese(payload)
	}
}

func userInVietnamese(payload event.Payload) string {
	switch e := payload.(type) {
	case user.UserAdded:
		return fmt.Sprintf("Người dùng %q đã được thêm.", e.User.Name)
	case user.UserUpdated:
		return fmt.Sprintf("Người dùng %q đã được sửa: %s.", e.User.Name, fieldsIn(FieldInVietnamese, e.Changes))
	case user.UserDeactivated:
		return fmt.Sprintf("Người dùng %q đã ngừng hoạt động; đơn hàng mới không giao cho người này nữa.", e.User.Name)
	case user.UserReactivated:
		return fmt.Sprintf("Người dùng %q đã hoạt động lại.", e.User.Name)
	case user.StaffMapped:
		return fmt.Sprintf("Từ nay đơn hàng do %s tạo được giao cho %q.", staffInVietnamese(e.Staff), e.User.Name)
	case user.StaffUnmapped:
		return fmt.Sprintf("Đơn hàng do %s tạo không còn được giao cho %q.", staffInVietnamese(e.Staff), e.User.Name)
	default:
		return payload.EventName() + "."
	}
}

func workspaceInVietnamese(payload event.Payload) string {
	switch e := payload.(type) {
	case workspace.WorkspaceCreated:
		return fmt.Sprintf("Không gian làm việc %q đã được tạo; khách hàng được tìm theo %s.", e.Name, ruleInVietnamese(e.MatchRule))
	case workspace.ShopConnected:
		return fmt.Sprintf("Cửa hàng %s (%s) đã được kết nối, với header %s.", e.Shop.ID, e.Shop.Name, e.Shop.HeaderKey)
	case workspace.ShopUpdated:
		return fmt.Sprintf("Cửa hàng %s (%s) đã được sửa: %s.", e.Shop.ID, e.Shop.Name, settingsInVietnamese(e.Changes))
	case workspace.ShopPaused:
		return fmt.Sprintf("Cửa hàng %s (%s) đã tạm dừng: những gì nhận được sẽ được lưu và chờ.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopResumed:
		return fmt.Sprintf("Cửa hàng %s (%s) đã hoạt động lại: những gì đang chờ được đưa vào.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopKeyRotated:
		if e.PreviousValidUntil.IsZero() {
			return fmt.Sprintf("Cửa hàng %s gửi giá trị mới của header %s; giá trị cũ bị từ chối.", e.Shop.ID, e.Shop.HeaderKey)
		}
		return fmt.Sprintf("Cửa hàng %s gửi giá trị mới của header %s; giá trị cũ còn được nhận đến %s UTC.", e.Shop.ID, e.Shop.HeaderKey,
			e.PreviousValidUntil.UTC().Format("02/01/2006 15:04"))
	case workspace.ShopAPIKeySet:
		return fmt.Sprintf("Cửa hàng %s (%s) đã có khóa API của Pancake: đơn hàng bị mất webhook sẽ được tìm lại.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopAPIKeyRemoved:
		return fmt.Sprintf("Đã xóa khóa API Pancake của cửa hàng %s (%s).", e.Shop.ID, e.Shop.Name)
	case workspace.ShopDisconnected:
		return fmt.Sprintf("Cửa hàng %s đã bị ngắt kết nối.", e.ShopID)
	case workspace.MatchRuleChanged:
		return fmt.Sprintf("Từ nay khách hàng được tìm theo %s, không còn theo %s.", ruleInVietnamese(e.After), ruleInVietnamese(e.Before))
	case workspace.SettingsChanged:
		return fmt.Sprintf("Cài đặt đã thay đổi: %s.", settingsInVietnamese(e.Changes))
	case workspace.WorkspaceHostsChanged:
		return fmt.Sprintf("Từ nay không gian làm việc trả lời tại %s.", strings.Join(e.After, ", "))
	case workspace.WorkspaceDefaultChanged:
		if e.IsDefault {
			return "Từ nay yêu cầu đến các host không thuộc không gian nào sẽ vào không gian này."
		}
		return "Từ nay yêu cầu đến các host không thuộc không gian nào sẽ vào không gian khác."
	case projection.RebuildStarted:
		return rebuildStartedInVietnamese(e)
	case projection.Rebuilt:
		return fmt.Sprintf("Từ nay bảng đọc %s dùng phiên bản %d%s: dựng lại từ nhật ký đến sự kiện #%d trong %s. "+
			"Người đọc phải chờ nhiều nhất %s, và không khóa nào bị giữ lâu hơn %s.", e.Projection, e.Version, insteadOfInVietnamese(e.Switch),
			e.Position, spanInVietnamese(e.TookSeconds), spanInVietnamese(e.ReadersWaitedMS/1000), spanInVietnamese(e.LongestLockMS/1000))
	case projection.RolledBack:
		return fmt.Sprintf("Bảng đọc %s dùng lại phiên bản %d%s, đã theo kịp đến sự kiện #%d. Người đọc phải chờ nhiều nhất %s, và không "+
			"khóa nào bị giữ lâu hơn %s.", e.Projection, e.Version, insteadOfInVietnamese(e.Switch), e.Position,
			spanInVietnamese(e.ReadersWaitedMS/1000), spanInVietnamese(e.LongestLockMS/1000))
	case projection.RebuildCancelled:
		return fmt.Sprintf("Việc dựng lại bảng đọc %s đã bị hủy: phiên bản %d đang ở sự kiện #%d.", e.Projection, e.Version, e.Position)
	case projection.PreviousDropped:
		return fmt.Sprintf("Phiên bản %d trước đây của bảng đọc %s đã bị xóa.", e.Version, e.Projection)
	case projection.EventSkipped:
		return fmt.Sprintf("Bảng đọc %s bỏ qua sự kiện #%d (%s) vì không xử lý được (%s).", e.Projection, e.Position, e.EventType, e.Reason)
	case workspace.TokenCreated:
		return fmt.Sprintf("Token API tên %q đã được tạo, với vai trò %s.", e.Name, e.RoleOrViewer())
	case workspace.TokenRevoked:
		return fmt.Sprintf("Token API tên %q đã bị thu hồi.", e.Name)
	default:
		return accountInVietnamese(payload)
	}
}

func accountInVietnamese(payload event.Payload) string {
	switch e := payload.(type) {
	case workspace.AccountInvited:
		return fmt.Sprintf("Tài khoản %q đã được tạo, với vai trò %s.", e.Name, e.Role)
	case workspace.AccountPasswordSet:
		return fmt.Sprintf("Đã đặt mật khẩu cho tài khoản %q. Các phiên đăng nhập của tài khoản đã kết thúc.", e.Name)
	case workspace.AccountResetIssued:
		return fmt.Sprintf("Đã tạo liên kết để đặt lại mật khẩu cho tài khoản %q.", e.Name)
	case workspace.AccountRoleChanged:
		return fmt.Sprintf("Từ nay tài khoản %q có vai trò %s, không còn là %s.", e.Name, e.After, e.Before)
	case workspace.AccountSessionsEnded:
		return fmt.Sprintf("Mọi phiên đăng nhập của tài khoản %q đã bị kết thúc.", e.Name)
	case workspace.AccountRemoved:
		return fmt.Sprintf("Tài khoản %q đã bị xóa; không ai đăng nhập bằng tài khoản này được nữa.", e.Name)
	case workspace.AccountSignedIn:
		return fmt.Sprintf("Có người đăng nhập bằng tài khoản %q.", e.Name)
	case workspace.AccountLocked:
		return fmt.Sprintf("Tài khoản %q bị khóa đến %s UTC vì nhiều lần liên tiếp nhập sai mật khẩu.", e.Name,
			e.Until.UTC().Format("02/01/2006 15:04"))
	case workspace.ContactRevealed:
		if e.OrderCode != "" {
			return fmt.Sprintf("Tài khoản %q đã xem số điện thoại và email trong đơn hàng %s của khách hàng %s.",
				e.AccountName, e.OrderCode, e.CustomerID)
		}
		return fmt.Sprintf("Tài khoản %q đã xem số điện thoại và email của khách hàng %s.", e.AccountName, e.CustomerID)
	default:
		return payload.EventName() + "."
	}
}

func moveInVietnamese(d customer.Decision, relinked bool) string {
	if d.MovedFrom == uuid.Nil {
		return ""
	}
	if relinked {
		return fmt.Sprintf("Đơn hàng đã được xem lại và được chuyển khỏi khách hàng %s: hôm nay đơn khớp với khách khác. ", d.MovedFrom)
	}
	return fmt.Sprintf("Đơn hàng cho thấy người mua khác trước nên được chuyển khỏi khách hàng %s. ", d.MovedFrom)
}

func updateInVietnamese(reason order.UpdatedReason) string {
	switch reason {
	case order.UpdatedSameVersion:
		return " Cửa hàng đã sửa đơn mà không đổi thời điểm sửa."
	case order.UpdatedRelinked:
		return " Đơn thuộc về khách hàng mà hôm nay sẽ được khớp."
	case order.UpdatedBuyerRevealed:
		return " Đây là phiên bản cũ hơn, nhưng cho biết người mua là ai, điều mà không phiên bản mới hơn nào cho biết."
	default:
		return ""
	}
}

func decisionInVietnamese(d customer.Decision) string {
	rule := "quy tắc tìm theo " + ruleInVietnamese(d.Rule)
	if d.RuleVersion > 0 {
		rule += fmt.Sprintf(" (cài đặt phiên bản %d)", d.RuleVersion)
	}
	switch d.Reason {
	case customer.ReasonOnlyHolder:
		return fmt.Sprintf("%s, và %s thuộc về 1 khách hàng đang hoạt động (%s).", rule, keyInVietnamese(*d.Key), candidatesInVietnamese(d))
	case customer.ReasonOldestHolder:
		return fmt.Sprintf("%s, và %s thuộc về %d khách hàng đang hoạt động (%s); khách hàng lâu nhất được chọn.",
			rule, keyInVietnamese(*d.Key), d.CandidateCount, candidatesInVietnamese(d))
	case customer.ReasonKnownBuyer:
		return fmt.Sprintf("%s, nhưng đơn không có thông tin dùng được; khách %s của cửa hàng %s trước đây đã gắn với khách hàng này (%s).",
			rule, d.BuyerID, d.ShopID, candidatesInVietnamese(d))
	case customer.ReasonNoHolder:
		keys := make([]string, 0, len(d.Tried))
		for _, key := range d.Tried {
			keys = append(keys, keyInVietnamese(key))
		}
		return fmt.Sprintf("%s, và không khách hàng đang hoạt động nào có %s (0 ứng viên).", rule, strings.Join(keys, " hoặc "))
	case customer.ReasonNoUsableKey:
		return rule + ", nhưng đơn không có thông tin dùng được, và người mua chưa được biết từ đơn nào trước (0 ứng viên)."
	default:
		return rule + "."
	}
}

func candidatesInVietnamese(d customer.Decision) string {
	ids := candidateIDs(d)
	switch {
	case ids == "":
		return fmt.Sprintf("%d ứng viên", d.CandidateCount)
	case d.CandidateCount > len(d.Candidates):
		return fmt.Sprintf("%d ứng viên, %d khách lâu nhất: %s", d.CandidateCount, len(d.Candidates), ids)
	case d.CandidateCount > 1:
		return fmt.Sprintf("%d ứng viên, từ lâu nhất: %s", d.CandidateCount, ids)
	default:
		return fmt.Sprintf("%d ứng viên: %s", d.CandidateCount, ids)
	}
}

func ruleInVietnamese(rule customer.MatchRule) string {
	switch rule {
	case customer.MatchByPhone:
		return "số điện thoại"
	case customer.MatchByEmail:
		return "email"
	case customer.MatchByPhoneOrEmail:
		return "số điện thoại rồi đến email"
	default:
		return string(rule)
	}
}

func keyInVietnamese(key contact.Key) string {
	told := narrateKey(key)
	if key.Kind == contact.KindPhone {
		return "số điện thoại" + strings.TrimPrefix(told, "phone")
	}
	return told
}

func assigneeInVietnamese(a order.Assignee) string {
	why := map[order.AssigneeReason]string{
		order.AssignedByCreatorPhone:      "người có số điện thoại của người tạo đơn",
		order.AssignedByCreatorEmail:      "người có email của người tạo đơn",
		order.AssignedByCreatorMapped:     "người được gắn với người tạo đơn",
		order.AssignedByFirstEditorPhone:  "người có số điện thoại của người sửa đơn đầu tiên",
		order.AssignedByFirstEditorEmail:  "người có email của người sửa đơn đầu tiên",
		order.AssignedByFirstEditorMapped: "người được gắn với người sửa đơn đầu tiên",
		order.AssignedByShopDefault:       "người thực hiện mặc định của cửa hàng",
	}[a.Reason]
	if why == "" {
		return "Không giao cho ai: không người dùng nào có số điện thoại hoặc email của người tạo đơn hay được gắn với người đó, " +
			"và cửa hàng không có người thực hiện mặc định."
	}
	return fmt.Sprintf("Giao cho %s, %s.", a.Name, why)
}

func staffInVietnamese(staff user.Staff) string {
	if staff.Name == "" {
		return "nhân viên " + staff.Key + " của cửa hàng"
	}
	return fmt.Sprintf("%s (nhân viên %s của cửa hàng)", staff.Name, staff.Key)
}

func settingsInVietnamese(changes []event.Change) string {
	told := make([]string, 0, len(changes))
	for _, change := range changes {
		told = append(told, fmt.Sprintf("%s từ %s thành %s", FieldInVietnamese(change.Field), change.Before, change.After))
	}
	return strings.Join(told, ", ")
}

func statusInVietnamese(status order.Status) string {
	if name, ok := statusNames[status.Name]; ok {
		return name
	}
	return status.Name
}

// statusNames are what people call the statuses of orders.
var statusNames = map[string]string{
	"new": "mới", "confirmed": "đã xác nhận", "shipped": "đã gửi hàng", "received": "đã nhận", "returning": "đang hoàn", "returned": "đã hoàn",
	"cancelled": "đã hủy", "deleted": "đã xóa", "packaging": "đang đóng hàng", "waiting_for_pickup": "chờ chuyển hàng",
	"webcake_draft": "nháp Webcake", "restocking": "chờ hàng", "waiting_for_printing": "chờ in", "printed": "đã in",
	"partially_returned": "hoàn một phần", "money_collected": "đã thu tiền", "waiting_for_confirmation": "chờ xác nhận",
	"purchased": "đã đặt hàng", "storecake_draft": "nháp Storecake", "unknown": "không rõ",
}

// StateInVietnamese is what people call the state of a timeline's subject.
func StateInVietnamese(state string) string {
	if name, ok := subjectStates[state]; ok {
		return name
	}
	return statusInVietnamese(order.Status{Name: state})
}

// subjectStates are outcomes of deliveries and the states of customers, users, settings and projections.
var subjectStates = map[string]string{
	string(OutcomePending): "đang chờ", string(OutcomeCreated): "đã tạo", string(OutcomeUpdated): "đã cập nhật",
	string(OutcomeUnchanged): "không thay đổi", string(OutcomeSkipped): "đã bỏ qua", string(OutcomeHeld): "đang giữ lại",
	string(OutcomeFailed): "không thành công", string(OutcomeRejected): "bị từ chối",
	"live": "đang theo kịp", "retrying": "đang thử lại", "stopped": "đã dừng", "filling": "đang được dựng",
	"active": "đang hoạt động", "inactive": "ngừng hoạt động", "archived": "đã lưu trữ", "in_force": "đang có hiệu lực",
}

func rebuildStartedInVietnamese(e projection.RebuildStarted) string {
	switch {
	case e.Rollback:
		return fmt.Sprintf("Bảng đọc %s sẽ quay về phiên bản %d trước đây, đang ở sự kiện #%d.", e.Projection, e.Version, e.Position)
	case e.Position > 0:
		return fmt.Sprintf("Tiếp tục dựng lại bảng đọc %s: phiên bản %d đang ở sự kiện #%d.", e.Projection, e.Version, e.Position)
	default:
		return fmt.Sprintf("Bắt đầu dựng lại bảng đọc %s: phiên bản %d được dựng từ nhật ký.", e.Projection, e.Version)
	}
}

func insteadOfInVietnamese(e projection.Switch) string {
	if e.PreviousVersion == 0 {
		return ""
	}
	return fmt.Sprintf(" thay cho phiên bản %d", e.PreviousVersion)
}

func spanInVietnamese(seconds float64) string {
	if seconds < 1 {
		return strings.Replace(fmt.Sprintf("%.1f ms", seconds*1000), ".", ",", 1)
	}
	return strings.Replace(fmt.Sprintf("%.1f giây", seconds), ".", ",", 1)
}
