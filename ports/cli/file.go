package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// maxSpooledBytes is more than any file that is taken.
const maxSpooledBytes = 1 << 30

var (
	errFolder = problem.Invalid("file-unreadable", "this is a folder; give a file that is in it")
	errPipe   = problem.Invalid("file-unreadable", "this is a pipe; send what comes out of it to standard input, and give -")
	errDevice = problem.Invalid("file-unreadable", "this is no file but a device")
)

// openFile opens a file that an operator names. Standard input, and a pipe that the shell opened for the program, are kept in a file
// until it is closed. It looks before it opens: a pipe that nobody writes to would never open.
func (rt *Runtime) openFile(ctx context.Context, name string) (_ *os.File, size int64, err error) {
	if name == fromStdin {
		in := rt.Stdin
		if in == nil {
			in = strings.NewReader("")
		}
		return spool(ctx, in)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, errUnopened(err)
	}
	switch kind := info.Mode().Type(); {
	case kind == fs.ModeDir:
		return nil, 0, errFolder
	case kind == fs.ModeNamedPipe && !isInherited(name):
		return nil, 0, errPipe
	case kind != 0 && kind != fs.ModeNamedPipe:
		return nil, 0, errDevice
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, errUnopened(err)
	}
	if info.Mode().IsRegular() {
		return file, info.Size(), nil
	}
	defer file.Close()
	return spool(ctx, file)
}

// isInherited tells a name by which the system shows what is open already, such as that of <(…) in a shell.
func isInherited(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}

func errUnopened(cause error) error {
	return problem.Invalid("file-unreadable", "the file cannot be opened: %v", cause)
}

// spool keeps what comes in a file that lives as long as it is open. An interrupt is obeyed while it waits.
func spool(ctx context.Context, from io.Reader) (_ *os.File, size int64, err error) {
	file, err := os.CreateTemp("", "orderbridge-import-")
	if err != nil {
		return nil, 0, fmt.Errorf("keep what is read: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(file, io.LimitReader(from, maxSpooledBytes))
		copied <- err
	}()
	select {
	case <-ctx.Done():
		return nil, 0, errors.Join(ctx.Err(), file.Close())
	case err := <-copied:
		if err != nil {
			return nil, 0, errors.Join(problem.Invalid("file-unreadable", "what comes cannot be read: %v", err), file.Close())
		}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// readFile reads a file that openFile opens, and no more of it than so many bytes.
func (rt *Runtime) readFile(ctx context.Context, name string, atMost int64) ([]byte, error) {
	file, _, err := rt.openFile(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.NewSectionReader(file, 0, atMost))
	if err != nil {
		return nil, problem.Invalid("file-unreadable", "the file cannot be read: %v", err)
	}
	return content, nil
}
