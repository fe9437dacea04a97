package query

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Account lets a person sign in to the console.
type Account struct {
	ID   uuid.UUID      `json:"id"`
	Name string         `json:"name"`
	Role workspace.Role `json:"role"`
	// Invited tells that no password was set yet.
	Invited      bool       `json:"invited"`
	CreatedAt    time.Time  `json:"created_at"`
	LastSignInAt *time.Time `json:"last_sign_in_at"`
	// LockedUntil is until when nobody can sign in, because of wrong passwords; nil when that is not so.
	LockedUntil *time.Time `json:"locked_until"`
	// SessionsSince tells sessions from before something that ended them: one is good as long as this is what it was when somebody
	// signed in. It is compared for being the same, so that no clock matters.
	SessionsSince time.Time `json:"-"`
}

// Actor is what the account is called in events.
func (a Account) Actor() event.Actor { return event.ActorAccount(a.Name) }

// Invitation is a link that can still be used.
type Invitation struct {
	// SetUp tells that it makes the first owner, who chooses a name. Otherwise the rest is the account's.
	SetUp     bool
	AccountID uuid.UUID
	Name      string
	Role      workspace.Role
	ExpiresAt time.Time
}

// ShownInvitation is an account for which a link was just made: the one time that it is shown.
type ShownInvitation struct {
	ID        uuid.UUID      `json:"id"`
	Name      string         `json:"name"`
	Role      workspace.Role `json:"role"`
	Link      string         `json:"link"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// OfActor tells what a person did in a workspace, or a program of theirs, the latest first. Of shops and of Orderbridge itself it
// tells nothing.
func (h TimelineHandler) OfActor(ctx context.Context, workspaceID uuid.UUID, actor event.Actor, page Page) (List[Step], error) {
	events, err := h.history.OfActor(ctx, workspaceID, actor, page.Before, page.Limit+1)
	if err != nil {
		return List[Step]{}, err
	}
	list := ListOf(events, page, func(e event.Recorded) int64 { return e.Position })
	steps := make([]Step, 0, len(list.Items))
	for _, recorded := range list.Items {
		steps = append(steps, stepOf(recorded).namingOrder())
	}
	return List[Step]{Items: steps, NextCursor: list.NextCursor}, nil
}
