"""Boards that qemu emulates whole: what such a machine boots from. Its kernel, devices and drivers are Debian's.

    CACHE/roots/...             Debian's root and edgeseg's packages, as for the kind `root` (`roots.py`)
    CACHE/guests/guest-HASH/    initrd; keys and their .pub; tree: what its card holds but for a device's files

No foreign code runs for it but what asks the root's Python what it is. The files of `tree` are those of the root, by
hard links: none is written to, they are replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from deploy.farm import roots
from deploy.farm.device import DeviceLost, Say
from deploy.farm.folder import lost
from deploy.farm.wheels import Target

LAYOUT = 1  # a new one when what is made of the same description changes
DEBIAN = ("linux-image-arm64", "openssh-server", "openssh-sftp-server", "busybox-static")
TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "mkfs.ext4": "e2fsprogs",
    "cpio": "cpio",
    "depmod": "kmod",
}
SITE, FOLDER = "/opt/site", "/farm"
_CARD = "2G"  # sparse; the board wants a power of two
_LEFT_OUT = ("boot", "lib/modules", "usr/share/doc", "usr/share/locale", "usr/share/man", "farm", "qemu")
_SCRIPTS = Path(__file__).parent / "guest"


@dataclass(frozen=True, slots=True)
class Machine:
    """cpu: whose root it is, as qemu calls it. dtb: of Debian's kernel. modules: what it needs to reach its card."""

    cpu: str
    board: str
    dtb: str
    modules: tuple[str, ...]


_BCM2837 = "bcm2835-rng bcm2835 phy-generic dwc2 rndis_host cdc_ether bcm2835_thermal bcm2835_wdt crc32c_generic ext4"
MACHINES = {"raspi3b": Machine("cortex-a53", "raspberry-pi-3", "bcm2837-rpi-3-b.dtb", tuple(_BCM2837.split()))}


@dataclass(frozen=True, slots=True)
class Built:
    """What a guest boots from; target: the interpreter in it."""

    kernel: Path
    dtb: Path
    folder: Path
    target: Target


def missing() -> str | None:
    """Why there can be no guest here, as a sentence; None if there can."""
    if reason := roots.missing("arm64"):
        return reason
    absent = sorted({package for tool, package in TOOLS.items() if not roots.find(tool)})
    return f"An emulated board needs {', '.join(absent)}: sudo apt install {' '.join(absent)}." if absent else None


def built(cache: Path, recipe: roots.Recipe, machine: str) -> Built | None:
    """The guest, if it is whole."""
    root, folder = roots.built(cache, recipe), _folder(cache, recipe, machine)
    return _found(root, folder, MACHINES[machine]) if root is not None and folder.is_dir() else None


def build(cache: Path, recipe: roots.Recipe, machine: str, ask: Callable[[Path], str], say: Say) -> Built:
    """Build what of it there is not; `ask` as in `roots.build`. Raises DeviceLost."""
    if reason := missing():
        raise DeviceLost(reason)
    root = roots.build(cache, recipe, ask, say)
    folder, board = _folder(cache, recipe, machine), MACHINES[machine]
    try:
        with roots.alone(folder) as part:
            if part:
                say(f"making what {machine} boots from")
                _initrd(root.root, part / "initrd", board.modules)
                keys = [_key(part / name) for name in ("key", "host_key")]
                _tree(root, part / "tree", part / "host_key", keys[0])
    except OSError as error:
        raise lost(cache, error) from error
    os.utime(folder)  # it is forgotten when it was long not used, as its root is
    return _found(root, folder, board)


def card(built: Built, files: Path, inside: str, to: Path) -> None:
    """The guest's SD card: its system, and a folder of this machine in it as `inside`. Raises DeviceLost."""
    stage = to.with_name(f"{to.name}.stage")
    shutil.rmtree(stage, ignore_errors=True)
    try:
        _run(["cp", "-al", str(built.folder / "tree"), str(stage)])
        target = stage / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        _run(["cp", "-al", str(files), str(target)])
        to.unlink(missing_ok=True)
        _run([str(roots.find("mkfs.ext4")), "-q", "-E", "root_owner=0:0", "-d", str(stage), str(to), _CARD])
    except OSError as error:
        raise lost(to, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _initrd(root: Path, to: Path, modules: Sequence[str]) -> None:
    """A first root with busybox and the modules; its kernel's version is that of the one kernel in the root."""
    version = next((root / "lib" / "modules").iterdir()).name
    _run([str(roots.find("depmod")), "-b", str(root), version])
    inside = to.with_name("first")
    known = _dependencies(root / "lib" / "modules" / version / "modules.dep")
    for name in sorted({file for module in modules for file in known[module.replace("-", "_")]}):
        place = inside / "lib" / "modules" / version / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / "lib" / "modules" / version / name, place)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(root / "lib" / "modules" / version / name, inside / "lib" / "modules" / version / name)
    _run([str(roots.find("depmod")), "-b", str(inside), version])
    for folder in ("bin", "sbin", "proc", "sys", "dev", "new"):
        (inside / folder).mkdir()
    shutil.copy(root / "bin" / "busybox", inside / "bin" / "busybox")
    (inside / "bin" / "sh").symlink_to("busybox")
    (inside / "sbin" / "modprobe").symlink_to("../bin/busybox")  # the kernel asks for it by itself, too
    (inside / "modules").write_text("\n".join(modules) + "\n", encoding="ascii")
    shutil.copy(_SCRIPTS / "first_init.sh", inside / "init")
    (inside / "init").chmod(0o755)
    _run(["sh", "-c", f"find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >'{to.absolute()}'"], cwd=inside)
    shutil.rmtree(inside)


def _dependencies(file: Path) -> dict[str, list[str]]:
    """Of each module, by its name: its file and those that it needs."""
    found = {}
    for line in file.read_text(encoding="ascii").splitlines():
        own, _, needed = line.partition(":")
        found[Path(own).name.partition(".")[0].replace("-", "_")] = [own, *needed.split()]
    return found


def _tree(root: roots.Built, tree: Path, host_key: Path, public: str) -> None:
    """The root with its packages, an sshd and its first program; nobody may come in but by the key."""
    _run(["cp", "-al", str(root.root), str(tree)])
    for name in _LEFT_OUT:
        shutil.rmtree(tree / name, ignore_errors=True)
    for old in (tree / "usr" / "lib").glob("linux-image-*"):
        shutil.rmtree(old)
    (tree / "opt" / "site").rmdir()
    _run(["cp", "-al", str(root.site), str(tree / "opt" / "site")])
    for folder in ("run", "root", "etc/ssh"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    if not (tree / "bin" / "sh").exists():
        (tree / "bin" / "sh").symlink_to("busybox")
    texts = {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:74:65534::/run/sshd:/bin/false\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "etc/ssh/farm_keys": public,
        "etc/ssh/farm_host_key": host_key.read_text(encoding="ascii"),
        "etc/ssh/farm_config": (_SCRIPTS / "sshd_config").read_text(encoding="ascii"),
        "sbin/farm-init": (_SCRIPTS / "init.sh").read_text(encoding="ascii"),
    }
    for name, text in texts.items():
        (tree / name).unlink(missing_ok=True)  # the root's own file stays as it is
        (tree / name).write_text(text, encoding="ascii")
    (tree / "etc/ssh/farm_host_key").chmod(0o600)
    (tree / "sbin/farm-init").chmod(0o755)


def _key(path: Path) -> str:
    """A new key pair; the public one, as a line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    key.write_private_key(str(path))
    key.write_public_key(f"{path}.pub")
    return Path(f"{path}.pub").read_text(encoding="ascii")


def _found(root: roots.Built, folder: Path, machine: Machine) -> Built:
    kernel = next((root.root / "boot").glob("vmlinuz-*"))
    dtb = next((root.root / "usr" / "lib").glob(f"linux-image-*/broadcom/{machine.dtb}"))
    return Built(kernel, dtb, folder, root.target)


def _folder(cache: Path, recipe: roots.Recipe, machine: str) -> Path:
    scripts = [file.read_text(encoding="ascii") for file in sorted(_SCRIPTS.iterdir())]
    about = json.dumps([LAYOUT, recipe.of_site(), machine, MACHINES[machine].modules, scripts])
    return cache / "guests" / f"guest-{hashlib.sha256(about.encode()).hexdigest()[:12]}"


def _run(argv: Sequence[str], cwd: Path | None = None) -> None:
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise DeviceLost(f"{Path(argv[0]).name} could not make what the guest boots from: {said[:300].rstrip('.')}.")
