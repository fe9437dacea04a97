package web

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

func (s *server) pancakeRoutes(r routes) {
	r.owner("GET /settings/pancake", s.pancakePage)
	r.owner("POST /settings/pancake", s.changePancakeSettings)
	r.owner("GET /settings/pancake/connect", s.connectPage)
	r.owner("POST /settings/pancake/connect", s.connectShop)
	r.owner("POST /settings/pancake/shop-id", s.readShopID)
	r.owner("GET /settings/pancake/shops/{shop}", s.shopPage)
	r.owner("POST /settings/pancake/shops/{shop}", s.editShop)
	r.owner("GET /settings/pancake/shops/{shop}/watch", s.watchShop)
	r.owner("POST /settings/pancake/shops/{shop}/rotate", s.rotateShopKey)
	r.owner("POST /settings/pancake/shops/{shop}/pause", s.pauseShop(false))
	r.owner("POST /settings/pancake/shops/{shop}/resume", s.pauseShop(true))
	r.owner("POST /settings/pancake/shops/{shop}/api-key", s.setAPIKey)
	r.owner("POST /settings/pancake/shops/{shop}/disconnect", s.disconnectShop)
}

const (
	pancakePath = "/settings/pancake"

	// usualHeaderKey is what a header is called unless somebody chooses another name.
	usualHeaderKey = "X-Orderbridge-Key"
)

// shopPart is the address of something that belongs to a shop's page.
func shopPart(shopID, part string) string { return shopPath(shopID) + "/" + part }

// pancakeView is what the page of the integration shows.
type pancakeView struct {
	Shops []query.Shop
	// Last is the last delivery of each shop that has one.
	Last     map[string]query.Delivery
	Settings query.Settings
	Form     settingsForm
	Notice   string
}

func (v pancakeView) isFull() bool { return len(v.Shops) >= v.Settings.ShopLimit }

// settingsForm is what was typed of the settings.
type settingsForm struct {
	MatchBy, Template, TimeZone string
	SkipCancelled               bool
	Version                     int
	Refused                     string
}

func settingsFormOf(settings query.Settings) settingsForm {
	return settingsForm{
		MatchBy: settings.MatchBy, Template: settings.OrderCodeTemplate, TimeZone: settings.TimeZone, SkipCancelled: settings.SkipCancelled,
		Version: settings.Version,
	}
}

// matchRules are those to choose from.
func matchRules() []customer.MatchRule {
	return []customer.MatchRule{customer.MatchByPhone, customer.MatchByEmail, customer.MatchByPhoneOrEmail}
}

// timeZones are those that are offered; another may be typed.
func timeZones() []string {
	return []string{"Asia/Ho_Chi_Minh", "Asia/Bangkok", "Asia/Phnom_Penh", "Asia/Singapore", "Asia/Tokyo", "Europe/Paris", "America/Los_Angeles"}
}

// The shop and the order that an order's code is shown of, before there is one.
const (
	exampleShop  = "1635294032"
	exampleOrder = "2051"
)

// exampleCode is what a template makes of them.
func exampleCode(template string) string {
	return strings.NewReplacer("{shop_id}", exampleShop, "{order_id}", exampleOrder).Replace(template)
}

func (s *server) pancakePage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.pancakeView(r.Context())
	if err != nil {
		return err
	}
	switch r.URL.Query().Get("done") {
	case "settings":
		v.Notice = t(r.Context(), "pancake.settings.done")
	case "disconnected":
		v.Notice = t(r.Context(), "shop.disconnect.done")
	}
	return show(w, r, pancakePage(v))
}

func (s *server) pancakeView(ctx context.Context) (v pancakeView, err error) {
	workspaceID := viewOf(ctx).WorkspaceID
	if v.Settings, err = s.app.Queries.Settings(ctx, workspaceID); err != nil {
		return v, err
	}
	v.Form = settingsFormOf(v.Settings)
	if v.Shops, err = s.app.Queries.Shops(ctx, workspaceID); err != nil {
		return v, err
	}
	v.Last = make(map[string]query.Delivery, len(v.Shops))
	for _, shop := range v.Shops {
		last, err := s.app.Queries.Deliveries(ctx, workspaceID, query.DeliveryFilter{ShopID: shop.ID}, query.Page{Limit: 1})
		if err != nil {
			return v, err
		}
		if len(last.Items) > 0 {
			v.Last[shop.ID] = last.Items[0]
		}
	}
	return v, nil
}

func (s *server) changePancakeSettings(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form := settingsForm{
		MatchBy: r.PostFormValue("match_by"), Template: strings.TrimSpace(r.PostFormValue("order_code_template")),
		TimeZone: strings.TrimSpace(r.PostFormValue("time_zone")), SkipCancelled: r.PostFormValue("skip_cancelled") != "",
	}
	insisted, err := insistedVersion(r)
	if err != nil {
		return err
	}
	stored, err := s.app.Commands.ChangeSettings.Handle(ctx, command.ChangeSettings{By: by(ctx), IfVersion: insisted, Edit: workspace.SettingsEdit{
		MatchRule: &form.MatchBy, OrderCodeTemplate: &form.Template, TimeZone: &form.TimeZone, SkipCancelled: &form.SkipCancelled,
	}})
	if refused, ok := refusalOf(err); ok {
		v, err := s.pancakeView(ctx)
		if err != nil {
			return err
		}
		form.Refused, form.Version = sayWhole(ctx, refused), v.Settings.Version
		if refused.Kind() == problem.KindStale {
			form.Refused = t(ctx, "pancake.settings.stale", "Rule", t(ctx, "rule."+v.Settings.MatchBy), "Template", v.Settings.OrderCodeTemplate,
				"Zone", v.Settings.TimeZone)
		}
		v.Form = form
		render(w, r, http.StatusUnprocessableEntity, pancakePage(v))
		return nil
	}
	if err != nil {
		return err
	}
	s.settle(ctx, stored.Position)
	seeOther(w, r, pancakePath+"?done=settings")
	return nil
}

// connectForm is what was typed of a shop that is to be connected.
type connectForm struct {
	MatchBy, Shop, Name, HeaderKey, HeaderValue, Refused string

	Shops, ShopLimit int
}

func (f connectForm) isFull() bool { return f.Shops >= f.ShopLimit }

// shopID is the number in what was typed; empty while there is none.
func (f connectForm) shopID() string { return shopIDIn(f.Shop) }

func shopIDIn(typed string) string {
	id := workspace.ParseShopID(typed)
	var check query.Parameters
	if id == "" || check.ShopID(id) == "" || check.Problem() != nil {
		return ""
	}
	return id
}

func (s *server) connectPage(w http.ResponseWriter, r *http.Request) error {
	settings, err := s.app.Queries.Settings(r.Context(), viewOf(r.Context()).WorkspaceID)
	if err != nil {
		return err
	}
	return show(w, r, connectPage(connectForm{
		MatchBy: settings.MatchBy, HeaderKey: usualHeaderKey, Shops: settings.Shops, ShopLimit: settings.ShopLimit,
	}))
}

// readShopID says which shop an address belongs to, while it is typed.
func (s *server) readShopID(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, shopIDFound(r.PostFormValue("shop"), shopIDIn(r.PostFormValue("shop"))))
}

// keyView is a shop with what has to be entered in Pancake.
type keyView struct {
	Shop query.Shop
	// Value is that of the header: the one time that it is shown.
	Value string
	// URL is the address of the webhook, as whoever looks at the page reaches this service.
	URL string
	// Rotated tells that the shop was connected before.
	Rotated bool
	// Sample is a shell command that delivers a sample order; empty where the shop's own are at hand.
	Sample string
	Watch  watchView
}

// isPlain tells that the address is one where whoever listens learns the key.
func (v keyView) isPlain() bool { return strings.HasPrefix(v.URL, "http://") }

// webhookURL is the address that Pancake sends to.
func webhookURL(r *http.Request) string { return askedAt(r) + "/api/pancake/webhook" }

// connectShop connects a shop, and shows its key. That is no page to come back to, so what is answered takes the address of the shop's.
func (s *server) connectShop(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	settings, err := s.app.Queries.Settings(ctx, viewOf(ctx).WorkspaceID)
	if err != nil {
		return err
	}
	form := connectForm{
		MatchBy: r.PostFormValue("match_by"), Shop: strings.TrimSpace(r.PostFormValue("shop")), Name: strings.TrimSpace(r.PostFormValue("name")),
		HeaderKey: strings.TrimSpace(r.PostFormValue("header_key")), HeaderValue: strings.TrimSpace(r.PostFormValue("header_value")),
		Shops: settings.Shops, ShopLimit: settings.ShopLimit,
	}
	v, err := s.connected(ctx, form, settings)
	if refused, ok := refusalOf(err); ok {
		form.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, connectPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	v.URL = webhookURL(r)
	if isLocal(r) { // where Pancake cannot reach it, and somebody tries it out
		v.Sample = s.cfg.SampleDelivery(v.URL, v.Shop.HeaderKey, v.Value, v.Shop.ID)
	}
	return show(w, r, keyPage(v))
}

// isLocal tells that a request was sent to this machine itself.
func isLocal(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *server) connected(ctx context.Context, form connectForm, settings query.Settings) (keyView, error) {
	if form.MatchBy != settings.MatchBy {
		changed, err := s.app.Commands.ChangeSettings.Handle(ctx, command.ChangeSettings{
			By: by(ctx), Edit: workspace.SettingsEdit{MatchRule: &form.MatchBy},
		})
		if err != nil {
			return keyView{}, err
		}
		s.settle(ctx, changed.Position)
	}
	stored, err := s.app.Commands.ConnectShop.Handle(ctx, command.ConnectShop{
		By: by(ctx), Shop: workspace.Shop{ID: form.Shop, Name: form.Name, HeaderKey: form.HeaderKey}, HeaderValue: form.HeaderValue,
	})
	if err != nil {
		return keyView{}, err
	}
	return s.keyed(ctx, stored, form.HeaderValue)
}

// keyed is a shop that has just got a key.
func (s *server) keyed(ctx context.Context, stored command.StoredShop, chosen string) (v keyView, err error) {
	s.settle(ctx, stored.Position)
	v.Value = cmp.Or(stored.HeaderValue, chosen)
	if v.Shop, err = s.app.Queries.Shop(ctx, viewOf(ctx).WorkspaceID, stored.State); err != nil {
		return v, err
	}
	v.Watch, err = s.watch(ctx, v.Shop)
	return v, err
}

// shopView is what the page of a shop shows.
type shopView struct {
	Shop query.Shop
	// URL is the address of the webhook.
	URL   string
	Watch watchView
	Users []query.User
	Form  shopForm
	// Rotate and APIKey say why another key, and one of Pancake's API, was refused.
	Rotate, APIKey string
	Notice         string
}

// shopForm is what was typed of a shop.
type shopForm struct{ Name, Assignee, Refused string }

// keyOverlaps are for how long the key before can be taken too, in seconds.
func keyOverlaps() []int { return []int{0, 3600, 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600} }

// usualOverlap is a day.
const usualOverlap = 24 * 3600

func (s *server) shopPage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.shopView(r)
	if err != nil {
		return err
	}
	switch ctx := r.Context(); r.URL.Query().Get("done") {
	case "edited":
		v.Notice = t(ctx, "shop.edited")
	case "paused":
		v.Notice = t(ctx, "shop.paused.done")
	case "resumed":
		v.Notice = t(ctx, "shop.resumed.done")
	case "api-key":
		v.Notice = t(ctx, "shop.apikey.done")
	case "api-key-removed":
		v.Notice = t(ctx, "shop.apikey.removed")
	}
	return show(w, r, shopPage(v))
}

func (s *server) shopView(r *http.Request) (v shopView, err error) {
	ctx := r.Context()
	if v.Shop, err = s.app.Queries.Shop(ctx, viewOf(ctx).WorkspaceID, r.PathValue("shop")); err != nil {
		return v, err
	}
	v.URL, v.Form.Name = webhookURL(r), v.Shop.Name
	if v.Watch, err = s.watch(ctx, v.Shop); err != nil {
		return v, err
	}
	if v.Users, err = s.firstUsers(ctx, query.UserFilter{Active: new(true)}); err != nil {
		return v, err
	}
	if who := v.Shop.DefaultAssignee; who != nil {
		v.Form.Assignee = who.ID.String()
		if !slices.ContainsFunc(v.Users, func(one query.User) bool { return one.ID == who.ID }) {
			v.Users = append(v.Users, query.User{ID: who.ID, Name: who.Name}) // who is not active any more
		}
	}
	return v, nil
}

// shopRefused shows a shop's page again, with why something was refused.
func (s *server) shopRefused(w http.ResponseWriter, r *http.Request, say func(*shopView)) error {
	v, err := s.shopView(r)
	if err != nil {
		return err
	}
	say(&v)
	render(w, r, http.StatusUnprocessableEntity, shopPage(v))
	return nil
}

func (s *server) editShop(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), shopForm{Name: r.PostFormValue("name"), Assignee: r.PostFormValue("assignee")}
	insisted, err := insistedVersion(r)
	if err != nil {
		return err
	}
	assignee := uuid.Nil
	if form.Assignee != "" {
		if assignee, err = uuid.Parse(form.Assignee); err != nil {
			return errFormBroken
		}
	}
	stored, err := s.app.Commands.UpdateShop.Handle(ctx, command.UpdateShop{
		By: by(ctx), IfVersion: insisted, ShopID: r.PathValue("shop"), Edit: workspace.ShopEdit{Name: &form.Name, DefaultAssigneeID: &assignee},
	})
	if refused, ok := refusalOf(err); ok {
		form.Refused = sayWhole(ctx, refused)
		return s.shopRefused(w, r, func(v *shopView) { v.Form = form })
	}
	return s.shopDone(w, r, stored, err, "edited")
}

// shopDone goes back to the page of a shop after something was done with it.
func (s *server) shopDone(w http.ResponseWriter, r *http.Request, stored command.Stored[string], err error, done string) error {
	if err != nil {
		return err
	}
	s.settle(r.Context(), stored.Position)
	seeOther(w, r, shopPath(stored.State)+"?done="+done)
	return nil
}

// rotateShopKey gives a shop another key, and shows it as connectShop does.
func (s *server) rotateShopKey(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	insisted, err := insistedVersion(r)
	if err != nil {
		return err
	}
	overlap, err := strconv.Atoi(r.PostFormValue("overlap"))
	if err != nil || !slices.Contains(keyOverlaps(), overlap) {
		return errFormBroken
	}
	chosen := strings.TrimSpace(r.PostFormValue("header_value"))
	stored, err := s.app.Commands.RotateShopKey.Handle(ctx, command.RotateShopKey{
		By: by(ctx), IfVersion: insisted, ShopID: r.PathValue("shop"), HeaderKey: r.PostFormValue("header_key"), HeaderValue: chosen,
		Overlap: time.Duration(overlap) * time.Second,
	})
	if refused, ok := refusalOf(err); ok {
		return s.shopRefused(w, r, func(v *shopView) { v.Rotate = sayWhole(ctx, refused) })
	}
	if err != nil {
		return err
	}
	v, err := s.keyed(ctx, stored, chosen)
	if err != nil {
		return err
	}
	v.URL, v.Rotated = webhookURL(r), true
	return show(w, r, keyPage(v))
}

func (s *server) pauseShop(resume bool) handler {
	done := "paused"
	if resume {
		done = "resumed"
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		insisted, err := insistedVersion(r)
		if err != nil {
			return err
		}
		stored, err := s.app.Commands.PauseShop.Handle(r.Context(), command.PauseShop{
			By: by(r.Context()), IfVersion: insisted, ShopID: r.PathValue("shop"), Resume: resume,
		})
		return s.shopDone(w, r, stored, err, done)
	}
}

// setAPIKey keeps a shop's key of Pancake's API, or forgets it.
func (s *server) setAPIKey(w http.ResponseWriter, r *http.Request) error {
	ctx, done := r.Context(), "api-key"
	insisted, err := insistedVersion(r)
	if err != nil {
		return err
	}
	set := command.SetAPIKey{
		By: by(ctx), IfVersion: insisted, ShopID: r.PathValue("shop"), Key: r.PostFormValue("api_key"), Remove: r.PostFormValue("remove") != "",
	}
	if set.Remove {
		done = "api-key-removed"
	}
	stored, err := s.app.Commands.SetAPIKey.Handle(ctx, set)
	if refused, ok := refusalOf(err); ok {
		return s.shopRefused(w, r, func(v *shopView) { v.APIKey = sayWhole(ctx, refused) })
	}
	return s.shopDone(w, r, stored, err, done)
}

func (s *server) disconnectShop(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	insisted, err := insistedVersion(r)
	if err != nil {
		return err
	}
	stored, err := s.app.Commands.DisconnectShop.Handle(ctx, command.DisconnectShop{By: by(ctx), IfVersion: insisted, ShopID: r.PathValue("shop")})
	if err != nil {
		return err
	}
	s.settle(ctx, stored.Position)
	seeOther(w, r, pancakePath+"?done=disconnected")
	return nil
}
