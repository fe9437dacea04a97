package eventbus

import (
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
)

// Slice is the part (After, Upto] of the log.
type Slice struct {
	After int64 `json:"after"`
	Upto  int64 `json:"upto"`
	// Full tells that there was more than a slice may have.
	Full bool `json:"full"`
	// Age is how long ago its first event was appended.
	Age time.Duration `json:"age"`
	// Known is what its Selection knows of it beside that.
	Known json.RawMessage `json:"known,omitempty"`
}

// Len is how many events the slice spans.
func (s Slice) Len() int64 { return s.Upto - s.After }

// scanSlice reads the row of a Selection.
func scanSlice(row interface{ Scan(dest ...any) error }) (Slice, error) {
	var slice Slice
	var seconds float64
	err := row.Scan(&slice.After, &slice.Upto, &slice.Full, &seconds, (*[]byte)(&slice.Known))
	slice.Age = time.Duration(seconds * float64(time.Second))
	return slice, err
}

// schemaAdapter selects a consumer's next slice as one message.
type schemaAdapter struct {
	consumer  string
	selection Selection
	size      func() int64
}

// SelectQuery locks the cursor and names the next slice. A cursor that another instance has locked looks like one with
// nothing to do.
func (a schemaAdapter) SelectQuery(sql.SelectQueryParams) (sql.Query, error) {
	return sql.Query{Query: string(a.selection), Args: []any{a.consumer, a.size()}}, nil
}

// UnmarshalMessage makes a message of the slice. Its offset is the slice's end, which is never 0.
func (a schemaAdapter) UnmarshalMessage(params sql.UnmarshalMessageParams) (sql.Row, error) {
	slice, err := scanSlice(params.Row)
	if err != nil {
		return sql.Row{}, fmt.Errorf("scan slice: %w", err)
	}
	payload, err := json.Marshal(slice)
	if err != nil {
		return sql.Row{}, fmt.Errorf("encode slice: %w", err)
	}
	return sql.Row{Offset: slice.Upto, Msg: message.NewMessage(watermill.NewUUID(), payload)}, nil
}

// SubscribeIsolationLevel is what transactions begin with.
func (schemaAdapter) SubscribeIsolationLevel() stdsql.IsolationLevel {
	return stdsql.LevelReadCommitted
}

// SchemaInitializingQueries returns none: migrations make the tables.
func (schemaAdapter) SchemaInitializingQueries(sql.SchemaInitializingQueriesParams) ([]sql.Query, error) {
	return nil, nil
}

// InsertQuery refuses: events are appended through the log only.
func (schemaAdapter) InsertQuery(sql.InsertQueryParams) (sql.Query, error) {
	return sql.Query{}, errors.New("events are appended through the event log, not published")
}

// offsetsAdapter acknowledges slices whose handler moved the cursor already.
type offsetsAdapter struct{ consumer string }

// acknowledged stands for a query that there is none of.
const acknowledged = "the handler has moved the cursor"

// AckMessageQuery asks for nothing, and guardedTx does not trouble the server with it: a transaction that is not good any more
// is told by its commit.
func (a offsetsAdapter) AckMessageQuery(sql.AckMessageQueryParams) (sql.Query, error) {
	return sql.Query{Query: acknowledged}, nil
}

// BeforeSubscribingQueries makes the cursor of a consumer that is new. It looks first, because an insert would wait for
// whoever is moving the cursor just now, and every other consumer with it.
func (a offsetsAdapter) BeforeSubscribingQueries(sql.BeforeSubscribingQueriesParams) ([]sql.Query, error) {
	return []sql.Query{{
		Query: `INSERT INTO cursors (consumer, position)
			SELECT $1, 0 WHERE NOT EXISTS (SELECT FROM cursors WHERE consumer = $1) ON CONFLICT DO NOTHING`,
		Args: []any{a.consumer},
	}}, nil
}

// ConsumedMessageQuery returns none.
func (offsetsAdapter) ConsumedMessageQuery(sql.ConsumedMessageQueryParams) (sql.Query, error) {
	return sql.Query{}, nil
}

// NextOffsetQuery returns none: the select reads the cursor itself.
func (offsetsAdapter) NextOffsetQuery(sql.NextOffsetQueryParams) (sql.Query, error) {
	return sql.Query{}, nil
}

// SchemaInitializingQueries returns none: migrations make the tables.
func (offsetsAdapter) SchemaInitializingQueries(sql.OffsetsSchemaInitializingQueriesParams) ([]sql.Query, error) {
	return nil, nil
}
