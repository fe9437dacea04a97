package query

import (
	"time"

	"orderbridge/domain/customer"
)

// Records as the read tables will show them, from what a command left behind. Times are as exact as the database, which
// rounds them.

// CustomerOf is a customer's state at a version.
func CustomerOf(state customer.State, version int) Customer {
	return Customer{
		ID: state.ID, Name: state.Name, Phones: orEmpty(state.Phones), Emails: orEmpty(state.Emails),
		Address: OrNull(state.Address), Gender: OrNull(state.Gender), Birthday: OrNull(state.Birthday), Tags: orEmpty(state.Tags),
		Note: OrNull(state.Note), Status: string(state.Status), CreatedAt: state.CreatedAt.UTC().Round(time.Microsecond), Version: version,
	}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// OrNull is a text, or nil for an empty one.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// FirstOrNull is the first of some texts, or nil when there are none.
func FirstOrNull(texts []string) *string {
	if len(texts) == 0 {
		return nil
	}
	return &texts[0]
}
