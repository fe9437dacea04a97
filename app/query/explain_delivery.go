package query

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/customer"
	"orderbridge/domain/delivery"
	"orderbridge/domain/event"
	"orderbridge/domain/money"
	"orderbridge/domain/order"
	"orderbridge/domain/projection"
	"orderbridge/domain/user"
	"orderbridge/domain/workspace"
)

// ExplainDeliveryHandler tells every step of a delivery.
type ExplainDeliveryHandler struct {
	read ReadModel
	now  func() time.Time
}

// NewExplainDeliveryHandler makes the handler.
func NewExplainDeliveryHandler(read ReadModel, now func() time.Time) ExplainDeliveryHandler {
	return ExplainDeliveryHandler{read: read, now: now}
}

// Handle returns the delivery with its steps in the order of the log, and with what it waits for at the end.
func (h ExplainDeliveryHandler) Handle(ctx context.Context, workspaceID, id uuid.UUID) (DeliveryDetail, error) {
	found, err := h.read.Delivery(ctx, workspaceID, id)
	if err != nil {
		return DeliveryDetail{}, err
	}
	events, err := h.read.Correlated(ctx, workspaceID, id)
	if err != nil {
		return DeliveryDetail{}, fmt.Errorf("read steps of delivery %s: %w", id, err)
	}
	steps := stepsOf(events, nil)
	if len(events) > 0 {
		steps = append(steps, waitingSteps(events[len(events)-1:], h.now())...)
	}
	return DeliveryDetail{Delivery: found, Steps: steps}, nil
}

// Narrate says in one plain English sentence what an event says and why it happened.
func Narrate(payload event.Payload) string {
	switch e := payload.(type) {
	case delivery.OrderReceived:
		if e.Origin != "" {
			return fmt.Sprintf("No webhook brought this version of order %s of shop %s: it was read from Pancake's own API (%d bytes), and was kept"+
				" exactly as it came.", e.OrderID, e.ShopID, e.Request.Bytes)
		}
		return fmt.Sprintf("Order %s of shop %s arrived (%d bytes) and was kept exactly as it came.", e.OrderID, e.ShopID, e.Request.Bytes)
	case delivery.DeliveryRejected:
		return fmt.Sprintf("Refused: %s.", strings.TrimSuffix(e.Detail, "."))
	case delivery.IngestionFailed:
		detail, kept := strings.TrimSuffix(e.Detail, "."), "The delivery is kept exactly as it came."
		if e.Reason == delivery.BodyNotKept {
			kept = "Nothing of its body was kept."
		}
		if e.OrderID == "" { // of a delivery that was refused at the door, where no order could be told then or now
			return fmt.Sprintf("Attempt %d to bring it in failed: %s. %s", e.Attempt, detail, kept)
		}
		return fmt.Sprintf("Attempt %d to bring order %s of shop %s in failed: %s. %s", e.Attempt, e.OrderID, e.ShopID, detail, kept)
	case delivery.IngestionHeld:
		return fmt.Sprintf("Order %s of shop %s waits: the shop is paused. It is brought in when the shop is resumed.", e.OrderID, e.ShopID)
	case delivery.IngestionRetried:
		if e.Reason == delivery.RetriedOnRequest {
			return fmt.Sprintf("Attempt %d to bring it in was asked for: what was kept of it is read again.", e.Attempt)
		}
		return "It is brought in now: the shop was resumed."
	case order.CustomerMatched:
		return narrateMove(e.Decision, e.Relinked) + "Matched an existing customer: " + narrateDecision(e.Decision)
	case customer.CustomerCreated:
		return fmt.Sprintf("%sCreated customer %q: %s", narrateMove(e.Decision, false), e.Customer.Name, narrateDecision(e.Decision))
	case customer.CustomerImported:
		if e.Line > 0 {
			return fmt.Sprintf("Customer %q was added from line %d of the import %s.", e.Customer.Name, e.Line, e.ImportID)
		}
		return fmt.Sprintf("Customer %q was added by hand.", e.Customer.Name)
	case customer.CustomerUpdated:
		return fmt.Sprintf("Customer %q was changed: %s.", e.Customer.Name, fieldsIn(FieldInEnglish, e.Changes))
	case customer.CustomerArchived:
		return fmt.Sprintf("Customer %q was archived; orders no longer match them.", e.Customer.Name)
	case customer.CustomerRestored:
		return fmt.Sprintf("Customer %q was restored; orders match them again.", e.Customer.Name)
	case customer.CustomersMerged:
		return fmt.Sprintf("Customer %q (%s) was merged into this one, who is %q now.", e.Merged.Name, e.Merged.ID, e.Customer.Name)
	case customer.CustomerMergedInto:
		return fmt.Sprintf("Customer %q (%s) was merged into %s, who stands for them from now on.", e.Customer.Name, e.Customer.ID, e.Into)
	case customer.CustomersUnmerged:
		return fmt.Sprintf("The merge with customer %s was taken back; this one is %q now.", e.Unmerged, e.Customer.Name)
	case customer.CustomerUnmerged:
		return fmt.Sprintf("Customer %q (%s) was unmerged from %s, and is as they were before.", e.Customer.Name, e.Customer.ID, e.From)
	case order.SourceEnsured:
		if e.Created {
			return fmt.Sprintf("The CRM had no order source %q, so it was created.", e.Name)
		}
		return fmt.Sprintf("The order source %q was there already.", e.Name)
	case order.OrderCreated:
		created := fmt.Sprintf("Created order %s with %s, %s due. %s", e.Code, plural(len(e.Order.Lines), "line"),
			money.Display(e.Order.Totals.Due, e.Order.Currency), narrateAssignee(e.Assignee))
		if e.Reason == order.CreatedWasLive {
			return created + fmt.Sprintf(" It was skipped before: this older version shows that it was not %s from the beginning.",
				e.Order.Status.Name)
		}
		return created
	case order.OrderUpdated:
		return fmt.Sprintf("Updated order %s: %s changed.%s", e.Code, fieldsIn(FieldInEnglish, e.Changes), narrateUpdate(e.Reason))
	case order.OrderReassigned:
		switch before, known := assigneeBefore(e.Changes); {
		case !known:
			return fmt.Sprintf("Order %s was given to another assignee. %s", e.Code, narrateAssignee(e.Assignee))
		case before == "":
			return fmt.Sprintf("Order %s had no assignee before. %s", e.Code, narrateAssignee(e.Assignee))
		default:
			return fmt.Sprintf("Order %s was assigned to %s before. %s", e.Code, before, narrateAssignee(e.Assignee))
		}
	case order.OrderUnchanged:
		if e.Reason == order.UnchangedOlder {
			return fmt.Sprintf("Order %s stays as it is: this is an older version than the one it has.", e.Code)
		}
		return fmt.Sprintf("Order %s stays as it is: this version says nothing new.", e.Code)
	case order.OrderSkipped:
		if e.Reason == order.SkippedOlder {
			return fmt.Sprintf("Order %s was not brought in: this is an older version of an order that was skipped.", e.Code)
		}
		return fmt.Sprintf("Order %s was not brought in: it was first heard of as %s.", e.Code, e.Status.Name)
	case workspace.WorkspaceCreated:
		return fmt.Sprintf("Workspace %q was created; customers are matched by %s.", e.Name, narrateRule(e.MatchRule))
	case workspace.ShopConnected:
		return fmt.Sprintf("Shop %s (%s) was connected, with the header %s.", e.Shop.ID, e.Shop.Name, e.Shop.HeaderKey)
	case workspace.ShopUpdated:
		return fmt.Sprintf("Shop %s (%s) was changed: %s.", e.Shop.ID, e.Shop.Name, narrateSettings(e.Changes))
	case workspace.ShopPaused:
		return fmt.Sprintf("Shop %s (%s) was paused: what it delivers is kept and waits.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopResumed:
		return fmt.Sprintf("Shop %s (%s) was resumed: what waited is brought in.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopKeyRotated:
		if e.PreviousValidUntil.IsZero() {
			return fmt.Sprintf("Shop %s sends a new value of the header %s; the one before is refused.", e.Shop.ID, e.Shop.HeaderKey)
		}
		return fmt.Sprintf("Shop %s sends a new value of the header %s; the one before is taken until %s.", e.Shop.ID, e.Shop.HeaderKey,
			e.PreviousValidUntil.Format(time.RFC3339))
	case workspace.ShopAPIKeySet:
		return fmt.Sprintf("Shop %s (%s) has a key of Pancake's API: orders whose webhook was lost are looked for.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopAPIKeyRemoved:
		return fmt.Sprintf("The key of Pancake's API for shop %s (%s) was forgotten.", e.Shop.ID, e.Shop.Name)
	case workspace.ShopDisconnected:
		return fmt.Sprintf("Shop %s was disconnected.", e.ShopID)
	case workspace.MatchRuleChanged:
		return fmt.Sprintf("Customers are matched by %s from now on, no longer by %s.", narrateRule(e.After), narrateRule(e.Before))
	case workspace.SettingsChanged:
		return fmt.Sprintf("Settings were changed: %s.", narrateSettings(e.Changes))
	case workspace.WorkspaceHostsChanged:
		return fmt.Sprintf("The workspace answers to %s from now on.", strings.Join(e.After, ", "))
	case workspace.WorkspaceDefaultChanged:
		if e.IsDefault {
			return "Requests to hosts that no workspace claims go to this one from now on."
		}
		return "Requests to hosts that no workspace claims go to another one from now on."
	case projection.RebuildStarted:
		return narrateRebuildStarted(e)
	case projection.Rebuilt:
		return fmt.Sprintf("Version %d of the projection %s is read from now on%s: made from the log up to event #%d in %s. "+
			"Readers waited for %s at most, and no lock was held for longer than %s.", e.Version, e.Projection, narrateInsteadOf(e.Switch),
			e.Position, span(e.TookSeconds), span(e.ReadersWaitedMS/1000), span(e.LongestLockMS/1000))
	case projection.RolledBack:
		return fmt.Sprintf("Version %d of the projection %s is read again%s, caught up to event #%d. Readers waited for %s at most, and "+
			"no lock was held for longer than %s.", e.Version, e.Projection, narrateInsteadOf(e.Switch), e.Position,
			span(e.ReadersWaitedMS/1000), span(e.LongestLockMS/1000))
	case projection.RebuildCancelled:
		return fmt.Sprintf("The rebuild of the projection %s was cancelled: version %d had come to event #%d.", e.Projection, e.Version, e.Position)
	case projection.PreviousDropped:
		return fmt.Sprintf("Version %d of the projection %s, which was read before, was dropped.", e.Version, e.Projection)
	case projection.EventSkipped:
		return fmt.Sprintf("The projection %s passes over event #%d (%s), which it cannot fold: %s.", e.Projection, e.Position, e.EventType, e.Reason)
	case workspace.TokenCreated:
		return fmt.Sprintf("An API token named %q was created, with the role %s.", e.Name, e.RoleOrViewer())
	case workspace.TokenRevoked:
		return fmt.Sprintf("The API token named %q was revoked.", e.Name)
	case workspace.AccountInvited:
		return fmt.Sprintf("The account %q was made, with the role %s.", e.Name, e.Role)
	case workspace.AccountPasswordSet:
		return fmt.Sprintf("A password was set for the account %q. Its sessions ended.", e.Name)
	case workspace.AccountResetIssued:
		return fmt.Sprintf("A link was made by which the password of the account %q is set anew.", e.Name)
	case workspace.AccountRoleChanged:
		return fmt.Sprintf("The account %q has the role %s from now on, no longer %s.", e.Name, e.After, e.Before)
	case workspace.AccountSessionsEnded:
		return fmt.Sprintf("All sessions of the account %q were ended.", e.Name)
	case workspace.AccountRemoved:
		return fmt.Sprintf("The account %q was removed; nobody can sign in to it any more.", e.Name)
	case workspace.AccountSignedIn:
		return fmt.Sprintf("Somebody signed in to the account %q.", e.Name)
	case workspace.AccountLocked:
		return fmt.Sprintf("The account %q was locked until %s: wrong passwords were tried for it, one after the other.", e.Name,
			e.Until.Format(time.RFC3339))
	case workspace.ContactRevealed:
		if e.OrderCode != "" {
			return fmt.Sprintf("The account %q was shown the phones and emails in order %s of customer %s.", e.AccountName, e.OrderCode, e.CustomerID)
		}
		return fmt.Sprintf("The account %q was shown the phones and emails of customer %s.", e.AccountName, e.CustomerID)
	case user.UserAdded:
		return fmt.Sprintf("User %q was added.", e.User.Name)
	case user.UserUpdated:
		return fmt.Sprintf("User %q was changed: %s.", e.User.Name, fieldsIn(FieldInEnglish, e.Changes))
	case user.UserDeactivated:
		return fmt.Sprintf("User %q was deactivated; no new order is assigned to them.", e.User.Name)
	case user.UserReactivated:
		return fmt.Sprintf("User %q was reactivated.", e.User.Name)
	case user.StaffMapped:
		return fmt.Sprintf("Orders made by %s are assigned to %q from now on.", narrateStaff(e.Staff), e.User.Name)
	case user.StaffUnmapped:
		return fmt.Sprintf("Orders made by %s are no longer assigned to %q.", narrateStaff(e.Staff), e.User.Name)
	default:
		return payload.EventName() + "."
	}
}

// assigneeBefore is the name of whom an order was assigned to before a change, empty for nobody. A change that is masked may not tell.
func assigneeBefore(changes []event.Change) (name string, known bool) {
	for _, change := range changes {
		var before order.Assignee
		if change.Field == "assignee" && json.Unmarshal(change.Before, &before) == nil {
			return before.Name, true
		}
	}
	return "", false
}

// narrateMove comes before the decision on an order's customer, when it had another one before.
func narrateMove(d customer.Decision, relinked bool) string {
	if d.MovedFrom == uuid.Nil {
		return ""
	}
	if relinked {
		return fmt.Sprintf("The order was looked at again, and moves away from customer %s: today it is matched with another. ", d.MovedFrom)
	}
	return fmt.Sprintf("The order shows another buyer than before, so it moves away from customer %s. ", d.MovedFrom)
}

// narrateUpdate adds why a delivery that is not simply newer changed an order.
func narrateUpdate(reason order.UpdatedReason) string {
	switch reason {
	case order.UpdatedSameVersion:
		return " The shop changed it without giving it a new time of change."
	case order.UpdatedRelinked:
		return " It belongs to whom it would be matched with today."
	case order.UpdatedBuyerRevealed:
		return " This is an older version, but it shows who the buyer is, and no newer one does."
	default:
		return ""
	}
}

func narrateDecision(d customer.Decision) string {
	rule := "the rule matches by " + narrateRule(d.Rule)
	if d.RuleVersion > 0 {
		rule += fmt.Sprintf(" (settings version %d)", d.RuleVersion)
	}
	switch d.Reason {
	case customer.ReasonOnlyHolder:
		return fmt.Sprintf("%s, and %s belongs to 1 active customer (%s).", rule, narrateKey(*d.Key), narrateCandidates(d))
	case customer.ReasonOldestHolder:
		return fmt.Sprintf("%s, and %s belongs to %d active customers (%s); the oldest was taken.",
			rule, narrateKey(*d.Key), d.CandidateCount, narrateCandidates(d))
	case customer.ReasonKnownBuyer:
		return fmt.Sprintf("%s, but the order shows no usable one; customer %s of shop %s was bound to this customer before (%s).",
			rule, d.BuyerID, d.ShopID, narrateCandidates(d))
	case customer.ReasonNoHolder:
		keys := make([]string, 0, len(d.Tried))
		for _, key := range d.Tried {
			keys = append(keys, narrateKey(key))
		}
		return fmt.Sprintf("%s, and no active customer has %s (0 candidates).", rule, strings.Join(keys, " or "))
	case customer.ReasonNoUsableKey:
		return rule + ", but the order shows no usable one, and its buyer was not known from an earlier order (0 candidates)."
	default:
		return rule + "."
	}
}

// narrateCandidates counts the customers who were considered, and names those of them that the event does: the oldest first.
func narrateCandidates(d customer.Decision) string {
	ids := candidateIDs(d)
	switch counted := plural(d.CandidateCount, "candidate"); {
	case ids == "":
		return counted
	case d.CandidateCount > len(d.Candidates):
		return fmt.Sprintf("%s, the oldest %d: %s", counted, len(d.Candidates), ids)
	case d.CandidateCount > 1:
		return counted + ", oldest first: " + ids
	default:
		return counted + ": " + ids
	}
}

func candidateIDs(d customer.Decision) string {
	ids := make([]string, 0, len(d.Candidates))
	for _, id := range d.Candidates {
		ids = append(ids, id.String())
	}
	return strings.Join(ids, ", ")
}

func narrateRule(rule customer.MatchRule) string {
	if rule == customer.MatchByPhoneOrEmail {
		return "phone, then email"
	}
	return string(rule)
}

func narrateKey(key contact.Key) string {
	if key.Kind != contact.KindPhone {
		return fmt.Sprintf("%s %s", key.Kind, key.Value)
	}
	phone, err := contact.ParsePhone(key.Value)
	if err != nil { // a key that an older rule accepted, or that is masked
		return "phone " + key.Value
	}
	return "phone " + phone.Display()
}

func narrateAssignee(a order.Assignee) string {
	why := WhyAssigned(a.Reason)
	if why == "" {
		return "Nobody is assigned: no user has the phone or email of its creator or is mapped to them, and the shop has no default assignee."
	}
	return fmt.Sprintf("Assigned to %s, who %s.", a.Name, why)
}

func narrateStaff(staff user.Staff) string {
	if staff.Name == "" {
		return fmt.Sprintf("the shop's staff %s", staff.Key)
	}
	return fmt.Sprintf("%s, the shop's staff %s", staff.Name, staff.Key)
}

func narrateSettings(changes []event.Change) string {
	told := make([]string, 0, len(changes))
	for _, change := range changes {
		told = append(told, fmt.Sprintf("%s from %s to %s", FieldInEnglish(change.Field), change.Before, change.After))
	}
	return strings.Join(told, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func narrateRebuildStarted(e projection.RebuildStarted) string {
	switch {
	case e.Rollback:
		return fmt.Sprintf("The projection %s is to go back to version %d, which was read before and is filled up to event #%d.",
			e.Projection, e.Version, e.Position)
	case e.Position > 0:
		return fmt.Sprintf("The rebuild of the projection %s goes on: version %d is filled up to event #%d.", e.Projection, e.Version, e.Position)
	default:
		return fmt.Sprintf("A rebuild of the projection %s began: version %d is made from the log.", e.Projection, e.Version)
	}
}

func narrateInsteadOf(e projection.Switch) string {
	if e.PreviousVersion == 0 {
		return ""
	}
	return fmt.Sprintf(" in place of version %d", e.PreviousVersion)
}

// span is a time in seconds, for reading.
func span(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.1f ms", seconds*1000)
	}
	return fmt.Sprintf("%.1f s", seconds)
}
