package cli

import (
	"fmt"
	"io"
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
	// terminal is where a bar is drawn; nil for lines.
	terminal io.Writer
	bar      *progressbar.ProgressBar
	// endless tells that the bar is of something whose size is not known.
	endless bool
	told    time.Time
	// began is when it was shown first, and first how far it was then: what goes on may have been begun long before.
	began time.Time
	first int64
}

// progressEvery is how often a line is written where there is no terminal.
const progressEvery = 5 * time.Second

// newProgress begins to show how far something is, in units such as "events".
func (rt *Runtime) newProgress(name, unit string) *progress {
	p := &progress{rt: rt, name: name, unit: unit, told: time.Now()}
	if file, ok := rt.Stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.terminal = file
	}
	return p
}

// tell shows how far a rebuild is.
func (p *progress) tell(run projection.Rebuild) {
	p.show(run.Phase, run.EventsDone, run.EventsTotal, eta(run))
}

// show shows how far it is: 0 of all when that is not known. Figures are the speed and the time that is left, where others know them better.
func (p *progress) show(phase string, done, all int64, figures ...string) {
	speed := p.speed(done, all)
	if len(figures) > 0 {
		speed = strings.Join(figures, "")
	}
	if p.terminal != nil {
		p.draw(phase, done, all, speed)
		return
	}
	if time.Since(p.told) < progressEvery {
		return
	}
	p.told = time.Now()
	switch {
	case all > 0:
		p.rt.notef("%s: %s, %d of %d %s%s", p.name, phase, done, all, p.unit, speed)
	default:
		p.rt.notef("%s: %s, %d %s%s", p.name, phase, done, p.unit, speed)
	}
}

// speed is how fast it goes since it was shown first, and how long it will take.
func (p *progress) speed(done, all int64) string {
	if p.began.IsZero() {
		p.began, p.first = time.Now(), done
	}
	passed := time.Since(p.began)
	if passed < time.Second || done <= p.first {
		return ""
	}
	perSecond := float64(done-p.first) / passed.Seconds()
	text := fmt.Sprintf(", %s %s/s", grouped(int64(perSecond)), p.unit)
	if all > 0 {
		text += ", " + seconds(float64(all-done)/perSecond) + " left"
	}
	return text
}

// draw draws the bar. That is done by the by: a terminal that cannot is no reason to fail.
func (p *progress) draw(phase string, done, all int64, speed string) {
	size := all + 1 // or it would count as finished when there is still something to do
	if all <= 0 {
		size = -1
	}
	if p.bar == nil || p.endless != (size < 0) {
		p.clear()
		p.endless = size < 0
		p.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(p.terminal), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionThrottle(0),
			progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionClearOnFinish())
	}
	counted := grouped(done)
	if size > 0 {
		p.bar.ChangeMax64(size)
		counted += " of " + grouped(all)
	}
	p.bar.Describe(printable(fmt.Sprintf("%s: %s, %s %s%s", p.name, phase, counted, p.unit, speed)))
	_ = p.bar.Set64(done)
}

// end takes the bar off the terminal.
func (p *progress) end() {
	p.clear()
	p.terminal = nil
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
