"""From settings to the files of one FreeRADIUS folder. The files are fixed texts; only ispctl.conf holds settings, and
platforms.conf what the platforms call a pool."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from ispctl.digests import sha256
from ispctl.model.problem import Problem, Refusal
from ispctl.platforms import pool_names
from ispctl.radius.server.settings import ServerSettings, safe_path

NAME: Final = "ispctl"
"""The server's name: it starts by `freeradius -d DIR -n ispctl` and reads DIR/ispctl.conf."""

_SHARED: Final = ("dictionary", "policy-queries.conf", "pool.conf", "queries.conf", "server.conf")
_DIALECT: Final = ("database.conf", "dialect.conf", "statements.conf")


def render(settings: ServerSettings, confdir: str = "/etc/freeradius/3.0") -> dict[str, str]:
    """File name -> text. Pure: equal settings give equal text. `confdir`: absolute path where the files will lie."""
    texts = _templates(settings.dialect)
    safe_path("confdir", confdir)
    texts[f"{NAME}.conf"] = _main(settings, confdir, _marker(texts, settings))
    return dict(sorted(texts.items()))


def marker(settings: ServerSettings) -> str:
    """Which configuration this is: "<12 hex: how it decides>-<12 hex: its settings>".

    The first line of ispctl.conf names it, and a running server tells it in the Reply-Message to a Status-Server.
    """
    return _marker(_templates(settings.dialect), settings)


def write(settings: ServerSettings, out: Path) -> list[Path]:
    """Render into `out` (made if absent) and return the files written. Raises Refusal E402 when that cannot be.

    Files are replaced one by one, whole, and readable by owner and group only: database names and paths are inside.
    """
    out = out.absolute()
    written = []
    try:
        out.mkdir(mode=0o750, parents=True, exist_ok=True)
        for name, text in render(settings, str(out)).items():
            fresh = out / f".{name}.new"
            fresh.write_text(text, encoding="utf-8")
            fresh.chmod(0o640)
            os.replace(fresh, out / name)
            written.append(out / name)
    except OSError as error:
        problem = Problem("E402", f"{out}: {error.strerror}", advice="Name a folder that you may write to")
        raise Refusal(problem) from error
    return written


def _templates(dialect: str) -> dict[str, str]:
    folder = resources.files(__package__) / "templates"
    texts = {name: (folder / name).read_text("utf-8") for name in _SHARED}
    texts.update({name: (folder / dialect / name).read_text("utf-8") for name in _DIALECT})
    texts["platforms.conf"] = "".join(map(_without_pool, ("ipv4", "ipv6", "delegated"), pool_names()))
    return texts


def _without_pool(kind: str, names: Iterable[str]) -> str:
    """A policy that takes the pools of a kind out of the reply, by every platform's name."""
    removals = "".join(f"\t\t&{name} !* ANY\n" for name in names)
    return f"isp_no_{kind}_pool {{\n\tupdate reply {{\n{removals}\t}}\n}}\n"


def _marker(texts: Mapping[str, str], settings: ServerSettings) -> str:
    return f"{_short(sorted(texts.items()))}-{_short(settings.items())}"


def _short(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:12]


def _main(settings: ServerSettings, confdir: str, mark: str) -> str:
    return f"""\
# ispctl-config {mark}
# Rendered by `ispctl radius config`: edit the repository, not this folder. Start: freeradius -d {confdir} -n {NAME} -f
marker = "{mark}"
prefix = "{settings.prefix}"
libdir = "{settings.libdir}"
confdir = "{confdir}"
raddbdir = ${{confdir}}
run_dir = "{settings.run_dir}"
logdir = ${{run_dir}}
log {{
	destination = files
	file = ${{logdir}}/radius.log
	auth = no
}}
listen_on = {settings.listen}
auth_port = {settings.auth_port}
acct_port = {settings.acct_port}
threads = {settings.threads}
reject_delay = {settings.reject_delay}
nas_lifetime = {settings.nas_lifetime}
connections = {settings.connections}
lease = {max(settings.lease, settings.stale_after)}
stale_after = {settings.stale_after}
log_accepts = "{"yes" if settings.log_accepts else "no"}"
player = "{settings.player or "-"}"
database_name = "{settings.database}"
database_password = "{settings.database_password}"
$INCLUDE dialect.conf
$INCLUDE policy-queries.conf
$INCLUDE statements.conf
$INCLUDE server.conf
"""
