package http

import (
	"net/http"
	"sync"

	"orderbridge/app/command"
)

const (
	// defaultMaxDeliveries is how many deliveries may be under way at once: as many as the log lets wait for it.
	defaultMaxDeliveries = 1024
	// defaultMaxDeliveryBytes is for a thousand orders of the usual size, or sixteen of the largest. The service is to live in
	// 128 MiB, and what is being written to the log is held a second time.
	defaultMaxDeliveryBytes = 32 << 20
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

// enter takes a place for a delivery and the bytes that its body may have, or fails with command.ErrOverloaded.
func (d *door) enter(bytes int64) (*place, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deliveries >= d.maxDeliveries || d.bytes+bytes > d.maxBytes {
		return nil, command.ErrOverloaded
	}
	d.deliveries++
	d.bytes += bytes
	return &place{door: d, bytes: bytes}, nil
}

// keep gives back what the body did not need of its bytes.
func (p *place) keep(needed int64) {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	needed = min(needed, p.bytes)
	p.door.bytes -= p.bytes - needed
	p.bytes = needed
}

func (p *place) leave() {
	p.keep(0)
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	p.door.deliveries--
}

// underWay is how many deliveries were let in and are not answered yet, and how many bytes are set aside for their bodies.
func (d *door) underWay() (deliveries int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deliveries, d.bytes
}

// bytesToHold is how many bytes of a request's body may have to be held: the limit when that is not announced, and none of a
// body that is refused for what it announces.
func bytesToHold(r *http.Request, limit int64) int64 {
	switch {
	case r.ContentLength < 0:
		return limit
	case r.ContentLength > limit:
		return 0
	default:
		return r.ContentLength
	}
}
