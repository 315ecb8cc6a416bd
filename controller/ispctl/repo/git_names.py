"""What git calls things: entries of a tree, differences, commits. And which entries are refused by what they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple

from ispctl.model.problem import Problem, Where
from ispctl.repo.hidden import hidden_in
from ispctl.structs import Struct

ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""An object's id: SHA-1 or SHA-256."""

KEEPS: Final = "refs/ispctl/applied"
"""A reference of ours on the applied commit: `git gc` keeps what a forced push took off the branch."""

FOLDER: Final = 0o040000
SYMLINK: Final = 0o120000
SUBMODULE: Final = 0o160000
_RECORDS: Final = ("inventory/", "subscribers/", "tariffs/", "templates/cpe/")
_NEARLY: Final = re.compile(r"(.*)\.(ya?ml(?:\.txt)?)", re.IGNORECASE | re.DOTALL)
"""What somebody took for .yaml; an editor that hides what names end in may write .yaml.txt."""


UNKNOWN: Final = -1


class Entry(NamedTuple):
    """One file of a tree. `size` in bytes, 0 for what is no file, UNKNOWN where git was not asked for it. A `path` is
    written with escapes if not `plain`."""

    path: str
    mode: int
    blob: str
    size: int
    plain: bool = True


class Difference(Struct):
    """One path that differs between two trees; an id is "" and `mode` the old one where a side does not have it."""

    status: Literal["A", "M", "D"]
    path: str
    old: str
    new: str
    mode: int


class Commit(Struct):
    """Who brought a change, when (with the author's own offset), and under which first line."""

    id: str
    author: str
    when: datetime
    subject: str


class Hands(Struct):
    """Whom a commit names, by e-mail, and whether it carries a signature. Whoever makes one may write any name."""

    author: str
    committer: str
    signed: bool


def name_of(raw: bytes) -> tuple[str, bool]:
    """A path as text, and whether it is fit to be one: UTF-8 without controls or invisible characters."""
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        return _escaped(raw.decode("utf-8", "backslashreplace")), False
    if path.isprintable() or (hidden_in(path) is None and not {"\t", "\n", "\r"} & set(path)):
        return path, True
    return _escaped(path), False


def _escaped(path: str) -> str:
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in path)


def entry_of(part: bytes) -> Entry:
    """One part of `git ls-tree -z`, with -l or not: "mode type id    size<tab>path"."""
    head, _, raw = part.partition(b"\t")
    mode, _, blob, *size = head.split()
    path, plain = name_of(raw)
    octets = UNKNOWN if not size else int(size[0]) if size[0].isdigit() else 0
    return Entry(path, int(mode, 8), blob.decode(), octets, plain)


def difference_of(head: bytes, raw: bytes) -> Difference:
    """Two parts of `git diff-tree -z`: ":mode mode id id status" and the path. A change of type counts as M."""
    old_mode, new_mode, old, new, status = head.removeprefix(b":").decode().split(" ")
    mode = int(old_mode if status[0] == "D" else new_mode, 8)
    kind: Literal["A", "M", "D"] = "A" if status[0] == "A" else "D" if status[0] == "D" else "M"
    return Difference(kind, name_of(raw)[0], _real(old), _real(new), mode)


def _real(id: str) -> str:
    return id if id.strip("0") else ""


def commit_of(id: str, data: bytes) -> Commit:
    """From the text of a commit object (git-commit-tree's format): headers, an empty line, the message."""
    headers, message = _headers(data)
    found = re.fullmatch(rb"(.*?) ?<[^>]*> (-?\d{1,11}) ([-+])(\d\d)(\d\d)", headers.get(b"author", b""))
    name, seconds, sign, hours, minutes = found.groups() if found else (b"", b"0", b"+", b"00", b"00")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == b"-" else 1)
    zone = timezone(offset) if abs(offset) < timedelta(hours=24) else UTC
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    subject = message.lstrip(b"\n").split(b"\n", 1)[0]
    return Commit(id, _text(name), when.astimezone(zone), _text(subject))


def hands_of(data: bytes) -> Hands:
    """From the text of a commit object."""
    headers, _ = _headers(data)
    found = (re.fullmatch(rb".*?<([^>]*)>.*", headers.get(name, b"")) for name in (b"author", b"committer"))
    author, committer = (_text(one[1]) if one else "" for one in found)
    return Hands(author, committer, bool({b"gpgsig", b"gpgsig-sha256"} & headers.keys()))


def _headers(data: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """The first of each name, and the message."""
    head, _, message = data.partition(b"\n\n")
    lines = (line for line in reversed(head.split(b"\n")) if not line.startswith(b" "))
    return dict(line.partition(b" ")[::2] for line in lines), message


def blamed(said: bytes, *, shallow: bool) -> dict[int, str]:
    """From `git blame --porcelain`: line -> id of its commit. Where the history was cut off, its last commit that is
    there stands for all that is not, and is nobody's answer."""
    found: dict[int, str] = {}
    cut: set[str] = set()
    id = ""
    for line in said.split(b"\n"):
        if match := re.match(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?) \d+ (\d+)", line):
            id = match[1].decode()
            found[int(match[2])] = id
        elif line == b"boundary" and shallow:
            cut.add(id)
    return {number: id for number, id in found.items() if id not in cut}


def _text(raw: bytes) -> str:
    return _escaped(raw.decode("utf-8", "backslashreplace").strip())


def refused(entry: Entry) -> Problem | None:
    """Why an entry is not read, by its name and kind alone; None for one that may be read."""
    usual = entry.plain and entry.mode not in (SYMLINK, SUBMODULE)
    if usual and (entry.path.endswith(".yaml") or not entry.path.startswith(_RECORDS)):
        return None
    where = Where(entry.path)
    if not entry.plain:
        text = "the name holds characters that cannot be seen or are not UTF-8"
        return Problem("E017", text, where, "Rename it: letters, digits, '.', '-' and '_' are enough")
    if entry.mode == SYMLINK:
        advice = "Put the file itself here: a link may lead out of the repository"
        return Problem("E006", "this is a symbolic link", where, advice)
    if entry.mode == SUBMODULE:
        advice = "Put the files themselves here: a commit must say everything"
        return Problem("E007", "this is another repository inside this one", where, advice)
    found = _NEARLY.fullmatch(entry.path) if entry.path.startswith(_RECORDS) else None
    if found:
        return Problem("E004", f"a file .{found[2]} is not read", where, f"Rename it to {found[1]}.yaml")
    return None
