"""Where two databases differ: everything else in this package is one SQL text for both."""

from __future__ import annotations

from ispctl.structs import Struct


class Dialect(Struct):
    """The handful of texts that SQLite and PostgreSQL do not share. Queries are written with `?` for parameters."""

    name: str
    chunk: int
    """How many keys stand in one IN list."""
    begin: str
    snapshot: str
    """Begins a transaction that reads one moment and writes nothing."""
    prepare: str
    """Run once before tables are made, outside a transaction."""
    alone: str
    """Makes a second `radius init` wait for the first; empty where `begin` does that."""
    hold: str
    """Lets nobody else write to some tables until the transaction ends, in which every row is found by its key; empty
    where `begin` does that."""
    skip_locked: str
    """At the end of a query for rows to change: takes them, and passes over those that somebody else holds."""
    may_read: str
    """Answers whether a table may be read; empty where there are no roles."""
    tables: str
    freeradius: str
    """Name of the file with FreeRADIUS's own tables."""
    rejects: str
    """Makes the view `ispctl_rejects` anew; `at` reads as seconds since 1970."""
    watch: tuple[str, ...]
    """Statements that make the triggers by which what the server writes of sessions becomes doubtful (store/doubts)."""
    watchers: tuple[str, ...]
    """Their names."""
    watching: str
    """The names of those that are there and do it."""
    hash: str
    """48 bits of a hash of a text, so that the sum of very many fits."""
    reckons: bool
    """Whether a table keeps what is reckoned of each of its rows, which no hand can write."""
    middle: int
    """What lies in the middle of all hashes: less it, the sum of all there are fits too."""
    mine: str
    """Whether a login is among those of a table `mine`, which an index tells whatever the server knows of its table."""
    part: str
    """To which of `parts` a login belongs, so that their sums may be told apart."""
    parts: int
    before_at: str
    """What stands before the first "@" of a text that has one."""
    address: str
    """An address of radacct as the text that nas has."""
    state: str
    """The state in the text of an applied entitlement; NULL where somebody made that unreadable."""
    instant: str
    """A parameter in seconds since 1970, as the columns of radacct and radpostauth keep a moment. All times that are
    read, those too, come as whole seconds."""
    rested: str
    """Whether an address of radippool is free, and has rested, at a moment: a parameter in seconds since 1970."""


_REJECTS = (
    "SELECT authdate AS at, username AS login, nas, callingstationid AS mac, reason, detail FROM radpostauth"
    " WHERE reply = 'Access-Reject' UNION ALL"
    " SELECT {}, '', address, '', 'unknown-client', packets || ' packets' FROM ispctl_stranger"
)
_BEGUN = "NEW.acctstoptime IS NULL"
"""A session that begins, that goes on after all, or that another one took the place of."""
_CHANGED = "(OLD.class {0} NEW.class OR (OLD.acctstoptime IS NULL) <> (NEW.acctstoptime IS NULL))"
"""Named by each report, since the server writes all with one statement; of most it is not so. Nothing else is asked:
the text is read anew for each of them."""
_NOTED = "SELECT acctuniqueid FROM ispctl_session WHERE acctuniqueid = OLD.acctuniqueid"
_TRIGGER = "CREATE TRIGGER IF NOT EXISTS {} AFTER {} ON radacct WHEN {} BEGIN INSERT INTO ispctl_doubt {}; END"
_BY_ROW = "CREATE TRIGGER {} AFTER {} ON radacct FOR EACH ROW WHEN ({}) EXECUTE FUNCTION ispctl_doubt()"
_UPDATE = "UPDATE OF acctstoptime, class"
_EVENTS = (
    ("ispctl_begun", "INSERT", _BEGUN),
    ("ispctl_changed", _UPDATE, _CHANGED.format("IS DISTINCT FROM")),
    ("ispctl_ended", "DELETE", "OLD.acctstoptime IS NULL"),
)
_WATCHING = (
    "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('radacct') AND tgenabled IN ('O', 'A')"
    " AND tgfoid = to_regproc('ispctl_doubt')"
)
_WATCH = """IF NOT EXISTS ({1} AND tgname = '{0[0]}') THEN
            IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'radacct'::regclass AND tgname = '{0[0]}') THEN
                DROP TRIGGER {0[0]} ON radacct;
            END IF;
            {2};
        END IF;"""
"""Makes a trigger that is not there, or was switched off; where it is as it should be, nobody waits."""
SQLITE = Dialect(
    name="sqlite",
    chunk=500,  # of parameters it takes 32,766 at most, older ones 999
    begin="BEGIN IMMEDIATE",
    snapshot="BEGIN",
    # Readers and the one writer do not wait for each other; stays with the file. Ten times the logins.
    prepare="PRAGMA journal_mode = WAL",
    alone="",
    hold="",
    skip_locked="",
    may_read="",
    tables="SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'",
    freeradius="freeradius.sqlite.sql",
    rejects=f"DROP VIEW IF EXISTS ispctl_rejects; CREATE VIEW ispctl_rejects AS {_REJECTS.format('last_seen')}",
    watch=(
        _TRIGGER.format("ispctl_begun", "INSERT", _BEGUN, "VALUES (NEW.acctuniqueid)"),
        _TRIGGER.format(
            "ispctl_changed", _UPDATE, f"{_CHANGED.format('IS NOT')} AND {_BEGUN}", "VALUES (NEW.acctuniqueid)"
        ),
        _TRIGGER.format("ispctl_stopped", _UPDATE, "OLD.acctstoptime IS NULL AND NEW.acctstoptime IS NOT NULL", _NOTED),
        _TRIGGER.format("ispctl_ended", "DELETE", "OLD.acctstoptime IS NULL", _NOTED),
    ),
    watchers=("ispctl_begun", "ispctl_changed", "ispctl_stopped", "ispctl_ended"),
    watching="SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'radacct'",
    hash="ispctl_hash(CAST({} AS blob))",  # a blob: somebody's broken bytes are no text
    reckons=False,  # it could, but FreeRADIUS and whoever else writes there have no such function
    middle=1 << 47,
    mine="IN (SELECT login FROM mine)",
    part="0",  # it sorts whatever it groups: one sum of all costs less than many
    parts=1,
    before_at="substr({0}, 1, instr({0}, '@') - 1)",
    address="{}",
    state="CASE WHEN json_valid(entitlement) THEN json_extract(entitlement, '$.state') END",
    instant="?",
    rested="datetime(expiry_time, '+' || rest || ' seconds') < datetime(?, 'unixepoch')",
)
POSTGRESQL = Dialect(
    name="postgresql",
    chunk=2000,
    begin="BEGIN",
    snapshot="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    prepare="",
    alone="SELECT pg_advisory_xact_lock(115949411066987)",
    # Readers and FreeRADIUS's accounting go on; whoever edits these rows by hand waits, as for SQLite's one writer.
    # A batch asks for some hundred rows by their keys. Of tables that a first apply fills the server knows nothing yet:
    # it would read them whole, or with helpers, in each batch, while they grow.
    hold="SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
    " SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0;"
    " LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
    skip_locked="FOR UPDATE SKIP LOCKED",
    may_read="SELECT has_table_privilege(CAST(? AS text), 'SELECT')",
    # Whether or not this role may read them; what an extension brought is nobody's.
    tables=(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY (current_schemas(false)))"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
    ),
    freeradius="freeradius.postgresql.sql",
    # Not dropped: a view keeps what roles were granted on it.
    rejects=f"CREATE OR REPLACE VIEW ispctl_rejects AS {_REJECTS.format('to_timestamp(last_seen)')}",
    # With the rights of its owner, so that a server that was given nothing but radacct goes on writing there; what it
    # names is named in full, so that nobody can put something else in its place.
    watch=(
        f"""DO $do$ BEGIN
        EXECUTE replace($of$CREATE OR REPLACE FUNCTION ispctl_doubt() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$ BEGIN
                IF TG_OP <> 'DELETE' AND {_BEGUN} THEN
                    INSERT INTO ~.ispctl_doubt (acctuniqueid) VALUES (NEW.acctuniqueid);
                ELSE
                    INSERT INTO ~.ispctl_doubt (acctuniqueid)
                    {_NOTED.replace("FROM ", "FROM ~.")};
                END IF;
                RETURN NULL;
            END $f$$of$, '~', quote_ident(current_schema()));
        {" ".join(_WATCH.format(event, _WATCHING, _BY_ROW.format(*event)) for event in _EVENTS)}
        END $do$""",
    ),
    watchers=tuple(event[0] for event in _EVENTS),
    watching=_WATCHING,
    hash="hashtextextended({}, 0) >> 16",
    reckons=True,
    middle=0,
    # Of a table that grows from nothing it believes for long that it has no rows, and would join all of them.
    mine="= ANY (ARRAY(SELECT login FROM mine))",
    part="(hashtextextended({}, 0) >> 16) & 4095",
    parts=4096,
    before_at="split_part({0}, '@', 1)",
    address="host({})",
    state="""substring(entitlement FROM '"state":"([a-z]+)"')""",
    instant="to_timestamp(?)",
    rested="expiry_time + rest * interval '1 second' < to_timestamp(?)",
)
