"""Letters by e-mail (RFC 5321). What a server says is told by its numbers alone: its words may hold an address."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

from ispctl.digests import sha256
from ispctl.notices.outbox import Letter, Refused, Unsure, Waits
from ispctl.structs import Struct, field

_TIMEOUT: Final = 30.0
"""Seconds for each step."""
_ENHANCED: Final = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")
"""RFC 3463"""


class Mail(Struct):
    """A server that takes letters. `url`: smtps:// speaks TLS at once; smtp:// turns to it where the server offers it,
    and with a password does not go on without."""

    url: str = field(repr=False)
    sender: str
    password: str = field(default="", repr=False)

    def send(self, letter: Letter, at: datetime) -> None:
        """Raises Waits, Refused, Unsure."""
        try:
            server = self._connect(secret=letter.secret)
            try:
                self._talk(server, letter, at)
            finally:  # what it says to that changes nothing
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()
        except smtplib.SMTPResponseException as error:  # to our coming or our login: it is not about the letter
            raise Waits(_said(error.smtp_code, error.smtp_error)) from None
        except ssl.SSLError as error:
            raise Waits(f"no TLS with the mail server: {error.reason or 'it was refused'}") from None
        except UnicodeError:  # a label of its name is empty, or longer than 63 octets
            raise Waits("the mail server has a name that no host can have") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Waits(f"the mail server cannot be used: {_word(error)}") from None

    def _talk(self, server: smtplib.SMTP, letter: Letter, at: datetime) -> None:
        wide = not (letter.to + self.sender).isascii()
        if wide and not server.has_extn("smtputf8"):
            raise Refused("the mail server takes no such address")
        code, text = server.mail(self.sender, ["SMTPUTF8"] if wide else [])
        if code // 100 != 2:
            raise Waits(_said(code, text))
        _took(*server.rcpt(letter.to))
        _hand_over(server, self._message(letter, at, SMTPUTF8 if wide else SMTP).as_bytes())

    def _connect(self, *, secret: bool) -> smtplib.SMTP:
        to = urlsplit(self.url)
        host, secure, context = to.hostname or "", to.scheme == "smtps", ssl.create_default_context()
        name = socket.gethostname()
        if secure:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, to.port or 465, local_hostname=name, timeout=_TIMEOUT, context=context
            )
        else:
            server = smtplib.SMTP(host, to.port or 25, local_hostname=name, timeout=_TIMEOUT)
        try:
            server.ehlo()
            if not secure and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                secure = True
            if not (secure or _here(host)) and (secret or (to.username and self.password)):
                raise Waits("the mail server offers no TLS, so it is not told the password")
            if to.username and self.password:
                user = unquote(to.username)
                if not (user + self.password).isascii():  # smtplib sends no other
                    raise Waits("its login takes a name and a password of ASCII alone")
                server.login(user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, letter: Letter, at: datetime, policy: EmailPolicy[EmailMessage]) -> EmailMessage:
        message = EmailMessage(policy.clone(cte_type="7bit"))
        message["From"] = self.sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{sha256(letter.key.encode()).hexdigest()[:40]}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it that he is on holiday
        message.set_content(letter.text)
        if letter.attached:
            message.add_attachment(letter.octets, maintype="application", subtype="pdf", filename=letter.attached)
        return message


def _hand_over(server: smtplib.SMTP, octets: bytes) -> None:
    """From the first octet on, silence means that nobody knows."""
    try:
        code, text = server.data(octets)
    except smtplib.SMTPDataError as error:  # before the first
        code, text = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        raise Unsure(f"the mail server fell silent: {_word(error)}") from None
    if not 200 <= code < 600:
        raise Unsure("the mail server answers what is none")
    _took(code, text)


def _took(code: int, text: bytes) -> None:
    """Raises Waits, Refused by what the number means (RFC 5321 section 4.2.1)."""
    if code // 100 == 2:
        return
    raise Refused(_said(code, text)) if code // 100 == 5 else Waits(_said(code, text))


def _said(code: int, text: bytes | str) -> str:
    enhanced = _ENHANCED.search(text.encode() if isinstance(text, str) else text)
    if not 200 <= code < 600:
        return "what is there is no mail server"
    return f"the mail server says {code}" + (f" {enhanced[0].decode()}" if enhanced else "")


def _word(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
