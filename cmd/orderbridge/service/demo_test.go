package service_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"orderbridge/adapters/postgres/pgtest"
	"orderbridge/cmd/orderbridge/service"
)

var printedCurl = regexp.MustCompile(`(?m)^curl -sS (\S+) -H '([^:']+): ([^']+)' --data-binary '([^']+)'$`)

// demo is the program as `make run` starts it, with what it printed.
func demo(t *testing.T, dsn, dataDir string) (printed string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- service.Main(ctx, []string{"serve", "--demo", "--addr", "127.0.0.1:0", "--data-dir", dataDir},
			func(name string) string { return map[string]string{"DATABASE_URL": dsn}[name] }, strings.NewReader(""), writer, testLog{t})
		writer.Close()
	}()
	var text strings.Builder
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "delivery list") || strings.Contains(lines.Text(), "shop list") {
			break
		}
	}
	go io.Copy(io.Discard, reader) //nolint:errcheck // the rest is of no interest
	return text.String(), func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("serve ended with exit code %d", code)
		}
	}
}

func TestTheDemoDeliversWhatItPrints(t *testing.T) {
	t.Parallel()
	dsn, dataDir := pgtest.New(t), t.TempDir()
	var secrets []string
	for range 2 { // the second start shows the same again
		printed, stop := demo(t, dsn, dataDir)
		curl := printedCurl.FindStringSubmatch(printed)
		if curl == nil {
			t.Fatalf("no curl in:\n%s", printed)
		}
		secrets = append(secrets, curl[3])
		got, err := (&bridge{t: t}).exchange(http.MethodPost, curl[1], []byte(curl[4]), curl[2], curl[3])
		must(t, err)
		got.wants(t, http.StatusOK, "")
		sh := &shell{t: t, environ: map[string]string{"DATABASE_URL": dsn, "ORDERBRIDGE_DATA_DIR": dataDir}}
		eventually(t, "the order is listed", func() bool {
			return strings.Contains(sh.run("order", "list"), "Pancake_1000000001_2051")
		})
		stop()
	}
	if secrets[0] != secrets[1] {
		t.Error("the demo shop got another header value at the second start")
	}
	other, stop := demo(t, pgtest.New(t), t.TempDir())
	stop()
	if strings.Contains(other, secrets[0]) {
		t.Error("two demo shops have one header value")
	}
}

func TestThereIsNoDemoBesideOtherShops(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.stop()
	printed, stop := demo(t, b.dsn, b.dataDir)
	stop()
	if strings.Contains(printed, "curl") || !strings.Contains(printed, "Other shops are connected") {
		t.Errorf("printed:\n%s", printed)
	}
}
