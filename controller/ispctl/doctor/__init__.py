"""Could ispctl do its work here, if it had to now? One question a line; nothing is written, nobody is disturbed.

What runs well is `ispstat health`'s; this is about keys, rights, ways, versions and clocks. Imported by cli alone.
"""

from ispctl.doctor.examine import Surroundings, examine

__all__ = ["Surroundings", "examine"]
