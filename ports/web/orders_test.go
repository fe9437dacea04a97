package web

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/order"
)

// inVietnam is the context of a page in Vietnamese, on the clock of Vietnam.
func inVietnam(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), viewKey, &view{Language: Vietnamese, Zone: time.FixedZone("+07", 7*60*60), texts: mustLoadTexts()})
}

func TestAMinuteIsAskedForToItsEnd(t *testing.T) {
	t.Parallel()
	ctx, now := inVietnam(t), time.Date(2025, 9, 15, 3, 4, 38, 0, time.UTC) // 10:04:38 in Vietnam
	for raw, want := range map[string]string{
		"2025-09-15T10:03": "2025-09-15T10:03:59.999999+07:00",
		"2025-09-15T10:04": "2025-09-15T03:04:38Z",             // the minute that it is stands for now
		"2025-09-15T10:05": "2025-09-15T10:05:59.999999+07:00", // which is refused
		"1024":             "1024",
		"x":                "x",
	} {
		if got := momentAsked(ctx, raw, now); got != want {
			t.Errorf("%s is asked for as %s, want %s", raw, got, want)
		}
	}
	if got := momentShown(ctx, "2025-09-15T10:04") + " " + momentShown(ctx, "1024"); got != "15/09/2025 10:04 #1024" {
		t.Errorf("shown as %s", got)
	}
}

func TestChangesAreShownAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	ctx := inVietnam(t)
	for _, tc := range []struct{ field, side, want string }{
		{"totals.due", "9007199254740993", "9.007.199.254.740.993 ₫"},
		{"status", `{"code":2,"name":"shipped"}`, "Đã gửi hàng"},
		{"status", `{"code":99,"name":"strange"}`, "strange"},
		{"buyer.phones", `["+84912345678","+84987000102"]`, "0912 345 678, 0987 000 102"},
		{"ordered_at", `"2025-09-15T03:04:00Z"`, "15/09/2025 10:04"},
		{"lines", `[{"amount":1},{"amount":2}]`, "2 mục"},
		{"creator", `{"name":"Mai"}`, "Mai"},
		{"note", "null", "–"},
		{"buyer.masked", "true", "true"},
		{"tags", "[]", "–"},
	} {
		if got := changeShown(ctx, order.Change{Field: tc.field}, json.RawMessage(tc.side), "VND"); got != tc.want {
			t.Errorf("%s of %s is shown as %q, want %q", tc.side, tc.field, got, tc.want)
		}
	}
}

func TestWhoHasTheNameIsSuggested(t *testing.T) {
	t.Parallel()
	mai, huy := query.User{ID: uuid.New(), Name: "Đỗ Phương Mai"}, query.User{ID: uuid.New(), Name: "Huy"}
	v := unmappedView{Users: []query.User{mai, huy, {ID: uuid.New(), Name: "Huy"}}}
	for name, want := range map[string]uuid.UUID{"ĐỖ phuong mai": mai.ID, "Huy": uuid.Nil, "Mai": uuid.Nil, "": uuid.Nil} {
		if got := v.suggested(query.UnmappedStaff{Name: &name}); got != want {
			t.Errorf("%q is suggested to be %s, want %s", name, got, want)
		}
	}
}
