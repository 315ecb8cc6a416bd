"""Taking one run back: which commit stood before it, and that the commit it applied does not come back unseen.

Git is the truth, so that a rollback lasts only with an edit in git. Until there is one, the commit that was taken back
is refused: as long as anything of it is still there as it was.
"""

from __future__ import annotations

from typing import Final

from ispctl.model.problem import Problem, Refusal
from ispctl.reconcile.world import Permission, World
from ispctl.repo import Repository
from ispctl.store import RunRecord, Store, Undone

MANY: Final = 500
"""So many runs with changes are looked at, newest first."""


def undoable(store: Store, run: str) -> RunRecord:
    """The run, if it can be taken back: it brought the commit that is applied now. Raises Refusal."""
    records = list(store.runs(MANY, applying=True))
    found = next((one for one in records if one.run == run), None)
    if found is None:
        raise _refused(f"there is no run {run} that has applied a commit", "ispctl runs says which there are")
    if not found.base:
        raise _refused(f"before run {run} nothing was applied", "Take the commit back in git, then apply")
    if found.base == found.commit:
        text = f"run {run} applied the commit that was applied before it: what it changed came by the clock"
        raise _refused(text, "ispctl runs says which run brought the commit")
    mine = {one.undone_by for one in store.undone() if one.run == run}
    applied = store.applied
    newest = applied is not None and applied.commit == found.commit
    # of two runs in one second, the one whose commit is applied was the later
    later = [one for one in records if one.started > found.started or (one.started == found.started and not newest)]
    later = [one for one in later if one.commit != found.commit and one.run not in mine]
    if later:
        more = f" and {len(later) - 1} more" if len(later) > 1 else ""
        text = f"after run {run} came {later[-1].run}, of commit {later[-1].commit[:12]}{more}"
        raise _refused(text, f"Take it back in git: git revert {found.base[:12]}..{found.commit[:12]}; then apply")
    return found


def not_rolled_back(world: World, commit: str, permission: Permission) -> None:
    """A commit that holds what was taken back is refused, until all of it was dealt with. Raises Refusal."""
    if permission.rolled_back:
        return
    for one in world.store.undone():
        left = _left(world.repository, one, commit)
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            text = f"commit {commit[:12]} still holds what run {one.undone_by} took back: {left[0]}{more}"
            advice = (
                f"Take it back in git: git revert {one.base[:12]}..{one.commit[:12]}. To apply it all the same:"
                " --allow-rolled-back"
            )
            raise Refusal(Problem("E619", text, advice=advice))


def forget(world: World, commit: str) -> None:
    """Once a commit that contains it is applied, what was taken back has been dealt with."""
    undone = world.store.undone()
    applied = world.store.applied if undone else None
    if applied is None or applied.commit != commit:
        return
    for one in undone:
        if _contains(world.repository, commit, one.commit):
            world.store.forget_undone(one.run, world.now)


def _left(repository: Repository, one: Undone, commit: str) -> list[str]:
    """The files that are still as the commit that was taken back had made them."""
    if not _contains(repository, commit, one.commit):
        return []
    made = set(repository.changes(one.base, one.commit).paths)
    return sorted(made - set(repository.changes(one.commit, commit).paths))


def _contains(repository: Repository, commit: str, ancestor: str) -> bool:
    try:
        return repository.contains(commit, ancestor)
    except Refusal:
        return False  # it is not in this repository any more


def _refused(text: str, advice: str) -> Refusal:
    return Refusal(Problem("E618", text, advice=advice))
