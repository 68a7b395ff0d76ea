"""The checkout's wheel, other versions of it, and the wheels that it needs on Debian 12."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av

from edgeseg.errors import Unreachable
from tests.lab.roots import PROJECT, cached, requirements

PYTHON = "3.11"  # of Debian 12


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(PROJECT)], check=True, capture_output=True)
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


def wheelhouse() -> Path:
    """All that edgeseg needs there, fetched once. Raises Unreachable if the index does not answer."""
    wanted = requirements()
    with cached("wheelhouse", PYTHON, *wanted) as (folder, complete):
        if not complete:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--dest={folder}"]
            pip += [f"--python-version={PYTHON}"]
            pip += [
                f"--platform=manylinux{tag}_{os.uname().machine}"
                for tag in ("_2_36", "_2_28", "_2_27", "_2_17", "2014")
            ]
            done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(folder)
                folder.mkdir()
                raise Unreachable(f"pip could not fetch wheels: {done.stderr[-300:]}")
    return folder


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
