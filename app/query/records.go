package query

import (
	"time"

	"orderbridge/domain/customer"
)

// Records as the read tables will show them, from what a command left behind. Times are as exact as the database.

// CustomerOf is a customer's state.
func CustomerOf(state customer.State) Customer {
	return Customer{
		ID: state.ID, Name: state.Name, Phones: orEmpty(state.Phones), Emails: orEmpty(state.Emails),
		Address: orNull(state.Address), Gender: orNull(state.Gender), Birthday: orNull(state.Birthday), Tags: orEmpty(state.Tags),
		Status: string(state.Status), CreatedAt: state.CreatedAt.UTC().Truncate(time.Microsecond),
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
