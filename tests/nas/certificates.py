"""An authority of its own, and what it certifies: as `openssl` would make them for a scheduler, its workers and us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_BEGINS = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Certificates:
    """Files of a folder: ca.pem, and one certificate with its key for everybody."""

    folder: Path

    def of(self, role: str) -> dict[str, str]:
        """As dask's configuration names them for a role: client, worker or scheduler."""
        files = {f"{role}.cert": "cert.pem", f"{role}.key": "key.pem", "ca-file": "ca.pem"}
        return {f"distributed.comm.tls.{name}": str(self.folder / file) for name, file in files.items()}

    @property
    def environment(self) -> Mapping[str, str]:
        """For a scheduler and workers."""
        said = {**self.of("scheduler"), **self.of("worker")}
        return {"DASK_" + name.upper().replace("-", "_").replace(".", "__"): file for name, file in said.items()}


def certificates(folder: Path) -> Certificates:
    """Made anew."""
    folder.mkdir(parents=True)
    authority, ours = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("ca.example.net")
    root = _signed(issuer, issuer, authority, authority, x509.BasicConstraints(ca=True, path_length=0))
    leaf = _signed(
        _name("dask.example.net"), issuer, ours, authority, x509.BasicConstraints(ca=False, path_length=None)
    )
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "cert.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(ours.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return Certificates(folder)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    basic: x509.BasicConstraints,
) -> x509.Certificate:
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(_BEGINS)
    made = made.not_valid_after(_BEGINS + timedelta(days=36500)).add_extension(basic, critical=True)
    return made.sign(by, hashes.SHA256())
