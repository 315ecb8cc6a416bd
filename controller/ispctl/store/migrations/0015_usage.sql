-- What services used. radacct holds the running totals of each session: what of them was counted is kept beside it.
CREATE TABLE ispctl_counted (
	acctid     bigint UNIQUE,                       -- radacct.radacctid; NULL after a restore, until the next count
	session    text NOT NULL,                       -- acctuniqueid
	owner      text NOT NULL,                       -- sub-000123/main: whose login it was when it was first counted
	octets_in  bigint NOT NULL,                     -- the counters as last counted
	octets_out bigint NOT NULL,
	at         bigint NOT NULL,                     -- the report that said so
	ended      bigint                               -- when its end was first seen; NULL: not yet
);
CREATE INDEX ispctl_counted_ended ON ispctl_counted (ended);
CREATE TABLE ispctl_count (
	name text PRIMARY KEY,                          -- usage
	mark bigint NOT NULL,                           -- the highest radacctid that was looked at; what is new lies above it
	at   bigint NOT NULL                            -- when it was last counted
);
CREATE TABLE ispctl_usage (
	owner text NOT NULL,                            -- sub-000123/main
	day   integer NOT NULL,                         -- 20261126, in the time zone of the ISP
	hour  smallint NOT NULL,                        -- 0 to 23; 24: of the day, where its tariff asks for no hours
	down  bigint NOT NULL,                          -- octets, as the subscriber sees them
	up    bigint NOT NULL,
	PRIMARY KEY (owner, day, hour)
);
CREATE INDEX ispctl_usage_day ON ispctl_usage (day);
-- Each fair-use policy of each service that has one, as of its last apply: which usage changes its tier.
CREATE TABLE ispctl_meter (
	owner   text NOT NULL,
	part    smallint NOT NULL,                      -- which of the policies of its tariff, from 0
	counts  text NOT NULL,                          -- down, up, both
	hourly  smallint NOT NULL,                      -- whether some hours count less
	used    bigint NOT NULL,                        -- octets in the window, then; and all that was counted since
	next    bigint,                                 -- from which usage on the tier is another; NULL: none
	until   bigint,                                 -- when its window ends
	PRIMARY KEY (owner, part)
);
