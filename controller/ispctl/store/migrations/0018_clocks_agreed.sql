-- How often in a row a NAS told the same wrong time: a clock is wrong by the same each time, and what waited on its way
-- comes late by another time each time.
ALTER TABLE ispctl_clock ADD COLUMN agreed bigint NOT NULL DEFAULT 0;
