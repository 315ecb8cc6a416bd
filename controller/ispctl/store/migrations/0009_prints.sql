-- What an apply left of each login: how many rows, and the sum of 48 bits of the hash of each; see store/prints.py.
-- Whoever may read these may try passwords on them: not for a reading role.
CREATE TABLE ispctl_print (login text PRIMARY KEY, number bigint NOT NULL, total bigint NOT NULL);
