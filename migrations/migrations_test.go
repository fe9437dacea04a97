package migrations_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"orderbridge/migrations"
)

func TestMigrationsAreWellFormed(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.FS, "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			if !strings.HasPrefix(file, fmt.Sprintf("%05d_", i+1)) || !strings.HasSuffix(file, ".sql") {
				t.Errorf("the file is not named %05d_<what>.sql, so the numbers have a gap", i+1)
			}
			content, err := fs.ReadFile(migrations.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			header, rest, up := strings.Cut(string(content), "-- +goose Up\n")
			_, down, found := strings.Cut(rest, "-- +goose Down\n")
			if !up || !found || strings.TrimSpace(down) == "" {
				t.Error("it does not go both up and down")
			}
			if !strings.Contains(header, "-- Locks: ") {
				t.Error("its header does not say what it locks")
			}
		})
	}
}
