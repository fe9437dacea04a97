package service_test

import (
	"net/http"
	"testing"

	"orderbridge/adapters/postgres"
	"orderbridge/app/query"
)

// TestAChangeIsReadByWhoeverMadeIt: at once, on another instance too, and when the read tables are late.
func TestAChangeIsReadByWhoeverMadeIt(t *testing.T) {
	t.Parallel()

	t.Run("on another instance, in the next request", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		other := b.beside()
		other.token = b.token
		for range 20 {
			added := decoded[query.Customer](t, b.send(http.MethodPost, "/api/v1/customers", object{"name": "Lan"}).wants(t, 201, ""))
			other.get("/api/v1/customers/"+added.ID.String()).wants(t, 200, "")
		}
	})

	t.Run("when the read tables are late, by waiting for the position of the change", func(t *testing.T) {
		t.Parallel()
		b := start(t)
		b.caughtUp()
		conn := connect(t, b.dsn)
		late, err := connect(t, b.dsn).Begin(t.Context()) // the consumer finds its cursor taken
		must(t, err)
		_, err = late.Exec(t.Context(), "SELECT FROM cursors WHERE consumer = $1 FOR UPDATE", postgres.Projections()[0].ConsumerName())
		must(t, err)
		got := b.send(http.MethodPost, "/api/v1/customers", object{"name": "Lan"}).wants(t, 201, "")
		path := got.header.Get("Location")
		wait := []string{"Orderbridge-Wait-For", got.header.Get("Orderbridge-Position")}
		b.get(path).wants(t, 404, "customer-unknown")
		b.send(http.MethodGet, path, nil, wait...).wants(t, 503, "not-readable-yet")

		read := make(chan answer, 1)
		go func() {
			got, err := b.trySend(http.MethodGet, path, nil, wait...)
			if err != nil {
				t.Error(err)
			}
			read <- got
		}()
		eventually(t, "the read waits", func() bool {
			return count(t, conn, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
				AND query LIKE '%LaggingProjections%' AND state_change > clock_timestamp() - interval '1 second'`) > 0
		})
		must(t, late.Rollback(t.Context()))
		(<-read).wants(t, 200, "")
		for _, wrong := range []string{"0", "-1", "soon", "9223372036854775808"} {
			b.send(http.MethodGet, path, nil, "Orderbridge-Wait-For", wrong).wants(t, 422, "parameters-invalid")
		}
	})
}
