"""What an error of PostgreSQL means to a person: where, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.store import _errors


def refusal(error: Exception, place: str, *, readonly: bool, closed: bool, silent: float | None) -> Refusal:
    """The refusal that tells a person about `error` (PostgreSQL's manual, appendix A: error codes).

    `readonly`: nothing was to be written by this connection. `closed`: it is broken. `silent`: it was
    given up after so many seconds without an answer.
    """
    state = str(getattr(error, "pgcode", None) or "")
    if silent is not None:
        return _silent(place, f"no answer in {silent:g} s")
    if closed or state.startswith("08"):
        return _gone(place, "")
    if state == "25006" and readonly:
        return _denied(place, "this connection only reads")
    if state in _KNOWN:
        return _KNOWN[state](place, _said(error))
    # A statement with a wrong value in it would be told with the value.
    words = "" if state.startswith("22") or not state else _said(error)
    return _errors.failed(place, state or type(error).__name__, words)


def _said(error: Exception) -> str:
    """The server's own words: they name tables and columns; what may repeat a value stands in its details."""
    return str(getattr(getattr(error, "diag", None), "message_primary", None) or "")


def unreachable(error: Exception, place: str) -> Refusal:
    """Why there is no connection. The library gives no code for that, so that its words have to do."""
    text = str(error)
    if "does not exist" in text and "database" in text:
        advice = "Make it and its owner (createuser, createdb), then its tables: ispctl radius init"
        return Refusal(Problem("E324", f"{place} does not exist on that server", advice=advice))
    if any(word in text for word in ("authentication", "password", "role ", "pg_hba.conf", "permission denied")):
        advice = (
            "Put the password into ~/.pgpass (mode 0600) or PGPASSWORD, or the whole DSN into ISPCTL_RADIUS__DSN; "
            "see pg_hba.conf of the server"
        )
        return Refusal(Problem("E325", f"{place} does not let this role in", advice=advice))
    why = next((said for word, said in _REASONS.items() if word in text), "there is no connection")
    advice = "Is the server running, and does it listen on that address? Try: pg_isready -d DSN"
    return Refusal(Problem("E326", f"{place} cannot be reached: {why}", advice=advice))


_REASONS: Final = {
    "refused": "the connection was refused",
    "No such file": "the connection was refused",
    "timeout expired": "nobody answered in time",
    "translate host name": "the name of the host is not known",
    "starting up": "the server is starting or stopping",
    "shutting down": "the server is starting or stopping",
    "too many clients": "the server has no connection left",
    "remaining connection slots": "the server has no connection left",
    "SSL": "the two sides do not agree about TLS",
}


def _gone(place: str, _: str) -> Refusal:
    advice = "Run the command again when the server is back; what was not committed was taken back"
    return Refusal(Problem("E327", f"{place}: the server ended the connection", advice=advice))


def _silent(place: str, said: str) -> Refusal:
    advice = "Look at the server: is it frozen, or its disk? Then run the command again; it goes on from what is done"
    return Refusal(Problem("E327", f"{place}: {said}, so the connection was given up", advice=advice))


def _read_only(place: str, _: str) -> Refusal:
    advice = "Name the primary in radius.dsn; a standby belongs into radius.replicas"
    return Refusal(Problem("E328", f"{place} takes no changes: it is a standby, or was made read-only", advice=advice))


def _denied(place: str, said: str) -> Refusal:
    advice = "Let the role that owns the tables do it, or see what this one was granted: ispctl radius roles"
    return Refusal(Problem("E308", f"{place}: {said or 'this role may not do that'}", advice=advice))


def _locked(place: str, _: str) -> Refusal:
    advice = "Wait until it is done and run the command again; SELECT * FROM pg_stat_activity names who is connected"
    return Refusal(Problem("E307", f"{place} is locked by another program", advice=advice))


def _too_slow(place: str, _: str) -> Refusal:
    advice = "Is the server overloaded? See statement_timeout of this role; what was not committed was taken back"
    return Refusal(Problem("E329", f"{place}: a statement took longer than it was allowed", advice=advice))


def _broken(place: str, _: str) -> Refusal:
    advice = "Look at the log of the server; restore the database from a backup"
    return Refusal(Problem("E302", f"{place}: the server found damaged pages", advice=advice))


def _full(place: str, _: str) -> Refusal:
    return _errors.full(place)


_KNOWN: Final[dict[str, Callable[[str, str], Refusal]]] = {
    **dict.fromkeys(("55P03", "40001", "40P01"), _locked),
    **dict.fromkeys(("57P01", "57P02", "57P03", "57P05", "25P03"), _gone),
    **dict.fromkeys(("XX001", "XX002"), _broken),
    "25006": _read_only,
    "42501": _denied,
    "53100": _full,
    "57014": _too_slow,
}
