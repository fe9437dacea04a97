package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRebuildBench runs the benchmark with few orders, so that it works when it is wanted. It compares the tables that it measures.
func TestRebuildBench(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "orderbridge")
	if built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "orderbridge/cmd/orderbridge").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, built)
	}
	const orders = 500
	file := filepath.Join(dir, "figures.json")
	err := rebuildBench{Orders: orders, Rounds: 1, Output: output{Program: program, JSON: file}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var figures rebuildFigures
	if err := json.Unmarshal(written, &figures); err != nil {
		t.Fatal(err)
	}
	if figures.Orders != orders || figures.Events < 4*orders || figures.Ratio <= 0 || figures.EventsPerSecond <= 0 || figures.PeakRSSMB <= 0 ||
		figures.LongestLockMS <= 0 || figures.SlowestReadMS <= 0 {
		t.Errorf("the figures are %+v", figures)
	}
}
