-- What people told us to leave alone for a time, and who ended it before its time. Rows stay: they are the record.
CREATE TABLE ispctl_pause (
	pause      text PRIMARY KEY,
	kind       text NOT NULL CHECK (kind IN ('everything', 'target', 'group', 'service')),
	name       text NOT NULL DEFAULT '',            -- of the target (nas:lalitpur-1), the group, or the service (sub-000123/main)
	since      bigint NOT NULL,
	ends       bigint NOT NULL,                     -- it ends by itself
	reason     text NOT NULL,
	actor      text NOT NULL DEFAULT '',
	resumed    bigint,
	resumed_by text NOT NULL DEFAULT ''
);
CREATE INDEX ispctl_pause_ends ON ispctl_pause (ends);
-- Runs that somebody took back: their commit is not applied again as if nothing had happened.
CREATE TABLE ispctl_undone (
	run       text PRIMARY KEY,                     -- the run that was taken back
	commit_id text NOT NULL,                        -- what it had applied
	base_id   text NOT NULL,                        -- what was applied before, and was applied again
	undone_by text NOT NULL,                        -- the run that took it back
	at        bigint NOT NULL,
	actor     text NOT NULL DEFAULT '',
	lifted    bigint                                -- since when it may be applied again
);
