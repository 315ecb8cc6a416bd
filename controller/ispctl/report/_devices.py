"""What became of NAS that were to be configured, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ispctl.report._words import clean, plural

if TYPE_CHECKING:
    from ispctl.nas import Answer

_WORDS: Final = {
    "applied": "applied",
    "refused": "refused, as it was before",
    "taken-back": "taken back",
    "changed": "not touched",
    "unreachable": "unreachable",
    "held": "held back",
    "silent": "applied, and unheard since",
}


def document(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """`sessions`: on the device, before and after; null where it does not say."""
    return [
        {
            "host": one.host,
            "status": one.status,
            "changes": len(one.outcomes),
            "sessions": {"before": one.online[0], "after": one.online[1]},
            "code": one.code,
            "text": one.text,
        }
        for one in answers
    ]


def lines(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One of each; those that are not well first."""
    for one in sorted(items, key=lambda one: (not one["code"], one["host"])):
        status = _WORDS.get(one["status"], one["status"])
        if one["code"]:
            yield f"{clean(one['host'])}: {status}. {clean(one['code'])} {clean(one['text'])}"
        else:
            yield f"{clean(one['host'])}: {status}, {plural(one['changes'], 'change')}"
