package query

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
)

// Maskable are records that can be shown to those who may not know phones and emails. Masked returns a copy without any,
// wherever somebody wrote them; codes, ids, amounts and times stay whole. A record that embeds another one says so
// itself: the other one's method returns something else, and does not make it maskable.
type Maskable[T any] interface{ Masked() T }

// MaskedList is the list with every record masked.
func MaskedList[T Maskable[T]](list List[T]) List[T] {
	return List[T]{Items: maskEach(list.Items, T.Masked), NextCursor: list.NextCursor}
}

// Masked is the customer as those see them who may not know phones and emails.
func (c Customer) Masked() Customer {
	c.Name, c.Address, c.Note = contact.MaskWithin(c.Name), maskText(c.Address), maskText(c.Note)
	c.Phones, c.Emails = maskKeys(contact.KindPhone, c.Phones), maskKeys(contact.KindEmail, c.Emails)
	c.Tags = maskEach(c.Tags, contact.MaskWithin)
	return c
}

// Masked is the shared key as those see it who may not know phones and emails.
func (d Duplicate) Masked() Duplicate {
	d.Key.Value = d.Key.Masked()
	d.Customers = maskEach(d.Customers, func(one Reference) Reference { return *one.masked() })
	return d
}

// Masked is the order as those see it who may not know phones and emails.
func (o Order) Masked() Order {
	o.Customer = o.Customer.masked()
	o.Assignee = o.Assignee.masked()
	return o
}

// Masked is the order as those see it who may not know phones and emails.
func (o OrderDetail) Masked() OrderDetail {
	o.Order = o.Order.Masked()
	o.Tags, o.Note = maskEach(o.Tags, contact.MaskWithin), maskText(o.Note)
	o.Buyer, o.Shipping = o.Buyer.masked(), o.Shipping.masked()
	o.Creator, o.FirstEditor = o.Creator.masked(), o.FirstEditor.masked()
	o.StatusHistory, o.History = maskEach(o.StatusHistory, StatusChange.masked), maskEach(o.History, OrderEvent.masked)
	return o
}

func (c OrderCustomer) masked() OrderCustomer {
	c.Name = contact.MaskWithin(c.Name)
	c.Phone, c.Email = maskKey(contact.KindPhone, c.Phone), maskKey(contact.KindEmail, c.Email)
	return c
}

func (b OrderBuyer) masked() OrderBuyer {
	b.Name, b.Address = contact.MaskWithin(b.Name), maskText(b.Address)
	b.Phones, b.Emails = maskKeys(contact.KindPhone, b.Phones), maskKeys(contact.KindEmail, b.Emails)
	b.Tags = maskEach(b.Tags, contact.MaskWithin)
	if b.ExternalID != nil {
		b.ExternalID = new(maskID(*b.ExternalID))
	}
	b.FacebookID, b.Username = maskText(b.FacebookID), maskText(b.Username) // some channels call people by their phones
	return b
}

func (s OrderShipping) masked() OrderShipping {
	s.ReceiverName, s.Address = maskText(s.ReceiverName), maskText(s.Address)
	if s.ReceiverPhone != nil { // as it was typed, when it could not be read
		s.ReceiverPhone = new(maskValue(*s.ReceiverPhone))
	}
	return s
}

func (s *ShopStaff) masked() *ShopStaff {
	if s == nil {
		return nil
	}
	return &ShopStaff{
		Key: maskID(s.Key), Name: maskText(s.Name),
		Phone: maskKey(contact.KindPhone, s.Phone), Email: maskKey(contact.KindEmail, s.Email),
	}
}

func (c StatusChange) masked() StatusChange {
	c.Editor = maskText(c.Editor)
	return c
}

func (e OrderEvent) masked() OrderEvent {
	e.Actor = event.Actor(contact.MaskWithin(string(e.Actor))) // a token may be named after somebody
	personal := order.OrderUpdated{}.PersonalFields()
	e.Changes = maskEach(e.Changes, func(change order.Change) order.Change { return maskChange(change, personal) })
	return e
}

func (r *Reference) masked() *Reference {
	if r == nil {
		return nil
	}
	return &Reference{ID: r.ID, Name: contact.MaskWithin(r.Name)}
}

// Masked is the user as those see them who may not know phones and emails.
func (u User) Masked() User {
	u.Name = contact.MaskWithin(u.Name)
	u.Phone, u.Email = maskKey(contact.KindPhone, u.Phone), maskKey(contact.KindEmail, u.Email)
	return u
}

// Masked is the user as those see them who may not know phones and emails.
func (u UserDetail) Masked() UserDetail {
	u.User = u.User.Masked()
	u.Staff = maskEach(u.Staff, func(s Staff) Staff { return Staff{Key: maskID(s.Key), Name: maskText(s.Name)} })
	return u
}

// Masked is the list as those see it who may not know phones and emails.
func (l UnmappedStaffList) Masked() UnmappedStaffList {
	l.Items = maskEach(l.Items, UnmappedStaff.masked)
	return l
}

func (s UnmappedStaff) masked() UnmappedStaff {
	s.Key, s.Name = maskID(s.Key), maskText(s.Name)
	s.Phone, s.Email = maskKey(contact.KindPhone, s.Phone), maskKey(contact.KindEmail, s.Email)
	return s
}

// Masked is the shop as those see it who may not know phones and emails.
func (s Shop) Masked() Shop {
	if s.Name != s.ID { // an unnamed shop is called by its id
		s.Name = contact.MaskWithin(s.Name)
	}
	s.DefaultAssignee = s.DefaultAssignee.masked()
	return s
}

// Masked is the delivery as those see it who may not know phones and emails.
func (d DeliveryDetail) Masked() DeliveryDetail {
	d.Steps = maskEach(d.Steps, Step.Masked)
	return d
}

func maskKeys(kind contact.KeyKind, values []string) []string {
	return maskEach(values, func(value string) string { return contact.Key{Kind: kind, Value: value}.Masked() })
}

func maskKey(kind contact.KeyKind, value *string) *string {
	if value == nil {
		return nil
	}
	return new(contact.Key{Kind: kind, Value: *value}.Masked())
}

func maskText(text *string) *string {
	if text == nil {
		return nil
	}
	return new(contact.MaskWithin(*text))
}

// maskID masks a shop's id of a person where that is a phone or an email, or where a name stands for it. Other ids say
// nothing about a person.
func maskID(id string) string {
	if name, named := strings.CutPrefix(id, order.NamedStaff); named {
		prefix := order.NamedStaff
		if shopID, of, found := strings.Cut(name, ":"); found {
			prefix, name = prefix+shopID+":", of
		}
		return prefix + contact.MaskWithin(name)
	}
	if key, ok := keyOf(id); ok {
		return key.Masked()
	}
	return id
}

// maskValue masks a text of which nothing else is known: it may be a phone or an email in its one spelling, or one of our
// own ids and times, which stay whole.
func maskValue(text string) string {
	if key, ok := keyOf(text); ok && key.Value == text {
		return key.Masked()
	}
	if isOwnID(text) || isOwnTime(text) {
		return text
	}
	return contact.MaskWithin(text)
}

// keyOf reads a text that is a phone or an email and nothing else.
func keyOf(text string) (contact.Key, bool) {
	if email, err := contact.ParseEmail(text); err == nil {
		return contact.Key{Kind: contact.KindEmail, Value: email.String()}, true
	}
	if phone, err := contact.ParsePhone(text); err == nil {
		return contact.Key{Kind: contact.KindPhone, Value: phone.E164()}, true
	}
	return contact.Key{}, false
}

func isOwnID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

func isOwnTime(text string) bool {
	at, err := time.Parse(time.RFC3339, text)
	return err == nil && at.Truncate(time.Microsecond).Format(time.RFC3339Nano) == text
}

func maskEach[T any](list []T, mask func(T) T) []T {
	masked := make([]T, 0, len(list))
	for _, item := range list {
		masked = append(masked, mask(item))
	}
	return masked
}
