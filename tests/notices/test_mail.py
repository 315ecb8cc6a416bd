"""Letters and mail servers: what goes by TLS and what by none, and addresses that not every server takes."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ispctl.notices import Letter, Mail, Refused, Waits

pytestmark = pytest.mark.live

NOW = datetime.now(UTC)
PASSWORD = "canary-pw-post"


class Post:
    """Takes everything."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.passwords: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.got.append(envelope)
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.passwords.append(data.password)
        return AuthResult(success=True)


Start = Callable[..., str]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def start(post: Post, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Let it begin; where it is, HOST:PORT."""
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)  # it logs who gets what
    running: list[Controller] = []

    def begin(**options: Any) -> str:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
        controller = Controller(post, hostname="127.0.0.1", port=port, authenticator=post.authenticate, **options)
        controller.start()
        running.append(controller)
        return f"127.0.0.1:{port}"

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """Of 127.0.0.1, signed by itself; and a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.net")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "crt.pem").write_bytes(made.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt.pem", tmp_path / "key.pem")
    return tmp_path / "crt.pem", context


def letter(to: str = "somebody@example.net", octets: bytes = b"%PDF") -> Letter:
    return Letter("k", "statement", "sub-1", "x", to, "A statement", "ä\n.\n..\nअ\n", "s.pdf", octets)


@pytest.mark.parametrize("form", ["smtp", "smtps"])
def test_a_password_goes_by_tls_to_a_server_that_is_trusted(
    post: Post, start: Start, certificate: tuple[Path, ssl.SSLContext], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate
    if form == "smtp":
        place = start(tls_context=context, require_starttls=True)
    else:  # it does not know by itself that all of it is
        place = start(ssl_context=context, auth_require_tls=False)
    server = Mail(f"{form}://office@{place}", "accounts@example.net", PASSWORD)
    with pytest.raises(Waits, match="no TLS with the mail server: CERTIFICATE_VERIFY_FAILED"):
        server.send(letter(), NOW)
    assert (post.got, post.passwords) == ([], [])
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    server.send(letter(), NOW)
    assert (len(post.got), post.passwords) == (1, [PASSWORD.encode()])


def test_every_octet_arrives_also_what_looks_like_the_end(post: Post, start: Start) -> None:
    octets = bytes(range(256)) * 300 + b"\r\n.\r\n.\n"
    Mail(f"smtp://{start()}", "accounts@example.net").send(letter(octets=octets), NOW)
    (envelope,) = post.got
    content = envelope.original_content or b""
    got = message_from_bytes(content, policy=default)
    words, (attached,) = got.get_body(), got.iter_attachments()
    assert content.isascii()
    assert words is not None
    assert words.get_content().replace("\r\n", "\n") == letter().text
    assert attached.get_payload(decode=True) == octets


def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it_and_to_no_other(post: Post, start: Start) -> None:
    Mail(f"smtp://{start(enable_SMTPUTF8=True)}", "accounts@example.net").send(letter("bjørn@example.net"), NOW)
    assert [one.rcpt_tos for one in post.got] == [["bjørn@example.net"]]
    with pytest.raises(Refused, match="the mail server takes no such address"):
        Mail(f"smtp://{start(enable_SMTPUTF8=False)}", "accounts@example.net").send(letter("bjørn@example.net"), NOW)


@pytest.mark.parametrize(
    "speaks, told",
    [
        (b"", "the mail server cannot be used"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what is there is no mail server"),
        (b"554 5.7.1 go away\r\n", "the mail server says 554 5.7.1"),
        (b"220 x\r\n250 x\r\nnonsense\r\n", "what is there is no mail server"),
        (b"220 x\r\n250 x\r\n550 5.1.8 not from you\r\n", "the mail server says 550 5.1.8"),
    ],
)
def test_what_is_no_mail_server_for_us_takes_nothing(speaks: bytes, told: str) -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as one:
                one.sendall(speaks)
                one.shutdown(socket.SHUT_WR)
                while one.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Waits, match=told):
            Mail(f"smtp://127.0.0.1:{listener.getsockname()[1]}", "accounts@example.net").send(letter(), NOW)
        thread.join()
