package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

func (s *server) accessRoutes(r routes) {
	r.owner("GET /system/tokens", s.tokens)
	r.owner("POST /system/tokens", s.createToken)
	r.owner("POST /system/tokens/{id}/revoke", s.revokeToken)
	r.owner("GET /system/accounts", s.accounts)
	r.owner("POST /system/accounts", s.inviteAccount)
	r.owner("POST /system/accounts/{id}/role", s.accountAction("role", s.changeRole))
	r.owner("POST /system/accounts/{id}/sessions", s.accountAction("sessions", s.endSessions))
	r.owner("POST /system/accounts/{id}/remove", s.accountAction("removed", s.removeAccount))
	r.owner("POST /system/accounts/{id}/reset", s.resetPassword)
}

// accessRoles are those that tokens and accounts have, from the one that may least.
func accessRoles() []workspace.Role {
	return []workspace.Role{workspace.RoleViewer, workspace.RoleOperator, workspace.RoleOwner}
}

// accessForm is what was typed to make a token or an account.
type accessForm struct {
	Name    string
	Role    workspace.Role
	Refused string
}

func readAccessForm(r *http.Request) accessForm {
	return accessForm{Name: strings.TrimSpace(r.PostFormValue("name")), Role: workspace.Role(r.PostFormValue("role"))}
}

// tokenList is what the page of tokens shows.
type tokenList struct {
	Tokens []query.Token
	Form   accessForm
	// Made is a token that was made just now: the one time that its secret is shown.
	Made query.ShownToken
	// Notice says what was done, Refused why something that was asked of a token in the list was not.
	Notice, Refused string
}

func (s *server) showTokens(w http.ResponseWriter, r *http.Request, status int, list tokenList) error {
	var err error
	if list.Tokens, err = s.app.Queries.Tokens(r.Context(), viewOf(r.Context()).WorkspaceID); err != nil {
		return err
	}
	render(w, r, status, tokensPage(list))
	return nil
}

func (s *server) tokens(w http.ResponseWriter, r *http.Request) error {
	list := tokenList{Form: accessForm{Role: workspace.RoleViewer}}
	if r.URL.Query().Get("done") == "revoked" {
		list.Notice = t(r.Context(), "system.token.revoked.done")
	}
	return s.showTokens(w, r, http.StatusOK, list)
}

// createToken makes a token, and shows its secret in the answer: kept for a page after it, it would be kept somewhere.
func (s *server) createToken(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readAccessForm(r)
	created, err := s.app.Commands.CreateToken.Handle(ctx, command.CreateToken{By: by(ctx), Name: form.Name, Role: form.Role})
	if refused, ok := isRefused(err); ok {
		form.Refused = sayWhole(ctx, refused)
		return s.showTokens(w, r, http.StatusUnprocessableEntity, tokenList{Form: form})
	}
	if err != nil {
		return err
	}
	s.settle(ctx, created.Position)
	return s.showTokens(w, r, http.StatusOK, tokenList{
		Form: accessForm{Role: workspace.RoleViewer},
		Made: query.ShownToken{ID: created.ID, Name: created.Name, Role: created.Role, Secret: created.Secret},
	})
}

func (s *server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	position, err := s.app.Commands.RevokeToken.Handle(ctx, command.RevokeToken{By: by(ctx), ID: id})
	if refused, ok := isRefused(err); ok {
		return s.showTokens(w, r, statusOf(refused), tokenList{Form: accessForm{Role: workspace.RoleViewer}, Refused: sayProblem(ctx, refused)})
	}
	if err != nil {
		return err
	}
	s.settle(ctx, position)
	seeOther(w, r, "/system/tokens?done=revoked")
	return nil
}

// accountList is what the page of accounts shows.
type accountList struct {
	Accounts []query.Account
	Form     accessForm
	// Made is a link that was made just now, for whom: the one time that it is shown. Reset tells that it is for a new password.
	Made  query.ShownInvitation
	Reset bool
	// Notice says what was done, Refused why something that was asked of an account in the list was not.
	Notice, Refused string
}

func (s *server) showAccounts(w http.ResponseWriter, r *http.Request, status int, list accountList) error {
	if list.Form.Role == "" {
		list.Form.Role = workspace.RoleOperator
	}
	var err error
	if list.Accounts, err = s.app.Queries.Accounts(r.Context(), viewOf(r.Context()).WorkspaceID); err != nil {
		return err
	}
	render(w, r, status, accountsPage(list))
	return nil
}

func (s *server) accounts(w http.ResponseWriter, r *http.Request) error {
	var list accountList
	switch ctx := r.Context(); r.URL.Query().Get("done") {
	case "role":
		list.Notice = t(ctx, "system.account.role.done")
	case "sessions":
		list.Notice = t(ctx, "system.account.sessions.done")
	case "removed":
		list.Notice = t(ctx, "system.account.removed.done")
	}
	return s.showAccounts(w, r, http.StatusOK, list)
}

// inviteAccount makes an account, and shows the link by which its password is set.
func (s *server) inviteAccount(w http.ResponseWriter, r *http.Request) error {
	ctx, form := r.Context(), readAccessForm(r)
	invited, err := s.app.Commands.InviteAccount.Handle(ctx, command.InviteAccount{By: by(ctx), Name: form.Name, Role: form.Role})
	if refused, ok := isRefused(err); ok {
		form.Refused = sayWhole(ctx, refused)
		return s.showAccounts(w, r, http.StatusUnprocessableEntity, accountList{Form: form})
	}
	if err != nil {
		return err
	}
	return s.showAccounts(w, r, http.StatusOK, accountList{Made: shownInvitation(r, invited)})
}

// resetPassword makes a link by which a password is set anew, also for whoever has not used the first one.
func (s *server) resetPassword(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id, err := idOf(r)
	if err != nil {
		return err
	}
	invited, err := s.app.Commands.InviteAccount.Reset(ctx, command.ResetPassword{By: by(ctx), AccountID: id})
	if refused, ok := isRefused(err); ok {
		return s.showAccounts(w, r, statusOf(refused), accountList{Refused: sayProblem(ctx, refused)})
	}
	if err != nil {
		return err
	}
	return s.showAccounts(w, r, http.StatusOK, accountList{Made: shownInvitation(r, invited), Reset: true})
}

// shownInvitation is an invitation with its link: at the address by which this page was asked for.
func shownInvitation(r *http.Request, invited command.InvitedAccount) query.ShownInvitation {
	return query.ShownInvitation{
		ID: invited.ID, Name: invited.Name, Role: invited.Role, Link: askedAt(r) + "/setup/" + invited.Token,
		ExpiresAt: invited.ExpiresAt,
	}
}

// accountAction does something to the account that the path names, and goes back to the list; what was done, or why it was refused, is said
// there.
func (s *server) accountAction(done string, act func(ctx context.Context, id uuid.UUID, r *http.Request) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := idOf(r)
		if err != nil {
			return err
		}
		err = act(r.Context(), id, r)
		if refused, ok := isRefused(err); ok {
			return s.showAccounts(w, r, statusOf(refused), accountList{Refused: sayWhole(r.Context(), refused)})
		}
		if err != nil {
			return err
		}
		seeOther(w, r, "/system/accounts?done="+done)
		return nil
	}
}

func (s *server) changeRole(ctx context.Context, id uuid.UUID, r *http.Request) error {
	_, err := s.app.Commands.ChangeAccountRole.Handle(ctx, command.ChangeAccountRole{
		By: by(ctx), AccountID: id, Role: workspace.Role(r.PostFormValue("role")),
	})
	return err
}

func (s *server) endSessions(ctx context.Context, id uuid.UUID, _ *http.Request) error {
	return s.app.Commands.EndSessions.Handle(ctx, command.EndSessions{By: by(ctx), AccountID: id})
}

func (s *server) removeAccount(ctx context.Context, id uuid.UUID, _ *http.Request) error {
	return s.app.Commands.RemoveAccount.Handle(ctx, command.RemoveAccount{By: by(ctx), AccountID: id})
}

// lastTime is when something happened last, or that it never did.
func lastTime(ctx context.Context, at *time.Time) string {
	if at == nil {
		return t(ctx, "system.never")
	}
	return moment(ctx, *at)
}
