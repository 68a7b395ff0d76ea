"""Userlands of other machines: a Debian root and the packages that edgeseg needs in it. No foreign code runs for them.

    CACHE/roots/debian-HASH/     the root itself, `root`; `facts.json`, what its Python says it is; `packages`, versions
    CACHE/roots/site-HASH/       edgeseg's packages, by wheels
    CACHE/packages/              what pip fetched for them

A folder is known by the hash of what it is made from and gets its name when it is whole, so what was interrupted is
begun again, and nothing else is. The mirror is that of this machine's own apt.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.farm import there, wheels
from deploy.farm.device import DeviceLost, Say
from deploy.farm.folder import lost

KEPT = 8  # of each part
LAYOUT = 1  # a new one when what is made of the same description changes
PLACES = ("farm", "opt/site", "proc", "sys", "dev", "tmp")
TOOLS = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "setpriv": "util-linux"}
QEMU = {"arm64": "qemu-aarch64-static", "armhf": "qemu-arm-static"}
_SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Recipe:
    """arch: as Debian calls it. suite: of Debian. debian: its packages. The others as in `wheels.fetch`."""

    arch: str
    suite: str
    debian: tuple[str, ...]
    requirements: tuple[str, ...]
    without: tuple[str, ...]

    def of_debian(self) -> str:
        """The hash of the Debian root."""
        return _hash([LAYOUT, self.arch, self.suite, sorted(self.debian)])

    def of_site(self) -> str:
        """The hash of the packages in it."""
        return _hash([self.of_debian(), sorted(self.requirements), sorted(self.without)])


@dataclass(frozen=True, slots=True)
class Built:
    """Where the parts of a root are, and what its Python said it is."""

    root: Path
    site: Path
    target: wheels.Target


def missing(arch: str) -> str | None:
    """Why there can be no such root here, as a sentence; None if there can."""
    if os.geteuid() != 0:
        return f"An {arch} root needs mounts of its own, and so the farm to be run as root."
    tools = {**TOOLS, QEMU[arch]: "qemu-user-static"}
    absent = sorted({package for tool, package in tools.items() if not find(tool)})
    return f"An {arch} root needs {', '.join(absent)}: sudo apt install {' '.join(absent)}." if absent else None


def find(tool: str) -> str | None:
    """Where a program of this machine is, the folders of root's programs looked in too."""
    return shutil.which(tool, path=_SYSTEM_PATH)


def built(cache: Path, recipe: Recipe) -> Built | None:
    """The root, if it is whole."""
    debian, site = _folders(cache, recipe)
    if not (debian.is_dir() and site.is_dir()):
        return None
    facts = json.loads((debian / "facts.json").read_text(encoding="utf-8"))
    return Built(debian / "root", site, target_of(facts))


def build(cache: Path, recipe: Recipe, ask: Callable[[Path], str], say: Say) -> Built:
    """Build what of it there is not. ask: runs `there.py facts` in a root. Raises DeviceLost."""
    if reason := missing(recipe.arch):
        raise DeviceLost(reason)
    debian, site = _folders(cache, recipe)
    try:
        with alone(debian) as part:
            if part:
                _debian(part / "root", recipe, say)
                say("asking its Python what it is, by qemu")
                (part / "facts.json").write_text(ask(part / "root"), encoding="utf-8")
        facts = json.loads((debian / "facts.json").read_text(encoding="utf-8"))
        target = target_of(facts)
        with alone(site) as part:
            if part:
                found = wheels.fetch(recipe.requirements, target, recipe.without, cache / "packages", say)
                say(f"unpacking {len(found)} wheels")
                there.unpack(found, part)
                _compile(part, Path("/opt/site"), target)
    except OSError as error:
        raise lost(cache, error) from error
    _forget(cache, (debian, site))
    return Built(debian / "root", site, target)


def _forget(cache: Path, used: Sequence[Path]) -> None:
    """Keep the parts that were used last, and what pip fetched for as many: a part of an older farm file is large."""
    for folder in used:
        os.utime(folder)
    for pattern in ("roots/debian-*", "roots/site-*", "guests/guest-*", "packages/*"):
        alike = [one for one in cache.glob(pattern) if one.is_dir() and one.suffix != ".part"]
        for old in sorted(alike, key=lambda one: one.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def target_of(facts: dict[str, object]) -> wheels.Target:
    """The interpreter of `there.facts`. Raises DeviceLost if no wheels are made for it."""
    python, machine, libc = facts["python"], facts["machine"], facts["libc"]
    assert isinstance(python, list)
    assert isinstance(libc, list)
    glibc = re.match(r"(\d+)\.(\d+)", str(libc[1]))
    if libc[0] != "glibc" or glibc is None:
        raise DeviceLost(f"Its C library is {libc[0]}, and the wheels that edgeseg needs are made for glibc.")
    return wheels.Target((python[0], python[1], python[2]), str(machine), (int(glibc[1]), int(glibc[2])))


def mirror(suite: str) -> str:
    """The Debian mirror that this machine's own apt uses. Raises DeviceLost if it knows none."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)", "Created-By: Packages"]
    try:
        done = subprocess.run([*asked, "Component: main"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DeviceLost("A root is built from Debian's packages, and there is no apt here: use Debian.") from error
    rows = [line.split(" ", 2) for line in done.stdout.splitlines()]
    known = [uri for uri, codename, _ in rows if codename == suite] + [uri for uri, _, of in rows if of == "Debian"]
    if not known:
        raise DeviceLost(f"apt knows no mirror of Debian's {suite}: run apt-get update on a Debian machine.")
    return known[0]


def _debian(root: Path, recipe: Recipe, say: Say) -> None:
    """Packages as they are: none of their scripts runs, so none needs an emulator."""
    say(f"unpacking Debian {recipe.suite} for {recipe.arch}: {', '.join(recipe.debian)}")
    names = root.with_name("packages")
    install = [str(find("mmdebstrap")), "--mode=root", f"--architectures={recipe.arch}", "--variant=extract", "--quiet"]
    install += [f"--include={','.join(recipe.debian)}", "--aptopt=APT::Keep-Downloaded-Packages true"]
    install += [f'--extract-hook=ls "$1"/var/cache/apt/archives/ >"{names}"']
    done = subprocess.run(
        [*install, recipe.suite, str(root), mirror(recipe.suite)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr.strip()]
        raise DeviceLost(f"mmdebstrap could not build a root of Debian {recipe.suite} ({said[0][:300].rstrip('.')}).")
    for place in PLACES:
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / "qemu").touch()
    version = next((path.name for path in (root / "usr/lib").glob("python3.*")), "")
    if version:
        _compile(root / "usr/lib" / version, Path("/usr/lib") / version, None)


def _compile(folder: Path, inside: Path, target: wheels.Target | None) -> None:
    """Let this machine's Python of the same version compile what would be compiled at every start in there."""
    version = f"{target.python[0]}.{target.python[1]}" if target else folder.name.removeprefix("python")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    python = sys.executable if version == here else find(f"python{version}")
    if python:
        command = [python, "-m", "compileall", "-qq", "-j2", "--invalidation-mode=unchecked-hash"]
        subprocess.run([*command, "-s", str(folder), "-p", str(inside), str(folder)], check=False)


def _folders(cache: Path, recipe: Recipe) -> tuple[Path, Path]:
    roots = cache / "roots"
    return roots / f"debian-{recipe.of_debian()}", roots / f"site-{recipe.of_site()}"


@contextmanager
def alone(folder: Path) -> Iterator[Path | None]:
    """A folder to make it in, None if it is there; one process at a time. It gets its name at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            yield None
            return
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        yield part
        part.rename(folder)


def _hash(about: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]
