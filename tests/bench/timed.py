"""Runs a command and writes what it cost: `timed.py FILE COMMAND…`; wall and CPU seconds, and peak KB, in a line.

A program of its own with next to nothing in it: the peak of a child begins with what its parent held at the fork.
"""

import os
import sys
import time

began = time.perf_counter()
_, status, used = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
wall = time.perf_counter() - began
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss}")
sys.exit(os.waitstatus_to_exitcode(status))
