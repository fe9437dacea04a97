package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"orderbridge/domain/problem"
)

var (
	errNotConfirmed = problem.Conflict("not-confirmed", "nothing was done")
	errNobodyToAsk  = problem.Conflict("confirmation-needed", "there is nobody to ask whether to go on, so nothing was done; "+
		"to go on without asking, add --yes")
)

// maxAnswerBytes is more than any answer to a question has.
const maxAnswerBytes = 1 << 10

// confirm asks at the terminal whether to go on. Whatever does not begin with y is a no. An interrupt is obeyed while it waits.
func (rt *Runtime) confirm(ctx context.Context, question string) error {
	file, ok := rt.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return errNobodyToAsk
	}
	return rt.ask(ctx, file, question)
}

// ask reads the answer to a question.
func (rt *Runtime) ask(ctx context.Context, from io.Reader, question string) error {
	fmt.Fprint(rt.Stderr, printable(question)+" [y/N] ")
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(from, maxAnswerBytes)).ReadString('\n') // an end of input is a no
		answered <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(rt.Stderr)
		return ctx.Err()
	case line := <-answered:
		if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
			return errNotConfirmed
		}
		return nil
	}
}
