"""A list of customers, a row each, as a source of an import: what its cells mean in our words. Pure.

A row that cannot be a service whole is refused whole, with its line and column; no finding repeats a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ispctl.adopt import rates, values
from ispctl.adopt.dates import End, end_at
from ispctl.adopt.meaning import Meaning
from ispctl.adopt.names import slug
from ispctl.adopt.old import Finding, Severity
from ispctl.adopt.rates import Speed
from ispctl.adopt.source import Asked, Told
from ispctl.adopt.table import Line, Table
from ispctl.model.reading import value_of
from ispctl.model.record import fields_of
from ispctl.model.rules import Wrong
from ispctl.model.subscriber import Profile
from ispctl.structs import replace

PROFILE: Final = ("name", "mobile", "email", "address")
_LIKE: Final = {
    "name": "a name of one line, at most 253 letters",
    "mobile": "a number like +977 9800000000",
    "email": "an address like name@example.net",
    "address": "an address of one line, at most 253 letters",
}


class Customers:
    """The rows of `table`. Dates are ISO 8601, or of the form `dates` (strptime). With `create`, a tariff that git does
    not have is made of the rate of its rows."""

    def __init__(self, table: Table, dates: str | None, *, create: bool) -> None:
        self._table, self._dates, self._create = table, dates, create

    def told(self, asked: Asked) -> Told:
        reading = _Reading(asked, self._dates, _Tariffs(asked, self._table.lines, create=self._create))
        new = [line for line in self._table.lines if line.cells is None or asked.is_new(line.cells.get("login", ""))]
        meanings: list[Meaning] = []
        for number, line in enumerate(new, start=1):
            meanings += reading.row(line)
            asked.progress("rows", number, len(new))
        text = "a column that nobody knows: name its field with --map, if it has one"
        unread = [Finding("note", "unknown-column", text, attribute=name) for name in self._table.unknown]
        return Told(len(new), meanings, [*reading.findings, *unread])


class _Wrong(Exception):
    """A cell that cannot be: (kind, field, what it would have to be)."""


class _Tariffs:
    """What a row's tariff is: one of git, or one that will be made."""

    def __init__(self, asked: Asked, lines: tuple[Line, ...], *, create: bool) -> None:
        self._known, self._create = asked.known, create
        self._speeds: dict[str, tuple[Speed, int]] = {}
        for line in lines:
            name = slug((line.cells or {}).get("tariff", ""), "")
            speed = rates.down_up((line.cells or {}).get("rate", ""))
            if name and speed:
                self._speeds.setdefault(name, (speed, line.number))

    def given(self, cells: Mapping[str, str], found: Meaning) -> Meaning:
        """The meaning with its tariff. Raises _Wrong."""
        speed = rates.down_up(cells.get("rate", ""))
        if speed is None and "rate" in cells:
            raise _Wrong("unreadable-rate", "rate", "no rate like 50M/25M, down and up")
        name = slug(cells.get("tariff", ""), "")
        if self._known and name and self._known.tariff(name):
            return self._of_git(name, found)
        if not self._create:
            what = "a tariff that git does not have: write it first" if name else "no tariff"
            raise _Wrong("unknown-tariff", "tariff", f"{what}; or --tariffs create, with a column rate")
        if not name and speed is None:
            raise _Wrong("no-rate", "rate", "neither a tariff nor a rate like 50M/25M")
        if not name:
            return replace(found, speed=speed, own=True)
        first, line = self._speeds.get(name, (None, 0))
        if first is None:
            raise _Wrong("no-rate", "rate", "no row tells the rate of this tariff: write one, like 50M/25M")
        if speed not in {None, first}:
            raise _Wrong("two-rates", "rate", f"another rate than line {line} tells for the same tariff")
        return replace(found, group=cells["tariff"], speed=first)

    def _of_git(self, name: str, found: Meaning) -> Meaning:
        """Who has no date is in the postpaid twin that a former import made, if there is one."""
        billing = self._billing(name)
        if found.end is None and self._billing(f"{name}-postpaid") == "postpaid":
            return replace(found, tariff=f"{name}-postpaid")
        if found.end is not None and billing == "postpaid":
            raise _Wrong("postpaid", "paid_until", "a day, and the tariff is postpaid: the account decides there")
        return replace(found, tariff=name)

    def _billing(self, name: str) -> str:
        there = self._known.tariff(name) if self._known else None
        return there.value.billing if there else ""

    def never_paid(self, found: Meaning) -> bool:
        """Whether it would be expired from its first day."""
        return bool(found.tariff) and found.end is None and self._billing(found.tariff) == "prepaid"


class _Reading:
    """One reading of a table; collects what is wrong on its way, all of a row."""

    def __init__(self, asked: Asked, dates: str | None, tariffs: _Tariffs) -> None:
        self._asked, self._dates, self._tariffs = asked, dates, tariffs
        self.findings: list[Finding] = []
        self._line = Line(0, None)
        self._cells: Mapping[str, str] = {}
        self._logins: dict[str, int] = {}
        self._ids: dict[str, int] = {}

    def row(self, line: Line) -> Iterator[Meaning]:
        self._line, self._cells = line, line.cells or {}
        if line.cells is None:
            self._say("refused", "uneven-row", "", "not as many cells as the first line has")
            return
        found = Meaning(line.cells.get("login", ""), line.cells.get("password", ""), anchor=("line", line.number))
        before = len(self.findings)
        for step in (self._login, self._password, self._profile, self._group, self._end, self._address, self._devices,
                     self._id, self._tariff):  # fmt: skip
            try:
                found = step(found)
            except _Wrong as wrong:
                self._say("refused", *wrong.args)
        if any(one.severity == "refused" for one in self.findings[before:]):
            return
        if self._tariffs.never_paid(found):
            text = "no day, and the tariff is prepaid: it is expired from its first day"
            self._say("lost", "never-paid", "paid_until", text)
        yield found

    def _say(self, severity: Severity, kind: str, name: str, text: str) -> None:
        login = self._cells.get("login", "")
        self.findings.append(Finding(severity, kind, text, "line", self._line.number, name, login))

    def _login(self, found: Meaning) -> Meaning:
        if values.login(found.login) is None:
            text = "no login" if not found.login else "a capital, a blank or another sign that a login cannot have"
            raise _Wrong("unfit-login", "login", text)
        first = self._logins.setdefault(found.login, self._line.number)
        if first != self._line.number:
            raise _Wrong("duplicate-login", "login", f"the same login as line {first}")
        return found

    def _password(self, found: Meaning) -> Meaning:
        if not values.is_password(found.password):
            text = "no password" if not found.password else "a password that no server takes: 1 to 128 bytes, printable"
            raise _Wrong("unfit-password", "password", text)
        return found

    def _profile(self, found: Meaning) -> Meaning:
        said = {name: self._cells[name] for name in PROFILE if name in self._cells}
        wrong = unfit(said)
        for name in wrong[1:]:
            self._say("refused", "unfit-profile", name, f"not {_LIKE[name]}")
        if wrong:
            raise _Wrong("unfit-profile", wrong[0], f"not {_LIKE[wrong[0]]}")
        return replace(found, profile=said)

    def _group(self, found: Meaning) -> Meaning:
        folder = slug(self._cells.get("group", ""), "")
        if not folder and "group" in self._cells:
            raise _Wrong("unfit-group", "group", "a name without one letter of a-z or a digit")
        return replace(found, folder=folder)

    def _end(self, found: Meaning) -> Meaning:
        text = self._cells.get("paid_until")
        if text is None:
            return found
        end = _end_of(text, self._dates, self._asked.zone)
        if end is None:
            form = f"no date of the form {self._dates}" if self._dates else "no date like 2027-12-31"
            raise _Wrong("unreadable-date", "paid_until", f"{form}; another form: --dates %d/%m/%Y")
        return replace(found, end=end)

    def _address(self, found: Meaning) -> Meaning:
        text = self._cells.get("ipv4", "")
        address = values.pool(text[5:]) if text.startswith("pool:") else values.ipv4(text) if text else ""
        if text and not address:
            raise _Wrong("unreadable-address", "ipv4", "no address like 203.0.113.7, and no pool like pool:home")
        return replace(found, ipv4=address or "")

    def _devices(self, found: Meaning) -> Meaning:
        macs = {values.mac(part) for part in self._cells.get("mac", "").replace("|", " ").split()}
        if None in macs or len(macs) > 16:
            raise _Wrong("unreadable-mac", "mac", "no device like 00:00:5e:00:53:01; several with blanks between, or |")
        known = tuple(sorted(one for one in macs if one))
        return replace(found, macs=known, nas=tuple(sorted(set(self._cells.get("nas", "").replace("|", " ").split()))))

    def _id(self, found: Meaning) -> Meaning:
        text = self._cells.get("id", "")
        if text and values.subscriber_id(text) is None:
            raise _Wrong("unfit-id", "id", "an id is of a-z, 0-9 and '-', at most 48")
        if text in self._asked.used:
            raise _Wrong("id-taken", "id", "somebody in git has or had this id, with another login")
        if text and (first := self._ids.setdefault(text, self._line.number)) != self._line.number:
            raise _Wrong("id-taken", "id", f"the same id as line {first}")
        return replace(found, id=text)

    def _tariff(self, found: Meaning) -> Meaning:
        return self._tariffs.given(self._cells, found)


def tells_a_day(form: str) -> bool:
    """Whether a form of dates, as strptime has it, tells day, month and year."""
    one = date(2027, 12, 31)
    try:
        return datetime.strptime(one.strftime(form), form).date() == one  # noqa: DTZ007  it is a day
    except ValueError:
        return False


def unfit(profile: Mapping[str, str]) -> list[str]:
    """The fields of a profile that cannot be what they say."""
    return [name for name, text in profile.items() if not _fits(name, text)]


def _fits(name: str, text: str) -> bool:
    try:
        value_of(fields_of(Profile)[name].hint, text)
    except Wrong:
        return False
    return True


def _end_of(text: str, form: str | None, zone: ZoneInfo) -> End | None:
    """A day, inclusive, or a moment: with its offset, else in `zone`. A spreadsheet writes 00:00:00 beside a day."""
    try:
        if form is None:
            at = datetime.fromisoformat(text) if _is_iso(text) else None
            day = len(text) == 10
        else:
            at = datetime.strptime(text, form)  # noqa: DTZ007  its zone is given below, if it has none
            day = not {"%H", "%I", "%T", "%X", "%c", "%s"} & {form[i : i + 2] for i in range(len(form))}
    except (ValueError, OverflowError):
        return None
    if at is None or not 1970 <= at.year <= 9997:
        return None
    if not day and at.tzinfo is None:
        return end_at(at.replace(tzinfo=zone))
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    said: date | datetime = at.date() if day else at.astimezone(zone)
    return End(at.astimezone(UTC), said)


def _is_iso(text: str) -> bool:
    """2027-12-31, with a time or without; not the other forms that fromisoformat takes, like 20271231."""
    return len(text) >= 10 and text[4] == text[7] == "-" and text[:4].isdigit() and text[5:7].isdigit()
