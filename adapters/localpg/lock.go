package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a lock that somebody else holds is tried again. A blocking flock cannot be cancelled.
const lockPoll = 20 * time.Millisecond

// lock is an flock on a file of its own descriptor, so two of them exclude each other within one process too.
type lock struct{ file *os.File }

// acquireLock waits until the file at path can be locked in the way that how says (syscall.LOCK_EX or LOCK_SH).
func acquireLock(ctx context.Context, path string, how int, owner account) (*lock, error) {
	file, err := owner.openFile(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	l := &lock{file: file}

	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		ok, err := l.try(how)
		if err != nil {
			l.release()
			return nil, err
		}
		if ok {
			return l, nil
		}
		select {
		case <-ctx.Done():
			l.release()
			return nil, fmt.Errorf("wait for the lock %s: %w", path, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (l *lock) try(how int) (bool, error) {
	for {
		err := syscall.Flock(int(l.file.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, fmt.Errorf("lock %s: %w", l.file.Name(), err)
		}
	}
}

// onlyHolder gives up a shared lock and says whether nobody else has one. It is asked under start.lock, so nobody can
// come in between.
func (l *lock) onlyHolder() (bool, error) {
	l.unlock()
	return l.try(syscall.LOCK_EX)
}

// unlock is explicit, because closing is not enough while a child between fork and exec has a copy of the descriptor.
func (l *lock) unlock() { _ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN) }

func (l *lock) release() {
	l.unlock()
	_ = l.file.Close()
}
