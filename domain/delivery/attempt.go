package delivery

// AttemptReason is why a call of the webhook was not taken that the log holds nothing of.
type AttemptReason string

// The reasons. They are stored data.
const (
	// AttemptHeaderMissing: the header of no connected shop was sent.
	AttemptHeaderMissing AttemptReason = "header-missing"
	// AttemptHeaderWrong: the header of a connected shop was sent, with a value that no shop has.
	AttemptHeaderWrong AttemptReason = "header-wrong"
	// AttemptOtherData: a connected shop sent something else than an order.
	AttemptOtherData AttemptReason = "other-data"
)

// Attempt is a way in which a call of the webhook was not taken. It holds nothing that the caller made up.
type Attempt struct {
	Reason AttemptReason
	// HeaderKey is the name of a header that connected shops send; empty unless it had a wrong value.
	HeaderKey string
	// ShopID is the connected shop that sent something else; otherwise it is not known.
	ShopID string
}
