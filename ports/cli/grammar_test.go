package cli_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"orderbridge/ports/cli"
)

// commands are all commands of the contract, and what each needs at least.
var commands = []struct {
	path string
	args []string
	// data tells that the command prints data, and so takes --json.
	data bool
}{
	{"shop connect", []string{"--shop-id", "1635294032", "--header-key", "X-Pancake-Key", "--header-value", "s3cret"}, true},
	{"shop list", nil, true},
	{"shop update", []string{"--shop-id", "1635294032", "--name", "Shop B"}, true},
	{"shop rotate", []string{"--shop-id", "1635294032", "--header-value", "s3cret"}, true},
	{"shop pause", []string{"--shop-id", "1635294032"}, true},
	{"shop api-key", []string{"--shop-id", "1635294032", "--key", "s3cret"}, true},
	{"shop resume", []string{"--shop-id", "1635294032"}, true},
	{"shop disconnect", []string{"--shop-id", "1635294032"}, false},
	{"settings set", []string{"--match-by", "phone"}, true},
	{"settings show", nil, true},
	{"customer add", []string{"--name", "Phạm Dung"}, true},
	{"customer edit", []string{anID, "--name", "Phạm Dung"}, true},
	{"customer list", nil, true},
	{"customer show", []string{anID}, true},
	{"customer archive", []string{anID}, true},
	{"customer restore", []string{anID}, true},
	{"customer import", []string{"-"}, true},
	{"customer duplicates", nil, true},
	{"customer merge", []string{anID, otherID}, true},
	{"customer unmerge", []string{anID}, true},
	{"customer template", []string{"-"}, true},
	{"customer export", []string{"-"}, true},
	{"user add", []string{"--name", "Phương Mai"}, true},
	{"user edit", []string{anID, "--phone", "0904000322"}, true},
	{"user list", nil, true},
	{"user show", []string{anID}, true},
	{"user deactivate", []string{anID}, true},
	{"user reactivate", []string{anID}, true},
	{"user import", []string{"-"}, true},
	{"user unmapped", nil, true},
	{"user map", []string{"--staff", "u-1", "--user", anID}, true},
	{"user unmap", []string{"--staff", "u-1"}, true},
	{"order list", nil, true},
	{"order export", []string{"-"}, true},
	{"order show", []string{"Pancake_1635294032_2051"}, true},
	{"delivery list", nil, true},
	{"delivery show", []string{anID}, true},
	{"delivery body", []string{anID}, false},
	{"delivery export", []string{"-"}, true},
	{"delivery retry", []string{anID}, true},
	{"audit order", []string{"Pancake_1635294032_2051"}, true},
	{"audit delivery", []string{anID}, true},
	{"audit customer", []string{anID}, true},
	{"audit user", []string{anID}, true},
	{"audit settings", nil, true},
	{"audit projection", []string{"crm"}, true},
	{"interpret", []string{anID}, true},
	{"event export", nil, false},
	{"token create", []string{"--name", "reporting"}, true},
	{"token list", nil, true},
	{"token revoke", []string{anID}, false},
	{"account list", nil, true},
	{"account invite", []string{"--name", "lan", "--role", "operator"}, true},
	{"account role", []string{anID, "--role", "viewer"}, false},
	{"account remove", []string{anID}, false},
	{"account reset-password", []string{anID}, true},
	{"account end-sessions", []string{anID}, false},
	{"account setup-link", nil, false},
	{"workspace create", []string{"shop-b"}, true},
	{"workspace list", nil, true},
	{"workspace show", nil, true},
	{"workspace update", []string{"shop-b"}, true},
	{"backfill", []string{"--shop-id", "1635294032", "--since", "2025-09-15T00:00:00Z"}, true},
	{"relink", nil, true},
	{"reconcile now", nil, true},
	{"reconcile report", nil, true},
	{"projection list", nil, true},
	{"projection skip", []string{"crm", "--position", "4711"}, false},
	{"rebuild", []string{"crm"}, true},
	{"verify projections", []string{"crm"}, true},
}

const (
	anID    = "01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11"
	otherID = "01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b12"
)

// TestGrammar: the commands are those of the contract, and each explains itself.
func TestGrammar(t *testing.T) {
	t.Parallel()
	var grammar struct {
		cli.Globals
		cli.Commands
	}
	parser, err := kong.New(&grammar, kong.OptionFunc(cli.Texts))
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(false)
	var paths []string
	for _, leaf := range leaves {
		paths = append(paths, leaf.Path())
	}
	var want []string
	for _, command := range commands {
		want = append(want, command.path)
	}
	if !slices.Equal(paths, want) {
		t.Fatalf("commands %q, want %q", paths, want)
	}
	for i, leaf := range leaves {
		if !strings.HasSuffix(leaf.Help, ".") {
			t.Errorf("%s has no sentence of help", leaf.Path())
		}
		if !strings.Contains(leaf.Detail, "\n    orderbridge "+leaf.Path()) {
			t.Errorf("the help of %s has no example of it:\n%s", leaf.Path(), leaf.Detail)
		}
		hasJSON := false
		for _, flag := range leaf.Flags {
			hasJSON = hasJSON || flag.Name == "json"
			if flag.Help == "" {
				t.Errorf("--%s of %s has no help", flag.Name, leaf.Path())
			}
		}
		for _, argument := range leaf.Positional {
			if argument.Help == "" {
				t.Errorf("<%s> of %s has no help", argument.Name, leaf.Path())
			}
		}
		if hasJSON != commands[i].data {
			t.Errorf("%s has --json: %t", leaf.Path(), hasJSON)
		}
		for line := range strings.Lines(leaf.Detail) {
			if strings.HasPrefix(line, "    ") && len([]rune(line)) > 80 {
				t.Errorf("an example of %s is too wide: %s", leaf.Path(), line)
			}
		}
	}
}

// TestHelp: help needs no database, gives the exit code 0, and shows no value of the environment.
func TestHelp(t *testing.T) {
	t.Parallel()
	pages := [][]string{{"--help"}, {"-h"}, {"shop", "--help"}, {"serve", "--help"}, {"customer", "show", "--help", "--json"}}
	for _, command := range commands {
		pages = append(pages, append(strings.Fields(command.path), "--help"))
	}
	for _, args := range pages {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.env = secretEnvironment
			got := bundle.run(args...).exits(cli.ExitDone)
			if !strings.HasPrefix(got.stdout, "Usage: orderbridge ") || got.stderr != "" || bundle.opened != 0 {
				t.Errorf("opened %d sessions\n%s\n%s", bundle.opened, got.stdout, got.stderr)
			}
			for _, want := range []string{"$DATABASE_URL", "$ORDERBRIDGE_DATA_DIR", "$ORDERBRIDGE_LOG_FORMAT"} {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("%s is not named in\n%s", want, got.stdout)
				}
			}
			for _, value := range secretEnvironment {
				if strings.Contains(got.stdout, value) {
					t.Errorf("%s is told in\n%s", value, got.stdout)
				}
			}
		})
	}
}

var secretEnvironment = map[string]string{
	"DATABASE_URL":             "postgres://orderbridge:hunter2@db.internal/orders",
	"ORDERBRIDGE_HEADER_VALUE": "s3cret-header-value",
	"ORDERBRIDGE_API_KEY":      "s3cret-api-key",
	"ORDERBRIDGE_DATA_DIR":     "/somewhere/private",
}

func TestHelpOfTheProgramTellsTheExitCodes(t *testing.T) {
	t.Parallel()
	got := setup(t).run("--help").exits(cli.ExitDone)
	for _, want := range []string{
		"    0    done\n", "    1    internal error, or verify found", "    2    the command line", "    3    not found\n", "    4    refused",
		"    5    the database is away", "    130  interrupted", "delivery show",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in\n%s", want, got.stdout)
		}
	}
	if other := setup(t).run("shop", "--help"); strings.Contains(other.stdout, "Exit codes") {
		t.Error("the exit codes are told everywhere")
	}
}

// TestUsageErrors: what cannot be understood is told before a database is opened.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"ordre"}, "orderbridge: unexpected argument ordre, did you mean \"order\"?\nRun \"orderbridge --help\" for how it is used.\n"},
		{"half a command", []string{"settings"}, "orderbridge: expected one of \"set\", \"show\"\nRun \"orderbridge settings --help\" for how it is used.\n"},
		{"unknown subcommand", []string{"order", "lst"}, "orderbridge: unexpected argument lst, did you mean \"list\"?\nRun \"orderbridge order --help\" for how it is used.\n"},
		{"unknown flag", []string{"shop", "list", "--jsn"}, "orderbridge: unknown flag --jsn, did you mean \"--json\"?\nRun \"orderbridge shop list --help\" for how it is used.\n"},
		{"no value", []string{"token", "create", "--name"}, "orderbridge: --name needs a value\nRun \"orderbridge token create --help\" for how it is used.\n"},
		{"a required flag", []string{"user", "add"}, "orderbridge: missing flags: --name=NAME\nRun \"orderbridge user add --help\" for how it is used.\n"},
		{"required flags", []string{"shop", "connect"}, "orderbridge: missing flags: --header-key=HEADER, --header-value=VALUE, --shop-id=NUMBER\nRun \"orderbridge shop connect --help\" for how it is used.\n"},
		{"nothing to edit", []string{"user", "edit", anID}, "orderbridge: user edit: say what to change: --name, --phone or --email\nRun \"orderbridge user edit --help\" for how it is used.\n"},
		{"no id", []string{"customer", "show"}, "orderbridge: expected \"<id>\"\nRun \"orderbridge customer show --help\" for how it is used.\n"},
		{"an id that is none", []string{"delivery", "show", "7"}, "orderbridge: <id>: an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11\nRun \"orderbridge delivery show --help\" for how it is used.\n"},
		{"two ids", []string{"customer", "archive", anID, "again"}, "orderbridge: unexpected argument again\nRun \"orderbridge customer archive --help\" for how it is used.\n"},
		{"an unknown rule", []string{"settings", "set", "--match-by", "name"}, "orderbridge: --match-by must be one of \"phone\",\"email\",\"phone_or_email\" but got \"name\"\nRun \"orderbridge settings set --help\" for how it is used.\n"},
		{"an unknown status", []string{"customer", "list", "--status", "gone"}, "orderbridge: --status must be one of \"active\",\"archived\",\"merged\" but got \"gone\"\nRun \"orderbridge customer list --help\" for how it is used.\n"},
		{"an unknown outcome", []string{"delivery", "list", "--outcome", "lost"}, "orderbridge: --outcome must be one of \"pending\",\"created\",\"updated\",\"unchanged\",\"skipped\",\"held\",\"failed\",\"rejected\" but got \"lost\"\nRun \"orderbridge delivery list --help\" for how it is used.\n"},
		{"an unknown log format", []string{"shop", "list", "--log-format", "xml"}, "orderbridge: --log-format must be one of \"text\",\"json\" but got \"xml\"\nRun \"orderbridge shop list --help\" for how it is used.\n"},
		{"bytes that are no text", []string{"user", "add", "--name", "Ph\xe3m"}, "orderbridge: argument 4 is not UTF-8 text\nRun \"orderbridge --help\" for how it is used.\n"},
		{"control characters", []string{"\x1b[2J"}, "orderbridge: unexpected argument \\x1b[2J\nRun \"orderbridge --help\" for how it is used.\n"},
		{
			"JSON",
			[]string{"customer", "show", "7", "--json"},
			"{\n  \"code\": \"usage\",\n  \"message\": \"<id>: an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11\"\n}\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			bundle.run(test.args...).exits(cli.ExitUsage).prints("", test.want)
			if bundle.opened != 0 {
				t.Error("a session was opened")
			}
		})
	}
}

func TestNoArgumentsGiveHelpAndAUsageError(t *testing.T) {
	t.Parallel()
	got := setup(t).run().exits(cli.ExitUsage)
	if got.stdout != "" || !strings.Contains(got.stderr, "delivery show") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", got.stdout, got.stderr)
	}
}

// TestUsageErrorsKeepSecrets: a secret with spaces or a hyphen in front that was not quoted is not repeated.
func TestUsageErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"shop", "connect", "--shop-id", "1", "--header-key", "K", "--header-value", "open", "sesame", "42"},
		{"shop", "connect", "--header-value", "-sesame"},
		{"shop", "connect", "--header-value", "--sesame"},
		{"shop", "connect", "--header-value=open", "sesame"},
		{"shop", "list", "--database-url", "postgres://u:open", "sesame@h/db"},
	} {
		bundle := setup(t)
		got := bundle.run(args...).exits(cli.ExitUsage)
		if strings.Contains(got.stdout+got.stderr, "sesame") {
			t.Errorf("%q told %s", args, got.stderr)
		}
		if !strings.Contains(got.stderr, "--flag='value'") {
			t.Errorf("%q told %s", args, got.stderr)
		}
	}
}

// TestEnvironment: variables come from the caller, flags win over them, and empty ones are not set. The flags of commands
// beside this package's get theirs in the same way.
func TestEnvironment(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://the-process")
	t.Setenv("ORDERBRIDGE_ADDR", "the-process")
	env := map[string]string{
		"DATABASE_URL": "postgres://h/db", "ORDERBRIDGE_DATA_DIR": "/data", "ORDERBRIDGE_LOG_FORMAT": "json", "ORDERBRIDGE_ADDR": ":9",
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"nothing is set", nil, []string{"serve"}, "127.0.0.1:8080   text \n"},
		{"the environment", env, []string{"serve"}, ":9 postgres://h/db /data json \n"},
		{"flags win", env, []string{"serve", "--addr", ":1", "--database-url", "x", "--workspace", "w", "--log-format", "text"}, ":1 x /data text w\n"},
		{"flags before the command", env, []string{"--data-dir", "y", "serve"}, ":9 postgres://h/db y json \n"},
		{"empty is not set", map[string]string{"ORDERBRIDGE_ADDR": ""}, []string{"serve"}, "127.0.0.1:8080   text \n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bundle := setup(t)
			bundle.env = test.env
			bundle.run(test.args...).exits(cli.ExitDone).prints(test.want, "")
		})
	}

	bundle := setup(t)
	bundle.env = map[string]string{"ORDERBRIDGE_LOG_FORMAT": "xml"}
	bundle.run("serve").exits(cli.ExitUsage)

	var out bytes.Buffer
	if code := cli.Execute(t.Context(), &root{}, []string{"serve"}, &cli.Runtime{Stdout: &out, Stderr: &out}); code != cli.ExitDone {
		t.Errorf("without an environment: %d, %s", code, out.String())
	}
}

func TestExecutePanicsWithoutAGrammar(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	cli.Execute(t.Context(), 7, nil, &cli.Runtime{})
}
