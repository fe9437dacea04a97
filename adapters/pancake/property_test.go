package pancake_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"orderbridge/adapters/pancake"
	"orderbridge/domain/contact"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// rewrite writes JSON anew with its keys in another order and other blanks between, numbers as they were.
func rewrite(t testing.TB, body []byte, random *rand.Rand) []byte {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	blank := func() { out.WriteString([]string{"", " ", "\n\t", "  \r\n"}[random.IntN(4)]) }
	var write func(any)
	write = func(value any) {
		blank()
		defer blank()
		switch value := value.(type) {
		case map[string]any:
			out.WriteByte('{')
			keys := slices.Sorted(maps.Keys(value))
			random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			for i, key := range keys {
				if i > 0 {
					out.WriteByte(',')
				}
				write(key)
				out.WriteByte(':')
				write(value[key])
			}
			out.WriteByte('}')
		case []any:
			out.WriteByte('[')
			for i, element := range value {
				if i > 0 {
					out.WriteByte(',')
				}
				write(element)
			}
			out.WriteByte(']')
		default:
			raw, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(raw)
		}
	}
	write(root)
	return out.Bytes()
}

func TestOrderOfKeysAndBlanksNeverMatter(t *testing.T) {
	t.Parallel()
	for name, body := range bodies(t) {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			envelope, envelopeErr := pancake.Interpreter{}.ReadEnvelope(body)
			state, err := pancake.Interpreter{}.Interpret(body)
			for seed := range uint64(6) {
				other := rewrite(t, body, rand.New(rand.NewPCG(seed, 0)))
				gotEnvelope, gotEnvelopeErr := pancake.Interpreter{}.ReadEnvelope(other)
				if gotEnvelope != envelope || codeOf(gotEnvelopeErr) != codeOf(envelopeErr) {
					t.Fatalf("envelope %+v, %v, want %+v, %v", gotEnvelope, gotEnvelopeErr, envelope, envelopeErr)
				}
				got, gotErr := pancake.Interpreter{}.Interpret(other)
				if !reflect.DeepEqual(got, state) || codeOf(gotErr) != codeOf(err) {
					t.Fatalf("interpreted otherwise: %+v, %v", order.Changes(state, got), gotErr)
				}
			}
		})
	}
}

// TestAnyOrderIsReadOrRefused puts any JSON into the fields that are read.
func TestAnyOrderIsReadOrRefused(t *testing.T) {
	t.Parallel()
	scalar := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, false, "", " ", "0", "0912345678", "0****70", "a@b.vn", "2025-09-15T03:04:38", "VND", []any{}, map[string]any{}}),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.IntRange(0, 1_000_000), func(n int) any { return n }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
	)
	objectOf := func(keys ...string) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			object := map[string]any{}
			for _, key := range keys {
				if rapid.Bool().Draw(t, "has "+key) {
					object[key] = scalar.Draw(t, key)
				}
			}
			return object
		})
	}
	item := rapid.Custom(func(t *rapid.T) any {
		value := objectOf("id", "quantity", "total_discount", "discount_each_product", "is_discount_percent", "is_bonus_product", "composite_item_id", "note_product").Draw(t, "item").(map[string]any)
		value["variation_info"] = rapid.OneOf(scalar, objectOf("name", "display_id", "retail_price", "exact_price", "detail")).Draw(t, "variation_info")
		return value
	})
	rapid.Check(t, func(t *rapid.T) {
		fields := objectOf("status", "inserted_at", "updated_at", "bill_full_name", "bill_phone_number", "bill_email", "order_currency",
			"total_discount", "shipping_fee", "is_free_shipping", "surcharge", "tax", "cod", "cash", "charged_by_momo", "order_sources", "tags", "note").Draw(t, "order").(map[string]any)
		fields["id"], fields["shop_id"] = 1, 7
		fields["customer"] = rapid.OneOf(scalar, objectOf("id", "name", "phone_numbers", "emails", "gender", "date_of_birth")).Draw(t, "customer")
		fields["items"] = rapid.OneOf(scalar, rapid.Map(rapid.SliceOfN(item, 0, 4), func(items []any) any { return items })).Draw(t, "items")
		body, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		state, err := pancake.Interpreter{}.Interpret(body)
		again, errAgain := pancake.Interpreter{}.Interpret(body)
		if !reflect.DeepEqual(state, again) || codeOf(err) != codeOf(errAgain) {
			t.Fatalf("two readings differ: %s", body)
		}
		if err != nil {
			if found, ok := problem.Of(err); !ok || found.Kind() != problem.KindInvalid {
				t.Fatalf("not a problem of the order: %v", err)
			}
			return
		}
		checkState(t, state)
	})
}

// checkState holds for every order that was read.
func checkState(t interface{ Fatalf(string, ...any) }, state order.State) {
	var sum int64
	for i, line := range state.Lines {
		if line.Amount < 0 || line.Discount < 0 || line.UnitPrice < 0 || line.ProductCode == "" || line.ProductName == "" {
			t.Fatalf("line %d: %+v", i, line)
		}
		if line.Gift && line.Amount != 0 {
			t.Fatalf("line %d: a gift of %d", i, line.Amount)
		}
		sum += line.Amount
	}
	totals := state.Totals
	if totals.Lines != sum || totals.Goods != max(0, totals.Lines-totals.Discount) ||
		totals.Due != totals.Goods+totals.ShippingFee+totals.Surcharge+totals.Tax {
		t.Fatalf("totals: %+v", totals)
	}
	if len(state.Currency) != 3 || state.Buyer.Name == "" {
		t.Fatalf("an order lacks what every order has: %+v", state)
	}
	for _, phone := range slices.Concat(state.Buyer.Phones, []string{state.Creator.Phone, state.FirstEditor.Phone}) {
		if parsed, err := contact.ParsePhone(phone); phone != "" && (err != nil || parsed.E164() != phone) {
			t.Fatalf("phone is not in E.164")
		}
	}
	for _, email := range slices.Concat(state.Buyer.Emails, []string{state.Creator.Email, state.FirstEditor.Email}) {
		if parsed, err := contact.ParseEmail(email); email != "" && (err != nil || parsed.String() != email) {
			t.Fatalf("email is not normal")
		}
	}
	stored, err := json.Marshal(state)
	if err != nil {
		t.Fatalf("cannot be stored: %v", err)
	}
	if bytes.Contains(stored, []byte(`\u0000`)) || !utf8.Valid(stored) {
		t.Fatalf("jsonb would refuse %s", stored)
	}
	var loaded order.State
	if err := json.Unmarshal(stored, &loaded); err != nil || !order.SameContent(state, loaded) {
		t.Fatalf("changed in storage: %v %s", err, stored)
	}
}
