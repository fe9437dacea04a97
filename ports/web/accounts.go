package web

import (
	"context"
	"errors"
	"net/http"

	"orderbridge/app/command"
)

func (s *server) accountRoutes(r routes) {
	r.open("GET /sign-in", s.signInPage)
	r.open("POST /sign-in", s.signIn)
	r.viewer("POST /sign-out", s.signOut)
	r.open("GET /setup/{token}", s.setUpPage)
	r.open("POST /setup/{token}", s.setUp)
	r.viewer("GET /account", s.passwordPage)
	r.viewer("POST /account/password", s.changePassword)
}

func (s *server) signInPage(w http.ResponseWriter, r *http.Request) error {
	accounts, err := s.app.Queries.Accounts(r.Context(), viewOf(r.Context()).WorkspaceID)
	if err != nil {
		return err
	}
	return show(w, r, signInPage(signInForm{Next: localPath(r.URL.Query().Get("next")), NoAccounts: len(accounts) == 0}))
}

// signInForm is what was typed, without the password.
type signInForm struct {
	Name, Next, Refused string
	NoAccounts          bool
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form := signInForm{Name: r.PostFormValue("name"), Next: localPath(r.PostFormValue("next"))}
	account, err := s.app.Commands.SignIn.Handle(ctx, command.SignIn{
		WorkspaceID: viewOf(ctx).WorkspaceID, Name: form.Name, Password: r.PostFormValue("password"),
	})
	if refused, ok := isRefused(err); ok {
		form.Refused = sayProblem(ctx, refused)
		if locked, ok := errors.AsType[command.LockedOutError](err); ok {
			form.Refused = t(ctx, "signin.locked", "At", locked.Until.In(viewOf(ctx).Zone).Format("15:04"))
		}
		render(w, r, http.StatusUnprocessableEntity, signInPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.begin(ctx, account); err != nil {
		return err
	}
	seeOther(w, r, form.Next)
	return nil
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	seeOther(w, r, "/sign-in")
	return nil
}

// setUpForm is what was typed by somebody who was invited, or makes the first account, without the password.
type setUpForm struct {
	Token string
	// Name is that of an account which waits for its password; whoever makes the first one chooses it.
	Name    string
	First   bool
	Refused string
}

func (s *server) setUpPage(w http.ResponseWriter, r *http.Request) error {
	form, err := s.invitation(r)
	if err != nil {
		return err
	}
	return show(w, r, setUpPage(form))
}

func (s *server) invitation(r *http.Request) (setUpForm, error) {
	token := r.PathValue("token")
	invited, err := s.app.Queries.Invitation(r.Context(), viewOf(r.Context()).WorkspaceID, token)
	return setUpForm{Token: token, Name: invited.Name, First: invited.SetUp}, err
}

func (s *server) setUp(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form, err := s.invitation(r)
	if err != nil {
		return err
	}
	if form.First {
		form.Name = r.PostFormValue("name")
	}
	account, err := s.app.Commands.AcceptInvitation.Handle(ctx, command.AcceptInvitation{
		WorkspaceID: viewOf(ctx).WorkspaceID, Token: form.Token, Name: form.Name, Password: r.PostFormValue("password"),
	})
	if refused, ok := refusalOf(err); ok {
		form.Refused = sayWhole(ctx, refused)
		render(w, r, http.StatusUnprocessableEntity, setUpPage(form))
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.begin(ctx, account); err != nil {
		return err
	}
	seeOther(w, r, "/")
	return nil
}

func (s *server) passwordPage(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, passwordPage(r.URL.Query().Get("done") != "", ""))
}

func (s *server) changePassword(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	account, err := s.app.Commands.ChangePassword.Handle(ctx, command.ChangePassword{
		By: by(ctx), AccountID: viewOf(ctx).Account.ID, Current: r.PostFormValue("current"), New: r.PostFormValue("new"),
	})
	if refused, ok := isRefused(err); ok {
		render(w, r, http.StatusUnprocessableEntity, passwordPage(false, sayWhole(ctx, refused)))
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.begin(ctx, account); err != nil { // all other sessions have ended, and so has this one
		return err
	}
	seeOther(w, r, "/account?done=1")
	return nil
}

func setUpTitle(ctx context.Context, form setUpForm) string {
	if form.First {
		return t(ctx, "setup.title")
	}
	return t(ctx, "invited.title")
}
