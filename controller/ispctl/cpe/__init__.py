"""The devices of subscribers by TR-069 (CWMP): an ACS that gives each what it should hold, and knows what it took.

`Session` is what two ends say to each other, octets in and octets out; `provision` what is done in one; `Office` knows
from the store what a device should hold; `Acs` is HTTP around it, and `Doors` who may come in. Knows neither git nor
YAML, neither RADIUS nor NAS: what is wanted stands in the store, as an apply wrote it.
"""

from ispctl.cpe.doors import Doors, password_of
from ispctl.cpe.office import Office
from ispctl.cpe.server import Acs

__all__ = ["Acs", "Doors", "Office", "password_of"]
