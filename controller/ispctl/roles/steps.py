"""Which commit brought each difference between two commits.

The first parents of the newer one are a line of steps, each somebody's. What a merge took over from its other side, as
that side has it and from what was there before, was brought by the commits of that side, with the merge as the second
to have had it in hand. What a merge has otherwise, such as text that was merged, the merge itself brought. A change
that was taken back, so that the file is as it was before, was never there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ispctl.model.roles import ROLES
from ispctl.repo.git import Difference, Git
from ispctl.repo.layout import ARCHIVE, FOLDERS

_DEEPEST: Final = 32
"""So many merges within each other are looked into; what is below is the innermost's."""
_ALL: Final = (*FOLDERS, ARCHIVE)
Differences = Mapping[str, Difference]


class Edit(NamedTuple):
    """One file that a commit changed. `merges`: those by which it came, the outermost first."""

    commit: str
    merges: tuple[str, ...]
    file: Difference


class Step(NamedTuple):
    """What came with a commit of the line. `roles`: how it changed the roles that hold from then on, also where a later
    step took that back; `counts`: where none did."""

    commit: str
    edits: Sequence[Edit]
    roles: Sequence[Edit] = ()
    counts: bool = False


class Steps:
    """Between two commits (ids), `base` being in the history of `head`. Costs what lies between."""

    def __init__(self, git: Git, base: str, head: str) -> None:
        self._git, self._base, self._head = git, base, head
        self._parents = git.history.between(base, head)
        firsts = [(parents[0], commit) for commit, parents in self._parents.items() if parents]
        self._made = {
            commit: {one.path: one for one in found} for commit, found in git.history.steps(firsts, _ALL).items()
        }
        self._asked: dict[tuple[str, str], Differences] = {}

    def __iter__(self) -> Iterator[Step]:
        """The oldest first. Raises Refusal."""
        wanted = self._differ(self._base, self._head)
        line, own = self._explained(self._base, self._head, wanted)
        yield Step(self._head, [Edit(self._head, (), wanted[path]) for path in sorted(own)])
        kept = self._kept(line, wanted.keys() - own)
        telling = ROLES not in own
        for parent, commit in line:
            mine = kept.get(commit, {})
            edits = list(self._step(parent, commit, {path: one for path, one in mine.items() if path != ROLES}, ()))
            roles = self._made.get(commit, {}).get(ROLES) if telling else None
            about = list(self._step(parent, commit, {ROLES: roles}, ())) if roles else []
            yield Step(commit, edits, about, ROLES in mine)

    def _explained(self, base: str, tip: str, wanted: Collection[str]) -> tuple[list[tuple[str, str]], set[str]]:
        """The line to `tip`, as (parent, commit), the oldest first; and which of the files it does not explain, because
        it did not begin with what `base` has."""
        line = []
        behind = self._behind(base)
        at = tip
        while at in self._parents and at not in behind and self._parents[at]:
            line.append((self._parents[at][0], at))
            at = self._parents[at][0]
        if at in self._parents and at not in behind:  # another beginning of history
            return [], set(wanted)
        apart = self._differ(base, at)
        return line[::-1], {path for path in wanted if path in apart}

    def _kept(self, line: Sequence[tuple[str, str]], paths: Collection[str]) -> Mapping[str, dict[str, Difference]]:
        """By commit, what of its changes led to what is there now: without those after which a file was once more where
        and as it had been before. A file that moved is followed under all its names."""
        wanted = {_file(path) for path in paths}
        touched: dict[str, list[tuple[str, list[Difference]]]] = defaultdict(list)
        for _, commit in line:
            mine: dict[str, list[Difference]] = defaultdict(list)
            for path, made in self._made.get(commit, {}).items():
                if (name := _file(path)) in wanted:
                    mine[name].append(made)
            for name, edits in mine.items():
                touched[name].append((commit, edits))
        found: dict[str, dict[str, Difference]] = {}
        for steps in touched.values():
            for commit, edits in _led(steps):
                found.setdefault(commit, {}).update((one.path, one) for one in edits)
        return found

    def _step(self, parent: str, commit: str, wanted: Differences, merges: tuple[str, ...]) -> Iterator[Edit]:
        """Who changed these files with one commit of a line."""
        rest = dict(wanted)
        for other in self._parents[commit][1:] if len(merges) < _DEEPEST else ():
            apart = self._differ(other, commit) if rest else {}
            taken = {path: rest.pop(path) for path in list(rest) if path not in apart}
            line, own = self._explained(parent, other, taken)
            rest |= {path: taken[path] for path in own}
            kept = self._kept(line, taken.keys() - own)
            for before, one in line:
                yield from self._step(before, one, kept.get(one, {}), (*merges, commit))
        yield from (Edit(commit, merges, made) for _, made in sorted(rest.items()))

    def _behind(self, commit: str) -> set[str]:
        """What of the commits between lies in the history of a commit, itself among it."""
        found: set[str] = set()
        waiting = [commit]
        while waiting:
            one = waiting.pop()
            if one in self._parents and one not in found:
                found.add(one)
                waiting += self._parents[one]
        return found

    def _differ(self, old: str, new: str) -> Differences:
        if old == new:
            return {}
        if (old, new) not in self._asked:
            self._asked[old, new] = {one.path: one for one in self._git.diff(old, new, _ALL)}
        return self._asked[old, new]


def moves(path: str) -> bool:
    """Whether a file may lie elsewhere by another commit, and be the same: one of a subscriber."""
    return path.startswith(("subscribers/", f"{ARCHIVE}/")) and not path.endswith("/group.yaml")


def _file(path: str) -> str:
    """What a file is known by, wherever it lies."""
    return path.rpartition("/")[2] if moves(path) else path


def _led(steps: Sequence[tuple[str, list[Difference]]]) -> Sequence[tuple[str, list[Difference]]]:
    """Of what was done with one file, the oldest first, what did not lead back to where it had been."""
    places: dict[str, str] = {}
    for _, edits in steps:
        for one in edits:
            places.setdefault(one.path, one.old)
    trail: list[tuple[dict[str, str], tuple[str, list[Difference]] | None]] = [(places, None)]
    for commit, edits in steps:
        places = places | {one.path: one.new for one in edits}
        before = next((number for number, (state, _) in enumerate(trail) if state == places), None)
        if before is None:
            trail.append((places, (commit, edits)))
        else:
            del trail[before + 1 :]
    return [step for _, step in trail if step is not None]
