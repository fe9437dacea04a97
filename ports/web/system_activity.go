package web

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// activityWho is one whose doings can be looked at, by a word that says nothing of them: "account:<id>", "token:<id>" or "cli".
type activityWho struct {
	Word  string
	Actor event.Actor
}

// activityList is what somebody did.
type activityList struct {
	Everybody []activityWho
	Who       activityWho
	Steps     query.List[query.Step]
}

func (l activityList) next() string {
	return address("/system/activity", "who", l.Who.Word, "cursor", *l.Steps.NextCursor)
}

// activity tells what somebody did, the latest first: whoever is signed in, unless it is asked for another.
func (s *server) activity(w http.ResponseWriter, r *http.Request) error {
	ctx, v, asked := r.Context(), viewOf(r.Context()), r.URL.Query()
	var list activityList
	var err error
	if list.Everybody, err = s.everybody(ctx); err != nil {
		return err
	}
	word := cmp.Or(asked.Get("who"), "account:"+v.Account.ID.String())
	at := slices.IndexFunc(list.Everybody, func(one activityWho) bool { return one.Word == word })
	if at < 0 {
		return problem.NotFound("actor-unknown", "nobody has this id; choose somebody on the page of activities")
	}
	list.Who = list.Everybody[at]
	page, err := query.ParsePage(new(listSize), asked.Get("cursor"))
	if err != nil {
		return err
	}
	steps, err := s.app.Queries.Timeline.OfActor(ctx, v.WorkspaceID, list.Who.Actor, page)
	if err != nil {
		return err
	}
	list.Steps = seenList(ctx, steps)
	return show(w, r, activityPage(list))
}

// everybody are the accounts, the tokens, and the command line.
func (s *server) everybody(ctx context.Context) ([]activityWho, error) {
	workspaceID := viewOf(ctx).WorkspaceID
	accounts, err := s.app.Queries.Accounts(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	tokens, err := s.app.Queries.Tokens(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	var all []activityWho
	for _, account := range accounts {
		all = append(all, activityWho{Word: "account:" + account.ID.String(), Actor: account.Actor()})
	}
	for _, token := range tokens {
		all = append(all, activityWho{Word: "token:" + token.ID.String(), Actor: event.ActorAPI(token.Name)})
	}
	return append(all, activityWho{Word: "cli", Actor: event.ActorCommandLine}), nil
}

// actorSeen says who somebody is, as whoever is signed in may know it.
func actorSeen(ctx context.Context, who event.Actor) string {
	said := actor(ctx, who)
	if !seesContacts(ctx) {
		return contact.MaskWithin(said)
	}
	return said
}

// subjectPath is the page of what a step is about; empty where there is none.
func subjectPath(ctx context.Context, step query.Step) string {
	kind, id, _ := strings.Cut(string(step.Stream), "/")
	switch kind {
	case "customer", "contact":
		return "/customers/" + id
	case "user":
		return "/staff/" + id
	case "delivery":
		return "/deliveries/" + id
	case "order":
		var about struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(step.Data, &about) == nil && about.Code != "" {
			return orderPath(about.Code, "")
		}
	case "projection":
		return "/system"
	case "workspace", "account":
		switch {
		case !may(ctx, workspace.RoleOwner):
		case strings.HasPrefix(step.Event, "Account"):
			return "/system/accounts"
		case strings.HasPrefix(step.Event, "Token"):
			return "/system/tokens"
		default:
			return "/settings/pancake"
		}
	}
	return ""
}
