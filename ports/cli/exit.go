package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"orderbridge/domain/problem"
)

// The exit codes. Scripts rely on them: none ever changes its meaning.
const (
	// ExitDone: the command did what it was asked to do.
	ExitDone = 0
	// ExitInternal: something went wrong that is not the caller's fault, or a check found what should not be.
	ExitInternal = 1
	// ExitUsage: the command line cannot be understood. Nothing was looked at or changed.
	ExitUsage = 2
	// ExitNotFound: what the command is about does not exist.
	ExitNotFound = 3
	// ExitRefused: a rule refuses the input, or something else is in the way.
	ExitRefused = 4
	// ExitUnavailable: the database is away; the same command may succeed later.
	ExitUnavailable = 5
	// ExitInterrupted: a signal ended the command.
	ExitInterrupted = 130
)

// exitCodesHelp stands in the help of the program.
const exitCodesHelp = `Exit codes:

    0    done
    1    internal error, or verify found read tables that differ from the log
    2    the command line cannot be understood: unknown flag, missing argument,
         malformed id
    3    not found
    4    refused: invalid input, or a conflict with what is there
    5    the database is away; try again later
    130  interrupted by a signal

With --json, errors are JSON too, on standard error: {"code", "message", "errors"}.
Decide on the code, which never changes its meaning.`

// document is an error as --json tells it.
type document struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Errors  []problem.Field `json:"errors,omitempty"`
	// exit is the exit code that goes with it, cause what an operator may want to know beside the message.
	exit  int
	cause string
}

var exitOf = map[problem.Kind]int{
	problem.KindMalformed:    ExitRefused,
	problem.KindInvalid:      ExitRefused,
	problem.KindUnauthorized: ExitRefused,
	problem.KindForbidden:    ExitRefused,
	problem.KindNotFound:     ExitNotFound,
	problem.KindConflict:     ExitRefused,
	problem.KindStale:        ExitRefused,
	problem.KindTooLarge:     ExitRefused,
	problem.KindUnsupported:  ExitRefused,
	problem.KindUnavailable:  ExitUnavailable,
}

// describe is an error for the operator: a problem as it is, anything else with its whole text, since it is the
// operator who has to mend it.
func describe(ctx context.Context, err error) document {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) { // also when the database's driver calls that "unavailable"
		return document{Code: "interrupted", Message: "interrupted", exit: ExitInterrupted}
	}
	if known, ok := problem.Of(err); ok {
		told := document{Code: known.Code(), Message: known.Error(), Errors: known.Fields(), exit: ExitInternal}
		if exit, ok := exitOf[known.Kind()]; ok {
			told.exit = exit
		}
		if cause := known.Unwrap(); cause != nil && told.exit == ExitUnavailable {
			told.cause = cause.Error()
		}
		return told
	}
	if errors.Is(err, errDifferent) {
		return document{Code: "read-tables-differ", Message: err.Error(), exit: ExitInternal}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return document{Code: "unavailable", Message: "it took too long; try again later", cause: err.Error(), exit: ExitUnavailable}
	}
	return document{Code: "internal", Message: "the command failed: " + hidePasswords(err.Error()), exit: ExitInternal}
}

// fail tells why a command did not do what it was asked to do.
func (rt *Runtime) fail(ctx context.Context, parsed *kong.Context, err error) int {
	var secrets []string
	asJSON := false
	for _, flag := range parsed.Flags() {
		switch {
		case flag.Tag.Has(secretTag):
			secrets = append(secrets, flag.Target.String())
		case flag.Name == jsonFlag:
			asJSON = flag.Target.Bool()
		}
	}
	told := describe(ctx, err)
	told.Message, told.cause = redact(told.Message, secrets), redact(hidePasswords(told.cause), secrets)
	if asJSON {
		return rt.failAsJSON(told)
	}
	if len(told.Errors) > 0 {
		rt.notef("%s: the input is not valid:", program)
		for _, field := range told.Errors {
			rt.notef("  %s: %s", flagOf(parsed, field.Path), redact(field.Message, secrets))
		}
		return told.exit
	}
	lines := strings.Split(strings.TrimSpace(told.Message), "\n") // joined errors have several
	rt.notef("%s: %s", program, lines[0])
	for _, line := range lines[1:] {
		rt.notef("  %s", strings.TrimSpace(line))
	}
	if told.cause != "" {
		rt.notef("  cause: %s", strings.Join(strings.Fields(told.cause), " ")) // pgx breaks lines in its errors
	}
	return told.exit
}

// refuseUsage tells what is wrong with a command line, and where to find help.
func (rt *Runtime) refuseUsage(args []string, message string, selected *kong.Node) int {
	if slices.Contains(args, "--"+jsonFlag) {
		return rt.failAsJSON(document{Code: "usage", Message: message, exit: ExitUsage})
	}
	rt.notef("%s: %s", program, message)
	path := program
	if selected != nil {
		path = selected.FullPath()
	}
	rt.notef(`Run "%s --help" for how it is used.`, path)
	return ExitUsage
}

func (rt *Runtime) failAsJSON(told document) int {
	text, err := encode(told)
	if err != nil { // it is made of strings
		panic(err)
	}
	fmt.Fprint(rt.Stderr, text)
	return told.exit
}

// flagOf names the flag by which an invalid field was given: "phones" is --phone, "default_assignee_id" is
// --default-assignee, "overlap_seconds" is --overlap, which takes any unit. Of a flag that was given several times it says
// which: "phones[1]" is --phone (no. 2).
func flagOf(parsed *kong.Context, path string) string {
	list, index, isEntry := strings.Cut(strings.TrimSuffix(path, "]"), "[")
	name := strings.ReplaceAll(list, "_", "-")
	for _, candidate := range []string{name, strings.TrimSuffix(name, "-id"), strings.TrimSuffix(name, "-seconds"), strings.TrimSuffix(name, "s")} {
		for _, flag := range parsed.Flags() {
			if flag.Name != candidate {
				continue
			}
			at, err := strconv.Atoi(index)
			if !isEntry || err != nil || flag.Target.Kind() != reflect.Slice || flag.Target.Len() == 1 {
				return "--" + candidate
			}
			return fmt.Sprintf("--%s (no. %d)", candidate, at+1)
		}
	}
	return path
}

const (
	// secretTag marks flags whose values are never printed.
	secretTag = "secret"
	// redacted stands where a secret stood.
	redacted = "•••"
	// shortestSecret is the length from which a value is looked for in a text; a shorter one would turn words into dots.
	shortestSecret = 4
)

var (
	passwordInURL     = regexp.MustCompile(`(://[^:/@\s]*:)\S*@`)
	passwordInSetting = regexp.MustCompile(`(?i)(password\s*=\s*)('[^']*'|[^\s&]+)`)
)

// redact takes the values of secret flags out of a text.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) < shortestSecret {
			continue
		}
		for _, spelling := range []string{secret, strings.Trim(strconv.Quote(secret), `"`)} {
			text = strings.ReplaceAll(text, spelling, redacted)
		}
	}
	return text
}

// hidePasswords takes database passwords out of an error that is not of our making. Our own problems hold none.
func hidePasswords(text string) string {
	text = passwordInURL.ReplaceAllString(text, "${1}"+redacted+"@")
	return passwordInSetting.ReplaceAllString(text, "${1}"+redacted)
}

// encode is JSON for people and programs: indented, with text as it is. Only what a terminal might obey is escaped,
// which means the same to every reader of JSON.
func encode(value any) (string, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("encode as JSON: %w", err)
	}
	return escape(buffer.String(), func(r rune) bool { return r != '\n' && isUnsafe(r) }, escapedInJSON), nil
}
