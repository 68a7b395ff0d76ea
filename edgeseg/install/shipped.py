"""Which of the wheel's files of `systemd/` goes where on the machine.

Each is a link through /opt/edgeseg/current, so that one rename changes the units with the release that they are of.
"""

from __future__ import annotations

from collections.abc import Iterable

SETTLE = "edgeseg-settle.service"
CALIBRATE = "edgeseg-calibrate.service"
TEMPLATE = "edgeseg@.service"
DROP_INS = "dropins"  # copied for an instance that wants one
LINKED = "/opt/edgeseg/current/units"
_BY_FOLDER = {
    "sysusers.d": "/etc/sysusers.d",
    "tmpfiles.d": "/etc/tmpfiles.d",
    "udev": "/etc/udev/rules.d",
    "rules.d": "/etc/udev/rules.d",
    "modprobe.d": "/etc/modprobe.d",
    "modules-load.d": "/etc/modules-load.d",
}
_BY_ENDING = {
    ".service": "/etc/systemd/system",
    ".timer": "/etc/systemd/system",
    ".target": "/etc/systemd/system",
    ".slice": "/etc/systemd/system",
    ".rules": "/etc/udev/rules.d",
}
OF_WEBCAM = ("/etc/modprobe.d", "/etc/modules-load.d")  # only where the sink is a virtual webcam


def places(names: Iterable[str], webcam: bool) -> dict[str, str]:
    """Where each of the files goes, by its name in `systemd/`; without those for people and for a user's own units.

    webcam: whether the machine is to have a virtual one.
    """
    found = {}
    for name in sorted(names):
        folder, _, base = name.rpartition("/")
        ending = f".{base.rpartition('.')[2]}"
        to = _BY_FOLDER.get(folder.rpartition("/")[2]) if folder else _BY_ENDING.get(ending)
        if to is not None and (webcam or to not in OF_WEBCAM):
            found[name] = f"{to}/{base}"
    return found
