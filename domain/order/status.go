package order

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

// IsKnown tells that the code has a name.
func (s Status) IsKnown() bool { _, known := statusNames[s.Code]; return known }

// IsCancelled tells that the shop cancelled the order.
func (s Status) IsCancelled() bool { return s.Code == statusCancelled }

// IsDeleted tells that the shop deleted the order.
func (s Status) IsDeleted() bool { return s.Code == statusDeleted }
