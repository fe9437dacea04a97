package main

import (
	"bufio"
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
	p.command = exec.Command(file, "serve", "--addr", "127.0.0.1:0", //nolint:noctx // the program under measure; stop ends it
		"--database-url", b.cluster.DSN(), "--data-dir", b.dir)
	p.command.Stderr = p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal from the terminal is for the benchmark, which stops the service
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
	if err := waitUntil(ctx, pollTime, startTimeout, "wait for the service to be ready", func(ctx context.Context) (bool, error) {
		return p.ready(ctx), nil
	}); err != nil {
		return nil, errors.Join(err, p.stop())
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
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop ends the service in order, and tells what it complained about when it ends otherwise.
func (p *program) stop() error {
	defer p.log.Close()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	hung := time.AfterFunc(stopTimeout, func() { _ = p.command.Process.Kill() })
	defer hung.Stop()
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("the service: %w\n%s", err, p.complaints())
	}
	return nil
}

// complaints are the last lines of the service's log that tell of trouble.
func (p *program) complaints() string {
	const atMost = 20
	said, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	var troubles []string
	for line := range strings.Lines(string(said)) {
		if !strings.Contains(line, "level=INFO") {
			troubles = append(troubles, line)
		}
	}
	return strings.Join(troubles[max(0, len(troubles)-atMost):], "")
}

// memory is what the system tells of the service's memory under a name, in MiB.
func (p *program) memory(name string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("the service's memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("the system does not tell the service's %s", name)
}

const (
	residentNow  = "VmRSS"
	residentPeak = "VmHWM"
)
