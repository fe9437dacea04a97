package spreadsheet

// How a text is kept from being taken for a formula, and taken back.
var (
	Harmless = harmless
	Unmarked = unmarked
)
