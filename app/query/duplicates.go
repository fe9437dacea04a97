package query

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/problem"
)

// Duplicate is a phone or an email that several customers have who are in use.
type Duplicate struct {
	Key contact.Key `json:"key"`
	// Count is how many have it, Customers are the oldest of them, at most customer.MaxCandidates.
	Count     int         `json:"count"`
	Customers []Reference `json:"customers"`
}

// Sealer makes texts unreadable that others hand back. Where says what a text is for: it opens nowhere else.
type Sealer interface {
	Seal(secret []byte, where string) []byte
	Open(sealed []byte, where string) ([]byte, error)
}

// DuplicatesHandler lists what customers share.
type DuplicatesHandler struct {
	read   ReadModel
	sealer Sealer
}

// NewDuplicatesHandler makes the handler.
func NewDuplicatesHandler(read ReadModel, sealer Sealer) DuplicatesHandler {
	return DuplicatesHandler{read: read, sealer: sealer}
}

// Handle lists phones and emails that several customers have, in their order. It looks at a part of all there are: a part of the list may
// hold fewer than asked for, or none, and go on all the same. The list goes on behind a phone or an email, so its cursor is sealed:
// cursors stand in addresses, where nothing personal may.
func (h DuplicatesHandler) Handle(ctx context.Context, workspaceID uuid.UUID, cursor string, limit int) (List[Duplicate], error) {
	var after contact.Key
	if cursor != "" {
		sealed, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			sealed, err = h.sealer.Open(sealed, cursorOf(workspaceID))
		}
		if err != nil {
			return List[Duplicate]{}, problem.InvalidFields("page-invalid", cursorInvalid)
		}
		kind, value, _ := strings.Cut(string(sealed), ":")
		after = contact.Key{Kind: contact.KeyKind(kind), Value: value}
	}
	found, next, err := h.read.SharedKeys(ctx, workspaceID, after, limit+1)
	if err != nil {
		return List[Duplicate]{}, err
	}
	if len(found) > limit {
		found, next = found[:limit], &found[limit-1].Key
	}
	list := List[Duplicate]{Items: found}
	if next != nil {
		sealed := base64.RawURLEncoding.EncodeToString(h.sealer.Seal([]byte(string(next.Kind)+":"+next.Value), cursorOf(workspaceID)))
		list.NextCursor = &sealed
	}
	return list, nil
}

// Find is Handle, going on until there are as many as asked for, or no more. It takes as long as there are customers.
func (h DuplicatesHandler) Find(ctx context.Context, workspaceID uuid.UUID, cursor string, limit int) (List[Duplicate], error) {
	list, err := h.Handle(ctx, workspaceID, cursor, limit)
	for err == nil && list.NextCursor != nil && len(list.Items) < limit {
		var more List[Duplicate]
		if more, err = h.Handle(ctx, workspaceID, *list.NextCursor, limit-len(list.Items)); err == nil {
			list = List[Duplicate]{Items: append(list.Items, more.Items...), NextCursor: more.NextCursor}
		}
	}
	return list, err
}

func cursorOf(workspaceID uuid.UUID) string { return "duplicates of " + workspaceID.String() }

// Merge is what merging two customers, or taking that back, makes of them.
type Merge struct {
	DryRun bool `json:"dry_run"`
	// Before is who the survivor was.
	Before   Customer `json:"before"`
	Survivor Customer `json:"survivor"`
	Other    Customer `json:"other"`
}

// MergeOf shows what became, or would become, of two customers.
func MergeOf(before, survivor, other customer.Snapshot, dryRun bool) Merge {
	merge := Merge{
		DryRun: dryRun, Before: CustomerOf(before.State, before.Version), Survivor: CustomerOf(survivor.State, survivor.Version),
		Other: CustomerOf(other.State, other.Version),
	}
	if other.Status == customer.StatusMerged {
		merge.Other.MergedInto = &survivor.ID
	}
	return merge
}
