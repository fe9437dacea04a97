// Package postgres keeps everything that lasts: the event log, the write side's directories, and the read tables.
//
//	log.go coalescer.go encoding.go   the event log: appending under its lock, many callers in one round trip
//	callers.go                        those who append, and come first
//	listener.go                       waking those who wait for new events
//	workspaces.go customers.go …      what operators change: load a stream, decide, append
//	accounts.go sessions.go           who may sign in, and who is signed in
//	past_orders.go                    orders that a change of staff assigns anew
//	deliveries.go                     deliveries that are brought in once more
//	answers.go                        what repeated requests are answered with
//	ingestion.go                      what a slice of received orders asks and records
//	together.go                       several look-ups in one round trip
//	rehearsal.go                      the same questions, with nothing recorded
//	projections.go projection/        read tables, folded from the log by SQL
//	rebuilds.go rebuild.go verify.go  making them anew beside those that are read, and comparing both
//	projection_states.go              where they stand
//	readmodel.go readmodel_users.go … the answers to queries
//	search_deliveries.go              deliveries by words
//	history.go                        the log, for timelines and for records as they were
//	migrate.go                        schema, role, and a first workspace
//
// Steady queries stand in queries/*.sql and are generated into internal/dbsqlc.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/problem"
)

// ServiceRole is the database role that the service works as. It may append events and never change one.
const ServiceRole = "orderbridge_service"

const (
	// requestConnections serve HTTP and command line. Of consumers' and appends' one is in use, and another may be made while it is given
	// up.
	requestConnections  = 16
	lookUpConnections   = 4
	consumerConnections = 2
	appendConnections   = 2

	// plansLifetime is for how long a connection keeps its plans.
	plansLifetime = time.Minute

	connectTimeout = 5 * time.Second

	// lostPeerTimeout is how long a transaction may wait for its client, in PostgreSQL's words.
	lostPeerTimeout = "15s"
)

// queries are the generated ones. They hold no state.
var queries = dbsqlc.New()

// Database is a migrated database, connected to as ServiceRole.
type Database struct {
	// requests serves callers who wait for an answer, and lookUps those of them who know the key of what they ask for; consumers
	// handles slices of the log, and never has to wait for a connection behind them; nor has appends, through which the log is
	// written.
	requests  *pgxpool.Pool
	lookUps   *pgxpool.Pool
	consumers *pgxpool.Pool
	appends   *pgxpool.Pool

	mu           sync.Mutex
	ownConsumers []*pgxpool.Pool // those of ConsumerPool
}

// keepPlans are settings for connections on which all that is done is to look rows up by their keys, or to do so for each event of a
// slice. Planning that takes longer than doing it when the slice is small, so plans are kept; and a plan that was made while the tables
// were empty must be as good for a million rows. There is one such plan for everything that is done there: take the few rows there are,
// and look each up in an index. Which index, the planner still chooses, and to a table that had no more than some rows when it was counted
// all that begin with the workspace are alike: that is why plans are kept for plansLifetime only.
var keepPlans = map[string]string{
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"enable_bitmapscan": "off",
	"enable_hashjoin":   "off",
	"enable_mergejoin":  "off",
	"jit":               "off",
}

// Connect opens the database. The connection string is pgx's: a URL or keywords and values.
func Connect(ctx context.Context, dsn string) (*Database, error) {
	db := &Database{}
	for _, pool := range []struct {
		of       **pgxpool.Pool
		name     string
		size     int32
		settings map[string]string
		prepare  func(context.Context, *pgx.Conn) (bool, error)
	}{
		{&db.requests, "orderbridge", requestConnections, map[string]string{
			// Tables start empty and un-analysed: a plan that was right for ten rows must not be kept for a million. And for a list
			// with filters, a plan for any arguments is one that reads the list from its beginning.
			"plan_cache_mode": "force_custom_plan",
		}, nil},
		{&db.lookUps, "orderbridge look-ups", lookUpConnections, keepPlans, discardOldPlans},
		{&db.consumers, "orderbridge consumers", consumerConnections, keepPlans, discardOldPlans},
		{&db.appends, "orderbridge log", appendConnections, map[string]string{
			// The one statement that matters here can be done in one way only.
			"plan_cache_mode": "force_generic_plan",
		}, nil},
	} {
		var err error
		if *pool.of, err = openPool(ctx, dsn, pool.name, pool.size, pool.settings, pool.prepare); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// Close waits for the connections to come back and closes them.
func (db *Database) Close() {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, pool := range append(db.ownConsumers, db.appends, db.consumers, db.lookUps, db.requests) {
		if pool != nil {
			pool.Close()
		}
	}
}

// Ping tells whether the database answers.
func (db *Database) Ping(ctx context.Context) error {
	return unavailable(db.requests.Ping(ctx))
}

// Consumers is the pool on which slices of the log are handled now and then.
func (db *Database) Consumers() *pgxpool.Pool { return db.consumers }

// ConsumerPool makes a pool like Consumers for one consumer of its own. To each consumer names mean other tables, and a connection
// that served several would plan anew what these have in common. Closing the database closes it.
func (db *Database) ConsumerPool(ctx context.Context) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, db.consumers.Config())
	if err != nil {
		return nil, fmt.Errorf("open connections of a consumer: %w", unavailable(err))
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.ownConsumers = append(db.ownConsumers, pool)
	return pool, nil
}

// plannedSince is where a connection remembers since when it keeps its plans.
const plannedSince = "planned since"

// discardOldPlans makes a connection plan anew what it does. A new connection would too, and would have to prepare all of it first.
func discardOldPlans(ctx context.Context, conn *pgx.Conn) (usable bool, err error) {
	remembered := conn.PgConn().CustomData()
	since, planned := remembered[plannedSince].(time.Time)
	switch {
	case !planned:
		remembered[plannedSince] = time.Now()
	case time.Since(since) > plansLifetime:
		if _, err := conn.Exec(ctx, "DISCARD PLANS"); err != nil {
			return false, nil //nolint:nilerr // the pool closes it, and tries another
		}
		remembered[plannedSince] = time.Now()
	}
	return true, nil
}

func openPool(
	ctx context.Context, dsn, name string, size int32, settings map[string]string, prepare func(context.Context, *pgx.Conn) (bool, error),
) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errUnreadableDSN // pgx's own error may quote the password
	}
	config.MaxConns = size
	config.ConnConfig.ConnectTimeout = connectTimeout
	keepFromHanging(config.ConnConfig, name)
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	maps.Copy(config.ConnConfig.RuntimeParams, settings)
	config.PrepareConn = prepare
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		pgxuuid.Register(conn.TypeMap())
		_, err := conn.Exec(ctx, "SET ROLE "+ServiceRole)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", unavailable(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach database: %w", unavailable(err))
	}
	return pool, nil
}

// keepFromHanging names a connection to the server, and lets it go when its owner does not answer: an instance that froze, or
// whose network went away, must not keep its locks. The append lock stops all others.
func keepFromHanging(config *pgx.ConnConfig, name string) {
	config.RuntimeParams["application_name"] = name
	config.RuntimeParams["idle_in_transaction_session_timeout"] = lostPeerTimeout
	config.RuntimeParams["tcp_user_timeout"] = lostPeerTimeout
	config.RuntimeParams["tcp_keepalives_idle"] = "10"
	config.RuntimeParams["tcp_keepalives_interval"] = "5"
	config.RuntimeParams["tcp_keepalives_count"] = "2"
}

var errUnreadableDSN = problem.Invalid("database-url-unreadable",
	"the database URL cannot be read; it looks like postgres://user:password@host:5432/database")

// errUnavailable is what callers see while the database is away.
var errUnavailable = problem.Unavailable("database-unavailable", "the database does not answer; try again in some seconds")

// errRefused is what callers see when the server answers, and lets nobody in.
var errRefused = problem.Forbidden("database-refused",
	"the server refuses the database URL: its user, password or database name is wrong, or the database does not exist")

const (
	// beginByIndex begins a transaction in which no table is read whole, beginInOrder one in which nothing is read by way of a
	// bitmap either, which has no order.
	beginByIndex = "BEGIN READ ONLY; SET LOCAL enable_seqscan = off"
	beginInOrder = beginByIndex + "; SET LOCAL enable_bitmapscan = off"
)

// inOrder reads a part of what an index has in order. A server thinks that workspaces are spread evenly over a table, and that
// one which was never analysed has few rows: it would rather read all of it until it has enough, or collect all and sort it.
func (db *Database) inOrder(ctx context.Context, read func(dbsqlc.DBTX) error) error {
	return db.readingAs(ctx, beginInOrder, read)
}

// byIndex reads what an index finds, in whatever way it does.
func (db *Database) byIndex(ctx context.Context, read func(dbsqlc.DBTX) error) error {
	return db.readingAs(ctx, beginByIndex, read)
}

func (db *Database) readingAs(ctx context.Context, begin string, read func(dbsqlc.DBTX) error) error {
	return pgx.BeginTxFunc(ctx, db.requests, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
		return read(tx)
	})
}

// unavailable marks errors that only say that the database is away, so that callers are told to try again, and those
// that say that it will never let this caller in.
func unavailable(err error) error {
	switch {
	case err == nil:
		return nil
	case isRefused(err):
		return errRefused.Because(err)
	case isUnavailable(err):
		return errUnavailable.Because(err)
	default:
		return err
	}
}

// hasCode tells that the server answered with one of these SQLSTATEs.
func hasCode(err error, codes ...string) bool {
	pgError, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(codes, pgError.Code)
}

// pause waits for a while, or until the context ends, which is its error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isRefused(err error) bool {
	pgError, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(pgError.Code, "28") || pgError.Code == "3D000") // authorisation; no such database
}

func isUnavailable(err error) bool {
	if pgError, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(pgError.Code, "08"), // connection exceptions
			strings.HasPrefix(pgError.Code, "57P"), // shut down, crashed, starting up
			strings.HasPrefix(pgError.Code, "53"):  // out of connections, memory or disk
			return true
		}
		return pgError.Code == "25006" || pgError.Code == "57014" // read-only standby; cancelled for taking too long
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || pgconn.Timeout(err) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, puddle.ErrClosedPool) ||
		strings.Contains(err.Error(), "conn closed") // pgx has no exported error for it
}

// isTransient tells whether the cause passes by itself: the database is away, or transactions got into each other's way.
func isTransient(err error) bool {
	return hasCode(err, "40001", "40P01", "55P03") || // serialization failure, deadlock, lock not available
		errors.Is(err, errUnavailable) || isUnavailable(err)
}

// isConflict tells whether another writer came in between, so that deciding again gives another result.
func isConflict(err error) bool {
	return errors.Is(err, ErrVersionConflict) || errors.Is(err, ErrKeyClaimed)
}

// pipeline collects statements, to be sent in one round trip. It stands in for a connection wherever a generated query
// only executes something.
type pipeline struct{ batch pgx.Batch }

// Exec queues a statement. Its result is not known before send.
func (p *pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// Query is not possible in a pipeline.
func (p *pipeline) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errors.New("a pipeline only executes statements")
}

// QueryRow is not possible in a pipeline.
func (p *pipeline) QueryRow(context.Context, string, ...any) pgx.Row {
	panic("a pipeline only executes statements")
}

type batchSender interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// send executes what was collected, in order, and stops at the first error. On a pool it is one transaction.
func (p *pipeline) send(ctx context.Context, to batchSender) error {
	if err := to.SendBatch(ctx, &p.batch).Close(); err != nil {
		return conflict(err)
	}
	return nil
}

// Errors that say that another writer came in between.
var (
	// ErrVersionConflict: the stream has an event of this version already.
	ErrVersionConflict = errors.New("stream changed since it was read")
	// ErrKeyClaimed: somebody else stored a customer, a source, a shop, an order or a workspace for the same key at the same moment.
	ErrKeyClaimed = errors.New("key was claimed by another writer")
)

// conflict names the unique constraints that tell of another writer.
func conflict(err error) error {
	pgError, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pgError.Code != "23505" {
		return err
	}
	switch pgError.ConstraintName {
	case "idempotency_keys_pkey":
		return command.ErrOnceTaken.Because(err)
	case "events_stream_version":
		return fmt.Errorf("%w: %w", ErrVersionConflict, err)
	case "customer_keys_claim", "customer_keys_pkey", "sources_pkey", "order_heads_pkey", "shops_pkey", "workspaces_name_key",
		"workspaces_default", "workspace_hosts_pkey":
		return fmt.Errorf("%w: %w", ErrKeyClaimed, err)
	default:
		return err
	}
}
