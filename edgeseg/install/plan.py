"""What will be done for a wish, in order. Pure."""

from __future__ import annotations

import json

from edgeseg.config.secrets import is_secret
from edgeseg.install import shipped, steps
from edgeseg.install.machine import Machine
from edgeseg.install.shipped import CALIBRATE, DROP_INS, LINKED, SETTLE
from edgeseg.install.steps import Step
from edgeseg.install.wheel import Wheel
from edgeseg.install.where import instance_unit
from edgeseg.install.wish import Wish


def plan(wish: Wish, machine: Machine, wheel: Wheel) -> list[Step]:
    """The steps; those that are done already are among them."""
    unit = instance_unit(wish.instance)
    secret = any(map(is_secret, (wish.camera, wish.sink, wish.background)))
    webcam = wish.sink.startswith("v4l2:")
    files = of_release(wheel, webcam)
    users = [one.path for one in files if one.path.startswith("/etc/sysusers.d/")]
    made: list[Step] = [
        steps.MakeRelease(wheel, wish.wheelhouse, with_os_packages(wish, machine)),
        steps.MakeCurrent(wheel.version),
        steps.Link("/usr/local/bin/edgeseg", "/opt/edgeseg/current/bin/edgeseg"),
        *files,
        *(steps.MakeUser(conf) for conf in users),
        steps.MakeState(),
        steps.WriteFile(
            f"/etc/edgeseg/{wish.instance}.yaml", config_text(wish), only_new=True, is_state=True, is_secret=secret
        ),
    ]
    for name, text in drop_ins(wish, machine, wheel).items():
        made.append(steps.WriteFile(f"/etc/systemd/system/{unit}.d/{name}", text, stops=unit))
    made += [steps.Devices("v4l2loopback" if webcam else None), steps.LoadUnits(unit)]
    if SETTLE in wheel.units:
        made.append(steps.Enable(SETTLE))
    if wish.calibrate and CALIBRATE in wheel.units:
        made.append(steps.Calibrate())
    made += [steps.SelfCheck(wheel.version), steps.Memory(unit, wheel.version)]
    return [*made, steps.Enable(unit), steps.Start(unit, wish.wait_s)]


def of_release(wheel: Wheel, webcam: bool) -> list[steps.Link | steps.WriteFile]:
    """What a release has outside of its folder. webcam: whether the machine is to have a virtual one."""
    units = [steps.WriteFile(path, text) for path, text in shipped.units(wheel.units).items()]
    return [
        *units,
        *(steps.Link(path, f"{LINKED}/{name}") for path, name in shipped.links(wheel.units, webcam).items()),
    ]


def with_os_packages(wish: Wish, machine: Machine) -> bool:
    """Whether the release uses the system's Python packages: picamera2 and libcamera come from nowhere else."""
    if wish.os_packages is not None:
        return wish.os_packages
    return wish.camera.startswith("picamera2") or (wish.camera == "auto" and machine.has_picamera2)


def config_text(wish: Wish) -> str:
    """The instance's config file; JSON's strings are YAML's."""
    keys = {"source": wish.camera, "background": wish.background, "sink": wish.sink}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in keys.items()]
    unit = instance_unit(wish.instance)
    head = [
        f"# What the service {unit} does, written by edgeseg service install.",
        f"# Change it, then: edgeseg config check && sudo systemctl reload {unit}",
    ]
    return "\n".join([*head, *lines, ""])


def drop_ins(wish: Wish, machine: Machine, wheel: Wheel) -> dict[str, str]:
    """The text of each file of `systemd/dropins/` that this instance wants, by its name."""
    wanted = []
    if wish.network:
        wanted.append("network.conf")
    if machine.has_coral_usb:
        wanted.append("coral-usb.conf")
    if machine.is_jetson:
        wanted.append("jetson.conf")
    return {name: wheel.units[f"{DROP_INS}/{name}"].decode() for name in wanted if f"{DROP_INS}/{name}" in wheel.units}
