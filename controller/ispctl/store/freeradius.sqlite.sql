-- FreeRADIUS's tables for SQLite: the names and columns its rlm_sql queries expect, made only where they are missing.
-- What ispctl needs beyond them (columns of `nas` and `radpostauth`) stands in _schema.py, since a table may be there already.
CREATE TABLE IF NOT EXISTS radcheck (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	username  varchar(64) NOT NULL DEFAULT '',
	attribute varchar(64) NOT NULL DEFAULT '',
	op        char(2) NOT NULL DEFAULT '==',
	value     varchar(253) NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radreply (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	username  varchar(64) NOT NULL DEFAULT '',
	attribute varchar(64) NOT NULL DEFAULT '',
	op        char(2) NOT NULL DEFAULT '=',
	value     varchar(253) NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radgroupcheck (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	groupname varchar(64) NOT NULL DEFAULT '',
	attribute varchar(64) NOT NULL DEFAULT '',
	op        char(2) NOT NULL DEFAULT '==',
	value     varchar(253) NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radgroupreply (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	groupname varchar(64) NOT NULL DEFAULT '',
	attribute varchar(64) NOT NULL DEFAULT '',
	op        char(2) NOT NULL DEFAULT '=',
	value     varchar(253) NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS radusergroup (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	username  varchar(64) NOT NULL DEFAULT '',
	groupname varchar(64) NOT NULL DEFAULT '',
	priority  integer NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS nas (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	nasname     varchar(128) NOT NULL,
	shortname   varchar(32),
	type        varchar(30) DEFAULT 'other',
	ports       integer,
	secret      varchar(60) NOT NULL DEFAULT 'secret',
	server      varchar(64),
	community   varchar(50),
	description varchar(200) DEFAULT 'RADIUS Client'
);
CREATE TABLE IF NOT EXISTS nasreload (
	nasipaddress varchar(45) PRIMARY KEY,
	reloadtime   datetime NOT NULL
);
CREATE TABLE IF NOT EXISTS radpostauth (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	username varchar(64) NOT NULL DEFAULT '',
	pass     varchar(64) NOT NULL DEFAULT '',
	reply    varchar(32) NOT NULL DEFAULT '',
	authdate timestamp NOT NULL,
	class    varchar(64)
);
-- Times are whole seconds since 1970, as the SQLite queries of the server write them.
CREATE TABLE IF NOT EXISTS radacct (
	radacctid           INTEGER PRIMARY KEY AUTOINCREMENT,
	acctsessionid       varchar(64) NOT NULL DEFAULT '',
	acctuniqueid        varchar(32) NOT NULL DEFAULT '',
	username            varchar(64) NOT NULL DEFAULT '',
	realm               varchar(64) DEFAULT '',
	nasipaddress        varchar(45) NOT NULL DEFAULT '',
	nasportid           varchar(32),
	nasporttype         varchar(32),
	acctstarttime       datetime,
	acctupdatetime      datetime,
	acctstoptime        datetime,
	acctinterval        integer,
	acctsessiontime     integer,
	acctauthentic       varchar(32),
	connectinfo_start   varchar(128),
	connectinfo_stop    varchar(128),
	acctinputoctets     bigint,
	acctoutputoctets    bigint,
	calledstationid     varchar(50) NOT NULL DEFAULT '',
	callingstationid    varchar(50) NOT NULL DEFAULT '',
	acctterminatecause  varchar(32) NOT NULL DEFAULT '',
	servicetype         varchar(32),
	framedprotocol      varchar(32),
	framedipaddress     varchar(15) NOT NULL DEFAULT '',
	framedipv6address   varchar(45) NOT NULL DEFAULT '',
	framedipv6prefix    varchar(45) NOT NULL DEFAULT '',
	framedinterfaceid   varchar(44) NOT NULL DEFAULT '',
	delegatedipv6prefix varchar(45) NOT NULL DEFAULT '',
	class               varchar(64)
);
-- The id fills itself: a pool row without one would make a full pool look like a success.
CREATE TABLE IF NOT EXISTS radippool (
	id               INTEGER PRIMARY KEY,
	pool_name        text NOT NULL,
	framedipaddress  text NOT NULL,
	nasipaddress     text NOT NULL DEFAULT '',
	pool_key         text NOT NULL DEFAULT '',
	calledstationid  text NOT NULL DEFAULT '',
	callingstationid text NOT NULL DEFAULT '',
	expiry_time      text NOT NULL DEFAULT '2000-01-01 00:00:00',
	username         text NOT NULL DEFAULT ''
);
