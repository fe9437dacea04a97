package pancake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

// DefaultAPI is where Pancake's own API is (reference, 1.1).
const DefaultAPI = "https://pos.pages.fm/api/v1"

const (
	pageSize = 100
	// maxPageBytes bounds an answer: a hundred orders of thirty kilobytes, and as much again as that for long histories.
	maxPageBytes = 64 << 20

	requestTimeout = 30 * time.Second
	maxAttempts    = 6
	firstWait      = time.Second
	maxWait        = time.Minute
)

// OrdersAPI reads a shop's orders from Pancake's own API. The shop's key goes into the URL, as Pancake wants it, so no error of it ever
// holds a URL.
type OrdersAPI struct {
	base   string
	client *http.Client
	// between is how long to wait between two requests; pause waits, and tests make it shorter.
	between time.Duration
	pause   func(context.Context, time.Duration) error
}

var _ command.OrderSource = (*OrdersAPI)(nil)

// NewOrdersAPI makes a reader of the API at an address, which asks at most so many times a second.
func NewOrdersAPI(base string, perSecond float64) *OrdersAPI {
	return &OrdersAPI{
		base: strings.TrimSuffix(base, "/"), client: &http.Client{Timeout: requestTimeout},
		between: time.Duration(float64(time.Second) / perSecond), pause: pause,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var (
	errKeyRefused = problem.Forbidden("pancake-key-refused",
		"Pancake refuses the shop's API key; set the one that its settings show: orderbridge shop api-key --shop-id ID --key -")
	errShopUnknown = problem.NotFound("pancake-shop-unknown", "Pancake knows no shop with this id for this API key")
	errUnreadable  = problem.Unavailable("pancake-answer-unreadable", "Pancake answered with something that is no list of orders; try again later")
	errUnavailable = problem.Unavailable("pancake-unavailable", "Pancake does not answer, or asks to be left alone; try again later")
)

// Orders reads one page of a shop's orders that changed within a time, in the order in which they changed. Trouble that may pass is waited
// for, as long as Pancake asks to, up to a minute at a time.
func (a *OrdersAPI) Orders(ctx context.Context, asked command.OrdersAsked) (command.OrdersPage, error) {
	var last error
	for attempt := range maxAttempts {
		wait := a.between
		if attempt > 0 {
			wait = min(firstWait<<(attempt-1), maxWait)
			if told, ok := errors.AsType[*waitError](last); ok {
				wait = min(max(told.wait, wait), maxWait)
			}
		}
		if err := a.pause(ctx, wait); err != nil {
			return command.OrdersPage{}, err
		}
		page, err := a.ask(ctx, asked)
		if err == nil {
			return page, nil
		}
		if refused, ok := problem.Of(err); ok && refused.Kind() != problem.KindUnavailable || ctx.Err() != nil {
			return command.OrdersPage{}, err
		}
		last = err
	}
	return command.OrdersPage{}, last
}

// waitError is an answer that says for how long to wait.
type waitError struct {
	wait  time.Duration
	cause error
}

func (e *waitError) Error() string { return e.cause.Error() }
func (e *waitError) Unwrap() error { return e.cause }

// envelopeOfPage is what Pancake wraps a page in.
type envelopeOfPage struct {
	Success      *bool            `json:"success"`
	Data         []jsontext.Value `json:"data"`
	TotalPages   int              `json:"total_pages"`
	TotalEntries int              `json:"total_entries"`
}

func (a *OrdersAPI) ask(ctx context.Context, asked command.OrdersAsked) (command.OrdersPage, error) {
	query := url.Values{
		"api_key": {asked.APIKey}, "page_number": {strconv.Itoa(asked.Page)}, "page_size": {strconv.Itoa(pageSize)},
		"updateStatus": {"updated_at"}, "option_sort": {"last_updated_order_asc"},
		"startDateTime": {strconv.FormatInt(asked.Since.Unix(), 10)}, "endDateTime": {strconv.FormatInt(asked.Until.Unix(), 10)},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/shops/"+url.PathEscape(asked.ShopID)+"/orders?"+query.Encode(), nil)
	if err != nil {
		return command.OrdersPage{}, problem.Invalid("pancake-address-unreadable", "the address of Pancake's API cannot be read")
	}
	request.Header.Set("Accept", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err // without the URL, which holds the key
		}
		return command.OrdersPage{}, errUnavailable.Because(err)
	}
	defer response.Body.Close()
	if err := refusalOf(response); err != nil {
		return command.OrdersPage{}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPageBytes+1))
	switch {
	case err != nil:
		return command.OrdersPage{}, errUnavailable.Because(errors.New("the answer broke off"))
	case len(body) > maxPageBytes:
		return command.OrdersPage{}, problem.TooLarge("pancake-answer-too-large", "Pancake answered with more than 64 MiB for %d orders", pageSize)
	}
	var page envelopeOfPage
	if err := json.Unmarshal(body, &page); err != nil || page.Data == nil || page.Success != nil && !*page.Success {
		return command.OrdersPage{}, errUnreadable
	}
	found := command.OrdersPage{Full: len(page.Data) >= pageSize || page.TotalPages > asked.Page, Total: page.TotalEntries}
	for _, raw := range page.Data {
		found.Orders = append(found.Orders, []byte(raw))
	}
	return found, nil
}

// refusalOf tells what an answer without orders means.
func refusalOf(response *http.Response) error {
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return errKeyRefused
	case status == http.StatusNotFound:
		return errShopUnknown
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return &waitError{wait: retryAfter(response.Header.Get("Retry-After")), cause: errUnavailable.Because(fmt.Errorf("status %d", status))}
	default:
		return errUnreadable.Because(fmt.Errorf("status %d", status))
	}
}

// retryAfter reads how long to wait, in seconds or until a time; 0 when it is not told.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

var errVersionMissing = problem.Invalid("updated-at-missing", "the order does not say when it changed")

// UpdatedAt reads when an order changed last; of one that never did, when it was made.
func (Interpreter) UpdatedAt(body []byte) (time.Time, error) {
	_, object, err := open(body)
	if err != nil {
		return time.Time{}, err
	}
	var times struct {
		InsertedAt scalar `json:"inserted_at"`
		UpdatedAt  scalar `json:"updated_at"`
	}
	if err := json.Unmarshal(object, &times); err != nil {
		return time.Time{}, errNotJSON
	}
	if at := times.UpdatedAt.instant(); !at.IsZero() {
		return at, nil
	}
	if at := times.InsertedAt.instant(); !at.IsZero() {
		return at, nil
	}
	return time.Time{}, errVersionMissing
}
