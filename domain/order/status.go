package order

import (
	"strconv"

	"orderbridge/domain/problem"
)

// Status is where an order stands in its shop: the shop's code, and a name of ours for it.
type Status struct {
	Code int    `json:"code"`
	Name string `json:"name"`
}

const (
	statusCancelled = 6
	statusDeleted   = 7

	// statusUnknown names every code that we have no word for. The code itself is kept.
	statusUnknown = "unknown"
)

// statusNames are stored data: a name never changes. Pancake's own slugs are not used, as they are neither complete
// nor certain (pancake-orders.md §3).
var statusNames = map[int]string{
	0:               "new",
	1:               "confirmed",
	2:               "shipped",
	3:               "received",
	4:               "returning",
	5:               "returned",
	statusCancelled: "cancelled",
	statusDeleted:   "deleted",
	8:               "packaging",
	9:               "waiting_for_pickup",
	10:              "webcake_draft",
	11:              "restocking",
	12:              "waiting_for_printing",
	13:              "printed",
	15:              "partially_returned",
	16:              "money_collected",
	17:              "waiting_for_confirmation",
	20:              "purchased",
	21:              "storecake_draft",
}

// NewStatus names a shop's code. A code that nobody documented is kept, as "unknown": an order must not be lost for it.
func NewStatus(code int) Status {
	name, known := statusNames[code]
	if !known {
		name = statusUnknown
	}
	return Status{Code: code, Name: name}
}

// ParseStatus reads a status from what somebody typed: a shop's code, or a name of ours. The name "unknown" alone stands
// for every code without a name, and has the code 0 then.
func ParseStatus(raw string) (Status, error) {
	if code, err := strconv.ParseInt(raw, 10, 16); err == nil {
		return NewStatus(int(code)), nil
	}
	for code, name := range statusNames {
		if name == raw {
			return Status{Code: code, Name: name}, nil
		}
	}
	if raw == statusUnknown {
		return Status{Name: statusUnknown}, nil
	}
	return Status{}, problem.Invalid("status-unknown", "a status is Pancake's number for it, or a name such as new, confirmed, shipped or cancelled")
}

// IsKnown tells that the code has a name.
func (s Status) IsKnown() bool { _, known := statusNames[s.Code]; return known }

// IsCancelled tells that the shop cancelled the order.
func (s Status) IsCancelled() bool { return s.Code == statusCancelled }

// IsDeleted tells that the shop deleted the order.
func (s Status) IsDeleted() bool { return s.Code == statusDeleted }
