package web

import (
	"context"
	"strings"
	"testing"

	"orderbridge/app/query"
)

func contextIn(language Language) context.Context {
	return context.WithValue(context.Background(), viewKey, &view{Language: language, texts: mustLoadTexts()})
}

func TestOutcomesAndReasonsOfDeliveriesHaveTexts(t *testing.T) {
	t.Parallel()
	for _, language := range []Language{Vietnamese, English} {
		ctx := contextIn(language)
		for _, outcome := range query.Outcomes() {
			for _, key := range []string{"delivery.outcome." + string(outcome), "delivery.outcome." + string(outcome) + ".about"} {
				if !known(ctx, key) {
					t.Errorf("%s has no text in %s", key, language)
				}
			}
		}
		for _, reason := range deliveryReasons() {
			if !known(ctx, "delivery.reason."+reason) {
				t.Errorf("the reason %s has no text in %s", reason, language)
			}
		}
	}
}

func TestReceivedBodiesAreShownAsTheyCame(t *testing.T) {
	t.Parallel()
	const number = `{"id":123456789012345678901234567890,"a":1.50}`
	body := newReceivedBody([]byte(number))
	if body.Exact != number || !body.Whole || !body.Text || !strings.Contains(body.Formatted, `"id": 123456789012345678901234567890,`) ||
		!strings.Contains(body.Formatted, `"a": 1.50`) {
		t.Errorf("%+v", body)
	}
	if body = newReceivedBody([]byte("{\xff")); body.Exact != "{\uFFFD" || body.Text || body.Formatted != "" {
		t.Errorf("%+v", body)
	}
	large := `"` + strings.Repeat("đ", shownBytes) + `"`
	if body = newReceivedBody([]byte(large)); body.Whole || body.Bytes != len(large) || len(body.Exact) > shownBytes+3 || !strings.HasPrefix(large, body.Exact[:100]) {
		t.Errorf("%d bytes are shown of %d", len(body.Exact), body.Bytes)
	}
}

func TestSearchesForDeliveriesAreNotInAddresses(t *testing.T) {
	t.Parallel()
	asked := deliveriesAsked{Outcome: "failed", ShopID: "1", Reason: "older", From: "2025-01-01", To: "2025-01-02", Code: "Pancake_1_2*", Search: "0912345678"}
	if got, want := asked.address("/deliveries", "c"),
		"/deliveries?code=Pancake_1_2%2A&cursor=c&from=2025-01-01&outcome=failed&reason=older&shop=1&to=2025-01-02"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
