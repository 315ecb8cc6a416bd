-- What has ended is found by when, for those who prune and for those who ask; an open session has no such moment, so that
-- an interim update changes no entry (on PostgreSQL it stays a cheap one). The second takes the place of ispctl_open_nas.
CREATE INDEX IF NOT EXISTS ispctl_acct_stop ON radacct (acctstoptime) WHERE acctstoptime IS NOT NULL;
CREATE INDEX IF NOT EXISTS ispctl_acct_nas ON radacct (nasipaddress, acctstoptime);
DROP INDEX IF EXISTS ispctl_open_nas;
CREATE INDEX IF NOT EXISTS ispctl_postauth_date ON radpostauth (authdate);
