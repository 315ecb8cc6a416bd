-- What the server's and our own look-ups need; made where missing, whoever made the tables.
CREATE INDEX IF NOT EXISTS ispctl_check_login ON radcheck (username);
CREATE INDEX IF NOT EXISTS ispctl_reply_login ON radreply (username);
CREATE INDEX IF NOT EXISTS ispctl_group_login ON radusergroup (username);
CREATE INDEX IF NOT EXISTS ispctl_check_group ON radgroupcheck (groupname);
CREATE INDEX IF NOT EXISTS ispctl_reply_group ON radgroupreply (groupname);
CREATE UNIQUE INDEX IF NOT EXISTS ispctl_nas_address ON nas (nasname);
CREATE UNIQUE INDEX IF NOT EXISTS ispctl_acct_unique ON radacct (acctuniqueid);
CREATE INDEX IF NOT EXISTS ispctl_acct_login ON radacct (username, acctstarttime);
CREATE INDEX IF NOT EXISTS ispctl_acct_address ON radacct (framedipaddress);
CREATE INDEX IF NOT EXISTS ispctl_open ON radacct (username) WHERE acctstoptime IS NULL;
CREATE INDEX IF NOT EXISTS ispctl_open_rendering ON radacct (substr(class, 18, 16)) WHERE acctstoptime IS NULL;
CREATE INDEX IF NOT EXISTS ispctl_postauth_login ON radpostauth (username, authdate);
CREATE INDEX IF NOT EXISTS ispctl_postauth_reply ON radpostauth (reply, authdate);
CREATE UNIQUE INDEX IF NOT EXISTS ispctl_pool_address ON radippool (framedipaddress);
CREATE INDEX IF NOT EXISTS ispctl_pool_free ON radippool (pool_name, expiry_time);
CREATE INDEX IF NOT EXISTS ispctl_pool_key ON radippool (pool_key);
