package http

import (
	"net/http"
	"sync"
)

const (
	// defaultMaxDeliveries is how many deliveries may be under way at once: two appends' worth. More would only wait longer.
	defaultMaxDeliveries = 512
	// defaultMaxDeliveryBytes is for as many orders of the usual size, or eight of the largest. The service is to live in 128 MiB,
	// and holds more than the bodies: what is being written to the log a second time, and the connections of those it refuses.
	defaultMaxDeliveryBytes = 16 << 20

	// usualBodyBytes is room for nearly every order. A body of which it is not known how large it is begins with that much.
	usualBodyBytes = 64 << 10
)

// door lets no more deliveries in than the service can hold. Only known senders come to it, so strangers cannot fill it, and
// nobody waits before it: who is refused knows at once.
type door struct {
	maxDeliveries int
	maxBytes      int64

	mu         sync.Mutex
	deliveries int
	bytes      int64
}

// place is that of a delivery which was let in. It has to leave.
type place struct {
	door  *door
	bytes int64
}

// enter takes a place for a delivery, with so many bytes for its body, or tells that there is none.
func (d *door) enter(bytes int64) (_ *place, entered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deliveries >= d.maxDeliveries || d.bytes+bytes > d.maxBytes {
		return nil, false
	}
	d.deliveries++
	d.bytes += bytes
	return &place{door: d, bytes: bytes}, true
}

// widen makes it room for a body of so many bytes, or tells that there is no more.
func (p *place) widen(bytes int64) bool {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	if p.door.bytes+bytes-p.bytes > p.door.maxBytes {
		return false
	}
	p.door.bytes += bytes - p.bytes
	p.bytes = bytes
	return true
}

func (p *place) leave() {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	p.door.deliveries--
	p.door.bytes -= p.bytes
}

// underWay is how many deliveries were let in and are not answered yet, and how many bytes are set aside for their bodies.
func (d *door) underWay() (deliveries int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deliveries, d.bytes
}

// bytesToHold is how many bytes are set aside for a request's body before it is read: none for one that is refused for what it
// announces.
func bytesToHold(r *http.Request, limit int64) int64 {
	switch {
	case r.ContentLength < 0:
		return min(usualBodyBytes, limit)
	case r.ContentLength > limit:
		return 0
	default:
		return r.ContentLength
	}
}
