-- Our own tables. Times are whole seconds since 1970 (UTC) in all of them, on every database.

-- One row per login we own. With a row here, every row of that login in FreeRADIUS's tables is ours.
CREATE TABLE ispctl_login (
	login           text PRIMARY KEY,
	owner           text NOT NULL,                  -- sub-000123/main
	password_digest text,                           -- sha256:… of the sealed text that was opened for radcheck
	password_mac    text,                           -- HMAC of the clear value in radcheck: finds a hand edit, tells nothing else
	class           text NOT NULL DEFAULT '',       -- first half of what the NAS gets as Class
	refuse          text NOT NULL DEFAULT '',       -- suspended, terminated …: logged as the reason of the reject
	expires         bigint,                         -- backstop for a dead controller
	on_expiry       text NOT NULL DEFAULT 'reject' CHECK (on_expiry IN ('wall', 'reject')),
	pop             text,                           -- set of NAS where it is planned
	on_roam         text NOT NULL DEFAULT 'allow' CHECK (on_roam IN ('allow', 'alert', 'reject')),
	mac_mode        text NOT NULL DEFAULT 'off' CHECK (mac_mode IN ('off', 'learn', 'fixed')),
	mac_max         integer NOT NULL DEFAULT 1,
	on_mismatch     text NOT NULL DEFAULT 'reject' CHECK (on_mismatch IN ('reject', 'wall', 'alert')),
	sessions        integer NOT NULL DEFAULT 0      -- 0: unlimited
);
CREATE INDEX ispctl_login_owner ON ispctl_login (owner);
CREATE TABLE ispctl_pop (pop text NOT NULL, nas text NOT NULL, PRIMARY KEY (pop, nas));
CREATE TABLE ispctl_mac (
	login   text NOT NULL,
	mac     text NOT NULL,                          -- 02:00:5e:10:00:01
	slot    integer NOT NULL,                       -- 1.., a hole is filled first; unique, so that a race has one winner
	learned bigint,                                 -- NULL: written by the controller; else when the server learned it
	PRIMARY KEY (login, mac),
	UNIQUE (login, slot)
);
-- Who spoke RADIUS to us without being a NAS of ours.
CREATE TABLE ispctl_stranger (
	address    text PRIMARY KEY,
	first_seen bigint NOT NULL,
	last_seen  bigint NOT NULL,
	packets    bigint NOT NULL
);
-- What else we own in tables that are not ours: kind nas, pop …; value is JSON.
CREATE TABLE ispctl_object (kind text NOT NULL, key text NOT NULL, value text NOT NULL, PRIMARY KEY (kind, key));
-- What each service was last given, written together with its rows.
CREATE TABLE ispctl_service (
	id          text NOT NULL,                      -- sub-000123
	key         text NOT NULL,                      -- main
	login       text NOT NULL,
	entitlement text NOT NULL,                      -- JSON
	digest      text NOT NULL,
	commit_id   text NOT NULL,
	applied_at  bigint NOT NULL,
	PRIMARY KEY (id, key)
);
CREATE INDEX ispctl_service_login ON ispctl_service (login);
-- One row per run; `finished` stays NULL when it was killed.
CREATE TABLE ispctl_journal (
	run       text PRIMARY KEY,
	kind      text NOT NULL,                        -- apply, repair …
	commit_id text NOT NULL,
	base_id   text NOT NULL DEFAULT '',
	digest    text NOT NULL DEFAULT '',
	actor     text NOT NULL DEFAULT '',
	host      text NOT NULL DEFAULT '',
	pid       bigint NOT NULL DEFAULT 0,
	started   bigint NOT NULL,
	finished  bigint,
	outcome   text NOT NULL DEFAULT '',
	counts    text NOT NULL DEFAULT '{}'            -- JSON
);
CREATE INDEX ispctl_journal_started ON ispctl_journal (started);
CREATE TABLE ispctl_journal_service (
	run    text NOT NULL,
	id     text NOT NULL,
	key    text NOT NULL,
	effect text NOT NULL,                           -- cut-off, dropped, slower …
	cause  text NOT NULL,                           -- commit, clock, facts, drift
	at     bigint NOT NULL,
	PRIMARY KEY (run, id, key, effect)
);
CREATE INDEX ispctl_journal_service_at ON ispctl_journal_service (at);
CREATE INDEX ispctl_journal_service_id ON ispctl_journal_service (id, key);
CREATE TABLE ispctl_journal_change (
	run     text NOT NULL,
	change  text NOT NULL,                          -- id of the change
	target  text NOT NULL,
	kind    text NOT NULL,
	key     text NOT NULL,
	action  text NOT NULL,
	outcome text NOT NULL DEFAULT '',               -- empty: done
	at      bigint NOT NULL,
	PRIMARY KEY (run, change)
);
CREATE INDEX ispctl_journal_change_at ON ispctl_journal_change (at);
CREATE INDEX ispctl_journal_change_key ON ispctl_journal_change (kind, key);
-- What was asked of a live session, and what proves that it happened.
CREATE TABLE ispctl_session (
	acctuniqueid text PRIMARY KEY,
	login        text NOT NULL,
	nas          text NOT NULL,
	kind         text NOT NULL CHECK (kind IN ('coa', 'disconnect')),
	class_to     text NOT NULL,
	answer       text NOT NULL DEFAULT '',
	tries        integer NOT NULL DEFAULT 0,
	sent         bigint,
	acked        bigint,
	proved       bigint,
	proof        text NOT NULL DEFAULT '',
	octets_in    bigint NOT NULL DEFAULT 0,         -- counters of the session when the answer came
	octets_out   bigint NOT NULL DEFAULT 0,
	counted      bigint,                            -- when those counters were reported
	down         bigint NOT NULL DEFAULT 0,         -- bit/s that were promised, 0: no limit
	up           bigint NOT NULL DEFAULT 0
);
CREATE INDEX ispctl_session_login ON ispctl_session (login);
-- Random keys of this database. Kept apart from ispctl_meta, so that a reading role need not see it.
CREATE TABLE ispctl_secret (name text PRIMARY KEY, value text NOT NULL);
