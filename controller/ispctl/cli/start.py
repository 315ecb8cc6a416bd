"""`ispctl init|schema|pool`: a first repository, schemas for editors, and what is free in a pool."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ispctl.cli.common import FormatOption, Session, say, say_json
from ispctl.model.problem import Problem, Refusal, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ispctl.repo import Repository, Snapshot
    from ispctl.repo.snapshot import Prefix


def schema(
    kind: Annotated[
        str | None, typer.Argument(help="subscriber, tariff, policy …; without it: which there are.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write them all into this folder.")] = None,
) -> None:
    """Print the JSON Schema of a kind of file, for an editor to check while you type."""
    from ispctl.model.judge import schema
    from ispctl.repo.layout import KINDS

    known = {one.name: one.model for one in KINDS}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, model in known.items():
            path = out / f"{name}.schema.json"
            path.write_text(json.dumps(schema(model), indent=2) + "\n", encoding="utf-8")
            say(str(path))
    elif kind is None:
        say("\n".join(known))
    elif kind in known:
        say_json(schema(known[kind]))
    else:
        raise typer.BadParameter(f"there is no kind {kind}; there are {', '.join(known)}")


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Where the new age key goes; default: DIR.key")
    ] = None,
) -> None:
    """Lay out a first repository: a policy, a router, a pool, a tariff and a group, with a keyring of its own."""
    from ispctl.secrets import initialise
    from ispctl.skeleton import write

    if directory.exists() and any(directory.iterdir()):
        raise Refusal(Problem("E322", f"{directory} is not empty", advice="Name a new folder"))
    key = key_file or directory.with_name(directory.name + ".key")
    initialise(directory / "inventory", key_file=key)
    written = write(directory)
    say(f"Wrote {len(written)} files to {directory}. The age key is {key}: keep it safe and out of git.")
    say(f"Next:\n  git -C {directory} init -b main && git -C {directory} add . && git -C {directory} commit -m First")
    say(f"  export ISPCTL_AGE_KEY_FILE={key}\n  ispctl --repo {directory} validate")


def pool(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name of a pool; without it: all pools.")] = None,
    free: Annotated[int, typer.Option("--free", metavar="N", min=0, help="Show N addresses nobody holds.")] = 0,
    format: FormatOption = "text",
) -> None:
    """Show pools: who serves them, how many static addresses are taken, and which are free."""
    session: Session = context.obj
    with session.repository() as repository, session.reading(repository) as index:
        snapshot = repository.part("HEAD", ())
        names = [name] if name else sorted(snapshot.pools)
        written = index.lookup.prefixes("HEAD")
        items = [_described(repository, snapshot, written, one, free, session.now) for one in names]
    if format == "json":
        say_json({"version": 1, "items": items})
        return
    for item in items:
        taken = f", {item['taken']} of {item['usable']} taken" if item["served_by"] == "static" else ""
        say(f"{item['name']}: IPv{item['family']}, served by {item['served_by']}{taken}; {', '.join(item['prefixes'])}")
        for address in item["free"]:
            say(f"  {address}")


def _described(
    repository: Repository, snapshot: Snapshot, written: Mapping[Prefix, int], name: str, free: int, now: datetime
) -> dict[str, Any]:
    from ispctl.repo import room

    pool = snapshot.pools.get(name)
    if pool is None:
        where = Where("inventory/pools.yaml")
        advice = f"There are: {', '.join(sorted(snapshot.pools)) or 'none'}"
        raise Refusal(Problem("E323", f"there is no pool {name}", where, advice))
    known = {prefix: until for prefix, until in written.items() if room.within(prefix, pool.prefixes)}
    held, unit = room.held(known, now), room.unit_of(snapshot, name)
    resting: frozenset[Prefix] = frozenset()
    wanted = free if pool.served_by == "static" else 0
    if wanted and pool.quarantine:
        resting = repository.freed(now - timedelta(seconds=pool.quarantine), now, snapshot, written)
    return {
        "name": name,
        "family": pool.family,
        "served_by": pool.served_by,
        "prefixes": [str(net) for net in pool.prefixes],
        "usable": room.units(pool.prefixes, unit) - len(room.reserved(pool)),
        "taken": room.units(held, unit),
        "free": room.free(pool, unit, held | resting, wanted),
    }
