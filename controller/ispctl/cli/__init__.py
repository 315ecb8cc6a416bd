"""Flags in, exit code out: the only place that reads the clock and the environment and picks backends."""

import gc
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class NoPlugins(ModuleType):
    """Stands where pydantic looks for plugins: none is wanted in here, and to look for them it would load the libraries
    of mail, archives and sockets. Whatever else is asked of it, the module whose place it takes answers."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


# Most commands are over within a second, of which the collector would spend much on what loading leaves for good.
gc.set_threshold(100_000, 20, 20)
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
sys.modules.setdefault("pydantic.plugin._loader", NoPlugins("pydantic.plugin._loader"))
