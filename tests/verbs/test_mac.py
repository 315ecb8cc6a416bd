"""Which devices may use a service: bound, cleared while online, taken over from what the server learned."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ispctl.cli import facts as from_server
from ispctl.model.problem import Problem, Refusal
from ispctl.store import Store, facts
from tests.verbs.conftest import SUB, Isp

BOUND = "subscribers/lalitpur/3f/sub-000124.yaml"
LOGIN, SPARE, THIRD = "sub-000124", "00:00:5e:00:53:02", "00:00:5e:00:53:09"
LEARNER = "subscribers/chitwan/11/sub-000401.yaml"
SPARE_OF_HERS = "00:00:5e:00:53:0a"


@pytest.fixture
def learned(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Somebody who learns, and a database in which the server has written down a device."""
    dsn = f"sqlite:///{isp.clone.parent}/radius.db"
    monkeypatch.setenv("ISPCTL_RADIUS__DSN", dsn)
    with Store.create(dsn, lab=True) as store:
        row = (_login(isp, LEARNER), THIRD, 1, int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()))
        store.database.write("INSERT INTO ispctl_mac (login, mac, slot, learned) VALUES (?, ?, ?, ?)", row)
    return store


def _login(isp: Isp, path: str) -> str:
    return next(line.split()[1] for line in isp.text(path).splitlines() if line.strip().startswith("login:"))


def _known(isp: Isp) -> list[str]:
    with Store.open(f"sqlite:///{isp.clone.parent}/radius.db", base=Path(), readonly=True) as store:
        return [one.mac for one in facts.bound(store, [_login(isp, LEARNER)])]


@pytest.mark.parametrize("mac", ["00:00:5E:00:53:09", "00-00-5e-00-53-09", "0000.5e00.5309", "00005e005309"])
def test_a_device_is_bound_in_any_notation(isp: Isp, mac: str) -> None:
    before = isp.text(BOUND)
    isp.done("mac", "clear", LOGIN, SPARE, "--direct")
    assert isp.text(BOUND) == before.replace('        - {mac: "0000.5e00.5302", label: spare router}\n', "")
    isp.done("mac", "bind", LOGIN, mac, "--label", "new router", "--direct")
    assert isp.text(BOUND).endswith('label: router}\n        - {mac: "00:00:5e:00:53:09", label: "new router"}\n')
    assert isp("mac", "bind", LOGIN, mac).out == "It is so already; nothing changed.\n"


def test_a_device_too_many_is_refused_with_the_way_out(isp: Isp) -> None:
    said = isp("mac", "bind", LOGIN, THIRD)
    assert f"{BOUND}:" in said.err
    assert "E684 not-in-that-state: sub-000124/main may have 2 devices, and as many are bound" in said.err
    isp.done("mac", "mode", LOGIN, "fixed", "--max", 3, "--direct")
    isp.done("mac", "bind", LOGIN, THIRD, "--direct")
    assert "max: 3\n" in isp.text(BOUND)


def test_a_binding_begins_with_what_the_group_says(isp: Isp) -> None:
    done = isp.done("mac", "bind", "sub-000402", THIRD, "--direct")
    text = isp.text(done["files"][0])
    assert f'mac: {{mode: learn, max: 2, on_mismatch: alert, addresses: [{{mac: "{THIRD}"}}]}}' in text


def test_where_nothing_is_bound_it_is_said(isp: Isp) -> None:
    done = isp.done("mac", "bind", SUB, "0200.5e10.0001", "--direct")
    assert done["notes"] == [
        "The mode is off: any device may use sub-000123/main, until ispctl mac mode says fixed.",
        "02:00:5e:10:00:01 is made up by its device (W702): it may be another after a reset.",
    ]
    assert "max: 1" in isp.text()
    done = isp.done("mac", "mode", SUB, "fixed", "--on-mismatch", "wall", "--direct")
    assert done["events"][0]["text"] == "fixed, at most 1, else wall"
    assert "mac: {mode: fixed, max: 1, on_mismatch: wall, addresses:" in isp.text()


def test_a_device_of_somebody_else_is_refused_with_both_files(isp: Isp) -> None:
    said = isp("mac", "bind", "sub-000401", "00:00:5e:00:53:01")
    assert (said.code, "E111 duplicate-mac" in said.err) == (1, True)
    assert LEARNER in said.err
    assert BOUND in said.err


@pytest.mark.parametrize(
    "words, told",
    [
        (("mac", "bind", SUB, "00:00:5e"), "E690 bad-device: the MAC address expected a MAC address"),
        (("mac", "bind", SUB, "01:00:5e:00:53:01"), "is a multicast address"),
        (("mac", "mode", SUB, "fixed"), "the mode fixed would lock everybody out"),
        (("mac", "mode", LOGIN, "fixed", "--max", "1"), "2 addresses, but max is 1"),
        (("mac", "mode", SUB, "on"), "is not one of"),
        (("mac", "promote", SUB), "the server has learned no device of sub-000123/main"),
    ],
)
def test_what_would_not_work_is_refused(isp: Isp, words: tuple[str, ...], told: str) -> None:
    said = isp(*words)
    assert (said.code, told in said.err, len(isp.log())) == (1, True, 1), said.err


def test_who_is_freed_of_all_devices_learns_the_next(isp: Isp) -> None:
    done = isp.done("mac", "clear", LOGIN, "--direct")
    assert done["events"][0]["text"] == "00:00:5e:00:53:01, 00:00:5e:00:53:02; the next device is learned"
    assert done["notes"] == ["Whoever is online stays so: the next login is judged anew."]
    assert "mode: learn " in isp.text(BOUND)
    assert "addresses" not in isp.text(BOUND)
    (service,) = done["plan"]["services"]
    assert service["if_online"] == "kept"


def test_a_learned_device_is_written_down_with_a_commit(isp: Isp, learned: Store) -> None:
    isp.done("mac", "promote", "sub-000401", "--direct")
    assert f'addresses: [{{mac: "{THIRD}", label: learned}}]' in isp.text(LEARNER)
    assert isp("mac", "promote", "sub-000401").out == "It is so already; nothing changed.\n"


def test_a_learned_device_is_forgotten_at_once_and_without_a_commit(isp: Isp, learned: Store) -> None:
    note = f"{THIRD} was learned by the server: the database forgets it at once."
    tried = isp("mac", "clear", "sub-000401", "--dry-run")
    assert (tried.code, _known(isp)) == (0, [THIRD])
    said = isp("mac", "clear", "sub-000401", "00-00-5E-00-53-09")
    assert said.out == f"{note}\nWhoever is online stays so: the next login is judged anew.\n"
    assert (_known(isp), len(isp.log()), isp.branches()) == ([], 1, {"main"})
    assert isp("runs").out.count("mac-clear") == 1
    assert isp("mac", "clear", "sub-000401").out == "It is so already; nothing changed.\n"


def test_by_a_request_that_may_never_be_merged_nobody_loses_a_device(isp: Isp, learned: Store) -> None:
    isp.done("mac", "bind", "sub-000401", SPARE_OF_HERS, "--direct")
    done = isp.done("mac", "clear", "sub-000401", "--branch", "proposed")
    again = f"then ispctl mac clear sub-000401/main {THIRD} has the database forget it"
    assert done["status"] == "proposed"
    assert done["notes"][0] == f"{THIRD} was learned by the server: it stays until the request is merged; {again}."
    assert _known(isp) == [THIRD]

    isp.push(LEARNER, isp.text(LEARNER, "proposed"), "Merge it")
    isp.done("mac", "clear", "sub-000401/main", THIRD)
    assert _known(isp) == []


def test_with_the_commit_itself_a_learned_device_is_forgotten_too(isp: Isp, learned: Store) -> None:
    isp.done("mac", "bind", "sub-000401", SPARE_OF_HERS, "--direct")
    isp.done("mac", "clear", "sub-000401", "--direct", "--dry-run")
    assert _known(isp) == [THIRD]
    done = isp.done("mac", "clear", "sub-000401", "--direct")
    assert (done["status"], _known(isp)) == ("committed", [])


@pytest.mark.parametrize("beside", [True, False])
def test_what_was_committed_is_not_called_refused_since_a_device_could_not_be_forgotten(
    isp: Isp, learned: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    """Whoever sent the payment with it would send it once more."""

    def gone(*_: object) -> None:
        raise Refusal(Problem("E302", "the database cannot be written"))

    monkeypatch.setattr(from_server, "forget", gone)
    paid = f'{{"verb": "pay", "sub": "{SUB}", "amount": "100", "reference": "BANK-1"}}\n' if beside else ""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"verb": "mac-clear", "sub": "sub-000401"}\n' + paid)
    said = isp("batch", rows, "--direct", "--format", "json")
    cleared, *others = said.json["rows"]
    assert (said.code, said.json["status"]) == (1, "committed" if beside else "unchanged"), said.both
    assert (cleared["outcome"], cleared["problems"][0].split()[0]) == ("refused", "E302")
    assert [(row["outcome"], row["problems"]) for row in others] == [("done", [])] * beside
    assert len(isp.log()) == 1 + beside


def test_devices_are_not_forgotten_where_the_database_cannot_be_asked(isp: Isp) -> None:
    said = isp("mac", "clear", "sub-000401", "--direct")
    assert (said.code, "E301 no-database" in said.err) == (1, True)
