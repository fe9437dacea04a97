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
		Address: orNull(state.Address), Gender: orNull(state.Gender), Birthday: orNull(state.Birthday), Tags: orEmpty(state.Tags),
		Note: orNull(state.Note), Status: string(state.Status), CreatedAt: state.CreatedAt.UTC().Round(time.Microsecond), Version: version,
	}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
