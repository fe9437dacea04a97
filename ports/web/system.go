package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"orderbridge/app/projection"
	"orderbridge/domain/problem"
)

func (s *server) systemRoutes(r routes) {
	r.viewer("GET /system", s.system)
	r.viewer("GET /system/projections", s.systemProjections)
	r.owner("POST /system/projections/{name}/rebuild", s.projectionAction(s.startRebuild))
	r.owner("POST /system/projections/{name}/rollback", s.projectionAction(s.rollBack))
	r.owner("POST /system/projections/{name}/cancel", s.projectionAction(s.cancelRebuild))
	r.owner("POST /system/projections/{name}/drop", s.projectionAction(s.dropPrevious))
	r.owner("POST /system/projections/{name}/verify", s.projectionAction(s.verifyProjection))
	r.owner("GET /system/projections/{name}/skip", s.skipPage)
	r.owner("POST /system/projections/{name}/skip", s.skipEvent)
	s.accessRoutes(r)
	r.viewer("GET /system/activity", s.activity)
}

// projectionView is a projection, and how the last comparison of it with the log stands.
type projectionView struct {
	projection.Status

	Verified   bool
	Comparison projection.Verification
	Refused    string // why the comparison came to no end
}

// comparing tells that a comparison goes on.
func (p projectionView) comparing() bool { return p.Verified && p.Comparison.FinishedAt.IsZero() }

// isBuilding tells that a new version is being built at the moment.
func (p projectionView) isBuilding() bool {
	return p.Rebuild != nil && p.Rebuild.State == projection.RebuildRunning
}

// dialog is the id of the one that asks before something is done to the projection.
func (p projectionView) dialog(what string) string { return what + "-" + p.Name }

// path is where it is asked for that something is done to the projection.
func (p projectionView) path(what string) string {
	return "/system/projections/" + url.PathEscape(p.Name) + "/" + what
}

// projectionList is what the page of the system shows.
type projectionList struct {
	Items   []projectionView
	Refused string
}

// every is how often the list is shown again: something that moves is watched closely.
func (l projectionList) every() string {
	for _, one := range l.Items {
		if one.Rebuild != nil || one.comparing() {
			return "every 1s"
		}
	}
	return "every 5s"
}

func (s *server) projections(ctx context.Context) (projectionList, error) {
	v := viewOf(ctx)
	states, err := s.app.Projections.List(ctx)
	if err != nil {
		return projectionList{}, err
	}
	var list projectionList
	for _, state := range states {
		one := projectionView{Status: state.SeenFrom(v.WorkspaceID, seesContacts(ctx))}
		if one.Comparison, one.Verified = s.app.Projections.Verification(state.Name); one.Verified && one.Comparison.Err != nil {
			one.Refused = t(ctx, "error.internal")
			if known, ok := problem.Of(one.Comparison.Err); ok {
				one.Refused = sayProblem(ctx, known)
			}
		}
		list.Items = append(list.Items, one)
	}
	return list, nil
}

func (s *server) system(w http.ResponseWriter, r *http.Request) error {
	list, err := s.projections(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, systemPage(list))
}

// systemProjections shows again where the projections stand.
func (s *server) systemProjections(w http.ResponseWriter, r *http.Request) error {
	list, err := s.projections(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, projectionsPart(list))
}

// skipForm asks to let a projection pass over an event.
type skipForm struct {
	Name     string
	Position int64
	Refused  string
}

// readSkipForm reads which event of which projection is meant, of an address or of what was sent.
func readSkipForm(r *http.Request) (skipForm, error) {
	position, err := strconv.ParseInt(r.FormValue("position"), 10, 64)
	if err != nil {
		return skipForm{}, errFormBroken
	}
	return skipForm{Name: r.PathValue("name"), Position: position}, nil
}

// skipPage asks whether an event is to be passed over.
func (s *server) skipPage(w http.ResponseWriter, r *http.Request) error {
	form, err := readSkipForm(r)
	if err != nil {
		return err
	}
	return show(w, r, skipEventPage(form))
}

func (s *server) skipEvent(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form, err := readSkipForm(r)
	if err != nil {
		return err
	}
	_, err = s.app.Projections.Skip(ctx, projection.SkipRequest{By: by(ctx), Name: form.Name, Position: form.Position})
	if refused, ok := isRefused(err); ok {
		form.Refused = sayProblem(ctx, refused)
		render(w, r, statusOf(refused), skipEventPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	seeOther(w, r, "/system")
	return nil
}

// projectionAction does something to the projection that the path names, and goes back to the list; what is refused is said there.
func (s *server) projectionAction(act func(ctx context.Context, name string) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		err := act(ctx, r.PathValue("name"))
		if refused, ok := isRefused(err); ok {
			list, err := s.projections(ctx)
			if err != nil {
				return err
			}
			list.Refused = sayProblem(ctx, refused)
			render(w, r, statusOf(refused), systemPage(list))
			return nil
		}
		if err != nil {
			return err
		}
		seeOther(w, r, "/system")
		return nil
	}
}

func (s *server) startRebuild(ctx context.Context, name string) error {
	_, err := s.app.Projections.StartRebuild(ctx, projection.RebuildRequest{By: by(ctx), Name: name})
	return err
}

func (s *server) rollBack(ctx context.Context, name string) error {
	_, err := s.app.Projections.StartRebuild(ctx, projection.RebuildRequest{By: by(ctx), Name: name, Rollback: true})
	return err
}

func (s *server) cancelRebuild(ctx context.Context, name string) error {
	return s.app.Projections.CancelRebuild(ctx, by(ctx), name)
}

func (s *server) dropPrevious(ctx context.Context, name string) error {
	return s.app.Projections.DropPrevious(ctx, by(ctx), name)
}

func (s *server) verifyProjection(ctx context.Context, name string) error {
	return s.app.Projections.StartVerify(by(ctx), name)
}

// stateTone says at a glance how a projection stands.
func stateTone(state projection.State) string {
	switch state {
	case projection.Live:
		return "success"
	case projection.Stopped:
		return "error"
	default:
		return "warning"
	}
}

// lag is how far a projection is behind the log.
func lag(ctx context.Context, p projection.Status) string {
	if p.LagEvents == 0 {
		return t(ctx, "system.lag.none")
	}
	return t(ctx, "system.lag.some", "Events", grouped(p.LagEvents), "Time", seconds(ctx, p.LagSeconds))
}

// seconds is a duration in seconds, in words.
func seconds(ctx context.Context, s float64) string { return took(ctx, int64(s*1000)) }

// progress is how far building is, in words.
func progress(ctx context.Context, run projection.Rebuild) string {
	said := t(ctx, "system.progress", "Done", grouped(run.EventsDone), "Total", grouped(run.EventsTotal))
	if run.EventsPerSecond > 0 {
		said += " · " + t(ctx, "system.progress.rate", "Rate", grouped(int64(run.EventsPerSecond)))
	}
	if run.ETASeconds != nil && run.EventsDone < run.EventsTotal {
		said += " · " + t(ctx, "system.progress.left", "Time", took(ctx, max(int64(time.Second/time.Millisecond), int64(*run.ETASeconds)*1000)))
	}
	return said
}

// projectionName is what a projection is called.
func projectionName(ctx context.Context, name string) string {
	return tOr(ctx, "system.projection."+name, name)
}
