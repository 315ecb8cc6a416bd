"""What is told to people: a letter, the way it takes, and the outbox that sees to it that it goes once.

Knows the store; nothing of what letters say. Imported by cli.
"""

from ispctl.notices.mail import Mail
from ispctl.notices.outbox import Channel, Delivered, Letter, Refused, Unsure, Waits, deliver, promise

__all__ = ["Channel", "Delivered", "Letter", "Mail", "Refused", "Unsure", "Waits", "deliver", "promise"]
