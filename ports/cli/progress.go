package cli

import (
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"orderbridge/app/projection"
)

// progress shows how far something is: as a bar on a terminal, else as a line now and then.
type progress struct {
	rt         *Runtime
	name, unit string
	bar        *progressbar.ProgressBar
	told       time.Time
}

// progressEvery is how often a line is written where there is no terminal.
const progressEvery = 5 * time.Second

// newProgress begins to show how far something is, in units such as "events".
func (rt *Runtime) newProgress(name, unit string) *progress {
	p := &progress{rt: rt, name: name, unit: unit, told: time.Now()}
	if file, ok := rt.Stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(rt.Stderr), progressbar.OptionSetDescription(printable(name)), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// tell shows how far a rebuild is.
func (p *progress) tell(run projection.Rebuild) {
	p.show(run.Phase, run.EventsDone, run.EventsTotal, eta(run))
}

// show shows how far it is: 0 of all when that is not known. The bar is drawn by the by: a terminal that cannot is no reason to fail.
func (p *progress) show(phase string, done, all int64, more ...string) {
	if p.bar != nil {
		if all > 0 {
			p.bar.ChangeMax64(all)
		}
		p.bar.Describe(printable(p.name + " " + phase))
		_ = p.bar.Set64(done)
		return
	}
	if time.Since(p.told) < progressEvery {
		return
	}
	p.told = time.Now()
	switch {
	case all > 0:
		p.rt.notef("%s: %s, %d of %d %s%s", p.name, phase, done, all, p.unit, strings.Join(more, ""))
	default:
		p.rt.notef("%s: %s, %d %s", p.name, phase, done, p.unit)
	}
}

// end takes the bar off the terminal.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
