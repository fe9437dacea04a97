package workspace

import (
	"fmt"
	"slices"
	"time"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

const (
	// DefaultShopLimit is how many shops a workspace connects at most, the number that Getfly's integration guide names
	// (section 2, step 3).
	DefaultShopLimit = 10
	// MaxShopLimit keeps the door quick: every delivery is compared with the header of every shop.
	MaxShopLimit = 1000

	// defaultTimeZone is where the shops are.
	defaultTimeZone = "Asia/Ho_Chi_Minh"
)

// Settings say how a workspace takes orders in. They are stored whole in the events that change them, save the match
// rule, which has events of its own.
type Settings struct {
	MatchRule customer.MatchRule `json:"-"`
	// OrderCodeTemplate makes the codes of orders that come from now on (see order.CodeTemplate).
	OrderCodeTemplate string `json:"order_code_template"`
	// TimeZone is an IANA name: where the workspace's people are. It changes how times are shown and which days sales are of, and
	// nothing else.
	TimeZone string `json:"time_zone"`
	// SkipCancelled leaves out orders that are first heard of as cancelled or deleted.
	SkipCancelled bool `json:"skip_cancelled"`
	// ShopLimit is how many shops may be connected at once.
	ShopLimit int `json:"shop_limit"`
}

// DefaultSettings are those of a new workspace.
func DefaultSettings() Settings {
	return Settings{
		MatchRule: customer.MatchByPhone, OrderCodeTemplate: order.DefaultCodeTemplate.String(), TimeZone: defaultTimeZone,
		SkipCancelled: true, ShopLimit: DefaultShopLimit,
	}
}

// SettingsEdit is what to change of the settings; nil leaves one as it is.
type SettingsEdit struct {
	MatchRule         *string
	OrderCodeTemplate *string
	TimeZone          *string
	SkipCancelled     *bool
	ShopLimit         *int
}

// noTimeZones are names that a system may know and that are no zone of anybody: they mean whatever the server's zone is, or
// that none was set.
var noTimeZones = []string{"", "Local", "localtime", "posixrules", "Factory"}

// EditSettings changes settings. All invalid fields are reported at once; what stays the same says nothing new.
func (w *Workspace) EditSettings(edit SettingsEdit) error {
	after := w.settings
	var invalid []problem.Field
	refuse := func(path, format string, args ...any) {
		invalid = append(invalid, problem.Field{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if edit.MatchRule != nil {
		rule, err := customer.ParseMatchRule(*edit.MatchRule)
		if err != nil {
			refuse("match_by", "%v", err)
		}
		after.MatchRule = rule
	}
	if edit.OrderCodeTemplate != nil {
		if err := w.checkTemplate(*edit.OrderCodeTemplate); err != nil {
			refuse("order_code_template", "%v", err)
		}
		after.OrderCodeTemplate = *edit.OrderCodeTemplate
	}
	if edit.TimeZone != nil {
		if _, err := time.LoadLocation(*edit.TimeZone); err != nil || slices.Contains(noTimeZones, *edit.TimeZone) {
			refuse("time_zone", "this is an IANA time zone, such as Asia/Ho_Chi_Minh")
		}
		after.TimeZone = *edit.TimeZone
	}
	if edit.SkipCancelled != nil {
		after.SkipCancelled = *edit.SkipCancelled
	}
	if edit.ShopLimit != nil {
		switch limit := *edit.ShopLimit; {
		case limit < 1 || limit > MaxShopLimit:
			refuse("shop_limit", "a workspace connects 1 to %d shops", MaxShopLimit)
		case limit < len(w.shops):
			refuse("shop_limit", "%d shops are connected; disconnect some first", len(w.shops))
		}
		after.ShopLimit = *edit.ShopLimit
	}
	if len(invalid) > 0 {
		return problem.InvalidFields("settings-invalid", invalid...)
	}
	w.recordSettings(after)
	return nil
}

func (w *Workspace) recordSettings(after Settings) {
	before := w.settings
	if before.MatchRule != after.MatchRule {
		w.record(MatchRuleChanged{Before: before.MatchRule, After: after.MatchRule})
	}
	var changes []event.Change
	changed := func(setting string, before, after any) {
		if before != after {
			changes = append(changes, event.ChangeOf(setting, before, after))
		}
	}
	changed("order_code_template", before.OrderCodeTemplate, after.OrderCodeTemplate)
	changed("time_zone", before.TimeZone, after.TimeZone)
	changed("skip_cancelled", before.SkipCancelled, after.SkipCancelled)
	changed("shop_limit", before.ShopLimit, after.ShopLimit)
	if len(changes) > 0 {
		w.record(SettingsChanged{Settings: after, Changes: changes})
	}
}

// checkTemplate sees to it that no two orders get the same code: neither by the template, nor by it and one that was in
// force before.
func (w *Workspace) checkTemplate(raw string) error {
	template, err := order.ParseCodeTemplate(raw)
	if err != nil {
		return err
	}
	for _, stored := range w.templates {
		earlier, err := order.ParseCodeTemplate(stored)
		if err == nil && stored != raw && !template.IsApartFrom(earlier) {
			return problem.Invalid("order-code-template-ambiguous", "a code of this template could be one that %s gave to another "+
				"order; let the new one begin with another letter", stored)
		}
	}
	return nil
}

// Settings are those in force.
func (w *Workspace) Settings() Settings { return w.settings }

// SettingsVersion is that of the last event about the settings.
func (w *Workspace) SettingsVersion() int { return w.settingsVersion }
