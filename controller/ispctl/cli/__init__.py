"""Flags in, exit code out: the only place that reads the clock and the environment and picks backends."""

import gc
import os

# Most commands are over within a second, a third of which the collector would spend on what loading leaves for good.
gc.set_threshold(50_000, 20, 20)
# Else pydantic reads what every installed package says of itself, to look for plugins; none is wanted in here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
