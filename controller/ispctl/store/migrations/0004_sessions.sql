-- How often a session was asked in vain, why, and when it may be asked again; what a burst may add to what it moves.
ALTER TABLE ispctl_session ADD COLUMN attempts integer NOT NULL DEFAULT 0;
ALTER TABLE ispctl_session ADD COLUMN error_cause integer;
ALTER TABLE ispctl_session ADD COLUMN retry bigint;
ALTER TABLE ispctl_session ADD COLUMN burst_down bigint NOT NULL DEFAULT 0;
ALTER TABLE ispctl_session ADD COLUMN burst_up bigint NOT NULL DEFAULT 0;
-- What a NAS turned out to be unable to do to a running session, by its own answers.
CREATE TABLE ispctl_nas_limit (
	nas         text NOT NULL,                      -- host of the inventory
	what        text NOT NULL,                      -- coa, attributes, values, names
	subject     text NOT NULL DEFAULT '',           -- the attributes, or attributes with their values
	error_cause integer,
	learned     bigint NOT NULL,
	entry       text NOT NULL,                      -- hash of what git said of the host; another one makes this void
	PRIMARY KEY (nas, what, subject)
);
