package http

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"

	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
	"orderbridge/ports/upload"
)

// maxUploads is how many files may be taken at once.
const maxUploads = 4

var errTooManyUploads = problem.Unavailable("uploads-exhausted", "as many files are being taken as there may be; try again in some seconds")

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
		ctx, cancel := context.WithTimeout(r.Context(), upload.CheckTimeout)
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
	if r.ContentLength > upload.MaxBytes {
		return nil, nil, upload.ErrTooLarge
	}
	hash := sha256.New()
	file, err := upload.Receive(w, workTimeout, errBodyIncomplete, func() (io.Reader, error) {
		return http.MaxBytesReader(w, r.Body, upload.MaxBytes), nil
	}, hash)
	return file, hash.Sum(nil), err
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
