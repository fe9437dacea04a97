package customer_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

var now = time.Date(2025, 9, 15, 10, 4, 38, 0, time.FixedZone("ICT", 7*3600))

// recorded is history as the log would give it.
func recorded(payloads ...event.Payload) []event.Recorded {
	history := make([]event.Recorded, len(payloads))
	for i, payload := range payloads {
		history[i] = event.Recorded{New: event.New{Version: i + 1, Payload: payload}}
	}
	return history
}

func TestImport(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	c, err := customer.Import(id, customer.Details{
		Name: " Phạm Văn Dũng ", Phones: []string{"0987 000 102", "+84987000102", "0165 5000 949"},
		Emails: []string{" Dung.Pham@Example.com ", "dung.pham@example.com"}, Address: " 45 Lê Hồng Phong ", Gender: "male",
		Birthday: "1988-04-12", Tags: []string{" VIP", "VIP ", "khách sỉ"}, Note: " Gọi trước.\r\nGiao chiều.\n",
	}, "operator", now)
	if err != nil {
		t.Fatal(err)
	}
	want := customer.State{
		ID: id, Name: "Phạm Văn Dũng", Phones: []string{"+84987000102", "+84355000949"}, Emails: []string{"dung.pham@example.com"},
		Address: "45 Lê Hồng Phong", Gender: "male", Birthday: "1988-04-12", Tags: []string{"VIP", "khách sỉ"},
		Note: "Gọi trước.\nGiao chiều.", Status: customer.StatusActive, CreatedAt: now.UTC(),
	}
	if !reflect.DeepEqual(c.State(), want) {
		t.Errorf("%+v, want %+v", c.State(), want)
	}
	if pending := c.Pending(); !reflect.DeepEqual(pending, []event.Payload{customer.CustomerImported{Customer: want, Origin: "operator"}}) || c.Version() != 1 {
		t.Errorf("decided %+v at version %d", pending, c.Version())
	}
	if keys := c.State().Keys(); !slices.Equal(keys, []contact.Key{phoneKey("+84987000102"), phoneKey("+84355000949"), emailKey("dung.pham@example.com")}) {
		t.Errorf("keys %+v", keys)
	}
}

func TestImportNeedsNoContacts(t *testing.T) {
	t.Parallel()
	c, err := customer.Import(uuid.New(), customer.Details{Name: "Lan", Status: customer.StatusArchived}, "operator", now)
	if err != nil || c.State().Status != customer.StatusArchived {
		t.Fatalf("%+v, %v", c, err)
	}
	raw, err := json.Marshal(c.State())
	if err != nil || !strings.Contains(string(raw), `"phones":[],"emails":[]`) || len(c.State().Keys()) != 0 {
		t.Errorf("stored as %s", raw)
	}
}

func TestImportTellsAllThatIsInvalid(t *testing.T) {
	t.Parallel()
	_, err := customer.Import(uuid.New(), customer.Details{
		Name: " ", Phones: []string{"0912000451", "0****70", "12"}, Emails: []string{"lan@example.com", "1@facebook.com"}, Status: "asleep",
	}, "operator", now)
	found, ok := problem.Of(err)
	if !ok || found.Code() != "customer-invalid" {
		t.Fatal(err)
	}
	var paths []string
	for _, field := range found.Fields() {
		paths = append(paths, field.Path)
		if strings.ContainsAny(field.Message, "0123456789@") {
			t.Errorf("the message repeats what was entered: %s", field.Message)
		}
	}
	if want := []string{"name", "phones[1]", "phones[2]", "emails[1]", "status"}; !slices.Equal(paths, want) {
		t.Errorf("invalid %v, want %v", paths, want)
	}

	_, err = customer.Import(uuid.New(), customer.Details{Name: strings.Repeat("ế", 201)}, "operator", now)
	if codeOf(err) != "customer-invalid" {
		t.Errorf("a name of 201 characters: %v", err)
	}
	if _, err = customer.Import(uuid.New(), customer.Details{Name: strings.Repeat("ế", 200)}, "operator", now); err != nil {
		t.Errorf("a name of 200 characters: %v", err)
	}
}

func TestArchiveAndRestore(t *testing.T) {
	t.Parallel()
	active := customer.State{ID: uuid.New(), Name: "Lan", Phones: []string{"+84912000451"}, Emails: []string{}, Status: customer.StatusActive}
	archived := active
	archived.Status = customer.StatusArchived
	created := customer.CustomerCreated{Customer: active}

	for _, test := range []struct {
		name  string
		given []event.Payload
		when  func(*customer.Customer) error
		then  []event.Payload
		state customer.State
	}{
		{"a new one is as created", []event.Payload{created}, func(*customer.Customer) error { return nil }, nil, active},
		{"an active one is archived", []event.Payload{created}, (*customer.Customer).Archive, []event.Payload{customer.CustomerArchived{Customer: archived}}, archived},
		{"archiving twice says nothing new", []event.Payload{created, customer.CustomerArchived{Customer: archived}}, (*customer.Customer).Archive, nil, archived},
		{"an archived one is restored", []event.Payload{created, customer.CustomerArchived{Customer: archived}}, (*customer.Customer).Restore, []event.Payload{customer.CustomerRestored{Customer: active}}, active},
		{"restoring an active one says nothing new", []event.Payload{created}, (*customer.Customer).Restore, nil, active},
		{
			"there and back",
			[]event.Payload{customer.CustomerImported{Customer: active}},
			func(c *customer.Customer) error { return errors.Join(c.Archive(), c.Restore()) },
			[]event.Payload{customer.CustomerArchived{Customer: archived}, customer.CustomerRestored{Customer: active}},
			active,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := customer.Rehydrate(recorded(test.given...))
			if c.Version() != len(test.given) {
				t.Errorf("version %d", c.Version())
			}
			if err := test.when(c); err != nil {
				t.Error(err)
			}
			if !reflect.DeepEqual(c.Pending(), test.then) || !reflect.DeepEqual(c.State(), test.state) {
				t.Errorf("decided %+v, is %+v", c.Pending(), c.State())
			}
			if c.Version() != len(test.given)+len(test.then) {
				t.Errorf("%d events make version %d", len(test.given)+len(test.then), c.Version())
			}
		})
	}
}

// TestRehydrateTrustsHistory: a rule added later refuses nothing that happened.
func TestRehydrateTrustsHistory(t *testing.T) {
	t.Parallel()
	odd := customer.State{ID: uuid.New(), Name: "", Phones: []string{"not a phone"}, Status: "asleep"}
	if c := customer.Rehydrate(recorded(customer.CustomerImported{Customer: odd})); !reflect.DeepEqual(c.State(), odd) {
		t.Errorf("%+v", c.State())
	}
	if c := customer.Rehydrate(nil); c.Version() != 0 || !reflect.DeepEqual(c.State(), customer.State{}) {
		t.Errorf("nobody is %+v", c.State())
	}
}

// TestPersonalFieldsExist: what erasing blanks is really there, in an event that has everything.
func TestPersonalFieldsExist(t *testing.T) {
	t.Parallel()
	state := customer.State{
		Name: "n", Phones: []string{"p"}, Emails: []string{"e"}, Address: "a", Gender: "g", Birthday: "b", Tags: []string{"t"},
		Note: "n", FacebookID: "f", Username: "u",
	}
	key := phoneKey("p")
	for _, payload := range []event.Payload{
		customer.CustomerCreated{Customer: state, Decision: customer.Decision{Key: &key, Tried: []contact.Key{key}, BuyerID: "b"}},
		customer.CustomerImported{Customer: state},
		customer.CustomerUpdated{Customer: state, Changes: []event.Change{{Field: "name"}}},
		customer.CustomerArchived{Customer: state},
		customer.CustomerRestored{Customer: state},
	} {
		raw, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		personal, ok := payload.(event.Personal)
		if !ok {
			t.Fatalf("%s has no personal fields", payload.EventName())
		}
		for _, path := range personal.PersonalFields() {
			var node any
			if err := json.Unmarshal(raw, &node); err != nil {
				t.Fatal(err)
			}
			for step := range strings.SplitSeq(path, ".") {
				object, _ := node.(map[string]any)
				node = object[step]
			}
			if node == nil {
				t.Errorf("%s has no %s: %s", payload.EventName(), path, raw)
			}
		}
	}
}
