"""Flags in, exit code out: the only place that reads the clock and the environment and picks backends."""
