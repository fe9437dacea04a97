package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// webhookPath is where Pancake delivers to.
const webhookPath = "/api/pancake/webhook"

type shopCommands struct {
	Connect    shopConnect    `cmd:"" help:"Let a Pancake shop deliver orders."`
	List       shopList       `cmd:"" help:"List the connected shops."`
	Update     shopUpdate     `cmd:"" help:"Change a shop's name or default assignee."`
	Rotate     shopRotate     `cmd:"" help:"Give a shop a new header value, with a time in which the old one still works."`
	Pause      shopPause      `cmd:"" help:"Let a shop's deliveries wait: they are kept and brought in later."`
	APIKey     shopAPIKey     `cmd:"" help:"Keep the key of Pancake's API for a shop, so that lost orders are found." name:"api-key"`
	Resume     shopResume     `cmd:"" help:"Bring in what waited, and what comes from now on."`
	Disconnect shopDisconnect `cmd:"" help:"End a shop's deliveries."`
}

// fromStdin stands for a value or a file that comes on standard input.
const fromStdin = "-"

type shopConnect struct {
	ShopID          string   `help:"The number in pos.pancake.vn/shop/<number>/overview, or that address." placeholder:"NUMBER" required:""`
	Name            string   `help:"What to call the shop. Default: its id." placeholder:"NAME"`
	HeaderKey       string   `help:"Name of the request header that the shop sends." placeholder:"HEADER" required:""`
	HeaderValue     string   `env:"ORDERBRIDGE_HEADER_VALUE" help:"${header_value_help}" placeholder:"VALUE" required:"" secret:""`
	DefaultAssignee recordID `help:"User who gets the orders whose creator is no user." placeholder:"USER_ID"`
	Output          output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopConnect) Help() string {
	return `The shop's next delivery is taken. Only a keyed hash of the header's value is kept, so write the value down elsewhere.

Examples:

    orderbridge shop connect --shop-id 1635294032 --name "Shop A" \
        --header-key X-Pancake-Key --header-value -

    openssl rand -hex 24 | tee shop-a.secret | orderbridge shop connect \
        --shop-id 1635294032 --header-key X-Pancake-Key --header-value -`
}

// Run connects the shop.
func (c *shopConnect) Run(ctx context.Context, rt *Runtime) error {
	if err := rt.readSecretFlag(ctx, &c.HeaderValue, "Header value: "); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		stored, err := s.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
			By: s.by(),
			Shop: workspace.Shop{
				ID: c.ShopID, Name: c.Name, HeaderKey: c.HeaderKey, DefaultAssigneeID: uuid.UUID(c.DefaultAssignee),
			},
			HeaderValue: c.HeaderValue,
		})
		if err != nil {
			return err
		}
		return rt.showShop(ctx, s, c.Output.JSON, stored.State, tellNextStep)
	})
}

// tellNextStep says what is left to do in Pancake.
func tellNextStep(p *page, shop query.Shop) {
	p.linef("Shop %s is connected. Now enter in Pancake, under", shop.ID)
	p.linef("Cấu hình → Nâng cao → Kết nối bên thứ 3 → Webhook/API → Chi tiết → Webhook URL:")
	p.linef("")
	p.fields(
		[2]string{"  URL", "https://YOUR-DOMAIN" + webhookPath},
		[2]string{"  Partner", "Không có"},
		[2]string{"  Data", "Đơn hàng"},
		[2]string{"  Request header", shop.HeaderKey + ", with the value that you gave here"},
	)
}

// showShop prints a shop as it is after a command about it.
func (rt *Runtime) showShop(ctx context.Context, s Session, asJSON bool, id string, human func(*page, query.Shop)) error {
	shop, err := s.Queries.Shop(ctx, s.WorkspaceID, id)
	if err != nil {
		return fmt.Errorf("it was done; look the shop up: %w", err)
	}
	return rt.show(asJSON, shop, func(p *page) { human(p, shop) })
}

type shopList struct {
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopList) Help() string {
	return `The values of the headers are not shown: they are not kept.

Examples:

    orderbridge shop list
    orderbridge shop list --json | jq -r '.items[].shop_id'`
}

// Run lists the shops.
func (c *shopList) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		shops, err := s.Queries.Shops(ctx, s.WorkspaceID)
		if err != nil {
			return err
		}
		shape := []column{
			{title: "SHOP ID"},
			{title: "NAME", limit: 40},
			{title: "HEADER", limit: 40},
			{title: "DEFAULT ASSIGNEE", limit: 30},
			{title: "PAUSED"},
			{title: "API KEY"},
			{title: "WAITING", right: true},
			{title: "CONNECTED"},
		}
		return showList(rt, c.Output.JSON, query.List[query.Shop]{Items: shops}, "shop is connected", shape, func(shop query.Shop) []string {
			return []string{
				shop.ID, shop.Name, shop.HeaderKey, nameOf(shop.DefaultAssignee), yesNo(shop.Paused), yesNo(shop.HasAPIKey),
				strconv.FormatInt(shop.Held, 10),
				s.moment(shop.ConnectedAt),
			}
		})
	})
}

func nameOf(reference *query.Reference) string {
	if reference == nil {
		return ""
	}
	return reference.Name
}

type shopUpdate struct {
	ShopID            string   `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	Name              *string  `help:"What to call the shop." placeholder:"NAME"`
	DefaultAssignee   recordID `help:"User who gets the orders whose creator is no user." placeholder:"USER_ID"`
	NoDefaultAssignee bool     `help:"Nobody gets the orders whose creator is no user."`
	Output            output   `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopUpdate) Help() string {
	return `The default assignee gets orders that are new from now on. Those that were brought in keep theirs.

Examples:

    orderbridge shop update --shop-id 1635294032 --name "Shop Cầu Giấy"
    orderbridge shop update --shop-id 1635294032 \
        --default-assignee 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11`
}

// Run changes the shop.
func (c *shopUpdate) Run(ctx context.Context, rt *Runtime) error {
	edit := workspace.ShopEdit{Name: c.Name}
	switch assignee := uuid.UUID(c.DefaultAssignee); {
	case assignee != uuid.Nil && c.NoDefaultAssignee:
		return problem.Invalid("assignee-contradictory", "give --default-assignee or --no-default-assignee, not both")
	case assignee != uuid.Nil || c.NoDefaultAssignee:
		edit.DefaultAssigneeID = &assignee
	}
	if edit == (workspace.ShopEdit{}) {
		return problem.Invalid("nothing-to-set", "say what to change, see: orderbridge shop update --help")
	}
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.UpdateShop.Handle(ctx, command.UpdateShop{By: s.by(), ShopID: c.ShopID, Edit: edit}); err != nil {
			return err
		}
		return rt.showShop(ctx, s, c.Output.JSON, c.ShopID, func(p *page, shop query.Shop) {
			p.linef("Shop %s is called %s; its default assignee is %s.", shop.ID, shop.Name, orNobody(shop.DefaultAssignee))
		})
	})
}

func orNobody(reference *query.Reference) string {
	if reference == nil {
		return "nobody"
	}
	return reference.Name
}

type shopRotate struct {
	ShopID      string        `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	HeaderKey   string        `help:"New name of the request header. Default: the name that it has." placeholder:"HEADER"`
	HeaderValue string        `env:"ORDERBRIDGE_HEADER_VALUE" help:"${header_value_help}" placeholder:"VALUE" required:"" secret:""`
	Overlap     time.Duration `default:"24h" help:"${overlap_help}" placeholder:"24h"`
	Output      output        `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopRotate) Help() string {
	return `The new key and value work at once, and the old ones until the overlap ends, so that no delivery is refused while the change is
made in Pancake. Rotating again ends an overlap that is still running.

Examples:

    orderbridge shop rotate --shop-id 1635294032 --header-value -
    openssl rand -hex 24 | tee shop-a.secret | orderbridge shop rotate \
        --shop-id 1635294032 --header-value - --overlap 1h`
}

// Run rotates the key.
func (c *shopRotate) Run(ctx context.Context, rt *Runtime) error {
	if err := rt.readSecretFlag(ctx, &c.HeaderValue, "Header value: "); err != nil {
		return err
	}
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.RotateShopKey.Handle(ctx, command.RotateShopKey{
			By: s.by(), ShopID: c.ShopID, HeaderKey: c.HeaderKey, HeaderValue: c.HeaderValue, Overlap: c.Overlap,
		}); err != nil {
			return err
		}
		return rt.showShop(ctx, s, c.Output.JSON, c.ShopID, func(p *page, shop query.Shop) {
			p.linef("Shop %s is known by the new value of the header %s from now on. Now enter it in Pancake.", shop.ID, shop.HeaderKey)
			if shop.PreviousValidUntil != nil {
				p.linef("The old one (header %s) works until %s.", valueOf(shop.PreviousHeaderKey), s.moment(*shop.PreviousValidUntil))
			} else {
				p.linef("The old one works no longer.")
			}
		})
	})
}

type shopPause struct {
	ShopID string `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopPause) Help() string {
	return `Deliveries of the shop are taken and kept, and wait until it is resumed: none is lost. Pausing twice changes nothing.

Example:

    orderbridge shop pause --shop-id 1635294032`
}

// Run pauses the shop.
func (c *shopPause) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.PauseShop.Handle(ctx, command.PauseShop{By: s.by(), ShopID: c.ShopID}); err != nil {
			return err
		}
		return rt.showShop(ctx, s, c.Output.JSON, c.ShopID, func(p *page, shop query.Shop) {
			p.linef("Shop %s is paused: what it delivers is kept and waits.", shop.ID)
		})
	})
}

type shopResume struct {
	ShopID string `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
	Output output `embed:""`
}

// Help implements kong.HelpProvider.
func (*shopResume) Help() string {
	return `Deliveries that waited are brought in, in the order in which they came. Resuming twice changes nothing.

Example:

    orderbridge shop resume --shop-id 1635294032`
}

// Run resumes the shop.
func (c *shopResume) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		before, err := s.Queries.Shop(ctx, s.WorkspaceID, c.ShopID)
		if err != nil {
			return err
		}
		if _, err := s.Commands.PauseShop.Handle(ctx, command.PauseShop{By: s.by(), ShopID: c.ShopID, Resume: true}); err != nil {
			return err
		}
		return rt.showShop(ctx, s, c.Output.JSON, c.ShopID, func(p *page, shop query.Shop) {
			p.linef("Shop %s is not paused any more. Deliveries that waited: %d.", shop.ID, before.Held)
		})
	})
}

type shopDisconnect struct {
	ShopID string `help:"The shop, see: orderbridge shop list." placeholder:"NUMBER" required:""`
}

// Help implements kong.HelpProvider.
func (*shopDisconnect) Help() string {
	return `The shop's next delivery is refused. What it delivered stays, and it can be connected again.

Example:

    orderbridge shop disconnect --shop-id 1635294032`
}

// Run disconnects the shop.
func (c *shopDisconnect) Run(ctx context.Context, rt *Runtime) error {
	return rt.inSession(ctx, func(s Session) error {
		if _, err := s.Commands.DisconnectShop.Handle(ctx, command.DisconnectShop{By: s.by(), ShopID: c.ShopID}); err != nil {
			return err
		}
		return rt.show(false, nil, func(p *page) {
			p.linef("Shop %s is disconnected. What it delivered stays.", c.ShopID)
		})
	})
}

// readSecretFlag puts what comes on standard input in the place of a flag that says so. It is put into the flag, since
// errors never tell what a secret flag holds.
func (rt *Runtime) readSecretFlag(ctx context.Context, flag *string, prompt string) error {
	if *flag != fromStdin {
		return nil
	}
	value, err := rt.readSecret(ctx, prompt)
	if err != nil {
		return err
	}
	*flag = value
	return nil
}

// maxSecretBytes is far more than any header value has.
const maxSecretBytes = 64 << 10

// readSecret reads one line from standard input, and asks for it at a terminal. An interrupt is obeyed while it waits.
func (rt *Runtime) readSecret(ctx context.Context, prompt string) (string, error) {
	if rt.Stdin == nil {
		return "", errNoSecret
	}
	readLine := func() (string, error) {
		return bufio.NewReader(io.LimitReader(rt.Stdin, maxSecretBytes)).ReadString('\n')
	}
	if file, ok := rt.Stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		terminal := int(file.Fd())
		before, err := term.GetState(terminal)
		if err != nil {
			return "", fmt.Errorf("prepare terminal: %w", err)
		}
		defer term.Restore(terminal, before) //nolint:errcheck // also after an interrupt, and there is nothing left to do if it fails
		fmt.Fprint(rt.Stderr, prompt)
		readLine = func() (string, error) {
			typed, err := term.ReadPassword(terminal) // it does not stay on the screen
			fmt.Fprintln(rt.Stderr)
			return string(typed), err
		}
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := readLine()
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-read:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", fmt.Errorf("read standard input: %w", got.err)
		}
		secret := strings.TrimRight(got.text, "\r\n")
		if secret == "" {
			return "", errNoSecret
		}
		return secret, nil
	}
}

var errNoSecret = problem.InvalidFields("shop-invalid", problem.Field{
	Path: "header_value", Message: "standard input gave no value",
})
