package pancake

import (
	"slices"
	"strings"

	"orderbridge/domain/contact"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// namelessBuyer is what a buyer is called of whom nothing is known.
const namelessBuyer = "Khách hàng Pancake"

// buyer reads who bought (§4, §8). Marketplaces may leave the customer out; then what stands on the order is all.
func buyer(wire *wireOrder) order.Buyer {
	customer := &wire.Customer.value

	var phones, emails contacts
	phones.addPhone(wire.BillPhoneNumber)
	if len(phones.usable) == 0 {
		// Only then: on a gift it is the receiver's.
		phones.addPhone(wire.ShippingAddress.value.PhoneNumber)
	}
	for _, phone := range customer.PhoneNumbers.values {
		phones.addPhone(phone)
	}
	emails.addEmail(wire.BillEmail)
	for _, email := range customer.Emails.values {
		emails.addEmail(email)
	}

	where := address(&wire.ShippingAddress.value)
	if where == "" && len(customer.Addresses.values) > 0 {
		where = address(&customer.Addresses.values[0].value)
	}

	bought := order.Buyer{
		Phones:     phones.usable,
		Emails:     emails.usable,
		Address:    where,
		Birthday:   firstOf(customer.DateOfBirth.date(), customer.Birthday.date()),
		Tags:       tags(customer.Tags),
		ExternalID: customer.ID.line(maxCode),
		FacebookID: customer.FacebookID.line(maxCode),
		Username:   customer.Username.line(maxName),
		Masked:     phones.masked || emails.masked,
	}
	switch gender := strings.ToLower(customer.Gender.line(maxShort)); gender {
	case "male", "female":
		bought.Gender = gender
	}
	bought.Name = buyerName(wire, bought)
	return bought
}

// buyerName is the name on the bill. When that one is masked and the shop's customer has a clear one, it is the clear
// one: both name the same person.
func buyerName(wire *wireOrder, bought order.Buyer) string {
	bill, known := wire.BillFullName.line(maxName), wire.Customer.value.Name.line(maxName)
	if isMaskedName(bill) && known != "" && !isMaskedName(known) {
		return known
	}
	name := firstOf(bill, known, wire.ShippingAddress.value.FullName.line(maxName))
	if name == "" && len(bought.Phones) > 0 {
		if phone, err := contact.ParsePhone(bought.Phones[0]); err == nil {
			return phone.Local()
		}
	}
	if name == "" && len(bought.Emails) > 0 {
		return bought.Emails[0]
	}
	return firstOf(name, namelessBuyer)
}

func isMaskedName(name string) bool { return strings.Contains(name, "**") }

// contacts are the usable ones of what was given, in that order and each once, and whether any was masked.
type contacts struct {
	usable []string
	masked bool
}

func (c *contacts) addPhone(value scalar) {
	if value.isNothing() {
		return
	}
	phones, err := contact.ParsePhones(value.text)
	for _, phone := range phones {
		c.add(phone.E164())
	}
	c.note(err)
}

func (c *contacts) addEmail(value scalar) {
	if value.isNothing() {
		return
	}
	email, err := contact.ParseEmail(value.text)
	if err == nil {
		c.add(email.String())
	}
	c.note(err)
}

func (c *contacts) add(text string) {
	if len(c.usable) < maxContacts && !slices.Contains(c.usable, text) {
		c.usable = append(c.usable, text)
	}
}

// note remembers of what was not usable whether it was masked.
func (c *contacts) note(err error) {
	if found, ok := problem.Of(err); ok && strings.HasSuffix(found.Code(), "-masked") {
		c.masked = true
	}
}

// phoneForDisplay is a number that nobody is matched on: E.164 when it can be read, else as it was typed (§9.1), also
// when it is masked.
func phoneForDisplay(value scalar) string {
	if phone, err := contact.ParsePhone(value.text); err == nil {
		return phone.E164()
	}
	return value.line(maxShort)
}

// address is one line of text (§4.3). Vietnam has had two levels of administration instead of three since July 2025;
// addresses entered in two levels say so.
func address(value *wireAddress) string {
	const twoLevels = "new"
	if value.RenderType.line(maxShort) == twoLevels {
		if full := value.NewFullAddress.line(maxAddress); full != "" {
			return full
		}
	}
	if full := value.FullAddress.line(maxAddress); full != "" {
		return full
	}
	var parts []string
	for _, part := range []string{
		value.Address.line(maxAddress),
		firstOf(value.CommuneName.line(maxAddress), value.CommnueName.line(maxAddress)),
		value.DistrictName.line(maxAddress), value.ProvinceName.line(maxAddress),
	} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return cut(strings.Join(parts, ", "), maxAddress)
}

// person reads a member of the shop's staff; only usable phones and emails, and those are rare (§7.1).
func person(value object[wirePerson]) order.Person {
	staff := &value.value
	var phones, emails contacts
	phones.addPhone(staff.PhoneNumber)
	emails.addEmail(staff.Email)
	return order.Person{
		ExternalID: staff.ID.line(maxCode),
		Name:       staff.Name.line(maxName),
		Phone:      firstOf(phones.usable...),
		Email:      firstOf(emails.usable...),
	}
}

// firstEditor is who made the first entry of the status history (§7.6).
func firstEditor(history list[object[wireStatusHistory]]) order.Person {
	if len(history.values) == 0 {
		return order.Person{}
	}
	return person(history.values[0].value.Editor)
}

// tags are names, each once; a tag that only has an id is named by it.
func tags(values list[tag]) []string {
	var names []string
	for _, value := range values.values {
		if value.name != "" && len(names) < maxTags && !slices.Contains(names, value.name) {
			names = append(names, value.name)
		}
	}
	return names
}
