"""What ruamel says about broken YAML, in words for the person who wrote it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

_LOOK_UP = "Compare its indentation with the lines above"
_COLON = f"{_LOOK_UP}; a text that holds ': ' goes in quotes"
_CLOSE = "Close it, or put the text in quotes if the bracket belongs to it"

_VERSIONS: Final = ("two versions of a merge stand here", "Keep one, without the lines <<<<<<<, ======= and >>>>>>>")

# A piece of ruamel's sentence -> ours, and what to do. The first that fits is taken.
_SENTENCES: Final = (
    ("could not find expected ':'", "a line without 'key: '", "Write 'key: value'; a long text goes in quotes"),
    (
        "mapping values are not allowed",
        "a ':' stands where no key can be",
        _COLON,
    ),
    ("mapping keys are not allowed", "a '?' stands where no key can be", "Put the value in quotes"),
    ("sequence entries are not allowed", "a '- ' stands where no list can begin", "Begin the list on its own line"),
    ("expected <block end>", "this line does not fit the ones above", _LOOK_UP),
    ("expected ',' or ']'", "a list in brackets goes on without ',' or ']'", _CLOSE),
    ("expected ',' or '}'", "a mapping in braces goes on without ',' or '}'", _CLOSE),
    ("unexpected end of stream", "a text in quotes is not closed", "Write the closing quote"),
    (
        "unexpected document separator",
        "a text in quotes is not closed before '---'",
        "Write the closing quote",
    ),
    ("unknown escape character", "a '\\' in double quotes that means nothing", "Use single quotes, or write '\\\\'"),
    ("expected escape sequence", "a '\\' in double quotes that means nothing", "Use single quotes, or write '\\\\'"),
    ("expected the node content", "a value is missing here", "Put a value that begins with a sign in quotes"),
    ("expected '<document start>'", "there is text after the end of the document", _LOOK_UP),
    ("after document end marker", "there is text after '...'", "Remove it"),
    ("unexpected ':'", "a ':' inside a list or mapping in brackets", "Put the value in quotes"),
    ("cannot start any token", "a value cannot begin with this sign", "Put the value in quotes"),
    ("more indented follow up line", "the first lines of this text are indented less than the next", _LOOK_UP),
    ("indentation indicator", "a wrong sign after '|' or '>'", "Write '|' alone, and the text on the lines below"),
    ("comment or a line break", "text right after '|' or '>'", "Write it on the lines below, or quote the value"),
)


def explain(error: MarkedYAMLError, text: str) -> tuple[int, int, str, str]:
    """(line, column, what is wrong, what to do) for an error that ruamel raised about `text`. Quotes nothing of it."""
    begun = re.search(r"^<{7} ", text, re.MULTILINE)
    if begun and re.search(r"^={7}$", text, re.MULTILINE):
        return text.count("\n", 0, begun.start()) + 1, 1, *_VERSIONS
    said = " ".join(str(part) for part in (error.problem, error.context) if part)
    mark = error.problem_mark or error.context_mark
    if "not closed" in (found := _sentence(said))[0] and error.context_mark:
        mark = error.context_mark  # where the quote was opened, not where the file ends
    if mark is None:
        return 1, 1, *found
    before = text[text.rfind("\n", 0, mark.index) + 1 : mark.index + 1]
    if re.match(r"[ \t]*\t", before) or before.endswith("\t"):
        found = "a tab stands where YAML wants spaces", "Indent with spaces only"
    return mark.line + 1, mark.column + 1, *found


def _sentence(said: str) -> tuple[str, str]:
    for piece, text, advice in _SENTENCES:
        if piece in said:
            return text, advice
    return "this cannot be read as YAML", "Put the value in quotes"
