package pancake_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"orderbridge/adapters/pancake"
	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

func TestReadEnvelope(t *testing.T) {
	t.Parallel()

	id := func(orderID string) command.Envelope { return command.Envelope{ShopID: "7", OrderID: orderID} }
	for _, test := range []struct {
		name string
		body string
		want command.Envelope
		code string
	}{
		{"a bare order", `{"id":2051,"type":"orders","event_type":"create","shop_id":7}`, command.Envelope{Kind: "orders", ShopID: "7", OrderID: "2051", EventType: "create"}, ""},
		{"no type", `{"id":2051,"shop_id":7}`, id("2051"), ""},
		{"a null type", `{"id":2051,"shop_id":7,"type":null,"event_type":null}`, id("2051"), ""},
		{"whitespace around", " \n\t{\"id\" : 1 , \"shop_id\" : 7 }\r\n", id("1"), ""},
		{"a byte order mark", "\uFEFF" + `{"id":1,"shop_id":7}`, id("1"), ""},

		{"an id beyond 2^53, unquoted", `{"id":585229755054261863,"shop_id":7}`, id("585229755054261863"), ""},
		{"the same id, quoted", `{"id":"585229755054261863","shop_id":"7"}`, id("585229755054261863"), ""},
		{"an id of 40 digits", `{"id":1234567890123456789012345678901234567890,"shop_id":7}`, id("1234567890123456789012345678901234567890"), ""},
		{"an id with a fraction of zeros", `{"id":2051.00,"shop_id":7.0}`, id("2051"), ""},
		{"an id with a fraction", `{"id":2051.5,"shop_id":7}`, id(""), "order-id-invalid"},
		{"an id with an exponent", `{"id":2e3,"shop_id":7}`, id(""), "order-id-invalid"},
		{"an id of letters and signs", `{"id":" AF100975192O582/ä#_-?% ","shop_id":7}`, id("AF100975192O582/ä#_-?%"), ""},
		{"an id with escapes", `{"id":"A\u0042\/C","shop_id":7}`, id("AB/C"), ""},
		{"a key with escapes", `{"\u0069d":5,"shop_id":7}`, id("5"), ""},
		{"an id of 64 characters", `{"id":"` + strings.Repeat("ế", 64) + `","shop_id":7}`, id(strings.Repeat("ế", 64)), ""},
		{"an id of 65 characters", `{"id":"` + strings.Repeat("x", 65) + `","shop_id":7}`, id(""), "order-id-invalid"},
		{"a control character in the id", `{"id":"a\u0007b","shop_id":7}`, id(""), "order-id-invalid"},
		{"NUL in the id", `{"id":"a\u0000","shop_id":7}`, id(""), "order-id-invalid"},
		{"a line separator in the id", `{"id":"a\u2028b","shop_id":7}`, id(""), "order-id-invalid"},
		{"half a surrogate pair in the id", `{"id":"a\ud800","shop_id":7}`, id(""), "order-id-invalid"},
		{"an id that is an object", `{"id":{},"system_id":3,"shop_id":7}`, id(""), "order-id-invalid"},
		{"an id that is a flag", `{"id":true,"shop_id":7}`, id(""), "order-id-invalid"},
		{"a null id, and system_id", `{"id":null,"system_id":80,"shop_id":7}`, id("80"), ""},
		{"a blank id, and system_id", `{"id":"  ","system_id":"80","shop_id":7}`, id("80"), ""},
		{"no id at all", `{"shop_id":7,"type":"orders"}`, command.Envelope{Kind: "orders", ShopID: "7"}, "order-id-missing"},
		{"an empty object", `{}`, command.Envelope{}, "order-id-missing"},
		{"a key in other letters is another key", `{"ID":5,"shop_id":7}`, id(""), "order-id-missing"},
		{"a key twice: the last counts", `{"id":1,"id":2,"shop_id":8,"shop_id":7}`, id("2"), ""},

		{"no shop", `{"id":1}`, command.Envelope{OrderID: "1"}, "shop-id-missing"},
		{"a null shop", `{"id":1,"shop_id":null}`, command.Envelope{OrderID: "1"}, "shop-id-missing"},
		{"a shop of letters", `{"id":1,"shop_id":"7a"}`, command.Envelope{OrderID: "1"}, "shop-id-missing"},
		{"a negative shop", `{"id":1,"shop_id":-7}`, command.Envelope{OrderID: "1"}, "shop-id-missing"},
		{"a shop of 20 digits", `{"id":1,"shop_id":12345678901234567890}`, command.Envelope{OrderID: "1", ShopID: "12345678901234567890"}, ""},
		{"a shop of 21 digits", `{"id":1,"shop_id":123456789012345678901}`, command.Envelope{OrderID: "1"}, "shop-id-missing"},

		{"another kind", `{"type":"customers","id":"u","shop_id":7}`, command.Envelope{Kind: "customers", ShopID: "7", OrderID: "u"}, ""},
		{"another kind without ids", `{"type":"products"}`, command.Envelope{Kind: "products"}, ""},
		{"another kind around an order", `{"type":"products","data":{"id":1,"shop_id":7}}`, command.Envelope{Kind: "products"}, ""},
		{"a kind that is a number", `{"type":5,"id":1,"shop_id":7}`, command.Envelope{Kind: "5", ShopID: "7", OrderID: "1"}, ""},
		{"a product as Pancake documents it", `{"data":{"id":"u","shop_id":7,"variations":[]},"success":true}`, command.Envelope{Kind: "products", ShopID: "7", OrderID: "u"}, ""},
		{"stock as Pancake documents it", `{"data":{"id":"u","shop_id":7,"variation_id":"v"},"success":true}`, command.Envelope{Kind: "products", ShopID: "7", OrderID: "u"}, ""},

		{"wrapped in data", `{"data":{"id":1,"shop_id":7}}`, id("1"), ""},
		{"wrapped in data and order", `{"data":{"order":{"id":1,"shop_id":7}}}`, id("1"), ""},
		{"wrapped, with type and shop outside", `{"type":"orders","shop_id":7,"data":{"order":{"id":1}}}`, command.Envelope{Kind: "orders", ShopID: "7", OrderID: "1"}, ""},
		{"wrapped, another kind inside", `{"data":{"type":"customers","id":1}}`, command.Envelope{Kind: "customers", OrderID: "1"}, ""},
		{"an order with a key data is not unwrapped", `{"id":1,"shop_id":7,"data":{"id":2,"shop_id":8}}`, id("1"), ""},
		{"wrapped too often", `{"data":{"order":{"order":{"id":1,"shop_id":7}}}}`, command.Envelope{}, "order-id-missing"},
		{"data that is a list", `{"data":[{"id":1}]}`, command.Envelope{}, "order-id-missing"},

		{"nothing", ``, command.Envelope{}, "body-not-json"},
		{"blanks", " \n", command.Envelope{}, "body-not-json"},
		{"only a byte order mark", "\uFEFF", command.Envelope{}, "body-not-json"},
		{"an HTML page", `<html></html>`, command.Envelope{}, "body-not-json"},
		{"a truncated order", `{"id":1,"shop_id":7`, command.Envelope{}, "body-not-json"},
		{"truncated behind a key", `{"id":1,"shop_id"`, command.Envelope{}, "body-not-json"},
		{"truncated within a text", `{"id":"a`, command.Envelope{}, "body-not-json"},
		{"something behind the order", `{"id":1,"shop_id":7} x`, command.Envelope{}, "body-not-json"},
		{"two orders", `{"id":1,"shop_id":7}{"id":2,"shop_id":7}`, command.Envelope{}, "body-not-json"},
		{"a broken part that nobody reads", `{"id":1,"shop_id":7,"histories":[{"a":tru}]}`, command.Envelope{}, "body-not-json"},
		{"a trailing comma", `{"id":1,"shop_id":7,}`, command.Envelope{}, "body-not-json"},
		{"single quotes", `{'id':1}`, command.Envelope{}, "body-not-json"},
		{"bytes that are no UTF-8", "{\"id\":1,\"shop_id\":7,\"note\":\"\xff\"}", command.Envelope{}, "body-not-json"},
		{"nested without end", strings.Repeat(`{"data":`, 20_000), command.Envelope{}, "body-not-json"},
		{"a list", `[{"id":1,"shop_id":7}]`, command.Envelope{}, "body-not-object"},
		{"a broken list", `[{"id":1,"shop_id":7}`, command.Envelope{}, "body-not-json"},
		{"null", `null`, command.Envelope{}, "body-not-object"},
		{"a text", `"id"`, command.Envelope{}, "body-not-object"},
		{"a number and more", `5 6`, command.Envelope{}, "body-not-json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			envelope, err := pancake.Interpreter{}.ReadEnvelope([]byte(test.body))
			if envelope != test.want || codeOf(err) != test.code {
				t.Errorf("ReadEnvelope = %+v, %q, want %+v, %q", envelope, codeOf(err), test.want, test.code)
			}
			found, ok := problem.Of(err)
			if malformed := strings.HasPrefix(test.code, "body-"); ok && (found.Kind() == problem.KindMalformed) != malformed {
				t.Errorf("kind %s", found.Kind())
			}
		})
	}
}

func TestReadEnvelopeRefusesUTF16(t *testing.T) {
	t.Parallel()
	for _, bom := range []bool{true, false} {
		var body bytes.Buffer
		if bom {
			body.Write([]byte{0xFF, 0xFE})
		}
		for _, unit := range utf16.Encode([]rune(`{"id":1,"shop_id":7}`)) {
			body.WriteByte(byte(unit))
			body.WriteByte(byte(unit >> 8))
		}
		if _, err := (pancake.Interpreter{}).ReadEnvelope(body.Bytes()); codeOf(err) != "body-not-json" {
			t.Errorf("with BOM %v: %v", bom, err)
		}
	}
}

// TestReadEnvelopeLeavesTheBodyAlone: the exact bytes go into the log afterwards.
func TestReadEnvelopeLeavesTheBodyAlone(t *testing.T) {
	t.Parallel()
	for name, body := range bodies(t) {
		before := bytes.Clone(body)
		_, _ = pancake.Interpreter{}.ReadEnvelope(body)
		_, _ = pancake.Interpreter{}.Interpret(body)
		if !bytes.Equal(before, body) {
			t.Errorf("%s: the body was changed", name)
		}
	}
}

// TestEveryTruncationIsRefused: a body cut anywhere is never an order, though what was kept is.
func TestEveryTruncationIsRefused(t *testing.T) {
	t.Parallel()
	body := bytes.TrimSpace(readFile(t, "order-new-customer.json"))
	for end := 0; end < len(body); end += 5 { // every fifth place is soon enough, and meets every sort of token
		if _, err := (pancake.Interpreter{}).ReadEnvelope(body[:end]); codeOf(err) != "body-not-json" {
			t.Fatalf("cut at %d: %v", end, err)
		}
	}
}

func BenchmarkReadEnvelope(b *testing.B) {
	small := readFile(b, "order-new-customer.json")
	large := bytes.Replace(small, []byte(`"histories"`), []byte(`"h"`), 1)
	history := []byte(`,"histories":[` + strings.TrimSuffix(strings.Repeat(`{"editor_id":"74e31138-b77d-5291-bf93-0244bc7ebd9b","updated_at":"2025-09-15T04:20:07.118254","status":{"old":0,"new":1}},`, 200), ",") + `]}`)
	large = append(bytes.TrimSuffix(bytes.TrimSpace(large), []byte("}")), history...)
	for name, body := range map[string][]byte{"indented": small, "long history": large} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (pancake.Interpreter{}).ReadEnvelope(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkInterpret(b *testing.B) {
	body := readFile(b, "order-new-customer.json")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (pancake.Interpreter{}).Interpret(body); err != nil {
			b.Fatal(err)
		}
	}
}
