package http_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/order"
	"orderbridge/domain/problem"
)

func TestAPINeedsAToken(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	var first string
	for _, authorization := range []string{
		"", "Bearer", "Bearer ", "Bearer obt_wrong", "Basic " + token, token, "bearer x " + token,
	} {
		request := bundle.get("/api/v1/orders?limit=nonsense") // the token comes first
		request.Header.Set("Authorization", authorization)
		got := bundle.do(t, request)
		got.wantProblem(t, http.StatusUnauthorized, "token-unknown")
		if challenge := got.header.Get("WWW-Authenticate"); challenge != "Bearer" {
			t.Errorf("WWW-Authenticate is %q, want Bearer", challenge)
		}
		if first == "" {
			first = string(got.body)
		}
		if string(got.body) != first {
			t.Errorf("%q is answered with %s, another with %s", authorization, got.body, first)
		}
	}
	request := bundle.get("/api/v1/orders")
	request.Header.Set("Authorization", "bearer "+token)
	if got := bundle.do(t, request); got.status != http.StatusOK {
		t.Errorf("a scheme in lower case is answered with %d", got.status)
	}
}

func TestAPIWaitsForTheReadTables(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.readable = func() error { return problem.Unavailable("read-tables-filling", "the read tables are being filled") }
	for name, request := range map[string]*http.Request{
		"a read":    bundle.get("/api/v1/orders"),
		"a command": bundle.command(http.MethodPost, "/api/v1/customers", `{"name":"Lan"}`),
	} {
		got := bundle.do(t, request)
		got.wantProblem(t, http.StatusServiceUnavailable, "read-tables-filling")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s is not told when to try again", name)
		}
	}
	stranger := bundle.get("/api/v1/orders")
	stranger.Header.Del("Authorization")
	bundle.do(t, stranger).wantProblem(t, http.StatusUnauthorized, "token-unknown")
	if got := bundle.do(t, bundle.delivery(orderBody)); got.status != http.StatusOK || len(bundle.log.all()) != 1 {
		t.Errorf("a delivery is answered with %d %s", got.status, got.body)
	}
}

func TestAPIShowsTheCallersWorkspaceOnly(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.read.workspaceID = uuid.New()
	for _, path := range []string{"orders/" + orderCode, "customers/" + customerID.String(), "deliveries/" + deliveryID.String(), "users/" + userID.String()} {
		bundle.do(t, bundle.get("/api/v1/"+path)).wantProblem(t, http.StatusNotFound, "record-unknown")
	}
	for _, path := range []string{"orders", "customers", "deliveries", "sources", "users"} {
		got := bundle.do(t, bundle.get("/api/v1/"+path))
		if want := `{"items":[],"next_cursor":null}`; strings.TrimSpace(string(got.body)) != want {
			t.Errorf("%s of another workspace are %s, want %s", path, got.body, want)
		}
	}
}

func TestOrderIsAnsweredAsTheContractShowsIt(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	got := bundle.do(t, bundle.get("/api/v1/orders/"+orderCode))
	var answered, want any
	if err := json.Unmarshal(got.body, &answered); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{
		"code":"Pancake_1635294032_2051","shop_id":"1635294032","external_id":"2051",
		"source":{"id":"01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a01","name":"Pancake"},
		"customer":{"id":"01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a02","name":"Nguyễn Thị Riêng Tư","phone":"+84912000451","email":null},
		"assignee":null,"assignee_reason":"none","status":{"code":0,"name":"new"},"currency":"VND",
		"lines":[{"product_code":"AT01-DO-M","product_name":"Áo <thun>","variant":null,"quantity":2.5,"unit_price":250000,
			"discount":0,"amount":625000,"gift":false}],
		"totals":{"lines":625000,"discount":0,"goods":625000,"shipping_fee":30000,"surcharge":0,"tax":0,"due":655000},
		"ordered_at":"2025-09-15T03:04:38Z","updated_at":"2025-09-15T03:04:38Z","channel":"Facebook","tags":["gấp"],"note":"gọi trước",
		"buyer":{"name":"Nguyễn Thị Riêng Tư","phones":["+84912000451"],"emails":[],"address":null,"gender":null,"birthday":null,
			"tags":[],"external_id":null,"facebook_id":null,"username":null,"masked":false},
		"shipping":{"receiver_name":null,"receiver_phone":null,"address":null,"partner":"GHTK","partner_status":null,"tracking_code":null},
		"payments":{"cod":655000,"cash":0,"prepaid":0,"bank_transfer":0,"card":0,"e_wallet":0},
		"creator":{"key":"d6d1a3f9","name":"Mai Phương","phone":null,"email":null},"first_editor":null,
		"status_history":[{"status":{"code":17,"name":"waiting_for_confirmation"},"previous":null,"at":null,"editor":null},
			{"status":{"code":0,"name":"new"},"previous":{"code":17,"name":"waiting_for_confirmation"},"at":"2025-09-15T03:04:38Z","editor":"Mai Phương"}],
		"history":[{"position":12,"at":"2025-09-15T03:04:38Z","event":"OrderCreated","actor":"policy","delivery_id":"01994b0e-5d1e-7c52-a1f0-3f6f6f0a9b11",
				"reason":null,"status":{"code":17,"name":"waiting_for_confirmation"},"customer_id":"01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a02","changes":[]},
			{"position":15,"at":"2025-09-15T03:04:38Z","event":"OrderReassigned","actor":"api:test","delivery_id":null,"reason":"newer",
				"status":{"code":0,"name":"new"},"customer_id":"01994b0e-5d2a-7a10-8f3b-7f1f0f6f2a02","changes":[
				{"field":"totals.due","before":null,"after":655000},
				{"field":"lines","before":[],"after":[{"product_code":"AT01-DO-M"}]},
				{"field":"note","before":"gọi","after":"gọi trước"},
				{"field":"buyer.masked","before":true,"after":false},
				{"field":"status","before":{"code":17,"name":"waiting_for_confirmation"},"after":{"code":0,"name":"new"}}]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(answered, want) {
		t.Errorf("answered %s", got.body)
	}
}

func TestDeliveryIsAnsweredWithItsSteps(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	var answered query.DeliveryDetail
	if err := json.Unmarshal(bundle.do(t, bundle.get("/api/v1/deliveries/"+deliveryID.String())).body, &answered); err != nil {
		t.Fatal(err)
	}
	if len(answered.Steps) != 1 || answered.Steps[0].Event != "SourceEnsured" || answered.Steps[0].Position != 12 || answered.ID != deliveryID {
		t.Errorf("answered %+v", answered)
	}
	if bundle.read.waitedFor != 12 {
		t.Errorf("the order of the last step may not be there yet: waited for %d", bundle.read.waitedFor)
	}
}

func TestFiltersAreReadBeforeTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	usual := query.Page{Limit: query.DefaultLimit}
	for path, tc := range map[string]struct {
		asked any
		page  query.Page
	}{
		"orders": {query.OrderFilter{}, usual},
		"orders?shop_id=1635294032&customer_id=" + customerID.String():             {query.OrderFilter{ShopID: shopID, CustomerID: uuid.NullUUID{UUID: customerID, Valid: true}}, usual},
		"orders?limit=200&cursor=" + query.Cursor(99):                              {query.OrderFilter{}, query.Page{Limit: 200, Before: 99}},
		"customers?phone=&email=&cursor=":                                          {query.CustomerFilter{}, usual},
		"customers?phone=0912%20000%20451":                                         {query.CustomerFilter{Phone: "+84912000451"}, usual},
		"customers?phone=+84912000451":                                             {query.CustomerFilter{Phone: "+84912000451"}, usual}, // the plus means a space here
		"customers?phone=%2B84912000451":                                           {query.CustomerFilter{Phone: "+84912000451"}, usual},
		"customers?email=%20Lan.Pham@Example.com":                                  {query.CustomerFilter{Email: "lan.pham@example.com"}, usual},
		"customers?tag=%20VIP":                                                     {query.CustomerFilter{Tag: "VIP"}, usual},
		"customers?q=%C4%90%E1%BA%B7ng%20h":                                        {query.CustomerFilter{Search: query.CustomerSearch{Given: true, Words: "dang h"}}, usual},
		"customers?q=+84912000451":                                                 {query.CustomerFilter{Search: query.CustomerSearch{Given: true, Phone: "+84912000451"}}, usual},
		"customers?q=LAN@example.com":                                              {query.CustomerFilter{Search: query.CustomerSearch{Given: true, Email: "lan@example.com"}}, usual},
		"customers?q=%00%FF%26&tag=":                                               {query.CustomerFilter{Search: query.CustomerSearch{Given: true}}, usual},
		"customers?status=archived":                                                {query.CustomerFilter{Status: "archived"}, usual},
		"deliveries?shop_id=1635294032&outcome=failed":                             {query.DeliveryFilter{ShopID: shopID, Outcomes: []query.Outcome{"failed"}}, usual},
		"users?limit=1":                                                            {query.UserFilter{}, query.Page{Limit: 1}},
		"users?active=false&q=0904%20000":                                          {query.UserFilter{Active: new(false), Text: "0904 000"}, usual},
		"users/unmapped":                                                           {query.DefaultLimit, query.Page{}},
		"users/unmapped?limit=3":                                                   {3, query.Page{}},
		"orders?status=shipped&assignee_id=" + userID.String():                     {query.OrderFilter{Status: order.NewStatus(2), AssigneeID: uuid.NullUUID{UUID: userID, Valid: true}}, usual},
		"orders?status=99":                                                         {query.OrderFilter{Status: order.NewStatus(99)}, usual},
		"orders?status=unknown":                                                    {query.OrderFilter{Status: order.Status{Name: "unknown"}}, usual},
		"orders?ordered_from=2025-09-15T03:04:38Z&ordered_to=2025-09-15T03:04:39Z": {query.OrderFilter{OrderedFrom: at, OrderedTo: at.Add(time.Second)}, usual},
		"orders/Pancake_1635294032_a%2F%2F..%2Fodd%20id":                           {"Pancake_1635294032_a//../odd id", query.Page{}},

		"deliveries?reason=money-unreadable&received_from=2025-09-15T03:04:38Z&received_to=2025-09-15T03:04:39Z": {
			query.DeliveryFilter{Reason: "money-unreadable", ReceivedFrom: at, ReceivedTo: at.Add(time.Second)}, usual,
		},
		"deliveries?order_code=Pancake_1_2&phone=0912%20000%20451": {
			query.DeliveryFilter{OrderCode: "Pancake_1_2", Phone: "+84912000451"}, usual,
		},
		"deliveries?order_code=Pancake_1_*&q=L%C3%A0n%2051": {
			query.DeliveryFilter{OrderCodePrefix: "Pancake_1_", Search: query.DeliverySearch{Given: true, Words: []string{"lan", "51"}}}, usual,
		},
		"deliveries/counts?outcome=failed&q=lan@example.com": {
			query.DeliveryFilter{Outcomes: []query.Outcome{"failed"}, Search: query.DeliverySearch{Given: true, Email: "lan@example.com"}}, query.Page{},
		},
		"deliveries/" + deliveryID.String() + "/body": {deliveryID, query.Page{}},
		"events?after=7&types=OrderCreated,%20OrderUpdated&actor=account:lan&limit=3": {
			query.EventFilter{After: 7, Types: []string{"OrderCreated", "OrderUpdated"}, Actor: "account:lan", Limit: 3}, query.Page{},
		},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			if got := bundle.do(t, bundle.get("/api/v1/"+path)); got.status != http.StatusOK {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			if asked, page := bundle.read.lastAsked(); !reflect.DeepEqual(asked, tc.asked) || page != tc.page {
				t.Errorf("asked for %+v of %+v, want %+v of %+v", asked, page, tc.asked, tc.page)
			}
		})
	}
}

func TestInvalidParametersAreNamed(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"orders?limit=0":                        {"limit"},
		"orders?limit=-1":                       {"limit"},
		"orders?limit=201":                      {"limit"},
		"orders?limit=many":                     {"limit"},
		"orders?limit=1&limit=2":                {"limit"},
		"orders?limit=99999999999999999999":     {"limit"},
		"orders?cursor=nonsense":                {"cursor"},
		"orders?cursor=%00":                     {"cursor"},
		"orders?shop_id=%00":                    {"shop_id"},
		"orders?shop_id=123456789012345678901":  {"shop_id"},
		"orders?shop_id=1&shop_id=2":            {"shop_id"},
		"orders?customer_id=2051":               {"customer_id"},
		"orders?status=delivered&shop_id=x":     {"shop_id", "status"},
		"orders?assignee_id=mai":                {"assignee_id"},
		"orders?ordered_from=yesterday":         {"ordered_from"},
		"orders?ordered_to=1757905478":          {"ordered_to"},
		"deliveries?outcome=hold":               {"outcome"},
		"customers?phone=abc&email=x&status=on": {"email", "phone", "status"},
		"customers?phone=0912***451":            {"phone"},
		"customers?tag=%00":                     {"tag"},
		"customers?tag=%FF&q=a&q=b":             {"q"},
		"customers?email=a@b.example%00":        {"email"},
		"customers/2051":                        {"id"},
		"deliveries?outcome=lost&shop_id=x":     {"outcome", "shop_id"},
		"deliveries/0912000451":                 {"id"},
		"sources?limit=1000":                    {"limit"},
		"users?cursor=0":                        {"cursor"},
		"users?active=maybe":                    {"active"},
		"users?q=%00&limit=0":                   {"limit", "q"},
		"users/unmapped?limit=201":              {"limit"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			bundle := setup(t)
			document := bundle.do(t, bundle.get("/api/v1/"+path)).wantProblem(t, http.StatusUnprocessableEntity, "parameters-invalid")
			var got []string
			for _, field := range document.Errors {
				got = append(got, field.Path)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("errors name %v, want %v: %+v", got, want, document)
			}
		})
	}
}

func TestUnreadableQueriesAndCodes(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	bundle.do(t, bundle.get("/api/v1/customers?phone=%zz")).wantProblem(t, http.StatusBadRequest, "query-unreadable")
	for _, code := range []string{"%00", "Pancake_1_%FF", "a%0Ab"} {
		bundle.do(t, bundle.get("/api/v1/orders/"+code)).wantProblem(t, http.StatusNotFound, "order-unknown")
	}
	if asked, _ := bundle.read.lastAsked(); asked != nil {
		t.Errorf("the read model was asked for %v", asked)
	}
}

func TestProblemsPickTheStatus(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{problem.Malformed("a-code", "a sentence"), 400, "a-code"},
		{problem.Forbidden("a-code", "a sentence"), 403, "a-code"},
		{problem.NotFound("a-code", "a sentence"), 404, "a-code"},
		{problem.Conflict("a-code", "a sentence"), 409, "a-code"},
		{problem.TooLarge("a-code", "a sentence"), 413, "a-code"},
		{problem.Invalid("a-code", "a sentence"), 422, "a-code"},
		{problem.Unauthorized("a-code", "a sentence"), 401, "token-unknown"},
		{fmt.Errorf("read: %w", problem.Unavailable("a-code", "a sentence").Because(errBroken)), 503, "a-code"},
		{errBroken, 500, "internal"},
	} {
		bundle := setup(t)
		bundle.read.err = tc.err
		got := bundle.do(t, bundle.get("/api/v1/orders"))
		got.wantProblem(t, tc.status, tc.code)
		if strings.Contains(string(got.body), errBroken.Error()) {
			t.Errorf("the answer tells of the inside: %s", got.body)
		}
		if tc.status >= http.StatusInternalServerError {
			bundle.waitForLog(t, errBroken.Error(), got.header.Get("X-Request-Id"), `"route":"/api/v1/orders"`)
		}
	}
}
