"""What does ispctl do by itself, and when? `Loop` keeps the network equal to a branch; clock and hands are given to it.

Between cli, which reads the clock, sleeps and takes signals, and reconcile, which does the work. Imported by cli alone.
"""

from ispctl.loop.agenda import Pace
from ispctl.loop.board import Board, Server
from ispctl.loop.hands import Site, Stopped
from ispctl.loop.loop import Loop
from ispctl.loop.wake import wake

__all__ = ["Board", "Loop", "Pace", "Server", "Site", "Stopped", "wake"]
