package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// sampleOrder is an order of the size that shops deliver: 3.6 KB.
//
//go:embed order.json
var sampleOrder []byte

// What is replaced in the sample order, to make others of it.
const (
	orderID = "585229755054261"
	phone   = "0912000451"
	buyerID = "b37500e8-48c8-5c79-931f-1a7aed968a35"
)

// orderNumbered is the request body of an order of a customer of their own.
func orderNumbered(n int64) []byte {
	body := bytes.ReplaceAll(sampleOrder, []byte(orderID), fmt.Appendf(nil, "%d", firstOrder+n))
	body = bytes.ReplaceAll(body, []byte(phone), fmt.Appendf(nil, "09%08d", n%1e8))
	return bytes.ReplaceAll(body, []byte(buyerID), fmt.Appendf(nil, "b37500e8-48c8-5c79-931f-%012x", n))
}

const firstOrder int64 = 600_000_000_000_000

func codeNumbered(n int64) string { return fmt.Sprintf("Pancake_%s_%d", shopID, firstOrder+n) }

// client is one keep-alive connection. It is no more than the benchmark needs, because what it uses of the processors the service
// cannot have: a request in one write, an answer with its length announced.
type client struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	answer  []byte
}

func newClient(address string) *client { return &client{address: address} }

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// deliver sends an order and returns the answer's status.
func (c *client) deliver(n int64) (int, error) {
	body := orderNumbered(n)
	c.request = fmt.Appendf(c.request[:0], "POST /api/pancake/webhook HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", c.address, headerKey, headerValue, len(body))
	c.request = append(c.request, body...)
	return c.exchange()
}

// get reads a path of the API and returns the answer's status; the body is in c.answer.
func (c *client) get(path, token string) (int, error) {
	c.request = fmt.Appendf(c.request[:0], "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, c.address, token)
	return c.exchange()
}

const exchangeTimeout = 30 * time.Second

func (c *client) exchange() (_ int, err error) {
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
	if _, err := c.conn.Write(c.request); err != nil {
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

// sender delivers orders, each another one.
type sender struct {
	address string
	sent    atomic.Int64 // how many orders were made
}

const statusOK = 200

// errRefused is an answer other than 200.
type errRefused int

func (e errRefused) Error() string { return fmt.Sprintf("an order is answered with status %d", int(e)) }

// burst delivers orders as fast as they are taken, over so many connections, until stop says so, and returns how many were
// taken.
func (s *sender) burst(ctx context.Context, connections int, stop func() bool) (int, error) {
	var taken atomic.Int64
	err := inParallel(connections, func(int) error {
		c := newClient(s.address)
		defer c.close()
		for !stop() && ctx.Err() == nil {
			status, err := c.deliver(s.sent.Add(1))
			if err != nil {
				return err
			}
			if status != statusOK {
				return errRefused(status)
			}
			taken.Add(1)
		}
		return ctx.Err()
	})
	return int(taken.Load()), err
}

// offerConnections are ample for orders that are offered at a rate: who waits for a free one waits for the service.
const offerConnections = 64

// offered is what came of orders that were offered at a rate.
type offered struct {
	numbers   []int64
	latencies []time.Duration // from when an order was due to the answer
}

// offer delivers orders at a rate (in orders a second, which may change) for a time. What comes of each is told to done as it
// happens, if there is one.
func (s *sender) offer(
	ctx context.Context, rate func() float64, connections int, until func() bool, done func(n int64, due time.Time) error,
) (offered, error) {
	type order struct {
		n   int64
		due time.Time
	}
	orders := make(chan order, 1<<16)
	go func() {
		defer close(orders)
		began, last, owed := time.Now(), time.Now(), 0.0
		_ = began
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !until() && ctx.Err() == nil {
			<-tick.C
			now := time.Now()
			perSecond := rate()
			owed += perSecond * now.Sub(last).Seconds()
			whole := int(owed)
			for i := range whole {
				due := last.Add(now.Sub(last) * time.Duration(i+1) / time.Duration(whole))
				select {
				case orders <- order{s.sent.Add(1), due}:
				case <-ctx.Done():
					return
				}
			}
			owed -= float64(whole)
			last = now
		}
	}()
	var mu sync.Mutex
	var all offered
	err := inParallel(connections, func(int) error {
		c := newClient(s.address)
		defer c.close()
		var mine offered
		var failure error
		for next := range orders {
			if failure != nil {
				continue // the others go on, and the queue must not fill up
			}
			status, err := c.deliver(next.n)
			switch {
			case err != nil:
				failure = err
			case status != statusOK:
				failure = errRefused(status)
			default:
				mine.numbers = append(mine.numbers, next.n)
				mine.latencies = append(mine.latencies, time.Since(next.due))
				if done != nil {
					failure = done(next.n, next.due)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all.numbers = append(all.numbers, mine.numbers...)
		all.latencies = append(all.latencies, mine.latencies...)
		return failure
	})
	return all, errors.Join(err, ctx.Err())
}

// inParallel runs as many workers and returns the first of their errors.
func inParallel(workers int, work func(worker int) error) error {
	failures := make(chan error, workers)
	for worker := range workers {
		go func() { failures <- work(worker) }()
	}
	var first error
	for range workers {
		if err := <-failures; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// percentile is the value that so many percent of all are not above.
func percentile(values []time.Duration, percent float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*percent/100))]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// lasting is over when the time is.
func lasting(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}
