package service_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"orderbridge/app/command"
	"orderbridge/domain/workspace"
)

// browsing bounds how many tests use browsers at once: each is several processes. A test that has one may open more, or two tests could
// wait for each other.
var browsing = make(chan struct{}, 2)

// tab is one of a browser of its own, at the console of a running service. What somebody would find in the browser's console, such as a
// script that failed or something that the Content-Security-Policy refused, fails the test.
type tab struct {
	t      *testing.T
	ctx    context.Context
	bridge *bridge
	width  int64 // in pixels

	mu     sync.Mutex
	faults []string
}

const (
	accountPassword = "một câu dài dễ nhớ"

	// What a browser's window begins with, in pixels.
	windowWidth, windowHeight = 1280, 900
)

// startConsole runs a service, and signs in to its console as somebody with a role.
func startConsole(t *testing.T, role workspace.Role) *tab {
	t.Helper()
	b := start(t)
	page := openBrowser(t, b)
	page.signIn(b.account(role))
	return page
}

// account makes an account of a role, and returns its name. Its password is accountPassword.
func (b *bridge) account(role workspace.Role) string {
	b.t.Helper()
	name := "thu-" + string(role)
	invited, err := b.service.Commands.InviteAccount.Handle(b.t.Context(), command.InviteAccount{By: b.by(), Name: name, Role: role})
	must(b.t, err)
	_, err = b.service.Commands.AcceptInvitation.Handle(b.t.Context(), command.AcceptInvitation{
		WorkspaceID: b.workspaceID, Token: invited.Token, Password: accountPassword,
	})
	must(b.t, err)
	return name
}

// openBrowser starts a browser that has been nowhere yet.
func openBrowser(t *testing.T, b *bridge) *tab {
	t.Helper()
	if !b.browses {
		b.browses = true
		browsing <- struct{}{}
		t.Cleanup(func() { <-browsing })
	}
	left, err := os.MkdirTemp("", "browser-") //nolint:usetesting // for what it leaves behind: sockets want a short path
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(left) })
	options := []chromedp.ExecAllocatorOption{chromedp.WindowSize(windowWidth, windowHeight), chromedp.Env("TMPDIR=" + left)}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	page := &tab{t: t, bridge: b, width: windowWidth}
	var closeTab context.CancelFunc
	page.ctx, closeTab = chromedp.NewContext(context.Background(),
		chromedp.WithAllocatorOptions(options...), chromedp.WithListener(page.watch))
	t.Cleanup(closeTab)
	must(t, chromedp.Do(page.ctx, chromedp.Navigate("about:blank")))
	t.Cleanup(func() {
		page.mu.Lock()
		defer page.mu.Unlock()
		for _, fault := range page.faults {
			t.Errorf("the browser complained: %s", fault)
		}
	})
	return page
}

// watch notes what the browser complains of. An answer that is an error is no complaint: pages say those themselves.
func (p *tab) watch(happened any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := happened.(type) {
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" && e.Entry.Source != "network" {
			p.faults = append(p.faults, e.Entry.Text)
		}
	}
}

// run does something in the tab within the test's patience, and returns what comes out of it.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		shown, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText`))
		p.t.Fatalf("%v; the page is\n%s", err, shown)
	}
	return value
}

// open goes to a path of the console.
func (p *tab) open(path string) {
	p.t.Helper()
	run(p, chromedp.Navigate(p.bridge.baseURL+path))
}

// click clicks on what a selector finds, once it can be seen.
func (p *tab) click(selector string) {
	p.t.Helper()
	run(p, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// fill types into what a selector finds, in the place of what it holds.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	run(p, chromedp.WaitVisible(chromedp.CSS(selector)))
	evaluate[chromedp.Void](p, fmt.Sprintf("document.querySelector(%q).value = ''", selector))
	run(p, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// evaluate is what a script says, when it is done.
func evaluate[T any](p *tab, script string) T {
	p.t.Helper()
	return run(p, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// text is what can be read on the page.
func (p *tab) text() string {
	p.t.Helper()
	return evaluate[string](p, "document.body?.innerText ?? ''")
}

// sees waits until all of some texts can be read on the page, whatever it is doing, also if it is loaded again meanwhile.
func (p *tab) sees(texts ...string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q can be read", texts), func(shown string) bool {
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return true
	}, "document.body?.innerText ?? ''")
}

// becomes waits until a script says true.
func (p *tab) becomes(script string) {
	p.t.Helper()
	p.until(script, func(said string) bool { return said == "true" }, "String(Boolean("+script+"))")
}

func (p *tab) until(what string, holds func(string) bool, script string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](script)) // fails between two pages
		if err == nil && holds(said) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not within %s: %s; %v; the page at %s is\n%s", patience, what, err, p.path(), p.text())
		}
		<-tick.C
	}
}

// path is where the tab is.
func (p *tab) path() string {
	p.t.Helper()
	return evaluate[string](p, "location.pathname + location.search")
}

// signIn signs in by the page for it.
func (p *tab) signIn(name string) {
	p.t.Helper()
	p.open("/sign-in")
	p.fill("input[name=name]", name)
	p.fill("input[name=password]", accountPassword)
	p.click("main button.btn-primary")
	p.sees(name)
}

// looksLike shows pages as a device does: its width in pixels, and light or dark.
func (p *tab) looksLike(width int64, theme string) {
	p.t.Helper()
	p.width = width
	p.tall(windowHeight)
	run(p, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

// tall gives the window a height in pixels.
func (p *tab) tall(height int64) {
	p.t.Helper()
	run(p, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: p.width, Height: height, DeviceScaleFactor: 1, Mobile: p.width < 500,
		})
		return chromedp.Void{}, err
	})
}

// still waits until nothing on the page moves or fades any more, but for what does so for good.
func (p *tab) still() {
	p.t.Helper()
	evaluate[chromedp.Void](p, `Promise.allSettled(document.getAnimations().filter(
		one => one.playState === "running" && one.timeline === document.timeline && one.effect.getComputedTiming().endTime !== Infinity).map(one => one.finished)).then(() => {})`)
}

//go:embed testdata/axe.min.js
var axe string

// accessible finds what axe finds wrong with the page as it is.
func (p *tab) accessible() {
	p.t.Helper()
	evaluate[chromedp.Void](p, axe)
	p.still()
	raw := evaluate[string](p, `axe.run(document, {resultTypes: ["violations"]}).then(found => JSON.stringify(found.violations.map(
		v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html + " — " + n.failureSummary)}))))`)
	var violations []struct {
		ID    string   `json:"id"`
		Help  string   `json:"help"`
		Nodes []string `json:"nodes"`
	}
	must(p.t, json.Unmarshal([]byte(raw), &violations))
	for _, violation := range violations {
		p.t.Errorf("%s: %s (%s)\n%s", p.path(), violation.Help, violation.ID, strings.Join(violation.Nodes, "\n"))
	}
}

// fitsWidth finds whether a page, or a part of it other than code, has to be moved sideways.
func (p *tab) fitsWidth() {
	p.t.Helper()
	if wide := evaluate[string](p, `(() => {
		const page = document.documentElement;
		const moved = [...document.querySelectorAll("main *:not(pre)")].filter(
			e => e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowX));
		if (moved.length > 0) return moved.map(e => e.scrollWidth + " px: " + e.outerHTML.slice(0, 200)).join("\n");
		if (page.scrollWidth <= page.clientWidth) return "";
		const out = [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > page.clientWidth + 1);
		return page.scrollWidth + " px: " + out.slice(-3).map(e => e.outerHTML.slice(0, 200)).join("\n");
	})()`); wide != "" {
		p.t.Errorf("%s is wider than the screen: %s", p.path(), wide)
	}
}

// element is a selector of what an attribute names.
func element(attribute, value string) string { return fmt.Sprintf("[%s=%q]", attribute, value) }
