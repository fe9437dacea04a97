package http

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

const (
	// maxUploadBytes is that of the largest file that an import takes, maxUploads how many may be taken at once.
	maxUploadBytes = 64 << 20
	maxUploads     = 4
	// uploadTimeout is for receiving a file: 64 MiB at 220 KB/s. checkTimeout is for looking at its rows.
	uploadTimeout = 5 * time.Minute
	checkTimeout  = 10 * time.Minute
)

var (
	errFileTooLarge   = problem.TooLarge("file-too-large", "the file has more than %d MiB; split it", maxUploadBytes>>20)
	errTooManyUploads = problem.Unavailable("uploads-exhausted", "as many files are being taken as there may be; try again in some seconds")
)

// uploading is a route that takes a file. Its handler gets it as the body, which is an *os.File that is gone when the request is
// answered.
func (s *server) uploading(needed workspace.Role, next http.HandlerFunc) http.Handler {
	return s.identified(needed, func(w http.ResponseWriter, r *http.Request) error {
		if err := s.cfg.Readable(); err != nil {
			return err
		}
		select {
		case s.uploads <- struct{}{}:
			defer func() { <-s.uploads }()
		default:
			return errTooManyUploads
		}
		file, digest, err := receiveFile(w, r)
		if err != nil {
			return err
		}
		defer file.Close()
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		return s.once(w, r.WithContext(ctx), digest, func(w http.ResponseWriter, r *http.Request) error {
			r.Body = file
			next(w, r)
			return nil
		})
	})
}

// receiveFile keeps what is sent in a file that lives as long as it is open, and returns with it what tells it from others.
func receiveFile(w http.ResponseWriter, r *http.Request) (_ *os.File, digest []byte, err error) {
	if r.ContentLength > maxUploadBytes {
		return nil, nil, errFileTooLarge
	}
	connection, now := http.NewResponseController(w), time.Now()
	if err := errors.Join(connection.SetReadDeadline(now.Add(uploadTimeout)),
		connection.SetWriteDeadline(now.Add(uploadTimeout+checkTimeout+workTimeout))); err != nil {
		return nil, nil, fmt.Errorf("give the upload its time: %w", err)
	}
	file, err := os.CreateTemp("", "orderbridge-upload-")
	if err != nil {
		return nil, nil, fmt.Errorf("keep the upload: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, nil, fmt.Errorf("keep the upload: %w", err)
	}
	hash := sha256.New()
	kept := &failing{to: file}
	if _, err := io.Copy(io.MultiWriter(kept, hash), http.MaxBytesReader(w, r.Body, maxUploadBytes)); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, nil, errFileTooLarge
		}
		if kept.err != nil {
			return nil, nil, fmt.Errorf("keep the upload: %w", kept.err)
		}
		return nil, nil, errBodyIncomplete.Because(err)
	}
	// Waiting for more of the request would end the answer at the time that it had.
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return nil, nil, fmt.Errorf("keep connection open: %w", err)
	}
	return file, hash.Sum(nil), nil
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

// uploadOf is the file that the request of an uploading route brought, and its size in bytes.
func uploadOf(body io.Reader) (*os.File, int64, error) {
	file, ok := body.(*os.File)
	if !ok {
		panic("ports/http: this route takes no files")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("look at the upload: %w", err)
	}
	return file, info.Size(), nil
}
