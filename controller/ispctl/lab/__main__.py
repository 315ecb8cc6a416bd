"""`python -m ispctl.lab STATE_DIR` plays the NASes of a lab; `Lab.up` starts it."""

import sys
from pathlib import Path

from ispctl.lab.fleet import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]))
