"""`ispstat`: the on-call's companion. It writes nothing, and no NAS hears from it.

A module of this folder is a verb: it is found by its name, so that another one edits no file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from ispctl.cli.common import run, use_utf8
from ispctl.cli.stat.common import app as app

for _verb in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_verb}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    use_utf8()
    sys.exit(run(app, "ispstat", arguments))
