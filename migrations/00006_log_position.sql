-- The lock under which positions are assigned, taken within the statement that appends.
-- Locks: creates a function, and touches no table.

-- +goose Up
-- Taken by a statement of its own, the lock was held while the next one's arguments, the events, were read from the connection and made
-- into rows. A function that may have effects sees what was committed when it is called, not when the statement began: the head
-- that it finds behind the lock is the last there is.
-- +goose StatementBegin
CREATE FUNCTION lock_log(key bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(key);
    RETURN (SELECT coalesce(max(e.position), 0) FROM events e);
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION lock_log IS 'Takes the append lock until the transaction ends, and returns the position of the last event.';

-- +goose Down
DROP FUNCTION lock_log;
