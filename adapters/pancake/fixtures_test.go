package pancake_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"orderbridge/adapters/pancake"
	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// expectation is what testdata/expected.json says of one file.
type expectation struct {
	File            string        `json:"file"`
	Outcome         string        `json:"outcome"`
	Problem         string        `json:"problem"`
	OrderCode       string        `json:"order_code"`
	ShopID          string        `json:"shop_id"`
	OrderID         string        `json:"order_id"`
	Status          int           `json:"status"`
	BuyerName       string        `json:"buyer_name"`
	BuyerExternalID string        `json:"buyer_external_id"`
	Address         string        `json:"address"`
	CreatorPhone    string        `json:"creator_phone"`
	CreatorEmail    string        `json:"creator_email"`
	Masked          bool          `json:"masked"`
	Keys            []contact.Key `json:"keys"`
	Lines           []struct {
		Code      string `json:"code"`
		Name      string `json:"name"`
		Quantity  string `json:"quantity"`
		UnitPrice int64  `json:"unit_price"`
		Discount  int64  `json:"discount"`
		Amount    int64  `json:"amount"`
		Gift      bool   `json:"gift"`
	} `json:"lines"`
	Totals struct {
		Lines int64 `json:"lines"`
		Goods int64 `json:"goods"`
		Due   int64 `json:"due"`
	} `json:"totals"`
	OrderedAt time.Time `json:"ordered_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func expectations(t testing.TB) []expectation {
	t.Helper()
	var expected struct {
		Files []expectation `json:"files"`
	}
	if err := json.Unmarshal(readFile(t, "expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	return expected.Files
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// bodies are all fixtures, by file name.
func bodies(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, expected := range expectations(t) {
		all[expected.File] = readFile(t, expected.File)
	}
	return all
}

func TestFixtures(t *testing.T) {
	t.Parallel()

	expected := expectations(t)
	for _, want := range expected {
		t.Run(want.File, func(t *testing.T) {
			t.Parallel()
			body := readFile(t, want.File)
			envelope, err := pancake.Interpreter{}.ReadEnvelope(body)

			switch want.Outcome {
			case "ignored":
				if err != nil || envelope.Kind == "" || envelope.Kind == "orders" {
					t.Errorf("ReadEnvelope = kind %q, %v, want another kind than orders and no problem", envelope.Kind, err)
				}
				return
			case "refused":
				if code := codeOf(err); code != want.Problem {
					t.Errorf("problem %q, want %q", code, want.Problem)
				}
				if envelope.ShopID != want.ShopID || envelope.OrderID != want.OrderID {
					t.Errorf("envelope of shop %q, order %q, want %q, %q", envelope.ShopID, envelope.OrderID, want.ShopID, want.OrderID)
				}
				return
			}

			if err != nil {
				t.Fatalf("ReadEnvelope: %v", err)
			}
			if envelope.ShopID != want.ShopID || envelope.OrderID != want.OrderID {
				t.Errorf("envelope of shop %q, order %q, want %q, %q", envelope.ShopID, envelope.OrderID, want.ShopID, want.OrderID)
			}
			state, err := pancake.Interpreter{}.Interpret(body)
			if err != nil {
				t.Fatalf("Interpret: %v", err)
			}
			compare(t, want, state)
		})
	}

	t.Run("EveryFileHasAnExpectation", func(t *testing.T) {
		t.Parallel()
		files, err := os.ReadDir("testdata")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			known := slices.ContainsFunc(expected, func(e expectation) bool { return e.File == file.Name() })
			if !known && !file.IsDir() && file.Name() != "expected.json" && !strings.HasSuffix(file.Name(), ".md") {
				t.Errorf("%s is not in expected.json", file.Name())
			}
		}
	})
}

func compare(t *testing.T, want expectation, state order.State) {
	t.Helper()
	equal := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	equal("order code", order.DefaultCodeTemplate.Code(state.ShopID, state.ExternalID), want.OrderCode)
	equal("status", state.Status.Code, want.Status)
	equal("currency", state.Currency, "VND")
	equal("buyer's name", state.Buyer.Name, want.BuyerName)
	equal("masked", state.Buyer.Masked, want.Masked)
	keys := customer.MatchByPhoneOrEmail.Keys(state.Buyer.Phones, state.Buyer.Emails)
	if !slices.Equal(keys, want.Keys) {
		t.Errorf("keys = %+v, want %+v", keys, want.Keys)
	}
	if want.BuyerExternalID != "" {
		equal("buyer's external id", state.Buyer.ExternalID, want.BuyerExternalID)
	}
	if want.Address != "" {
		equal("address", state.Buyer.Address, want.Address)
	}
	equal("creator's phone", state.Creator.Phone, want.CreatorPhone)
	equal("creator's email", state.Creator.Email, want.CreatorEmail)
	equal("number of lines", len(state.Lines), len(want.Lines))
	for i := range min(len(state.Lines), len(want.Lines)) {
		got, want := state.Lines[i], want.Lines[i]
		equal("code", got.ProductCode, want.Code)
		if want.Name != "" {
			equal("name", got.ProductName, want.Name)
		}
		equal("quantity", got.Quantity.String(), want.Quantity)
		equal("unit price", got.UnitPrice, want.UnitPrice)
		equal("discount", got.Discount, want.Discount)
		equal("amount", got.Amount, want.Amount)
		equal("gift", got.Gift, want.Gift)
	}
	equal("lines", state.Totals.Lines, want.Totals.Lines)
	equal("goods", state.Totals.Goods, want.Totals.Goods)
	equal("due", state.Totals.Due, want.Totals.Due)
	equal("ordered at", state.OrderedAt, want.OrderedAt)
	equal("updated at", state.UpdatedAt, want.UpdatedAt)
}

// codeOf is the code of a problem; empty when there is none.
func codeOf(err error) string {
	if found, ok := problem.Of(err); ok {
		return found.Code()
	}
	if err != nil {
		return "internal: " + err.Error()
	}
	return ""
}

// TestSecondReadingOfAnOrder follows one order through its versions.
func TestSecondReadingOfAnOrder(t *testing.T) {
	t.Parallel()
	read := func(file string) order.State {
		state, err := pancake.Interpreter{}.Interpret(readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	first, second := read("order-new-customer.json"), read("order-update-status.json")
	if !order.SameContent(first, read("order-new-customer.json")) {
		t.Error("the same body read twice differs")
	}
	var fields []string
	for _, change := range order.Changes(first, second) {
		fields = append(fields, change.Field)
	}
	if want := []string{"status", "tags", "note", "status_history"}; !slices.Equal(fields, want) {
		t.Errorf("changed %v, want %v", fields, want)
	}
}
