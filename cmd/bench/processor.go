package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor time in /proc, the same on all systems that Go runs on.
const clockTick = 10 * time.Millisecond

// used is processor time.
type used struct{ service, postgres time.Duration }

func (u used) since(before used) used {
	return used{service: u.service - before.service, postgres: u.postgres - before.postgres}
}

// processorTime is what the service and PostgreSQL have used so far: of the latter all processes, those that ended too.
func (b *bench) processorTime(ctx context.Context, p *program) (used, error) {
	service, err := processTime(p.command.Process.Pid, false)
	if err != nil {
		return used{}, err
	}
	postmaster, err := b.postmaster(ctx)
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

func (b *bench) postmaster(ctx context.Context) (int, error) {
	var directory string
	if err := b.pool.QueryRow(ctx, "SHOW data_directory").Scan(&directory); err != nil {
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
