// Package upload takes the file that a request brings.
package upload

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"orderbridge/domain/problem"
)

const (
	// MaxBytes is that of the largest file that is taken.
	MaxBytes = 64 << 20
	// receiveTimeout is for receiving a file: 64 MiB at 220 KB/s.
	receiveTimeout = 5 * time.Minute
	// CheckTimeout is for looking at its rows.
	CheckTimeout = 10 * time.Minute
)

// ErrTooLarge says that a file has more than MaxBytes.
var ErrTooLarge = problem.TooLarge("file-too-large", "the file has more than %d MiB; split it", MaxBytes>>20)

// Receive keeps what a request brings in a file that lives as long as it is open, and gives the same bytes to whoever gets them also. The
// request has its time for that, and its answer has CheckTimeout and answering from then on. Whoever sends too much is told ErrTooLarge,
// and whoever breaks off or is too slow is told incomplete.
func Receive(
	w http.ResponseWriter, answering time.Duration, incomplete *problem.Error, open func() (io.Reader, error), also ...io.Writer,
) (_ *os.File, err error) {
	connection, now := http.NewResponseController(w), time.Now()
	if err := errors.Join(connection.SetReadDeadline(now.Add(receiveTimeout)),
		connection.SetWriteDeadline(now.Add(receiveTimeout+CheckTimeout+answering))); err != nil {
		return nil, fmt.Errorf("give the upload its time: %w", err)
	}
	from, err := open()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "orderbridge-upload-")
	if err != nil {
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	kept := &failing{to: file}
	size, err := io.Copy(io.MultiWriter(append(also, kept)...), io.LimitReader(from, MaxBytes+1))
	_, bounded := errors.AsType[*http.MaxBytesError](err)
	switch {
	case bounded || size > MaxBytes:
		return nil, ErrTooLarge
	case kept.err != nil:
		return nil, fmt.Errorf("keep the upload: %w", kept.err)
	case err != nil:
		return nil, incomplete.Because(err)
	}
	// Waiting for more of the request would end the answer at the time that it had.
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("keep connection open: %w", err)
	}
	return file, nil
}

// failing remembers that it was the disk that failed, and not the sender.
type failing struct {
	to  io.Writer
	err error
}

// Write writes.
func (f *failing) Write(data []byte) (int, error) {
	n, err := f.to.Write(data)
	f.err = err
	return n, err
}
