package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is the service under measure, a process of its own.
type program struct {
	command *exec.Cmd
	address string
	log     *os.File
}

const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// serve starts the service on the benchmark's database, and returns when it is ready.
func (b *bench) serve(ctx context.Context, file string) (_ *program, err error) {
	p := &program{}
	if p.log, err = os.Create(filepath.Join(b.dir, "service.log")); err != nil {
		return nil, err
	}
	p.command = exec.Command(file, "serve", "--addr", "127.0.0.1:0", //nolint:gosec,noctx // the program under measure; stop ends it
		"--database-url", b.cluster.DSN(), "--data-dir", b.dir)
	p.command.Stderr = p.log
	said, err := p.command.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, p.log.Close())
	}
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(err, p.log.Close())
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), "http://")
	if err != nil || !found {
		return nil, errors.Join(fmt.Errorf("the service did not start: %q", line), err, p.stop())
	}
	p.address = address
	deadline := time.Now().Add(startTimeout)
	for !p.ready(ctx) {
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("the service did not get ready"), p.stop())
		}
		if err := sleep(ctx, pollTime); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	return p, nil
}

func (p *program) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return errors.Join(response.Body.Close()) == nil && response.StatusCode == http.StatusOK
}

// stop ends the service in order.
func (p *program) stop() error {
	defer p.log.Close()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	hung := time.AfterFunc(stopTimeout, func() { _ = p.command.Process.Kill() })
	defer hung.Stop()
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("the service: %w", err)
	}
	return nil
}

// peakRSS is the most memory that the service ever had, in MiB.
func (p *program) peakRSS() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the system does not tell the service's memory")
}

// clockTick is the unit of processor time in /proc, the same on all systems that Go runs on.
const clockTick = 10 * time.Millisecond

// used is processor time.
type used struct{ service, postgres time.Duration }

func (u used) since(before used) used {
	return used{service: u.service - before.service, postgres: u.postgres - before.postgres}
}

// processorTime is what the service and PostgreSQL have used so far: of the latter all processes, those that ended too.
func (b *bench) processorTime(p *program) (used, error) {
	service, err := processTime(p.command.Process.Pid, false)
	if err != nil {
		return used{}, err
	}
	postmaster, err := b.postmaster()
	if err != nil {
		return used{}, err
	}
	all, err := processTime(postmaster, true)
	if err != nil {
		return used{}, err
	}
	children, err := childrenOf(postmaster)
	if err != nil {
		return used{}, err
	}
	for _, child := range children {
		took, err := processTime(child, false)
		if err == nil { // one that ended since counts with the postmaster the next time
			all += took
		}
	}
	return used{service: service, postgres: all}, nil
}

func (b *bench) postmaster() (int, error) {
	var directory string
	if err := b.pool.QueryRow(context.Background(), "SHOW data_directory").Scan(&directory); err != nil {
		return 0, err
	}
	file, err := os.ReadFile(filepath.Join(directory, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(file, []byte("\n"))
	return strconv.Atoi(string(first))
}

func childrenOf(parent int) ([]int, error) {
	listed, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return nil, err
	}
	var children []int
	for field := range strings.FieldsSeq(string(listed)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}

// processTime is the time that a process used in user and system mode, and its ended children too if they are asked for.
func processTime(pid int, withChildren bool) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name before it may hold anything
	const userMode, ofChildren = 11, 13
	wanted := fields[userMode:ofChildren]
	if withChildren {
		wanted = fields[userMode : ofChildren+2]
	}
	var ticks int64
	for _, field := range wanted {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
