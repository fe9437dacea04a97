-- What the switch to a new version of read tables locked for how long, and which switches are in no event yet.
-- Locks: the ALTER TABLE takes its table for an instant; no default is given, so it is not rewritten.

-- +goose Up
ALTER TABLE projections
    -- The longest that the switch held a lock, in any of its attempts: from when it had the cursor until it let go of all.
    ADD COLUMN longest_lock interval,
    -- The event that says how the version came to be read, until that is in the log.
    ADD COLUMN untold       text CHECK (untold IN ('ProjectionRebuilt', 'ProjectionRolledBack'));

-- +goose Down
ALTER TABLE projections DROP COLUMN longest_lock, DROP COLUMN untold;
