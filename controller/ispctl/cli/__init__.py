"""Flags in, exit code out: the only place that reads the clock and the environment and picks backends."""

import atexit
import gc
import os

# Most commands are over within a second, of which the collector would spend much on what loading leaves for good.
gc.set_threshold(100_000, 20, 20)
# And at the end it would go several times through all that was loaded: a fifth of what a short command takes.
atexit.register(gc.freeze)
# Else pydantic reads what every installed package says of itself, to look for plugins; none is wanted in here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
