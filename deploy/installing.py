"""edgeseg brought to hosts and installed there as a service; hosts side by side, each with an end of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from deploy.farm.wheels import Target, fetch, requires
from deploy.transport import Said, Transport
from edgeseg.errors import EdgesegError, NotPermitted, OutputError, Unreachable, UsageError
from edgeseg.install.tools import PAGE_EXTRAS
from edgeseg.install.wheel import Wheel

Told = Callable[[str, str], None]
"""Told a host's name and what goes on there."""

_FOLDER = ".cache/edgeseg-deploy"
_FACTS = """
import hashlib, importlib.metadata, json, os, platform, sys
kept, folder = {}, sys.argv[1]
for name in os.listdir(folder) if os.path.isdir(folder) else ():
    with open(os.path.join(folder, name), "rb") as file:
        kept[name] = hashlib.sha256(file.read()).hexdigest()
current, os_packages = "/opt/edgeseg/current", "/usr/lib/python3/dist-packages"
release = os.path.basename(os.readlink(current)) if os.path.islink(current) else None
lent = None
if release:
    with open("/opt/edgeseg/releases/" + release + ".json") as seal:
        lent = json.load(seal)["os_packages"]
print(json.dumps({
    "python": sys.version_info[:3],
    "machine": platform.machine(),
    "libc": os.confstr("CS_GNU_LIBC_VERSION") or "",
    "root": os.geteuid() == 0,
    "release": release,
    "lent": lent,
    "picamera2": os.path.isdir(os_packages + "/picamera2"),
    "numpy": next((d.version for d in importlib.metadata.distributions(name="numpy", path=[os_packages])), None),
    "kept": kept,
}))
"""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a host. result: installed, upgraded, nothing to do, would do, or failed; reason: for people."""

    host: str
    result: str
    reason: str = ""
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """wheelhouse: where to collect wheels for hosts without a network; None: pip there fetches them itself.

    camera, options: of `edgeseg service install`, of which options are all. watch_s: of `edgeseg service upgrade`.
    """

    wheel: Wheel
    wheelhouse: Path | None
    options: tuple[str, ...]
    watch_s: float = 60.0
    dry_run: bool = False
    camera: str = "auto"


def bring(order: Order, hosts: Sequence[Transport], told: Told) -> list[Brought]:
    """Install on all of them, in the order given; nothing is raised for a host that failed."""
    lock = Lock()

    def one(host: Transport) -> Brought:
        try:
            return _bring(order, host, lambda line: told(host.name, line), lock)
        except EdgesegError as error:
            told(host.name, str(error))
            return Brought(host.name, "failed", str(error))

    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, max(1, len(hosts)))) as pool:
        return list(pool.map(one, hosts))


def _bring(order: Order, host: Transport, told: Callable[[str], None], lock: Lock) -> Brought:
    told("looking at it")
    facts = _facts(host)
    files = [order.wheel.path]
    if order.wheelhouse is not None:
        with lock:  # hosts of one kind need the same wheels
            told("collecting wheels for it")
            wanted, target = requires(order.wheel.path), _target(host, facts)
            files += fetch(wanted, target, (), order.wheelhouse, told, _held(order, facts), PAGE_EXTRAS)
    kept = facts.get("kept")
    _send(host, files, kept if isinstance(kept, dict) else {}, told)
    return _install(order, host, facts, told)


def _send(host: Transport, files: Sequence[Path], kept: dict[str, str], told: Callable[[str], None]) -> None:
    """Have these files and no others in the folder there, of which `kept` has the sha256 of each."""
    new = [file for file in files if kept.get(file.name) != hashlib.sha256(file.read_bytes()).hexdigest()]
    old = sorted(kept.keys() - {file.name for file in files})
    if old:
        _must(host, host.run(["rm", "-f", *(f"{_FOLDER}/{name}" for name in old)], _quiet))
    if new:
        size = sum(file.stat().st_size for file in new) / 1e6
        told(f"sending {len(new)} of {len(files)} wheels, {size:.0f} MB; it has the others")
        _must(host, host.run(["mkdir", "-p", _FOLDER], _quiet))
        _must(host, host.send(new, _FOLDER))


def _install(order: Order, host: Transport, facts: dict[str, object], told: Callable[[str], None]) -> Brought:
    wheel = f"{_FOLDER}/{order.wheel.path.name}"
    wheels = ["--wheelhouse", _FOLDER] if order.wheelhouse is not None else []
    release = facts.get("release")
    is_upgrade = release is not None and release != order.wheel.version
    if is_upgrade and order.dry_run:
        return Brought(host.name, "would do", f"upgrade {release} to {order.wheel.version}", str(release))
    if is_upgrade:
        watch = ["--watch", f"{order.watch_s:g}"]
        argv = ["/opt/edgeseg/current/bin/edgeseg", "service", "upgrade", wheel, *wheels, *watch]
    else:
        argv = ["env", f"PYTHONPATH={wheel}", "PYTHONDONTWRITEBYTECODE=1", "python3", "-m", "edgeseg.install"]
        argv += [*order.options, "--wheel", wheel, *wheels, *(["--dry-run"] if order.dry_run else [])]
    said = host.run(argv if facts.get("root") else ["sudo", "-n", *argv], told)
    if said.code and "sudo:" in said.stderr and "password" in said.stderr:
        raise NotPermitted("sudo asks for a password there: use root@HOST, or let that user run sudo without one.")
    if said.code:
        reason = (is_upgrade and said.stdout.strip()) or _reason(said)  # what came of an upgrade is its output
        return Brought(host.name, "failed", reason, str(release) if release else None)
    _must(host, said)
    if order.dry_run:
        return Brought(host.name, "would do", said.stdout.strip(), str(release) if release else None)
    result = "upgraded" if is_upgrade else "nothing to do" if "nothing to do" in said.stdout else "installed"
    return Brought(host.name, result, "", order.wheel.version)


def _facts(host: Transport) -> dict[str, object]:
    said = host.run(["python3", "-", _FOLDER], _quiet, _FACTS)
    if said.code == 127:
        raise UsageError("There is no python3 there: sudo apt install python3 python3-venv.")
    _must(host, said)
    try:
        found = json.loads(said.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OutputError(f"It did not say what it is, but {said.stdout[:100]!r}: does its shell print something?")
    return found


def _held(order: Order, facts: dict[str, object]) -> dict[str, str]:
    """What stays as it is there: where the system's packages are lent, numpy, for which others of them are built."""
    is_lent = facts.get("lent")
    if is_lent is None:
        is_lent = order.camera.startswith("picamera2") or (order.camera == "auto" and facts.get("picamera2"))
    numpy = facts.get("numpy")
    return {"numpy": numpy} if is_lent and isinstance(numpy, str) else {}


def _target(host: Transport, facts: dict[str, object]) -> Target:
    name, _, version = str(facts["libc"]).partition(" ")
    python = facts["python"]
    if name != "glibc" or not isinstance(python, list):
        raise UsageError(f"{host.name} has no glibc, for which alone wheels are made.")
    major, minor = (int(part) for part in version.split(".")[:2])
    return Target((python[0], python[1], python[2]), str(facts["machine"]), (major, minor))


def _must(host: Transport, said: Said) -> None:
    if said.code is None:
        raise Unreachable(f"{host.name} cannot be reached by ssh: {_reason(said)}")
    if said.code:
        raise OutputError(f"{host.name}: {_reason(said)}")


def _reason(said: Said) -> str:
    lines = [line.strip() for line in (said.stderr.splitlines() or said.stdout.splitlines()) if line.strip()]
    last = (said.stdout.strip() or "") if not lines else lines[-1]
    return last.removeprefix("edgeseg: ")[:400] or f"exit code {said.code}"


def _quiet(line: str) -> None:
    pass
