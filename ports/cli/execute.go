package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"orderbridge/app/query"
)

const (
	program = "orderbridge"

	description = "Orderbridge turns the orders that Pancake POS delivers into customers and orders of a CRM, and can explain every step."

	// helpWidth is how wide help gets on a wide terminal.
	helpWidth = 100
)

// vars are values from elsewhere that stand in the tags of the grammar. They are few and short: kong looks through each of them
// anew for each flag of each command.
var vars = kong.Vars{
	"default_limit": strconv.Itoa(query.DefaultLimit),
	"max_limit":     strconv.Itoa(query.MaxLimit),
}

// longHelp is the help of flags that is too long for a tag, by what stands there instead of it.
var longHelp = map[string]string{
	"${data_dir_help}": "Where the secret key and the embedded server's files are. Default: /var/lib/orderbridge as root, " +
		"else ~/.local/share/orderbridge.",
	"${database_url_help}": "PostgreSQL database of Orderbridge's own. Default: the embedded server.",
	"${log_help}":          "How log lines look on standard error: text or json. Default: text.",
	"${header_value_help}": "Value of that header, a secret of your choice. With - it is one line of standard input, which keeps it " +
		"out of the shell's history.",
	"${match_by_help}": "What buyers are recognised by: phone, email, or phone_or_email, which tries every phone before any email.",
	"${code_template_help}": "What the codes of new orders are made by, with {shop_id} and {order_id} in it. Default: " +
		"Pancake_{shop_id}_{order_id}.",
	"${skip_cancelled_help}": "Leave out orders that are first heard of as cancelled or deleted, or with --no-skip-cancelled bring them in.",
	"${overlap_help}":        "For how long the header before is taken too: 90m, 24h, up to 720h. With 0 it ends at once. Default: 24h.",
	"${role_help}": "What the token may do: owner (everything), operator (customers, staff, deliveries), viewer (read, with phones masked). " +
		"Default: viewer.",
	"${account_role_help}": "What they may do: owner (everything), operator (customers, staff, deliveries), viewer (read, with phones masked).",
	"${base_url_help}":     "Address at which the console is reached, which the link begins with. Default: http://127.0.0.1:8080.",
	"${at_help}": "Show it as it was then: at a position of the log such as 1024, at a time such as 2025-09-15T03:04:38Z, or at the end " +
		"of a minute such as '15/09/2025 10:04' or of a day such as 15/09/2025.",
	"${delivery_words_help}": "Only deliveries found by what was typed: words of the buyer's name or of the order's code, a phone or an email.",
	"${retry_filter_help}": "What to try again: outcome (failed or rejected), reason, shop, from, to, code, phone, search. Several are parted " +
		"by commas, and narrow together.",
	"${event_types_help}": "Only events of these types, parted by commas.",
	"${outcome_help}":     "Only deliveries of this outcome: pending, created, updated, unchanged, skipped, held, failed or rejected.",
}

// texts puts into a grammar what its tags name.
func texts(k *kong.Kong) error {
	return errors.Join(vars.Apply(k), kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if flag, ok := node.(*kong.Flag); ok {
				flag.Help = cmp.Or(longHelp[flag.Help], flag.Help)
			}
			return next(nil)
		})
	}).Apply(k))
}

// Execute runs the command that args (without the program's name) choose from the grammar root, and returns the
// exit code. The command's Run method may take a context.Context, a *Runtime and a pointer to root. Errors, also those
// of commands that are not of this package, are told on standard error.
//
// It panics when root is no grammar: a mistake in the program, found at the first call.
func Execute(ctx context.Context, root any, args []string, rt *Runtime, options ...kong.Option) int {
	helped := false
	parser, err := kong.New(root, append([]kong.Option{
		kong.Name(program),
		kong.Description(description),
		kong.Help(help),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: helpWidth}),
		kong.Writers(rt.Stdout, rt.Stderr),
		kong.Exit(func(int) { helped = true }),
		kong.OptionFunc(texts),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(rt),
		newEnvironment(rt.getenv),
	}, options...)...)
	if err != nil {
		panic(err)
	}
	if bad := slices.IndexFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }); bad >= 0 {
		return rt.refuseUsage(args, "argument "+strconv.Itoa(bad+1)+" is not UTF-8 text", nil)
	}
	parsed, err := parser.Parse(args)
	if helped { // the rest of the parse says nothing: whoever asks for help gives no arguments
		return ExitDone
	}
	if err != nil {
		return rt.refuseParse(parser, args, err)
	}
	if err := parsed.Run(); err != nil {
		return rt.fail(ctx, parsed, err)
	}
	return ExitDone
}

// help prints what kong prints, and at the top level what the exit codes mean.
func help(options kong.HelpOptions, parsed *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, parsed); err != nil || parsed.Selected() != nil {
		return err
	}
	_, err := fmt.Fprintf(parsed.Stdout, "\n%s\n", exitCodesHelp)
	return err
}

// refuseParse tells what is wrong with a command line.
func (rt *Runtime) refuseParse(parser *kong.Kong, args []string, err error) int {
	var selected *kong.Node
	if refused, ok := errors.AsType[*kong.ParseError](err); ok && refused.Context != nil {
		if len(args) == 0 { // nothing was asked for, so all there is may help
			parser.Stdout = rt.Stderr
			_ = refused.Context.PrintUsage(false)
			return ExitUsage
		}
		selected = refused.Context.Selected()
	}
	message := err.Error()
	if strings.HasSuffix(message, `but got "EOL" (<EOL>)`) { // kong's word for the end of the line
		flag, _, _ := strings.Cut(message, ":")
		message = flag + " needs a value"
	}
	if tellsSecret(message, parser.Model.Node, args) {
		message = "the arguments cannot be understood; a value with spaces or with a hyphen in front goes like this: --flag='value'"
	}
	return rt.refuseUsage(args, message, selected)
}

// tellsSecret finds messages that repeat a part of a secret, which happens when a secret has spaces or a hyphen in
// front and was not quoted.
func tellsSecret(message string, node *kong.Node, args []string) bool {
	secret := false
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		switch {
		case strings.HasPrefix(arg, "--") && isFlag(node, name):
			secret = secret || isSecret(node, name)
		case secret && strings.Contains(message, arg):
			return true
		}
	}
	return false
}

func isFlag(node *kong.Node, name string) bool { return findFlag(node, name) != nil }

func isSecret(node *kong.Node, name string) bool { return findFlag(node, name).Tag.Has(secretTag) }

// findFlag finds a flag of any command, or nil.
func findFlag(node *kong.Node, name string) *kong.Flag {
	for _, flag := range node.Flags {
		if flag.Name == name {
			return flag
		}
	}
	for _, child := range node.Children {
		if flag := findFlag(child, name); flag != nil {
			return flag
		}
	}
	return nil
}
