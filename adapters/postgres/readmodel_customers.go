package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
)

// Customer returns one customer.
func (r ReadModel) Customer(ctx context.Context, workspaceID, id uuid.UUID) (query.Customer, error) {
	row, err := queries.Customer(ctx, r.db.requests, dbsqlc.CustomerParams{WorkspaceID: workspaceID, ID: id})
	if err != nil {
		return query.Customer{}, found(err, errCustomerUnknown)
	}
	return customerOf(dbsqlc.CustomersPageRow(row)), nil
}

// Customers returns a part of the list of customers, the last to be created first.
func (r ReadModel) Customers(
	ctx context.Context, workspaceID uuid.UUID, filter query.CustomerFilter, page query.Page,
) (query.List[query.Customer], error) {
	search := filter.Search
	if search.Given && search.Phone == "" && search.Email == "" && search.Words == "" {
		return query.List[query.Customer]{Items: []query.Customer{}}, nil
	}
	rows, err := queries.CustomersPage(ctx, r.db.requests, dbsqlc.CustomersPageParams{
		WorkspaceID: workspaceID, Before: before(page), AtMost: atMost(page),
		Phones: givenOf(filter.Phone, search.Phone), Emails: givenOf(filter.Email, search.Email), Tag: filter.Tag,
		Status: filter.Status, Words: prefixQuery(search.Words),
	})
	if err != nil {
		return query.List[query.Customer]{}, unavailable(err)
	}
	return listOf(rows, page, func(row dbsqlc.CustomersPageRow) int64 { return row.CreatedPosition }, customerOf), nil
}

func customerOf(row dbsqlc.CustomersPageRow) query.Customer {
	return query.Customer{
		ID: row.ID, Name: row.Name, Phones: row.Phones, Emails: row.Emails, Address: row.Address, Gender: row.Gender,
		Birthday: row.Birthday, Tags: row.Tags, Note: row.Note, Status: row.Status, MergedInto: idOrNull(row.MergedInto),
		CreatedAt: row.CreatedAt.In(time.UTC), Version: int(row.Version),
	}
}

func idOrNull(id uuid.NullUUID) *uuid.UUID {
	if !id.Valid {
		return nil
	}
	return &id.UUID
}

// prefixQuery asks a text search for all of some words, each as the beginning of one. The words hold no punctuation, so
// none of them can end its quotation.
func prefixQuery(words string) string {
	var terms []string
	for word := range strings.FieldsSeq(words) {
		terms = append(terms, "'"+word+"':*")
	}
	return strings.Join(terms, " & ")
}

func givenOf(values ...string) []string {
	given := []string{}
	for _, value := range values {
		if value != "" {
			given = append(given, value)
		}
	}
	return given
}
