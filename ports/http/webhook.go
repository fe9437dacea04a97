package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/domain/delivery"
	"orderbridge/domain/problem"
)

// deliveryAnswer is the answer to a delivery that was taken.
type deliveryAnswer struct {
	DeliveryID uuid.UUID `json:"delivery_id,omitzero"`
	Status     string    `json:"status"`
	Type       string    `json:"type,omitempty"`
}

// receiveDelivery is the webhook.
func (s *server) receiveDelivery(w http.ResponseWriter, r *http.Request) error {
	outcome := outcomeError // stays when something panics
	defer func() { s.metrics.deliveries.WithLabelValues(outcome).Inc() }()

	receipt, err := s.deliver(w, r)
	switch {
	case err != nil:
		outcome = outcomeOf(err)
		return err
	case receipt.Ignored != "":
		outcome = outcomeIgnored
		s.metrics.ignored.WithLabelValues(knownKind(receipt.Ignored)).Inc()
		answerJSON(w, http.StatusOK, deliveryAnswer{Status: "ignored", Type: receipt.Ignored})
	default:
		outcome = outcomeReceived
		exchangeOf(r.Context()).deliveryID = receipt.DeliveryID
		answerJSON(w, http.StatusOK, deliveryAnswer{DeliveryID: receipt.DeliveryID, Status: "received"})
	}
	return nil
}

// deliver asks who it is, and whether there is room, before it reads anything they sent.
func (s *server) deliver(w http.ResponseWriter, r *http.Request) (command.Receipt, error) {
	host := HostOf(r)
	sender, err := s.authenticateDelivery(r, host)
	if err != nil {
		return command.Receipt{}, err
	}
	place, entered := s.door.enter(bytesToHold(r, s.cfg.MaxBodyBytes))
	if !entered {
		return command.Receipt{}, command.ErrOverloaded
	}
	defer place.leave()
	received := command.ReceiveOrder{Sender: sender, Request: requestOf(r, host)}
	refusal := checkEncoding(w, r)
	if refusal == nil {
		received.Body, refusal = readBody(w, r, s.cfg.MaxBodyBytes, place.widen)
	}
	// A sender that hangs up now has sent all it was going to send, so that is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), workTimeout)
	defer cancel()
	if refusal != nil {
		if errors.Is(refusal, command.ErrOverloaded) {
			return command.Receipt{}, refusal // and nothing is kept of it
		}
		return command.Receipt{}, s.application.Commands.ReceiveOrder.Refuse(ctx, received, refusal)
	}
	return s.application.Commands.ReceiveOrder.Handle(ctx, received)
}

var errEncodingUnsupported = problem.Unsupported("encoding-unsupported", "send the body as it is, without Content-Encoding")

// checkEncoding refuses compressed bodies: what is kept is what was received, byte by byte, and a small body that unpacks
// to a huge one has no way in. Pancake is not known to compress.
func checkEncoding(w http.ResponseWriter, r *http.Request) *problem.Error {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			w.Header().Set("Accept-Encoding", "identity")
			return errEncodingUnsupported
		}
	}
	return nil
}

func (s *server) authenticateDelivery(r *http.Request, host string) (command.Sender, error) {
	ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
	defer cancel()
	return s.application.Commands.AuthenticateDelivery.Handle(ctx, command.AuthenticateDelivery{Host: host, Header: r.Header.Get})
}

var errBodyIncomplete = problem.Malformed("body-incomplete", "the body broke off before its end, or came too slowly; send it again")

// readBody reads at most limit bytes, and no byte of a body that says it is larger. Of a body that breaks off it returns
// what came. When one that did not announce its size has more than the usual, widen tells whether there is room for limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, widen func(bytes int64) bool) ([]byte, *problem.Error) {
	errTooLarge := problem.TooLarge("body-too-large", "a body has at most %d bytes", limit)
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	size, reader := bytesToHold(r, limit), http.MaxBytesReader(w, r.Body, limit)
	body := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead)) // in one piece
	_, err := body.ReadFrom(io.LimitReader(reader, size))
	if err == nil && r.ContentLength < 0 && int64(body.Len()) == size {
		if !widen(limit) {
			return nil, command.ErrOverloaded
		}
		body.Grow(int(limit-size) + bytes.MinRead) // once: growing again and again would hold a body several times
		_, err = body.ReadFrom(reader)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return body.Bytes(), errBodyIncomplete.Because(err)
	}
	return body.Bytes(), nil
}

// HostOf is the host that a request was made to, without port, in the one spelling that workspaces are named in. What a
// proxy says in X-Forwarded-Host is not believed: a proxy has to pass Host on.
func HostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	return strings.ToLower(clean(host))
}

// requestOf is what is kept of a request: nothing that could be a secret, and nothing without end.
func requestOf(r *http.Request, host string) delivery.Request {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr // of a Unix socket
	}
	return delivery.Request{
		Host: host, ContentType: clean(r.Header.Get("Content-Type")), UserAgent: clean(r.Header.Get("User-Agent")),
		RemoteAddr: address,
	}
}

const maxKeptBytes = 256

// clean makes a sender's text storable: valid, printable and of bounded length.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\x7f' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	for i := range text {
		if i >= maxKeptBytes {
			return text[:i]
		}
	}
	return text
}

func knownKind(kind string) string {
	if slices.Contains(ignoredKinds, kind) {
		return kind
	}
	return kindOther
}
