-- What stood on a NAS of what is ours before a run changed it; in place of secrets their digests. Rows stay until pruned.
CREATE TABLE ispctl_nas_backup (
	run     text NOT NULL,
	host    text NOT NULL,
	at      bigint NOT NULL,
	slice   text NOT NULL,                    -- JSON: [[kind, name, fields], …]
	PRIMARY KEY (run, host)
);
CREATE INDEX ispctl_nas_backup_host ON ispctl_nas_backup (host, at);

-- What runs did to one NAS, without the rows of RADIUS, which are a thousand times as many.
CREATE INDEX ispctl_journal_change_device ON ispctl_journal_change (target, at) WHERE target <> 'radius';
