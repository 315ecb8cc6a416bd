"""`python -m ispctl.lab.devices FOLDER` plays the NAS of a lab as one configures them; `Lab.up` starts it."""

import sys
from pathlib import Path

from ispctl.lab.devices.play import play

if __name__ == "__main__":
    play(Path(sys.argv[1]))
