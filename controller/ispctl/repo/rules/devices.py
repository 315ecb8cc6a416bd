"""NAS that ispctl configures: there is a way to do it, and whoever answers there is known."""

from __future__ import annotations

from collections.abc import Iterator

from ispctl.model.device import Device
from ispctl.model.network import Nas
from ispctl.model.problem import Problem
from ispctl.platforms import nas_platforms, platform
from ispctl.repo.rules.fleet import place
from ispctl.repo.rules.scene import Scene, meant


def rules(scene: Scene) -> Iterator[Problem]:
    if scene.fleet_unread or scene.unread("inventory/defaults.yaml"):
        return
    reached = scene.snapshot.reaches_devices
    mine = [nas for nas in scene.snapshot.nas.values() if nas.device is not None]
    for nas in mine:
        yield from _device(scene, nas, reached=reached)
    if mine and not reached:
        text = f"device: no NAS is reached ({len(mine)} could be): targets.yaml says nothing about nas"
        yield Problem("W700", text, place(scene, mine[0], "device"))
    yield from _waves(scene)


def _device(scene: Scene, nas: Nas, *, reached: bool) -> Iterator[Problem]:
    assert nas.device is not None
    where = place(scene, nas, "device")
    if nas.platform not in nas_platforms():
        text = f"{nas.name} is of platform {nas.platform}, which ispctl does not configure"
        yield Problem("E802", text, where, "docs/nas.md says which it does; or take device out")
    else:
        yield from _idle(scene, nas, nas.device)
    if nas.device.servers and nas.radius is None:
        text = f"{nas.name} should ask RADIUS servers, and has no radius: with a shared secret"
        yield Problem("E803", text, place(scene, nas, "device", "servers"), "Add radius: beside device:")
    if reached and nas.device.host_key is None:
        text = f"device: nobody knows the host key of {nas.name}, so that nothing is sent to it"
        yield Problem("W721", text, where, "Look it up on the device itself, not by the network: host_key: …")


def _idle(scene: Scene, nas: Nas, device: Device) -> Iterator[Problem]:
    """What is asked of a NAS and done on none of its platform."""
    made = platform(nas.platform)
    if device.bindings and not made.binds:
        text = f"bindings: {nas.name} is of platform {nas.platform}, which serves only whom RADIUS lets in"
        yield Problem("W700", text, place(scene, nas, "device", "bindings"))
    bound = device.bindings and made.binds
    for number, one in enumerate(device.serves):
        if one.type not in made.serves and not (bound and one.type == "ipoe"):
            why = f"{nas.platform} is not configured for {one.type}"
            text = f"serves: nothing is opened at {one.interface} of {nas.name}: {why}"
            yield Problem("W700", text, place(scene, nas, "device", "serves", number))


def _waves(scene: Scene) -> Iterator[Problem]:
    document = scene.snapshot.file("policy")
    waves = document.value.nas.waves if document is not None else ()
    for number, wave in enumerate(waves):
        for i, name in enumerate(wave.hosts):
            if not scene.snapshot.inventory.knows(name) and document is not None:
                where = document.where("nas", "waves", number, "hosts", i)
                yield Problem(
                    "E113",
                    f"{name} is neither a host nor a group of hosts",
                    where,
                    meant(name, scene.snapshot.inventory.names, ""),
                )
