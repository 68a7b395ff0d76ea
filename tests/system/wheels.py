"""The checkout's wheel, other versions of it, and the wheels that it needs on a Debian."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av

from deploy.farm.wheels import Target, fetch, requires
from edgeseg.install.tools import PAGE_EXTRAS
from tests.lab.roots import PROJECT, cache


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout, the same bytes as long as nothing is changed."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    as_of = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([*pip, "--wheel-dir", str(folder), str(PROJECT)], check=True, capture_output=True, env=as_of)
    (made,) = folder.glob("*.whl")
    return made


def other_version(wheel: Path, version: str, change: Mapping[str, Callable[[bytes], bytes]] | None = None) -> Path:
    """The same wheel under another version, with members changed; its RECORD says so, for it is a proper wheel."""
    old = wheel.name.split("-")[1]
    made = wheel.with_name(wheel.name.replace(f"-{old}-", f"-{version}-"))
    about = f"edgeseg-{old}.dist-info"
    rows = []
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "edgeseg/__init__.py":
                data = data.replace(f'__version__ = "{old}"'.encode(), f'__version__ = "{version}"'.encode())
            elif name == f"{about}/METADATA":
                data = data.replace(f"Version: {old}\n".encode(), f"Version: {version}\n".encode(), 1)
            data = (change or {}).get(name, bytes)(data)
            name = name.replace(about, f"edgeseg-{version}.dist-info")
            if name.endswith("/RECORD"):
                record = name
                continue
            target.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append([name, f"sha256={digest}", str(len(data))])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*rows, [record, "", ""]])
        target.writestr(record, text.getvalue())
    return made


def wheelhouse(wheel: Path, root: Path, held: bool = False) -> Path:
    """All that the wheel and its page need on a Debian of the lab, fetched once as `python -m deploy install` does it.

    held: to the numpy of that Debian. Raises Unreachable if the index does not answer.
    """
    own = {"numpy": _said(root, "import numpy; print(numpy.__version__)")} if held else {}
    return fetch(requires(wheel), _target(root), (), cache() / "wheelhouses", lambda line: None, own, PAGE_EXTRAS)[
        0
    ].parent


def one(requirement: str, root: Path) -> Path:
    """The wheel for a Debian of the lab of what needs numpy alone, which stays there."""
    (made,) = fetch([requirement], _target(root), ("numpy",), cache() / "wheelhouses", lambda line: None)
    return made


def _target(root: Path) -> Target:
    code = "import os, sys; print(*sys.version_info[:3], *os.confstr('CS_GNU_LIBC_VERSION').split()[1].split('.')[:2])"
    major, minor, patch, *glibc = map(int, _said(root, code).split())
    return Target((major, minor, patch), os.uname().machine, (glibc[0], glibc[1]))


def _said(root: Path, code: str) -> str:
    python = ["chroot", root, "python3", "-c", code]
    return subprocess.run(python, check=True, capture_output=True, text=True).stdout.strip()


def looped(clip: Path, path: Path, times: int) -> Path:
    """The clip again and again, its packets copied."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        step = Fraction(1, 1) / (video.average_rate * video.time_base)
        stream = target.add_stream_from_template(video)
        for turn in range(times):
            for packet in packets:
                packet.stream = stream
                shift = round(turn * len(packets) * step) - (round((turn - 1) * len(packets) * step) if turn else 0)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.time_base = video.time_base
                target.mux(packet)
    return path
