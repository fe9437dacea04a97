package customer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// How many of each a customer has at most.
const (
	maxPhones = 20
	maxEmails = 20
	maxTags   = 50
)

// genders are those that an operator may enter. They are stored data.
var genders = []string{"male", "female", "other"}

const (
	// earliestBirthday is before anybody was born who buys today.
	earliestBirthday = "1900-01-01"
	// earliestZone is how far the day is ahead of UTC where it begins first: who is born today there is not born tomorrow.
	earliestZone = 14 * time.Hour
)

// Details are what an operator enters of a customer who is new.
type Details struct {
	Name     string   `json:"name"`
	Phones   []string `json:"phones"`
	Emails   []string `json:"emails"`
	Address  string   `json:"address"`
	Gender   string   `json:"gender"`
	Birthday string   `json:"birthday"`
	Tags     []string `json:"tags"`
	Note     string   `json:"note"`
	// Status is active when it is empty.
	Status Status `json:"status"`
}

// Edit is what an operator changes of a customer. What is nil stays as it is; an empty text or list takes away what was
// there, save that everybody has a name.
type Edit struct {
	Name     *string   `json:"name"`
	Phones   *[]string `json:"phones"`
	Emails   *[]string `json:"emails"`
	Address  *string   `json:"address"`
	Gender   *string   `json:"gender"`
	Birthday *string   `json:"birthday"`
	Tags     *[]string `json:"tags"`
	Note     *string   `json:"note"`
}

// Import makes a customer of what an operator entered. All invalid fields are reported at once.
func Import(id uuid.UUID, details Details, origin string, now time.Time) (*Customer, error) {
	state := State{ID: id, Status: details.Status, CreatedAt: now.UTC().Truncate(time.Microsecond)} // as exact as a database
	invalid := Edit{
		Name: &details.Name, Phones: &details.Phones, Emails: &details.Emails, Address: &details.Address,
		Gender: &details.Gender, Birthday: &details.Birthday, Tags: &details.Tags, Note: &details.Note,
	}.enter(&state, now)
	switch state.Status {
	case "":
		state.Status = StatusActive
	case StatusActive, StatusArchived:
	default:
		invalid = append(invalid, problem.Field{Path: "status", Message: `a status is "active" or "archived"`})
	}
	if len(invalid) > 0 {
		return nil, problem.InvalidFields(codeInvalid, invalid...)
	}
	c := &Customer{}
	c.record(CustomerImported{Customer: state, Origin: origin})
	return c, nil
}

// FromFile makes a customer of a row of an import, of whom the state was made by Import when the file was checked.
func FromFile(id uuid.UUID, checked State, origin string, importID uuid.UUID, line int, now time.Time) *Customer {
	checked.ID, checked.CreatedAt = id, now.UTC().Truncate(time.Microsecond)
	c := &Customer{}
	c.record(CustomerImported{Customer: checked, Origin: origin, ImportID: importID, Line: line})
	return c
}

const codeInvalid = "customer-invalid"

// Edit changes what the CRM has of the customer, archived ones too. All invalid fields are reported at once, and then
// nothing is changed. An edit that changes nothing says nothing new.
func (c *Customer) Edit(edit Edit, now time.Time) error {
	if c.state.Status == StatusMerged {
		return errMergedInto(c.mergedInto)
	}
	state := c.state
	if invalid := edit.enter(&state, now); len(invalid) > 0 {
		return problem.InvalidFields(codeInvalid, invalid...)
	}
	if changes := changesOf(c.state, state); len(changes) > 0 {
		c.record(CustomerUpdated{Customer: state, Changes: changes})
	}
	return nil
}

// enter puts what was entered into a state, and tells what of it is invalid.
func (e Edit) enter(state *State, now time.Time) []problem.Field {
	var check fields
	if e.Name != nil {
		state.Name = check.text("name", *e.Name, contact.ParseName)
	}
	if e.Phones != nil {
		state.Phones = check.list("phones", *e.Phones, maxPhones, parsePhones)
	}
	if e.Emails != nil {
		state.Emails = check.list("emails", *e.Emails, maxEmails, one(func(raw string) (string, error) {
			email, err := contact.ParseEmail(raw)
			return email.String(), err
		}))
	}
	if e.Address != nil {
		state.Address = check.optional("address", *e.Address, contact.ParseAddress)
	}
	if e.Gender != nil {
		state.Gender = check.optional("gender", *e.Gender, parseGender)
	}
	if e.Birthday != nil {
		state.Birthday = check.optional("birthday", *e.Birthday, func(raw string) (string, error) { return parseBirthday(raw, now) })
	}
	if e.Tags != nil {
		state.Tags = check.list("tags", *e.Tags, maxTags, one(contact.ParseTag))
	}
	if e.Note != nil {
		state.Note = check.text("note", *e.Note, contact.ParseNote)
	}
	return check.invalid
}

// parsePhones reads an entry, which may hold several phones.
func parsePhones(raw string) ([]string, error) {
	phones, err := contact.ParsePhones(raw)
	e164 := make([]string, 0, len(phones))
	for _, phone := range phones {
		e164 = append(e164, phone.E164())
	}
	return e164, err
}

func parseGender(raw string) (string, error) {
	if !slices.Contains(genders, raw) {
		return "", problem.Invalid("gender-unknown", "a gender is one of %s", strings.Join(genders, ", "))
	}
	return raw, nil
}

func parseBirthday(raw string, now time.Time) (string, error) {
	if _, err := time.Parse(time.DateOnly, raw); err != nil {
		return "", problem.Invalid("birthday-unreadable", "a birthday is a day of the calendar, written YYYY-MM-DD")
	}
	if latest := now.UTC().Add(earliestZone).Format(time.DateOnly); raw < earliestBirthday || raw > latest {
		return "", problem.Invalid("birthday-impossible", "a birthday is not before %s and not in the future", earliestBirthday)
	}
	return raw, nil
}

// fields reads what was entered and collects what is wrong with it.
type fields struct{ invalid []problem.Field }

func (f *fields) refuse(path, message string) {
	f.invalid = append(f.invalid, problem.Field{Path: path, Message: message})
}

func (f *fields) text(path, raw string, parse func(string) (string, error)) string {
	value, err := parse(raw)
	if err != nil {
		f.refuse(path, err.Error())
	}
	return value
}

func (f *fields) optional(path, raw string, parse func(string) (string, error)) string {
	if raw = strings.TrimSpace(raw); raw == "" {
		return ""
	}
	return f.text(path, raw, parse)
}

// list keeps the first of values that come twice. An entry may hold several.
func (f *fields) list(path string, raws []string, atMost int, parse func(string) ([]string, error)) []string {
	values := make([]string, 0, len(raws))
	for i, raw := range raws {
		parsed, err := parse(raw)
		if err != nil {
			f.refuse(fmt.Sprintf("%s[%d]", path, i), err.Error())
		}
		for _, value := range parsed {
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	f.atMost(path, len(values), atMost)
	return values
}

// one makes an entry of a list of one value.
func one(parse func(string) (string, error)) func(string) ([]string, error) {
	return func(raw string) ([]string, error) {
		value, err := parse(raw)
		if err != nil {
			return nil, err
		}
		return []string{value}, nil
	}
}

func (f *fields) atMost(path string, count, atMost int) {
	if count > atMost {
		f.refuse(path, fmt.Sprintf("a customer has at most %d %s", atMost, path))
	}
}

// changesOf lists what differs between two states of a customer, always in the same order of fields.
func changesOf(before, after State) []event.Change {
	var changes []event.Change
	found := func(field string, was, is any) {
		changes = append(changes, event.ChangeOf(field, was, is))
	}
	text := func(field, was, is string) {
		if was != is {
			found(field, event.OrNothing(was), event.OrNothing(is))
		}
	}
	texts := func(field string, was, is []string) {
		if !slices.Equal(was, is) {
			found(field, append([]string{}, was...), append([]string{}, is...))
		}
	}
	text("name", before.Name, after.Name)
	texts("phones", before.Phones, after.Phones)
	texts("emails", before.Emails, after.Emails)
	text("address", before.Address, after.Address)
	text("gender", before.Gender, after.Gender)
	text("birthday", before.Birthday, after.Birthday)
	texts("tags", before.Tags, after.Tags)
	text("note", before.Note, after.Note)
	return changes
}
