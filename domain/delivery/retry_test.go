package delivery_test

import (
	"strings"
	"testing"

	"orderbridge/domain/delivery"
	"orderbridge/domain/problem"
)

func TestOnlyWhatFailedOrWasRejectedIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, event := range delivery.SaysOutcome() {
		retried, err := delivery.Head{Version: 3, LastEvent: event, Attempts: 2}.Retry()
		if event == "IngestionFailed" || event == "DeliveryRejected" {
			if err != nil || retried != (delivery.IngestionRetried{Reason: "requested", Attempt: 3}) {
				t.Errorf("after %s: %+v, %v", event, retried, err)
			}
			continue
		}
		refusal, ok := problem.Of(err)
		if !ok || refusal.Code() != "delivery-not-retryable" || refusal.Kind() != problem.KindConflict || !strings.Contains(refusal.Error(), `is "`) {
			t.Errorf("after %s it is refused with %v", event, err)
		}
	}
	if _, err := (delivery.Head{}).Retry(); !strings.Contains(err.Error(), "no delivery") {
		t.Errorf("one that does not exist is refused with %v", err)
	}
}
