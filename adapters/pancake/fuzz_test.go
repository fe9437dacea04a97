package pancake_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"orderbridge/adapters/pancake"
	"orderbridge/domain/problem"
)

func seed(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	for _, body := range []string{
		``, `{}`, `[]`, `{"id":1,"shop_id":7}`, `{"data":{"order":{"id":"a/b","shop_id":"7","items":[{"quantity":0.5,"variation_info":{"retail_price":3}}]}}}`,
		`{"id":"\ud800","shop_id":7}`, `{"\u0069d":1.0,"shop_id":7.0,"total_discount":-1e3}`, "\uFEFF{\"id\":1,\"id\":2,\"shop_id\":7}",
	} {
		f.Add([]byte(body))
	}
}

func FuzzReadEnvelope(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, err := pancake.Interpreter{}.ReadEnvelope(body)
		found, isProblem := problem.Of(err)
		if err != nil && !isProblem {
			t.Fatalf("not a problem: %v", err)
		}
		if err == nil || found.Kind() == problem.KindInvalid {
			// Whatever we take for JSON, the standard library does too (a byte order mark apart).
			if !json.Valid(trimBOM(body)) || !utf8.Valid(body) {
				t.Fatalf("not JSON was taken for JSON: %q", body)
			}
		}
		for _, text := range []string{envelope.Kind, envelope.ShopID, envelope.OrderID, envelope.EventType} {
			if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 64 {
				t.Fatalf("a text that cannot be stored: %q", text)
			}
		}
		if err != nil || envelope.Kind != "" && envelope.Kind != "orders" {
			return
		}
		if envelope.OrderID == "" || envelope.ShopID == "" || len(envelope.ShopID) > 20 {
			t.Fatalf("no usable ids: %+v", envelope)
		}
		for _, r := range envelope.ShopID {
			if r < '0' || r > '9' {
				t.Fatalf("shop %q", envelope.ShopID)
			}
		}
		for _, r := range envelope.OrderID {
			if r < ' ' || r == 0x7F {
				t.Fatalf("order %q", envelope.OrderID)
			}
		}
	})
}

func FuzzInterpret(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, envelopeErr := pancake.Interpreter{}.ReadEnvelope(body)
		state, err := pancake.Interpreter{}.Interpret(body)
		if again, _ := (pancake.Interpreter{}).Interpret(body); !reflect.DeepEqual(state, again) {
			t.Fatal("two readings differ")
		}
		if err != nil {
			if _, ok := problem.Of(err); !ok {
				t.Fatalf("not a problem: %v", err)
			}
			return
		}
		if envelopeErr != nil {
			t.Fatalf("interpreted what the door refuses: %v", envelopeErr)
		}
		if state.ShopID != envelope.ShopID || state.ExternalID != envelope.OrderID {
			t.Fatalf("another order: %+v", envelope)
		}
		checkState(t, state)
	})
}

func trimBOM(body []byte) []byte {
	if len(body) >= 3 && string(body[:3]) == "\uFEFF" {
		return body[3:]
	}
	return body
}
