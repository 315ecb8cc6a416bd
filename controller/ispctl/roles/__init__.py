"""Who brought each change between two commits, what kind of change it is, and whether inventory/roles.yaml permits it.

Asked by reconcile before an apply, and by verbs before a push. Imported by reconcile, verbs, gitlab and cli.
"""

from ispctl.roles.court import check_direct, refused
from ispctl.roles.hands import Review, Reviews

__all__ = ["Review", "Reviews", "check_direct", "refused"]
