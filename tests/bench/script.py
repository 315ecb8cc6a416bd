"""What a good engineer writes in a day: every file, pydantic, a full reload.

`script.py READER CHECKOUT DSN AGE_KEY_FILE`; imports nothing of the product. READER reads YAML, by a parser in C either
way: `pyyaml` takes a third of the time and reads YAML 1.1, where `no` is False and a MAC without quotes may be a
number; `ruamel` reads YAML 1.2, as the format wants.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import psycopg2
import pyrage
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Device(Strict):
    mac: str = Field(pattern="^([0-9a-f]{2}:){5}[0-9a-f]{2}$")


class Binding(Strict):
    mode: Literal["learn", "fixed"]
    max: int = 1
    addresses: list[Device] = []


class Static(Strict):
    static: str = Field(pattern=r"^\d+\.\d+\.\d+\.\d+$")


class Service(Strict):
    key: str
    login: str = Field(pattern="^[^@ ]+@[^@ ]+$")
    password: str = Field(pattern="^enc:k1:")
    tariff: str
    activated: date
    paid_until: date | None = None
    ipv4: Static | None = None
    mac: Binding | None = None


class Profile(Strict):
    name: str
    mobile: str = Field(pattern=r"^\+[0-9 ]+$")
    email: str = Field(pattern="^[^@ ]+@[^@ ]+$")
    address: str


class Subscriber(Strict):
    id: str = Field(pattern="^sub-[0-9]+$")
    profile: Profile
    services: list[Service]


Row = tuple[str, str, str, str]


Load = Callable[[Path], Any]


def reader(name: str) -> Load:
    """What reads a file; no other is imported. Raises ImportError where its parser in C is missing."""
    if name == "pyyaml":
        import yaml

        return lambda path: yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    from ruamel.yaml import YAML, parser

    safe = YAML(typ="safe")
    if safe.Parser is parser.Parser:
        raise ImportError("ruamel.yaml.clib is missing: it would read by Python alone")
    return lambda path: safe.load(path.read_bytes())


def rows(load: Load, checkout: Path, cipher: AESGCMSIV) -> dict[str, list[Row]]:
    """The rows of each table. Raises ValueError at the first file that is wrong."""
    tariffs = {tariff["name"]: tariff["rate"] for tariff in map(load, sorted((checkout / "tariffs").glob("*.yaml")))}
    rate = [(name, "Mikrotik-Rate-Limit", "=", f"{rate['up']}/{rate['down']}") for name, rate in tariffs.items()]
    found: dict[str, list[Row]] = {"radcheck": [], "radreply": [], "radusergroup": [], "radgroupreply": rate}
    taken: set[str] = set()
    for path in sorted(checkout.glob("subscribers/*/*/*.yaml")):
        person = Subscriber.model_validate(load(path))
        for service in person.services:
            unique = {service.login, service.ipv4.static if service.ipv4 else service.login}
            if service.tariff not in tariffs or not taken.isdisjoint(unique):
                raise ValueError(f"{path}: unknown tariff, or a login or an address that somebody else has")
            taken |= unique
            sealed = base64.b64decode(service.password.removeprefix("enc:k1:"))
            place = f"service/{person.id}/{service.key}/password".encode()
            password = cipher.decrypt(sealed[:12], sealed[12:], place).decode()
            found["radcheck"].append((service.login, "Cleartext-Password", ":=", password))
            if service.paid_until:
                found["radcheck"].append((service.login, "Expiration", ":=", f"{service.paid_until:%d %b %Y}"))
            for device in service.mac.addresses if service.mac else ():
                found["radcheck"].append((service.login, "Calling-Station-Id", "==", device.mac))
            if service.ipv4:
                found["radreply"].append((service.login, "Framed-IP-Address", ":=", service.ipv4.static))
            found["radusergroup"].append((service.login, service.tariff, "1", ""))
    return found


def reload(dsn: str, found: dict[str, list[Row]]) -> None:
    """All tables anew in one transaction."""
    columns: dict[str, tuple[str, ...]] = {
        "radusergroup": ("username", "groupname", "priority"),
        "radgroupreply": ("groupname", "attribute", "op", "value"),
    }
    with psycopg2.connect(dsn) as link, link.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(found)}")
        for table, lines in found.items():
            names = columns.get(table, ("username", "attribute", "op", "value"))
            text = "".join("\t".join(line[: len(names)]) + "\n" for line in lines)
            cursor.copy_expert(f"COPY {table} ({', '.join(names)}) FROM STDIN", StringIO(text))


def cipher_of(checkout: Path, key_file: Path) -> AESGCMSIV:
    identity = pyrage.x25519.Identity.from_str(key_file.read_text().strip())
    keyring = json.loads(pyrage.decrypt((checkout / "inventory/keyring.age").read_bytes(), [identity]))
    return AESGCMSIV(base64.b64decode(keyring["keys"]["k1"]))


if __name__ == "__main__":
    reads, where, database, key = sys.argv[1:]
    reload(database, rows(reader(reads), Path(where), cipher_of(Path(where), Path(key))))
