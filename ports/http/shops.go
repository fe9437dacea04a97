package http

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// ListShops lists the connected shops.
func (c api) ListShops(ctx context.Context, _ ListShopsRequestObject) (ListShopsResponseObject, error) {
	shops, err := c.queries.Shops(ctx, workspaceOf(ctx))
	return ListShops200JSONResponse(seenList(ctx, query.List[query.Shop]{Items: shops})), err
}

// GetShop shows a connected shop.
func (c api) GetShop(ctx context.Context, request GetShopRequestObject) (GetShopResponseObject, error) {
	shop, err := c.queries.Shop(ctx, workspaceOf(ctx), request.ShopID)
	return GetShop200JSONResponse{ShopShownJSONResponse{
		Body: seen(ctx, shop), Headers: ShopShownResponseHeaders{ETag: etag(shop.Version)},
	}}, err
}

// keyedShop is a shop, with its header's value if that was made up just now.
type keyedShop struct {
	query.Shop

	HeaderValue *string `json:"header_value"`
}

// ConnectShop lets a shop deliver.
func (c api) ConnectShop(ctx context.Context, request ConnectShopRequestObject) (ConnectShopResponseObject, error) {
	stored, err := c.commands.ConnectShop.Handle(ctx, command.ConnectShop{
		By: byOf(ctx),
		Shop: workspace.Shop{
			ID: request.Body.ShopID, Name: given(request.Body.Name), HeaderKey: request.Body.HeaderKey,
			DefaultAssigneeID: assigneeOf(given(request.Body.DefaultAssigneeID)),
		},
		HeaderValue: given(request.Body.HeaderValue),
	})
	answer, err := c.keyedShop(ctx, stored, err)
	return ConnectShop201JSONResponse{answer}, err
}

// RotateShopKey gives a shop a new header value.
func (c api) RotateShopKey(ctx context.Context, request RotateShopKeyRequestObject) (RotateShopKeyResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	const usualOverlap = int64(24 * time.Hour / time.Second)
	overlap := cmp.Or(request.Body.OverlapSeconds, new(usualOverlap))
	// What is too long, or negative, stays so, however far beyond what a duration holds.
	seconds := min(max(*overlap, -1), int64(workspace.MaxKeyOverlap/time.Second)+1)
	stored, err := c.commands.RotateShopKey.Handle(ctx, command.RotateShopKey{
		By: byOf(ctx), IfVersion: version, ShopID: request.ShopID, HeaderKey: given(request.Body.HeaderKey),
		HeaderValue: given(request.Body.HeaderValue), Overlap: time.Duration(seconds) * time.Second,
	})
	answer, err := c.keyedShop(ctx, stored, err)
	return RotateShopKey200JSONResponse{answer}, err
}

// keyedShop answers a command about a shop's key.
func (c api) keyedShop(ctx context.Context, stored command.StoredShop, err error) (ShopKeyedJSONResponse, error) {
	shown, err := c.storedShop(ctx, stored.Stored, err)
	if err != nil {
		return ShopKeyedJSONResponse{}, err
	}
	answer := ShopKeyedJSONResponse{
		Body: keyedShop{Shop: shown.Body},
		Headers: ShopKeyedResponseHeaders{
			ETag: shown.Headers.ETag, Location: "/api/v1/shops/" + shown.Body.ID, OrderbridgePosition: shown.Headers.OrderbridgePosition,
		},
	}
	if stored.HeaderValue != "" {
		answer.Body.HeaderValue = &stored.HeaderValue
		exchangeOf(ctx).shownOnce = true
	}
	return answer, nil
}

// storedShop answers a command with the shop that it left behind.
func (c api) storedShop(ctx context.Context, stored command.Stored[string], err error) (ShopStoredJSONResponse, error) {
	if err != nil {
		return ShopStoredJSONResponse{}, err
	}
	c.settle(ctx, stored.Position)
	shop, err := c.queries.Shop(ctx, workspaceOf(ctx), stored.State)
	return ShopStoredJSONResponse{
		Body: shop, Headers: ShopStoredResponseHeaders{ETag: etag(stored.Version), OrderbridgePosition: stored.Position},
	}, err
}

// UpdateShop changes a shop's name or default assignee.
func (c api) UpdateShop(ctx context.Context, request UpdateShopRequestObject) (UpdateShopResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	edit := workspace.ShopEdit{Name: request.Body.Name}
	if text := request.Body.DefaultAssigneeID; text != nil {
		edit.DefaultAssigneeID = new(assigneeOf(*text))
	}
	stored, err := c.commands.UpdateShop.Handle(ctx, command.UpdateShop{
		By: byOf(ctx), IfVersion: version, ShopID: request.ShopID, Edit: edit,
	})
	answer, err := c.storedShop(ctx, stored, err)
	return UpdateShop200JSONResponse{answer}, err
}

// assigneeOf reads the id of a default assignee: nobody when it is empty. What is no id is made one that no user has, so
// that it is refused together with whatever else is wrong.
func assigneeOf(text string) uuid.UUID {
	if text == "" {
		return uuid.Nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Max
	}
	return id
}

type apiKeyRequest struct {
	APIKey string `json:"api_key"`
}

// SetAPIKey keeps a shop's key of Pancake's API.
func (c api) SetAPIKey(ctx context.Context, request SetAPIKeyRequestObject) (SetAPIKeyResponseObject, error) {
	answer, err := c.setAPIKey(ctx, request.Params.IfMatch, command.SetAPIKey{ShopID: request.ShopID, Key: request.Body.APIKey})
	return SetAPIKey200JSONResponse{answer}, err
}

// RemoveAPIKey forgets it.
func (c api) RemoveAPIKey(ctx context.Context, request RemoveAPIKeyRequestObject) (RemoveAPIKeyResponseObject, error) {
	answer, err := c.setAPIKey(ctx, request.Params.IfMatch, command.SetAPIKey{ShopID: request.ShopID, Remove: true})
	return RemoveAPIKey200JSONResponse{answer}, err
}

func (c api) setAPIKey(ctx context.Context, ifMatch *string, set command.SetAPIKey) (ShopStoredJSONResponse, error) {
	version, err := ifVersion(ifMatch)
	if err != nil {
		return ShopStoredJSONResponse{}, err
	}
	set.By, set.IfVersion = byOf(ctx), version
	stored, err := c.commands.SetAPIKey.Handle(ctx, set)
	return c.storedShop(ctx, stored, err)
}

// ListReconciliations tells what was found when it was looked for lost orders.
func (c api) ListReconciliations(ctx context.Context, request ListReconciliationsRequestObject) (ListReconciliationsResponseObject, error) {
	var check query.Parameters
	page, shopID := check.IDPage(request.Params.Limit, given(request.Params.Cursor)), check.ShopID(given(request.Params.ShopID))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Reconciliations(ctx, workspaceOf(ctx), shopID, page)
	return ListReconciliations200JSONResponse(list), err
}

// PauseShop lets a shop's deliveries wait.
func (c api) PauseShop(ctx context.Context, request PauseShopRequestObject) (PauseShopResponseObject, error) {
	answer, err := c.pauseShop(ctx, request.ShopID, request.Params.IfMatch, false)
	return PauseShop200JSONResponse{answer}, err
}

// ResumeShop brings in what waited.
func (c api) ResumeShop(ctx context.Context, request ResumeShopRequestObject) (ResumeShopResponseObject, error) {
	answer, err := c.pauseShop(ctx, request.ShopID, request.Params.IfMatch, true)
	return ResumeShop200JSONResponse{answer}, err
}

func (c api) pauseShop(ctx context.Context, shopID string, ifMatch *string, resume bool) (ShopStoredJSONResponse, error) {
	version, err := ifVersion(ifMatch)
	if err != nil {
		return ShopStoredJSONResponse{}, err
	}
	stored, err := c.commands.PauseShop.Handle(ctx, command.PauseShop{By: byOf(ctx), IfVersion: version, ShopID: shopID, Resume: resume})
	return c.storedShop(ctx, stored, err)
}

// DisconnectShop ends a shop's deliveries.
func (c api) DisconnectShop(ctx context.Context, request DisconnectShopRequestObject) (DisconnectShopResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.commands.DisconnectShop.Handle(ctx, command.DisconnectShop{
		By: byOf(ctx), IfVersion: version, ShopID: request.ShopID,
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, stored.Position)
	return DisconnectShop204Response{Headers: DoneResponseHeaders{OrderbridgePosition: stored.Position}}, nil
}
