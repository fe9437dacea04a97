package service

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
)

func Main(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	s, err := Open(ctx, Settings{DatabaseURL: getenv("DATABASE_URL"), DataDir: args[4]}, logger)
	if err != nil {
		logger.Error("open", "error", err)
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	fmt.Fprintf(stdout, "Orderbridge listens on http://%s\n", l.Addr())
	if err := s.Serve(ctx, l); err != nil {
		return 1
	}
	return 0
}
