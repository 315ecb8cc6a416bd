"""NAS devices: asked and configured many at a time, in waves, each change proven on the device or taken back.

`Fleet` hides Nornir: jobs in, answers out. What is wanted of a device and what it shows meet in the normal form of its
platform; this package knows neither git nor YAML.
"""

from ispctl.nas.far import Far
from ispctl.nas.fleet import Fleet
from ispctl.nas.job import Answer, Job, Known
from ispctl.nas.memory import Memory
from ispctl.nas.timing import closed_until
from ispctl.nas.waves import waves

__all__ = ["Answer", "Far", "Fleet", "Job", "Known", "Memory", "closed_until", "waves"]
