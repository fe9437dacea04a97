package command

import (
	"context"
	"crypto/sha256"

	"github.com/google/uuid"

	"orderbridge/domain/problem"
)

// Answers keeps for a day what requests were answered with that must not be done twice (see By.Once).
type Answers interface {
	// Fingerprint tells a request apart from every other, and gives nothing away of what is in it.
	Fingerprint(request string) [sha256.Size]byte
	// Find returns the answer of a request that was done before; nil when it was not. It fails with ErrOnceReused when
	// another request came under the same name, and with ErrOnceTaken when the answer is not there yet.
	Find(ctx context.Context, workspaceID uuid.UUID, once Once) (*Answer, error)
	// Keep keeps the answer of a request that was done, unless another answer is kept under its name.
	Keep(ctx context.Context, workspaceID uuid.UUID, once Once, answer Answer) error
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// ErrOnceReused: another request was done under this name.
var ErrOnceReused = problem.Invalid("idempotency-key-reused",
	"another request was sent with this Idempotency-Key; make a new key for each request, and repeat a request unchanged")
