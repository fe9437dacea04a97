package query

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
)

// Overview tells what goes on just now, in time that does not depend on how much there is. It is implemented by adapters/postgres.
type Overview interface {
	// Today tells of a day of the workspace's calendar.
	Today(ctx context.Context, workspaceID uuid.UUID, day Day) (Today, error)
	// DeliveriesByMinute are the minutes since then in which deliveries arrived, the earliest first.
	DeliveriesByMinute(ctx context.Context, workspaceID uuid.UUID, since time.Time) ([]MinuteCount, error)
	// ProcessingTimes tells how long it took to decide what becomes of deliveries that arrived since then.
	ProcessingTimes(ctx context.Context, workspaceID uuid.UUID, since time.Time) (ProcessingTimes, error)
	// CustomersMet are the customers that deliveries of a day found, in the one way or the other, the latest first.
	CustomersMet(ctx context.Context, workspaceID uuid.UUID, how CustomerFound, day Day, page Page) (List[CustomerMet], error)
}

// Day is a day of a calendar.
type Day struct {
	// Date is its name, as 2025-09-15; Begin its first moment, End the one behind its last.
	Date       string
	Begin, End time.Time
}

// DayOf is the day that a moment belongs to in a zone.
func DayOf(at time.Time, zone *time.Location) Day {
	year, month, day := at.In(zone).Date()
	begin := time.Date(year, month, day, 0, 0, 0, 0, zone)
	return Day{Date: begin.Format(time.DateOnly), Begin: begin, End: time.Date(year, month, day+1, 0, 0, 0, 0, zone)}
}

// Today is what happened on a day.
type Today struct {
	// Sales are those of orders that were placed on the day, by currency, most orders first; nil while they are not known.
	Sales []Sales
	// Received are the deliveries of the day.
	Received int64
	// CustomersCreated and CustomersMatched are how often deliveries of the day found no customer, and one.
	CustomersCreated, CustomersMatched int64
	// LastDeliveries are the last of each shop, by its id, of whatever day. A shop that has none is left out.
	LastDeliveries map[string]LastDelivery
}

// Sales are what was sold in a currency.
type Sales struct {
	Currency string
	// Orders are those that are neither cancelled nor deleted, Goods what their goods come to, in whole units of the currency.
	Orders, Goods int64
	// Cancelled are the orders that are cancelled or deleted.
	Cancelled int64
}

// LastDelivery is the last one that a shop sent.
type LastDelivery struct {
	ID         uuid.UUID
	ReceivedAt time.Time
}

// MinuteCount is how many deliveries arrived in a minute.
type MinuteCount struct {
	Minute   time.Time
	Received int64
}

// ProcessingTimes is how long it took to decide what becomes of deliveries, from when they arrived. Of each minute the last
// MaxTimed deliveries are looked at.
type ProcessingTimes struct {
	Minutes []MinuteTimes
	// All is of all minutes together; nil when nothing was decided.
	All *Percentiles
}

// MaxTimed is how many deliveries of a minute are looked at.
const MaxTimed = 100

// MinuteTimes is how long the deliveries of a minute took.
type MinuteTimes struct {
	Percentiles

	Minute time.Time
}

// Percentiles are the milliseconds within which half of all took place, and 95 in a hundred.
type Percentiles struct{ P50, P95 float64 }

// CustomerFound is how a delivery found its order's customer.
type CustomerFound string

// A customer was made, or was there.
const (
	CustomerCreated CustomerFound = "created"
	CustomerMatched CustomerFound = "matched"
)

// CustomerMet is a customer whom a delivery found.
type CustomerMet struct {
	DeliveryID uuid.UUID
	ReceivedAt time.Time
	OrderCode  string
	CustomerID uuid.UUID
	Name       string
	Phone      *string
}

// Masked is the customer as those see them who may not know phones and emails.
func (c CustomerMet) Masked() CustomerMet {
	c.Name, c.Phone = contact.MaskWithin(c.Name), maskKey(contact.KindPhone, c.Phone)
	return c
}
