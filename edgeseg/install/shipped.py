"""Which of the wheel's files of `systemd/` goes where on the machine.

Nearly all are links through /opt/edgeseg/current, so that one rename changes them with the release that they are of. A
unit is a file nevertheless, with little in it, and the release's own text is linked beside it as a drop-in: systemd
follows a unit that is a link to the release of the moment, and keeps that path in what it enables.
"""

from __future__ import annotations

from collections.abc import Iterable

SETTLE = "edgeseg-settle.service"
CALIBRATE = "edgeseg-calibrate.service"
TEMPLATE = "edgeseg@.service"
DROP_INS = "dropins"  # copied for an instance that wants one
LINKED = "/opt/edgeseg/current/units"
_UNITS = "/etc/systemd/system"
_BY_FOLDER = {
    "": _UNITS,
    "sysusers.d": "/etc/sysusers.d",
    "tmpfiles.d": "/etc/tmpfiles.d",
    "udev": "/etc/udev/rules.d",
    "modprobe.d": "/etc/modprobe.d",
    "modules-load.d": "/etc/modules-load.d",
}
OF_WEBCAM = ("/etc/modprobe.d", "/etc/modules-load.d")  # only where the sink is a virtual webcam


def links(names: Iterable[str], webcam: bool) -> dict[str, str]:
    """What is a link to which of the files; without those for people and for a user's own units.

    webcam: whether the machine is to have a virtual one.
    """
    found = {}
    for name in sorted(names):
        folder, _, base = name.rpartition("/")
        to = _BY_FOLDER.get(folder)
        if to is None or (to in OF_WEBCAM and not webcam) or name == SETTLE:
            continue
        if to != _UNITS:
            found[f"{to}/{base}"] = name
        elif base.endswith(".service"):
            found[f"{to}/{base}.d/00-release.conf"] = name  # first of all drop-ins, whatever their folders
    return found


def units(shipped: dict[str, bytes]) -> dict[str, str]:
    """The text of each unit's file. That of what settles is whole: it must not change with a release on trial."""
    found = {}
    for name, content in sorted(shipped.items()):
        if name.endswith(".service") and "/" not in name:
            text = content.decode()
            install = text[text.index("[Install]") :] if "[Install]" in text else ""
            short = f"# By edgeseg service install; what it does is in {name}.d/00-release.conf, of the release.\n"
            found[f"{_UNITS}/{name}"] = text if name == SETTLE else short + install
    return found
