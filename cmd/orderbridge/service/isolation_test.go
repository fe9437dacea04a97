package service_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/app/query"
	"orderbridge/ports/http/contracttest"
)

// tenant is a workspace with a record of every kind. Several tenants have the same shop, the same order ids, and customers
// and staff with the same phones; their marker is in every name that they have and in nobody else's.
type tenant struct {
	name, host, marker, token                                                 string
	workspaceID, customerID, userID, deliveryID, sourceID, tokenID, accountID uuid.UUID
	// failedID is a delivery that could not be brought in.
	failedID            uuid.UUID
	orderCode, staffKey string
	// mergedID is a customer who was merged into the one with customerID, otherID one who may be, importID a file of customers that was
	// checked, and givenUpID one that was given up.
	mergedID, otherID, importID, givenUpID uuid.UUID
	// customerFile is a file with customers to import.
	customerFile string
	// staffFile is a file with users to import.
	staffFile string
}

// ids are all that name the tenant's own records.
func (r tenant) ids() []string {
	var ids []string
	for _, id := range []uuid.UUID{
		r.workspaceID, r.customerID, r.userID, r.deliveryID, r.sourceID, r.tokenID, r.failedID,
		r.mergedID, r.otherID, r.importID, r.givenUpID, r.accountID,
	} {
		ids = append(ids, id.String())
	}
	return ids
}

func (b *bridge) tenant(name, marker string) tenant {
	b.t.Helper()
	t, sh := b.t, b.shell()
	r := tenant{
		name: name, host: name + ".example.com", marker: marker, staffKey: "5a1c0000-0000-4000-8000-00000000beef",
		staffFile: filepath.Join(t.TempDir(), "staff.csv"), customerFile: filepath.Join(t.TempDir(), "customers.csv"),
	}
	must(t, os.WriteFile(r.customerFile, []byte("name,phone\nNhập vào,0904000333\n"), 0o600))
	must(t, os.WriteFile(r.staffFile, []byte("name,phone\nThêm nữa,0904000325\n"), 0o600))
	sh.run("workspace", "create", name, "--host", r.host)
	in := func(args ...string) string { return sh.run(append([]string{"--workspace", name}, args...)...) }
	in("shop", "connect", "--shop-id", shopA, "--name", marker, "--header-key", headerKey, "--header-value", secretOf(shopA))
	in("customer", "add", "--name", marker+" khách", "--phone", "0987000102")
	in("user", "add", "--name", marker+" nhân viên", "--phone", "0904000321")
	in("token", "create", "--name", marker+" dự phòng")
	var invited query.ShownInvitation
	must(t, json.Unmarshal([]byte(in("account", "invite", "--name", marker+".chu", "--role", "operator", "--json")), &invited))
	r.accountID = invited.ID
	r.token = strings.TrimSpace(in("token", "create", "--name", marker+" chủ", "--role", "owner"))

	failing := changed(t, fixture(t, "order-existing-phone.json"), object{"id": 99, "items": "none", "note": marker})
	r.failedID = b.postWith(failing, headerKey, secretOf(shopA), "Host", r.host).wants(t, 200, "").deliveryID(t)
	for _, file := range []string{"order-existing-phone.json", "order-with-known-creator.json", "order-new-customer.json"} {
		change := object{"bill_full_name": marker + " người mua", "note": marker}
		if file == "order-new-customer.json" {
			change["creator"] = object{"id": r.staffKey, "name": marker + " người tạo"}
		}
		got := b.postWith(changed(t, fixture(t, file), change), headerKey, secretOf(shopA), "Host", r.host)
		r.deliveryID = got.wants(t, 200, "").deliveryID(t)
	}
	as := b.with(r.token)
	r.orderCode = *as.settled(r.deliveryID).OrderCode
	b.caughtUp()
	r.workspaceID = decoded[query.Workspace](t, as.get("/api/v1/workspace")).ID
	r.customerID = as.order(r.orderCode).Customer.ID
	r.sourceID = as.order(r.orderCode).Source.ID
	r.userID = all[query.User](as, "/api/v1/users")[0].ID
	tokens := decoded[query.List[query.Token]](t, as.get("/api/v1/tokens")).Items
	r.tokenID = tokens[slices.IndexFunc(tokens, func(token query.Token) bool { return token.Name == marker+" dự phòng" })].ID
	added := func(name string) uuid.UUID {
		return decoded[query.Customer](t, as.send("POST", "/api/v1/customers", object{"name": marker + name})).ID
	}
	r.mergedID, r.otherID = added(" gộp"), added(" khác")
	as.send("POST", "/api/v1/customers/"+r.customerID.String()+"/merge", object{"merged_id": r.mergedID}).wants(t, 200, "")
	checked := func(phone string) uuid.UUID {
		return decoded[query.CustomerImport](t, as.send("POST", "/api/v1/imports", "name,phone\n"+marker+" tệp,"+phone+"\n")).ID
	}
	r.importID, r.givenUpID = checked("0904000334"), checked("0904000335")
	as.send("PUT", "/api/v1/shops/"+shopA+"/api-key", object{"api_key": apiKey}).wants(t, 200, "")
	in("reconcile", "--shop-id", shopA)
	return r
}

// operations are all of the API that a token is needed for, each on records of a tenant: those that end something last.
var operations = []struct {
	id      string
	request func(r tenant) (method, path string, body any)
}{
	{"getWorkspace", func(tenant) (string, string, any) { return "GET", "/api/v1/workspace", nil }},
	{"getSettings", func(tenant) (string, string, any) { return "GET", "/api/v1/settings", nil }},
	{"changeSettings", func(tenant) (string, string, any) {
		return "PATCH", "/api/v1/settings", object{"match_by": "phone_or_email"}
	}},
	{"listShops", func(tenant) (string, string, any) { return "GET", "/api/v1/shops", nil }},
	{"connectShop", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/shops", object{"shop_id": "77", "header_key": "K", "default_assignee_id": r.userID}
	}},
	{"getShop", func(tenant) (string, string, any) { return "GET", "/api/v1/shops/" + shopA, nil }},
	{"updateShop", func(r tenant) (string, string, any) {
		return "PATCH", "/api/v1/shops/" + shopA, object{"default_assignee_id": r.userID.String()}
	}},
	{"rotateShopKey", func(tenant) (string, string, any) { return "POST", "/api/v1/shops/" + shopA + "/rotate", object{} }},
	{"pauseShop", func(tenant) (string, string, any) { return "POST", "/api/v1/shops/" + shopA + "/pause", nil }},
	{"resumeShop", func(tenant) (string, string, any) { return "POST", "/api/v1/shops/" + shopA + "/resume", nil }},
	{"listTokens", func(tenant) (string, string, any) { return "GET", "/api/v1/tokens", nil }},
	{"createToken", func(tenant) (string, string, any) {
		return "POST", "/api/v1/tokens", object{"name": "thêm", "role": "viewer"}
	}},
	{"listOrders", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/orders?shop_id=" + shopA + "&customer_id=" + r.customerID.String(), nil
	}},
	{"getOrder", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/orders/" + url.PathEscape(r.orderCode), nil
	}},
	{"listCustomers", func(tenant) (string, string, any) { return "GET", "/api/v1/customers?phone=0987000102", nil }},
	{"getCustomer", func(r tenant) (string, string, any) { return "GET", "/api/v1/customers/" + r.customerID.String(), nil }},
	{"addCustomer", func(tenant) (string, string, any) {
		return "POST", "/api/v1/customers", object{"name": "Thêm", "phones": []string{"0987000102"}}
	}},
	{"editCustomer", func(r tenant) (string, string, any) {
		return "PATCH", "/api/v1/customers/" + r.customerID.String(), object{"note": "gọi trước"}
	}},
	{"archiveCustomer", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/customers/" + r.customerID.String() + "/archive", nil
	}},
	{"restoreCustomer", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/customers/" + r.customerID.String() + "/restore", nil
	}},
	{"listDuplicates", func(tenant) (string, string, any) { return "GET", "/api/v1/customers/duplicates", nil }},
	{"mergeCustomers", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/customers/" + r.customerID.String() + "/merge", object{"merged_id": r.otherID}
	}},
	{"unmergeCustomer", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/customers/" + r.mergedID.String() + "/unmerge", object{"dry_run": false}
	}},
	{"listImports", func(tenant) (string, string, any) { return "GET", "/api/v1/imports", nil }},
	{"checkCustomerFile", func(tenant) (string, string, any) {
		return "POST", "/api/v1/imports", "name,phone\nNhập,0904000332\n"
	}},
	{"getImportTemplate", func(tenant) (string, string, any) { return "GET", "/api/v1/imports/template?format=xlsx", nil }},
	{"getImport", func(r tenant) (string, string, any) { return "GET", "/api/v1/imports/" + r.importID.String(), nil }},
	{"listImportRows", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/imports/" + r.importID.String() + "/rows", nil
	}},
	{"getImportResult", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/imports/" + r.importID.String() + "/result", nil
	}},
	{"confirmImport", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/imports/" + r.importID.String() + "/confirm", nil
	}},
	{"cancelImport", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/imports/" + r.givenUpID.String() + "/cancel", nil
	}},
	{"exportCustomers", func(tenant) (string, string, any) { return "GET", "/api/v1/exports/customers?status=active", nil }},
	{"exportOrders", func(tenant) (string, string, any) { return "GET", "/api/v1/exports/orders?shop_id=" + shopA, nil }},
	{"exportDeliveries", func(tenant) (string, string, any) { return "GET", "/api/v1/exports/deliveries", nil }},
	{"setAPIKey", func(tenant) (string, string, any) {
		return "PUT", "/api/v1/shops/" + shopA + "/api-key", object{"api_key": apiKey}
	}},
	{"listReconciliations", func(tenant) (string, string, any) { return "GET", "/api/v1/reconciliations?shop_id=" + shopA, nil }},
	{"listDeliveries", func(tenant) (string, string, any) { return "GET", "/api/v1/deliveries?shop_id=" + shopA, nil }},
	{"getDelivery", func(r tenant) (string, string, any) { return "GET", "/api/v1/deliveries/" + r.deliveryID.String(), nil }},
	{"getOrderTimeline", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/orders/" + url.PathEscape(r.orderCode) + "/timeline", nil
	}},
	{"getCustomerTimeline", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/customers/" + r.customerID.String() + "/timeline", nil
	}},
	{"getDeliveryTimeline", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/deliveries/" + r.deliveryID.String() + "/timeline", nil
	}},
	{"getUserTimeline", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/users/" + r.userID.String() + "/timeline", nil
	}},
	{"getSettingsTimeline", func(tenant) (string, string, any) { return "GET", "/api/v1/settings/timeline", nil }},
	{"interpretOrder", func(tenant) (string, string, any) {
		return "POST", "/api/v1/interpret", object{"shop_id": 1635294032, "id": 2052, "bill_phone_number": "0987000102"}
	}},
	{"countDeliveries", func(tenant) (string, string, any) { return "GET", "/api/v1/deliveries/counts?shop_id=" + shopA, nil }},
	{"getDeliveryBody", func(r tenant) (string, string, any) {
		return "GET", "/api/v1/deliveries/" + r.deliveryID.String() + "/body", nil
	}},
	{"retryDelivery", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/deliveries/" + r.failedID.String() + "/retry", nil
	}},
	{"retryDeliveries", func(tenant) (string, string, any) {
		return "POST", "/api/v1/deliveries/retry", object{"shop_id": shopA, "outcome": "failed"}
	}},
	{"listEvents", func(tenant) (string, string, any) { return "GET", "/api/v1/events?limit=200", nil }},
	{"listSources", func(tenant) (string, string, any) { return "GET", "/api/v1/sources", nil }},
	{"listUsers", func(tenant) (string, string, any) { return "GET", "/api/v1/users?q=0904000321", nil }},
	{"getUser", func(r tenant) (string, string, any) { return "GET", "/api/v1/users/" + r.userID.String(), nil }},
	{"addUser", func(tenant) (string, string, any) {
		return "POST", "/api/v1/users", object{"name": "Thêm", "phone": "0904000324"}
	}},
	{"editUser", func(r tenant) (string, string, any) {
		return "PATCH", "/api/v1/users/" + r.userID.String(), object{"email": "them@example.com"}
	}},
	{"importUsers", func(tenant) (string, string, any) {
		return "POST", "/api/v1/users/import", "name,phone\nThêm nữa,0904000323\n"
	}},
	{"listUnmappedStaff", func(tenant) (string, string, any) { return "GET", "/api/v1/users/unmapped", nil }},
	{"mapStaff", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/users/" + r.userID.String() + "/staff", object{"staff_key": r.staffKey, "past": true}
	}},
	{"unmapStaff", func(r tenant) (string, string, any) {
		return "DELETE", "/api/v1/users/" + r.userID.String() + "/staff/" + r.staffKey, nil
	}},
	{"deactivateUser", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/users/" + r.userID.String() + "/deactivate", nil
	}},
	{"reactivateUser", func(r tenant) (string, string, any) {
		return "POST", "/api/v1/users/" + r.userID.String() + "/reactivate", nil
	}},
	{"listProjections", func(tenant) (string, string, any) { return "GET", "/api/v1/projections", nil }},
	{"getProjection", func(tenant) (string, string, any) { return "GET", "/api/v1/projections/deliveries", nil }},
	{"getProjectionTimeline", func(tenant) (string, string, any) { return "GET", "/api/v1/projections/deliveries/timeline", nil }},
	{"startRebuild", func(tenant) (string, string, any) {
		return "POST", "/api/v1/projections/deliveries/rebuild", object{"rollback": false}
	}},
	{"cancelRebuild", func(tenant) (string, string, any) { return "DELETE", "/api/v1/projections/deliveries/rebuild", nil }},
	{"dropPreviousVersion", func(tenant) (string, string, any) { return "DELETE", "/api/v1/projections/crm/previous", nil }},
	{"revokeToken", func(r tenant) (string, string, any) { return "DELETE", "/api/v1/tokens/" + r.tokenID.String(), nil }},
	{"removeAPIKey", func(tenant) (string, string, any) { return "DELETE", "/api/v1/shops/" + shopA + "/api-key", nil }},
	{"disconnectShop", func(tenant) (string, string, any) { return "DELETE", "/api/v1/shops/" + shopA, nil }},
}

// commandLines are all commands of operators, each on records of a tenant: those that end something last.
var commandLines = []struct {
	path string
	args func(r tenant) []string
}{
	{"workspace list", nil},
	{"workspace show", nil},
	{"workspace create", func(r tenant) []string { return []string{"của " + r.name} }},
	{"workspace update", func(r tenant) []string { return []string{"của " + r.name, "--add-host", "more." + r.host} }},
	{"settings show", nil},
	{"settings set", func(tenant) []string { return []string{"--match-by", "phone"} }},
	{"shop list", nil},
	{"shop connect", func(r tenant) []string {
		return []string{"--shop-id", "78", "--header-key", "K", "--header-value", "v", "--default-assignee", r.userID.String()}
	}},
	{"shop update", func(r tenant) []string { return []string{"--shop-id", shopA, "--default-assignee", r.userID.String()} }},
	{"shop rotate", func(tenant) []string { return []string{"--shop-id", shopA, "--header-value", "v"} }},
	{"shop pause", func(tenant) []string { return []string{"--shop-id", shopA} }},
	{"shop resume", func(tenant) []string { return []string{"--shop-id", shopA} }},
	{"customer list", func(tenant) []string { return []string{"--phone", "0987000102"} }},
	{"customer show", func(r tenant) []string { return []string{r.customerID.String()} }},
	{"customer add", func(tenant) []string { return []string{"--name", "Thêm", "--phone", "0987000102"} }},
	{"customer edit", func(r tenant) []string { return []string{r.customerID.String(), "--note", "gọi trước"} }},
	{"customer archive", func(r tenant) []string { return []string{r.customerID.String()} }},
	{"customer restore", func(r tenant) []string { return []string{r.customerID.String()} }},
	{"customer duplicates", nil},
	{"customer merge", func(r tenant) []string { return []string{r.customerID.String(), r.otherID.String(), "--yes"} }},
	{"customer unmerge", func(r tenant) []string { return []string{r.mergedID.String()} }},
	{"customer template", func(tenant) []string { return []string{"-"} }},
	{"customer import", func(r tenant) []string { return []string{r.customerFile, "--yes"} }},
	{"customer export", func(tenant) []string { return []string{"-"} }},
	{"order export", func(tenant) []string { return []string{"-"} }},
	{"delivery export", func(tenant) []string { return []string{"-"} }},
	{"shop api-key", func(tenant) []string { return []string{"--shop-id", shopA, "--key", apiKey} }},
	{"backfill", func(tenant) []string { return []string{"--shop-id", shopA, "--since", "2025-09-15T00:00:00Z"} }},
	{"reconcile now", func(tenant) []string { return []string{"--shop-id", shopA} }},
	{"reconcile report", nil},
	{"relink", func(tenant) []string { return []string{"--yes"} }},
	{"user list", nil},
	{"user add", func(tenant) []string { return []string{"--name", "Thêm", "--phone", "0904000322"} }},
	{"user show", func(r tenant) []string { return []string{r.userID.String()} }},
	{"user edit", func(r tenant) []string { return []string{r.userID.String(), "--email", "nua@example.com"} }},
	{"user import", func(r tenant) []string { return []string{r.staffFile} }},
	{"user unmapped", nil},
	{"user map", func(r tenant) []string { return []string{"--staff", r.staffKey, "--user", r.userID.String(), "--past"} }},
	{"user unmap", func(r tenant) []string { return []string{"--staff", r.staffKey} }},
	{"user deactivate", func(r tenant) []string { return []string{r.userID.String()} }},
	{"user reactivate", func(r tenant) []string { return []string{r.userID.String()} }},
	{"order list", func(r tenant) []string { return []string{"--customer-id", r.customerID.String()} }},
	{"order show", func(r tenant) []string { return []string{r.orderCode} }},
	{"delivery list", nil},
	{"delivery show", func(r tenant) []string { return []string{r.deliveryID.String()} }},
	{"audit order", func(r tenant) []string { return []string{r.orderCode} }},
	{"audit delivery", func(r tenant) []string { return []string{r.deliveryID.String()} }},
	{"audit customer", func(r tenant) []string { return []string{r.customerID.String()} }},
	{"audit user", func(r tenant) []string { return []string{r.userID.String()} }},
	{"audit settings", nil},
	{"audit projection", func(tenant) []string { return []string{"deliveries"} }},
	{"interpret", func(r tenant) []string { return []string{r.deliveryID.String()} }},
	{"delivery body", func(r tenant) []string { return []string{r.deliveryID.String()} }},
	{"delivery retry", func(r tenant) []string { return []string{r.failedID.String()} }},
	{"event export", nil},
	{"token list", nil},
	{"token create", func(tenant) []string { return []string{"--name", "thêm"} }},
	{"token revoke", func(r tenant) []string { return []string{r.tokenID.String()} }},
	{"account list", nil},
	{"account invite", func(tenant) []string { return []string{"--name", "them", "--role", "viewer"} }},
	{"account role", func(r tenant) []string { return []string{r.accountID.String(), "--role", "viewer"} }},
	{"account reset-password", func(r tenant) []string { return []string{r.accountID.String()} }},
	{"account end-sessions", func(r tenant) []string { return []string{r.accountID.String()} }},
	{"account setup-link", nil},
	{"account remove", func(r tenant) []string { return []string{r.accountID.String()} }},
	{"projection list", nil},
	{"rebuild", func(tenant) []string { return []string{"deliveries"} }},
	{"verify projections", nil},
	{"shop disconnect", func(tenant) []string { return []string{"--shop-id", shopA} }},
}

// rowsOf is every row of every table that belongs to a workspace. When its token was used last is no part of it.
func rowsOf(t *testing.T, conn *pgx.Conn, workspaceID uuid.UUID) map[string][]string {
	t.Helper()
	result, err := conn.Query(t.Context(), `SELECT c.table_schema, c.table_name FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.column_name = 'workspace_id' AND c.table_schema = 'public'`) // with the views, whichever tables these show
	must(t, err)
	tables, err := pgx.CollectRows(result, pgx.RowToStructByPos[struct{ Schema, Name string }])
	must(t, err)
	if len(tables) < 15 {
		t.Fatalf("only %d tables belong to workspaces", len(tables))
	}
	rows := map[string][]string{}
	for _, table := range tables {
		name := pgx.Identifier{table.Schema, table.Name}.Sanitize()
		result, err := conn.Query(t.Context(), "SELECT (to_jsonb(r) - 'last_used_at')::text FROM "+name+" r WHERE workspace_id = $1 ORDER BY 1", workspaceID)
		must(t, err)
		rows[name], err = pgx.CollectRows(result, pgx.RowTo[string])
		must(t, err)
	}
	result, err = conn.Query(t.Context(), "SELECT to_jsonb(w)::text FROM workspaces w WHERE id = $1", workspaceID)
	must(t, err)
	rows["workspaces"], err = pgx.CollectRows(result, pgx.RowTo[string])
	must(t, err)
	return rows
}

// TestWorkspacesNeverSeeOrTouchEachOther runs every operation of the API and every command as one workspace, on the
// records of another. It fails when an operation or a command is added and not listed above.
func TestWorkspacesNeverSeeOrTouchEachOther(t *testing.T) { //nolint:tparallel // the tenants are looked at one after another
	t.Parallel()
	b := start(t)
	alpha, bravo := b.tenant("alpha", "ALPHA-7f3d"), b.tenant("bravo", "BRAVO-91ce")
	conn := connect(t, b.dsn)
	before := rowsOf(t, conn, alpha.workspaceID)
	if len(before["public.events"])+len(before[`"public"."events"`]) == 0 {
		t.Fatalf("alpha has no events in %v", before)
	}
	asBravo := b.with(bravo.token)
	sees := func(t *testing.T, text string, sent ...string) {
		t.Helper()
		for _, foreign := range append(alpha.ids(), alpha.marker, alpha.token) {
			wasSent := slices.ContainsFunc(sent, func(s string) bool { return strings.Contains(s, foreign) })
			if strings.Contains(text, foreign) && !wasSent {
				t.Errorf("bravo sees %s:\n%s", foreign, text)
			}
		}
	}

	t.Run("every operation is listed", func(t *testing.T) { //nolint:paralleltest // see above
		listed := map[string]bool{}
		for _, operation := range operations {
			listed[operation.id] = true
		}
		for path, item := range contracttest.Document(t).Paths.Map() {
			for method, operation := range item.Operations() {
				needsToken := operation.Security == nil || len(*operation.Security) > 0
				if operation.OperationID == "skipEvent" { // of a projection that is stopped: see TestAProjectionThatStops
					continue
				}
				if needsToken && !listed[operation.OperationID] {
					t.Errorf("%s %s (%s) is not run as another workspace", method, path, operation.OperationID)
				}
				if delete(listed, operation.OperationID); !needsToken && slices.ContainsFunc(operation.Tags, func(tag string) bool { return tag == "crm" || tag == "settings" }) {
					t.Errorf("%s %s needs no token", method, path)
				}
			}
		}
		for id := range listed {
			t.Errorf("%s is no operation any more", id)
		}
	})

	t.Run("every command is listed", func(t *testing.T) { //nolint:paralleltest // see above
		var listed []string
		for _, line := range commandLines {
			listed = append(listed, line.path)
		}
		listed = append(listed, "serve", "migrate", "projection skip") // of the whole database, and on no record
		_, section, _ := strings.Cut(b.shell().run("--help"), "\nCommands:\n")
		section, _, _ = strings.Cut(section, "\n\n")
		var there []string
		for _, match := range regexp.MustCompile(`(?m)^  ([a-z-]+(?: [a-z-]+)?)  `).FindAllStringSubmatch(section, -1) {
			there = append(there, match[1])
		}
		slices.Sort(listed)
		slices.Sort(there)
		if !slices.Equal(listed, there) {
			t.Errorf("commands are\n%s\nand run as another workspace:\n%s", strings.Join(there, "\n"), strings.Join(listed, "\n"))
		}
	})

	for _, operation := range operations {
		t.Run(operation.id, func(t *testing.T) { //nolint:paralleltest // see above
			method, path, body := operation.request(alpha)
			got := asBravo.send(method, path, body, contentTypeOf(body)...)
			sent, err := json.Marshal(body)
			must(t, err)
			sees(t, string(got.body), path, string(sent))
			_, ownPath, _ := operation.request(bravo)
			record, _, _ := strings.Cut(path, "?")
			if ownRecord, _, _ := strings.Cut(ownPath, "?"); ownRecord != record && got.status != http.StatusNotFound {
				t.Errorf("a record of alpha is answered with %d %s", got.status, got.body)
			}
		})
	}
	sh := b.shell()
	sh.environ["HOME"] = t.TempDir()
	for _, line := range commandLines {
		t.Run(line.path, func(t *testing.T) { //nolint:paralleltest // see above
			args := append([]string{"--workspace", bravo.name}, strings.Fields(line.path)...)
			if line.args != nil {
				args = append(args, line.args(alpha)...)
			}
			stdout, stderr, _ := sh.try(args...)
			sees(t, stdout+stderr, args...)
		})
	}
	t.Run("alpha is as it was", func(t *testing.T) { //nolint:paralleltest // see above
		b.caughtUp()
		after := rowsOf(t, conn, alpha.workspaceID)
		for table, rows := range after {
			if !slices.Equal(rows, before[table]) {
				t.Errorf("%s was changed from\n%s\nto\n%s", table, strings.Join(before[table], "\n"), strings.Join(rows, "\n"))
			}
		}
	})

	// What is refused to others because it is somebody's is done for the one whose it is.
	b.shell().run("--workspace", alpha.name, "shop", "update", "--shop-id", shopA, "--name", alpha.marker)
	asAlpha := b.with(alpha.token)
	for _, operation := range operations {
		t.Run(operation.id+" of its own", func(t *testing.T) { //nolint:paralleltest // see above
			method, path, body := operation.request(alpha)
			if got := asAlpha.send(method, path, body, contentTypeOf(body)...); got.status >= 300 {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
	charlie := b.tenant("charlie", "CHARLIE-20aa")
	for _, line := range commandLines {
		t.Run(line.path+" of its own", func(t *testing.T) { //nolint:paralleltest // see above
			args := append([]string{"--workspace", charlie.name}, strings.Fields(line.path)...)
			if line.args != nil {
				args = append(args, line.args(charlie)...)
			}
			if _, stderr, code := sh.try(args...); code != 0 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

// contentTypeOf is the header for a body that is no JSON.
func contentTypeOf(body any) []string {
	if _, isText := body.(string); isText {
		return []string{"Content-Type", "text/csv"}
	}
	return nil
}
