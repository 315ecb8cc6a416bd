"""Marked values for test data: whoever finds one of them in an output has found a leak.

Use them wherever a test needs a password, a name, a phone or an e-mail. At the end of the run all outputs, logs, plans,
databases and temporary files are searched for them and for the people of the shipped example (tests/gates/leaks.py).
A test that prints one on purpose says so: `@pytest.mark.shows("password")`. A file in which a test itself types a
secret (a request for radclient, say) is named `*.clear`.
"""

from __future__ import annotations

from typing import Final

PASSWORD_MARK: Final = "canary-pw-"
"""Every clear password of tests and of the example begins like this."""
PASSWORD: Final = PASSWORD_MARK + "8Jq2vT6m"
OTHER_PASSWORD: Final = PASSWORD_MARK + "x%{User-Name}'\"z"
NAME: Final = "Canary Birdsong"
PHONE: Final = "+977 9800004321"
EMAIL: Final = "canary.birdsong@example.net"
ADDRESS: Final = "Birdsong Lane 7, Canarytown"

KINDS: Final = ("password", "name", "phone", "email", "address")


def profile() -> dict[str, str]:
    """The `profile:` of a marked subscriber."""
    return {"name": NAME, "mobile": PHONE, "email": EMAIL, "address": ADDRESS}
