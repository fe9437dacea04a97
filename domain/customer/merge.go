package customer

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Two records of one person are merged: one survives and gets what the other has, and the other leads to it from then on. Nothing of
// either is lost: the survivor's events say what was merged and how, so that who they would be without it can be told at any time, by
// going through all other events again.

// takeable are the fields that have one value, of which the merged customer's may be taken.
var takeable = []string{"name", "address", "gender", "birthday"}

var (
	errMergeSelf     = problem.Invalid("merge-same", "a customer cannot be merged with themselves; give two different ids")
	errMergeInactive = problem.Conflict("merge-archived", "the customer who stays is archived; restore them first")

	// ErrNotMerged: there is nothing to take back.
	ErrNotMerged = problem.Conflict("not-merged", "this customer is not merged into another one")
)

// errMergedInto: whoever means a merged customer means the survivor.
func errMergedInto(survivor uuid.UUID) error {
	return problem.Conflict("customer-merged", "this customer was merged into %s; change that one, or unmerge them first", survivor)
}

// Merge makes the survivor of c and merges other into it. What c has of the fields with one value stays, save for those to take from
// the other; what c does not have comes from the other. Phones, emails, tags and the lines of notes are joined, c's first.
func (c *Customer) Merge(other *Customer, take []string) error {
	for _, field := range take {
		if !slices.Contains(takeable, field) {
			return problem.Invalid("merge-field-unknown", "of the merged customer can be taken: %s", strings.Join(takeable, ", "))
		}
	}
	switch {
	case c.state.ID == other.state.ID:
		return errMergeSelf
	case c.state.Status == StatusMerged:
		return errMergedInto(c.mergedInto)
	case other.state.Status == StatusMerged:
		return errMergedInto(other.mergedInto)
	case c.state.Status != StatusActive:
		return errMergeInactive
	}
	joined := join(c.state, other.state, take)
	if invalid := tooMany(joined); len(invalid) > 0 {
		return problem.InvalidFields(codeInvalid, invalid...)
	}
	gone := other.state
	gone.Status = StatusMerged
	c.record(CustomersMerged{Customer: joined, Merged: other.state, Take: slices.Clone(take)})
	other.record(CustomerMergedInto{Customer: gone, Into: c.state.ID})
	return nil
}

// Unmerge takes a merge back. Other is as they were; c is as if other had never been merged: what was edited since stays edited, and
// what others brought in stays too.
func (c *Customer) Unmerge(other *Customer) error {
	if c.state.Status == StatusMerged { // it has what other has, too
		return errMergedInto(c.mergedInto)
	}
	if other.state.Status != StatusMerged || other.mergedInto != c.state.ID {
		return ErrNotMerged
	}
	at := c.mergeOf(other.state.ID)
	if at < 0 {
		return ErrNotMerged
	}
	merged, _ := c.history[at].(CustomersMerged)
	c.record(CustomersUnmerged{Customer: c.without(at), Unmerged: other.state.ID})
	other.record(CustomerUnmerged{Customer: merged.Merged, From: c.state.ID})
	return nil
}

// mergeOf finds the merge of another customer that is still in force; -1 for none.
func (c *Customer) mergeOf(other uuid.UUID) int {
	for at, payload := range slices.Backward(c.history) {
		switch e := payload.(type) {
		case CustomersUnmerged:
			if e.Unmerged == other {
				return -1
			}
		case CustomersMerged:
			if e.Merged.ID == other {
				return at
			}
		}
	}
	return -1
}

// without is who the customer would be if a merge, and those that were taken back already, had never been.
func (c *Customer) without(merge int) State {
	undone := map[int]bool{merge: true}
	open := map[uuid.UUID]int{}
	for at, payload := range c.history {
		switch e := payload.(type) {
		case CustomersMerged:
			open[e.Merged.ID] = at
		case CustomersUnmerged:
			undone[open[e.Unmerged]] = true
		}
	}
	var was, state State // as it was in fact before each event, and as it would be
	for at, payload := range c.history {
		is := c.states[at]
		switch e := payload.(type) {
		case CustomersMerged:
			if !undone[at] {
				state = join(state, e.Merged, e.Take)
			}
		case CustomersUnmerged, CustomerMergedInto, CustomerUnmerged: // which say nothing of who they are
		case CustomerUpdated:
			state = edited(state, was, is)
		case CustomerArchived, CustomerRestored:
			state.Status = is.Status
		default: // the customer's first
			state = is
		}
		was = is
	}
	return state
}

// join is what a survivor has after another was merged into them.
func join(survivor, other State, take []string) State {
	one := func(field, survivors, others string) string {
		if others != "" && (survivors == "" || slices.Contains(take, field)) {
			return others
		}
		return survivors
	}
	joined := survivor
	joined.Name = one("name", survivor.Name, other.Name)
	joined.Address = one("address", survivor.Address, other.Address)
	joined.Gender = one("gender", survivor.Gender, other.Gender)
	joined.Birthday = one("birthday", survivor.Birthday, other.Birthday)
	joined.FacebookID = one("", survivor.FacebookID, other.FacebookID)
	joined.Username = one("", survivor.Username, other.Username)
	joined.Phones = union(survivor.Phones, other.Phones)
	joined.Emails = union(survivor.Emails, other.Emails)
	joined.Tags = union(survivor.Tags, other.Tags)
	joined.Note = strings.Join(union(lines(survivor.Note), lines(other.Note)), "\n")
	return joined
}

// edited does to a state what an edit did to another one.
func edited(state, before, after State) State {
	text := func(to *string, was, is string) {
		if was != is {
			*to = is
		}
	}
	text(&state.Name, before.Name, after.Name)
	text(&state.Address, before.Address, after.Address)
	text(&state.Gender, before.Gender, after.Gender)
	text(&state.Birthday, before.Birthday, after.Birthday)
	state.Phones = editedList(state.Phones, before.Phones, after.Phones)
	state.Emails = editedList(state.Emails, before.Emails, after.Emails)
	state.Tags = editedList(state.Tags, before.Tags, after.Tags)
	state.Note = strings.Join(editedList(lines(state.Note), lines(before.Note), lines(after.Note)), "\n")
	return state
}

// editedList takes out of a list what an edit took out of another one, and adds what it added. What the edit put first comes first.
func editedList(list, before, after []string) []string {
	if slices.Equal(before, after) {
		return list
	}
	if slices.Equal(list, before) {
		return after
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(value string) bool {
		return slices.Contains(before, value) && !slices.Contains(after, value)
	})
	added := slices.DeleteFunc(slices.Clone(after), func(value string) bool { return slices.Contains(before, value) })
	result := union(kept, added)
	if len(after) > 0 && (len(before) == 0 || before[0] != after[0]) {
		if at := slices.Index(result, after[0]); at > 0 {
			result = slices.Insert(slices.Delete(result, at, at+1), 0, after[0])
		}
	}
	return result
}

// union is a list, and what another one has beyond it.
func union(list, other []string) []string {
	if len(other) == 0 {
		return list
	}
	all := slices.Clone(list)
	for _, value := range other {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// tooMany tells of lists that became too long.
func tooMany(state State) []problem.Field {
	var check fields
	check.atMost("phones", len(state.Phones), maxPhones)
	check.atMost("emails", len(state.Emails), maxEmails)
	check.atMost("tags", len(state.Tags), maxTags)
	return check.invalid
}

// CustomersMerged: another record of the same person was merged into this one. It carries who the survivor is with it, and the other
// one as they were.
type CustomersMerged struct {
	Customer State `json:"customer"`
	Merged   State `json:"merged"`
	// Take are the fields of which the other's value was taken, though the survivor had one.
	Take []string `json:"take,omitempty"`
}

func (CustomersMerged) EventName() string { return "CustomersMerged" }
func (CustomersMerged) EventVersion() int { return 1 }
func (CustomersMerged) PersonalFields() []string {
	return slices.Concat(personalFields, personalIn("merged"))
}

// CustomerMergedInto: the customer was merged into another one, and leads to them.
type CustomerMergedInto struct {
	Customer State `json:"customer"`
	// Into is the survivor.
	Into uuid.UUID `json:"into"`
}

func (CustomerMergedInto) EventName() string        { return "CustomerMergedInto" }
func (CustomerMergedInto) EventVersion() int        { return 1 }
func (CustomerMergedInto) PersonalFields() []string { return personalFields }

// CustomersUnmerged: a merge was taken back. It carries who the survivor is without it.
type CustomersUnmerged struct {
	Customer State     `json:"customer"`
	Unmerged uuid.UUID `json:"unmerged"`
}

func (CustomersUnmerged) EventName() string        { return "CustomersUnmerged" }
func (CustomersUnmerged) EventVersion() int        { return 1 }
func (CustomersUnmerged) PersonalFields() []string { return personalFields }

// CustomerUnmerged: the customer is by themselves again, as they were.
type CustomerUnmerged struct {
	Customer State `json:"customer"`
	// From is the survivor whom they were merged into.
	From uuid.UUID `json:"from"`
}

func (CustomerUnmerged) EventName() string        { return "CustomerUnmerged" }
func (CustomerUnmerged) EventVersion() int        { return 1 }
func (CustomerUnmerged) PersonalFields() []string { return personalFields }

var (
	_ event.Payload = CustomersMerged{}
	_ event.Payload = CustomerMergedInto{}
	_ event.Payload = CustomersUnmerged{}
	_ event.Payload = CustomerUnmerged{}
)
