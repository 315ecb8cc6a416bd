-- FreeRADIUS's tables for PostgreSQL: the names and columns its rlm_sql queries expect, made only where they are missing.
-- What ispctl needs beyond them (columns of `nas` and `radpostauth`) stands in _schema.py, since a table may be there already.
CREATE TABLE IF NOT EXISTS radcheck (
	id        serial PRIMARY KEY,
	username  text NOT NULL DEFAULT '',
	attribute text NOT NULL DEFAULT '',
	op        varchar(2) NOT NULL DEFAULT '==',
	value     text NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radreply (
	id        serial PRIMARY KEY,
	username  text NOT NULL DEFAULT '',
	attribute text NOT NULL DEFAULT '',
	op        varchar(2) NOT NULL DEFAULT '=',
	value     text NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radgroupcheck (
	id        serial PRIMARY KEY,
	groupname text NOT NULL DEFAULT '',
	attribute text NOT NULL DEFAULT '',
	op        varchar(2) NOT NULL DEFAULT '==',
	value     text NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radgroupreply (
	id        serial PRIMARY KEY,
	groupname text NOT NULL DEFAULT '',
	attribute text NOT NULL DEFAULT '',
	op        varchar(2) NOT NULL DEFAULT '=',
	value     text NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radusergroup (
	id        serial PRIMARY KEY,
	username  text NOT NULL DEFAULT '',
	groupname text NOT NULL DEFAULT '',
	priority  integer NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS nas (
	id          serial PRIMARY KEY,
	nasname     text NOT NULL,
	shortname   text,
	type        text NOT NULL DEFAULT 'other',
	ports       integer,
	secret      text NOT NULL DEFAULT 'secret',
	server      text,
	community   text,
	description text
);
CREATE TABLE IF NOT EXISTS nasreload (
	nasipaddress inet PRIMARY KEY,
	reloadtime   timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS radpostauth (
	id               bigserial PRIMARY KEY,
	username         text NOT NULL,
	pass             text,
	reply            text,
	calledstationid  text,
	callingstationid text,
	authdate         timestamptz NOT NULL DEFAULT now(),
	class            text
);
CREATE TABLE IF NOT EXISTS radacct (
	radacctid           bigserial PRIMARY KEY,
	acctsessionid       text NOT NULL,
	acctuniqueid        text NOT NULL,
	username            text,
	groupname           text,
	realm               text,
	nasipaddress        inet NOT NULL,
	nasportid           text,
	nasporttype         text,
	acctstarttime       timestamptz,
	acctupdatetime      timestamptz,
	acctstoptime        timestamptz,
	acctinterval        bigint,
	acctsessiontime     bigint,
	acctauthentic       text,
	connectinfo_start   text,
	connectinfo_stop    text,
	acctinputoctets     bigint,
	acctoutputoctets    bigint,
	calledstationid     text,
	callingstationid    text,
	acctterminatecause  text,
	servicetype         text,
	framedprotocol      text,
	framedipaddress     inet,
	framedipv6address   inet,
	framedipv6prefix    inet,
	framedinterfaceid   text,
	delegatedipv6prefix inet,
	class               text
);
CREATE TABLE IF NOT EXISTS radippool (
	id               bigserial PRIMARY KEY,
	pool_name        text NOT NULL,
	framedipaddress  inet NOT NULL,
	nasipaddress     text NOT NULL DEFAULT '',
	pool_key         text NOT NULL DEFAULT '',
	calledstationid  text NOT NULL DEFAULT '',
	callingstationid text NOT NULL DEFAULT '',
	expiry_time      timestamptz NOT NULL DEFAULT to_timestamp(946684800),
	username         text NOT NULL DEFAULT ''
);
