"""What became of the sessions of an apply: counted, folded per NAS, and in words. Ids only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ispctl.report._words import clean, listed, plural

if TYPE_CHECKING:
    from ispctl.reconcile import SessionOutcome

_ACKED: Final = frozenset({"ack", "proved", "contradicted"})
_WORDS: Final[Mapping[str, str]] = {
    "told": "told",
    "ended": "ended",
    "gone": "gone already",
    "refused": "refused",
    "silent": "without an answer",
    "unasked": "not asked",
}


def counts(sessions: Sequence[SessionOutcome]) -> dict[str, Any]:
    """All sessions, and by NAS. `proved`, `waiting` and `contradicted` are parts of `told`, `instead` of `ended`;
    `refused` is by Error-Cause ("0": it gave none)."""
    by_nas: dict[str, list[SessionOutcome]] = {}
    for one in sessions:
        by_nas.setdefault(one.nas, []).append(one)
    return {**_counted(sessions), "nas": {name: _counted(its) for name, its in sorted(by_nas.items())}}


def lines(sessions: Sequence[Mapping[str, Any]], counted: Mapping[str, Any]) -> list[str]:
    """A heading with the sum, a line for each NAS where there are several, and one for each kind of failure there."""
    if not sessions:
        return []
    many = counted["nas"]
    found = [f"  {clean(nas)}: {_words(its)}" for nas, its in many.items()] if len(many) > 1 else []
    return [f"SESSIONS: {_words(counted)}", *found, *_failures(sessions)]


def _counted(sessions: Iterable[SessionOutcome]) -> dict[str, Any]:
    every = list(sessions)
    told = [one for one in every if one.kind == "coa" and one.answer in _ACKED]
    ended = [one for one in every if one.kind == "disconnect" and one.answer in _ACKED]
    refused = Counter(str(one.cause or 0) for one in every if one.answer in ("nak", "unsupported"))
    return {
        "told": len(told),
        "proved": sum(one.answer == "proved" for one in told),
        "waiting": sum(one.answer == "ack" for one in told),
        "contradicted": sum(one.answer == "contradicted" for one in told),
        "ended": len(ended),
        "instead": sum(one.instead for one in ended),
        "gone": sum(one.answer == "gone" for one in every),
        "refused": dict(sorted(refused.items())),
        "silent": sum(one.answer == "silent" for one in every),
        "unasked": sum(one.answer == "unasked" for one in every),
    }


def _words(counted: Mapping[str, Any]) -> str:
    numbers = {**counted, "refused": sum(counted["refused"].values())}
    said = [f"{numbers[name]:,} {words}{_more(name, counted)}" for name, words in _WORDS.items() if numbers[name]]
    return ", ".join(said) or "none"


def _more(name: str, counted: Mapping[str, Any]) -> str:
    if name == "told":
        parts = [(counted["proved"], "proved"), (counted["waiting"], "waiting for proof")]
        parts.append((counted["contradicted"], "not kept to"))
        return f" ({', '.join(f'{many:,} {words}' for many, words in parts if many)})"
    if name == "ended" and counted["instead"]:
        return f" ({counted['instead']:,} in place of a change)"
    if name == "refused":
        causes = (f"{many:,} {f'by Error-Cause {cause}' if cause != '0' else 'without a reason'}"
                  for cause, many in counted["refused"].items())  # fmt: skip
        return f" ({', '.join(causes)})"
    return ""


def _failures(sessions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in sessions:
        if one["code"]:
            alike.setdefault((one["nas"], one["code"], one["text"]), []).append(clean(one["service"]))
    for (nas, code, text), services in alike.items():
        who = listed(services) if len(services) < 4 else f"{plural(len(services), 'session')}, such as {services[0]},"
        yield f"  {who} on {clean(nas)}: {clean(code)} {clean(text)}"
