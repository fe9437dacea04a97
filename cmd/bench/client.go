package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"time"
)

// sampleOrder is an order of the size that shops deliver: 3.6 KB.
//
//go:embed order.json
var sampleOrder []byte

// What is replaced in the sample order, to make others of it: each by what is as long.
const (
	orderID = "585229755054261"
	phone   = "0912000451"
	buyerID = "b37500e8-48c8-5c79-931f-1a7aed968a35"

	firstOrder int64 = 600_000_000_000_000
)

// identityOf is what tells order n from others: its number, and its customer's phone and id at the shop.
func identityOf(n int64) (orderID, phone, buyerID string) {
	return strconv.FormatInt(firstOrder+n, 10), fmt.Sprintf("09%08d", n%1e8), fmt.Sprintf("b37500e8-48c8-5c79-931f-%012x", n)
}

func codeNumbered(n int64) string { return fmt.Sprintf("Pancake_%s_%d", shopID, firstOrder+n) }

// client is one keep-alive connection. It is no more than the benchmark needs, because what it uses of the processors the service
// cannot have: a request in one write, an answer with its length announced.
type client struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
	answer  []byte

	delivery                   []byte // a whole request; the places in it follow where an order differs from the next
	orderIDs, phones, buyerIDs []int
}

func newClient(address string) *client {
	c := &client{address: address}
	c.delivery = fmt.Appendf(nil, "POST /api/pancake/webhook HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, headerKey, headerValue, len(sampleOrder), sampleOrder)
	c.orderIDs, c.phones, c.buyerIDs = places(c.delivery, orderID), places(c.delivery, phone), places(c.delivery, buyerID)
	return c
}

func places(text []byte, of string) []int {
	var found []int
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(of))
		if at < 0 {
			return found
		}
		found = append(found, from+at)
		from += at + len(of)
	}
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// deliver sends order n, of a customer of its own, and returns the answer's status.
func (c *client) deliver(n int64) (int, error) {
	orderID, phone, buyerID := identityOf(n)
	for _, at := range c.orderIDs {
		copy(c.delivery[at:], orderID)
	}
	for _, at := range c.phones {
		copy(c.delivery[at:], phone)
	}
	for _, at := range c.buyerIDs {
		copy(c.delivery[at:], buyerID)
	}
	return c.exchange(c.delivery)
}

// get reads a path and returns the answer's status; the body is in c.answer. who is the header that says who asks; empty for a
// stranger.
func (c *client) get(path, who string) (int, error) {
	return c.exchange(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, c.address, headerLine(who)))
}

func headerLine(header string) string {
	if header == "" {
		return ""
	}
	return header + "\r\n"
}

// search sends a form and returns the answer's status, as get does.
func (c *client) search(path, who, form string) (int, error) {
	return c.exchange(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n\r\n%s", path, c.address, headerLine(who), len(form), form))
}

const exchangeTimeout = 30 * time.Second

func (c *client) exchange(request []byte) (_ int, err error) {
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", c.address); err != nil { //nolint:noctx // loopback: it is there or it is not
			return 0, err
		}
		c.reader = bufio.NewReader(c.conn)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	return c.readAnswer()
}

func (c *client) readAnswer() (int, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, fmt.Errorf("the answer begins with %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, fmt.Errorf("the answer begins with %q", line)
	}
	length := -1
	chunked := false
	for {
		if line, err = c.reader.ReadSlice('\n'); err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch textproto.CanonicalMIMEHeaderKey(string(name)) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
	if chunked {
		return status, c.readChunks()
	}
	if length < 0 {
		return 0, errors.New("the answer does not tell its length")
	}
	c.answer = slices.Grow(c.answer[:0], length)[:length]
	_, err = io.ReadFull(c.reader, c.answer)
	return status, err
}

func (c *client) readChunks() error {
	c.answer = c.answer[:0]
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		before := len(c.answer)
		c.answer = slices.Grow(c.answer, int(size)+2)[:before+int(size)+2]
		if _, err := io.ReadFull(c.reader, c.answer[before:]); err != nil {
			return err
		}
		c.answer = c.answer[:before+int(size)]
		if size == 0 {
			return nil
		}
	}
}
