package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serverUser is who runs the server when Orderbridge is root: PostgreSQL refuses to run as root, and each of its
// packages creates this user.
const serverUser = "postgres"

// interruptGrace is how long a program of PostgreSQL's has to end itself after being interrupted.
const interruptGrace = 10 * time.Second

// account is the operating-system user that runs the server and owns its files.
type account struct {
	name       string
	home       string
	uid, gid   int
	credential *syscall.Credential // nil: the server runs as whoever runs Orderbridge
}

// defaultAccount is the one for a new cluster.
func (s system) defaultAccount() (account, error) {
	if s.uid != 0 {
		return s.ownAccount(), nil
	}
	found, err := s.lookupUser(serverUser)
	if err != nil {
		return account{}, fmt.Errorf("find a user to run PostgreSQL: Orderbridge runs as root, PostgreSQL refuses to, and there is no user %q: "+
			"start Orderbridge as an ordinary user, or create that one (useradd --system --user-group --no-create-home %[1]s): %w", serverUser, err)
	}
	return accountOf(found)
}

// accountFor is the one that an existing cluster needs: whoever owns it.
func (s system) accountFor(cluster string) (account, error) {
	info, err := os.Stat(cluster)
	if err != nil {
		return account{}, fmt.Errorf("find who owns the cluster: %w", err)
	}
	uid, gid := ownerOf(info)
	owner := nameOf(uid)
	switch {
	case s.uid != 0 && uid != s.uid:
		return account{}, fmt.Errorf("the cluster in %s belongs to user %s: start Orderbridge as that user or as root", cluster, owner)
	case s.uid != 0:
		return s.ownAccount(), nil
	case uid == 0:
		return account{}, fmt.Errorf("the cluster in %s belongs to root, and PostgreSQL refuses to run as root: chown -R %s %[1]s",
			cluster, serverUser)
	}
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return accountOf(found)
	}
	return accountWith(owner, "/", uid, gid, nil), nil
}

func (s system) ownAccount() account {
	return account{name: nameOf(s.uid), home: os.Getenv("HOME"), uid: s.uid, gid: os.Getgid()}
}

func accountOf(found *user.User) (account, error) {
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return account{}, fmt.Errorf("read the uid of user %s: %w", found.Username, err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return account{}, fmt.Errorf("read the gid of user %s: %w", found.Username, err)
	}
	names, err := found.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("list the groups of user %s: %w", found.Username, err)
	}
	groups := make([]uint32, 0, len(names))
	for _, name := range names {
		id, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("read a group of user %s: %w", found.Username, err)
		}
		groups = append(groups, uint32(id))
	}
	return accountWith(found.Username, found.HomeDir, uid, gid, groups), nil
}

func accountWith(name, home string, uid, gid int, groups []uint32) account {
	//nolint:gosec // the operating system's ids are 32 bits wide
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}
	return account{name: name, home: home, uid: uid, gid: gid, credential: credential}
}

func nameOf(uid int) string {
	id := strconv.Itoa(uid)
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return id
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid), int(stat.Gid)
	}
	return -1, -1
}

// foreign says whether what the account needs must be given to it, as we are not it.
func (a account) foreign() bool { return a.credential != nil }

// openFile opens a file that the account may use too. Where root does this, the directory may belong to somebody else,
// who could have put a link there: hence no links, symbolic or hard, and chown by descriptor.
func (a account) openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := a.give(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return file, nil
}

func (a account) give(file *os.File) error {
	if !a.foreign() {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if uid, _ := ownerOf(info); uid == a.uid {
		return nil
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Nlink != 1 || !info.Mode().IsRegular() {
		return errors.New("it is not an ordinary file with one name")
	}
	return file.Chown(a.uid, a.gid)
}

// privateDirectory sees to a directory that the account owns and that nobody else can enter.
func (a account) privateDirectory(path string) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case err == nil && a.foreign():
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return fmt.Errorf("give a directory to user %s: %w", a.name, err)
		}
	case err != nil && !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	uid, _ := ownerOf(info)
	if uid == os.Geteuid() && a.foreign() && info.IsDir() { // made by us, and then we were killed
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return fmt.Errorf("give a directory to user %s: %w", a.name, err)
		}
		uid = a.uid
	}
	if !info.IsDir() || uid != a.uid || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is %s of user %s, and not a directory that user %s alone can enter: remove it", path, info.Mode(), nameOf(uid), a.name)
	}
	return nil
}

// canEnter asks the operating system rather than computing it from modes, which say nothing about ACLs and the like.
func (a account) canEnter(ctx context.Context, dir string) (bool, error) {
	_, err := a.run(ctx, nil, "/bin/sh", "-c", `cd "$1"`, "sh", dir)
	var refused *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &refused):
		return false, nil
	default:
		return false, fmt.Errorf("try whether user %s can enter %s: %w", a.name, dir, err)
	}
}

// run runs a program as the account and returns what it printed, which is also in the error if there is one.
func (a account) run(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/" // ours may be one that the account cannot enter
	cmd.Env = a.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &output, &output
	// A process group of its own: what ends it is ctx, never the terminal's Ctrl-C behind our back.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
	// Interrupted, initdb removes what it made, and pg_ctl start passes it on to the server that it is waiting for.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = interruptGrace

	err := cmd.Run()
	text := strings.TrimSpace(output.String())
	switch {
	case err == nil:
		return text, nil
	case ctx.Err() != nil:
		return text, context.Cause(ctx)
	case text != "":
		return text, fmt.Errorf("%w: %s", err, text)
	default:
		return text, err
	}
}

// environment lists what may pass. Ours holds secrets, PG… variables that would redirect PostgreSQL's programs, and
// systemd's NOTIFY_SOCKET, on which the server would speak in our name.
func (a account) environment() []string {
	env := []string{"LC_ALL=C", "HOME=" + a.home, "USER=" + a.name, "LOGNAME=" + a.name}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
