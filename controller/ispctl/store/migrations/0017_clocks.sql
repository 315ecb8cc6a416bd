-- NAS whose clocks are wrong, as the server saw it when a session began or the NAS did.
CREATE TABLE ispctl_clock (
	nas   text PRIMARY KEY,                         -- its name
	ahead bigint NOT NULL,                          -- seconds; below nought: behind
	at    bigint NOT NULL
);
