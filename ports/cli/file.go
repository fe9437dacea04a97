package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"orderbridge/domain/problem"
)

// writeTo writes to a file, or to standard output where none is named. The file is made beside its name and gets that when it
// is whole, so nobody ever finds a part of it there. It may hold personal data, and is its owner's alone.
func (rt *Runtime) writeTo(name string, write func(io.Writer) error) (err error) {
	if name == "" {
		return write(rt.Stdout)
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return errUnwritable(name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // it is nobody's file, and err tells what matters
		}
	}()
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return errUnwritable(name, err)
	}
	return nil
}

func errUnwritable(name string, cause error) error {
	return problem.Conflict("file-unwritable", "%s cannot be written: %v", name, cause)
}
