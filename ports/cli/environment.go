package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// environment gives flags with an env tag their values. Kong would read the process's environment by itself; here it
// is what the caller says it is. As everywhere in Orderbridge, an empty variable is one that is not set.
type environment struct {
	getenv func(string) string
	names  map[*kong.Value][]string
}

func newEnvironment(getenv func(string) string) *environment {
	return &environment{getenv: getenv, names: map[*kong.Value][]string{}}
}

// Apply implements kong.Option: it takes the env tags over before kong looks at them.
func (e *environment) Apply(k *kong.Kong) error {
	for _, option := range []kong.Option{
		kong.Resolvers(e),
		kong.ValueFormatter(e.help),
		kong.PostBuild(func(k *kong.Kong) error {
			return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
				if flag, ok := node.(*kong.Flag); ok && len(flag.Tag.Envs) > 0 {
					e.names[flag.Value] = flag.Tag.Envs
					flag.Tag.Envs, flag.Envs = nil, nil
				}
				return next(nil)
			})
		}),
	} {
		if err := option.Apply(k); err != nil {
			return err
		}
	}
	return nil
}

// Validate implements kong.Resolver.
func (e *environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: the first variable that is set counts.
func (e *environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range e.names[flag.Value] {
		if value := e.getenv(name); value != "" {
			return value, nil
		}
	}
	return nil, nil //nolint:nilnil // that is how a resolver says that it knows nothing
}

// help is a flag's help with the names of its variables, never their values.
func (e *environment) help(value *kong.Value) string {
	names := e.names[value]
	if len(names) == 0 {
		return value.Help
	}
	return value.Help + " Environment: $" + strings.Join(names, ", $") + "."
}
