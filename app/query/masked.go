package query

import "orderbridge/domain/contact"

// Records as those see them who may not know phones and emails. Each says so itself, in a method Masked that returns a
// record of the same type.

// Masked masks every record that can be.
func (l List[T]) Masked() List[T] {
	items := make([]T, 0, len(l.Items))
	for _, item := range l.Items {
		if maskable, ok := any(item).(interface{ Masked() T }); ok {
			item = maskable.Masked()
		}
		items = append(items, item)
	}
	return List[T]{Items: items, NextCursor: l.NextCursor}
}

// Masked is the customer without phones and emails, and without those that somebody wrote elsewhere.
func (c Customer) Masked() Customer {
	c.Name, c.Address, c.Note = contact.MaskWithin(c.Name), maskText(c.Address), maskText(c.Note)
	c.Phones, c.Emails, c.Tags = maskKeys(contact.KindPhone, c.Phones), maskKeys(contact.KindEmail, c.Emails), maskTexts(c.Tags)
	return c
}

func maskKeys(kind contact.KeyKind, values []string) []string {
	masked := make([]string, 0, len(values))
	for _, value := range values {
		masked = append(masked, contact.Key{Kind: kind, Value: value}.Masked())
	}
	return masked
}

func maskTexts(texts []string) []string {
	masked := make([]string, 0, len(texts))
	for _, text := range texts {
		masked = append(masked, contact.MaskWithin(text))
	}
	return masked
}

func maskText(text *string) *string {
	if text == nil {
		return nil
	}
	masked := contact.MaskWithin(*text)
	return &masked
}
