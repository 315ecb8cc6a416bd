-- Services without a password: the network says who it is, by a MAC address or by the line of an access switch.
-- identity is mac:02:00:5e:10:00:01, circuit:<hex> or circuit:<hex>/<hex of the remote id>.
CREATE TABLE ispctl_identity (identity text NOT NULL, login text NOT NULL, PRIMARY KEY (identity, login));
CREATE INDEX ispctl_identity_login ON ispctl_identity (login);
-- password: a login that proves itself. line: one that only the network can name, and that no password opens.
ALTER TABLE ispctl_login ADD COLUMN method text NOT NULL DEFAULT 'password';
-- The User-Name as the NAS sent it, where it is not the login: what a CoA has to repeat.
ALTER TABLE radacct ADD COLUMN sentname text NOT NULL DEFAULT '';
-- Seconds for which an address rests after its lease has ended, before somebody else gets it.
ALTER TABLE radippool ADD COLUMN rest bigint NOT NULL DEFAULT 0;
