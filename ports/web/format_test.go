package web

import (
	"context"
	"testing"
	"time"

	"orderbridge/domain/event"
)

func TestAmountsTimesAndPhones(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]string{
		0: "0 ₫", 999: "999 ₫", 1_000: "1.000 ₫", 1_250_000: "1.250.000 ₫", -50_000: "−50.000 ₫",
		-9_223_372_036_854_775_808: "−9.223.372.036.854.775.808 ₫",
	} {
		if got := money(amount, "VND"); got != want {
			t.Errorf("%d is %q, want %q", amount, got, want)
		}
	}
	if got := money(1_250, "USD"); got != "1.250 USD" {
		t.Errorf("dollars are %q", got)
	}
	for stored, want := range map[string]string{
		"+84912345678": "0912 345 678", "091****678": "091****678", "+639170001234": "+639170001234", "": "",
	} {
		if got := phone(stored); got != want {
			t.Errorf("%s is %q, want %q", stored, got, want)
		}
	}
	zone := time.FixedZone("+7", 7*60*60)
	ctx := context.WithValue(t.Context(), viewKey, &view{Language: Vietnamese, Zone: zone, texts: mustLoadTexts()})
	if got := moment(ctx, time.Date(2025, 9, 15, 17, 30, 0, 0, time.UTC)); got != "16/09/2025 00:30" {
		t.Errorf("the time is %q", got)
	}
	for ms, want := range map[int64]string{7: "7 ms", 1_500: "1,5 s", 61_000: "1m1s", 3 * 24 * 3600 * 1000: "3 ngày"} {
		if got := took(ctx, ms); got != want {
			t.Errorf("%d ms is %q, want %q", ms, got, want)
		}
	}
	for who, want := range map[event.Actor]string{
		event.ActorPolicy: "Orderbridge", event.ActorAccount("lan"): "lan", event.ActorAtCommandLine("root"): "root (dòng lệnh)", "other": "other",
	} {
		if got := actor(ctx, who); got != want {
			t.Errorf("%s is %q, want %q", who, got, want)
		}
	}
}

func TestOnlyPathsOfTheConsoleAreGoneTo(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/orders?status=new": "/orders?status=new", "": "/", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/", "/a\r\nb": "/",
		"javascript:alert(1)": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q goes to %q, want %q", next, got, want)
		}
	}
}
