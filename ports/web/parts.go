package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"orderbridge/app/query"
)

// isWithin tells that a page belongs to a part of the console.
func isWithin(path, part string) bool {
	return path == part || part != "/" && strings.HasPrefix(path, part+"/")
}

// badgeTone is the class of a tone, written out so that the style sheet is built with it.
func badgeTone(tone string) string {
	switch tone {
	case "success":
		return "badge-success"
	case "info":
		return "badge-info"
	case "warning":
		return "badge-warning"
	case "error":
		return "badge-error"
	default:
		return "badge-neutral"
	}
}

func stepTone(state query.StepState) string {
	switch state {
	case query.StepFailed:
		return "bg-error"
	case query.StepHeld, query.StepPending:
		return "bg-warning"
	default:
		return "bg-primary"
	}
}

// timelineOf is a part of the timeline of a record, as whoever is signed in may see it.
func timelineOf[ID any](
	ctx context.Context, read func(context.Context, uuid.UUID, ID, query.Page) (query.Timeline, error), of ID, cursor string,
) (query.Timeline, error) {
	page, err := query.ParsePage(new(listSize), cursor)
	if err != nil {
		return query.Timeline{}, err
	}
	timeline, err := read(ctx, viewOf(ctx).WorkspaceID, of, page)
	if err != nil {
		return query.Timeline{}, err
	}
	return seen(ctx, timeline), nil
}

// inLanguage is the one of two texts that is in the language of the page.
func inLanguage(ctx context.Context, vietnamese, english string) string {
	if viewOf(ctx).Language == Vietnamese {
		return vietnamese
	}
	return english
}

// indented is JSON for people. Numbers stay as they are written, however large.
func indented(raw json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return string(raw)
	}
	return out.String()
}

// address is that of a list with its filters, of which the empty ones are left out.
func address(path string, filters ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(filters); i += 2 {
		if filters[i+1] != "" {
			values.Set(filters[i], filters[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// valuesOf are the values of filters, which are given as name, value, name, value ….
func valuesOf(filters []string) []string {
	values := make([]string, 0, len(filters)/2)
	for i := 1; i < len(filters); i += 2 {
		values = append(values, filters[i])
	}
	return values
}
