package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/user"
)

// User returns one user, with the members of shops' staff who they are.
func (r ReadModel) User(ctx context.Context, workspaceID, id uuid.UUID) (query.UserDetail, error) {
	row, err := queries.User(ctx, r.db.requests, dbsqlc.UserParams{WorkspaceID: workspaceID, ID: id})
	if err != nil {
		return query.UserDetail{}, found(err, user.ErrUnknown)
	}
	staff, err := queries.StaffOfUser(ctx, r.db.requests, dbsqlc.StaffOfUserParams{WorkspaceID: workspaceID, UserID: id})
	if err != nil {
		return query.UserDetail{}, unavailable(err)
	}
	detail := query.UserDetail{User: userOf(row), Staff: make([]query.Staff, 0, len(staff)), Version: int(row.Version)}
	for _, mapped := range staff {
		detail.Staff = append(detail.Staff, query.Staff{Key: mapped.StaffKey, Name: mapped.Name})
	}
	return detail, nil
}

// Users returns a part of the list of staff, the last to be added first.
func (r ReadModel) Users(ctx context.Context, workspaceID uuid.UUID, filter query.UserFilter, page query.Page) (query.List[query.User], error) {
	rows, err := queries.UsersPage(ctx, r.db.requests, dbsqlc.UsersPageParams{
		WorkspaceID: workspaceID, Before: before(page), Active: filter.Active,
		Sought:      norm.NFC.String(strings.ToLower(strings.TrimSpace(filter.Text))),
		SoughtPhone: soughtPhone(filter.Text), WholeContacts: filter.WholeContacts, AtMost: atMost(page),
	})
	if err != nil {
		return query.List[query.User]{}, unavailable(err)
	}
	return listOf(rows, page, func(row dbsqlc.CrmUser) int64 { return row.CreatedPosition }, userOf), nil
}

// soughtPhone is a text as a part of a phone in E.164; empty when it can be none.
func soughtPhone(text string) string {
	if phone, err := contact.ParsePhone(text); err == nil {
		return phone.E164()
	}
	digits := strings.NewReplacer(" ", "", ".", "", "-", "").Replace(text)
	if strings.Trim(strings.TrimPrefix(digits, "+"), "0123456789") != "" {
		return ""
	}
	return strings.TrimPrefix(digits, "0") // E.164 has the country's code there
}

func userOf(row dbsqlc.CrmUser) query.User {
	return query.User{ID: row.ID, Name: row.Name, Phone: row.Phone, Email: row.Email, Active: row.Active}
}

// UnmappedStaff lists the members of shops' staff whom no user is and who made orders, those with most orders first.
func (r ReadModel) UnmappedStaff(ctx context.Context, workspaceID uuid.UUID, limit int) (query.UnmappedStaffList, error) {
	rows, err := queries.UnmappedStaff(ctx, r.db.requests, dbsqlc.UnmappedStaffParams{
		WorkspaceID: workspaceID, AtMostCounted: query.MaxCountedOrders + 1, Samples: query.MaxSampleOrders,
		AtMost: int32(limit), //nolint:gosec // at most query.MaxLimit
	})
	if err != nil {
		return query.UnmappedStaffList{}, unavailable(err)
	}
	list := query.UnmappedStaffList{Items: make([]query.UnmappedStaff, 0, len(rows))}
	for _, row := range rows {
		list.Total = int(row.Total)
		list.Items = append(list.Items, query.UnmappedStaff{
			Key: valueOf(row.StaffKey), Name: query.OrNull(row.Name), Phone: query.OrNull(row.Phone), Email: query.OrNull(row.Email),
			Orders: min(int(row.Orders), query.MaxCountedOrders), MoreOrders: row.Orders > query.MaxCountedOrders,
			OldestAt: row.Oldest.In(time.UTC).Truncate(time.Second), NewestAt: row.Newest.In(time.UTC).Truncate(time.Second),
			SampleOrders: row.Codes,
		})
	}
	return list, nil
}
