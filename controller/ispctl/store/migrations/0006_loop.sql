-- Who runs `ispctl run`: one row, held by one process. `state` is JSON: what it last saw.
CREATE TABLE ispctl_loop (
	name  text PRIMARY KEY,
	token text NOT NULL,                            -- of one process
	since bigint NOT NULL,
	at    bigint NOT NULL,                          -- its last sign of life
	state text NOT NULL DEFAULT '{}',
	pid   bigint NOT NULL,
	host  text NOT NULL
);
