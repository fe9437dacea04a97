package http

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"orderbridge/app"
	"orderbridge/app/query"
	"orderbridge/domain/contact"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

// crm answers what openapi.yaml tags as crm, everything in the caller's workspace.
type crm struct {
	commands app.Commands
	queries  app.Queries
}

var _ StrictServerInterface = crm{}

// crm wraps the handlers into the generated code that reads parameters and writes answers.
func (s *server) crm() *ServerInterfaceWrapper {
	return &ServerInterfaceWrapper{
		Handler: NewStrictHandlerWithOptions(crm{commands: s.application.Commands, queries: s.application.Queries}, nil, StrictHTTPServerOptions{
			RequestErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
				s.answerError(w, r, bodyProblem(err))
			},
			ResponseErrorHandlerFunc: s.answerError,
		}),
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			s.answerError(w, r, parameterProblem(err))
		},
	}
}

// ListOrders lists orders.
func (c crm) ListOrders(ctx context.Context, request ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	var check parameters
	filter := query.OrderFilter{
		ShopID: check.shopID(request.Params.ShopID), CustomerID: maybe(request.Params.CustomerID),
		Status: check.orderStatus(request.Params.Status), AssigneeID: maybe(request.Params.AssigneeID),
		OrderedFrom: given(request.Params.OrderedFrom), OrderedTo: given(request.Params.OrderedTo),
	}
	page := check.page(request.Params.Limit, request.Params.Cursor)
	if err := check.problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Orders(ctx, workspaceOf(ctx), filter, page)
	return ListOrders200JSONResponse(list), err
}

// GetOrder shows an order.
func (c crm) GetOrder(ctx context.Context, request GetOrderRequestObject) (GetOrderResponseObject, error) {
	if !isPrintable(request.Code) { // no order has such a code, and the database would call it an error
		return nil, errOrderUnknown
	}
	found, err := c.queries.Order(ctx, workspaceOf(ctx), request.Code)
	return GetOrder200JSONResponse(found), err
}

var errOrderUnknown = problem.NotFound("order-unknown", "no order has this code")

// ListDeliveries lists deliveries.
func (c crm) ListDeliveries(ctx context.Context, request ListDeliveriesRequestObject) (ListDeliveriesResponseObject, error) {
	var check parameters
	filter := query.DeliveryFilter{
		ShopID: check.shopID(request.Params.ShopID),
		Outcome: oneOf(&check, "outcome", request.Params.Outcome, query.OutcomePending, query.OutcomeCreated, query.OutcomeUpdated,
			query.OutcomeUnchanged, query.OutcomeSkipped, query.OutcomeHeld, query.OutcomeFailed, query.OutcomeRejected),
	}
	page := check.page(request.Params.Limit, request.Params.Cursor)
	if err := check.problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Deliveries(ctx, workspaceOf(ctx), filter, page)
	return ListDeliveries200JSONResponse(list), err
}

// GetDelivery shows a delivery with its steps.
func (c crm) GetDelivery(ctx context.Context, request GetDeliveryRequestObject) (GetDeliveryResponseObject, error) {
	found, err := c.queries.ExplainDelivery.Handle(ctx, workspaceOf(ctx), request.ID)
	return GetDelivery200JSONResponse(found), err
}

// ListSources lists order sources.
func (c crm) ListSources(ctx context.Context, request ListSourcesRequestObject) (ListSourcesResponseObject, error) {
	var check parameters
	page := check.page(request.Params.Limit, request.Params.Cursor)
	if err := check.problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Sources(ctx, workspaceOf(ctx), page)
	return ListSources200JSONResponse(list), err
}

// parameters reads the parameters of a list and collects what is wrong with them, so that a caller learns of
// several at once. A text that is given and empty is as good as not given.
type parameters struct{ invalid []problem.Field }

const codeParametersInvalid = "parameters-invalid"

func (p *parameters) problem() error {
	if len(p.invalid) == 0 {
		return nil
	}
	return problem.InvalidFields(codeParametersInvalid, p.invalid...)
}

func (p *parameters) refuse(path, message string) {
	p.invalid = append(p.invalid, problem.Field{Path: path, Message: message})
}

func (p *parameters) page(limit *int, cursor *string) query.Page {
	if limit != nil && *limit == 0 { // ParsePage takes it for "as usual", and the contract does not
		p.refuse("limit", messageOf["limit"])
		limit = nil
	}
	page, err := query.ParsePage(given(limit), given(cursor))
	if known, ok := problem.Of(err); ok {
		p.invalid = append(p.invalid, known.Fields()...)
	}
	return page
}

func (p *parameters) phone(raw *string) string {
	if given(raw) == "" {
		return ""
	}
	phone, err := contact.ParsePhone(*raw)
	if err != nil {
		p.refuse("phone", err.Error())
	}
	return phone.E164()
}

func (p *parameters) email(raw *string) string {
	if given(raw) == "" {
		return ""
	}
	email, err := contact.ParseEmail(*raw)
	if err != nil {
		p.refuse("email", err.Error())
	}
	return email.String()
}

func (p *parameters) tag(raw *string) string {
	if given(raw) == "" {
		return ""
	}
	tag, err := contact.ParseTag(*raw)
	if err != nil {
		p.refuse("tag", err.Error())
	}
	return tag
}

func (p *parameters) shopID(raw *string) string {
	id := given(raw)
	if strings.Trim(id, "0123456789") != "" || len(id) > 20 {
		p.refuse("shop_id", "a shop id is the number in pos.pancake.vn/shop/<number>/overview")
	}
	return id
}

func (p *parameters) orderStatus(raw *string) order.Status {
	if given(raw) == "" {
		return order.Status{}
	}
	status, err := order.ParseStatus(*raw)
	if err != nil {
		p.refuse("status", err.Error())
	}
	return status
}

func oneOf[T ~string](p *parameters, path string, raw *T, allowed ...T) T {
	value := given(raw)
	if value != "" && !slices.Contains(allowed, value) {
		words := make([]string, 0, len(allowed))
		for _, word := range allowed {
			words = append(words, string(word))
		}
		p.refuse(path, "this is one of: "+strings.Join(words, ", "))
	}
	return value
}

// messageOf says of what form a parameter is that the generated code reads.
var messageOf = map[string]string{
	"limit":        "a limit is 1 to 200",
	"id":           "an id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"active":       "this is true or false",
	"dry_run":      "this is true or false",
	"customer_id":  "a customer's id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"assignee_id":  "a user's id is a UUID, such as 01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
	"ordered_from": messageTime,
	"ordered_to":   messageTime,
}

const messageTime = "a time is such as 2025-09-15T03:04:38Z or, with the + encoded, 2025-09-15T10:04:38%2B07:00"

// parameterProblem says what the generated code found wrong, without its words, which repeat what was sent.
func parameterProblem(err error) error {
	unreadable, ok := errors.AsType[*InvalidParamFormatError](err)
	if !ok { // no parameter of ours is required, or a header, or a cookie
		return err
	}
	message, ok := messageOf[unreadable.ParamName]
	if !ok {
		message = "this is given once, as one value"
	}
	return problem.InvalidFields(codeParametersInvalid, problem.Field{Path: unreadable.ParamName, Message: message})
}

func maybe(id *uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: given(id), Valid: id != nil} }

func given[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
