-- What is told to people: to whom by id (the address stands in git), whether it went, and what was tried. Rows stay.
CREATE TABLE ispctl_outbox (
	message    text PRIMARY KEY,                    -- what it says and to whom: the same is sent once
	kind       text NOT NULL,                       -- statement
	subscriber text NOT NULL,
	about      text NOT NULL,                       -- of a statement its first and last day, and the language
	state      text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed')),
	attempts   bigint NOT NULL DEFAULT 0,
	unsure     bigint NOT NULL DEFAULT 0,           -- attempts of which nobody knows whether they arrived
	error      text NOT NULL DEFAULT '',            -- of the last attempt; holds no address
	actor      text NOT NULL DEFAULT '',
	host       text NOT NULL DEFAULT '',            -- who is sending it, while somebody is
	pid        bigint NOT NULL DEFAULT 0,
	made       bigint NOT NULL,
	tried      bigint
);
CREATE INDEX ispctl_outbox_waiting ON ispctl_outbox (made) WHERE state <> 'sent';
