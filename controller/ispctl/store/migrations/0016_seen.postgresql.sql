-- What drift sums of a login, reckoned when it is written and not whenever somebody compares; see store/prints.py, where
-- the same text stands for SQLite. Nobody can write it by hand.
ALTER TABLE ispctl_login ADD COLUMN seen bigint GENERATED ALWAYS AS (hashtextextended(
    E'login\n' || login
    || COALESCE(E'\n=' || password_digest, E'\n-') || COALESCE(E'\n=' || password_mac, E'\n-')
    || E'\n=' || owner || E'\n=' || class || E'\n=' || refuse
    || COALESCE(E'\n=' || CAST(expires AS text), E'\n-') || E'\n=' || on_expiry || COALESCE(E'\n=' || pop, E'\n-')
    || E'\n=' || on_roam || E'\n=' || mac_mode || E'\n=' || CAST(mac_max AS text) || E'\n=' || on_mismatch
    || E'\n=' || CAST(sessions AS text) || E'\n=' || method, 0) >> 16) STORED;
