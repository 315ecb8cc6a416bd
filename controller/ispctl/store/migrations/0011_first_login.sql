-- Services that begin with their first login: who waits for it, and when it came, which radacct forgets one day.
CREATE TABLE ispctl_first_login (
	id    text NOT NULL,                            -- sub-000123
	key   text NOT NULL,                            -- main
	login text NOT NULL,
	since bigint NOT NULL,                          -- from when on a session counts: when it was let in to wait
	at    bigint,                                   -- NULL: it waits; written once
	until bigint,                                   -- when time changes it next, as of its last apply; NULL: never
	PRIMARY KEY (id, key)
);
CREATE INDEX ispctl_first_login_waits ON ispctl_first_login (login) WHERE at IS NULL;
CREATE INDEX ispctl_first_login_turns ON ispctl_first_login (until) WHERE at IS NOT NULL;
