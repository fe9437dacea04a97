package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"orderbridge/adapters/postgres"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// golden are payloads as the log holds them, one of every type and version: stored data that has to stay readable.
// A file is never edited once a release has written such events; a new version gets a file of its own.
type golden struct {
	file      string
	eventType string
	version   int
	stored    []byte
}

func goldens(t testing.TB) []golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var found []golden
	for _, path := range paths {
		stored, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		eventType, version, ok := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".json"), ".v")
		number, err := strconv.Atoi(version)
		if !ok || err != nil {
			t.Fatalf("%s is not named <Type>.v<version>.json", path)
		}
		found = append(found, golden{file: path, eventType: eventType, version: number, stored: stored})
	}
	if len(found) == 0 {
		t.Fatal(fs.ErrNotExist)
	}
	return found
}

func (g golden) decode(t testing.TB) event.Payload {
	t.Helper()
	payload, err := postgres.Decode(g.eventType, g.stored)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func canonical(t testing.TB, encoded []byte) string {
	t.Helper()
	out, err := postgres.Canonical(bytes.Clone(encoded))
	if err != nil {
		t.Fatalf("%v in %s", err, encoded)
	}
	return string(out)
}

func TestGoldenPayloads(t *testing.T) {
	t.Parallel()

	t.Run("there is one for every type and version that the log can hold", func(t *testing.T) {
		t.Parallel()
		newest := map[string]int{}
		for _, g := range goldens(t) {
			if !slices.Contains(postgres.EventTypes(), g.eventType) {
				t.Errorf("%s: the log knows no such type", g.file)
				continue
			}
			newest[g.eventType] = max(newest[g.eventType], g.version)
			if payload := g.decode(t); payload.EventName() != g.eventType {
				t.Errorf("%s reads as %s", g.file, payload.EventName())
			}
		}
		for _, eventType := range postgres.EventTypes() {
			empty, err := postgres.Decode(eventType, []byte("{}"))
			if err != nil {
				t.Errorf("%s: a payload without any field cannot be read: %v", eventType, err)
				continue
			}
			for version := 1; version <= empty.EventVersion(); version++ {
				if _, err := os.Stat(fmt.Sprintf("testdata/events/%s.v%d.json", eventType, version)); err != nil {
					t.Errorf("%s is stored with version %d: %v", eventType, version, err)
				}
			}
			if newest[eventType] > empty.EventVersion() {
				t.Errorf("%s has a file of version %d, and is stored as %d", eventType, newest[eventType], empty.EventVersion())
			}
		}
	})

	for _, g := range goldens(t) {
		t.Run(g.eventType+" of version "+strconv.Itoa(g.version), func(t *testing.T) {
			t.Parallel()
			payload := g.decode(t)

			encoded, err := postgres.Encode(payload)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(encoded), canonical(t, g.stored); got != want {
				t.Errorf("decoded and encoded again it is\n%s\nwant\n%s", got, want)
			}
			if g.version == payload.EventVersion() {
				for _, path := range zeroFields(reflect.ValueOf(payload), "") {
					if !slices.Contains(zeroOnPurpose, path) {
						t.Errorf("the file has no %s, so it cannot show how that is stored", path)
					}
				}
			}
			testPersonalFields(t, payload, g)
		})
	}

	t.Run("a field that this version does not know is left out, a type that it does not know is refused", func(t *testing.T) {
		t.Parallel()
		payload, err := postgres.Decode("ShopDisconnected", []byte(`{"shop_id":"1","from_the_future":{"a":[1]}}`))
		if err != nil || payload != event.Payload(workspace.ShopDisconnected{ShopID: "1"}) {
			t.Errorf("got %#v, %v", payload, err)
		}
		if payload, err := postgres.Decode("OrderTeleported", []byte("{}")); err == nil {
			t.Errorf("got %#v", payload)
		}
	})
}

// zeroOnPurpose are fields that no golden file sets: they mean "nothing", and another entry of the same list has one.
var zeroOnPurpose = []string{
	"order.lines.0.discount", "order.lines.0.gift", "order.lines.1.amount", // a plain line and a gift
	"changes.1.before", "changes.2.before",
	"user.active", // of one who was deactivated
}

// zeroFields are the JSON paths of fields with the zero value.
func zeroFields(v reflect.Value, path string) []string {
	var zero []string
	switch {
	case v.Type() == reflect.TypeFor[time.Time](), v.Type() == reflect.TypeFor[order.Quantity](), v.Kind() != reflect.Struct &&
		v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer, v.IsZero():
		if v.IsZero() {
			zero = append(zero, path)
		}
	case v.Kind() == reflect.Pointer:
		zero = zeroFields(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		if v.Len() == 0 {
			zero = append(zero, path)
		}
		for i := range v.Len() {
			zero = append(zero, zeroFields(v.Index(i), fmt.Sprintf("%s.%d", path, i))...)
		}
	default:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue // is not stored
			}
			zero = append(zero, zeroFields(v.Field(i), strings.TrimPrefix(path+"."+name, "."))...)
		}
	}
	return zero
}

// impersonal are paths that look personal and are not.
var impersonal = []string{
	"order.status.name", "status.name", "order.lines.product_name", // what is sold, and where it stands
	"SourceEnsured.name", "WorkspaceCreated.name",
	"ShopConnected.shop.name", "ShopUpdated.shop.name", "ShopPaused.shop.name", "ShopAPIKeySet.shop.name", "ShopAPIKeyRemoved.shop.name", "ShopResumed.shop.name", "ShopKeyRotated.shop.name", // firms
	"TokenCreated.name", "TokenRevoked.name", // a name for a program
	"AccountInvited.name", "AccountPasswordSet.name", "AccountResetIssued.name", "AccountRoleChanged.name", "AccountSessionsEnded.name",
	"AccountRemoved.name", "AccountSignedIn.name", "AccountLocked.name", "ContactRevealed.account_name", // chosen, and not who somebody is
	"order.shipping.partner", "request.user_agent", // a carrier, a program
	"request.remote_addr", // the shop's system calls, not the buyer
}

var (
	personalName  = regexp.MustCompile(`(^|_)(name|username|phones?|emails?|addr|address|gender|birthday|facebook_id|note|partner|agent|tried)$`)
	personalValue = regexp.MustCompile(`\+\d{8,15}|[^@\s]+@[^@\s]+\.[a-z]+|[Pp]hạm|[Ll]an\b`)
)

// testPersonalFields holds a payload to what it declares as personal: every path exists, and whatever looks like a
// person's is declared.
func testPersonalFields(t *testing.T, payload event.Payload, g golden) {
	t.Helper()
	var document any
	if err := json.Unmarshal(g.stored, &document); err != nil {
		t.Fatal(err)
	}
	var declared []string
	if personal, ok := payload.(event.Personal); ok {
		declared = personal.PersonalFields()
	}
	for _, path := range declared {
		// An older version may lack what was added since.
		if g.version == payload.EventVersion() && !pathExists(document, strings.Split(path, ".")) {
			t.Errorf("declares %q as personal, and the golden file has no such field", path)
		}
	}
	for path, value := range leaves(document, "") {
		name := path[strings.LastIndexByte(path, '.')+1:]
		if !personalName.MatchString(name) && !personalValue.MatchString(value) {
			continue
		}
		covered := slices.ContainsFunc(declared, func(d string) bool { return path == d || strings.HasPrefix(path, d+".") })
		excused := slices.ContainsFunc(impersonal, func(i string) bool { return path == i || payload.EventName()+"."+path == i })
		if !covered && !excused {
			t.Errorf("%s (%q) looks personal and is not declared", path, value)
		}
		if covered && excused {
			t.Errorf("%s is declared as personal and excused", path)
		}
	}
}

func pathExists(document any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	object, _ := document.(map[string]any)
	value, ok := object[path[0]]
	return ok && pathExists(value, path[1:])
}

// leaves are all values of a document by their path; entries of a list share the list's.
func leaves(document any, path string) map[string]string {
	found := map[string]string{}
	switch value := document.(type) {
	case map[string]any:
		for name, inner := range value {
			maps.Copy(found, leaves(inner, strings.TrimPrefix(path+"."+name, ".")))
		}
	case []any:
		for _, inner := range value {
			for inner, text := range leaves(inner, path) {
				found[inner] += " " + text
			}
		}
	default:
		found[path] = fmt.Sprint(value)
	}
	return found
}

// TestPersonalFieldsCheck shows that the check above fails when it should.
func TestPersonalFieldsCheckFindsWhatIsNotDeclared(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]string{
		"a phone under an innocent name": `{"code":"+84912000451"}`,
		"an email in a sentence":         `{"reason":"ask lan.pham@example.com"}`,
		"a name":                         `{"contact":{"name":"Phạm Thị Lan"}}`,
		"a list of phones":               `{"contacts":[{"phone":"0912"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var document any
			if err := json.Unmarshal([]byte(stored), &document); err != nil {
				t.Fatal(err)
			}
			found := 0
			for path, value := range leaves(document, "") {
				if personalName.MatchString(path[strings.LastIndexByte(path, '.')+1:]) || personalValue.MatchString(value) {
					found++
				}
			}
			if found != 1 {
				t.Errorf("found %d of 1", found)
			}
		})
	}
}

// TestDigest recomputes digests from what is read back, as an auditor would.
func TestDigest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	awkward := "Nguyễn Thị Ánh 🌸👩‍👩‍👧 \u2028\u00a0 \"dấu nháy\" \\ / <b>&amp;</b> \u007f\u0001\b\f\n\r\t e\u0301 \U0010FFFF \ufffd"
	big := order.Totals{Lines: math.MaxInt64, Discount: math.MinInt64, Goods: 1<<53 + 1, ShippingFee: -1<<53 - 1, Due: 999_999_999_999_999_999}
	payloads := []event.Payload{
		order.OrderCreated{Code: awkward, Order: order.State{Note: awkward, Totals: big, Lines: []order.Line{
			{Quantity: quantity("0.000001")}, {Quantity: quantity("1000000000")}, {Quantity: quantity("0.1")}, {Quantity: quantity("12.50")},
		}}},
		order.OrderUpdated{Changes: order.Changes(order.State{}, order.State{Note: awkward, Totals: big, Tags: []string{awkward}})},
		customer.CustomerImported{Customer: customer.State{Name: "", Phones: nil, CreatedAt: time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}},
		customer.CustomerCreated{Decision: customer.Decision{Key: &contact.Key{Kind: contact.KindPhone, Value: "+84912000451"}}},
		user.UserAdded{User: user.State{Name: "text that is no text: \xff\xfe\xc3\x28 \xed\xa0\x80 end"}},
		delivery.OrderReceived{ReceivedAt: time.Date(2025, 9, 15, 3, 4, 5, 123_456_789, time.UTC), Request: delivery.Request{UserAgent: "curl\xff"}},
	}
	for _, g := range goldens(t) {
		payloads = append(payloads, g.decode(t))
	}
	bodies := [][]byte{
		nil,
		{},
		[]byte(`{"id":1}`),
		{0},
		{0xff, 0xfe, 0x00, 0x80},
		[]byte("không phải JSON 🌸"),
		bytes.Repeat([]byte{0x00, 0xc3, 0x28}, 1<<18), // beyond what fits a page, and compressible
	}
	want := map[int64]event.New{}
	var events []event.New
	for i, payload := range payloads {
		for j, body := range bodies {
			if j > 1 && i > 5 && j != i%len(bodies) {
				continue // every type with some bodies, the awkward ones with all
			}
			e := numbered(b.workspaceID, newStream(), 1, 1)[0]
			e.Payload, e.Body, e.CausationID = payload, body, event.NewID()
			events = append(events, e)
			want[int64(1+len(events))] = e
		}
	}
	for chunk := range slices.Chunk(events, 20) {
		if err := log.Append(t.Context(), chunk...); err != nil {
			t.Fatal(err)
		}
	}

	rows, err := b.db.Requests().Query(t.Context(), "SELECT position, type, payload::text, salt, body, digest FROM events ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen, salts := map[string]bool{}, map[string]bool{}
	for rows.Next() {
		var position int64
		var eventType, payload string
		var salt, body, stored []byte
		if err := rows.Scan(&position, &eventType, &payload, &salt, &body, &stored); err != nil {
			t.Fatal(err)
		}
		// Not through the package's own digest, so that a change of the formula is noticed.
		hash := sha256.Sum256(slices.Concat(salt, []byte(canonical(t, []byte(payload))), body))
		if !bytes.Equal(hash[:], stored) {
			t.Errorf("event %d (%s): the digest of what is read back is not the stored one; payload %.300s", position, eventType, payload)
		}
		if !bytes.Equal(postgres.Digest(salt, []byte(canonical(t, []byte(payload))), body), stored) {
			t.Errorf("event %d (%s): the package's digest is not SHA-256(salt ‖ payload ‖ body)", position, eventType)
		}
		if e, ok := want[position]; ok && !bytes.Equal(body, e.Body) {
			t.Errorf("event %d (%s): the body of %d bytes came back as %d other bytes", position, eventType, len(e.Body), len(body))
		}
		if len(salt) != 16 || salts[string(salt)] {
			t.Errorf("event %d (%s): the salt %x is short or not its own", position, eventType, salt)
		}
		seen[eventType], salts[string(salt)] = true, true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, eventType := range postgres.EventTypes() {
		if !seen[eventType] {
			t.Errorf("no %s was looked at", eventType)
		}
	}
}

func TestEventsReadBackAsTheyWereAppended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := b.newLog(t)
	for _, g := range goldens(t) {
		t.Run(g.eventType, func(t *testing.T) {
			t.Parallel()
			id := event.NewID()
			stream := event.DeliveryStream(id)
			first := event.New{
				ID: event.NewID(), WorkspaceID: b.workspaceID, Stream: stream, Version: 1, Actor: event.Actor("token:Kho Huế"),
				CorrelationID: id, Payload: g.decode(t), Body: []byte{0xff, 0x00, '{'},
			}
			second := first
			second.ID, second.Version, second.CausationID, second.Body = event.NewID(), 2, first.ID, nil
			if err := log.Append(t.Context(), first, second); err != nil {
				t.Fatal(err)
			}
			history, err := b.db.History(t.Context(), b.workspaceID, stream)
			if err != nil || len(history) != 2 {
				t.Fatalf("read %d events, %v", len(history), err)
			}
			for i, want := range []event.New{first, second} {
				// Payloads are compared as JSON: a raw value in one is stored without its white space.
				got, err := postgres.Encode(history[i].Payload)
				if err != nil || string(got) != canonical(t, g.stored) || canonical(t, history[i].Stored) != string(got) {
					t.Errorf("read the payload %s (%v), stored as %s", got, err, history[i].Stored)
				}
				envelope := history[i].New
				envelope.Payload, want.Payload = nil, nil
				if !reflect.DeepEqual(envelope, want) {
					t.Errorf("appended\n%#v\nread\n%#v", want, envelope)
				}
				if history[i].SchemaVersion != first.Payload.EventVersion() || history[i].RecordedAt.IsZero() ||
					history[i].RecordedAt.Location() != time.UTC {
					t.Errorf("schema version %d, recorded at %v", history[i].SchemaVersion, history[i].RecordedAt)
				}
			}
			if history[1].Position != history[0].Position+1 {
				t.Errorf("positions %d and %d", history[0].Position, history[1].Position)
			}
		})
	}
}
