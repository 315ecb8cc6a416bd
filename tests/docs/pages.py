"""Pages of docs/ that are made from the code: every field of every file, and what each state means."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from ispctl.model import scalars
from ispctl.model.record import Field, Record, Table, fields_of
from ispctl.model.roles import KINDS as CHANGES
from ispctl.model.rules import Between, Length
from ispctl.repo.layout import KINDS
from ispctl.states import ACCOUNTS, TABLE

PLACES = {
    "hosts": "inventory/hosts.yaml",
    "host-groups": "inventory/groups.yaml",
    "defaults": "inventory/defaults.yaml",
    "pools": "inventory/pools.yaml",
    "policy": "inventory/policy.yaml",
    "targets": "inventory/targets.yaml",
    "roles": "inventory/roles.yaml",
    "tariff": "tariffs/<tariff>.yaml",
    "group": "subscribers/<group>/group.yaml",
    "subscriber": "subscribers/<group>/**/<id>.yaml",
    "ledger": "subscribers/<group>/**/<id>.ledger.yaml",
    "cpe-profile": "templates/cpe/<profile>.yaml",
}
SCALARS: dict[str, str] = {
    "Text": "text",
    "SubscriberId": "id",
    "Name": "name",
    "Login": "login",
    "Email": "e-mail",
    "Phone": "phone",
    "Page": "address of a web page",
    "SealedText": "sealed value",
    "SigningKey": "public key or fingerprint",
    "Count": "whole number, 0 or more",
    "Port": "port",
    "Whole": "whole number",
    "Flag": "`true` · `false`",
    "BitRate": "rate in bit/s, like `50M`",
    "Octets": "volume in bytes, like `500GB`",
    "Seconds": "duration, like `300s`",
    "Share": "share, like `5%`",
    "Money": 'amount, like `"1200.00"`',
    "Day": "date",
    "Moment": "date or time stamp",
    "Mac": "MAC address",
    "V4": "IPv4 address",
    "V6": "IPv6 address",
    "Net4": "IPv4 prefix",
    "Net6": "IPv6 prefix",
    "Net": "prefix",
    "Address": "IP address",
    "Hostname": "host name or address",
}
FIELDS_HEAD = """\
# Every field of every file

Made from the models by `tests/docs`; `ispctl schema` prints the same for editors. How values are written, and which
file wins where several say something, is in [contract.md](contract.md). A key that is not listed here is refused.
"""
STATES_HEAD = """\
# The states of a service

Made from `controller/ispctl/states.py` by `tests/docs`.

A service is in one state at a time. It follows from the service's own file, its tariff, the policy and the clock;
nobody writes it down. Several may hold at once: the strictest wins, and the table stands in that order.

A prepaid service that was never paid is expired from its first day. A postpaid service does not expire: its account
decides, by `money.dunning` of the policy; without that, what is owed stops nobody.

| state | when it holds | or postpaid, while the account is | a login is | a running session is | money |
| --- | --- | --- | --- | --- | --- |
"""
ACCOUNTS_HEAD = """
## The stages of an account

The account of a postpaid service is the ledger beside the subscriber's file. Payments, credits and negative adjustments
settle the oldest debts first. What is open after its last day to pay (`due` of the invoice, else `days_to_pay` after
it) goes through these stages; days are counted from that last day, or from the day on which a reversal opened it again.
Whatever is entered counts at once: paid, the account is active, whichever stage it was in.

| account | from when on | its services are |
| --- | --- | --- |
"""
STATES_TAIL = """
What takes something away (throttled, walled, suspended, inactive) begins on no day of `weekend` and none of `holidays`,
but on the next other day; the stage after it is counted from there. It begins after midnight like other ends, spread by
`expiry.spread`. All postpaid services of a subscriber share the account; for prepaid ones it has no consequence.

## Waiting for the first login

A service with `activation` is paid, and begins when its subscriber is online for the first time: the first session
since it was let in to wait, as the accounting tells. One that the server put behind the wall (another device than the
bound ones) is none, nor is one of whoever had the login before; who is online already when he is let in begins at that
moment. The day of the first login, in the ISP's time zone, is the first day of what is paid, as if `activated` stood
there: on 31 January with `months: 1` it is paid until 28 February and ends when that day has ended. Later sessions
change nothing. Until then no end is known, and none is given to the server; the plan of the apply that finds the first
login says so, and who is online stays online.
`ispctl run` looks for first logins every 15 seconds, among those who wait.

With `until`, whoever does not log in by the end of that day is expired. Whatever is stricter wins as always: who is
suspended or on hold does not wait meanwhile, and nothing begins. A postpaid service takes no `activation` (E120).

No file says when somebody logged in: that is a fact, kept in the database and in `ispctl backup`. Lost, the service
waits again and the next session is the first. `ispctl activate SUB --first-login` writes the activation, with the
invoice; `ispctl activate SUB --confirm` puts `activated` and `paid_until` in its place, which changes nothing for
anybody: from then on the fact is needed no more. A verb that reckons with these dates (`renew`, `grace`,
`change-tariff`) writes them first, in its own commit. Before the first login `ispctl renew SUB` adds its periods to
what the service begins with, by the price of today; the other two are refused (E729): all that is paid is
still to come.

## Fair use

`fup` of a tariff says what becomes of whoever uses much. Each of its policies counts what was used down, up or both
in a window: a day, a week from Monday on, a month, or a cycle, which is what one payment pays for (the periods before
and after `paid_until`; of a postpaid service those that it is invoiced by, as its account goes on, else as they begin
on `money.billing.day` or on the day of its activation). They begin at midnight of the ISP's time zone. `free` names
whole hours of which a part does not count; they are told apart from the day on on which the service is on such a
tariff. From `after` on a tier holds, until its
window ends or more volume is given; of several policies the strictest tier does: a block, else the lowest speed to
the subscriber. None makes anybody faster.

In a tier with a `rate` a service is throttled, in a group `isp:<tariff>:fup-1-2` (the second tier of the first
policy). The rate holds also in days of grace, whose state is stricter and whose speed would be higher otherwise; with
an account that is throttled as well, the slower of both does. A tier with `block: true` brings the state blocked,
behind the wall or refused as `policy.blocked` says (default: as `expired`).

What was used is counted from the accounting (`docs/operations.md`), and whoever reaches a mark is looked at by the
next pass of `ispctl run`: rows for new logins, and a CoA for who is online. It is nobody's commit, so the plan says
`cause: facts`, and the gates do not count it, but for sessions that a router cannot change and that end therefore. A
tariff whose marks are lowered by a commit is another matter: whom that slows down counts at the gate of `slower`.

`ispctl topup SUB 50GB` gives more for the window that is now. It stands under `allowance` of the service, with the
day whose window it is for, and ends with that.

## What the words mean

A walled login is accepted, in the group `isp:walled`: the wall's address list, pool and rate, no IPv6. "Moved" means
that the session ends and comes back in the new group, since its pool differs.

Throttled by its account, a service keeps its addresses and is in a group of its tariff's own, `isp:<tariff>:throttled`,
with the rate of `money.dunning.throttled` where that is slower. The session is told, and told again when it is paid.

Days begin and end at midnight of the time zone in `inventory/policy.yaml`. An end that is written as a day is
inclusive, and is spread over `policy.expiry.spread` after that midnight, at a moment of its own for each service; so
service ends a little later than promised, never earlier. A time stamp is meant as written.

`expired`, `suspended`, `hold` and `blocked` of the policy take `method: wall` or `method: reject`; where one of the
last three is left out, it is as `expired`. To see why a service is in its state, and the line that says so:

```console
$ ispstat show sub-000127
```
"""


def states() -> str:
    """docs/states.md"""
    cells = ((row.holds, row.account, row.login, row.session, row.money) for row in TABLE)
    rows = [f"| **{row.state}** | {' | '.join(said)} |" for row, said in zip(TABLE, cells, strict=True)]
    accounts = [f"| **{row.standing}** | {row.holds} | {row.brings} |" for row in ACCOUNTS]
    return STATES_HEAD + "\n".join(rows) + "\n" + ACCOUNTS_HEAD + "\n".join(accounts) + "\n" + STATES_TAIL


def fields() -> str:
    """docs/fields.md"""
    parts = [FIELDS_HEAD]
    told: set[type[Record]] = set()
    for kind in KINDS:
        parts.append(f"\n## `{PLACES[kind.name]}`\n")
        parts += _model(kind.model, "", told)
    return "\n".join(parts) + "\n"


def models() -> Iterator[tuple[type[Record], str, Field]]:
    """Every model that a file may hold, with each of its fields."""
    seen: set[type[Record]] = set()
    waiting = [kind.model for kind in KINDS]
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            for name, field in fields_of(model).items():
                if not issubclass(model, Table):
                    yield model, name, field
                waiting += _inside(field.hint)


def _model(model: type[Record], path: str, told: set[type[Record]]) -> Iterator[str]:
    """One table of a model's own keys, then the tables of what stands below them."""
    if issubclass(model, Table):
        inner = _inside(fields_of(model)["root"].hint)[0]
        yield "A mapping: name → what follows.\n"
        if inner in told:
            yield f"The keys of {inner.__name__}, as above."
        else:
            yield from _model(inner, "<name>.", told)
        return
    told.add(model)
    yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
    below: list[tuple[str, type[Record]]] = []
    for field in fields_of(model).values():
        yield f"| `{path}{field.key}` | {_type(field.hint)} | {_default(field)} | {field.description} |"
        mark = "[]." if "tuple" in str(field.hint) else "."
        below += [(f"{path}{field.key}{mark}", inner) for inner in _inside(field.hint)]
    for where, inner in below:
        yield f"\n### `{where.rstrip('.')}`\n\n{(inner.__doc__ or '').splitlines()[0]}\n"
        if inner in told and len(fields_of(inner)) > 3:
            yield f"The keys of {inner.__name__}, as above."
        else:
            yield from _model(inner, where, told)


def _inside(annotation: Any) -> list[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [model for part in get_args(annotation) for model in _inside(part)]


def _type(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if known := _scalar(hint):
        return known + _bounds(hint)
    if origin is Literal:
        kinds = "kind of change ([roles.md](roles.md#kinds)), or `all`"
        return kinds if set(CHANGES) < set(args) else " · ".join(f"`{value}`" for value in args)
    if origin in (tuple, dict):
        return _several(origin, args)
    if origin is not None and hasattr(hint, "__metadata__"):
        some = any(isinstance(rule, Length) and rule.least for rule in hint.__metadata__)
        return _type(args[0]) + (", at least one" if some and get_origin(args[0]) is tuple else "")
    if origin is not None:  # X | None
        return " or ".join(_type(part) for part in args if part is not type(None))
    return "keys below" if isinstance(hint, type) and issubclass(hint, Record) else "text"


def _several(origin: Any, args: tuple[Any, ...]) -> str:
    if origin is dict:
        return "mapping" if args[1] is Any else f"mapping: name → {_type(args[1])}"
    return f"list of {'what is below' if _inside(args[0]) else _type(args[0])}"


def _scalar(hint: Any) -> str:
    """The word for a leaf type, also where a field narrows it."""
    mine = list(getattr(hint, "__metadata__", ()))
    for name, word in SCALARS.items():
        known = getattr(scalars, name)
        theirs = list(known.__metadata__)
        if getattr(hint, "__origin__", None) == known.__origin__ and mine[: len(theirs)] == theirs:
            return word
    return ""


def _bounds(hint: Any) -> str:
    bounds = [rule for rule in hint.__metadata__ if isinstance(rule, Between)]
    least = [rule.least for rule in bounds if rule.least is not None]
    most = [rule.most for rule in bounds if rule.most is not None]
    return f", {least[-1]} to {most[-1]}" if least and most and most[-1] < 10**9 else ""


def _default(field: Field) -> str:
    if field.required:
        return "**required**"
    value = field.default
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, Record):
        said = _written(value)
        return f"`{said}`" if said != "{}" else ""
    return f"`{_plain(value, _scalar(field.hint))}`"


def _written(value: Record) -> str:
    """A default of several keys, as somebody would write it."""
    said = [
        f"{name}: {_written(part) if isinstance(part, Record) else _plain(part, _scalar(field.hint))}"
        for name, field in fields_of(type(value)).items()
        if (part := getattr(value, name)) not in (None, (), {})
    ]
    return "{" + ", ".join(said) + "}"


def _plain(value: Any, word: str) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal) and word.startswith("share"):
        return f"{(value * 100).normalize():f}%"
    if word.startswith("duration"):
        hours, rest = divmod(value, 3600)
        return f"{hours}h" if value and not rest else f"{value}s"
    if word.startswith("rate"):
        return f"{value // 10**6}M"
    return str(value).lower() if isinstance(value, bool) else str(value)
