-- What the devices of subscribers should hold, as applied; the sealed password is opened by whoever speaks to them.
CREATE TABLE ispctl_cpe_wanted (
	serial    text PRIMARY KEY,
	id        text NOT NULL,
	key       text NOT NULL,
	profile   text NOT NULL,
	login     text NOT NULL,
	password  text NOT NULL,                -- sealed; the newest; empty: it is told none
	changed   bigint,                       -- when it took the place of another that may still hold; NULL: long ago
	ends      bigint,                       -- when it holds whatever the device says
	holds     text NOT NULL,                -- which password the rows have: new, accepted, old, overdue
	since     bigint NOT NULL               -- when an apply last wrote it
);
CREATE INDEX ispctl_cpe_wanted_service ON ispctl_cpe_wanted (id, key);

-- Devices that spoke to us. Rows stay.
CREATE TABLE ispctl_cpe (
	device     text PRIMARY KEY,            -- OUI-ProductClass-SerialNumber
	serial     text NOT NULL,
	maker      text NOT NULL,
	model      text NOT NULL,
	software   text NOT NULL,
	root       text NOT NULL,               -- of its data model
	address    text NOT NULL,               -- from which it spoke
	first_seen bigint NOT NULL,
	informed   bigint NOT NULL,
	events     text NOT NULL,
	known      bigint NOT NULL,             -- 0: in quarantine, it is given nothing
	faults     text NOT NULL,               -- JSON: what we set -> the code with which it was refused
	tries      bigint NOT NULL DEFAULT 0,   -- sessions in a row with a fault that may be gone another time
	rests      bigint                       -- nothing is asked of it until then
);
CREATE INDEX ispctl_cpe_serial ON ispctl_cpe (serial);

-- What a device took last, by a keyed hash, since devices do not show passwords.
CREATE TABLE ispctl_cpe_value (
	device  text NOT NULL,
	word    text NOT NULL,
	mark    text NOT NULL,
	status  bigint NOT NULL,                -- 1: holds after a restart of the device
	at      bigint NOT NULL,
	PRIMARY KEY (device, word)
);

-- Which change of its password the device of a service took. A fact: desired = f(commit, facts, now).
CREATE TABLE ispctl_cpe_accepted (
	id      text NOT NULL,
	key     text NOT NULL,
	changed bigint NOT NULL,                -- as in ispctl_cpe_wanted
	at      bigint NOT NULL,
	up      bigint,                         -- when it spoke to us with it for the first time
	applied bigint,                         -- when rows were last written by somebody who knew
	PRIMARY KEY (id, key)
);
