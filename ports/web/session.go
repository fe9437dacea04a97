package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

const (
	languageCookie = "language"
	themeCookie    = "theme"
	// preferenceLifetime is how long the choice of language and theme is remembered.
	preferenceLifetime = 365 * 24 * time.Hour

	// What a session holds.
	sessionAccount = "account"
	sessionSince   = "since"
)

// newSessions keeps who is signed in. The cookie goes over TLS alone (browsers take this machine itself for that too) and to no script.
func newSessions(store scs.Store, idle, lifetime time.Duration) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = store
	sessions.IdleTimeout, sessions.Lifetime = idle, lifetime
	sessions.Cookie.Name = "__Host-orderbridge"
	sessions.Cookie.HttpOnly, sessions.Cookie.Secure = true, true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	return sessions
}

// view is what every page knows: who looks at it, and how they want it.
type view struct {
	Language    Language
	Theme       string // light, dark, or empty for that of the system
	Path        string
	WorkspaceID uuid.UUID
	Workspace   string
	Zone        *time.Location
	// Account is who is signed in; its id is nil where nobody is.
	Account query.Account

	texts  *texts
	assets *assets
}

func viewOf(ctx context.Context) *view { return ctx.Value(viewKey).(*view) }

// by is whoever is signed in, as one who gives commands.
func by(ctx context.Context) command.By {
	v := viewOf(ctx)
	return command.By{WorkspaceID: v.WorkspaceID, Actor: v.Account.Actor()}
}

// may tells whether whoever is signed in has a role, or one that includes it.
func may(ctx context.Context, needed workspace.Role) bool {
	return viewOf(ctx).Account.Role.Includes(needed)
}

// seesContacts tells that whoever is signed in may know phones and emails.
func seesContacts(ctx context.Context) bool { return may(ctx, workspace.RoleOperator) }

// seen is a record as whoever is signed in may see it.
func seen[T query.Maskable[T]](ctx context.Context, record T) T {
	if seesContacts(ctx) {
		return record
	}
	return record.Masked()
}

// seenList is a list of records as whoever is signed in may see them.
func seenList[T query.Maskable[T]](ctx context.Context, list query.List[T]) query.List[T] {
	if seesContacts(ctx) {
		return list
	}
	return query.MaskedList(list)
}

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// open is a page for whoever comes: signing in.
func (s *server) open(next handler) http.Handler {
	return s.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
		defer cancel()
		v, err := s.newView(ctx, r)
		r = r.WithContext(context.WithValue(ctx, viewKey, v))
		if err == nil {
			err = next(w, r)
		}
		if err != nil {
			s.answerError(w, r, err)
		}
	}))
}

// signedIn is a page for those who are signed in and have a role.
func (s *server) signedIn(needed workspace.Role, next handler) http.Handler {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		v := viewOf(r.Context())
		account, found, err := s.accountOf(r.Context(), v.WorkspaceID)
		if err != nil {
			return err
		}
		if !found {
			return s.askToSignIn(w, r)
		}
		v.Account = account
		if !account.Role.Includes(needed) {
			return errRoleInsufficient
		}
		if err := s.cfg.Readable(); err != nil {
			return err
		}
		return next(w, r)
	})
}

var errRoleInsufficient = problem.Forbidden("role-insufficient", "your role does not include this; ask an owner of the workspace")

// newView finds the workspace that the request's host belongs to, and what this browser was told of language and theme.
func (s *server) newView(ctx context.Context, r *http.Request) (*view, error) {
	v := &view{Language: languageOf(r), Path: r.URL.Path, Zone: time.UTC, texts: s.texts, assets: s.assets}
	if chosen, err := r.Cookie(themeCookie); err == nil && (chosen.Value == "light" || chosen.Value == "dark") {
		v.Theme = chosen.Value
	}
	var err error
	if v.WorkspaceID, err = s.app.Queries.WorkspaceAt(ctx, s.cfg.HostOf(r)); err != nil {
		return v, err
	}
	settings, err := s.app.Queries.Settings(ctx, v.WorkspaceID)
	if err != nil {
		return v, err
	}
	v.Workspace = settings.Workspace
	v.Zone = query.ZoneNamed(settings.TimeZone)
	return v, nil
}

// accountOf is who is signed in. A session ends with its account, with a change of its password, and when an owner says so.
func (s *server) accountOf(ctx context.Context, workspaceID uuid.UUID) (_ query.Account, found bool, err error) {
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionAccount))
	if err != nil {
		return query.Account{}, false, nil //nolint:nilerr // nobody is signed in
	}
	account, err := s.app.Queries.Account(ctx, workspaceID, id)
	if isUnknown(err) {
		return query.Account{}, false, nil
	}
	if err != nil {
		return query.Account{}, false, err
	}
	return account, s.sessions.GetString(ctx, sessionSince) == sinceOf(account), nil
}

// begin begins a session for somebody who has just shown who they are.
func (s *server) begin(ctx context.Context, account query.Account) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, sessionAccount, account.ID.String())
	s.sessions.Put(ctx, sessionSince, sinceOf(account))
	return nil
}

// sinceOf tells the sessions of an account that are good from those that were ended.
func sinceOf(account query.Account) string {
	return account.SessionsSince.UTC().Format(time.RFC3339Nano)
}

// askToSignIn sends to the page for it, and back afterwards.
func (s *server) askToSignIn(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("HX-Request") != "" {
		w.WriteHeader(http.StatusUnauthorized) // the page reloads itself, and comes here by the other way
		return nil
	}
	to := "/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	seeOther(w, r, to)
	return nil
}

// localPath is where somebody goes after signing in: nowhere else than in the console.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

// prefer remembers a choice of this browser.
func prefer(w http.ResponseWriter, cookie, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: value, Path: "/", MaxAge: int(preferenceLifetime.Seconds()), Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// settle waits for the read tables to show what a command did, so that the next page does.
func (s *server) settle(ctx context.Context, position int64) {
	if position == 0 {
		return
	}
	const settleTimeout = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = s.app.Queries.WaitFor(ctx, position) // what was done is done all the same
}
